"""Whose time an event session takes: its room's, its speakers' and its attendees'.

What is read here says which calendars to lock, and is read again under the locks. Nothing
is locked or written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import or_, select

from app.extensions import db
from app.models import Booking, Calendar, EventSession, Speaker
from app.models.booking import CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import bookings, ledger
from app.services.policy import Actor


def claims_of(session: EventSession) -> list[ledger.Claim]:
    """The time that it takes of its room and of its speakers who are users."""
    period = Interval(session.starts_at, session.ends_at)
    users = {speaker.user_id for speaker in session.speakers if speaker.user_id}
    room_id = session.room.id
    return [
        ledger.Claim(calendar_id, period)
        for calendar_id in ledger.calendar_ids(user_ids=users, room_ids=[room_id])
    ]


def claims_of_all(sessions: Sequence[EventSession]) -> list[list[ledger.Claim]]:
    """As `claims_of` for each, in one query."""
    users = {each.user_id for session in sessions for each in session.speakers if each.user_id}
    calendars = db.session.execute(
        select(Calendar.id, Calendar.user_id, Calendar.room_id).where(
            or_(
                Calendar.user_id.in_(users),
                Calendar.room_id.in_({session.room.id for session in sessions}),
            )
        )
    ).all()
    of_room = {row.room_id: row.id for row in calendars if row.room_id}
    of_user = {row.user_id: row.id for row in calendars if row.user_id}
    return [
        [
            ledger.Claim(calendar_id, Interval(session.starts_at, session.ends_at))
            for calendar_id in {of_room[session.room.id]}
            | {of_user[each.user_id] for each in session.speakers if each.user_id}
        ]
        for session in sessions
    ]


def list_conflicts(
    actor: Actor,
    claims: Sequence[ledger.Claim],
    event_session_id: int | None,
    times: ledger.Times = ledger,
) -> list[dict[str, Any]]:
    """What is in the way of a session, as the actor may see it; itself is not."""
    found = times.find_conflicts(claims, ignoring_session=event_session_id)
    return ledger.shown_to(actor, found)


def speaking_users(speakers: Iterable[Speaker]) -> dict[int, str]:
    """Speakers in whose calendars a session is."""
    return {each.user_id: each.name for each in speakers if each.user_id}


def list_seats(event_session_id: int) -> list[AnyRow]:
    """The confirmed seats of a session, as `bookings` reads them."""
    return bookings.find_rows(
        Booking.event_session_id == event_session_id, Booking.status == CONFIRMED
    )


def attendees_of(event_session_id: int) -> dict[int, int]:
    """Calendars of the users with a live seat, by user."""
    rows = db.session.execute(
        select(Calendar.user_id, Calendar.id)
        .join(Booking, Booking.user_id == Calendar.user_id)
        .where(Booking.event_session_id == event_session_id, Booking.status == CONFIRMED)
    )
    return {row.user_id: row.id for row in rows}
