"""A running server of its own for the journeys, and a way to put experts on it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from sqlalchemy import Engine, create_engine, text

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "violet harbour nine lanterns"
START_SECONDS = 60

_serial = count(1)


@dataclass(frozen=True)
class Host:
    """Somebody who can be booked; `type_url` is the booker's path."""

    name: str
    email: str
    slug: str
    token: str
    event_type: Mapping[str, Any]

    @property
    def type_url(self) -> str:
        return f"/{self.slug}/{self.event_type['slug']}"


@dataclass
class Site:
    """A server under test."""

    url: str
    database_url: str
    admin_email: str
    admin_password: str
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = create_engine(self.database_url)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
    ) -> Any:
        """An API call that must succeed; returns its JSON."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = Request(  # noqa: S310 (our own server)
            self.url + path,
            method=method,
            headers=headers,
            data=json.dumps(body).encode() if body is not None else None,
        )
        try:
            with urlopen(request, timeout=20) as response:  # noqa: S310
                content = response.read()
        except HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from error
        return json.loads(content) if content else None

    def settle_admin(self) -> None:
        """Have the first admin choose `PASSWORD`, if theirs is still the one that was printed."""
        if self.admin_password == PASSWORD:
            return
        who = {"email": self.admin_email, "password": self.admin_password}
        token = self.call("POST", "/api/auth/login", who)["access_token"]
        change = {"current_password": self.admin_password, "new_password": PASSWORD}
        self.call("POST", "/api/auth/change-password", change, token=token)
        self.admin_password = PASSWORD

    def register(self, name: str | None = None) -> dict[str, Any]:
        """An account: `{name, email, token}`."""
        number = next(_serial)
        name = name or f"Client {number}"
        email = f"person{number}.{secrets.token_hex(3)}@example.org"
        answer = self.call(
            "POST",
            "/api/auth/register",
            {
                "name": name,
                "email": email,
                "password": PASSWORD,
                "time_zone": "Europe/Berlin",
            },
        )
        return {"name": name, "email": email, "token": answer["access_token"]}

    def host(self, name: str = "Nora Berg", **event_type: Any) -> Host:
        """An expert with one event type, bookable on weekdays from 8 to 17 in Berlin."""
        account = self.register(name)
        token = account["token"]
        expert = self.call("POST", "/api/auth/become-expert", {}, token=token)["expert"]
        offered = {"title": "Portfolio talk", "duration_minutes": 30, **event_type}
        created = self.call("POST", "/api/event-types", offered, token=token)["event_type"]
        return Host(name, account["email"], expert["slug"], token, created)

    def free_starts(self, host: Host) -> list[str]:
        """What the host's event type offers in the next three weeks."""
        first = time.strftime("%Y-%m-%d")
        last = time.strftime("%Y-%m-%d", time.localtime(time.time() + 21 * 86400))
        path = f"/api/experts/{host.slug}/event-types/{host.event_type['slug']}/slots"
        days = self.call("GET", f"{path}?from={first}&to={last}")["days"]
        return [start for starts in days.values() for start in starts]

    def book(self, host: Host, starts_at: str, **client: Any) -> dict[str, Any]:
        """A booking made elsewhere."""
        booked: dict[str, Any] = self.call(
            "POST",
            "/api/bookings",
            {
                "event_type_id": host.event_type["id"],
                "starts_at": starts_at,
                "name": "Somebody Else",
                "email": "else@example.org",
                **client,
            },
        )
        return booked

    def bookings_of(self, host: Host) -> list[dict[str, Any]]:
        """The host's coming bookings."""
        path = "/api/bookings?when=upcoming&page_size=100"
        items: list[dict[str, Any]] = self.call("GET", path, token=host.token)["items"]
        return items

    def mails_to(self, address: str) -> list[str]:
        """The templates of the mails in the outbox, oldest first; reminders are of later."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT template FROM outbox_message WHERE recipient = :to"
                    " AND template NOT LIKE '%reminder%' ORDER BY id"
                ),
                {"to": address},
            )
            return [row.template for row in rows]


@contextmanager
def running(database_url: str, instance: Path, **settings: str) -> Iterator[Site]:
    """Prepare the database as `make run` does, and serve it until the block ends."""
    port = servers._free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(instance),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "PUBLIC_URL": url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "REDIS_URL": "",
        "MAIL_SERVER": "",
        "DEFAULT_TIME_ZONE": "Europe/Berlin",
        "RATELIMIT_ENABLED": "0",
        "PYTHONWARNINGS": "ignore",
        **settings,
    }
    prepared = subprocess.run(
        [sys.executable, "-m", "flask", "booking", "prepare"],
        cwd=ROOT,
        env={**environment, "FLASK_APP": "app"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert prepared.returncode == 0, prepared.stderr
    [line] = [line for line in prepared.stdout.splitlines() if line.startswith("First admin:")]
    _, _, email, _, password = line.split()
    log = (instance / "server.log").open("w+")
    server = subprocess.Popen(
        [sys.executable, "run.py"], cwd=ROOT, env=environment, stdout=log, stderr=log
    )
    site = Site(url, database_url, email, password)
    try:
        _wait(server, url, log.name)
        yield site
    finally:
        site.engine.dispose()
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _wait(server: subprocess.Popen[bytes], url: str, log: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise AssertionError(Path(log).read_text())
        try:
            with urlopen(f"{url}/healthz", timeout=1):  # noqa: S310
                return
        except URLError:
            time.sleep(0.05)
    raise AssertionError(f"The server did not answer:\n{Path(log).read_text()}")
