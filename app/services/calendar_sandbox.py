"""Reading a calendar file in a process of its own, with limits: see `icalendar_import`.

A rule in a few octets can name billions of times, and no parser that we know bounds its
work. The child may use so much processor time and memory, and then it is gone; neither
the event loop nor another request waits for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore

from flask_babel import lazy_gettext

from app.services import icalendar_import
from app.services.icalendar_import import NO_CALENDAR, Busy

MAX_BYTES = 2_000_000
PATIENCE_SECONDS = 30.0  # of the wall's clock; the child bounds its processor time itself
_PROGRAM = Path(icalendar_import.__file__)
# Two at once, so that uploads do not take all processors.
_turns = BoundedSemaphore(2)

REFUSALS = {
    NO_CALENDAR: lazy_gettext("This is not a calendar file. It should begin with BEGIN:VCALENDAR."),
    icalendar_import.TOO_MUCH: lazy_gettext(
        "This calendar holds more than can be worked out: too many events,"
        " or some that repeat too often."
    ),
}
TOO_LARGE = lazy_gettext("This calendar is too large: at most 2 MB.")  # MAX_BYTES


class UnreadableCalendar(Exception):
    """The text says why, to a person."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a calendar says; as `icalendar_import.Read`."""

    periods: list[Busy]
    content: str
    skipped: int


def read(data: bytes, time_zone: str, starts_at: datetime, ends_at: datetime) -> Reading:
    """The busy periods of an iCalendar file between two instants.

    Takes up to `PATIENCE_SECONDS` and must not be called inside a transaction. Raises
    `UnreadableCalendar`.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableCalendar(str(TOO_LARGE))
    asked = {
        "time_zone": time_zone,
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
    }
    try:
        with _turns:
            # -I: neither our modules, nor the environment with its secrets in it.
            done = subprocess.run(
                [sys.executable, "-I", str(_PROGRAM)],
                input=json.dumps(asked).encode() + b"\n" + data,
                capture_output=True,
                timeout=PATIENCE_SECONDS,
                check=False,
                env={},
            )
    except subprocess.TimeoutExpired:
        raise UnreadableCalendar(str(REFUSALS[icalendar_import.TOO_MUCH])) from None
    if done.returncode != 0:  # ended by a limit: a signal, or no memory at all
        raise UnreadableCalendar(str(REFUSALS[icalendar_import.TOO_MUCH]))
    answer = json.loads(done.stdout)
    if refused := answer.get("refused"):
        raise UnreadableCalendar(str(REFUSALS[refused]))
    periods = [
        Busy(datetime.fromisoformat(start), datetime.fromisoformat(end), uid)
        for start, end, uid in answer["periods"]
    ]
    return Reading(periods, answer["content"], answer["skipped"])
