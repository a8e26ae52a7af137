"""Reservations by the hour: the scheduler's commands in a frame of one local hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Room
from app.models.interval import Interval
from app.services import fields, local_days, minutes, reservations, rooms
from app.services.errors import InvalidInput, NotFound
from app.services.policy import Actor, require_staff
from app.services.reservations import Wanted
from app.services.transaction import transactional


@dataclass(frozen=True, slots=True)
class Frame:
    """Minutes `[start_minute, end_minute)` of an hour of a room's local day.

    In a doubled hour they are those of its first run.
    """

    date: date
    hour: int
    start_minute: int
    end_minute: int

    def in_zone_of(self, room: Room) -> Interval:
        """When that is. Raises `InvalidInput`, also where the clocks miss it."""
        errors: fields.Errors = {}
        fields.number(errors, "hour", self.hour, minimum=0, maximum=23)
        fields.number(errors, "start_minute", self.start_minute, minimum=0, maximum=59)
        fields.number(errors, "end_minute", self.end_minute, minimum=1, maximum=60)
        if not errors and self.end_minute <= self.start_minute:
            errors["end_minute"] = [gettext("This must be later than the start.")]
        fields.refuse(errors)
        try:
            return local_days.frame(
                self.date, self.hour, self.start_minute, self.end_minute, rooms.zone_of(room)
            )
        except ValueError as error:
            raise InvalidInput({"hour": [str(error)]}, str(error)) from error


@transactional
def post_event(
    actor: Actor | None,
    frame: Frame,
    *,
    title: str,
    event_type: str | None = None,
    room_id: int | None = None,
    responsible_user_id: int | None = None,
) -> int:
    """Reserve a room, the first unless said, for minutes of an hour; returns the event's number.

    Locks and raises as `reservations.reserve_room`; `InvalidInput` for the frame.
    """
    actor = require_staff(actor)
    room = _room(room_id)
    wanted = Wanted(
        room_id=room.id,
        period=frame.in_zone_of(room),
        title=title,
        reservation_type=event_type,
        responsible_user_id=responsible_user_id,
    )
    return minutes.event_id(reservations.reserve_room(actor, wanted)["uid"])


@transactional
def reschedule_event(
    actor: Actor | None, event_id: int, frame: Frame, *, version: int | None = None
) -> dict[str, Any]:
    """Move an event to a frame in its room. Locks and raises as `reservations.move_reservation`."""
    actor = require_staff(actor)
    row = reservations.get_row(actor, minutes.event_row(event_id).uid)
    period = frame.in_zone_of(rooms.get_room(row.room_id))
    values = {"starts_at": period.starts_at, "ends_at": period.ends_at}
    return reservations.change_row(actor, row, values, version=version)


@transactional
def delete_event(actor: Actor | None, event_id: int) -> dict[str, Any]:
    """Cancel an event; twice is once. Locks and raises as `reservations.cancel_reservation`."""
    actor = require_staff(actor)
    return reservations.cancel_reservation(actor, minutes.event_row(event_id).uid)


def _room(room_id: int | None) -> Room:
    """The room of this id, or the first one. Raises `InvalidInput`."""
    if room_id is None:
        room = db.session.scalars(select(Room).order_by(Room.id).limit(1)).one_or_none()
        if room is None:
            raise InvalidInput({"room_id": [gettext("There is no room yet.")]})
        return room
    try:
        return rooms.get_room(room_id)
    except NotFound:
        raise InvalidInput({"room_id": [gettext("There is no such room.")]}) from None
