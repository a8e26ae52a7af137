"""What a race takes place in, and what is looked at after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app import gates
from app.extensions import db
from app.services import experts, sign_ins
from app.services.policy import Actor
from tests import factories, product, servers
from tests.concurrency import clients
from tests.concurrency.clients import Answer, Request

CLIENTS = 50
ROUNDS = 20
ALL_DAY = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]


class World:
    """A database, the servers on it, and this process's own application to look at it."""

    def __init__(self, app: Flask, settings: dict[str, str], ports: Sequence[int]) -> None:
        self.app = app
        self.settings = settings
        self.ports = list(ports)
        self.first_start = datetime.now(UTC).replace(
            hour=0, minute=0, second=0, microsecond=0
        ) + timedelta(days=7)

    @property
    def is_sqlite(self) -> bool:
        return self.settings["DATABASE_URL"].startswith("sqlite")

    def close(self) -> None:
        with self.app.app_context():
            db.engine.dispose()

    # Scenes

    def start(self, number: int) -> datetime:
        """The n-th half hour, from midnight a week ahead."""
        return self.first_start + timedelta(minutes=30 * number)

    def make_attendees(self, count: int) -> list[tuple[Actor, str]]:
        """Users with the tokens of their sign-ins."""
        with self.app.app_context():
            return [self._signed_in(factories.make_actor()) for _ in range(count)]

    def make_staff(self, count: int) -> list[tuple[Actor, str]]:
        """Contributors with the tokens of their sign-ins."""
        with self.app.app_context():
            return [self._signed_in(factories.make_contributor()) for _ in range(count)]

    def make_room(self) -> int:
        """The id of a room that keeps UTC."""
        with self.app.app_context():
            return factories.make_room(time_zone="UTC").id

    def make_event_types(self, **each: dict[str, Any]) -> dict[str, int]:
        """Ids of an expert's event types by slug; the expert works day and night, in UTC."""
        with self.app.app_context():
            actor, _ = factories.make_expert(time_zone="UTC")
            experts.replace_availability(actor, {"time_zone": "UTC", "weekly": ALL_DAY})
            return {
                slug: factories.make_event_type(actor, slug=slug, **values).id
                for slug, values in each.items()
            }

    def make_sessions(
        self, count: int, *, capacity: int, first: int = 0, step: int = 1
    ) -> list[int]:
        """Ids of half-hour sessions of one event, each in a room of its own.

        The first begins at the half hour `first`, each other `step` half hours later.
        """
        with self.app.app_context():
            event = factories.make_event()
            return [
                factories.make_session(
                    event, starts_at=self.start(first + n * step), minutes=30, capacity=capacity
                ).id
                for n in range(count)
            ]

    def _signed_in(self, actor: Actor) -> tuple[Actor, str]:
        return actor, gates.issue_token(sign_ins.start_sign_in(actor.user_id))

    # Acts

    def race(self, requests: Sequence[Request]) -> list[Answer]:
        """Send all at once; nobody is answered by an error of ours."""
        answers = clients.race(self.ports, requests)
        broken = [answer for answer in answers if not 200 <= answer.status < 500]
        assert not broken, Counter(answer.outcome for answer in broken)
        return answers

    def ask(self, request: Request) -> Answer:
        """Send one."""
        return self.race([request])[0]

    # What is there now

    def number(self, sql: str, **parameters: Any) -> Any:
        """The one number that a query finds."""
        with self.app.app_context(), db.engine.connect() as connection:
            return connection.execute(text(sql), parameters).scalar()

    def column(self, sql: str, **parameters: Any) -> list[Any]:
        """The one column that a query finds."""
        with self.app.app_context(), db.engine.connect() as connection:
            return list(connection.execute(text(sql), parameters).scalars())

    def live_seats(self, session_id: int) -> int:
        """Confirmed seats of a session, after making sure that its counter agrees."""
        seats = self.number(
            "SELECT count(*) FROM booking WHERE event_session_id = :id AND status = 'confirmed'",
            id=session_id,
        )
        assert seats == self.number(
            "SELECT seats_taken FROM event_session WHERE id = :id", id=session_id
        )
        return seats

    def deadlocks(self) -> int:
        """How many PostgreSQL has broken in this database, until about a second ago."""
        if self.is_sqlite:  # one writer at a time
            return 0
        found: int = self.number(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return found

    def breaches(self) -> str:
        """What `flask booking audit` prints when it fails; nothing when it does not."""
        result = self.app.test_cli_runner().invoke(args=["booking", "audit"])
        return result.output if result.exit_code else ""

    def assert_sound(self) -> None:
        assert not self.breaches()


@contextmanager
def settings_of(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Settings of servers on a new database of this kind."""
    common = {"RATELIMIT_ENABLED": "0", "SAMPLE": "0"}
    if kind == "sqlite":
        file = tmp_path_factory.mktemp("race") / "race.db"
        yield common | {"DATABASE_URL": f"sqlite:///{file}"}
        return
    with servers.fresh_database(request.getfixturevalue("postgresql_url")) as url:
        redis_url = request.getfixturevalue("redis_url")
        yield common | {"DATABASE_URL": url, "REDIS_URL": redis_url}


@contextmanager
def served(
    settings: dict[str, str], command: Sequence[str] = ("run.py",)
) -> Iterator[list[product.Product]]:
    """Two processes that serve this database, on one port or on two."""
    with ExitStack() as stack:
        if settings["DATABASE_URL"].startswith("sqlite") or command != ("run.py",):
            yield [
                stack.enter_context(product.running(settings, command=command)) for _ in range(2)
            ]
        else:
            yield [stack.enter_context(product.running(settings, processes=2, command=command))]


def outcomes(answers: Sequence[Answer]) -> Counter[str]:
    """How often each outcome came: `{"201": 1, "409 slot_taken": 49}`."""
    return Counter(answer.outcome for answer in answers)


def appointment(event_type_id: int, starts_at: datetime, **more: Any) -> dict[str, Any]:
    """The body of a booking of an expert's time."""
    return {
        "event_type_id": event_type_id,
        "starts_at": starts_at.isoformat(),
        "name": "Gwen Guest",
        "email": "gwen@example.org",
        **more,
    }


def book(event_type_id: int, starts_at: datetime, token: str | None = None, **more: Any) -> Request:
    """Book an expert's time."""
    return Request("POST", "/api/bookings", appointment(event_type_id, starts_at, **more), token)


def take_seat(session_id: int, token: str, *, replace: Sequence[str] = ()) -> Request:
    """Book a seat."""
    return Request("POST", f"/api/sessions/{session_id}/seat", {"replace": list(replace)}, token)
