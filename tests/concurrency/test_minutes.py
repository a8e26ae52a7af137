"""Fifty people at the minutes of one room: what stands does not overlap, whoever was first."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.concurrency.clients import Answer, Request
from tests.concurrency.world import CLIENTS, ROUNDS, World, outcomes

pytestmark = pytest.mark.concurrency

OVERLAPS = (
    "SELECT count(*) FROM busy_period a JOIN busy_period b"
    " ON a.calendar_id = b.calendar_id AND a.id < b.id"
    " AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at"
    " JOIN calendar ON calendar.id = a.calendar_id WHERE calendar.room_id = :room"
)


class Hour:
    """One hour of a room, which everybody wants a part of."""

    def __init__(self, world: World, room: int, hours_ahead: int) -> None:
        self.room = room
        self.start = world.start(0) + timedelta(hours=hours_ahead)

    def post(self, token: str, first: int, end: int) -> Request:
        body = {
            "date": self.start.date().isoformat(),
            "hour": self.start.hour,
            "startMinute": first,
            "endMinute": end,
            "title": "Minutes",
            "room": self.room,
        }
        return Request("POST", "/db/event/post", body, token)

    def move(self, event_id: int, token: str, first: int, end: int) -> Request:
        body = {
            "newDate": self.start.date().isoformat(),
            "newHour": self.start.hour,
            "newStartMinute": first,
            "newEndMinute": end,
        }
        return Request("POST", f"/db/event/{event_id}/reschedule", body, token)


def test_rescheduling_against_creating_on_overlapping_minutes(world: World) -> None:
    room, dice = world.make_room(), random.Random(2031)
    creators = [token for _, token in world.make_staff(CLIENTS // 2)]
    movers = [token for _, token in world.make_staff(CLIENTS - len(creators))]
    # Each mover holds a minute of a day of their own.
    held = [
        world.ask(Hour(world, room, 24 * 10).post(token, minute, minute + 1)).body["EventId"]
        for minute, token in enumerate(movers)
    ]
    answers: list[Answer] = []
    for number in range(ROUNDS):
        hour = Hour(world, room, number)
        requests = []
        for turn in range(CLIENTS):
            first = dice.randrange(0, 55)
            end = first + dice.randrange(1, 6)
            index = turn // 2
            if turn % 2:
                requests.append(hour.move(held[index], movers[index], first, end))
            else:
                requests.append(hour.post(creators[index], first, end))
        answers += world.race(requests)
        assert world.number(OVERLAPS, room=room) == 0
    assert set(outcomes(answers)) == {"200", "409 overlap"}
    assert world.number(
        "SELECT count(*) FROM booking WHERE room_id = :room AND status = 'confirmed'", room=room
    ) == len(held) + sum("version" not in each.body for each in answers if each.status == 200)


def test_one_minute_goes_to_one_of_fifty(world: World) -> None:
    room = world.make_room()
    staff = [token for _, token in world.make_staff(CLIENTS)]
    for number in range(5):
        hour = Hour(world, room, number)
        answers = world.race([hour.post(token, 10, 20) for token in staff])
        assert outcomes(answers) == {"200": 1, "409 overlap": CLIENTS - 1}


def test_of_overlapping_series_one_stands_whole(world: World) -> None:
    room = world.make_room()
    staff = [token for _, token in world.make_staff(10)]
    requests = []
    for turn, token in enumerate(staff):
        # Each begins on another day, so that all of them meet on some.
        start = world.start(2 * 24 * turn)
        body = {
            "room_id": room,
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=30)).isoformat(),
            "title": "Choir",
            "recurrence": "FREQ=DAILY;COUNT=15",
        }
        requests.append(Request("POST", "/api/reservations", body, token))
    assert outcomes(world.race(requests)) == {"201": 1, "409 overlap": 9}
    assert world.number("SELECT count(*) FROM booking WHERE room_id = :room", room=room) == 15
    assert world.number(OVERLAPS, room=room) == 0
