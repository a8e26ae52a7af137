"""What server processes do every few seconds, whether or not anybody asks.

Every process does the same, and not at the same moment; whatever is done here can be
done by several at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import socketio
from app.models.audit import TIMER
from app.services import (
    approvals,
    meetings,
    no_shows,
    origin,
    privacy,
    retention,
    settings,
    waitlist,
)
from app.services.busy_calendar_refresh import run_refresher
from app.services.errors import DomainError

# Each waits for one server of somebody else at a time.
CALENDAR_REFRESHERS = 3
MEETING_SYNCERS = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timer:
    """Work that is done again and again, about so many seconds apart."""

    seconds: float
    works: tuple[Callable[[], Any], ...]


TIMERS = (
    # What an admin changed in another process is noticed within a second.
    Timer(0.5, (settings.refresh,)),
    Timer(5, (no_shows.release_due, waitlist.promote_due, approvals.expire_due)),
    Timer(3600, (retention.purge_due, privacy.purge)),
)


def start(app: Flask) -> None:
    """Run the timers of this server process in the background."""
    for timer in TIMERS:
        socketio.start_background_task(_repeat, app, timer)
    for _ in range(MEETING_SYNCERS):
        socketio.start_background_task(meetings.run_syncer, app)
    for _ in range(CALENDAR_REFRESHERS):
        socketio.start_background_task(run_refresher, app)


def _repeat(app: Flask, timer: Timer) -> None:
    # What is done rarely is done for the first time soon after the start.
    pause = min(timer.seconds, 60)
    while True:
        socketio.sleep(pause * uniform(0.8, 1.2))  # noqa: S311 (jitter, not a secret)
        run(app, timer)
        pause = timer.seconds


def run(app: Flask, timer: Timer) -> None:
    """Do each once; one that fails is tried in the next round, and keeps none from its turn."""
    for work in timer.works:
        with app.app_context(), origin.coming_from(TIMER):
            try:
                work()
            except (SQLAlchemyError, DomainError) as error:
                log.warning("timers: %s: %s", work.__qualname__, type(error).__name__)
