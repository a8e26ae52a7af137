"""One booking, many hands: cancelled once, moved once, made once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.concurrency.clients import Request
from tests.concurrency.world import World, book, outcomes

pytestmark = pytest.mark.concurrency
HANDS = 20
ROUNDS = 5


def test_cancelled_twenty_times_is_cancelled_once(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    for _ in range(ROUNDS):
        booked = world.ask(book(event_type, world.start(0))).body
        link = booked["manage_url"].rpartition("/")[2]
        cancel = Request("POST", f"/api/manage/{link}", {"action": "cancel"})
        assert outcomes(world.race([cancel] * HANDS)) == {"200": HANDS}
        assert (
            world.number(
                "SELECT sequence FROM booking WHERE uid = :uid AND status = 'cancelled'",
                uid=booked["booking"]["uid"],
            )
            == 1
        )


def test_moved_by_twenty_to_different_times_it_has_one(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    _, token = world.make_attendees(1)[0]
    for number in range(ROUNDS):
        first = number * (HANDS + 1)
        booking = world.ask(book(event_type, world.start(first), token)).body["booking"]
        answers = world.race(
            [
                Request(
                    "PATCH",
                    f"/api/bookings/{booking['uid']}",
                    {
                        "starts_at": world.start(first + hand).isoformat(),
                        "version": booking["version"],
                    },
                    token,
                )
                for hand in range(1, HANDS + 1)
            ]
        )
        assert outcomes(answers) == {"200": 1, "409 stale": HANDS - 1}
        assert (
            world.number(
                "SELECT count(*) FROM busy_period JOIN booking ON booking.id = booking_id"
                " JOIN expert ON expert.id = expert_id"
                " JOIN calendar ON calendar.id = calendar_id AND calendar.user_id = expert.user_id"
                " WHERE uid = :uid",
                uid=booking["uid"],
            )
            == 1
        )


def test_cancelled_and_moved_at_once_it_is_in_one_state(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    for number in range(0, 2 * ROUNDS, 2):
        link = (
            world.ask(book(event_type, world.start(number))).body["manage_url"].rpartition("/")[2]
        )
        path = f"/api/manage/{link}"
        wanted = world.start(number + 1).isoformat()
        hands = [
            Request("POST", path, {"action": "cancel"}),
            Request("POST", path, {"action": "reschedule", "starts_at": wanted}),
        ]
        answers = world.race(hands * (HANDS // 2))
        assert answers[0].status == 200
        assert set(outcomes(answers)) <= {"200", "409 stale", "410 gone"}
        # Whatever was moved first, it was cancelled at last: both times are free again.
        both = [world.start(number), world.start(number + 1)]
        assert outcomes(world.race([book(event_type, start) for start in both])) == {"201": 2}


def test_one_key_sent_twenty_times_makes_one_booking(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    _, token = world.make_attendees(1)[0]
    for number in range(2 * ROUNDS):
        key = {"Idempotency-Key": str(uuid4())}
        wanted = book(event_type, world.start(number), token if number % 2 else None)
        request = Request("POST", wanted.path, wanted.body, wanted.token, key)
        answers = world.race([request] * HANDS)
        uids = {answer.body["booking"]["uid"] for answer in answers if answer.status == 201}
        assert len(uids) == 1
        assert set(outcomes(answers)) <= {"201", "409 idempotency_in_flight"}
        again = world.ask(request)
        assert (again.status, {again.body["booking"]["uid"]}) == (201, uids)
    assert (
        world.number("SELECT count(*) FROM booking WHERE event_type_id = :id", id=event_type)
        == 2 * ROUNDS
    )
