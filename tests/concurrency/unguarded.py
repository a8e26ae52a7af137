"""The product with its guards taken out, to see that the races are races.

Serves like `run.py`, after replacing in its own process what keeps bookings apart:

- calendars and sessions are read where they should be locked;
- a seat is taken without asking once more whether there is one;
- between judging and writing it waits a moment, as a busy machine would;
- SQLite's transactions begin when they first write, which is Python's default.

Nothing in the product leads here. The constraints of the database, the last guard, are
dropped by the test in a database of its own; SQLite's CHECKs are ignored here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import eventloop

eventloop.patch()  # before anything else is imported

from sqlalchemy import select, update  # noqa: E402

from app import create_app, database  # noqa: E402
from app.extensions import db  # noqa: E402
from app.models import EventSession  # noqa: E402
from app.services import changes, ledger  # noqa: E402

MOMENT_SECONDS = 0.02


def main() -> None:
    """Serve without guards."""
    _take_guards_out()
    app = create_app()
    eventloop.serve(app, app.config["HOST"], app.config["PORT"])


def _take_guards_out() -> None:
    ledger.lock = _only_read  # type: ignore[assignment]
    ledger.find_conflicts = _judged_slowly(ledger.find_conflicts)
    ledger.take_seat = _take_unseen  # type: ignore[assignment]
    database._on_connect = _connect_as_by_default
    database._on_begin = lambda _connection: None


def _only_read(
    calendar_ids: Iterable[int], _event_session_ids: Iterable[int] = ()
) -> dict[int, changes.CalendarVersion]:
    rows = db.session.execute(
        select(*ledger._CALENDAR_VERSION).where(ledger.Calendar.id.in_(list(calendar_ids)))
    )
    return {row.id: changes.CalendarVersion(*row) for row in rows}


def _judged_slowly(judge: Any) -> Any:
    def find_conflicts(*args: Any, **kwargs: Any) -> Any:
        found = judge(*args, **kwargs)
        time.sleep(MOMENT_SECONDS)
        return found

    return find_conflicts


def _take_unseen(event_session_id: int) -> Any:
    return db.session.execute(
        update(EventSession)
        .where(EventSession.id == event_session_id)
        .values(seats_taken=EventSession.seats_taken + 1, version=EventSession.version + 1)
        .returning(EventSession.seats_taken, EventSession.starts_at, EventSession.ends_at)
        .execution_options(synchronize_session=False)
    ).one()


def _connect_as_by_default(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA ignore_check_constraints=ON")
    connection.execute("PRAGMA busy_timeout=5000")  # nobody yields while writing


if __name__ == "__main__":
    main()
