"""What hangs on a thing: told before it is deleted or cancelled. Reads only.

Each function counts in one query and gives a line per kind that is there, such as
"3 bookings to come". Whether that forbids the deletion is for its command to say.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.extensions import db
from app.models import Booking, EventSession, EventType, Expert, Speaker
from app.models.booking import LIVE
from app.services import clock


def of_user(user_id: int) -> list[str]:
    """Bookings, expert page and talks of a user."""
    return [
        *_bookings(Booking.user_id == user_id),
        *_counted(
            ("expert page", "expert pages", _count(Expert, Expert.user_id == user_id)),
            (
                "session to speak at",
                "sessions to speak at",
                _count(Speaker, Speaker.user_id == user_id),
            ),
        ),
    ]


def of_expert(expert_id: int) -> list[str]:
    """Bookings and event types of an expert."""
    return [
        *_bookings(Booking.expert_id == expert_id),
        *_counted(
            ("event type", "event types", _count(EventType, EventType.expert_id == expert_id))
        ),
    ]


def of_event_type(event_type_id: int) -> list[str]:
    """Bookings of an event type."""
    return _bookings(Booking.event_type_id == event_type_id)


def of_event(event_id: int) -> list[str]:
    """Sessions and seats of an event."""
    here = EventSession.event_id == event_id
    return [
        *_counted(("session", "sessions", _count(EventSession, here))),
        *_bookings(Booking.event_session_id.in_(select(EventSession.id).where(here))),
    ]


def of_event_session(event_session_id: int) -> list[str]:
    """Seats in a session."""
    return _bookings(Booking.event_session_id == event_session_id)


def of_room(room_id: int) -> list[str]:
    """Bookings, sessions and event types in a room."""
    return [
        *_bookings(Booking.room_id == room_id),
        *_counted(
            ("session", "sessions", _count(EventSession, EventSession.room_id == room_id)),
            ("event type", "event types", _count(EventType, EventType.room_id == room_id)),
        ),
    ]


def _bookings(condition: ColumnElement[bool]) -> list[str]:
    coming = (Booking.status.in_(LIVE), Booking.ends_at > clock.now())
    to_come, others = db.session.execute(
        select(
            func.count().filter(*coming),
            func.count() - func.count().filter(*coming),
        )
        .select_from(Booking)
        .where(condition)
    ).one()
    return [
        *_lines("booking to come", "bookings to come", to_come),
        *_lines("booking that is over or cancelled", "bookings that are over or cancelled", others),
    ]


def _count(model: Any, condition: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(model).where(condition).scalar_subquery()


def _counted(*kinds: tuple[str, str, Any]) -> list[str]:
    numbers = db.session.execute(select(*(number for _, _, number in kinds))).one()
    return [
        line
        for (one, many, _), number in zip(kinds, numbers, strict=True)
        for line in _lines(one, many, number)
    ]


def _lines(one: str, many: str, number: int) -> list[str]:
    return [f"{number} {one if number == 1 else many}"] if number else []
