"""Event sessions in the back-office: entered and shown in the time zone of their event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, request, url_for
from markupsafe import Markup
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.wrappers import Response
from wtforms import HiddenField

from app.extensions import db
from app.models import Event, EventSession, Room, Speaker
from app.services import attachments, clock, event_sessions
from app.services.errors import DomainError
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.base import ListFilter, ReadingInterface, ServiceModelView
from app.views.admin.event_types import room_choices
from app.views.admin.forms import (
    IdField,
    LineField,
    LocalTimeField,
    NumberField,
    OfficeForm,
    SpeakersField,
    TextField,
    local_of,
)
from app.views.local_time import zone_name


class Releasing(DomainError):
    """Moving would release seats, and nobody has said yet that it may."""

    code = "releasing"


class EventSessionForm(OfficeForm):
    title = LineField("Title", maximum=300, required=True)
    room_id = IdField("Room", required=True)
    starts_at = LocalTimeField("Starts", description="In the event's time zone.")
    ends_at = LocalTimeField("Ends", description="In the event's time zone.")
    capacity = NumberField("Seats", description="Leave empty for free entry: nothing to book.")
    speakers = SpeakersField(
        "Speakers",
        description="One per line. With an account: Name <address>; the talk then is in"
        " that person's calendar.",
    )
    track = LineField("Track", maximum=200)
    language = LineField("Language", maximum=16)
    abstract = TextField("Abstract")
    description = TextField("Description")


class NewEventSessionForm(EventSessionForm):
    event_id = IdField("Event", required=True)


class MovedEventSessionForm(EventSessionForm):
    may_release = HiddenField()  # the uids that were shown


class EventSessionView(ServiceModelView):
    """`/backoffice/sessions/`."""

    datamodel = ReadingInterface(EventSession)
    route_base = "/backoffice/sessions"
    noun, plural, icon = "session", "Sessions", "list-checks"
    empty = "Add a session to an event, or import a schedule: flask booking import-schedule."
    remove_verb, removed = "Cancel", "cancelled"

    list_columns = ["title", "event", "time", "room", "seats", "status"]
    show_columns = [
        "title",
        "event",
        "time",
        "room",
        "seats",
        "speakers",
        "track",
        "language",
        "abstract",
        "description",
        "status",
    ]
    search_columns = ["title", "track"]
    order_columns = ["title", "starts_at"]
    edit_columns = [
        "title",
        "room_id",
        "starts_at",
        "ends_at",
        "capacity",
        "speakers",
        "track",
        "language",
        "abstract",
        "description",
    ]
    add_columns = ["event_id", *edit_columns]
    label_columns = {"starts_at": "Start"}
    base_order = ("starts_at", "desc")
    order_of = {"time": "starts_at"}
    number_columns = frozenset({"seats"})
    loads = (
        joinedload(EventSession.event),
        joinedload(EventSession.room),
        selectinload(EventSession.speakers).joinedload(Speaker.user),
    )
    list_filters = (
        ListFilter(
            "event",
            "Event",
            lambda: [(str(event.id), event.title) for event in _events()],
            lambda value: EventSession.event_id == int(value),
        ),
        ListFilter(
            "room",
            "Room",
            lambda: [(str(key), name) for key, name in room_choices()],
            lambda value: EventSession.room_id == int(value),
        ),
        ListFilter(
            "when",
            "When",
            lambda: [("upcoming", "Not over yet"), ("past", "Over")],
            lambda value: (
                EventSession.ends_at > clock.now()
                if value == "upcoming"
                else EventSession.ends_at <= clock.now()
            ),
        ),
        ListFilter(
            "status",
            "Status",
            lambda: [("confirmed", "Confirmed"), ("cancelled", "Cancelled")],
            lambda value: EventSession.status == value,
        ),
    )
    add_form = NewEventSessionForm
    edit_form = MovedEventSessionForm

    def matching(self, words: str) -> ColumnElement[bool]:
        by_speaker = EventSession.speakers.any(Speaker.name.icontains(words, autoescape=True))
        return or_(super().matching(words), by_speaker)

    def initial(self) -> dict[str, Any]:
        event = request.args.get("event", "")
        return {"event_id": int(event) if event.isdecimal() else None}

    def values_of(self, item: EventSession) -> dict[str, Any]:
        zone = item.event.time_zone
        return super().values_of(item) | {
            "starts_at": local_of(item.starts_at, zone),
            "ends_at": local_of(item.ends_at, zone),
            "speakers": _typed_speakers(item),
        }

    def offer(self, form: Any, item: Any = None) -> None:
        form.room_id.offer(room_choices())
        if "event_id" in form:
            form.event_id.offer(
                (event.id, f"{event.title} ({event.time_zone})") for event in _events()
            )
        if item is not None:
            form.starts_at.description = form.ends_at.description = _zone_of(item)

    def create(self, actor: Actor | None, form: Any) -> int:
        event = db.session.get_one(Event, form.event_id.data)
        values = {name: form[name].data for name in self.edit_columns}
        values["starts_at"] = form.starts_at.instant(event.time_zone)
        values["ends_at"] = form.ends_at.instant(event.time_zone)
        values["speakers"] = form.speakers.speakers(actor)
        described, _ = event_sessions.schedule_session(actor, event.slug, values)
        return int(described["id"])

    def update(self, actor: Actor | None, item: EventSession, form: Any) -> str | None:
        values = self._changes(actor, item, form)
        if not values:
            return "Nothing was changed."
        pk = item.id
        _, impact = event_sessions.move_event_session(actor, pk, values, dry_run=True)
        shown = ",".join(sorted(impact.released))
        if impact.released and form.may_release.data != shown:
            form.may_release.process_data(shown)
            raise Releasing(
                f"{len(impact.released)} of its attendees have something else at the new time."
                " Saving again releases their seats; each gets a mail.",
                conflicts=impact.clashing,
            )
        _, impact = event_sessions.move_event_session(actor, pk, values)
        if impact.released:
            return f"Saved. {len(impact.released)} seats were released, with a mail to each."
        return None

    def remove(self, actor: Actor | None, item: EventSession, form: Any) -> str | None:
        title = item.title
        released = event_sessions.cancel_event_session(actor, item.id)
        if released:
            return f"“{title}” cancelled, with a mail to {len(released)} attendees."
        return None

    def attached(self, item: EventSession) -> list[str]:
        return attachments.of_event_session(item.id)

    def is_changeable(self, item: EventSession) -> bool:
        return item.status == "confirmed"

    def links(self, item: EventSession) -> list[tuple[str, str]]:
        links = [("Its seats", url_for("BookingView.list", session=item.id))]
        if item.capacity is not None and self.is_changeable(item):
            links.append(("Book a seat", url_for("BookingView.add", kind="seat", session=item.id)))
        return links

    def _created(self, made: int) -> Response:
        flash("Session added. It is in its room's calendar now.", "success")
        return self._to("show", pk=made)

    def _changes(self, actor: Actor | None, item: EventSession, form: Any) -> dict[str, Any]:
        """What was typed that is not so already: an untouched day or second run stays."""
        zone = item.event.time_zone
        before = {name: getattr(item, name) for name in self.edit_columns}
        values = {name: form[name].data for name in self.edit_columns}
        values["starts_at"] = form.starts_at.instant(zone, unchanged=item.starts_at)
        values["ends_at"] = form.ends_at.instant(zone, unchanged=item.ends_at)
        for name in ("abstract", "description"):  # a browser sends CR LF
            values[name] = (values[name] or "").replace("\r\n", "\n").strip()
            before[name] = before[name].strip()
        before["speakers"] = [(each.name, each.user_id) for each in item.speakers]
        speakers = form.speakers.speakers(actor)
        values["speakers"] = [(each["name"], each.get("user_id")) for each in speakers]
        changed = {name: value for name, value in values.items() if value != before[name]}
        return changed | ({"speakers": speakers} if "speakers" in changed else {})

    def cell_event(self, item: EventSession) -> Markup:
        return cells.link(item.event.title, url_for("EventView.show", pk=item.event_id))

    def cell_room(self, item: EventSession) -> Markup:
        room: Room = item.room
        return cells.link(room.name, url_for("RoomView.show", pk=room.id))

    def cell_time(self, item: EventSession) -> Markup:
        return cells.span(item.starts_at, item.ends_at, item.event.time_zone)

    def cell_seats(self, item: EventSession) -> str:
        if item.capacity is None:
            return "Free entry"
        return f"{item.seats_taken} of {item.capacity}"

    def cell_speakers(self, item: EventSession) -> Markup:
        return cells.lines([each.name for each in item.speakers])

    def cell_status(self, item: EventSession) -> Markup:
        return cells.status(item.status)


def _events() -> Sequence[Event]:
    return db.session.scalars(select(Event).order_by(Event.starts_on.desc(), Event.id.desc())).all()


def _typed_speakers(item: EventSession) -> str:
    return "\n".join(
        f"{each.name} <{each.user.email}>" if each.user else each.name for each in item.speakers
    )


def _zone_of(item: EventSession) -> str:
    zone = item.event.time_zone
    return f"In {zone}, {zone_name(item.starts_at, zone)} then."
