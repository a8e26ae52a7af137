"""Servers of others that take their time: the event loop goes on, and nothing waits for them.

Nothing is timed: what is waited for is let go only by what would not happen if it stalled.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import count
from typing import Any

import pytest

from tests.concurrency.clients import Request
from tests.concurrency.world import World, book
from tests.local_servers import CERTIFICATE, Answer, Asked, serving
from tests.product import ROOT, running, wait_until

pytestmark = pytest.mark.concurrency
PATIENCE = 30.0


def test_a_slow_provider_holds_nobody_up_and_loses_nothing(world: World) -> None:
    event_type = world.make_event_types(talk={"location": {"kind": "zoom", "detail": ""}})["talk"]
    let_go, numbers = threading.Event(), count(1)

    def answer(asked: Asked) -> Answer:
        if asked.path == "/oauth/token":
            return Answer(body={"access_token": "t", "expires_in": 3600})
        let_go.wait(PATIENCE)
        number = next(numbers)
        return Answer(201, {"id": number, "join_url": f"https://zoom.us/j/{number}"})

    with serving(answer) as provider:
        settings = world.settings | {
            "ZOOM_ACCOUNT_ID": "a",
            "ZOOM_CLIENT_ID": "b",
            "ZOOM_CLIENT_SECRET": "c",
            "ZOOM_OAUTH_URL": provider.url,
            "ZOOM_API_URL": provider.url,
            "MEETING_TIMEOUT_SECONDS": "20",
        }
        with running(settings) as product:
            here = World(world.app, settings, [product.port])
            for number in range(6):  # each of them is answered, though Zoom says nothing yet
                answered = here.ask(book(event_type, world.start(number)))
                assert (answered.status, answered.body["booking"]["meeting_url"]) == (201, None)
            wait_until(lambda: "POST /users/me/meetings" in provider.paths(), PATIENCE)
            assert here.ask(Request("GET", "/readyz")).status == 200
            link = answered.body["manage_url"].rpartition("/")[2]
            cancelled = here.ask(Request("POST", f"/api/manage/{link}", {"action": "cancel"}))
            assert cancelled.status == 200
            assert links(world, event_type) == []
            let_go.set()
            wait_until(lambda: len(links(world, event_type)) == 5, PATIENCE)
    made = links(world, event_type)
    assert len(set(made)) == 5
    # There are several syncers: each meeting was asked for once.
    asked = [each.body["start_time"] for each in provider.asked if each.path.endswith("/meetings")]
    assert len(asked) == len(set(asked))


def links(world: World, event_type: int) -> list[Any]:
    return world.column(
        "SELECT meeting_url FROM booking WHERE event_type_id = :id AND status = 'confirmed'"
        " AND meeting_url IS NOT NULL",
        id=event_type,
    )


# On an event loop of its own, as a server process has it.
PROGRAM = """
import eventloop
eventloop.patch()
import socket, ssl, sys, threading, time
from datetime import UTC, datetime
from app.services import calendar_feeds, calendar_sandbox
url, certificate = sys.argv[1:]
assert "greendns" in socket.getaddrinfo.__module__, socket.getaddrinfo.__module__
tls = ssl.create_default_context(cafile=certificate)
def fetch(path):
    return calendar_feeds.fetch(url + path, tls=tls, is_allowed=lambda _: True)
said = []
slow = threading.Thread(target=lambda: said.append(fetch("/slow").data))
slow.start()
# The slow one is answered only after this one was.
assert fetch("/quick").data
slow.join()
data = said[0]
ticks = []
def tick():
    while True:
        time.sleep(0.01)
        ticks.append(1)
threading.Thread(target=tick, daemon=True).start()
window = datetime(2031, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)
assert len(calendar_sandbox.read(data, "UTC", *window).periods) == 1
assert len(ticks) > 3, ticks
calendar_feeds.TOTAL_SECONDS = 0.5
try:
    fetch("/drip")
except calendar_feeds.FetchError as error:
    assert "slow" in str(error), error
else:
    raise AssertionError("it went on for ever")
print("all went on")
"""
CALENDAR = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20310304T100000Z\r\nDURATION:PT1H\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_fetching_and_reading_a_calendar_leave_the_loop_free() -> None:
    quick_was_asked = threading.Event()

    def drip(file: Any) -> None:
        file.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            file.write(b"x")
            file.flush()
            threading.Event().wait(0.05)

    def answer(asked: Asked) -> Answer:
        if asked.path == "/quick":
            quick_was_asked.set()
        elif asked.path == "/slow" and not quick_was_asked.wait(8):
            return Answer(503)
        return Answer(write=drip) if asked.path == "/drip" else Answer(body=CALENDAR)

    with serving(answer, tls=True) as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, server.url, str(CERTIFICATE)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout == "all went on\n", done.stderr
