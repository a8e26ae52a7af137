"""Series: reservations that repeat, made, changed and given back together.

Each occurrence is a reservation of its own; the series says that they belong together.
What is over or has begun stays as it is, whatever the scope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import uuid4

from sqlalchemy import case, insert

from app.models import Booking, Series
from app.models.booking import BY_CLIENT, BY_HOST, CANCELLED, CONFIRMED
from app.models.types import AnyRow
from app.services import (
    audit,
    bookings,
    cancellation,
    changes,
    clock,
    ledger,
    recurrence,
    reservation_batches,
    reservations,
    rooms,
)
from app.services.errors import InvalidInput, Stale
from app.services.policy import Actor, require_staff
from app.services.reservation_batches import Done, Item, Preview
from app.services.reservations import Wanted
from app.services.transaction import execute, transactional

ONE, FOLLOWING, ALL = SCOPES = ("one", "following", "all")


# -- making --------------------------------------------------------------------------


def preview_series(actor: Actor | None, wanted: Wanted, rule: str | None) -> Preview:
    """What `reserve_series` would find, without locks; one occurrence without a rule.

    Raises as it does, but for conflicts.
    """
    actor = require_staff(actor)
    items, _ = _items(actor, wanted, rule)
    return Preview(reservation_batches.shown(actor, items, reservation_batches.judge(items)))


@transactional
def reserve_series(
    actor: Actor | None, wanted: Wanted, rule: str, *, skip_conflicts: bool = False
) -> Done:
    """Reserve a room again and again by an RRULE, in the room's local time.

    All or nothing; with `skip_conflicts` what is free, which is at least one. Locks the
    room's and the responsible user's calendars. Raises `Overlap`, whose `occurrences` are
    those in conflict, `InvalidInput` also for the rule, else as
    `reservations.reserve_room`.
    """
    actor = require_staff(actor)
    items, parsed = _items(actor, wanted, rule)
    locked = ledger.lock(items[0].place.calendar_ids)
    judged = reservation_batches.judge(items)
    skipped = reservation_batches.refused_or_skipped(
        actor, items, judged, skip_conflicts=skip_conflicts
    )
    room = rooms.get_room(wanted.room_id)
    series_id = new_series(str(parsed), rooms.zone_of(room).key)
    free = [
        Item(each.place, each.period, each.title, each.reservation_type, series_id)
        for each, conflicts in zip(items, judged, strict=True)
        if not conflicts
    ]
    made = reservation_batches.write(actor, free)
    audit.record_each(
        actor,
        "book",
        "booking",
        [each["uid"] for each in made],
        kind="reservation",
        room_id=room.id,
        series_id=series_id,
    )
    calendars = items[0].place.calendar_ids
    reservation_batches.publish(
        changes.NEW_BOOKING, [(each, calendars, None) for each in made], locked
    )
    return Done(made, skipped)


def _items(
    actor: Actor, wanted: Wanted, rule: str | None
) -> tuple[list[Item], recurrence.Rule | None]:
    room, owner = reservations.parties(actor, wanted)
    title = reservations.checked(wanted)
    parsed = None
    periods = [wanted.period]
    if rule is not None:
        try:
            parsed = recurrence.parse_rule(rule)
            periods = recurrence.occurrences(parsed, wanted.period, rooms.zone_of(room))
        except ValueError as error:
            raise InvalidInput({"recurrence": [str(error)]}) from error
    pair = (room.id, owner.id)
    place = reservation_batches.places([pair])[pair]
    return [Item(place, period, title, wanted.reservation_type) for period in periods], parsed


def new_series(rule: str, time_zone: str) -> int:
    """Insert a series; its id."""
    made: int = execute(
        insert(Series.__table__).returning(Series.__table__.c.id),
        {"uid": str(uuid4()), "rule": rule, "time_zone": time_zone, "created_at": clock.now()},
    ).scalar_one()
    return made


# -- giving back ---------------------------------------------------------------------


@transactional
def cancel_series(
    actor: Actor | None, uid: str, scope: str, *, version: int | None = None
) -> list[str]:
    """Give an occurrence and those that follow back, or all; their uids.

    Cancelled are those that have not begun, and the named one; of the actor's own unless
    by an admin. Twice is once. Locks their calendars. Raises `Stale`, `Gone`,
    `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    seen = reservations.get_row(actor, uid)
    if scope == ONE or seen.series_id is None or seen.status == CANCELLED:
        cancellation.cancel_row(seen, actor, version=version)
        return [uid]
    bookings.check_version(seen, version)
    bookings.require_movable(seen)
    locked, row, rows = lock_affected(actor, seen, scope)
    if row.status == CANCELLED:  # somebody else was as quick
        return [uid]
    bookings.check_version(row, seen.version)
    ids = [each.id for each in rows]
    calendars = ledger.calendars_by_booking(ids)
    bookings.revise(
        Booking.id.in_(ids),
        status=CANCELLED,
        cancelled_as=case((Booking.user_id == actor.user_id, BY_CLIENT), else_=BY_HOST),
        cancelled_at=clock.now(),
    )
    ledger.release(booking_ids=ids)
    uids = [each.uid for each in rows]
    audit.record_each(actor, "cancel", "booking", uids, status=CANCELLED, scope=scope)
    after = bookings.find_rows(Booking.id.in_(ids))
    reservation_batches.publish(
        changes.BOOKING_CANCELLED,
        [
            (bookings.describe(each, actor), calendars[each.id], None)
            for each in sorted(after, key=lambda each: each.starts_at)
        ],
        locked,
    )
    return uids


def affected(actor: Actor, row: AnyRow, scope: str) -> list[AnyRow]:
    """The occurrences that a change of `row` with this scope is about, by start."""
    if scope == ONE or row.series_id is None:
        return [row]
    upcoming = Booking.starts_at > clock.now()
    where = [
        Booking.series_id == row.series_id,
        Booking.status == CONFIRMED,
        upcoming | (Booking.id == row.id),
    ]
    if scope == FOLLOWING:
        where.append(Booking.starts_at >= row.starts_at)
    if not actor.is_admin:
        where.append(Booking.user_id == actor.user_id)
    return sorted(bookings.find_rows(*where), key=lambda each: each.starts_at)


def lock_affected(
    actor: Actor, seen: AnyRow, scope: str, calendar_ids: Iterable[int] = ()
) -> tuple[dict[int, changes.CalendarVersion], AnyRow, list[AnyRow]]:
    """Lock the calendars of all that is affected, and of others; then read it again.

    Whoever changes a reservation locks its calendars first, so that none of these is
    changed from here on. Raises `Stale` when one came to others meanwhile.
    """
    ids = [each.id for each in affected(actor, seen, scope)]
    locked = ledger.lock({*calendar_ids, *_calendars(ids)})
    row = bookings.find_row(seen.uid)
    assert row is not None  # bookings are kept
    rows = affected(actor, row, scope)
    if not _calendars([each.id for each in rows]) <= locked.keys():
        raise Stale
    return locked, row, rows


def _calendars(booking_ids: Collection[int]) -> set[int]:
    found = ledger.calendars_by_booking(booking_ids)
    return {calendar_id for calendars in found.values() for calendar_id in calendars}
