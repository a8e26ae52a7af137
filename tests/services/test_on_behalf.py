"""What admins do for others, and what they are told before they delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEntry, User
from app.services import accounts, appointments, attachments, bookings, cancellation, experts, seats
from app.services.attachments import Attached
from app.services.errors import InvalidInput, NotAllowed, NotFound, Overlap, Unauthenticated
from tests import factories, rows

NINE = datetime(2031, 3, 4, 9, 0, tzinfo=UTC)


def acts(action: str) -> list[tuple[int | None, str]]:
    found = db.session.execute(
        select(AuditEntry.actor_id, AuditEntry.object_kind).where(AuditEntry.action == action)
    )
    return [(row.actor_id, row.object_kind) for row in found]


def test_a_seat_for_somebody_is_in_their_calendar(context: Flask) -> None:
    root, ben = factories.make_admin(), factories.make_actor(email="ben@example.org")
    session = factories.make_session(capacity=1)
    booked = seats.book_seat(root, session.id, on_behalf=ben.user_id)
    assert rows.booking(booked.booking["uid"]).user_id == ben.user_id
    assert len(rows.busy(ben.calendar_id)) == 1
    assert rows.busy(root.calendar_id) == []
    assert acts("book") == [(root.user_id, "booking")]
    assert rows.mails() == [("seat_confirmed", "ben@example.org")]
    again = seats.book_seat(root, session.id, on_behalf=ben.user_id)
    assert (again.created, again.booking["uid"]) == (False, booked.booking["uid"])
    assert bookings.get_booking(ben, booked.booking["uid"])["attendee"]["email"] == ben.email


def test_only_admins_book_for_others(context: Flask) -> None:
    ben = factories.make_actor()
    session = factories.make_session(capacity=3)
    for somebody in (factories.make_actor(), factories.make_contributor()):
        with pytest.raises(NotAllowed):
            seats.book_seat(somebody, session.id, on_behalf=ben.user_id)
        with pytest.raises(NotAllowed):
            accounts.get_user_by_email(somebody, ben.email)
        with pytest.raises(NotAllowed):
            experts.become_expert(somebody, user_id=ben.user_id)
    actor, _ = factories.make_expert()
    event_type = factories.make_event_type(actor)
    for nobody in (None, ben):
        with pytest.raises((NotAllowed, Unauthenticated)):
            appointments.book_for_client(nobody, event_type.id, NINE, factories.client_named())
    assert rows.seats_taken(session.id) == 0
    assert rows.mails() == []


def test_nobody_is_booked_who_is_not_there(context: Flask) -> None:
    root, ben = factories.make_admin(), factories.make_actor()
    session = factories.make_session()
    accounts.deactivate(root, ben.user_id)
    for user_id in (ben.user_id, 999_999):
        with pytest.raises(NotFound):
            seats.book_seat(root, session.id, on_behalf=user_id)
    with pytest.raises(NotFound, match="nobody@"):
        accounts.get_user_by_email(root, "nobody@example.org")


def test_only_the_attendees_own_bookings_are_replaced(context: Flask) -> None:
    root, ben, eve = factories.make_admin(), factories.make_actor(), factories.make_actor()
    event = factories.make_event()
    first, second = factories.make_session(event, capacity=5), factories.make_session(event)
    bens = seats.book_seat(ben, first.id).booking["uid"]
    eves = seats.book_seat(eve, first.id).booking["uid"]
    with pytest.raises(Overlap) as refused:
        seats.book_seat(root, second.id, on_behalf=ben.user_id)
    assert [each["uid"] for each in refused.value.extra["conflicts"]] == [bens]
    with pytest.raises(InvalidInput):
        seats.book_seat(root, second.id, on_behalf=ben.user_id, replace=[eves])
    replaced = seats.book_seat(root, second.id, on_behalf=ben.user_id, replace=[bens])
    assert replaced.replaced == [bens]
    assert (rows.seats_taken(first.id), rows.seats_taken(second.id)) == (1, 1)


def test_a_client_is_booked_as_a_guest(context: Flask) -> None:
    root = factories.make_admin()
    actor, _ = factories.make_expert(email="ann@example.org")
    event_type = factories.make_event_type(actor)
    booked = appointments.book_for_client(root, event_type.id, NINE, factories.client_named())
    made = rows.booking(booked.booking["uid"])
    assert (made.user_id, made.attendee_email) == (None, "gwen@example.org")
    assert rows.busy(root.calendar_id) == []
    assert acts("book") == [(root.user_id, "booking")]
    assert rows.mails() == [
        ("appointment_confirmed", "gwen@example.org"),
        ("appointment_confirmed_host", "ann@example.org"),
    ]


def test_an_admin_makes_somebody_an_expert_and_takes_it_back(context: Flask) -> None:
    root, ben = factories.make_admin(), factories.make_actor(name="Ben")
    expert, is_new = experts.become_expert(root, user_id=ben.user_id, headline="Gardens")
    assert (expert.user_id, expert.slug, is_new) == (ben.user_id, "ben", True)
    assert experts.become_expert(root, user_id=ben.user_id)[1] is False
    assert (root.user_id, "expert") in acts("create")
    assert _roles(ben.user_id) == {"Attendee", "Expert"}
    experts.delete_expert(root, expert.id)
    assert _roles(ben.user_id) == {"Attendee"}


def _roles(user_id: int) -> set[str]:
    db.session.expire_all()
    user: Any = db.session.get(User, user_id)
    return {role.name for role in user.roles}


def test_what_hangs_on_a_thing_is_counted(context: Flask) -> None:
    actor, expert = factories.make_expert()
    room = factories.make_room()
    event_type = factories.make_event_type(actor, room_id=room.id)
    event = factories.make_event()
    session = factories.make_session(
        event,
        room_id=room.id,
        capacity=3,
        speakers=[{"name": "Ann", "user_id": actor.user_id}],
    )
    ben = factories.make_actor()
    seats.book_seat(ben, session.id)
    booked = appointments.book_appointment(None, event_type.id, NINE, factories.client_named())
    cancellation.cancel_booking(actor, booked.booking["uid"])
    over = "1 booking that is over or cancelled"
    assert attachments.of_user(ben.user_id) == Attached(forbids=["1 booking to come"])
    assert attachments.of_user(actor.user_id).forbids == ["1 expert page", "1 session to speak at"]
    assert attachments.of_expert(expert.id) == Attached(forbids=[over], goes=["1 event type"])
    assert attachments.of_event_type(event_type.id) == Attached(
        note=f"It was booked before, so it is kept and no longer offered: {over}."
    )
    assert attachments.of_event(event.id).forbids == ["1 session", "1 booking to come"]
    assert attachments.of_event_session(session.id) == Attached(goes=["1 booking to come"])
    assert attachments.of_room(room.id).forbids == [over, "1 session", "1 event type"]
    assert attachments.of_room(factories.make_room().id) == Attached()
