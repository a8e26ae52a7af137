"""Lists of the back-office with 100 and with 10,000 bookings: queries and time.

    .venv/bin/python -m benchmarks.backoffice

On SQLite and on PostgreSQL, in one process and without HTTP: what is measured is the page,
from the request to its bytes. Each figure is the median of some requests; the bookings are
seats, appointments and reservations in equal parts, with people, sessions and mails to match.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import uuid4

import flask_migrate
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

import config
from app import create_app
from app.extensions import db
from app.models import Attendee, Booking, BusyPeriod, Calendar, EventSession, OutboxMessage, User
from app.services import sign_ins
from tests import factories, servers
from tests.queries import count_queries

NUMBERS = (100, 10_000)
REQUESTS = 15
A_SESSION = 50  # seats
PAGES = {
    "Home": "",
    "Bookings": "bookings/list/",
    "Bookings, searched": "bookings/list/?q=person%207",
    "Bookings, narrowed and ordered": "bookings/list/?kind=seat&when=upcoming&order=title",
    "Bookings, last page": "bookings/list/?page={last}",
    "Sessions": "sessions/list/",
    "One session": "sessions/show/{session}",
    "Attendees": "attendees/list/",
    "Users": "users/list/",
    "Outbox": "outbox/list/",
    "Report: rooms": "reports/rooms?from={first}&to={until}&by=month",
    "Report: lead time": "reports/lead-time?from={first}&to={until}&by=month",
}
START = datetime(2031, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure on both databases, and print the table."""
    print("| page | database | queries at 100 | at 10,000 | ms at 100 | at 10,000 | factor |")
    print("|---|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as directory:
        measure("SQLite", f"sqlite:///{Path(directory) / 'bench.db'}", Path(directory))
        with (
            servers.postgresql_server(servers.WITH_DURABILITY) as server,
            servers.fresh_database(server) as url,
        ):
            measure("PostgreSQL", url, Path(directory))


def measure(name: str, url: str, instance: Path) -> None:
    """One row for each page."""
    with prepared(url, instance) as (app, client):
        found: dict[str, list[tuple[int, float]]] = {page: [] for page in PAGES}
        have = 0
        for number in NUMBERS:
            with app.app_context():
                session = fill(have, number)
            have = number
            values = {
                "last": -(-number // 25),
                "session": session,
                "first": START.date(),
                "until": (START + timedelta(days=365)).date(),
            }
            for page, path in PAGES.items():
                found[page].append(ask(app, client, "/backoffice/" + path.format(**values)))
    for page, ((few, quick), (many, slow)) in found.items():
        factor = slow / quick
        print(
            f"| {page} | {name} | {few} | {many} | {quick:.1f} | {slow:.1f} | {factor:.1f} |",
            flush=True,
        )


def ask(app: Flask, client: FlaskClient, path: str) -> tuple[int, float]:
    """The queries of a page, and the median of its milliseconds."""
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    with app.app_context(), count_queries() as statements:
        client.get(path)
    times = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        client.get(path)
        times.append((time.perf_counter() - begun) * 1000)
    return len(statements), median(times)


@contextmanager
def prepared(url: str, instance: Path) -> Iterator[tuple[Flask, FlaskClient]]:
    """An application on an empty database, and an admin's browser."""
    settings = {
        "DATABASE_URL": url,
        "SECRET_KEY": "a-secret-for-benchmarks-and-nothing-else-0123",
        "INSTANCE_PATH": str(instance),
        "PUBLIC_URL": "http://localhost",
        "DEFAULT_TIME_ZONE": "Europe/Berlin",
        "RATELIMIT_ENABLED": "0",
    }
    app = create_app(config.load(settings))
    with app.app_context():
        flask_migrate.upgrade()
    app.test_cli_runner().invoke(args=["booking", "init"])
    client = app.test_client()
    with app.app_context():
        admin = factories.make_admin(email="root@example.org")
        sign_in_id = sign_ins.start_sign_in(admin.user_id).id
        factories.make_event(slug="bench", starts_on="2031-01-01", ends_on="2031-12-31")
        factories.make_room(name="Hall")
        expert, _ = factories.make_expert(name="Ann", email="ann@example.org")
        factories.make_event_type(expert)
    with client.session_transaction() as session:
        session["sign_in"] = sign_in_id
    yield app, client
    with app.app_context():
        db.engine.dispose()


def fill(have: int, number: int) -> int:
    """Bookings up to that number, with all that belongs to them; returns a session's id.

    Written into the tables as the services would, an hour for each, so that no two overlap.
    """
    event_id, room_id, expert_id, type_id = (
        db.session.scalar(select(column))
        for column in (
            select(EventSession.event_id).limit(1).scalar_subquery()
            if have
            else select(factories.Event.id).limit(1).scalar_subquery(),
            select(factories.Room.id).order_by(factories.Room.id).limit(1).scalar_subquery(),
            select(factories.Expert.id).limit(1).scalar_subquery(),
            select(factories.EventType.id).limit(1).scalar_subquery(),
        )
    )
    room_calendar = db.session.scalar(select(Calendar.id).where(Calendar.room_id == room_id))
    now = datetime.now(UTC)
    people = [
        {
            "first_name": "Person",
            "last_name": str(each),
            "username": f"person{each}@example.org",
            "email": f"person{each}@example.org",
            "active": True,
            "must_change_password": False,
        }
        for each in range(have, number)
    ]
    seats, others, mails, attendees = [], [], [], []
    with db.engine.begin() as connection:
        connection.execute(insert(User.__table__), people)
        ids = {
            row.email: row.id for row in connection.execute(select(User.__table__.c["id", "email"]))
        }
        connection.execute(
            insert(Calendar.__table__),
            [{"user_id": ids[each["email"]], "version": 0} for each in people],
        )
        session_id = 0
        for each in range(have, number):
            user_id = ids[f"person{each}@example.org"]
            starts_at = START + timedelta(hours=each % 8000)
            if each % A_SESSION == 0:
                session_id = connection.execute(
                    insert(EventSession.__table__).returning(EventSession.__table__.c.id),
                    {
                        "event_id": event_id,
                        "room_id": room_id,
                        "guid": str(uuid4()),
                        "title": f"Session {each}",
                        "abstract": "",
                        "description": "",
                        "track": "",
                        "language": "",
                        "day": starts_at.date(),
                        "starts_at": starts_at,
                        "ends_at": starts_at + timedelta(hours=1),
                        "capacity": 100,
                        "seats_taken": 17,
                    },
                ).scalar_one()
            booking = {
                "uid": str(uuid4()),
                "status": "confirmed",
                "title": f"Booking {each}",
                "starts_at": starts_at,
                "ends_at": starts_at + timedelta(hours=1),
                "user_id": user_id,
                "created_at": now,
            }
            kind = ("seat", "appointment", "reservation")[each % 3]
            if kind == "seat":
                seats.append(booking | {"kind": kind, "event_session_id": session_id})
            else:
                others.append(
                    booking
                    | {
                        "kind": kind,
                        "room_id": room_id if kind == "reservation" else None,
                        "expert_id": expert_id if kind == "appointment" else None,
                        "event_type_id": type_id if kind == "appointment" else None,
                        "attendee_name": "Gwen" if kind == "appointment" else None,
                        "attendee_email": "gwen@example.org" if kind == "appointment" else None,
                    }
                )
            mails.append(
                {
                    "template": "seat_confirmed",
                    "recipient": f"person{each}@example.org",
                    "context": {},
                    "message_id": f"<{uuid4()}@example.org>",
                    "state": "sent",
                    "next_attempt_at": now,
                    "created_at": now,
                }
            )
            attendees.append(
                {
                    "event_id": event_id,
                    "email": f"person{each}@example.org",
                    "name": f"Person {each}",
                    "badge": uuid4().hex,
                    "created_at": now,
                }
            )
        connection.execute(insert(Booking.__table__), seats)
        connection.execute(insert(Booking.__table__), others)
        connection.execute(insert(OutboxMessage.__table__), mails)
        connection.execute(insert(Attendee.__table__), attendees)
        if have == 0:  # one is enough for the room's calendar to be of use to a report
            connection.execute(
                insert(BusyPeriod.__table__),
                {
                    "calendar_id": room_calendar,
                    "starts_at": START,
                    "ends_at": START + timedelta(hours=1),
                    "event_session_id": session_id,
                },
            )
    return session_id


if __name__ == "__main__":
    main()
