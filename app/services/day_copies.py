"""Copying the reservations of a day to another day, at the same local times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext

from app.models import Booking
from app.models.booking import CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    audit,
    bookings,
    changes,
    ledger,
    local_days,
    reservation_batches,
    reservations,
    rooms,
)
from app.services.clock import rfc3339
from app.services.errors import DomainError, InvalidInput, NotAllowed, Overlap
from app.services.ledger import Conflict
from app.services.policy import Actor, require_staff
from app.services.reservation_batches import Item
from app.services.transaction import transactional

OWN, ALL = WHOSE = ("own", "all")
MAX_COPIES = 500

# Why a reservation cannot be copied, in a word for programs; `conflicts` say more of the first.
TAKEN, MISSING, PAST, LEFT = REASONS = ("taken", "missing", "past", "left")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be copied. `room_id` None means every room.

    `whose` is "own", or "all" for admins; each copy has the responsible user of what it
    is a copy of.
    """

    source: date
    target: date
    room_id: int | None = None
    whose: str = OWN


@dataclass(frozen=True, slots=True)
class Copied:
    """Bookings that were made, and what was left out and why."""

    bookings: list[dict[str, Any]]
    skipped: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Copy:
    row: AnyRow
    item: Item | None  # None where it cannot be, whatever is booked
    why: str | None


def preview_copy(actor: Actor | None, plan: Plan) -> list[dict[str, Any]]:
    """Each reservation of the day as it would be, and why not where it cannot.

    Without locks. Raises as `copy_day`, but for what cannot be copied.
    """
    actor = require_staff(actor)
    copies = _copies(actor, plan)
    conflicts = _conflicts(copies)
    return [_shown(actor, copy, conflicts.get(copy.row.id, [])) for copy in copies]


@transactional
def copy_day(actor: Actor | None, plan: Plan, *, skip_conflicts: bool = False) -> Copied:
    """Make every reservation that begins on a day anew on another, as plain ones.

    All or nothing; with `skip_conflicts` those that can be, at least one. Locks the
    calendars of all rooms and responsible users in it. Raises `Overlap` or, where only
    the date stands in the way, `InvalidInput`, both with `items`; `InvalidInput` also
    for nothing to copy, `NotAllowed` for others' by a contributor, `NotFound`.
    """
    actor = require_staff(actor)
    copies = _copies(actor, plan)
    locked = ledger.lock(
        calendar for copy in copies if copy.item for calendar in copy.item.place.calendar_ids
    )
    conflicts = _conflicts(copies)
    left_out = [copy for copy in copies if copy.item is None or copy.row.id in conflicts]
    items = [copy.item for copy in copies if copy.item and copy.row.id not in conflicts]
    skipped = [_shown(actor, copy, conflicts.get(copy.row.id, [])) for copy in left_out]
    if skipped and not (skip_conflicts and items):
        in_the_way = [each for found in conflicts.values() for each in found]
        raise _refusal(actor, in_the_way, skipped)
    made = reservation_batches.write(actor, items)
    audit.record_each(
        actor,
        "book",
        "booking",
        [each["uid"] for each in made],
        kind="reservation",
        copied_from=plan.source.isoformat(),
    )
    reservation_batches.publish(
        changes.NEW_BOOKING,
        [
            (payload, item.place.calendar_ids, None)
            for payload, item in zip(made, items, strict=True)
        ],
        locked,
    )
    return Copied(made, skipped)


def _copies(actor: Actor, plan: Plan) -> list[_Copy]:
    """The day's reservations, each with what its copy would be. Raises as `copy_day`."""
    if plan.whose == ALL and not actor.is_admin:
        raise NotAllowed(gettext("Only admins copy what belongs to others."))
    if plan.source == plan.target:
        raise InvalidInput({"to": [gettext("Choose another day.")]})
    shown = [rooms.get_room(plan.room_id)] if plan.room_id is not None else rooms.list_rooms()
    zones = {room.id: rooms.zone_of(room) for room in shown}
    around = local_days.days_of(plan.source - timedelta(days=1), 3, UTC)
    where = [
        Booking.kind == "reservation",
        Booking.status == CONFIRMED,
        Booking.room_id.in_(zones),
        Booking.starts_at.between(around.starts_at, around.ends_at),
    ]
    if plan.whose == OWN:
        where.append(Booking.user_id == actor.user_id)
    found = [
        row
        for row in bookings.find_rows(*where)
        if row.starts_at.astimezone(zones[row.room_id]).date() == plan.source
    ]
    if not found:
        raise InvalidInput({"from": [gettext("There is nothing to copy on this day.")]})
    if len(found) > MAX_COPIES:
        too_many = gettext("At most %(maximum)s at once. Choose one room.", maximum=MAX_COPIES)
        raise InvalidInput({"from": [too_many]})
    places = reservation_batches.places({(row.room_id, row.user_id) for row in found})
    copies = []
    for row in sorted(found, key=lambda each: (each.starts_at, each.id)):
        place = places[row.room_id, row.user_id]
        period = _moved(row, plan.target, zones[row.room_id])
        why = (
            MISSING
            if period is None
            else PAST
            if reservations.is_past(period.starts_at)
            else LEFT
            if not place.is_user_active
            else None
        )
        item = (
            None if why or period is None else Item(place, period, row.title, row.reservation_type)
        )
        copies.append(_Copy(row, item, why))
    return copies


def _moved(row: AnyRow, day: date, zone: ZoneInfo) -> Interval | None:
    """The same local time on another day, as long; None where that day lacks the time."""
    local = row.starts_at.astimezone(zone).time().replace(fold=0)
    start = local_days.resolve(datetime.combine(day, local), zone)
    return Interval(start, start + (row.ends_at - row.starts_at)) if start else None


def _conflicts(copies: Sequence[_Copy]) -> dict[int, list[Conflict]]:
    """What stands in the way, by the id of what is copied."""
    possible = [(copy.row.id, copy.item) for copy in copies if copy.item]
    judged = reservation_batches.judge([item for _, item in possible])
    return {
        booking_id: found for (booking_id, _), found in zip(possible, judged, strict=True) if found
    }


def _refusal(
    actor: Actor, conflicts: Sequence[Conflict], items: list[dict[str, Any]]
) -> DomainError:
    if conflicts:
        return Overlap(ledger.shown_to(actor, conflicts), items=items)
    text = gettext("Some of it cannot be on this day.")
    refusal = InvalidInput({"to": [text]}, text)
    refusal.extra["items"] = items
    return refusal


def _shown(actor: Actor, copy: _Copy, conflicts: Sequence[Conflict]) -> dict[str, Any]:
    period = copy.item.period if copy.item else None
    return {
        "title": copy.row.title,
        "room": {"id": copy.row.room_id, "name": copy.row.room_name},
        "responsible_user": {"id": copy.row.user_id, "name": copy.row.user_name},
        "starts_at": rfc3339(period.starts_at) if period else None,
        "ends_at": rfc3339(period.ends_at) if period else None,
        "why": copy.why or (TAKEN if conflicts else None),
        "conflicts": ledger.shown_to(actor, conflicts),
    }
