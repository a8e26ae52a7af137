"""Instants as local text."""

from __future__ import annotations

import pytest
from flask import Flask

from app.services.languages import speaking
from app.views import local_time

WINTER = "2026-12-01T09:30:00Z"
SUMMER = "2026-07-01T09:30:00Z"


@pytest.mark.parametrize(
    ("instant", "zone", "time", "name"),
    [
        (WINTER, "Europe/Berlin", "10:30", "CET"),
        (SUMMER, "Europe/Berlin", "11:30", "CEST"),
        (WINTER, "Asia/Kolkata", "15:00", "IST"),
        (WINTER, "Asia/Kathmandu", "15:15", "GMT+5:45"),
        (WINTER, "America/Sao_Paulo", "06:30", "GMT-3"),
        (WINTER, "UTC", "09:30", "UTC"),
    ],
)
def test_time_and_zone(instant: str, zone: str, time: str, name: str) -> None:
    assert local_time.local_time(instant, zone) == time
    assert local_time.zone_name(instant, zone) == name


def test_the_runs_of_a_doubled_hour_are_told_apart() -> None:
    def runs(zone: str, *times: str) -> list[str]:
        return [local_time.run_of_hour(f"2031-10-26T{time}:00Z", zone) for time in times]

    times = ("23:59", "00:00", "01:00", "01:59", "02:00")
    assert runs("Europe/Berlin", *times) == ["", "CEST", "CET", "CET", ""]
    assert runs("UTC", *times) == [""] * 5
    assert local_time.run_of_hour("2031-03-30T01:30:00Z", "Europe/Berlin") == ""


def test_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        local_time.local_time("2026-12-01T09:30:00", "UTC")


def test_day_is_that_of_the_zone(app: Flask) -> None:
    with app.test_request_context():
        late = "2026-12-01T23:30:00Z"
        assert local_time.local_day(late, "UTC") == "Tuesday 1 December 2026"
        assert local_time.local_day(late, "Europe/Berlin", "plain") == "Wednesday 2 December"


def test_day_is_in_the_readers_language(app: Flask) -> None:
    with app.test_request_context(), speaking("de"):
        assert local_time.local_day(WINTER, "UTC") == "Dienstag, 1. Dezember 2026"


def test_bookings_are_grouped_by_the_day_of_the_zone() -> None:
    bookings = [
        {"starts_at": at} for at in (WINTER, "2026-12-01T23:30:00Z", "2026-12-02T09:00:00Z")
    ]
    in_berlin = [
        (day, len(members)) for day, members in local_time.groupby_day(bookings, "Europe/Berlin")
    ]
    assert in_berlin == [("2026-12-01", 1), ("2026-12-02", 2)]


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("Dr. Aiko Brandt", "AB"),
        ("Grace Brewster Murray Hopper", "GH"),
        ("Plato", "P"),
        ("", "?"),
        ("…", "?"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert local_time.initials(name) == letters
