"""Changes of an event session: its time, room, capacity, speakers and texts.

When a session moves, seats move with it. The rules for who cannot stay:

- attendees who are busy at the new time: their seat is released, their other booking
  stands, and a mail tells them;
- when there are to be fewer seats than are taken, that is refused with their number,
  unless the caller asks to release the last ones: seats held for offers go back to the
  queue first, then the seats booked last are released, with a mail to each.

What is free then goes to who waits. A change that leaves everything as it is writes and
tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import update

from app.extensions import db
from app.models import Booking, EventSession
from app.models.booking import CANCELLED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    audit,
    bookings,
    cancel_reasons,
    cancellation,
    changes,
    clock,
    event_sessions,
    ledger,
    no_shows,
    session_calendars,
    session_fields,
    session_impact,
    session_notices,
    waitlist,
)
from app.services.errors import Busy, Gone, InvalidInput, Overlap, Stale
from app.services.policy import Actor, require_admin
from app.services.session_impact import Impact, Untouched
from app.services.transaction import transactional


def move_event_session(
    actor: Actor | None,
    event_session_id: int,
    values: Mapping[str, Any],
    *,
    version: int | None = None,
    release_last: bool = False,
    as_published: bool = False,
    dry_run: bool = False,
) -> tuple[dict[str, Any], Impact]:
    """Change a session: its time, room, capacity, speakers or texts. For admins.

    In one transaction: seats move along or are released by the module's rules, of which
    `release_last` asks for the second. It does not come to be over already, unless it is
    `as_published`: what a schedule says of the past is so. Locks the calendars of rooms,
    speakers and attendees, then the session. Raises `Overlap`, `Stale`, `Gone` (cancelled),
    `InvalidInput` (also for a capacity below the seats taken, with their number), `NotFound`.
    """
    wanted = Wanted(values, version, release_last=release_last, as_published=as_published)
    for _ in range(event_sessions.TRIES):
        try:
            return _move(actor, event_session_id, wanted, dry_run=dry_run)
        except event_sessions.MoreToLock:
            continue
        except Untouched as rehearsal:
            return rehearsal.result
    raise Busy


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `move_event_session` is asked for."""

    values: Mapping[str, Any]
    version: int | None = None
    release_last: bool = False
    as_published: bool = False

    def apply(self, session: EventSession) -> bool:
        """Change the session, whose row may be old yet; returns whether anything differs."""
        if session.status == CANCELLED:
            raise Gone(gettext("This session is cancelled."))
        if self.version is not None and self.version != session.version:
            raise Stale
        before, begun_at = _stands(session), session.starts_at
        session_fields.apply(session, self.values, release_last=self.release_last)
        if not self.as_published and session.starts_at != begun_at:
            _refuse_past(session)
        return _stands(session) != before


@transactional
def _move(
    actor: Actor | None, event_session_id: int, wanted: Wanted, *, dry_run: bool
) -> tuple[dict[str, Any], Impact]:
    actor = require_admin(actor)
    session = event_sessions.get_event_session(event_session_id)
    held = ledger.calendars_of(event_session_id=session.id)
    with db.session.no_autoflush:
        # Where it goes must be known before the locks; it is applied again under them.
        differs = wanted.apply(session)
        claims = session_calendars.claims_of(session)
        db.session.expire(session)
        if not differs:
            return event_sessions.describe(session), session_impact.unmoved(session)
        attendees = session_calendars.attendees_of(session.id)
        locked = ledger.lock(
            {claim.calendar_id for claim in claims} | held | set(attendees.values()),
            [session.id],
        )
        db.session.refresh(session)
        seats = session_calendars.list_seats(session.id)
        attendees = session_calendars.attendees_of(session.id)
        held = ledger.calendars_of(event_session_id=session.id)
        judged = session_impact.judge(
            actor, session, lambda: wanted.apply(session), seats, attendees
        )
        if judged is None:  # somebody did the same meanwhile
            db.session.expire(session)
            raise Untouched(event_sessions.describe(session), session_impact.unmoved(session))
        calendars = {claim.calendar_id for claim in judged.claims} | held
        if not calendars | set(attendees.values()) <= locked.keys():
            raise event_sessions.MoreToLock
        impact, previous, capacity = judged.impact, judged.previous, judged.capacity
        no_shows.expect_again(session, previous)
        free = session_impact.free_then(session, impact)
        impact.waiting = waitlist.count(session.id)
        impact.promoted, impact.offered = waitlist.foresee(session, judged.claims, free)
    if dry_run:
        left = {} if session.capacity is None else {"seats_left": free}
        raise Untouched(event_sessions.describe(session) | left, impact)
    if impact.conflicts:
        raise Overlap(impact.conflicts)
    # No seat is without a place at any time: the room grows before, and shrinks after.
    seats_after, session.capacity = session.capacity, capacity
    session.version += 1
    db.session.flush()
    everyone = tuple(locked.values())
    cancellation.release_bookings(actor, judged.busy, everyone, reason=cancel_reasons.SESSION_MOVED)
    cancellation.release_bookings(actor, judged.last, everyone, reason=cancel_reasons.FEWER_SEATS)
    waitlist.withdraw_offers(session.id, impact.offers_withdrawn)
    session.capacity = seats_after
    db.session.flush()
    ledger.release(event_session_ids=[session.id])
    ledger.occupy(judged.claims, event_session_id=session.id)
    if judged.is_elsewhere:
        _move_seats(session, judged.staying, attendees, locked, previous)
        session_notices.tell_speakers(
            actor, "talk_rescheduled", session, judged.spoke.keys(), previous
        )
    elif session.title != judged.before["title"]:
        _rename_seats(session, judged.staying, attendees, locked)
    audit.record_update(
        actor,
        "event_session",
        session.id,
        judged.before,
        session_fields.told(session),
        **({"released": impact.released} if impact.released else {}),
    )
    own = [locked[each] for each in calendars]
    session_notices.announce(changes.BOOKING_RESCHEDULED, session, own, previous)
    if impact.offers_withdrawn or (session.capacity or 0) > (capacity or 0):
        # Who waits gets the new seats, and watchers the new number.
        changes.publish(
            changes.SeatsChanged(session.event_id, session.event.slug, session.id, may_be_free=True)
        )
    db.session.refresh(session)
    return event_sessions.describe(session), impact


def _stands(session: EventSession) -> dict[str, Any]:
    """All that a change may change."""
    return audit.snapshot(session) | {"speakers": session_fields.listed(session.speakers)}


def _refuse_past(session: EventSession) -> None:
    """Raise `InvalidInput` for one that would be over already; a start that was may be set right."""
    if session.ends_at <= clock.now():
        raise InvalidInput({"starts_at": [gettext("This lies in the past.")]})


def _move_seats(
    session: EventSession,
    seats: Sequence[AnyRow],
    attendees: Mapping[int, int],
    locked: Mapping[int, changes.CalendarVersion],
    previous: Interval,
) -> None:
    """Take seats along, in a few statements: everybody's calendar is locked meanwhile."""
    if not seats:
        return
    period = Interval(session.starts_at, session.ends_at)
    ids = [row.id for row in seats]
    bookings.revise(
        Booking.id.in_(ids),
        title=session.title,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
    )
    ledger.release(booking_ids=ids)
    ledger.occupy_for_each((row.id, ledger.Claim(attendees[row.user_id], period)) for row in seats)
    for moved in bookings.find_rows(Booking.id.in_(ids)):
        payload = bookings.describe(moved, None, everything=True)
        bookings.send_notices("rescheduled", moved, payload, previous=previous)
        calendar = locked[attendees[moved.user_id]]
        bookings.publish(changes.BOOKING_RESCHEDULED, payload, [calendar], previous=previous)


def _rename_seats(
    session: EventSession,
    seats: Sequence[AnyRow],
    attendees: Mapping[int, int],
    locked: Mapping[int, changes.CalendarVersion],
) -> None:
    """Give seats their session's new title. Who has one sees it live, and gets no mail."""
    if not seats:
        return
    ids = [row.id for row in seats]
    db.session.execute(
        update(Booking)
        .where(Booking.id.in_(ids))
        .values(title=session.title, version=Booking.version + 1)
        .execution_options(synchronize_session=False)
    )
    for renamed in bookings.find_rows(Booking.id.in_(ids)):
        payload = bookings.describe(renamed, None, everything=True)
        calendar = locked[attendees[renamed.user_id]]
        period = Interval(renamed.starts_at, renamed.ends_at)
        bookings.publish(changes.BOOKING_RESCHEDULED, payload, [calendar], previous=period)
