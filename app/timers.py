"""What server processes do every few seconds, whether or not anybody asks."""

from __future__ import annotations

import logging
from random import uniform

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import socketio
from app.services import meetings, waitlist
from app.services.busy_calendar_refresh import run_refresher
from app.services.errors import DomainError

EVERY_SECONDS = 5.0
# Each waits for one server of somebody else at a time.
CALENDAR_REFRESHERS = 3
MEETING_SYNCERS = 2

log = logging.getLogger(__name__)


def start(app: Flask) -> None:
    """Run the timers of this server process in the background."""
    socketio.start_background_task(_run, app)
    for _ in range(MEETING_SYNCERS):
        socketio.start_background_task(meetings.run_syncer, app)
    for _ in range(CALENDAR_REFRESHERS):
        socketio.start_background_task(run_refresher, app)


def _run(app: Flask) -> None:
    while True:
        # Several processes do the same; they need not do it at the same moment.
        socketio.sleep(EVERY_SECONDS * uniform(0.8, 1.2))  # noqa: S311 (jitter, not a secret)
        with app.app_context():
            try:
                waitlist.promote_due()
            except (SQLAlchemyError, DomainError) as error:  # the next round does it
                log.warning("timers: %s", type(error).__name__)
