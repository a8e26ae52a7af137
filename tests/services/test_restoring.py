"""Cancelled bookings come back if what they had is still free, and only then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import BusyPeriod
from app.models.interval import Interval
from app.services import appointments, cancellation, guarantees, reservations, seats, waitlist
from app.services.errors import Gone, NotAllowed, NotFound, Overlap, SessionFull
from app.services.event_sessions import cancel_event_session, move_event_session
from app.services.reservations import Wanted
from app.services.restoring import restore_booking
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


@pytest.fixture
def admin(context: Any) -> Any:
    return factories.make_admin()


def periods(uid: str) -> list[tuple[int, Interval]]:
    """Which calendars a booking occupies, and when."""
    found = db.session.execute(
        select(BusyPeriod.calendar_id, BusyPeriod.starts_at, BusyPeriod.ends_at)
        .where(BusyPeriod.booking_id == rows.booking(uid).id)
        .order_by(BusyPeriod.calendar_id)
    )
    return [(row.calendar_id, Interval(row.starts_at, row.ends_at)) for row in found]


def cancelled(admin: Any, booking: dict[str, Any]) -> str:
    cancellation.cancel_booking(admin, booking["uid"])
    return str(booking["uid"])


def appointment(_: Any) -> dict[str, Any]:
    expert, _profile = factories.make_expert()
    event_type = factories.make_event_type(
        expert, buffer_before_minutes=15, room_id=factories.make_room().id
    )
    client = factories.make_actor()
    return appointments.book_appointment(
        client, event_type.id, TEN, factories.client_named()
    ).booking


def seat(_: Any) -> dict[str, Any]:
    return seats.book_seat(factories.make_actor(), factories.make_session().id).booking


def reservation(admin: Any) -> dict[str, Any]:
    period = factories.period("2031-03-05T09:00Z", "2031-03-05T10:00Z")
    return reservations.reserve_room(admin, Wanted(factories.make_room().id, period, "R"))


@pytest.mark.parametrize("book", [appointment, seat, reservation])
def test_a_booking_of_any_kind_comes_back_as_it_was(
    book: Callable[[Any], dict[str, Any]], admin: Any
) -> None:
    booking = book(admin)
    held = periods(booking["uid"])
    uid = cancelled(admin, booking)
    assert periods(uid) == []
    for _ in range(2):  # restoring twice is once
        restored = restore_booking(admin, uid)
        assert (restored["status"], restored["sequence"]) == ("confirmed", 2)
    assert periods(uid) == held
    row = rows.booking(uid)
    assert (row.status, row.cancelled_at, row.cancel_reason) == ("confirmed", None, "")
    if booking["kind"] != "reservation":
        assert [name for name, _ in rows.mails()][-1].startswith(f"{booking['kind']}_confirmed")
    assert guarantees.find_breaches() == []


def test_what_was_taken_meanwhile_stays_with_who_took_it(admin: Any) -> None:
    session, person = factories.make_session(), factories.make_actor()
    uid = cancelled(admin, seats.book_seat(person, session.id).booking)
    seats.book_seat(factories.make_actor(), session.id)
    with pytest.raises(SessionFull):
        restore_booking(admin, uid)
    other = cancelled(admin, reservation(admin))
    reservations.reserve_room(
        factories.make_admin(),
        Wanted(
            rows.booking(other).room_id,
            factories.period("2031-03-05T09:30Z", "2031-03-05T10:30Z"),
            "X",
        ),
    )
    with pytest.raises(Overlap):
        restore_booking(admin, other)
    assert rows.booking(other).status == "cancelled"
    assert guarantees.find_breaches() == []


def test_a_seat_comes_back_at_the_time_the_session_has_now(admin: Any) -> None:
    session, person = factories.make_session(), factories.make_actor()
    uid = cancelled(admin, seats.book_seat(person, session.id).booking)
    later = {"starts_at": TEN + timedelta(hours=4), "ends_at": TEN + timedelta(hours=5)}
    move_event_session(admin, session.id, later)
    assert restore_booking(admin, uid)["starts_at"] == "2031-03-04T14:00:00Z"
    assert guarantees.find_breaches() == []


def test_nobody_is_restored_past_the_waitlist(admin: Any) -> None:
    session, person, waiting = (
        factories.make_session(),
        factories.make_actor(),
        factories.make_actor(),
    )
    booking = seats.book_seat(person, session.id).booking
    waitlist.join(waiting, session.id)
    uid = cancelled(admin, booking)
    with pytest.raises(SessionFull):
        restore_booking(admin, uid)


def test_what_is_over_or_unknown_or_not_theirs_is_refused(admin: Any, at: Any) -> None:
    person = factories.make_actor()
    session = factories.make_session()
    uid = cancelled(admin, seats.book_seat(person, session.id).booking)
    with pytest.raises(NotAllowed):
        restore_booking(person, uid)
    with pytest.raises(NotFound):
        restore_booking(admin, "none")
    gone = cancelled(admin, seats.book_seat(person, session.id).booking)
    cancel_event_session(admin, session.id)
    with pytest.raises(Gone):
        restore_booking(admin, gone)
    past = cancelled(admin, reservation(admin))
    at(datetime(2031, 3, 6, tzinfo=UTC))
    with pytest.raises(Gone):
        restore_booking(admin, past)
