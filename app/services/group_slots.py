"""Group slots: live appointments of one event type that share a start.

One busy period of the expert, and one of the room, stand for all of them; they are owed
to one of the bookings, the holder, and pass to another when the holder leaves. Each
booking occupies its own client's calendar. Whoever joins or leaves has locked the
expert's calendar, so nobody else does meanwhile.

A slot whose length or room is no longer the event type's takes nobody more: those in it
agreed on what stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, EventType, Expert
from app.models.booking import LIVE
from app.models.interval import Interval, overlapping
from app.models.types import AnyRow
from app.services import ledger
from app.services.policy import Actor


@dataclass(frozen=True, slots=True)
class Group:
    """A slot that somebody is in; `seats_left` is 0 when it takes nobody more."""

    period: Interval
    seats_left: int


def find_groups(
    offer: AnyRow, window: Interval, *, ignoring: Collection[int] = ()
) -> Mapping[datetime, Group]:
    """The slots of an event type that somebody is in, by start: those that touch `window`."""
    rows = db.session.execute(
        select(
            Booking.starts_at,
            Booking.ends_at,
            Booking.room_id,
            func.count().label("taken"),
        )
        .where(in_slots(offer.id), Booking.id.not_in(ignoring))
        .where(overlapping(Booking.starts_at, Booking.ends_at, window.starts_at, window.ends_at))
        .group_by(Booking.starts_at, Booking.ends_at, Booking.room_id)
    )
    groups = {}
    length = timedelta(minutes=offer.duration_minutes)
    for row in rows:
        is_open = row.ends_at - row.starts_at == length and row.room_id == offer.room_id
        groups[row.starts_at] = Group(
            Interval(row.starts_at, row.ends_at),
            max(0, offer.seats - row.taken) if is_open else 0,
        )
    return groups


def find_place(
    event_type_id: int, period: Interval, room_id: int | None, *, ignoring: Collection[int] = ()
) -> int | None:
    """The lowest free place in a slot that somebody is in; None when it takes nobody more.

    It is joined for all its time, in its room. The expert's calendar must be locked; the
    number of seats is read after that.
    """
    rows = db.session.execute(
        select(Booking.place, Booking.ends_at, Booking.room_id, EventType.seats)
        .join(EventType, EventType.id == Booking.event_type_id)
        .where(in_slots(event_type_id), Booking.starts_at == period.starts_at)
        .where(Booking.id.not_in(ignoring))
    ).all()
    if not rows:
        return 1
    is_same = {(row.ends_at, row.room_id) for row in rows} == {(period.ends_at, room_id)}
    if not is_same or len(rows) >= rows[0].seats:
        return None
    taken = {row.place for row in rows}
    return next(place for place in range(1, len(rows) + 2) if place not in taken)


def find_mate(
    event_type_id: int, starts_at: datetime, *, besides: Collection[int] = ()
) -> AnyRow | None:
    """Where those in a slot meet, `location` and `meeting_url`; None if nobody is in it.

    `besides` are ids of bookings that do not count.
    """
    return db.session.execute(
        select(Booking.location, Booking.meeting_url)
        .where(in_slots(event_type_id), Booking.starts_at == starts_at)
        .where(Booking.id.not_in(besides))
        .order_by(Booking.id)
        .limit(1)
    ).one_or_none()


def most_booked(event_type_id: int, since: datetime) -> int:
    """How many are in the fullest slot of an event type that ends after `since`."""
    in_a_slot = (
        select(func.count().label("taken"))
        .where(in_slots(event_type_id), Booking.ends_at > since)
        .group_by(Booking.starts_at)
        .subquery()
    )
    return db.session.scalar(select(func.max(in_a_slot.c.taken))) or 0


def calendars_of(row: Any) -> set[int]:
    """Ids of the calendars that a booking concerns: what it occupies, alone or in a group."""
    if row.kind != "appointment":
        return ledger.calendars_of(booking_id=row.id)
    return set(
        db.session.scalars(
            select(BusyPeriod.calendar_id)
            .join(Booking, Booking.id == BusyPeriod.booking_id)
            .join(Calendar, Calendar.id == BusyPeriod.calendar_id)
            .where(
                or_(
                    Booking.id == row.id,
                    and_(
                        in_slots(row.event_type_id),
                        Booking.starts_at == row.starts_at,
                        _is_shared(row),
                    ),
                )
            )
        )
    )


def ids_in_slot(event_type_id: int, starts_at: datetime) -> set[int]:
    """Ids of the live bookings in one slot."""
    return set(
        db.session.scalars(
            select(Booking.id).where(in_slots(event_type_id), Booking.starts_at == starts_at)
        )
    )


def unfold(actor: Actor, conflicts: Iterable[ledger.Conflict]) -> list[ledger.Conflict]:
    """A conflict for each booking of the actor's own group slots, not for their holders alone.

    A host gives up such a time only with everybody in it.
    """
    found = []
    for each in conflicts:
        found.append(each)
        is_hosted = each.calendar_id == actor.calendar_id and each.user_id != actor.user_id
        if each.event_type_id is None or not is_hosted:
            continue
        others = select(Booking.id, Booking.uid, Booking.user_id).where(
            in_slots(each.event_type_id),
            Booking.starts_at == each.starts_at,
            Booking.id != each.booking_id,
        )
        found += [
            replace(each, booking_id=row.id, uid=row.uid, user_id=row.user_id)
            for row in db.session.execute(others.order_by(Booking.id))
        ]
    return found


def hand_over(row: Any, *, leaving: Collection[int] = ()) -> None:
    """Owe the slot's busy periods to another who is in it, as far as `row` holds them.

    Called before a booking leaves its slot, perhaps with others; the calendars must be
    locked. Nothing happens to a booking that is alone.
    """
    if row.kind != "appointment":
        return
    held = list(
        db.session.scalars(
            select(Calendar.id)
            .join(BusyPeriod, BusyPeriod.calendar_id == Calendar.id)
            .where(BusyPeriod.booking_id == row.id, _is_shared(row))
        )
    )
    if not held:
        return
    heir = db.session.scalar(
        select(func.min(Booking.id)).where(
            in_slots(row.event_type_id),
            Booking.starts_at == row.starts_at,
            Booking.id.not_in({row.id, *leaving}),
        )
    )
    if heir is not None:
        ledger.hand_over(row.id, heir, held)


def in_slots(event_type_id: int) -> ColumnElement[bool]:
    """The condition on live bookings of an event type."""
    return and_(
        Booking.event_type_id == event_type_id,
        Booking.kind == "appointment",
        Booking.status.in_(LIVE),
    )


def _is_shared(row: Any) -> ColumnElement[bool]:
    """That a calendar is one that all in the slot share: the expert's or the room's."""
    expert = select(Expert.user_id).where(Expert.id == row.expert_id).scalar_subquery()
    of_expert: ColumnElement[bool] = Calendar.user_id == expert
    return or_(of_expert, Calendar.room_id == row.room_id) if row.room_id else of_expert
