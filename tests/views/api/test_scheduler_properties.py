"""The scheduler against a model, through its doors: whoever books, moves, deletes and undoes.

The model is a list of spans. After each step the doors show exactly those, in the
minutes that were sent: `end + 1` holds from the click to the database and back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from sqlalchemy import delete, text

from app.extensions import db
from app.models import Booking, BusyPeriod, Series
from app.models.interval import Interval
from app.services import guarantees
from tests import factories, rows
from tests.calls import caller

DAY = "2031-03-04"  # a winter's day in Berlin: local is an hour ahead of UTC
MIDNIGHT = datetime(2031, 3, 3, 23, tzinfo=UTC)
OVERLAPS = text(
    "SELECT count(*) FROM busy_period a JOIN busy_period b"
    " ON a.calendar_id = b.calendar_id AND a.id < b.id"
    " AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at"
)

people = st.integers(0, 2)
rooms = st.integers(0, 1)
picks = st.integers(0, 30)
hours = st.integers(9, 10)


@st.composite
def minutes(draw: st.DrawFn) -> tuple[int, int]:
    """First and last minute as they are clicked; often such that spans touch."""
    first = draw(st.sampled_from([0, 10, 15, 30, 59]) | st.integers(0, 59))
    last = draw(st.sampled_from([each for each in (9, 14, 29, 58, 59) if each >= first]))
    return first, last


@dataclass(frozen=True)
class Held:
    """A reservation as the model knows it; minutes count from local midnight."""

    event_id: int
    uid: str
    owner: int
    room: int
    start: int
    end: int

    def period(self) -> Interval:
        return span(self.start, self.end)

    def collides(self, other: Held) -> bool:
        return (
            self.start < other.end
            and other.start < self.end
            and (self.room == other.room or self.owner == other.owner)
        )


def span(start: int, end: int) -> Interval:
    return Interval(MIDNIGHT + timedelta(minutes=start), MIDNIGHT + timedelta(minutes=end))


class World:
    """Two contributors and an admin, and two rooms."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            actors = [factories.make_contributor() for _ in range(2)] + [factories.make_admin()]
            self.user_ids = [actor.user_id for actor in actors]
            self.rooms = [factories.make_room().id for _ in range(2)]
            self.people = [caller(app, actor) for actor in actors]
        self.guest = caller(app)

    def empty(self) -> None:
        with self.app.app_context(), db.engine.begin() as connection:
            rows.give_up_audit(connection)
            for table in (BusyPeriod, Booking, Series):
                connection.execute(delete(table.__table__))


class SchedulerMachine(RuleBasedStateMachine):
    world: World

    @initialize()
    def begin(self) -> None:
        self.world.empty()
        self.held: list[Held] = []
        self.deleted: list[tuple[Held, int]] = []  # with who did it

    def free(self, wanted: Held, but: Held | None = None) -> bool:
        return not any(wanted.collides(each) for each in self.held if each != but)

    def may(self, person: int, held: Held) -> bool:
        return person in (2, held.owner)

    def expect(self, answer: Any, wanted: Held, person: int, but: Held | None = None) -> bool:
        """Whether it was done, which is as the model says."""
        if but and not self.may(person, but):
            assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
            return False
        if not self.free(wanted, but):
            assert (answer.status_code, answer.json["code"]) == (409, "overlap")
            return False
        assert answer.status_code in {200, 201}, answer.text
        return True

    @rule(person=people, room=rooms, hour=hours, clicked=minutes())
    def post(self, person: int, room: int, hour: int, clicked: tuple[int, int]) -> None:
        first, last = clicked
        sent = {
            "date": DAY,
            "hour": hour,
            "startMinute": first,
            "endMinute": last + 1,
            "title": "Minutes",
            "room": self.world.rooms[room],
        }
        wanted = Held(0, "", person, room, hour * 60 + first, hour * 60 + last + 1)
        answer = self.world.people[person]("POST", "/db/event/post", sent)
        if self.expect(answer, wanted, person):
            event_id = answer.json["EventId"]
            with self.world.app.app_context():
                uid = db.session.get_one(Booking, event_id).uid
            self.held.append(replace(wanted, event_id=event_id, uid=uid))

    @rule(person=people, room=rooms, start=st.integers(520, 660), length=st.integers(1, 200))
    def reserve(self, person: int, room: int, start: int, length: int) -> None:
        wanted = Held(0, "", person, room, start, start + length)
        body = {
            "room_id": self.world.rooms[room],
            "starts_at": wanted.period().starts_at.isoformat(),
            "ends_at": wanted.period().ends_at.isoformat(),
            "title": "Any length",
        }
        answer = self.world.people[person]("POST", "/api/reservations", body)
        if self.expect(answer, wanted, person):
            uid = answer.json["booking"]["uid"]
            with self.world.app.app_context():
                found = db.session.query(Booking).filter_by(uid=uid).one()
            self.held.append(replace(wanted, event_id=found.id, uid=uid))

    @precondition(lambda self: self.held)
    @rule(person=people, pick=picks, hour=hours, clicked=minutes())
    def reschedule(self, person: int, pick: int, hour: int, clicked: tuple[int, int]) -> None:
        held = self.held[pick % len(self.held)]
        first, last = clicked
        sent = {
            "newDate": DAY,
            "newHour": hour,
            "newStartMinute": first,
            "newEndMinute": last + 1,
        }
        wanted = replace(held, start=hour * 60 + first, end=hour * 60 + last + 1)
        path = f"/db/event/{held.event_id}/reschedule"
        answer = self.world.people[person]("POST", path, sent)
        if self.expect(answer, wanted, person, but=held):
            self.held[self.held.index(held)] = wanted

    @precondition(lambda self: self.held)
    @rule(person=people, pick=picks, room=rooms)
    def change_room(self, person: int, pick: int, room: int) -> None:
        held = self.held[pick % len(self.held)]
        wanted = replace(held, room=room)
        answer = self.world.people[person](
            "PATCH", f"/api/reservations/{held.uid}", {"room_id": self.world.rooms[room]}
        )
        if self.expect(answer, wanted, person, but=held):
            self.held[self.held.index(held)] = wanted

    @precondition(lambda self: self.held)
    @rule(person=people, pick=picks)
    def delete_one(self, person: int, pick: int) -> None:
        held = self.held[pick % len(self.held)]
        path = f"/db/event/{held.event_id}/delete"
        answer = self.world.people[person]("POST", path)
        assert answer.status_code == (200 if self.may(person, held) else 403)
        if self.may(person, held):
            self.held.remove(held)
            self.deleted.append((held, person))

    @precondition(lambda self: self.deleted)
    @rule(person=people, pick=picks)
    def undo(self, person: int, pick: int) -> None:
        held, deleted_by = self.deleted[pick % len(self.deleted)]
        path = f"/api/reservations/{held.uid}/restore"
        answer = self.world.people[person]("POST", path, {})
        if deleted_by != held.owner and person == held.owner:  # an admin knew why
            assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
        elif self.expect(answer, held, person, but=held):
            self.deleted.remove((held, deleted_by))
            self.held.append(held)

    # -- what always holds ---------------------------------------------------------------

    @invariant()
    def the_doors_show_what_the_model_holds(self) -> None:
        if not hasattr(self, "held"):
            return
        events = self.world.guest.get("/db/event")
        assert sorted(
            (
                each["eventId"],
                each["room"],
                each["hour"] * 60 + each["startMinute"],
                each["hour"] * 60 + each["endMinute"],
            )
            for each in events
        ) == sorted(
            (
                held.event_id,
                self.world.rooms[held.room],
                held.start,
                min(held.end, held.start // 60 * 60 + 60),
            )
            for held in self.held
        )
        for room, room_id in enumerate(self.world.rooms):
            shown = self.world.people[0].get(f"/api/rooms/{room_id}/minutes?date={DAY}")["busy"]
            assert [
                (each["start"], each["end"], each["responsible_user_id"]) for each in shown
            ] == [
                (clock(held.start), clock(held.end), self.world.user_ids[held.owner])
                for held in sorted(self.held, key=lambda each: each.start)
                if held.room == room
            ]

    @invariant()
    def nothing_overlaps(self) -> None:
        with self.world.app.app_context(), db.engine.connect() as connection:
            assert connection.execute(OVERLAPS).scalar() == 0
            assert guarantees.find_breaches() == []


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def test_the_scheduler_keeps_what_the_model_keeps(app: Flask) -> None:
    machine = type("Machine", (SchedulerMachine,), {"world": World(app)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
