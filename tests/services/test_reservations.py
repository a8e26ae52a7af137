"""Reservations: staff's claims on rooms, who may make, move and cancel them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.models import Booking
from app.models.interval import Interval
from app.services import accounts, bookings, cancellation, changes, guarantees
from app.services.errors import (
    Gone,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Overlap,
    Stale,
    Unauthenticated,
)
from app.services.reservations import Wanted, move_reservation, reserve_room
from tests import factories, rows
from tests.conftest import NOW
from tests.refusals import refusal

pytestmark = pytest.mark.usefixtures("context")


def span(start: int, end: int) -> Interval:
    """Minutes from three hours after `NOW`."""
    base = NOW + timedelta(hours=3)
    return Interval(base + timedelta(minutes=start), base + timedelta(minutes=end))


def wanted(room: Any, start: int = 0, end: int = 30, **values: Any) -> Wanted:
    return Wanted(
        **{"room_id": room.id, "period": span(start, end), "title": "A meeting", **values}
    )


def test_a_reservation_occupies_the_room_and_the_responsible_user() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    booking = reserve_room(staff, wanted(room, title=" Board\n meeting ", reservation_type="Live"))
    assert booking == {
        "uid": booking["uid"],
        "kind": "reservation",
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "title": "Board meeting",
        "starts_at": "2031-03-03T09:00:00Z",
        "ends_at": "2031-03-03T09:30:00Z",
        "location": room.name,
        "meeting_url": None,
        "ics_url": f"http://localhost/api/bookings/{booking['uid']}.ics",
        "responsible_user": {"id": staff.user_id, "name": staff.name},
        "reservation_type": "Live",
        "room": {"id": room.id, "name": room.name},
    }
    assert rows.busy(staff.calendar_id) == [span(0, 30)]
    assert rows.busy(rows.room_calendar(room.id)) == [span(0, 30)]
    assert rows.mails() == []


def test_reservations_are_exact_to_the_minute_and_of_any_length() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    for start, end in [(0, 1), (1, 2), (2, 60 * 24 * 3)]:
        reserve_room(staff, wanted(room, start, end))
    assert len(rows.busy(staff.calendar_id)) == 3


def test_an_admin_reserves_for_somebody_else() -> None:
    room, other = factories.make_room(), factories.make_contributor()
    booking = reserve_room(factories.make_admin(), wanted(room, responsible_user_id=other.user_id))
    assert booking["responsible_user"] == {"id": other.user_id, "name": other.name}
    assert rows.busy(other.calendar_id) == [span(0, 30)]


def test_a_contributor_reserves_only_for_oneself() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    other = factories.make_contributor()
    refusal(
        NotAllowed, lambda: reserve_room(staff, wanted(room, responsible_user_id=other.user_id))
    )
    assert reserve_room(staff, wanted(room, responsible_user_id=staff.user_id))


@pytest.mark.parametrize("who", ["guest", "flagged", "attendee", "expert", "agenda's sign-in"])
def test_only_staff_reserve(who: str) -> None:
    room = factories.make_room()
    actor, error = {
        "guest": lambda: (None, Unauthenticated),
        "flagged": lambda: (factories.make_admin(flagged=True), MustChangePassword),
        "attendee": lambda: (factories.make_actor(), NotAllowed),
        "expert": lambda: (factories.make_expert()[0], NotAllowed),
        "agenda's sign-in": lambda: (
            factories.actor_of(factories.make_user("Admin"), "agenda:1"),
            NotAllowed,
        ),
    }[who]()
    refusal(error, lambda: reserve_room(actor, wanted(room)))
    refusal(error, lambda: move_reservation(actor, "no-such-uid", wanted(room)))
    assert rows.count(Booking) == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"reservation_type": "Dead"}, "event_type"),
        ({"period": span(-200, 0)}, "starts_at"),
    ],
)
def test_what_is_wanted_is_checked(values: dict[str, Any], field: str) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    error = refusal(InvalidInput, lambda: reserve_room(staff, wanted(room, **values)))
    assert list(error.extra["errors"]) == [field]
    assert rows.count(Booking) == 0


def test_room_and_user_exist() -> None:
    room, admin = factories.make_room(), factories.make_admin()
    left = factories.make_contributor()
    accounts.deactivate(admin, left.user_id)
    for values, field in [
        ({"room_id": 999_999}, "room_id"),
        ({"room_id": 2**40}, "room_id"),
        ({"responsible_user_id": 999_999}, "responsible_user_id"),
        ({"responsible_user_id": left.user_id}, "responsible_user_id"),
    ]:
        error = refusal(
            InvalidInput, lambda values=values: reserve_room(admin, wanted(room, **values))
        )
        assert list(error.extra["errors"]) == [field]


def test_a_taken_room_is_an_overlap_of_times() -> None:
    room = factories.make_room()
    reserve_room(factories.make_contributor(), wanted(room, title="First"))
    other = factories.make_contributor()
    error = refusal(Overlap, lambda: reserve_room(other, wanted(room, 29, 60)))
    assert error.extra == {
        "conflicts": [{"starts_at": "2031-03-03T09:00:00Z", "ends_at": "2031-03-03T09:30:00Z"}]
    }
    assert rows.busy(other.calendar_id) == []


def test_one_is_in_one_room_at_a_time() -> None:
    staff = factories.make_contributor()
    first = reserve_room(staff, wanted(factories.make_room()))
    error = refusal(Overlap, lambda: reserve_room(staff, wanted(factories.make_room())))
    assert [conflict["uid"] for conflict in error.extra["conflicts"]] == [first["uid"]]


def test_a_session_in_the_room_is_an_overlap() -> None:
    room, session = factories.make_room(), None
    session = factories.make_session(starts_at=span(0, 60).starts_at, room_id=room.id)
    error = refusal(Overlap, lambda: reserve_room(factories.make_admin(), wanted(room)))
    assert [(each["kind"], each["title"]) for each in error.extra["conflicts"]] == [
        ("event_session", session.title)
    ]


# -- moved -------------------------------------------------------------------------------


def test_a_move_changes_everything_but_the_uid(published: list[changes.Change]) -> None:
    room, new_room, admin = factories.make_room(), factories.make_room(), factories.make_admin()
    old, new = factories.make_contributor(), factories.make_contributor()
    uid = reserve_room(old, wanted(room))["uid"]
    published.clear()
    moved = move_reservation(
        admin,
        uid,
        wanted(new_room, 60, 120, title="Moved", responsible_user_id=new.user_id),
        version=1,
    )
    assert (moved["uid"], moved["version"], moved["sequence"], moved["title"]) == (
        uid,
        2,
        1,
        "Moved",
    )
    assert moved["responsible_user"] == {"id": new.user_id, "name": new.name}
    for calendar in (old.calendar_id, rows.room_calendar(room.id)):
        assert rows.busy(calendar) == []
    for calendar in (new.calendar_id, rows.room_calendar(new_room.id)):
        assert rows.busy(calendar) == [span(60, 120)]
    (change,) = published
    assert isinstance(change, changes.BookingChanged)
    assert (change.name, change.previous, len(change.calendars)) == (
        "bookingRescheduled",
        span(0, 30),
        4,
    )
    assert guarantees.find_breaches() == []


def test_a_reservation_may_move_over_itself() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uid = reserve_room(staff, wanted(room))["uid"]
    move_reservation(staff, uid, wanted(room, 15, 45))
    assert rows.busy(staff.calendar_id) == [span(15, 45)]


def test_a_refused_move_changes_nothing() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uid = reserve_room(staff, wanted(room))["uid"]
    reserve_room(factories.make_contributor(), wanted(room, 60, 90))
    refusal(Overlap, lambda: move_reservation(staff, uid, wanted(room, 45, 75)))
    assert rows.booking(uid).version == 1
    assert rows.busy(staff.calendar_id) == [span(0, 30)]


def test_of_two_moves_from_the_same_look_the_second_is_stale(meanwhile: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uid = reserve_room(staff, wanted(room))["uid"]
    move_reservation(staff, uid, wanted(room, 60, 90), version=1)
    refusal(Stale, lambda: move_reservation(staff, uid, wanted(room, 90, 120), version=1))
    assert rows.busy(staff.calendar_id) == [span(60, 90)]


def test_a_contributor_changes_only_own_reservations() -> None:
    room, staff, other = (
        factories.make_room(),
        factories.make_contributor(),
        factories.make_contributor(),
    )
    uid = reserve_room(other, wanted(room))["uid"]
    refusal(NotAllowed, lambda: move_reservation(staff, uid, wanted(room, 60, 90)))
    refusal(NotAllowed, lambda: cancellation.cancel_booking(staff, uid))
    assert rows.booking(uid).version == 1
    assert bookings.get_booking(staff, uid)["title"] == "A meeting"


def test_an_admin_changes_every_reservation() -> None:
    room, admin, other = (
        factories.make_room(),
        factories.make_admin(),
        factories.make_contributor(),
    )
    uid = reserve_room(other, wanted(room))["uid"]
    kept = wanted(room, 60, 90, responsible_user_id=other.user_id)
    assert move_reservation(admin, uid, kept)["responsible_user"]["id"] == other.user_id
    assert cancellation.cancel_booking(admin, uid)["status"] == "cancelled"


def test_a_contributor_does_not_hand_a_reservation_over() -> None:
    room, staff, other = (
        factories.make_room(),
        factories.make_contributor(),
        factories.make_contributor(),
    )
    uid = reserve_room(staff, wanted(room))["uid"]
    handed = wanted(room, responsible_user_id=other.user_id)
    refusal(NotAllowed, lambda: move_reservation(staff, uid, handed))


def test_what_is_cancelled_over_or_no_reservation_is_not_moved(at: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    cancelled = reserve_room(staff, wanted(room, 60, 90))["uid"]
    cancellation.cancel_booking(staff, cancelled)
    refusal(Gone, lambda: move_reservation(staff, cancelled, wanted(room, 120, 150)))
    over = reserve_room(staff, wanted(room))["uid"]
    from app.services.seats import book_seat

    seat = book_seat(staff, factories.make_session().id).booking["uid"]
    refusal(NotFound, lambda: move_reservation(staff, seat, wanted(room, 120, 150)))
    at(span(0, 30).ends_at)
    refusal(Gone, lambda: move_reservation(staff, over, wanted(room, 120, 150)))


def test_the_minute_that_runs_can_still_be_had(at: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    at(span(0, 1).starts_at + timedelta(seconds=40))
    reserve_room(staff, wanted(room, 0, 10))
    error = refusal(InvalidInput, lambda: reserve_room(staff, wanted(room, -1, 0)))
    assert list(error.extra["errors"]) == ["starts_at"]


def test_a_running_reservation_is_prolonged_and_renamed_but_not_begun_earlier(at: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uid = reserve_room(staff, wanted(room))["uid"]
    at(span(10, 20).starts_at)
    moved = move_reservation(staff, uid, wanted(room, 0, 45, title="Longer"))
    assert (moved["title"], moved["ends_at"]) == ("Longer", "2031-03-03T09:45:00Z")
    error = refusal(InvalidInput, lambda: move_reservation(staff, uid, wanted(room, 5, 45)))
    assert list(error.extra["errors"]) == ["starts_at"]


def test_a_cancelled_reservation_frees_room_and_user() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uid = reserve_room(staff, wanted(room))["uid"]
    cancellation.cancel_booking(staff, uid, reason="Rain")
    assert rows.booking(uid).cancel_reason == "Rain"
    assert rows.busy(staff.calendar_id) == []
    assert reserve_room(factories.make_contributor(), wanted(room))["uid"] != uid
