"""Connections are given out in the order in which they were asked for."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from app.connection_pool import FairPool
from app.extensions import db


def make_pool(kind: type[QueuePool], timeout: float = 10) -> QueuePool:
    return kind(
        lambda: sqlite3.connect(":memory:", check_same_thread=False),
        pool_size=1,
        max_overflow=0,
        timeout=timeout,
    )


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def wait_until_waiting(pool: QueuePool, count: int) -> None:
    give_up_at = time.monotonic() + 10
    queue: Any = pool._pool
    while len(queue._waiting) != count:
        assert time.monotonic() < give_up_at
        time.sleep(0.001)


def test_the_applications_pool(app: Flask) -> None:
    with app.app_context():
        assert isinstance(db.engine.pool, FairPool)


def test_who_waits_comes_before_who_asks_next(threads: ThreadPoolExecutor) -> None:
    pool = make_pool(FairPool)
    served: list[int] = []

    def use(number: int) -> None:
        connection = pool.connect()
        served.append(number)
        connection.close()

    held = pool.connect()
    waiting: list[Future[None]] = []
    for number in range(3):
        waiting.append(threads.submit(use, number))
        wait_until_waiting(pool, number + 1)
    held.close()
    use(3)  # at once: with SQLAlchemy's pool this one is mostly the first
    for each in waiting:
        each.result(10)
    assert served == [0, 1, 2, 3]


def test_what_was_asked_for_in_vain_is_not_lost(threads: ThreadPoolExecutor) -> None:
    pool = make_pool(FairPool, timeout=0.05)
    held = pool.connect()
    with pytest.raises(PoolTimeout, match="size 1 overflow 0"):
        pool.connect()
    held.close()
    again = [threads.submit(lambda: pool.connect().close()) for _ in range(4)]
    for each in again:
        each.result(10)
    assert pool.checkedin() == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("handed_over", [False, True])
def test_who_is_ended_while_waiting_passes_it_on(
    monkeypatch: pytest.MonkeyPatch, *, handed_over: bool
) -> None:
    class Ended(BaseException):
        pass

    def end(_self: Any, _timeout: float | None) -> None:
        if handed_over:
            held.close()
        raise Ended

    pool = make_pool(FairPool)
    held: PoolProxiedConnection = pool.connect()
    with monkeypatch.context() as patched:
        patched.setattr("app.connection_pool.Event.wait", end)
        with pytest.raises(Ended):
            pool.connect()
    if not handed_over:
        held.close()
    assert pool.connect().is_valid
