"""The minute matrix as it is read: a room's day, and reservations in frames of one hour.

An `event` of this module is a reservation as the scheduler's users know it: minutes
`[startMinute, endMinute)` of one local hour. Local is the room's zone. All of it is
public; names, responsible users and versions are for staff.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import Select, select

from app.extensions import db
from app.models import Reservation, Room
from app.models.booking import CONFIRMED
from app.models.interval import Interval, overlapping
from app.models.types import AnyRow
from app.services import clock, local_days, occupancy, rooms
from app.services.errors import NotFound
from app.services.policy import Actor
from app.services.transaction import execute

MAX_EVENTS = 10_000


def today(zone: ZoneInfo) -> date:
    """The local date of now."""
    return clock.now().astimezone(zone).date()


def default_zone() -> ZoneInfo:
    """The zone of rooms that have none of their own."""
    return ZoneInfo(current_app.config["DEFAULT_TIME_ZONE"])


def room_day(viewer: Actor | None, room_id: int, day: date | None = None) -> dict[str, Any]:
    """What occupies a room on a local day, today unless given. Raises `NotFound`.

    `version` is that of the topic `room:<id>`. `start` and `end` are within the day,
    `starts_at` and `ends_at` whole.
    """
    room = rooms.get_room(room_id)
    zone = rooms.zone_of(room)
    day = day or today(zone)
    version = occupancy.calendar_version(room.id)
    whole = local_days.day_of(day, zone)
    rows = occupancy.list_occupants(whole, [room.id])
    return {
        "room": rooms.describe(room),
        "date": day.isoformat(),
        "time_zone": zone.key,
        "version": version,
        "busy": occupancy.describe_day(rows, whole, zone, viewer),
    }


def list_events(
    viewer: Actor | None, *, day: date | None = None, room_id: int | None = None
) -> list[dict[str, Any]]:
    """Confirmed reservations by start, each with the first hour that it touches.

    Those of one local day or room if it is given; the latest `MAX_EVENTS` at most.
    """
    query = _EVENTS.where(Reservation.status == CONFIRMED)
    if room_id is not None:
        query = query.where(Reservation.room_id == room_id)
    if day is not None:
        around = local_days.days_of(day - timedelta(days=1), 3, UTC)
        query = query.where(Reservation.starts_at.between(around.starts_at, around.ends_at))
    latest = query.order_by(Reservation.starts_at.desc(), Reservation.id.desc()).limit(MAX_EVENTS)
    found = [_first_hour(row, viewer) for row in reversed(list(execute(latest)))]
    return [event for event in found if day is None or event["date"] == day.isoformat()]


def get_event(viewer: Actor | None, event_id: int) -> dict[str, Any]:
    """One of them. Raises `NotFound`, also for one that is cancelled."""
    return _first_hour(event_row(event_id, confirmed=True), viewer)


def event_row(event_id: int, *, confirmed: bool = False) -> AnyRow:
    """A reservation by its number. Raises `NotFound`."""
    query = _EVENTS.where(Reservation.id == event_id)
    if confirmed:
        query = query.where(Reservation.status == CONFIRMED)
    row = execute(query).one_or_none()
    if row is None:
        raise NotFound
    return row


def event_id(uid: str) -> int:
    """The number of a reservation."""
    return db.session.scalars(select(Reservation.id).where(Reservation.uid == uid)).one()


def schedule(viewer: Actor | None, days: int) -> list[dict[str, Any]]:
    """So many days from today on, each with its 24 hours and the events in them.

    Today is that of the default zone; an event stands at the date and hour of its room's
    own. One that spans several hours stands in each, with its minutes there; both runs
    of a doubled hour are one hour here.
    """
    first = today(default_zone())
    dates = [first + timedelta(days=number) for number in range(days)]
    hours: dict[tuple[date, int], list[dict[str, Any]]] = {
        (day, hour): [] for day in dates for hour in range(24)
    }
    # A day more on both sides: rooms may be in any zone.
    window = local_days.days_of(first - timedelta(days=1), days + 2, UTC)
    query = _EVENTS.where(
        Reservation.status == CONFIRMED,
        overlapping(Reservation.starts_at, Reservation.ends_at, window.starts_at, window.ends_at),
    )
    for row in execute(query.order_by(Reservation.starts_at, Reservation.id)):
        for event in _hours(row, viewer, window):
            listed = hours.get((date.fromisoformat(event["date"]), event["hour"]))
            if listed is not None:
                listed.append(event)
    return [
        {
            "date": day.isoformat(),
            "hours": [{"hour": hour, "bookings": hours[day, hour]} for hour in range(24)],
        }
        for day in dates
    ]


def _first_hour(row: AnyRow, viewer: Actor | None) -> dict[str, Any]:
    return next(_hours(row, viewer))


def _hours(
    row: AnyRow, viewer: Actor | None, window: Interval | None = None
) -> Iterator[dict[str, Any]]:
    """A reservation as one event per hour that it touches, within `window` if there is one."""
    zone = ZoneInfo(row.room_time_zone) if row.room_time_zone else default_zone()
    period = Interval(row.starts_at, row.ends_at)
    if window:
        period = Interval(
            max(period.starts_at, window.starts_at), min(period.ends_at, window.ends_at)
        )
    for part in local_days.hour_parts(period, zone):
        shown: dict[str, Any] = {
            "eventId": row.id,
            "date": part.date.isoformat(),
            "hour": part.hour,
            "startMinute": part.start_minute,
            "endMinute": part.end_minute,
            "title": row.title,
            "eventType": row.reservation_type,
            "room": row.room_id,
            "startsAt": clock.rfc3339(row.starts_at),
            "endsAt": clock.rfc3339(row.ends_at),
        }
        if occupancy.sees_names(viewer):
            shown |= {"responsibleUserId": row.user_id, "version": row.version}
        yield shown


_EVENTS: Select[*tuple[Any, ...]] = select(
    Reservation.id,
    Reservation.uid,
    Reservation.title,
    Reservation.starts_at,
    Reservation.ends_at,
    Reservation.reservation_type,
    Reservation.room_id,
    Reservation.user_id,
    Reservation.version,
    Room.time_zone.label("room_time_zone"),
).join(Room, Room.id == Reservation.room_id)
