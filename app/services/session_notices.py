"""Who is told of an event session: its speakers and who waits by mail, watchers live.

Attendees are told of their seats, by `bookings` and `cancellation`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select

from app.extensions import db
from app.models import EventSession, User
from app.models.interval import Interval
from app.models.user import full_name
from app.services import changes, mail, session_calendars
from app.services.clock import rfc3339
from app.services.policy import Actor


def tell_speakers(
    actor: Actor,
    template: str,
    session: EventSession,
    spoke: Collection[int],
    previous: Interval | None = None,
) -> None:
    """Mail those who speak there, and did before; not whoever does this."""
    wanted = session_calendars.speaking_users(session.speakers).keys() & set(spoke) - {
        actor.user_id
    }
    more: dict[str, Any] = {}
    if previous:
        more["previous"] = {
            "starts_at": rfc3339(previous.starts_at),
            "ends_at": rfc3339(previous.ends_at),
        }
    tell_users(template, session, (User.id.in_(wanted), User.active.is_(True)), more)


def tell_users(
    template: str,
    session: EventSession,
    users: Iterable[ColumnElement[bool]],
    more: Mapping[str, Any] | None = None,
    *,
    languages: Mapping[int, str | None] | None = None,
) -> None:
    """Mail users about a session in which they have no seat.

    `languages` are those, by user, in which they asked to hear of it.
    """
    languages = languages or {}
    talk = {
        "kind": "seat",  # laid out as one: when, where, of which event
        "status": session.status,
        "title": session.title,
        "starts_at": rfc3339(session.starts_at),
        "ends_at": rfc3339(session.ends_at),
        "location": session.room.name,
        "meeting_url": None,
        "event": {"slug": session.event.slug, "title": session.event.title},
    }
    context = {"booking": talk, "reason": "", "time_zone": session.event.time_zone, **(more or {})}
    readers = db.session.execute(
        select(User.id, User.email, User.first_name, User.last_name).where(*users).order_by(User.id)
    )
    mail.enqueue_all(
        [
            mail.Letter(
                template,
                row.email,
                context | {"name": full_name(row.first_name, row.last_name)},
                language=languages.get(row.id),
            )
            for row in readers
        ]
    )


def announce(
    name: str,
    session: EventSession,
    calendars: Sequence[changes.CalendarVersion],
    previous: Interval | None = None,
) -> None:
    """Tell those who watch these calendars and the event's agenda, after the commit."""
    changes.publish(
        changes.BookingChanged(
            name=name,
            kind="event_session",
            period=Interval(session.starts_at, session.ends_at),
            previous=previous,
            calendars=tuple(calendars),
            booking=None,
        )
    )
    changes.publish(changes.AgendaChanged(session.event_id, session.event.slug))
