"""Clients who listen to one topic, while requests are sent that are told to them.

Runs as a process of its own (`python -m benchmarks.listening`), as `load` does. Clients
speak Socket.IO over a websocket, as browsers do, and note when each `seats` message came.
Sending is an open loop: requests go out by the clock, whether or not others were answered.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import websocket

from benchmarks.load import ANSWER_SECONDS, ROOT, _Connection

CALM_SECONDS = 1.0  # after the last message, to be sure that it was


@dataclass(frozen=True, slots=True)
class Plan:
    """Who listens, and what is sent meanwhile, so many a second."""

    port: int
    tokens: list[str]  # one client each; "" for one without
    topic: str
    requests: list[str]
    per_second: float
    connections: int = 32  # that requests are sent on


@dataclass(frozen=True, slots=True)
class Heard:
    """What came: `(version, when)` of each client's messages, and the answers by request.

    Instants are seconds since 1970, by the machine's clock, which the database shares.
    """

    joined: list[int]  # the topic's version as each client was told on joining
    messages: list[list[tuple[int, float]]]
    statuses: list[int]
    sent: list[float]  # when each request was
    seconds: float  # from the first request to the last answer


def run(plan: Plan) -> Heard:
    """Carry the plan out in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.listening"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=20 * ANSWER_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"the listening process failed: {done.stderr}")
    return Heard(**json.loads(done.stdout))


def listen(plan: Plan) -> Heard:
    """Carry the plan out here."""
    clients = [_Client(plan.port, token, plan.topic) for token in plan.tokens]
    senders = [_Connection(plan.port) for _ in range(plan.connections)]
    idle, waiting = deque(senders), deque(enumerate(plan.requests))
    statuses = [0] * len(plan.requests)
    sent = [0.0] * len(plan.requests)
    asked: dict[_Connection, int] = {}
    begun = time.time()
    answered = last_message = begun
    with selectors.DefaultSelector() as selector:
        for each in (*clients, *senders):
            selector.register(each.socket, selectors.EVENT_READ, each)
        while waiting or asked or time.time() < max(answered, last_message) + CALM_SECONDS:
            due = begun + (len(plan.requests) - len(waiting)) / plan.per_second
            while waiting and idle and due <= time.time():
                number, message = waiting.popleft()
                connection = idle.popleft()
                sent[number] = time.time()
                connection.send(message.encode("latin-1"))
                asked[connection] = number
                due += 1 / plan.per_second
            patience = max(0.0, min(due - time.time(), 0.05)) if waiting and idle else 0.05
            for key, _ in selector.select(patience):
                if isinstance(key.data, _Client):
                    last_message = key.data.receive() or last_message
                elif (status := key.data.receive()) is not None:
                    statuses[asked.pop(key.data)] = status
                    answered = time.time()
                    idle.append(key.data)
    for each in (*clients, *senders):
        each.socket.close()
    heard = [client.messages for client in clients]
    return Heard([client.version for client in clients], heard, statuses, sent, answered - begun)


class _Client:
    """One browser that joined the topic."""

    def __init__(self, port: int, token: str, topic: str) -> None:
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        self._websocket = websocket.create_connection(
            url, timeout=ANSWER_SECONDS, suppress_origin=True
        )
        self.socket = self._websocket.sock
        self.messages: list[tuple[int, float]] = []
        self._expect("0")  # opened
        self._websocket.send("40" + (json.dumps({"token": token}) if token else ""))
        self._expect("40")
        self._websocket.send("420" + json.dumps(["join", {"topic": topic}]))
        answers = json.loads(self._expect("430").removeprefix("430"))
        if len(answers) != 1 or not answers[0]["ok"]:
            raise RuntimeError(f"could not join: {answers}")
        self.version: int = answers[0]["version"]

    def receive(self) -> float | None:
        """Take one frame; when a message came."""
        frame = self._websocket.recv()
        now = time.time()
        if frame == "2":  # a ping
            self._websocket.send("3")
            return None
        if not frame.startswith("42"):
            return None
        name, payload = json.loads(frame.removeprefix("42"))
        if name != "seats":
            return None
        self.messages.append((payload["version"], now))
        return now

    def _expect(self, start: str) -> str:
        while True:
            frame: Any = self._websocket.recv()
            if not frame:
                raise ConnectionError(f"cut while waiting for {start}")
            if frame.startswith(start):
                return str(frame)


if __name__ == "__main__":
    json.dump(asdict(listen(Plan(**json.load(sys.stdin)))), sys.stdout)
