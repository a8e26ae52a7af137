"""Who may do what, and that every command asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.services import (
    agenda,
    appointments,
    bookings,
    cancellation,
    event_sessions,
    event_types,
    events,
    experts,
    profiles,
    rescheduling,
    reservations,
    rooms,
    seats,
    session_changes,
    waitlist,
)
from app.services.errors import DomainError, MustChangePassword, NotAllowed, Unauthenticated
from app.services.policy import (
    ADMIN,
    ATTENDEE,
    CONTRIBUTOR,
    EXPERT,
    Actor,
    may_attend,
    require_account,
    require_admin,
    require_signed_in,
    require_staff,
)
from tests import factories
from tests.conftest import NOW


def actor(*roles: str, **values: Any) -> Actor:
    return Actor(
        user_id=1, calendar_id=1, name="A", email="a@example.org", roles=frozenset(roles), **values
    )


AGENDA = {"audience": "agenda:7"}
FLAGGED = {"must_change_password": True}


@pytest.mark.parametrize(
    ("who", "signed_in", "account", "staff", "admin"),
    [
        (None, *[Unauthenticated] * 4),
        (actor(ADMIN, **FLAGGED), *[MustChangePassword] * 4),
        (actor(ADMIN, **FLAGGED, **AGENDA), *[MustChangePassword] * 4),
        (actor(ADMIN, **AGENDA), None, NotAllowed, NotAllowed, NotAllowed),
        (actor(), None, None, NotAllowed, NotAllowed),
        (actor(ATTENDEE, EXPERT), None, None, NotAllowed, NotAllowed),
        (actor(CONTRIBUTOR), None, None, None, NotAllowed),
        (actor(ADMIN), None, None, None, None),
        (actor("admin"), None, None, NotAllowed, NotAllowed),
    ],
)
def test_each_door(
    who: Actor | None,
    signed_in: type[DomainError] | None,
    account: type[DomainError] | None,
    staff: type[DomainError] | None,
    admin: type[DomainError] | None,
) -> None:
    doors = {
        require_signed_in: signed_in,
        require_account: account,
        require_staff: staff,
        require_admin: admin,
    }
    for door, error in doors.items():
        if error is None:
            assert door(who) is who
        else:
            with pytest.raises(error) as refused:
                door(who)
            assert type(refused.value) is error


def test_an_agendas_sign_in_has_no_roles() -> None:
    assert not actor(ADMIN, **AGENDA).is_admin
    assert not actor(CONTRIBUTOR, **AGENDA).is_staff


def test_an_agendas_sign_in_attends_its_event_and_an_account_every_one() -> None:
    assert may_attend(actor(**AGENDA), 7)
    assert not may_attend(actor(**AGENDA), 70)
    assert may_attend(actor(), 70)


CLIENT = factories.client_named()
WANTED = reservations.Wanted(1, factories.period("2031-03-04T10:00Z", "2031-03-04T11:00Z"), "A")
# Every command that has an actor, called by one.
COMMANDS: dict[str, Callable[[Any], Any]] = {
    "book_appointment": lambda who: appointments.book_appointment(who, 1, NOW, CLIENT),
    "book_for_client": lambda who: appointments.book_for_client(who, 1, NOW, CLIENT),
    "book_seat": lambda who: seats.book_seat(who, 1),
    "release_seat": lambda who: seats.release_seat(who, 1),
    "join the waitlist": lambda who: waitlist.join(who, 1),
    "leave the waitlist": lambda who: waitlist.leave(who, 1),
    "reserve_room": lambda who: reservations.reserve_room(who, WANTED),
    "move_reservation": lambda who: reservations.move_reservation(who, "uid", WANTED),
    "reschedule_booking": lambda who: rescheduling.reschedule_booking(who, "uid", NOW),
    "get_booking": lambda who: bookings.get_booking(who, "uid"),
    "list_bookings": lambda who: bookings.list_bookings(who, page=1, page_size=1),
    "cancel_booking": lambda who: cancellation.cancel_booking(who, "uid"),
    "become_expert": experts.become_expert,
    "own_expert": experts.own_expert,
    "update_expert": lambda who: experts.update_expert(who, {}),
    "replace_availability": lambda who: experts.replace_availability(who, {}),
    "delete_expert": lambda who: experts.delete_expert(who, 1),
    "list_own": lambda who: event_types.list_own(who, page=1, page_size=1),
    "get_own": lambda who: event_types.get_own(who, 1),
    "create_event_type": lambda who: event_types.create_event_type(who, {}),
    "update_event_type": lambda who: event_types.update_event_type(who, 1, {}),
    "delete_event_type": lambda who: event_types.delete_event_type(who, 1),
    "create_event": lambda who: events.create_event(who, {}),
    "update_event": lambda who: events.update_event(who, "slug", {}),
    "delete_event": lambda who: events.delete_event(who, "slug"),
    "create_room": lambda who: rooms.create_room(who, {}),
    "update_room": lambda who: rooms.update_room(who, 1, {}),
    "delete_room": lambda who: rooms.delete_room(who, 1),
    "schedule_session": lambda who: event_sessions.schedule_session(who, "slug", {}),
    "move_event_session": lambda who: session_changes.move_event_session(who, 1, {}),
    "cancel_event_session": lambda who: event_sessions.cancel_event_session(who, 1),
    "topic_version": lambda who: agenda.topic_version(who, "slug"),
    "update_profile": lambda who: profiles.update_profile(who, name="A", time_zone="UTC"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_who_owes_a_new_password_is_refused_before_anything_else(
    context: Any, command: str
) -> None:
    with pytest.raises(MustChangePassword):
        COMMANDS[command](actor(ADMIN, EXPERT, **FLAGGED))


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "book_appointment"])
def test_a_guest_is_asked_to_sign_in_before_anything_else(context: Any, command: str) -> None:
    with pytest.raises(Unauthenticated):
        COMMANDS[command](None)
