"""From a commit to the last of many connected clients, beside bare python-socketio.

When a booking was committed is PostgreSQL's word (`track_commit_timestamp`); when it was
heard is the clients'. A `seats` message stands for every change up to its version, and each
booking raises the topic's version by one: the n-th commit is heard with the first message
whose version is at least n more than the one that the client joined at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import listening
from benchmarks.listening import Heard, Plan
from benchmarks.load import request
from benchmarks.stage import ATTENDEES, SPREAD, Stage
from tests import product

CLIENTS = 500
COMMITS = 10  # one by one, so that nothing waits for another
PER_SECOND = 200
SECONDS = 5
TOPIC = "event:bench"


@dataclass(frozen=True, slots=True)
class FanOut:
    """One line of the table: milliseconds from commit to last receipt, of several commits."""

    figure: str
    processes: int
    clients: int
    commits: int
    per_second: float  # bookings that were answered in a second
    milliseconds: list[float]  # of each commit, sorted
    last_value: float  # of the last commit
    limit: list[float]  # the same of a bare emit of the same bytes
    messages: float  # that a client heard in a second
    errors: int


def measure(
    stage: Stage, served: product.Product, bare: product.Product, processes: int, *, share: float
) -> list[FanOut]:
    """One commit at a time, then many a second."""
    clients = max(int(CLIENTS * share), 2)
    slow, fast = max(int(COMMITS * share), 2), int(PER_SECOND * SECONDS * share)
    return [
        _measure("One commit", stage, served, bare, processes, clients, slow, 2.0),
        _measure(
            f"{PER_SECOND} bookings a second",
            stage,
            served,
            bare,
            processes,
            clients,
            fast,
            PER_SECOND,
        ),
    ]


def _measure(
    name: str,
    stage: Stage,
    served: product.Product,
    bare: product.Product,
    processes: int,
    clients: int,
    commits: int,
    per_second: float,
) -> FanOut:
    made = stage.make_sessions(SPREAD, -(-commits // SPREAD) + 1)
    bookings = [
        request(
            "POST", f"/api/sessions/{made.ids[number % SPREAD]}/seat", token=stage.tokens[number]
        )
        for number in range(commits)
    ]
    listeners = [stage.tokens[-1 - number % ATTENDEES] for number in range(clients)]
    heard = listening.run(Plan(served.port, listeners, TOPIC, bookings, per_second))
    committed = stage.commits(made.ids[0], made.ids[-1])
    errors = sum(status != 201 for status in heard.statuses)
    if len(committed) != commits - errors:
        raise AssertionError(f"{len(committed)} seats for {commits - errors} answers of 201")
    late = _lateness(heard, committed)
    return FanOut(
        name,
        processes,
        clients,
        len(committed),
        len(committed) / heard.seconds,
        sorted(late),
        late[-1],
        _bare(bare, clients),
        max(len(messages) for messages in heard.messages) / heard.seconds,
        errors,
    )


def _lateness(heard: Heard, committed: Sequence[float]) -> list[float]:
    """Milliseconds from each commit to the last client's first message that stands for it."""
    late = []
    for number, at in enumerate(committed, start=1):
        received = [
            next((when for version, when in messages if version >= joined + number), None)
            for joined, messages in zip(heard.joined, heard.messages, strict=True)
        ]
        if None in received:
            raise AssertionError(f"commit {number} was not heard by {received.count(None)} clients")
        late.append(1000 * (max(when for when in received if when is not None) - at))
    return late


def _bare(bare: product.Product, clients: int) -> list[float]:
    """The same of bare emits, each of the bytes that tell of one session."""
    body = json.dumps(
        {
            "topic": TOPIC,
            "version": 12345,
            "sessions": [{"id": 1234, "seats_left": 12, "version": 34}],
        }
    )
    emits = [request("POST", "/emit", body=body)] * COMMITS
    heard = listening.run(Plan(bare.port, [""] * clients, TOPIC, emits, 2.0, connections=1))
    return sorted(
        1000 * (max(when for _, when in each) - begun)
        for begun, each in zip(heard.sent, zip(*heard.messages, strict=True), strict=True)
    )


def as_markdown(rows: Sequence[FanOut]) -> str:
    """The table."""
    lines = [
        (
            "| fan-out | processes | clients | commits | per second | last receipt ms, median | worst"
            " | last value ms | bare emit ms, median | worst | messages per second and client | errors |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        cells = [
            row.figure,
            str(row.processes),
            str(row.clients),
            str(row.commits),
            f"{row.per_second:.0f}",
            f"{median(row.milliseconds):.0f}",
            f"{row.milliseconds[-1]:.0f}",
            f"{row.last_value:.0f}",
            f"{median(row.limit):.0f}",
            f"{row.limit[-1]:.0f}",
            f"{row.messages:.1f}",
            str(row.errors),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
