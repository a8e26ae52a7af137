"""Group slots, requests, undo, explanations, copies and guests' data, by API."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.services import manage_links
from tests import libical
from tests.calls import problem
from tests.views.api.conftest import NINE, World

SLOTS = "/api/experts/ann/event-types/consultation/slots?from=2031-03-04&to=2031-03-04"


def change(world: World, **values: Any) -> None:
    path = f"/api/event-types/{world.event_type_id}"
    assert world.by("ann")("PATCH", path, values).status_code == 200


def token_of(answer: dict[str, Any]) -> str:
    return str(answer["manage_url"].rpartition("/")[2])


def decision_of(world: World, uid: str) -> str:
    with world.app.app_context():
        return manage_links.decision_token(uid)


def test_a_slot_says_how_many_it_still_takes(world: World) -> None:
    plain = world.guest.get(SLOTS)
    assert (plain["requires_approval"], set(plain) & {"seats", "seats_left"}) == (False, set())
    change(world, seats=2)
    world.book("ben")
    found = world.guest.get(SLOTS)
    assert found["seats"] == 2
    assert set(found["seats_left"]) == set(found["days"]["2031-03-04"])
    assert found["seats_left"]["2031-03-04T10:00:00+01:00"] == 1
    assert "2031-03-04T10:00:00+01:00" in found["days"]["2031-03-04"]
    world.book()
    assert "2031-03-04T10:00:00+01:00" not in world.guest.get(SLOTS)["days"]["2031-03-04"]
    taken = world.guest("POST", "/api/bookings", world.booking())
    assert problem(taken) == (409, "slot_taken")
    fewer = world.by("ann")("PATCH", f"/api/event-types/{world.event_type_id}", {"seats": 1})
    assert (problem(fewer), list(fewer.json["errors"])) == ((422, "invalid_input"), ["seats"])


def test_a_host_moves_everybody_in_a_slot(world: World) -> None:
    change(world, seats=2)
    own, other = (world.book(who)["booking"] for who in ("ben", "guest"))
    path = f"/api/bookings/{own['uid']}"
    body = {"starts_at": "2031-03-04T10:00:00Z", "with_group": True}
    assert problem(world.by("ben")("PATCH", path, body)) == (403, "not_allowed")
    assert problem(world.by("ann")("PATCH", path, {**body, "with_group": 1}))[0] == 422
    moved = world.by("ann")("PATCH", path, {**body, "version": own["version"]})
    assert (moved.status_code, moved.json["booking"]["uid"]) == (200, own["uid"])
    found = world.by("ann").get(f"/api/bookings/{other['uid']}")["booking"]
    assert found["starts_at"] == "2031-03-04T10:00:00Z"


def test_a_request_is_accepted_by_its_host_alone(world: World) -> None:
    change(world, requires_approval=True)
    booking = world.book("ben")["booking"]
    assert booking["status"] == "pending"
    path, accept = f"/api/bookings/{booking['uid']}", {"status": "confirmed"}
    assert problem(world.by("ben")("PATCH", path, accept)) == (403, "not_allowed")
    assert problem(world.by("eve")("PATCH", path, accept)) == (404, "not_found")
    assert problem(world.guest("PATCH", path, accept)) == (401, "unauthenticated")
    listed = world.by("ben").get("/api/bookings?when=upcoming")
    assert [each["status"] for each in listed["items"]] == ["pending"]
    assert world.by("ben").get("/api/bookings?status=confirmed")["total"] == 0
    accepted = world.by("ann")("PATCH", path, accept)
    assert (accepted.status_code, accepted.json["booking"]["status"]) == (200, "confirmed")
    assert world.by("ben").get("/api/bookings?status=pending")["total"] == 0


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_the_hosts_link_answers_once_and_looking_does_nothing(world: World, action: str) -> None:
    change(world, requires_approval=True)
    booking = world.book()["booking"]
    token = decision_of(world, booking["uid"])
    for method in ("GET", "HEAD", "OPTIONS"):
        assert world.guest(method, f"/b/{token}/decide").status_code == 200
        assert world.guest(method, f"/api/requests/{token}").status_code in {200, 405}
    assert world.by("ann").get(f"/api/bookings/{booking['uid']}")["booking"]["status"] == "pending"
    path = f"/api/requests/{token}"
    for nonsense in ({}, {"action": "delete"}, {"action": action, "reason": "x" * 1001}):
        assert problem(world.guest("POST", path, nonsense)) == (422, "invalid_input")
    answer = world.guest("POST", path, {"action": action, "reason": "So be it"}, key="once")
    assert (answer.status_code, answer.json["booking"]["attendee"]["name"]) == (200, "Gwen Guest")
    expected = {"accept": "confirmed", "decline": "cancelled"}[action]
    assert answer.json["booking"]["status"] == expected
    again = world.guest("POST", path, {"action": action, "reason": "So be it"}, key="once")
    assert again.json == answer.json
    other = {"accept": "decline", "decline": "accept"}[action]
    assert problem(world.guest("POST", path, {"action": other})) == (410, "gone")
    for forged in (booking["uid"], f"{booking['uid']}.x", "x", "%00"):
        answer = world.guest("POST", f"/api/requests/{forged}", {"action": action})
        assert problem(answer) == (404, "not_found")


def test_a_cancellation_is_taken_back(world: World) -> None:
    booked = world.book("ben")
    path = f"/api/bookings/{booked['booking']['uid']}"
    ben = world.by("ben")
    ben("PATCH", path, {"status": "cancelled", "reason": "Oh"})
    [listed] = ben.get("/api/bookings?status=cancelled")["items"]
    assert (listed["cancelled_as"], listed["cancel_reason"]) == ("client", "Oh")
    assert problem(world.by("ann")("PATCH", path, {"status": "confirmed"})) == (403, "not_allowed")
    restored = ben("PATCH", path, {"status": "confirmed", "version": 2})
    assert (restored.status_code, restored.json["booking"]["version"]) == (200, 3)
    ben("PATCH", path, {"status": "cancelled"})
    world.book()
    assert problem(ben("PATCH", path, {"status": "confirmed"})) == (409, "slot_taken")


def test_a_guest_takes_a_cancellation_back_by_the_link(world: World) -> None:
    path = f"/api/manage/{token_of(world.book())}"
    world.guest("POST", path, {"action": "cancel"})
    restored = world.guest("POST", path, {"action": "restore"})
    assert (restored.status_code, restored.json["booking"]["status"]) == (200, "confirmed")


def test_my_bookings_are_narrowed(world: World) -> None:
    session_id, _, _ = world.make_session(public=True, title="Keynote")
    world.by("ben")("POST", f"/api/sessions/{session_id}/seat", {})
    world.book("ben", NINE)

    def found(query: str) -> set[str]:
        items = world.by("ben").get(f"/api/bookings?{query}")["items"]
        return {each["title"] for each in items}

    assert found("") == {"Keynote", "Consultation"}
    assert found("kind=seat") == found("q=KEYNOTE") == {"Keynote"}
    assert found("kind=appointment") == found("q=ann") == {"Consultation"}
    assert found("kind=reservation") == found("q=100%25") == found("q=_") == set()
    assert {each["title"] for each in world.by("ann").get("/api/bookings?q=gwen")["items"]} == {
        "Consultation"
    }
    for wrong in ("kind=meeting", "status=gone", "q=" + "x" * 201):
        answer = world.by("ben")("GET", f"/api/bookings?{wrong}")
        assert problem(answer) == (422, "invalid_input")


def test_why_a_time_is_not_offered(world: World) -> None:
    path = f"/api/event-types/{world.event_type_id}/explain"
    ann = world.by("ann")
    assert ann.get(f"{path}?at={NINE}")["offered"] is True
    world.book()
    told = ann.get(f"{path}?at=2031-03-04T10:00:00%2B01:00")
    assert (told["at"], [reason["rule"] for reason in told["reasons"]]) == (NINE, ["busy"])
    for wrong in ("", "?at=soon", "?at=2031-03-04T09:00:00"):
        assert problem(ann("GET", path + wrong)) == (422, "invalid_input")
    assert problem(world.by("eve")("GET", f"{path}?at={NINE}")) == (404, "not_found")


def test_an_event_type_is_copied(world: World) -> None:
    change(world, seats=4, reminder_minutes=[60], is_listed=False, description="Bring tea")
    path = f"/api/event-types/{world.event_type_id}"
    ann = world.by("ann")
    original = ann.get(path)["event_type"]
    own = {
        "id": 0,
        "title": "Copy of Consultation",
        "slug": "copy-of-consultation",
        "is_active": False,
        "url": "http://localhost/ann/copy-of-consultation",
    }
    made = ann("POST", f"{path}/duplicate")
    copy = made.json["event_type"]
    assert (made.status_code, copy | {"id": 0}) == (201, original | own)
    named = ann("POST", f"{path}/duplicate", {"title": "Another"}).json["event_type"]
    assert (named["title"], named["slug"]) == ("Another", "another")
    assert problem(world.by("eve")("POST", f"{path}/duplicate")) == (404, "not_found")
    assert problem(ann("POST", f"{path}/duplicate", {"title": "x" * 201})) == (422, "invalid_input")


def test_an_unlisted_type_is_found_by_its_link_alone(world: World) -> None:
    change(world, is_listed=False)
    assert world.guest.get("/api/experts")["total"] == 0
    assert world.guest.get("/api/experts/ann")["event_types"] == []
    assert len(world.guest.get(SLOTS)["days"]["2031-03-04"]) == 18
    assert world.guest("GET", "/ann/consultation").status_code == 200
    assert world.book()["booking"]["status"] == "confirmed"


def test_what_a_guest_left_is_given_and_taken(world: World) -> None:
    booked = world.book(notes="canary")
    path = f"/api/manage/{token_of(booked)}"
    data = world.guest("GET", f"{path}/data")
    assert data.json["bookings"][0]["attendee"]["notes"] == "canary"
    assert data.headers["Content-Disposition"].startswith("attachment")
    assert data.headers["Cache-Control"] == "no-store"
    assert world.guest("DELETE", path).status_code == 204
    for method, where in (("GET", f"{path}/data"), ("DELETE", path)):
        assert problem(world.guest(method, where)) == (404, "not_found")
    assert problem(world.guest("POST", path, {"action": "cancel"})) == (404, "not_found")
    shown = world.by("ann").get(f"/api/bookings/{booked['booking']['uid']}")["booking"]
    assert (shown["status"], shown["attendee"]["name"]) == ("cancelled", "Deleted guest")


def test_experts_and_admins_look_after_guests_data(world: World) -> None:
    uid = world.book()["booking"]["uid"]
    email = {"email": "gwen@example.org"}
    for name in ("ann", "admin"):
        exported = world.by(name)("POST", "/api/guests/export", email).json
        assert [each["uid"] for each in exported["bookings"]] == [uid]
    kept = world.by("ann")("POST", "/api/guests/erase", email)
    assert kept.json == {"erased": 0, "kept": 1}
    world.by("ann")("PATCH", f"/api/bookings/{uid}", {"status": "cancelled"})
    assert world.by("ann")("POST", "/api/guests/erase", email).json == {"erased": 1, "kept": 0}
    for name, refusal in (
        ("guest", (401, "unauthenticated")),
        ("ben", (403, "not_allowed")),
        ("flagged", (403, "must_change_password")),
    ):
        for what in ("export", "erase"):
            assert problem(world.by(name)("POST", f"/api/guests/{what}", email)) == refusal
    assert problem(world.by("ann")("POST", "/api/guests/erase", {})) == (422, "invalid_input")


def test_a_file_to_keep_satisfies_a_third_reader(app: Flask, world: World) -> None:
    """RFC 5546, 3.2.1: a published event has an organizer, and no attendee."""
    change(world, requires_approval=True)
    booking = world.book("ben")["booking"]
    read = libical.read(world.by("ben")("GET", f"/api/bookings/{booking['uid']}.ics").data)
    assert (read.calendar["METHOD"], read.event["STATUS"]) == (["PUBLISH"], ["TENTATIVE"])
    assert read.event["ORGANIZER;CN"] == ["Ann Lee"]
    assert "ATTENDEE" not in read.event
    assert "ann@example.org" not in str(read)
