"""Blackouts: a room that is closed for a while, whoever would book it.

A blackout is a booking of a kind of its own: it occupies the room's calendar through
the ledger, and is nobody's. Its title is the reason, which everybody may read.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask_babel import gettext
from sqlalchemy import insert, select, update

from app.extensions import db
from app.models import Blackout, Booking, Room
from app.models.booking import CANCELLED, CONFIRMED
from app.models.interval import Interval
from app.services import audit, changes, clock, fields, ledger, rooms
from app.services.errors import Gone, NotFound, Overlap
from app.services.policy import Actor, require_admin, require_staff
from app.services.transaction import execute, transactional


def list_blackouts(actor: Actor | None, room_id: int) -> list[dict[str, Any]]:
    """Blackouts of a room that are not over, by start. For staff. Raises `NotFound`."""
    require_staff(actor)
    room = rooms.get_room(room_id)
    found = db.session.execute(
        _BLACKOUTS.where(
            Blackout.room_id == room.id,
            Blackout.status == CONFIRMED,
            Blackout.ends_at > clock.now(),
        ).order_by(Blackout.starts_at)
    )
    return [
        _described(row.uid, room, Interval(row.starts_at, row.ends_at), row.title) for row in found
    ]


def preview_blackout(
    actor: Actor | None, room_id: int, period: Interval, reason: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What `close_room` would make, with no uid yet, and what stands in its way.

    Raises as it does, but for conflicts.
    """
    actor = require_admin(actor)
    room = rooms.get_room(room_id)
    reason = _checked(period, reason)
    conflicts = ledger.find_conflicts(_claims(room.id, period))
    return _described(None, room, period, reason), ledger.shown_to(actor, conflicts)


@transactional
def close_room(actor: Actor | None, room_id: int, period: Interval, reason: str) -> dict[str, Any]:
    """Close a room. For admins. Locks its calendar.

    What is booked stays: it has to be moved or cancelled first. So raises `Overlap`,
    `InvalidInput` (over already, no reason), `NotFound`.
    """
    actor = require_admin(actor)
    room = rooms.get_room(room_id)
    reason = _checked(period, reason)
    claims = _claims(room.id, period)
    locked = ledger.lock(claim.calendar_id for claim in claims)
    conflicts = ledger.find_conflicts(claims)
    if conflicts:
        raise Overlap(ledger.shown_to(actor, conflicts))
    uid = str(uuid4())
    booking_id = execute(
        _INSERT,
        {
            "uid": uid,
            "kind": "blackout",
            "title": reason,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
            "room_id": room.id,
            "created_at": clock.now(),
        },
    ).scalar_one()
    ledger.occupy(claims, booking_id=booking_id)
    audit.record(actor, "close", "room", room.id, blackout=uid, reason=reason)
    _publish(changes.NEW_BOOKING, period, locked)
    return _described(uid, room, period, reason)


@transactional
def reopen_room(actor: Actor | None, uid: str) -> None:
    """End a blackout, running or to come; twice is once. For admins. Locks the room's calendar.

    Raises `Gone` when it is over, `NotFound`.
    """
    actor = require_admin(actor)
    row = db.session.execute(_BLACKOUTS.where(Blackout.uid == uid)).one_or_none()
    if row is None:
        raise NotFound
    if row.status == CANCELLED:
        return
    if row.ends_at <= clock.now():
        raise Gone(gettext("This is over."))
    locked = ledger.lock(ledger.calendar_ids(room_ids=[row.room_id]))
    ended = db.session.execute(
        update(Booking)
        .where(Booking.id == row.id, Booking.status == CONFIRMED)
        .values(status=CANCELLED, cancelled_at=clock.now(), version=Booking.version + 1)
        .returning(Booking.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if ended is None:
        return
    ledger.release(booking_ids=[row.id])
    audit.record(actor, "reopen", "room", row.room_id, blackout=uid)
    _publish(changes.BOOKING_CANCELLED, Interval(row.starts_at, row.ends_at), locked)


def _described(uid: str | None, room: Room, period: Interval, reason: str) -> dict[str, Any]:
    """A blackout as clients read it."""
    return {
        "uid": uid,
        "room": {"id": room.id, "name": room.name},
        "starts_at": clock.rfc3339(period.starts_at),
        "ends_at": clock.rfc3339(period.ends_at),
        "reason": reason,
    }


def _checked(period: Interval, reason: str) -> str:
    errors: fields.Errors = {}
    reason = fields.line(errors, "reason", reason, maximum=300, required=True)
    if period.ends_at <= clock.now():
        errors["ends_at"] = [gettext("This lies in the past.")]
    fields.refuse(errors)
    return reason


def _claims(room_id: int, period: Interval) -> list[ledger.Claim]:
    return [ledger.Claim(calendar, period) for calendar in ledger.calendar_ids(room_ids=[room_id])]


def _publish(name: str, period: Interval, locked: dict[int, changes.CalendarVersion]) -> None:
    changes.publish(
        changes.BookingChanged(
            name=name,
            kind="blackout",
            period=period,
            previous=None,
            calendars=ledger.announced(locked.values()),
            booking=None,
        )
    )


_INSERT = insert(Booking.__table__).returning(Booking.__table__.c.id)
_BLACKOUTS = select(
    Blackout.id,
    Blackout.uid,
    Blackout.title,
    Blackout.status,
    Blackout.starts_at,
    Blackout.ends_at,
    Blackout.room_id,
)
