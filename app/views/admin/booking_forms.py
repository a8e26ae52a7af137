"""What a booking of each kind is asked for in the back-office.

Each form fills in what it offers, and hands what it holds to the one service for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy import select
from wtforms import BooleanField, HiddenField

from app.extensions import db
from app.gates import current_actor
from app.models import Booking, Event, EventSession, EventType, Expert, Room
from app.models.interval import Interval
from app.services import appointments, clock, reservations, seats
from app.services.appointments import Client
from app.services.errors import InvalidInput
from app.services.policy import Actor
from app.services.rescheduling import count_in_slot, reschedule_booking
from app.services.reservations import Wanted
from app.views.admin import cells
from app.views.admin.booking_cells import RESERVATION_NAMES, zone_of
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
)


class AddedForm(OfficeForm):
    """A booking that is to be made."""

    def offer(self, item: None) -> None:
        """Fill in what there is to choose from."""

    def book(self, actor: Actor | None) -> dict[str, Any]:
        """Make it, by its service, whose answer this is."""
        raise NotImplementedError


class MovedForm(OfficeForm):
    """A booking that stands and is to be changed."""

    @staticmethod
    def values_of(item: Booking) -> dict[str, Any]:
        """What the form shows at first."""
        raise NotImplementedError

    def offer(self, item: Booking) -> None:
        """Fill in what there is to choose from."""

    def move(self, actor: Actor | None, item: Booking) -> str | None:
        """Change it, by its service; returns what else there is to say of it."""
        raise NotImplementedError


class AppointmentForm(AddedForm):
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

    def offer(self, item: None) -> None:
        self.event_type_id.offer(_event_type_choices())

    def book(self, actor: Actor | None) -> dict[str, Any]:
        event_type = db.session.get_one(EventType, self.event_type_id.data)
        starts_at = _required(self.starts_at, event_type.expert.time_zone)
        client = Client(
            name=self.name.data or "",
            email=self.email.data or "",
            phone=self.phone.data or "",
            notes=self.notes.data or "",
        )
        return appointments.book_for_client(actor, event_type.id, starts_at, client).booking


class MovedAppointmentForm(MovedForm):
    starts_at = LocalTimeField(lazy_gettext("New start"))
    with_group = BooleanField(
        lazy_gettext("Move everybody in this slot"),
        description=lazy_gettext("Each gets a mail. Otherwise this booking moves alone."),
    )
    version = HiddenField()

    @staticmethod
    def values_of(item: Booking) -> dict[str, Any]:
        starts_at = local_of(item.starts_at, zone_of(item))
        return {"version": item.version, "starts_at": starts_at, "with_group": True}

    def offer(self, item: Booking) -> None:
        self.starts_at.description = gettext("In %(zone)s.", zone=zone_of(item))
        if count_in_slot(current_actor(), item.uid) == 1:
            del self.with_group

    def move(self, actor: Actor | None, item: Booking) -> str:
        starts_at = _required(self.starts_at, zone_of(item), item.starts_at)
        reschedule_booking(
            actor,
            item.uid,
            starts_at,
            version=_version(self.version),
            with_group="with_group" in self and bool(self.with_group.data),
        )
        return gettext("Moved. Client and expert get a mail.")


class SeatForm(AddedForm):
    event_session_id = IdField(lazy_gettext("Session"), required=True)
    user = UserField(
        lazy_gettext("Attendee"),
        required=True,
        description=lazy_gettext("The address of an account."),
    )

    def offer(self, item: None) -> None:
        self.event_session_id.offer(_session_choices(self.event_session_id.object_data))

    def book(self, actor: Actor | None) -> dict[str, Any]:
        return seats.book_seat(
            actor, self.event_session_id.data, on_behalf=self.user.user_id(actor)
        ).booking


class MovedSeatForm(MovedForm):
    event_session_id = IdField(lazy_gettext("Session"), required=True)

    @staticmethod
    def values_of(item: Booking) -> dict[str, Any]:
        return {"version": item.version, "event_session_id": item.event_session_id}

    def offer(self, item: Booking) -> None:
        self.event_session_id.offer(_session_choices(self.event_session_id.object_data))

    def move(self, actor: Actor | None, item: Booking) -> str:
        if self.event_session_id.data == item.event_session_id:
            return gettext("Nothing was changed.")
        seats.book_seat(
            actor, self.event_session_id.data, replace=[item.uid], on_behalf=item.user_id
        )
        return gettext("This seat was given up for one in the other session.")


class ReservationFields(OfficeForm):
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

    def offer(self, item: Booking | None) -> None:
        """Fill in the rooms, each with the zone that its times are in."""
        self.room_id.offer(_zoned_room_choices())

    def wanted(
        self,
        actor: Actor | None,
        item: Booking | None = None,
    ) -> Wanted:
        """What the form asks for, its times in the zone of its room.

        Of `item` it keeps who is responsible, and times that were not touched.
        """
        room = db.session.get_one(Room, self.room_id.data)
        zone = room.time_zone or current_app.config["DEFAULT_TIME_ZONE"]
        starts_at = _required(self.starts_at, zone, item and item.starts_at)
        ends_at = _required(self.ends_at, zone, item and item.ends_at)
        try:
            period = Interval(starts_at, ends_at)
        except ValueError:
            raise InvalidInput({"ends_at": [gettext("This must be after the start.")]}) from None
        return Wanted(
            room_id=room.id,
            period=period,
            title=self.title.data or "",
            reservation_type=self.reservation_type.data or None,
            responsible_user_id=self.user.user_id(actor) or (item and item.user_id),
        )


class ReservationForm(ReservationFields, AddedForm):
    def book(self, actor: Actor | None) -> dict[str, Any]:
        return reservations.reserve_room(actor, self.wanted(actor))


class MovedReservationForm(ReservationFields, MovedForm):
    version = HiddenField()

    @staticmethod
    def values_of(item: Booking) -> dict[str, Any]:
        zone = zone_of(item)
        return {
            "version": item.version,
            "title": item.title,
            "room_id": item.room_id,
            "starts_at": local_of(item.starts_at, zone),
            "ends_at": local_of(item.ends_at, zone),
            "user": item.user.email,
            "reservation_type": item.reservation_type or "",
        }

    def move(self, actor: Actor | None, item: Booking) -> None:
        uid, version = item.uid, _version(self.version)
        reservations.move_reservation(actor, uid, self.wanted(actor, item), version=version)


ADD_FORMS: dict[str, type[AddedForm]] = {
    "appointment": AppointmentForm,
    "seat": SeatForm,
    "reservation": ReservationForm,
}
EDIT_FORMS: dict[str, type[MovedForm]] = {
    "appointment": MovedAppointmentForm,
    "seat": MovedSeatForm,
    "reservation": MovedReservationForm,
}


class CancelForm(OfficeForm):
    reason = TextField(
        lazy_gettext("Reason"), description=lazy_gettext("Told in the mail to everybody in it.")
    )


def _required(field: LocalTimeField, zone: str, unchanged: datetime | None = None) -> datetime:
    found = field.instant(zone, unchanged)
    if found is None:
        raise InvalidInput({field.name: [gettext("This field is required.")]})
    return found


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


def _version(field: HiddenField) -> int | None:
    version = str(field.data or "")
    return int(version) if version.isdecimal() and len(version) < 10 else None
