"""The guarantees, checked in the data as it is: what `flask booking audit` prints.

Each check is one query that finds nothing in a sound database. They do not rely on
the constraints that should make them so, for a restored dump may have lost those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models import (
    Booking,
    BusyPeriod,
    Calendar,
    EventSession,
    EventType,
    Expert,
    Room,
    Series,
    Speaker,
    User,
    WaitlistEntry,
)
from app.models.booking import CANCELLED, CONFIRMED, LIVE, PENDING
from app.models.interval import overlapping
from app.services import clock


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: which guarantee, and the ids that show it."""

    guarantee: str
    where: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.guarantee}: " + ", ".join(f"{k} {v}" for k, v in self.where.items())


def find_breaches() -> list[Finding]:
    """Everything in the data that breaks a guarantee; an empty list is a sound ledger."""
    return [
        Finding(guarantee, dict(row._mapping))
        for guarantee, query in _checks().items()
        for row in db.session.execute(query)
    ]


def _checks() -> dict[str, Select[Any]]:
    live = and_(Booking.kind == "seat", Booking.status == CONFIRMED)
    live_seats = func.count(Booking.id)
    held_seats = (  # offered to somebody on the waitlist
        select(func.count(WaitlistEntry.id))
        .where(WaitlistEntry.event_session_id == EventSession.id)
        .where(WaitlistEntry.offer_expires_at.is_not(None))
        .correlate(EventSession)
        .scalar_subquery()
    )
    period = BusyPeriod
    is_live = Booking.status.in_(LIVE)
    mate = aliased(Booking)
    appointment = and_(Booking.kind == "appointment", is_live)
    of_one_slot = and_(
        mate.kind == "appointment",
        mate.status.in_(LIVE),
        mate.event_type_id == Booking.event_type_id,
        mate.starts_at == Booking.starts_at,
        mate.id > Booking.id,
    )
    return {
        "two busy periods of one calendar overlap": _overlaps(),
        "a busy period is empty or reversed": select(period.id.label("busy_period")).where(
            period.ends_at <= period.starts_at
        ),
        "a busy period is owed to nothing that holds time": select(
            period.id.label("busy_period"), period.booking_id, period.event_session_id
        )
        .outerjoin(Booking, Booking.id == period.booking_id)
        .outerjoin(EventSession, EventSession.id == period.event_session_id)
        .where(
            func.coalesce(Booking.status, EventSession.status, CANCELLED).not_in(LIVE),
        ),
        "a busy period is in a calendar that its booking does not concern": select(
            period.id.label("busy_period"), Booking.uid.label("booking"), period.calendar_id
        )
        .join(Booking, Booking.id == period.booking_id)
        .join(Calendar, Calendar.id == period.calendar_id)
        .outerjoin(Expert, Expert.id == Booking.expert_id)
        .where(
            ~func.coalesce(Calendar.user_id == Booking.user_id, false()),
            ~func.coalesce(Calendar.user_id == Expert.user_id, false()),
            ~func.coalesce(Calendar.room_id == Booking.room_id, false()),
        ),
        "a busy period is in a calendar that its session does not concern": select(
            period.id.label("busy_period"), period.event_session_id, period.calendar_id
        )
        .join(EventSession, EventSession.id == period.event_session_id)
        .join(Calendar, Calendar.id == period.calendar_id)
        .where(
            ~func.coalesce(Calendar.room_id == EventSession.room_id, false()),
            ~exists().where(
                Speaker.event_session_id == EventSession.id, Speaker.user_id == Calendar.user_id
            ),
        ),
        "a booking or session occupies a calendar twice": select(
            period.calendar_id, period.booking_id, period.event_session_id
        )
        .group_by(period.calendar_id, period.booking_id, period.event_session_id)
        .having(func.count() > 1),
        "a busy period belongs to no calendar": select(
            period.id.label("busy_period"), period.calendar_id
        ).where(~exists().where(Calendar.id == period.calendar_id)),
        "a session has more seats taken than it has seats": select(
            EventSession.id.label("event_session"), EventSession.seats_taken, EventSession.capacity
        ).where(
            or_(EventSession.seats_taken > EventSession.capacity, EventSession.seats_taken < 0)
        ),
        "a session's counter differs from its live and held seats": select(
            EventSession.id.label("event_session"),
            EventSession.seats_taken,
            live_seats.label("live_seats"),
            held_seats.label("held_seats"),
        )
        .outerjoin(Booking, and_(Booking.event_session_id == EventSession.id, live))
        .group_by(EventSession.id, EventSession.seats_taken)
        .having(EventSession.seats_taken != live_seats + held_seats),
        "a user has two live seats in one session": select(
            Booking.event_session_id.label("event_session"), Booking.user_id.label("user")
        )
        .where(live)
        .group_by(Booking.event_session_id, Booking.user_id)
        .having(live_seats > 1),
        "a live booking does not occupy its user's time": select(Booking.uid.label("booking"))
        .where(is_live, Booking.user_id.is_not(None))
        .where(~_occupying(Calendar.user_id == Booking.user_id)),
        "a live appointment does not occupy its expert's time": select(Booking.uid.label("booking"))
        .join(Expert, Expert.id == Booking.expert_id)
        .where(is_live)
        .where(~_occupying(Calendar.user_id == Expert.user_id)),
        "a live booking does not occupy its room": select(Booking.uid.label("booking"))
        .where(is_live, Booking.room_id.is_not(None))
        .where(~_occupying(Calendar.room_id == Booking.room_id)),
        "two live appointments have one place in a slot": select(
            Booking.uid.label("one"), mate.uid.label("other")
        )
        .join(mate, and_(of_one_slot, mate.place == Booking.place))
        .where(appointment),
        "live appointments of one slot differ in end or room": select(
            Booking.uid.label("one"), mate.uid.label("other")
        )
        .join(
            mate,
            and_(
                of_one_slot,
                or_(
                    mate.ends_at != Booking.ends_at,
                    func.coalesce(mate.room_id, 0) != func.coalesce(Booking.room_id, 0),
                ),
            ),
        )
        .where(appointment),
        "a slot to come has more live appointments than seats": select(
            Booking.event_type_id.label("event_type"),
            Booking.starts_at,
            func.count(Booking.id).label("live"),
        )
        .join(EventType, EventType.id == Booking.event_type_id)
        .where(appointment, Booking.ends_at > clock.now())
        .group_by(Booking.event_type_id, Booking.starts_at, EventType.seats)
        .having(func.count(Booking.id) > EventType.seats),
        "a request is no appointment, or never ends": select(Booking.uid.label("booking")).where(
            Booking.status == PENDING,
            or_(Booking.kind != "appointment", Booking.decide_by.is_(None)),
        ),
        "a session does not occupy its room": select(EventSession.id.label("event_session"))
        .where(EventSession.status == CONFIRMED)
        .where(~_session_occupying(Calendar.room_id == EventSession.room_id)),
        "a session does not occupy its speaker's time": select(
            EventSession.id.label("event_session"), Speaker.user_id.label("user")
        )
        .join(Speaker, Speaker.event_session_id == EventSession.id)
        .where(EventSession.status == CONFIRMED, Speaker.user_id.is_not(None))
        .where(~_session_occupying(Calendar.user_id == Speaker.user_id)),
        "an occurrence of a series is no reservation, or its series is not there": select(
            Booking.uid.label("booking"), Booking.series_id.label("series")
        )
        .outerjoin(Series, Series.id == Booking.series_id)
        .where(Booking.series_id.is_not(None))
        .where(or_(Booking.kind != "reservation", Series.id.is_(None))),
        "a blackout is somebody's, or of no room": select(Booking.uid.label("booking")).where(
            Booking.kind == "blackout",
            or_(Booking.user_id.is_not(None), Booking.room_id.is_(None)),
        ),
        "a seat's time is not its session's": select(Booking.uid.label("booking"))
        .join(EventSession, EventSession.id == Booking.event_session_id)
        .where(live)
        .where(
            or_(
                Booking.starts_at != EventSession.starts_at,
                Booking.ends_at != EventSession.ends_at,
            )
        ),
        "a live seat is in a session that is not held": select(Booking.uid.label("booking"))
        .outerjoin(EventSession, EventSession.id == Booking.event_session_id)
        .where(live, func.coalesce(EventSession.status, CANCELLED) != CONFIRMED),
        "a user has no calendar": select(User.id.label("user")).where(
            ~exists().where(Calendar.user_id == User.id)
        ),
        "a room has no calendar": select(Room.id.label("room")).where(
            ~exists().where(Calendar.room_id == Room.id)
        ),
    }


def _overlaps() -> Select[Any]:
    """Periods that begin before one that began earlier has ended, with that one.

    Who is late is seen in one pass by start; comparing each period of a calendar with
    each would take minutes where there are ten thousand.
    """
    in_turn = select(
        BusyPeriod.id,
        BusyPeriod.calendar_id,
        BusyPeriod.starts_at,
        BusyPeriod.ends_at,
        func.max(BusyPeriod.ends_at)
        .over(
            partition_by=BusyPeriod.calendar_id,
            order_by=(BusyPeriod.starts_at, BusyPeriod.id),
            rows=(None, -1),
        )
        .label("busy_until"),
    ).subquery()
    late = in_turn.c
    earlier = aliased(BusyPeriod)
    return (
        select(late.calendar_id, earlier.id.label("one"), late.id.label("other"))
        .join(earlier, earlier.calendar_id == late.calendar_id)
        .where(
            late.busy_until > late.starts_at,
            or_(
                earlier.starts_at < late.starts_at,
                and_(earlier.starts_at == late.starts_at, earlier.id < late.id),
            ),
            overlapping(earlier.starts_at, earlier.ends_at, late.starts_at, late.ends_at),
        )
    )


def _occupying(owner: Any) -> Any:
    """That the booking of the outer query occupies the calendar of `owner`, all its time.

    An appointment may do so by the period of another in the same slot. Apart, so that
    each is found by an index.
    """
    mate = aliased(Booking)
    by_mate = exists().where(
        Booking.kind == "appointment",
        mate.kind == "appointment",
        mate.status.in_(LIVE),
        mate.event_type_id == Booking.event_type_id,
        mate.starts_at == Booking.starts_at,
        BusyPeriod.booking_id == mate.id,
        *_covering(owner),
    )
    by_itself = exists().where(BusyPeriod.booking_id == Booking.id, *_covering(owner))
    return or_(
        by_itself.correlate_except(BusyPeriod, Calendar),
        by_mate.correlate_except(BusyPeriod, Calendar, mate),
    )


def _covering(owner: Any) -> tuple[Any, ...]:
    return (
        BusyPeriod.calendar_id == Calendar.id,
        owner,
        BusyPeriod.starts_at <= Booking.starts_at,
        BusyPeriod.ends_at >= Booking.ends_at,
    )


def _session_occupying(owner: Any) -> Any:
    return (
        exists()
        .where(BusyPeriod.event_session_id == EventSession.id)
        .where(BusyPeriod.calendar_id == Calendar.id, owner)
        .where(BusyPeriod.starts_at == EventSession.starts_at)
        .where(BusyPeriod.ends_at == EventSession.ends_at)
        .correlate_except(BusyPeriod, Calendar)
    )
