"""The ledger: what is in the way, what is locked, in which order, and who sees what of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.extensions import db
from app.models import BusyPeriod, EventSession
from app.models.interval import Interval
from app.services import ledger
from app.services.changes import CalendarVersion
from app.services.errors import Overlap
from app.services.ledger import Claim
from app.services.transaction import transactional
from tests import factories, rows
from tests.queries import count_queries

pytestmark = pytest.mark.usefixtures("context")

START = datetime(2031, 3, 4, 10, tzinfo=UTC)


def span(start: int, end: int) -> Interval:
    """Minutes from `START`."""
    return Interval(START + timedelta(minutes=start), START + timedelta(minutes=end))


@transactional
def occupy(calendar_id: int, period: Interval, event_session_id: int) -> None:
    ledger.occupy([Claim(calendar_id, period)], event_session_id=event_session_id)


@pytest.fixture
def session_id(context: Flask) -> int:
    """A session on another day, to owe periods to."""
    return factories.make_session(starts_at=START + timedelta(days=9), title="A talk").id


@pytest.fixture
def calendar_id(session_id: int) -> int:
    """A calendar that is busy from minute 30 to 60."""
    calendar_id = factories.make_actor().calendar_id
    occupy(calendar_id, span(30, 60), session_id)
    return calendar_id


# -- what is in the way ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "is_in_the_way"),
    [
        ((0, 30), False),
        ((60, 90), False),
        ((0, 31), True),
        ((59, 90), True),
        ((30, 60), True),
        ((40, 50), True),
        ((0, 90), True),
        ((30, 31), True),
        ((59, 60), True),
    ],
)
def test_only_what_shares_time_is_in_the_way(
    calendar_id: int, wanted: tuple[int, int], is_in_the_way: bool
) -> None:
    found = ledger.find_conflicts([Claim(calendar_id, span(*wanted))])
    assert [conflict.calendar_id for conflict in found] == [calendar_id] * is_in_the_way


def test_another_calendar_is_not_in_the_way(calendar_id: int) -> None:
    other = factories.make_actor().calendar_id
    assert ledger.find_conflicts([Claim(other, span(30, 60))]) == []


def test_each_claim_is_judged_by_its_own_period(calendar_id: int, session_id: int) -> None:
    other = factories.make_actor().calendar_id
    occupy(other, span(0, 30), session_id)
    claims = [Claim(calendar_id, span(0, 30)), Claim(other, span(30, 60))]
    assert ledger.find_conflicts(claims) == []


def test_conflicts_come_by_start_with_what_they_are(calendar_id: int, session_id: int) -> None:
    later = factories.make_session(starts_at=START + timedelta(days=8))
    occupy(calendar_id, span(60, 90), later.id)
    found = ledger.find_conflicts([Claim(calendar_id, span(0, 100))])
    # Earlier in the calendar, but owed to the session that begins later.
    assert [(each.kind, each.title, each.event_session_id) for each in found] == [
        ("event_session", later.title, later.id),
        ("event_session", "A talk", session_id),
    ]


def test_what_is_about_to_go_is_not_in_the_way(calendar_id: int, session_id: int) -> None:
    claims = [Claim(calendar_id, span(30, 60))]
    assert ledger.find_conflicts(claims, ignoring_session=session_id) == []
    assert len(ledger.find_conflicts(claims, ignoring={session_id})) == 1  # that is no booking


def test_the_database_refuses_what_was_not_judged(calendar_id: int, session_id: int) -> None:
    with pytest.raises(Overlap):
        occupy(calendar_id, span(59, 61), session_id)
    assert rows.busy(calendar_id) == [span(30, 60)]


def test_released_time_is_free_and_nothing_else_is(calendar_id: int, session_id: int) -> None:
    other = factories.make_session(starts_at=START + timedelta(days=8))
    occupy(calendar_id, span(60, 90), other.id)

    @transactional
    def release() -> None:
        ledger.release(event_session_ids=[session_id])

    release()
    assert rows.busy(calendar_id) == [span(60, 90)]
    occupy(calendar_id, span(30, 60), session_id)
    assert rows.busy(calendar_id) == [span(30, 60), span(60, 90)]


def test_the_calendars_of_a_cause(calendar_id: int, session_id: int) -> None:
    room = rows.room_calendar(db.session.get_one(EventSession, session_id).room_id)
    assert ledger.calendars_of(event_session_id=session_id) == {calendar_id, room}
    assert ledger.calendars_of(booking_id=session_id) == set()


# -- locks -------------------------------------------------------------------------------


@transactional
def lock(calendars: list[int], sessions: list[int] = []) -> dict[int, CalendarVersion]:  # noqa: B006
    return ledger.lock(calendars, sessions)


def test_a_lock_raises_each_version_once_and_says_whose_time_it_is() -> None:
    actor, expert = factories.make_expert()
    person = factories.make_actor()
    room = factories.make_room()
    room_calendar = rows.room_calendar(room.id)
    before = rows.version(actor.calendar_id)
    wanted = [room_calendar, actor.calendar_id, person.calendar_id, room_calendar]
    assert lock(wanted) == {
        actor.calendar_id: CalendarVersion(
            actor.calendar_id, before + 1, actor.user_id, None, expert.slug
        ),
        person.calendar_id: CalendarVersion(person.calendar_id, 1, person.user_id, None, None),
        room_calendar: CalendarVersion(room_calendar, 1, None, room.id, None),
    }
    assert rows.version(room_calendar) == 1


def test_a_roll_back_takes_the_version_back() -> None:
    calendar_id = factories.make_actor().calendar_id

    @transactional
    def refuse() -> None:
        ledger.lock([calendar_id])
        raise Overlap

    with pytest.raises(Overlap):
        refuse()
    assert rows.version(calendar_id) == 0


def test_nothing_to_lock_is_no_mistake() -> None:
    assert lock([]) == {}


def test_calendars_are_locked_by_ascending_id_then_sessions() -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite's one write lock is held already")
    calendars = [factories.make_actor().calendar_id for _ in range(3)]
    sessions = [factories.make_session().id for _ in range(2)]

    @transactional
    def locked() -> tuple[list[str], list[Any]]:
        with count_queries() as statements:
            ledger.lock(reversed(calendars), reversed(sessions))
        return statements, []

    statements, _ = locked()
    first, second = statements
    assert "FROM calendar" in first
    assert "ORDER BY calendar.id FOR UPDATE" in first
    assert "UPDATE calendar SET version" in first
    assert "FROM event_session" in second
    assert second.endswith("ORDER BY event_session.id FOR UPDATE")


def test_one_calendar_is_locked_by_its_update_alone() -> None:
    calendar_id = factories.make_actor().calendar_id

    @transactional
    def locked() -> list[str]:
        with count_queries() as statements:
            ledger.lock([calendar_id])
        return statements

    (statement,) = locked()
    assert statement.startswith("UPDATE calendar SET version=")


# -- seats -------------------------------------------------------------------------------


@transactional
def take_seat(session_id: int) -> int | None:
    taken = ledger.take_seat(session_id)
    return taken.seats_taken if taken else None


@transactional
def free_seat(session_id: int) -> None:
    ledger.free_seat(session_id)


def test_seats_are_taken_up_to_the_capacity_and_given_back() -> None:
    session_id = factories.make_session(capacity=2).id
    assert [take_seat(session_id) for _ in range(3)] == [1, 2, None]
    free_seat(session_id)
    assert take_seat(session_id) == 2
    db.session.rollback()
    session = db.session.get_one(EventSession, session_id)
    assert (session.seats_taken, session.version) == (2, 5)


@pytest.mark.parametrize("values", [{"capacity": None}, {"capacity": 0}, {"status": "cancelled"}])
def test_there_is_no_seat_to_take(values: dict[str, Any]) -> None:
    session_id = factories.make_session().id
    db.session.rollback()
    with db.engine.begin() as connection:
        connection.execute(update(EventSession).values(values))
    assert take_seat(session_id) is None


# -- who sees what -----------------------------------------------------------------------

TIMES = {"starts_at": "2031-03-04T10:30:00Z", "ends_at": "2031-03-04T11:00:00Z"}


def conflict(**values: Any) -> ledger.Conflict:
    return ledger.Conflict(
        **{
            "calendar_id": 7,
            "starts_at": span(30, 60).starts_at,
            "ends_at": span(30, 60).ends_at,
            "kind": "appointment",
            "title": "Private matter",
            "uid": "a-uid",
            "booking_id": 1,
            "event_session_id": None,
            "seat_of": None,
            "event_id": None,
            "user_id": 3,
            "event_type_id": None,
            "busy": span(30, 60),
            **values,
        }
    )


FULL = TIMES | {"kind": "appointment", "title": "Private matter", "uid": "a-uid"}


def test_a_stranger_and_a_guest_see_just_the_times() -> None:
    stranger = factories.make_actor()
    assert ledger.shown_to(None, [conflict()]) == [TIMES]
    assert ledger.shown_to(stranger, [conflict(user_id=0, calendar_id=0)]) == [TIMES]


def test_the_owner_sees_everything() -> None:
    actor = factories.make_actor()
    mine = conflict(user_id=actor.user_id)
    in_my_calendar = conflict(calendar_id=actor.calendar_id)
    assert ledger.shown_to(actor, [mine]) == [FULL]
    assert ledger.shown_to(actor, [in_my_calendar]) == [FULL]


@pytest.mark.parametrize("kind", ["appointment", "seat", "reservation", "event_session"])
def test_of_what_is_not_theirs_contributors_see_times_and_admins_all(kind: str) -> None:
    foreign = conflict(kind=kind, user_id=0, calendar_id=0)
    assert ledger.shown_to(factories.make_contributor(), [foreign]) == [TIMES]
    assert ledger.shown_to(factories.make_admin(), [foreign]) == [FULL | {"kind": kind}]


def test_a_session_has_no_uid_to_show() -> None:
    actor = factories.make_actor()
    session = conflict(
        kind="event_session",
        uid=None,
        booking_id=None,
        event_session_id=4,
        calendar_id=actor.calendar_id,
    )
    assert ledger.shown_to(actor, [session]) == [
        TIMES | {"kind": "event_session", "title": "Private matter"}
    ]


def test_each_cause_is_shown_once_with_the_most_there_is_to_tell() -> None:
    actor = factories.make_actor()
    of_the_room = conflict(calendar_id=0, user_id=0)
    of_mine = conflict(calendar_id=actor.calendar_id, user_id=0)
    earlier = conflict(
        booking_id=2, calendar_id=0, user_id=0, starts_at=START, ends_at=span(0, 5).ends_at
    )
    assert ledger.shown_to(actor, [of_the_room, of_mine, earlier]) == [
        {"starts_at": "2031-03-04T10:00:00Z", "ends_at": "2031-03-04T10:05:00Z"},
        FULL,
    ]


def test_times_shown_are_the_bookings_own_without_buffers() -> None:
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host, buffer_before_minutes=15, buffer_after_minutes=10)
    from app.services.appointments import book_appointment

    book_appointment(None, event_type.id, START, factories.client_named())
    found = ledger.find_conflicts([Claim(host.calendar_id, span(-10, -5))])
    assert [(each.starts_at, each.ends_at) for each in found] == [
        (span(0, 30).starts_at, span(0, 30).ends_at)
    ]
    assert rows.busy(host.calendar_id) == [span(-15, 40)]
    assert rows.count(BusyPeriod) == 1
