"""Seats of people who are not there, given to those who are.

An event may say how many minutes before a session the seats of attendees who are not
checked in are released. It happens once for each session, at that moment: freed seats go
to the waitlist, and what is left is live for walk-ins. Whoever books after it is taken at
their word. A session that moves to a later time is looked at again.

`release_due` is run every few seconds by server processes; a session that one of them
has done is done for all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import ngettext
from sqlalchemy import ColumnElement, exists, select, update

from app.extensions import db
from app.models import Attendee, Booking, Calendar, Event, EventSession, User
from app.models.booking import BY_HOST, CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import audit, bookings, cancellation, clock, events, ledger
from app.services.languages import speaking
from app.services.transaction import transactional


def release_due() -> int:
    """Release what is due in all sessions; returns how many seats.

    One transaction for each session, which locks the calendars of who loses a seat, then
    the session.
    """
    return sum(_release(row.id, row.minutes) for row in _due(clock.now()))


def expect_again(session: EventSession, previous: Interval) -> None:
    """Have a session that begins later looked at again: its moment is yet to come."""
    if session.starts_at > previous.starts_at:
        session.no_shows_released_at = None


def _due(now: datetime) -> list[AnyRow]:
    """Sessions whose moment has come and that have not begun."""
    soon = db.session.execute(
        select(
            EventSession.id, EventSession.starts_at, Event.release_no_shows_minutes.label("minutes")
        )
        .join(Event, Event.id == EventSession.event_id)
        .where(EventSession.status == CONFIRMED, EventSession.seats_taken > 0)
        .where(EventSession.no_shows_released_at.is_(None))
        .where(Event.release_no_shows_minutes.is_not(None))
        .where(EventSession.starts_at > now)
        .where(EventSession.starts_at <= now + timedelta(minutes=events.MAX_MINUTES))
        .order_by(EventSession.starts_at, EventSession.id)
    )
    return [row for row in soon if row.starts_at - timedelta(minutes=row.minutes) <= now]


@transactional
def _release(event_session_id: int, minutes: int) -> int:
    absent = db.session.execute(
        select(Calendar.id, User.id.label("user_id"), User.language)
        .join(Booking, Booking.user_id == Calendar.user_id)
        .join(User, User.id == Booking.user_id)
        .where(_is_absent(event_session_id))
    ).all()
    locked = ledger.lock([row.id for row in absent], [event_session_id])
    # Nobody did it meanwhile, and it has not moved: the row is ours until the commit.
    now = clock.now()
    due = db.session.execute(
        update(EventSession)
        .where(EventSession.id == event_session_id, EventSession.status == CONFIRMED)
        .where(EventSession.no_shows_released_at.is_(None), EventSession.starts_at > now)
        .where(EventSession.starts_at <= now + timedelta(minutes=minutes))
        .values(no_shows_released_at=now)
        .returning(EventSession.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if due is None:
        return 0
    # Judged under the lock: who checked in while it was waited for keeps the seat. Whoever
    # booked meanwhile is not locked, and stays.
    known = {each.user_id for each in locked.values()}
    leaving = [
        row for row in bookings.find_rows(_is_absent(event_session_id)) if row.user_id in known
    ]
    languages = {row.user_id: row.language for row in absent}
    released = []
    # To each in their own language: it is to be read by nobody else in the booking.
    for language in sorted({languages[row.user_id] for row in leaving}, key=str):
        with speaking(language):
            reason = _reason(minutes)
        rows = [row for row in leaving if languages[row.user_id] == language]
        released += cancellation.release_bookings(
            None, rows, tuple(locked.values()), reason=reason, ending=BY_HOST
        )
    audit.record(None, "release_no_shows", "event_session", event_session_id, released=released)
    return len(released)


def _reason(minutes: int) -> str:
    return ngettext(
        "You were not checked in %(num)d minute before the start, so your seat went to somebody"
        " who is there. If you come after all, look for a seat in the agenda.",
        "You were not checked in %(num)d minutes before the start, so your seat went to somebody"
        " who is there. If you come after all, look for a seat in the agenda.",
        minutes,
    )


def _is_absent(event_session_id: int) -> ColumnElement[bool]:
    """The condition on a live seat whose owner is not checked in at the session's event."""
    is_in = (
        exists()
        .where(Attendee.event_id == EventSession.event_id)
        .where(EventSession.id == event_session_id)
        .where(Attendee.checked_in_at.is_not(None))
        .where(Attendee.email == User.email)
        .where(User.id == Booking.user_id)
        .correlate(Booking)
    )
    return (
        (Booking.event_session_id == event_session_id)
        & (Booking.status == CONFIRMED)
        & (Booking.kind == "seat")
        & ~is_in
    )
