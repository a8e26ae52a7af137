"""What the scheduler's pages read: months, days, weeks, a door's display, a table."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.services import minutes, room_export, scheduler
from app.services.errors import (
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from app.services.reservations import Wanted, reserve_room
from tests import factories
from tests.queries import count_queries

pytestmark = pytest.mark.usefixtures("context")

DAY = date(2031, 3, 4)
MARCH = date(2031, 3, 1)


def reserve(actor: Any, room: Any, start: str, end: str, **values: Any) -> dict[str, Any]:
    """`reserve(staff, room, "09:00", "10:00")` on `DAY`, in Berlin's winter time."""
    start, end = (text if "T" in text else f"2031-03-04T{text}+01:00" for text in (start, end))
    wanted = {"title": "Rehearsal", **values}
    return reserve_room(actor, Wanted(room.id, factories.period(start, end), **wanted))


def test_a_month_says_how_full_each_day_is() -> None:
    first, second = factories.make_room(), factories.make_room()
    staff, other = factories.make_contributor(), factories.make_contributor()
    reserve(staff, first, "09:00", "12:00")
    reserve(other, second, "2031-03-04T22:00+01:00", "2031-03-06T01:00+01:00")
    shown = scheduler.month(staff, MARCH)
    assert (shown["month"], shown["first"], shown["last"]) == (
        "2031-03",
        "2031-03-01",
        "2031-03-31",
    )
    assert shown["today"] == "2031-03-03"
    days = {day["date"]: day for day in shown["days"]}
    assert len(days) == 31
    assert days["2031-03-04"] == {
        "date": "2031-03-04",
        "is_past": False,
        "minutes": 2880,
        "busy_minutes": 300,
        "count": 2,
        "mine": 1,
        "fullness": 0.1042,
    }
    assert (days["2031-03-05"]["busy_minutes"], days["2031-03-05"]["count"]) == (1440, 0)
    assert days["2031-03-06"]["busy_minutes"] == 60
    assert days["2031-03-07"]["fullness"] == 0
    assert days["2031-03-02"]["is_past"]
    assert days["2031-03-30"]["minutes"] == 2 * 23 * 60
    of_one = {day["date"]: day for day in scheduler.month(staff, MARCH, first.id)["days"]}
    assert (of_one["2031-03-04"]["busy_minutes"], of_one["2031-03-05"]["busy_minutes"]) == (180, 0)


def test_a_month_without_rooms_is_empty_rather_than_an_error() -> None:
    shown = scheduler.month(factories.make_contributor(), date(2032, 2, 1))
    assert len(shown["days"]) == 29
    assert {day["fullness"] for day in shown["days"]} == {0.0}


def test_a_day_shows_all_rooms_beside_each_other() -> None:
    room, hall = factories.make_room(name="Aula"), factories.make_room(name="Hall")
    staff, other = factories.make_contributor(), factories.make_contributor(name="Otto")
    booking = reserve(staff, room, "09:50", "10:20")
    reserve(other, hall, "10:00", "11:00")
    shown = scheduler.day(staff, DAY)
    assert [(each["room"]["name"], each["version"]) for each in shown["rooms"]] == [
        ("Aula", 1),
        ("Hall", 1),
    ]
    aula, of_hall = shown["rooms"]
    assert (aula["minutes"], aula["busy_minutes"]) == (1440, 30)
    assert [hour["busy_minutes"] for hour in aula["hours"][8:12]] == [0, 10, 20, 0]
    (mine,) = aula["busy"]
    assert (mine["uid"], mine["editable"], mine["mine"], mine["owner"]) == (
        booking["uid"],
        True,
        True,
        staff.name,
    )
    assert (mine["start"], mine["end"], mine["version"]) == ("09:50", "10:20", 1)
    (others,) = of_hall["busy"]
    assert (others["editable"], others["mine"], others["owner"]) == (False, False, "Otto")
    assert scheduler.day(factories.make_admin(), DAY)["rooms"][1]["busy"][0]["editable"]
    assert len(scheduler.day(staff, DAY, hall.id)["rooms"]) == 1


def test_a_day_of_25_hours_shows_the_doubled_one_twice() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    reserve(staff, room, "2031-10-26T02:30+01:00", "2031-10-26T03:00+01:00")
    (shown,) = scheduler.day(staff, date(2031, 10, 26))["rooms"]
    assert shown["minutes"] == 25 * 60
    assert [
        (hour["hour"], hour["run"], hour["offset"], hour["busy_minutes"])
        for hour in shown["hours"][1:5]
    ] == [(1, 0, "+02:00", 0), (2, 0, "+02:00", 0), (2, 1, "+01:00", 30), (3, 0, "+01:00", 0)]


def test_a_room_in_another_zone_has_its_own_day() -> None:
    staff = factories.make_contributor()
    tokyo = factories.make_room(time_zone="Asia/Tokyo")
    reserve(staff, tokyo, "2031-03-03T23:00+09:00", "2031-03-04T01:00+09:00")
    (shown,) = scheduler.day(staff, DAY)["rooms"]
    assert (shown["busy"][0]["start"], shown["busy"][0]["end"], shown["busy_minutes"]) == (
        "00:00",
        "01:00",
        60,
    )
    days = {day["date"]: day for day in scheduler.month(staff, MARCH)["days"]}
    assert [days[f"2031-03-0{n}"]["busy_minutes"] for n in (3, 4, 5)] == [60, 60, 0]


def test_a_week_begins_on_monday_or_as_is_asked() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    reserve(staff, room, "09:00", "10:00")
    shown = scheduler.week(staff, room.id, date(2031, 3, 9))
    assert [day["date"] for day in shown["days"]] == [f"2031-03-0{n}" for n in range(3, 10)]
    assert [len(day["busy"]) for day in shown["days"]] == [0, 1, 0, 0, 0, 0, 0]
    assert (shown["version"], shown["time_zone"], shown["first"]) == (
        1,
        "Europe/Berlin",
        "2031-03-03",
    )
    for first_weekday, first in ((6, "2031-03-09"), (5, "2031-03-08"), (1, "2031-03-04")):
        shown = scheduler.week(staff, room.id, date(2031, 3, 9), first_weekday=first_weekday)
        assert (shown["first"], shown["days"][0]["date"], len(shown["days"])) == (first, first, 7)


def test_everything_that_occupies_a_room_is_shown_and_only_reservations_are_editable() -> None:
    admin, room = factories.make_admin(), factories.make_room()
    event = factories.make_event(title="A gathering", public=False)
    factories.make_session(
        event, room_id=room.id, title="Keynote", starts_at=datetime(2031, 3, 4, 9, tzinfo=UTC)
    )
    (shown,) = scheduler.day(admin, DAY)["rooms"]
    (session,) = shown["busy"]
    assert (session["kind"], session["title"], session["event"]) == (
        "event_session",
        "Keynote",
        "A gathering",
    )
    assert "editable" not in session
    (public,) = minutes.room_day(None, room.id, DAY)["busy"]
    assert (public["title"], "event" in public) == ("Busy", False)


@pytest.mark.parametrize("bookings", [0, 40])
def test_few_queries_whatever_is_booked(bookings: int) -> None:
    staff = factories.make_contributor()
    some = [factories.make_room() for _ in range(4)]
    for number in range(bookings):
        start = datetime(2031, 3, 4, 5, tzinfo=UTC) + timedelta(minutes=10 * number)
        reserve(
            staff, some[number % 4], start.isoformat(), (start + timedelta(minutes=10)).isoformat()
        )
    for read, most in [
        (lambda: scheduler.day(staff, DAY), 3),
        (lambda: scheduler.month(staff, MARCH), 2),
        (lambda: scheduler.week(staff, some[0].id, DAY), 3),
        (lambda: scheduler.display(some[0].id), 3),
        (lambda: minutes.room_day(staff, some[0].id, DAY), 3),
        (lambda: minutes.schedule(staff, 7), 1),
        (lambda: room_export.export_rooms(staff, DAY, DAY), 2),
    ]:
        with count_queries() as statements:
            read()
        assert len(statements) <= most, statements


@pytest.mark.parametrize(
    "read",
    [
        lambda actor: scheduler.month(actor, MARCH),
        lambda actor: scheduler.day(actor, DAY),
        lambda actor: scheduler.week(actor, 1, DAY),
        lambda actor: room_export.export_rooms(actor, DAY, DAY),
        scheduler.list_responsible_users,
    ],
)
def test_only_staff_read(read: Callable[[Any], Any]) -> None:
    for actor, error in [
        (None, Unauthenticated),
        (factories.make_actor(), NotAllowed),
        (factories.make_admin(flagged=True), MustChangePassword),
    ]:
        with pytest.raises(error):
            read(actor)


def test_what_is_not_there_is_not_found() -> None:
    staff = factories.make_contributor()
    for read in (
        lambda: scheduler.month(staff, MARCH, 999),
        lambda: scheduler.day(staff, DAY, 999),
        lambda: scheduler.week(staff, 999, DAY),
        lambda: scheduler.display(999),
        lambda: room_export.export_rooms(staff, DAY, DAY, 999),
    ):
        with pytest.raises(NotFound):
            read()


def test_admins_choose_among_active_staff() -> None:
    admin = factories.make_admin(name="Zoe")
    factories.make_actor(name="Ben Client")
    contributor = factories.make_contributor(name="Cora")
    assert [each["name"] for each in scheduler.list_responsible_users(admin)] == ["Cora", "Zoe"]
    with pytest.raises(NotAllowed):
        scheduler.list_responsible_users(contributor)


@pytest.mark.parametrize("text", ["2031-13", "2031", "march", "9999-12", ""])
def test_a_month_is_spelt_as_one(text: str) -> None:
    with pytest.raises(InvalidInput):
        scheduler.month_of(text)
    assert scheduler.month_of("2031-03") == MARCH


# -- the screen at the door --------------------------------------------------------------


def test_a_door_says_now_next_and_free_until(at: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    assert scheduler.display(room.id)["free_until"] is None
    reserve(staff, room, "09:00", "10:00", title="One")
    reserve(staff, room, "10:00", "10:30", title="Two")
    reserve(staff, room, "12:00", "13:00", title="Three")
    at(datetime(2031, 3, 4, 7, 30, tzinfo=UTC))
    free = scheduler.display(room.id)
    assert (free["now"], free["next"]["title"], free["busy_until"]) == (None, "One", None)
    assert free["free_until"] == "2031-03-04T08:00:00Z"
    at(datetime(2031, 3, 4, 8, 30, tzinfo=UTC))
    taken = scheduler.display(room.id)
    assert (taken["now"]["title"], taken["next"]["title"], taken["free_until"]) == (
        "One",
        "Two",
        None,
    )
    assert taken["busy_until"] == "2031-03-04T09:30:00Z"
    assert [each["title"] for each in taken["today"]] == ["One", "Two", "Three"]
    assert "owner" not in taken["now"]


# -- the table ---------------------------------------------------------------------------


def test_a_range_is_exported_as_a_table() -> None:
    room, staff = factories.make_room(name="Aula"), factories.make_contributor(name="Cora")
    reserve(
        staff,
        room,
        "23:00",
        "2031-03-05T01:00+01:00",
        title="Night; shift",
        reservation_type="Live",
    )
    reserve(staff, room, "2031-03-07T09:00+01:00", "2031-03-07T10:00+01:00")
    (row,) = csv.DictReader(room_export.export_rooms(staff, DAY, DAY).splitlines())
    assert {**row, "uid": ""} == {
        "room": "Aula",
        "date": "2031-03-04",
        "start": "23:00",
        "end_date": "2031-03-05",
        "end": "01:00",
        "time_zone": "Europe/Berlin",
        "kind": "reservation",
        "title": "Night; shift",
        "type": "Live",
        "responsible": "Cora",
        "starts_at": "2031-03-04T22:00:00Z",
        "ends_at": "2031-03-05T00:00:00Z",
        "uid": "",
    }
    assert len(room_export.export_rooms(staff, DAY, date(2031, 3, 7)).splitlines()) == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_text_becomes_a_formula(start: str) -> None:
    room = factories.make_room(name=f"{start}cmd|' /C calc'!A0")
    staff = factories.make_contributor(name=f"{start}1+1")
    reserve(staff, room, "09:00", "10:00", title=f'{start}HYPERLINK("http://x";"y")')
    (row,) = csv.DictReader(room_export.export_rooms(staff, DAY, DAY).splitlines())
    for column in ("room", "title", "responsible"):
        assert row[column].startswith(f"'{start}")


def test_a_table_has_a_range() -> None:
    staff = factories.make_contributor()
    for first, last in [(DAY, date(2031, 3, 3)), (DAY, date(2032, 3, 5))]:
        with pytest.raises(InvalidInput):
            room_export.export_rooms(staff, first, last)
