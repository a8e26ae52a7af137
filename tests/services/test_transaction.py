"""Commands: one transaction, all or nothing, tried again when the database asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2.errors
import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app import database
from app.extensions import db
from app.models import (
    Booking,
    BusyPeriod,
    Event,
    EventType,
    Expert,
    OutboxMessage,
    Room,
    User,
)
from app.services import changes, mail, transaction
from app.services.errors import Busy, DomainError, EmailTaken, InvalidInput, Overlap, Stale
from app.services.transaction import after_commit, transactional
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")


class Failure(Exception):
    """What a command may die of."""


@pytest.fixture
def on_postgresql(context: Flask) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("row locks are PostgreSQL's; SQLite has one writer")


def rename(room_id: int, name: str) -> None:
    db.session.execute(update(Room).where(Room.id == room_id).values(name=name))


def name_of(room_id: int) -> str:
    db.session.rollback()
    return db.session.scalars(select(Room.name).where(Room.id == room_id)).one()


@transactional
def in_a_command(act: Callable[[], Any]) -> Any:
    return act()


# -- all or nothing ------------------------------------------------------------------


def test_a_command_is_kept_and_answers() -> None:
    room_id = factories.make_room().id

    @transactional
    def command(name: str, *, suffix: str) -> str:
        rename(room_id, name + suffix)
        return "done"

    assert command("Large", suffix=" hall") == "done"
    assert name_of(room_id) == "Large hall"


@pytest.mark.parametrize("error", [Failure, DomainError, KeyboardInterrupt])
def test_whatever_is_raised_nothing_is_kept(error: type[BaseException]) -> None:
    room_id = factories.make_room(name="Before").id

    def act() -> None:
        rename(room_id, "After")
        raise error

    with pytest.raises(error):
        in_a_command(act)
    assert name_of(room_id) == "Before"


def test_a_nested_command_joins_and_falls_with_the_outer_one() -> None:
    one, other = factories.make_room(name="One").id, factories.make_room(name="Other").id

    def outer() -> None:
        in_a_command(lambda: rename(one, "Changed"))
        rename(other, "Changed too")
        raise Failure

    with pytest.raises(Failure):
        in_a_command(outer)
    assert (name_of(one), name_of(other)) == ("One", "Other")


def test_a_nested_command_is_visible_to_others_only_with_the_outer_one(context: Flask) -> None:
    room_id = factories.make_room(name="Before").id
    seen: list[str] = []

    def read_elsewhere() -> None:
        with context.app_context():
            seen.append(name_of(room_id))

    def outer() -> None:
        in_a_command(lambda: rename(room_id, "After"))
        run_in_thread(read_elsewhere)

    in_a_command(outer)
    run_in_thread(read_elsewhere)
    assert seen == ["Before", "After"]


def test_a_command_does_not_keep_what_was_written_before_it() -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite begins a transaction anew")
    room_id = factories.make_room(name="Before").id
    rename(room_id, "Outside of any command")
    in_a_command(lambda: None)
    assert name_of(room_id) == "Before"


# -- after the commit ------------------------------------------------------------------


def test_callbacks_are_called_in_order_once_the_data_is_durable(context: Flask) -> None:
    room_id = factories.make_room(name="Before").id
    called: list[str] = []

    def act() -> None:
        rename(room_id, "After")
        after_commit(lambda: called.append(f"first sees {name_of(room_id)}"))
        in_a_command(lambda: after_commit(lambda: called.append("second, of a nested one")))
        assert called == []

    in_a_command(act)
    assert called == ["first sees After", "second, of a nested one"]


def test_callbacks_of_what_is_rolled_back_are_never_called() -> None:
    called: list[str] = []

    def act() -> None:
        after_commit(lambda: called.append("of the one that failed"))
        raise Failure

    with pytest.raises(Failure):
        in_a_command(act)
    in_a_command(lambda: after_commit(lambda: called.append("of the next")))
    assert called == ["of the next"]


def test_one_failing_callback_does_not_silence_the_next(caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []

    def fail() -> None:
        raise Failure

    def act() -> str:
        after_commit(fail)
        after_commit(lambda: called.append("next"))
        return "kept"

    assert in_a_command(act) == "kept"
    assert called == ["next"]
    assert [record.message for record in caplog.records] == ["after-commit callback failed"]


def test_outside_a_transaction_there_is_no_after() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        after_commit(lambda: None)


def test_a_rollback_leaves_no_mail_and_tells_nobody(published: list[changes.Change]) -> None:
    change = changes.AgendaChanged(1, "an-event")

    def act() -> None:
        mail.enqueue("seat_confirmed", "gwen@example.org", {})
        changes.publish(change)

    def act_and_fail() -> None:
        act()
        raise Failure

    with pytest.raises(Failure):
        in_a_command(act_and_fail)
    assert (rows.count(OutboxMessage), published) == (0, [])
    in_a_command(act)
    assert (rows.count(OutboxMessage), published) == (1, [change])


# -- again ---------------------------------------------------------------------------


def failure_of(sqlstate: type[psycopg2.Error]) -> OperationalError:
    """A driver's error, as SQLAlchemy wraps it."""
    return OperationalError("SELECT 1", {}, _Coded(sqlstate))


class _Coded(Exception):
    def __init__(self, error: type[psycopg2.Error]) -> None:
        super().__init__(error.__name__)
        self.pgcode = _SQLSTATES[error]


_SQLSTATES = {
    psycopg2.errors.SerializationFailure: "40001",
    psycopg2.errors.DeadlockDetected: "40P01",
    psycopg2.errors.LockNotAvailable: "55P03",
    psycopg2.errors.QueryCanceled: "57014",
    psycopg2.errors.TooManyConnections: "53300",
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before the next attempt."""
    monkeypatch.setattr(transaction.time, "sleep", lambda _seconds: None)


@pytest.mark.parametrize(
    "sqlstate", [psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected]
)
def test_the_whole_command_is_run_again(sqlstate: type[psycopg2.Error], quick: None) -> None:
    room_id = factories.make_room().id
    calls: list[int] = []
    called: list[int] = []

    def act() -> str:
        calls.append(1)
        db.session.execute(update(Room).where(Room.id == room_id).values(name=Room.name + "!"))
        after_commit(lambda: called.append(len(calls)))
        if len(calls) < 3:
            raise failure_of(sqlstate)
        return "done"

    before = name_of(room_id)
    assert in_a_command(act) == "done"
    assert name_of(room_id) == before + "!"
    assert (len(calls), called) == (3, [3])


def test_at_most_three_times_again_then_busy(quick: None) -> None:
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        raise failure_of(psycopg2.errors.DeadlockDetected)

    with pytest.raises(Busy) as refused:
        in_a_command(act)
    assert (len(calls), refused.value.retry_after) == (4, 1)


@pytest.mark.parametrize(
    "sqlstate",
    [
        psycopg2.errors.LockNotAvailable,
        psycopg2.errors.QueryCanceled,
        psycopg2.errors.TooManyConnections,
    ],
)
def test_what_was_waited_for_long_enough_is_busy_at_once(sqlstate: type[psycopg2.Error]) -> None:
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        raise failure_of(sqlstate)

    with pytest.raises(Busy):
        in_a_command(act)
    assert calls == [1]


def test_no_connection_in_time_is_busy() -> None:
    def act() -> None:
        raise PoolTimeoutError("QueuePool limit reached")

    with pytest.raises(Busy):
        in_a_command(act)


def test_a_wrong_statement_is_a_bug_and_passes() -> None:
    with pytest.raises((ProgrammingError, OperationalError), match="no_such_table"):
        in_a_command(lambda: db.session.execute(text("SELECT * FROM no_such_table")))


def test_a_nested_command_leaves_the_retry_to_the_outer_one(quick: None) -> None:
    calls: list[str] = []

    def inner() -> None:
        calls.append("inner")
        if len(calls) < 4:
            raise failure_of(psycopg2.errors.DeadlockDetected)

    def outer() -> None:
        calls.append("outer")
        in_a_command(inner)

    in_a_command(outer)
    assert calls == ["outer", "inner", "outer", "inner"]


def test_a_real_deadlock_is_survived_by_both(context: Flask, on_postgresql: None) -> None:
    one, other = factories.make_room(name="a").id, factories.make_room(name="b").id
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    def lock_crosswise(first: int, second: int, mark: str) -> None:
        with context.app_context():

            @transactional
            def command() -> None:
                attempts.append(mark)
                for step, room_id in enumerate((first, second)):
                    db.session.execute(
                        update(Room).where(Room.id == room_id).values(name=Room.name + mark)
                    )
                    if step == 0 and attempts.count(mark) == 1:
                        both_hold_one.wait(10)

            command()

    with ThreadPoolExecutor() as threads:
        running = [
            threads.submit(lock_crosswise, one, other, "x"),
            threads.submit(lock_crosswise, other, one, "y"),
        ]
        for each in running:
            each.result(30)
    assert sorted(name_of(one)) == ["a", "x", "y"]
    assert sorted(name_of(other)) == ["b", "x", "y"]
    assert len(attempts) == 3


def test_a_row_locked_for_too_long_is_busy(context: Flask, on_postgresql: None) -> None:
    room_id = factories.make_room(name="Before").id
    with db.engine.begin() as elsewhere:
        elsewhere.execute(update(Room).where(Room.id == room_id).values(name="Locked"))

        def act() -> None:
            db.session.execute(text("SET LOCAL lock_timeout = '50ms'"))
            rename(room_id, "After")

        with pytest.raises(Busy):
            in_a_command(act)
    assert name_of(room_id) == "Locked"


def test_sqlite_locked_elsewhere_is_busy(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL locks rows")
    monkeypatch.setattr(database, "SQLITE_LOCK_WAIT_SECONDS", 0.05)
    room_id = factories.make_room(name="Before").id
    writing = db.engine.connect().execution_options(write=True)
    with writing as elsewhere, elsewhere.begin(), pytest.raises(Busy):
        in_a_command(lambda: rename(room_id, "After"))
    assert name_of(room_id) == "Before"
    in_a_command(lambda: rename(room_id, "After"))
    assert name_of(room_id) == "After"


def test_writers_on_sqlite_wait_for_each_other(context: Flask) -> None:
    """Eight threads raise one number eight times each; none is lost and none fails."""
    room_id = factories.make_room(capacity=1).id

    def raise_it() -> None:
        with context.app_context():
            for _ in range(8):
                in_a_command(read_and_write)

    def read_and_write() -> None:
        room = db.session.get(Room, room_id, with_for_update=True, populate_existing=True)
        assert room is not None
        assert room.capacity is not None
        room.capacity += 1

    with ThreadPoolExecutor(8) as threads:
        for each in [threads.submit(raise_it) for _ in range(8)]:
            each.result(60)
    db.session.rollback()
    assert db.session.get_one(Room, room_id).capacity == 65


# -- constraints ---------------------------------------------------------------------


def overlap() -> None:
    session = factories.make_session()
    db.session.execute(
        insert(BusyPeriod),
        {
            "calendar_id": rows.room_calendar(session.room_id),
            "starts_at": session.starts_at,
            "ends_at": session.ends_at,
            "event_session_id": session.id,
        },
    )


def second_live_seat() -> None:
    session, actor = factories.make_session(), factories.make_actor()
    seat = {
        "kind": "seat",
        "title": "A seat",
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "created_at": session.starts_at,
        "event_session_id": session.id,
        "user_id": actor.user_id,
    }
    db.session.execute(insert(Booking.__table__), [seat | {"uid": "1"}, seat | {"uid": "2"}])


def same_address_of_expert() -> None:
    factories.make_expert(), factories.make_expert()
    db.session.execute(update(Expert).values(slug="same"))


def same_address_of_event_type() -> None:
    actor, _ = factories.make_expert()
    factories.make_event_type(actor), factories.make_event_type(actor)
    db.session.execute(update(EventType).values(slug="same"))


def same_address_of_event() -> None:
    factories.make_event(), factories.make_event()
    db.session.execute(update(Event).values(slug="same"))


def same_name_of_room() -> None:
    factories.make_room(), factories.make_room()
    db.session.execute(update(Room).values(name="same"))


def same_email() -> None:
    factories.make_actor(), factories.make_actor()
    db.session.execute(update(User).values(email="same@example.org"))


def same_user_name() -> None:
    factories.make_actor(), factories.make_actor()
    db.session.execute(update(User).values(username="same"))


@pytest.mark.parametrize(
    ("violate", "error", "fields"),
    [
        (overlap, Overlap, None),
        (second_live_seat, Stale, None),
        (same_email, EmailTaken, None),
        (same_user_name, EmailTaken, None),
        (same_address_of_expert, InvalidInput, ["slug"]),
        (same_address_of_event_type, InvalidInput, ["slug"]),
        (same_address_of_event, InvalidInput, ["slug"]),
        (same_name_of_room, InvalidInput, ["name"]),
    ],
)
def test_a_violated_constraint_is_the_refusal_it_stands_for(
    violate: Callable[[], None], error: type[DomainError], fields: list[str] | None
) -> None:
    with pytest.raises(error) as refused:
        in_a_command(violate)
    assert type(refused.value) is error
    assert fields is None or list(refused.value.extra["errors"]) == fields
    db.session.rollback()
    assert rows.count(User) == 0


def test_a_constraint_that_stands_for_nothing_is_a_bug_and_passes() -> None:
    factories.make_room()
    with pytest.raises(IntegrityError, match="room_capacity_positive"):
        in_a_command(lambda: db.session.execute(update(Room).values(capacity=0)))


def run_in_thread(act: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(act).result(30)


def test_a_connection_lost_while_saving_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs: list[int] = []

    def lose(_session: Any) -> None:
        raise OperationalError("COMMIT", {}, Exception("gone"), connection_invalidated=True)

    @transactional
    def command() -> None:
        runs.append(1)

    monkeypatch.setattr(type(db.session()), "commit", lose)
    with pytest.raises(Busy, match="whether it was saved"):
        command()
    assert runs == [1]


def test_what_is_read_alone_leaves_the_connection_as_it_was(context: Flask) -> None:
    who = factories.make_user(email="ann@example.org").id
    db.session.remove()
    read = text("SELECT id, email FROM ab_user WHERE id = :id")
    for _ in range(2):
        assert [tuple(row) for row in transaction.read_alone(read, {"id": who})] == [
            (who, "ann@example.org")
        ]
        with pytest.raises(DBAPIError):
            transaction.read_alone(text("SELECT nothing FROM nowhere"), {})
    # The pool gives the same connection again: what it writes is undone as ever.
    with db.engine.connect() as connection:
        connection.execute(text("UPDATE ab_user SET email = 'eve@example.org'"))
        connection.rollback()
    assert transaction.read_alone(read, {"id": who})[0].email == "ann@example.org"


def test_reading_ends_with_the_connection_given_back_but_not_in_a_command(context: Flask) -> None:
    db.session.remove()
    pool: Any = db.engine.pool
    db.session.execute(text("SELECT 1"))
    assert pool.checkedout() == 1
    transaction.end_reading()
    assert pool.checkedout() == 0

    with pytest.raises(RuntimeError, match="inside a transaction"):
        transactional(transaction.end_reading)()


def test_an_answer_stands_when_the_connection_is_lost_after_it(app: Flask) -> None:
    with app.app_context():  # its end is a request's
        driver = db.session.connection().connection.dbapi_connection
        assert driver is not None
        driver.close()
    assert db.session.scalar(select(1)) == 1
    transaction.end_session()


def test_the_log_is_told_of_no_values() -> None:
    with pytest.raises(DBAPIError) as error:
        db.session.execute(text("SELECT :it FROM nowhere"), {"it": "ann@example.org"})
    assert "SELECT" in str(error.value)
    assert "ann@example.org" not in str(error.value).split("[SQL: ")[1]
