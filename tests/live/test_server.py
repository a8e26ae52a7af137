"""Sockets of real servers: two processes on PostgreSQL, with a Redis of their own.

The processes stand on two ports, so that a test knows which of them it talks to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import socketio
import websocket
from flask import Flask
from redis import Redis

from app.extensions import db
from app.live import SEATS_INTERVAL_SECONDS
from app.redis_manager import PATIENCE_SECONDS
from app.services import accounts, experts, sign_ins
from tests import factories, product, servers
from tests.calls import token_of
from tests.conftest import prepared_app

SOON = 5.0  # seconds: what should take a moment has taken too long
DAY = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
EVENTS = ("newBooking", "bookingCancelled", "bookingRescheduled", "seats", "agendaChanged")


class Browser:
    """A client of a real server, reconnecting as the product's pages do."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.heard: list[tuple[str, dict[str, Any], float]] = []
        self.joined: list[dict[str, Any]] = []
        self.topics: list[str] = []
        self.disconnects = 0
        self.client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.5)
        for name in EVENTS:
            self.client.on(name, self._listener(name))
        self.client.on("connect", self._rejoin)
        self.client.on("disconnect", self._count_disconnect)
        self.client.connect(
            f"http://127.0.0.1:{port}",
            transports=["websocket"],
            auth={"token": token} if token else None,
        )

    def join(self, topic: str) -> dict[str, Any]:
        ack: dict[str, Any] = self.client.call("join", {"topic": topic}, timeout=SOON)
        assert ack["ok"], ack
        self.topics.append(topic)
        return ack

    def messages(self, *names: str) -> list[dict[str, Any]]:
        return [message for name, message, _ in self.heard if name in (names or EVENTS)]

    def versions(self) -> set[int]:
        """What is known of the topics, by messages or by joining again."""
        return {each["version"] for each in [*self.messages(), *self.joined]}

    def wait_for(self, count: int, *names: str, seconds: float = SOON) -> list[dict[str, Any]]:
        """The messages, as soon as there are so many."""
        with suppress(TimeoutError):
            product.wait_until(lambda: len(self.messages(*names)) >= count, seconds)
        assert len(self.messages(*names)) == count
        return self.messages(*names)

    def _listener(self, name: str) -> Callable[[dict[str, Any]], None]:
        return lambda message: self.heard.append((name, message, time.monotonic()))

    def _rejoin(self) -> None:
        for topic in self.topics:
            self.client.emit("join", {"topic": topic}, callback=self.joined.append)

    def _count_disconnect(self, *_reason: Any) -> None:
        self.disconnects += 1


class World:
    """Two servers, A and B, on one database; this process's application sets scenes."""

    def __init__(self, app: Flask, settings: dict[str, str], ports: list[int]) -> None:
        self.app, self.settings = app, settings
        self.a, self.b = ports
        self._starts = iter(range(10_000))
        self.opened: list[Browser] = []
        with app.app_context():
            self.ann, _ = factories.make_expert(time_zone="UTC")
            every_day = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]
            expert = experts.replace_availability(
                self.ann, {"time_zone": "UTC", "weekly": every_day}
            )
            self.topic = f"expert:{expert.slug}"
            self.event_type_id = factories.make_event_type(self.ann).id

    def open(self, port: int, *topics: str, token: str | None = None) -> Browser:
        browser = Browser(port, token)
        self.opened.append(browser)
        for topic in topics:
            browser.join(topic)
        return browser

    def user(self) -> tuple[Any, str]:
        """Somebody new, and a token."""
        with self.app.app_context():
            actor = factories.make_actor()
        return actor, token_of(self.app, actor)

    def book(self, port: int, token: str | None = None) -> requests.Response:
        """Book ann's next half hour."""
        start = DAY + timedelta(minutes=30 * next(self._starts))
        return self.ask(
            port,
            "POST",
            "/api/bookings",
            token,
            event_type_id=self.event_type_id,
            starts_at=start.isoformat(),
            name="Canary",
            email="canary@example.org",
        )

    def ask(
        self, port: int, method: str, path: str, token: str | None = None, **body: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{port}{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=30)

    def command(self, code: str) -> None:
        """Run Python in a process of its own, within the application, as a command does."""
        script = (
            "from app import create_app\n"
            "app = create_app()\n"
            "with app.app_context():\n" + "".join(f"    {line}\n" for line in code.splitlines())
        )
        environment = {"PATH": os.environ["PATH"], "SECRET_KEY": product.SECRET, **self.settings}
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            cwd=product.ROOT,
            env=environment,
            timeout=60,
        )


@pytest.fixture(scope="module")
def own_redis() -> Iterator[str]:
    """A Redis that may be stopped."""
    with servers.redis_server() as url:
        yield url


@pytest.fixture(scope="module")
def served(
    postgresql_url: str, own_redis: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The two servers."""
    instance = tmp_path_factory.mktemp("instance")
    with servers.fresh_database(postgresql_url) as database_url, ExitStack() as stack:
        app = prepared_app(database_url, instance)
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": own_redis,
            "RATELIMIT_ENABLED": "0",
            "SAMPLE": "0",
            "INSTANCE_PATH": str(instance),
        }
        ports = [stack.enter_context(product.running(settings)).port for _ in range(2)]
        yield World(app, settings, ports)
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def world(served: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    connections: list[websocket.WebSocket] = []
    connect = websocket.create_connection

    def remember(*args: Any, **options: Any) -> websocket.WebSocket:
        connections.append(connect(*args, **options))
        return connections[-1]

    monkeypatch.setattr(websocket, "create_connection", remember)
    yield served
    for browser in served.opened:
        browser.client.shutdown()
    served.opened.clear()
    for connection in connections:  # which the client forgets when the server ends it
        connection.shutdown()


@contextmanager
def frozen(redis_url: str) -> Iterator[None]:
    """Redis takes connections and answers nothing."""
    with Redis.from_url(redis_url) as redis:
        pid = redis.info()["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


# -- from process to process ---------------------------------------------------------


def test_a_booking_reaches_the_sockets_of_every_process(world: World) -> None:
    here, there = world.open(world.a, world.topic), world.open(world.b, world.topic)
    ann, token = world.ann, token_of(world.app, world.ann)
    assert ann.user_id
    hosts = world.open(world.b, "me", token=token)
    before = here.join(world.topic)["version"]
    bookings = [world.book(world.a).json()["booking"] for _ in range(3)]
    for browser in (here, there):
        assert [
            (each["topic"], each["version"], each["starts_at"]) for each in browser.wait_for(3)
        ] == [
            (world.topic, before + number, booking["starts_at"])
            for number, booking in enumerate(bookings, 1)
        ]
    assert [each["booking"]["uid"] for each in hosts.wait_for(3)] == [
        booking["uid"] for booking in bookings
    ]
    assert "canary" not in repr(here.heard + there.heard).lower()


def test_a_commands_change_reaches_sockets(world: World) -> None:
    guests = [world.open(port, world.topic) for port in (world.a, world.b)]
    with world.app.app_context():
        event = factories.make_event(public=False)
        session_id, slug = factories.make_session(event, capacity=5).id, event.slug
    actor, token = world.user()
    attendee = world.open(world.b, f"event:{slug}", "me", token=token)
    uid = world.book(world.a).json()["booking"]["uid"]
    world.command(
        "from app.services import cancellation, seats, sign_ins\n"
        "from app.services.policy import ADMIN, Actor\n"
        "admin = Actor(user_id=0, calendar_id=0, name='', email='', roles=frozenset({ADMIN}))\n"
        f"cancellation.cancel_booking(admin, '{uid}')\n"
        f"ben = sign_ins.find_actor(sign_ins.start_sign_in({actor.user_id}).id)\n"
        f"seats.book_seat(ben, {session_id})"
    )
    for guest in guests:
        guest.wait_for(1, "newBooking")
        guest.wait_for(1, "bookingCancelled")
    [message] = attendee.wait_for(1, "seats")
    assert message["sessions"] == [{"id": session_id, "seats_left": 4, "version": 2}]
    attendee.wait_for(1, "newBooking")


def test_seats_come_at_most_five_times_a_second(world: World) -> None:
    people = [world.user()[1] for _ in range(24)]
    with world.app.app_context():
        event = factories.make_event(public=False)
        session_id, slug = factories.make_session(event, capacity=50).id, event.slug
    watcher = world.open(world.b, token=people[0])
    ack = watcher.join(f"event:{slug}")
    for number, token in enumerate(people):
        port = (world.a, world.b)[number % 2]
        answer = world.ask(port, "POST", f"/api/sessions/{session_id}/seat", token)
        assert answer.status_code == 201
    last = {"id": session_id, "seats_left": 26, "version": 25}
    product.wait_until(lambda: [last] == watcher.heard[-1][1]["sessions"], SOON)
    times = [moment for _, _, moment in watcher.heard]
    assert len(times) < len(people)
    for first, sixth in zip(times, times[5:], strict=False):
        assert sixth - first > 5 * SEATS_INTERVAL_SECONDS * 0.8
    assert max(message["version"] for message in watcher.messages()) == ack["version"] + len(people)


def test_a_message_tells_of_the_other_processes_seats_too(world: World) -> None:
    """It stands for every change up to its version, whoever made it."""
    with world.app.app_context():
        event = factories.make_event(public=False)
        sessions = [factories.make_session(event, capacity=9).id for _ in range(3)]
        slug = event.slug
    people = [world.user()[1] for _ in range(9)]
    watcher = world.open(world.b, f"event:{slug}", token=people[0])
    known = dict.fromkeys(sessions, (1, 9))
    for number, token in enumerate(people):
        path = f"/api/sessions/{sessions[number // 2 % 3]}/seat"
        world.ask((world.a, world.b)[number % 2], "POST", path, token)
    now = world.ask(world.a, "GET", f"/api/events/{slug}/agenda", people[0]).json()
    product.wait_until(lambda: watcher.heard[-1][1]["version"] == now["version"], SOON)
    version = 0
    for message in watcher.messages("seats"):
        if message["version"] > version:  # as a page takes them
            version = message["version"]
            known |= {
                each["id"]: (each["version"], each["seats_left"]) for each in message["sessions"]
            }
    assert known == {each["id"]: (each["version"], each["seats_left"]) for each in now["sessions"]}


# -- access that ends ----------------------------------------------------------------


@pytest.mark.parametrize("how", ["logout", "deactivate", "reset"])
def test_sockets_end_within_a_second_of_their_access(world: World, how: str) -> None:
    actor, token = world.user()
    other_token = token_of(world.app, actor)
    opened = [world.open(port, "me", token=token) for port in (world.a, world.b)]
    other = world.open(world.b, "me", token=other_token)
    guest = world.open(world.b, world.topic)
    if how == "logout":
        assert world.ask(world.a, "POST", "/api/auth/logout", token).status_code == 204
    else:
        with world.app.app_context():
            if how == "deactivate":
                accounts.deactivate(factories.make_admin(), actor.user_id)
            else:
                sign_ins.end_sign_ins(actor.user_id)
    ended_at = time.monotonic()
    product.wait_until(lambda: all(each.disconnects for each in opened), SOON)
    assert time.monotonic() - ended_at < 1.0
    if how == "logout":
        assert other.client.call("join", {"topic": world.topic}, timeout=SOON)["ok"]
    else:
        product.wait_until(lambda: bool(other.disconnects), SOON)
    assert guest.disconnects == 0


# -- connecting ----------------------------------------------------------------------


def dial(world: World, **options: Any) -> websocket.WebSocket:
    url = f"ws://127.0.0.1:{world.a}/socket.io/?EIO=4&transport=websocket"
    return websocket.create_connection(url, timeout=SOON, **options)


def is_closed(connection: websocket.WebSocket) -> bool:
    try:
        return not connection.recv()  # a closing frame reads as nothing
    except (websocket.WebSocketConnectionClosedException, ConnectionError):
        return True


def test_a_page_of_another_origin_opens_no_socket(world: World) -> None:
    for origin in ("https://evil.example", f"https://127.0.0.1:{world.a}", "null"):
        with pytest.raises(websocket.WebSocketBadStatusException, match="400"):
            dial(world, origin=origin)


def test_own_pages_and_programs_open_sockets(world: World) -> None:
    for options in ({"origin": f"http://127.0.0.1:{world.a}"}, {"suppress_origin": True}):
        connection = dial(world, **options)
        assert connection.recv().startswith("0{")
        connection.close()


def test_polling_is_not_offered(world: World) -> None:
    answer = requests.get(
        f"http://127.0.0.1:{world.a}/socket.io/?EIO=4&transport=polling", timeout=SOON
    )
    assert answer.status_code == 400


def test_a_message_beyond_the_limit_ends_the_connection(world: World) -> None:
    connection = dial(world, suppress_origin=True)
    connection.recv()
    connection.send("40")
    assert connection.recv().startswith("40")
    with suppress(OSError):
        connection.send('420["join",{"topic":"' + "x" * 70_000 + '"}]')
    assert is_closed(connection)
    assert world.open(world.a, world.topic).client.connected


def test_a_bad_token_is_refused(world: World) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        world.open(world.a, token="x.y.z")


# -- Redis away ----------------------------------------------------------------------


def test_a_frozen_redis_delays_no_booking_and_loses_no_message(
    world: World, own_redis: str
) -> None:
    here, there = world.open(world.a, world.topic), world.open(world.b, world.topic)
    before = here.join(world.topic)["version"]
    world.book(world.a)
    here.wait_for(1)
    there.wait_for(1)
    booked = 1
    frozen_at = time.monotonic()
    with frozen(own_redis):
        while time.monotonic() < frozen_at + 2 * PATIENCE_SECONDS:  # until publishing has failed
            began = time.monotonic()
            assert world.book(world.a).status_code == 201
            assert time.monotonic() - began < 0.5
            booked += 1
        here.wait_for(booked)
        assert len(there.messages()) == 1
    product.wait_until(lambda: before + booked in there.versions(), 15.0)


def test_sockets_reconnect_after_a_gap(world: World, own_redis: str) -> None:
    """Messages may be lost while the subscription is cut: clients compare versions."""
    browsers = [world.open(port, world.topic) for port in (world.a, world.b)]
    with Redis.from_url(own_redis) as redis:
        assert redis.client_kill_filter(_type="pubsub") >= 2
    product.wait_until(lambda: all(browser.joined for browser in browsers), 15.0)
    version = world.open(world.a).join(world.topic)["version"]
    assert [browser.joined[0] for browser in browsers] == [{"ok": True, "version": version}] * 2
    world.book(world.a)
    for browser in browsers:
        assert browser.wait_for(1)[0]["version"] == version + 1


def test_a_command_ends_soon_without_redis(world: World, own_redis: str) -> None:
    began = time.monotonic()
    with frozen(own_redis):
        world.command(
            "from datetime import timedelta\n"
            "from app.services.appointments import Client, book_appointment\n"
            "from tests.live.test_server import DAY\n"
            "guest = Client(name='Gwen', email='gwen@example.org')\n"
            "for n in range(20):\n"
            "    start = DAY + timedelta(days=90, minutes=30 * n)\n"
            f"    book_appointment(None, {world.event_type_id}, start, guest)"
        )
    assert time.monotonic() - began < 20
