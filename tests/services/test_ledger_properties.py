"""The ledger against a model: whatever is booked, moved, replaced and cancelled, in any order.

The model is a list of bookings and the one formula for overlap. After each step the
database holds exactly what the model holds, and the audit finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select, update

from app.extensions import db
from app.models import Booking, BusyPeriod, EventSession, OutboxMessage
from app.models.interval import Interval
from app.services import changes, guarantees, seats
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.errors import DomainError, InvalidInput, Overlap, SessionFull, SlotTaken
from app.services.experts import become_expert
from app.services.policy import CONTRIBUTOR, EXPERT
from app.services.rescheduling import reschedule_booking
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows

settings.register_profile(
    "ledger",
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
Claims = dict[int, Interval]  # by calendar

quarters = st.integers(0, 8)  # of an hour, from ten
people = st.integers(0, 2)
picks = st.integers(0, 20)


def span(quarter: int, minutes: int, *, after: int = 0) -> Interval:
    start = TEN + timedelta(minutes=15 * quarter)
    return Interval(start, start + timedelta(minutes=minutes + after))


@dataclass
class Held:
    """A confirmed booking, as the model knows it."""

    uid: str
    kind: str
    user: int | None  # an index of World.people
    claims: Claims
    what: int  # the index of its session, event type or room
    sequence: int = 0


class World:
    """Three people, the last of them an expert; two rooms, two event types, three sessions."""

    def __init__(self) -> None:
        self.people = [factories.make_actor(CONTRIBUTOR) for _ in range(2)]
        self.people.append(factories.make_actor(CONTRIBUTOR, EXPERT))
        become_expert(self.people[2])
        self.host = self.people[2].calendar_id
        self.rooms = [factories.make_room().id for _ in range(2)]
        self.room_calendars = [rows.room_calendar(room) for room in self.rooms]
        values = {"slot_step_minutes": 15, "duration_minutes": 30}
        self.types = [
            factories.make_event_type(self.people[2], **values, buffer_after_minutes=10).id,
            factories.make_event_type(self.people[2], **values, room_id=self.rooms[0]).id,
        ]
        event = factories.make_event()
        self.capacities = [1, 2, 1]
        self.session_spans = [span(0, 60), span(2, 60), span(4, 60)]
        self.sessions = [
            factories.make_session(event, starts_at=each.starts_at, capacity=capacity).id
            for each, capacity in zip(self.session_spans, self.capacities, strict=True)
        ]

    def empty(self) -> None:
        """Forget every booking."""
        db.session.rollback()
        with db.engine.begin() as connection:
            connection.execute(delete(BusyPeriod).where(BusyPeriod.booking_id.is_not(None)))
            rows.give_up_audit(connection)
            for table in (OutboxMessage, Booking):
                connection.execute(delete(table.__table__))
            connection.execute(update(EventSession).values(seats_taken=0))


class LedgerMachine(RuleBasedStateMachine):
    world: World

    @initialize()
    def begin(self) -> None:
        self.world.empty()
        self.held: list[Held] = []

    # -- the model -------------------------------------------------------------------

    def in_the_way(self, claims: Claims, leaving: list[Held]) -> list[tuple[Held, set[int]]]:
        """Bookings that overlap, each with the calendars in which they do."""
        found = []
        for held in self.held:
            calendars = {
                calendar
                for calendar, period in claims.items()
                if calendar in held.claims and period.overlaps(held.claims[calendar])
            }
            if calendars and held not in leaving:
                found.append((held, calendars))
        return found

    def own(self, user: int | None, pick: int, count: int) -> list[Held]:
        """Some of the user's bookings, to be replaced."""
        mine = [held for held in self.held if user is not None and held.user == user]
        start = pick % len(mine) if mine else 0
        return mine[start : start + count]

    def calendar(self, user: int) -> int:
        return self.world.people[user].calendar_id

    def appointment_claims(self, user: int | None, event_type: int, quarter: int) -> Claims:
        claims = {self.world.host: span(quarter, 30, after=10 if event_type == 0 else 0)}
        if event_type == 1:
            claims[self.world.room_calendars[0]] = span(quarter, 30)
        if user is not None and user != 2:
            claims[self.calendar(user)] = span(quarter, 30)
        return claims

    def judged_appointment(
        self, user: int | None, claims: Claims, leaving: list[Held]
    ) -> type[DomainError] | None:
        in_the_way = self.in_the_way(claims, leaving)
        if not in_the_way:
            return None
        is_own = [
            user is not None
            and (held.user == user or (user != 2 and self.calendar(user) in calendars))
            for held, calendars in in_the_way
        ]
        return Overlap if all(is_own) else SlotTaken

    def expect(self, error: type[DomainError] | None, act: Callable[[], Any]) -> Any:
        """What the command answers, or None when it refuses as the model says."""
        answer, refused = None, None
        try:
            answer = act()
        except DomainError as error_raised:
            refused = type(error_raised)
        assert refused is error
        return answer

    def obtained(self, held: Held, leaving: list[Held], replaced: list[str]) -> None:
        assert sorted(replaced) == sorted(each.uid for each in leaving)
        self.held = [each for each in self.held if each not in leaving]
        self.held.append(held)

    # -- the commands ----------------------------------------------------------------

    @rule(user=st.none() | people, event_type=st.integers(0, 1), quarter=quarters,
          pick=picks, count=st.integers(0, 2))  # fmt: skip
    def book_an_appointment(
        self, user: int | None, event_type: int, quarter: int, pick: int, count: int
    ) -> None:
        leaving = self.own(user, pick, count)
        claims = self.appointment_claims(user, event_type, quarter)
        booked = self.expect(
            self.judged_appointment(user, claims, leaving),
            lambda: book_appointment(
                None if user is None else self.world.people[user],
                self.world.types[event_type],
                span(quarter, 30).starts_at,
                factories.client_named(),
                replace=[held.uid for held in leaving],
            ),
        )
        if booked:
            held = Held(booked.booking["uid"], "appointment", user, claims, event_type)
            self.obtained(held, leaving, booked.replaced)

    @rule(user=people, session=st.integers(0, 2), pick=picks, count=st.integers(0, 2))
    def book_a_seat(self, user: int, session: int, pick: int, count: int) -> None:
        leaving = self.own(user, pick, count)
        claims = {self.calendar(user): self.world.session_spans[session]}
        seated = [held for held in self.held if (held.kind, held.what) == ("seat", session)]
        already = next((held for held in seated if held.user == user), None)
        expected: type[DomainError] | None = None
        if not already and len(seated) >= self.world.capacities[session]:
            expected = SessionFull
        elif not already and self.in_the_way(claims, leaving):
            expected = Overlap
        booked = self.expect(
            expected,
            lambda: seats.book_seat(
                self.world.people[user],
                self.world.sessions[session],
                replace=[held.uid for held in leaving],
            ),
        )
        if already:
            assert (booked.created, booked.booking["uid"]) == (False, already.uid)
        elif booked:
            held = Held(booked.booking["uid"], "seat", user, claims, session)
            self.obtained(held, leaving, booked.replaced)

    @rule(user=people, room=st.integers(0, 1), quarter=quarters, minutes=st.integers(1, 60))
    def reserve_a_room(self, user: int, room: int, quarter: int, minutes: int) -> None:
        period = span(quarter, minutes)
        claims = {self.calendar(user): period, self.world.room_calendars[room]: period}
        booked = self.expect(
            Overlap if self.in_the_way(claims, []) else None,
            lambda: reserve_room(
                self.world.people[user], Wanted(self.world.rooms[room], period, "A meeting")
            ),
        )
        if booked:
            self.held.append(Held(booked["uid"], "reservation", user, claims, room))

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        held = self.held.pop(pick % len(self.held))
        actor = self.world.people[2 if held.user is None else held.user]
        for _ in range(2):
            shown = cancel_booking(actor, held.uid)
            assert (shown["status"], shown["sequence"]) == ("cancelled", held.sequence + 1)

    @precondition(lambda self: self.held)
    @rule(pick=picks, quarter=quarters)
    def reschedule(self, pick: int, quarter: int) -> None:
        held = self.held[pick % len(self.held)]
        user = 2 if held.user is None else held.user  # a guest's is moved by its host
        period = held.claims[self.world.host if held.user is None else self.calendar(user)]
        expected: type[DomainError] | None
        if held.kind == "seat":
            claims, expected = {}, InvalidInput
        elif held.kind == "appointment":
            claims = self.appointment_claims(held.user, held.what, quarter)
            expected = self.judged_appointment(user, claims, [held])
        else:
            length = int((period.ends_at - period.starts_at).total_seconds() / 60)
            claims = dict.fromkeys(held.claims, span(quarter, length))
            expected = Overlap if self.in_the_way(claims, [held]) else None
        moved = self.expect(
            expected,
            lambda: reschedule_booking(
                self.world.people[user], held.uid, span(quarter, 1).starts_at
            ),
        )
        if moved:
            is_moved = claims != held.claims  # to where it was is no move
            held.claims, held.sequence = claims, held.sequence + is_moved
            assert (moved["uid"], moved["sequence"]) == (held.uid, held.sequence)

    # -- what always holds -------------------------------------------------------------

    @invariant()
    def the_database_holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "held"):
            return
        db.session.rollback()
        stored = db.session.execute(
            select(Booking.uid, BusyPeriod.calendar_id, BusyPeriod.starts_at, BusyPeriod.ends_at)
            .join(BusyPeriod, BusyPeriod.booking_id == Booking.id)
            .where(Booking.status == "confirmed")
        )
        expected = {
            (held.uid, calendar, period.starts_at, period.ends_at)
            for held in self.held
            for calendar, period in held.claims.items()
        }
        assert sorted(tuple(row) for row in stored) == sorted(expected)
        taken = db.session.scalars(select(EventSession.seats_taken).order_by(EventSession.id))
        seated = [held.what for held in self.held if held.kind == "seat"]
        assert list(taken) == [seated.count(index) for index in range(3)]

    @invariant()
    def every_guarantee_holds(self) -> None:
        assert guarantees.find_breaches() == []


def test_the_ledger_keeps_what_the_model_keeps(
    context: Flask, published: list[changes.Change]
) -> None:
    machine = type("Machine", (LedgerMachine,), {"world": World()})
    run_state_machine_as_test(machine, settings=settings.get_profile("ledger"))
