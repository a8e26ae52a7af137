"""Seats: an attendee's places in event sessions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, insert, or_, select
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models import Attendee, Booking, Event, EventSession, Room, User, WaitlistEntry
from app.models.booking import CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    accounts,
    admission,
    audit,
    bookings,
    cancel_reasons,
    cancellation,
    changes,
    clock,
    group_slots,
    languages,
    ledger,
)
from app.services.bookings import Booked
from app.services.errors import Busy, Gone, InvalidInput, NotFound, Overlap, SessionFull, Stale
from app.services.policy import Actor, require_signed_in
from app.services.transaction import execute, transactional


def book_seat(
    actor: Actor | None,
    event_session_id: int,
    *,
    replace: Collection[str] = (),
    on_behalf: int | None = None,
) -> Booked:
    """Book the actor a seat; an own live seat there is given back as it stands.

    `on_behalf` is the user for whom an admin books: calendar and mail are that user's,
    the audit entry names the admin. The attendee's bookings named in `replace` are
    released in the same transaction, and only if the seat is obtained. Locks the
    attendee's calendar (and those of replaced bookings), then the session, as late as
    can be. Raises `SessionFull`, `Overlap`, `Gone`, `Busy`, `InvalidInput` (free entry),
    `NotFound`, `NotAllowed`, `Stale`, `Unauthenticated`.
    """
    actor = require_signed_in(actor)
    attendee = actor if on_behalf is None else accounts.acting_for(actor, on_behalf)
    session = find_session(actor, attendee, event_session_id)
    if session.own_uid:
        return Booked(bookings.get_booking(attendee, session.own_uid), [], created=False)
    _refuse_full(session)  # without queueing for its row
    try:
        return _book(actor, attendee, session, tuple(replace))
    except Busy:
        # Who waited in vain is told so when those in front took what was left.
        _refuse_full(find_session(actor, attendee, event_session_id))
        raise


def release_seat(actor: Actor | None, event_session_id: int) -> None:
    """Cancel the actor's seat in a session; without one there is nothing to do.

    Raises `NotFound` for a session that the actor may not know of, `Gone` when it is over.
    """
    actor = require_signed_in(actor)
    uid = db.session.scalar(_OWN_SEAT, {"session": event_session_id, "user": actor.user_id})
    if uid:
        cancellation.cancel_booking(actor, uid)
        return
    session = db.session.get(EventSession, event_session_id)
    if session is None or not admission.is_admitted(
        actor, session.event_id, session.event.admission
    ):
        raise NotFound


@transactional
def _book(actor: Actor, attendee: Actor, session: AnyRow, replace: tuple[str, ...]) -> Booked:
    replaced = bookings.find_replaceable(attendee, replace)
    locked = bookings.lock_with_replaced([attendee.calendar_id], replaced, [session.id])
    claim = ledger.Claim(attendee.calendar_id, Interval(session.starts_at, session.ends_at))
    in_the_way = ledger.find_conflicts([claim], ignoring={row.id for row in replaced})
    for conflict in in_the_way:
        if conflict.seat_of == session.id and conflict.uid:  # a second click, a moment ago
            return Booked(bookings.get_booking(attendee, conflict.uid), [], created=False)
    if in_the_way:
        raise Overlap(ledger.shown_to(attendee, group_slots.unfold(attendee, in_the_way)))
    if not accept_offer(session, attendee.user_id) and take(session) is None:
        raise _full(find_session(actor, attendee, session.id))
    released = cancellation.release_bookings(
        actor, replaced, tuple(locked.values()), reason=cancel_reasons.REPLACED
    )
    return Booked(write(actor, attendee, session, claim, locked[attendee.calendar_id]), released)


def take(session: AnyRow) -> AnyRow | None:
    """Take a seat of a session that was looked at before its row was locked.

    None when there is none left. Raises `Stale` when it moved in between.
    """
    taken = ledger.take_seat(session.id)
    if taken:
        _refuse_moved(session, taken)
    return taken


def _refuse_moved(session: AnyRow, locked: AnyRow) -> None:
    if (locked.starts_at, locked.ends_at) != (session.starts_at, session.ends_at):
        raise Stale(gettext("This session was moved a moment ago. Please look at it again."))


def _refuse_full(session: AnyRow) -> None:
    if not _is_held(session) and (session.seats_taken >= session.capacity or session.is_waited_for):
        raise _full(session)


def _is_held(session: AnyRow) -> bool:
    return session.offer_expires_at is not None and session.offer_expires_at > clock.now()


def accept_offer(session: AnyRow, user_id: int) -> bool:
    """Take a user out of the session's queue, if in it; True when that gives a seat held until now.

    Raises `Stale` when the session moved since it was looked at.
    """
    if session.entry_id is None:
        return False
    ledger.lock((), [session.id])
    left = db.session.execute(
        delete(WaitlistEntry)
        .where(WaitlistEntry.id == session.entry_id, WaitlistEntry.user_id == user_id)
        .returning(WaitlistEntry.offer_expires_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if left is None or left.offer_expires_at is None:
        return False
    now = select(EventSession.starts_at, EventSession.ends_at).where(EventSession.id == session.id)
    _refuse_moved(session, db.session.execute(now).one())
    return True


def find_session(actor: Actor, attendee: Actor, event_session_id: int) -> AnyRow:
    """The session as the actor can book it for the attendee. Raises why it cannot."""
    session = execute(
        SESSION, {"session": event_session_id, "user": attendee.user_id}
    ).one_or_none()
    if session is None:
        raise NotFound
    admission.require_admitted(
        actor, session.event_id, session.event_admission, public=session.event_public
    )
    if session.status != CONFIRMED:
        raise Gone(gettext("This session is cancelled."))
    if session.ends_at <= clock.now():
        raise Gone(gettext("This session is over."))
    if session.capacity is None:
        raise InvalidInput({}, gettext("This session has free entry: no booking is needed."))
    return session


def write(
    actor: Actor | None,
    attendee: Actor,
    session: AnyRow,
    claim: ledger.Claim,
    calendar: changes.CalendarVersion,
    *,
    notice: str = "confirmed",
) -> dict[str, Any]:
    """Write a seat that was taken, for an attendee whose calendar is locked and free.

    Joins the transaction. `actor` is None when the waitlist gives it; `notice` names
    the mail.
    """
    books_itself = actor is not None and actor.user_id == attendee.user_id
    seat = {
        "uid": str(uuid4()),
        "kind": "seat",
        "title": session.title,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "user_id": attendee.user_id,
        "event_session_id": session.id,
        # Whoever books for others reads what they may not.
        "language": languages.current().code if books_itself else attendee.language,
        "created_at": clock.now(),
    }
    booking_id = execute(_INSERT, seat).scalar_one()
    ledger.occupy([claim], booking_id=booking_id)
    row = bookings.new_row(
        **seat,
        id=booking_id,
        room_id=session.room_id,
        room_name=session.room_name,
        event_id=session.event_id,
        event_slug=session.event_slug,
        event_title=session.event_title,
        event_time_zone=session.event_time_zone,
        user_name=attendee.name,
        user_email=attendee.email,
    )
    payload = bookings.describe(row, attendee)
    bookings.send_notices(notice, row, payload)
    audit.record(
        actor,
        "book",
        "booking",
        seat["uid"],
        kind="seat",
        event_session_id=session.id,
        user_id=attendee.user_id,
    )
    bookings.publish(changes.NEW_BOOKING, payload, [calendar])
    changes.publish(changes.SeatsChanged(session.event_id, session.event_slug, session.id))
    return payload


def _full(session: AnyRow) -> SessionFull:
    """The refusal, with other runs of the session that have seats, soonest first."""
    runs = db.session.execute(
        select(EventSession.id, EventSession.title, EventSession.starts_at)
        .where(EventSession.event_id == session.event_id, EventSession.title == session.title)
        .where(EventSession.id != session.id, EventSession.status == CONFIRMED)
        .where(EventSession.starts_at > clock.now())
        .where(EventSession.seats_taken < EventSession.capacity)
        .order_by(EventSession.starts_at)
        .limit(5)
    )
    return SessionFull(
        waitlist=True,
        alternatives=[
            {"id": run.id, "title": run.title, "starts_at": clock.rfc3339(run.starts_at)}
            for run in runs
        ],
    )


def is_served(entry: Any) -> ColumnElement[bool]:
    """The condition on a waitlist entry, beside its event session, that it gets seats now.

    Once the seats of who is not there were released, only who is checked in does: a seat
    is not to go from one empty chair to another.
    """
    somebody, rule = aliased(User), aliased(Event)
    is_here = (
        exists()
        .where(Attendee.event_id == EventSession.event_id, Attendee.checked_in_at.is_not(None))
        .where(Attendee.email == somebody.email, somebody.id == entry.user_id)
        .correlate(EventSession, entry)
    )
    has_rule = (
        exists()
        .where(rule.id == EventSession.event_id, rule.release_no_shows_minutes.is_not(None))
        .correlate(EventSession)
    )
    return or_(EventSession.no_shows_released_at.is_(None), is_here, ~has_rule)


_INSERT = insert(Booking.__table__).returning(Booking.__table__.c.id)
_OWN_SEAT = select(Booking.uid).where(
    Booking.event_session_id == bindparam("session"),
    Booking.user_id == bindparam("user"),
    Booking.status == CONFIRMED,
)
_others = aliased(WaitlistEntry)
_someone_waits = (
    exists()
    .where(_others.event_session_id == EventSession.id, _others.offer_expires_at.is_(None))
    .where(is_served(_others))
    .correlate(EventSession)
)
# One session with all that booking it needs to know, for one user.
SESSION = (
    select(
        EventSession.id,
        EventSession.title,
        EventSession.starts_at,
        EventSession.ends_at,
        EventSession.capacity,
        EventSession.seats_taken,
        EventSession.status,
        EventSession.event_id,
        EventSession.room_id,
        Room.name.label("room_name"),
        Event.slug.label("event_slug"),
        Event.title.label("event_title"),
        Event.time_zone.label("event_time_zone"),
        Event.admission.label("event_admission"),
        Event.public.label("event_public"),
        Booking.uid.label("own_uid"),
        WaitlistEntry.id.label("entry_id"),
        WaitlistEntry.offer_expires_at,
        _someone_waits.label("is_waited_for"),
    )
    .join(Room, Room.id == EventSession.room_id)
    .join(Event, Event.id == EventSession.event_id)
    .outerjoin(
        Booking,
        and_(
            Booking.event_session_id == EventSession.id,
            Booking.user_id == bindparam("user"),
            Booking.status == CONFIRMED,
        ),
    )
    .outerjoin(
        WaitlistEntry,
        and_(
            WaitlistEntry.event_session_id == EventSession.id,
            WaitlistEntry.user_id == bindparam("user"),
        ),
    )
    .where(EventSession.id == bindparam("session"))
)
