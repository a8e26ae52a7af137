"""What is told after a commit: which change, of whose calendars, with which versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.models.interval import Interval
from app.services import changes, event_sessions, event_types, seats, session_changes
from app.services.appointments import Client, book_appointment
from app.services.cancellation import cancel_booking
from app.services.changes import (
    AgendaChanged,
    BookingChanged,
    CalendarVersion,
    SeatsChanged,
)
from app.services.errors import DomainError
from app.services.rescheduling import reschedule_booking
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
# What must never be told to a topic that strangers may follow.
SECRETS = ("Canary Name", "canary@example.org", "+49canary", "canary notes")
CLIENT = Client(*SECRETS)


def told(published: list[Any]) -> list[BookingChanged]:
    return [each for each in published if isinstance(each, BookingChanged)]


def in_public(change: BookingChanged) -> str:
    """All of a change but what only those in the booking are told."""
    return str([getattr(change, name) for name in change.__slots__ if name != "booking"])


def test_an_appointments_life_is_told_step_by_step(published: list[Any]) -> None:
    room = factories.make_room()
    host, expert = factories.make_expert()
    client = factories.make_actor()
    event_type = factories.make_event_type(host, room_id=room.id, buffer_before_minutes=10)
    published.clear()
    base = rows.version(host.calendar_id)

    def calendars(step: int) -> set[CalendarVersion]:
        room_calendar = rows.room_calendar(room.id)
        return {
            CalendarVersion(host.calendar_id, base + step, host.user_id, None, expert.slug),
            CalendarVersion(client.calendar_id, step, client.user_id, None, None),
            CalendarVersion(room_calendar, step, None, room.id, None),
        }

    uid = book_appointment(client, event_type.id, TEN, CLIENT).booking["uid"]
    reschedule_booking(client, uid, TEN + HOUR)
    cancel_booking(client, uid)
    first, second = Interval(TEN, TEN + HOUR / 2), Interval(TEN + HOUR, TEN + HOUR * 1.5)
    assert [(each.name, each.kind, each.period, each.previous) for each in told(published)] == [
        ("newBooking", "appointment", first, None),
        ("bookingRescheduled", "appointment", second, first),
        ("bookingCancelled", "appointment", second, None),
    ]
    assert [set(each.calendars) for each in told(published)] == [
        calendars(step) for step in (1, 2, 3)
    ]
    assert [
        (each.booking["status"], each.booking["version"], each.booking["sequence"])
        for each in told(published)
        if each.booking
    ] == [("confirmed", 1, 0), ("confirmed", 2, 1), ("cancelled", 3, 2)]


def test_who_is_in_it_is_told_who_booked_and_strangers_are_not(published: list[Any]) -> None:
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host, room_id=factories.make_room().id)
    uid = book_appointment(None, event_type.id, TEN, CLIENT).booking["uid"]
    reschedule_booking(host, uid, TEN + HOUR)
    cancel_booking(host, uid, reason="canary notes")
    assert len(told(published)) == 3
    for change in told(published):
        assert not any(secret in in_public(change) for secret in SECRETS)
        assert change.booking is not None
        assert list(change.booking["attendee"].values()) == list(SECRETS)
        assert "manage" not in str(change.booking)


def test_a_seat_is_told_to_its_attendee_and_its_event(published: list[Any]) -> None:
    session, actor = factories.make_session(), factories.make_actor()
    published.clear()
    seats.book_seat(actor, session.id)
    (change,) = told(published)
    assert change.calendars == (CalendarVersion(actor.calendar_id, 1, actor.user_id, None, None),)
    seat = [each for each in published if isinstance(each, SeatsChanged)]
    assert [(each.event_id, each.event_slug, each.event_session_id) for each in seat] == [
        (session.event_id, session.event.slug, session.id)
    ]
    published.clear()
    seats.release_seat(actor, session.id)
    assert [type(each) for each in published] == [SeatsChanged, BookingChanged]


def test_a_replace_is_told_as_two_changes_each_with_a_version(published: list[Any]) -> None:
    old, new = factories.make_session(), factories.make_session()
    actor = factories.make_actor()
    uid = seats.book_seat(actor, old.id).booking["uid"]
    published.clear()
    seats.book_seat(actor, new.id, replace=[uid])
    assert [(each.name, each.calendars[0].version) for each in told(published)] == [
        ("bookingCancelled", 2),
        ("newBooking", 3),
    ]
    assert rows.version(actor.calendar_id) == 3
    changed = {each.event_session_id for each in published if isinstance(each, SeatsChanged)}
    assert changed == {old.id, new.id}


def test_a_reservation_is_told_to_its_room_and_user(published: list[Any]) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    reserve_room(staff, Wanted(room.id, Interval(TEN, TEN + HOUR), "A meeting"))
    (change,) = told(published)
    assert set(change.calendars) == {
        CalendarVersion(staff.calendar_id, 1, staff.user_id, None, None),
        CalendarVersion(rows.room_calendar(room.id), 1, None, room.id, None),
    }


def test_a_session_is_nobodys_booking(published: list[Any]) -> None:
    speaker, _ = factories.make_expert()
    admin = factories.make_admin()
    published.clear()
    session = factories.make_session(speakers=[{"name": "S", "user_id": speaker.user_id}])
    session_changes.move_event_session(
        admin, session.id, {"starts_at": TEN + HOUR, "ends_at": TEN + HOUR * 2}
    )
    event_sessions.cancel_event_session(admin, session.id)
    assert [(each.name, each.kind, each.booking) for each in told(published)] == [
        (name, "event_session", None)
        for name in ("newBooking", "bookingRescheduled", "bookingCancelled")
    ]
    assert all(len(each.calendars) == 2 for each in told(published))
    assert published.count(AgendaChanged(session.event_id, session.event.slug)) == 3


def test_versions_rise_by_one_with_each_change(published: list[Any]) -> None:
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host, daily_limit=2)
    published.clear()
    base = rows.version(host.calendar_id)
    book_appointment(None, event_type.id, TEN, CLIENT)
    for start in (TEN, TEN + timedelta(minutes=1)):
        with pytest.raises(DomainError):
            book_appointment(None, event_type.id, start, CLIENT)
    uid = book_appointment(None, event_type.id, TEN + HOUR, CLIENT).booking["uid"]
    for _ in range(2):
        cancel_booking(host, uid)
    versions = [each.calendars[0].version for each in told(published)]
    assert versions == [base + 1, base + 2, base + 3]
    event_types.update_event_type(host, event_type.id, {"daily_limit": None})
    assert rows.version(host.calendar_id) == base + 4  # a gap: watchers refetch


def test_a_subscriber_is_told_once(monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    monkeypatch.setattr(changes, "_subscribers", [])
    heard: list[Any] = []
    for _ in range(2):
        changes.subscribe(heard.append)
    one = heard.append
    changes.subscribe(one)
    reserve_room(
        factories.make_contributor(),
        Wanted(factories.make_room().id, Interval(TEN, TEN + HOUR), "A meeting"),
    )
    assert len(told(heard)) == 1
