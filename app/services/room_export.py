"""What occupies rooms as a CSV file, for spreadsheets (RFC 4180)."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext

from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import local_days, occupancy, rooms
from app.services.clock import rfc3339
from app.services.errors import InvalidInput
from app.services.policy import Actor, require_staff

MAX_DAYS = 366

COLUMNS = (
    "room",
    "date",
    "start",
    "end_date",
    "end",
    "time_zone",
    "kind",
    "title",
    "type",
    "responsible",
    "starts_at",
    "ends_at",
    "uid",
)
# What spreadsheets read as the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def export_rooms(actor: Actor | None, first: date, last: date, room_id: int | None = None) -> str:
    """Everything in all rooms, or in one, that touches local days `first` to `last`. For staff.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    Raises `InvalidInput` (reversed, over a year), `NotFound`.
    """
    actor = require_staff(actor)
    if last < first:
        raise InvalidInput({"to": [gettext("The last day is before the first.")]})
    if (last - first).days >= MAX_DAYS:
        raise InvalidInput({"to": [gettext("At most %(n)s days at once.", n=MAX_DAYS)]})
    shown = [rooms.get_room(room_id)] if room_id is not None else rooms.list_rooms()
    days = (last - first).days + 1
    by_room: dict[int, list[AnyRow]] = {room.id: [] for room in shown}
    for row in occupancy.list_occupants(
        Interval(
            local_days.day_of(first - timedelta(days=1), ZoneInfo("UTC")).starts_at,
            local_days.day_of(last + timedelta(days=1), ZoneInfo("UTC")).ends_at,
        ),
        by_room,
    ):
        by_room[row.room_id].append(row)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for room in shown:
        zone = rooms.zone_of(room)
        window = local_days.days_of(first, days, zone)
        for row in by_room[room.id]:
            if window.overlaps(Interval(row.starts_at, row.ends_at)):
                values = _values(row, room.name, zone, actor)
                writer.writerow([_harmless(values[column]) for column in COLUMNS])
    return text.getvalue()


def _values(row: AnyRow, room_name: str, zone: ZoneInfo, actor: Actor) -> dict[str, Any]:
    shown = occupancy.describe(row, actor)
    start, end = row.starts_at.astimezone(zone), row.ends_at.astimezone(zone)
    return {
        "room": room_name,
        "date": start.date().isoformat(),
        "start": f"{start:%H:%M}",
        "end_date": end.date().isoformat(),
        "end": f"{end:%H:%M}",
        "time_zone": zone.key,
        "kind": shown["kind"],
        "title": shown["title"],
        "type": shown.get("event_type") or "",
        "responsible": shown.get("owner") or "",
        "starts_at": rfc3339(row.starts_at),
        "ends_at": rfc3339(row.ends_at),
        "uid": shown.get("uid") or "",
    }


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
