"""When an event type can be booked: weekly hours, overrides and busy time become slots.

Pure: no database, no clock, no request; what is said to people is in their language. Instants that come in are aware, those that go
out are UTC. Only the boundaries of hours are converted between zones, never a start:
between two boundaries of an interval, real minutes pass evenly.

Local hours become real time by one rule: an interval of a local day is the shortest
stretch of real time that holds every minute whose wall-clock time lies in it. So

- a boundary in a missing hour is the first instant after it, and an interval that lies
  wholly in a missing hour does not exist;
- an interval that begins in a doubled hour begins in its first run, one that ends in a
  doubled hour ends in its second run: both runs are offered;
- an interval that ends where a doubled hour begins ends before both runs.

Intervals that touch or overlap in real time are one, also across midnight: starts count
from the beginning of the first. Hours around the clock, all week, have no beginning;
there, counting begins anew at each local midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from heapq import nsmallest
from itertools import pairwise
from operator import itemgetter
from typing import Literal, NamedTuple, cast
from zoneinfo import ZoneInfo

from flask_babel import gettext, ngettext

from app.models.interval import Interval, as_utc, united

DAY_MINUTES = 24 * 60

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)

Rule = Literal["past", "notice", "horizon", "override", "hours", "step", "daily_limit"]


def parse_clock(text: object) -> int:
    """Minutes since local midnight of "HH:MM", from "00:00" to "24:00". Raises ValueError."""
    if not isinstance(text, str) or not re.fullmatch("[0-9]{2}:[0-5][0-9]", text):
        raise ValueError(gettext("A time must look like 08:00."))
    minute = int(text[:2]) * 60 + int(text[3:])
    if minute > DAY_MINUTES:
        raise _outside_the_day()
    return minute


def format_clock(minute: int) -> str:
    """Write 480 as "08:00" and 1440 as "24:00". Raises ValueError outside the day."""
    if not 0 <= minute <= DAY_MINUTES:
        raise _outside_the_day()
    return f"{minute // 60:02}:{minute % 60:02}"


def _outside_the_day() -> ValueError:
    return ValueError(gettext("A time must lie between 00:00 and 24:00."))


def validate_intervals(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """One day's intervals, sorted. They may touch.

    Raises ValueError for one outside the day, empty or reversed, and for two that overlap.
    """
    ordered = sorted(intervals)
    for start, end in ordered:
        opens, closes = format_clock(start), format_clock(end)  # Refuses what is not in the day.
        if start >= end:
            raise ValueError(
                gettext(
                    "%(start)s to %(end)s: an interval must end after it starts.",
                    start=opens,
                    end=closes,
                )
            )
    for (start, end), (next_start, next_end) in pairwise(ordered):
        if next_start < end:
            raise ValueError(
                gettext(
                    "%(start)s to %(end)s and %(next_start)s to %(next_end)s overlap.",
                    start=format_clock(start),
                    end=format_clock(end),
                    next_start=format_clock(next_start),
                    next_end=format_clock(next_end),
                )
            )
    return ordered


@dataclass(frozen=True, slots=True)
class WeeklyInterval:
    """Hours that recur every week, in minutes of the local day.

    Weekday 0 is Monday; `end_minute` is exclusive, 1440 is 24:00. Raises ValueError for
    another weekday than 0 to 6, and as `validate_intervals` does.
    """

    weekday: int
    start_minute: int
    end_minute: int

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise ValueError(gettext("A weekday is a number from 0 (Monday) to 6 (Sunday)."))
        validate_intervals([(self.start_minute, self.end_minute)])


DEFAULT_WEEKLY = tuple(WeeklyInterval(weekday, 8 * 60, 17 * 60) for weekday in range(5))


@dataclass(frozen=True, slots=True)
class Rules:
    """What an expert's hours and an event type say about starts, busy time aside.

    `overrides` replace the weekly hours of their local date; an empty one is a day off.
    Give all of an expert's overrides: a start may count from hours that began days earlier.
    `holidays` names those of them that are public holidays.
    `slot_step_minutes` None means the duration, `daily_limit` None means no limit.
    Raises ValueError for numbers that make no sense.
    """

    time_zone: str
    weekly: Sequence[WeeklyInterval]
    overrides: Mapping[date, Sequence[tuple[int, int]]]
    duration_minutes: int
    slot_step_minutes: int | None
    buffer_before_minutes: int
    buffer_after_minutes: int
    minimum_notice_minutes: int
    horizon_days: int
    daily_limit: int | None
    holidays: Mapping[date, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.duration_minutes < 1 or self.step_minutes < 1:
            raise ValueError("Duration and step must be at least one minute.")
        if self.buffer_before_minutes < 0 or self.buffer_after_minutes < 0:
            raise ValueError("Buffers must not be negative.")
        if self.minimum_notice_minutes < 0:
            raise ValueError("The notice must not be negative.")
        if self.horizon_days < 0:
            raise ValueError("The horizon must not be negative.")
        if self.daily_limit is not None and self.daily_limit < 1:
            raise ValueError("A daily limit must be at least one.")

    @property
    def step_minutes(self) -> int:
        """Minutes from one start to the next."""
        return self.duration_minutes if self.slot_step_minutes is None else self.slot_step_minutes

    def reached_daily_limit(self, booked: int) -> bool:
        """Whether a day with this many confirmed appointments takes no more."""
        return self.daily_limit is not None and booked >= self.daily_limit


@dataclass(frozen=True, slots=True)
class NotOffered:
    """The first rule that excludes a start, and a sentence that says so to a person."""

    rule: Rule
    detail: str


def list_slots(
    rules: Rules,
    busy: Iterable[Interval],
    window: Interval,
    now: datetime,
    booked_on: Mapping[date, int],
    room_busy: Iterable[Interval] = (),
) -> list[datetime]:
    """Every start in the window at which the event type can be booked, in UTC, sorted.

    `busy` is the expert's busy time, with the buffers of what it is owed to; it keeps
    clear of the appointment and its buffers. `room_busy` keeps clear of the appointment
    alone. Both in any order, overlapping or not; to move a booking, leave its own time
    out. `booked_on` counts confirmed appointments of this event type per local day.
    """
    hours = _OpenHours(rules)
    now = as_utc(now)
    notice = timedelta(minutes=rules.minimum_notice_minutes)
    earliest = max(window.starts_at, now + notice)
    latest = min(window.ends_at, hours.horizon(now))
    if earliest >= latest:
        return []

    duration = timedelta(minutes=rules.duration_minutes)
    step = timedelta(minutes=rules.step_minutes)
    blocks = [
        *_blocked_starts(rules, busy, room_busy),
        *hours.full_days(booked_on),
        # Never passed, so that the sweep has no end of the list to watch for.
        (latest, datetime.max.replace(tzinfo=UTC)),
    ]
    blocks.sort(key=itemgetter(0))
    slots: list[datetime] = []
    block = 0
    for stretch in hours.stretches(earliest, latest + duration):
        stop = min(stretch.counts_until, stretch.closes - duration + datetime.resolution, latest)
        start = stretch.start_from(earliest, step)
        while start < stop:
            blocked_from, blocked_until = blocks[block]
            if blocked_until <= start:
                block += 1
            elif blocked_from <= start:
                blocked_until = min(stop, blocked_until)
                while start < blocked_until:
                    start += step
            else:
                free_until = min(stop, blocked_from)
                while start < free_until:
                    slots.append(start)
                    start += step
    return slots


def why_not_offered(
    rules: Rules, starts_at: datetime, now: datetime, booked_on: Mapping[date, int]
) -> NotOffered | None:
    """The first rule that excludes this start, or None if `list_slots` offers it without busy time."""
    return next(every_refusal(rules, starts_at, now, booked_on), None)


def every_refusal(
    rules: Rules, starts_at: datetime, now: datetime, booked_on: Mapping[date, int]
) -> Iterator[NotOffered]:
    """All rules that exclude this start, the first one first; busy time is no rule."""
    starts_at, now = as_utc(starts_at), as_utc(now)
    if starts_at < now:
        yield NotOffered("past", gettext("This time has passed."))
    elif starts_at < now + timedelta(minutes=rules.minimum_notice_minutes):
        yield NotOffered("notice", _notice_detail(rules.minimum_notice_minutes))

    hours = _OpenHours(rules)
    if starts_at >= hours.horizon(now):
        yield NotOffered("horizon", _horizon_detail(rules.horizon_days))

    day = hours.local_date(starts_at)
    ends_at = starts_at + timedelta(minutes=rules.duration_minutes)
    stretches = hours.stretches(starts_at, ends_at)
    stretch = next((s for s in stretches if s.opens <= starts_at < s.counts_until), None)
    if stretch is None or ends_at > stretch.closes:
        yield _outside_hours(rules, day)
    elif starts_at != stretch.start_from(starts_at, timedelta(minutes=rules.step_minutes)):
        detail = ngettext(
            "Appointments start every minute of the expert's hours.",
            "Appointments start every %(num)d minutes of the expert's hours.",
            rules.step_minutes,
        )
        yield NotOffered("step", detail)
    if rules.reached_daily_limit(booked_on.get(day, 0)):
        detail = ngettext(
            "This event type takes %(num)d appointment a day, and this day is full.",
            "This event type takes %(num)d appointments a day, and this day is full.",
            rules.daily_limit or 0,
        )
        yield NotOffered("daily_limit", detail)


def _outside_hours(rules: Rules, day: date) -> NotOffered:
    if day not in rules.overrides:
        detail = gettext("This appointment does not lie within the expert's hours.")
        return NotOffered("hours", detail)
    if rules.overrides[day]:
        return NotOffered("override", gettext("The expert has other hours on this day."))
    if holiday := rules.holidays.get(day):
        detail = gettext("The expert is not available on this day: %(holiday)s.", holiday=holiday)
        return NotOffered("override", detail)
    return NotOffered("override", gettext("The expert is not available on this day."))


def nearest(slots: Iterable[datetime], starts_at: datetime, limit: int = 5) -> list[datetime]:
    """Up to `limit` of the slots, the nearest to `starts_at` first; of two as near, the earlier."""
    return nsmallest(limit, slots, key=lambda slot: (abs(slot - starts_at), slot))


class _Stretch(NamedTuple):
    """Open time: starts count from `opens` up to `counts_until`, appointments end by `closes`."""

    opens: datetime
    counts_until: datetime
    closes: datetime

    def start_from(self, instant: datetime, step: timedelta) -> datetime:
        """The first counted start at or after the instant."""
        if instant <= self.opens:
            return self.opens
        return self.opens - (self.opens - instant) // step * step


class _OpenHours:
    """The rules' hours laid out in real time, UTC."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.zone = ZoneInfo(rules.time_zone)
        self.weekly: list[list[tuple[int, int]]] = [[] for _ in range(7)]
        for interval in rules.weekly:
            self.weekly[interval.weekday].append((interval.start_minute, interval.end_minute))
        self.around_the_clock = all(united(day) == [(0, DAY_MINUTES)] for day in self.weekly)

    def horizon(self, now: datetime) -> datetime:
        """The end of the last local day that can be booked; today is day 0."""
        return self.day_start(self.local_date(now) + timedelta(days=self.rules.horizon_days + 1))

    def full_days(self, booked_on: Mapping[date, int]) -> Iterator[tuple[datetime, datetime]]:
        """The local days that have reached the daily limit."""
        for day, booked in booked_on.items():
            if self.rules.reached_daily_limit(booked):
                yield self.day_start(day), self.day_start(day + _DAY)

    def stretches(self, earliest: datetime, latest: datetime) -> list[_Stretch]:
        """The stretches that touch the local days from `earliest` to `latest`, in order.

        Each is whole up to `latest` and begins where it truly begins, however much earlier.
        """
        first_day = self.first_day(self.local_date(earliest))
        count = (self.local_date(latest) - first_day).days + 1
        days = [first_day + timedelta(days=number) for number in range(count)]
        runs = united(span for day in days for span in self.opened_on(day))
        if not self.around_the_clock:
            return [_Stretch(opens, closes, closes) for opens, closes in runs]
        midnights = [self.day_start(day) for day in days]
        stretches = []
        for opens, closes in runs:
            inside = [midnight for midnight in midnights if opens < midnight < closes]
            for begins, ends in pairwise([opens, *inside, closes]):
                stretches.append(_Stretch(begins, ends, closes))
        return stretches

    def first_day(self, day: date) -> date:
        """The local day on which hours that are open as this day begins began themselves."""
        if self.around_the_clock:
            return day
        while True:
            before = day - _DAY
            midnight, earlier_midnight = self.day_start(day), self.day_start(before)
            runs = united(self.opened_on(before))
            # A zone that crossed the date line has a day of no length: look further back.
            if earlier_midnight < midnight:
                if not runs or runs[-1][1] < midnight:
                    return day
                if runs[-1][0] > earlier_midnight:
                    return before
            day = before

    def opened_on(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """The local day's intervals in real time."""
        override = self.rules.overrides.get(day)
        for start, end in self.weekly[day.weekday()] if override is None else override:
            opens, closes = self.beginning(day, start), self.ending(day, end)
            if opens < closes:
                yield opens, closes

    def day_start(self, day: date) -> datetime:
        return self.beginning(day, 0)

    def beginning(self, day: date, minute: int) -> datetime:
        """When a local time that begins something is: the first run of a doubled one."""
        first_offset, second_offset = self.offsets(day, minute)
        if first_offset < second_offset:
            return self.end_of_gap(day, minute)
        return datetime.combine(day, _clock(minute), UTC) - first_offset

    def ending(self, day: date, minute: int) -> datetime:
        """When a local time that ends something, exclusively, is.

        The minute before it decides: if that one is doubled, its second run is the end.
        """
        last = minute - 1
        first_offset, second_offset = self.offsets(day, last)
        if first_offset < second_offset:
            return self.end_of_gap(day, last)
        return datetime.combine(day, _clock(last), UTC) - second_offset + _MINUTE

    def end_of_gap(self, day: date, minute: int) -> datetime:
        """The first instant after the missing time that this local time lies in."""
        offset_before, offset_after = self.offsets(day, minute)
        local = datetime.combine(day, _clock(minute), UTC)
        # Read with the later offset the time is before the gap, with the earlier one after it.
        before, after = local - offset_after, local - offset_before
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) // timedelta(seconds=2) * timedelta(seconds=1)
            if middle.astimezone(self.zone).utcoffset() == offset_before:
                before = middle
            else:
                after = middle
        return after

    def offsets(self, day: date, minute: int) -> tuple[timedelta, timedelta]:
        """The local time's offsets from UTC in PEP 495's folds 0 and 1.

        Equal as a rule; the second is greater in missing time and smaller in doubled time.
        """
        first = datetime.combine(day, _clock(minute), self.zone)
        second = datetime.combine(day, _clock(minute, fold=1), self.zone)
        return cast("timedelta", first.utcoffset()), cast("timedelta", second.utcoffset())

    def local_date(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()


@cache
def _clock(minute: int, fold: int = 0) -> time:
    return time(minute // 60, minute % 60, fold=fold)


def _blocked_starts(
    rules: Rules, busy: Iterable[Interval], room_busy: Iterable[Interval]
) -> Iterator[tuple[datetime, datetime]]:
    """Half-open spans in which nothing can start: the overlap formula solved for the start."""
    duration = timedelta(minutes=rules.duration_minutes)
    before = timedelta(minutes=rules.buffer_before_minutes)
    after = duration + timedelta(minutes=rules.buffer_after_minutes)
    # An appointment may end at the very instant at which a busy period starts.
    duration -= datetime.resolution
    after -= datetime.resolution
    for period in busy:
        yield period.starts_at - after, period.ends_at + before
    for period in room_busy:
        yield period.starts_at - duration, period.ends_at


def _notice_detail(minutes: int) -> str:
    """In days, hours or minutes, whichever is even: 24 hours, 2 days."""
    if minutes % DAY_MINUTES == 0 and minutes > DAY_MINUTES:
        return ngettext(
            "This event type needs %(num)d day's notice.",
            "This event type needs %(num)d days' notice.",
            minutes // DAY_MINUTES,
        )
    if minutes % 60 == 0:
        return ngettext(
            "This event type needs %(num)d hour's notice.",
            "This event type needs %(num)d hours' notice.",
            minutes // 60,
        )
    return ngettext(
        "This event type needs %(num)d minute's notice.",
        "This event type needs %(num)d minutes' notice.",
        minutes,
    )


def _horizon_detail(days: int) -> str:
    if days == 0:
        return gettext("This event type can be booked for the same day only.")
    return ngettext(
        "This event type can be booked up to %(num)d day ahead.",
        "This event type can be booked up to %(num)d days ahead.",
        days,
    )
