"""Many event sessions at once, as an imported schedule has them: added, or changed.

Only sessions in which nobody has a seat are changed here, so nobody is affected. A few
statements, all or none; each calendar is told of one change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.models import BusyPeriod, EventSession, Room
from app.models.booking import CANCELLED
from app.models.interval import Interval
from app.services import (
    audit,
    changes,
    events,
    fields,
    ledger,
    no_shows,
    session_calendars,
    session_fields,
    session_notices,
)
from app.services.errors import Gone, Stale
from app.services.policy import Actor, require_admin
from app.services.transaction import transactional


@transactional
def schedule_sessions(
    actor: Actor | None, event_slug: str, wanted: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """Add many sessions, each a guid and its values, in a few statements. For admins.

    All or none. Locks as `event_sessions.schedule_session`, but leaves it to the database
    to refuse an overlap: its `Overlap` names nobody, so callers look first. Raises
    `InvalidInput`, `NotFound`, `Overlap`.
    """
    actor = require_admin(actor)
    event = events.get_event(event_slug)
    required = dict.fromkeys(("title", "room_id", "starts_at", "ends_at"))
    sessions = []
    with db.session.no_autoflush, _rooms_at_hand(values for _, values in wanted):
        for guid, values in wanted:
            session = session_fields.new_session(event, guid)
            session_fields.apply(session, required | dict(values))
            sessions.append(session)
        claims = session_calendars.claims_of_all(sessions)
        locked = _lock_with_a_jump(each.calendar_id for own in claims for each in own)
    db.session.add_all(sessions)
    db.session.flush()
    told: dict[int, EventSession] = {}
    for session, own in zip(sessions, claims, strict=True):
        ledger.occupy(own, event_session_id=session.id)
        audit.record_creation(actor, "event_session", session.id, session_fields.told(session))
        for claim in own:
            told.setdefault(claim.calendar_id, session)
    for calendar_id, session in told.items():
        session_notices.announce(changes.NEW_BOOKING, session, [locked[calendar_id]])


@transactional
def change_empty_sessions(actor: Actor | None, wanted: Mapping[int, Mapping[str, Any]]) -> None:
    """Change many sessions, in which nobody has a seat, in a few statements. For admins.

    They all leave their places before any takes its new one. Otherwise as
    `schedule_sessions`. Locks calendars, then the sessions. Raises `Gone` for a cancelled
    one and `Stale` when somebody has a seat by now.
    """
    actor = require_admin(actor)
    by_id = select(EventSession).where(EventSession.id.in_(wanted)).order_by(EventSession.id)
    occupied = select(BusyPeriod.event_session_id, BusyPeriod.calendar_id).where(
        BusyPeriod.event_session_id.in_(wanted)
    )
    with db.session.no_autoflush, _rooms_at_hand(wanted.values()):
        sessions = db.session.scalars(by_id).all()
        for session in sessions:
            session_fields.apply(session, wanted[session.id])
        claims = session_calendars.claims_of_all(sessions)
        for session in sessions:
            db.session.expire(session)
        held = db.session.execute(occupied).all()
        locked = _lock_with_a_jump(
            {each.calendar_id for own in claims for each in own}
            | {row.calendar_id for row in held},
            wanted,
        )
        db.session.scalars(by_id.options(selectinload(EventSession.speakers))).all()
        previous = {each.id: Interval(each.starts_at, each.ends_at) for each in sessions}
        before: dict[int, dict[str, Any]] = {}
        for session in sessions:
            if session.status == CANCELLED:
                raise Gone(gettext("This session is cancelled."))
            if session.seats_taken:
                raise Stale
            before[session.id] = session_fields.told(session)
            session_fields.apply(session, wanted[session.id])
            session.version += 1
            no_shows.expect_again(session, previous[session.id])
    db.session.flush()
    ledger.release(event_session_ids=wanted)
    told = {row.calendar_id: row.event_session_id for row in held}
    for session, own in zip(sessions, claims, strict=True):
        ledger.occupy(own, event_session_id=session.id)
        told |= {claim.calendar_id: session.id for claim in own}
        audit.record_update(
            actor, "event_session", session.id, before[session.id], session_fields.told(session)
        )
    by_key = {session.id: session for session in sessions}
    for calendar_id, session_id in told.items():
        calendars = [locked[calendar_id]]
        session_notices.announce(
            changes.BOOKING_RESCHEDULED, by_key[session_id], calendars, previous[session_id]
        )


@contextmanager
def _rooms_at_hand(wanted: Iterable[Mapping[str, Any]]) -> Iterator[None]:
    """Read the rooms once; SQLAlchemy forgets what nobody holds."""
    ids = {values["room_id"] for values in wanted if fields.is_id(values.get("room_id"))}
    held = db.session.scalars(select(Room).where(Room.id.in_(ids))).all()
    yield
    del held


def _lock_with_a_jump(
    calendar_ids: Iterable[int], event_session_ids: Iterable[int] = ()
) -> dict[int, changes.CalendarVersion]:
    """Lock for many changes at once, of which each calendar is told one.

    Versions rise by two: whoever watches sees that something was left out and fetches anew.
    """
    calendar_ids = set(calendar_ids)
    ledger.lock(calendar_ids, event_session_ids)
    return ledger.lock(calendar_ids)
