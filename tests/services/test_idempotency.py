"""Idempotency-Key: one effect and one answer per actor, path, key and payload."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask

from app.extensions import db
from app.models import IdempotencyKey, Room
from app.services import idempotency
from app.services.errors import (
    IdempotencyInFlight,
    IdempotencyMismatch,
    InvalidInput,
    SlotTaken,
)
from app.services.idempotency import Answer, once
from tests import factories, rows
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")


class Command:
    """Makes a room each time it is run."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> Answer:
        self.runs += 1
        factories.make_room()
        return Answer(201, f'{{"run": {self.runs}}}')


def ask(
    command: Command,
    *,
    actor: str = "user:1",
    path: str = "/api/bookings",
    key: str = "a-key",
    payload: bytes = b"{}",
) -> tuple[Answer, bool]:
    return once(actor, path, key, payload, command)


def test_the_first_answer_is_given_again() -> None:
    command = Command()
    assert ask(command) == (Answer(201, '{"run": 1}'), False)
    assert ask(command) == (Answer(201, '{"run": 1}'), True)
    assert (command.runs, rows.count(Room)) == (1, 1)


@pytest.mark.parametrize("other", [{"actor": "user:2"}, {"path": "/api/other"}, {"key": "another"}])
def test_a_key_holds_per_actor_and_path(other: dict[str, str]) -> None:
    command = Command()
    ask(command)
    assert ask(command, **other) == (Answer(201, '{"run": 2}'), False)


def test_parts_do_not_run_into_each_other() -> None:
    command = Command()
    ask(command, actor="a", path="bc")
    assert ask(command, actor="ab", path="c")[1] is False


def test_another_payload_is_a_mismatch() -> None:
    command = Command()
    ask(command)
    with pytest.raises(IdempotencyMismatch):
        ask(command, payload=b'{"other": 1}')
    assert command.runs == 1


def test_a_refusal_is_not_kept_and_judged_afresh() -> None:
    def refuse() -> Answer:
        factories.make_room()
        raise SlotTaken

    with pytest.raises(SlotTaken):
        once("user:1", "/api/bookings", "a-key", b"{}", refuse)
    assert (rows.count(Room), rows.count(IdempotencyKey)) == (0, 0)
    assert ask(Command())[0] == Answer(201, '{"run": 1}')


@pytest.mark.parametrize("key", ["", "x" * 201, "a\0b", "\ud800"])
def test_a_key_has_a_form(key: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(Command(), key=key)
    assert list(refused.value.extra["errors"]) == ["Idempotency-Key"]


def test_a_key_is_kept_for_24_hours_and_then_free(at) -> None:  # type: ignore[no-untyped-def]
    command = Command()
    ask(command)
    at(NOW + idempotency.KEPT - timedelta(seconds=1))
    assert ask(command)[1] is True
    at(NOW + timedelta(hours=24))
    assert ask(command, payload=b"another") == (Answer(201, '{"run": 2}'), False)
    assert rows.count(IdempotencyKey) == 1


def test_old_keys_are_swept_out(at) -> None:  # type: ignore[no-untyped-def]
    ask(Command(), key="old")
    at(NOW + timedelta(hours=25))
    ask(Command(), key="new")
    assert db.session.query(IdempotencyKey.key).all() == [("new",)]


def test_a_second_request_meanwhile_makes_no_second_effect(context: Flask) -> None:
    """PostgreSQL tells it that the first is running; SQLite lets it wait for the answer."""
    command = Command()
    started, go_on = threading.Event(), threading.Event()

    def slow() -> Answer:
        started.set()
        assert go_on.wait(20)
        return command()

    def first() -> tuple[Answer, bool]:
        with context.app_context():
            return once("user:1", "/api/bookings", "a-key", b"{}", slow)

    def second() -> tuple[Answer, bool] | str:
        with context.app_context():
            try:
                return ask(command)
            except IdempotencyInFlight as error:
                return error.code

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first)
        assert started.wait(20)
        other = threads.submit(second)
        if db.engine.dialect.name == "postgresql":
            assert other.result(20) == "idempotency_in_flight"
            go_on.set()
        else:
            go_on.set()
            assert other.result(20) == (Answer(201, '{"run": 1}'), True)
        assert one.result(20) == (Answer(201, '{"run": 1}'), False)
    assert command.runs == 1
