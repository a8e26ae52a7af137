"""What hangs on a thing: told before it is deleted or cancelled. Reads only.

Each function counts in one query and gives a line per kind that is there, such as
"3 bookings to come". Whether that forbids the deletion is for its command to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import ngettext
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
            (
                lambda number: ngettext("%(num)d expert page", "%(num)d expert pages", number),
                _count(Expert, Expert.user_id == user_id),
            ),
            (
                lambda number: ngettext(
                    "%(num)d session to speak at", "%(num)d sessions to speak at", number
                ),
                _count(Speaker, Speaker.user_id == user_id),
            ),
        ),
    ]


def of_expert(expert_id: int) -> list[str]:
    """Bookings and event types of an expert."""
    return [
        *_bookings(Booking.expert_id == expert_id),
        *_counted((_event_types, _count(EventType, EventType.expert_id == expert_id))),
    ]


def of_event_type(event_type_id: int) -> list[str]:
    """Bookings of an event type."""
    return _bookings(Booking.event_type_id == event_type_id)


def of_event(event_id: int) -> list[str]:
    """Sessions and seats of an event."""
    here = EventSession.event_id == event_id
    return [
        *_counted((_sessions, _count(EventSession, here))),
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
            (_sessions, _count(EventSession, EventSession.room_id == room_id)),
            (_event_types, _count(EventType, EventType.room_id == room_id)),
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
    lines = []
    if to_come:
        lines.append(ngettext("%(num)d booking to come", "%(num)d bookings to come", to_come))
    if others:
        lines.append(
            ngettext(
                "%(num)d booking that is over or cancelled",
                "%(num)d bookings that are over or cancelled",
                others,
            )
        )
    return lines


def _event_types(number: int) -> str:
    return ngettext("%(num)d event type", "%(num)d event types", number)


def _sessions(number: int) -> str:
    return ngettext("%(num)d session", "%(num)d sessions", number)


def _count(model: Any, condition: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(model).where(condition).scalar_subquery()


def _counted(*kinds: tuple[Callable[[int], str], Any]) -> list[str]:
    """What each kind says of its number, where there are any."""
    numbers = db.session.execute(select(*(number for _, number in kinds))).one()
    return [say(number) for (say, _), number in zip(kinds, numbers, strict=True) if number]
