"""Clients that ask at the same moment.

All connect first; then one loop lets every request go, within a millisecond or two, far
less than the servers need for one of them. Whatever comes back is read afterwards.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from itertools import cycle
from typing import Any

ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one client; `token` is a bearer's, None for a guest."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    token: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, bytes]:
        """Head and body, as they go over the wire."""
        body = json.dumps(self.body).encode() if self.body is not None else b""
        head = {
            "Host": "127.0.0.1",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **self.headers,
        }
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items())]
        return "\r\n".join([*lines, "", ""]).encode(), body


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; a status of 0 when the connection was cut before an answer."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """The status, with the code of a refusal: "201", "409 slot_taken"."""
        return f"{self.status} {self.body.get('code', '')}".strip()


def race(ports: Sequence[int], requests: Sequence[Request]) -> list[Answer]:
    """Send all requests at once, spread over the ports in turn; their answers, in order."""
    with released(ports, requests) as connections:
        return [read_answer(connection) for connection in connections]


@contextmanager
def released(ports: Sequence[int], requests: Sequence[Request]) -> Iterator[list[socket.socket]]:
    """As `race`, but the answers are left to be read."""
    with ExitStack() as stack:
        connections = []
        for port, _ in zip(cycle(ports), requests, strict=False):
            connections.append(stack.enter_context(connected(port)))
        encoded = [b"".join(request.encoded()) for request in requests]
        for connection, message in zip(connections, encoded, strict=True):
            connection.sendall(message)
        yield connections


def connected(port: int) -> socket.socket:
    """A connection to a server on loopback."""
    connection = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_answer(connection: socket.socket) -> Answer:
    """The answer to a request that was sent, however long it takes."""
    try:
        with HTTPResponse(connection) as response:
            response.begin()
            text = response.read()
    except (ConnectionError, HTTPException):
        return Answer(0)
    return Answer(response.status, json.loads(text) if text else {})
