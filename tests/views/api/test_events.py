"""`/api/events`, `/api/rooms`, `/api/sessions`: what admins set up and change."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories
from tests.calls import problem
from tests.views.api.conftest import ELEVEN, NINE, TEN, World

EVENT = {
    "slug": "gathering",
    "title": "A gathering",
    "time_zone": "Europe/Berlin",
    "starts_on": "2031-03-04",
    "ends_on": "2031-03-05",
}
CALLS = [
    ("POST", "/api/events"),
    ("PATCH", "/api/events/gathering"),
    ("POST", "/api/rooms"),
    ("POST", "/api/events/gathering/sessions"),
    ("PATCH", "/api/sessions/1"),
    ("DELETE", "/api/sessions/1"),
]


class Stage:
    """An event with a room, and an admin."""

    def __init__(self, world: World) -> None:
        self.world, self.admin = world, world.by("admin")
        self.admin("POST", "/api/events", EVENT)
        answer = self.admin("POST", "/api/rooms", {"name": "Hall", "capacity": 40})
        self.room_id = answer.json["room"]["id"]

    def session(self, **values: Any) -> Any:
        body = {"title": "Talk", "room_id": self.room_id, "starts_at": NINE, "ends_at": TEN}
        return self.admin("POST", "/api/events/gathering/sessions", {**body, **values})


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


def test_an_event_is_added_and_changed(world: World) -> None:
    admin = world.by("admin")
    made = admin("POST", "/api/events", EVENT)
    whole = {**EVENT, "venue": "", "admission": "open", "public": False}
    whole["release_no_shows_minutes"] = None
    assert (made.status_code, made.json) == (201, {"event": whole})
    changed = admin("PATCH", "/api/events/gathering", {"venue": "Hall", "public": True})
    assert changed.json == {"event": {**whole, "venue": "Hall", "public": True}}
    changed = admin("PATCH", "/api/events/gathering", {"release_no_shows_minutes": 10})
    assert changed.json["event"]["release_no_shows_minutes"] == 10
    agenda = world.guest.get("/api/events/gathering/agenda")
    assert agenda["event"]["release_no_shows_minutes"] == 10
    assert problem(admin("POST", "/api/events", EVENT)) == (422, "invalid_input")
    assert problem(admin("PATCH", "/api/events/none", {})) == (404, "not_found")


def test_a_room_is_added(world: World) -> None:
    made = world.by("admin")("POST", "/api/rooms", {"name": "Hall", "time_zone": "Asia/Tokyo"})
    assert made.status_code == 201
    room = {"id": made.json["room"]["id"], "name": "Hall", "capacity": None}
    assert made.json == {"room": {**room, "time_zone": "Asia/Tokyo"}}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_only_admins(method: str, path: str, world: World) -> None:
    for name, refusal in {
        "guest": (401, "unauthenticated"),
        "ben": (403, "not_allowed"),
        "staff": (403, "not_allowed"),
        "flagged": (403, "must_change_password"),
    }.items():
        assert problem(world.by(name)(method, path, {})) == refusal


def test_a_session_is_scheduled_with_its_speakers(stage: Stage) -> None:
    speakers = [{"name": "Ann", "user_id": stage.world.ann.user_id}, {"name": "Bo"}]
    made = stage.session(capacity=5, speakers=speakers)
    assert made.status_code == 201
    assert all(made.json["impact"][name] == [] for name in ("clashing", "released", "conflicts"))
    session = made.json["session"]
    assert (session["starts_at"], session["ends_at"], session["seats_left"]) == (NINE, TEN, 5)
    assert session["speakers"] == [speakers[0], {"name": "Bo", "user_id": None}]
    taken = stage.world.guest("POST", "/api/bookings", stage.world.booking(NINE))
    assert problem(taken) == (409, "slot_taken")  # Ann speaks then


def test_a_dry_run_tells_and_writes_nothing(stage: Stage) -> None:
    rehearsed = stage.session(dry_run=True)
    assert (rehearsed.status_code, rehearsed.json["session"]["id"]) == (200, None)
    session_id = stage.session().json["session"]["id"]
    clash = stage.session(title="Other", dry_run=True)
    assert [each["title"] for each in clash.json["impact"]["conflicts"]] == ["Talk"]
    refused = stage.session(title="Other")
    assert problem(refused) == (409, "overlap")
    assert refused.json["conflicts"] == clash.json["impact"]["conflicts"]
    path = f"/api/sessions/{session_id}"
    later = {"starts_at": TEN, "ends_at": ELEVEN}
    assert stage.admin("PATCH", path, {**later, "dry_run": True}).status_code == 200
    assert stage.admin.get(path)["session"]["starts_at"] == NINE


def test_a_move_releases_who_cannot_come(stage: Stage) -> None:
    world = stage.world
    session = stage.session(capacity=5).json["session"]
    path = f"/api/sessions/{session['id']}"
    seat = world.by("ben")("POST", f"{path}/seat").json["booking"]["uid"]
    world.book("ben", starts_at=TEN)
    later = {"starts_at": TEN, "ends_at": ELEVEN, "version": session["version"] + 1}
    rehearsed = stage.admin("PATCH", path, {**later, "dry_run": True}).json["impact"]
    moved = stage.admin("PATCH", path, later)
    assert moved.json["impact"] == rehearsed
    assert rehearsed["released"] == [seat]
    assert [each["kind"] for each in rehearsed["clashing"]] == ["appointment"]
    assert problem(stage.admin("PATCH", path, later)) == (409, "stale")
    assert world.by("ben").get(f"/api/bookings/{seat}")["booking"]["status"] == "cancelled"


def test_capacity_stays_above_the_seats_taken(stage: Stage) -> None:
    path = f"/api/sessions/{stage.session(capacity=2).json['session']['id']}"
    stage.world.by("ben")("POST", f"{path}/seat")
    refused = stage.admin("PATCH", path, {"capacity": 0})
    assert problem(refused) == (422, "invalid_input")
    assert "1 seat is taken." in refused.json["errors"]["capacity"]
    asked = {"capacity": 0, "release_last": True}
    rehearsed = stage.admin("PATCH", path, {**asked, "dry_run": True}).json
    assert rehearsed["session"]["seats_left"] == 0
    assert [each["why"] for each in rehearsed["impact"]["leaving"]] == ["capacity"]
    assert stage.admin("PATCH", path, asked).json["impact"] == rehearsed["impact"]


def test_a_cancelled_session_is_gone(stage: Stage) -> None:
    path = f"/api/sessions/{stage.session(capacity=2).json['session']['id']}"
    uid = stage.world.by("ben")("POST", f"{path}/seat").json["booking"]["uid"]
    told = stage.admin("DELETE", f"{path}?dry_run=true")
    assert (told.status_code, told.json["impact"]["released"]) == (200, [uid])
    assert stage.admin("DELETE", path).status_code == 204
    assert stage.admin("DELETE", path).status_code == 204
    assert stage.world.by("ben").get(f"/api/bookings/{uid}")["booking"]["status"] == "cancelled"
    assert problem(stage.admin("PATCH", path, {"title": "Again"})) == (410, "gone")
    assert problem(stage.world.by("ben")("POST", f"{path}/seat")) == (410, "gone")


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts_at": "2031-03-04T09:00:00"},
        {"starts_at": None},
        {"ends_at": NINE},
        {"room_id": True},
        {"room_id": 10**6},
        {"capacity": -1},
        {"speakers": ["Ann"]},
        {"speakers": [{"name": "Ann", "user_id": 10**6}]},
        {"title": "\x00"},
        {"title": ["Talk"]},
    ],
)
def test_a_wrong_field_is_named_and_nothing_written(wrong: Any, stage: Stage) -> None:
    refused = stage.session(**wrong)
    assert problem(refused) == (422, "invalid_input")
    assert refused.json["errors"]
    with stage.world.app.app_context():
        assert factories.db.session.query(factories.EventSession).count() == 0
