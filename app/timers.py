"""What server processes do every few seconds, whether or not anybody asks."""

from __future__ import annotations

import logging
from random import uniform

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import socketio
from app.models.audit import TIMER
from app.services import no_shows, origin, retention, settings, waitlist
from app.services.errors import DomainError

EVERY_SECONDS = 5.0
SETTINGS_SECONDS = 0.5
RETENTION_SECONDS = 3600.0

log = logging.getLogger(__name__)


def start(app: Flask) -> None:
    """Run the timers of this server process in the background."""
    socketio.start_background_task(_run, app)
    socketio.start_background_task(_watch_settings, app)
    socketio.start_background_task(_keep_retention, app)


def _watch_settings(app: Flask) -> None:
    """Notice within a second what an admin changed in another process."""
    while True:
        socketio.sleep(SETTINGS_SECONDS * uniform(0.8, 1.2))  # noqa: S311 (jitter, not a secret)
        with app.app_context():
            try:
                settings.refresh()
            except SQLAlchemyError as error:
                log.warning("settings: %s", type(error).__name__)


def _keep_retention(app: Flask) -> None:
    """Forget every hour what is old enough; the first time soon after the start."""
    socketio.sleep(EVERY_SECONDS)
    while True:
        with app.app_context(), origin.coming_from(TIMER):
            try:
                retention.purge_due()
            except (SQLAlchemyError, DomainError) as error:  # the next hour does it
                log.warning("retention: %s", type(error).__name__)
        socketio.sleep(RETENTION_SECONDS * uniform(0.8, 1.2))  # noqa: S311 (jitter, not a secret)


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
