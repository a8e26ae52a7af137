"""The back-office's home in numbers: one local day across the faces, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Float, Select, and_, cast, func, select

from app.extensions import db
from app.models import Attendee, Booking, Event, EventSession, OutboxMessage, Room, User
from app.models import WaitlistEntry as Entry
from app.models.booking import CONFIRMED
from app.models.interval import overlapping
from app.models.outbox import FAILED
from app.models.types import AnyRow
from app.services import clock, mail
from app.services.policy import Actor, require_staff

MOSTLY = 0.7  # of the seats are taken
SHOWN = 6
APPOINTMENT, SEAT, RESERVATION, EVENT_SESSION = (
    "appointment",
    "seat",
    "reservation",
    "event_session",
)


def is_mostly_taken() -> ColumnElement[bool]:
    """The condition on a session that is yet to begin, with most seats taken, or all."""
    return and_(
        EventSession.status == CONFIRMED,
        EventSession.starts_at > clock.now(),
        EventSession.capacity > 0,
        EventSession.seats_taken >= EventSession.capacity * MOSTLY,
    )


def is_queued() -> ColumnElement[bool]:
    """The condition on an entry of a waitlist that its session is not over."""
    to_come = select(EventSession.id).where(EventSession.ends_at > clock.now())
    return Entry.event_session_id.in_(to_come)


def is_held() -> ColumnElement[bool]:
    """The condition on an entry of a waitlist that a seat is held for it, for an answer."""
    return and_(Entry.offer_expires_at.is_not(None), Entry.offer_expires_at > clock.now())


@dataclass(frozen=True, slots=True)
class Filling:
    """A session to come that is filling up, or full."""

    id: int
    title: str
    event: str
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    seats_taken: int
    capacity: int
    waiting: int


@dataclass(frozen=True, slots=True)
class CheckIns:
    """How many of an event's list are in."""

    event_id: int
    event: str
    slug: str
    checked_in: int
    listed: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of one local day, and of all that waits.

    `by_hour` has a list of counts for each kind, one for each local hour from
    `starts_at`: 23 or 25 of them where the clocks change. What began before counts in
    the first. `offers` are held seats that wait for an answer because their holder is
    busy then, `own_offers` those held for the reader, of which the one that ends first is
    in the event `own_offer_at`. `too_many_seats` counts sessions with more seats than their
    room holds.
    """

    starts_at: datetime
    by_hour: dict[str, list[int]]
    filling: list[Filling]
    check_ins: list[CheckIns]
    users: int
    mails_waiting: int
    mails_failed: int
    waiting: int
    offers: int
    own_offers: int
    own_offer_at: str | None
    too_many_seats: int

    def count(self, kind: str) -> int:
        """How many of a kind there are today."""
        return sum(self.by_hour.get(kind, ()))

    @property
    def hours(self) -> list[datetime]:
        """When each hour of the day begins."""
        zone = self.starts_at.tzinfo
        number = len(next(iter(self.by_hour.values())))
        return [
            (self.starts_at.astimezone(UTC) + timedelta(hours=hour)).astimezone(zone)
            for hour in range(number)
        ]


def get_overview(actor: Actor | None, time_zone: str) -> Overview:
    """Today in `time_zone`, for staff. Five queries, however much there is.

    Raises `NotAllowed`.
    """
    actor = require_staff(actor)
    zone, now = ZoneInfo(time_zone), clock.now()
    today = now.astimezone(zone).date()
    starts_at = datetime.combine(today, time(), zone)
    ends_at = datetime.combine(today + timedelta(days=1), time(), zone)
    waits = db.session.execute(_waits(actor, now)).one()
    return Overview(
        starts_at=starts_at,
        by_hour=_by_hour(starts_at, ends_at),
        filling=_list_filling(),
        check_ins=_list_check_ins(today),
        users=waits.users,
        mails_waiting=waits.mails_waiting,
        mails_failed=waits.mails_failed,
        waiting=waits.waiting,
        offers=waits.offers,
        own_offers=waits.own_offers,
        own_offer_at=waits.own_offer_at,
        too_many_seats=waits.too_many_seats,
    )


def _by_hour(starts_at: datetime, ends_at: datetime) -> dict[str, list[int]]:
    bookings = (
        select(Booking.kind, Booking.starts_at, func.count().label("number"))
        .where(Booking.status == CONFIRMED, Booking.kind.in_((APPOINTMENT, SEAT, RESERVATION)))
        .where(overlapping(Booking.starts_at, Booking.ends_at, starts_at, ends_at))
        .group_by(Booking.kind, Booking.starts_at)
    )
    sessions = (
        select(EventSession.starts_at, func.count().label("number"))
        .where(EventSession.status == CONFIRMED)
        .where(overlapping(EventSession.starts_at, EventSession.ends_at, starts_at, ends_at))
        .group_by(EventSession.starts_at)
    )
    first = starts_at.astimezone(UTC)
    hours = round((ends_at.astimezone(UTC) - first) / timedelta(hours=1))
    counts = {kind: [0] * hours for kind in (APPOINTMENT, SEAT, RESERVATION, EVENT_SESSION)}

    def add(kind: str, row: AnyRow) -> None:
        hour = max(0, (row.starts_at - first) // timedelta(hours=1))
        counts[kind][hour] += row.number

    for booked in db.session.execute(bookings):
        add(booked.kind, booked)
    for scheduled in db.session.execute(sessions):
        add(EVENT_SESSION, scheduled)
    return counts


def _list_filling() -> list[Filling]:
    waiting = (
        select(func.count())
        .where(Entry.event_session_id == EventSession.id)
        .correlate(EventSession)
        .scalar_subquery()
    )
    share = cast(EventSession.seats_taken, Float) / EventSession.capacity
    rows = db.session.execute(
        select(
            EventSession.id,
            EventSession.title,
            Event.title.label("event"),
            Event.time_zone,
            EventSession.starts_at,
            EventSession.ends_at,
            EventSession.seats_taken,
            EventSession.capacity,
            waiting.label("waiting"),
        )
        .join(Event, Event.id == EventSession.event_id)
        .where(is_mostly_taken())
        .order_by(waiting.desc(), share.desc(), EventSession.starts_at, EventSession.id)
        .limit(SHOWN)
    )
    return [Filling(**row._mapping) for row in rows]


def _list_check_ins(today: object) -> list[CheckIns]:
    rows = db.session.execute(
        select(
            Event.id.label("event_id"),
            Event.title.label("event"),
            Event.slug,
            func.count(Attendee.checked_in_at).label("checked_in"),
            func.count(Attendee.id).label("listed"),
        )
        .join(Attendee, Attendee.event_id == Event.id)
        .where(Event.ends_on >= today)
        .group_by(Event.id, Event.title, Event.slug, Event.starts_on)
        .order_by(Event.starts_on, Event.id)
        .limit(SHOWN)
    )
    return [CheckIns(**row._mapping) for row in rows]


def _waits(actor: Actor, now: datetime) -> Select[Any]:
    def number(column: Any, *where: ColumnElement[bool]) -> ColumnElement[int]:
        return select(func.count(column)).where(*where).scalar_subquery()

    to_come = EventSession.ends_at > now
    own = (is_queued(), is_held(), Entry.user_id == actor.user_id)
    fits = select(Room.id).where(Room.id == EventSession.room_id)
    counts: dict[str, Any] = {
        "users": number(User.id, User.active.is_(True)),
        "mails_waiting": number(OutboxMessage.id, mail.is_waiting()),
        "mails_failed": number(OutboxMessage.id, OutboxMessage.state == FAILED),
        "waiting": number(Entry.id, is_queued()),
        "offers": number(Entry.id, is_queued(), is_held()),
        "own_offers": number(Entry.id, *own),
        "own_offer_at": select(Event.slug)
        .join(EventSession, EventSession.event_id == Event.id)
        .join(Entry, Entry.event_session_id == EventSession.id)
        .where(*own)
        .order_by(Entry.offer_expires_at, Entry.id)
        .limit(1)
        .scalar_subquery(),
        "too_many_seats": number(
            EventSession.id,
            EventSession.status == CONFIRMED,
            to_come,
            fits.where(Room.capacity < EventSession.capacity).exists(),
        ),
    }
    columns: list[Any] = [count.label(name) for name, count in counts.items()]
    return select(*columns)
