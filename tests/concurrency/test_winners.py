"""As many winners as there is room for, whoever asks at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.services.clock import rfc3339
from tests.concurrency.clients import Request
from tests.concurrency.world import CLIENTS, ROUNDS, World, book, outcomes, take_seat

pytestmark = pytest.mark.concurrency
FEW_ROUNDS = 8


def test_one_slot_goes_to_one_of_fifty_guests_and_users(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    users = [token for _, token in world.make_attendees(CLIENTS // 2)]
    for number in range(ROUNDS):
        start = world.start(number)
        everyone = [*users, *[None] * (CLIENTS - len(users))]
        answers = world.race([book(event_type, start, token) for token in everyone])
        assert outcomes(answers) == {"201": 1, "409 slot_taken": CLIENTS - 1}
    assert (
        world.number(
            "SELECT count(*) FROM booking WHERE event_type_id = :id AND status = 'confirmed'",
            id=event_type,
        )
        == ROUNDS
    )


@pytest.mark.parametrize("capacity", [1, 7])
def test_a_session_takes_as_many_as_it_has_seats(world: World, capacity: int) -> None:
    attendees = world.make_attendees(CLIENTS)
    for session in world.make_sessions(ROUNDS, capacity=capacity):
        answers = world.race([take_seat(session, token) for _, token in attendees])
        assert outcomes(answers) == {"201": capacity, "409 session_full": CLIENTS - capacity}
        assert world.live_seats(session) == capacity


def test_of_overlapping_appointments_no_two_stand(world: World) -> None:
    event_type = world.make_event_types(talk={"slot_step_minutes": 15})["talk"]
    for number in range(0, 2 * FEW_ROUNDS, 2):
        first, last = world.start(number), world.start(number + 1)
        between = first + timedelta(minutes=15)
        answers = world.race([book(event_type, start) for start in (first, between, last) * 5])
        won = {answer.body["booking"]["starts_at"] for answer in answers if answer.status == 201}
        # Either the one between, or the two that touch each other: nothing third is free.
        assert won in ({rfc3339(between)}, {rfc3339(first), rfc3339(last)})
        assert outcomes(answers) == {"201": len(won), "409 slot_taken": 15 - len(won)}


def test_appointments_that_touch_are_both_booked(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    for number in range(0, 2 * FEW_ROUNDS, 2):
        starts = [world.start(number), world.start(number + 1)]
        assert outcomes(world.race([book(event_type, start) for start in starts])) == {"201": 2}


def test_two_event_types_share_their_experts_time(world: World) -> None:
    types = world.make_event_types(short={}, long={"duration_minutes": 60})
    for number in range(0, 2 * FEW_ROUNDS, 2):
        start = world.start(number)
        answers = world.race([book(types[slug], start) for slug in ("short", "long") * 10])
        assert outcomes(answers) == {"201": 1, "409 slot_taken": 19}


def test_moving_to_a_slot_and_booking_it_exclude_each_other(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    _, token = world.make_attendees(1)[0]
    for number in range(0, 2 * ROUNDS, 2):
        mine = world.ask(book(event_type, world.start(number), token)).body["booking"]
        wanted = world.start(number + 1)
        move = Request(
            "PATCH", f"/api/bookings/{mine['uid']}", {"starts_at": wanted.isoformat()}, token
        )
        race = [move, book(event_type, wanted)]
        # The one that is sent first has the better chances.
        moved, booked = world.race(race) if number % 4 else reversed(world.race(race[::-1]))
        assert {moved.outcome, booked.outcome} in (
            {"200", "409 slot_taken"},
            {"201", "409 slot_taken"},
        )


def test_an_attendee_gets_one_of_two_sessions_at_one_time(world: World) -> None:
    attendees = world.make_attendees(CLIENTS // 2)
    sessions = world.make_sessions(2, capacity=CLIENTS, first=2 * ROUNDS, step=0)
    answers = world.race([take_seat(each, token) for _, token in attendees for each in sessions])
    assert outcomes(answers) == {"201": CLIENTS // 2, "409 overlap": CLIENTS // 2}
    assert sum(world.live_seats(session) for session in sessions) == CLIENTS // 2


def test_a_client_gets_one_of_two_experts_at_one_time(world: World) -> None:
    first, second = (world.make_event_types(talk={})["talk"] for _ in range(2))
    clients = world.make_attendees(4)
    for number in range(FEW_ROUNDS):
        start = world.start(number)
        _, token = clients[number % len(clients)]
        answers = world.race([book(first, start, token), book(second, start, token)])
        assert outcomes(answers) == {"201": 1, "409 overlap": 1}
