"""`/api/bookings` and `/api/manage`: booking, reading, moving, cancelling, and who may."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import icalendar
import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import IdempotencyKey, OutboxMessage
from app.models.interval import Interval
from app.services import manage_links, reservations
from app.services.reservations import Wanted
from tests import factories, rows
from tests.calls import problem
from tests.conftest import NOW
from tests.views.api.conftest import ELEVEN, GUEST, NINE, TEN, World

HALF_PAST_NINE = "2031-03-04T09:30:00Z"
FULL = GUEST | {"phone": "+49 30 1234", "notes": "Line 1\nLine 2"}
HOST = {"expert": {"slug": "ann", "name": "Ann Lee"}}


def token_of(answer: dict[str, Any]) -> str:
    return str(answer["manage_url"]).rpartition("/")[2]


def uids(answer: dict[str, Any]) -> list[str]:
    return [item["uid"] for item in answer["items"]]


# -- booking -------------------------------------------------------------------------


def test_a_guest_books(world: World) -> None:
    answer = world.guest(
        "POST", "/api/bookings", world.booking(**FULL, time_zone="America/New_York")
    )
    assert answer.status_code == 201
    assert set(answer.json) == {"booking", "manage_url", "replaced"}
    booking = answer.json["booking"]
    assert answer.json["manage_url"].startswith("http://localhost/b/")
    assert answer.json["replaced"] == []
    assert booking == {
        "uid": booking["uid"],
        "kind": "appointment",
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "title": "Consultation",
        "starts_at": NINE,
        "ends_at": HALF_PAST_NINE,
        "location": "Jitsi Meet",
        "meeting_url": booking["meeting_url"],
        "ics_url": answer.json["manage_url"] + ".ics",
        **HOST,
        "event_type": {"id": world.event_type_id, "slug": "consultation", "title": "Consultation"},
        "time_zone": "America/New_York",
        "attendee": FULL,
    }
    assert booking["meeting_url"].startswith("https://meet.jit.si/")


def test_a_guest_is_mailed_in_the_language_of_the_booking(world: World) -> None:
    answer = world.guest(
        "POST", "/api/bookings", world.booking(**GUEST), headers={"Accept-Language": "fr, he;q=0.8"}
    )
    with world.app.app_context():
        assert rows.booking(answer.json["booking"]["uid"]).language == "he"
        found = db.session.execute(select(OutboxMessage.recipient, OutboxMessage.language))
        assert {tuple(row) for row in found} == {
            (GUEST["email"], "he"),
            ("ann@example.org", "en"),
        }


def test_somebody_signed_in_books(world: World) -> None:
    made = world.book("ben")["booking"]
    ben = world.by("ben")
    assert made["ics_url"] == f"http://localhost/api/bookings/{made['uid']}.ics"
    assert ben.get(f"/api/bookings/{made['uid']}") == {"booking": made}
    assert uids(ben.get("/api/bookings")) == [made["uid"]]


@pytest.mark.parametrize("offset", ["Z", "+00:00", "z", "-00:00"])
def test_any_offset_is_an_instant(world: World, offset: str) -> None:
    assert world.book(starts_at=NINE.replace("Z", offset))["booking"]["starts_at"] == NINE


def test_an_instant_is_answered_in_utc(world: World) -> None:
    made = world.book(starts_at="2031-03-04T18:00:00.000+09:00")["booking"]
    assert (made["starts_at"], made["ends_at"]) == (NINE, HALF_PAST_NINE)


NO_BOOKING: list[tuple[Any, str]] = [
    ({"starts_at": "2031-03-04T09:00:00"}, "starts_at"),
    ({"starts_at": "2031-03-04 09:00:00Z"}, "starts_at"),
    ({"starts_at": "2031-03-04"}, "starts_at"),
    ({"starts_at": "2031-02-30T09:00:00Z"}, "starts_at"),
    ({"starts_at": "9999-12-31T23:59:59-23:59"}, "starts_at"),
    ({"starts_at": "0001-01-01T00:00:00+23:59"}, "starts_at"),
    ({"starts_at": 1930467600}, "starts_at"),
    ({"starts_at": None}, "starts_at"),
    ({"event_type_id": None}, "event_type_id"),
    ({"event_type_id": "1"}, "event_type_id"),
    ({"event_type_id": 1.0}, "event_type_id"),
    ({"event_type_id": True}, "event_type_id"),
    ({"event_type_id": 0}, "event_type_id"),
    ({"event_type_id": 2**63}, "event_type_id"),
    ({"name": None}, "name"),
    ({"name": "  "}, "name"),
    ({"name": "x" * 129}, "name"),
    ({"name": "\x00"}, "name"),
    ({"name": ["x"]}, "name"),
    ({"email": None}, "email"),
    ({"email": "gwen"}, "email"),
    ({"email": "gwen@"}, "email"),
    ({"email": "a@b@example.org"}, "email"),
    ({"email": "gwen@example.org\r\nBcc: x@example.org"}, "email"),
    ({"email": "x" * 250 + "@example.org"}, "email"),
    ({"email": 5}, "email"),
    ({"phone": "x" * 41}, "phone"),
    ({"phone": 49301234}, "phone"),
    ({"notes": "x" * 5001}, "notes"),
    ({"notes": {"a": 1}}, "notes"),
    ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ({"time_zone": 1}, "time_zone"),
    ({"replace": "x"}, "replace"),
    ({"replace": [1]}, "replace"),
    ({"replace": ["x"] * 51}, "replace"),
    ({"replace": ["\x00"]}, "replace"),
]


def test_nonsense_is_no_booking(world: World) -> None:
    for change, field in NO_BOOKING:
        answer = world.guest("POST", "/api/bookings", world.booking() | change)
        assert problem(answer) == (422, "invalid_input"), change
        assert list(answer.json["errors"]) == [field]
    assert world.by("ann").get("/api/bookings")["total"] == 0


def test_everything_wrong_is_said_at_once(world: World) -> None:
    answer = world.guest("POST", "/api/bookings", {})
    assert sorted(answer.json["errors"]) == ["email", "event_type_id", "name", "starts_at"]


def test_what_is_not_there_or_not_offered(world: World) -> None:
    missing = world.guest("POST", "/api/bookings", world.booking() | {"event_type_id": 4711})
    assert problem(missing) == (404, "not_found")
    rules = {
        "2031-03-03T05:00:00Z": "past",
        "2031-03-08T09:00:00Z": "hours",
        "2031-03-04T09:10:00Z": "step",
        "2031-03-04T16:00:00Z": "hours",
        "2032-03-09T09:00:00Z": "horizon",
    }
    for starts_at, rule in rules.items():
        answer = world.guest("POST", "/api/bookings", world.booking(starts_at))
        assert problem(answer) == (422, "not_offered")
        assert answer.json["rule"] == rule


def test_notice_and_daily_limit_are_named(world: World) -> None:
    path = f"/api/event-types/{world.event_type_id}"
    world.by("ann")("PATCH", path, {"daily_limit": 1, "minimum_notice_minutes": 120})
    soon = world.guest("POST", "/api/bookings", world.booking("2031-03-03T07:00:00Z"))
    assert (problem(soon), soon.json["rule"]) == ((422, "not_offered"), "notice")
    world.book()
    second = world.guest("POST", "/api/bookings", world.booking(TEN))
    assert (problem(second), second.json["rule"]) == ((422, "not_offered"), "daily_limit")


def test_a_taken_slot_comes_with_the_nearest_free_ones(world: World) -> None:
    world.book()
    for name in ("guest", "ben"):
        answer = world.by(name)("POST", "/api/bookings", world.booking())
        assert problem(answer) == (409, "slot_taken")
        assert answer.json["alternatives"] == [
            "2031-03-04T08:30:00Z",
            "2031-03-04T09:30:00Z",
            "2031-03-04T08:00:00Z",
            "2031-03-04T10:00:00Z",
            "2031-03-04T07:30:00Z",
        ]


def test_an_own_booking_in_the_way_can_be_replaced(world: World) -> None:
    with world.app.app_context():
        other_type = factories.make_event_type(world.eve, title="Other").id
    first = world.book("ben")["booking"]
    ben = world.by("ben")
    body = world.booking() | {"event_type_id": other_type}
    answer = ben("POST", "/api/bookings", body)
    assert problem(answer) == (409, "overlap")
    assert answer.json["conflicts"] == [
        {
            "starts_at": NINE,
            "ends_at": HALF_PAST_NINE,
            "kind": "appointment",
            "title": "Consultation",
            "uid": first["uid"],
        }
    ]
    answer = ben("POST", "/api/bookings", body | {"replace": [first["uid"]]})
    assert (answer.status_code, answer.json["replaced"]) == (201, [first["uid"]])
    assert uids(ben.get("/api/bookings")) == [answer.json["booking"]["uid"]]
    assert uids(ben.get("/api/bookings?status=cancelled")) == [first["uid"]]


def test_only_own_bookings_are_replaced(world: World) -> None:
    theirs = world.book()["booking"]["uid"]
    for name in ("guest", "ben", "eve"):
        for uid in (theirs, "nothing"):
            body = world.booking(TEN, replace=[uid])
            answer = world.by(name)("POST", "/api/bookings", body)
            assert problem(answer) == (422, "invalid_input")
            assert list(answer.json["errors"]) == ["replace"]
    assert uids(world.by("ann").get("/api/bookings")) == [theirs]


def test_a_flagged_user_and_an_agenda_book_no_appointment(world: World) -> None:
    flagged = world.by("flagged")("POST", "/api/bookings", world.booking())
    assert problem(flagged) == (403, "must_change_password")
    _, event_id, _ = world.make_session()
    agenda = world.by("ben", f"agenda:{event_id}")("POST", "/api/bookings", world.booking())
    assert problem(agenda) == (403, "not_allowed")


# -- Idempotency-Key -----------------------------------------------------------------


def test_the_same_request_again_gets_the_first_answer(world: World) -> None:
    for name in ("guest", "ben"):
        starts_at = NINE if name == "guest" else TEN
        caller = world.by(name)
        first = caller("POST", "/api/bookings", world.booking(starts_at), key="k")
        again = caller("POST", "/api/bookings", world.booking(starts_at), key="k")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json == again.json
        assert again.headers["Idempotency-Replayed"] == "true"
    assert world.by("ann").get("/api/bookings")["total"] == 2


def test_what_is_kept_of_an_answer_has_no_link(app: Flask, world: World) -> None:
    answer = world.guest("POST", "/api/bookings", world.booking(), key="k")
    token = answer.json["manage_url"].rpartition("/")[2]
    cancel = {"action": "cancel"}
    first = world.guest("POST", f"/api/manage/{token}", cancel, key="k")
    again = world.guest("POST", f"/api/manage/{token}", cancel, key="k")
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert token in first.json["booking"]["ics_url"]
    with app.app_context():
        kept = db.session.execute(select(IdempotencyKey.path, IdempotencyKey.body)).all()
    assert len(kept) == 2
    assert token not in str(kept)


def test_a_key_is_kept_for_one_payload(world: World) -> None:
    world.guest("POST", "/api/bookings", world.booking(), key="k")
    other = world.guest("POST", "/api/bookings", world.booking(TEN), key="k")
    assert problem(other) == (422, "idempotency_mismatch")


def test_a_key_is_each_actors_own(world: World) -> None:
    made = {
        world.guest("POST", "/api/bookings", world.booking(starts_at, email=email), key="k").json[
            "booking"
        ]["uid"]
        for starts_at, email in ((NINE, "one@example.org"), (TEN, "two@example.org"))
    }
    made.add(
        world.by("ben")("POST", "/api/bookings", world.booking(ELEVEN), key="k").json["booking"][
            "uid"
        ]
    )
    assert len(made) == 3
    # An address is one guest, however it is written.
    again = world.guest(
        "POST",
        "/api/bookings",
        world.booking("2031-03-04T12:00:00Z", email=" ONE@example.org "),
        key="k",
    )
    assert problem(again) == (422, "idempotency_mismatch")


def test_a_key_holds_per_path(world: World) -> None:
    answer = world.guest("POST", "/api/bookings", world.booking(), key="k").json
    path = f"/api/manage/{token_of(answer)}"
    cancelled = world.guest("POST", path, {"action": "cancel"}, key="k")
    assert cancelled.json["booking"]["status"] == "cancelled"
    uid = world.book("ben", TEN)["booking"]["uid"]
    moved = world.by("ben")("PATCH", f"/api/bookings/{uid}", {"starts_at": ELEVEN}, key="k")
    again = world.by("ben")("PATCH", f"/api/bookings/{uid}", {"starts_at": ELEVEN}, key="k")
    assert (moved.status_code, moved.json) == (again.status_code, again.json)
    assert again.json["booking"]["sequence"] == 1


def test_a_refusal_is_judged_afresh(world: World) -> None:
    made = world.book("ben")["booking"]
    assert problem(world.guest("POST", "/api/bookings", world.booking(), key="k"))[0] == 409
    world.by("ben")("PATCH", f"/api/bookings/{made['uid']}", {"status": "cancelled"})
    assert world.guest("POST", "/api/bookings", world.booking(), key="k").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_has_1_to_200_characters(world: World, key: str) -> None:
    answer = world.guest("POST", "/api/bookings", world.booking(), key=key)
    assert problem(answer) == (422, "invalid_input")
    assert list(answer.json["errors"]) == ["Idempotency-Key"]


def test_keys_are_kept_for_a_day(world: World, at: Any) -> None:
    first = world.guest("POST", "/api/bookings", world.booking(), key="k")
    at(NOW + timedelta(hours=23, minutes=59))
    assert world.guest("POST", "/api/bookings", world.booking(), key="k").json == first.json
    at(NOW + timedelta(hours=24, minutes=1))
    late = world.guest("POST", "/api/bookings", world.booking(), key="k")
    assert problem(late) == (409, "slot_taken")


def test_a_key_without_json_is_refused_plainly(world: World) -> None:
    answer = world.guest("POST", "/api/bookings", key="k", data=b"\xff{", headers={})
    assert problem(answer) == (422, "invalid_input")


# -- reading -------------------------------------------------------------------------


def test_bookings_are_listed_for_all_who_are_in_them(world: World) -> None:
    first, second = (world.book("ben", starts_at)["booking"]["uid"] for starts_at in (TEN, NINE))
    for name in ("ben", "ann"):
        listed = world.by(name).get("/api/bookings")
        assert (listed["page"], listed["page_size"], listed["total"]) == (1, 20, 2)
        assert uids(listed) == [second, first]
        assert uids(world.by(name).get("/api/bookings?page=2&page_size=1")) == [first]
    for name in ("eve", "staff", "admin"):
        assert world.by(name).get("/api/bookings")["items"] == []


def test_bookings_are_upcoming_until_they_are_over(world: World, at: Any) -> None:
    uid = world.book("ben")["booking"]["uid"]
    ben = world.by("ben")
    start = datetime.fromisoformat(NINE)
    for minutes, upcoming in ((-1, True), (0, True), (29, True), (30, False)):
        at(start + timedelta(minutes=minutes))
        assert uids(ben.get("/api/bookings?when=upcoming")) == [uid] * upcoming
        assert uids(ben.get("/api/bookings?when=past")) == [uid] * (not upcoming)


@pytest.mark.parametrize("query", ["when=soon", "status=all", "page=0", "page_size=101"])
def test_bookings_are_not_listed_otherwise(world: World, query: str) -> None:
    answer = world.by("ben")("GET", f"/api/bookings?{query}")
    assert problem(answer) == (422, "invalid_input")


def test_who_may_see_a_booking(world: World) -> None:
    booking = world.book("ben", notes="private")["booking"]
    path = f"/api/bookings/{booking['uid']}"
    for name in ("ben", "ann", "admin"):
        assert world.by(name).get(path) == {"booking": booking}
    refusals = {
        "guest": (401, "unauthenticated"),
        "flagged": (403, "must_change_password"),
        "eve": (404, "not_found"),
        "staff": (404, "not_found"),
    }
    for name, refusal in refusals.items():
        assert problem(world.by(name)("GET", path)) == refusal, name
        assert problem(world.by(name)("GET", path + ".ics")) == refusal, name
        assert problem(world.by(name)("PATCH", path, {"status": "cancelled"})) == refusal, name
    _, event_id, _ = world.make_session()
    agenda = world.by("ben", f"agenda:{event_id}")
    assert problem(agenda("GET", path)) == (404, "not_found")
    assert agenda.get("/api/bookings")["items"] == []
    assert world.by("ben").get(path)["booking"]["status"] == "confirmed"


@pytest.mark.parametrize("uid", ["nothing", "%00", "x" * 300, "..", "1", "%F0%9F%92%A9", "%ff"])
def test_there_is_no_other_booking(world: World, uid: str) -> None:
    for path in (f"/api/bookings/{uid}", f"/api/bookings/{uid}.ics"):
        assert problem(world.by("ben")("GET", path)) == (404, "not_found")
    answer = world.by("ben")("PATCH", f"/api/bookings/{uid}", {"status": "cancelled"})
    assert problem(answer) == (404, "not_found")


def test_a_booking_is_a_calendar_file(world: World) -> None:
    booking = world.book("ben", notes="BEGIN:VALARM\r\nX:1", name="Gwen;,\nGuest")["booking"]
    answer = world.by("ben")("GET", f"/api/bookings/{booking['uid']}.ics")
    assert answer.mimetype == "text/calendar"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="booking.ics"'
    [event] = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
    assert event["UID"] == booking["uid"]
    assert event.decoded("DTSTART") == datetime.fromisoformat(NINE)
    assert event.decoded("DTEND") == datetime.fromisoformat(HALF_PAST_NINE)
    assert (event["SEQUENCE"], event["STATUS"]) == (0, "CONFIRMED")


# -- moving and cancelling -----------------------------------------------------------


def test_either_side_moves_and_cancels(world: World) -> None:
    booking = world.book("ben")["booking"]
    path = f"/api/bookings/{booking['uid']}"
    unmoved = world.by("ben")("PATCH", path, {"starts_at": booking["starts_at"]})
    assert (unmoved.status_code, unmoved.json["booking"]) == (200, booking)
    moved = world.by("ben")("PATCH", path, {"starts_at": TEN, "version": 1})
    assert moved.status_code == 200
    assert moved.json["booking"] == booking | {
        "starts_at": TEN,
        "ends_at": "2031-03-04T10:30:00Z",
        "version": 2,
        "sequence": 1,
    }
    moved = world.by("ann")("PATCH", path, {"starts_at": ELEVEN})
    assert (moved.json["booking"]["version"], moved.json["booking"]["sequence"]) == (3, 2)
    reason = {"status": "cancelled", "reason": "I am ill", "version": 3}
    cancelled = world.by("ann")("PATCH", path, reason).json["booking"]
    assert (cancelled["status"], cancelled["version"], cancelled["sequence"]) == ("cancelled", 4, 3)
    assert world.by("ben")("PATCH", path, {"status": "cancelled"}).json["booking"] == cancelled
    assert problem(world.by("ben")("PATCH", path, {"starts_at": NINE})) == (410, "gone")
    assert world.book("eve", ELEVEN)  # the time is free again


def test_an_old_version_is_stale(world: World) -> None:
    booking = world.book("ben")["booking"]
    path = f"/api/bookings/{booking['uid']}"
    ben = world.by("ben")
    for change in ({"starts_at": TEN}, {"status": "cancelled"}):
        for version in (0, 2):
            assert problem(ben("PATCH", path, change | {"version": version})) == (409, "stale")
    assert ben.get(path) == {"booking": booking}


def test_a_move_is_judged_as_a_booking(world: World) -> None:
    booking = world.book("ben")["booking"]
    world.book(starts_at=TEN)
    ben = world.by("ben")
    path = f"/api/bookings/{booking['uid']}"
    taken = ben("PATCH", path, {"starts_at": TEN})
    assert problem(taken) == (409, "slot_taken")
    assert TEN not in taken.json["alternatives"]
    step = ben("PATCH", path, {"starts_at": "2031-03-04T09:10:00Z"})
    assert (problem(step), step.json["rule"]) == ((422, "not_offered"), "step")
    assert ben.get(path) == {"booking": booking}


def test_what_is_over_is_gone(world: World, at: Any) -> None:
    answer = world.book("ben")
    at(datetime.fromisoformat(NINE) + timedelta(hours=2))
    path = f"/api/bookings/{answer['booking']['uid']}"
    for change in ({"status": "cancelled"}, {"starts_at": "2031-03-05T09:00:00Z"}):
        assert problem(world.by("ben")("PATCH", path, change)) == (410, "gone")
    manage = f"/api/manage/{token_of(answer)}"
    for action in ("cancel", "reschedule"):
        body = {"action": action, "starts_at": "2031-03-05T09:00:00Z"}
        assert problem(world.guest("POST", manage, body)) == (410, "gone")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "status"),
        ({"status": "pending"}, "status"),
        ({"status": "cancelled", "starts_at": TEN}, "status"),
        ({"status": True}, "status"),
        ({"starts_at": "2031-03-04T10:00:00"}, "starts_at"),
        ({"status": "cancelled", "reason": "x" * 1001}, "reason"),
        ({"status": "cancelled", "reason": 5}, "reason"),
        ({"status": "cancelled", "version": "1"}, "version"),
        ({"status": "cancelled", "version": -1}, "version"),
        ({"status": "cancelled", "version": 2**31}, "version"),
    ],
)
def test_nonsense_changes_no_booking(world: World, change: Any, field: str) -> None:
    booking = world.book("ben")["booking"]
    path = f"/api/bookings/{booking['uid']}"
    answer = world.by("ben")("PATCH", path, change)
    assert problem(answer) == (422, "invalid_input")
    assert list(answer.json["errors"]) == [field]
    assert world.by("ben").get(path) == {"booking": booking}


def test_only_named_fields_are_changed(world: World) -> None:
    from app.models import Booking

    columns = {column.key for column in Booking.__table__.columns}
    hostile = dict.fromkeys(columns - {"status", "starts_at", "version"}, "4711")
    booking = world.book("ben")["booking"]
    path = f"/api/bookings/{booking['uid']}"
    moved = world.by("ben")("PATCH", path, hostile | {"starts_at": TEN}).json["booking"]
    times = {"starts_at": TEN, "ends_at": "2031-03-04T10:30:00Z", "version": 2, "sequence": 1}
    assert moved == booking | times
    fields = set(world.booking()) | {"phone", "notes", "time_zone"}
    hostile = dict.fromkeys(columns - fields, 4711)
    other = world.guest("POST", "/api/bookings", hostile | world.booking(ELEVEN)).json["booking"]
    assert (other["starts_at"], other["status"], other["version"]) == (ELEVEN, "confirmed", 1)
    with world.app.app_context():
        assert rows.booking(other["uid"]).user_id is None


# -- by the link in the mail ---------------------------------------------------------


def test_a_guest_moves_and_cancels_by_the_link(world: World) -> None:
    answer = world.book(**FULL)
    booking, path = answer["booking"], f"/api/manage/{token_of(answer)}"
    moved = world.guest("POST", path, {"action": "reschedule", "starts_at": TEN})
    times = {"starts_at": TEN, "ends_at": "2031-03-04T10:30:00Z"}
    assert (moved.status_code, moved.json) == (
        200,
        {"booking": booking | times | {"version": 2, "sequence": 1}},
    )
    cancel = {"action": "cancel", "reason": "Sorry"}
    cancelled = world.guest("POST", path, cancel).json["booking"]
    assert cancelled == moved.json["booking"] | {
        "status": "cancelled",
        "cancelled_as": "client",
        "cancel_reason": "Sorry",
        "version": 3,
        "sequence": 2,
    }
    assert world.guest("POST", path, cancel).json["booking"] == cancelled
    gone = world.guest("POST", path, {"action": "reschedule", "starts_at": NINE})
    assert problem(gone) == (410, "gone")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "delete"}, "action"),
        ({"action": None}, "action"),
        ({"action": "reschedule"}, "starts_at"),
        ({"action": "reschedule", "starts_at": "2031-03-04T10:00:00"}, "starts_at"),
        ({"action": "cancel", "reason": "x" * 1001}, "reason"),
    ],
)
def test_nonsense_manages_nothing(world: World, body: Any, field: str) -> None:
    answer = world.guest("POST", f"/api/manage/{token_of(world.book())}", body)
    assert problem(answer) == (422, "invalid_input")
    assert list(answer.json["errors"]) == [field]


def test_a_wrong_link_leads_nowhere(app: Flask, world: World) -> None:
    booking = world.book()["booking"]
    with app.app_context():
        other = manage_links.manage_token("another")
        stored = rows.booking(booking["uid"]).manage_token_hash
    for token in ("x", booking["uid"], other, stored, "x" * 500, "%00"):
        cancel = world.guest("POST", f"/api/manage/{token}", {"action": "cancel"})
        assert problem(cancel) == (404, "not_found")
        assert world.guest("GET", f"/b/{token}").status_code == 404
        assert world.guest("GET", f"/b/{token}.ics").status_code == 404
    assert world.by("ann").get(f"/api/bookings/{booking['uid']}")["booking"]["version"] == 1


def test_looking_changes_nothing(world: World) -> None:
    answer = world.book()
    token, booking = token_of(answer), answer["booking"]
    with world.app.app_context():
        before = rows.booking(booking["uid"])
    for method in ("GET", "HEAD", "OPTIONS"):
        for path in (f"/b/{token}", f"/b/{token}.ics", f"/b/{token}/reschedule"):
            assert world.guest(method, path).status_code == 200
        looked = world.guest(method, f"/api/manage/{token}")
        assert looked.status_code == (200 if method == "OPTIONS" else 405)
    with world.app.app_context():
        assert rows.booking(booking["uid"]) == before


def test_a_guest_keeps_the_booking_as_a_file(world: World) -> None:
    booking = world.book()["booking"]
    answer = world.guest("GET", booking["ics_url"].removeprefix("http://localhost"))
    [event] = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
    assert event["UID"] == booking["uid"]


# -- other kinds ---------------------------------------------------------------------


def reserve(world: World, starts_at: str = NINE) -> str:
    start = datetime.fromisoformat(starts_at)
    with world.app.app_context():
        room_id = factories.make_room().id
        wanted = Wanted(room_id, Interval(start, start + timedelta(hours=2)), "Rehearsal")
        return str(reservations.reserve_room(world.staff, wanted)["uid"])


def test_a_reservation_is_its_responsible_users(world: World) -> None:
    uid = reserve(world)
    path = f"/api/bookings/{uid}"
    mine = world.by("staff").get(path)["booking"]
    assert mine == {
        "uid": uid,
        "kind": "reservation",
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "title": "Rehearsal",
        "starts_at": NINE,
        "ends_at": ELEVEN,
        "location": mine["room"]["name"],
        "meeting_url": None,
        "ics_url": f"http://localhost{path}.ics",
        "responsible_user": {"id": world.staff.user_id, "name": "Cora"},
        "reservation_type": None,
        "room": mine["room"],
    }
    assert uids(world.by("staff").get("/api/bookings")) == [uid]
    with world.app.app_context():
        world.colleague = factories.make_contributor()  # type: ignore[attr-defined]
    colleague = world.by("colleague")
    assert colleague.get(path)["booking"] == mine
    for change in ({"status": "cancelled"}, {"starts_at": TEN}):
        assert problem(colleague("PATCH", path, change)) == (403, "not_allowed")
        assert problem(world.by("ben")("PATCH", path, change)) == (404, "not_found")
    moved = world.by("admin")("PATCH", path, {"starts_at": TEN}).json["booking"]
    assert (moved["starts_at"], moved["ends_at"]) == (TEN, "2031-03-04T12:00:00Z")
    cancelled = world.by("staff")("PATCH", path, {"status": "cancelled"})
    assert cancelled.json["booking"]["status"] == "cancelled"


def test_foreign_conflicts_show_times_alone(world: World) -> None:
    """The room of an offer is taken by staff: a client learns when, not what."""
    with world.app.app_context():
        room_id = factories.make_room().id
        start = datetime.fromisoformat(NINE)
        wanted = Wanted(room_id, Interval(start, start + timedelta(hours=1)), "Canary")
        reservations.reserve_room(world.staff, wanted)
    path = f"/api/event-types/{world.event_type_id}"
    assert world.by("ann")("PATCH", path, {"room_id": room_id}).status_code == 200
    for name in ("guest", "ben"):
        answer = world.by(name)("POST", "/api/bookings", world.booking())
        assert problem(answer) == (409, "slot_taken")
        assert "Canary" not in answer.text
