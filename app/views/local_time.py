"""Instants as local text, for templates: the only place where pages leave UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from flask import Blueprint

from app.services.local_text import day_text

blueprint = Blueprint("local_time", __name__)


def aware(value: datetime | str) -> datetime:
    """An instant, from the model's datetime or the JSON's text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


def instant(value: datetime | str) -> str:
    """RFC 3339 in UTC, for `<time datetime>` and scripts."""
    return aware(value).astimezone(UTC).isoformat().replace("+00:00", "Z")


def local_time(value: datetime | str, zone: str) -> str:
    """`10:30`."""
    return aware(value).astimezone(ZoneInfo(zone)).strftime("%H:%M")


def run_of_hour(value: datetime | str, zone: str) -> str:
    """The zone's short name where clocks show this time twice, to tell the runs apart; else nothing."""
    local = aware(value).astimezone(ZoneInfo(zone))
    is_doubled = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return zone_name(value, zone) if is_doubled else ""


def local_day(value: datetime | str, zone: str, form: str = "long") -> str:
    """`Tuesday 1 December 2026`."""
    return day_text(aware(value).astimezone(ZoneInfo(zone)).date(), form)


def local_date(value: datetime | str, zone: str) -> str:
    """`2026-12-01`: the day as a key."""
    return aware(value).astimezone(ZoneInfo(zone)).date().isoformat()


def zone_name(value: datetime | str, zone: str) -> str:
    """The zone's short name at that instant: `CET`, or `GMT+3` where it has none."""
    local = aware(value).astimezone(ZoneInfo(zone))
    name = local.tzname() or "UTC"
    if name[0] not in "+-":
        return name
    sign, digits = name[0], name[1:]
    hours, minutes = digits[:2].lstrip("0") or "0", digits[2:]
    return f"GMT{sign}{hours}{':' + minutes if minutes else ''}"


def zone_city(zone: str) -> str:
    """`America/New_York` is `New York`."""
    return zone.rpartition("/")[2].replace("_", " ")


@cache
def zone_choices() -> list[tuple[str, str]]:
    """Zones of places, as a <select> offers them."""
    places = sorted(
        zone
        for zone in available_timezones()
        if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
    )
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in places)]


def initials(name: str) -> str:
    """The letters for an avatar: of the first word and the last, titles left out."""
    words = [word for word in name.split() if word[0].isalnum() and not word.endswith(".")]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def groupby_day(
    bookings: Iterable[Mapping[str, Any]], zone: str
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Bookings as they come, in runs of one local day."""
    for day, members in groupby(bookings, lambda booking: local_date(booking["starts_at"], zone)):
        yield day, list(members)


for _filter in (
    instant,
    local_time,
    local_day,
    local_date,
    zone_name,
    run_of_hour,
    zone_city,
    initials,
    groupby_day,
):
    blueprint.add_app_template_filter(_filter)
