"""Bookings of all three kinds in the back-office."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import current_app, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, HiddenField

from app.extensions import db
from app.gates import current_actor
from app.models import (
    Booking,
    Event,
    EventSession,
    EventType,
    Expert,
    Room,
    User,
)
from app.models.booking import LIVE, RESERVATION_TYPES
from app.models.interval import Interval
from app.models.user import full_name
from app.services import appointments, cancellation, clock, reservations, restoring, seats
from app.services.appointments import Client
from app.services.cancel_reasons import reason_text
from app.services.errors import InvalidInput
from app.services.meeting_links import place_text
from app.services.policy import Actor
from app.services.rescheduling import count_in_slot, reschedule_booking
from app.services.reservations import Wanted
from app.views.admin import cells, days
from app.views.admin.access import Answer, permitted
from app.views.admin.base import ReadingInterface, ServiceModelView
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.event_sessions import RoomChoiceForm, title_of_session
from app.views.admin.event_types import expert_choices, room_choices
from app.views.admin.forms import (
    ChoiceField,
    EmailField,
    IdField,
    LineField,
    LocalTimeField,
    OfficeForm,
    TextField,
    UserField,
    local_of,
    name_of_user,
)
from app.views.admin.listing import LinkFilter, ListFilter
from app.views.admin.wording import CANCELLATION, Texts, Wording, Words

ADDING = {
    "appointment": lazy_gettext("Add appointment"),
    "seat": lazy_gettext("Add seat"),
    "reservation": lazy_gettext("Add reservation"),
}
KINDS = {
    "appointment": lazy_gettext("Appointment"),
    "seat": lazy_gettext("Seat"),
    "reservation": lazy_gettext("Reservation"),
}
DETAILS = {
    "appointment": lazy_gettext("Appointment of %(who)s, %(time)s"),
    "seat": lazy_gettext("Seat of %(who)s, %(time)s"),
    "reservation": lazy_gettext("Reservation of %(who)s, %(time)s"),
}
RESERVATION_NAMES = {
    "": lazy_gettext("None"),
    "Live": lazy_gettext("Live"),
    "PreRecorded": lazy_gettext("Pre-recorded"),
}
assert {*RESERVATION_NAMES} - {""} == {*RESERVATION_TYPES}


class AppointmentForm(OfficeForm):
    event_type_id = IdField(lazy_gettext("Event type"), required=True)
    starts_at = LocalTimeField(
        lazy_gettext("Start"), description=lazy_gettext("In the expert's time zone.")
    )
    name = LineField(lazy_gettext("Client's name"), maximum=128, required=True)
    email = EmailField(
        lazy_gettext("Client's email"),
        required=True,
        description=lazy_gettext("Gets the confirmation, with a link to change or cancel it."),
    )
    phone = LineField(lazy_gettext("Phone"), maximum=40)
    notes = TextField(lazy_gettext("Notes"))


class SeatForm(OfficeForm):
    event_session_id = IdField(lazy_gettext("Session"), required=True)
    user = UserField(
        lazy_gettext("Attendee"),
        required=True,
        description=lazy_gettext("The address of an account."),
    )


class ReservationForm(OfficeForm):
    title = LineField(lazy_gettext("Title"), maximum=300, required=True)
    room_id = IdField(lazy_gettext("Room"), required=True)
    starts_at = LocalTimeField(lazy_gettext("Starts"))
    ends_at = LocalTimeField(
        lazy_gettext("Ends"), description=lazy_gettext("In the room's time zone.")
    )
    user = UserField(
        lazy_gettext("Responsible"),
        description=lazy_gettext("The address of an account. You, if empty."),
    )
    reservation_type = ChoiceField(lazy_gettext("Type"), choices=[*RESERVATION_NAMES.items()])


class MovedAppointmentForm(OfficeForm):
    starts_at = LocalTimeField(lazy_gettext("New start"))
    with_group = BooleanField(
        lazy_gettext("Move everybody in this slot"),
        description=lazy_gettext("Each gets a mail. Otherwise this booking moves alone."),
    )
    version = HiddenField()


class MovedSeatForm(OfficeForm):
    event_session_id = IdField(lazy_gettext("Session"), required=True)


class MovedReservationForm(ReservationForm):
    version = HiddenField()


class CancelForm(OfficeForm):
    reason = TextField(
        lazy_gettext("Reason"), description=lazy_gettext("Told in the mail to everybody in it.")
    )


ADD_FORMS = {"appointment": AppointmentForm, "seat": SeatForm, "reservation": ReservationForm}
EDIT_FORMS = {
    "appointment": MovedAppointmentForm,
    "seat": MovedSeatForm,
    "reservation": MovedReservationForm,
}


def _restore(actor: Actor | None, pk: int, _before: None) -> None:
    """Undo a cancellation."""
    uid = db.session.scalar(select(Booking.uid).where(Booking.id == pk))
    restoring.restore_booking(actor, uid or "")


def _move_room(_view: Any, actor: Actor | None, item: Booking, form: Any) -> Outcome:
    before = item.room_id
    _into_room(actor, item, form.room_id.data)
    return Outcome(before=before)


def _move_back(actor: Actor | None, pk: int, before: int) -> None:
    _into_room(actor, db.session.get_one(Booking, pk), before)


def _into_room(actor: Actor | None, item: Booking, room_id: int) -> None:
    if item.kind != "reservation":
        raise InvalidInput({}, gettext("Only reservations are moved to another room."))
    wanted = Wanted(
        room_id=room_id,
        period=Interval(item.starts_at, item.ends_at),
        title=item.title,
        reservation_type=item.reservation_type,
        responsible_user_id=item.user_id,
    )
    reservations.move_reservation(actor, item.uid, wanted, version=item.version)


class BookingView(ServiceModelView):
    """`/backoffice/bookings/`."""

    datamodel = ReadingInterface(Booking)
    route_base = "/backoffice/bookings"
    plural, icon = lazy_gettext("Bookings"), "calendar-check"
    texts = Texts(
        add=lazy_gettext("Add booking"),
        added=lazy_gettext("Booking added."),
        choose=lazy_gettext("Choose which bookings first."),
        remove=lambda number: ngettext("Cancel booking", "Cancel bookings", number),
        remove_many=lambda number: ngettext(
            "Cancel %(num)d booking?", "Cancel %(num)d bookings?", number
        ),
    )
    object_kind = "booking"
    empty = lazy_gettext(
        "Bookings come from experts' pages, agendas and the scheduler, or are added here."
    )
    removal = replace(CANCELLATION, label=lazy_gettext("Cancel booking"))

    list_columns = ["title", "kind", "time", "who", "where", "status"]
    show_columns = [
        "title",
        "kind",
        "status",
        "time",
        "where",
        "who",
        "contact",
        "notes",
        "meeting_url",
        "expert",
        "event_type",
        "session",
        "reservation_type",
        "created_at",
        "cancelled",
        "uid",
    ]
    search_columns = ["title", "attendee_name", "attendee_email", "uid"]
    order_columns = ["title", "kind", "starts_at", "created_at"]
    add_columns = [
        "event_type_id",
        "event_session_id",
        "title",
        "room_id",
        "starts_at",
        "ends_at",
        "name",
        "email",
        "phone",
        "notes",
        "user",
        "reservation_type",
    ]
    edit_columns = [
        "event_session_id",
        "title",
        "room_id",
        "starts_at",
        "with_group",
        "ends_at",
        "user",
        "reservation_type",
    ]
    label_columns = {
        "created_at": lazy_gettext("Booked at"),
        "meeting_url": lazy_gettext("Meeting link"),
        "uid": "UID",
        "reservation_type": lazy_gettext("Type"),
    }
    base_order = ("starts_at", "desc")
    is_by_time = True
    order_of = {"time": "starts_at"}
    loads = (
        joinedload(Booking.user),
        joinedload(Booking.room),
        joinedload(Booking.expert),
        joinedload(Booking.event_type),
        joinedload(Booking.event_session).options(
            joinedload(EventSession.event), joinedload(EventSession.room)
        ),
    )
    list_filters = (
        ListFilter("kind", lazy_gettext("Kind"), KINDS.items, lambda value: Booking.kind == value),
        ListFilter(
            "when",
            lazy_gettext("When"),
            lambda: [("upcoming", gettext("Not over yet")), ("past", gettext("Over"))],
            lambda value: (
                Booking.ends_at > clock.now()
                if value == "upcoming"
                else Booking.ends_at <= clock.now()
            ),
        ),
        ListFilter(
            "status",
            lazy_gettext("Status"),
            lambda: [
                ("confirmed", gettext("Confirmed")),
                ("pending", gettext("Requested")),
                ("cancelled", gettext("Cancelled")),
            ],
            lambda value: Booking.status == value,
        ),
        *days.spanning(Booking.starts_at, Booking.ends_at),
        ListFilter(
            "expert",
            lazy_gettext("Expert"),
            lambda: [(str(key), name) for key, name in expert_choices()],
            lambda value: Booking.expert_id == int(value),
        ),
        ListFilter(
            "room",
            lazy_gettext("Room"),
            lambda: [(str(key), name) for key, name in room_choices()],
            lambda value: or_(
                Booking.room_id == int(value),
                Booking.event_session.has(EventSession.room_id == int(value)),
            ),
        ),
        LinkFilter(
            "session",
            lazy_gettext("Session"),
            title_of_session,
            lambda value: Booking.event_session_id == int(value),
        ),
        LinkFilter(
            "user",
            lazy_gettext("Person"),
            name_of_user,
            lambda value: Booking.user_id == int(value),
        ),
        LinkFilter(
            "event_type",
            lazy_gettext("Event type"),
            lambda key: db.session.scalar(select(EventType.title).where(EventType.id == key)),
            lambda value: Booking.event_type_id == int(value),
        ),
    )
    presets = (
        (lazy_gettext("To come"), {"when": "upcoming", "status": "confirmed"}),
        (
            lazy_gettext("Appointments"),
            {"kind": "appointment", "when": "upcoming", "status": "confirmed"},
        ),
        (lazy_gettext("Seats"), {"kind": "seat", "when": "upcoming", "status": "confirmed"}),
        (
            lazy_gettext("Reservations"),
            {"kind": "reservation", "when": "upcoming", "status": "confirmed"},
        ),
        (lazy_gettext("Cancelled"), {"status": "cancelled"}),
    )
    undo_removal = _restore
    bulk_actions = (
        BulkAction(
            name="move_room",
            label=lazy_gettext("Move to a room"),
            wording=Wording(
                question=lambda name: gettext("Move “%(name)s” to another room?", name=name),
                question_many=lambda number: ngettext(
                    "Move %(num)d booking to another room?",
                    "Move %(num)d bookings to another room?",
                    number,
                ),
                submit=lambda number: ngettext("Move booking", "Move bookings", number),
                done=lambda name: gettext("“%(name)s” moved.", name=name),
                done_many=lambda number: ngettext("%(num)d moved.", "%(num)d moved.", number),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s moved.", done=done, all=all_
                ),
            ),
            perform=_move_room,
            icon="door-open",
            about=lazy_gettext(
                "Reservations only: a seat is where its session is, an appointment where its"
                " event type says. One that does not fit stays where it is."
            ),
            form=RoomChoiceForm,
            undo=_move_back,
        ),
    )
    delete_form = CancelForm

    def visible_to(self, actor: Actor | None) -> list[ColumnElement[bool]]:
        """All for admins; for other staff what `bookings` shows them: no client's data."""
        if actor and actor.is_admin:
            return [Booking.kind.in_(KINDS)]
        if actor and actor.is_staff:
            return [
                Booking.kind.in_(KINDS),
                or_(Booking.kind == "reservation", Booking.user_id == actor.user_id),
            ]
        return [false()]

    def key_of(self, item: Booking) -> str:
        return item.uid

    def matching(self, words: str) -> ColumnElement[bool]:
        by_user = Booking.user.has(
            or_(
                User.email.icontains(words, autoescape=True),
                (User.first_name + " " + User.last_name).icontains(words, autoescape=True),
            )
        )
        by_expert = Booking.expert.has(Expert.name.icontains(words, autoescape=True))
        return or_(super().matching(words), by_user, by_expert)

    @expose("/move-room/", methods=["GET", "POST"])
    @permitted("edit")
    def move_room(self) -> Answer:
        return self._bulk(self.bulk_actions[0])

    # -- adding ----------------------------------------------------------------------

    def _add(self) -> Answer:
        if self._kind() is None:
            return self._page("admin/booking_kinds.html", title=gettext("Add booking"), kinds=KINDS)
        return super()._add()

    def _kind(self) -> str | None:
        kind = request.args.get("kind", "")
        return kind if kind in KINDS else None

    def _add_form(self) -> type[OfficeForm]:
        return ADD_FORMS[self._kind() or ""]

    def initial(self) -> dict[str, Any]:
        given = {"event_type_id": "event_type", "event_session_id": "session", "room_id": "room"}
        return {
            field: int(value)
            for field, name in given.items()
            if (value := request.args.get(name, "")).isdecimal() and len(value) < 10
        }

    def offer(self, form: Any, item: Any = None) -> None:
        if "event_type_id" in form:
            form.event_type_id.offer(_event_type_choices())
        if "event_session_id" in form:
            form.event_session_id.offer(_session_choices(form.event_session_id.object_data))
        if "room_id" in form:
            form.room_id.offer(_zoned_room_choices())

        if "with_group" in form and count_in_slot(current_actor(), item.uid) == 1:
            del form.with_group
        if item is not None and "starts_at" in form and "room_id" not in form:
            form.starts_at.description = gettext("In %(zone)s.", zone=_zone_of(item))

    def adding(self) -> Words:
        return ADDING[self._kind() or ""]

    def offer_to_many(self, form: Any) -> None:
        if "room_id" in form:
            form.room_id.offer(room_choices())

    def create(self, actor: Actor | None, form: Any) -> int:
        if isinstance(form, AppointmentForm):
            made = self._book_appointment(actor, form)
        elif isinstance(form, SeatForm):
            made = seats.book_seat(
                actor, form.event_session_id.data, on_behalf=form.user.user_id(actor)
            ).booking
        else:
            made = reservations.reserve_room(actor, _wanted(actor, form))
        return db.session.scalars(select(Booking.id).where(Booking.uid == made["uid"])).one()

    def _book_appointment(self, actor: Actor | None, form: AppointmentForm) -> dict[str, Any]:
        event_type = db.session.get_one(EventType, form.event_type_id.data)
        starts_at = _required(form.starts_at, event_type.expert.time_zone)
        client = Client(
            name=form.name.data or "",
            email=form.email.data or "",
            phone=form.phone.data or "",
            notes=form.notes.data or "",
        )
        return appointments.book_for_client(actor, event_type.id, starts_at, client).booking

    # -- changing --------------------------------------------------------------------

    def is_changeable(self, item: Booking) -> bool:
        return item.status in LIVE and item.ends_at > clock.now()

    def _edit_form(self, item: Booking) -> type[OfficeForm]:
        return EDIT_FORMS[item.kind]

    def values_of(self, item: Booking) -> dict[str, Any]:
        values: dict[str, Any] = {"version": item.version}
        if item.kind == "seat":
            return values | {"event_session_id": item.event_session_id}
        zone = _zone_of(item)
        values["starts_at"] = local_of(item.starts_at, zone)
        if item.kind == "appointment":
            values["with_group"] = True
        if item.kind == "reservation":
            values |= {
                "title": item.title,
                "room_id": item.room_id,
                "ends_at": local_of(item.ends_at, zone),
                "user": item.user.email,
                "reservation_type": item.reservation_type or "",
            }
        return values

    def update(self, actor: Actor | None, item: Booking, form: Any) -> str | None:
        uid, user_id, zone = item.uid, item.user_id, _zone_of(item)
        if isinstance(form, MovedSeatForm):
            return self._move_seat(actor, item, form)
        version = _version(form)
        if isinstance(form, MovedAppointmentForm):
            starts_at = _required(form.starts_at, zone, item.starts_at)
            with_group = "with_group" in form and form.with_group.data
            reschedule_booking(actor, uid, starts_at, version=version, with_group=with_group)
            return gettext("Moved. Client and expert get a mail.")
        wanted = _wanted(actor, form, item, default_user_id=user_id)
        reservations.move_reservation(actor, uid, wanted, version=version)
        return None

    def _move_seat(self, actor: Actor | None, item: Booking, form: MovedSeatForm) -> str:
        if form.event_session_id.data == item.event_session_id:
            return gettext("Nothing was changed.")
        seats.book_seat(
            actor, form.event_session_id.data, replace=[item.uid], on_behalf=item.user_id
        )
        return gettext("This seat was given up for one in the other session.")

    def remove(self, actor: Actor | None, item: Booking, form: Any) -> None:
        cancellation.cancel_booking(actor, item.uid, reason=(form.reason.data or "").strip())

    def detail_of(self, item: Booking) -> str:
        text = str(DETAILS[item.kind])
        return text % {"who": _who(item), "time": _plain_time(item)}

    # -- looking ---------------------------------------------------------------------

    def cell_kind(self, item: Booking) -> str:
        return str(KINDS[item.kind])

    def cell_time(self, item: Booking) -> Markup:
        return cells.span(item.starts_at, item.ends_at, _zone_of(item))

    def cell_who(self, item: Booking) -> Any:
        if item.kind == "appointment":
            return gettext(
                "%(client)s with %(expert)s", client=item.attendee_name, expert=item.expert.name
            )
        if not self.appbuilder.sm.has_access("can_show", "UserView"):
            return _who(item)
        return cells.link(_who(item), url_for("UserView.show", pk=item.user_id))

    def cell_contact(self, item: Booking) -> str:
        if item.kind == "appointment":
            return ", ".join(filter(None, [item.attendee_email, item.attendee_phone]))
        return item.user.email

    def cell_where(self, item: Booking) -> str:
        room = item.event_session.room if item.event_session else item.room
        return room.name if room else place_text(item.location)

    def cell_meeting_url(self, item: Booking) -> Any:
        return cells.link(item.meeting_url, item.meeting_url) if item.meeting_url else ""

    def cell_expert(self, item: Booking) -> Any:
        if item.expert is None:
            return ""
        return cells.link(item.expert.name, url_for("ExpertView.show", pk=item.expert_id))

    def cell_event_type(self, item: Booking) -> Any:
        if item.event_type is None:
            return ""
        return cells.link(
            item.event_type.title, url_for("EventTypeView.show", pk=item.event_type_id)
        )

    def cell_session(self, item: Booking) -> Any:
        if item.event_session is None:
            return ""
        title = f"{item.event_session.title} ({item.event_session.event.title})"
        return cells.link(title, url_for("EventSessionView.show", pk=item.event_session_id))

    def cell_reservation_type(self, item: Booking) -> str:
        return str(RESERVATION_NAMES[item.reservation_type]) if item.reservation_type else ""

    def cell_status(self, item: Booking) -> Markup:
        return cells.status(item.status)

    def cell_created_at(self, item: Booking) -> Any:
        return cells.moment(item.created_at, self.zone())

    def cell_cancelled(self, item: Booking) -> Any:
        if item.cancelled_at is None:
            return ""
        when = cells.plain_moment(item.cancelled_at, self.zone())
        return f"{when}: {reason_text(item.cancel_reason)}" if item.cancel_reason else when


def _zone_of(item: Booking) -> str:
    """Where it takes place: the event's, the expert's or the room's zone."""
    if item.event_session:
        return item.event_session.event.time_zone
    if item.expert:
        return item.expert.time_zone
    return (item.room and item.room.time_zone) or current_app.config["DEFAULT_TIME_ZONE"]


def _who(item: Booking) -> str:
    if item.kind == "appointment":
        return item.attendee_name or ""
    return full_name(item.user.first_name, item.user.last_name)


def name_of_booking(booking_id: int) -> str | None:
    """What it is and when, of a booking that is there."""
    item = db.session.get(Booking, booking_id)
    return item and f"{item.title}, {_plain_time(item)}"


def _plain_time(item: Booking) -> str:
    return cells.plain_span(item.starts_at, item.ends_at, _zone_of(item))


def _required(field: LocalTimeField, zone: str, unchanged: datetime | None = None) -> datetime:
    found = field.instant(zone, unchanged)
    if found is None:
        raise InvalidInput({field.name: [gettext("This field is required.")]})
    return found


def _wanted(
    actor: Actor | None,
    form: ReservationForm,
    item: Booking | None = None,
    default_user_id: int | None = None,
) -> Wanted:
    """What the form asks for, its times in the zone of its room."""
    room = db.session.get_one(Room, form.room_id.data)
    zone = room.time_zone or current_app.config["DEFAULT_TIME_ZONE"]
    starts_at = _required(form.starts_at, zone, item and item.starts_at)
    ends_at = _required(form.ends_at, zone, item and item.ends_at)
    try:
        period = Interval(starts_at, ends_at)
    except ValueError:
        raise InvalidInput({"ends_at": [gettext("This must be after the start.")]}) from None
    return Wanted(
        room_id=room.id,
        period=period,
        title=form.title.data or "",
        reservation_type=form.reservation_type.data or None,
        responsible_user_id=form.user.user_id(actor) or default_user_id,
    )


def _event_type_choices() -> list[tuple[int, str]]:
    rows = db.session.execute(
        select(
            EventType.id, EventType.title, EventType.duration_minutes, Expert.name, Expert.time_zone
        )
        .join(Expert)
        .where(EventType.is_active)
        .order_by(Expert.name, EventType.title, EventType.id)
    )
    return [
        (
            row.id,
            gettext(
                "%(expert)s: %(title)s, %(minutes)s min (%(zone)s)",
                expert=row.name,
                title=row.title,
                minutes=row.duration_minutes,
                zone=row.time_zone,
            ),
        )
        for row in rows
    ]


def _zoned_room_choices() -> list[tuple[int, str]]:
    default = current_app.config["DEFAULT_TIME_ZONE"]
    rows = db.session.execute(select(Room.id, Room.name, Room.time_zone).order_by(Room.name))
    return [(row.id, f"{row.name} ({row.time_zone or default})") for row in rows]


def _bookable_sessions() -> list[Any]:
    return [
        *db.session.execute(
            select(
                EventSession.id,
                EventSession.title,
                EventSession.starts_at,
                EventSession.ends_at,
                EventSession.capacity,
                EventSession.seats_taken,
                EventSession.status,
                Event.title.label("event_title"),
                Event.time_zone,
            )
            .join(Event)
            .where(EventSession.capacity.is_not(None))
            .order_by(EventSession.starts_at, EventSession.id)
        )
    ]


def _session_choices(present: int | None) -> list[tuple[int, str]]:
    """Sessions to come that are booked, and the `present` one."""

    def text(row: Any) -> str:
        time = cells.plain_span(row.starts_at, row.ends_at, row.time_zone)
        return ngettext(
            "%(title)s, %(time)s (%(num)d left, %(event)s)",
            "%(title)s, %(time)s (%(num)d left, %(event)s)",
            row.capacity - row.seats_taken,
            title=row.title,
            time=time,
            event=row.event_title,
        )

    return [
        (row.id, text(row))
        for row in _bookable_sessions()
        if row.id == present or (row.status == "confirmed" and row.ends_at > clock.now())
    ]


def _version(form: Any) -> int | None:
    version = str(form.version.data or "")
    return int(version) if version.isdecimal() and len(version) < 10 else None
