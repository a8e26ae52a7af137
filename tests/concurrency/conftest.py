"""A world per database: real servers on it, and the hands to set scenes and look at rows.

Two processes serve each: `run.py` with two workers on PostgreSQL, two servers side by
side on one SQLite file. The test process only sends requests and reads the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.concurrency.world import World, served, settings_of
from tests.conftest import prepared_app


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Settings of servers on an empty database, once of each kind."""
    with settings_of(request.param, request, tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="session")
def served_world(
    settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The prepared database with two processes that serve it."""
    instance: Path = tmp_path_factory.mktemp("instance")
    app = prepared_app(settings["DATABASE_URL"], instance)
    with ExitStack() as stack:
        products = stack.enter_context(served(settings))
        world = World(app, settings, [product.port for product in products])
        yield world
        world.close()


@pytest.fixture
def world(served_world: World) -> Iterator[World]:
    """The same, which must be sound afterwards."""
    yield served_world
    served_world.assert_sound()
