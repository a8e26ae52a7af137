"""What hangs on a thing, told before it is deleted or cancelled. Reads only.

A line for each kind that is there, such as "3 bookings to come". What forbids a deletion
is judged here too: pages ask before, and the commands that delete ask once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import ColumnElement, and_, func, or_, select

from app.extensions import db
from app.models import (
    Attendee,
    Booking,
    EventSession,
    EventType,
    Expert,
    Speaker,
    WaitlistEntry,
)
from app.models.booking import LIVE
from app.services import clock


@dataclass(frozen=True, slots=True)
class Attached:
    """`forbids` are lines of what the thing is kept for, `goes` of what goes with it.

    `note` is a sentence about what happens in place of that.
    """

    forbids: list[str] = field(default_factory=list)
    goes: list[str] = field(default_factory=list)
    note: str = ""


def of_user(user_id: int) -> Attached:
    """Bookings, expert page and talks keep a user; places in queues go."""
    return Attached(
        forbids=[
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
        ],
        goes=_counted(
            (
                lambda number: ngettext(
                    "%(num)d place on a waitlist", "%(num)d places on waitlists", number
                ),
                _count(WaitlistEntry, WaitlistEntry.user_id == user_id),
            )
        ),
    )


def to_come_of_user(user_id: int) -> int:
    """Bookings to come in which a user is on either side."""
    hosted = select(Expert.id).where(Expert.user_id == user_id).scalar_subquery()
    coming = (Booking.status.in_(LIVE), Booking.ends_at > clock.now())
    mine = or_(Booking.user_id == user_id, Booking.expert_id == hosted)
    return db.session.scalar(select(_count(Booking, and_(*coming, mine)))) or 0


def of_expert(expert_id: int) -> Attached:
    """Bookings keep an expert; event types go."""
    return Attached(
        forbids=_bookings(Booking.expert_id == expert_id),
        goes=_counted((_event_types, _count(EventType, EventType.expert_id == expert_id))),
    )


def of_event_type(event_type_id: int) -> Attached:
    """One that was ever booked is kept, and no longer offered."""
    booked = _bookings(Booking.event_type_id == event_type_id)
    if not booked:
        return Attached()
    kept = gettext(
        "It was booked before, so it is kept and no longer offered: %(bookings)s.",
        bookings=", ".join(booked),
    )
    return Attached(note=kept)


def of_event(event_id: int) -> Attached:
    """Sessions keep an event; its list of attendees goes."""
    here = EventSession.event_id == event_id
    return Attached(
        forbids=[
            *_counted((_sessions, _count(EventSession, here))),
            *_bookings(Booking.event_session_id.in_(select(EventSession.id).where(here))),
        ],
        goes=_counted(
            (
                lambda number: ngettext(
                    "%(num)d attendee on its list", "%(num)d attendees on its list", number
                ),
                _count(Attendee, Attendee.event_id == event_id),
            )
        ),
    )


def of_event_session(event_session_id: int) -> Attached:
    """Its seats go with it, wherever it goes."""
    return Attached(goes=_bookings(Booking.event_session_id == event_session_id))


def of_room(room_id: int) -> Attached:
    """Bookings, sessions and event types keep a room."""
    return Attached(
        forbids=[
            *_bookings(Booking.room_id == room_id),
            *_counted(
                (_sessions, _count(EventSession, EventSession.room_id == room_id)),
                (_event_types, _count(EventType, EventType.room_id == room_id)),
            ),
        ]
    )


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
