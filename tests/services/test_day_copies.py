"""Copying a day: at the same local times, all or nothing or what can be."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.models import Booking
from app.services import accounts, changes, guarantees
from app.services.day_copies import Plan, copy_day, preview_copy
from app.services.errors import InvalidInput, NotAllowed, NotFound, Overlap
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

BERLIN = ZoneInfo("Europe/Berlin")
SATURDAY = date(2031, 3, 29)
CHANGE = date(2031, 3, 30)  # 02:00 to 03:00 is missing
MONDAY = date(2031, 3, 31)


def reserve(actor: Any, room: Any, start: str, end: str, title: str = "Choir") -> str:
    """On Saturday, from "10:00" to "11:00"."""
    period = factories.period(f"2031-03-29T{start}+01:00", f"2031-03-29T{end}+01:00")
    return reserve_room(actor, Wanted(room.id, period, title, "Live"))["uid"]


def local(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(BERLIN):%m-%d %H:%M}"


def test_a_day_is_copied_at_the_same_local_times(published: Any) -> None:
    room, hall, staff = factories.make_room(), factories.make_room(), factories.make_contributor()
    reserve(staff, room, "10:00", "11:00")
    reserve(staff, hall, "12:00", "13:00", "Band")
    reserve(factories.make_contributor(), room, "14:00", "15:00")
    preview = preview_copy(staff, Plan(SATURDAY, MONDAY))
    assert [(each["title"], local(each["starts_at"]), each["why"]) for each in preview] == [
        ("Choir", "03-31 10:00", None),
        ("Band", "03-31 12:00", None),
    ]
    assert rows.count(Booking) == 3
    published.clear()
    copied = copy_day(staff, Plan(SATURDAY, MONDAY))
    assert [(each["title"], local(each["starts_at"])) for each in copied.bookings] == [
        ("Choir", "03-31 10:00"),
        ("Band", "03-31 12:00"),
    ]
    assert {each["reservation_type"] for each in copied.bookings} == {"Live"}
    assert copied.skipped == []
    # The two rooms hear of one each; the user of both, by a version that jumps.
    told = [change for change in published if isinstance(change, changes.BookingChanged)]
    by_room = {change.calendars[0].room_id: change.calendars[0].version for change in told}
    assert by_room == {room.id: 3, hall.id: 2, None: 4}
    with pytest.raises(Overlap):
        copy_day(staff, Plan(SATURDAY, MONDAY))
    assert guarantees.find_breaches() == []


def test_one_room_or_everybodys(published: Any) -> None:
    room, hall, staff = factories.make_room(), factories.make_room(), factories.make_contributor()
    admin = factories.make_admin()
    reserve(staff, room, "10:00", "11:00")
    reserve(factories.make_contributor(), hall, "12:00", "13:00")
    with pytest.raises(NotAllowed):
        copy_day(staff, Plan(SATURDAY, MONDAY, whose="all"))
    with pytest.raises(InvalidInput):
        copy_day(admin, Plan(SATURDAY, MONDAY))  # nothing of one's own
    copied = copy_day(admin, Plan(SATURDAY, MONDAY, room.id, "all"))
    assert [each["responsible_user"]["id"] for each in copied.bookings] == [staff.user_id]
    assert len(copy_day(admin, Plan(SATURDAY, date(2031, 4, 1), whose="all")).bookings) == 2


def test_what_cannot_be_says_why_and_the_rest_can() -> None:
    room, hall = factories.make_room(), factories.make_room()
    staff, other, left = (factories.make_contributor() for _ in range(3))
    admin = factories.make_admin()
    reserve(staff, room, "01:30", "02:15", "Into the gap")
    reserve(staff, room, "02:30", "02:45", "Missing")
    reserve(other, room, "03:00", "03:30", "Pushed")
    reserve(left, hall, "10:00", "11:00", "Left")
    reserve(other, hall, "12:00", "13:00", "Taken")
    taken = factories.period("2031-03-30T12:30+02:00", "2031-03-30T14:00+02:00")
    reserve_room(admin, Wanted(hall.id, taken, "First"))
    accounts.deactivate(admin, left.user_id)
    plan = Plan(SATURDAY, CHANGE, whose="all")
    preview = preview_copy(admin, plan)
    # 45 minutes from 01:30 end at 03:15, where the clocks go on.
    assert [(each["title"], each["why"]) for each in preview] == [
        ("Into the gap", None),
        ("Missing", "missing"),
        ("Pushed", "taken"),
        ("Left", "left"),
        ("Taken", "taken"),
    ]
    with pytest.raises(Overlap) as refused:
        copy_day(admin, plan)
    assert [each["title"] for each in refused.value.extra["items"]] == [
        "Missing",
        "Pushed",
        "Left",
        "Taken",
    ]
    copied = copy_day(admin, plan, skip_conflicts=True)
    assert [each["title"] for each in copied.bookings] == ["Into the gap"]
    assert len(copied.skipped) == 4
    assert guarantees.find_breaches() == []


def test_where_only_the_date_is_in_the_way() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    reserve(staff, room, "02:30", "02:45")
    with pytest.raises(InvalidInput) as refused:
        copy_day(staff, Plan(SATURDAY, CHANGE), skip_conflicts=True)
    assert list(refused.value.errors) == ["to"]
    with pytest.raises(InvalidInput):
        copy_day(staff, Plan(SATURDAY, date(2031, 3, 2)))  # past


def test_a_plan_makes_sense() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    reserve(staff, room, "10:00", "11:00")
    for plan, error in [
        (Plan(SATURDAY, SATURDAY), InvalidInput),
        (Plan(MONDAY, SATURDAY), InvalidInput),
        (Plan(SATURDAY, MONDAY, 999), NotFound),
    ]:
        with pytest.raises(error):
            preview_copy(staff, plan)
    with pytest.raises(NotAllowed):
        preview_copy(factories.make_actor(), Plan(SATURDAY, MONDAY))
