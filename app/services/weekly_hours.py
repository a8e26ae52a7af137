"""Weekly hours as experts and settings keep them: `{weekday, start, end}`, in minutes.

Weekday 0 is Monday; minutes count from the day's beginning, 1,440 is its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext

from app.services import availability, fields
from app.services.availability import format_clock, parse_clock

MAX_INTERVALS = 100
# Monday to Friday, 08:00 to 17:00.
DEFAULT = [{"weekday": day, "start": 8 * 60, "end": 17 * 60} for day in range(5)]


def read(errors: fields.Errors, name: str, value: object) -> list[dict[str, int]]:
    """Hours from `[{weekday, start: "08:00", end: "17:00"}]`, sorted, none overlapping."""
    by_day: dict[int, list[tuple[int, int]]] = {}
    try:
        if not isinstance(value, list) or len(value) > MAX_INTERVALS:
            raise ValueError(gettext("Give a list of at most %(n)s intervals.", n=MAX_INTERVALS))
        for hours in value:
            day = hours.get("weekday") if isinstance(hours, dict) else None
            if isinstance(day, bool) or not isinstance(day, int) or not 0 <= day <= 6:
                raise ValueError(gettext("weekday is a number from 0, Monday, to 6, Sunday."))
            by_day.setdefault(day, []).append(read_interval(hours))
        return [
            {"weekday": day, "start": start, "end": end}
            for day in sorted(by_day)
            for start, end in availability.validate_intervals(by_day[day])
        ]
    except ValueError as error:
        errors[name] = [str(error)]
        return []


def read_interval(value: object) -> tuple[int, int]:
    """The minutes of `{start: "08:00", end: "17:00"}`. Raises `ValueError`."""
    if not isinstance(value, dict):
        raise ValueError(gettext('An interval looks like {"start": "08:00", "end": "17:00"}.'))
    return parse_clock(value.get("start")), parse_clock(value.get("end"))


def describe(hours: Iterable[Mapping[str, int]]) -> list[dict[str, Any]]:
    """What `read` reads."""
    return [
        {
            "weekday": each["weekday"],
            "start": format_clock(each["start"]),
            "end": format_clock(each["end"]),
        }
        for each in hours
    ]
