"""What a command read before its locks is old when it has them: PostgreSQL, two connections.

SQLite has one writer, whose reads are as fresh as its lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.extensions import db
from app.models import OutboxMessage
from app.models.interval import Interval
from app.services import (
    busy_calendars,
    event_sessions,
    event_types,
    experts,
    guarantees,
    seats,
    session_changes,
)
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.errors import SlotTaken, Stale
from app.services.rescheduling import reschedule_booking
from app.services.reservations import Wanted, move_reservation, reserve_room
from app.services.transaction import transactional
from tests import factories, rows
from tests.services.test_icalendar_import import calendar, event

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
HOUR = Interval(TEN, ELEVEN)


@pytest.fixture
def during(context: Flask) -> Callable[[Callable[[], Any], Callable[[], Any]], Any]:
    """`during(first, second)`: second begins when first has written, and waits for its commit.

    Returns what second returns or raises.
    """
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer")

    def run(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
        answer: Future[Any]

        def act() -> Any:
            with context.app_context():
                return second()

        with ThreadPoolExecutor(1) as threads:

            @transactional
            def hold() -> Future[Any]:
                first()
                started = threads.submit(act)
                wait_until_somebody_waits()
                return started

            answer = hold()
            return answer.result(20)

    return run


def wait_until_somebody_waits() -> None:
    database = db.engine.url.database
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = :database AND wait_event_type = 'Lock'"
    )
    for _ in range(1000):
        with db.engine.connect() as connection:
            if connection.scalar(waiting, {"database": database}):
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits for the lock")


def test_what_is_moved_meanwhile_is_cancelled_as_it_is_now(during: Any) -> None:
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host)
    client = factories.make_actor()
    booked = book_appointment(client, event_type.id, TEN, factories.client_named())
    uid = booked.booking["uid"]
    cancelled = during(
        lambda: reschedule_booking(host, uid, ELEVEN), lambda: cancel_booking(client, uid)
    )
    assert (cancelled["starts_at"], cancelled["sequence"]) == ("2031-03-04T11:00:00Z", 2)
    db.session.rollback()
    mail = db.session.scalars(
        select(OutboxMessage).where(OutboxMessage.template == "appointment_cancelled")
    ).one()
    assert mail.context["booking"]["starts_at"] == "2031-03-04T11:00:00Z"
    assert rows.busy(host.calendar_id) == []


def test_what_is_moved_to_another_room_meanwhile_is_not_cancelled_unseen(during: Any) -> None:
    staff, other_room = factories.make_contributor(), factories.make_room()
    uid = reserve_room(staff, Wanted(factories.make_room().id, HOUR, "A meeting"))["uid"]
    elsewhere = Wanted(other_room.id, HOUR, "A meeting")
    with pytest.raises(Stale):
        during(lambda: move_reservation(staff, uid, elsewhere), lambda: cancel_booking(staff, uid))
    db.session.rollback()
    assert rows.busy(rows.room_calendar(other_room.id)) == [HOUR]


def test_what_is_moved_meanwhile_is_not_replaced_unseen(during: Any) -> None:
    staff, session = factories.make_contributor(), factories.make_session(starts_at=TEN)
    session_id = session.id
    uid = reserve_room(staff, Wanted(factories.make_room().id, HOUR, "A meeting"))["uid"]
    with pytest.raises(Stale):
        during(
            lambda: reschedule_booking(staff, uid, ELEVEN),
            lambda: seats.book_seat(staff, session_id, replace=[uid]),
        )
    db.session.rollback()
    assert rows.booking(uid).status == "confirmed"
    assert rows.seats_taken(session_id) == 0


def test_two_moves_of_a_reservation_are_one_move_and_one_stale(during: Any) -> None:
    staff = factories.make_contributor()
    uid = reserve_room(staff, Wanted(factories.make_room().id, HOUR, "A meeting"))["uid"]
    with pytest.raises(Stale):
        during(
            lambda: reschedule_booking(staff, uid, ELEVEN),
            lambda: reschedule_booking(staff, uid, ELEVEN + timedelta(hours=1)),
        )
    db.session.rollback()
    assert rows.busy(staff.calendar_id) == [Interval(ELEVEN, ELEVEN + timedelta(hours=1))]


def test_a_session_moved_meanwhile_occupies_the_time_that_it_has_now(during: Any) -> None:
    admin, session = factories.make_admin(), factories.make_session(starts_at=TEN)
    session_id, room_id = session.id, session.room_id
    later = {"starts_at": ELEVEN, "ends_at": ELEVEN + timedelta(hours=1)}
    during(
        lambda: session_changes.move_event_session(admin, session_id, later),
        lambda: session_changes.move_event_session(admin, session_id, {"title": "Renamed"}),
    )
    db.session.rollback()
    assert rows.busy(rows.room_calendar(room_id)) == [Interval(ELEVEN, later["ends_at"])]
    assert guarantees.find_breaches() == []


def test_a_session_put_into_another_room_meanwhile_is_judged_there(during: Any) -> None:
    admin, session = factories.make_admin(), factories.make_session(starts_at=TEN)
    session_id, other_room = session.id, factories.make_room()
    later = {"starts_at": ELEVEN, "ends_at": ELEVEN + timedelta(hours=1)}
    during(
        lambda: session_changes.move_event_session(admin, session_id, {"room_id": other_room.id}),
        lambda: session_changes.move_event_session(admin, session_id, later),
    )
    db.session.rollback()
    assert rows.busy(rows.room_calendar(other_room.id)) == [Interval(ELEVEN, later["ends_at"])]
    assert guarantees.find_breaches() == []


def test_a_seat_booked_meanwhile_moves_along(during: Any) -> None:
    admin, actor = factories.make_admin(), factories.make_actor()
    session_id = factories.make_session(starts_at=TEN).id
    later = {"starts_at": ELEVEN, "ends_at": ELEVEN + timedelta(hours=1)}
    during(
        lambda: seats.book_seat(actor, session_id),
        lambda: session_changes.move_event_session(admin, session_id, later),
    )
    db.session.rollback()
    assert rows.busy(actor.calendar_id) == [Interval(ELEVEN, later["ends_at"])]
    assert guarantees.find_breaches() == []


def test_a_seat_booked_meanwhile_is_cancelled_with_the_session(during: Any) -> None:
    admin, actor = factories.make_admin(), factories.make_actor()
    session_id = factories.make_session(starts_at=TEN).id
    released = during(
        lambda: seats.book_seat(actor, session_id),
        lambda: event_sessions.cancel_event_session(admin, session_id),
    )
    db.session.rollback()
    assert len(released) == 1
    assert rows.busy(actor.calendar_id) == []
    assert guarantees.find_breaches() == []


def test_busy_time_elsewhere_that_arrives_meanwhile_is_in_the_way(during: Any) -> None:
    host, _ = factories.make_expert()
    event_type_id = factories.make_event_type(host).id
    file = calendar(event("DTSTART:20310304T100000Z", "DTEND:20310304T110000Z"))
    sent = busy_calendars.SentFile("file", file)
    with pytest.raises(SlotTaken):
        during(
            lambda: busy_calendars.add_upload(host, sent, name="Work"),
            lambda: book_appointment(None, event_type_id, TEN, factories.client_named()),
        )
    db.session.rollback()
    assert rows.busy(host.calendar_id) == []


def test_of_two_weeks_saved_at_once_the_later_stands_whole(during: Any) -> None:
    expert, _ = factories.make_expert()
    first, second = (
        {"weekly": [], "overrides": [{"date": day, "intervals": []} for day in days]}
        for days in (["2031-03-04", "2031-03-05"], ["2031-03-05", "2031-03-06"])
    )
    experts.replace_availability(expert, first)
    during(
        lambda: experts.replace_availability(expert, first),
        lambda: experts.replace_availability(expert, second),
    )
    db.session.expire_all()
    found = experts.describe_availability(experts.own_expert(expert))
    assert [each["date"] for each in found["overrides"]] == ["2031-03-05", "2031-03-06"]


def test_of_two_addresses_chosen_at_once_the_earlier_redirects(during: Any) -> None:
    expert, profile = factories.make_expert()
    old = profile.slug
    during(
        lambda: experts.update_expert(expert, {"slug": "sooner"}),
        lambda: experts.update_expert(expert, {"slug": "later"}),
    )
    db.session.expire_all()
    assert experts.own_expert(expert).slug == "later"
    assert experts.find_moved(old) == experts.find_moved("sooner") == profile


def test_event_types_of_one_title_made_at_once_have_addresses_of_their_own(during: Any) -> None:
    expert, _ = factories.make_expert()
    wanted = {"title": "A talk", "duration_minutes": 30}
    during(
        lambda: event_types.create_event_type(expert, wanted),
        lambda: event_types.create_event_type(expert, wanted),
    )
    listed = event_types.list_own(expert, page=1, page_size=10).items
    assert [each["slug"] for each in listed] == ["a-talk", "a-talk-2"]
