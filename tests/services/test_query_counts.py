"""How many statements the hot paths send: exactly, and the same whatever is in the tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.extensions import db
from app.models import Booking, BusyPeriod
from app.models.interval import Interval
from app.services import agenda, experts, hour_events, minutes, seats, slots
from app.services.appointments import book_appointment
from app.services.bookings import list_bookings
from app.services.cancellation import cancel_booking
from app.services.hour_events import Frame
from app.services.reservations import Wanted, reserve_room
from tests import factories
from tests.queries import count_queries

pytestmark = pytest.mark.usefixtures("published")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def hours(number: float) -> datetime:
    return TEN + timedelta(hours=number)


def queries(act: Callable[[], Any]) -> int:
    db.session.rollback()
    with count_queries() as statements:
        act()
    return len(statements)


def test_slots_of_a_month() -> None:
    host, expert = factories.make_expert()
    event_type = factories.make_event_type(host, daily_limit=99, room_id=factories.make_room().id)
    slug, type_slug = expert.slug, event_type.slug

    def read() -> None:
        slots.list_slots(slug, type_slug, TEN.date(), TEN.date() + timedelta(days=30))

    assert queries(read) == 4
    for day in range(8):
        book_appointment(None, event_type.id, hours(24 * 7 * day), factories.client_named())
    experts.replace_availability(
        host,
        {
            "weekly": [{"weekday": 1, "start": "08:00", "end": "17:00"}],
            "overrides": [{"date": f"2031-03-{day}"} for day in range(10, 20)],
        },
    )
    assert queries(read) == 4


def test_slots_of_a_month_stay_flat_as_bookings_grow() -> None:
    """As many statements, and the same starts whatever is booked after the month."""
    host, expert = factories.make_expert(time_zone="UTC")
    offer = factories.make_event_type(host, duration_minutes=15, slot_step_minutes=15)
    slug, type_slug, ids = expert.slug, offer.slug, (expert.id, offer.id, host.calendar_id)
    first = TEN.date()

    def read() -> slots.Slots:
        return slots.list_slots(slug, type_slug, first, first + timedelta(days=30))

    booked, found = 0, []
    for wanted in (0, 100, 1_000, 10_000):
        insert_quarters(*ids, booked, wanted)
        booked = wanted
        found.append((queries(read), sum(map(len, read().days.values()))))
    # 36 quarters a day from 08:00 to 17:00, on 23 working days; 1,000 are of the month.
    assert [count for count, _ in found] == [3] * 4
    assert [starts for _, starts in found][-1] == [starts for _, starts in found][-2]


def insert_quarters(expert: int, offer: int, calendar: int, first: int, last: int) -> None:
    """Book the quarters of an hour with these numbers; from the 1,000th on after a month."""
    rows = []
    for number in range(first, last):
        at = TEN + timedelta(minutes=15 * number, days=40 if number >= 1_000 else 0)
        rows.append({"starts_at": at, "ends_at": at + timedelta(minutes=15)})
    if not rows:
        return
    shared = {
        "kind": "appointment",
        "title": "x",
        "expert_id": expert,
        "event_type_id": offer,
        "attendee_name": "x",
        "attendee_email": "x@example.org",
        "created_at": TEN,
    }
    made = [shared | row | {"uid": f"{offer}-{first + n}"} for n, row in enumerate(rows)]
    ids = db.session.scalars(
        insert(Booking.__table__).returning(Booking.__table__.c.id, sort_by_parameter_order=True),
        made,
    ).all()
    periods = [
        row | {"calendar_id": calendar, "booking_id": booking_id}
        for row, booking_id in zip(rows, ids, strict=True)
    ]
    db.session.execute(insert(BusyPeriod.__table__), periods)
    db.session.commit()


def test_a_list_of_bookings() -> None:
    actor = factories.make_contributor()

    def read() -> None:
        list_bookings(actor, page=1, page_size=100)

    assert queries(read) == 2
    room = factories.make_room().id
    for number in range(5):
        period = Interval(hours(number * 3), hours(number * 3 + 1))
        reserve_room(actor, Wanted(room, period, "A meeting"))
        seats.book_seat(actor, factories.make_session(starts_at=hours(number * 3 + 1)).id)
        host, _ = factories.make_expert(time_zone="UTC")
        if number < 2:
            event_type = factories.make_event_type(host, slot_step_minutes=1)
            start = hours(number * 3 + 2)
            book_appointment(actor, event_type.id, start, factories.client_named())
    assert queries(read) == 2


def test_the_list_of_experts() -> None:
    def read() -> None:
        experts.list_experts("e", page=1, page_size=100)

    assert queries(read) == 2
    for _ in range(5):
        host, _ = factories.make_expert()
        factories.make_event_type(host), factories.make_event_type(host)
    assert queries(read) == 2


def test_an_agenda_cold_and_warm() -> None:
    event, actor = factories.make_event(), factories.make_actor()
    slug = event.slug

    def read() -> None:
        agenda.read_agenda(actor, slug)

    for size in (1, 6):
        for _ in range(size):
            session = factories.make_session(event, speakers=[{"name": "A"}, {"name": "B"}])
        assert (queries(read), queries(read)) == (3, 1)
    seats.book_seat(actor, session.id)
    assert (queries(read), queries(read)) == (3, 1)


def test_booking_a_seat() -> None:
    """Look, lock the calendar, judge, take, book, occupy, mail, audit."""

    def book() -> int:
        return queries(lambda: seats.book_seat(actor, session_id))

    actor, session_id = factories.make_actor(), factories.make_session().id
    alone = book()
    event = factories.make_event()
    actor = factories.make_actor()
    for number in range(5):
        earlier = factories.make_session(event, starts_at=hours(-2 - number), capacity=9)
        seats.book_seat(actor, earlier.id)
        seats.book_seat(factories.make_actor(), earlier.id)
    session_id = factories.make_session(event, capacity=9).id
    seats.book_seat(factories.make_actor(), session_id)
    assert (alone, book()) == (8, 8)


def test_a_sold_out_seat_is_refused_after_two_looks() -> None:
    session_id, actor = factories.make_session().id, factories.make_actor()
    seats.book_seat(factories.make_actor(), session_id)

    def refused() -> None:
        with pytest.raises(Exception, match="All seats"):
            seats.book_seat(actor, session_id)

    assert queries(refused) == 2


def test_booking_an_appointment() -> None:
    """Look, lock the calendars, rules, conflicts here and elsewhere, book, occupy, mails, audit."""
    host, _ = factories.make_expert()
    event_type_id = factories.make_event_type(host).id

    def book(start: datetime) -> int:
        return queries(
            lambda: book_appointment(None, event_type_id, start, factories.client_named())
        )

    alone = book(TEN)
    for number in range(5):
        book(hours(0.5 + number / 2))
    assert (alone, book(hours(24))) == (9, 9)


def test_cancelling() -> None:
    def cancelled() -> int:
        uid = book_appointment(None, event_type_id, TEN, factories.client_named()).booking["uid"]
        return queries(lambda: cancel_booking(host, uid))

    host, _ = factories.make_expert()
    event_type_id = factories.make_event_type(host).id
    alone = cancelled()
    for number in range(1, 6):
        book_appointment(None, event_type_id, hours(number), factories.client_named())
    assert alone == cancelled()


def test_reserving_and_moving_minutes_of_an_hour() -> None:
    """Room, user, calendars; lock, conflicts, book, occupy, audit; and the event's number."""

    def post(hour: int) -> int:
        return hour_events.post_event(staff, Frame(day, hour, 0, 5), title="Minutes")

    def counted(hour: int) -> tuple[int, int]:
        posted = queries(lambda: post(hour))
        event_id = minutes.list_events(staff)[-1]["eventId"]
        later = Frame(day, hour, 10, 15)
        return posted, queries(lambda: hour_events.reschedule_event(staff, event_id, later))

    day = TEN.date()
    staff, _ = factories.make_contributor(), factories.make_room()
    alone = counted(10)
    for hour in range(11, 16):
        post(hour)
    assert alone == counted(16) == (9, 13)
