"""One application per database for the whole run, emptied after each test.

Whatever asks for `app` runs twice, on SQLite and on PostgreSQL. The application's
context is not open in tests that ask for `client`: a request would share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient

import config
from app import create_app
from app.extensions import db
from app.services import clock, settings
from tests import rows, servers

# A Monday before both changes of the clocks, and far enough from the present day.
NOW = datetime(2031, 3, 3, 6, 0, tzinfo=UTC)
_KEPT = {"ab_role", "ab_permission", "ab_view_menu", "ab_permission_view"}
_KEPT |= {"ab_permission_view_role", "alembic_version"}
SECRET = "a-secret-for-tests-and-nothing-else-0123456789"


def settings_for(database_url: str, instance: Path, **changes: str) -> dict[str, Any]:
    """Settings of an application under test."""
    environment = {
        "DATABASE_URL": database_url,
        "SECRET_KEY": SECRET,
        "INSTANCE_PATH": str(instance),
        "PUBLIC_URL": "http://localhost",
        "DEFAULT_TIME_ZONE": "Europe/Berlin",
        "RATELIMIT_ENABLED": "0",
        **changes,
    }
    return {**config.load(environment), "TESTING": True, "PROPAGATE_EXCEPTIONS": True}


def prepared_app(database_url: str, instance: Path, **changes: str) -> Flask:
    """An application on an empty database, migrated, with roles and permissions."""
    application = create_app(settings_for(database_url, instance, **changes))
    with application.app_context():
        flask_migrate.upgrade()
    result = application.test_cli_runner().invoke(args=["booking", "init"])
    assert result.exit_code == 0, result.output
    return application


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[str]:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('database') / 'test.db'}"
        return
    server = request.getfixturevalue("postgresql_url")
    url = servers.create_database(server)
    yield url
    servers.drop_database(server, url)


@pytest.fixture(scope="session")
def application(database_url: str, tmp_path_factory: Any) -> Iterator[Flask]:
    """The prepared application; ask for `app`, which is emptied after the test."""
    made = prepared_app(database_url, tmp_path_factory.mktemp("instance"))
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def app(application: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application with roles and nothing else, at `NOW`."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    yield application
    with application.app_context():
        empty(application)


def empty(application: Flask) -> None:
    """Delete all rows but roles and permissions."""
    with db.engine.begin() as connection:
        rows.give_up_audit(connection)
        for table in reversed(db.metadata.sorted_tables):
            if table.name not in _KEPT:
                connection.execute(table.delete())
    with application.app_context():
        settings.refresh()


@pytest.fixture(scope="module")
def counting(tmp_path_factory: Any) -> Iterator[Flask]:
    """An application with limits, on SQLite: none of them is in the database."""
    directory = tmp_path_factory.mktemp("limits")
    made = prepared_app(f"sqlite:///{directory / 'test.db'}", directory, RATELIMIT_ENABLED="1")
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def limited_app(counting: Flask) -> Iterator[Flask]:
    """It, with nothing in it and nothing counted."""
    yield counting
    with counting.app_context():
        empty(counting)
    limiter, fallback = counting.extensions["rendezvous.limits"]
    limiter.reset()
    fallback.storage.reset()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`at(instant)` moves the clock."""

    def move(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: instant)

    return move
