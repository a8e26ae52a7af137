"""The agenda as a page shows it: filtered, by day and time, each session with its state.

`static/js/agenda/sessions.js` says the same in the browser; a test holds both together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from app.services.agenda import Shown

VIEWS = ("time", "grid", "list")
MAX_WORDS = 100
STEP = timedelta(minutes=5)  # a row of the grid
AXIS_STEPS = 6  # rows between its labels

Session = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filters:
    """What of an agenda is asked for, as it stands in the page's query."""

    words: str = ""
    rooms: tuple[str, ...] = ()  # names: they outlive an import, ids need not
    tracks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    has_seats: bool = False
    mine: bool = False

    @classmethod
    def of(cls, query: MultiDict[str, str]) -> Filters:
        """Whatever cannot be meant is left out: a link never fails for its filters."""
        return cls(
            words=" ".join(query.get("q", "")[:MAX_WORDS].split()),
            rooms=tuple(query.getlist("room")),
            tracks=tuple(query.getlist("track")),
            languages=tuple(query.getlist("language")),
            has_seats=query.get("free") == "1",
            mine=query.get("mine") == "1",
        )

    @property
    def is_any(self) -> bool:
        return self != Filters()

    @property
    def count(self) -> int:
        """How many of them stand in the filter sheet."""
        return len(self.rooms) + len(self.tracks) + len(self.languages)

    def pairs(self) -> list[tuple[str, str]]:
        """As query parameters."""
        return [
            *([("q", self.words)] if self.words else []),
            *(("room", each) for each in self.rooms),
            *(("track", each) for each in self.tracks),
            *(("language", each) for each in self.languages),
            *([("free", "1")] if self.has_seats else []),
            *([("mine", "1")] if self.mine else []),
        ]

    def admit(self, session: Session) -> bool:
        """Whether the session is among what is asked for."""
        if self.rooms and session["room"]["name"] not in self.rooms:
            return False
        if self.tracks and session["track"] not in self.tracks:
            return False
        if self.languages and session["language"] not in self.languages:
            return False
        if self.has_seats and session["seats_left"] == 0:
            return False
        if self.mine and not (session["booked"] or session["waitlisted"]):
            return False
        if not self.words:
            return True
        text = _searched(session)
        return all(word in text for word in self.words.casefold().split())


class Row(NamedTuple):
    """All that a session's row shows, links aside: equal rows look alike."""

    id: int
    title: str
    speakers: tuple[str, ...]
    track: str
    room: str
    starts_at: str
    clock: tuple[str, str]  # when it begins and ends, in the event's zone
    capacity: int | None
    seats_left: int | None
    state: str
    is_now: bool
    is_over: bool
    place: tuple[int, int, int]  # in the grid: its first row, how many, the column


@dataclass(slots=True)
class Group:
    """Sessions of a day that begin at the same time."""

    starts_at: datetime
    sessions: list[Row] = field(default_factory=list)
    is_first_after_now: bool = False


@dataclass(slots=True)
class Day:
    """A conference day: its groups for reading, its rooms and hours for the grid."""

    date: str
    groups: list[Group]
    rooms: list[str]
    axis: list[tuple[int, datetime]]
    now_row: int = 0

    @property
    def count(self) -> int:
        return sum(len(group.sessions) for group in self.groups)


def days_of(agenda: Shown) -> list[str]:
    """The days that have sessions; those of the event while it has none."""
    days = sorted({session["day"] for session in agenda.sessions})
    if days:
        return days
    event = agenda.event
    first, last = (datetime.fromisoformat(event[name]) for name in ("starts_on", "ends_on"))
    span = (last - first).days + 1
    return [(first + timedelta(days=n)).date().isoformat() for n in range(span)]


def day_shown(agenda: Shown, wanted: str | None, now: datetime) -> str:
    """The day asked for; else today, the next one to come, or the first."""
    days = days_of(agenda)
    if wanted in days:
        return wanted
    today = now.astimezone(ZoneInfo(agenda.event["time_zone"])).date().isoformat()
    running = [each["day"] for each in agenda.sessions if instant(each["ends_at"]) > now]
    if not running:
        return days[0]
    return today if today in days and today >= min(running) else min(running)


def lay_out(sessions: Sequence[Session], date: str, zone: ZoneInfo, now: datetime) -> Day:
    """One day, its sessions in order of start and room, with their places in the grid."""
    own = [session for session in sessions if session["day"] == date]
    if not own:
        return Day(date, [], [], [])
    rooms = room_order(own)
    starts = [instant(session["starts_at"]) for session in own]
    begin = _half_hour_before(min(starts))
    end = max(instant(session["ends_at"]) for session in own)
    column = {name: number for number, name in enumerate(rooms, start=1)}
    groups: dict[datetime, Group] = {}
    for session, starts_at in zip(own, starts, strict=True):
        ends_at = instant(session["ends_at"])
        row = round((starts_at - begin) / STEP)
        room = session["room"]["name"]
        shown = Row(
            session["id"],
            session["title"],
            tuple(session["speakers"]),
            session["track"],
            room,
            session["starts_at"],
            (_clock(starts_at, zone), _clock(ends_at, zone)),
            session["capacity"],
            session["seats_left"],
            state_of(session, now),
            is_now=starts_at <= now < ends_at,
            is_over=ends_at <= now,
            place=(row, max(1, round((ends_at - begin) / STEP) - row), column[room]),
        )
        groups.setdefault(starts_at, Group(starts_at)).sessions.append(shown)
    ordered = sorted(groups.values(), key=lambda group: group.starts_at)
    if ordered[0].starts_at <= now < end:
        coming = [group for group in ordered if group.starts_at > now]
        if coming:
            coming[0].is_first_after_now = True
    steps = round((end - begin) / STEP)
    axis = [(row, begin + row * STEP) for row in range(0, steps + 1, AXIS_STEPS)]
    return Day(date, ordered, rooms, axis, max(0, round((now - begin) / STEP)))


def room_order(sessions: Iterable[Session]) -> list[str]:
    """Rooms by name, numbers in them by value."""
    return sorted({session["room"]["name"] for session in sessions}, key=_natural)


def choices(sessions: Sequence[Session], name: str) -> list[str]:
    """The tracks or languages that occur; none where there is nothing to choose."""
    found = sorted({session[name] for session in sessions if session[name]}, key=str.casefold)
    return found if len(found) > 1 else []


def state_of(session: Session, now: datetime) -> str:
    """How it stands for the reader: the one word that its row shows."""
    if session["booked"]:
        return "booked"
    if instant(session["ends_at"]) <= now:
        return "over"
    if session["waitlisted"]:
        return "waitlisted"
    if session["capacity"] is None:
        return "entry"
    if session["seats_left"] == 0:
        return "full"
    return "filling" if session["seats_left"] * 4 <= session["capacity"] else "open"


# An agenda has fewer instants and rooms than sessions, and each reader's page asks again.
@lru_cache(maxsize=4096)
def instant(text: str) -> datetime:
    """An instant of the JSON."""
    return datetime.fromisoformat(text).astimezone(UTC)


@lru_cache(maxsize=4096)
def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}"


def _half_hour_before(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


def _searched(session: Session) -> str:
    parts = (session["title"], *session["speakers"], session["room"]["name"], session["track"])
    return " ".join(parts).casefold()


@lru_cache(maxsize=1024)
def _natural(name: str) -> list[tuple[int, int, str]]:
    """`K.1.2` before `K.1.105`: runs of digits compare as numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


# -- one's own schedule ----------------------------------------------------------------

TIGHT = 10  # minutes to another room


@dataclass(frozen=True, slots=True)
class Entry:
    """A booking, and what lies between it and the one before on that day."""

    booking: Mapping[str, Any]
    is_over: bool
    gap: int | None = None  # minutes
    room_changes: bool = False

    @property
    def is_tight(self) -> bool:
        return self.gap is not None and self.room_changes and self.gap < TIGHT


@dataclass(slots=True)
class PlanDay:
    """A local day of one's own schedule."""

    date: str
    entries: list[Entry] = field(default_factory=list)


def plan(bookings: Iterable[Mapping[str, Any]], zone: ZoneInfo, now: datetime) -> list[PlanDay]:
    """Bookings, soonest first, by local day."""
    days: dict[str, PlanDay] = {}
    for booking in bookings:
        date = instant(booking["starts_at"]).astimezone(zone).date().isoformat()
        day = days.setdefault(date, PlanDay(date))
        before = day.entries[-1].booking if day.entries else None
        gap = before and round(
            (instant(booking["starts_at"]) - instant(before["ends_at"])).total_seconds() / 60
        )
        day.entries.append(
            Entry(
                booking,
                is_over=instant(booking["ends_at"]) <= now,
                gap=None if gap is None else max(0, gap),
                room_changes=before is not None and _place(before) != _place(booking),
            )
        )
    return list(days.values())


def _place(booking: Mapping[str, Any]) -> str:
    room = booking.get("room")
    return room["name"] if room else booking["location"]
