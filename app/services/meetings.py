"""Meetings at a provider, made after the booking and kept as the booking is.

A booking's command writes down that a meeting is wanted (`request`) or that the booking
changed (`want_again`), in its own transaction, and speaks with nobody. A syncer claims
due rows by a lease, reads the booking as it is, asks the provider outside of any
transaction, and records what it has in another. So a slow provider holds no lock, and a
provider that is away costs the link, never the booking.

The confirmation, also of what takes place again, waits up to `MAIL_WAIT` for the link: see
`meeting_notices`.

Catches `Exception` in one place, the loop, because it must outlive whatever fails. Logs
hold a meeting's id and the provider's code.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import func, insert, select, update

from app.extensions import db
from app.models import Booking, Meeting
from app.models.booking import CANCELLED, CONFIRMED
from app.models.meeting import DONE, FAILED, PENDING
from app.models.types import AnyRow
from app.services import audit, bookings, changes, clock, group_slots, ledger, meeting_notices
from app.services.meeting_links import place_to_come, place_with_link, place_without_link
from app.services.meeting_providers import (
    KINDS,
    Made,
    MeetingMissing,
    MeetingRefused,
    Provider,
    Wanted,
    find_provider,
    is_set_up,
)
from app.services.plain_text import one_line
from app.services.transaction import after_commit, execute, transactional

MAIL_WAIT = timedelta(minutes=1)
# Longer than a token and two calls may take together.
LEASE = timedelta(minutes=3)
MAX_ATTEMPTS = 14
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
POLL_SECONDS = 5.0

log = logging.getLogger(__name__)
_wake = threading.Event()
_table = Meeting.__table__


@dataclass(frozen=True, slots=True)
class Synced:
    """What a run did; `left` meetings wait for their next try."""

    done: int
    failed: int
    left: int


# -- what commands say -----------------------------------------------------------------


def request(booking_id: int, kind: str) -> None:
    """Want a meeting for a booking just written and announced, if its kind is set up here.

    Joins the open transaction. Holds the booking's confirmations back for `MAIL_WAIT`.
    """
    if not is_set_up(kind):
        return
    now = clock.now()
    execute(
        insert(_table),
        {"booking_id": booking_id, "kind": kind, "next_attempt_at": now, "created_at": now},
    )
    meeting_notices.hold(booking_id, "confirmed", now + MAIL_WAIT)
    after_commit(_wake.set)


def want_again(booking_id: int, *, waits: str | None = None) -> None:
    """Have a booking's meeting made as the booking is now: moved, removed, or made again.

    Joins the open transaction. Mails that waited for the link go out now, so that the order
    stays right; only those of what just happened may wait in turn, up to `MAIL_WAIT`:
    `waits` is "accepted" or "restored".
    """
    now = clock.now()
    wanted = execute(
        update(_table)
        .where(_table.c.booking_id == booking_id)
        .values(wanted=_table.c.wanted + 1, state=PENDING, attempts=0, next_attempt_at=now)
        .returning(_table.c.id)
    ).one_or_none()
    if wanted is not None:
        meeting_notices.release(booking_id)
        if waits:
            meeting_notices.hold(booking_id, waits, now + MAIL_WAIT)
        after_commit(_wake.set)


# -- syncing ---------------------------------------------------------------------------


def sync_due() -> Synced:
    """Do what is due at providers, one after the other: what `flask booking sync-meetings` does.

    Must not be called inside a transaction.
    """
    done = failed = 0
    while (claim := _claim_one()) is not None:
        if _sync(claim):
            done += 1
        else:
            failed += 1
    waiting = select(func.count()).where(_table.c.state == PENDING)
    return Synced(done, failed, db.session.scalar(waiting) or 0)


def run_syncer(app: Flask, stop: threading.Event | None = None) -> None:
    """Sync until `stop` is set: when something was just wanted here, and every few seconds."""
    while stop is None or not stop.is_set():
        _wake.clear()
        try:
            with app.app_context():
                sync_due()
        except Exception as error:  # noqa: BLE001 (the loop outlives a bug: see above)
            # Messages of database errors hold parameters, and those hold links.
            log.error("meeting syncer: %s", type(error).__name__)  # noqa: TRY400
        _wake.wait(POLL_SECONDS * uniform(0.5, 1.5))  # noqa: S311 (jitter, not a secret)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A meeting that is ours until `leased_until`, and its booking as it is now."""

    id: int
    booking_id: int
    kind: str
    external_id: str | None
    generation: int
    wanted: int
    attempts: int  # the one to come included
    leased_until: datetime
    status: str
    event_type_id: int | None
    uid: str
    title: str
    starts_at: datetime
    ends_at: datetime

    def meeting(self) -> Wanted:
        reference = UUID(self.uid).hex + (f"{self.generation:x}" if self.generation else "")
        return Wanted(reference, self.title, self.starts_at, self.ends_at)


class _LeaseLost(Exception):
    """Somebody else took it up: our lease was over."""


def _sync(claim: _Claim) -> bool:
    """Make the provider's meeting what the booking is, and record it; returns if that went well."""
    try:
        with suppress(_LeaseLost):
            _settle(claim)
    except MeetingRefused as refused:
        _record_refusal(claim, refused)
        return False
    return True


def _settle(claim: _Claim) -> None:
    """Raises `MeetingRefused`."""
    is_over = claim.ends_at <= clock.now()
    if claim.external_id is None and (claim.status != CONFIRMED or is_over):
        _record_done(claim)  # nothing was made, and nothing is to be
        return
    provider = find_provider(claim.kind)
    if provider is None:
        raise MeetingRefused(f"{claim.kind} is not set up")
    mate = None if claim.status == CANCELLED else _find_mate(claim)
    if claim.status == CANCELLED:
        _leave(claim, provider)
        _record_removed(claim)
    elif mate is not None and mate.external_id is None:
        _record_waiting(claim)
    elif mate is not None and mate.external_id != claim.external_id:
        _leave(claim, provider)
        _record_made(claim, Made(mate.external_id, mate.meeting_url))
    elif claim.external_id is None:
        _make(claim, provider)
    elif mate is None and _is_shared(claim):  # it left the others, whose meeting stays
        _record_removed(claim, again=True)
    else:
        _move(claim, claim.external_id, provider)


def _make(claim: _Claim, provider: Provider) -> None:
    try:
        made = provider.create(claim.meeting())
    except MeetingMissing:  # its reference is used up
        _record_removed(claim, again=True)
    else:
        _record_made(claim, made)


def _move(claim: _Claim, external_id: str, provider: Provider) -> None:
    try:
        provider.move(external_id, claim.meeting())
    except MeetingMissing:  # somebody removed it there
        _record_removed(claim, again=True)
    else:
        _record_done(claim)


def _leave(claim: _Claim, provider: Provider) -> None:
    """Remove the meeting at the provider, unless others are in it."""
    if claim.external_id is not None and not _is_shared(claim):
        provider.remove(claim.external_id)


def _find_mate(claim: _Claim) -> AnyRow | None:
    """The meeting of another booking of the same slot, which is this one's too.

    One that is there; else the first booking's, which makes it for all.
    """
    mates = db.session.execute(
        select(_table.c.external_id, _table.c.state, Booking.id, Booking.meeting_url)
        .join(Booking, Booking.id == _table.c.booking_id)
        .where(Booking.event_type_id == claim.event_type_id, Booking.starts_at == claim.starts_at)
        .where(Booking.status == CONFIRMED, Booking.id != claim.booking_id)
        .where(_table.c.kind == claim.kind)
        .order_by(Booking.id)
    ).all()
    for mate in mates:
        if mate.external_id is not None and mate.meeting_url:
            return mate
    waits_for = (each for each in mates if each.state == PENDING and each.id < claim.booking_id)
    return next(waits_for, None)


def _is_shared(claim: _Claim) -> bool:
    """Whether other live bookings have the same meeting."""
    others = (
        select(_table.c.id)
        .join(Booking, Booking.id == _table.c.booking_id)
        .where(_table.c.external_id == claim.external_id, _table.c.kind == claim.kind)
        .where(_table.c.id != claim.id, Booking.status != CANCELLED)
    )
    return bool(db.session.scalar(select(others.exists())))


# -- rows ------------------------------------------------------------------------------


def _claim_one() -> _Claim | None:
    # Look without a lock: on SQLite a claim would hold up everybody's writing.
    if not db.session.scalar(select(select(_table.c.id).where(*_due()).exists())):
        return None
    return _claim()


def _due() -> tuple[Any, ...]:
    now = clock.now()
    return (
        _table.c.state == PENDING,
        # Without credentials here, in another process there may be some.
        _table.c.kind.in_([kind for kind in KINDS if is_set_up(kind)]),
        _table.c.next_attempt_at <= now,
        (_table.c.leased_until.is_(None)) | (_table.c.leased_until <= now),
    )


@transactional
def _claim() -> _Claim | None:
    row = db.session.execute(
        select(_table)
        .where(*_due())
        .order_by(_table.c.next_attempt_at, _table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    leased_until = clock.now() + LEASE
    db.session.execute(
        update(_table)
        .where(_table.c.id == row.id)
        .values(leased_until=leased_until, attempts=_table.c.attempts + 1)
    )
    booking = db.session.execute(
        select(
            Booking.status,
            Booking.event_type_id,
            Booking.uid,
            Booking.title,
            Booking.starts_at,
            Booking.ends_at,
        ).where(Booking.id == row.booking_id)
    ).one()
    return _Claim(
        id=row.id,
        booking_id=row.booking_id,
        kind=row.kind,
        external_id=row.external_id,
        generation=row.generation,
        wanted=row.wanted,
        attempts=row.attempts + 1,
        leased_until=leased_until,
        status=booking.status,
        event_type_id=booking.event_type_id,
        uid=booking.uid,
        title=booking.title,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
    )


@transactional
def _record_done(claim: _Claim) -> None:
    if _release(claim):  # the link, if there is one, is in the mails already
        meeting_notices.release(claim.booking_id)


@transactional
def _record_waiting(claim: _Claim) -> None:
    """Leave it for a moment as if it had not been tried: another booking's is being made."""
    again_at = clock.now() + FIRST_WAIT / 2
    _update_held(claim, leased_until=None, attempts=claim.attempts - 1, next_attempt_at=again_at)


@transactional
def _record_removed(claim: _Claim, *, again: bool = False) -> None:
    """Write down that it is gone; `again` has another one made at once."""
    values: dict[str, Any] = {"external_id": None, "generation": claim.generation + 1}
    if again:
        _update_held(claim, **values, leased_until=None, next_attempt_at=clock.now())
        return
    _release(claim, **values)
    # Nobody sees it now; restored, the booking says that a new link follows.
    db.session.execute(
        update(Booking)
        .where(Booking.id == claim.booking_id, Booking.status == CANCELLED)
        .values(location=place_to_come(claim.kind), meeting_url=None)
        .execution_options(synchronize_session=False)
    )


@transactional
def _record_made(claim: _Claim, made: Made) -> None:
    """Give the link to the booking and to those in it. Locks the calendars that show it."""
    locked = _lock_calendars(claim)
    _release(claim, external_id=made.external_id)
    row = _write_place(claim, place_with_link(claim.kind), made.join_url)
    if row is None:
        return  # cancelled meanwhile: what was made is removed next
    payload = bookings.describe(row, None, everything=True)
    meeting_notices.tell_link(row, payload)
    changes.publish(changes.CalendarChanged(tuple(locked.values()), payload))


@transactional
def _record_refusal(claim: _Claim, refused: MeetingRefused) -> None:
    """Write down why, and when it is tried again, or that it is not and the host must know."""
    given_up = refused.for_good or claim.attempts >= MAX_ATTEMPTS
    log.log(
        logging.ERROR if given_up else logging.WARNING,
        "meeting %d (%s) %s: %s",
        claim.id,
        claim.kind,
        "given up" if given_up else "refused",
        refused,
    )
    reason = one_line(str(refused))[:300]
    with suppress(_LeaseLost):
        if not given_up:
            wait = min(FIRST_WAIT * (1 << min(claim.attempts - 1, 12)), LONGEST_WAIT)
            wait *= uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)
            wait = max(wait, timedelta(seconds=refused.retry_after or 0))
            _update_held(claim, leased_until=None, last_error=reason)
            db.session.execute(
                update(_table)
                .where(_table.c.id == claim.id, _table.c.wanted == claim.wanted)
                .values(next_attempt_at=clock.now() + wait)
            )
        elif claim.external_id is None and claim.status == CONFIRMED:
            _give_up_making(claim, reason)
        else:
            _release(claim, state=FAILED, last_error=reason)


def _give_up_making(claim: _Claim, reason: str) -> None:
    """The people meet all the same: the host is asked to send a link."""
    locked = _lock_calendars(claim)
    _release(claim, state=FAILED, last_error=reason)
    row = _write_place(claim, place_without_link(claim.kind), None)
    if row is None:
        return
    payload = bookings.describe(row, None, everything=True)
    meeting_notices.tell_no_link(row, payload)
    changes.publish(changes.CalendarChanged(tuple(locked.values()), payload))


def _lock_calendars(claim: _Claim) -> dict[int, changes.CalendarVersion]:
    """Also the expert's, where another booking of the slot holds its time."""
    [row] = bookings.find_rows(Booking.id == claim.booking_id)
    return ledger.lock(group_slots.calendars_of(row))


def _update_held(claim: _Claim, **values: Any) -> None:
    """Raises `_LeaseLost`."""
    held = db.session.execute(
        update(_table)
        .where(_table.c.id == claim.id, _table.c.leased_until == claim.leased_until)
        .values(**values)
        .returning(_table.c.id)
    ).one_or_none()
    if held is None:
        raise _LeaseLost


def _release(claim: _Claim, *, state: str = DONE, last_error: str = "", **values: Any) -> bool:
    """End the lease; returns False, and it stays pending, if the booking changed meanwhile.

    Raises `_LeaseLost`.
    """
    _update_held(
        claim, leased_until=None, settled=claim.wanted, last_error=last_error, attempts=0, **values
    )
    settled = db.session.execute(
        update(_table)
        .where(_table.c.id == claim.id, _table.c.wanted == claim.wanted)
        .values(state=state)
        .returning(_table.c.id)
    )
    return settled.one_or_none() is not None


def _write_place(claim: _Claim, location: str, url: str | None) -> AnyRow | None:
    """The booking's row with its new place and revision; None if it is cancelled."""
    if not bookings.revise(
        Booking.id == claim.booking_id,
        Booking.status != CANCELLED,
        location=location,
        meeting_url=url,
    ):
        return None
    [row] = bookings.find_rows(Booking.id == claim.booking_id)
    audit.record(None, "meeting_link", "booking", row.uid, kind=claim.kind, has_link=bool(url))
    return row
