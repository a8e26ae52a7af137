"""What server processes do by themselves: each in its turn, whatever another does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from app import timers
from app.services import privacy, settings
from app.services.appointments import book_appointment
from app.services.errors import Busy
from tests import factories, rows

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def test_requests_end_and_old_data_goes(app: Flask, at: Any) -> None:
    with app.app_context():
        host, _ = factories.make_expert()
        type_id = factories.make_event_type(host, requires_approval=True).id
        uid = book_appointment(None, type_id, TEN, factories.client_named()).booking["uid"]
    at(TEN)
    for timer in timers.TIMERS:
        timers.run(app, timer)
    with app.app_context():
        assert rows.booking(uid).cancelled_as == "expired"
        assert rows.booking(uid).attendee_name != privacy.ANONYMOUS_NAME
        settings.update(factories.make_admin(), {"guest_days": 1})
    at(TEN + timedelta(days=2))
    for timer in timers.TIMERS:
        timers.run(app, timer)
    with app.app_context():
        assert rows.booking(uid).attendee_name == privacy.ANONYMOUS_NAME


def test_one_that_fails_keeps_none_from_its_turn(app: Flask) -> None:
    ran = []

    def fails() -> None:
        ran.append("fails")
        raise Busy

    timers.run(app, timers.Timer(1, (fails, lambda: ran.append("runs"))))
    assert ran == ["fails", "runs"]
