"""The audit: nothing in a sound database, and each planted fault by its own check.

Faults are planted where the constraints are lifted, in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, EventSession, EventType
from app.models.interval import Interval
from app.services import blackouts, event_sessions, guarantees, seats, series
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
bookings = Booking.__table__
periods = BusyPeriod.__table__


def later(hours: float) -> datetime:
    return TEN + timedelta(hours=hours)


@pytest.fixture
def world(context: Any) -> SimpleNamespace:
    """One of everything, confirmed and cancelled, with buffers, rooms and a speaker."""
    room, staff = factories.make_room(), factories.make_contributor()
    host, _ = factories.make_expert()
    speaker, attendee = factories.make_actor(), factories.make_actor()
    offer = factories.make_event_type(host, room_id=room.id, buffer_after_minutes=15).id
    gwen = factories.client_named()
    guests = book_appointment(None, offer, TEN, gwen).booking["uid"]
    clients = book_appointment(attendee, offer, later(1), gwen).booking["uid"]
    session = factories.make_session(
        starts_at=later(2), capacity=2, speakers=[{"name": "S", "user_id": speaker.user_id}]
    )
    seat = seats.book_seat(attendee, session.id).booking["uid"]
    reservation = reserve_room(staff, Wanted(room.id, Interval(later(4), later(5)), "A meeting"))[
        "uid"
    ]
    cancel_booking(host, book_appointment(None, offer, later(3), gwen).booking["uid"])
    blackouts.close_room(
        factories.make_admin(), room.id, Interval(later(30), later(60)), "Painting"
    )
    weekly = Wanted(room.id, Interval(later(70), later(71)), "Choir")
    series.reserve_series(staff, weekly, "FREQ=WEEKLY;COUNT=3")
    cancelled = factories.make_session(starts_at=later(6)).id
    seats.book_seat(attendee, cancelled)
    event_sessions.cancel_event_session(factories.make_admin(), cancelled)
    uids = {"guests": guests, "clients": clients, "seat": seat, "reservation": reservation}
    return SimpleNamespace(
        room=rows.room_calendar(room.id),
        session_room=rows.room_calendar(session.room_id),
        session=session.id,
        offer=offer,
        cancelled_session=cancelled,
        host=host.calendar_id,
        speaker=speaker.calendar_id,
        attendee=attendee.calendar_id,
        attendee_user=attendee.user_id,
        stranger=factories.make_actor().calendar_id,
        staff=staff.calendar_id,
        ids={name: rows.booking(uid).id for name, uid in uids.items()},
    )


@pytest.fixture
def unguarded(world: SimpleNamespace) -> Iterator[None]:
    """The open transaction's database without its constraints, as a bad restore leaves it."""
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        named = db.session.execute(
            text(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint"
                " WHERE contype IN ('c', 'f', 'x') AND conrelid IN"
                " ('booking'::regclass, 'busy_period'::regclass, 'event_session'::regclass)"
            )
        )
        for table, name in named.all():
            db.session.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))
    else:
        triggers = db.session.scalars(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).all()
        for name in triggers:
            db.session.execute(text(f"DROP TRIGGER {name}"))
        db.session.execute(text("PRAGMA ignore_check_constraints=ON"))
        db.session.execute(text("PRAGMA defer_foreign_keys=ON"))
    db.session.execute(text("DROP INDEX uq_booking_live_seat"))
    db.session.execute(text("DROP INDEX uq_booking_live_place"))
    yield
    if db.engine.dialect.name == "sqlite":
        db.session.execute(text("PRAGMA ignore_check_constraints=OFF"))
    db.session.rollback()


def found() -> set[str]:
    return {finding.guarantee for finding in guarantees.find_breaches()}


def free(calendar: int, cause: str, world: Any) -> None:
    """Delete the period of a booking, or of the session, in a calendar."""
    owed = (
        BusyPeriod.event_session_id == world.session
        if cause == "session"
        else BusyPeriod.booking_id == world.ids[cause]
    )
    db.session.execute(delete(BusyPeriod).where(BusyPeriod.calendar_id == calendar, owed))


def occupy(calendar: int, start: float, end: float, **cause: int) -> None:
    db.session.execute(
        insert(periods),
        {"calendar_id": calendar, "starts_at": later(start), "ends_at": later(end), **cause},
    )


def change(model: Any, row_id: int, **values: Any) -> None:
    db.session.execute(update(model).where(model.id == row_id).values(**values))


def overlap(world: Any) -> None:
    change_period = update(BusyPeriod).where(
        BusyPeriod.calendar_id == world.host, BusyPeriod.booking_id == world.ids["guests"]
    )
    db.session.execute(change_period.values(ends_at=later(1.1)))


def second_live_seat(world: Any) -> None:
    seat = db.session.execute(select(bookings).where(bookings.c.id == world.ids["seat"])).one()
    again = {name: value for name, value in seat._mapping.items() if name != "id"} | {
        "uid": "again"
    }
    new = db.session.execute(insert(bookings).returning(bookings.c.id), again).scalar_one()
    occupy(world.attendee, 2, 3, booking_id=new)
    change(EventSession, world.session, seats_taken=2)


def in_the_same_slot(world: Any, **values: Any) -> None:
    """Another live appointment beside the guest's, which holds the time of both."""
    row = db.session.execute(select(bookings).where(bookings.c.id == world.ids["guests"])).one()
    again = {name: value for name, value in row._mapping.items() if name != "id"} | {
        "uid": "again",
        "manage_token_hash": None,
    }
    db.session.execute(insert(bookings), again | values)


def group_of_two(world: Any, **values: Any) -> None:
    change(EventType, world.offer, seats=2)
    in_the_same_slot(world, **({"place": 2} | values))


def cancelled_with_seats(world: Any) -> None:
    free(world.session_room, "session", world)
    free(world.speaker, "session", world)
    change(EventSession, world.session, status="cancelled")


def room_without_calendar(world: Any) -> None:
    db.session.execute(text("INSERT INTO room (name) VALUES ('A room that no service made')"))


FAULTS: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "overlap": (overlap, {"two busy periods of one calendar overlap"}),
    "empty period": (
        lambda world: occupy(world.staff, 8, 8, booking_id=world.ids["reservation"]),
        {
            "a busy period is empty or reversed",
            "a booking or session occupies a calendar twice",
        },
    ),
    "period of no booking": (
        lambda world: occupy(world.stranger, 8, 9, booking_id=999_999),
        {"a busy period is owed to nothing that holds time"},
    ),
    "period of no session": (
        lambda world: occupy(world.stranger, 8, 9, event_session_id=999_999),
        {"a busy period is owed to nothing that holds time"},
    ),
    "period of nothing": (
        lambda world: occupy(world.stranger, 8, 9),
        {"a busy period is owed to nothing that holds time"},
    ),
    "period of what is cancelled": (
        lambda world: change(Booking, world.ids["reservation"], status="cancelled"),
        {"a busy period is owed to nothing that holds time"},
    ),
    "period of no calendar": (
        lambda world: occupy(999_999, 8, 9, booking_id=world.ids["reservation"]),
        {"a busy period belongs to no calendar"},
    ),
    "a booking in a stranger's calendar": (
        lambda world: occupy(world.stranger, 4, 5, booking_id=world.ids["reservation"]),
        {"a busy period is in a calendar that its booking does not concern"},
    ),
    "a session in a stranger's calendar": (
        lambda world: occupy(world.stranger, 2, 3, event_session_id=world.session),
        {"a busy period is in a calendar that its session does not concern"},
    ),
    "a period left behind": (
        lambda world: occupy(world.staff, 8, 9, booking_id=world.ids["reservation"]),
        {"a booking or session occupies a calendar twice"},
    ),
    "counter": (
        lambda world: change(EventSession, world.session, seats_taken=0),
        {"a session's counter differs from its live and held seats"},
    ),
    "capacity": (
        lambda world: change(EventSession, world.session, capacity=0),
        {"a session has more seats taken than it has seats"},
    ),
    "two live seats": (
        second_live_seat,
        {"a user has two live seats in one session", "two busy periods of one calendar overlap"},
    ),
    "seat without period": (
        lambda world: free(world.attendee, "seat", world),
        {"a live booking does not occupy its user's time"},
    ),
    "client without period": (
        lambda world: free(world.attendee, "clients", world),
        {"a live booking does not occupy its user's time"},
    ),
    "host without period": (
        lambda world: free(world.host, "guests", world),
        {"a live appointment does not occupy its expert's time"},
    ),
    "room without period": (
        lambda world: free(world.room, "guests", world),
        {"a live booking does not occupy its room"},
    ),
    "reserved room without period": (
        lambda world: free(world.room, "reservation", world),
        {"a live booking does not occupy its room"},
    ),
    "a booking longer than its periods": (
        lambda world: change(Booking, world.ids["reservation"], ends_at=later(5.5)),
        {
            "a live booking does not occupy its user's time",
            "a live booking does not occupy its room",
        },
    ),
    "session without room": (
        lambda world: free(world.session_room, "session", world),
        {"a session does not occupy its room"},
    ),
    "session without speaker": (
        lambda world: free(world.speaker, "session", world),
        {"a session does not occupy its speaker's time"},
    ),
    "wrong seat time": (
        lambda world: change(Booking, world.ids["seat"], ends_at=later(2.5)),
        {"a seat's time is not its session's"},
    ),
    "seat in a cancelled session": (
        cancelled_with_seats,
        {"a live seat is in a session that is not held"},
    ),
    "one place for two": (
        lambda world: group_of_two(world, place=1),
        {"two live appointments have one place in a slot"},
    ),
    "a slot with two ends": (
        lambda world: group_of_two(world, ends_at=later(0.25)),
        {"live appointments of one slot differ in end or room"},
    ),
    "a slot with more people than seats": (
        lambda world: in_the_same_slot(world, place=2),
        {"a slot to come has more live appointments than seats"},
    ),
    "a request for a room": (
        lambda world: change(Booking, world.ids["reservation"], status="pending"),
        {"a request is no appointment, or never ends"},
    ),
    "user without calendar": (
        lambda world: db.session.execute(delete(Calendar).where(Calendar.id == world.stranger)),
        {"a user has no calendar"},
    ),
    "a blackout with an owner": (
        lambda world: change(Booking, world.ids["reservation"], kind="blackout"),
        {"a blackout is somebody's, or of no room"},
    ),
    "an occurrence of nothing": (
        lambda world: change(Booking, world.ids["reservation"], series_id=999_999),
        {"an occurrence of a series is no reservation, or its series is not there"},
    ),
    "room without calendar": (room_without_calendar, {"a room has no calendar"}),
}


def test_a_sound_database_has_nothing_to_find(world: Any) -> None:
    assert guarantees.find_breaches() == []


def test_a_slot_that_two_share_has_nothing_to_find(world: Any, unguarded: None) -> None:
    group_of_two(world)
    assert found() == set()


def test_an_empty_database_has_nothing_to_find() -> None:
    assert guarantees.find_breaches() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_check(fault: str, world: Any, unguarded: None) -> None:
    plant, expected = FAULTS[fault]
    assert found() == set()
    plant(world)
    db.session.flush()
    assert found() == expected


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert set().union(*(expected for _, expected in FAULTS.values())) == set(guarantees._checks())


def test_a_finding_says_where(world: Any, unguarded: None) -> None:
    change(EventSession, world.session, seats_taken=0)
    (finding,) = guarantees.find_breaches()
    assert finding.where["event_session"] == world.session
    assert str(finding).startswith(f"{finding.guarantee}: event_session {world.session}, ")


def test_the_constraints_are_back_after_a_fault(world: Any) -> None:
    with pytest.raises(Exception, match="busy_period_no_overlap"):
        occupy(world.host, 0, 1, booking_id=world.ids["guests"])
    db.session.rollback()
