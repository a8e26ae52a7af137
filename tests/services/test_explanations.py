"""Why a time is not offered: each rule and each busy period by its own name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.models.interval import Interval
from app.services import event_types, experts, slots
from app.services.appointments import book_appointment
from app.services.errors import InvalidInput, NotFound, Unauthenticated
from app.services.explanations import explain
from app.services.reservations import Wanted, reserve_room
from app.services.seats import book_seat
from tests import factories
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)  # Tuesday, 11:00 in Berlin
HALF = timedelta(minutes=30)
HOUR = timedelta(hours=1)


@pytest.fixture
def host(context: Any) -> Any:
    return factories.make_expert(name="Mara")[0]


def rules(host: Any, type_id: int, at: datetime = TEN) -> list[str]:
    return [reason["rule"] for reason in explain(host, type_id, at)["reasons"]]


def test_what_is_offered_has_no_reasons(host: Any) -> None:
    type_id = factories.make_event_type(host).id
    assert explain(host, type_id, TEN) == {
        "at": "2031-03-04T10:00:00Z",
        "ends_at": "2031-03-04T10:30:00Z",
        "time_zone": "Europe/Berlin",
        "offered": True,
        "reasons": [],
    }


def test_it_agrees_with_the_slots_all_day_long(host: Any) -> None:
    """Whatever is there: a start is a slot exactly when there is no reason against it."""
    room = factories.make_room()
    type_id = factories.make_event_type(
        host, room_id=room.id, slot_step_minutes=15, buffer_after_minutes=10, seats=2, daily_limit=9
    ).id
    staff = factories.make_contributor()
    reserve_room(staff, Wanted(room.id, Interval(TEN - HOUR, TEN - HALF), "Cleaning"))
    factories.make_session(
        starts_at=TEN + HOUR, minutes=45, speakers=[{"name": "M", "user_id": host.user_id}]
    )
    for _ in range(2):
        book_appointment(None, type_id, TEN, factories.client_named())
    book_appointment(None, type_id, TEN + 4 * HOUR, factories.client_named())
    offer = slots.get_offer(type_id)
    day = slots.list_slots(offer.expert_slug, offer.slug, TEN.date(), TEN.date(), "UTC")
    free = {start for starts in day.days.values() for start in starts}
    assert len(free) > 5
    for number in range(24 * 12):
        start = TEN.replace(hour=0) + number * timedelta(minutes=5)
        assert explain(host, type_id, start)["offered"] == (start in free), start


@pytest.mark.parametrize(
    ("change", "at", "expected"),
    [
        ({}, NOW - HOUR, ["past", "hours"]),
        ({"minimum_notice_minutes": 3000}, TEN, ["notice"]),
        ({"horizon_days": 0}, TEN, ["horizon"]),
        ({}, TEN + 8 * HOUR, ["hours"]),
        ({}, TEN + HALF / 2, ["step"]),
        ({"is_active": False}, TEN, ["inactive"]),
        (
            {"minimum_notice_minutes": 3000, "horizon_days": 0},
            TEN + HALF / 2,
            ["notice", "horizon", "step"],
        ),
    ],
)
def test_each_rule(host: Any, change: dict[str, Any], at: datetime, expected: list[str]) -> None:
    type_id = factories.make_event_type(host, **change).id
    assert rules(host, type_id, at) == expected


def test_days_off_holidays_and_other_hours(host: Any) -> None:
    type_id = factories.make_event_type(host).id
    experts.replace_availability(
        host,
        {
            "weekly": [{"weekday": day, "start": "08:00", "end": "17:00"} for day in range(5)],
            "overrides": [
                {"date": "2031-03-04"},
                {"date": "2031-03-05", "intervals": [{"start": "08:00", "end": "09:00"}]},
            ],
            "holidays": {"country": "DE"},
        },
    )
    assert rules(host, type_id) == rules(host, type_id, TEN + timedelta(days=1)) == ["override"]
    [reason] = explain(host, type_id, datetime(2031, 5, 1, 8, tzinfo=UTC))["reasons"]
    assert (reason["rule"], "Labor Day" in reason["detail"]) == ("holiday", True)


def test_a_full_day(host: Any) -> None:
    type_id = factories.make_event_type(host, daily_limit=1).id
    book_appointment(None, type_id, TEN, factories.client_named())
    assert rules(host, type_id, TEN + HOUR) == ["daily_limit"]


def test_what_is_busy_by_its_name(host: Any) -> None:
    type_id = factories.make_event_type(host, slot_step_minutes=15, buffer_after_minutes=15).id
    other = factories.make_event_type(host, title="Deep dive", buffer_before_minutes=30).id
    booked = book_appointment(None, other, TEN, factories.client_named()).booking
    cause = {
        "uid": booked["uid"],
        "kind": "appointment",
        "title": "Deep dive",
        "starts_at": "2031-03-04T10:00:00Z",
        "ends_at": "2031-03-04T10:30:00Z",
    }
    [reason] = explain(host, type_id, TEN)["reasons"]
    assert (reason["rule"], reason["cause"]) == ("busy", cause)
    [reason] = explain(host, type_id, TEN - HALF)["reasons"]
    assert (reason["rule"], reason["detail"]) == (
        "buffer",
        "The buffer of this event type would reach into Deep dive.",
    )
    event_types.update_event_type(host, type_id, {"buffer_after_minutes": 0})
    [reason] = explain(host, type_id, TEN - HALF)["reasons"]
    assert (reason["rule"], reason["detail"]) == (
        "buffer",
        "This lies in the buffer of Deep dive.",
    )


def test_talks_seats_and_rooms(host: Any) -> None:
    room = factories.make_room(name="Red room")
    type_id = factories.make_event_type(host, room_id=room.id).id
    factories.make_session(starts_at=TEN, speakers=[{"name": "M", "user_id": host.user_id}])
    [reason] = explain(host, type_id, TEN)["reasons"]
    assert (reason["rule"], reason["cause"]["kind"]) == ("event_session", "event_session")
    book_seat(host, factories.make_session(starts_at=TEN + 2 * HOUR).id)
    [reason] = explain(host, type_id, TEN + 2 * HOUR)["reasons"]
    assert (reason["rule"], reason["cause"]["kind"]) == ("busy", "seat")
    staff = factories.make_contributor()
    reserve_room(
        staff, Wanted(room.id, Interval(TEN + 4 * HOUR, TEN + 5 * HOUR), "Confidential canary")
    )
    [reason] = explain(host, type_id, TEN + 4 * HOUR)["reasons"]
    assert (reason["rule"], set(reason["cause"])) == ("room", {"starts_at", "ends_at"})
    assert "canary" not in str(reason)


def test_a_slot_of_one_seat_that_is_taken_is_busy(host: Any) -> None:
    type_id = factories.make_event_type(host).id
    book_appointment(None, type_id, TEN, factories.client_named())
    [reason] = explain(host, type_id, TEN)["reasons"]
    assert (reason["rule"], reason["cause"]["title"]) == ("busy", "Consultation")


def test_a_group_slot_that_is_full(host: Any) -> None:
    type_id = factories.make_event_type(host, seats=2).id
    for left in (2, 1, 0):
        told = explain(host, type_id, TEN)
        assert (told["seats_left"], told["offered"]) == (left, left > 0)
        if left:
            book_appointment(None, type_id, TEN, factories.client_named())
    assert [reason["rule"] for reason in told["reasons"]] == ["full"]


def test_it_is_told_to_the_expert_and_admins_alone(host: Any) -> None:
    type_id = factories.make_event_type(host).id
    for stranger in (factories.make_actor(), factories.make_expert()[0]):
        with pytest.raises(NotFound):
            explain(stranger, type_id, TEN)
    with pytest.raises(Unauthenticated):
        explain(None, type_id, TEN)
    assert explain(factories.make_admin(), type_id, TEN)["offered"]
    with pytest.raises(InvalidInput):
        explain(host, type_id, datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
