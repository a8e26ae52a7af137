"""Calendar feeds: what is in them for whom, how links begin and end, and who is not told."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import icalendar
import pytest
import vobject
from flask import Flask

from app.extensions import db
from app.models import AuditEntry, CalendarFeed, Role, User
from app.models.interval import Interval
from app.services import (
    accounts,
    appointments,
    calendar_feed,
    cancellation,
    credentials,
    events,
    reservations,
    seats,
)
from app.services.errors import MustChangePassword, NotAllowed, NotFound, Unauthenticated
from app.services.policy import CONTRIBUTOR, EXPERT, Actor
from app.services.reservations import Wanted
from tests import factories
from tests.conftest import NOW
from tests.queries import count_queries
from tests.rows import count

pytestmark = pytest.mark.usefixtures("context")


def titles(token: str) -> list[str]:
    """The summaries of the feed's events, in order, read by two parsers that are not ours."""
    feed = calendar_feed.read_feed(token)
    assert feed.body
    calendar = icalendar.Calendar.from_ical(feed.body)
    found = [str(event["SUMMARY"]) for event in calendar.walk("VEVENT")]
    other = vobject.readOne(feed.body.decode())
    assert [event.summary.value for event in other.contents.get("vevent", [])] == found
    return found


@pytest.fixture
def everything() -> tuple[Actor, list[str]]:
    """A contributor who is an expert too, and the uids of a booking of each kind by start."""
    actor, _ = factories.make_expert(name="Ada")
    user = db.session.get(User, actor.user_id)
    user.roles.append(db.session.query(Role).filter_by(name=CONTRIBUTOR).one())
    db.session.commit()
    actor = factories.actor_of(user)
    offered = factories.make_event_type(actor, title="Review")
    client = appointments.Client(
        name="Gwen Guest", email="gwen@example.org", phone="+49 30 1", notes="About engines"
    )
    start = NOW.replace(hour=8) + timedelta(days=1)
    booked = appointments.book_appointment(None, offered.id, start, client).booking
    session = factories.make_session(title="Keynote", starts_at=start + timedelta(hours=2))
    seat = seats.book_seat(actor, session.id).booking
    reserved = reservations.reserve_room(
        actor,
        Wanted(
            room_id=factories.make_room().id,
            period=Interval(start + timedelta(hours=4), start + timedelta(hours=5)),
            title="Setting up",
        ),
    )
    return actor, [booked["uid"], seat["uid"], reserved["uid"]]


def test_a_feed_has_all_three_kinds_in_order(everything: tuple[Actor, list[str]]) -> None:
    actor, uids = everything
    token = calendar_feed.share(actor)
    assert titles(token) == ["Review: Ada and Gwen Guest", "Keynote", "Setting up"]
    body = calendar_feed.read_feed(token).body
    assert body
    calendar = icalendar.Calendar.from_ical(body)
    assert [str(event["UID"]) for event in calendar.walk("VEVENT")] == uids
    assert (calendar["METHOD"], calendar["X-WR-CALNAME"]) == ("PUBLISH", "Rendezvous: Ada")
    assert calendar["REFRESH-INTERVAL"].dt == timedelta(minutes=15)
    for event in calendar.walk("VEVENT"):
        assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS"} <= set(event)


def test_a_feed_tells_nobodys_address_phone_or_notes(everything: tuple[Actor, list[str]]) -> None:
    body = calendar_feed.read_feed(calendar_feed.share(everything[0])).body
    assert body
    for private in (b"gwen@example.org", b"+49 30 1", b"About engines", b"ATTENDEE", b"ORGANIZER"):
        assert private not in body


def test_a_feed_follows_changes_and_keeps_its_etag_without(
    everything: tuple[Actor, list[str]], at: Any
) -> None:
    actor, uids = everything
    token = calendar_feed.share(actor)
    first = calendar_feed.read_feed(token)
    at(NOW + timedelta(minutes=1))  # DTSTAMP moves, the feed does not
    again = calendar_feed.read_feed(token, {first.etag})
    assert (again.etag, again.body) == (first.etag, None)
    cancellation.cancel_booking(actor, uids[1])
    changed = calendar_feed.read_feed(token, {first.etag})
    assert changed.etag != first.etag
    assert titles(token) == ["Review: Ada and Gwen Guest", "Setting up"]
    at(NOW + timedelta(days=2) + calendar_feed.KEPT_AFTER_END)
    assert titles(token) == []


def test_a_feed_is_two_queries_however_much_is_in_it(everything: tuple[Actor, list[str]]) -> None:
    token = calendar_feed.share(everything[0])
    db.session.rollback()
    with count_queries() as statements:
        calendar_feed.read_feed(token)
    assert len(statements) == 2


def test_a_new_link_ends_the_old_one_and_stopping_ends_it() -> None:
    actor, other = factories.make_actor(), factories.make_actor()
    others = calendar_feed.share(other)
    old = calendar_feed.share(actor)
    new = calendar_feed.share(actor)
    assert calendar_feed.shared_since(actor) == NOW
    with pytest.raises(NotFound):
        calendar_feed.read_feed(old)
    assert titles(new) == []
    calendar_feed.stop_sharing(actor)
    calendar_feed.stop_sharing(actor)  # twice is once
    assert calendar_feed.shared_since(actor) is None
    for gone in (old, new, "", "x\x00", "ä"):
        with pytest.raises(NotFound):
            calendar_feed.read_feed(gone)
    assert titles(others) == []
    deeds = db.session.query(AuditEntry).filter_by(actor_id=actor.user_id).order_by(AuditEntry.id)
    assert [entry.action for entry in deeds] == [
        "share_calendar",
        "share_calendar",
        "stop_sharing_calendar",
    ]


def test_only_a_hash_of_the_token_is_kept() -> None:
    token = calendar_feed.share(factories.make_actor())
    assert len(token) == 43  # 256 bits
    row = db.session.query(CalendarFeed).one()
    assert row.token_hash == sha256(token.encode()).hexdigest()
    assert token not in str([entry.changes for entry in db.session.query(AuditEntry)])


def test_an_agendas_sign_in_shares_the_seats_of_its_event_only() -> None:
    event, other = factories.make_event(title="Clocks"), factories.make_event()
    inside = factories.make_session(event, title="Inside")
    later = inside.starts_at + timedelta(hours=3)
    outside = factories.make_session(other, title="Outside", starts_at=later)
    user = factories.make_user()
    actor = factories.actor_of(user)
    for session in (inside, outside):
        seats.book_seat(actor, session.id)
    attendee = factories.actor_of(user, f"agenda:{event.id}")
    token = calendar_feed.share(attendee, event.slug)
    assert titles(token) == ["Inside"]
    calendar = icalendar.Calendar.from_ical(calendar_feed.read_feed(token).body)
    assert calendar["X-WR-CALNAME"] == "Clocks"
    with pytest.raises(NotAllowed):
        calendar_feed.share(attendee)
    with pytest.raises(NotFound):
        calendar_feed.share(attendee, other.slug)
    # Each feed is its own: that of everything neither ends it nor is ended with it.
    whole = calendar_feed.share(actor)
    calendar_feed.share(actor, other.slug)
    assert titles(whole) == ["Inside", "Outside"]
    calendar_feed.stop_sharing(actor)
    assert titles(token) == ["Inside"]
    assert count(CalendarFeed) == 2


def test_who_may_not_read_an_agenda_shares_no_seats_there() -> None:
    hidden = factories.make_event(public=False, admission="checked_in")
    stranger = factories.make_actor()
    for refused in (calendar_feed.share, calendar_feed.stop_sharing, calendar_feed.shared_since):
        with pytest.raises(NotFound):
            refused(stranger, hidden.slug)
        with pytest.raises(NotFound):
            refused(stranger, "none")
        for slug in (None, hidden.slug):
            with pytest.raises(Unauthenticated):
                refused(None, slug)
            with pytest.raises(MustChangePassword):
                refused(factories.make_actor(flagged=True), slug)


def test_links_end_with_the_account_and_with_its_password() -> None:
    admin, actor = factories.make_admin(), factories.make_actor(EXPERT)
    token = calendar_feed.share(actor)
    accounts.deactivate(admin, actor.user_id)
    with pytest.raises(NotFound):
        calendar_feed.read_feed(token)
    other = factories.make_actor()
    token = calendar_feed.share(other)
    credentials.reset_password(admin, other.user_id)
    with pytest.raises(NotFound):
        calendar_feed.read_feed(token)


def test_an_events_feeds_end_with_the_event(context: Flask) -> None:
    event = factories.make_event()
    token = calendar_feed.share(factories.make_actor(), event.slug)
    events.delete_event(factories.make_admin(), event.slug)
    with pytest.raises(NotFound):
        calendar_feed.read_feed(token)
    assert count(CalendarFeed) == 0
