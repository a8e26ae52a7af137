"""The data that benchmarks run on, written straight into the tables.

Attendees' time is laid out so that every booking is one that can be had: appointments
lie on the working days of the first weeks, sessions after those, and each measurement
takes an hour, or slots, that no other has.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import orjson
from flask import Flask
from sqlalchemy import text

import config
from app import create_app, gates
from app.extensions import db
from app.models import SignIn
from app.services.policy import ADMIN, Actor
from app.services.schedule_import import Options, import_schedule

ATTENDEES = 2048
EXPERTS = 50
SPREAD = 200  # sessions among which the spread bookings are spread
# A real conference where its schedule is at hand, else as many sessions made up.
CONFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data" / "fosdem2024.xml"
CONFERENCE_DAYS = ("2024-02-03", "2024-02-04")
AGENDA_SESSIONS = 674
MONTH_DAYS = 31
BOOKED = (0, 100, 1000, 10_000)  # bookings of the experts whose month is asked for
BOOKED_THEN = 1000  # of them, as many as this lie in that month
SLOTS_A_DAY = 18  # of half an hour, from 08:00 to 17:00 UTC
_APPOINTMENT_DAYS = 60
_WORKING_WEEK = [{"weekday": day, "start": 8 * 60, "end": 17 * 60} for day in range(5)]
_EVERY_DAY = [{"weekday": day, "start": 8 * 60, "end": 18 * 60} for day in range(7)]


OPERATOR = Actor(user_id=0, calendar_id=0, name="", email="", roles=frozenset({ADMIN}))


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of an hour that begin at the same time; their ids follow one another."""

    ids: list[int]
    starts_at: datetime


class Stage:
    """A prepared database, and what the measurements need to know of it."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.app: Flask = create_app(config.load(settings))
        with self.app.app_context():
            flask_migrate.upgrade()
            result = self.app.test_cli_runner().invoke(args=["booking", "init"])
            if result.exit_code:
                raise RuntimeError(result.output)
            self._prepare()

    def _prepare(self) -> None:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.first_day = today + timedelta(days=2)
        days = (self.first_day + timedelta(days=n) for n in range(_APPOINTMENT_DAYS))
        self._working_days = [day for day in days if day.weekday() < 5]
        self._next_slot = 0
        self._next_hour = self.first_day + timedelta(days=_APPOINTMENT_DAYS + 2)

        users = self._rows(_USERS, count=ATTENDEES + EXPERTS + len(BOOKED))
        self.user_ids = [row.id for row in users[:ATTENDEES]]
        self.calendar_ids = [row.calendar_id for row in users[:ATTENDEES]]
        self.tokens = [self._token(user_id) for user_id in self.user_ids]
        hosts = users[ATTENDEES:]
        self.host_calendar_ids = [host.calendar_id for host in hosts[:EXPERTS]]
        self.event_type_ids = [
            self._make_expert(host, _WORKING_WEEK, minutes=30) for host in hosts[:EXPERTS]
        ]
        self.expert_ids = [
            row.expert_id
            for row in self._rows("SELECT expert_id FROM event_type ORDER BY id")[:EXPERTS]
        ]
        for host, booked in zip(hosts[EXPERTS:], BOOKED, strict=True):
            event_type_id = self._make_expert(host, _EVERY_DAY, minutes=15, slug=f"booked-{booked}")
            self._book_month(host, event_type_id, booked)
        self.room_ids = [row.id for row in self._rows(_ROOMS, count=SPREAD)]
        self.event_id = self._rows(_EVENT, slug="bench")[0].id
        self._make_agenda()
        with db.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                text("VACUUM ANALYZE")
            )

    # What measurements use up

    def make_sessions(self, count: int, capacity: int) -> Sessions:
        """Sessions at one hour, each in a room of its own."""
        starts_at = self.take_hours(1)
        ids = [
            row.id
            for row in self._rows(
                _SESSIONS,
                event=self.event_id,
                first_room=self.room_ids[0],
                first=0,
                count=count,
                capacity=capacity,
                starts_at=starts_at,
                text="",
            )
        ]
        return Sessions(ids, starts_at)

    def take_hours(self, count: int) -> datetime:
        """The first of so many hours in which nobody is busy yet."""
        taken, self._next_hour = self._next_hour, self._next_hour + timedelta(hours=count)
        return taken

    def take_slots(self, attendees: int) -> list[datetime]:
        """Starts for so many attendees at `EXPERTS` experts: the n-th has the n-th start."""
        slots = -(-attendees // EXPERTS)
        first, self._next_slot = self._next_slot, self._next_slot + slots
        starts = []
        for number in range(first, first + slots):
            day, slot = divmod(number, SLOTS_A_DAY)
            start = self._working_days[day] + timedelta(hours=8, minutes=30 * slot)
            starts += [start] * EXPERTS
        return starts[:attendees]

    def make_staff(self) -> tuple[int, int]:
        """Let the attendees reserve rooms; the ids of a room and of its calendar."""
        self._rows(_STAFF, first=self.user_ids[0], last=self.user_ids[-1])
        room_id = self.room_ids[-1]
        return room_id, self.number("SELECT id FROM calendar WHERE room_id = :room", room=room_id)

    def make_busy_day(self, bookings: int) -> tuple[int, datetime, dict[str, str]]:
        """A room, a day full of one contributor's reservations, and cookies that sign in as them."""
        user_id, room_id, day = self.user_ids[0], self.room_ids[0], self.take_hours(48)
        day = day.replace(hour=0) + timedelta(days=1)
        self._rows(_STAFF_OF_ONE_ROOM, user=user_id, room=room_id)
        self._rows(
            _RESERVATIONS, user=user_id, room=room_id, first=day, count=bookings, minutes=24 * 60
        )
        with self.app.app_context():
            token = self._token(user_id)
        return room_id, day, {self.app.config["JWT_ACCESS_COOKIE_NAME"]: token}

    # What is there afterwards

    def commits(self, first_session: int, last_session: int) -> list[float]:
        """When the seats of these sessions were committed, in order: seconds since 1970."""
        rows = self._rows(_COMMITS, first=first_session, last=last_session)
        return [float(row.at) for row in rows]

    def number(self, sql: str, **parameters: Any) -> int:
        """The one number that a query finds."""
        with self.app.app_context(), db.engine.connect() as connection:
            return int(connection.execute(text(sql), parameters).scalar() or 0)

    def audit(self) -> str:
        """What `flask booking audit` says of all that was written."""
        output: str = self.app.test_cli_runner().invoke(args=["booking", "audit"]).output
        return output.strip()

    def close(self) -> None:
        with self.app.app_context():
            db.engine.dispose()

    def _rows(self, sql: str, **parameters: Any) -> list[Any]:
        with self.app.app_context(), db.engine.begin() as connection:
            return list(connection.execute(text(sql), parameters))

    def _token(self, user_id: int) -> str:
        row = self._rows(_SIGN_IN, user=user_id, expires=datetime.now(UTC) + timedelta(days=1))[0]
        token: str = gates.issue_token(
            SignIn(id=row.id, user_id=user_id, audience="account", expires_at=row.expires_at)
        )
        return token

    def _make_expert(self, host: Any, hours: Any, *, minutes: int, slug: str = "") -> int:
        row = self._rows(
            _EXPERT,
            user=host.id,
            slug=slug or f"expert-{host.id}",
            hours=orjson.dumps(hours).decode(),
            minutes=minutes,
        )[0]
        return int(row.id)

    def _book_month(self, host: Any, event_type_id: int, count: int) -> None:
        """Book quarters of an hour: at random in the month, and what is left every day after it."""

        def quarters(first: int, days: int) -> list[datetime]:
            return [
                self.first_day + timedelta(days=day, hours=8, minutes=15 * quarter)
                for day in range(first, first + days)
                for quarter in range(40)
            ]

        then = random.Random(count).sample(quarters(0, MONTH_DAYS), min(count, BOOKED_THEN))
        later = quarters(MONTH_DAYS, max(0, count - BOOKED_THEN) // 40)
        for start in then + later:
            self._rows(
                _APPOINTMENT,
                calendar=host.calendar_id,
                event_type=event_type_id,
                starts_at=start,
                ends_at=start + timedelta(minutes=15),
            )

    def _make_agenda(self) -> None:
        """`agenda`: the conference, or something of its size; `agenda_sessions` are its ids."""
        if CONFERENCE.exists():
            self._import_conference()
        else:
            self._make_up_agenda()
        self.agenda_sessions = [
            row.id for row in self._rows(_SESSIONS_OF, slug="agenda", day=self._last_day())
        ]

    def _last_day(self) -> Any:
        return self._rows(
            "SELECT max(day) AS day FROM event_session JOIN event ON event.id = event_id"
            " WHERE slug = 'agenda'"
        )[0].day

    def _import_conference(self) -> None:
        schedule = CONFERENCE.read_text()
        for number, day in enumerate(CONFERENCE_DAYS):
            moved = self._next_hour.date() + timedelta(days=number)
            schedule = schedule.replace(day, moved.isoformat())
        self.take_hours(24 * (len(CONFERENCE_DAYS) + 1))
        with self.app.app_context():
            import_schedule(
                OPERATOR,
                schedule.encode(),
                "agenda",
                Options(time_zone="UTC", capacity=80, admission="open"),
            )

    def _make_up_agenda(self) -> None:
        event_id = self._rows(_EVENT, slug="agenda")[0].id
        words = "A talk about what we tried, what broke, and what we would do again. " * 4
        for first in range(0, AGENDA_SESSIONS, 10):
            rows = self._rows(
                _SESSIONS,
                event=event_id,
                first_room=self.room_ids[0],
                first=first,
                count=min(10, AGENDA_SESSIONS - first),
                capacity=80,
                starts_at=self.take_hours(1),
                text=words,
            )
            self._rows(_SPEAKERS, ids=[row.id for row in rows])


_USERS = """
WITH made AS (
    INSERT INTO ab_user (first_name, last_name, username, email, password, active,
                         must_change_password, email_verified_at)
    SELECT 'Person', n::text, 'person' || n || '@example.org', 'person' || n || '@example.org',
           'none', true, false, now()
    FROM generate_series(1, :count) AS n RETURNING id
), roles AS (
    INSERT INTO ab_user_role (id, user_id, role_id)
    SELECT nextval('ab_user_role_id_seq'), made.id, ab_role.id FROM made, ab_role
    WHERE ab_role.name = 'Attendee'
), calendars AS (
    INSERT INTO calendar (user_id, version) SELECT id, 0 FROM made ORDER BY id
    RETURNING id, user_id
)
SELECT user_id AS id, id AS calendar_id FROM calendars ORDER BY id
"""
_SIGN_IN = """
INSERT INTO sign_in (id, user_id, audience, created_at, expires_at)
VALUES (gen_random_uuid()::text, :user, 'account', now(), :expires) RETURNING id, expires_at
"""
_EXPERT = """
WITH made AS (
    INSERT INTO expert (user_id, slug, name, headline, bio, time_zone, weekly_hours)
    VALUES (:user, :slug, 'Expert ' || :user, '', '', 'UTC', CAST(:hours AS jsonb)) RETURNING id
)
INSERT INTO event_type (expert_id, slug, title, description, duration_minutes, location_kind,
                        location_detail, buffer_before_minutes, buffer_after_minutes,
                        minimum_notice_minutes, horizon_days)
SELECT id, 'talk', 'Talk', '', :minutes, 'jitsi', '', 0, 0, 0, 365 FROM made RETURNING id
"""
_APPOINTMENT = """
WITH made AS (
    INSERT INTO booking (uid, kind, title, starts_at, ends_at, created_at, expert_id,
                         event_type_id, attendee_name, attendee_email)
    SELECT gen_random_uuid()::text, 'appointment', title, :starts_at, :ends_at, now(), expert_id,
           id, 'Gwen Guest', 'gwen@example.org'
    FROM event_type WHERE id = :event_type RETURNING id
)
INSERT INTO busy_period (calendar_id, starts_at, ends_at, booking_id)
SELECT :calendar, :starts_at, :ends_at, id FROM made RETURNING id
"""
_ROOMS = """
WITH made AS (
    INSERT INTO room (name) SELECT 'Room ' || n FROM generate_series(1, :count) AS n RETURNING id
), calendars AS (
    INSERT INTO calendar (room_id, version) SELECT id, 0 FROM made
)
SELECT id FROM made ORDER BY id
"""
_STAFF_OF_ONE_ROOM = """
WITH room AS (UPDATE room SET time_zone = 'UTC' WHERE id = :room)
INSERT INTO ab_user_role (id, user_id, role_id)
SELECT nextval('ab_user_role_id_seq'), :user, id FROM ab_role WHERE name = 'Contributor'
ON CONFLICT DO NOTHING RETURNING id
"""
_STAFF = """
INSERT INTO ab_user_role (id, user_id, role_id)
SELECT nextval('ab_user_role_id_seq'), ab_user.id, ab_role.id FROM ab_user, ab_role
WHERE ab_user.id BETWEEN :first AND :last AND ab_role.name = 'Contributor'
ON CONFLICT DO NOTHING RETURNING id
"""
# Each begins a whole minute after the last and leaves a minute free where there is one.
_RESERVATIONS = """
WITH made AS (
    INSERT INTO booking (uid, kind, title, starts_at, ends_at, created_at, user_id, room_id)
    SELECT gen_random_uuid()::text, 'reservation', 'A booking of some length ' || n,
           CAST(:first AS timestamptz) + make_interval(mins => n * :minutes / :count),
           CAST(:first AS timestamptz) + make_interval(mins => n * :minutes / :count + 4),
           now(), :user, :room
    FROM generate_series(0, :count - 1) AS n
    RETURNING id, starts_at, ends_at, user_id, room_id
)
INSERT INTO busy_period (calendar_id, starts_at, ends_at, booking_id)
SELECT calendar.id, made.starts_at, made.ends_at, made.id FROM made
JOIN calendar ON calendar.room_id = made.room_id OR calendar.user_id = made.user_id
RETURNING id
"""
_EVENT = """
INSERT INTO event (slug, title, time_zone, starts_on, ends_on, venue, admission, public)
VALUES (:slug, 'A conference', 'Europe/Berlin', now(), now() + interval '200 days', 'The hall',
        'open', false) RETURNING id
"""
_SESSIONS = """
WITH made AS (
    INSERT INTO event_session (event_id, room_id, guid, title, abstract, description, track,
                               language, day, starts_at, ends_at, capacity)
    SELECT :event, :first_room + n - 1, gen_random_uuid()::text, 'Session ' || :first + n, :text,
           '', 'Track ' || n % 5, 'en', CAST(:starts_at AS timestamptz),
           :starts_at, CAST(:starts_at AS timestamptz) + interval '1 hour', :capacity
    FROM generate_series(1, :count) AS n ORDER BY n
    RETURNING id, room_id, starts_at, ends_at
), busy AS (
    INSERT INTO busy_period (calendar_id, starts_at, ends_at, event_session_id)
    SELECT calendar.id, made.starts_at, made.ends_at, made.id
    FROM made JOIN calendar ON calendar.room_id = made.room_id
)
SELECT id FROM made ORDER BY id
"""
_SESSIONS_OF = """
SELECT event_session.id FROM event_session JOIN event ON event.id = event_id
WHERE slug = :slug AND day = :day ORDER BY event_session.id
"""
_COMMITS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) AS at FROM booking
WHERE event_session_id BETWEEN :first AND :last ORDER BY 1
"""
_SPEAKERS = """
INSERT INTO speaker (event_session_id, position, name)
SELECT id, position, 'Speaker ' || id || ' ' || position
FROM unnest(:ids) AS id, generate_series(0, 1) AS position RETURNING id
"""
