"""Reminders: as many as the event type says, once each, and none for what no longer holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.extensions import db
from app.models import OutboxMessage
from app.services import event_types, mail, mail_messages
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.rescheduling import reschedule_booking
from tests import factories, rows
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def make(**values: Any) -> tuple[Any, int]:
    host, _ = factories.make_expert()
    return host, factories.make_event_type(host, **values).id


def book(type_id: int, starts_at: datetime = TEN) -> str:
    uid: str = book_appointment(None, type_id, starts_at, factories.client_named()).booking["uid"]
    return uid


def times() -> list[datetime]:
    return [when for _, _, when in rows.reminders()]


def test_one_day_before_unless_said_otherwise() -> None:
    host, type_id = make()
    book(type_id)
    assert rows.reminders() == [
        ("appointment_reminder", "gwen@example.org", TEN - DAY),
        ("appointment_reminder_host", host.email, TEN - DAY),
    ]
    waiting = db.session.scalars(
        db.select(OutboxMessage).where(OutboxMessage.next_attempt_at > NOW)
    ).all()
    assert {each.expires_at for each in waiting} == {TEN}


def test_as_many_as_the_type_says_but_none_that_is_past() -> None:
    _, type_id = make(reminder_minutes=[60, 2880, 60])
    book(type_id)  # in 28 hours: two days before is past
    assert times() == [TEN - HOUR] * 2
    book(type_id, TEN + 7 * DAY)
    assert times() == [TEN - HOUR] * 2 + [TEN + 5 * DAY] * 2 + [TEN + 7 * DAY - HOUR] * 2


def test_none_for_who_wants_none() -> None:
    _, type_id = make(reminder_minutes=[])
    book(type_id)
    assert rows.reminders() == []


def test_they_move_with_the_booking_and_go_with_it() -> None:
    host, type_id = make()
    uid, other = book(type_id), book(type_id, TEN + HOUR)
    reschedule_booking(host, uid, TEN + 2 * HOUR)
    assert times() == [TEN + HOUR - DAY] * 2 + [TEN + 2 * HOUR - DAY] * 2
    cancel_booking(host, uid)
    assert times() == [TEN + HOUR - DAY] * 2
    cancel_booking(host, other)
    assert rows.reminders() == []


def test_what_was_agreed_on_stays_when_the_type_changes() -> None:
    host, type_id = make()
    book(type_id)
    event_types.update_event_type(host, type_id, {"reminder_minutes": []})
    assert times() == [TEN - DAY] * 2


def test_a_reminder_is_words_and_the_link_without_an_invitation() -> None:
    _, type_id = make()
    book(type_id)
    for row in db.session.scalars(
        db.select(OutboxMessage).where(OutboxMessage.next_attempt_at > NOW)
    ):
        message = mail_messages.compose(
            row.template, row.recipient, row.context, message_id=row.message_id
        )
        assert (message.attachments, message.subject.startswith("Reminder: ")) == ([], True)
        assert ("/b/" in message.body) == (row.template == "appointment_reminder")


def test_nothing_to_come_counts_as_waiting() -> None:
    _, type_id = make()
    book(type_id)
    assert mail._count_left() == 2
