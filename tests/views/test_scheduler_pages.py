# ruff: noqa: RUF001 (spans are written with a dash, as people read them)
"""The scheduler's pages: who sees which, and that nobody's name hangs at a door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models.interval import Interval
from app.services import clock, reservations, rooms
from app.services.reservations import Wanted
from tests.factories import make_admin, make_contributor, make_room, make_user
from tests.views.test_pages import sign_in

DAY = datetime(2031, 3, 4, tzinfo=UTC)


@pytest.fixture
def booked(app: Flask) -> dict[str, str]:
    """A room with a contributor's reservation at 10:00, and staff's addresses."""
    with app.app_context():
        owner = make_contributor(name="Ada Quill")
        admin = make_admin(name="Olga Office")
        room = make_room(name="Attic")
        period = Interval(DAY + timedelta(hours=9), DAY + timedelta(hours=10))
        reservations.reserve_room(owner, Wanted(room.id, period, "Rehearsal"))
        return {"room": str(room.id), "owner": owner.email, "admin": admin.email}


def test_guests_are_led_to_the_sign_in_and_back(
    client: FlaskClient, booked: dict[str, str]
) -> None:
    for path in ("/scheduler?view=day&hour=9", f"/scheduler/rooms/{booked['room']}/sheet"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert (
            answer.location
            == f"/login/?next={path.replace('?', '%3F').replace('=', '%3D').replace('&', '%26')}"
        )


def test_others_are_told_why_not(app: Flask, client: FlaskClient, booked: dict[str, str]) -> None:
    with app.app_context():
        somebody = make_user(name="Iris Falk").email
    sign_in(client, somebody)
    answer = client.get("/scheduler")
    assert answer.status_code == 403
    assert "Rooms are booked by contributors and admins" in answer.text
    assert client.get(f"/scheduler/rooms/{booked['room']}/sheet").status_code == 403
    assert "Open the scheduler" not in client.get("/").text


def test_staff_open_it_and_only_admins_choose_who_is_responsible(
    app: Flask, client: FlaskClient, booked: dict[str, str]
) -> None:
    sign_in(client, booked["owner"])
    page = client.get("/scheduler").text
    assert "Attic" in page
    assert 'name="responsible_user_id"' not in page
    assert "Closed times" not in page
    assert "Open the scheduler" in client.get("/").text
    other = app.test_client()
    sign_in(other, booked["admin"])
    page = other.get("/scheduler").text
    assert 'name="responsible_user_id"' in page
    assert "Ada Quill" in page
    assert "Closed times" in page


def test_without_a_room_it_says_what_to_do(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        admin, contributor = make_admin().email, make_contributor().email
    sign_in(client, admin)
    assert 'href="/backoffice/rooms/add"' in client.get("/scheduler").text
    other = app.test_client()
    sign_in(other, contributor)
    page = other.get("/scheduler").text
    assert "There is no room to book yet" in page
    assert "/backoffice/rooms/add" not in page


def test_the_door_sheet_names_whose_it_is_to_staff(
    client: FlaskClient, booked: dict[str, str]
) -> None:
    sign_in(client, booked["owner"])
    path = f"/scheduler/rooms/{booked['room']}/sheet"
    page = client.get(f"{path}?date=2031-03-04").text
    assert "Rehearsal" in page
    assert "Ada Quill" in page.partition("sheet__table")[2]
    assert "Nothing is booked on this day." in client.get(f"{path}?date=2031-03-05").text
    assert client.get(f"{path}?date=yesterday").status_code == 422
    assert client.get("/scheduler/rooms/999999/sheet").status_code == 404


def test_the_door_sheet_tells_the_runs_of_a_doubled_hour_apart(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        owner, room = make_contributor(), make_room(time_zone="Europe/Berlin")
        email, path = owner.email, f"/scheduler/rooms/{room.id}/sheet?date=2031-10-26"
        for hour in range(3):
            start = datetime(2031, 10, 26, hour, tzinfo=UTC)
            period = Interval(start, start + timedelta(hours=1))
            reservations.reserve_room(owner, Wanted(room.id, period, f"Number {hour}"))
    sign_in(client, email)
    sheet = client.get(path).text
    for times in ("02:00 CEST–02:00 CET", "02:00 CET–03:00", "03:00–04:00"):
        assert f'figures">{times}</td>' in sheet


def test_the_display_is_everybodys_and_names_nobody(
    app: Flask, client: FlaskClient, booked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/scheduler/rooms/{booked['room']}/display"
    for now, said in (
        (timedelta(hours=8), "Free until 10:00"),
        (timedelta(hours=9, minutes=30), "Taken until 11:00"),
        (timedelta(hours=10), "Free for the rest of the day"),
    ):
        monkeypatch.setattr(clock, "now", lambda now=now: DAY + now)
        page = client.get(path).text
        assert said in page
        assert ("Rehearsal" in page) == (now < timedelta(hours=10))
        assert "Ada" not in page
    with app.app_context():
        assert rooms.get_room(int(booked["room"])).name == "Attic"
