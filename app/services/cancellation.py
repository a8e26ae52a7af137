"""Giving bookings up: cancelling, of any kind, and releasing what another replaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext

from app.models import Booking
from app.models.booking import (
    BY_CLIENT,
    BY_HOST,
    CANCELLED,
    DECLINED,
    EXPIRED,
    LIVE,
    PENDING,
    WITHDRAWN,
)
from app.models.types import AnyRow
from app.services import audit, bookings, changes, clock, fields, group_slots, ledger, meetings
from app.services.errors import Gone, InvalidInput, Stale
from app.services.policy import Actor, require_signed_in
from app.services.transaction import transactional

MAX_REASON = 1000


@transactional
def cancel_booking(
    actor: Actor | None, uid: str, *, reason: str = "", version: int | None = None
) -> dict[str, Any]:
    """Cancel one's booking of any kind; cancelling twice is one cancellation.

    A request that the host cancels is declined, one that the client cancels withdrawn.

    Locks the calendars that it occupies, then its session. Raises `NotFound`,
    `NotAllowed` (a reservation of somebody else), `Stale`, `Gone` (it is over).
    """
    actor = require_signed_in(actor)
    row = bookings.row_to_change(actor, uid)
    return cancel_row(row, actor, reason=reason, version=version)


def cancel_row(
    row: AnyRow,
    actor: Actor | None,
    *,
    reason: str = "",
    version: int | None = None,
    everything: bool = False,
    as_host: bool = False,
) -> dict[str, Any]:
    """Cancel a booking that the caller has found and allowed. Joins the transaction.

    `as_host` is for a host who proved to be it by a link, without signing in.
    """
    check_reason(reason)
    if bookings.status_of(row) == CANCELLED:
        return bookings.describe(row, actor, everything=everything)
    bookings.check_version(row, version)
    if row.ends_at <= clock.now():
        raise Gone(gettext("This booking is over."))
    locked = ledger.lock(
        group_slots.calendars_of(row),
        [row.event_session_id] if row.event_session_id else (),
    )
    # As it is now: it may have been moved or cancelled while the locks were waited for.
    row = bookings.find_row(row.uid) or row
    if row.status == CANCELLED:
        return bookings.describe(row, actor, everything=everything)
    bookings.check_version(row, version)
    if not group_slots.calendars_of(row) <= locked.keys():
        raise Stale
    release_bookings(
        actor,
        [row],
        tuple(locked.values()),
        reason=reason,
        version=version,
        ending=_ending(row, by_host=True) if as_host else None,
    )
    after = bookings.find_row(row.uid)
    assert after is not None
    return bookings.describe(after, actor, everything=everything)


def release_bookings(
    actor: Actor | None,
    rows: Iterable[AnyRow],
    locked: Sequence[changes.CalendarVersion],
    *,
    reason: str,
    version: int | None = None,
    ending: str | None = None,
) -> list[str]:
    """Cancel bookings whose calendars and sessions are locked; returns the uids.

    `ending` says why if it was neither the actor's nor the client's wish. One that was
    cancelled in the meantime is left as it is. Raises `Stale` when `version` is given
    and no longer that of the row.
    """
    now = clock.now()
    released = []
    for row in rows:
        concerned = group_slots.calendars_of(row)
        by_host = ending in {BY_HOST, DECLINED} or (
            ending is None and actor is not None and not bookings.is_client(row, actor)
        )
        why = ending or _ending(row, by_host=by_host)
        revised = bookings.revise(
            Booking.id == row.id,
            Booking.status.in_(LIVE),
            status=CANCELLED,
            cancelled_as=why,
            decide_by=None,
            cancelled_at=now,
            cancel_reason=reason,
        )
        if not revised:
            continue
        [changed] = revised
        if version is not None and changed.version != version + 1:
            raise Stale
        group_slots.hand_over(row)
        ledger.release(booking_ids=[row.id])
        if row.event_session_id:
            ledger.free_seat(row.event_session_id)
            changes.publish(
                changes.SeatsChanged(
                    row.event_id, row.event_slug, row.event_session_id, may_be_free=True
                )
            )
        payload = bookings.describe(row, actor, everything=True) | {
            "status": CANCELLED,
            "cancelled_as": why,
            "cancel_reason": reason,
            "version": changed.version,
            "sequence": changed.sequence,
        }
        payload.pop("decide_by", None)
        if why in _ENDED_REQUESTS:  # nothing stands in anybody's calendar
            what, invitation = why, "NONE"
        else:
            what, invitation = "cancelled", ""
        bookings.send_notices(
            what, row, payload, reason=reason, by_host=by_host, invitation=invitation
        )
        if row.kind == "appointment":
            meetings.want_again(row.id)
        # Not the reason: what people wrote to each other stands in the booking, once, and
        # can be taken out there.
        audit.record(
            actor,
            "cancel",
            "booking",
            row.uid,
            before={"status": row.status},
            status=CANCELLED,
            ending=why,
        )
        mine = [calendar for calendar in locked if calendar.calendar_id in concerned]
        bookings.publish(changes.BOOKING_CANCELLED, payload, mine)
        released.append(row.uid)
    return released


def check_reason(reason: str) -> None:
    """Raises `InvalidInput` for a reason that is too long."""
    if len(reason) > MAX_REASON:
        raise InvalidInput({"reason": [fields.too_long(MAX_REASON)]})


_ENDED_REQUESTS = {DECLINED, EXPIRED, WITHDRAWN}


def _ending(row: AnyRow, *, by_host: bool) -> str:
    if row.status == PENDING:
        return DECLINED if by_host else WITHDRAWN
    return BY_HOST if by_host else BY_CLIENT
