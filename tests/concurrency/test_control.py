"""The control: the same load on the product without its guards does go wrong.

If these tests failed, the races beside them would prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from app.extensions import db
from tests.concurrency import clients
from tests.concurrency.clients import Request
from tests.concurrency.world import (
    CLIENTS,
    ROUNDS,
    World,
    book,
    outcomes,
    served,
    settings_of,
    take_seat,
)
from tests.conftest import prepared_app

pytestmark = pytest.mark.concurrency

DROP = {
    "sqlite": [
        "DROP TRIGGER busy_period_no_overlap_insert",
        "DROP TRIGGER busy_period_no_overlap_update",
        "DROP INDEX uq_booking_live_place",
    ],
    "postgresql": [
        "ALTER TABLE busy_period DROP CONSTRAINT busy_period_no_overlap",
        "DROP INDEX uq_booking_live_place",
        "ALTER TABLE event_session DROP CONSTRAINT event_session_seats_within_capacity",
    ],
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def unguarded_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Two servers without guards, on a database without constraints of its own."""
    with settings_of(request.param, request, tmp_path_factory) as settings:
        app = prepared_app(settings["DATABASE_URL"], tmp_path_factory.mktemp("instance"))
        with app.app_context(), db.engine.begin() as connection:
            for statement in DROP[request.param]:
                connection.execute(text(statement))
        with served(settings, command=("-m", "tests.concurrency.unguarded")) as products:
            world = World(app, settings, [product.port for product in products])
            yield world
            world.close()


def test_one_slot_is_booked_twice(unguarded_world: World) -> None:
    world = unguarded_world
    event_type = world.make_event_types(talk={})["talk"]
    for number in range(ROUNDS):
        answers = clients.race(world.ports, [book(event_type, world.start(number))] * CLIENTS)
        if outcomes(answers)["201"] > 1:
            break
    assert outcomes(answers)["201"] > 1
    assert "two busy periods of one calendar overlap" in world.breaches()


def test_a_last_seat_is_sold_twice(unguarded_world: World) -> None:
    world = unguarded_world
    attendees = world.make_attendees(CLIENTS)
    for session in world.make_sessions(ROUNDS, capacity=1):
        answers = clients.race(world.ports, [take_seat(session, token) for _, token in attendees])
        if outcomes(answers)["201"] > 1:
            break
    assert outcomes(answers)["201"] > 1
    assert "a session has more seats taken than it has seats" in world.breaches()


def test_minutes_of_a_room_are_reserved_twice(unguarded_world: World) -> None:
    world = unguarded_world
    room, staff = world.make_room(), world.make_staff(CLIENTS)
    for number in range(ROUNDS):
        body = {
            "room_id": room,
            "starts_at": world.start(number).isoformat(),
            "ends_at": world.start(number + 1).isoformat(),
            "title": "Minutes",
        }
        wanted = [Request("POST", "/api/reservations", body, token) for _, token in staff]
        answers = clients.race(world.ports, wanted)
        if outcomes(answers)["201"] > 1:
            break
    assert outcomes(answers)["201"] > 1
    assert "two busy periods of one calendar overlap" in world.breaches()
