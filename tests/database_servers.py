"""Pytest plugin: one PostgreSQL and one Redis per test run, started when first asked for.

`TEST_DATABASE_URL` and `TEST_REDIS_URL` name servers to use instead; the user of the
former must be allowed to create databases.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests import servers


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL of a PostgreSQL server, for `servers.create_database`."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        # A bare postgresql:// would mean another driver to SQLAlchemy 2.1.
        yield urlsplit(given)._replace(scheme="postgresql+psycopg2").geturl()
        return
    with servers.postgresql_server() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server. Tests share it."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    with servers.redis_server() as url:
        yield url


@pytest.fixture
def new_postgresql_database(postgresql_url: str) -> Iterator[Callable[..., str]]:
    """Call it, with a template's URL or None, for a database that is dropped after the test."""
    created: list[str] = []

    def create(template: str | None = None) -> str:
        created.append(servers.create_database(postgresql_url, template))
        return created[-1]

    yield create
    for url in created:
        servers.drop_database(postgresql_url, url)
