"""Bookings of every kind: who reads them, what is in the lists, and how they are cancelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.extensions import db
from app.models import AuditEntry, Booking
from app.models.interval import Interval
from app.services import bookings, changes, seats
from app.services.appointments import book_appointment
from app.services.bookings import get_booking, list_bookings
from app.services.cancellation import cancel_booking
from app.services.errors import (
    Gone,
    InvalidInput,
    MustChangePassword,
    NotFound,
    Stale,
    Unauthenticated,
)
from app.services.rescheduling import reschedule_booking
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows
from tests.refusals import refusal

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
KINDS = ("appointment", "seat", "reservation")


def hours(number: int) -> timedelta:
    return timedelta(hours=number)


def make(kind: str, actor: Any, starts_at: datetime = TEN) -> str:
    """The uid of a booking of the actor's."""
    if kind == "appointment":
        host, _ = factories.make_expert()
        event_type = factories.make_event_type(host)
        client = factories.client_named()
        booking = book_appointment(actor, event_type.id, starts_at, client).booking
    elif kind == "seat":
        session = factories.make_session(starts_at=starts_at)
        booking = seats.book_seat(actor, session.id).booking
    else:
        period = Interval(starts_at, starts_at + hours(1))
        booking = reserve_room(actor, Wanted(factories.make_room().id, period, "A meeting"))
    return str(booking["uid"])


def host_of(uid: str) -> Any:
    """The actor who is the expert of an appointment."""
    return factories.actor_of(db.session.query(Booking).filter_by(uid=uid).one().expert.user)


def uids(actor: Any, **kwargs: Any) -> list[str]:
    found = list_bookings(actor, **{"page": 1, "page_size": 10, **kwargs})
    return [booking["uid"] for booking in found.items]


# -- reading -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_in_it_and_admins_read_it_and_strangers_do_not_know_of_it(kind: str) -> None:
    actor = factories.make_contributor()
    uid = make(kind, actor)
    assert get_booking(actor, uid)["uid"] == uid
    assert get_booking(factories.make_admin(), uid)["uid"] == uid
    refusal(NotFound, get_booking, factories.make_actor(), uid)
    refusal(Unauthenticated, get_booking, None, uid)
    refusal(MustChangePassword, get_booking, factories.make_admin(flagged=True), uid)


def test_staff_read_reservations_only() -> None:
    actor, staff = factories.make_contributor(), factories.make_contributor()
    assert get_booking(staff, make("reservation", actor))["kind"] == "reservation"
    refusal(NotFound, get_booking, staff, make("seat", actor, TEN + hours(2)))
    refusal(NotFound, get_booking, staff, make("appointment", actor, TEN + hours(4)))


def test_an_expert_reads_the_appointments_of_own_clients_only() -> None:
    uid = make("appointment", factories.make_actor())
    assert get_booking(host_of(uid), uid)["attendee"]["name"] == "Gwen Guest"
    refusal(NotFound, get_booking, factories.make_expert()[0], uid)


@pytest.mark.parametrize("kind", ["appointment", "seat"])
def test_the_attendee_is_shown_to_the_host_the_booker_and_admins(kind: str) -> None:
    actor = factories.make_actor()
    uid = make(kind, actor)
    readers = [actor, factories.make_admin()] + ([host_of(uid)] if kind == "appointment" else [])
    assert all("attendee" in get_booking(reader, uid) for reader in readers)
    row = bookings.find_row(uid)
    for stranger in (None, factories.make_actor(), factories.make_contributor()):
        shown = bookings.describe(row, stranger)
        assert "attendee" not in shown
        assert "gwen" not in str(shown).lower()
        assert actor.email not in str(shown)


def test_what_is_read_is_what_the_command_answered() -> None:
    for kind in KINDS:
        actor = factories.make_contributor()
        uid = make(kind, actor)
        assert get_booking(actor, uid) == told(uid)


def told(uid: str) -> dict[str, Any]:
    """The payload of a booking, built anew from what the command knew."""
    row = bookings.find_row(uid)
    assert row is not None
    new = bookings.new_row(**row._mapping)
    return bookings.describe(new, None, everything=True)


def test_an_agendas_sign_in_reads_the_seats_of_its_event_only() -> None:
    user = factories.make_user()
    actor = factories.actor_of(user)
    seat, other, appointment = (
        make("seat", actor),
        make("seat", actor, TEN + hours(2)),
        make("appointment", actor, TEN + hours(4)),
    )
    event_id = db.session.query(Booking).filter_by(uid=seat).one().event_session.event_id
    attendee = factories.actor_of(user, f"agenda:{event_id}")
    assert uids(attendee) == [seat]
    assert get_booking(attendee, seat)["attendee"]["email"] == actor.email
    refusal(NotFound, get_booking, attendee, other)
    refusal(NotFound, get_booking, attendee, appointment)
    refusal(NotFound, cancel_booking, attendee, appointment)
    assert cancel_booking(attendee, seat)["status"] == "cancelled"


# -- lists -------------------------------------------------------------------------------


def test_the_list_has_all_kinds_as_client_attendee_host_and_responsible_user() -> None:
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host)
    staff = replace(host, roles=host.roles | {"Contributor"})
    hosted = book_appointment(None, event_type.id, TEN, factories.client_named()).booking["uid"]
    own = [make(kind, staff, TEN + hours(2 + index)) for index, kind in enumerate(KINDS)]
    make("seat", factories.make_actor())
    assert uids(staff) == [hosted, *own]


def test_upcoming_and_past_cancelled_and_confirmed(at: Any) -> None:
    actor = factories.make_contributor()
    over, running, cancelled, later = (
        make("reservation", actor, TEN + hours(index)) for index in range(4)
    )
    cancel_booking(actor, cancelled)
    at(TEN + hours(1) + timedelta(minutes=30))
    assert uids(actor) == [over, running, later]
    assert uids(actor, when="upcoming") == [running, later]
    assert uids(actor, when="past") == [over]
    assert uids(actor, status="cancelled") == [cancelled]
    at(TEN + hours(2))  # what ends now is over
    assert uids(actor, when="past") == [running, over]
    assert uids(factories.make_admin()) == []


def test_the_list_pages() -> None:
    actor = factories.make_contributor()
    made = [make("reservation", actor, TEN + hours(index)) for index in range(3)]
    page = list_bookings(actor, page=2, page_size=2)
    assert (page.page, page.page_size, page.total) == (2, 2, 3)
    assert [booking["uid"] for booking in page.items] == made[2:]
    assert uids(actor, page=9) == []


@pytest.mark.parametrize("wrong", [{"when": "now"}, {"status": "maybe"}])
def test_unknown_filters_are_refusal(wrong: dict[str, str]) -> None:
    refusal(InvalidInput, uids, factories.make_actor(), **wrong)


def test_lists_need_a_sign_in() -> None:
    refusal(Unauthenticated, uids, None)
    refusal(MustChangePassword, uids, factories.make_actor(flagged=True))


# -- cancelling --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancelled_booking_frees_its_time_and_keeps_its_uid(
    kind: str, published: list[changes.Change]
) -> None:
    actor = factories.make_contributor()
    uid = make(kind, actor)
    published.clear()
    shown = cancel_booking(actor, uid, reason="Ill", version=1)
    assert (shown["uid"], shown["status"]) == (uid, "cancelled")
    assert (shown["version"], shown["sequence"]) == (2, 1)
    row = rows.booking(uid)
    assert row.cancel_reason == "Ill"
    assert row.cancelled_at == bookings.clock.now()
    assert rows.busy(actor.calendar_id) == []
    assert rows.count(bookings.Booking) == 1
    told = [each for each in published if isinstance(each, changes.BookingChanged)]
    assert [(each.name, each.kind) for each in told] == [("bookingCancelled", kind)]
    assert told[0].booking is not None
    assert (told[0].booking["status"], told[0].booking["version"]) == ("cancelled", 2)


@pytest.mark.parametrize("kind", KINDS)
def test_cancelling_twice_is_one_cancellation(kind: str, published: list[Any]) -> None:
    actor = factories.make_contributor()
    uid = make(kind, actor)
    first = cancel_booking(actor, uid, reason="Ill")
    mails, told, version = rows.mails(), list(published), rows.version(actor.calendar_id)
    assert cancel_booking(actor, uid, reason="Again", version=1) == first
    assert (rows.mails(), published) == (mails, told)
    assert rows.version(actor.calendar_id) == version
    assert rows.booking(uid).cancel_reason == "Ill"


def test_cancelled_meanwhile_is_one_cancellation_too(meanwhile: Any) -> None:
    actor, session = factories.make_actor(), factories.make_session()
    uid = seats.book_seat(actor, session.id).booking["uid"]
    meanwhile(lambda: seats.release_seat(actor, session.id))
    assert cancel_booking(actor, uid)["version"] == 2
    assert (rows.seats_taken(session.id), len(rows.mails())) == (0, 2)


def test_host_and_client_cancel_an_appointment_and_both_are_told() -> None:
    client = factories.make_actor()
    uid = make("appointment", client)
    host = host_of(uid)
    cancel_booking(host, uid, reason="I am ill")
    assert rows.mails()[2:] == [
        ("appointment_cancelled", "gwen@example.org"),
        ("appointment_cancelled_host", host.email),
    ]
    assert rows.busy(host.calendar_id) == []
    assert rows.busy(client.calendar_id) == []


@pytest.mark.parametrize("kind", KINDS)
def test_strangers_and_flagged_users_cancel_nothing(kind: str) -> None:
    user = factories.make_user("Contributor")
    uid = make(kind, factories.actor_of(user))
    refusal(NotFound, cancel_booking, factories.make_actor(), uid)
    refusal(NotFound, cancel_booking, factories.make_actor(), "no-such-uid")
    refusal(Unauthenticated, cancel_booking, None, uid)
    user.must_change_password = True
    refusal(MustChangePassword, cancel_booking, factories.actor_of(user), uid)
    db.session.rollback()
    assert rows.booking(uid).status == "confirmed"


@pytest.mark.parametrize("kind", KINDS)
def test_an_admin_cancels_everything(kind: str) -> None:
    admin = factories.make_admin()
    uid = make(kind, factories.make_contributor())
    assert cancel_booking(admin, uid)["status"] == "cancelled"
    entry = db.session.query(AuditEntry).filter_by(object_id=uid, action="cancel").one()
    assert entry.actor_id == admin.user_id


def test_an_old_version_is_stale() -> None:
    actor = factories.make_contributor()
    uid = make("reservation", actor)
    refusal(Stale, cancel_booking, actor, uid, version=2)
    reschedule_booking(actor, uid, TEN + hours(1))
    refusal(Stale, cancel_booking, actor, uid, version=1)
    assert rows.booking(uid).status == "confirmed"


def test_what_is_over_is_not_cancelled(at: Any) -> None:
    actor = factories.make_contributor()
    uid = make("reservation", actor)
    at(TEN + hours(1) - timedelta(seconds=1))
    running = make("reservation", actor, TEN + hours(1))
    at(TEN + hours(1))
    refusal(Gone, cancel_booking, actor, uid)
    assert cancel_booking(actor, running)["status"] == "cancelled"


def test_a_reason_has_its_limit() -> None:
    actor = factories.make_contributor()
    uid = make("reservation", actor)
    refusal(InvalidInput, cancel_booking, actor, uid, reason="x" * 1001)
    assert cancel_booking(actor, uid, reason="x" * 1000)["status"] == "cancelled"
