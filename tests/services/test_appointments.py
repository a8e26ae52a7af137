"""Appointments: who and what they occupy, and every reason why one is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.extensions import db
from app.models import AuditEntry, Booking
from app.models.interval import Interval
from app.services import appointments, changes, clock, event_types, experts, guarantees, seats
from app.services.appointments import Client, book_appointment
from app.services.bookings import find_row
from app.services.errors import (
    DomainError,
    Gone,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    NotOffered,
    Overlap,
    SlotTaken,
)
from app.services.guests import cancel
from app.services.manage_links import manage_token, token_hash
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows
from tests.conftest import NOW
from tests.refusals import refusal

pytestmark = pytest.mark.usefixtures("context")

# Tuesday, 11:00 in Berlin, whose hours are 07:00Z to 16:00Z.
TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def span(start: int, end: int) -> Interval:
    """Minutes from `TEN`."""
    return Interval(TEN + minutes(start), TEN + minutes(end))


def book(
    event_type_id: int, starts_at: datetime = TEN, actor: Any = None, **kwargs: Any
) -> dict[str, Any]:
    client = kwargs.pop("client", factories.client_named())
    return book_appointment(actor, event_type_id, starts_at, client, **kwargs).booking


def make_offer(**values: Any) -> tuple[Any, int]:
    """An expert, and the id of an event type of theirs."""
    host, _ = factories.make_expert()
    return host, factories.make_event_type(host, **values).id


# -- booked ------------------------------------------------------------------------------


def test_a_guests_booking_in_full() -> None:
    host, expert = factories.make_expert(name="Mara")
    event_type = factories.make_event_type(
        host, location={"kind": "in_person", "detail": "Café Central"}
    )
    client = Client(" Gwen  Guest ", "Gwen@Example.ORG", " +49 30 1 ", "Two\nlines ", "Asia/Tokyo")
    booking = book(event_type.id, client=client)
    assert booking == {
        "uid": booking["uid"],
        "kind": "appointment",
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "title": "Consultation",
        "starts_at": "2031-03-04T10:00:00Z",
        "ends_at": "2031-03-04T10:30:00Z",
        "location": "Café Central",
        "meeting_url": None,
        "ics_url": f"http://localhost/api/bookings/{booking['uid']}.ics",
        "expert": {"slug": expert.slug, "name": "Mara"},
        "event_type": {"id": event_type.id, "slug": "consultation", "title": "Consultation"},
        "time_zone": "Asia/Tokyo",
        "attendee": {
            "name": "Gwen Guest",
            "email": "gwen@example.org",
            "phone": "+49 30 1",
            "notes": "Two\nlines",
        },
    }
    assert rows.mails() == [
        ("appointment_confirmed", "gwen@example.org"),
        ("appointment_confirmed_host", host.email),
    ]
    assert rows.booking(booking["uid"]).user_id is None


def test_the_link_is_kept_hashed() -> None:
    _, event_type_id = make_offer()
    uid = book(event_type_id)["uid"]
    token = manage_token(uid)
    row = rows.booking(uid)
    assert row.manage_token_hash == token_hash(token)
    assert len(row.manage_token_hash) == 64
    assert all(token not in str(value) for value in row)
    assert len(token) == 43  # 256 bits


def test_it_occupies_the_host_with_buffers_the_client_and_the_room_without() -> None:
    room = factories.make_room()
    host, event_type_id = make_offer(
        room_id=room.id, buffer_before_minutes=10, buffer_after_minutes=20
    )
    client = factories.make_actor()
    book(event_type_id, actor=client)
    assert rows.busy(host.calendar_id) == [span(-10, 50)]
    assert rows.busy(client.calendar_id) == [span(0, 30)]
    assert rows.busy(rows.room_calendar(room.id)) == [span(0, 30)]


def test_buffers_of_neighbours_add_up() -> None:
    _, event_type_id = make_offer(
        buffer_before_minutes=10, buffer_after_minutes=5, slot_step_minutes=5
    )
    book(event_type_id)
    refusal(SlotTaken, lambda: book(event_type_id, TEN + minutes(40)))
    refusal(SlotTaken, lambda: book(event_type_id, TEN - minutes(40)))
    book(event_type_id, TEN + minutes(45))
    book(event_type_id, TEN - minutes(45))


def test_appointments_that_touch_are_both_booked() -> None:
    host, event_type_id = make_offer()
    book(event_type_id), book(event_type_id, TEN + minutes(30))
    assert rows.busy(host.calendar_id) == [span(0, 30), span(30, 60)]


def test_booking_oneself_occupies_one_calendar_once() -> None:
    host, event_type_id = make_offer(buffer_after_minutes=15)
    book(event_type_id, actor=host)
    assert rows.busy(host.calendar_id) == [span(0, 45)]


def test_an_online_place_gets_a_link() -> None:
    _, event_type_id = make_offer(location={"kind": "jitsi"})
    one, other = book(event_type_id), book(event_type_id, TEN + minutes(30))
    assert one["location"] == "Jitsi Meet"
    assert one["meeting_url"].startswith("https://meet.jit.si/rendezvous-")
    assert one["meeting_url"] != other["meeting_url"]


def test_an_admin_books_for_a_client_as_that_guest_would_have() -> None:
    host, event_type_id = make_offer()
    admin = factories.make_admin()
    booked = appointments.book_for_client(admin, event_type_id, TEN, factories.client_named())
    row = rows.booking(booked.booking["uid"])
    assert (row.user_id, row.attendee_email) == (None, "gwen@example.org")
    assert rows.busy(admin.calendar_id) == []
    entry = db.session.query(AuditEntry).filter_by(object_id=row.uid).one()
    assert entry.actor_id == admin.user_id
    for actor in (host, factories.make_contributor()):
        with pytest.raises(NotAllowed):
            appointments.book_for_client(actor, event_type_id, TEN, factories.client_named())


# -- refused: the form -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "field"),
    [
        (Client(" ", "gwen@example.org"), "name"),
        (Client("x" * 129, "gwen@example.org"), "name"),
        (Client("Gwen", "not-an-address"), "email"),
        (Client("Gwen", ""), "email"),
        (Client("Gwen", "gwen@example.org", phone="1" * 41), "phone"),
        (Client("Gwen", "gwen@example.org", notes="x" * 5001), "notes"),
        (Client("Gwen", "gwen@example.org", notes="\0"), "notes"),
        (Client("Gwen", "gwen@example.org", time_zone="Mars/Olympus"), "time_zone"),
    ],
)
def test_what_a_client_wrote_is_checked(client: Client, field: str) -> None:
    _, event_type_id = make_offer()
    error = refusal(InvalidInput, lambda: book(event_type_id, client=client))
    assert list(error.extra["errors"]) == [field]
    assert rows.count(Booking) == 0


def test_all_wrong_fields_are_named_at_once() -> None:
    _, event_type_id = make_offer()
    error = refusal(InvalidInput, lambda: book(event_type_id, client=Client("", "", "1" * 41)))
    assert list(error.extra["errors"]) == ["name", "email", "phone"]


def test_a_guest_replaces_nothing() -> None:
    _, event_type_id = make_offer()
    error = refusal(InvalidInput, lambda: book(event_type_id, replace=["some-uid"]))
    assert list(error.extra["errors"]) == ["replace"]


# -- refused: the rules --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "starts_at", "values"),
    [
        ("past", NOW - timedelta(days=3), {}),
        ("notice", NOW + minutes(60), {"minimum_notice_minutes": 61}),
        ("horizon", NOW + timedelta(days=3, hours=4), {"horizon_days": 2}),
        ("hours", TEN.replace(hour=6), {}),
        ("hours", TEN.replace(hour=15, minute=45), {}),
        ("hours", datetime(2031, 3, 8, 10, tzinfo=UTC), {}),
        ("step", TEN + minutes(15), {}),
    ],
)
def test_a_start_that_is_no_slot_is_not_offered(
    rule: str, starts_at: datetime, values: dict[str, Any]
) -> None:
    host, event_type_id = make_offer(**values)
    error = refusal(NotOffered, lambda: book(event_type_id, starts_at))
    assert error.extra == {"rule": rule}
    assert error.detail
    assert error.detail != NotOffered.detail
    assert (rows.busy(host.calendar_id), rows.mails()) == ([], [])


def test_a_day_off_is_not_offered() -> None:
    host, event_type_id = make_offer()
    experts.replace_availability(
        host,
        {
            "weekly": [{"weekday": 1, "start": "08:00", "end": "17:00"}],
            "overrides": [{"date": "2031-03-04", "intervals": []}],
        },
    )
    error = refusal(NotOffered, lambda: book(event_type_id))
    assert error.extra == {"rule": "override"}


def test_the_daily_limit_counts_confirmed_ones_of_this_type_on_the_hosts_day() -> None:
    host, event_type_id = make_offer(daily_limit=2)
    other_type = factories.make_event_type(host, title="Other", slot_step_minutes=30).id
    book(other_type, TEN - minutes(60))
    first = book(event_type_id)
    book(event_type_id, TEN + minutes(30))
    error = refusal(NotOffered, lambda: book(event_type_id, TEN + minutes(60)))
    assert error.extra == {"rule": "daily_limit"}
    book(event_type_id, TEN + timedelta(days=1))
    cancel(manage_token(first["uid"]))
    book(event_type_id, TEN + minutes(60))


def test_the_daily_limit_does_not_count_what_is_replaced() -> None:
    _, event_type_id = make_offer(daily_limit=1)
    client = factories.make_actor()
    first = book(event_type_id, actor=client)
    second = book(event_type_id, TEN + minutes(60), client, replace=[first["uid"]])
    assert second["starts_at"] == "2031-03-04T11:00:00Z"


def test_an_inactive_type_is_gone_and_an_unknown_one_not_found() -> None:
    host, event_type_id = make_offer()
    event_types.update_event_type(host, event_type_id, {"is_active": False})
    refusal(Gone, lambda: book(event_type_id))
    refusal(NotFound, lambda: book(999_999))


def test_who_owes_a_password_or_has_an_agendas_sign_in_books_no_appointment() -> None:
    _, event_type_id = make_offer()
    flagged = factories.make_actor(flagged=True)
    refusal(MustChangePassword, lambda: book(event_type_id, actor=flagged))
    attendee = factories.actor_of(factories.make_user(), "agenda:1")
    refusal(NotAllowed, lambda: book(event_type_id, actor=attendee))


# -- refused: taken ------------------------------------------------------------------------


def test_a_taken_slot_names_the_nearest_free_starts() -> None:
    host, event_type_id = make_offer()
    book(event_type_id)
    book(event_type_id, TEN + minutes(30))
    error = refusal(SlotTaken, lambda: book(event_type_id))
    assert error.extra == {
        "alternatives": [
            "2031-03-04T09:30:00Z",
            "2031-03-04T09:00:00Z",
            "2031-03-04T11:00:00Z",
            "2031-03-04T08:30:00Z",
            "2031-03-04T11:30:00Z",
        ]
    }
    assert len(rows.busy(host.calendar_id)) == 2


def test_a_slot_taken_after_the_first_look_is_refused_alike(meanwhile: Any) -> None:
    host, event_type_id = make_offer()
    meanwhile(lambda: book(event_type_id))
    refusal(SlotTaken, lambda: book(event_type_id, client=Client("Late", "late@example.org")))
    assert rows.busy(host.calendar_id) == [span(0, 30)]
    assert ("appointment_confirmed", "late@example.org") not in rows.mails()


def test_an_expert_who_speaks_is_not_bookable() -> None:
    host, event_type_id = make_offer()
    factories.make_session(starts_at=TEN, speakers=[{"name": "H", "user_id": host.user_id}])
    error = refusal(SlotTaken, lambda: book(event_type_id, TEN + minutes(30)))
    assert "2031-03-04T10:00:00Z" not in error.extra["alternatives"]
    book(event_type_id, TEN + minutes(60))


def test_an_expert_who_is_responsible_for_a_room_is_not_bookable() -> None:
    host, event_type_id = make_offer()
    wanted = Wanted(factories.make_room().id, span(0, 30), "A meeting", None, host.user_id)
    reserve_room(factories.make_admin(), wanted)
    refusal(SlotTaken, lambda: book(event_type_id))


def test_an_expert_who_sits_in_a_session_is_not_bookable() -> None:
    host, event_type_id = make_offer()
    seats.book_seat(host, factories.make_session(starts_at=TEN).id)
    refusal(SlotTaken, lambda: book(event_type_id))


def test_an_occupied_room_is_a_taken_slot() -> None:
    room = factories.make_room()
    host, event_type_id = make_offer(room_id=room.id)
    factories.make_session(starts_at=TEN, room_id=room.id, minutes=30)
    error = refusal(SlotTaken, lambda: book(event_type_id))
    assert "2031-03-04T10:00:00Z" not in error.extra["alternatives"]
    assert rows.busy(host.calendar_id) == []


def test_the_room_of_an_appointment_is_taken_for_everybody_else() -> None:
    room = factories.make_room()
    _, event_type_id = make_offer(room_id=room.id)
    _, other_type_id = make_offer(room_id=room.id)
    book(event_type_id)
    refusal(SlotTaken, lambda: book(other_type_id))
    staff = factories.make_contributor()
    error = refusal(Overlap, lambda: reserve_room(staff, Wanted(room.id, span(0, 30), "A meeting")))
    assert error.extra["conflicts"] == [
        {"starts_at": "2031-03-04T10:00:00Z", "ends_at": "2031-03-04T10:30:00Z"}
    ]


def test_own_and_foreign_in_the_way_at_once_is_taken() -> None:
    _, event_type_id = make_offer()
    client = factories.make_actor()
    seats.book_seat(client, factories.make_session(starts_at=TEN).id)
    book(event_type_id)
    error = refusal(SlotTaken, lambda: book(event_type_id, actor=client))
    # Nor are times near by that the client spends in the session.
    assert error.extra["alternatives"] == [
        "2031-03-04T09:30:00Z",
        "2031-03-04T09:00:00Z",
        "2031-03-04T11:00:00Z",
        "2031-03-04T08:30:00Z",
        "2031-03-04T11:30:00Z",
    ]


# -- the client's own time -------------------------------------------------------------------


def test_an_own_booking_of_the_time_is_an_overlap_in_full() -> None:
    _, event_type_id = make_offer()
    client, session = factories.make_actor(), factories.make_session(starts_at=TEN)
    uid = seats.book_seat(client, session.id).booking["uid"]
    error = refusal(Overlap, lambda: book(event_type_id, actor=client))
    assert error.extra == {
        "conflicts": [
            {
                "uid": uid,
                "kind": "seat",
                "title": session.title,
                "starts_at": "2031-03-04T10:00:00Z",
                "ends_at": "2031-03-04T11:00:00Z",
            }
        ]
    }
    booked = book_appointment(client, event_type_id, TEN, factories.client_named(), replace=[uid])
    assert booked.replaced == [uid]
    assert rows.busy(client.calendar_id) == [span(0, 30)]
    assert rows.seats_taken(session.id) == 0


def test_a_client_who_speaks_then_has_an_overlap_too() -> None:
    _, event_type_id = make_offer()
    client = factories.make_actor()
    talk = factories.make_session(
        starts_at=TEN, speakers=[{"name": "C", "user_id": client.user_id}]
    )
    error = refusal(Overlap, lambda: book(event_type_id, actor=client))
    assert [(each["kind"], each["title"]) for each in error.extra["conflicts"]] == [
        ("event_session", talk.title)
    ]


def test_a_client_who_is_a_host_then_has_an_overlap_too() -> None:
    _, event_type_id = make_offer()
    client, own_type_id = make_offer()
    uid = book(own_type_id)["uid"]
    error = refusal(Overlap, lambda: book(event_type_id, actor=client))
    assert [each["uid"] for each in error.extra["conflicts"]] == [uid]


def test_one_host_at_the_same_time_again_is_an_overlap_with_oneself() -> None:
    _, event_type_id = make_offer()
    client = factories.make_actor()
    uid = book(event_type_id, actor=client)["uid"]
    error = refusal(Overlap, lambda: book(event_type_id, actor=client))
    assert [each["uid"] for each in error.extra["conflicts"]] == [uid]
    booked = book_appointment(client, event_type_id, TEN, factories.client_named(), replace=[uid])
    assert booked.booking["uid"] != uid


@pytest.mark.parametrize("reason", ["taken", "not offered"])
def test_the_old_booking_stands_when_the_time_is_not_to_be_had(reason: str) -> None:
    _, event_type_id = make_offer()
    client, session = factories.make_actor(), factories.make_session(starts_at=TEN)
    uid = seats.book_seat(client, session.id).booking["uid"]
    if reason == "taken":
        book(event_type_id)
        refusal(SlotTaken, lambda: book(event_type_id, actor=client, replace=[uid]))
    else:
        odd = TEN + minutes(1)
        refusal(NotOffered, lambda: book(event_type_id, odd, client, replace=[uid]))
    assert (rows.booking(uid).status, rows.booking(uid).version) == ("confirmed", 1)
    assert rows.busy(client.calendar_id) == [span(0, 60)]
    assert rows.seats_taken(session.id) == 1


# -- moved -----------------------------------------------------------------------------------


def move(uid: str, starts_at: datetime, actor: Any = None, **kwargs: Any) -> dict[str, Any]:
    return appointments.reschedule_appointment(actor, find_row(uid), starts_at, **kwargs)


def test_a_moved_appointment_keeps_its_uid_and_raises_sequence_and_version(
    published: list[changes.Change],
) -> None:
    room = factories.make_room()
    host, event_type_id = make_offer(room_id=room.id, buffer_after_minutes=10)
    client = factories.make_actor()
    uid = book(event_type_id, actor=client)["uid"]
    published.clear()
    moved = move(uid, TEN + minutes(60), client)
    assert (moved["uid"], moved["sequence"], moved["version"]) == (uid, 1, 2)
    assert (moved["starts_at"], moved["ends_at"]) == (
        "2031-03-04T11:00:00Z",
        "2031-03-04T11:30:00Z",
    )
    assert rows.busy(host.calendar_id) == [span(60, 100)]
    assert rows.busy(client.calendar_id) == [span(60, 90)]
    assert rows.busy(rows.room_calendar(room.id)) == [span(60, 90)]
    assert [template for template, _ in rows.mails()[2:]] == [
        "appointment_rescheduled",
        "appointment_rescheduled_host",
    ]
    (change,) = published
    assert isinstance(change, changes.BookingChanged)
    assert (change.name, change.period, change.previous) == (
        "bookingRescheduled",
        span(60, 90),
        span(0, 30),
    )
    assert (move(uid, TEN, client)["sequence"], rows.booking(uid).version) == (2, 3)


def test_an_appointment_may_move_over_itself() -> None:
    host, event_type_id = make_offer(slot_step_minutes=15)
    uid = book(event_type_id)["uid"]
    move(uid, TEN + minutes(15))
    assert rows.busy(host.calendar_id) == [span(15, 45)]


def test_of_two_moves_from_the_same_look_the_second_is_stale() -> None:
    host, event_type_id = make_offer()
    uid = book(event_type_id)["uid"]
    looked = find_row(uid)
    move(uid, TEN + minutes(60), version=1)
    for version in (None, 1):
        with pytest.raises(DomainError) as refused:
            appointments.reschedule_appointment(None, looked, TEN + minutes(90), version=version)
        assert refused.value.code == "stale"
    with pytest.raises(DomainError) as refused:
        move(uid, TEN + minutes(90), version=1)
    assert refused.value.code == "stale"
    assert rows.busy(host.calendar_id) == [span(60, 90)]


def test_a_move_is_judged_like_a_booking() -> None:
    _, event_type_id = make_offer()
    client = factories.make_actor()
    uid = book(event_type_id, actor=client)["uid"]
    book(event_type_id, TEN + minutes(60))
    error = refusal(SlotTaken, lambda: move(uid, TEN + minutes(60), client))
    # Its own time counts as free.
    assert error.extra["alternatives"] == [
        "2031-03-04T10:30:00Z",
        "2031-03-04T11:30:00Z",
        "2031-03-04T10:00:00Z",
        "2031-03-04T12:00:00Z",
        "2031-03-04T09:30:00Z",
    ]
    assert refusal(NotOffered, lambda: move(uid, TEN + minutes(1), client)).extra == {
        "rule": "step"
    }
    later = TEN + minutes(90)
    seat = seats.book_seat(client, factories.make_session(starts_at=later, minutes=30).id).booking
    error = refusal(Overlap, lambda: move(uid, later, client))
    assert [conflict["uid"] for conflict in error.extra["conflicts"]] == [seat["uid"]]
    assert (rows.booking(uid).starts_at, rows.booking(uid).version) == (TEN, 1)


def test_a_client_who_is_busy_then_is_not_moved_and_the_time_not_named_as_free() -> None:
    host, event_type_id = make_offer()
    client, later = factories.make_actor(), TEN + minutes(60)
    uid = book(event_type_id, actor=client)["uid"]
    seats.book_seat(client, factories.make_session(starts_at=later, minutes=30).id)
    error = refusal(SlotTaken, lambda: move(uid, later, host))
    assert clock.rfc3339(later) not in error.extra["alternatives"]


def test_what_is_cancelled_or_over_is_not_moved(at: Any) -> None:
    _, event_type_id = make_offer()
    over, cancelled = book(event_type_id)["uid"], book(event_type_id, TEN + minutes(60))["uid"]
    cancel(manage_token(cancelled))
    refusal(Gone, lambda: move(cancelled, TEN + minutes(120)))
    at(TEN + minutes(30))
    refusal(Gone, lambda: move(over, TEN + minutes(120)))


def test_a_move_keeps_the_daily_limit_of_its_own_day() -> None:
    _, event_type_id = make_offer(daily_limit=1)
    uid = book(event_type_id)["uid"]
    move(uid, TEN + minutes(60))
    next_day = TEN + timedelta(days=1)
    book(event_type_id, next_day)
    error = refusal(NotOffered, lambda: move(uid, next_day + minutes(60)))
    assert error.extra == {"rule": "daily_limit"}


def test_a_move_takes_the_room_that_the_type_has_by_now() -> None:
    old, new = factories.make_room(), factories.make_room()
    host, event_type_id = make_offer(room_id=old.id)
    uid = book(event_type_id)["uid"]
    event_types.update_event_type(host, event_type_id, {"room_id": new.id})
    moved = move(uid, TEN + minutes(60))
    assert moved["room"] == {"id": new.id, "name": new.name}
    assert rows.busy(rows.room_calendar(old.id)) == []
    assert rows.busy(rows.room_calendar(new.id)) == [span(60, 90)]
    assert guarantees.find_breaches() == []
