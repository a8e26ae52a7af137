"""Event sessions in the back-office: entered and shown in the time zone of their event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import flash, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.wrappers import Response

from app.extensions import db
from app.gates import current_actor
from app.models import Event, EventSession, Room, Speaker
from app.models.booking import CONFIRMED
from app.services import attachments, clock, event_sessions, overview, session_changes
from app.services.attachments import Attached
from app.services.errors import DomainError
from app.services.local_text import number_text
from app.services.policy import Actor
from app.views.admin import cells, days, session_impact
from app.views.admin.access import Answer, permitted
from app.views.admin.acting import AFFECTS_OTHERS
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.event_types import room_choices
from app.views.admin.events import event_choices
from app.views.admin.form_pages import ToConfirm
from app.views.admin.forms import (
    IdField,
    LineField,
    LocalTimeField,
    NumberField,
    OfficeForm,
    SpeakersField,
    TextField,
    local_of,
    name_of_user,
)
from app.views.admin.listing import LinkFilter, ListFilter
from app.views.admin.wording import CANCELLATION, Texts, Wording
from app.views.agenda import paragraphs
from app.views.local_time import zone_name


class EventSessionForm(OfficeForm):
    title = LineField(lazy_gettext("Title"), maximum=300, required=True)
    room_id = IdField(lazy_gettext("Room"), required=True)
    starts_at = LocalTimeField(
        lazy_gettext("Starts"), description=lazy_gettext("In the event's time zone.")
    )
    ends_at = LocalTimeField(
        lazy_gettext("Ends"), description=lazy_gettext("In the event's time zone.")
    )
    capacity = NumberField(
        lazy_gettext("Seats"),
        description=lazy_gettext("Leave empty for free entry: nothing to book."),
    )
    speakers = SpeakersField(
        lazy_gettext("Speakers"),
        description=lazy_gettext(
            "One per line. With an account: Name <address>; the talk then is in"
            " that person's calendar."
        ),
    )
    track = LineField(lazy_gettext("Track"), maximum=200)
    language = LineField(lazy_gettext("Language"), maximum=16)
    abstract = TextField(lazy_gettext("Abstract"))
    description = TextField(lazy_gettext("Description"))


class NewEventSessionForm(EventSessionForm):
    event_id = IdField(lazy_gettext("Event"), required=True)


class RoomChoiceForm(OfficeForm):
    room_id = IdField(lazy_gettext("Room"), required=True)


def _move_room(view: Any, actor: Actor | None, item: EventSession, form: Any) -> Outcome:
    before = item.room_id
    if form.room_id.data == before:
        raise DomainError(gettext("It is in this room already."))
    _, impact = session_changes.move_event_session(actor, item.id, {"room_id": form.room_id.data})
    name = view.name_of(item)
    if not impact.mailed:
        return Outcome(gettext("“%(name)s” moved.", name=name), before)
    told = ngettext(
        "“%(name)s” moved, with a mail to %(num)d attendee.",
        "“%(name)s” moved, with a mail to %(num)d attendees.",
        impact.mailed,
        name=name,
    )
    return Outcome(told, before)


def _move_back(actor: Actor | None, pk: int, before: int) -> None:
    session_changes.move_event_session(actor, pk, {"room_id": before})


def _impact_of_room(_view: Any, item: EventSession, form: Any) -> dict[str, Any]:
    """Whom it affects that the session moves to the room, rehearsed."""
    pk, before = item.id, event_sessions.describe(item)
    after, impact = session_changes.move_event_session(
        current_actor(), pk, {"room_id": form.room_id.data}, dry_run=True
    )
    return session_impact.shown(impact, event_sessions.get_event_session(pk), before, after)


def _fill(value: str) -> ColumnElement[bool]:
    """Sessions to come, by how many of their seats are taken."""
    is_full = EventSession.seats_taken >= EventSession.capacity
    if value == "mostly":
        return overview.is_mostly_taken()
    if value == "filling":
        return overview.is_mostly_taken() & ~is_full
    to_come = (EventSession.status == "confirmed") & (EventSession.ends_at > clock.now())
    if value == "full":
        return to_come & is_full
    return to_come & EventSession.room.has(Room.capacity < EventSession.capacity)


class EventSessionView(ServiceModelView):
    """`/backoffice/sessions/`."""

    datamodel = ReadingInterface(EventSession)
    route_base = "/backoffice/sessions"
    plural, icon = lazy_gettext("Sessions"), "list-checks"
    texts = Texts(
        add=lazy_gettext("Add session"),
        choose=lazy_gettext("Choose which sessions first."),
        remove=lambda number: ngettext("Cancel session", "Cancel sessions", number),
        remove_many=lambda number: ngettext(
            "Cancel %(num)d session?", "Cancel %(num)d sessions?", number
        ),
    )
    object_kind = "event_session"
    imported_as = "sessions"
    tells_impact = True
    empty = lazy_gettext("Add a session to an event, or import its schedule from a table.")
    removal = replace(CANCELLATION, label=lazy_gettext("Cancel session"))

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
    base_order = ("starts_at", "desc")
    is_by_time = True
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
            lazy_gettext("Event"),
            event_choices,
            lambda value: EventSession.event_id == int(value),
        ),
        ListFilter(
            "room",
            lazy_gettext("Room"),
            lambda: [(str(key), name) for key, name in room_choices()],
            lambda value: EventSession.room_id == int(value),
        ),
        ListFilter(
            "when",
            lazy_gettext("When"),
            lambda: [("upcoming", gettext("Not over yet")), ("past", gettext("Over"))],
            lambda value: (
                EventSession.ends_at > clock.now()
                if value == "upcoming"
                else EventSession.ends_at <= clock.now()
            ),
        ),
        ListFilter(
            "status",
            lazy_gettext("Status"),
            lambda: [("confirmed", gettext("Confirmed")), ("cancelled", gettext("Cancelled"))],
            lambda value: EventSession.status == value,
        ),
        *days.spanning(EventSession.starts_at, EventSession.ends_at),
        ListFilter(
            "fill",
            lazy_gettext("Seats"),
            lambda: [
                ("mostly", gettext("Filling up or full")),
                ("filling", gettext("Filling up")),
                ("full", gettext("Full")),
                ("too_many", gettext("More than the room holds")),
            ],
            _fill,
        ),
        LinkFilter(
            "speaker",
            lazy_gettext("Speaker"),
            name_of_user,
            lambda value: EventSession.speakers.any(Speaker.user_id == int(value)),
        ),
    )
    presets = (
        (lazy_gettext("To come"), {"when": "upcoming", "status": "confirmed"}),
        (lazy_gettext("Filling up"), {"fill": "filling"}),
        (lazy_gettext("Full"), {"fill": "full"}),
        (lazy_gettext("More seats than the room"), {"fill": "too_many"}),
        (lazy_gettext("Cancelled"), {"status": "cancelled"}),
    )
    add_form = NewEventSessionForm
    edit_form = EventSessionForm
    bulk_actions = (
        BulkAction(
            name="move_room",
            label=lazy_gettext("Move to a room"),
            wording=Wording(
                question=lambda name: gettext("Move “%(name)s” to another room?", name=name),
                question_many=lambda number: ngettext(
                    "Move %(num)d session to another room?",
                    "Move %(num)d sessions to another room?",
                    number,
                ),
                submit=lambda number: ngettext("Move session", "Move sessions", number),
                done=lambda name: gettext("“%(name)s” moved.", name=name),
                done_many=lambda number: ngettext("%(num)d moved.", "%(num)d moved.", number),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s moved.", done=done, all=all_
                ),
            ),
            perform=_move_room,
            icon="door-open",
            about=lazy_gettext(
                "Each goes to the room at its own time, with its seats; one that does not fit"
                " there stays where it is, and you are told. Attendees get one mail for each."
            ),
            form=RoomChoiceForm,
            undo=_move_back,
            impact=_impact_of_room,
            impact_by_form=True,
        ),
    )

    def matching(self, words: str) -> ColumnElement[bool]:
        return or_(
            super().matching(words),
            EventSession.speakers.any(Speaker.name.icontains(words, autoescape=True)),
            EventSession.room.has(Room.name.icontains(words, autoescape=True)),
            EventSession.event.has(Event.title.icontains(words, autoescape=True)),
        )

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
            names = dict(event_choices())
            form.event_id.offer(
                (event.id, f"{names[str(event.id)]} ({event.time_zone})") for event in _events()
            )
        if item is not None:
            form.starts_at.description = form.ends_at.description = _zone_of(item)

    def offer_to_many(self, form: Any) -> None:
        if "room_id" in form:
            form.room_id.offer(room_choices())

    def create(self, actor: Actor | None, form: Any) -> int:
        event = db.session.get_one(Event, form.event_id.data)
        values = {name: form[name].data for name in self.edit_columns}
        values["starts_at"] = form.starts_at.instant(event.time_zone)
        values["ends_at"] = form.ends_at.instant(event.time_zone)
        values["speakers"] = form.speakers.speakers(actor)
        described, impact = event_sessions.schedule_session(actor, event.slug, values)
        for text in session_impact.warnings(impact, event):
            flash(text, "warning")
        return int(described["id"])

    def update(self, actor: Actor | None, item: EventSession, form: Any) -> str | None:
        values = self._changes(actor, item, form)
        if not values:
            return gettext("Nothing was changed.")
        pk, before = item.id, event_sessions.describe(item)
        release_last = _is_below(values, item)
        after, impact = session_changes.move_event_session(
            actor, pk, values, release_last=release_last, dry_run=True
        )
        shown = session_impact.shown(impact, self._item(pk), before, after)
        agreed = request.form.get("agreed")
        if impact.is_felt and agreed != shown["digest"]:
            raise ToConfirm(
                title=gettext("Change “%(title)s”?", title=before["title"]),
                impact=shown,
                notice=str(AFFECTS_OTHERS) if agreed else _too_few(before) if release_last else "",
                submit="" if impact.conflicts else session_impact.submit_text(impact),
                is_destructive=bool(impact.released),
            )
        session_changes.move_event_session(actor, pk, values, release_last=release_last)
        return session_impact.told(impact)

    def remove(self, actor: Actor | None, item: EventSession, form: Any) -> str | None:
        title = item.title
        mailed = event_sessions.find_cancel_impact(actor, item.id).mailed
        event_sessions.cancel_event_session(actor, item.id)
        if mailed:
            return ngettext(
                "“%(title)s” cancelled, with a mail to %(num)d attendee.",
                "“%(title)s” cancelled, with a mail to %(num)d attendees.",
                mailed,
                title=title,
            )
        return None

    def impact(self, item: EventSession) -> dict[str, Any]:
        found = event_sessions.find_cancel_impact(current_actor(), item.id)
        return session_impact.shown(found, item)

    @expose("/move-room/", methods=["GET", "POST"])
    @permitted("edit")
    def move_room(self) -> Answer:
        return self._bulk(self.bulk_actions[0])

    def cell_abstract(self, item: EventSession) -> str:
        return "\n\n".join(paragraphs(item.abstract))  # as the agenda shows it

    def cell_description(self, item: EventSession) -> str:
        return "\n\n".join(paragraphs(item.description))

    def attached(self, item: EventSession) -> Attached:
        return attachments.of_event_session(item.id)

    def detail_of(self, item: EventSession) -> str:
        time = cells.plain_span(item.starts_at, item.ends_at, item.event.time_zone)
        return gettext(
            "%(time)s, %(room)s, %(event)s",
            time=time,
            room=item.room.name,
            event=item.event.title,
        )

    def is_changeable(self, item: EventSession) -> bool:
        return item.status == "confirmed"

    def related(self, item: EventSession) -> list[Related]:
        actor = current_actor()
        if item.capacity is None or not (actor and actor.is_admin):
            return []  # whose the seats are is for admins
        here = {"session": item.id}
        add = url_for("BookingView.add", kind="seat", session=item.id)
        return [
            Related(
                gettext("Seats"),
                "BookingView",
                here | {"status": "confirmed"},
                add=add if _can_be_booked(item) else "",
                columns=("who", "contact", "created_at"),
            ),
            Related(
                gettext("Waitlist"), "WaitlistView", here, frozenset({"session", "event", "time"})
            ),
        ]

    def beginnings(self) -> list[tuple[str, str]]:
        if not event_choices():
            return self.way_to(gettext("Add an event first"), "EventView", "add")
        return self.way_to(gettext("Import a schedule"), "ImportView", kind="sessions")

    def links(self, item: EventSession) -> list[tuple[str, str]]:
        if not _can_be_booked(item) or not self.offers("edit"):
            return []
        return [(gettext("Book a seat"), url_for("BookingView.add", kind="seat", session=item.id))]

    def _created(self, made: int) -> Response:
        flash(gettext("Session added. It is in its room's calendar now."), "success")
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
            return gettext("Free entry")
        return gettext(
            "%(taken)s of %(all)s",
            taken=number_text(item.seats_taken),
            all=number_text(item.capacity),
        )

    def cell_speakers(self, item: EventSession) -> Markup:
        return cells.lines([each.name for each in item.speakers])

    def cell_status(self, item: EventSession) -> Markup:
        return cells.status(item.status)


def _can_be_booked(item: EventSession) -> bool:
    return item.capacity is not None and item.status == CONFIRMED and item.ends_at > clock.now()


def _is_below(values: dict[str, Any], item: EventSession) -> bool:
    """Whether fewer seats are asked for than are taken: the last ones are shown as going."""
    capacity = values.get("capacity")
    return capacity is not None and 0 <= capacity < item.seats_taken


def _too_few(before: dict[str, Any]) -> str:
    taken = before["capacity"] - before["seats_left"]
    return ngettext("%(num)d seat is taken.", "%(num)d seats are taken.", taken)


def title_of_session(event_session_id: int) -> str | None:
    """The title of a session, if there is one."""
    return db.session.scalar(select(EventSession.title).where(EventSession.id == event_session_id))


def _events() -> Sequence[Event]:
    return db.session.scalars(select(Event).order_by(Event.starts_on.desc(), Event.id.desc())).all()


def _typed_speakers(item: EventSession) -> str:
    return "\n".join(
        f"{each.name} <{each.user.email}>" if each.user else each.name for each in item.speakers
    )


def _zone_of(item: EventSession) -> str:
    zone = item.event.time_zone
    name = zone_name(item.starts_at, zone)
    return gettext("In %(zone)s, %(name)s then.", zone=zone, name=name)
