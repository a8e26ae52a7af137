"""What server processes do every few seconds, whether or not anybody asks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from random import uniform
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import socketio
from app.services import approvals, privacy, waitlist
from app.services.busy_calendar_refresh import run_refresher
from app.services.errors import DomainError

EVERY_SECONDS = 5.0
# Each waits for one server of somebody else at a time.
CALENDAR_REFRESHERS = 3
# What is due at once, and what may wait an hour.
SOON: tuple[Callable[[], Any], ...] = (waitlist.promote_due, approvals.expire_due)
HOURLY: tuple[Callable[[], Any], ...] = (privacy.purge,)
HOUR_SECONDS = 3600.0

log = logging.getLogger(__name__)


def start(app: Flask) -> None:
    """Run the timers of this server process in the background."""
    socketio.start_background_task(_run, app)
    for _ in range(CALENDAR_REFRESHERS):
        socketio.start_background_task(run_refresher, app)


def _run(app: Flask) -> None:
    next_hour = time.monotonic() + uniform(60, 300)  # noqa: S311 (jitter, not a secret)
    while True:
        # Several processes do the same; they need not do it at the same moment.
        socketio.sleep(EVERY_SECONDS * uniform(0.8, 1.2))  # noqa: S311 (jitter, not a secret)
        run_all(app, SOON)
        if time.monotonic() >= next_hour:
            next_hour += HOUR_SECONDS * uniform(0.9, 1.1)  # noqa: S311 (jitter, not a secret)
            run_all(app, HOURLY)


def run_all(app: Flask, timers: tuple[Callable[[], Any], ...]) -> None:
    """Run each once; one that fails is tried in the next round, and keeps none from its turn."""
    for timer in timers:
        with app.app_context():
            try:
                timer()
            except (SQLAlchemyError, DomainError) as error:
                log.warning("timers: %s: %s", timer.__qualname__, type(error).__name__)
