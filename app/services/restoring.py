"""Cancelled bookings confirmed again: what undoes a cancellation.

Nothing is held for a cancelled booking, so it comes back only if its time, its room and
its seat are still free. It keeps its uid, and its `sequence` goes on, so that calendars
that took it out put it in again (RFC 5546, 2.1.4).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from app.extensions import db
from app.models import Booking, EventSession, EventType, Expert
from app.models.booking import CANCELLED, CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import audit, bookings, changes, clock, ledger, waitlist
from app.services.errors import Gone, NotFound, Overlap, SessionFull, Stale
from app.services.policy import Actor, require_admin
from app.services.transaction import transactional


@transactional
def restore_booking(actor: Actor | None, uid: str) -> dict[str, Any]:
    """Confirm a cancelled booking of any kind again, with a mail. For admins.

    One that is confirmed stays as it is. A seat comes back at the time that its session
    has now, and not past the waitlist. Locks the calendars that it will occupy, then its
    session. Raises `NotFound`, `Gone` (it is over, or its session cancelled), `Overlap`,
    `SessionFull`, `Stale`, `NotAllowed`.
    """
    actor = require_admin(actor)
    row = bookings.find_row(uid)
    if row is None:
        raise NotFound
    if row.status != CANCELLED:
        return bookings.describe(row, actor)
    session = db.session.get(EventSession, row.event_session_id) if row.event_session_id else None
    period = _period(row, session)
    claims = _claims(row, period)
    locked = ledger.lock([claim.calendar_id for claim in claims], [session.id] if session else ())
    in_the_way = ledger.find_conflicts(claims)
    if in_the_way:
        raise Overlap(ledger.shown_to(actor, in_the_way))
    if session:
        _take_seat(session, period)
    changed = db.session.execute(
        update(Booking)
        .where(Booking.id == row.id, Booking.version == row.version, Booking.status == CANCELLED)
        .values(
            status=CONFIRMED,
            cancelled_at=None,
            cancel_reason="",
            starts_at=period.starts_at,
            ends_at=period.ends_at,
            version=Booking.version + 1,
            sequence=Booking.sequence + 1,
        )
        .returning(Booking.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is None:
        raise Stale
    ledger.occupy(claims, booking_id=row.id)
    after = bookings.find_row(uid)
    assert after is not None
    payload = bookings.describe(after, actor, everything=True)
    bookings.send_notices("confirmed", after, payload)
    audit.record(actor, "restore", "booking", uid, status=CONFIRMED)
    bookings.publish(changes.NEW_BOOKING, payload, tuple(locked.values()))
    if session:
        changes.publish(changes.SeatsChanged(session.event_id, after.event_slug, session.id))
    return payload


def _period(row: AnyRow, session: EventSession | None) -> Interval:
    if session and session.status == CANCELLED:
        raise Gone("This session is cancelled.")
    period = (
        Interval(session.starts_at, session.ends_at)
        if session
        else Interval(row.starts_at, row.ends_at)
    )
    if period.ends_at <= clock.now():
        raise Gone("This booking is over.")
    return period


def _claims(row: AnyRow, period: Interval) -> list[ledger.Claim]:
    users = {row.user_id} - {None}
    if row.kind == "seat":  # its room is the session's to occupy
        return [ledger.Claim(each, period) for each in ledger.calendar_ids(user_ids=users)]
    rooms = {row.room_id} - {None}
    if row.kind == "reservation":
        return [
            ledger.Claim(each, period)
            for each in ledger.calendar_ids(user_ids=users, room_ids=rooms)
        ]
    host = db.session.execute(
        select(Expert.user_id, EventType.buffer_before_minutes, EventType.buffer_after_minutes)
        .join(EventType, EventType.expert_id == Expert.id)
        .where(EventType.id == row.event_type_id)
    ).one()
    with_buffers = Interval(
        period.starts_at - timedelta(minutes=host.buffer_before_minutes),
        period.ends_at + timedelta(minutes=host.buffer_after_minutes),
    )
    [of_host] = ledger.calendar_ids(user_ids=[host.user_id])
    others = set(ledger.calendar_ids(user_ids=users, room_ids=rooms)) - {of_host}
    return [
        ledger.Claim(of_host, with_buffers),
        *(ledger.Claim(each, period) for each in sorted(others)),
    ]


def _take_seat(session: EventSession, period: Interval) -> None:
    """Raises `SessionFull` also while somebody waits: a freed seat is theirs."""
    if waitlist.is_waited_for(session.id):
        raise SessionFull("Others wait for a seat in this session.", waitlist=True, alternatives=[])
    taken = ledger.take_seat(session.id)
    if taken is None:
        raise SessionFull(waitlist=True, alternatives=[])
    if Interval(taken.starts_at, taken.ends_at) != period:
        raise Stale
