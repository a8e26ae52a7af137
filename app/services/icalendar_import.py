"""When a calendar of somebody else says that they are busy: iCalendar in, periods out.

Pure, and run as a program of its own (`calendar_sandbox` starts it): a file from outside
may hold rules that take for ever to work out, or more than fits into memory, so it is
read where only this process can suffer. For the same reason it imports nothing of ours.

What counts (RFC 5545): every VEVENT that is neither TRANSPARENT (3.8.2.7) nor CANCELLED
(3.8.1.11), with its repetitions, exceptions and moved instances. Times without a zone and
whole days are in the time zone of whose calendar it is. Titles, places and people are
dropped here: what is kept of the file (`Read.content`) has times and rules only.

Catches `Exception` around each series: one event that makes no sense must not hide the
others. Those left out are counted, since they may be busy time.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Component, Event

CPU_SECONDS = 10
MEMORY_BYTES = 1024 * 1024 * 1024
MAX_EVENTS = 20_000
MAX_PERIODS = 50_000

# Why a file is refused, as `calendar_sandbox` hears it.
NO_CALENDAR = "no_calendar"
TOO_MUCH = "too_much"

# All that matters of an event. What people wrote is not among it.
_KEPT = (
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "SEQUENCE",
    "TRANSP",
    "STATUS",
    "X-MICROSOFT-CDO-BUSYSTATUS",
)
_REPEATS = ("RRULE", "RDATE", "RECURRENCE-ID")
# A booking of this product may stand in the calendar, see `Busy.uid`: as its invitation, or
# as the event with its Meet link, whose id `meetings` made of the booking's.
_OWN_UID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OWN_GOOGLE_UID = re.compile("([0-9a-f]{32})[0-9a-f]{0,2}@google[.]com")
_HASHED_UID = re.compile("[0-9a-f]{24}")
_DAY = timedelta(days=1)


class RefusedError(Exception):
    """The file cannot be used; the text is `NO_CALENDAR` or `TOO_MUCH`."""


@dataclass(frozen=True, slots=True)
class Busy:
    """One busy period, UTC. `uid` is that of the event if it may be a booking of ours."""

    starts_at: datetime
    ends_at: datetime
    uid: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """What a file says. `content` says the same, as iCalendar, without what people wrote.

    `skipped` counts the events, repetitions taken together, that could not be understood.
    """

    periods: list[Busy]
    content: str
    skipped: int


def read(data: bytes, time_zone: str, starts_at: datetime, ends_at: datetime) -> Read:
    """The busy periods of an iCalendar file between two instants, clipped to them.

    Raises `RefusedError` for what is no calendar and for what is too much of one.
    """
    calendars = _parse(data)
    zone = ZoneInfo(time_zone)
    kept: list[Calendar] = []
    periods: list[Busy] = []
    skipped = count = 0
    for calendar in calendars:
        reduced = _reduced(calendar)
        kept.append(reduced)
        for uid, events in _series(calendar).items():
            count += len(events)
            if count > MAX_EVENTS:
                raise RefusedError(TOO_MUCH)
            try:
                if _is_over(events, zone, starts_at):
                    continue
                found = list(_occurrences(calendar, events, zone, starts_at, ends_at))
            except MemoryError:
                raise
            except Exception:  # noqa: BLE001 (whatever the file makes the libraries do: see above)
                skipped += 1
                continue
            periods += [Busy(start, end, _own_uid(uid)) for start, end in found]
            if len(periods) > MAX_PERIODS:
                raise RefusedError(TOO_MUCH)
            for event in events:
                reduced.add_component(_reduced_event(event, uid))
    content = b"".join(calendar.to_ical() for calendar in kept)
    return Read(periods, content.decode(), skipped)


def _parse(data: bytes) -> list[Calendar]:
    text = data.decode("utf-8-sig", "replace").strip()
    if not text[:15].upper().startswith("BEGIN:VCALENDAR"):
        raise RefusedError(NO_CALENDAR)
    try:
        found = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise RefusedError(NO_CALENDAR) from None
    calendars = [each for each in found if each.name == "VCALENDAR"]
    if not calendars:
        raise RefusedError(NO_CALENDAR)
    return calendars


def _series(calendar: Calendar) -> dict[str, list[Event]]:
    """The events by UID: a repeated one and its moved instances share theirs."""
    series: dict[str, list[Event]] = {}
    for number, event in enumerate(calendar.walk("VEVENT")):
        assert isinstance(event, Event)
        # An event without UID, which RFC 5545 forbids, is one of its own.
        uid = str(event.get("UID") or f"without-{number}")
        series.setdefault(uid, []).append(event)
    return series


def _is_over(events: Iterable[Event], zone: ZoneInfo, starts_at: datetime) -> bool:
    """Whether nothing of it is left; most of an old calendar is."""
    return all(
        not any(name in event for name in _REPEATS) and _instant(_end_of(event), zone) <= starts_at
        for event in events
    )


def _end_of(event: Component) -> date | datetime:
    """When an event ends, by DTEND, DURATION or the kind of its start (3.6.1)."""
    start = _time(event, "DTSTART")
    if "DTEND" in event:
        return _time(event, "DTEND")
    if "DURATION" in event:
        length: Any = event["DURATION"]
        return start + length.dt  # type: ignore[no-any-return]
    return start if isinstance(start, datetime) else start + _DAY


def _time(event: Component, name: str) -> date | datetime:
    """Raises an error of whatever kind for an event that has no such time."""
    value: Any = event[name]
    found: date | datetime = value.dt
    return found


def _occurrences(
    calendar: Calendar,
    events: Iterable[Event],
    zone: ZoneInfo,
    starts_at: datetime,
    ends_at: datetime,
) -> Iterator[tuple[datetime, datetime]]:
    alone = Calendar()
    if "X-WR-TIMEZONE" in calendar:  # Google's: the zone in which UTC times repeat
        alone["X-WR-TIMEZONE"] = calendar["X-WR-TIMEZONE"]
    for event in events:
        alone.add_component(event)
    # Wider by two days, since the edges are compared before zones are settled.
    found = recurring_ical_events.of(alone).between(starts_at - 2 * _DAY, ends_at + 2 * _DAY)
    for occurrence in found:
        if _is_free(occurrence):
            continue
        start = max(_instant(_time(occurrence, "DTSTART"), zone), starts_at)
        end = min(_instant(_end_of(occurrence), zone), ends_at)
        if start < end:
            yield start, end


def _is_free(event: Component) -> bool:
    return (
        str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
        or str(event.get("STATUS", "")).upper() == "CANCELLED"
        or str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() == "FREE"
    )


def _instant(value: date | datetime, zone: ZoneInfo) -> datetime:
    """UTC of a time, of one that floats in `zone`, or of a day's beginning there."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if value.utcoffset() is None:
        value = value.replace(tzinfo=zone)
    return value.astimezone(UTC)


def _own_uid(uid: str) -> str | None:
    """The uid of the booking that this may be."""
    if _OWN_UID.fullmatch(uid):
        return uid
    google = _OWN_GOOGLE_UID.fullmatch(uid)
    return str(UUID(google[1])) if google else None


# -- what is kept --------------------------------------------------------------------


def _reduced(calendar: Calendar) -> Calendar:
    """The calendar without its events: what its times are to be read by."""
    reduced = Calendar()
    reduced.add("PRODID", "-//Rendezvous//Busy times//EN")
    reduced.add("VERSION", "2.0")
    if "X-WR-TIMEZONE" in calendar:
        reduced["X-WR-TIMEZONE"] = calendar["X-WR-TIMEZONE"]
    for zone in calendar.walk("VTIMEZONE"):
        reduced.add_component(zone)
    return reduced


def _reduced_event(event: Event, uid: str) -> Event:
    reduced = Event()
    # UIDs often hold an address. Ours is needed as it is, of others whether they are equal.
    known = _own_uid(uid) or (uid if _HASHED_UID.fullmatch(uid) else None)
    reduced["UID"] = known or sha256(uid.encode()).hexdigest()[:24]
    for name in _KEPT:
        if name in event:
            reduced[name] = event[name]
    return reduced


# -- as a program --------------------------------------------------------------------


def main() -> int:
    """Read a line of JSON and a file from standard input; write JSON.

    Exits 0 whatever the file is. Ends early, by a signal, when it takes too long.
    """
    warnings.simplefilter("ignore")  # of what the libraries guess about odd files
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, hard))
    with suppress(ValueError, OSError):  # not every system has this one
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.buffer.readline())
    answer: dict[str, Any]
    try:
        found = read(
            sys.stdin.buffer.read(),
            asked["time_zone"],
            datetime.fromisoformat(asked["starts_at"]),
            datetime.fromisoformat(asked["ends_at"]),
        )
    except RefusedError as refused:
        answer = {"refused": str(refused)}
    except (MemoryError, RecursionError):
        answer = {"refused": TOO_MUCH}
    else:
        answer = {
            "periods": [
                [busy.starts_at.isoformat(), busy.ends_at.isoformat(), busy.uid]
                for busy in found.periods
            ],
            "content": found.content,
            "skipped": found.skipped,
        }
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
