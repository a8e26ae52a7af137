"""The audit log in the back-office: to read, narrow down and follow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext, lazy_gettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, and_, or_, select

from app.extensions import db
from app.models import AuditEntry, Booking, User
from app.models.audit import API, BACK_OFFICE, CLI, PAGE, SOCKET, TIMER
from app.models.user import full_name
from app.views.admin import audit_words, cells, days
from app.views.admin.base import (
    LinkFilter,
    ListFilter,
    ReadingInterface,
    ServiceModelView,
)
from app.views.admin.days import DayFilter
from app.views.admin.forms import name_of_user
from app.views.admin.wording import Words

VIEWS = {
    "attendee": "AttendeeView",
    "booking": "BookingView",
    "event": "EventView",
    "event_session": "EventSessionView",
    "event_type": "EventTypeView",
    "expert": "ExpertView",
    "mail": "OutboxView",
    "room": "RoomView",
    "user": "UserView",
}
DOORS = {
    PAGE: lazy_gettext("Page"),
    BACK_OFFICE: lazy_gettext("Back-office"),
    API: "API",
    SOCKET: lazy_gettext("Socket"),
    CLI: lazy_gettext("Command line"),
    TIMER: lazy_gettext("Timer"),
}
NOBODY = {CLI: lazy_gettext("The command line"), TIMER: lazy_gettext("The system")}
SUMMARY = 80
_OBJECT = re.compile(r"([a-z_]{1,32}):([\w.-]{1,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObjectFilter:
    """One object, as `room:7`: its history."""

    name: str
    label: Words
    is_offered = False

    def options(self) -> Iterable[tuple[str, str]]:
        """None to choose from."""
        return ()

    def text_of(self, value: str, options: Iterable[tuple[str, str]]) -> str | None:
        """The object in words; it may be long gone."""
        match = _OBJECT.fullmatch(value)
        return match and f"{audit_words.kind(match[1])} {match[2][:8]}"

    def where(self, value: str) -> ColumnElement[bool]:
        """The entries about it."""
        kind, _, key = value.partition(":")
        return and_(AuditEntry.object_kind == kind, AuditEntry.object_id == key)


def _named(column: Any, words: Callable[[str], str]) -> Callable[[], list[tuple[str, str]]]:
    """What there is of a column, to choose from."""
    return lambda: [
        (name, words(name))
        for name in db.session.scalars(select(column).distinct().order_by(column))
    ]


class AuditView(ServiceModelView):
    """`/backoffice/audit/`: who did what, to read only."""

    datamodel = ReadingInterface(AuditEntry)
    route_base = "/backoffice/audit"
    plural, icon = lazy_gettext("Audit log"), "history"
    empty = lazy_gettext("Everything that is changed is written down here.")
    include_route_methods = {"list", "show"}

    list_columns = ["when", "who", "what", "object", "summary", "origin"]
    show_columns = ["when", "who", "what", "object", "origin", "details"]
    search_columns = ["action", "object_kind", "object_id", "address"]
    order_columns = ["at", "action", "object_kind"]
    label_columns = {
        "object": lazy_gettext("On what"),
        "origin": lazy_gettext("From where"),
        "summary": lazy_gettext("Change"),
        "details": lazy_gettext("Before and after"),
    }
    base_order = ("id", "desc")
    order_of = {"when": "at", "what": "action", "object": "object_kind"}
    list_filters = (
        ListFilter(
            "action",
            lazy_gettext("What"),
            _named(AuditEntry.action, audit_words.action),
            lambda value: AuditEntry.action == value,
        ),
        ListFilter(
            "kind",
            lazy_gettext("On what"),
            _named(AuditEntry.object_kind, audit_words.kind),
            lambda value: AuditEntry.object_kind == value,
        ),
        ListFilter(
            "door", lazy_gettext("From where"), DOORS.items, lambda value: AuditEntry.door == value
        ),
        DayFilter("since", lazy_gettext("From"), lambda value: AuditEntry.at >= days.begins(value)),
        DayFilter("until", lazy_gettext("To"), lambda value: AuditEntry.at < days.ends(value)),
        LinkFilter(
            "who",
            lazy_gettext("Who"),
            name_of_user,
            lambda value: AuditEntry.actor_id == int(value),
        ),
        ObjectFilter("object", lazy_gettext("History of")),
    )

    def name_of(self, item: AuditEntry) -> str:
        about = f"{audit_words.kind(item.object_kind)} {item.object_id}"
        return f"{audit_words.action(item.action)}: {about}"

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
        uids = {row.object_id for row in rows if row.object_kind == "booking"}
        found = db.session.execute(select(Booking.uid, Booking.id).where(Booking.uid.in_(uids)))
        keys = {booking.uid: booking.id for booking in (found if uids else ())}
        for row in rows:
            row.actor_name = names.get(row.actor_id, "")
            row.object_key = keys.get(row.object_id)
            if row.object_kind != "booking" and row.object_id.isdecimal():
                row.object_key = int(row.object_id)

    def cell_when(self, item: AuditEntry) -> Any:
        return cells.moment(item.at, self.zone())

    def cell_who(self, item: Any) -> Any:
        if not item.actor_id:  # none, or the command line's
            return str(NOBODY.get(item.door) or gettext("A guest"))
        if not item.actor_name:
            return gettext("User %(number)s, deleted since", number=item.actor_id)
        return cells.link(item.actor_name, url_for("UserView.show", pk=item.actor_id))

    def cell_what(self, item: AuditEntry) -> str:
        return audit_words.action(item.action)

    def cell_object(self, item: Any) -> Any:
        text = f"{audit_words.kind(item.object_kind)} {item.object_id[:8]}"
        view = VIEWS.get(item.object_kind)
        if view is None or item.object_key is None or item.action == "delete":
            return text
        return cells.link(text, url_for(f"{view}.show", pk=item.object_key))

    def cell_origin(self, item: AuditEntry) -> str:
        door = str(DOORS.get(item.door, item.door))
        return f"{door}, {item.address}" if item.address else door

    def cell_summary(self, item: AuditEntry) -> str:
        text = "; ".join(
            f"{audit_words.field(name)}: {new if old is None else f'{old} → {new}'}"
            for name, old, new in _changes(item)
        )
        return text if len(text) <= SUMMARY else text[: SUMMARY - 1] + "…"

    def cell_details(self, item: AuditEntry) -> Markup:
        rows = Markup("").join(
            Markup('<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>').format(
                audit_words.field(name), old or "", new
            )
            for name, old, new in _changes(item)
        )
        if not rows:
            return Markup("")
        return Markup(
            '<div class="office-table__scroll" tabindex="0" role="region" aria-label="{}">'
            '<table class="table table--plain"><thead><tr><th scope="col">{}</th>'
            '<th scope="col">{}</th><th scope="col">{}</th></tr></thead><tbody>{}</tbody></table></div>'
        ).format(
            gettext("Before and after"), gettext("What"), gettext("Before"), gettext("After"), rows
        )

    def links(self, item: AuditEntry) -> list[tuple[str, str]]:
        about = f"{item.object_kind}:{item.object_id}"
        found = []
        if _OBJECT.fullmatch(about):
            found.append((gettext("All about this"), url_for("AuditView.list", object=about)))
        if item.actor_id:
            found.append((gettext("All they did"), url_for("AuditView.list", who=item.actor_id)))
        return found


def _changes(item: AuditEntry) -> list[tuple[str, str | None, str]]:
    """Name, before and after of everything the entry tells; None where nothing was before."""
    names = dict.fromkeys([*item.before, *item.changes])
    return [
        (
            name,
            None if item.before.get(name) is None else _plain(name, item.before[name]),
            _plain(name, item.changes.get(name)),
        )
        for name in names
    ]


def _plain(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_plain(name, each) for each in value) or gettext("none")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, str):
        return audit_words.value(name, value)
    return json.dumps(value, ensure_ascii=False)
