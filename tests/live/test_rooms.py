"""What followers of a room hear: each change once, both rooms of a move, and no names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.calls import Caller, caller, token_of
from tests.live.sockets import Listener

Listen = Callable[..., Listener]
NINE, TEN, ELEVEN = (f"2031-03-04T{hour:02}:00:00Z" for hour in (9, 10, 11))


class Scene:
    """Two rooms, a contributor and an admin."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self.rooms = [factories.make_room().id for _ in range(2)]
            self.cora = factories.make_contributor(name="Canary Cora")
            admin = factories.make_admin()
        self.staff, self.admin = caller(app, self.cora), caller(app, admin)

    def reserve(self, **changes: Any) -> Any:
        body = {"room_id": self.rooms[0], "starts_at": NINE, "ends_at": TEN, "title": "Rehearsal"}
        answer = self.staff("POST", "/api/reservations", {**body, **changes})
        assert answer.status_code == 201, answer.text
        return answer.json


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app)


def told(who: Listener) -> list[tuple[str, str, int, str]]:
    """`(event, topic, version, start)` of what was heard, by topic."""
    return sorted(
        (name, message["topic"], message["version"], message["starts_at"])
        for name, message in who.heard()
    )


def test_each_change_of_a_room_is_one_message(scene: Scene, listen: Listen) -> None:
    first, second = (f"room:{room}" for room in scene.rooms)
    guest = listen(first, second)
    uid = scene.reserve()["booking"]["uid"]
    path = f"/api/reservations/{uid}"
    assert told(guest) == [("newBooking", first, 1, NINE)]
    scene.staff("PATCH", path, {"title": "Another title"})
    assert told(guest) == [("bookingRescheduled", first, 2, NINE)]
    # To another room: both hear of it.
    scene.staff("PATCH", path, {"room_id": scene.rooms[1], "starts_at": TEN, "ends_at": ELEVEN})
    heard = guest.heard()
    assert sorted((name, each["topic"], each["version"]) for name, each in heard) == [
        ("bookingRescheduled", first, 3),
        ("bookingRescheduled", second, 1),
    ]
    for _, message in heard:
        assert message["previous"] == {"starts_at": NINE, "ends_at": TEN}
        assert "canary" not in repr(message).lower()
        assert "uid" not in repr(message)
    scene.staff("DELETE", path)
    assert told(guest) == [("bookingCancelled", second, 2, TEN)]
    scene.staff("DELETE", path)  # twice is once
    assert told(guest) == []
    scene.staff("POST", f"{path}/restore", {})
    assert told(guest) == [("newBooking", second, 3, TEN)]


def test_refusals_and_looks_are_no_change(scene: Scene, listen: Listen) -> None:
    topic = f"room:{scene.rooms[0]}"
    guest = listen(topic)
    scene.reserve()
    guest.heard()
    for caller_ in (scene.staff, scene.admin):
        body = {"room_id": scene.rooms[0], "starts_at": NINE, "ends_at": ELEVEN, "title": "x"}
        assert caller_("POST", "/api/reservations", body).status_code == 409
        assert caller_("POST", "/api/reservations", {**body, "dry_run": True}).status_code == 200
    assert guest.heard() == []
    assert guest.join(topic)["version"] == 1


def test_a_series_is_one_message_whose_version_jumps(
    app: Flask, scene: Scene, listen: Listen
) -> None:
    topic = f"room:{scene.rooms[0]}"
    guest, cora = listen(topic), listen("me", token=token_of(app, scene.cora))
    made = scene.reserve(recurrence="FREQ=DAILY;COUNT=5")
    path = f"/api/reservations/{made['booking']['uid']}"
    assert told(guest) == [("newBooking", topic, 5, NINE)]
    ((name, message),) = cora.heard()
    assert (name, message["version"], message["booking"]) == ("newBooking", 5, made["booking"])
    scene.staff("PATCH", path, {"starts_at": TEN, "ends_at": ELEVEN, "scope": "all"})
    assert told(guest) == [("bookingRescheduled", topic, 10, TEN)]
    scene.staff("DELETE", f"{path}?scope=all")
    assert told(guest) == [("bookingCancelled", topic, 15, TEN)]
    scene.staff("POST", f"{path}/restore", {"scope": "all"})
    assert told(guest) == [("newBooking", topic, 20, TEN)]
    assert guest.join(topic)["version"] == 20


def close(admin: Caller, room: int) -> Any:
    body = {"starts_at": NINE, "ends_at": TEN, "reason": "Canary reason"}
    return admin("POST", f"/api/rooms/{room}/blackouts", body).json["blackout"]


def test_a_room_that_closes_and_opens_says_so_without_the_reason(
    scene: Scene, listen: Listen
) -> None:
    topic = f"room:{scene.rooms[0]}"
    guest = listen(topic)
    uid = close(scene.admin, scene.rooms[0])["uid"]
    scene.admin("DELETE", f"/api/blackouts/{uid}")
    heard = guest.heard()
    assert [(name, each["kind"], each["version"]) for name, each in heard] == [
        ("newBooking", "blackout", 1),
        ("bookingCancelled", "blackout", 2),
    ]
    assert "canary" not in repr(heard).lower()
