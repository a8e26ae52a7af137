"""Reports: the right numbers, on the right days, in few queries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.services import (
    admission,
    appointments,
    blackouts,
    experts,
    no_shows,
    reports,
    reservations,
    seats,
)
from app.services.errors import InvalidInput, NotAllowed, NotFound
from app.services.languages import speaking
from app.services.reservations import Wanted
from tests import factories
from tests.catalogs import translate
from tests.queries import count_queries

pytestmark = pytest.mark.usefixtures("context")

BERLIN = {"time_zone": "Europe/Berlin"}
TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)  # a Tuesday, 11:00 in Berlin


@pytest.fixture
def admin(context: Any) -> Any:
    return factories.make_admin()


def span(first: str = "2031-03-03", last: str = "2031-03-09", by: str = "day") -> reports.Span:
    return reports.read_span(first, last, by, "Europe/Berlin")


def table(admin: Any, name: str, of: reports.Span | None = None) -> dict[Any, list[Any]]:
    """The rows by their first cell."""
    report = reports.get_report(admin, name, of or span())
    return {row[0]: row[1:] for row in report.rows}


def series(admin: Any, name: str, of: reports.Span | None = None) -> dict[str, dict[str, float]]:
    """What is not nothing, by name and period."""
    report = reports.get_report(admin, name, of or span())
    return {
        name: {period: value for period, value in zip(report.periods, values, strict=True) if value}
        for name, values in report.series
    }


def reserve(admin: Any, room_id: int, start: str, end: str) -> None:
    wanted = Wanted(room_id, factories.period(start, end), "R")
    reservations.reserve_room(admin, wanted)


def test_rooms_are_measured_against_working_days(admin: Any) -> None:
    hall, idle = factories.make_room(name="Hall", **BERLIN), factories.make_room(name="Idle")
    reserve(admin, hall.id, "2031-03-04T06:00Z", "2031-03-04T09:00Z")  # 07:00 to 10:00
    reserve(admin, hall.id, "2031-03-08T10:00Z", "2031-03-08T12:00Z")  # a Saturday
    reserve(admin, hall.id, "2031-03-09T22:00Z", "2031-03-10T00:00Z")  # half in the next week
    factories.make_session(starts_at=TEN, room_id=hall.id, minutes=90)
    assert table(admin, "rooms") == {
        "Hall": [4, 7.5, 3.5, 0.07],  # 2 h + 1.5 h of 50 h
        "Idle": [0, 0.0, 0.0, 0.0],
    }
    assert series(admin, "rooms") == {
        "Sessions": {"2031-03-04": 1.5},
        "Reservations": {"2031-03-04": 3.0, "2031-03-08": 2.0, "2031-03-09": 1.0},
        "Appointments": {},
    }
    assert idle.name == "Idle"


def test_working_hours_are_the_rooms_whoever_looks(admin: Any) -> None:
    berlin = factories.make_room(name="Berlin", **BERLIN)
    tokyo = factories.make_room(name="Tokyo", time_zone="Asia/Tokyo")
    reserve(admin, berlin.id, "2031-03-04T07:00Z", "2031-03-04T08:00Z")  # 08:00 to 09:00
    reserve(admin, tokyo.id, "2031-03-03T22:00Z", "2031-03-04T01:00Z")  # 07:00 to 10:00
    for zone in ("UTC", "Europe/Berlin", "Asia/Tokyo", "Pacific/Honolulu"):
        week = reports.read_span("2031-03-03", "2031-03-09", "day", zone)
        assert table(admin, "rooms", week) == {
            "Berlin": [1, 1.0, 1.0, 0.02],
            "Tokyo": [1, 3.0, 2.0, 0.04],
        }


def test_a_closed_room_is_neither_in_use_nor_booked(admin: Any) -> None:
    hall = factories.make_room(name="Hall")
    closed = factories.period("2031-03-04T08:00Z", "2031-03-04T12:00Z")
    blackouts.close_room(admin, hall.id, closed, "Painting")
    assert table(admin, "rooms") == {"Hall": [0, 0.0, 0.0, 0.0]}
    assert series(admin, "rooms") == {"Sessions": {}, "Reservations": {}, "Appointments": {}}
    assert {row[0] for row in table(admin, "lead-time").values()} == {0}


def test_experts_are_measured_against_what_they_offer(admin: Any) -> None:
    ann, expert = factories.make_expert(name="Ann")
    offered = {
        "weekly": [{"weekday": 1, "start": "08:00", "end": "12:00"}],
        "overrides": [
            {"date": "2031-03-05", "intervals": [{"start": "09:00", "end": "10:00"}]},
            {"date": "2031-03-11", "intervals": []},
        ],
    }
    event_type = factories.make_event_type(ann, buffer_before_minutes=30)
    appointments.book_appointment(
        None, event_type.id, datetime(2031, 3, 4, 8, tzinfo=UTC), factories.client_named()
    )
    experts.replace_availability(ann, {"time_zone": "Europe/Berlin", **offered})
    assert table(admin, "experts")["Ann"] == [1, 0.5, 5.0, 0.1]
    assert table(admin, "experts", span("2031-03-03", "2031-03-16"))["Ann"] == [1, 0.5, 5.0, 0.1]
    assert series(admin, "experts") == {"Booked": {"2031-03-04": 0.5}}
    experts.replace_availability(ann, {"weekly": [], "overrides": []})
    assert table(admin, "experts")["Ann"] == [1, 0.5, 0.0, None]
    assert expert.name == "Ann"


def test_no_shows_are_counted_where_people_are_checked_in(admin: Any, at: Any) -> None:
    event = factories.make_event(title="Meeting", release_no_shows_minutes=10)
    session = factories.make_session(event, capacity=5)
    people = [factories.make_actor() for _ in range(3)]
    for person in people:
        seats.book_seat(person, session.id)
    elsewhere = factories.make_session(factories.make_event(title="No door"), capacity=5)
    seats.book_seat(factories.make_actor(), elsewhere.id)
    assert table(admin, "no-shows") == {}  # nothing is over yet
    admission.check_in(admin, event.slug, [people[0].email, people[1].email])
    at(TEN - timedelta(minutes=5))
    assert no_shows.release_due() == 1
    late = factories.make_actor()
    seats.book_seat(late, session.id)
    at(TEN + timedelta(days=3))
    assert table(admin, "no-shows") == {"Meeting": [1, 3, 1, 1, 0.3333]}
    assert series(admin, "no-shows") == {
        "Came": {"2031-03-04": 2.0},
        "Did not come": {"2031-03-04": 1.0},
    }


def test_fill_counts_seats_of_what_takes_place(admin: Any) -> None:
    event = factories.make_event(title="Meeting")
    for capacity, taken in ((4, 1), (1, 1), (None, 0)):
        session = factories.make_session(event, capacity=capacity)
        for _ in range(taken):
            seats.book_seat(factories.make_actor(), session.id)
    assert table(admin, "fill-rate") == {"Meeting": [2, 5, 2, 1, 0.4]}
    assert series(admin, "fill-rate") == {
        "Taken": {"2031-03-04": 2.0},
        "Left": {"2031-03-04": 3.0},
    }


def test_lead_time_is_from_booking_to_start(admin: Any, at: Any) -> None:
    room = factories.make_room()
    for day in range(4, 7):
        reserve(admin, room.id, f"2031-03-0{day}T06:00Z", f"2031-03-0{day}T07:00Z")
    at(datetime(2031, 3, 4, 9, 30, tzinfo=UTC))
    seats.book_seat(factories.make_actor(), factories.make_session(starts_at=TEN).id)
    found = table(admin, "lead-time")
    # Booked on Monday at 06:00 for Tuesday, Wednesday and Thursday at 06:00.
    assert found["Reservations"] == [3, 2.0, 0, 0, 2, 1, 0, 0]
    assert found["Seats"] == [1, 0.0, 1, 0, 0, 0, 0, 0]
    assert found["Appointments"] == [0, None, 0, 0, 0, 0, 0, 0]


def test_days_are_local_and_periods_whole(admin: Any) -> None:
    room = factories.make_room(name="Hall")
    reserve(admin, room.id, "2031-03-31T22:30Z", "2031-03-31T23:30Z")  # 1 April in Berlin
    assert series(admin, "rooms", span("2031-03-01", "2031-03-31")) == {
        "Sessions": {},
        "Reservations": {},
        "Appointments": {},
    }
    april = span("2031-03-15", "2031-04-30", "month")
    assert series(admin, "rooms", april)["Reservations"] == {"2031-04": 1.0}
    assert reports.get_report(admin, "rooms", april).periods == ["2031-03", "2031-04"]
    weeks = span("2030-12-30", "2031-01-12", "week")
    assert reports.get_report(admin, "rooms", weeks).periods == ["2031-W01", "2031-W02"]
    utc = reports.read_span("2031-03-31", "2031-03-31", "day", "UTC")
    assert series(admin, "rooms", utc)["Reservations"] == {"2031-03-31": 1.0}


@pytest.mark.parametrize("day", ["2031-03-30", "2031-10-26"])
def test_a_day_on_which_clocks_change_is_a_whole_day(admin: Any, day: str) -> None:
    of = span(day, day)
    assert (of.ends_at - of.starts_at) in {timedelta(hours=23), timedelta(hours=25)}
    room = factories.make_room(name="Hall")
    reserve(admin, room.id, f"{day}T00:00Z", f"{day}T02:00Z")  # over the change
    assert table(admin, "rooms", of)["Hall"][:2] == [1, 2.0]


@pytest.mark.parametrize("name", reports.REPORTS)
def test_a_report_costs_the_same_with_more_to_tell(admin: Any, name: str) -> None:
    costs = []
    for _ in range(2):
        with count_queries() as statements:
            reports.get_report(admin, name, span())
        costs.append(len(statements))
        for _ in range(3):
            factories.make_expert()
            session = factories.make_session(capacity=4)
            seats.book_seat(factories.make_actor(), session.id)
        reserve(admin, factories.make_room().id, "2031-03-05T06:00Z", "2031-03-05T07:00Z")
        admin = factories.make_admin()
    assert costs[0] == costs[1] <= 3


@pytest.mark.parametrize(
    "asked",
    [
        ("2031-13-01", None, "day"),
        ("tomorrow", None, "day"),
        ("2031-03-09", "2031-03-03", "day"),
        ("2030-01-01", "2031-03-03", "day"),
        ("0001-01-01", "0001-01-02", "day"),
        ("2031-03-03", "2031-03-09", "hour"),
    ],
)
def test_a_span_that_is_none_is_refused(asked: tuple[str, str | None, str]) -> None:
    with pytest.raises(InvalidInput):
        reports.read_span(*asked, "Europe/Berlin")


def test_the_last_weeks_are_shown_unless_asked_otherwise(admin: Any) -> None:
    of = reports.read_span(None, None, None, "Europe/Berlin")
    assert (of.first, of.last, of.step) == (date(2031, 2, 4), date(2031, 3, 3), "week")
    with pytest.raises(NotFound):
        reports.get_report(admin, "weather", of)
    for somebody in (factories.make_contributor(), factories.make_actor()):
        with pytest.raises(NotAllowed):
            reports.get_report(somebody, "rooms", of)


def test_a_report_is_in_the_language_of_who_reads_it(
    admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"Kind": "Art", "Seats": "Plätze", "under 1 day": "unter 1 Tag"}
    translate(monkeypatch, "de", texts)
    english = reports.get_report(admin, "lead-time", span())
    with speaking("de"):
        german = reports.get_report(admin, "lead-time", span())
    for report, kind, lead, name in [
        (english, "Kind", "under 1 day", "Seats"),
        (german, "Art", "unter 1 Tag", "Plätze"),
    ]:
        assert (report.head[0], report.head[4]) == (kind, lead)
        assert (report.rows[1][0], report.series[1][0]) == (name, name)
        assert all(type(each) is str for each in report.head)
