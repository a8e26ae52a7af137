"""Changing a series: an occurrence and those that follow, or all of them, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from sqlalchemy import bindparam, func, select, update

from app.extensions import db
from app.models import Booking, Series
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    audit,
    bookings,
    changes,
    ledger,
    local_days,
    recurrence,
    reservation_batches,
    reservations,
    rooms,
)
from app.services.clock import rfc3339
from app.services.errors import DomainError, InvalidInput, Overlap, Stale
from app.services.ledger import Conflict
from app.services.policy import Actor, require_staff
from app.services.reservation_batches import Done, Item, Preview
from app.services.series import FOLLOWING, ONE, affected, lock_affected, new_series
from app.services.transaction import execute, transactional


@dataclass(frozen=True, slots=True)
class _Move:
    """An occurrence as it is, and as it would be.

    `is_missing` when the clocks of that day skip the time; then it stays where it is.
    """

    row: AnyRow
    item: Item
    is_missing: bool

    @property
    def changes_nothing(self) -> bool:
        """Whether it is so already."""
        place = self.item.place
        there = (self.item.title, self.item.period, place.user_id, place.room_id)
        return (*there, self.item.reservation_type) == reservations.placed(self.row)


def preview_change(actor: Actor | None, uid: str, values: Mapping[str, Any], scope: str) -> Preview:
    """What `change_series` would find, without locks. Raises as it does, but for conflicts."""
    actor = require_staff(actor)
    row = reservations.get_row(actor, uid)
    bookings.require_movable(row)
    moves = _moves(actor, row, affected(actor, row, scope), values)
    judged = _judge_moves(moves)
    return Preview([_shown_move(actor, move, judged.get(move.row.id, [])) for move in moves])


@transactional
def change_series(
    actor: Actor | None,
    uid: str,
    values: Mapping[str, Any],
    scope: str,
    *,
    version: int | None = None,
    skip_conflicts: bool = False,
) -> Done:
    """Change an occurrence and those that follow, or all, as `reservations.change_reservation` one.

    Where nothing differs they are given back as they stand.
    Each moves by as much local time as the named one and gets its length. Changed are
    those that have not begun, of the actor's own unless by an admin. All or nothing; with
    `skip_conflicts` those in conflict stay as they are. What follows becomes a series of
    its own. Locks the calendars of before and after. Raises `Overlap` as
    `reserve_series`, `Stale`, `Gone`, `InvalidInput`, `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    seen = reservations.get_row(actor, uid)
    bookings.check_version(seen, version)
    bookings.require_movable(seen)
    moves = _moves(actor, seen, affected(actor, seen, scope), values)
    if all(move.changes_nothing for move in moves):
        return Done([bookings.describe(move.row, actor) for move in moves], [])
    wanted = {calendar_id for move in moves for calendar_id in move.item.place.calendar_ids}
    locked, row, rows = lock_affected(actor, seen, scope, wanted)
    bookings.check_version(row, seen.version)
    bookings.require_movable(row)
    moves = _moves(actor, row, rows, values)
    needed = {calendar for move in moves for calendar in move.item.place.calendar_ids}
    if not needed <= locked.keys():
        raise Stale
    in_the_way = _judge_moves(moves)
    free = [move for move in moves if move.row.id not in in_the_way]
    skipped = [
        _shown_move(actor, move, in_the_way[move.row.id])
        for move in moves
        if move.row.id in in_the_way
    ]
    if skipped and not (skip_conflicts and free):
        raise _why_not(actor, [each for found in in_the_way.values() for each in found], skipped)
    before = ledger.calendars_by_booking([move.row.id for move in free])
    _write_moves(free, _split(row, scope, _days_between(row, moves)))
    after = {each.id: each for each in bookings.find_rows(Booking.id.in_(list(before)))}
    described = [bookings.describe(after[move.row.id], actor) for move in free]
    audit.record_each(
        actor, "reschedule", "booking", [move.row.uid for move in free], **_audited(values, scope)
    )
    reservation_batches.publish(
        changes.BOOKING_RESCHEDULED,
        [
            (payload, before[move.row.id] | {*move.item.place.calendar_ids}, _period(move.row))
            for payload, move in zip(described, free, strict=True)
        ],
        locked,
    )
    return Done(described, skipped)


def _moves(
    actor: Actor, row: AnyRow, rows: Sequence[AnyRow], values: Mapping[str, Any]
) -> list[_Move]:
    """How each of `rows` would be, were `row` changed like this. Raises as a change of one."""
    target = reservations.changed(row, values)
    room, owner = reservations.parties(actor, target)
    title = reservations.checked(target, begun_at=row.starts_at)
    zone = ZoneInfo(row.series_time_zone or rooms.zone_of(room).key)
    shift = _local(target.period.starts_at, zone) - _local(row.starts_at, zone)
    length = target.period.ends_at - target.period.starts_at
    is_resized = length != row.ends_at - row.starts_at

    def place(each: AnyRow) -> tuple[int, int]:
        return (
            room.id if "room_id" in values else each.room_id,
            owner.id if "responsible_user_id" in values else each.user_id,
        )

    def start(each: AnyRow) -> datetime | None:
        if each.id == row.id:
            return target.period.starts_at
        return (
            local_days.resolve(_local(each.starts_at, zone) + shift, zone)
            if shift
            else each.starts_at
        )

    places = reservation_batches.places({place(each) for each in rows})
    moves = []
    for each in rows:
        starts_at = start(each)
        period = _period(each)
        if starts_at is not None:
            own_length = period.ends_at - period.starts_at
            period = Interval(starts_at, starts_at + (length if is_resized else own_length))
            if reservations.is_past(starts_at) and starts_at != each.starts_at:
                raise InvalidInput({"starts_at": [gettext("One of them would begin in the past.")]})
        item = Item(
            place=places[place(each)],
            period=period,
            title=title if "title" in values else each.title,
            reservation_type=(
                target.reservation_type if "event_type" in values else each.reservation_type
            ),
        )
        moves.append(_Move(each, item, is_missing=starts_at is None))
    return moves


def _judge_moves(moves: Sequence[_Move]) -> dict[int, list[Conflict]]:
    """What stands in the way, by booking id, of the moves that cannot be made.

    One that must stay keeps its time, which may be what another wanted: so judging goes
    on until nobody else has to stay.
    """
    staying: dict[int, list[Conflict]] = {move.row.id: [] for move in moves if move.is_missing}
    possible = [move for move in moves if not move.is_missing]
    claims = [claim for move in possible for claim in move.item.claims]
    if not claims:
        return staying
    by_claim = iter(ledger.conflicts_by_claim(claims, ledger.find_conflicts(claims)))
    found = {
        move.row.id: [each for _ in move.item.claims for each in next(by_claim)]
        for move in possible
    }
    moving = {move.row.id: move for move in possible}
    while True:
        taken: dict[int, list[Interval]] = {}
        refused = {}
        for booking_id, move in moving.items():
            blocking = [each for each in found[booking_id] if each.booking_id not in moving]
            is_own = any(
                period.overlaps(move.item.period)
                for claim in move.item.claims
                for period in taken.get(claim.calendar_id, ())
            )
            if blocking or is_own:
                refused[booking_id] = blocking
                continue
            for claim in move.item.claims:
                taken.setdefault(claim.calendar_id, []).append(move.item.period)
        if not refused:
            return staying
        staying |= refused
        moving = {each: move for each, move in moving.items() if each not in refused}


def _write_moves(moves: Sequence[_Move], series_id: int | None) -> None:
    """Update the bookings and their busy periods."""
    execute(
        _MOVE,
        [
            {
                "booking_id": move.row.id,
                "new_title": move.item.title,
                "new_starts_at": move.item.period.starts_at,
                "new_ends_at": move.item.period.ends_at,
                "new_user_id": move.item.place.user_id,
                "new_room_id": move.item.place.room_id,
                "new_reservation_type": move.item.reservation_type,
                "new_series_id": series_id,
            }
            for move in moves
        ],
    )
    ledger.release(booking_ids=[move.row.id for move in moves])
    ledger.occupy_for_each((move.row.id, claim) for move in moves for claim in move.item.claims)


def _split(row: AnyRow, scope: str, days: int) -> int | None:
    """The series of what is changed: for all its own, so many days later; else a new one.

    The old one's rule ends before `row`; the new one's with the last of them.
    """
    series_id: int | None = row.series_id
    if series_id is None or scope == ONE:
        return series_id
    zone = ZoneInfo(row.series_time_zone)
    rule = recurrence.parse_rule(row.series_rule)
    earlier, last = db.session.execute(
        select(
            func.max(Booking.starts_at).filter(Booking.starts_at < row.starts_at),
            func.max(Booking.starts_at),
        ).where(Booking.series_id == series_id)
    ).one()
    if scope == FOLLOWING and earlier is not None:
        _set_rule(series_id, rule.ending(earlier.astimezone(zone).date()))
        rest = rule.ending(last.astimezone(zone).date()).shifted(days)
        return new_series(str(rest), row.series_time_zone)
    if days:
        _set_rule(series_id, rule.shifted(days))
    return series_id


def _set_rule(series_id: int, rule: recurrence.Rule) -> None:
    db.session.execute(
        update(Series)
        .where(Series.id == series_id)
        .values(rule=str(rule))
        .execution_options(synchronize_session=False)
    )


def _days_between(row: AnyRow, moves: Sequence[_Move]) -> int:
    """By how many local days the named occurrence moves."""
    move = next(each for each in moves if each.row.id == row.id)
    zone = ZoneInfo(row.series_time_zone or "UTC")
    new, old = (each.starts_at.astimezone(zone).date() for each in (move.item.period, _period(row)))
    return (new - old).days


def _why_not(
    actor: Actor, conflicts: Sequence[Conflict], shown: list[dict[str, Any]]
) -> DomainError:
    """The refusal of all because of some."""
    if not conflicts:
        text = gettext(
            "On some of these days the time does not exist, or one would last into the next."
        )
        return InvalidInput({"starts_at": [text]}, text)
    return Overlap(ledger.shown_to(actor, conflicts), occurrences=shown)


def _shown_move(actor: Actor, move: _Move, conflicts: Sequence[Conflict]) -> dict[str, Any]:
    """A move for people, with what stands in its way; a missing one where it stays."""
    return {
        "uid": move.row.uid,
        "starts_at": rfc3339(move.item.period.starts_at),
        "ends_at": rfc3339(move.item.period.ends_at),
        "conflicts": ledger.shown_to(actor, conflicts),
        "missing": move.is_missing,
    }


def _audited(values: Mapping[str, Any], scope: str) -> dict[str, Any]:
    shown = {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return {"scope": scope, **shown}


def _period(row: AnyRow) -> Interval:
    return Interval(row.starts_at, row.ends_at)


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


_booking = Booking.__table__
_MOVE = (
    update(_booking)
    .where(_booking.c.id == bindparam("booking_id"))
    .values(
        title=bindparam("new_title"),
        starts_at=bindparam("new_starts_at"),
        ends_at=bindparam("new_ends_at"),
        user_id=bindparam("new_user_id"),
        room_id=bindparam("new_room_id"),
        reservation_type=bindparam("new_reservation_type"),
        series_id=bindparam("new_series_id"),
        version=_booking.c.version + 1,
        sequence=_booking.c.sequence + 1,
    )
)
