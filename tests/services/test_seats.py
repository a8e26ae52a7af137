"""Seats: booked, refused with what is near, replaced all or nothing, released."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.extensions import db
from app.models import AuditEntry, Booking, EventSession
from app.models.interval import Interval
from app.services import (
    bookings,
    changes,
    event_sessions,
    guarantees,
    seats,
    session_changes,
    waitlist,
)
from app.services.appointments import book_appointment
from app.services.errors import (
    Busy,
    DomainError,
    Gone,
    InvalidInput,
    MustChangePassword,
    NotFound,
    Overlap,
    SessionFull,
    Stale,
    Unauthenticated,
)
from app.services.reservations import Wanted, reserve_room
from tests import factories, refusals, rows
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")


def refusal(error: type[DomainError], *args: Any, **kwargs: Any) -> DomainError:
    return refusals.refusal(error, seats.book_seat, *args, **kwargs)


def test_a_seat_occupies_its_attendee_and_is_counted() -> None:
    session, actor = factories.make_session(capacity=2), factories.make_actor()
    booked = seats.book_seat(actor, session.id)
    assert (booked.created, booked.replaced) == (True, [])
    assert booked.booking == {
        "uid": booked.booking["uid"],
        "kind": "seat",
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "title": session.title,
        "starts_at": "2031-03-04T10:00:00Z",
        "ends_at": "2031-03-04T11:00:00Z",
        "location": session.room.name,
        "meeting_url": None,
        "ics_url": f"http://localhost/api/bookings/{booked.booking['uid']}.ics",
        "event_session": {
            "id": session.id,
            "title": session.title,
            "room": {"id": session.room_id, "name": session.room.name},
        },
        "event": {"slug": session.event.slug, "title": "An event"},
        "room": {"id": session.room_id, "name": session.room.name},
        "attendee": {"name": actor.name, "email": actor.email, "phone": "", "notes": ""},
    }
    assert rows.busy(actor.calendar_id) == [Interval(session.starts_at, session.ends_at)]
    assert rows.seats_taken(session.id) == 1
    assert rows.mails() == [("seat_confirmed", actor.email)]


def test_a_second_click_gives_the_same_booking_back() -> None:
    session, actor = factories.make_session(), factories.make_actor()
    first = seats.book_seat(actor, session.id)
    again = seats.book_seat(actor, session.id)  # though the session is full now
    assert (again.created, again.booking) == (False, first.booking)
    assert (rows.seats_taken(session.id), len(rows.mails())) == (1, 1)


def test_a_second_click_that_passed_the_first_look_is_the_same_booking_too(
    meanwhile: Any,
) -> None:
    session, actor = factories.make_session(), factories.make_actor()
    first: list[bookings.Booked] = []
    meanwhile(lambda: first.append(seats.book_seat(actor, session.id)))
    again = seats.book_seat(actor, session.id)
    assert (again.created, again.booking) == (False, first[0].booking)
    assert (rows.seats_taken(session.id), len(rows.mails())) == (1, 1)


def test_capacity_is_never_exceeded_and_a_refusal_leaves_nothing() -> None:
    session = factories.make_session(capacity=2)
    people = [factories.make_actor() for _ in range(3)]
    for person in people[:2]:
        seats.book_seat(person, session.id)
    error = refusal(SessionFull, people[2], session.id)
    assert error.extra == {"waitlist": True, "alternatives": []}
    assert (rows.seats_taken(session.id), rows.count(Booking), len(rows.mails())) == (2, 2, 2)
    assert rows.version(people[2].calendar_id) == 0


def test_the_last_seat_taken_after_the_first_look_is_refused_alike(meanwhile: Any) -> None:
    session, actor, other = factories.make_session(), factories.make_actor(), factories.make_actor()
    meanwhile(lambda: seats.book_seat(other, session.id))
    refusal(SessionFull, actor, session.id)
    assert rows.busy(actor.calendar_id) == []


def test_who_waits_in_vain_is_told_that_the_last_seat_went(monkeypatch: pytest.MonkeyPatch) -> None:
    session = factories.make_session(capacity=1)
    first, second = factories.make_actor(), factories.make_actor()
    book = seats._book

    def wait_in_vain(*_args: Any) -> Any:
        raise Busy

    monkeypatch.setattr(seats, "_book", wait_in_vain)
    refusal(Busy, second, session.id)

    def be_overtaken(*args: Any) -> Any:
        monkeypatch.setattr(seats, "_book", book)
        seats.book_seat(first, session.id)
        raise Busy

    monkeypatch.setattr(seats, "_book", be_overtaken)
    refusal(SessionFull, second, session.id)
    assert rows.count(Booking) == 1


def test_a_full_session_names_its_other_runs_soonest_first() -> None:
    event = factories.make_event()
    start = NOW + timedelta(days=1)

    def run(day: int, *, title: str = "Workshop", **values: Any) -> EventSession:
        return factories.make_session(
            event, starts_at=start + timedelta(days=day), title=title, **values
        )

    full = run(0)
    seats.book_seat(factories.make_actor(), full.id)
    later, sooner = run(3), run(2)
    run(1, title="Another workshop")
    run(4, capacity=None)
    seats.book_seat(factories.make_actor(), run(5).id)
    event_sessions.cancel_event_session(factories.make_admin(), run(6).id)
    factories.make_session(title="Workshop")  # of another event
    error = refusal(SessionFull, factories.make_actor(), full.id)
    assert error.extra["alternatives"] == [
        {"id": sooner.id, "title": "Workshop", "starts_at": "2031-03-06T06:00:00Z"},
        {"id": later.id, "title": "Workshop", "starts_at": "2031-03-07T06:00:00Z"},
    ]


def test_an_own_booking_of_the_time_is_an_overlap_in_full() -> None:
    session, other, actor = (
        factories.make_session(),
        factories.make_session(minutes=30),
        factories.make_actor(),
    )
    first = seats.book_seat(actor, session.id).booking
    error = refusal(Overlap, actor, other.id)
    assert error.extra == {
        "conflicts": [
            {
                "kind": "seat",
                "uid": first["uid"],
                "title": session.title,
                "starts_at": "2031-03-04T10:00:00Z",
                "ends_at": "2031-03-04T11:00:00Z",
            }
        ]
    }
    assert rows.seats_taken(other.id) == 0


def test_sessions_that_touch_are_both_booked() -> None:
    event, actor = factories.make_event(), factories.make_actor()
    first = factories.make_session(event)
    second = factories.make_session(event, starts_at=first.ends_at)
    seats.book_seat(actor, first.id)
    seats.book_seat(actor, second.id)
    assert len(rows.busy(actor.calendar_id)) == 2


def test_full_and_overlapping_at_once_is_full() -> None:
    session, other, actor = (
        factories.make_session(),
        factories.make_session(),
        factories.make_actor(),
    )
    seats.book_seat(actor, session.id)
    seats.book_seat(factories.make_actor(), other.id)
    refusal(SessionFull, actor, other.id)


def test_a_speaker_cannot_sit_elsewhere_meanwhile() -> None:
    speaker = factories.make_actor()
    talk = factories.make_session(speakers=[{"name": "S", "user_id": speaker.user_id}])
    error = refusal(Overlap, speaker, factories.make_session().id)
    assert error.extra["conflicts"] == [
        {
            "kind": "event_session",
            "title": talk.title,
            "starts_at": "2031-03-04T10:00:00Z",
            "ends_at": "2031-03-04T11:00:00Z",
        }
    ]


# -- replace -------------------------------------------------------------------------


def test_the_old_seat_goes_as_the_new_one_comes(published: list[changes.Change]) -> None:
    old, new, actor = factories.make_session(), factories.make_session(), factories.make_actor()
    uid = seats.book_seat(actor, old.id).booking["uid"]
    published.clear()
    booked = seats.book_seat(actor, new.id, replace=[uid])
    assert booked.replaced == [uid]
    row = rows.booking(uid)
    assert (row.status, row.cancel_reason) == ("cancelled", "Replaced by another booking.")
    assert (rows.seats_taken(old.id), rows.seats_taken(new.id)) == (0, 1)
    assert rows.busy(actor.calendar_id) == [Interval(new.starts_at, new.ends_at)]
    assert [template for template, _ in rows.mails()] == [
        "seat_confirmed",
        "seat_cancelled",
        "seat_confirmed",
    ]
    names = [change.name for change in published if isinstance(change, changes.BookingChanged)]
    assert names == ["bookingCancelled", "newBooking"]


@pytest.mark.parametrize("kind", ["seat", "appointment", "reservation"])
def test_any_kind_of_own_booking_is_replaced(kind: str) -> None:
    actor, session = factories.make_contributor(), factories.make_session()
    uid = own_booking(kind, actor)
    refusal(Overlap, actor, session.id)
    booked = seats.book_seat(actor, session.id, replace=[uid])
    assert booked.replaced == [uid]
    assert rows.booking(uid).status == "cancelled"
    assert rows.busy(actor.calendar_id) == [Interval(session.starts_at, session.ends_at)]


def own_booking(kind: str, actor: Any) -> str:
    """A booking of the actor's that takes the hour of `make_session`."""
    session = factories.make_session()
    if kind == "seat":
        uid = seats.book_seat(actor, session.id).booking["uid"]
    elif kind == "appointment":
        host, _ = factories.make_expert()
        event_type = factories.make_event_type(host)
        booked = book_appointment(actor, event_type.id, session.starts_at, factories.client_named())
        uid = booked.booking["uid"]
    else:
        period = Interval(session.starts_at, session.ends_at)
        uid = reserve_room(actor, Wanted(factories.make_room().id, period, "A meeting"))["uid"]
    return str(uid)


def test_the_old_booking_stands_when_the_new_seat_is_not_to_be_had(meanwhile: Any) -> None:
    old, new, actor = factories.make_session(), factories.make_session(), factories.make_actor()
    uid = seats.book_seat(actor, old.id).booking["uid"]
    other = factories.make_actor()
    meanwhile(lambda: seats.book_seat(other, new.id))
    refusal(SessionFull, actor, new.id, replace=[uid])
    assert (rows.booking(uid).status, rows.booking(uid).version) == ("confirmed", 1)
    assert rows.busy(actor.calendar_id) == [Interval(old.starts_at, old.ends_at)]
    assert rows.seats_taken(old.id) == 1
    assert rows.mails() == [("seat_confirmed", actor.email), ("seat_confirmed", other.email)]


def test_the_old_booking_stands_when_another_is_in_the_way() -> None:
    event, actor = factories.make_event(), factories.make_actor()
    first = factories.make_session(event)
    second = factories.make_session(event, starts_at=first.ends_at)
    both = factories.make_session(event, minutes=120)
    one, other = (seats.book_seat(actor, each.id).booking["uid"] for each in (first, second))
    error = refusal(Overlap, actor, both.id, replace=[one])
    assert [conflict["uid"] for conflict in error.extra["conflicts"]] == [other]
    assert rows.booking(one).status == "confirmed"
    assert sorted(seats.book_seat(actor, both.id, replace=[other, one]).replaced) == sorted(
        [one, other]
    )
    assert (rows.seats_taken(first.id), rows.seats_taken(second.id)) == (0, 0)


@pytest.mark.parametrize("whose", ["another's", "unknown", "cancelled"])
def test_only_own_confirmed_bookings_are_replaced(whose: str) -> None:
    session, actor = factories.make_session(), factories.make_actor()
    if whose == "another's":
        uid = seats.book_seat(factories.make_actor(), factories.make_session().id).booking["uid"]
    elif whose == "cancelled":
        uid = own_booking("seat", actor)
        seats.release_seat(actor, rows.booking(uid).event_session_id)
    else:
        uid = "no-such-uid"
    error = refusal(InvalidInput, actor, session.id, replace=[uid])
    assert list(error.extra["errors"]) == ["replace"]
    assert rows.busy(actor.calendar_id) == []


def test_even_an_admin_replaces_only_own_bookings() -> None:
    uid = own_booking("seat", factories.make_actor())
    refusal(InvalidInput, factories.make_admin(), factories.make_session().id, replace=[uid])
    assert rows.booking(uid).status == "confirmed"


def test_what_is_over_is_not_replaced(at: Any) -> None:
    actor = factories.make_actor()
    uid = own_booking("seat", actor)
    later = factories.make_session(starts_at=NOW + timedelta(days=5))
    at(NOW + timedelta(days=4))
    refusal(InvalidInput, actor, later.id, replace=[uid])
    assert rows.booking(uid).status == "confirmed"


# -- what cannot be booked --------------------------------------------------------------


def test_an_unknown_session_is_not_found() -> None:
    refusal(NotFound, factories.make_actor(), 999_999)


def test_free_entry_needs_no_booking() -> None:
    error = refusal(InvalidInput, factories.make_actor(), factories.make_session(capacity=None).id)
    assert "free entry" in error.detail


def test_a_cancelled_session_is_gone() -> None:
    session = factories.make_session()
    event_sessions.cancel_event_session(factories.make_admin(), session.id)
    refusal(Gone, factories.make_actor(), session.id)


def test_a_running_session_has_seats_until_it_is_over(at: Any) -> None:
    session = factories.make_session(capacity=2)
    at(session.ends_at - timedelta(minutes=1))
    assert seats.book_seat(factories.make_actor(), session.id).created
    db.session.refresh(session)
    at(session.ends_at)
    refusal(Gone, factories.make_actor(), session.id)


def test_a_session_moved_after_the_first_look_is_stale(meanwhile: Any) -> None:
    session, actor, admin = factories.make_session(), factories.make_actor(), factories.make_admin()
    times = {
        name: getattr(session, name) + timedelta(minutes=5) for name in ("starts_at", "ends_at")
    }
    meanwhile(lambda: session_changes.move_event_session(admin, session.id, times))
    refusal(Stale, actor, session.id)
    assert (rows.seats_taken(session.id), rows.busy(actor.calendar_id)) == (0, [])


@pytest.mark.parametrize("command", [seats.book_seat, seats.release_seat])
def test_one_must_be_signed_in_and_owe_no_password(command: Any) -> None:
    session = factories.make_session()
    with pytest.raises(Unauthenticated):
        command(None, session.id)
    with pytest.raises(MustChangePassword):
        command(factories.make_actor(flagged=True), session.id)


def test_an_agendas_sign_in_reaches_its_event_only() -> None:
    session, other = factories.make_session(), factories.make_session()
    user = factories.make_user()
    attendee = factories.actor_of(user, f"agenda:{session.event_id}")
    refusal(NotFound, attendee, other.id)
    assert seats.book_seat(attendee, session.id).created
    with pytest.raises(NotFound):
        seats.release_seat(attendee, other.id)
    seats.book_seat(factories.actor_of(user), factories.make_session(starts_at=session.ends_at).id)
    assert [seat["uid"] for seat in own_seats(attendee)] == [
        seats.book_seat(attendee, session.id).booking["uid"]
    ]


def own_seats(actor: Any) -> list[dict[str, Any]]:
    return bookings.list_bookings(actor, page=1, page_size=10).items


def test_an_agendas_sign_in_does_not_learn_what_else_its_user_has_booked() -> None:
    user, session = factories.make_user(), factories.make_session()
    own_booking("appointment", factories.actor_of(user))
    attendee = factories.actor_of(user, f"agenda:{session.event_id}")
    error = refusal(Overlap, attendee, session.id)
    assert error.extra["conflicts"] == [
        {"starts_at": "2031-03-04T10:00:00Z", "ends_at": "2031-03-04T10:30:00Z"}
    ]


# -- release -----------------------------------------------------------------------------


def test_a_released_seat_is_free_for_the_next() -> None:
    session, actor = factories.make_session(), factories.make_actor()
    uid = seats.book_seat(actor, session.id).booking["uid"]
    seats.release_seat(actor, session.id)
    assert (rows.booking(uid).status, rows.seats_taken(session.id)) == ("cancelled", 0)
    assert rows.busy(actor.calendar_id) == []
    assert seats.book_seat(factories.make_actor(), session.id).created
    assert rows.mails()[1] == ("seat_cancelled", actor.email)


def test_releasing_twice_is_one_release() -> None:
    session, actor = factories.make_session(), factories.make_actor()
    seats.book_seat(actor, session.id)
    seats.release_seat(actor, session.id)
    seats.release_seat(actor, session.id)
    assert (rows.seats_taken(session.id), len(rows.mails())) == (0, 2)


def test_a_seat_in_what_is_over_is_kept(at: Any) -> None:
    session, actor = factories.make_session(), factories.make_actor()
    seats.book_seat(actor, session.id)
    db.session.refresh(session)
    at(session.ends_at)
    with pytest.raises(Gone):
        seats.release_seat(actor, session.id)
    assert rows.seats_taken(session.id) == 1


def test_releasing_a_seat_in_nothing_is_not_found() -> None:
    with pytest.raises(NotFound):
        seats.release_seat(factories.make_actor(), 999_999)


def test_each_deed_is_in_the_audit() -> None:
    session, actor = factories.make_session(), factories.make_actor()
    seats.book_seat(actor, session.id)
    seats.release_seat(actor, session.id)
    entries = db.session.query(AuditEntry).filter_by(object_kind="booking")
    assert [(entry.action, entry.actor_id) for entry in entries.order_by(AuditEntry.id)] == [
        ("book", actor.user_id),
        ("cancel", actor.user_id),
    ]


def test_a_seat_held_for_who_waited_is_taken_only_at_the_time_that_was_looked_at(
    meanwhile: Any, published: list[Any]
) -> None:
    admin, session = factories.make_admin(), factories.make_session()
    holder, waiting = factories.make_actor(), factories.make_actor()
    seats.book_seat(holder, session.id)
    waitlist.join(waiting, session.id)
    busy = own_booking("seat", waiting)  # so the seat is offered, not given
    seats.release_seat(holder, session.id)
    waitlist.promote(session.id)
    times = {
        name: getattr(session, name) + timedelta(minutes=5) for name in ("starts_at", "ends_at")
    }
    meanwhile(lambda: session_changes.move_event_session(admin, session.id, times))
    refusal(Stale, waiting, session.id, replace=[busy])
    assert rows.booking(busy).status == "confirmed"
    assert seats.book_seat(waiting, session.id, replace=[busy]).replaced == [busy]
    assert guarantees.find_breaches() == []
