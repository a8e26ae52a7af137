"""The audit log in the back-office: to read, narrow down and follow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext, lazy_gettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, and_, or_, select

from app.extensions import db
from app.models import AuditEntry, Booking, User
from app.models.audit import API, BACK_OFFICE, CLI, PAGE, SOCKET, TIMER
from app.services import audit
from app.services.audit import NAMED
from app.views.admin import audit_words, cells, days
from app.views.admin.base import ReadingInterface, ServiceModelView
from app.views.admin.days import DayFilter, reader_zone
from app.views.admin.forms import name_of_user
from app.views.admin.listing import LinkFilter, ListFilter
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
# Fields that hold the id of something else, and what that is.
REFERENCES = {
    "by_user": "user",
    "checked_in_by": "user",
    "copy_of": "event_type",
    "event_id": "event",
    "event_session_id": "event_session",
    "event_type_id": "event_type",
    "expert_id": "expert",
    "room_id": "room",
    "user_id": "user",
}
Names = Mapping[tuple[str, str], str]  # by kind and id
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
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
        if match is None:
            return None
        named = (
            select(AuditEntry.object_name)
            .where(self.where(value), AuditEntry.object_name != "")
            .order_by(AuditEntry.id.desc())
            .limit(1)
        )
        return audit_words.thing(match[1], match[2], db.session.scalar(named) or "")

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
    search_columns = ["object_name", "action", "object_kind", "object_id", "address"]
    order_columns = ["at", "action", "object_kind"]
    label_columns = {
        "object": lazy_gettext("On what"),
        "origin": lazy_gettext("From where"),
        "summary": lazy_gettext("What changed"),
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
        about = audit_words.thing(item.object_kind, item.object_id, item.object_name)
        return f"{audit_words.action(item.action)}: {about}"

    def matching(self, words: str) -> ColumnElement[bool]:
        actors = select(User.id).where(
            or_(
                User.email.icontains(words, autoescape=True),
                (User.first_name + " " + User.last_name).icontains(words, autoescape=True),
            )
        )
        return or_(super().matching(words), AuditEntry.actor_id.in_(actors))

    def annotate(self, rows: Sequence[Any]) -> None:
        wanted: dict[str, set[str]] = {}
        for row in rows:
            for kind, key in _spoken_of(row):
                wanted.setdefault(kind, set()).add(key)
        names = audit.find_names(wanted)
        uids = wanted.get("booking")
        found = db.session.execute(
            select(Booking.uid, Booking.id).where(Booking.uid.in_(uids or ()))
        )
        bookings = {booking.uid: booking.id for booking in (found if uids else ())}
        for row in rows:
            row.names = names
            row.object_key = _page_of(row, names, bookings)

    def cell_when(self, item: AuditEntry) -> Any:
        return cells.moment(item.at, self.zone())

    def cell_who(self, item: Any) -> Any:
        if not item.actor_id:  # none, or the command line's
            return str(NOBODY.get(item.door) or gettext("A guest"))
        name = item.names.get(("user", str(item.actor_id)))
        if name is None:
            return gettext("User %(number)s, deleted since", number=item.actor_id)
        return cells.link(name, url_for("UserView.show", pk=item.actor_id))

    def cell_what(self, item: AuditEntry) -> str:
        return audit_words.action(item.action)

    def cell_object(self, item: Any) -> Any:
        named = item.object_name or item.names.get((item.object_kind, item.object_id), "")
        text = audit_words.thing(item.object_kind, item.object_id, named)
        view = VIEWS.get(item.object_kind)
        if view is None or item.object_key is None:
            return text
        return cells.link(text, url_for(f"{view}.show", pk=item.object_key))

    def cell_origin(self, item: AuditEntry) -> str:
        door = str(DOORS.get(item.door, item.door))
        return f"{door}, {item.address}" if item.address else door

    def cell_summary(self, item: Any) -> str:
        text = "; ".join(
            f"{audit_words.field(name)}: {new if old is None else f'{old} → {new}'}"
            for name, old, new in _changes(item)
        )
        return text if len(text) <= SUMMARY else text[: SUMMARY - 1] + "…"

    def cell_details(self, item: Any) -> Markup:
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


def _spoken_of(item: AuditEntry) -> Iterable[tuple[str, str]]:
    """The objects that an entry speaks of, by kind and id."""
    yield item.object_kind, item.object_id
    if item.actor_id:
        yield "user", str(item.actor_id)
    for name, kind in REFERENCES.items():
        for values in (item.before, item.changes):
            if isinstance(key := values.get(name), int):
                yield kind, str(key)


def _page_of(item: AuditEntry, names: Names, bookings: Mapping[str, int]) -> int | None:
    """By what the page of an entry's object is found; None where there is none any more."""
    if item.object_kind == "booking":
        return bookings.get(item.object_id)
    if not item.object_id.isdecimal() or item.object_id == "0":  # several, none of them named
        return None
    is_there = item.object_kind not in NAMED or (item.object_kind, item.object_id) in names
    return int(item.object_id) if is_there else None


def _changes(item: Any) -> list[tuple[str, str | None, str]]:
    """Name, before and after of everything the entry tells; None where nothing was before."""
    told = dict.fromkeys([*item.before, *item.changes])
    return [
        (
            name,
            None if item.before.get(name) is None else _plain(name, item.before[name], item.names),
            _plain(name, item.changes.get(name), item.names),
        )
        for name in told
    ]


def _plain(name: str, value: object, names: Names) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_plain(name, each, names) for each in value) or gettext("none")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return cells.plain_moment(value, reader_zone())
    if isinstance(value, str):
        return audit_words.value(name, value)
    if isinstance(value, int) and name in REFERENCES:
        return names.get((REFERENCES[name], str(value)), str(value))
    return json.dumps(value, ensure_ascii=False)
