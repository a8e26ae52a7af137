"""A conference at its busiest: a rush for seats, and people who exchange them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.concurrency.world import World, outcomes, take_seat

pytestmark = pytest.mark.concurrency
RUSH = 500
SEATS = 50
EXCHANGES = 200


def seats_of(world: World, user_id: int) -> list[tuple[str, int]]:
    """`(uid, session id)` of what an attendee holds."""
    uids = world.column(_HELD.format("uid"), user=user_id)
    sessions = world.column(_HELD.format("event_session_id"), user=user_id)
    return list(zip(uids, sessions, strict=True))


_HELD = "SELECT {} FROM booking WHERE user_id = :user AND status = 'confirmed' ORDER BY id"


def test_five_hundred_attendees_for_fifty_seats(world: World) -> None:
    attendees = world.make_attendees(RUSH)
    [session] = world.make_sessions(1, capacity=SEATS, first=70)
    answers = world.race([take_seat(session, token) for _, token in attendees])
    assert outcomes(answers) == {"201": SEATS, "409 session_full": RUSH - SEATS}
    assert world.live_seats(session) == SEATS
    winners = {
        actor.user_id
        for (actor, _), answer in zip(attendees, answers, strict=True)
        if answer.status == 201
    }
    assert winners == set(
        world.column(
            "SELECT user_id FROM booking WHERE event_session_id = :id AND status = 'confirmed'",
            id=session,
        )
    )


def test_two_attendees_exchange_two_sessions_two_hundred_times(world: World) -> None:
    """Both replace at once, in opposite directions: each locks first what the other wants next.

    There is one seat more than people, so that an exchange always finds a way; which one
    of them goes first is nobody's business, and a full session keeps what there was.
    """
    ids = world.make_sessions(2, capacity=2, first=72, step=0)
    people = world.make_attendees(2)
    [extra] = world.make_attendees(1)
    held: list[tuple[str, int]] = []
    for (_, token), session in zip(people, ids, strict=True):
        booked = world.ask(take_seat(session, token))
        held.append((booked.body["booking"]["uid"], session))
    deadlocks = world.deadlocks()
    done: Counter[str] = Counter()
    for number in range(EXCHANGES):
        if number == EXCHANGES // 2:
            # From now on one session is full: the way into it is refused until it is left.
            assert world.ask(take_seat(ids[0], extra[1])).status == 201
        moves = [
            take_seat(ids[1 - ids.index(session)], token, replace=[uid])
            for (_, token), (uid, session) in zip(people, held, strict=True)
        ]
        answers = world.race(moves)
        done.update(outcomes(answers))
        held = [
            (answer.body["booking"]["uid"], answer.body["booking"]["event_session"]["id"])
            if answer.status == 201
            else before
            for answer, before in zip(answers, held, strict=True)
        ]
    assert set(done) <= {"201", "409 session_full"}
    assert done["201"] >= EXCHANGES
    for (actor, _), before in zip(people, held, strict=True):
        assert seats_of(world, actor.user_id) == [before]
    assert sum(world.live_seats(each) for each in ids) == 3
    assert world.deadlocks() == deadlocks
