"""Reports: how rooms and experts are used, who does not come, how early people book.

Each covers whole local days of one time zone, and reads what it needs in a handful of
queries, however long the period: what depends on local time is counted here, since
neither database knows all zones. Instants are UTC, durations minutes until they are
told, as hours.
"""

from __future__ import annotations

import time as clock_time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext, lazy_gettext, pgettext
from sqlalchemy import exists, func, select

from app.extensions import db
from app.models import (
    Attendee,
    AuditEntry,
    Booking,
    BusyPeriod,
    Calendar,
    DateOverride,
    Event,
    EventSession,
    Expert,
    Room,
    User,
)
from app.models.booking import CONFIRMED
from app.models.interval import overlapping
from app.models.types import AnyRow
from app.services import clock, fields, rooms
from app.services.errors import NotFound
from app.services.fields import YEARS
from app.services.policy import Actor, require_admin

MAX_DAYS = 366
STEPS = ("day", "week", "month")
# A room's own hours are nobody's to say, so it is measured against a working day there.
OPEN_FROM, OPEN_TO = 8, 18
_AT_ONCE = 2000
_LEADS = (
    (lazy_gettext("under 1 h"), timedelta(hours=1)),
    (lazy_gettext("under 1 day"), timedelta(days=1)),
    (lazy_gettext("1 to 3 days"), timedelta(days=3)),
    (lazy_gettext("3 to 7 days"), timedelta(days=7)),
    (lazy_gettext("7 to 30 days"), timedelta(days=30)),
    (lazy_gettext("over 30 days"), timedelta.max),
)
_KINDS = {
    "appointment": lazy_gettext("Appointments"),
    "seat": lazy_gettext("Seats"),
    "reservation": lazy_gettext("Reservations"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Local days from `first` to `last`, both included, in steps of day, week or month."""

    first: date
    last: date
    step: str
    zone: ZoneInfo

    @property
    def starts_at(self) -> datetime:
        """When the first day begins there."""
        return datetime.combine(self.first, time(), self.zone).astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        """When the last day is over there."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone).astimezone(UTC)

    @property
    def periods(self) -> list[date]:
        """The first day of each step; that of the first may lie before the span."""
        found = [self._begin(self.first)]
        while (after := self._next(found[-1])) <= self.last:
            found.append(after)
        return found

    def period_of(self, at: datetime) -> date:
        """The step that an instant falls into."""
        return self._begin(at.astimezone(self.zone).date())

    def label(self, period: date) -> str:
        """`2026-12-01`, `2026-W49`, `2026-12`."""
        if self.step == "month":
            return f"{period:%Y-%m}"
        return f"{period:%G-W%V}" if self.step == "week" else period.isoformat()

    def _begin(self, day: date) -> date:
        if self.step == "month":
            return day.replace(day=1)
        return day - timedelta(days=day.weekday()) if self.step == "week" else day

    def _next(self, period: date) -> date:
        if self.step == "month":
            return (period + timedelta(days=31)).replace(day=1)
        return period + timedelta(days=7 if self.step == "week" else 1)


@dataclass(frozen=True, slots=True)
class Report:
    """A table, and numbers by period: `series` has a value for each of `periods`.

    Heads and names are in the reader's language, `unit` is a word for programs: "hours",
    "seats" or "bookings". `rest` is the series of what is left of a whole, if there is one.

    A share is a number from 0 to 1, in the columns that `shares` names; it may be above
    where somebody worked longer than offered. None is unknown.
    """

    head: list[str]
    rows: list[list[Any]]
    shares: frozenset[str]
    periods: list[str]
    series: list[tuple[str, list[float]]]
    unit: str
    rest: str = ""


def read_span(first: object, last: object, step: object, time_zone: str) -> Span:
    """The span that somebody asked for; the last 28 days where they did not say.

    Raises `InvalidInput`.
    """
    errors: fields.Errors = {}
    zone = ZoneInfo(fields.zone(errors, "time_zone", time_zone))
    today = clock.now().astimezone(zone).date()
    until = _date(errors, "to", last) or today
    since = _date(errors, "from", first) or until - timedelta(days=27)
    if not errors and not timedelta() <= until - since < timedelta(days=MAX_DAYS):
        errors["from"] = [gettext("Give at most %(n)s days, the first of them first.", n=MAX_DAYS)]
    chosen = fields.choice(errors, "by", step or "week", STEPS)
    fields.refuse(errors)
    return Span(since, until, chosen, zone)


def get_report(actor: Actor | None, name: str, span: Span) -> Report:
    """One of `REPORTS`. For admins. Raises `NotFound`, `NotAllowed`."""
    require_admin(actor)
    if name not in REPORTS:
        raise NotFound
    return REPORTS[name](span)


# -- rooms -----------------------------------------------------------------------------


def _rooms(span: Span) -> Report:
    """Booked hours of rooms, and their share of working days, the most used first; two queries.

    A room that is closed is not in use: blackouts do not count. Working hours are those
    of the room's own zone, whoever looks; the periods are the reader's.
    """
    listed = db.session.scalars(select(Room).order_by(Room.name, Room.id)).all()
    zones = {room.id: rooms.zone_of(room) for room in listed}
    open_in = {
        zone: _minutes_open(span.starts_at, span.ends_at, zone) for zone in set(zones.values())
    }
    busy = _read(
        select(
            Calendar.room_id,
            BusyPeriod.starts_at,
            BusyPeriod.ends_at,
            func.coalesce(Booking.kind, "session").label("kind"),
        )
        .join(Calendar, Calendar.id == BusyPeriod.calendar_id)
        .outerjoin(Booking, Booking.id == BusyPeriod.booking_id)
        .where(Calendar.room_id.is_not(None))
        .where(func.coalesce(Booking.kind, "session") != "blackout")
        .where(overlapping(BusyPeriod.starts_at, BusyPeriod.ends_at, span.starts_at, span.ends_at))
    )
    names = {
        "session": gettext("Sessions"),
        "reservation": gettext("Reservations"),
        "appointment": gettext("Appointments"),
    }
    utilisation = gettext("Utilisation")
    by_period = _Sums(span, names.values())
    whole: dict[int, float] = defaultdict(float)
    inside: dict[int, float] = defaultdict(float)
    times: dict[int, int] = defaultdict(int)
    for row in busy:
        starts_at, ends_at = max(row.starts_at, span.starts_at), min(row.ends_at, span.ends_at)
        times[row.room_id] += 1
        whole[row.room_id] += _minutes(starts_at, ends_at)
        inside[row.room_id] += _minutes_open(starts_at, ends_at, zones[row.room_id])
        by_period.add(names[row.kind], starts_at, _minutes(starts_at, ends_at) / 60)
    return by_period.report(
        [
            gettext("Room"),
            gettext("Times"),
            pgettext("how many", "Hours"),
            gettext("Hours in working time"),
            utilisation,
        ],
        [
            [
                row.name,
                times[row.id],
                _hours(whole[row.id]),
                _hours(inside[row.id]),
                _share(inside[row.id], open_in[zones[row.id]]),
            ]
            for row in sorted(listed, key=lambda room: -whole[room.id])
        ],
        shares={utilisation},
        unit="hours",
    )


def _minutes_open(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> float:
    """What of a period lies on working days, between the hours that are counted."""
    found = 0.0
    day = starts_at.astimezone(zone).date()
    while day <= ends_at.astimezone(zone).date():
        if day.weekday() < 5:
            opens = datetime.combine(day, time(OPEN_FROM), zone).astimezone(UTC)
            closes = datetime.combine(day, time(OPEN_TO), zone).astimezone(UTC)
            found += max(0.0, _minutes(max(starts_at, opens), min(ends_at, closes)))
        day += timedelta(days=1)
    return found


# -- experts ---------------------------------------------------------------------------


def _experts(span: Span) -> Report:
    """Booked hours of experts, and their share of what they offer, the most booked first.

    Three queries.
    """
    experts = db.session.execute(
        select(Expert.id, Expert.name, Expert.weekly_hours).order_by(Expert.name, Expert.id)
    ).all()
    overrides: dict[int, dict[date, float]] = defaultdict(dict)
    for row in db.session.execute(
        select(DateOverride.expert_id, DateOverride.date, DateOverride.intervals).where(
            DateOverride.date.between(span.first, span.last)
        )
    ):
        overrides[row.expert_id][row.date] = sum(end - start for start, end in row.intervals)
    appointments = _read(
        select(Booking.expert_id, Booking.starts_at, Booking.ends_at)
        .where(Booking.kind == "appointment", Booking.status == CONFIRMED)
        .where(Booking.starts_at >= span.starts_at, Booking.starts_at < span.ends_at)
    )
    name, utilisation = gettext("Booked"), gettext("Utilisation")
    by_period = _Sums(span, [name])
    booked: dict[int, float] = defaultdict(float)
    times: dict[int, int] = defaultdict(int)
    for row in appointments:
        minutes = _minutes(row.starts_at, row.ends_at)
        booked[row.expert_id] += minutes
        times[row.expert_id] += 1
        by_period.add(name, row.starts_at, minutes / 60)
    rows = []
    for each in sorted(experts, key=lambda expert: -booked[expert.id]):
        offered = _offered_minutes(each.weekly_hours, overrides[each.id], span)
        rows.append(
            [
                each.name,
                times[each.id],
                _hours(booked[each.id]),
                _hours(offered),
                _share(booked[each.id], offered),
            ]
        )
    return by_period.report(
        [
            gettext("Expert"),
            gettext("Appointments"),
            gettext("Hours booked"),
            gettext("Hours offered"),
            utilisation,
        ],
        rows,
        shares={utilisation},
        unit="hours",
    )


def _offered_minutes(
    weekly: Sequence[dict[str, int]], overrides: dict[date, float], span: Span
) -> float:
    """By the expert's own dates; the hour that clocks skip or repeat is not counted."""
    by_weekday: dict[int, float] = defaultdict(float)
    for each in weekly:
        by_weekday[each["weekday"]] += each["end"] - each["start"]
    days = (span.first + timedelta(days=each) for each in range((span.last - span.first).days + 1))
    return sum(overrides.get(day, by_weekday[day.weekday()]) for day in days)


# -- no-shows and fill -----------------------------------------------------------------


def _no_shows(span: Span) -> Report:
    """Seats of sessions that are over, whose people never checked in; two queries.

    Only of events at which anybody was checked in: elsewhere nobody was asked to be.
    """
    is_in = exists().where(
        Attendee.event_id == EventSession.event_id,
        Attendee.email == User.email,
        Attendee.checked_in_at.is_not(None),
    )
    sessions = db.session.execute(
        select(
            Event.title.label("event"),
            EventSession.id,
            EventSession.starts_at,
            func.count(Booking.id).label("seats"),
            func.count(Booking.id).filter(is_in).label("present"),
        )
        .join(Event, Event.id == EventSession.event_id)
        .join(Booking, Booking.event_session_id == EventSession.id)
        .join(User, User.id == Booking.user_id)
        .where(Booking.status == CONFIRMED, EventSession.status == CONFIRMED)
        .where(EventSession.ends_at <= clock.now())
        .where(EventSession.starts_at >= span.starts_at, EventSession.starts_at < span.ends_at)
        .where(
            EventSession.event_id.in_(
                select(Attendee.event_id).where(Attendee.checked_in_at.is_not(None))
            )
        )
        .group_by(Event.title, EventSession.id, EventSession.starts_at)
        .order_by(Event.title)
    ).all()
    given_on = dict(_list_given_on(span))
    came, did_not_come = gettext("Came"), gettext("Did not come")
    rate = gettext("No-show rate")
    by_period = _Sums(span, [came, did_not_come])
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in sessions:
        total = totals[row.event]
        total[0] += 1
        total[1] += row.seats
        total[2] += row.seats - row.present
        total[3] += given_on.get(str(row.id), 0)
        by_period.add(came, row.starts_at, row.present)
        by_period.add(did_not_come, row.starts_at, row.seats - row.present)
    return by_period.report(
        [
            gettext("Event"),
            gettext("Sessions"),
            gettext("Seats"),
            gettext("No-shows"),
            gettext("Seats given on in time"),
            rate,
        ],
        [[event, *total, _share(total[2], total[1])] for event, total in totals.items()],
        shares={rate},
        unit="seats",
    )


def _list_given_on(span: Span) -> Iterator[tuple[str, int]]:
    """How many seats each session gave on before it began: `no_shows` wrote it down."""
    entries = db.session.execute(
        select(AuditEntry.object_id, AuditEntry.changes)
        .where(AuditEntry.object_kind == "event_session", AuditEntry.action == "release_no_shows")
        .where(AuditEntry.at >= span.starts_at - timedelta(days=1), AuditEntry.at < span.ends_at)
    )
    for entry in entries:
        yield entry.object_id, len(entry.changes.get("released", ()))


def _fill(span: Span) -> Report:
    """How full sessions with seats are; one query."""
    sessions = db.session.execute(
        select(
            Event.title.label("event"),
            EventSession.starts_at,
            EventSession.capacity,
            EventSession.seats_taken,
        )
        .join(Event, Event.id == EventSession.event_id)
        .where(EventSession.status == CONFIRMED, EventSession.capacity > 0)
        .where(EventSession.starts_at >= span.starts_at, EventSession.starts_at < span.ends_at)
        .order_by(Event.title)
    ).all()
    taken, left, rate = gettext("Taken"), gettext("Left"), gettext("Fill rate")
    by_period = _Sums(span, [taken, left])
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in sessions:
        total = totals[row.event]
        total[0] += 1
        total[1] += row.capacity
        total[2] += row.seats_taken
        total[3] += row.seats_taken >= row.capacity
        by_period.add(taken, row.starts_at, row.seats_taken)
        by_period.add(left, row.starts_at, row.capacity - row.seats_taken)
    return by_period.report(
        [
            gettext("Event"),
            gettext("Sessions"),
            gettext("Seats"),
            taken,
            gettext("Full sessions"),
            rate,
        ],
        [[event, *total, _share(total[2], total[1])] for event, total in totals.items()],
        shares={rate},
        unit="seats",
        rest=left,
    )


# -- lead time -------------------------------------------------------------------------


def _lead(span: Span) -> Report:
    """How long before its start a booking was made; one query."""
    found = _read(
        select(Booking.kind, Booking.starts_at, Booking.created_at)
        .where(Booking.status == CONFIRMED, Booking.kind.in_(_KINDS))
        .where(Booking.starts_at >= span.starts_at, Booking.starts_at < span.ends_at)
    )
    kinds = {kind: str(name) for kind, name in _KINDS.items()}
    by_period = _Sums(span, kinds.values())
    leads: dict[str, list[timedelta]] = {kind: [] for kind in _KINDS}
    for row in found:
        leads[row.kind].append(max(timedelta(), row.starts_at - row.created_at))
        by_period.add(kinds[row.kind], row.starts_at, 1)
    rows = []
    for kind, name in kinds.items():
        counts = [0] * len(_LEADS)
        for lead in leads[kind]:
            counts[next(place for place, (_, limit) in enumerate(_LEADS) if lead < limit)] += 1
        days = [lead / timedelta(days=1) for lead in leads[kind]]
        rows.append([name, len(days), round(median(days), 1) if days else None, *counts])
    return by_period.report(
        [
            gettext("Kind"),
            gettext("Bookings"),
            gettext("Median days"),
            *(str(name) for name, _ in _LEADS),
        ],
        rows,
        shares=set(),
        unit="bookings",
    )


REPORTS: dict[str, Callable[[Span], Report]] = {
    "rooms": _rooms,
    "experts": _experts,
    "no-shows": _no_shows,
    "lead-time": _lead,
    "fill-rate": _fill,
}


# -- what they share -------------------------------------------------------------------


class _Sums:
    """Numbers by period and name."""

    def __init__(self, span: Span, names: Iterable[str]) -> None:
        self._span = span
        self._periods = span.periods
        self._sums: dict[str, dict[date, float]] = {
            name: dict.fromkeys(self._periods, 0.0) for name in names
        }

    def add(self, name: str, at: datetime, number: float) -> None:
        self._sums[name][self._span.period_of(at)] += number

    def report(
        self,
        head: list[str],
        rows: list[list[Any]],
        *,
        shares: set[str],
        unit: str,
        rest: str = "",
    ) -> Report:
        return Report(
            head=head,
            rows=rows,
            shares=frozenset(shares),
            periods=[self._span.label(period) for period in self._periods],
            series=[
                (name, [round(sums[period], 1) for period in self._periods])
                for name, sums in self._sums.items()
            ],
            unit=unit,
            rest=rest,
        )


def _read(statement: Any) -> Iterator[AnyRow]:
    """Rows, some at a time, so that others on the event loop have their turn."""
    for part in db.session.execute(statement).partitions(_AT_ONCE):
        yield from part
        clock_time.sleep(0)


def _minutes(starts_at: datetime, ends_at: datetime) -> float:
    return (ends_at - starts_at) / timedelta(minutes=1)


def _hours(minutes: float) -> float:
    return round(minutes / 60, 1)


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _date(errors: fields.Errors, name: str, value: object) -> date | None:
    if value in (None, ""):
        return None
    found = fields.find_day(value)
    if found is None or found.year - 1 not in YEARS or found.year + 1 not in YEARS:
        errors[name] = [gettext("Use a date like 2026-12-01.")]
        return None
    return found
