"""Blackouts: rooms that are closed, through the ledger, whoever would book them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.models import Booking
from app.services import (
    blackouts,
    bookings,
    cancellation,
    changes,
    guarantees,
    ledger,
    minutes,
    rooms,
    scheduler,
)
from app.services.appointments import book_appointment
from app.services.errors import (
    DomainError,
    Gone,
    InvalidInput,
    NotAllowed,
    NotFound,
    Overlap,
    SlotTaken,
)
from app.services.reservations import Wanted, change_reservation, reserve_room
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

CLOSED = factories.period("2031-03-04T08:00Z", "2031-03-06T08:00Z")
INSIDE = factories.period("2031-03-05T09:00Z", "2031-03-05T10:00Z")


def test_a_closed_room_is_booked_by_no_face(published: Any) -> None:
    admin, room = factories.make_admin(), factories.make_room(name="Aula")
    closed = blackouts.close_room(admin, room.id, CLOSED, "  Painting the\nwalls ")
    assert closed == {
        "uid": closed["uid"],
        "room": {"id": room.id, "name": "Aula"},
        "starts_at": "2031-03-04T08:00:00Z",
        "ends_at": "2031-03-06T08:00:00Z",
        "reason": "Painting the walls",
    }
    (told,) = published
    assert (told.kind, told.name, told.booking) == ("blackout", changes.NEW_BOOKING, None)
    assert [calendar.room_id for calendar in told.calendars] == [room.id]
    staff = factories.make_contributor()
    with pytest.raises(Overlap) as refused:
        reserve_room(staff, Wanted(room.id, INSIDE, "A meeting"))
    assert len(refused.value.extra["conflicts"]) == 1
    with pytest.raises(Overlap):
        factories.make_session(room_id=room.id, starts_at=INSIDE.starts_at)
    expert, _ = factories.make_expert()
    offer = factories.make_event_type(expert, room_id=room.id).id
    with pytest.raises(SlotTaken):
        book_appointment(None, offer, INSIDE.starts_at, factories.client_named())
    before = factories.period("2031-03-04T07:00Z", "2031-03-04T08:00Z")
    uid = reserve_room(staff, Wanted(room.id, before, "It touches"))["uid"]
    with pytest.raises(Overlap):
        change_reservation(staff, uid, {"ends_at": CLOSED.starts_at + timedelta(minutes=1)})
    assert guarantees.find_breaches() == []


def test_what_is_booked_stays_and_is_shown_first() -> None:
    admin, room, staff = factories.make_admin(), factories.make_room(), factories.make_contributor()
    uid = reserve_room(staff, Wanted(room.id, INSIDE, "A meeting"))["uid"]
    planned, conflicts = blackouts.preview_blackout(admin, room.id, CLOSED, "Painting")
    assert (planned["uid"], planned["reason"]) == (None, "Painting")
    assert [conflict["uid"] for conflict in conflicts] == [uid]
    with pytest.raises(Overlap) as refused:
        blackouts.close_room(admin, room.id, CLOSED, "Painting")
    assert refused.value.extra["conflicts"] == conflicts
    cancellation.cancel_booking(staff, uid)
    blackouts.close_room(admin, room.id, CLOSED, "Painting")


def test_it_ends_once_and_frees_the_room(published: Any, at: Any) -> None:
    admin, room = factories.make_admin(), factories.make_room()
    uid = blackouts.close_room(admin, room.id, CLOSED, "Painting")["uid"]
    other = blackouts.close_room(
        admin, room.id, factories.period("2031-03-07T08:00Z", "2031-03-07T09:00Z"), "Again"
    )["uid"]
    assert [each["reason"] for each in blackouts.list_blackouts(admin, room.id)] == [
        "Painting",
        "Again",
    ]
    published.clear()
    for _ in range(2):
        blackouts.reopen_room(admin, uid)
    (told,) = published
    assert (told.name, told.period) == (changes.BOOKING_CANCELLED, CLOSED)
    assert len(rows.busy(rows.room_calendar(room.id))) == 1
    assert reserve_room(factories.make_contributor(), Wanted(room.id, INSIDE, "A meeting"))
    at(datetime(2031, 3, 8, tzinfo=UTC))
    with pytest.raises(Gone):
        blackouts.reopen_room(admin, other)
    assert blackouts.list_blackouts(admin, room.id) == []


def test_only_admins_close_rooms_and_only_for_a_reason_and_a_future() -> None:
    admin, room, staff = factories.make_admin(), factories.make_room(), factories.make_contributor()
    for act in (
        lambda: blackouts.close_room(staff, room.id, CLOSED, "Painting"),
        lambda: blackouts.preview_blackout(staff, room.id, CLOSED, "Painting"),
        lambda: blackouts.reopen_room(staff, "any"),
        lambda: blackouts.list_blackouts(factories.make_actor(), room.id),
    ):
        with pytest.raises(NotAllowed):
            act()
    past = factories.period("2031-03-01T08:00Z", "2031-03-02T08:00Z")
    for period, reason, field in [(CLOSED, " ", "reason"), (past, "Painting", "ends_at")]:
        with pytest.raises(InvalidInput) as refused:
            blackouts.close_room(admin, room.id, period, reason)
        assert list(refused.value.errors) == [field]
    with pytest.raises(NotFound):
        blackouts.close_room(admin, 999, CLOSED, "Painting")
    with pytest.raises(NotFound):
        blackouts.reopen_room(admin, "nothing")
    assert rows.count(Booking) == 0


def test_it_is_read_as_such_and_is_nobodys_booking() -> None:
    admin, room = factories.make_admin(), factories.make_room()
    uid = blackouts.close_room(admin, room.id, CLOSED, "Painting")["uid"]
    (public,) = minutes.room_day(None, room.id, date(2031, 3, 5))["busy"]
    assert (public["kind"], public["title"], public["start"], public["end"]) == (
        "blackout",
        "Painting",
        "00:00",
        "24:00",
    )
    (seen,) = scheduler.day(admin, date(2031, 3, 4))["rooms"][0]["busy"]
    assert (seen["uid"], seen["mine"]) == (uid, False)
    assert minutes.list_events(admin) == []
    for read in (bookings.get_booking, cancellation.cancel_booking):
        with pytest.raises(NotFound):
            read(admin, uid)
    assert bookings.list_bookings(admin, page=1, page_size=10).total == 0
    with pytest.raises(DomainError):
        rooms.delete_room(admin, room.id)
    (conflict,) = ledger.find_conflicts([ledger.Claim(rows.room_calendar(room.id), INSIDE)])
    assert conflict.seen_by(admin)["kind"] == "blackout"
