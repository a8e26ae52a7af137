"""What the system wrote down, to read: mails and the audit log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flask import url_for
from markupsafe import Markup
from sqlalchemy import ColumnElement, or_, select

from app.extensions import db
from app.models import AuditEntry, OutboxMessage, User
from app.models.user import full_name
from app.views.admin import cells
from app.views.admin.base import ListFilter, ReadingInterface, ServiceModelView

STATES = {"pending": "Waiting", "sending": "Being sent", "sent": "Sent", "failed": "Failed"}
TONES = {"pending": "warn", "sending": "warn", "sent": "good", "failed": "bad"}
OBJECTS = {
    "booking": "BookingView",
    "event": "EventView",
    "event_session": "EventSessionView",
    "event_type": "EventTypeView",
    "expert": "ExpertView",
    "room": "RoomView",
    "user": "UserView",
}
SUMMARY = 80


class OutboxView(ServiceModelView):
    """`/backoffice/outbox/`: mails, without what stands in them."""

    datamodel = ReadingInterface(OutboxMessage)
    route_base = "/backoffice/outbox"
    noun, plural, icon = "mail", "Outbox", "mail"
    empty = "Mails appear here as soon as somebody books."
    include_route_methods = {"list", "show"}

    list_columns = ["recipient", "mail", "state", "written", "sent", "attempts"]
    show_columns = [
        "recipient",
        "mail",
        "state",
        "written",
        "next_try",
        "sent",
        "attempts",
        "last_error",
        "booking",
    ]
    search_columns = ["recipient", "template", "last_error"]
    order_columns = ["recipient", "state", "created_at", "sent_at", "attempts"]
    label_columns = {"created_at": "Written", "sent_at": "Sent", "last_error": "Last error"}
    base_order = ("id", "desc")
    order_of = {"written": "created_at", "sent": "sent_at"}
    number_columns = frozenset({"attempts"})
    list_filters = (
        ListFilter("state", "State", STATES.items, lambda value: OutboxMessage.state == value),
    )

    def name_of(self, item: OutboxMessage) -> str:
        return f"Mail to {item.recipient}"

    def cell_mail(self, item: OutboxMessage) -> str:
        return item.template.replace("_", " ").capitalize()

    def cell_state(self, item: OutboxMessage) -> Markup:
        return cells.badge(STATES[item.state], TONES[item.state])

    def cell_written(self, item: OutboxMessage) -> Any:
        return cells.moment(item.created_at, self.zone())

    def cell_sent(self, item: OutboxMessage) -> Any:
        return cells.moment(item.sent_at, self.zone())

    def cell_next_try(self, item: OutboxMessage) -> Any:
        return cells.moment(item.next_attempt_at, self.zone()) if item.state == "pending" else ""

    def cell_booking(self, item: OutboxMessage) -> Any:
        if item.booking_id is None:
            return ""
        return cells.link("The booking", url_for("BookingView.show", pk=item.booking_id))


class AuditView(ServiceModelView):
    """`/backoffice/audit/`: who did what, to read only."""

    datamodel = ReadingInterface(AuditEntry)
    route_base = "/backoffice/audit"
    noun, plural, icon = "entry", "Audit log", "history"
    empty = "Everything that is changed is written down here."
    include_route_methods = {"list", "show"}

    list_columns = ["when", "who", "what", "object", "summary"]
    show_columns = ["when", "who", "what", "object", "details"]
    search_columns = ["action", "object_kind", "object_id"]
    order_columns = ["at", "action", "object_kind"]
    label_columns = {"at": "When", "action": "What", "object_kind": "Object", "object": "On what"}
    base_order = ("id", "desc")
    order_of = {"when": "at", "what": "action", "object": "object_kind"}
    list_filters = (
        ListFilter(
            "kind",
            "On what",
            lambda: [(kind, _words(kind)) for kind in OBJECTS],
            lambda value: AuditEntry.object_kind == value,
        ),
    )

    def name_of(self, item: AuditEntry) -> str:
        return f"{_words(item.action)}: {item.object_kind.replace('_', ' ')} {item.object_id}"

    def matching(self, words: str) -> ColumnElement[bool]:
        actors = select(User.id).where(
            or_(
                User.email.icontains(words, autoescape=True),
                (User.first_name + " " + User.last_name).icontains(words, autoescape=True),
            )
        )
        return or_(super().matching(words), AuditEntry.actor_id.in_(actors))

    def annotate(self, rows: Sequence[AuditEntry]) -> None:
        users = db.session.execute(
            select(User.id, User.first_name, User.last_name).where(
                User.id.in_({row.actor_id for row in rows} - {None})
            )
        )
        names = {user.id: full_name(user.first_name, user.last_name) for user in users}
        for row in rows:
            row.actor_name = names.get(row.actor_id, "")

    def cell_when(self, item: AuditEntry) -> Any:
        return cells.moment(item.at, self.zone())

    def cell_who(self, item: Any) -> Any:
        if item.actor_id is None:
            return "A guest or a command"
        if not item.actor_name:
            return f"User {item.actor_id}, deleted since"
        return cells.link(item.actor_name, url_for("UserView.show", pk=item.actor_id))

    def cell_what(self, item: AuditEntry) -> str:
        return _words(item.action)

    def cell_object(self, item: AuditEntry) -> Any:
        text = f"{_words(item.object_kind)} {item.object_id[:8]}"
        view = OBJECTS.get(item.object_kind)
        if view is None or not item.object_id.isdecimal():
            return text
        return cells.link(text, url_for(f"{view}.show", pk=int(item.object_id)))

    def cell_summary(self, item: AuditEntry) -> str:
        text = "; ".join(f"{_words(name)}: {_plain(value)}" for name, value in item.changes.items())
        return text if len(text) <= SUMMARY else text[: SUMMARY - 1] + "…"

    def cell_details(self, item: AuditEntry) -> Markup:
        return cells.lines(
            [f"{_words(name)}: {_plain(value)}" for name, value in item.changes.items()]
        )


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
