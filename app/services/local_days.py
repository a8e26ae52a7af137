"""Local days and hours of a room, where clocks may miss an hour or repeat one.

Pure: no database, no clock. What comes in and goes out as an instant is aware; dates,
hours and minutes are local to the zone that is named with them.

Zones change their offset at a quarter of an hour, so whatever lies between two quarters
has one offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from flask_babel import gettext

from app.models.interval import Interval
from app.services.local_text import date_text

_MINUTE = timedelta(minutes=1)
_QUARTER = timedelta(minutes=15)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class HourPart:
    """Minutes `[start_minute, end_minute)` of one run of one local hour.

    `run` is 0, or 1 for the second run of a doubled hour; `offset` is that from UTC.
    """

    date: date
    hour: int
    start_minute: int
    end_minute: int
    run: int
    offset: timedelta
    period: Interval


def day_of(day: date, zone: tzinfo) -> Interval:
    """A local day: 24 hours, or 23 or 25 where the clocks change."""
    return Interval(_midnight(day, zone), _midnight(day + _DAY, zone))


def days_of(first: date, days: int, zone: tzinfo) -> Interval:
    """So many local days from `first` on."""
    return Interval(_midnight(first, zone), _midnight(first + timedelta(days=days), zone))


def hours_of(day: date, zone: tzinfo) -> list[HourPart]:
    """The hours that a local day has: a missing one is absent, a doubled one is there twice."""
    return list(hour_parts(day_of(day, zone), zone))


def hour_parts(period: Interval, zone: tzinfo) -> Iterator[HourPart]:
    """The hours that a period touches, each with the minutes that it touches there.

    A minute that is touched for a second counts whole.
    """
    cursor = period.starts_at.replace(second=0, microsecond=0)
    end = period.ends_at
    while cursor < end:
        local = cursor.astimezone(zone)
        stop = _end_of_hour(cursor, local)
        minutes = -((cursor - min(stop, end)) // _MINUTE)
        offset = local.utcoffset() or timedelta()
        yield HourPart(
            date=local.date(),
            hour=local.hour,
            start_minute=local.minute,
            end_minute=local.minute + minutes,
            run=local.fold,
            offset=offset,
            period=Interval(cursor, cursor + minutes * _MINUTE),
        )
        cursor = stop


def frame(day: date, hour: int, start_minute: int, end_minute: int, zone: tzinfo) -> Interval:
    """Minutes `[start_minute, end_minute)` of a local hour; of a doubled one, the first run.

    Raises ValueError, with a sentence for people, for minutes that the day does not have.
    """
    first = resolve(datetime.combine(day, time(hour, start_minute)), zone)
    last = resolve(datetime.combine(day, time(hour, end_minute - 1)), zone)
    # Both exist; still the clocks may be turned between them.
    if first is None or last is None or last - first != (end_minute - 1 - start_minute) * _MINUTE:
        raise ValueError(
            gettext(
                "On %(day)s the clocks are turned, and %(start)s to %(end)s does not exist.",
                day=date_text(day),
                start=f"{hour:02}:{start_minute:02}",
                end=f"{(hour + end_minute // 60) % 24:02}:{end_minute % 60:02}",
            )
        )
    return Interval(first, last + _MINUTE)


def resolve(local: datetime, zone: tzinfo) -> datetime | None:
    """The first instant at which clocks show `local`, which is naive; None if they never do."""
    instant = local.replace(tzinfo=zone).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local else None


def clock_span(
    starts_at: datetime, ends_at: datetime, whole: Interval, zone: tzinfo
) -> tuple[str, str]:
    """The part of a period within a whole day as "HH:MM" and "HH:MM"; "24:00" ends the day."""
    start = _clock(max(starts_at, whole.starts_at).astimezone(zone))
    if ends_at >= whole.ends_at:
        return start, "24:00"
    if ends_at.second or ends_at.microsecond:
        ends_at = ends_at.replace(second=0, microsecond=0) + _MINUTE
    return start, _clock(ends_at.astimezone(zone))


def _clock(local: datetime) -> str:
    return f"{local.hour:02}:{local.minute:02}"


def offset_text(offset: timedelta) -> str:
    """`+01:00`."""
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _midnight(day: date, zone: tzinfo) -> datetime:
    # A missing midnight reads, with the offset before it, as the first instant after it.
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _end_of_hour(cursor: datetime, local: datetime) -> datetime:
    """The instant at which the clock shows another hour or another offset than `local`."""
    zone = local.tzinfo
    stop = cursor + (60 - local.minute) * _MINUTE
    if (stop - _MINUTE).astimezone(zone).utcoffset() == local.utcoffset():
        return stop
    stop = cursor + (15 - local.minute % 15) * _MINUTE
    while stop.astimezone(zone).utcoffset() == local.utcoffset():
        stop += _QUARTER
    return stop
