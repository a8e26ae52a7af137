"""Undoing a cancellation: the same booking again, or an honest refusal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.extensions import db
from app.models import WaitlistEntry
from app.models.interval import Interval
from app.services import approvals, event_types, guarantees, guests, waitlist
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.errors import (
    DomainError,
    Gone,
    NotAllowed,
    NotFound,
    Overlap,
    SessionFull,
    SlotTaken,
    Stale,
)
from app.services.manage_links import manage_token
from app.services.reservations import Wanted, reserve_room
from app.services.restoring import confirm_booking, restore_booking, restore_reservation
from app.services.seats import book_seat
from app.services.series import cancel_series, reserve_series
from app.services.session_changes import move_event_session
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
HALF = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def sound(context: Any) -> Iterator[None]:
    """Whatever a test does, the audit finds nothing after it."""
    yield
    db.session.rollback()
    assert guarantees.find_breaches() == []


def test_an_appointment_stands_again_as_it_was() -> None:
    host, _ = factories.make_expert()
    client = factories.make_actor()
    type_id = factories.make_event_type(host, buffer_after_minutes=15).id
    booked = book_appointment(client, type_id, TEN, factories.client_named()).booking
    cancel_booking(client, booked["uid"], reason="A mistake")
    restored = restore_booking(client, booked["uid"], version=2)
    assert restored == booked | {"version": 3, "sequence": 2}
    assert rows.busy(host.calendar_id) == [Interval(TEN, TEN + HALF + HALF / 2)]
    assert rows.busy(client.calendar_id) == [Interval(TEN, TEN + HALF)]
    assert rows.mails()[-2:] == [
        ("appointment_restored", "gwen@example.org"),
        ("appointment_restored_host", host.email),
    ]
    assert len(rows.reminders()) == 2
    assert restore_booking(client, booked["uid"]) == restored
    with pytest.raises(Stale):
        restore_booking(client, booked["uid"], version=2)


def test_the_rules_are_not_asked_again() -> None:
    """An undo a moment later must not fail for the notice, nor for a type that was closed."""
    host, _ = factories.make_expert()
    type_id = factories.make_event_type(host).id
    uid = book_appointment(None, type_id, TEN, factories.client_named()).booking["uid"]
    cancel_booking(host, uid)
    event_types.update_event_type(
        host, type_id, {"is_active": False, "minimum_notice_minutes": 5000, "duration_minutes": 10}
    )
    assert restore_booking(host, uid)["ends_at"] == "2031-03-04T10:30:00Z"


def test_who_cancelled_may_take_it_back_and_the_other_may_not() -> None:
    host, _ = factories.make_expert()
    client = factories.make_actor()
    type_id = factories.make_event_type(host).id
    uid = book_appointment(client, type_id, TEN, factories.client_named()).booking["uid"]
    for one, other in ((client, host), (host, client)):
        cancel_booking(one, uid)
        with pytest.raises(NotAllowed):
            restore_booking(other, uid)
        with pytest.raises(NotFound):
            restore_booking(factories.make_actor(), uid)
        assert confirm_booking(one, uid)["status"] == "confirmed"
    cancel_booking(client, uid)
    assert restore_booking(factories.make_admin(), uid)["status"] == "confirmed"


def test_time_that_was_taken_meanwhile_is_not_given_back(at: Any) -> None:
    host, _ = factories.make_expert()
    client = factories.make_actor()
    type_id = factories.make_event_type(host, slot_step_minutes=15).id
    uid = book_appointment(client, type_id, TEN, factories.client_named()).booking["uid"]
    cancel_booking(client, uid)
    other = book_appointment(None, type_id, TEN + HALF / 2, factories.client_named()).booking
    with pytest.raises(SlotTaken):
        restore_booking(client, uid)
    cancel_booking(host, other["uid"])
    mine = book_seat(client, factories.make_session(starts_at=TEN).id).booking
    with pytest.raises(Overlap) as refused:
        restore_booking(client, uid)
    assert refused.value.extra["conflicts"][0]["uid"] == mine["uid"]
    at(TEN)
    with pytest.raises(Gone):
        restore_booking(client, uid)
    assert rows.booking(uid).status == "cancelled"


def test_a_guest_takes_back_by_the_link_what_the_guest_cancelled() -> None:
    host, _ = factories.make_expert()
    type_id = factories.make_event_type(host).id
    uid = book_appointment(None, type_id, TEN, factories.client_named()).booking["uid"]
    token = manage_token(uid)
    guests.cancel(token)
    assert guests.restore(token)["status"] == "confirmed"
    cancel_booking(host, uid)
    with pytest.raises(NotAllowed):
        guests.restore(token)
    with pytest.raises(NotFound):
        guests.restore("x")


def test_into_a_group_slot_as_far_as_there_is_a_seat() -> None:
    host, _ = factories.make_expert()
    type_id = factories.make_event_type(host, seats=2).id
    uids = [
        book_appointment(None, type_id, TEN, factories.client_named()).booking["uid"]
        for _ in range(2)
    ]
    cancel_booking(host, uids[0])
    restore_booking(host, uids[0])
    assert rows.busy(host.calendar_id) == [Interval(TEN, TEN + HALF)]
    cancel_booking(host, uids[0])
    book_appointment(None, type_id, TEN, factories.client_named())
    with pytest.raises(SlotTaken):
        restore_booking(host, uids[0])


def test_a_declined_request_is_one_again() -> None:
    host, _ = factories.make_expert()
    client = factories.make_actor()
    type_id = factories.make_event_type(host, requires_approval=True).id
    uid = book_appointment(client, type_id, TEN, factories.client_named()).booking["uid"]
    cancel_booking(host, uid)
    assert restore_booking(host, uid)["status"] == "pending"
    approvals.accept_request(host, uid)
    cancel_booking(client, uid)
    assert restore_booking(client, uid)["status"] == "confirmed"  # it was accepted


def test_a_seat_if_nobody_has_it_by_now() -> None:
    attendee, other = factories.make_actor(), factories.make_actor()
    session_id = factories.make_session(starts_at=TEN).id
    seat = book_seat(attendee, session_id).booking
    cancel_booking(attendee, seat["uid"])
    assert restore_booking(attendee, seat["uid"])["status"] == "confirmed"
    assert (rows.seats_taken(session_id), len(rows.busy(attendee.calendar_id))) == (1, 1)
    assert rows.mails()[-1] == ("seat_confirmed", attendee.email)
    waitlist.join(other, session_id)
    cancel_booking(attendee, seat["uid"])
    with pytest.raises(SessionFull):  # it belongs to who waits, given or not yet
        restore_booking(attendee, seat["uid"])


def test_a_seat_that_was_booked_anew_is_not_restored_beside_it() -> None:
    attendee = factories.make_actor()
    session_id = factories.make_session(starts_at=TEN, capacity=5).id
    seat = book_seat(attendee, session_id).booking
    cancel_booking(attendee, seat["uid"])
    book_seat(attendee, session_id)
    with pytest.raises(DomainError, match="another seat"):
        restore_booking(attendee, seat["uid"])


def test_a_reservation_if_room_and_person_are_free() -> None:
    staff, room = factories.make_contributor(), factories.make_room()
    period = Interval(TEN, TEN + HALF)
    uid = reserve_room(staff, Wanted(room.id, period, "A meeting"))["uid"]
    cancel_booking(staff, uid)
    assert restore_booking(staff, uid)["status"] == "confirmed"
    assert rows.busy(staff.calendar_id) == rows.busy(rows.room_calendar(room.id)) == [period]
    cancel_booking(staff, uid)
    reserve_room(factories.make_contributor(), Wanted(room.id, period, "Another"))
    with pytest.raises(Overlap):
        restore_booking(staff, uid)


def test_a_seat_is_restored_while_its_session_runs(at: Any) -> None:
    session, attendee = factories.make_session(starts_at=TEN), factories.make_actor()
    uid = book_seat(attendee, session.id).booking["uid"]
    at(TEN + HALF)
    cancel_booking(attendee, uid)
    assert restore_booking(attendee, uid)["status"] == "confirmed"
    cancel_booking(attendee, uid)
    at(session.ends_at)
    with pytest.raises(Gone):
        restore_booking(attendee, uid)


def test_a_seat_is_restored_as_its_session_is_by_now() -> None:
    attendee = factories.make_actor()
    session_id = factories.make_session(starts_at=TEN).id
    seat = book_seat(attendee, session_id).booking
    cancel_booking(attendee, seat["uid"])
    later = {"title": "Renamed", "starts_at": TEN + HALF, "ends_at": TEN + 3 * HALF}
    move_event_session(factories.make_admin(), session_id, later)
    restored = restore_booking(attendee, seat["uid"])
    assert (restored["title"], restored["starts_at"]) == ("Renamed", "2031-03-04T10:30:00Z")
    assert rows.busy(attendee.calendar_id) == [Interval(TEN + HALF, TEN + 3 * HALF)]


def test_a_seat_that_is_held_for_who_restores_it() -> None:
    attendee, other = factories.make_actor(), factories.make_contributor()
    session = factories.make_session(starts_at=TEN)
    seat = book_seat(attendee, session.id).booking
    cancel_booking(attendee, seat["uid"])
    others = book_seat(other, session.id).booking
    waitlist.join(attendee, session.id)
    elsewhere = book_seat(attendee, factories.make_session(starts_at=TEN).id).booking
    cancel_booking(other, others["uid"])
    waitlist.promote(session.id)  # who waits is busy then, and is offered it
    cancel_booking(attendee, elsewhere["uid"])
    assert restore_booking(attendee, seat["uid"])["status"] == "confirmed"
    assert (rows.seats_taken(session.id), rows.count(WaitlistEntry)) == (1, 0)


@pytest.mark.parametrize("scope", ["one", "all"])
def test_a_reservation_that_an_admin_cancelled_comes_back_by_no_door(scope: str) -> None:
    staff, admin, room = (
        factories.make_contributor(),
        factories.make_admin(),
        factories.make_room(),
    )
    wanted = Wanted(room.id, Interval(TEN, TEN + HALF), "A meeting")
    uid = reserve_series(staff, wanted, "FREQ=DAILY;COUNT=2").bookings[0]["uid"]
    cancel_series(admin, uid, scope)
    assert rows.booking(uid).cancelled_as == "host"
    for restore in (restore_booking, restore_reservation):
        with pytest.raises(NotAllowed):
            restore(staff, uid)
    restore_reservation(admin, uid, scope=scope)
    cancel_series(staff, uid, scope)
    assert rows.booking(uid).cancelled_as == "client"
    assert restore_booking(staff, uid)["status"] == "confirmed"


def test_what_is_left_of_a_reservation_comes_back_by_every_door(at: Any) -> None:
    staff, room = factories.make_contributor(), factories.make_room()
    uid = reserve_room(staff, Wanted(room.id, Interval(TEN, TEN + HALF), "A meeting"))["uid"]
    at(TEN + HALF / 2)
    for restore in (restore_booking, restore_reservation):
        cancel_booking(staff, uid)
        restore(staff, uid)
        assert rows.booking(uid).status == "confirmed"
    cancel_booking(staff, uid)
    at(TEN + HALF)
    for restore in (restore_booking, restore_reservation):
        with pytest.raises(Gone):
            restore(staff, uid)
