"""What server processes do by themselves: each in its turn, whatever another does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from app import timers
from app.services import privacy
from app.services.appointments import book_appointment
from app.services.errors import Busy
from tests import factories, rows

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def test_requests_end_and_old_data_goes(app: Flask, at: Any, monkeypatch: Any) -> None:
    with app.app_context():
        host, _ = factories.make_expert()
        type_id = factories.make_event_type(host, requires_approval=True).id
        uid = book_appointment(None, type_id, TEN, factories.client_named()).booking["uid"]
    at(TEN)
    timers.run_all(app, timers.SOON)
    with app.app_context():
        assert rows.booking(uid).cancelled_as == "expired"
    monkeypatch.setitem(app.config, "RETENTION_DAYS", 1)
    at(TEN + timedelta(days=2))
    timers.run_all(app, timers.HOURLY)
    with app.app_context():
        assert rows.booking(uid).attendee_name == privacy.ANONYMOUS_NAME


def test_one_that_fails_keeps_none_from_its_turn(app: Flask) -> None:
    ran = []

    def fails() -> None:
        ran.append("fails")
        raise Busy

    timers.run_all(app, (fails, lambda: ran.append("runs")))
    assert ran == ["fails", "runs"]
