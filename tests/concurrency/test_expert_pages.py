"""An expert's time and a group's seats, wanted by many and on several faces at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.services import clock
from app.services.manage_links import decision_token
from tests import factories
from tests.concurrency.clients import Request
from tests.concurrency.world import World, book, outcomes

pytestmark = pytest.mark.concurrency
ROUNDS = 5


def live(world: World, event_type_id: int) -> int:
    """Live appointments of a type."""
    return world.number(
        "SELECT count(*) FROM booking WHERE event_type_id = :id AND status <> 'cancelled'",
        id=event_type_id,
    )


def cancel(uid: str, token: str) -> Request:
    return Request("PATCH", f"/api/bookings/{uid}", {"status": "cancelled"}, token)


def test_the_last_seats_of_a_group_slot(world: World) -> None:
    """Guests and users, 20 at once for 4 seats; then members leave while others come."""
    group = world.make_event_types(group={"seats": 4})["group"]
    users = world.make_attendees(10)
    for number in range(ROUNDS):
        start = world.start(number)
        everyone = [*(token for _, token in users), *[None] * 10]
        answers = world.race([book(group, start, token) for token in everyone])
        assert outcomes(answers) == {"201": 4, "409 slot_taken": 16}
        assert live(world, group) == 4 * (number + 1)
        assert number + 1 == world.number(
            "SELECT count(*) FROM busy_period p JOIN booking b ON b.id = p.booking_id"
            " JOIN calendar c ON c.id = p.calendar_id"
            " JOIN expert e ON e.id = b.expert_id AND e.user_id = c.user_id"
            " WHERE b.event_type_id = :id",
            id=group,
        )


def test_members_leave_while_others_join(world: World) -> None:
    group = world.make_event_types(group={"seats": 3})["group"]
    users = world.make_attendees(6)
    for number in range(ROUNDS):
        start = world.start(number)
        members = [world.ask(book(group, start, token)) for _, token in users[:3]]
        race = [
            cancel(answer.body["booking"]["uid"], token)
            for answer, (_, token) in zip(members, users[:3], strict=True)
        ] + [book(group, start, token) for _, token in users[3:]]
        answers = world.race(race)
        assert {answer.outcome for answer in answers[:3]} == {"200"}
        joined = [answer for answer in answers[3:] if answer.status == 201]
        assert all(answer.outcome in {"201", "409 slot_taken"} for answer in answers[3:])
        world.assert_sound()
        for answer, (_, token) in zip(answers[3:], users[3:], strict=True):
            if answer.status == 201:
                assert world.ask(cancel(answer.body["booking"]["uid"], token)).status == 200
        assert len(joined) <= 3
        assert live(world, group) == 0


def test_a_speaker_is_not_booked_meanwhile(world: World) -> None:
    """Staff put the expert on a stage while clients book the same time: one of them wins."""
    talk = world.make_event_types(talk={})["talk"]
    with world.app.app_context():
        admin = factories.make_admin()
        token = world._signed_in(admin)[1]
        user_id = world.number(
            "SELECT e.user_id FROM expert e JOIN event_type t ON t.expert_id = e.id WHERE t.id = :id",
            id=talk,
        )
        event = factories.make_event()
        slug, room_id = event.slug, factories.make_room().id
    for number in range(ROUNDS):
        start = world.start(number)
        session = {
            "title": f"Talk {number}",
            "room_id": room_id,
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=30)).isoformat(),
            "capacity": 10,
            "speakers": [{"name": "The expert", "user_id": user_id}],
        }
        schedule = Request("POST", f"/api/events/{slug}/sessions", session, token)
        race = [book(talk, start), schedule] if number % 2 else [schedule, book(talk, start)]
        answers = world.race(race)
        assert outcomes(answers) in (
            {"201": 1, "409 slot_taken": 1},
            {"201": 1, "409 overlap": 1},
        )


def test_a_guests_link_used_twenty_times_at_once_moves_one_booking(world: World) -> None:
    talk = world.make_event_types(talk={})["talk"]
    for number in range(ROUNDS):
        start, later = world.start(4 * number), world.start(4 * number + 1)
        answer = world.ask(book(talk, start))
        token = answer.body["manage_url"].rpartition("/")[2]
        move = {"action": "reschedule", "starts_at": later.isoformat()}
        answers = world.race([Request("POST", f"/api/manage/{token}", move) for _ in range(20)])
        found = outcomes(answers)
        assert found["200"] >= 1
        assert set(found) <= {"200", "409 stale"}
        uid = answer.body["booking"]["uid"]
        assert live(world, talk) == number + 1
        assert world.number("SELECT count(*) FROM booking WHERE uid = :uid", uid=uid) == 1
        moved = [each.body["booking"] for each in answers if each.status == 200]
        assert {each["starts_at"] for each in moved} == {clock.rfc3339(later)}


def test_a_request_is_answered_once(world: World) -> None:
    """Accepted, declined and withdrawn at the same moment: one of them is what happened."""
    talk = world.make_event_types(talk={"requires_approval": True})["talk"]
    [(_, token)] = world.make_attendees(1)
    for number in range(ROUNDS):
        uid = world.ask(book(talk, world.start(number), token)).body["booking"]["uid"]
        with world.app.app_context():
            path = f"/api/requests/{decision_token(uid)}"
        answers = world.race(
            [
                *[Request("POST", path, {"action": "accept"}) for _ in range(3)],
                *[Request("POST", path, {"action": "decline"}) for _ in range(3)],
                cancel(uid, token),
            ]
        )
        assert set(outcomes(answers)) <= {"200", "410 gone", "409 stale"}
        status, sequence = (
            world.number(f"SELECT {column} FROM booking WHERE uid = :uid", uid=uid)
            for column in ("status", "sequence")
        )
        assert (status, sequence) in {("confirmed", 1), ("cancelled", 1), ("cancelled", 2)}
        world.assert_sound()
