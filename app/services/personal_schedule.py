"""One attendee's way through an event: own seats, what else is booked then, and queues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select

from app.extensions import db
from app.models import Booking, Event, EventSession, Expert
from app.models.booking import CONFIRMED, LIVE
from app.models.interval import Interval, overlapping
from app.services import agenda, bookings, events, waitlist
from app.services.policy import ACCOUNT, Actor, require_signed_in


@dataclass(frozen=True, slots=True)
class PersonalSchedule:
    """Everything by start. `version` is that of the topic `event:<slug>`."""

    event: Event
    version: int
    bookings: list[dict[str, Any]]
    waiting: list[dict[str, Any]]


def read_personal_schedule(actor: Actor | None, slug: str) -> PersonalSchedule:
    """The actor's own bookings during an event, of all kinds that this sign-in reaches.

    Raises `Unauthenticated`, `NotFound` as `agenda.read_agenda` does.
    """
    actor = require_signed_in(actor)
    version = agenda.topic_version(actor, slug)  # before the rest: never newer than it
    event = events.get_event(slug)
    rows = bookings.find_rows(Booking.status.in_(LIVE), *_during(actor, event))
    shown = [bookings.describe(row, actor) for row in sorted(rows, key=lambda row: row.starts_at)]
    return PersonalSchedule(event, version, shown, waitlist.list_own(actor, event.id))


def _during(actor: Actor, event: Event) -> tuple[Any, ...]:
    of_event = EventSession.event_id == event.id
    if actor.audience != ACCOUNT:
        return Booking.user_id == actor.user_id, of_event
    own_experts = select(Expert.id).where(Expert.user_id == actor.user_id)
    days = _days(event)
    return (
        or_(Booking.user_id == actor.user_id, Booking.expert_id.in_(own_experts)),
        or_(
            of_event,
            overlapping(Booking.starts_at, Booking.ends_at, days.starts_at, days.ends_at),
        ),
    )


def _days(event: Event) -> Interval:
    """From the first local midnight to the last, or to the end of a session after it."""
    zone = ZoneInfo(event.time_zone)
    begin = datetime.combine(event.starts_on, time(), zone)
    end = datetime.combine(event.ends_on + timedelta(days=1), time(), zone).astimezone(UTC)
    last = db.session.scalar(
        select(func.max(EventSession.ends_at)).where(
            EventSession.event_id == event.id, EventSession.status == CONFIRMED
        )
    )
    return Interval(begin.astimezone(UTC), max(end, last) if last else end)
