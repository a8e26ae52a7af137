"""Seats of who is not there go on once, in time, to those who wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEntry, EventSession, OutboxMessage, User, WaitlistEntry
from app.services import (
    admission,
    changes,
    events,
    guarantees,
    languages,
    no_shows,
    seats,
    waitlist,
)
from app.services.errors import InvalidInput, SessionFull
from app.services.session_batches import change_empty_sessions
from app.services.session_changes import move_event_session
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


@pytest.fixture
def admin(context: Any) -> Any:
    return factories.make_admin()


class Gathering:
    """A session of two seats: one holder is checked in, one is not, and somebody waits."""

    def __init__(self, admin: Any, minutes: int | None = 10) -> None:
        self.event = factories.make_event(release_no_shows_minutes=minutes)
        self.session = factories.make_session(self.event, capacity=2).id
        self.here, self.away, self.waiting = (factories.make_actor() for _ in range(3))
        self.kept = seats.book_seat(self.here, self.session).booking["uid"]
        self.lost = seats.book_seat(self.away, self.session).booking["uid"]
        waitlist.join(self.waiting, self.session)
        admission.check_in(admin, self.event.slug, [self.here.email])

    def states(self) -> list[str]:
        return [rows.booking(uid).status for uid in (self.kept, self.lost)]


def test_seats_go_in_time_and_once(admin: Any, at: Any, published: list[Any]) -> None:
    it = Gathering(admin)
    admission.check_in(admin, it.event.slug, [it.waiting.email])
    at(TEN - timedelta(minutes=10, seconds=1))
    assert no_shows.release_due() == 0
    assert it.states() == ["confirmed", "confirmed"]
    at(TEN - timedelta(minutes=10))
    mails = len(rows.mails())
    published.clear()
    assert no_shows.release_due() == 1
    assert it.states() == ["confirmed", "cancelled"]
    assert rows.booking(it.lost).cancelled_as == "host"  # nobody's own wish
    assert rows.mails()[mails:] == [("seat_cancelled", it.away.email)]
    mail = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc())).first()
    assert mail is not None
    assert "not checked in 10 minutes before" in mail.context["reason"]
    told = [each for each in published if isinstance(each, changes.BookingChanged)]
    assert [(each.name, each.booking["uid"]) for each in told if each.booking] == [
        (changes.BOOKING_CANCELLED, it.lost)
    ]
    freed = [each for each in published if isinstance(each, changes.SeatsChanged)]
    assert [each.may_be_free for each in freed] == [True]  # who waits is promoted
    waitlist.promote(it.session)
    assert rows.count(WaitlistEntry) == 0
    assert rows.seats_taken(it.session) == 2
    assert no_shows.release_due() == 0  # the promoted one is taken at their word
    entry = select(AuditEntry.changes).where(AuditEntry.action == "release_no_shows")
    assert db.session.scalars(entry).all() == [{"released": [it.lost]}]
    assert guarantees.find_breaches() == []


def test_no_seat_goes_from_one_empty_chair_to_another(admin: Any, at: Any) -> None:
    """Who is there comes first, and who waits elsewhere keeps nobody from a seat."""
    event = factories.make_event(release_no_shows_minutes=10)
    session = factories.make_session(event, capacity=2).id
    for _ in range(2):
        seats.book_seat(factories.make_actor(), session)
    absent, present, late = (factories.make_actor() for _ in range(3))
    for each in (absent, present, late):
        waitlist.join(each, session)
    admission.check_in(admin, event.slug, [present.email])
    at(TEN - timedelta(minutes=10))
    assert no_shows.release_due() == 2
    waitlist.promote_due()

    def waiting() -> list[int]:
        return list(db.session.scalars(select(WaitlistEntry.user_id).order_by(WaitlistEntry.id)))

    assert waiting() == [absent.user_id, late.user_id]
    assert rows.mails()[-1] == ("seat_promoted", present.email)
    assert rows.seats_taken(session) == 1
    admission.check_in(admin, event.slug, [late.email])
    stranger = factories.make_actor()
    with pytest.raises(SessionFull):  # it is for who waits, and is there now
        seats.book_seat(stranger, session)
    waitlist.promote_due()
    assert waiting() == [absent.user_id]
    seats.release_seat(late, session)
    assert seats.book_seat(stranger, session).created
    seats.release_seat(stranger, session)
    assert seats.book_seat(absent, session).created  # taken at their word
    assert guarantees.find_breaches() == []


def test_without_the_rule_the_queue_is_as_it_was(admin: Any, at: Any) -> None:
    it = Gathering(admin)
    at(TEN - timedelta(minutes=10))
    assert no_shows.release_due() == 1
    waitlist.promote_due()
    assert rows.count(WaitlistEntry) == 1
    events.update_event(admin, it.event.slug, {"release_no_shows_minutes": None})
    waitlist.promote_due()
    assert rows.count(WaitlistEntry) == 0


def test_who_checks_in_while_the_lock_is_waited_for_keeps_the_seat(
    admin: Any, at: Any, meanwhile: Any
) -> None:
    it = Gathering(admin)
    at(TEN - timedelta(minutes=5))
    meanwhile(lambda: admission.check_in(admin, it.event.slug, [it.away.email]))
    assert no_shows.release_due() == 0
    assert it.states() == ["confirmed", "confirmed"]


def test_another_process_did_it_meanwhile(admin: Any, at: Any, meanwhile: Any) -> None:
    it = Gathering(admin)
    admission.check_in(admin, it.event.slug, [it.waiting.email])
    at(TEN - timedelta(minutes=5))
    meanwhile(no_shows.release_due)
    mails = len(rows.mails())
    assert no_shows.release_due() == 0
    assert [name for name, _ in rows.mails()[mails:]] == ["seat_cancelled", "seat_promoted"]
    assert it.states() == ["confirmed", "cancelled"]
    assert guarantees.find_breaches() == []


def test_it_is_over_once_the_session_has_begun(admin: Any, at: Any) -> None:
    it = Gathering(admin)
    at(TEN)
    assert no_shows.release_due() == 0
    assert it.states() == ["confirmed", "confirmed"]


def test_events_that_do_not_ask_for_it_keep_their_seats(admin: Any, at: Any) -> None:
    it = Gathering(admin, minutes=None)
    at(TEN - timedelta(minutes=1))
    assert no_shows.release_due() == 0
    assert it.states() == ["confirmed", "confirmed"]


def test_a_session_that_moves_is_looked_at_again(admin: Any, at: Any) -> None:
    it = Gathering(admin)
    at(TEN - timedelta(minutes=10))
    no_shows.release_due()
    waitlist.promote(it.session)
    seats.book_seat(factories.make_actor(), it.session)  # and is not there either
    move_event_session(admin, it.session, {"title": "Renamed"})
    session = db.session.get(EventSession, it.session)
    assert session is not None
    assert session.no_shows_released_at is not None
    later = {"starts_at": TEN + timedelta(hours=1), "ends_at": TEN + timedelta(hours=2)}
    move_event_session(admin, it.session, later)
    assert no_shows.release_due() == 0
    at(TEN + timedelta(minutes=50))
    assert no_shows.release_due() == 1
    assert guarantees.find_breaches() == []


def test_an_emptied_session_that_a_schedule_moves_is_looked_at_again(admin: Any, at: Any) -> None:
    event = factories.make_event(release_no_shows_minutes=10)
    session_id = factories.make_session(event, capacity=2).id
    seats.book_seat(factories.make_actor(), session_id)
    at(TEN - timedelta(minutes=10))
    assert no_shows.release_due() == 1
    later = {"starts_at": TEN + timedelta(hours=1), "ends_at": TEN + timedelta(hours=2)}
    change_empty_sessions(admin, {session_id: later})
    seats.book_seat(factories.make_actor(), session_id)
    at(TEN + timedelta(minutes=50))
    assert no_shows.release_due() == 1
    assert guarantees.find_breaches() == []


@pytest.mark.parametrize("minutes", [0, -1, 241, "ten", 1.5, True])
def test_a_time_that_is_none_is_refused(admin: Any, minutes: Any) -> None:
    event = factories.make_event()
    with pytest.raises(InvalidInput) as refused:
        events.update_event(admin, event.slug, {"release_no_shows_minutes": minutes})
    assert "release_no_shows_minutes" in refused.value.errors


def test_everybody_is_told_why_in_their_own_language(
    admin: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = no_shows._reason
    monkeypatch.setattr(no_shows, "_reason", lambda n: f"{languages.current().code}: {say(n)}")
    event = factories.make_event(release_no_shows_minutes=10)
    session = factories.make_session(event, capacity=3).id
    here, english, german = (factories.make_actor() for _ in range(3))
    lost = [seats.book_seat(each, session).booking["uid"] for each in (english, german)]
    seats.book_seat(here, session)
    admission.check_in(admin, event.slug, [here.email])
    db.session.get_one(User, german.user_id).language = "de"
    db.session.commit()
    at(TEN - timedelta(minutes=10))
    assert no_shows.release_due() == 2
    reasons = [rows.booking(uid).cancel_reason for uid in lost]
    assert [reason.partition(": ")[0] for reason in reasons] == ["en", "de"]
    [entry] = db.session.scalars(
        select(AuditEntry.changes).where(AuditEntry.action == "release_no_shows")
    )
    assert sorted(entry["released"]) == sorted(lost)
    assert guarantees.find_breaches() == []
