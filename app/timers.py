"""What server processes do every few seconds, whether or not anybody asks."""

from __future__ import annotations

import logging
from random import uniform

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import socketio
from app.models.audit import TIMER
from app.services import no_shows, origin, waitlist
from app.services.errors import DomainError

EVERY_SECONDS = 5.0

log = logging.getLogger(__name__)


def start(app: Flask) -> None:
    """Run the timers of this server process in the background."""
    socketio.start_background_task(_run, app)


def _run(app: Flask) -> None:
    while True:
        # Several processes do the same; they need not do it at the same moment.
        socketio.sleep(EVERY_SECONDS * uniform(0.8, 1.2))  # noqa: S311 (jitter, not a secret)
        with app.app_context(), origin.coming_from(TIMER):
            for work in (no_shows.release_due, waitlist.promote_due):
                try:
                    work()
                except (SQLAlchemyError, DomainError) as error:  # the next round does it
                    log.warning("timers: %s", type(error).__name__)
