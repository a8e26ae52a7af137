"""The contract's Scheduler section: `/db`, rooms' minutes, and `/api/reservations`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.services import reservations
from app.services.policy import CONTRIBUTOR
from app.services.reservations import Wanted
from tests import factories, rows
from tests.calls import caller, problem
from tests.views.api.conftest import World

DAY = "2031-03-04"
BERLIN = "+01:00"
FRAME = {"date": DAY, "hour": 10, "startMinute": 10, "endMinute": 20, "title": "Rehearsal"}
MISSING = {"date": "2031-03-30", "hour": 2}
DOUBLED = {"date": "2031-10-26", "hour": 2}


@pytest.fixture
def world(app: Flask) -> World:
    made = World(app)
    with app.app_context():
        made.room = factories.make_room(name="Aula").id
        made.other = factories.make_contributor(name="Otto")
    return made


def post(world: World, who: str = "staff", **changes: Any) -> Any:
    """Post an event as JSON."""
    return world.by(who)("POST", "/db/event/post", {**FRAME, **changes})


def posted(world: World, who: str = "staff", **changes: Any) -> int:
    answer = post(world, who, **changes)
    assert answer.status_code == 200, answer.text
    return answer.json["EventId"]


def move(world: World, event_id: int, who: str = "staff", **changes: Any) -> Any:
    frame = {"newDate": DAY, "newHour": 12, "newStartMinute": 0, "newEndMinute": 60}
    return world.by(who)("POST", f"/db/event/{event_id}/reschedule", {**frame, **changes})


def reserve(world: World, who: str = "staff", **changes: Any) -> Any:
    body = {
        "room_id": world.room,
        "starts_at": f"{DAY}T10:10:00{BERLIN}",
        "ends_at": f"{DAY}T10:20:00{BERLIN}",
        "title": "Rehearsal",
        **changes,
    }
    return world.by(who)("POST", "/api/reservations", body)


def fields_of(answer: Any) -> list[str]:
    """The fields that a 422 names."""
    assert problem(answer) == (422, "invalid_input")
    return sorted(answer.json["errors"])


# -- frames of an hour -----------------------------------------------------------------


@pytest.mark.parametrize("in_query", [True, False])
def test_an_event_is_posted_and_read_by_all_without_names(world: World, in_query: bool) -> None:
    sent = {**FRAME, "eventType": "Live", "room": world.room}
    if in_query:
        answer = world.by("staff")("POST", f"/db/event/post?{urlencode(sent)}")
    else:
        answer = world.by("staff")("POST", "/db/event/post", sent)
    assert answer.status_code == 200
    event_id = answer.json["EventId"]
    assert answer.json == {"EventId": event_id}
    shown = {
        **FRAME,
        "eventId": event_id,
        "eventType": "Live",
        "room": world.room,
        "startsAt": "2031-03-04T09:10:00Z",
        "endsAt": "2031-03-04T09:20:00Z",
    }
    for who in ("guest", "ben", "flagged"):
        assert world.by(who).get("/db/event") == [shown]
        assert world.by(who).get(f"/db/event/{event_id}") == shown
    for_staff = {**shown, "responsibleUserId": world.staff.user_id, "version": 1}
    for who in ("staff", "admin"):
        assert world.by(who).get(f"/db/event/{event_id}") == for_staff
        assert world.by(who).get("/db/event") == [for_staff]


def test_room_and_type_are_optional_and_the_list_narrows(world: World) -> None:
    with world.app.app_context():
        second = factories.make_room(name="A later room with an earlier name").id
    first = posted(world)
    other = posted(world, room=second, hour=11)
    shown = world.guest.get(f"/db/event/{first}")
    assert (shown["room"], shown["eventType"]) == (world.room, None)
    listed = [
        [event["eventId"] for event in world.guest.get(f"/db/event{query}")]
        for query in ("", f"?room={second}", f"?date={DAY}", "?date=2031-03-05")
    ]
    assert listed == [[first, other], [other], [first, other], []]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endMinute": 10}, "endMinute"),
        ({"endMinute": 61}, "endMinute"),
        ({"endMinute": 0}, "endMinute"),
        ({"startMinute": 60}, "startMinute"),
        ({"hour": 24}, "hour"),
        ({"hour": "ten"}, "hour"),
        ({"date": "04.03.2031"}, "date"),
        ({"date": "2031-02-30"}, "date"),
        ({"title": " "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"title": "\0"}, "title"),
        ({"eventType": "Dead"}, "eventType"),
        ({"room": 99999}, "room"),
        ({"room": "Aula"}, "room"),
        ({"responsibleUserId": "me"}, "responsibleUserId"),
        ({"date": "2031-03-03", "hour": 6}, "startMinute"),  # the past
        (MISSING, "hour"),
    ],
)
def test_what_is_wrong_is_named(world: World, change: dict[str, Any], field: str) -> None:
    assert fields_of(post(world, **change)) == [field]
    assert world.guest.get("/db/event") == []


def test_every_field_is_judged_at_once(world: World) -> None:
    needed = ["date", "endMinute", "hour", "startMinute", "title"]
    assert fields_of(world.by("staff")("POST", "/db/event/post")) == needed
    answer = world.by("staff")(
        "POST", "/db/event/post", data="not JSON", headers={"Content-Type": "application/json"}
    )
    assert problem(answer) == (422, "invalid_input")


def test_the_end_is_exclusive_and_touching_is_no_overlap(world: World) -> None:
    event_id = posted(world, startMinute=0, endMinute=60)
    taken = post(world, startMinute=59, endMinute=60)
    assert problem(taken) == (409, "overlap")
    (conflict,) = taken.json["conflicts"]
    assert (conflict["title"], conflict["starts_at"]) == ("Rehearsal", "2031-03-04T09:00:00Z")
    assert posted(world, hour=11, startMinute=0, endMinute=1) != event_id
    (only_times,) = post(world, "admin", startMinute=59, endMinute=60).json["conflicts"]
    assert only_times["title"] == "Rehearsal"  # admins see everything
    with world.app.app_context():
        world.third = factories.make_contributor()
    (only_times,) = post(world, "third", startMinute=59, endMinute=60).json["conflicts"]
    assert sorted(only_times) == ["ends_at", "starts_at"]


def test_the_missing_hour_is_refused_with_a_sentence_and_the_doubled_one_is_its_first_run(
    world: World,
) -> None:
    refused = post(world, **MISSING)
    assert "30 March 2031" in refused.json["detail"]
    assert "02:10 to 02:20 does not exist" in refused.json["detail"]
    first = posted(world, **DOUBLED)
    assert world.guest.get(f"/db/event/{first}")["startsAt"] == "2031-10-26T00:10:00Z"
    second = reserve(
        world, starts_at="2031-10-26T02:10:00+01:00", ends_at="2031-10-26T02:20:00+01:00"
    )
    assert second.status_code == 201  # another hour, though the clock says the same


def test_a_room_keeps_its_own_time(world: World) -> None:
    with world.app.app_context():
        tokyo = factories.make_room(time_zone="Asia/Tokyo").id
    shown = world.guest.get(f"/db/event/{posted(world, room=tokyo)}")
    assert (shown["hour"], shown["startsAt"]) == (10, "2031-03-04T01:10:00Z")


def test_an_event_is_moved_by_its_owner_and_admins(world: World) -> None:
    event_id = posted(world)
    assert move(world, event_id, version=1).json == {"EventId": event_id, "version": 2}
    shown = world.guest.get(f"/db/event/{event_id}")
    assert (shown["hour"], shown["startMinute"], shown["endMinute"]) == (12, 0, 60)
    assert problem(move(world, event_id, version=1)) == (409, "stale")
    assert move(world, event_id, "admin", newHour=13).status_code == 200
    assert (
        world.by("staff").get(f"/db/event/{event_id}")["responsibleUserId"] == world.staff.user_id
    )
    assert fields_of(move(world, event_id, newDate="2031-03-03", newHour=5)) == ["newStartMinute"]
    assert fields_of(move(world, event_id, newEndMinute=0)) == ["newEndMinute"]
    assert fields_of(move(world, event_id, newDate="2031-03-30", newHour=2)) == ["newHour"]
    posted(world, hour=14)
    assert problem(move(world, event_id, newHour=14)) == (409, "overlap")
    assert problem(move(world, 99999)) == (404, "not_found")


def test_an_event_is_deleted_twice_as_once(world: World) -> None:
    event_id = posted(world)
    for _ in range(2):
        answer = world.by("staff")("POST", f"/db/event/{event_id}/delete")
        assert (answer.status_code, answer.json) == (200, {"EventId": event_id})
    assert problem(world.guest("GET", f"/db/event/{event_id}")) == (404, "not_found")
    assert problem(move(world, event_id)) == (410, "gone")
    assert world.guest.get("/db/event") == []
    assert posted(world) != event_id


def test_only_reservations_are_events(world: World) -> None:
    world.book()
    with world.app.app_context():
        number = rows.booking(world.by("ann").get("/api/bookings")["items"][0]["uid"]).id
    assert world.guest.get("/db/event") == []
    assert problem(world.guest("GET", f"/db/event/{number}")) == (404, "not_found")
    assert problem(move(world, number, "admin")) == (404, "not_found")


# -- who may -------------------------------------------------------------------------


def writes(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """Each write of the scheduler, about an event of staff's."""
    event_id = posted(world)
    with world.app.app_context():
        from app.extensions import db
        from app.models import Booking

        uid = db.session.get(Booking, event_id).uid
    span = {"starts_at": f"{DAY}T12:00:00Z", "ends_at": f"{DAY}T13:00:00Z"}
    moved = {"newDate": DAY, "newHour": 12, "newStartMinute": 0, "newEndMinute": 60}
    return [
        ("POST", "/db/event/post", FRAME),
        ("POST", f"/db/event/{event_id}/reschedule", moved),
        ("POST", f"/db/event/{event_id}/delete", {}),
        ("POST", "/api/reservations", {"room_id": world.room, "title": "Mine", **span}),
        ("PATCH", f"/api/reservations/{uid}", span),
        ("DELETE", f"/api/reservations/{uid}", {}),
    ]


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("guest", (401, "unauthenticated")),
        ("flagged", (403, "must_change_password")),
        ("flagged_staff", (403, "must_change_password")),
        ("ben", (403, "not_allowed")),
        ("ann", (403, "not_allowed")),
    ],
)
def test_only_staff_without_a_password_to_change_write(
    world: World, who: str, refusal: tuple[int, str]
) -> None:
    with world.app.app_context():
        world.flagged_staff = factories.make_actor(CONTRIBUTOR, flagged=True)
    for method, path, body in writes(world):
        assert problem(world.by(who)(method, path, body)) == refusal, path
    (event,) = world.by(who).get("/db/event")
    assert "responsibleUserId" not in event
    assert (
        "owner" not in world.by(who).get(f"/api/rooms/{world.room}/minutes?date={DAY}")["busy"][0]
    )


def test_a_contributor_leaves_anothers_alone(world: World) -> None:
    calls = writes(world)
    for method, path, body in calls[1:3] + calls[4:]:
        assert problem(world.by("other")(method, path, body)) == (403, "not_allowed"), path
    named = {"responsibleUserId": world.staff.user_id, "hour": 15}
    assert problem(post(world, "other", **named)) == (403, "not_allowed")
    assert problem(reserve(world, "other", responsible_user_id=world.staff.user_id)) == (
        403,
        "not_allowed",
    )
    assert posted(world, "staff", **named)
    assert posted(world, "admin", **named | {"hour": 16})
    (event,) = [each for each in world.by("other").get("/db/event") if each["hour"] == 16]
    assert event["responsibleUserId"] == world.staff.user_id


def test_a_cookie_needs_its_csrf_token_at_every_write(world: World, client: FlaskClient) -> None:
    calls = writes(world)
    signed_in = client.post(
        "/api/auth/login", json={"email": "cora@example.org", "password": factories.PASSWORD}
    )
    assert signed_in.status_code == 200
    for method, path, body in calls:
        answer = client.open(path, method=method, json=body)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated"), path
    token = client.get_cookie("csrf_access_token").value
    answer = client.post(calls[0][1], json={**FRAME, "hour": 15}, headers={"X-CSRF-TOKEN": token})
    assert answer.status_code == 200


def test_the_same_key_is_the_same_event(world: World) -> None:
    staff = world.by("staff")
    first = staff("POST", f"/db/event/post?{urlencode(FRAME)}", key="one")
    again = staff("POST", f"/db/event/post?{urlencode(FRAME)}", key="one")
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    other = staff("POST", f"/db/event/post?{urlencode({**FRAME, 'hour': 11})}", key="one")
    assert problem(other) == (422, "idempotency_mismatch")
    body = {"room_id": world.room, "title": "Mine"}
    body |= {"starts_at": f"{DAY}T12:00:00Z", "ends_at": f"{DAY}T13:00:00Z"}
    made = [staff("POST", "/api/reservations", body, key="two") for _ in range(2)]
    assert made[0].json == made[1].json
    assert len(world.guest.get("/db/event")) == 2
    moves = [
        staff("POST", f"/db/event/{first.json['EventId']}/delete", key="three") for _ in range(2)
    ]
    assert moves[0].json == moves[1].json


# -- spans of any length -----------------------------------------------------------------


def test_a_reservation_of_any_length_is_made_changed_and_given_back(world: World) -> None:
    answer = reserve(world, ends_at=f"{DAY}T12:20:00{BERLIN}", event_type="PreRecorded")
    assert answer.status_code == 201
    booking = answer.json["booking"]
    assert (booking["starts_at"], booking["ends_at"], booking["reservation_type"]) == (
        "2031-03-04T09:10:00Z",
        "2031-03-04T11:20:00Z",
        "PreRecorded",
    )
    path = f"/api/reservations/{booking['uid']}"
    with world.app.app_context():
        hall = factories.make_room().id
    changed = world.by("staff")(
        "PATCH",
        path,
        {"title": "Longer", "room_id": hall, "ends_at": "2031-03-05T00:00:00Z", "version": 1},
    ).json["booking"]
    assert (changed["title"], changed["room"]["id"], changed["version"]) == ("Longer", hall, 2)
    assert (changed["starts_at"], changed["ends_at"]) == (
        "2031-03-04T09:10:00Z",
        "2031-03-05T00:00:00Z",
    )
    assert changed["reservation_type"] == "PreRecorded"
    assert problem(world.by("staff")("PATCH", path, {"title": "Old", "version": 1})) == (
        409,
        "stale",
    )
    handed = world.by("admin")("PATCH", path, {"responsible_user_id": world.other.user_id})
    assert handed.json["booking"]["responsible_user"]["id"] == world.other.user_id
    plain = world.by("other")("PATCH", path, {"event_type": None}).json["booking"]
    assert plain["reservation_type"] is None
    assert problem(world.by("other")("DELETE", f"{path}?version=2")) == (409, "stale")
    for _ in range(2):
        assert world.by("other")("DELETE", path).status_code == 204
    assert problem(world.by("other")("PATCH", path, {"title": "Back"})) == (410, "gone")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ends_at": f"{DAY}T10:10:00{BERLIN}"}, "ends_at"),
        ({"starts_at": f"{DAY}T10:10:00"}, "starts_at"),
        ({"starts_at": "2031-03-03T05:59:00Z"}, "starts_at"),
        ({"room_id": 99999}, "room_id"),
        ({"room_id": None}, "room_id"),
        ({"title": None}, "title"),
        ({"event_type": "Dead"}, "event_type"),
    ],
)
def test_a_wrong_reservation_is_refused(world: World, change: dict[str, Any], field: str) -> None:
    assert fields_of(reserve(world, **change)) == [field]


def test_what_is_no_reservation_is_not_found(world: World) -> None:
    uid = world.book()["booking"]["uid"]
    for each in (uid, "nothing"):
        path = f"/api/reservations/{each}"
        assert problem(world.by("admin")("PATCH", path, {"title": "x"})) == (404, "not_found")
        assert problem(world.by("admin")("DELETE", path)) == (404, "not_found")


# -- reading by room and day ----------------------------------------------------------------


def test_a_long_span_stands_in_every_hour_it_touches(world: World) -> None:
    booking = reserve(world, ends_at=f"{DAY}T12:20:00{BERLIN}").json["booking"]
    days = world.guest.get("/db/schedule/7days")["days"]
    assert [day["date"] for day in days] == [f"2031-03-{number:02}" for number in range(3, 10)]
    assert all([hour["hour"] for hour in day["hours"]] == list(range(24)) for day in days)
    found = [
        (day["date"], hour["hour"], event["startMinute"], event["endMinute"])
        for day in days
        for hour in day["hours"]
        for event in hour["bookings"]
    ]
    assert found == [(DAY, 10, 10, 60), (DAY, 11, 0, 60), (DAY, 12, 0, 20)]
    (event,) = world.guest.get("/db/event")
    assert (event["hour"], event["startMinute"], event["endMinute"]) == (10, 10, 60)
    assert event["endsAt"] == booking["ends_at"]
    (only,) = world.guest.get("/db/schedule/today")["days"]
    assert only["date"] == "2031-03-03"
    assert not any(hour["bookings"] for hour in only["hours"])


def test_both_runs_of_a_doubled_hour_are_one_hour_of_the_schedule(world: World, at: Any) -> None:
    from datetime import UTC, datetime

    at(datetime(2031, 10, 25, 12, tzinfo=UTC))
    reserve(world, starts_at="2031-10-26T01:50:00+02:00", ends_at="2031-10-26T03:10:00+01:00")
    (_, day, *_) = world.guest.get("/db/schedule/7days")["days"]
    spans = [
        (hour["hour"], event["startMinute"], event["endMinute"])
        for hour in day["hours"]
        for event in hour["bookings"]
    ]
    assert spans == [(1, 50, 60), (2, 0, 60), (2, 0, 60), (3, 0, 10)]


def test_minutes_of_a_room(world: World) -> None:
    reserve(world, starts_at=f"{DAY}T22:00:00{BERLIN}", ends_at=f"2031-03-05T01:30:00{BERLIN}")
    session, *_ = world.make_session(
        room_id=world.room, title="Keynote", starts_at=None, public=False
    )
    assert session
    with world.app.app_context():
        world.event_type = factories.make_event_type(world.ann, room_id=world.room).id
    booked = world.guest(
        "POST",
        "/api/bookings",
        {**world.booking("2031-03-04T08:00:00Z"), "event_type_id": world.event_type},
    )
    assert booked.status_code == 201
    path = f"/api/rooms/{world.room}/minutes?date="
    day = world.guest.get(path + DAY)
    assert (day["date"], day["time_zone"], day["room"]["name"]) == (DAY, "Europe/Berlin", "Aula")
    assert [(each["start"], each["end"], each["kind"], each["title"]) for each in day["busy"]] == [
        ("09:00", "09:30", "appointment", "Busy"),
        ("11:00", "12:00", "event_session", "Busy"),
        ("22:00", "24:00", "reservation", "Rehearsal"),
    ]
    assert all("owner" not in each and not each["mine"] for each in day["busy"])
    for_staff = world.by("staff").get(path + DAY)["busy"]
    assert [(each["title"], each.get("owner"), each["mine"]) for each in for_staff] == [
        ("Consultation", "Ann Lee", False),
        ("Keynote", None, False),
        ("Rehearsal", "Cora", True),
    ]
    (rest,) = world.guest.get(path + "2031-03-05")["busy"]
    assert (rest["start"], rest["end"], rest["starts_at"]) == (
        "00:00",
        "01:30",
        "2031-03-04T21:00:00Z",
    )
    assert world.guest.get(f"/api/rooms/{world.room}/minutes")["date"] == "2031-03-03"
    assert day["version"] == 3
    assert problem(world.guest("GET", "/api/rooms/99999/minutes")) == (404, "not_found")
    assert fields_of(world.guest("GET", path + "tomorrow")) == ["date"]


def test_rooms_are_listed_for_everybody(world: World) -> None:
    with world.app.app_context():
        factories.make_room(name="Attic", capacity=8, time_zone="Asia/Tokyo")
    listed = world.guest.get("/api/rooms")
    assert [(room["name"], room["time_zone"]) for room in listed["items"]] == [
        ("Attic", "Asia/Tokyo"),
        ("Aula", "Europe/Berlin"),
    ]
    assert world.guest.get("/api/rooms?page=2&page_size=1")["items"][0]["name"] == "Aula"


def test_a_date_at_the_end_of_time_is_no_error(world: World) -> None:
    for day in ("1970-01-01", "2199-12-31"):
        assert world.guest.get(f"/api/rooms/{world.room}/minutes?date={day}")["busy"] == []
        assert world.guest.get(f"/db/event?date={day}") == []
    assert posted(world, date="2199-12-31", hour=23, startMinute=59, endMinute=60)


def test_seconds_count_as_their_minute(world: World) -> None:
    with world.app.app_context():
        reservations.reserve_room(
            world.staff,
            Wanted(
                world.room, factories.period(f"{DAY}T09:10:30Z", f"{DAY}T09:12:10Z"), "Half minutes"
            ),
        )
    (event,) = caller(world.app).get("/db/event")
    assert (event["startMinute"], event["endMinute"]) == (10, 13)
    (busy,) = caller(world.app).get(f"/api/rooms/{world.room}/minutes?date={DAY}")["busy"]
    assert (busy["start"], busy["end"]) == ("10:10", "10:13")


# -- repeated ------------------------------------------------------------------------------


def test_a_series_is_seen_first_made_changed_cancelled_and_undone(world: World) -> None:
    taken = reserve(
        world,
        "other",
        starts_at=f"2031-03-18T10:00:00{BERLIN}",
        ends_at=f"2031-03-18T11:00:00{BERLIN}",
    )
    assert taken.status_code == 201
    weekly = {"recurrence": "FREQ=WEEKLY;COUNT=3"}
    preview = reserve(world, **weekly, dry_run=True)
    assert (preview.status_code, preview.json["free"], preview.json["conflicting"]) == (200, 2, 1)
    (conflict,) = preview.json["occurrences"][2]["conflicts"]
    assert sorted(conflict) == ["ends_at", "starts_at"]
    assert len(world.guest.get("/db/event")) == 1
    refused = reserve(world, **weekly)
    assert problem(refused) == (409, "overlap")
    assert len(refused.json["occurrences"]) == 1
    made = reserve(world, **weekly, skip_conflicts=True)
    assert (made.status_code, len(made.json["bookings"]), len(made.json["skipped"])) == (201, 2, 1)
    first, second = made.json["bookings"]
    assert made.json["booking"] == first
    path = f"/api/reservations/{first['uid']}"
    staff = world.by("staff")
    seen = staff("PATCH", path, {"title": "Band", "scope": "all", "dry_run": True})
    assert (seen.status_code, seen.json["free"]) == (200, 2)
    changed = staff("PATCH", path, {"title": "Band", "scope": "all", "version": 1})
    assert [each["title"] for each in changed.json["bookings"]] == ["Band", "Band"]
    assert problem(world.by("other")("PATCH", path, {"title": "x", "scope": "all"})) == (
        403,
        "not_allowed",
    )
    assert problem(world.by("other")("POST", f"{path}/restore", {})) == (403, "not_allowed")
    assert staff("DELETE", f"{path}?scope=all").status_code == 204
    assert len(world.guest.get("/db/event")) == 1
    undone = staff("POST", f"{path}/restore", {"scope": "all"}, key="undo")
    assert [each["uid"] for each in undone.json["bookings"]] == [first["uid"], second["uid"]]
    assert staff("POST", f"{path}/restore", {"scope": "all"}, key="undo").json == undone.json
    shown = staff.get(f"/api/scheduler/day?date={DAY}")["rooms"][0]["busy"][0]
    assert shown["series"]["rule"] == "FREQ=WEEKLY;COUNT=3"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"recurrence": "FREQ=YEARLY;COUNT=2"}, "recurrence"),
        ({"recurrence": "FREQ=DAILY"}, "recurrence"),
        ({"recurrence": 7}, "recurrence"),
        ({"dry_run": "perhaps"}, "dry_run"),
    ],
)
def test_a_wrong_repetition_is_refused(world: World, change: dict[str, Any], field: str) -> None:
    assert fields_of(reserve(world, **change)) == [field]


# -- the pages' own reads ---------------------------------------------------------------------


def test_what_the_pages_read(world: World) -> None:
    reserve(world)
    staff = world.by("staff")
    month = staff.get("/api/scheduler/month?month=2031-03")
    assert month["days"][3]["busy_minutes"] == 10
    assert (
        staff.get(f"/api/scheduler/month?month=2031-03&room_id={world.room}")["days"][3]["mine"]
        == 1
    )
    assert staff.get("/api/scheduler/day")["date"] == "2031-03-03"
    week = staff.get(f"/api/scheduler/week?room_id={world.room}&date={DAY}")
    assert (week["first"], len(week["days"][1]["busy"])) == ("2031-03-03", 1)
    sunday = staff.get(f"/api/scheduler/week?room_id={world.room}&date={DAY}&first_weekday=6")
    assert (sunday["first"], len(sunday["days"][2]["busy"])) == ("2031-03-02", 1)
    display = world.guest.get(f"/api/rooms/{world.room}/display")
    assert (display["now"], display["next"]["title"]) == (None, "Rehearsal")
    table = staff("GET", f"/api/scheduler/export.csv?from={DAY}&to={DAY}")
    assert (table.status_code, table.mimetype) == (200, "text/csv")
    assert table.text.startswith("\ufeffroom,")
    assert [each["name"] for each in world.by("admin").get("/api/scheduler/people")["items"]] == [
        "Cora",
        "Otto",
        "Root",
    ]
    assert fields_of(staff("GET", "/api/scheduler/month?month=2031-3")) == ["month"]
    assert fields_of(staff("GET", "/api/scheduler/week?first_weekday=7")) == [
        "first_weekday",
        "room_id",
    ]
    assert fields_of(staff("GET", f"/api/scheduler/export.csv?from={DAY}&to=2031-03-01")) == ["to"]
    assert problem(staff("GET", "/api/scheduler/people")) == (403, "not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/api/scheduler/month?month=2031-03",
        "/api/scheduler/day",
        "/api/scheduler/week?room_id=1",
        "/api/scheduler/people",
        f"/api/scheduler/export.csv?from={DAY}&to={DAY}",
    ],
)
def test_the_pages_reads_are_staffs(world: World, path: str) -> None:
    for who, refusal in [
        ("guest", (401, "unauthenticated")),
        ("flagged", (403, "must_change_password")),
        ("ben", (403, "not_allowed")),
    ]:
        assert problem(world.by(who)("GET", path)) == refusal


# -- copying a day, closing a room ---------------------------------------------------------------


def test_a_day_is_copied_after_a_look(world: World) -> None:
    reserve(world)
    staff = world.by("staff")
    body = {"from": DAY, "to": "2031-03-05"}
    seen = staff("POST", "/api/scheduler/copy", {**body, "dry_run": True})
    assert (seen.status_code, seen.json["free"], seen.json["conflicting"]) == (200, 1, 0)
    made = staff("POST", "/api/scheduler/copy", body, key="copy")
    assert (made.status_code, len(made.json["bookings"]), made.json["skipped"]) == (201, 1, [])
    assert staff("POST", "/api/scheduler/copy", body, key="copy").json == made.json
    again = staff("POST", "/api/scheduler/copy", body)
    assert problem(again) == (409, "overlap")
    assert [each["why"] for each in again.json["items"]] == ["taken"]
    assert problem(staff("POST", "/api/scheduler/copy", {**body, "whose": "all"})) == (
        403,
        "not_allowed",
    )
    assert fields_of(staff("POST", "/api/scheduler/copy", {})) == ["from", "to"]
    assert fields_of(staff("POST", "/api/scheduler/copy", {**body, "to": DAY})) == ["to"]


def test_a_room_is_closed_after_a_look(world: World) -> None:
    uid = reserve(world).json["booking"]["uid"]
    path = f"/api/rooms/{world.room}/blackouts"
    admin = world.by("admin")
    body = {
        "starts_at": f"{DAY}T00:00:00{BERLIN}",
        "ends_at": f"2031-03-05T00:00:00{BERLIN}",
        "reason": "Painting",
    }
    assert [
        each["uid"] for each in admin("POST", path, {**body, "dry_run": True}).json["conflicts"]
    ] == [uid]
    assert problem(admin("POST", path, body)) == (409, "overlap")
    assert world.by("staff")("DELETE", f"/api/reservations/{uid}").status_code == 204
    made = admin("POST", path, body)
    assert made.status_code == 201
    blackout = made.json["blackout"]
    assert world.by("staff").get(path)["items"] == [blackout]
    assert problem(reserve(world)) == (409, "overlap")
    display = world.guest.get(f"/api/rooms/{world.room}/display")
    assert (display["next"]["kind"], display["next"]["title"]) == ("blackout", "Painting")
    for who, refusal in [("guest", (401, "unauthenticated")), ("staff", (403, "not_allowed"))]:
        assert problem(world.by(who)("POST", path, body)) == refusal
        assert problem(world.by(who)("DELETE", f"/api/blackouts/{blackout['uid']}")) == refusal
    assert fields_of(admin("POST", path, {**body, "reason": ""})) == ["reason"]
    for _ in range(2):
        assert admin("DELETE", f"/api/blackouts/{blackout['uid']}").status_code == 204
    assert reserve(world).status_code == 201


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("guest", (401, "unauthenticated")),
        ("flagged_admin", (403, "must_change_password")),
        ("ben", (403, "not_allowed")),
    ],
)
def test_every_other_write_is_shut_too(world: World, who: str, refusal: tuple[int, str]) -> None:
    with world.app.app_context():
        world.flagged_admin = factories.make_admin(flagged=True)
    uid = reserve(world, recurrence="FREQ=DAILY;COUNT=2").json["booking"]["uid"]
    span = {"starts_at": "2031-03-08T00:00:00Z", "ends_at": "2031-03-09T00:00:00Z"}
    for method, path, body in [
        ("PATCH", f"/api/reservations/{uid}", {"title": "x", "scope": "all"}),
        ("PATCH", f"/api/reservations/{uid}", {"title": "x", "dry_run": True}),
        ("DELETE", f"/api/reservations/{uid}?scope=all", None),
        ("POST", f"/api/reservations/{uid}/restore", {}),
        ("POST", "/api/scheduler/copy", {"from": DAY, "to": "2031-03-05", "dry_run": True}),
        ("POST", f"/api/rooms/{world.room}/blackouts", {**span, "reason": "Painting"}),
        ("DELETE", "/api/blackouts/any", None),
    ]:
        assert problem(world.by(who)(method, path, body)) == refusal, path
    assert len(world.guest.get("/db/event")) == 2
