"""Throw-away PostgreSQL and Redis servers, and the programs that tests need.

For tests, browser tests and benchmarks alike:

    with postgresql_server() as server_url, redis_server() as redis_url:
        with fresh_database(server_url) as database_url:
            ...

Each server has a port, a password and a directory of its own. It ends, and the directory
goes, when the `with` block ends and also when the process dies in any other way: a guard
process holds the other end of a pipe and notices (see `guard`).
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

START_SECONDS = 60
STOP_SECONDS = 30
ATTEMPTS = 3  # another process may take the free port before the server does

# Nothing here outlives a power cut, so nothing waits for a disk.
WITHOUT_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# As a server that keeps people's bookings runs: what benchmarks measure.
WITH_DURABILITY: Mapping[str, str] = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "track_commit_timestamp": "on",
}


class MissingProgramError(Exception):
    """A program that the tests need is not on this machine."""


# Programs


def postgresql_programs() -> Path:
    """The directory with `postgres`, `initdb` and `pgbench`; the newest version if PATH has none."""
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(versions, key=lambda path: _version(path.parent.name), reverse=True)
    for directory in candidates:
        if (directory / "postgres").is_file() and (directory / "initdb").is_file():
            return directory
    raise MissingProgramError("PostgreSQL's server is not installed (Debian: postgresql).")


def redis_program() -> Path:
    """`redis-server`, or Valkey's."""
    return _program(
        "Redis is not installed (Debian: redis-server).", "redis-server", "valkey-server"
    )


def chromium_program() -> Path:
    """The browser of the browser tests: `TEST_CHROMIUM`, else the first one on PATH."""
    chosen = os.environ.get("TEST_CHROMIUM")
    names = [chosen] if chosen else ["chromium", "chromium-browser", "google-chrome"]
    return _program("Chromium is not installed (Debian: chromium).", *names)


def _program(complaint: str, *names: str) -> Path:
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    raise MissingProgramError(complaint)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


# Servers


@contextmanager
def postgresql_server(settings: Mapping[str, str] = WITHOUT_DURABILITY) -> Iterator[str]:
    """A PostgreSQL of our own: yields the URL of its `postgres` database, as its superuser."""
    programs = postgresql_programs()
    owner = _server_owner()
    password = secrets.token_urlsafe(16)

    def command(directory: Path, port: int) -> list[str]:
        data = directory / "data"
        if not data.exists():
            password_file = directory / "password"
            password_file.write_text(password)
            _hand_over(directory, owner)
            initdb: list[str | Path] = [
                programs / "initdb",
                "--pgdata",
                data,
                "--pwfile",
                password_file,
            ]
            initdb += ["--username=rendezvous", "--auth=scram-sha-256", "--no-sync"]
            initdb += ["--encoding=UTF8", "--locale=C.UTF-8"]
            _run(initdb, directory, owner)
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(directory),
            "max_connections": "200",
            "log_min_messages": "fatal",
            **settings,
        }
        chosen = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [str(programs / "postgres"), "-D", str(data), *chosen]

    def url(port: int) -> str:
        return f"postgresql+psycopg2://rendezvous:{password}@127.0.0.1:{port}/postgres"

    # SIGINT is PostgreSQL's "fast" stop: it ends clients' connections instead of waiting.
    with _server("postgresql", command, url, _postgresql_answers, signal.SIGINT, owner) as address:
        yield address


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of our own that keeps nothing on disk: yields its URL."""
    program = redis_program()
    owner = _server_owner()
    password = secrets.token_urlsafe(16)

    def command(directory: Path, port: int) -> list[str]:
        # A file, since anybody can read a command line.
        configuration = directory / "redis.conf"
        configuration.write_text(
            f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{directory}"\n'
            'save ""\nappendonly no\n'
        )
        _hand_over(directory, owner)
        return [str(program), str(configuration)]

    def url(port: int) -> str:
        return f"redis://:{password}@127.0.0.1:{port}/0"

    with _server("redis", command, url, _redis_answers, signal.SIGTERM, owner) as address:
        yield address


@contextmanager
def _server(
    name: str,
    command: Callable[[Path, int], list[str]],
    url: Callable[[int], str],
    answers: Callable[[str], bool],
    stop_signal: signal.Signals,
    owner: str | None,
) -> Iterator[str]:
    """Start under a guard, wait until it answers, stop at the end."""
    for attempt in range(1, ATTEMPTS + 1):
        port = _free_port()
        directory = Path(tempfile.mkdtemp(prefix=f"rendezvous-{name}-"))
        log = directory / "log"
        with ExitStack() as on_exit:
            # Until the guard has the directory in its care.
            on_exit.callback(shutil.rmtree, directory, ignore_errors=True)
            arguments = command(directory, port)
            with log.open("wb") as output:
                guarding = subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        __file__,
                        str(directory),
                        stop_signal.name,
                        owner or "",
                        *arguments,
                    ],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    # Ctrl-C is for us; the server must live until the last test has cleaned up.
                    start_new_session=True,
                )
            on_exit.callback(_end, guarding)
            deadline = time.monotonic() + START_SECONDS
            while guarding.poll() is None and time.monotonic() < deadline:
                if answers(url(port)):
                    yield url(port)
                    return
                time.sleep(0.02)
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        if attempt == ATTEMPTS:
            raise RuntimeError(f"{name} did not start: {said or 'it said nothing'}")


def _end(guarding: subprocess.Popen[bytes]) -> None:
    """Tell the guard to stop its server, and wait until it has."""
    assert guarding.stdin
    guarding.stdin.close()
    try:
        guarding.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(guarding.pid, signal.SIGKILL)
        guarding.wait()


def guard(directory: Path, stop_signal: signal.Signals, owner: str, command: Sequence[str]) -> None:
    """Run a server until it ends or the process that asked for it closes our input or dies."""
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, cwd=directory, **_as_user(owner or None)
    )

    def stop_when_alone() -> None:
        sys.stdin.buffer.read()
        server.send_signal(stop_signal)

    threading.Thread(target=stop_when_alone, daemon=True).start()
    server.wait()
    shutil.rmtree(directory, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _postgresql_answers(url: str) -> bool:
    import psycopg2

    try:
        _connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def _redis_answers(url: str) -> bool:
    import redis

    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


# Another user, since PostgreSQL refuses to run as root


def _server_owner() -> str | None:
    """Whom servers run as: ourselves (None), or someone harmless if we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _as_user(owner: str | None) -> dict[str, Any]:
    if owner is None:
        return {}
    return {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": []}


def _hand_over(directory: Path, owner: str | None) -> None:
    if owner is not None:
        for path in (directory, *directory.iterdir()):
            shutil.chown(path, owner, pwd.getpwnam(owner).pw_gid)


def _run(command: Sequence[str | Path], directory: Path, owner: str | None) -> None:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, check=False, **_as_user(owner)
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr or done.stdout}")


# Databases


def create_database(server_url: str, template: str | None = None) -> str:
    """Create an empty database, or a copy of the one at the URL `template`; return its URL.

    PostgreSQL copies only a database that nobody is connected to: dispose of engines first.
    """
    name = f"rendezvous_{secrets.token_hex(6)}"
    copy = f' TEMPLATE "{_database(template)}"' if template else ""
    _execute(server_url, f'CREATE DATABASE "{name}"{copy}')
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def drop_database(server_url: str, url: str) -> None:
    """Drop the database at `url`, whoever is still connected to it."""
    _execute(server_url, f'DROP DATABASE IF EXISTS "{_database(url)}" WITH (FORCE)')


@contextmanager
def fresh_database(server_url: str, template: str | None = None) -> Iterator[str]:
    """A database for the length of a `with` block."""
    url = create_database(server_url, template)
    try:
        yield url
    finally:
        drop_database(server_url, url)


def _database(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _execute(url: str, statement: str) -> None:
    connection = _connect(url)
    try:
        connection.autocommit = True  # CREATE DATABASE refuses a transaction
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _connect(url: str) -> Any:
    import psycopg2

    # libpq does not know SQLAlchemy's way of naming a driver.
    return psycopg2.connect(urlsplit(url)._replace(scheme="postgresql").geturl())


if __name__ == "__main__":
    _directory, _signal, _owner, *_command = sys.argv[1:]
    guard(Path(_directory), signal.Signals[_signal], _owner, _command)
