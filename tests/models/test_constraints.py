"""Each constraint refuses by itself, on both databases, whatever the services do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from app.extensions import db
from app.models import (
    Booking,
    BusyPeriod,
    Calendar,
    DateOverride,
    Event,
    EventSession,
    EventType,
    OutboxMessage,
    Room,
)
from app.models.interval import Interval
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

START = datetime(2031, 3, 4, 10, tzinfo=UTC)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def write(statement: Any, values: dict[str, Any] | None = None) -> None:
    db.session.rollback()  # what it read before is old now
    with db.engine.begin() as connection:
        connection.execute(statement, values or {})


def refused(name: str, statement: Any, values: dict[str, Any] | None = None) -> None:
    with pytest.raises(IntegrityError, match=name):
        write(statement, values)


@pytest.fixture
def session_id(context: Flask) -> int:
    """A session far from the periods below, in a room of its own."""
    return factories.make_session(starts_at=minute(10_000), capacity=2).id


@pytest.fixture
def calendar_id(session_id: int) -> int:
    """A calendar that is busy from minute 30 to 60."""
    calendar_id = factories.make_actor().calendar_id
    write(insert(BusyPeriod), period(calendar_id, session_id, 30, 60))
    return calendar_id


def period(calendar_id: int, session_id: int, start: int, end: int) -> dict[str, Any]:
    return {
        "calendar_id": calendar_id,
        "starts_at": minute(start),
        "ends_at": minute(end),
        "event_session_id": session_id,
    }


OVERLAPPING = {
    "the same": (30, 60),
    "within": (40, 50),
    "around": (20, 70),
    "into its beginning": (20, 31),
    "out of its end": (59, 70),
    "the same beginning": (30, 31),
    "the same end": (59, 60),
}
overlapping = pytest.mark.parametrize("span", OVERLAPPING.values(), ids=OVERLAPPING)
touching = pytest.mark.parametrize("span", [(0, 30), (60, 90)], ids=["before", "after"])


@overlapping
def test_no_overlap_is_inserted(calendar_id: int, session_id: int, span: tuple[int, int]) -> None:
    refused("busy_period_no_overlap", insert(BusyPeriod), period(calendar_id, session_id, *span))


@overlapping
def test_no_overlap_comes_about_by_an_update_of_times(
    calendar_id: int, session_id: int, span: tuple[int, int]
) -> None:
    write(insert(BusyPeriod), period(calendar_id, session_id, 600, 630))
    other = BusyPeriod.starts_at == minute(600)
    refused(
        "busy_period_no_overlap",
        update(BusyPeriod).where(other).values(starts_at=minute(span[0]), ends_at=minute(span[1])),
    )


def test_no_overlap_comes_about_by_an_update_of_the_calendar(
    calendar_id: int, session_id: int
) -> None:
    other = factories.make_actor().calendar_id
    write(insert(BusyPeriod), period(other, session_id, 40, 50))
    refused(
        "busy_period_no_overlap",
        update(BusyPeriod).where(BusyPeriod.calendar_id == other).values(calendar_id=calendar_id),
    )


@touching
def test_touching_periods_stand_beside_each_other(
    calendar_id: int, session_id: int, span: tuple[int, int]
) -> None:
    write(insert(BusyPeriod), period(calendar_id, session_id, *span))
    both = sorted([Interval(minute(30), minute(60)), Interval(minute(span[0]), minute(span[1]))])
    assert rows.busy(calendar_id) == both


def test_a_period_may_be_moved_over_itself(calendar_id: int) -> None:
    write(
        update(BusyPeriod)
        .where(BusyPeriod.calendar_id == calendar_id)
        .values(starts_at=minute(40), ends_at=minute(70))
    )


def test_calendars_do_not_mind_each_other(calendar_id: int, session_id: int) -> None:
    other = factories.make_actor().calendar_id
    write(insert(BusyPeriod), period(other, session_id, 30, 60))


@pytest.mark.parametrize("span", [(70, 70), (80, 70)], ids=["empty", "reversed"])
def test_a_busy_period_is_not_empty(
    calendar_id: int, session_id: int, span: tuple[int, int]
) -> None:
    # PostgreSQL's range type refuses a reversed one even before the constraint.
    with pytest.raises(Exception, match=r"busy_period_not_empty|range lower bound"):
        write(insert(BusyPeriod), period(calendar_id, session_id, *span))


def test_a_busy_period_has_one_cause(calendar_id: int, session_id: int) -> None:
    both = period(calendar_id, session_id, 70, 80) | {"booking_id": make_seat(session_id)}
    refused("busy_period_has_one_cause", insert(BusyPeriod), both)
    neither = period(calendar_id, session_id, 70, 80) | {"event_session_id": None}
    refused("busy_period_has_one_cause", insert(BusyPeriod), neither)


def test_a_calendar_has_one_owner() -> None:
    user_id, room_id = factories.make_actor().user_id, factories.make_room().id
    write(delete(Calendar).where((Calendar.user_id == user_id) | (Calendar.room_id == room_id)))
    refused("calendar_has_one_owner", insert(Calendar), {"user_id": None, "room_id": None})
    refused("calendar_has_one_owner", insert(Calendar), {"user_id": user_id, "room_id": room_id})


@pytest.mark.parametrize("owner", ["user_id", "room_id"])
def test_an_owner_has_one_calendar(owner: str) -> None:
    owners = {"user_id": factories.make_actor().user_id, "room_id": factories.make_room().id}
    refused(f"calendar.{owner}|calendar_{owner}_key", insert(Calendar), {owner: owners[owner]})


@pytest.mark.parametrize("taken", [3, -1])
def test_seats_taken_lie_within_the_capacity(session_id: int, taken: int) -> None:
    refused(
        "event_session_seats_within_capacity",
        update(EventSession).where(EventSession.id == session_id).values(seats_taken=taken),
    )


def test_the_capacity_does_not_fall_below_the_seats_taken(session_id: int) -> None:
    mine = EventSession.id == session_id
    write(update(EventSession).where(mine).values(seats_taken=2))
    refused(
        "event_session_seats_within_capacity",
        update(EventSession).where(mine).values(capacity=1),
    )


def make_seat(session_id: int, **values: Any) -> int:
    write(insert(Booking.__table__), seat(session_id, **values))
    return db.session.scalars(select(Booking.id).order_by(Booking.id.desc())).first() or 0


def seat(session_id: int, **values: Any) -> dict[str, Any]:
    return {
        "uid": str(next(_numbers)),
        "kind": "seat",
        "status": "confirmed",
        "title": "A seat",
        "starts_at": minute(0),
        "ends_at": minute(60),
        "created_at": minute(0),
        "event_session_id": session_id,
        "user_id": values.pop("user_id", None) or factories.make_actor().user_id,
        **values,
    }


def test_a_user_has_one_live_seat_in_a_session(session_id: int) -> None:
    user_id = factories.make_actor().user_id
    make_seat(session_id, user_id=user_id, status="cancelled")
    make_seat(session_id, user_id=user_id, status="cancelled")
    make_seat(session_id, user_id=user_id)
    refused(
        "uq_booking_live_seat|booking.event_session_id, booking.user_id",
        insert(Booking.__table__),
        seat(session_id, user_id=user_id),
    )


def test_a_cancelled_seat_does_not_come_alive_beside_another(session_id: int) -> None:
    user_id = factories.make_actor().user_id
    make_seat(session_id, user_id=user_id)
    cancelled = make_seat(session_id, user_id=user_id, status="cancelled")
    refused(
        "uq_booking_live_seat|booking.event_session_id, booking.user_id",
        update(Booking.__table__)
        .where(Booking.__table__.c.id == cancelled)
        .values(status="confirmed"),
    )


def test_a_uid_is_unique(session_id: int) -> None:
    make_seat(session_id, uid="same")
    refused("booking.uid|booking_uid_key", insert(Booking.__table__), seat(session_id, uid="same"))


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"ends_at": minute(0)}, "booking_not_empty"),
        ({"status": "maybe"}, "booking_status_known"),
        ({"kind": "party"}, "booking_kind_known"),
        ({"event_session_id": None}, "booking_seat_complete"),
        ({"kind": "appointment"}, "booking_appointment_complete"),
        ({"kind": "reservation"}, "booking_reservation_complete"),
    ],
)
def test_a_booking_is_complete(session_id: int, values: dict[str, Any], constraint: str) -> None:
    refused(constraint, insert(Booking.__table__), seat(session_id) | values)


@pytest.mark.parametrize(
    "missing", ["expert_id", "event_type_id", "attendee_name", "attendee_email"]
)
def test_an_appointment_names_both_sides(session_id: int, missing: str) -> None:
    actor, expert = factories.make_expert()
    event_type = factories.make_event_type(actor)
    appointment = seat(session_id) | {
        "kind": "appointment",
        "event_session_id": None,
        "expert_id": expert.id,
        "event_type_id": event_type.id,
        "attendee_name": "Gwen",
        "attendee_email": "gwen@example.org",
    }
    write(insert(Booking.__table__), appointment)
    refused(
        "booking_appointment_complete",
        insert(Booking.__table__),
        appointment | {"uid": "another", missing: None},
    )


@pytest.mark.parametrize("missing", ["room_id", "user_id"])
def test_a_reservation_names_room_and_user(session_id: int, missing: str) -> None:
    reservation = seat(session_id) | {
        "kind": "reservation",
        "event_session_id": None,
        "room_id": factories.make_room().id,
    }
    write(insert(Booking.__table__), reservation)
    refused(
        "booking_reservation_complete",
        insert(Booking.__table__),
        reservation | {"uid": "another", missing: None},
    )


def test_a_seat_needs_its_user(session_id: int) -> None:
    refused(
        "booking_seat_complete", insert(Booking.__table__), seat(session_id) | {"user_id": None}
    )


@pytest.mark.parametrize(
    ("model", "values", "constraint"),
    [
        (EventSession, {"ends_at": minute(-20_000)}, "event_session_not_empty"),
        (EventSession, {"status": "maybe"}, "event_session_status_known"),
        (Event, {"ends_on": date(2000, 1, 1)}, "event_dates_in_order"),
        (Event, {"admission": "closed"}, "event_admission_known"),
        (Room, {"capacity": 0}, "room_capacity_positive"),
    ],
)
def test_a_row_makes_sense(
    session_id: int, model: Any, values: dict[str, Any], constraint: str
) -> None:
    refused(constraint, update(model).values(values))


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"duration_minutes": 0}, "event_type_duration_positive"),
        ({"buffer_before_minutes": -1}, "event_type_spans_not_negative"),
        ({"buffer_after_minutes": -1}, "event_type_spans_not_negative"),
        ({"minimum_notice_minutes": -1}, "event_type_spans_not_negative"),
        ({"horizon_days": -1}, "event_type_spans_not_negative"),
    ],
)
def test_an_event_type_makes_sense(values: dict[str, Any], constraint: str) -> None:
    actor, _ = factories.make_expert()
    factories.make_event_type(actor)
    refused(constraint, update(EventType).values(values))


def test_an_event_type_has_its_address_alone() -> None:
    actor, _ = factories.make_expert()
    factories.make_event_type(actor, slug="one")
    factories.make_event_type(actor, slug="two")
    refused(
        "uq_event_type_expert_slug|event_type.expert_id, event_type.slug",
        update(EventType).values(slug="one"),
    )


def test_a_date_has_one_override() -> None:
    _, expert = factories.make_expert()
    override = {"expert_id": expert.id, "date": date(2031, 3, 4), "intervals": []}
    write(insert(DateOverride), override)
    refused(
        "uq_date_override_expert_date|date_override.expert_id, date_override.date",
        insert(DateOverride),
        override,
    )


def test_a_mail_is_in_a_known_state() -> None:
    refused(
        "outbox_message_state_known",
        insert(OutboxMessage),
        {
            "template": "any",
            "recipient": "gwen@example.org",
            "context": {},
            "message_id": "<1@localhost>",
            "state": "lost",
            "next_attempt_at": START,
            "created_at": START,
        },
    )


def test_foreign_keys_are_kept() -> None:
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        write(text("INSERT INTO calendar (user_id, version) VALUES (999999, 0)"))


def test_everybody_and_every_room_has_a_calendar() -> None:
    actor, room = factories.make_actor(), factories.make_room()
    owners = db.session.execute(
        select(Calendar.user_id, Calendar.room_id, Calendar.version).order_by(Calendar.id)
    ).all()
    assert [tuple(row) for row in owners] == [(actor.user_id, None, 0), (None, room.id, 0)]


_numbers = iter(range(10**9))
