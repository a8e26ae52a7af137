"""Things to test with: each function makes one, with defaults for all that is not said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from app.extensions import db
from app.models import Calendar, Event, EventSession, EventType, Expert, Room, User
from app.models.interval import Interval
from app.services import clock, event_sessions, event_types, events, experts, rooms
from app.services.appointments import Client
from app.services.policy import ADMIN, ATTENDEE, CONTRIBUTOR, EXPERT, Actor
from app.services.transaction import transactional

_numbers = count(1)
# Made once: hashing a password takes 100 ms. The password of every user made here.
PASSWORD = "correct horse battery staple"
_HASH = ""


@transactional
def make_user(*roles: str, name: str = "", email: str = "", flagged: bool = False) -> Any:
    """A user with these roles; with `PASSWORD`."""
    global _HASH
    from app.models import Role
    from app.services.passwords import hash_password

    _HASH = _HASH or hash_password(PASSWORD)
    number = next(_numbers)
    email = email or f"person{number}@example.org"
    user = User(
        first_name=name or f"Person {number}",
        last_name="",
        username=email,
        email=email,
        password=_HASH,
        active=True,
        must_change_password=flagged,
        roles=list(db.session.scalars(select(Role).where(Role.name.in_(roles or (ATTENDEE,))))),
    )
    db.session.add(user)
    db.session.flush()
    return user


def make_actor(*roles: str, **values: Any) -> Actor:
    """Somebody signed in to an account."""
    return actor_of(make_user(*roles, **values))


def actor_of(user: Any, audience: str = "account") -> Actor:
    """The user as an actor."""
    return Actor(
        user_id=user.id,
        calendar_id=db.session.scalars(
            select(Calendar.id).where(Calendar.user_id == user.id)
        ).one(),
        name=f"{user.first_name} {user.last_name}".strip(),
        email=user.email,
        roles=frozenset(role.name for role in user.roles),
        audience=audience,
        must_change_password=user.must_change_password,
    )


def make_admin(**values: Any) -> Actor:
    """An admin."""
    return make_actor(ADMIN, **values)


def make_contributor(**values: Any) -> Actor:
    """A contributor."""
    return make_actor(CONTRIBUTOR, **values)


def make_expert(*, time_zone: str = "Europe/Berlin", **values: Any) -> tuple[Actor, Expert]:
    """An expert, Monday to Friday 08:00-17:00 of `time_zone`, and the profile."""
    actor = make_actor(EXPERT, **values)
    expert, _ = experts.become_expert(actor)
    experts.update_expert(actor, {"time_zone": time_zone})
    return actor, expert


def make_event_type(actor: Actor, **values: Any) -> EventType:
    """An offering of 30 minutes, unless said otherwise."""
    return event_types.create_event_type(
        actor, {"title": "Consultation", "duration_minutes": 30, "horizon_days": 365, **values}
    )


def make_room(**values: Any) -> Room:
    """A room."""
    return rooms.create_room(_anyone(), {"name": f"Room {next(_numbers)}", **values})


def make_event(**values: Any) -> Event:
    """A public event of three days from tomorrow."""
    first = (clock.now() + timedelta(days=1)).date()
    return events.create_event(
        _anyone(),
        {
            "slug": f"event-{next(_numbers)}",
            "title": "An event",
            "time_zone": "Europe/Berlin",
            "starts_on": first.isoformat(),
            "ends_on": (first + timedelta(days=2)).isoformat(),
            "public": True,
            **values,
        },
    )


def make_session(
    event: Event | None = None,
    *,
    starts_at: datetime | None = None,
    minutes: int = 60,
    **values: Any,
) -> EventSession:
    """A session tomorrow at 10:00 UTC for an hour, with one seat, in a room of its own."""
    event = event or make_event()
    tomorrow = (clock.now() + timedelta(days=1)).date()
    start = starts_at or datetime(tomorrow.year, tomorrow.month, tomorrow.day, 10, tzinfo=UTC)
    described, _ = event_sessions.schedule_session(
        _anyone(),
        event.slug,
        {
            "title": f"Session {next(_numbers)}",
            "room_id": values.pop("room_id", None) or make_room().id,
            "starts_at": start,
            "ends_at": start + timedelta(minutes=minutes),
            "capacity": 1,
            **values,
        },
    )
    return event_sessions.get_event_session(described["id"])


def client_named(name: str = "Gwen Guest", email: str = "gwen@example.org") -> Client:
    """What a guest leaves."""
    return Client(name=name, email=email)


def period(start: str, end: str) -> Interval:
    """`period("2031-03-04T10:00Z", "2031-03-04T11:00Z")`."""
    return Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))


def _anyone() -> Actor:
    """An admin without account: what factories act as."""
    return Actor(user_id=0, calendar_id=0, name="", email="", roles=frozenset({ADMIN}))
