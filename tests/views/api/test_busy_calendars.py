"""`/api/experts/me/busy-calendars`: by address and as a file, one's own, with limits."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from app.services import calendar_feeds
from app.services.busy_calendar_refresh import refresh_due
from app.services.calendar_feeds import Fetched
from tests.calls import problem
from tests.services.test_icalendar_import import calendar, event
from tests.views.api.conftest import NINE, World

PATH = "/api/experts/me/busy-calendars"
URL = "https://calendar.example.org/private-9f8e7d/basic.ics"
FILE = calendar(event("DTSTART:20310304T090000Z", "DTEND:20310304T100000Z"))


def subscribe(world: World, url: str = URL) -> dict[str, Any]:
    answer = world.by("ann")("POST", PATH, {"name": "Work", "url": url})
    assert answer.status_code == 201, answer.text
    added: dict[str, Any] = answer.json["busy_calendar"]
    return added


def slots(world: World) -> list[str]:
    path = "/api/experts/ann/event-types/consultation/slots?from=2031-03-04&to=2031-03-04"
    days = world.guest.get(path + "&time_zone=UTC")["days"]
    return [start[11:16] for start in days["2031-03-04"]]


def test_a_file_by_form_and_as_text(world: World) -> None:
    assert "09:00" in slots(world)
    ann = world.by("ann")
    form = {"name": "Holidays", "file": (BytesIO(FILE), "my.ics", "text/calendar")}
    answer = ann("POST", PATH, data=form, content_type="multipart/form-data")
    assert answer.status_code == 201
    added = answer.json["busy_calendar"]
    assert (added["kind"], added["state"], added["busy_periods"]) == ("upload", "ok", 1)
    assert not {"09:00", "09:30"} & set(slots(world))
    assert problem(world.guest("POST", "/api/bookings", world.booking(NINE))) == (409, "slot_taken")

    form = {"file": (BytesIO(calendar()), "newer.ics", "text/calendar")}
    path = f"{PATH}/{added['id']}"
    answer = ann("PATCH", path, data=form, content_type="multipart/form-data")
    assert answer.json["busy_calendar"]["busy_periods"] == 0
    assert "09:00" in slots(world)
    text = ann("POST", PATH, {"name": "Again", "content": FILE.decode()})
    assert text.json["busy_calendar"]["busy_periods"] == 1
    assert [each["name"] for each in ann.get(PATH)["items"]] == ["Holidays", "Again"]
    assert ann("DELETE", f"{PATH}/{text.json['busy_calendar']['id']}").status_code == 204
    assert "09:00" in slots(world)


def test_an_address_is_fetched_later_and_never_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = subscribe(world)
    assert (added["state"], added["source"]) == ("checking", "calendar.example.org")
    monkeypatch.setattr(calendar_feeds, "fetch", lambda *_, **__: Fetched(FILE, "", ""))
    with world.app.app_context():
        refresh_due()
    ann = world.by("ann")
    [shown] = ann.get(PATH)["items"]
    assert (shown["state"], shown["busy_periods"]) == ("ok", 1)
    answer = ann("POST", f"{PATH}/{added['id']}/refresh")
    assert (answer.status_code, answer.json["busy_calendar"]["state"]) == (202, "checking")
    renamed = ann("PATCH", f"{PATH}/{added['id']}", {"name": "Office"}).json["busy_calendar"]
    assert (renamed["name"], renamed["busy_periods"]) == ("Office", 1)
    assert "private-9f8e7d" not in ann("GET", PATH).text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "url"),
        ({"name": "", "url": URL}, "name"),
        ({"name": 7, "url": URL}, "name"),
        ({"name": "x" * 101, "url": URL}, "name"),
        ({"name": "x\0", "url": URL}, "name"),
        ({"name": "x", "url": 7}, "url"),
        ({"name": "x", "url": "http://example.org/x"}, "url"),
        ({"name": "x", "url": "https://name:word@example.org/x"}, "url"),
        ({"name": "x", "url": "https://[::1/x"}, "url"),
        ({"name": "x", "content": 7}, "content"),
        ({"name": "x", "content": "<html>"}, "content"),
        ({"name": "x", "file": "BEGIN:VCALENDAR"}, "url"),
    ],
)
def test_what_is_wrong_is_named(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.by("ann")("POST", PATH, body)
    assert problem(answer) == (422, "invalid_input")
    assert list(answer.json["errors"]) == [field]


def test_what_a_calendar_cannot_become(world: World) -> None:
    added = subscribe(world)
    ann = world.by("ann")
    for body in ({"content": FILE.decode()}, {"url": "x"}, {"name": None}):
        assert problem(ann("PATCH", f"{PATH}/{added['id']}", body)) == (422, "invalid_input")
    upload = ann("POST", PATH, {"name": "x", "content": FILE.decode()}).json["busy_calendar"]
    assert problem(ann("PATCH", f"{PATH}/{upload['id']}", {"url": URL})) == (422, "invalid_input")


def test_they_are_ones_own(world: World) -> None:
    added = subscribe(world)
    calls = [
        ("GET", PATH, None),
        ("POST", PATH, {"name": "x", "url": URL}),
        ("PATCH", f"{PATH}/{added['id']}", {"name": "x"}),
        ("DELETE", f"{PATH}/{added['id']}", None),
        ("POST", f"{PATH}/{added['id']}/refresh", None),
    ]
    for method, path, body in calls:
        assert problem(world.guest(method, path, body)) == (401, "unauthenticated")
        assert problem(world.by("flagged")(method, path, body)) == (403, "must_change_password")
        assert problem(world.by("ben")(method, path, body)) == (404, "not_found")
    for method, path, body in calls[2:]:
        for who in ("eve", "admin"):
            assert problem(world.by(who)(method, path, body)) == (404, "not_found")
    assert world.by("eve").get(PATH)["items"] == []
    assert problem(world.by("ann")("DELETE", f"{PATH}/{2**40}")) == (404, "not_found")
