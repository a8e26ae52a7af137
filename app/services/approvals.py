"""Requests: appointments that wait for their host's answer.

A request holds its time like a confirmed appointment. It ends by the host's answer, by
its client's withdrawal (`cancellation`), or by itself at `decide_by`. Hosts answer
signed in, or by a link in their mail that is the whole permission.
"""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Booking, User
from app.models.booking import CANCELLED, CONFIRMED, EXPIRED, PENDING
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    audit,
    bookings,
    cancellation,
    changes,
    clock,
    group_slots,
    ledger,
    meetings,
)
from app.services.errors import DomainError, Gone, InvalidInput, NotAllowed, NotFound, Stale
from app.services.manage_links import uid_to_decide
from app.services.policy import Actor, require_account
from app.services.transaction import transactional

ACCEPT, DECLINE = "accept", "decline"
BATCH = 100


@transactional
def accept_request(actor: Actor | None, uid: str, *, version: int | None = None) -> dict[str, Any]:
    """Confirm a request, as its host or an admin; accepting twice is accepting once.

    Locks the calendars that it occupies. Raises `NotFound`, `NotAllowed` for its client,
    `Gone` when it was declined, withdrawn or not answered in time, `Stale`.
    """
    actor = require_account(actor)
    row = bookings.row_to_change(actor, uid)
    if row.kind != "appointment" or not bookings.is_host(row, actor):
        raise NotAllowed(gettext("Only the host accepts a request."))
    bookings.check_version(row, version)
    return bookings.describe(_accept(actor, row), actor)


def get_request(token: str) -> dict[str, Any]:
    """The request of a host's link, as the host sees it, also once it is answered.

    Raises `NotFound`, also for a host whose account is deactivated.
    """
    return bookings.describe(_row(token), None, everything=True)


@transactional
def decide(token: str, decision: str, *, reason: str = "") -> dict[str, Any]:
    """Accept or decline by the host's link. Raises as `accept_request`, and `InvalidInput`.

    A confirmed appointment is not declined by the link that asked about it: `Gone`.
    """
    if decision not in {ACCEPT, DECLINE}:
        which = gettext("Use %(one)s or %(other)s.", one=ACCEPT, other=DECLINE)
        raise InvalidInput({"decision": [which]})
    row = _row(token)
    if decision == ACCEPT:
        return bookings.describe(_accept(None, row), None, everything=True)
    if row.status == CONFIRMED:
        raise Gone(gettext("This request is accepted. Sign in to cancel the booking."))
    return cancellation.cancel_row(row, None, reason=reason, everything=True, as_host=True)


def _row(token: str) -> AnyRow:
    uid = uid_to_decide(token)
    row = bookings.find_row(uid) if uid else None
    if row is None or row.kind != "appointment":
        raise NotFound
    # A link in an old mail is no way back in for a host whose access was taken.
    if not db.session.scalar(select(User.active).where(User.id == row.host_user_id)):
        raise NotFound
    return row


def _accept(actor: Actor | None, row: AnyRow) -> AnyRow:
    if row.status == CONFIRMED:
        return row
    _refuse_ended(row)
    locked = ledger.lock(group_slots.calendars_of(row))
    row = bookings.find_row(row.uid) or row  # as it is now
    if row.status == CONFIRMED:
        return row
    _refuse_ended(row)
    if not bookings.revise(
        Booking.id == row.id,
        Booking.status == PENDING,
        Booking.version == row.version,
        status=CONFIRMED,
        decide_by=None,
    ):
        raise Stale
    accepted = bookings.find_row(row.uid)
    assert accepted is not None
    payload = bookings.describe(accepted, actor, everything=True)
    bookings.send_notices("accepted", accepted, payload)
    meetings.want_again(row.id, waits="accepted")
    audit.record(actor, "accept", "booking", row.uid, status=CONFIRMED)
    # Same time, another version: who watches fetches anew.
    period = Interval(row.starts_at, row.ends_at)
    bookings.publish(changes.BOOKING_RESCHEDULED, payload, tuple(locked.values()), previous=period)
    return accepted


def _refuse_ended(row: AnyRow) -> None:
    if bookings.status_of(row) != CANCELLED:
        return
    if row.status == PENDING or row.cancelled_as == EXPIRED:
        raise Gone(gettext("This request was not answered in time."))
    raise Gone(gettext("This request is no longer open."))


def expire_due(expert_id: int | None = None) -> int:
    """End the requests that nobody answered in time; returns how many.

    Of one expert, or of all: what the timer does. Each in a transaction of its own.
    """
    due = (
        select(Booking.uid)
        .where(Booking.status == PENDING, Booking.decide_by <= clock.now())
        .order_by(Booking.decide_by)
        .limit(BATCH)
    )
    if expert_id is not None:
        due = due.where(Booking.expert_id == expert_id)
    uids = db.session.scalars(due).all()
    ended = 0
    for uid in uids:
        try:
            ended += _expire(uid)
        except DomainError:  # somebody has it at this moment; the next round ends it
            continue
    return ended


@transactional
def _expire(uid: str) -> bool:
    row = bookings.find_row(uid)
    if row is None or row.status != PENDING:
        return False
    locked = ledger.lock(group_slots.calendars_of(row))
    row = bookings.find_row(uid)
    if row is None or row.status != PENDING or row.decide_by > clock.now():
        return False
    if not group_slots.calendars_of(row) <= locked.keys():
        raise Stale
    return bool(
        cancellation.release_bookings(
            None, [row], tuple(locked.values()), reason="", ending=EXPIRED
        )
    )
