"""Event sessions: read, scheduled and cancelled.

A session occupies its room's calendar and those of its speakers who are users. Cancelling
it releases all its seats and clears its waitlist.

`session_changes` has what may be changed of one, `session_batches` what is done with many
at once, and `session_impact` what either does to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from flask_babel import gettext

from app.extensions import db
from app.models import EventSession, User
from app.models.booking import CANCELLED, CONFIRMED
from app.services import (
    audit,
    cancel_reasons,
    cancellation,
    changes,
    clock,
    events,
    ledger,
    session_calendars,
    session_fields,
    session_impact,
    session_notices,
    waitlist,
)
from app.services.clock import rfc3339
from app.services.errors import Busy, Gone, NotFound, Overlap
from app.services.policy import Actor, require_admin
from app.services.session_impact import Impact, Untouched
from app.services.transaction import transactional

TRIES = 10  # as many bookings of a hot session may come in between


class MoreToLock(Exception):
    """The session moved, or a seat was booked, before it was locked: lock again, with that."""


def describe(session: EventSession) -> dict[str, Any]:
    """The contract's `session`, as staff see it."""
    seats_left = None if session.capacity is None else session.capacity - session.seats_taken
    return {
        "id": session.id,
        "guid": session.guid,
        "title": session.title,
        "abstract": session.abstract,
        "description": session.description,
        "track": session.track,
        "language": session.language,
        "speakers": [{"name": each.name, "user_id": each.user_id} for each in session.speakers],
        "room": {"id": session.room.id, "name": session.room.name},
        "starts_at": rfc3339(session.starts_at),
        "ends_at": rfc3339(session.ends_at),
        "day": session.day.isoformat(),
        "capacity": session.capacity,
        "seats_left": seats_left,
        "version": session.version,
        "status": session.status,
    }


def get_event_session(event_session_id: int) -> EventSession:
    """Raises `NotFound`."""
    session = db.session.get(EventSession, event_session_id)
    if session is None:
        raise NotFound
    return session


def schedule_session(
    actor: Actor | None,
    event_slug: str,
    values: Mapping[str, Any],
    *,
    guid: str = "",
    dry_run: bool = False,
) -> tuple[dict[str, Any], Impact]:
    """Add a session to an event. For admins; `dry_run` writes nothing.

    `guid` is what another list calls it; one is made where there is none. Locks the
    calendars of the room and of speakers who are users. Raises `Overlap` (not in a dry run,
    which lists the conflicts), `InvalidInput`, `NotFound`.
    """
    try:
        return _schedule(actor, event_slug, values, guid or str(uuid4()), dry_run=dry_run)
    except Untouched as rehearsal:
        return rehearsal.result


@transactional
def _schedule(
    actor: Actor | None,
    event_slug: str,
    values: Mapping[str, Any],
    guid: str,
    *,
    dry_run: bool,
) -> tuple[dict[str, Any], Impact]:
    actor = require_admin(actor)
    with db.session.no_autoflush:
        session = drafted(event_slug, values, guid)
        claims = session_calendars.claims_of(session)
        locked = ledger.lock(claim.calendar_id for claim in claims)
        impact = Impact(
            conflicts=session_calendars.list_conflicts(actor, claims, None),
            over_room=session_impact.over_room(session),
            outside_event=session_impact.is_outside(session),
        )
    if impact.conflicts and not dry_run:
        raise Overlap(impact.conflicts)
    if dry_run:
        raise Untouched(describe(session), impact)
    db.session.add(session)
    db.session.flush()
    ledger.occupy(claims, event_session_id=session.id)
    audit.record_creation(actor, "event_session", session.id, session_fields.told(session))
    session_notices.announce(changes.NEW_BOOKING, session, tuple(locked.values()))
    return describe(session), impact


def drafted(event_slug: str, values: Mapping[str, Any], guid: str) -> EventSession:
    """A new session with these values, checked and not yet added. Raises `InvalidInput`, `NotFound`."""
    required = dict.fromkeys(("title", "room_id", "starts_at", "ends_at"))
    session = session_fields.new_session(events.get_event(event_slug), guid)
    session_fields.apply(session, required | dict(values))
    return session


def cancel_event_session(actor: Actor | None, event_session_id: int) -> list[str]:
    """Cancel a session and all its seats, with a mail to each; returns their uids.

    Speakers and who waits get a mail too. For admins. Cancelling twice is one
    cancellation. Locks as `session_changes.move_event_session`. Raises `Gone` for one
    that is over and had seats: who was there is told nothing, and reports keep them.
    """
    require_admin(actor)
    _refuse_over(get_event_session(event_session_id))
    return withdraw_event_session(actor, event_session_id)


def withdraw_event_session(actor: Actor | None, event_session_id: int) -> list[str]:
    """As `cancel_event_session`, also of one that is over: a schedule has it no more."""
    for _ in range(TRIES):
        try:
            return _cancel(actor, event_session_id)
        except MoreToLock:
            continue
    raise Busy


def find_cancel_impact(actor: Actor | None, event_session_id: int) -> Impact:
    """What `cancel_event_session` would do now; nothing where it is cancelled already.

    For admins. Raises `Gone` as that does, `NotFound`. Locks nothing.
    """
    require_admin(actor)
    session = get_event_session(event_session_id)
    _refuse_over(session)
    impact = Impact()
    if session.status != CANCELLED:
        for row in session_calendars.list_seats(session.id):
            impact.release(row, "cancelled")
        impact.waiting = waitlist.count(session.id)
        impact.mailed = len(impact.leaving) + impact.waiting
        impact.speakers = sorted(session_calendars.speaking_users(session.speakers).values())
    return impact


def _refuse_over(session: EventSession) -> None:
    is_history = session.status == CONFIRMED and session.seats_taken
    if is_history and session.ends_at <= clock.now():
        raise Gone(gettext("This session is over."))


@transactional
def _cancel(actor: Actor | None, event_session_id: int) -> list[str]:
    actor = require_admin(actor)
    session = get_event_session(event_session_id)
    if session.status == CANCELLED:
        return []
    held = ledger.calendars_of(event_session_id=session.id)
    attendees = session_calendars.attendees_of(session.id)
    locked = ledger.lock(held | set(attendees.values()), [session.id])
    db.session.refresh(session)
    if session.status == CANCELLED:
        return []
    seats = session_calendars.list_seats(session.id)
    held = ledger.calendars_of(event_session_id=session.id)
    if not held | set(session_calendars.attendees_of(session.id).values()) <= locked.keys():
        raise MoreToLock
    released = cancellation.release_bookings(
        actor, seats, tuple(locked.values()), reason=cancel_reasons.SESSION_CANCELLED
    )
    waited = waitlist.clear(session.id)
    ledger.release(event_session_ids=[session.id])
    db.session.refresh(session)
    session.status = CANCELLED
    session.version += 1
    db.session.flush()
    session_notices.tell_speakers(
        actor, "talk_cancelled", session, session_calendars.speaking_users(session.speakers).keys()
    )
    session_notices.tell_users(
        "waiting_cancelled", session, [User.id.in_(waited)], languages=waited
    )
    audit.record(
        actor,
        "cancel",
        "event_session",
        session.id,
        before={"status": CONFIRMED},
        status=CANCELLED,
        released=released,
    )
    session_notices.announce(changes.BOOKING_CANCELLED, session, [locked[each] for each in held])
    return released
