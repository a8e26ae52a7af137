"""The migrations go up from nothing, down to nothing and up again, and match the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import inspect, text

from app import create_app
from app.extensions import db
from tests.conftest import settings_for


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database without tables, its context open."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        new_database: Callable[[], str] = request.getfixturevalue("new_postgresql_database")
        url = new_database()
    made = create_app(settings_for(url, tmp_path))
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def guards() -> set[str]:
    """The names of what forbids overlaps in this database."""
    postgresql = db.engine.dialect.name == "postgresql"
    with db.engine.begin() as connection:
        return set(
            connection.scalars(
                text(
                    "SELECT conname FROM pg_constraint WHERE contype = 'x'"
                    if postgresql
                    else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                )
            )
        )


def expected_guards() -> set[str]:
    if db.engine.dialect.name == "postgresql":
        return {"busy_period_no_overlap"}
    return {"busy_period_no_overlap_insert", "busy_period_no_overlap_update"}


def test_up_from_nothing_down_to_nothing_and_up_again(empty_app: Flask) -> None:
    assert tables() == set()
    for _ in range(2):
        flask_migrate.upgrade()
        assert tables() == set(db.metadata.tables)
        assert guards() == expected_guards()
        flask_migrate.downgrade(revision="base")
        assert (tables(), guards()) == (set(), set())


def test_the_schema_is_what_the_models_say(empty_app: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.check()  # exits with what it would change


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(empty_app: Flask) -> None:
    flask_migrate.upgrade()
    before = tables(), guards()
    flask_migrate.upgrade()
    assert (tables(), guards()) == before


def test_bookings_survive_the_table_being_rebuilt(empty_app: Flask) -> None:
    """On SQLite a changed CHECK is a new table; neither rows nor their periods may be lost."""
    flask_migrate.upgrade(revision="0002")
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO room (id, name) VALUES (1, 'Hall')"))
        connection.execute(
            text(
                "INSERT INTO ab_user (id, first_name, last_name, username, email)"
                " VALUES (1, 'Cora', '', 'cora', 'cora@example.org')"
            )
        )
        connection.execute(text("INSERT INTO calendar (id, room_id) VALUES (1, 1)"))
        connection.execute(
            text(
                "INSERT INTO booking (id, uid, kind, title, starts_at, ends_at, created_at, user_id,"
                " room_id) VALUES (1, 'u', 'reservation', 'Kept', '2031-03-04 09:00',"
                " '2031-03-04 10:00', '2031-03-03 09:00', 1, 1)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO busy_period (calendar_id, starts_at, ends_at, booking_id)"
                " VALUES (1, '2031-03-04 09:00', '2031-03-04 10:00', 1)"
            )
        )
    checks = _checks("booking")
    for _ in range(2):
        flask_migrate.upgrade(revision="0003")
        assert _kept() == [("Kept", 1)]
        assert _checks("booking") == checks | {"booking_blackout_complete"}
        flask_migrate.downgrade(revision="0002")
        assert _kept() == [("Kept", 1)]
        assert _checks("booking") == checks


def _kept() -> list[tuple[str, int]]:
    with db.engine.begin() as connection:
        found = connection.execute(
            text(
                "SELECT title, count(busy_period.id) FROM booking"
                " JOIN busy_period ON busy_period.booking_id = booking.id GROUP BY title"
            )
        )
        return [tuple(row) for row in found]


def _checks(table: str) -> set[str]:
    return {str(check["name"]) for check in inspect(db.engine).get_check_constraints(table)}


def test_there_is_one_head() -> None:
    migrations = Path("app/migrations/versions")
    from alembic.script import ScriptDirectory

    heads = ScriptDirectory(str(migrations.parent.absolute())).get_heads()
    assert len(heads) == 1
