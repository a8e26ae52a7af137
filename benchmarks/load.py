"""A closed loop of clients: each sends its next request when its last is answered.

Runs as a process of its own (`python -m benchmarks.load`), so that its work is not the
server's. Reads a `Plan` as JSON from standard input and writes a `Result` to standard
output. Talks to loopback only; ends after the plan's requests or seconds.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ANSWER_SECONDS = 30.0
_NO_BODY = {204, 304}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send: each of `requests` once, or round and round until `count` are sent."""

    port: int
    clients: int
    requests: list[str]  # as they go over the wire, in Latin-1
    count: int
    seconds: float  # nothing is begun after that


@dataclass(frozen=True, slots=True)
class Result:
    """What came back: how often each status, and how long each answer took, sorted."""

    statuses: dict[str, int]
    milliseconds: list[float]
    seconds: float

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds that so many percent of the answers did not exceed."""
        if not self.milliseconds:
            return float("nan")
        return self.milliseconds[
            min(len(self.milliseconds) - 1, int(len(self.milliseconds) * percent / 100))
        ]

    def number(self, status: int) -> int:
        """How many answers had this status."""
        return self.statuses.get(str(status), 0)


def request(method: str, path: str, *, token: str = "", body: str = "", **headers: str) -> str:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    elif method != "GET":
        lines.append("Content-Length: 0")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body])


def run(plan: Plan) -> Result:
    """Carry the plan out in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=plan.seconds + 2 * ANSWER_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"the load process failed: {done.stderr}")
    return Result(**json.loads(done.stdout))


def header(port: int, message: str, name: str) -> str:
    """One header of the answer to one request."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        connection.sendall(message.encode("latin-1"))
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
    for line in received.partition(b"\r\n\r\n")[0].decode("latin-1").splitlines():
        key, _, value = line.partition(": ")
        if key.lower() == name.lower():
            return value
    raise ValueError(f"no {name} in {received[:500]!r}")


def measure(plan: Plan) -> Result:
    """Carry the plan out here."""
    encoded = [each.encode("latin-1") for each in plan.requests]
    waiting = deque(encoded[number % len(encoded)] for number in range(plan.count))
    statuses: Counter[str] = Counter()
    milliseconds: list[float] = []
    clients = min(plan.clients, plan.count)
    with selectors.DefaultSelector() as selector:
        connections = [_Connection(plan.port) for _ in range(clients)]
        begun = time.perf_counter()
        give_up_at = begun + plan.seconds
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(waiting.popleft())
        busy = clients
        while busy:
            ready = selector.select(ANSWER_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {ANSWER_SECONDS} s")
            for key, _ in ready:
                connection = key.data
                status = connection.receive()
                if status is None:
                    continue
                now = time.perf_counter()
                statuses[str(status)] += 1
                milliseconds.append((now - connection.sent_at) * 1000)
                if waiting and now < give_up_at:
                    connection.send(waiting.popleft())
                else:
                    busy -= 1
        seconds = time.perf_counter() - begun
        for connection in connections:
            connection.socket.close()
    return Result(dict(statuses), sorted(milliseconds), seconds)


class _Connection:
    """One client's connection, kept alive."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self._received = bytearray()
        self._missing = -1  # bytes of the answer still to come; -1 before its head is known

    def send(self, message: bytes) -> None:
        self._received.clear()
        self._missing = -1
        self.sent_at = time.perf_counter()
        self.socket.sendall(message)

    def receive(self) -> int | None:
        """Take what came; the status when that completes the answer."""
        part = self.socket.recv(1 << 20)
        if not part:
            raise ConnectionError(f"cut: {bytes(self._received[:200])!r}")
        if self._missing >= 0:
            self._missing -= len(part)
        else:
            self._received += part
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return None
            length = _length(bytes(self._received[: end + 2]))
            self._missing = end + 4 + length - len(self._received)
        if self._missing < 0:
            raise ValueError(f"more than was announced: {bytes(self._received[:500])!r}")
        return int(self._received[9:12]) if self._missing == 0 else None


def _length(head: bytes) -> int:
    if int(head[9:12]) in _NO_BODY:
        return 0
    lower = head.lower()
    begins = lower.index(b"\r\ncontent-length:") + len(b"\r\ncontent-length:")
    return int(lower[begins : lower.index(b"\r\n", begins)])


def _main(_arguments: Sequence[str]) -> None:
    result = measure(Plan(**json.load(sys.stdin)))
    json.dump(asdict(result), sys.stdout)


if __name__ == "__main__":
    _main(sys.argv)
