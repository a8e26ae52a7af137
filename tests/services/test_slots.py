"""Free starts: an event type's rules and everything that is in the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.models.interval import Interval
from app.services import event_sessions, event_types, experts, seats, slots
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.errors import Gone, InvalidInput, NotFound, NotOffered, SlotTaken
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")

TUESDAY = date(2031, 3, 4)
TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
ALL_DAY = [f"{hour:02}:00" for hour in range(7, 16)]  # 08:00 to 17:00 in Berlin


class Offer:
    """An expert's event type of an hour, and how its slots read."""

    def __init__(self, **values: Any) -> None:
        self.host, self.expert = factories.make_expert()
        self.slug = self.expert.slug
        self.type = factories.make_event_type(self.host, duration_minutes=60, **values)
        self.type_id, self.type_slug = self.type.id, self.type.slug

    def on(self, first: date = TUESDAY, last: date | None = None, zone: str | None = None) -> Any:
        return slots.list_slots(self.slug, self.type_slug, first, last or first, zone)

    def utc(self, first: date = TUESDAY) -> list[str]:
        """Starts of one day of the expert as HH:MM in UTC."""
        days = self.on(first).days
        return [f"{start.astimezone(UTC):%H:%M}" for start in days.get(first, [])]


def without(*taken: str) -> list[str]:
    return [start for start in ALL_DAY if start not in taken]


def test_a_free_day_has_all_its_slots_in_the_experts_zone() -> None:
    offer = Offer()
    found = offer.on()
    assert (found.time_zone, found.duration_minutes) == ("Europe/Berlin", 60)
    assert found.version == rows.version(offer.host.calendar_id)
    assert [start.isoformat() for start in found.days[TUESDAY]][:2] == [
        "2031-03-04T08:00:00+01:00",
        "2031-03-04T09:00:00+01:00",
    ]
    assert offer.utc() == ALL_DAY


def test_days_without_starts_are_absent_and_both_ends_included() -> None:
    found = Offer().on(date(2031, 3, 7), date(2031, 3, 10))
    assert list(found.days) == [date(2031, 3, 7), date(2031, 3, 10)]


def test_days_are_those_of_the_zone_asked_for() -> None:
    offer = Offer()
    found = offer.on(TUESDAY, TUESDAY, "Asia/Tokyo")
    assert found.time_zone == "Asia/Tokyo"
    # Tuesday in Tokyo begins and ends at 15:00Z.
    assert [start.isoformat() for start in found.days[TUESDAY]][:1] == ["2031-03-04T00:00:00+09:00"]
    assert len(found.days[TUESDAY]) == 9
    found = offer.on(TUESDAY, TUESDAY, "Pacific/Honolulu")
    assert [start.isoformat() for start in found.days[TUESDAY]] == [
        f"2031-03-04T{hour:02}:00:00-10:00" for hour in (0, 1, 2, 3, 4, 5, 21, 22, 23)
    ]


def test_the_change_of_the_clocks_keeps_local_hours() -> None:
    offer = Offer()
    before, after = date(2031, 3, 28), date(2031, 3, 31)
    assert (offer.utc(before)[0], offer.utc(after)[0]) == ("07:00", "06:00")


@pytest.mark.parametrize("cause", ["appointment", "seat", "talk", "reservation", "room"])
def test_whatever_occupies_the_expert_or_the_room_is_not_offered(cause: str) -> None:
    room = factories.make_room()
    offer = Offer(room_id=room.id)
    hour = Interval(TEN, TEN + timedelta(hours=1))
    if cause == "appointment":
        other = factories.make_event_type(offer.host, duration_minutes=60)
        book_appointment(None, other.id, TEN, factories.client_named())
    elif cause == "seat":
        seats.book_seat(offer.host, factories.make_session(starts_at=TEN).id)
    elif cause == "talk":
        factories.make_session(
            starts_at=TEN, speakers=[{"name": "H", "user_id": offer.host.user_id}]
        )
    elif cause == "reservation":
        wanted = Wanted(factories.make_room().id, hour, "A meeting", None, offer.host.user_id)
        reserve_room(factories.make_admin(), wanted)
    else:
        reserve_room(factories.make_contributor(), Wanted(room.id, hour, "A meeting"))
    assert offer.utc() == without("10:00")


def test_what_is_released_is_offered_again() -> None:
    offer, admin = Offer(), factories.make_admin()
    talk = factories.make_session(
        starts_at=TEN, speakers=[{"name": "H", "user_id": offer.host.user_id}]
    )
    uid = book_appointment(
        None, offer.type_id, TEN + timedelta(hours=2), factories.client_named()
    ).booking["uid"]
    assert offer.utc() == without("10:00", "12:00")
    event_sessions.cancel_event_session(admin, talk.id)
    cancel_booking(offer.host, uid)
    assert offer.utc() == ALL_DAY


def test_buffers_of_neighbours_add_up() -> None:
    offer = Offer(slot_step_minutes=15, buffer_before_minutes=15, buffer_after_minutes=30)
    book_appointment(None, offer.type_id, TEN, factories.client_named())
    around = [start for start in offer.utc() if "08:00" <= start <= "12:00"]
    assert around == ["08:00", "08:15", "11:45", "12:00"]


def test_a_rooms_time_has_no_buffers() -> None:
    room = factories.make_room()
    offer = Offer(room_id=room.id, slot_step_minutes=15, buffer_after_minutes=30)
    hour = Interval(TEN, TEN + timedelta(hours=1))
    reserve_room(factories.make_contributor(), Wanted(room.id, hour, "A meeting"))
    assert [start for start in offer.utc() if "08:30" <= start <= "11:15"] == [
        "08:30",
        "08:45",
        "09:00",
        "11:00",
        "11:15",
    ]


def test_a_full_day_is_absent() -> None:
    offer = Offer(daily_limit=1)
    book_appointment(None, offer.type_id, TEN, factories.client_named())
    assert offer.on(TUESDAY, date(2031, 3, 5)).days.keys() == {date(2031, 3, 5)}


def test_notice_and_horizon_bound_what_is_offered() -> None:
    offer = Offer(minimum_notice_minutes=180, horizon_days=1)
    found = offer.on(date(2031, 3, 1), date(2031, 3, 31))
    assert found.days[date(2031, 3, 3)][0] == NOW + timedelta(hours=3)
    assert list(found.days) == [date(2031, 3, 3), TUESDAY]


def test_overrides_replace_the_weekly_hours() -> None:
    offer = Offer()
    experts.replace_availability(
        offer.host,
        {
            "weekly": [{"weekday": 1, "start": "08:00", "end": "12:00"}],
            "overrides": [
                {"date": "2031-03-04", "intervals": [{"start": "20:00", "end": "22:00"}]},
                {"date": "2031-03-11", "intervals": []},
            ],
        },
    )
    assert offer.utc() == ["19:00", "20:00"]
    assert offer.utc(date(2031, 3, 11)) == []
    assert offer.utc(date(2031, 3, 18)) == ["07:00", "08:00", "09:00", "10:00"]


def test_the_version_rises_with_what_is_offered() -> None:
    offer = Offer()
    before = offer.on().version
    book_appointment(None, offer.type_id, TEN, factories.client_named())
    event_types.update_event_type(offer.host, offer.type_id, {"slot_step_minutes": 30})
    experts.replace_availability(offer.host, {"weekly": [], "overrides": []})
    assert offer.on().version == before + 3


@pytest.mark.parametrize(
    ("first", "last", "zone", "field"),
    [
        (TUESDAY, TUESDAY - timedelta(days=1), None, "to"),
        (TUESDAY, TUESDAY + timedelta(days=62), None, "to"),
        (TUESDAY, TUESDAY, "Mars/Olympus", "time_zone"),
        (date.max, date.max, None, "from"),
        (date.min, date.min, "Asia/Tokyo", "from"),
    ],
)
def test_a_window_makes_sense(first: date, last: date, zone: str | None, field: str) -> None:
    offer = Offer()
    with pytest.raises(InvalidInput) as refused:
        offer.on(first, last, zone)
    assert list(refused.value.extra["errors"]) == [field]


def test_62_days_are_not_too_many() -> None:
    found = Offer(horizon_days=730).on(TUESDAY, TUESDAY + timedelta(days=61))
    assert max(found.days) > TUESDAY + timedelta(days=58)


def test_unknown_is_not_found_and_inactive_is_gone() -> None:
    offer = Offer()
    for slug, type_slug in [("nobody", offer.type_slug), (offer.slug, "nothing")]:
        with pytest.raises(NotFound):
            slots.list_slots(slug, type_slug, TUESDAY, TUESDAY)
    event_types.update_event_type(offer.host, offer.type_id, {"is_active": False})
    with pytest.raises(Gone):
        offer.on()


def test_every_slot_is_booked_and_nothing_else() -> None:
    """What is offered is what is accepted, start by start, on a day with something in it."""
    offer = Offer(slot_step_minutes=20, buffer_after_minutes=10)
    seats.book_seat(offer.host, factories.make_session(starts_at=TEN).id)
    offered = set(offer.on().days[TUESDAY])
    for number in range(0, 24 * 60, 10):
        start = datetime(2031, 3, 4, tzinfo=UTC) + timedelta(minutes=number)
        try:
            uid = book_appointment(None, offer.type_id, start, factories.client_named()).booking[
                "uid"
            ]
        except (SlotTaken, NotOffered):
            assert start not in offered
        else:
            assert start in offered
            cancel_booking(offer.host, uid)
