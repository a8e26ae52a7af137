"""Transactions: the only module that commits and rolls back.

`@transactional` makes a function a command: it runs in one transaction, joins one
that is open already, and is run again from its start when the database asks for it
(PostgreSQL 13.5, "Serialization Failure Handling": retry the whole transaction).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from random import random
from typing import Any, ParamSpec, TypeVar

from flask_babel import gettext
from sqlalchemy import CursorResult, Executable, Row
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.extensions import db
from app.services.errors import (
    Busy,
    DomainError,
    EmailTaken,
    InvalidInput,
    Overlap,
    SlotTaken,
    Stale,
)

P = ParamSpec("P")
R = TypeVar("R")

MAX_ATTEMPTS = 4  # the first and three retries
_RETRIED_SQLSTATES = {"40001", "40P01"}  # serialization failure, deadlock
_BUSY_SQLSTATES = {"55P03", "57014", "53300"}  # lock or statement time-out, no connection
_OPEN = "rendezvous.transaction"

log = logging.getLogger(__name__)

# What a violated constraint stands for. PostgreSQL names the constraint, SQLite the
# columns or the trigger's text.
_CONSTRAINTS: dict[tuple[str, ...], Callable[[], DomainError]] = {
    ("busy_period_no_overlap",): Overlap,
    ("ab_user_email_key", "ab_user.email", "ab_user_username_key", "ab_user.username"): EmailTaken,
    ("expert_slug_key", "expert.slug"): lambda: InvalidInput(
        {"slug": [gettext("This address is taken. Please choose another.")]}
    ),
    ("uq_event_type_expert_slug", "event_type.expert_id, event_type.slug"): lambda: InvalidInput(
        {"slug": [gettext("You have an event type with this address.")]}
    ),
    ("event_slug_key", "event.slug"): lambda: InvalidInput(
        {"slug": [gettext("There is an event with this address.")]}
    ),
    ("room_name_key", "room.name"): lambda: InvalidInput(
        {"name": [gettext("There is a room with this name.")]}
    ),
    ("uq_booking_live_seat", "booking.event_session_id, booking.user_id"): Stale,
    (
        "uq_booking_live_place",
        "booking.event_type_id, booking.starts_at, booking.place",
    ): SlotTaken,
}


class _Transaction:
    def __init__(self) -> None:
        self.after_commit: list[Callable[[], None]] = []
        self.once: set[object] = set()


def transactional(command: Callable[P, R]) -> Callable[P, R]:
    """Run `command` in one transaction, or in the one that is open.

    On a deadlock, a serialization failure or a lost connection the whole command is
    run again, at most three times, then `Busy`. A violated constraint becomes the
    domain error that it stands for. Whatever is raised, nothing is kept.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if _open_transaction() is not None:
            return command(*args, **kwargs)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                with _transaction():
                    return command(*args, **kwargs)
            except IntegrityError as error:
                raise _domain_error(error) from error
            except PoolTimeout as error:  # no connection in the pool in time
                raise Busy from error
            except DBAPIError as error:
                if not (_is_busy(error) or _is_transient(error)):
                    raise
                if _is_busy(error) or attempt == MAX_ATTEMPTS:
                    raise Busy from error
                log.info("transaction retried: %s", _sqlstate(error) or type(error).__name__)
                time.sleep(random() * 0.02 * attempt)  # noqa: S311 (jitter, not a secret)
        raise AssertionError("unreachable")

    return run


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` once the open transaction is durable; never if it is rolled back."""
    transaction = _open_transaction()
    if transaction is None:
        raise RuntimeError("after_commit() outside a transaction")
    transaction.after_commit.append(callback)


def execute(
    statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
) -> CursorResult[Any]:
    """Execute a statement as Core does: half the price of `db.session.execute`.

    For what runs in every request or under a hot row's lock. Rows are columns, never
    objects, and objects that wait to be flushed are not.
    """
    return db.session.connection().execute(statement, parameters)


@contextmanager
def savepoint() -> Iterator[None]:
    """A part of the open transaction that is undone alone when something is raised in it.

    What the part wanted told after the commit is not told then. Locks that it took stay.
    """
    transaction = _open_transaction()
    if transaction is None:
        raise RuntimeError("savepoint() outside a transaction")
    told, once = len(transaction.after_commit), set(transaction.once)
    try:
        with db.session.begin_nested():
            yield
    except BaseException:
        del transaction.after_commit[told:]
        transaction.once = once
        raise


def is_open() -> bool:
    """Whether a command's transaction is open."""
    return _open_transaction() is not None


def execute_apart(statement: Executable) -> bool:
    """Execute a statement that stands at once, whatever becomes of the open transaction.

    For what tells others of work under way. False where it cannot be done now: no
    connection is free, or SQLite's one write lock is held, perhaps by the caller.
    """
    session: Session = db.session()
    if session.get_bind().dialect.name == "sqlite" and is_open():
        return False
    try:
        with db.engine.begin() as connection:
            connection.execute(statement)
    except (DBAPIError, PoolTimeout):
        return False
    return True


def read_alone(statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """The rows of one query that is all a request reads, at a third of the price of a session.

    PostgreSQL is told of no transaction's begin and end, two errands more than the query:
    each of its statements has its own view of the data all the same. Not for commands, whose
    own writes it does not see.
    """
    with db.engine.connect() as connection:
        if connection.dialect.name != "postgresql":
            return connection.execute(statement, parameters).all()
        # The driver's own switch: SQLAlchemy's would be an errand too when it is put back.
        driver: Any = connection.connection.dbapi_connection
        driver.autocommit = True
        try:
            return connection.execute(statement, parameters).all()
        finally:
            if not driver.closed:
                driver.autocommit = False


def end_reading() -> None:
    """Give the connection back to the pool, before what takes long and reads nothing more.

    A page that is made while it holds one keeps it from everybody who only waits to read.
    Objects that were read are detached. Raises `RuntimeError` within a command.
    """
    if _open_transaction() is not None:
        raise RuntimeError("end_reading() inside a transaction")
    db.session.close()


def forget_changes() -> None:
    """Forget what was changed of objects and never to be written, and end the reading.

    Raises `RuntimeError` within a command.
    """
    if _open_transaction() is not None:
        raise RuntimeError("forget_changes() inside a transaction")
    session: Session = db.session()
    session.rollback()


def end_session() -> None:
    """Give back what a request still holds, once its answer is made.

    A connection that was lost since is thrown away: nothing was to be written any more,
    and the answer, perhaps of a booking that stands, must not become an error.
    """
    if not db.session.registry.has():
        return
    session: Session = db.session()
    try:
        session.close()
    except DBAPIError as error:
        log.warning("connection lost after an answer: %s", type(error.orig).__name__)
        session.invalidate()


def is_first(what: object) -> bool:
    """Whether the open transaction is asked for the first time about `what`."""
    transaction = _open_transaction()
    if transaction is None:
        raise RuntimeError("is_first() outside a transaction")
    if what in transaction.once:
        return False
    transaction.once.add(what)
    return True


@contextmanager
def _transaction() -> Iterator[None]:
    session: Session = db.session()
    if session.get_bind().dialect.name == "sqlite":
        # A read transaction cannot become a write one under load (SQLITE_BUSY), so it
        # is ended, and the write lock is taken at the beginning: app/database.py.
        session.rollback()
        session.connection(execution_options={"write": True})
    transaction = session.info[_OPEN] = _Transaction()
    try:
        yield
        _commit(session)
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info[_OPEN]
    for callback in transaction.after_commit:
        try:
            callback()
        except Exception:  # the data is durable: one listener must not silence the next
            log.exception("after-commit callback failed")


def _commit(session: Session) -> None:
    try:
        session.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            # Nobody knows whether it was saved, so it must not simply be run again.
            raise Busy(
                gettext("The connection was lost while saving. Please look whether it was saved.")
            ) from error
        raise


def _open_transaction() -> _Transaction | None:
    found: _Transaction | None = db.session().info.get(_OPEN)
    return found


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "pgcode", None) or ""


def _is_busy(error: DBAPIError) -> bool:
    # SQLite's lock was waited for when the transaction began: app/database.py.
    return _sqlstate(error) in _BUSY_SQLSTATES or "database is locked" in str(error.orig)


def _is_transient(error: DBAPIError) -> bool:
    return error.connection_invalidated or _sqlstate(error) in _RETRIED_SQLSTATES


def _domain_error(error: IntegrityError) -> Exception:
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    text = str(error.orig)
    for names, domain_error in _CONSTRAINTS.items():
        if name in names or any(text.endswith(each) for each in names):
            return domain_error()
    return error
