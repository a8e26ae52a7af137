"""Read models of the scheduler's pages: months, days and weeks of rooms; and a room's door.

Each takes a few queries, however much is booked. Days are local to each room's zone; a
day is as long as the clocks make it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Calendar, Role, Room, User
from app.models.interval import Interval
from app.models.types import AnyRow
from app.models.user import full_name
from app.services import clock, local_days, minutes, occupancy, rooms
from app.services.clock import rfc3339
from app.services.errors import InvalidInput
from app.services.local_days import HourPart, offset_text
from app.services.policy import ADMIN, CONTRIBUTOR, Actor, require_admin, require_staff

DISPLAY_DAYS = 7  # how far a door's display looks ahead

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


def month(actor: Actor | None, first: date, room_id: int | None = None) -> dict[str, Any]:
    """How full each day of a month is, of one room or of all. For staff.

    `first` is the month's first day. `minutes` are what the rooms have on that day,
    `busy_minutes` what is taken of them; `count` and `mine` are periods that begin then.
    Three queries. Raises `NotFound` for the room.
    """
    actor = require_staff(actor)
    shown = [rooms.get_room(room_id)] if room_id is not None else rooms.list_rooms()
    following = (first + 31 * _DAY).replace(day=1)
    dates = [first + number * _DAY for number in range((following - first).days)]
    taken = {day: {"minutes": 0, "busy_minutes": 0, "count": 0, "mine": 0} for day in dates}
    lengths: dict[ZoneInfo, dict[date, Interval]] = {}
    for room in shown:
        zone = rooms.zone_of(room)
        days = lengths.setdefault(zone, {day: local_days.day_of(day, zone) for day in dates})
        for day, whole in days.items():
            taken[day]["minutes"] += _minutes(whole)
    zones = {room.id: rooms.zone_of(room) for room in shown}
    window = local_days.days_of(first - _DAY, len(dates) + 2, UTC)
    for row in occupancy.list_occupants(window, zones):
        zone = zones[row.room_id]
        begun = row.starts_at.astimezone(zone).date()
        if begun in taken:
            taken[begun]["count"] += 1
            taken[begun]["mine"] += actor.user_id in {row.user_id, row.host_user_id}
        for day in _dates_of(row, zone, window):
            if day in taken:
                taken[day]["busy_minutes"] += _shared_minutes(row, lengths[zone][day])
    today = minutes.today(zones[room_id] if room_id is not None else minutes.default_zone())
    return {
        "month": f"{first:%Y-%m}",
        "first": first.isoformat(),
        "last": dates[-1].isoformat(),
        "today": today.isoformat(),
        "days": [
            {
                "date": day.isoformat(),
                "is_past": day < today,
                **figures,
                "fullness": _ratio(figures),
            }
            for day, figures in taken.items()
        ],
    }


def day(actor: Actor | None, day: date, room_id: int | None = None) -> dict[str, Any]:
    """A local day of all rooms beside each other, or of one. For staff. Three queries.

    Raises `NotFound` for the room.
    """
    actor = require_staff(actor)
    shown = [rooms.get_room(room_id)] if room_id is not None else rooms.list_rooms()
    versions = _versions(shown)
    window = local_days.days_of(day - _DAY, 3, UTC)
    by_room: dict[int, list[AnyRow]] = {room.id: [] for room in shown}
    for row in occupancy.list_occupants(window, by_room):
        by_room[row.room_id].append(row)
    return {
        "date": day.isoformat(),
        "today": minutes.today(minutes.default_zone()).isoformat(),
        "rooms": [
            {
                "room": rooms.describe(room),
                "version": versions[room.id],
                "time_zone": rooms.zone_of(room).key,
                **_room_day(actor, by_room[room.id], day, rooms.zone_of(room)),
            }
            for room in shown
        ],
    }


def week(actor: Actor | None, room_id: int, day: date, *, first_weekday: int = 0) -> dict[str, Any]:
    """The week of one room around a day, from `first_weekday` on: 0 is Monday. For staff.

    Raises `NotFound`.
    """
    actor = require_staff(actor)
    room = rooms.get_room(room_id)
    zone = rooms.zone_of(room)
    version = occupancy.calendar_version(room.id)
    first = day - (day.weekday() - first_weekday) % 7 * _DAY
    found = occupancy.list_occupants(local_days.days_of(first, 7, zone), [room.id])
    return {
        "room": rooms.describe(room),
        "version": version,
        "time_zone": zone.key,
        "first": first.isoformat(),
        "today": minutes.today(zone).isoformat(),
        "days": [
            {"date": each.isoformat(), **_room_day(actor, found, each, zone)}
            for each in (first + number * _DAY for number in range(7))
        ],
    }


def display(room_id: int) -> dict[str, Any]:
    """What a screen at a room's door shows, as everybody may read it: no person's name.

    `free_until` is null when the room is taken, or free for as long as this looks ahead
    (`DISPLAY_DAYS`); `busy_until` is the end of all that follows without a gap. Raises
    `NotFound`.
    """
    room = rooms.get_room(room_id)
    zone = rooms.zone_of(room)
    version = occupancy.calendar_version(room.id)
    now = clock.now()
    today = minutes.today(zone)
    entries = [
        (Interval(row.starts_at, row.ends_at), occupancy.describe(row, None))
        for row in occupancy.list_occupants(Interval(now, now + DISPLAY_DAYS * _DAY), [room.id])
    ]
    begun = [entry for entry in entries if entry[0].starts_at <= now]
    to_come = [entry for entry in entries if entry[0].starts_at > now]
    whole_day = local_days.day_of(today, zone)
    return {
        "room": rooms.describe(room),
        "version": version,
        "date": today.isoformat(),
        "time_zone": zone.key,
        "now_at": rfc3339(now),
        "now": begun[0][1] if begun else None,
        "next": to_come[0][1] if to_come else None,
        "free_until": (rfc3339(to_come[0][0].starts_at) if to_come and not begun else None),
        "busy_until": rfc3339(_end_of_run(entries)) if begun else None,
        "today": [shown for period, shown in entries if period.overlaps(whole_day)],
    }


def list_responsible_users(actor: Actor | None) -> list[dict[str, Any]]:
    """Staff who can be named as responsible, by name. For admins."""
    require_admin(actor)
    staff = db.session.execute(
        select(User.id, User.first_name, User.last_name, User.email)
        .where(User.active.is_(True), User.roles.any(Role.name.in_((ADMIN, CONTRIBUTOR))))
        .order_by(User.first_name, User.last_name, User.id)
    )
    return [
        {"id": row.id, "name": full_name(row.first_name, row.last_name), "email": row.email}
        for row in staff
    ]


def month_of(text: str) -> date:
    """The first day of "2031-03". Raises `InvalidInput`."""
    if re.fullmatch(r"(19[789]|20\d|21\d)\d-(0[1-9]|1[0-2])", text):
        return date.fromisoformat(f"{text}-01")
    raise InvalidInput({"month": [gettext("Use a month like 2031-03.")]})


def _room_day(actor: Actor, rows: Sequence[AnyRow], day: date, zone: ZoneInfo) -> dict[str, Any]:
    """One room's day: its hours, each with how full it is, and what occupies it.

    `rows` are of one room and in order.
    """
    whole = local_days.day_of(day, zone)
    parts = local_days.hours_of(day, zone)
    hours = _busy_minutes([part.period for part in parts], rows)
    return {
        "minutes": _minutes(whole),
        "busy_minutes": sum(_busy_minutes([whole], rows)),
        "hours": [_hour(part, busy) for part, busy in zip(parts, hours, strict=True)],
        "busy": occupancy.describe_day(rows, whole, zone, actor),
    }


def _hour(part: HourPart, busy_minutes: int) -> dict[str, Any]:
    return {
        "hour": part.hour,
        "run": part.run,
        "offset": offset_text(part.offset),
        "start_minute": part.start_minute,
        "end_minute": part.end_minute,
        "starts_at": rfc3339(part.period.starts_at),
        "ends_at": rfc3339(part.period.ends_at),
        "busy_minutes": busy_minutes,
    }


def _busy_minutes(periods: Sequence[Interval], rows: Iterable[AnyRow]) -> list[int]:
    """How many minutes of each period are taken; the periods follow one another."""
    ends = [period.ends_at for period in periods]
    taken = [0] * len(periods)
    for row in rows:
        index = bisect_right(ends, row.starts_at)
        while index < len(periods) and periods[index].starts_at < row.ends_at:
            taken[index] += _shared_minutes(row, periods[index])
            index += 1
    return taken


def _versions(shown: Sequence[Room]) -> dict[int, int]:
    """The versions of the rooms' topics, read before what they stand for."""
    found = db.session.execute(
        select(Calendar.room_id, Calendar.version).where(
            Calendar.room_id.in_([room.id for room in shown])
        )
    )
    return {row.room_id: row.version for row in found}


def _dates_of(row: AnyRow, zone: ZoneInfo, window: Interval) -> list[date]:
    """The local days that a busy period touches within `window`."""
    first = max(row.starts_at, window.starts_at).astimezone(zone).date()
    last = (min(row.ends_at, window.ends_at) - timedelta.resolution).astimezone(zone).date()
    return [first + number * _DAY for number in range((last - first).days + 1)]


def _shared_minutes(row: AnyRow, period: Interval) -> int:
    shared: timedelta = min(row.ends_at, period.ends_at) - max(row.starts_at, period.starts_at)
    return max(0, -(-shared // _MINUTE))


def _minutes(period: Interval) -> int:
    return (period.ends_at - period.starts_at) // _MINUTE


def _ratio(figures: dict[str, int]) -> float:
    return round(figures["busy_minutes"] / figures["minutes"], 4) if figures["minutes"] else 0.0


def _end_of_run(entries: Sequence[tuple[Interval, Any]]) -> datetime:
    end = entries[0][0].ends_at
    for period, _ in entries[1:]:
        if period.starts_at > end:
            break
        end = period.ends_at
    return end
