"""What admins change while people book: no seat too many, and nobody told twice."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from app.services import admission, events
from tests import factories
from tests.concurrency.clients import Request
from tests.concurrency.world import World, outcomes, take_seat

pytestmark = pytest.mark.concurrency
PEOPLE = 16
SECONDS = 20


def test_fewer_seats_while_people_book(world: World) -> None:
    """Whoever comes first: the session ends with as many seats as it has, the last are told."""
    with world.app.app_context():
        _, admin = world._signed_in(factories.make_admin())
    attendees = world.make_attendees(PEOPLE)
    for session in world.make_sessions(4, capacity=PEOPLE, first=400):
        early, late = attendees[: PEOPLE // 2], attendees[PEOPLE // 2 :]
        world.race([take_seat(session, token) for _, token in early])
        fewer = Request(
            "PATCH", f"/api/sessions/{session}", {"capacity": 3, "release_last": True}, admin
        )
        answers = world.race([fewer, *(take_seat(session, token) for _, token in late)])
        assert answers[0].status == 200
        booked = outcomes(answers[1:])
        assert set(booked) <= {"201", "409 session_full"}
        assert world.live_seats(session) == 3
        told = world.number(
            "SELECT count(*) FROM outbox_message JOIN booking ON booking.id = booking_id"
            " WHERE template = 'seat_cancelled' AND event_session_id = :id",
            id=session,
        )
        assert told == len(early) + booked["201"] - 3
        assert told == len(answers[0].body["impact"]["released"])
    world.assert_sound()


def test_a_move_while_people_book(world: World) -> None:
    """Every seat that was had is at the new time, or was released with a mail."""
    with world.app.app_context():
        _, admin = world._signed_in(factories.make_admin())
    attendees = world.make_attendees(PEOPLE)
    for number, session in enumerate(world.make_sessions(4, capacity=PEOPLE, first=420)):
        start = world.start(440 + number)
        move = Request(
            "PATCH",
            f"/api/sessions/{session}",
            {
                "starts_at": start.isoformat(),
                "ends_at": (start + timedelta(minutes=30)).isoformat(),
            },
            admin,
        )
        answers = world.race([*(take_seat(session, token) for _, token in attendees), move])
        assert answers[-1].status == 200
        booked = outcomes(answers[:-1])
        assert set(booked) <= {"201", "409 stale"}
        assert world.live_seats(session) == booked["201"]
        times = world.column(
            "SELECT DISTINCT busy_period.starts_at FROM busy_period JOIN booking"
            " ON booking.id = busy_period.booking_id WHERE booking.event_session_id = :id",
            id=session,
        )
        assert len(times) <= 1
    world.assert_sound()


def test_two_processes_release_no_shows_once(world: World) -> None:
    """Both run the timers; each absent person loses the seat and is told once."""
    attendees = world.make_attendees(PEOPLE)
    here = attendees[: PEOPLE // 2]
    with world.app.app_context():
        admin = factories.make_admin()
        event = factories.make_event()
        soon = datetime.now(UTC) + timedelta(minutes=10)
        session = factories.make_session(event, starts_at=soon, capacity=PEOPLE).id
        slug = event.slug
        admission.check_in(admin, slug, [actor.email for actor, _ in here])
    assert outcomes(world.race([take_seat(session, token) for _, token in attendees])) == {
        "201": PEOPLE
    }
    with world.app.app_context():
        events.update_event(admin, slug, {"release_no_shows_minutes": 30})
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and world.live_seats(session) == PEOPLE:
        time.sleep(0.2)
    time.sleep(1)  # for the other process, if it would do it again
    assert world.live_seats(session) == len(here)
    for table, where in (
        ("outbox_message JOIN booking ON booking.id = booking_id", "template = 'seat_cancelled'"),
        ("booking", "status = 'cancelled'"),
    ):
        found = f"SELECT count(*) FROM {table} WHERE {where} AND event_session_id = :id"
        assert world.number(found, id=session) == PEOPLE - len(here)
    entries = "SELECT count(*) FROM audit_entry WHERE action = 'release_no_shows'"
    assert world.number(entries + " AND object_id = :id", id=str(session)) == 1
    world.assert_sound()
