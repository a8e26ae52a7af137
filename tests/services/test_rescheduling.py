"""Moving a booking by its uid, whatever its kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEntry, OutboxMessage
from app.models.interval import Interval
from app.services import bookings, hour_events, minutes, seats
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.errors import (
    DomainError,
    Gone,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Stale,
    Unauthenticated,
)
from app.services.rescheduling import reschedule_booking
from app.services.reservations import (
    Wanted,
    change_reservation,
    move_reservation,
    reserve_room,
)
from app.services.series_changes import change_series
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)


def make_appointment(client: Any = None) -> tuple[Any, str]:
    """An appointment at ten: its host and its uid."""
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host)
    booked = book_appointment(client, event_type.id, TEN, factories.client_named())
    return host, booked.booking["uid"]


def make_reservation(staff: Any) -> str:
    period = Interval(TEN, TEN + timedelta(minutes=50))
    return str(reserve_room(staff, Wanted(factories.make_room().id, period, "A", "Live"))["uid"])


def refused(error: type[DomainError], actor: Any, uid: str, **kwargs: Any) -> None:
    with pytest.raises(error) as refusal:
        reschedule_booking(actor, uid, ELEVEN, **kwargs)
    assert type(refusal.value) is error


def test_client_and_host_move_an_appointment() -> None:
    client = factories.make_actor()
    host, uid = make_appointment(client)
    assert reschedule_booking(client, uid, ELEVEN)["starts_at"] == "2031-03-04T11:00:00Z"
    assert reschedule_booking(host, uid, TEN, version=2)["sequence"] == 2


def test_the_reason_is_mailed_to_the_other_side_alone() -> None:
    def reasons() -> dict[str, str]:
        newest = db.session.execute(
            select(OutboxMessage.template, OutboxMessage.context)
            .where(OutboxMessage.template.startswith("appointment_rescheduled"))
            .order_by(OutboxMessage.id.desc())
            .limit(2)
        )
        return {row.template: row.context["reason"] for row in newest}

    client = factories.make_actor()
    host, uid = make_appointment(client)
    # Anybody can book with a stranger's address: what a client types goes to the host only.
    reschedule_booking(client, uid, ELEVEN, reason="A dentist.")
    assert reasons() == {
        "appointment_rescheduled": "",
        "appointment_rescheduled_host": "A dentist.",
    }
    reschedule_booking(host, uid, TEN, reason="A strike.")
    assert reasons()["appointment_rescheduled"] == "A strike."
    refused(InvalidInput, host, uid, reason="x" * 1001)


def test_what_is_there_already_is_not_moved(published: Any) -> None:
    """The same booking comes back, and nobody hears of it."""
    client, staff = factories.make_actor(), factories.make_contributor()
    host, appointment = make_appointment(client)
    before = {
        appointment: bookings.get_booking(client, appointment),
        (reservation := make_reservation(staff)): bookings.get_booking(staff, reservation),
    }
    published.clear()
    kept = (rows.mails(), rows.count(AuditEntry), rows.version(host.calendar_id))
    assert reschedule_booking(client, appointment, TEN, version=1) == before[appointment]
    assert reschedule_booking(host, appointment, TEN)["version"] == 1
    assert reschedule_booking(staff, reservation, TEN) == before[reservation]
    same = {"title": " A", "ends_at": TEN + timedelta(minutes=50), "event_type": "Live"}
    assert change_reservation(staff, reservation, same, version=1) == before[reservation]
    assert change_series(staff, reservation, same, "one").bookings == [before[reservation]]
    frame = hour_events.Frame(date(2031, 3, 4), 11, 0, 50)  # local to Berlin
    number = minutes.event_id(reservation)
    assert hour_events.reschedule_event(staff, number, frame) == before[reservation]
    assert (rows.mails(), rows.count(AuditEntry), rows.version(host.calendar_id)) == kept
    assert published == []
    with pytest.raises(Stale):
        reschedule_booking(client, appointment, TEN, version=0)
    cancel_booking(client, appointment)
    with pytest.raises(Gone):
        reschedule_booking(client, appointment, TEN)


def test_a_moved_reservation_keeps_all_but_its_time() -> None:
    staff = factories.make_contributor()
    uid = make_reservation(staff)
    before = rows.booking(uid)
    moved = reschedule_booking(staff, uid, ELEVEN)
    assert (moved["starts_at"], moved["ends_at"]) == (
        "2031-03-04T11:00:00Z",
        "2031-03-04T11:50:00Z",
    )
    after = rows.booking(uid)
    assert (after.title, after.room_id, after.user_id, after.reservation_type) == (
        before.title,
        before.room_id,
        before.user_id,
        before.reservation_type,
    )


def test_a_change_made_meanwhile_is_not_undone(meanwhile: Any) -> None:
    staff = factories.make_contributor()
    uid = make_reservation(staff)
    room_id = rows.booking(uid).room_id
    renamed = Wanted(room_id, Interval(TEN, ELEVEN), "Renamed")
    meanwhile(lambda: move_reservation(staff, uid, renamed))
    refused(Stale, staff, uid)
    assert rows.booking(uid).title == "Renamed"


def test_a_seats_time_is_its_sessions() -> None:
    actor = factories.make_actor()
    uid = seats.book_seat(actor, factories.make_session().id).booking["uid"]
    refused(InvalidInput, actor, uid)


def test_an_old_version_is_stale() -> None:
    client, staff = factories.make_actor(), factories.make_contributor()
    for actor, uid in [(client, make_appointment(client)[1]), (staff, make_reservation(staff))]:
        refused(Stale, actor, uid, version=2)
        assert reschedule_booking(actor, uid, ELEVEN, version=1)["version"] == 2
        refused(Stale, actor, uid, version=1)


def test_what_is_cancelled_is_gone() -> None:
    client, staff = factories.make_actor(), factories.make_contributor()
    for actor, uid in [(client, make_appointment(client)[1]), (staff, make_reservation(staff))]:
        cancel_booking(actor, uid)
        refused(Gone, actor, uid)


def test_strangers_do_not_know_of_it_and_guests_sign_in() -> None:
    _, uid = make_appointment()
    refused(NotFound, factories.make_actor(), uid)
    refused(NotFound, factories.make_contributor(), uid)
    refused(NotFound, factories.make_actor(), "no-such-uid")
    refused(Unauthenticated, None, uid)
    refused(MustChangePassword, factories.make_admin(flagged=True), uid)
    reservation = make_reservation(factories.make_contributor())
    refused(NotFound, factories.make_actor(), reservation)
    refused(NotAllowed, factories.make_contributor(), reservation)


def test_an_agendas_sign_in_moves_no_appointment() -> None:
    user = factories.make_user()
    _, uid = make_appointment(factories.actor_of(user))
    refused(NotFound, factories.actor_of(user, "agenda:1"), uid)
