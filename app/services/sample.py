"""A small invented world, so that a new installation has something to look at."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select

from app.extensions import db
from app.models import Event, Expert, User
from app.models.interval import Interval
from app.services import (
    accounts,
    blackouts,
    clock,
    event_sessions,
    event_types,
    events,
    experts,
    ledger,
    reservations,
    rooms,
    series,
)
from app.services.policy import ADMIN, CONTRIBUTOR, EXPERT, Actor
from app.services.reservations import Wanted
from app.services.transaction import transactional

ZONE = "Europe/Berlin"

EXPERTS: list[dict[str, Any]] = [
    {
        "name": "Mara Lindqvist",
        "email": "mara@sample.example",
        "slug": "mara-lindqvist",
        "headline": "Product strategy for small teams",
        "bio": "I help teams of three to thirty decide what to build next, and what to stop"
        " building. Fifteen years in software, most of them in rooms with whiteboards.",
        "time_zone": "Europe/Berlin",
        "types": [
            {
                "title": "First conversation",
                "duration_minutes": 30,
                "description": "We get to know each other and find out whether I can help.",
                "location": {"kind": "jitsi", "detail": ""},
                "buffer_after_minutes": 10,
                "minimum_notice_minutes": 120,
            },
            {
                "title": "Roadmap review",
                "duration_minutes": 60,
                "description": "Bring your roadmap. We go through it line by line.",
                "location": {"kind": "google_meet", "detail": ""},
                "buffer_before_minutes": 15,
                "buffer_after_minutes": 15,
                "daily_limit": 3,
            },
        ],
    },
    {
        "name": "Tomás Okafor",
        "email": "tomas@sample.example",
        "slug": "tomas-okafor",
        "headline": "Database performance, explained at your own pace",
        "bio": "Slow queries have reasons. I have spent twenty years finding them.",
        "time_zone": "America/New_York",
        "types": [
            {
                "title": "Slow query clinic",
                "duration_minutes": 45,
                "description": "One query, one plan, forty-five minutes.",
                "location": {"kind": "zoom", "detail": ""},
                "slot_step_minutes": 30,
            },
        ],
    },
    {
        "name": "Dr. Aiko Brandt",
        "email": "aiko@sample.example",
        "slug": "aiko-brandt",
        "headline": "Coaching for first-time managers",
        "bio": "Your first team is the hardest. Let us talk about yours.",
        "time_zone": "Europe/Berlin",
        "types": [
            {
                "title": "Coaching session",
                "duration_minutes": 50,
                "description": "A regular session, on the phone or on a walk.",
                "location": {"kind": "phone", "detail": "I call you at the number you leave"},
                "slot_step_minutes": 60,
                "minimum_notice_minutes": 24 * 60,
            },
            {
                "title": "Walk in the park",
                "duration_minutes": 90,
                "description": "Thinking is easier on foot.",
                "location": {"kind": "in_person", "detail": "Volkspark, main gate"},
                "horizon_days": 30,
            },
        ],
    },
]
ROOMS = [("Main hall", 220), ("Studio", 40), ("Library", 16)]
# Day, start, minutes, room, title, capacity, speaker
SESSIONS: list[tuple[int, str, int, str, str, int | None, str]] = [
    (0, "09:30", 45, "Main hall", "Opening: time well spent", None, "Mara Lindqvist"),
    (0, "10:30", 90, "Studio", "Workshop: calendars that do not lie", 24, "Tomás Okafor"),
    (0, "10:30", 60, "Library", "Reading group: the art of the agenda", 12, "Ines Vogel"),
    (0, "11:00", 45, "Main hall", "What a waiting list teaches", 200, "Samir Haddad"),
    (0, "13:30", 90, "Library", "Hands on: your first minute matrix", 10, "Ines Vogel"),
    (0, "14:00", 60, "Main hall", "Panel: meetings we would keep", 200, "Dr. Aiko Brandt"),
    (0, "15:30", 45, "Studio", "Half an hour of daylight saving", 36, "Tomás Okafor"),
    (1, "09:30", 45, "Main hall", "The cost of five minutes", 200, "Mara Lindqvist"),
    (1, "10:30", 90, "Library", "Hands on: your first minute matrix", 10, "Ines Vogel"),
    (1, "10:30", 60, "Studio", "Queues at the door", 36, "Samir Haddad"),
    (1, "13:00", 60, "Main hall", "Closing: until next time", None, "Mara Lindqvist"),
]

STAFF = ("Ines Vogel", "ines@sample.example")
# Weekday of next week, start, minutes, room, title, type, rule
RESERVATIONS: list[tuple[int, str, int, str, str, str | None, str | None]] = [
    (0, "09:00", 45, "Studio", "Week's plan", None, "FREQ=WEEKLY;COUNT=8"),
    (1, "10:10", 20, "Library", "Sound check", "Live", None),
    (1, "10:30", 50, "Library", "Interview: the night shift", "PreRecorded", None),
    (2, "14:00", 150, "Main hall", "Rehearsal", "Live", None),
    (3, "22:00", 180, "Studio", "Broadcast over midnight", "Live", None),
]
BLACKOUT = (5, "08:00", 10 * 60, "Main hall", "The floor is being waxed")


@transactional
def load() -> bool:
    """Fill an empty database; returns False, and does nothing, when it is not empty.

    The experts have random passwords that nobody knows: an admin resets them.
    """
    if db.session.scalar(select(exists().where(Expert.id > 0))) or db.session.scalar(
        select(exists().where(Event.id > 0))
    ):
        return False
    by_name = {each["name"]: _expert(each) for each in EXPERTS}
    _reserve(_event(by_name))
    return True


def _expert(values: dict[str, Any]) -> int:
    user = accounts.create_account(
        values["name"],
        values["email"],
        secrets.token_urlsafe(24),
        time_zone=values["time_zone"],
        roles=(EXPERT,),
        must_change_password=True,
    )
    actor = _acting(user, EXPERT)
    experts.become_expert(actor, slug=values["slug"], headline=values["headline"])
    experts.update_expert(actor, {"bio": values["bio"], "time_zone": values["time_zone"]})
    for event_type in values["types"]:
        event_types.create_event_type(actor, event_type)
    user_id: int = user.id
    return user_id


def _event(speakers: dict[str, int]) -> dict[str, int]:
    """The event with its sessions; ids of its rooms by name."""
    zone = ZoneInfo(ZONE)
    today = clock.now().astimezone(zone).date()
    first = today + timedelta(days=21 - today.weekday() + 3)  # a Thursday in three weeks
    events.create_event(
        _ADMIN,
        {
            "slug": "hours-and-minutes",
            "title": "Hours & Minutes, a small conference on time",
            "time_zone": ZONE,
            "starts_on": first.isoformat(),
            "ends_on": (first + timedelta(days=1)).isoformat(),
            "venue": "Alte Sternwarte",
            "public": True,
        },
    )
    room_ids = {
        name: rooms.create_room(_ADMIN, {"name": name, "capacity": capacity, "time_zone": ZONE}).id
        for name, capacity in ROOMS
    }
    for day, clock_time, minutes, room, title, capacity, speaker in SESSIONS:
        starts_at = datetime.combine(
            first + timedelta(days=day), time.fromisoformat(clock_time), zone
        )
        event_sessions.schedule_session(
            _ADMIN,
            "hours-and-minutes",
            {
                "title": title,
                "room_id": room_ids[room],
                "starts_at": starts_at,
                "ends_at": starts_at + timedelta(minutes=minutes),
                "capacity": capacity,
                "speakers": [{"name": speaker, "user_id": speakers.get(speaker)}],
            },
        )
    return room_ids


def _reserve(room_ids: dict[str, int]) -> None:
    """A week of a contributor, and a room that is closed in it."""
    name, email = STAFF
    password = secrets.token_urlsafe(24)
    user = accounts.create_account(
        name, email, password, time_zone=ZONE, roles=(CONTRIBUTOR,), must_change_password=True
    )
    staff = _acting(user, CONTRIBUTOR)
    for weekday, clock_time, minutes, room, title, kind, rule in RESERVATIONS:
        wanted = Wanted(room_ids[room], _next_week(weekday, clock_time, minutes), title, kind)
        if rule:
            series.reserve_series(staff, wanted, rule)
        else:
            reservations.reserve_room(staff, wanted)
    weekday, clock_time, minutes, room, reason = BLACKOUT
    blackouts.close_room(_ADMIN, room_ids[room], _next_week(weekday, clock_time, minutes), reason)


def _next_week(weekday: int, clock_time: str, minutes: int) -> Interval:
    zone = ZoneInfo(ZONE)
    today = clock.now().astimezone(zone).date()
    day = today + timedelta(days=7 - today.weekday() + weekday)
    starts_at = datetime.combine(day, time.fromisoformat(clock_time), zone).astimezone(UTC)
    return Interval(starts_at, starts_at + timedelta(minutes=minutes))


def _acting(user: User, role: str) -> Actor:
    return Actor(
        user_id=user.id,
        calendar_id=ledger.calendar_ids(user_ids=[user.id])[0],
        name=f"{user.first_name} {user.last_name}",
        email=user.email,
        time_zone=user.time_zone,
        roles=frozenset({role}),
    )


_ADMIN = Actor(user_id=0, calendar_id=0, name="Sample", email="", roles=frozenset({ADMIN}))
