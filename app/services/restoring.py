"""Undo: reservations that were given back, taken again if their time is still free."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from app.extensions import db
from app.models import Booking, User
from app.models.booking import CANCELLED, CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import audit, bookings, changes, clock, ledger, reservation_batches, reservations
from app.services.errors import Gone, InvalidInput, Overlap, Stale
from app.services.ledger import Claim
from app.services.policy import Actor, require_staff
from app.services.series import ONE
from app.services.transaction import transactional


@transactional
def restore_reservation(actor: Actor | None, uid: str, *, scope: str = ONE) -> list[dict[str, Any]]:
    """Take a cancelled reservation back as it was, with its `uid`; one that stands stays.

    With another scope than "one", everything of its series that was given back in the
    same deed and is not over: all or nothing. Contributors only their own. Locks the
    calendars of rooms and responsible users. Raises `Overlap` when the time is taken,
    `Gone` when it is over, `InvalidInput` when the responsible user has left, `Stale`,
    `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    seen = reservations.get_row(actor, uid)
    if seen.status == CONFIRMED:
        return [bookings.describe(seen, actor)]
    if seen.ends_at <= clock.now():
        raise Gone("This booking is over.")
    rows = _given_back_with(actor, seen, scope)
    _require_owners(rows)
    places = reservation_batches.places({(row.room_id, row.user_id) for row in rows})
    claims = [
        (row.id, Claim(calendar_id, Interval(row.starts_at, row.ends_at)))
        for row in rows
        for calendar_id in places[row.room_id, row.user_id].calendar_ids
    ]
    locked = ledger.lock({claim.calendar_id for _, claim in claims})
    conflicts = ledger.find_conflicts([claim for _, claim in claims])
    if conflicts:
        raise Overlap(ledger.shown_to(actor, conflicts), "This time was taken in the meantime.")
    ids = [row.id for row in rows]
    restored = db.session.execute(
        update(Booking)
        .where(Booking.id.in_(ids), Booking.status == CANCELLED)
        .values(
            status=CONFIRMED,
            cancelled_at=None,
            cancel_reason="",
            version=Booking.version + 1,
            sequence=Booking.sequence + 1,
        )
        .returning(Booking.id)
        .execution_options(synchronize_session=False)
    ).all()
    if len(restored) != len(rows):  # somebody else was as quick
        raise Stale
    ledger.occupy_for_each(claims)
    after = sorted(bookings.find_rows(Booking.id.in_(ids)), key=lambda row: row.starts_at)
    described = [bookings.describe(row, actor) for row in after]
    audit.record_each(actor, "restore", "booking", [row.uid for row in after])
    reservation_batches.publish(
        changes.NEW_BOOKING,
        [
            (payload, places[row.room_id, row.user_id].calendar_ids, None)
            for payload, row in zip(described, after, strict=True)
        ],
        locked,
    )
    return described


def _given_back_with(actor: Actor, row: AnyRow, scope: str) -> list[AnyRow]:
    if scope == ONE or row.series_id is None:
        return [row]
    where = [
        Booking.series_id == row.series_id,
        Booking.status == CANCELLED,
        Booking.cancelled_at == row.cancelled_at,
        Booking.ends_at > clock.now(),
    ]
    if not actor.is_admin:
        where.append(Booking.user_id == actor.user_id)
    return bookings.find_rows(*where)


def _require_owners(rows: list[AnyRow]) -> None:
    owners = {row.user_id for row in rows}
    active = set(
        db.session.scalars(select(User.id).where(User.id.in_(owners), User.active.is_(True)))
    )
    if owners - active:
        raise InvalidInput({"responsible_user_id": ["The responsible user has left."]})
