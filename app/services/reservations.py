"""Reservations: staff's claims on a room, with a responsible user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from flask_babel import gettext
from sqlalchemy import insert, select

from app.extensions import db
from app.models import Booking, Room, User
from app.models.booking import CONFIRMED, RESERVATION_TYPES
from app.models.interval import Interval
from app.models.types import AnyRow
from app.models.user import full_name
from app.services import audit, bookings, cancellation, changes, clock, fields, ledger
from app.services.errors import InvalidInput, NotAllowed, NotFound, Overlap, Stale
from app.services.policy import Actor, require_staff
from app.services.transaction import transactional


@dataclass(frozen=True, slots=True)
class Wanted:
    """A room for a span of any length; `responsible_user_id` None means the actor."""

    room_id: int
    period: Interval
    title: str
    reservation_type: str | None = None
    responsible_user_id: int | None = None


@transactional
def reserve_room(actor: Actor | None, wanted: Wanted) -> dict[str, Any]:
    """Reserve a room. Occupies and locks the room's and the responsible user's calendars.

    Raises `Overlap`, `InvalidInput` (the past, title, no such room or user), `NotAllowed`
    for a contributor who names somebody else.
    """
    actor = require_staff(actor)
    room, owner = parties(actor, wanted)
    title = checked(wanted)
    claims = _claims(wanted.period, owner.id, room.id)
    locked = ledger.lock(claim.calendar_id for claim in claims)
    _refuse_overlap(actor, claims)
    reservation = {
        "uid": str(uuid4()),
        "kind": "reservation",
        "title": title,
        "starts_at": wanted.period.starts_at,
        "ends_at": wanted.period.ends_at,
        "user_id": owner.id,
        "room_id": room.id,
        "reservation_type": wanted.reservation_type,
        "created_at": clock.now(),
    }
    booking_id = db.session.execute(_INSERT, reservation).scalar_one()
    ledger.occupy(claims, booking_id=booking_id)
    row = bookings.new_row(
        **reservation,
        id=booking_id,
        room_name=room.name,
        user_name=full_name(owner.first_name, owner.last_name),
        user_email=owner.email,
    )
    payload = bookings.describe(row, actor)
    audit.record(actor, "book", "booking", row.uid, kind="reservation", room_id=room.id)
    bookings.publish(changes.NEW_BOOKING, payload, tuple(locked.values()))
    return payload


@transactional
def move_reservation(
    actor: Actor | None, uid: str, wanted: Wanted, *, version: int | None = None
) -> dict[str, Any]:
    """Change a reservation's span, room, title or responsible user, keeping its `uid`.

    One that is so already is given back as it stands.
    Contributors may change only their own. A compare-and-set on `version`. Locks the
    calendars of before and after. Raises as `reserve_room`, but not for a running one
    that begins when it did; and `Gone`, `Stale`.
    """
    actor = require_staff(actor)
    return _move(actor, get_row(actor, uid), wanted, version)


def _move(actor: Actor, before: AnyRow, wanted: Wanted, version: int | None) -> dict[str, Any]:
    bookings.check_version(before, version)
    bookings.require_movable(before)
    room, owner = parties(actor, wanted)
    title = checked(wanted, begun_at=before.starts_at)
    there = (title, wanted.period, owner.id, room.id, wanted.reservation_type)
    if there == placed(before):
        return bookings.describe(before, actor)
    claims = _claims(wanted.period, owner.id, room.id)
    locked = ledger.lock(
        {claim.calendar_id for claim in claims} | ledger.calendars_of(booking_id=before.id)
    )
    _refuse_overlap(actor, claims, ignoring=before)
    if not bookings.revise(
        Booking.id == before.id,
        Booking.version == before.version,
        Booking.status == CONFIRMED,
        title=title,
        starts_at=wanted.period.starts_at,
        ends_at=wanted.period.ends_at,
        user_id=owner.id,
        room_id=room.id,
        reservation_type=wanted.reservation_type,
    ):
        raise Stale
    ledger.release(booking_ids=[before.id])
    ledger.occupy(claims, booking_id=before.id)
    after = bookings.find_row(before.uid)
    assert after is not None
    payload = bookings.describe(after, actor)
    audit.record(
        actor,
        "reschedule",
        "booking",
        before.uid,
        before={
            "title": before.title,
            "starts_at": clock.rfc3339(before.starts_at),
            "ends_at": clock.rfc3339(before.ends_at),
            "room_id": before.room_id,
            "user_id": before.user_id,
        },
        title=title,
        starts_at=payload["starts_at"],
        ends_at=payload["ends_at"],
        room_id=room.id,
        user_id=owner.id,
    )
    bookings.publish(
        changes.BOOKING_RESCHEDULED,
        payload,
        tuple(locked.values()),
        previous=Interval(before.starts_at, before.ends_at),
    )
    return payload


@transactional
def change_reservation(
    actor: Actor | None, uid: str, values: Mapping[str, Any], *, version: int | None = None
) -> dict[str, Any]:
    """Change `starts_at`, `ends_at`, `title`, `room_id`, `event_type`, `responsible_user_id`.

    Which of these is not among `values` stays. Locks and raises as `move_reservation`.
    """
    actor = require_staff(actor)
    return change_row(actor, get_row(actor, uid), values, version=version)


def change_row(
    actor: Actor, row: AnyRow, values: Mapping[str, Any], *, version: int | None = None
) -> dict[str, Any]:
    """As `change_reservation`, of one that the caller has found and allowed. Joins the transaction.

    What stays is as read in `row`; `Stale` when it changed since then.
    """
    return _move(actor, row, changed(row, values), version)


@transactional
def cancel_reservation(
    actor: Actor | None, uid: str, *, reason: str = "", version: int | None = None
) -> dict[str, Any]:
    """Give a room back; twice is once. Contributors only their own.

    Locks and raises as `cancellation.cancel_booking`; `NotFound` for another kind.
    """
    actor = require_staff(actor)
    return cancellation.cancel_row(get_row(actor, uid), actor, reason=reason, version=version)


def changed(row: AnyRow, values: Mapping[str, Any]) -> Wanted:
    """What a reservation would be with these values. Raises `InvalidInput` for its span."""
    return Wanted(
        room_id=values.get("room_id", row.room_id),
        period=span(values.get("starts_at", row.starts_at), values.get("ends_at", row.ends_at)),
        title=values.get("title", row.title),
        reservation_type=values.get("event_type", row.reservation_type),
        responsible_user_id=values.get("responsible_user_id", row.user_id),
    )


def placed(row: AnyRow) -> tuple[str, Interval, int, int, str | None]:
    """All that a change may change of a reservation: title, time, user, room and type."""
    period = Interval(row.starts_at, row.ends_at)
    return row.title, period, row.user_id, row.room_id, row.reservation_type


def span(starts_at: datetime, ends_at: datetime) -> Interval:
    """The time from `starts_at` to `ends_at`. Raises `InvalidInput` when it is empty."""
    if ends_at <= starts_at:
        raise InvalidInput({"ends_at": [gettext("This must be later than the start.")]})
    return Interval(starts_at, ends_at)


def is_past(starts_at: datetime) -> bool:
    """Whether it is too late to begin then; the minute that runs can still be had."""
    return starts_at < clock.now().replace(second=0, microsecond=0)


def get_row(actor: Actor, uid: str) -> AnyRow:
    """A reservation that the actor may change. Raises `NotFound`, `NotAllowed`."""
    row = bookings.row_to_change(actor, uid)
    if row.kind != "reservation":
        raise NotFound
    return row


def parties(actor: Actor, wanted: Wanted) -> tuple[Room, Any]:
    """The room, and the user who will be responsible for it.

    Raises `NotAllowed` for a contributor who names somebody else, `InvalidInput` for a
    room or user that is not there.
    """
    owner_id = wanted.responsible_user_id or actor.user_id
    if owner_id != actor.user_id and not actor.is_admin:
        raise NotAllowed(gettext("Only admins reserve rooms for somebody else."))
    errors: fields.Errors = {}
    room = db.session.get(Room, wanted.room_id) if fields.is_id(wanted.room_id) else None
    if room is None:
        errors["room_id"] = [gettext("There is no such room.")]
    owner = (
        db.session.scalars(
            select(User).where(User.id == owner_id, User.active.is_(True))
        ).one_or_none()
        if fields.is_id(owner_id)
        else None
    )
    if owner is None:
        errors["responsible_user_id"] = [gettext("There is no such user.")]
    fields.refuse(errors)
    assert room is not None
    return room, owner


def checked(wanted: Wanted, begun_at: datetime | None = None) -> str:
    """The title as it is kept. Raises `InvalidInput`, also for a start in the past.

    A reservation that runs may go on as begun, at `begun_at`.
    """
    errors: fields.Errors = {}
    title = fields.line(errors, "title", wanted.title, maximum=300, required=True)
    if wanted.reservation_type is not None:
        fields.choice(errors, "event_type", wanted.reservation_type, RESERVATION_TYPES)
    if is_past(wanted.period.starts_at) and wanted.period.starts_at != begun_at:
        errors["starts_at"] = [gettext("This lies in the past.")]
    fields.refuse(errors)
    return title


def _claims(period: Interval, user_id: int, room_id: int) -> list[ledger.Claim]:
    calendars = ledger.calendar_ids(user_ids=[user_id], room_ids=[room_id])
    return [ledger.Claim(calendar, period) for calendar in calendars]


def _refuse_overlap(
    actor: Actor, claims: list[ledger.Claim], ignoring: AnyRow | None = None
) -> None:
    in_the_way = ledger.find_conflicts(claims, ignoring={ignoring.id} if ignoring else ())
    if in_the_way:
        raise Overlap(ledger.shown_to(actor, in_the_way))


_INSERT = insert(Booking.__table__).returning(Booking.__table__.c.id)
