"""The throw-away servers: their databases are apart, and they do not outlive their owner."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from tests import servers
from tools.set_up import ROOT

# Starts both servers, says where they are, then waits to be killed.
OWNER = """
import time
from tests import servers
with servers.postgresql_server() as postgresql, servers.redis_server() as redis:
    print(postgresql, redis, flush=True)
    time.sleep(60)
"""


def connect(url: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(urlsplit(url)._replace(scheme="postgresql").geturl())


def test_a_copy_has_what_its_template_has_and_is_apart_from_it(
    new_postgresql_database: Callable[..., str],
) -> None:
    template = new_postgresql_database()
    with closing(connect(template)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE place (name text)")

    copy = new_postgresql_database(template)
    with closing(connect(copy)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO place VALUES ('Hall 1')")

    with closing(connect(template)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM place")
        assert cursor.fetchone() == (0,)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not tmp_path: if we are root, PostgreSQL runs as somebody who may not look in there."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_servers_end_with_the_process_that_started_them(
    end: signal.Signals, directory: Path
) -> None:
    environment = {**os.environ, "TMPDIR": str(directory)}
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout
    postgresql, redis = owner.stdout.readline().split()
    assert servers._postgresql_answers(postgresql)
    assert servers._redis_answers(redis)

    owner.send_signal(end)
    owner.wait(30)
    owner.stdout.close()

    deadline = time.monotonic() + 30
    while any(directory.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(directory.iterdir()) == []
    assert not servers._postgresql_answers(postgresql)
    assert not servers._redis_answers(redis)
