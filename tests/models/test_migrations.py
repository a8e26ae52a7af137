"""The migrations go up from nothing, down to nothing and up again, and match the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import CheckConstraint, inspect, text

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
    """The names of what refuses overlaps, and changes of the audit log, in this database."""
    postgresql = db.engine.dialect.name == "postgresql"
    with db.engine.begin() as connection:
        return set(
            connection.scalars(
                text(
                    "SELECT conname FROM pg_constraint WHERE contype = 'x'"
                    " UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
                    if postgresql
                    else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                )
            )
        )


def expected_guards() -> set[str]:
    if db.engine.dialect.name == "postgresql":
        return {
            "busy_period_no_overlap",
            "audit_entry_append_only_row",
            "audit_entry_append_only_table",
        }
    return {
        f"{name}_{when}"
        for name, *actions in (
            ("busy_period_no_overlap", "insert", "update"),
            ("audit_entry_append_only", "update", "delete"),
        )
        for when in actions
    }


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


def test_rows_outlive_a_table_that_is_rebuilt(empty_app: Flask) -> None:
    """SQLite makes users anew for a column; what hangs on them must not go with the old table."""
    flask_migrate.upgrade(revision="0002")
    with db.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ab_user (id, first_name, last_name, username, email, active)"
                " VALUES (1, 'Ann', '', 'ann', 'ann@example.org', true)"
            )
        )
        connection.execute(text("INSERT INTO calendar (user_id, version) VALUES (1, 7)"))
    for revision in ("0003", "0002", "0003"):
        (flask_migrate.upgrade if revision == "0003" else flask_migrate.downgrade)(
            revision=revision
        )
        with db.engine.begin() as connection:
            kept = connection.execute(
                text("SELECT email, version FROM calendar JOIN ab_user ON ab_user.id = user_id")
            ).all()
            assert [tuple(row) for row in kept] == [("ann@example.org", 7)]
            if connection.dialect.name == "sqlite":
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
                assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


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
    flask_migrate.upgrade(revision="0005")
    checks = _checks("booking")
    for _ in range(2):
        flask_migrate.upgrade(revision="0006")
        assert _kept() == [("Kept", 1)]
        assert _checks("booking") == checks | {"booking_blackout_complete"}
        flask_migrate.downgrade(revision="0005")
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


def test_no_check_is_lost_on_the_way(empty_app: Flask) -> None:
    """`flask db check` compares no CHECKs, and a rebuild from what is reflected drops them."""
    flask_migrate.upgrade()
    for table in db.metadata.sorted_tables:
        named = {
            str(check.name) for check in table.constraints if isinstance(check, CheckConstraint)
        }
        assert _checks(table.name) == named, table.name
