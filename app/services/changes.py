"""What changed, told after the commit to whoever subscribed.

Commands publish; `app/live.py` subscribes. Everything a subscriber needs is in the
change: it was true in the transaction and costs no query after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.models.interval import Interval
from app.services.transaction import after_commit

NEW_BOOKING = "newBooking"
BOOKING_CANCELLED = "bookingCancelled"
BOOKING_RESCHEDULED = "bookingRescheduled"


@dataclass(frozen=True, slots=True)
class CalendarVersion:
    """A calendar whose version this transaction raised, and whose time it is."""

    calendar_id: int
    version: int
    user_id: int | None
    room_id: int | None
    expert_slug: str | None


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """A period of some calendars was taken, freed or moved.

    `name` is the contract's event; `booking` is its payload for those who are in it,
    null for an event session, which is nobody's booking.
    """

    name: str
    kind: str
    period: Interval
    previous: Interval | None
    calendars: tuple[CalendarVersion, ...]
    booking: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CalendarChanged:
    """Something that calendars show is not as it was, and no period of the ledger changed:
    when their owner is busy elsewhere, or what belongs to a booking, its meeting's link.

    `booking` is the payload for those who are in it, if it is about one.
    """

    calendars: tuple[CalendarVersion, ...]
    booking: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SeatsChanged:
    """Seats of a session were taken, or some may have become free."""

    event_id: int
    event_slug: str
    event_session_id: int
    may_be_free: bool = False


@dataclass(frozen=True, slots=True)
class SeatOffered:
    """A seat is held for somebody who waited and is busy then, until `expires_at`."""

    user_id: int
    event_slug: str
    event_session_id: int
    expires_at: str


@dataclass(frozen=True, slots=True)
class AgendaChanged:
    """Sessions of an event were added, moved, renamed or cancelled."""

    event_id: int
    event_slug: str


@dataclass(frozen=True, slots=True)
class AccessEnded:
    """Sign-ins of a user ended: sockets that rest on them must go."""

    user_id: int
    kept_sign_in_id: str | None = None


Change = BookingChanged | CalendarChanged | SeatsChanged | SeatOffered | AgendaChanged | AccessEnded

_subscribers: list[Callable[[Change], None]] = []


def subscribe(subscriber: Callable[[Change], None]) -> None:
    """Have `subscriber` called with each change after its commit, once per process."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def publish(change: Change) -> None:
    """Tell the subscribers once the open transaction is durable."""
    for subscriber in _subscribers:
        after_commit(lambda subscriber=subscriber: subscriber(change))  # type: ignore[misc]
