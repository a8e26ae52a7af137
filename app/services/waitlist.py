"""The waitlist: who gets the next seat of a full session.

A seat that frees goes to the first in the queue who is free then. When nobody in the
queue is free, the first is offered it: the seat is held, counted among those taken, and
whatever that person has booked instead stands until the offer is accepted. An offer that
runs out goes on to the next. While anybody waits, a freed seat is nobody else's; but once
a session's seats of who is not there were released, seats go to nobody in the queue who
is not checked in, and nobody is kept from them by those.

Promotion is a transaction of its own after the one that freed the seat, so that the
calendars of waiting people are locked in the ledger's order. `promote_due`, run every
few seconds by server processes, does what a crash in between left undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext
from sqlalchemy import delete, exists, func, insert, select, true, update

from app.extensions import db
from app.models import Booking, Calendar, EventSession, User, WaitlistEntry
from app.models.booking import CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.models.user import full_name
from app.services import admission, audit, changes, clock, languages, ledger, mail, seats
from app.services.clock import rfc3339
from app.services.errors import InvalidInput, NotFound, Stale
from app.services.policy import Actor, require_admin, require_signed_in
from app.services.transaction import transactional

OFFER_LIFETIME = timedelta(minutes=30)
# More of the queue is not looked at for one seat: it would lock too much at once.
MAX_CANDIDATES = 50


@transactional
def join(actor: Actor | None, event_session_id: int) -> int:
    """Queue for a seat; returns the position, from 1. Joining again keeps the place.

    Raises `InvalidInput` when there is a seat to book, or free entry, or the actor has
    one; `Gone`, `NotFound`, `Unauthenticated`. Locks the session, so that none frees
    unseen in between.
    """
    actor = require_signed_in(actor)
    ledger.lock((), [event_session_id])
    session = seats.find_session(actor, actor, event_session_id)
    if session.own_uid:
        raise InvalidInput({}, gettext("You have a seat in this session."))
    entry_id = _find_entry(actor.user_id, event_session_id)
    if entry_id is None:
        if session.seats_taken < session.capacity and not session.is_waited_for:
            raise InvalidInput({}, gettext("There are seats left: book one instead."))
        entry_id = db.session.execute(
            insert(WaitlistEntry.__table__).returning(WaitlistEntry.__table__.c.id),
            {
                "event_session_id": event_session_id,
                "user_id": actor.user_id,
                "created_at": clock.now(),
                "language": languages.current().code,
            },
        ).scalar_one()
        audit.record(actor, "join_waitlist", "event_session", event_session_id)
    position = select(func.count()).where(
        WaitlistEntry.event_session_id == event_session_id, WaitlistEntry.id <= entry_id
    )
    return db.session.scalar(position) or 1


@transactional
def leave(actor: Actor | None, event_session_id: int) -> None:
    """Leave the queue; whoever is not in it leaves it too. A held seat frees.

    Raises `NotFound` for a session that the actor may not know of, `Unauthenticated`.
    """
    actor = require_signed_in(actor)
    session = db.session.get(EventSession, event_session_id)
    if session is None:
        raise NotFound
    own = (
        WaitlistEntry.event_session_id == event_session_id,
        WaitlistEntry.user_id == actor.user_id,
    )
    if not db.session.scalar(select(exists().where(*own))):
        event = session.event
        admission.require_admitted(actor, event.id, event.admission, public=event.public)
        return
    _remove(session, *own)


@transactional
def remove_entry(actor: Actor | None, entry_id: int) -> None:
    """Take somebody out of a queue; a seat held for them goes to the next. For admins.

    Raises `NotFound`, `NotAllowed`.
    """
    actor = require_admin(actor)
    entry = db.session.get(WaitlistEntry, entry_id)
    if entry is None:
        raise NotFound
    _remove(entry.event_session, WaitlistEntry.id == entry_id, actor=actor)


def list_own(actor: Actor | None, event_id: int) -> list[dict[str, Any]]:
    """The actor's places in queues of one event: session, position, and until when a
    seat is offered."""
    actor = require_signed_in(actor)
    ahead = WaitlistEntry.__table__.alias("ahead")
    position = (
        select(func.count())
        .select_from(ahead)
        .where(ahead.c.event_session_id == WaitlistEntry.event_session_id)
        .where(ahead.c.id <= WaitlistEntry.id)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            WaitlistEntry.event_session_id,
            WaitlistEntry.offer_expires_at,
            EventSession.title,
            EventSession.starts_at,
            EventSession.ends_at,
            position.label("position"),
        )
        .join(EventSession, EventSession.id == WaitlistEntry.event_session_id)
        .where(WaitlistEntry.user_id == actor.user_id, EventSession.event_id == event_id)
        .order_by(EventSession.starts_at)
    )
    return [
        {
            "event_session": {"id": row.event_session_id, "title": row.title},
            "starts_at": rfc3339(row.starts_at),
            "ends_at": rfc3339(row.ends_at),
            "position": row.position,
            "offer_expires_at": rfc3339(row.offer_expires_at) if row.offer_expires_at else None,
        }
        for row in rows
    ]


def clear(event_session_id: int) -> dict[int, str | None]:
    """Nobody waits any more for a session that is cancelled; its row is locked.

    Returns the ids of the users who did, or had a seat held, and in which language they
    joined.
    """
    left = db.session.execute(
        delete(WaitlistEntry)
        .where(WaitlistEntry.event_session_id == event_session_id)
        .returning(WaitlistEntry.user_id, WaitlistEntry.language, WaitlistEntry.offer_expires_at)
        .execution_options(synchronize_session=False)
    ).all()
    for entry in left:
        if entry.offer_expires_at is not None:
            ledger.free_seat(event_session_id)
    return {entry.user_id: entry.language for entry in left}


def count(event_session_id: int) -> int:
    """How many wait for a seat, or have one held for them."""
    waiting = select(func.count()).where(WaitlistEntry.event_session_id == event_session_id)
    return db.session.scalar(waiting) or 0


def foresee(session: EventSession, claims: Sequence[ledger.Claim], free: int) -> tuple[int, int]:
    """How many in the queue would get one of so many seats, and how many be offered one.

    Of the session as it is to be, not flushed yet; `claims` are its own, of people who are
    not free then. Locks nothing: who waits may book something else before the seat comes.
    """
    if free <= 0 or session.starts_at <= clock.now():
        return 0, 0
    are_all = session.no_shows_released_at is None
    waiting = _waiting(session.id, everybody=are_all, limit=None)
    period = Interval(session.starts_at, session.ends_at)
    if not waiting:
        return 0, 0
    wanted = [ledger.Claim(entry.calendar_id, period) for entry in waiting]
    busy = {claim.calendar_id for claim in claims} | {
        conflict.calendar_id
        for conflict in ledger.find_conflicts(wanted, ignoring_session=session.id)
    }
    are_free = sum(entry.calendar_id not in busy for entry in waiting)
    promoted = min(free, are_free)
    return promoted, min(free, len(waiting)) - promoted


def withdraw_offers(event_session_id: int, number: int) -> None:
    """Free that many held seats of a session whose row is locked, those offered last.

    Whoever had the offer keeps the place in the queue.
    """
    if not number:
        return
    last = (
        select(WaitlistEntry.id)
        .where(WaitlistEntry.event_session_id == event_session_id)
        .where(WaitlistEntry.offer_expires_at.is_not(None))
        .order_by(WaitlistEntry.id.desc())
        .limit(number)
    )
    db.session.execute(
        update(WaitlistEntry)
        .where(WaitlistEntry.id.in_(db.session.scalars(last).all()))
        .values(offer_expires_at=None)
        .execution_options(synchronize_session=False)
    )
    for _ in range(number):
        ledger.free_seat(event_session_id)


# -- promotion -----------------------------------------------------------------------


def on_change(change: changes.Change) -> None:
    """After a commit: give seats that freed to who waits for them."""
    if isinstance(change, changes.SeatsChanged) and change.may_be_free:
        promote(change.event_session_id)


def promote_due() -> None:
    """Let run-out offers go on, and give away what no promotion came to give."""
    now = clock.now()
    expired = db.session.scalars(
        select(WaitlistEntry.id).where(WaitlistEntry.offer_expires_at <= now)
    ).all()
    for entry_id in expired:
        _expire(entry_id)
    waited_for = db.session.scalars(
        select(EventSession.id)
        .where(EventSession.status == CONFIRMED, EventSession.starts_at > now)
        .where(EventSession.seats_taken < EventSession.capacity)
        .where(
            exists()
            .where(WaitlistEntry.event_session_id == EventSession.id)
            .where(WaitlistEntry.offer_expires_at.is_(None), seats.is_served(WaitlistEntry))
        )
    ).all()
    for event_session_id in waited_for:
        promote(event_session_id)


def promote(event_session_id: int) -> None:
    """Give away the free seats of a session, as long as somebody waits for them."""
    while _promote_one(event_session_id):
        pass


@transactional
def _promote_one(event_session_id: int) -> bool:
    """Give or offer one seat; returns whether to look for another.

    Locks the calendar of who gets it, then the session.
    """
    session = db.session.execute(
        seats.SESSION, {"session": event_session_id, "user": 0}
    ).one_or_none()
    if (
        session is None
        or session.status != CONFIRMED
        or session.starts_at <= clock.now()
        or session.capacity is None
        or session.seats_taken >= session.capacity
    ):
        return False
    waiting = _waiting(event_session_id)
    if not waiting:
        return False
    period = Interval(session.starts_at, session.ends_at)
    busy = {
        conflict.calendar_id
        for conflict in ledger.find_conflicts(
            [ledger.Claim(entry.calendar_id, period) for entry in waiting]
        )
    }
    for entry in waiting:
        if entry.calendar_id not in busy:
            return _give(session, entry, period)
    return _offer(session, waiting[0])


def _give(session: AnyRow, entry: AnyRow, period: Interval) -> bool:
    attendee = Actor(
        user_id=entry.user_id,
        calendar_id=entry.calendar_id,
        name=full_name(entry.first_name, entry.last_name),
        email=entry.email,
        language=entry.language,
    )
    locked = ledger.lock([entry.calendar_id])
    claim = ledger.Claim(entry.calendar_id, period)
    if ledger.find_conflicts([claim]):
        return True  # booked something else this moment: look again
    if seats.take(session) is None:
        return False
    if not _delete(WaitlistEntry.id == entry.id):
        raise Stale  # left this moment; the seat goes back with the roll-back
    seats.write(None, attendee, session, claim, locked[entry.calendar_id], notice="promoted")
    return True


def _offer(session: AnyRow, entry: AnyRow) -> bool:
    if seats.take(session) is None:
        return False
    expires_at = min(clock.now() + OFFER_LIFETIME, session.starts_at)
    offered = db.session.execute(
        update(WaitlistEntry)
        .where(WaitlistEntry.id == entry.id, WaitlistEntry.offer_expires_at.is_(None))
        .values(offer_expires_at=expires_at)
        .returning(WaitlistEntry.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if offered is None:
        raise Stale
    mail.enqueue(
        "seat_offered",
        entry.email,
        _notice(session, entry) | {"offer_expires_at": rfc3339(expires_at)},
        expires_at=expires_at,
        language=entry.language,
    )
    audit.record(None, "offer_seat", "event_session", session.id, user_id=entry.user_id)
    changes.publish(changes.SeatsChanged(session.event_id, session.event_slug, session.id))
    changes.publish(
        changes.SeatOffered(entry.user_id, session.event_slug, session.id, rfc3339(expires_at))
    )
    return True


@transactional
def _expire(entry_id: int) -> None:
    entry = db.session.get(WaitlistEntry, entry_id, populate_existing=True)
    if entry is not None:
        _remove(
            entry.event_session,
            WaitlistEntry.id == entry_id,
            WaitlistEntry.offer_expires_at <= clock.now(),
        )


def _remove(session: EventSession, *where: Any, actor: Actor | None = None) -> None:
    """Take an entry out of the queue, and free the seat that was held for it."""
    ledger.lock((), [session.id])
    removed = db.session.execute(
        delete(WaitlistEntry)
        .where(*where)
        .returning(WaitlistEntry.user_id, WaitlistEntry.offer_expires_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if removed is None:
        return
    audit.record(actor, "leave_waitlist", "event_session", session.id, user_id=removed.user_id)
    if removed.offer_expires_at is not None:
        ledger.free_seat(session.id)
        changes.publish(
            changes.SeatsChanged(session.event_id, session.event.slug, session.id, may_be_free=True)
        )


def _delete(*where: Any) -> bool:
    removed = db.session.execute(
        delete(WaitlistEntry)
        .where(*where, WaitlistEntry.offer_expires_at.is_(None))
        .returning(WaitlistEntry.id)
        .execution_options(synchronize_session=False)
    )
    return removed.one_or_none() is not None


def _find_entry(user_id: int, event_session_id: int) -> int | None:
    return db.session.scalar(
        select(WaitlistEntry.id).where(
            WaitlistEntry.user_id == user_id,
            WaitlistEntry.event_session_id == event_session_id,
        )
    )


def _waiting(
    event_session_id: int, *, everybody: bool = False, limit: int | None = MAX_CANDIDATES
) -> list[AnyRow]:
    """The queue's head: who waits without an offer and has no seat, first come first.

    Also who gets no seat for not being checked in, if it is `everybody`.
    """
    return list(
        db.session.execute(
            select(
                WaitlistEntry.id,
                WaitlistEntry.user_id,
                Calendar.id.label("calendar_id"),
                User.first_name,
                User.last_name,
                User.email,
                func.coalesce(User.language, WaitlistEntry.language).label("language"),
            )
            .join(User, User.id == WaitlistEntry.user_id)
            .join(Calendar, Calendar.user_id == User.id)
            .join(EventSession, EventSession.id == WaitlistEntry.event_session_id)
            .where(true() if everybody else seats.is_served(WaitlistEntry))
            .where(WaitlistEntry.event_session_id == event_session_id, User.active.is_(True))
            .where(WaitlistEntry.offer_expires_at.is_(None))
            .where(
                ~exists().where(
                    Booking.event_session_id == event_session_id,
                    Booking.user_id == WaitlistEntry.user_id,
                    Booking.status == CONFIRMED,
                )
            )
            .order_by(WaitlistEntry.id)
            .limit(limit)
        )
    )


def _notice(session: AnyRow, entry: AnyRow) -> dict[str, Any]:
    return {
        "name": full_name(entry.first_name, entry.last_name),
        "time_zone": session.event_time_zone,
        "event": {"slug": session.event_slug, "title": session.event_title},
        "event_session": {
            "id": session.id,
            "title": session.title,
            "starts_at": rfc3339(session.starts_at),
            "ends_at": rfc3339(session.ends_at),
        },
    }
