"""How connections to SQLite behave, so that it keeps the same guarantees as PostgreSQL.

Deferred transactions that read and then write overbook or fail with SQLITE_BUSY, so a
command's transaction begins with `BEGIN IMMEDIATE` (sqlite.org/lang_transaction.html).
SQLite's own busy wait would stop the event loop, and with it the very green thread
that holds the lock; so its timeout is 0 and waiting is a loop that sleeps.
"""

from __future__ import annotations

import sqlite3
import time
from random import uniform
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from config import SQLITE_LOCK_WAIT_SECONDS


def tune(engine: Engine) -> None:
    """Make SQLite's connections safe to share; leave PostgreSQL's as configured."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where _on_begin says
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    # Its own knows ASCII alone, and "åse" would not find "Åse" as it does in PostgreSQL.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: object) -> str | None:
    return None if value is None else str(value).lower()


def _on_begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("write"):
        connection.exec_driver_sql("BEGIN")
        return
    give_up_at = time.monotonic() + SQLITE_LOCK_WAIT_SECONDS
    pause = 0.001
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except Exception as error:  # SQLAlchemy wraps the driver's error by its own rules
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(pause * uniform(0.5, 1.5))  # noqa: S311 (jitter, not a secret)
            pause = min(pause * 1.5, 0.02)
        else:
            return
