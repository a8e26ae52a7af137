"""Replace: the old is given up only for the new, whoever swaps with whom, whatever crashes."""

from __future__ import annotations

import os
import random
import signal

import pytest

from tests.concurrency import clients
from tests.concurrency.clients import Answer, Request
from tests.concurrency.world import World, appointment, outcomes, served, take_seat
from tests.product import wait_until

pytestmark = pytest.mark.concurrency
ATTENDEES = 24
ROUNDS = 10


class Swap:
    """Attendees who each hold one of several things that happen at one time.

    The things are sessions and experts: a replace may lock the calendars of the
    attendee and of two experts, and two sessions, in whatever order their ids have.
    """

    def __init__(self, world: World, half_hour: int) -> None:
        self.world = world
        self.start = world.start(half_hour)
        early = [world.make_event_types(talk={})["talk"] for _ in range(3)]
        self.attendees = world.make_attendees(ATTENDEES)
        late = [world.make_event_types(talk={})["talk"] for _ in range(3)]
        self.experts = early + late
        # Fewer free places than attendees: some replaces must be refused.
        self.sessions = world.make_sessions(5, capacity=6, first=half_hour, step=0)

    def fill(self) -> None:
        """Give everybody something."""
        for number, (_, token) in enumerate(self.attendees):
            session = self.sessions[number % len(self.sessions)]
            assert self.world.ask(take_seat(session, token)).status == 201

    def request(self, number: int, dice: random.Random) -> Request:
        """The attendee's replace of what is held by anything."""
        actor, token = self.attendees[number]
        held = self.held(actor.user_id)
        thing = dice.choice(self.sessions + self.experts)
        if thing in self.experts and dice.random() < 0.5:
            body = appointment(thing, self.start, replace=held)
            return Request("POST", "/api/bookings", body, token)
        return take_seat(dice.choice(self.sessions), token, replace=held)

    def held(self, user_id: int) -> list[str]:
        """Uids of what an attendee holds at the time of the swap."""
        return self.world.column(
            "SELECT uid FROM booking WHERE user_id = :user AND status = 'confirmed'", user=user_id
        )

    def assert_everybody_holds_one(self) -> None:
        for actor, _ in self.attendees:
            assert len(self.held(actor.user_id)) == 1
        for session in self.sessions:
            assert self.world.live_seats(session) <= 6


def test_replaces_in_all_directions_leave_everybody_with_one(world: World) -> None:
    swap = Swap(world, half_hour=60)
    swap.fill()
    dice = random.Random(2031)
    answers: list[Answer] = []
    for _ in range(ROUNDS):
        numbers = dice.sample(range(ATTENDEES), ATTENDEES)
        answers += world.race([swap.request(number, dice) for number in numbers])
        swap.assert_everybody_holds_one()
    known = {"200", "201", "409 session_full", "409 slot_taken", "409 overlap", "422 invalid_input"}
    assert set(outcomes(answers)) <= known
    assert outcomes(answers)["201"] > ROUNDS


def test_two_replaces_of_one_booking_yield_one(world: World) -> None:
    swap = Swap(world, half_hour=62)
    swap.fill()
    dice = random.Random(2032)
    for _ in range(ROUNDS // 2):
        twice = [swap.request(number, dice) for number in range(ATTENDEES) for _ in range(2)]
        world.race(twice)
        swap.assert_everybody_holds_one()


def test_a_killed_process_leaves_nothing_half_done(world: World) -> None:
    swap = Swap(world, half_hour=64)
    swap.fill()
    dice = random.Random(2033)
    cut = 0
    for _ in range(3):
        with served(world.settings) as products:
            ports = [product.port for product in products]
            requests = [swap.request(number, dice) for number in range(ATTENDEES)]
            before = [swap.held(actor.user_id) for actor, _ in swap.attendees]
            with clients.released(ports, requests) as connections:
                answers = [clients.read_answer(connections[0])]  # by now all are under way
                os.kill(products[0].workers()[0], signal.SIGKILL)
                answers += [clients.read_answer(each) for each in connections[1:]]
        assert {answer.status for answer in answers} <= {0, 200, 201, 409, 422}
        cut += outcomes(answers)["0"]
        swap.assert_everybody_holds_one()
        # The old one or a new one: the old if it was refused, the new if it was promised.
        for (actor, _), old, answer in zip(swap.attendees, before, answers, strict=True):
            if answer.status in {409, 422}:
                assert swap.held(actor.user_id) == old
            elif answer.status:
                assert swap.held(actor.user_id) == [answer.body["booking"]["uid"]]
        world.assert_sound()
    assert cut


def test_a_worker_that_was_killed_is_started_again(world: World) -> None:
    if world.is_sqlite:
        pytest.skip("one process serves SQLite: there is no parent to watch it")
    with served(world.settings) as (product,):
        workers = product.workers()
        os.kill(workers[0], signal.SIGKILL)
        wait_until(lambda: len(set(product.workers()) - set(workers)) == 1, 30)
        product.wait_until_serving(2)
        assert clients.race([product.port], [Request("GET", "/healthz")])[0].status == 200
        # Told to stop while it is about to start another, it stops that one too.
        os.kill(product.workers()[0], signal.SIGKILL)
        wait_until(lambda: product.log.read_text().count("starting another") == 2, 30)
        os.kill(product.pid(), signal.SIGTERM)
        product.wait_until_ended()
