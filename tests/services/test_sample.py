"""The sample: loaded once into an empty database, and sound."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import (
    AuditEntry,
    Booking,
    Event,
    EventSession,
    EventType,
    Expert,
    Reservation,
    Room,
    User,
)
from app.services import guarantees, sample, slots
from tests import factories, rows
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")

COUNTED = (Expert, EventType, Event, Room, EventSession, User, AuditEntry, Booking)


def test_it_is_loaded_once_and_sound() -> None:
    assert sample.load() is True
    before = [rows.count(model) for model in COUNTED]
    assert before[:6] == [
        len(sample.EXPERTS),
        sum(len(expert["types"]) for expert in sample.EXPERTS),
        1,
        len(sample.ROOMS),
        len(sample.SESSIONS),
        len(sample.EXPERTS) + 1,
    ]
    assert rows.count(Reservation) == len(sample.RESERVATIONS) - 1 + 8
    assert guarantees.find_breaches() == []
    assert sample.load() is False
    assert [rows.count(model) for model in COUNTED] == before


def test_its_experts_can_be_booked_and_sign_in_only_once_reset() -> None:
    sample.load()
    today = NOW.date()
    for event_type in db.session.scalars(select(EventType)):
        found = slots.list_slots(
            event_type.expert.slug, event_type.slug, today, today + timedelta(days=13)
        )
        assert found.days
    assert db.session.scalars(select(User.must_change_password).distinct()).all() == [True]


def test_its_sessions_lie_ahead_on_the_days_of_the_event() -> None:
    sample.load()
    event = db.session.scalars(select(Event)).one()
    days = {session.day for session in db.session.scalars(select(EventSession))}
    assert days == {event.starts_on, event.ends_on}
    assert event.starts_on > NOW.date()


def test_what_is_not_empty_is_left_alone() -> None:
    factories.make_event()
    assert sample.load() is False
    assert rows.count(Expert) == 0


def test_a_failure_leaves_the_database_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SESSIONS", [*sample.SESSIONS, sample.SESSIONS[0]])
    with pytest.raises(Exception, match="overlaps"):
        sample.load()
    db.session.rollback()
    assert [rows.count(model) for model in COUNTED] == [0] * len(COUNTED)
