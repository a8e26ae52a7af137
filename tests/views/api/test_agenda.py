"""An event's agenda and seats in it: `/api/events/<slug>/agenda`, `/api/sessions`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.services import event_sessions, events, seats, session_changes
from tests import calls, factories
from tests.calls import Caller, problem
from tests.queries import count_queries
from tests.views.api.conftest import ELEVEN, NINE, TEN, World

TOMORROW_AT_TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def seat_of(session_id: int) -> str:
    return f"/api/sessions/{session_id}/seat"


class Hall:
    """A private event with two sessions at the same time, of one seat and of two."""

    def __init__(self, world: World) -> None:
        with world.app.app_context():
            event = factories.make_event(public=False, venue="Sternwarte", title="Minutes")
            self.small = factories.make_session(event, title="Small", capacity=1).id
            self.large = factories.make_session(event, title="Large", capacity=2).id
            self.event_id, self.slug, self.version = event.id, event.slug, event.version + 2
        self.path = f"/api/events/{self.slug}/agenda"
        self.audience = f"agenda:{self.event_id}"


@pytest.fixture
def hall(world: World) -> Hall:
    return Hall(world)


def session_in(answer: dict[str, Any], session_id: int) -> dict[str, Any]:
    return next(each for each in answer["sessions"] if each["id"] == session_id)


# -- reading -------------------------------------------------------------------------


def test_an_agenda(world: World, hall: Hall) -> None:
    with world.app.app_context():
        admin = factories.make_admin()
        speaker = {"name": "Ann Lee", "user_id": world.ann.user_id}
        session_changes.move_event_session(
            admin,
            hall.small,
            {
                "speakers": [speaker, {"name": "Ines"}],
                "abstract": "Short",
                "description": "Long",
                "track": "Time",
                "language": "en",
            },
        )
    answer = world.by("ben", hall.audience).get(hall.path)
    assert set(answer) == {"event", "version", "sessions"}
    assert answer["event"] == {
        "slug": hall.slug,
        "title": "Minutes",
        "time_zone": "Europe/Berlin",
        "starts_on": "2031-03-04",
        "ends_on": "2031-03-06",
        "venue": "Sternwarte",
    }
    assert answer["version"] == hall.version + 1
    session = session_in(answer, hall.small)
    assert session == {
        "id": hall.small,
        "guid": session["guid"],
        "title": "Small",
        "abstract": "Short",
        "track": "Time",
        "language": "en",
        "speakers": ["Ann Lee", "Ines"],
        "room": session["room"],
        "starts_at": TEN,
        "ends_at": ELEVEN,
        "day": "2031-03-04",
        "capacity": 1,
        "seats_left": 1,
        "version": 2,
        "booked": False,
        "waitlisted": False,
    }
    one = world.by("ben", hall.audience).get(f"/api/sessions/{hall.small}")["session"]
    assert session | {"description": "Long"} == {k: v for k, v in one.items() if k != "status"}


def test_free_entry_has_no_capacity(world: World) -> None:
    session_id, _, slug = world.make_session(public=True, capacity=None)
    session = session_in(world.guest.get(f"/api/events/{slug}/agenda"), session_id)
    assert (session["capacity"], session["seats_left"]) == (None, None)
    answer = world.by("ben")("POST", seat_of(session_id))
    assert problem(answer) == (422, "invalid_input")


def test_who_reads_a_private_agenda(world: World, hall: Hall) -> None:
    _, other_id, _ = world.make_session()
    readers = {
        "attendee": world.by("ben", hall.audience),
        "account": world.by("ben"),
        "staff": world.by("staff"),
        "admin": world.by("admin"),
    }
    for path in (hall.path, f"/api/sessions/{hall.small}"):
        for reader in readers.values():
            assert reader("GET", path).status_code == 200
        refusals = {
            (401, "unauthenticated"): world.guest,
            (403, "must_change_password"): world.by("flagged"),
            (404, "not_found"): world.by("ben", f"agenda:{other_id}"),
        }
        for refusal, caller in refusals.items():
            assert problem(caller("GET", path)) == refusal


def test_everybody_reads_a_public_agenda(world: World) -> None:
    session_id, _, slug = world.make_session(public=True)
    _, other_id, _ = world.make_session()
    for caller in (world.guest, world.by("flagged"), world.by("ben", f"agenda:{other_id}")):
        for path in (f"/api/events/{slug}/agenda", f"/api/sessions/{session_id}"):
            assert caller("GET", path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/events/none/agenda", "/api/sessions/4711", "/api/sessions/99999999999999"]
)
def test_what_is_not_there(world: World, path: str) -> None:
    for name in ("guest", "ben", "admin"):
        assert problem(world.by(name)("GET", path)) == (404, "not_found")


def test_a_reader_who_knows_it_is_not_sent_it_again(world: World, hall: Hall) -> None:
    ben, ann = (world.by(name, hall.audience) for name in ("ben", "ann"))

    def tag(caller: Caller) -> str:
        return str(caller("GET", hall.path).headers["ETag"])

    def known(caller: Caller, etag: str) -> bool:
        answer = caller("GET", hall.path, headers={"If-None-Match": etag})
        if answer.status_code == 304:
            assert answer.data == b""
            assert answer.headers["ETag"] == etag.removeprefix("W/").rpartition(", ")[2]
        return answer.status_code == 304

    assert ben("GET", hall.path, headers={"If-None-Match": "*"}).status_code == 304
    first = tag(ben)
    assert (tag(ann), tag(ben)) == (first, first)
    assert known(ben, first)
    assert known(ben, f"W/{first}")
    assert known(ben, f'"other", {first}')
    assert not known(ben, '"other"')
    assert ben("POST", seat_of(hall.large)).status_code == 201
    assert not known(ben, first)
    assert not known(ann, first)
    assert tag(ben) != tag(ann)
    assert not known(ann, tag(ben))
    answer = ben("GET", hall.path)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    with world.app.app_context():
        events.update_event(factories.make_admin(), hall.slug, {"title": "Renamed"})
    assert not known(ann, tag(ben))
    assert ann.get(hall.path)["event"]["title"] == "Renamed"


def test_an_event_that_takes_anothers_place_is_read_as_it_is(world: World) -> None:
    """SQLite gives the id of the last row again."""
    with world.app.app_context():
        admin = factories.make_admin()
        first = factories.make_event(title="First")
        path = f"/api/events/{first.slug}/agenda"
        slug = first.slug
    assert world.guest.get(path)["event"]["title"] == "First"
    with world.app.app_context():
        events.delete_event(admin, slug)
        factories.make_event(title="Second", slug=slug)
    assert world.guest.get(path)["event"]["title"] == "Second"


# -- seats ---------------------------------------------------------------------------


def test_a_seat_is_booked_once(world: World, hall: Hall) -> None:
    ben = world.by("ben", hall.audience)
    answer = ben("POST", seat_of(hall.large))
    assert answer.status_code == 201
    assert answer.json["replaced"] == []
    booking = answer.json["booking"]
    assert booking == {
        "uid": booking["uid"],
        "kind": "seat",
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "title": "Large",
        "starts_at": TEN,
        "ends_at": ELEVEN,
        "location": booking["room"]["name"],
        "meeting_url": None,
        "ics_url": f"http://localhost/api/bookings/{booking['uid']}.ics",
        "event_session": {"id": hall.large, "title": "Large", "room": booking["room"]},
        "event": {"slug": hall.slug, "title": "Minutes"},
        "room": booking["room"],
        "attendee": {
            "name": "Ben Client",
            "email": "ben@example.org",
            "phone": "",
            "notes": "",
        },
    }
    again = ben("POST", seat_of(hall.large))
    assert (again.status_code, again.json) == (200, {"booking": booking, "replaced": []})
    agenda = ben.get(hall.path)
    assert agenda["version"] == hall.version + 1
    large = session_in(agenda, hall.large)
    assert (large["booked"], large["seats_left"], large["version"]) == (True, 1, 2)
    assert session_in(world.by("ann").get(hall.path), hall.large)["booked"] is False


def test_a_seat_is_given_back(world: World, hall: Hall) -> None:
    ben = world.by("ben", hall.audience)
    uid = ben("POST", seat_of(hall.small)).json["booking"]["uid"]
    for _ in range(2):
        assert ben("DELETE", seat_of(hall.small)).status_code == 204
    assert session_in(ben.get(hall.path), hall.small)["seats_left"] == 1
    assert ben.get(f"/api/bookings/{uid}")["booking"]["status"] == "cancelled"
    new = ben("POST", seat_of(hall.small))
    assert (new.status_code, new.json["booking"]["uid"] != uid) == (201, True)


def test_an_agendas_sign_in_reads_and_cancels_its_own_seats(world: World, hall: Hall) -> None:
    ben, ann = world.by("ben", hall.audience), world.by("ann", hall.audience)
    booking = ben("POST", seat_of(hall.small)).json["booking"]
    path = f"/api/bookings/{booking['uid']}"
    assert ben.get(path) == {"booking": booking}
    assert [each["uid"] for each in ben.get("/api/bookings")["items"]] == [booking["uid"]]
    assert ben("GET", path + ".ics").status_code == 200
    assert problem(ann("GET", path)) == (404, "not_found")
    assert problem(ann("PATCH", path, {"status": "cancelled"})) == (404, "not_found")
    moved = ben("PATCH", path, {"starts_at": NINE})
    assert problem(moved) == (422, "invalid_input")
    cancelled = ben("PATCH", path, {"status": "cancelled", "version": 1}).json["booking"]
    assert (cancelled["status"], cancelled["version"]) == ("cancelled", 2)
    assert session_in(ben.get(hall.path), hall.small)["seats_left"] == 1


def test_an_agendas_sign_in_reaches_nothing_else(world: World, hall: Hall) -> None:
    ben = world.by("ben", hall.audience)
    elsewhere, _, _ = world.make_session(public=True)
    assert problem(ben("POST", seat_of(elsewhere))) == (404, "not_found")
    for method, path in (
        ("GET", "/api/auth/me"),
        ("POST", "/api/auth/become-expert"),
        ("GET", "/api/event-types"),
        ("PATCH", "/api/experts/me"),
        ("GET", "/api/experts/me/availability"),
    ):
        assert problem(ben(method, path, None if method == "GET" else {})) == (403, "not_allowed")


def test_a_full_session_is_refused_with_other_runs(world: World, hall: Hall) -> None:
    with world.app.app_context():
        event = events.get_event(hall.slug)
        later = TOMORROW_AT_TEN + timedelta(hours=3)
        again = factories.make_session(event, title="Small", capacity=5, starts_at=later).id
    assert world.by("ann")("POST", seat_of(hall.small)).status_code == 201
    answer = world.by("ben")("POST", seat_of(hall.small))
    assert problem(answer) == (409, "session_full")
    assert answer.json["alternatives"] == [
        {"id": again, "title": "Small", "starts_at": "2031-03-04T13:00:00Z"}
    ]
    assert isinstance(answer.json["waitlist"], bool)
    # Full and in the way at once: full is what is said.
    assert world.by("eve")("POST", seat_of(hall.large)).status_code == 201
    assert problem(world.by("eve")("POST", seat_of(hall.small))) == (409, "session_full")


def test_what_is_in_the_way_can_be_replaced(world: World, hall: Hall) -> None:
    ben = world.by("ben", hall.audience)
    small = ben("POST", seat_of(hall.small)).json["booking"]
    answer = ben("POST", seat_of(hall.large))
    assert problem(answer) == (409, "overlap")
    conflict = {"kind": "seat", "title": "Small", "starts_at": TEN, "ends_at": ELEVEN}
    assert answer.json["conflicts"] == [conflict | {"uid": small["uid"]}]
    replaced = ben("POST", seat_of(hall.large), {"replace": [small["uid"]]})
    assert (replaced.status_code, replaced.json["replaced"]) == (201, [small["uid"]])
    agenda = ben.get(hall.path)
    marks = {each["title"]: (each["booked"], each["seats_left"]) for each in agenda["sessions"]}
    assert marks == {"Small": (False, 1), "Large": (True, 1)}


def test_an_appointment_and_a_seat_replace_each_other(world: World, hall: Hall) -> None:
    appointment = world.book("ben", TEN)["booking"]
    ben = world.by("ben")
    answer = ben("POST", seat_of(hall.large))
    assert [each["uid"] for each in answer.json["conflicts"]] == [appointment["uid"]]
    seat = ben("POST", seat_of(hall.large), {"replace": [appointment["uid"]]}).json["booking"]
    body = world.booking("2031-03-04T10:30:00Z")
    refused = ben("POST", "/api/bookings", body)
    assert (problem(refused), refused.json["conflicts"][0]["uid"]) == (
        (409, "overlap"),
        seat["uid"],
    )
    answer = ben("POST", "/api/bookings", body | {"replace": [seat["uid"]]})
    assert (answer.status_code, answer.json["replaced"]) == (201, [seat["uid"]])
    assert session_in(ben.get(hall.path), hall.large)["seats_left"] == 2


def test_nobody_replaces_anothers_seat(world: World, hall: Hall) -> None:
    theirs = world.by("ann")("POST", seat_of(hall.small)).json["booking"]["uid"]
    ben = world.by("ben")
    for replace in ([theirs], ["nothing"]):
        answer = ben("POST", seat_of(hall.large), {"replace": replace})
        assert problem(answer) == (422, "invalid_input")
        assert list(answer.json["errors"]) == ["replace"]
    assert session_in(ben.get(hall.path), hall.small)["seats_left"] == 0


@pytest.mark.parametrize("replace", ["x", {}, [1], [None], ["x"] * 51, ["\x00"]])
def test_nonsense_replaces_nothing(world: World, hall: Hall, replace: Any) -> None:
    answer = world.by("ben")("POST", seat_of(hall.large), {"replace": replace})
    assert problem(answer) == (422, "invalid_input")
    assert list(answer.json["errors"]) == ["replace"]


def test_a_seat_needs_a_sign_in(world: World, hall: Hall) -> None:
    for method in ("POST", "DELETE"):
        assert problem(world.guest(method, seat_of(hall.large))) == (401, "unauthenticated")
        flagged = world.by("flagged")(method, seat_of(hall.large))
        assert problem(flagged) == (403, "must_change_password")
        assert problem(world.by("ben")(method, seat_of(4711))) == (404, "not_found")


def test_what_is_cancelled_or_over_has_no_seats(world: World, hall: Hall, at: Any) -> None:
    ben = world.by("ben")
    with world.app.app_context():
        event_sessions.cancel_event_session(factories.make_admin(), hall.small)
    assert problem(ben("POST", seat_of(hall.small))) == (410, "gone")
    assert ben("POST", seat_of(hall.large)).status_code == 201
    at(TOMORROW_AT_TEN + timedelta(hours=1))
    assert problem(world.by("ann")("POST", seat_of(hall.large))) == (410, "gone")
    assert problem(ben("DELETE", seat_of(hall.large))) == (410, "gone")


def test_a_seats_key_gets_the_first_answer_again(world: World, hall: Hall) -> None:
    ben = world.by("ben", hall.audience)
    first = ben("POST", seat_of(hall.large), {"replace": []}, key="k")
    assert ben("DELETE", seat_of(hall.large)).status_code == 204
    again = ben("POST", seat_of(hall.large), {"replace": []}, key="k")
    assert (again.status_code, again.json) == (201, first.json)
    assert session_in(ben.get(hall.path), hall.large)["seats_left"] == 2
    other = ben("POST", seat_of(hall.large), {"replace": ["x"]}, key="k")
    assert problem(other) == (422, "idempotency_mismatch")
    assert ben("POST", seat_of(hall.small), {"replace": []}, key="k").status_code == 201


def test_asking_whether_the_agenda_changed_is_one_query(app: Flask) -> None:
    """Who asks, the event's version and the reader's own marks: all in one."""
    with app.app_context():
        event = factories.make_event(slug="conf", public=False, admission="open")
        actor, session = factories.make_actor(), factories.make_session(event, capacity=2)
        seats.book_seat(actor, session.id)
    ann = calls.caller(app, actor)
    whole = ann("GET", "/api/events/conf/agenda")
    assert [each["booked"] for each in whole.json["sessions"]] == [True]
    with app.app_context(), count_queries() as statements:
        known = {"If-None-Match": whole.headers["ETag"]}
        assert ann("GET", "/api/events/conf/agenda", headers=known).status_code == 304
    assert len(statements) == 1
