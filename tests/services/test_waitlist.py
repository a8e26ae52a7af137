"""The waitlist: queueing, promotion, offers, and what the ledger shows of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.extensions import db
from app.models import EventSession, OutboxMessage, User
from app.services import (
    agenda,
    bookings,
    event_sessions,
    guarantees,
    languages,
    seats,
    session_changes,
    waitlist,
)
from app.services.errors import InvalidInput, NotFound, Overlap, SessionFull, Unauthenticated
from tests.conftest import NOW
from tests.factories import make_actor, make_admin, make_session

pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def full() -> Any:
    """A session with one seat, and who has it."""
    session = make_session()
    holder = make_actor()
    seats.book_seat(holder, session.id)
    return session, holder


def has_seat(actor: Any, session: Any) -> bool:
    db.session.rollback()
    return seats.find_session(actor, actor, session.id).own_uid is not None


def mails_to(actor: Any) -> list[str]:
    return list(
        db.session.scalars(
            select(OutboxMessage.template)
            .where(OutboxMessage.recipient == actor.email)
            .order_by(OutboxMessage.id)
        )
    )


def test_positions_rise_and_are_kept(full: Any) -> None:
    session, _ = full
    first, second = make_actor(), make_actor()
    assert [waitlist.join(each, session.id) for each in (first, second, first)] == [1, 2, 1]
    waitlist.leave(first, session.id)
    assert waitlist.join(second, session.id) == 1


def test_only_who_cannot_book_queues(full: Any) -> None:
    session, holder = full
    with pytest.raises(InvalidInput, match="have a seat"):
        waitlist.join(holder, session.id)
    with pytest.raises(InvalidInput, match="seats left"):
        waitlist.join(make_actor(), make_session().id)
    with pytest.raises(InvalidInput, match="free entry"):
        waitlist.join(make_actor(), make_session(capacity=None).id)
    with pytest.raises(Unauthenticated):
        waitlist.join(None, session.id)
    with pytest.raises(NotFound):
        waitlist.leave(make_actor(), 10**6)


def test_a_freed_seat_goes_to_the_first_in_the_queue(full: Any) -> None:
    session, holder = full
    first, second = make_actor(), make_actor()
    waitlist.join(first, session.id)
    waitlist.join(second, session.id)
    seats.release_seat(holder, session.id)
    assert (has_seat(first, session), has_seat(second, session)) == (True, False)
    assert mails_to(first) == ["seat_promoted"]
    assert waitlist.join(second, session.id) == 1
    assert guarantees.find_breaches() == []


@pytest.mark.parametrize(("chosen", "read"), [(None, "he"), ("de", "de")])
def test_mails_to_who_waits_speak_the_language_in_which_they_joined(
    full: Any, chosen: str | None, read: str
) -> None:
    session, holder = full
    waiting, busy = make_actor(), make_actor()
    other = make_session()
    with languages.speaking("he"):
        waitlist.join(waiting, session.id)
        waitlist.join(busy, session.id)
        seats.book_seat(busy, other.id)
    db.session.execute(
        update(User)
        .where(User.id.in_([waiting.user_id, busy.user_id]))
        .values(language=chosen)
        .execution_options(synchronize_session=False)
    )
    db.session.commit()
    with languages.speaking("de"):  # of whoever frees the seat, and cancels the session
        seats.release_seat(holder, session.id)
        seats.release_seat(waiting, session.id)  # offered to who is busy then
        event_sessions.cancel_event_session(make_admin(), session.id)
    assert [
        (each.template, each.language)
        for each in db.session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.recipient.in_([waiting.email, busy.email]))
            .where(OutboxMessage.template != "seat_confirmed")
            .order_by(OutboxMessage.id)
        )
    ] == [
        ("seat_promoted", read),
        ("seat_cancelled", read),
        ("seat_offered", read),
        ("waiting_cancelled", read),
    ]


def test_who_is_busy_is_passed_by(full: Any) -> None:
    session, holder = full
    busy, free = make_actor(), make_actor()
    other = make_session(starts_at=session.starts_at)
    seats.book_seat(busy, other.id)
    waitlist.join(busy, session.id)
    waitlist.join(free, session.id)
    seats.release_seat(holder, session.id)
    assert (has_seat(busy, session), has_seat(free, session)) == (False, True)
    assert waitlist.join(busy, session.id) == 1


def test_an_offer_keeps_the_present_booking_until_it_is_accepted(full: Any) -> None:
    session, holder = full
    busy = make_actor()
    other = make_session(starts_at=session.starts_at)
    kept = seats.book_seat(busy, other.id).booking["uid"]
    waitlist.join(busy, session.id)
    seats.release_seat(holder, session.id)

    assert mails_to(busy)[-1] == "seat_offered"
    assert has_seat(busy, other)
    assert guarantees.find_breaches() == []
    with pytest.raises(SessionFull):  # the seat is held
        seats.book_seat(make_actor(), session.id)
    with pytest.raises(Overlap):
        seats.book_seat(busy, session.id)
    assert seats.book_seat(busy, session.id, replace=[kept]).replaced == [kept]
    assert has_seat(busy, session)
    assert guarantees.find_breaches() == []


def test_an_offer_that_runs_out_goes_on(full: Any, at: Any) -> None:
    session, holder = full
    busy, next_one = make_actor(), make_actor()
    other = make_session(starts_at=session.starts_at, capacity=2)
    seats.book_seat(busy, other.id)
    seats.book_seat(next_one, other.id)
    waitlist.join(busy, session.id)
    waitlist.join(next_one, session.id)
    seats.release_seat(holder, session.id)
    assert waitlist.list_own(busy, session.event_id)[0]["offer_expires_at"] is not None

    at(NOW + waitlist.OFFER_LIFETIME + timedelta(seconds=1))
    waitlist.promote_due()
    assert waitlist.list_own(busy, session.event_id) == []
    assert waitlist.list_own(next_one, session.event_id)[0]["offer_expires_at"] is not None
    assert guarantees.find_breaches() == []


def test_leaving_gives_a_held_seat_back(full: Any) -> None:
    session, holder = full
    busy = make_actor()
    seats.book_seat(busy, make_session(starts_at=session.starts_at).id)
    waitlist.join(busy, session.id)
    seats.release_seat(holder, session.id)
    waitlist.leave(busy, session.id)
    db.session.rollback()
    assert db.session.get_one(EventSession, session.id).seats_taken == 0
    assert seats.book_seat(make_actor(), session.id).created


def test_more_seats_promote_as_many(full: Any) -> None:
    session, _ = full
    waiting = [make_actor() for _ in range(3)]
    for each in waiting:
        waitlist.join(each, session.id)
    session_changes.move_event_session(make_admin(), session.id, {"capacity": 3})
    assert [has_seat(each, session) for each in waiting] == [True, True, False]


def test_a_cancelled_session_is_waited_for_no_more(full: Any) -> None:
    session, holder = full
    busy = make_actor()
    seats.book_seat(busy, make_session(starts_at=session.starts_at).id)
    waitlist.join(busy, session.id)
    seats.release_seat(holder, session.id)
    second, third = make_actor(), make_actor()
    waitlist.join(second, session.id)
    waitlist.join(third, session.id)
    waitlist.leave(third, session.id)
    db.session.get_one(User, second.user_id).language = "de"
    db.session.commit()
    admin = make_admin()
    assert event_sessions.find_cancel_impact(admin, session.id).mailed == 2
    for _ in range(2):
        event_sessions.cancel_event_session(admin, session.id)
    assert waitlist.list_own(busy, session.event_id) == []
    told = db.session.execute(
        select(OutboxMessage.recipient, OutboxMessage.language)
        .where(OutboxMessage.template == "waiting_cancelled")
        .order_by(OutboxMessage.id)
    )
    assert list(told) == [(busy.email, "en"), (second.email, "de")]  # the offer's holder too
    assert guarantees.find_breaches() == []


def test_replacing_a_seat_promotes_who_waits_for_it(full: Any) -> None:
    session, holder = full
    waiting = make_actor()
    waitlist.join(waiting, session.id)
    uid = bookings.list_bookings(holder, page=1, page_size=1).items[0]["uid"]
    seats.book_seat(holder, make_session(starts_at=session.starts_at).id, replace=[uid])
    assert has_seat(waiting, session)


def test_what_no_promotion_came_to_do_is_done_in_time(
    full: Any, context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, holder = full
    waiting = make_actor()
    waitlist.join(waiting, session.id)
    with monkeypatch.context() as crashed:
        crashed.setattr(waitlist, "promote", lambda _id: None)
        seats.release_seat(holder, session.id)
    assert not has_seat(waiting, session)
    with pytest.raises(SessionFull):  # it is nobody else's
        seats.book_seat(make_actor(), session.id)
    waitlist.promote_due()
    assert has_seat(waiting, session)


def test_the_agenda_marks_what_is_waited_for(full: Any) -> None:
    session, _ = full
    actor = make_actor()
    before = agenda.read_agenda(actor, session.event.slug)
    waitlist.join(actor, session.id)
    after = agenda.read_agenda(actor, session.event.slug)
    assert before
    assert after
    assert before.etag != after.etag
    assert b'"waitlisted":true' in after.body
    assert agenda.get_session(actor, session.id)["waitlisted"] is True
