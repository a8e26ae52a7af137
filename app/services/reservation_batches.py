"""Several reservations in one deed: judged together, written and told of at once.

For series and copied days. The caller has locked the calendars of all items; a dry run
judges without.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select

from app.models import Booking, Calendar, Room, User
from app.models.interval import Interval
from app.services import bookings, changes, clock, ledger
from app.services.changes import CalendarVersion
from app.services.clock import rfc3339
from app.services.errors import Overlap
from app.services.ledger import Claim, Conflict
from app.services.policy import Actor
from app.services.transaction import execute


@dataclass(frozen=True, slots=True)
class Place:
    """A room and a responsible user, with their calendars."""

    room_id: int
    room_name: str
    user_id: int
    is_user_active: bool
    calendar_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One reservation that is wanted."""

    place: Place
    period: Interval
    title: str
    reservation_type: str | None = None
    series_id: int | None = None

    @property
    def claims(self) -> list[Claim]:
        """What it would occupy."""
        return [Claim(calendar_id, self.period) for calendar_id in self.place.calendar_ids]


def places(pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Place]:
    """The places of these `(room id, user id)`. One query."""
    rooms, users = {room for room, _ in pairs}, {user for _, user in pairs}
    found = list(
        execute(
            select(
                Calendar.id,
                Calendar.room_id,
                Calendar.user_id,
                Room.name.label("room_name"),
                User.active.label("is_user_active"),
            )
            .outerjoin(Room, Room.id == Calendar.room_id)
            .outerjoin(User, User.id == Calendar.user_id)
            .where(Calendar.room_id.in_(rooms) | Calendar.user_id.in_(users))
        )
    )
    of_room = {row.room_id: row for row in found if row.room_id is not None}
    of_user = {row.user_id: row for row in found if row.user_id is not None}
    return {
        (room, user): Place(
            room_id=room,
            room_name=of_room[room].room_name,
            user_id=user,
            is_user_active=bool(of_user[user].is_user_active),
            calendar_ids=tuple(sorted((of_room[room].id, of_user[user].id))),
        )
        for room, user in pairs
    }


@dataclass(frozen=True, slots=True)
class Preview:
    """Occurrences with what stands in the way of each; nothing was written."""

    occurrences: list[dict[str, Any]]

    def as_payload(self) -> dict[str, Any]:
        """As clients read it."""
        conflicting = sum(bool(each["conflicts"]) for each in self.occurrences)
        return {
            "occurrences": self.occurrences,
            "free": len(self.occurrences) - conflicting,
            "conflicting": conflicting,
        }


@dataclass(frozen=True, slots=True)
class Done:
    """Bookings that were made or changed, and occurrences that were left out."""

    bookings: list[dict[str, Any]]
    skipped: list[dict[str, Any]]

    def as_payload(self) -> dict[str, Any]:
        """As clients read it; `booking` is the first of them."""
        return {
            "booking": self.bookings[0],
            "bookings": self.bookings,
            "skipped": self.skipped,
        }


def judge(items: Sequence[Item]) -> list[list[Conflict]]:
    """What stands in the way of each item: what is booked, and free items before it."""
    claims = [claim for item in items for claim in item.claims]
    if not claims:
        return []
    by_claim = iter(ledger.conflicts_by_claim(claims, ledger.find_conflicts(claims)))
    free: dict[int, list[Item]] = {}
    judged = []
    for item in items:
        found = [conflict for _ in item.claims for conflict in next(by_claim)]
        found = found or [
            _conflict_with(other, claim.calendar_id)
            for claim in item.claims
            for other in free.get(claim.calendar_id, [])
            if other.period.overlaps(item.period)
        ]
        if not found:
            for claim in item.claims:
                free.setdefault(claim.calendar_id, []).append(item)
        judged.append(found)
    return judged


def write(actor: Actor, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Insert the reservations and occupy their time; their payloads, in order."""
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "uid": str(uuid4()),
            "kind": "reservation",
            "title": item.title,
            "starts_at": item.period.starts_at,
            "ends_at": item.period.ends_at,
            "user_id": item.place.user_id,
            "room_id": item.place.room_id,
            "reservation_type": item.reservation_type,
            "series_id": item.series_id,
            "created_at": now,
        }
        for item in items
    ]
    ids = list(execute(_INSERT, rows).scalars())
    ledger.occupy_for_each(
        (booking_id, claim)
        for booking_id, item in zip(ids, items, strict=True)
        for claim in item.claims
    )
    # Ids rise with the rows, so the oldest first is the order in which they were given.
    return [bookings.describe(row, actor) for row in bookings.find_rows(Booking.id.in_(ids))]


def shown(
    actor: Actor, items: Sequence[Item], judged: Sequence[list[Conflict]]
) -> list[dict[str, Any]]:
    """Items with what stands in the way of each, as clients read them."""
    return [
        {
            "starts_at": rfc3339(item.period.starts_at),
            "ends_at": rfc3339(item.period.ends_at),
            "conflicts": ledger.shown_to(actor, conflicts),
        }
        for item, conflicts in zip(items, judged, strict=True)
    ]


def refused_or_skipped(
    actor: Actor,
    items: Sequence[Item],
    judged: Sequence[list[Conflict]],
    *,
    skip_conflicts: bool,
) -> list[dict[str, Any]]:
    """The items in conflict, shown; raises `Overlap` unless they may be left out."""
    in_conflict = [each for each in shown(actor, items, judged) if each["conflicts"]]
    if in_conflict and not (skip_conflicts and len(in_conflict) < len(items)):
        conflicts = [each for found in judged for each in found]
        raise Overlap(ledger.shown_to(actor, conflicts), occurrences=in_conflict)
    return in_conflict


def publish(
    name: str,
    told: Iterable[tuple[dict[str, Any], Iterable[int], Interval | None]],
    locked: Mapping[int, CalendarVersion],
) -> None:
    """Announce many changes: one message per calendar, whose version rose by their number.

    `told` are payloads, each with the calendars that it concerns and its period before.
    A message is about the first change of its calendar.
    """
    first: dict[int, tuple[dict[str, Any], Interval | None]] = {}
    counts: dict[int, int] = {}
    for payload, calendar_ids, previous in told:
        for calendar_id in calendar_ids:
            first.setdefault(calendar_id, (payload, previous))
            counts[calendar_id] = counts.get(calendar_id, 0) + 1
    versions = ledger.announced_at_once(counts, locked)
    for calendar_id, (payload, previous) in first.items():
        changes.publish(
            changes.BookingChanged(
                name=name,
                kind=payload["kind"],
                period=bookings.period_of(payload),
                previous=previous,
                calendars=(versions[calendar_id],),
                booking=payload,
            )
        )


def _conflict_with(item: Item, calendar_id: int) -> Conflict:
    return Conflict(
        calendar_id=calendar_id,
        starts_at=item.period.starts_at,
        ends_at=item.period.ends_at,
        kind="reservation",
        title=item.title,
        uid=None,
        booking_id=None,
        event_session_id=None,
        seat_of=None,
        event_id=None,
        user_id=item.place.user_id,
        event_type_id=None,
        busy=item.period,
    )


_INSERT = insert(Booking.__table__).returning(Booking.__table__.c.id, sort_by_parameter_order=True)
