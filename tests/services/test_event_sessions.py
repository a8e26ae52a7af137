"""Event sessions: scheduled, moved with their seats, cancelled; and what that does to others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEntry, EventSession, OutboxMessage, Speaker, WaitlistEntry
from app.models.interval import Interval
from app.services import bookings, changes, guarantees, mail_messages, seats, waitlist
from app.services.errors import (
    Gone,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Overlap,
    Stale,
    Unauthenticated,
)
from app.services.event_sessions import (
    cancel_event_session,
    find_cancel_impact,
    get_event_session,
    schedule_session,
    withdraw_event_session,
)
from app.services.session_changes import move_event_session
from app.services.session_impact import Impact
from tests import factories, rows
from tests.queries import count_queries
from tests.refusals import refusal

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def hours(start: float, end: float) -> dict[str, datetime]:
    """The times of a session, in hours from `TEN`."""
    return {"starts_at": TEN + timedelta(hours=start), "ends_at": TEN + timedelta(hours=end)}


def span(start: float, end: float) -> Interval:
    return Interval(**hours(start, end))


@pytest.fixture
def admin(context: Any) -> Any:
    return factories.make_admin()


# -- scheduled ---------------------------------------------------------------------------


def test_a_session_occupies_its_room_and_speakers_who_are_users(admin: Any) -> None:
    event, room, speaker = factories.make_event(), factories.make_room(), factories.make_actor()
    shown, impact = schedule_session(
        admin,
        event.slug,
        {
            "title": " A  talk ",
            "room_id": room.id,
            **hours(0, 1),
            "capacity": 20,
            "abstract": "Short",
            "description": "Long",
            "track": "Main",
            "language": "en",
            "speakers": [{"name": "Guest of honour"}, {"name": "S", "user_id": speaker.user_id}],
        },
    )
    assert shown == {
        "id": shown["id"],
        "guid": shown["guid"],
        "title": "A talk",
        "abstract": "Short",
        "description": "Long",
        "track": "Main",
        "language": "en",
        "speakers": [
            {"name": "Guest of honour", "user_id": None},
            {"name": "S", "user_id": speaker.user_id},
        ],
        "room": {"id": room.id, "name": room.name},
        "starts_at": "2031-03-04T10:00:00Z",
        "ends_at": "2031-03-04T11:00:00Z",
        "day": "2031-03-04",
        "capacity": 20,
        "seats_left": 20,
        "version": 1,
        "status": "confirmed",
    }
    assert impact == Impact()
    assert rows.busy(rows.room_calendar(room.id)) == [span(0, 1)]
    assert rows.busy(speaker.calendar_id) == [span(0, 1)]


def test_the_day_is_local_unless_it_is_said(admin: Any) -> None:
    event = factories.make_event()
    late = {"title": "Party", "room_id": factories.make_room().id, **hours(13.5, 15)}
    assert schedule_session(admin, event.slug, late)[0]["day"] == "2031-03-05"
    earlier = late | {"room_id": factories.make_room().id, "day": TEN.date()}
    assert schedule_session(admin, event.slug, earlier)[0]["day"] == "2031-03-04"


@pytest.mark.parametrize("of", ["room", "speaker"])
def test_a_taken_room_or_speaker_is_an_overlap(of: str, admin: Any) -> None:
    speaker = factories.make_actor()
    first = factories.make_session(speakers=[{"name": "S", "user_id": speaker.user_id}])
    values = {"title": "Second", "room_id": factories.make_room().id, **hours(0.5, 1.5)}
    if of == "room":
        values["room_id"] = first.room_id
    else:
        values["speakers"] = [{"name": "S", "user_id": speaker.user_id}]
    slug = first.event.slug
    conflict = {
        "kind": "event_session",
        "title": first.title,
        "starts_at": "2031-03-04T10:00:00Z",
        "ends_at": "2031-03-04T11:00:00Z",
    }
    error = refusal(Overlap, schedule_session, admin, slug, values)
    assert error.extra == {"conflicts": [conflict]}
    _, impact = schedule_session(admin, slug, values, dry_run=True)
    assert impact.conflicts == [conflict]
    assert rows.count(EventSession) == 1


def test_a_dry_run_writes_nothing_and_tells_nobody(admin: Any, published: list[Any]) -> None:
    event, room = factories.make_event(), factories.make_room()
    published.clear()
    audited = rows.count(AuditEntry)
    values = {"title": "A talk", "room_id": room.id, **hours(0, 1)}
    shown, impact = schedule_session(admin, event.slug, values, dry_run=True)
    assert (shown["title"], impact.conflicts) == ("A talk", [])
    assert (rows.count(EventSession), rows.count(AuditEntry), published) == (0, audited, [])
    assert rows.version(rows.room_calendar(room.id)) == 0


GOOD: dict[str, Any] = {"title": "A talk", **hours(0, 1)}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"title": None}, "title"),
        ({"room_id": 999_999}, "room_id"),
        ({"room_id": True}, "room_id"),
        ({"room_id": "1"}, "room_id"),
        ({"starts_at": None}, "starts_at"),
        ({"ends_at": TEN}, "ends_at"),
        ({"ends_at": TEN - timedelta(hours=1)}, "ends_at"),
        ({"capacity": -1}, "capacity"),
        ({"capacity": 1.5}, "capacity"),
        ({"capacity": 10**9}, "capacity"),
        ({"speakers": "S"}, "speakers"),
        ({"speakers": [{"user_id": 1}]}, "speakers"),
        ({"speakers": ["S"]}, "speakers"),
        ({"speakers": [{"name": "S", "user_id": 999_999}]}, "speakers"),
        ({"speakers": [{"name": "S"}] * 101}, "speakers"),
        ({"language": "x" * 17}, "language"),
        ({"abstract": "\0"}, "abstract"),
    ],
)
def test_fields_are_checked(admin: Any, values: dict[str, Any], field: str) -> None:
    event, room_id = factories.make_event(), factories.make_room().id
    good = {"room_id": room_id, **GOOD}
    error = refusal(InvalidInput, schedule_session, admin, event.slug, good | values)
    assert list(error.extra["errors"]) == [field]
    shown, _ = schedule_session(admin, event.slug, good)
    error = refusal(InvalidInput, move_event_session, admin, shown["id"], values)
    assert list(error.extra["errors"]) == [field]
    assert rows.count(Speaker) == 0


def test_only_admins_schedule_move_and_cancel() -> None:
    session = factories.make_session()
    for actor, error in [
        (None, Unauthenticated),
        (factories.make_actor(), NotAllowed),
        (factories.make_contributor(), NotAllowed),
        (factories.make_admin(flagged=True), MustChangePassword),
        (factories.actor_of(factories.make_user("Admin"), "agenda:1"), NotAllowed),
    ]:
        refusal(error, schedule_session, actor, session.event.slug, GOOD)
        refusal(error, move_event_session, actor, session.id, {"title": "X"})
        refusal(error, cancel_event_session, actor, session.id)
    assert get_event_session(session.id).version == 1


def test_unknown_events_and_sessions_are_not_found(admin: Any) -> None:
    refusal(NotFound, schedule_session, admin, "no-such-event", GOOD)
    refusal(NotFound, move_event_session, admin, 999_999, {"title": "X"})
    refusal(NotFound, cancel_event_session, admin, 999_999)
    refusal(NotFound, get_event_session, 999_999)


# -- moved -------------------------------------------------------------------------------


def test_a_moved_session_takes_its_seats_along(admin: Any, published: list[Any]) -> None:
    session = factories.make_session(capacity=3)
    people = [factories.make_actor() for _ in range(2)]
    booked = [seats.book_seat(person, session.id).booking["uid"] for person in people]
    published.clear()
    values = {**hours(0.5, 2), "title": "Renamed"}
    shown, impact = move_event_session(admin, session.id, values, version=3)
    assert (shown["version"], shown["seats_left"]) == (4, 1)
    assert impact == Impact(keeping=2, mailed=2)
    for person, uid in zip(people, booked, strict=True):
        row = rows.booking(uid)
        assert (row.starts_at, row.ends_at) == (span(0.5, 2).starts_at, span(0.5, 2).ends_at)
        assert (row.title, row.version, row.sequence) == ("Renamed", 2, 1)
        assert rows.busy(person.calendar_id) == [span(0.5, 2)]
    assert rows.mails()[2:] == [("seat_rescheduled", person.email) for person in people]
    told = [each for each in published if isinstance(each, changes.BookingChanged)]
    assert [(each.kind, each.previous) for each in told] == [
        ("seat", span(0, 1)),
        ("seat", span(0, 1)),
        ("event_session", span(0, 1)),
    ]
    assert guarantees.find_breaches() == []


def test_who_is_busy_at_the_new_time_loses_the_seat_and_keeps_the_other(admin: Any) -> None:
    event = factories.make_event()
    session, other = (
        factories.make_session(event, capacity=2),
        factories.make_session(event, starts_at=TEN + timedelta(hours=1)),
    )
    busy, free = factories.make_actor(), factories.make_actor()
    lost = seats.book_seat(busy, session.id).booking["uid"]
    kept = seats.book_seat(busy, other.id).booking["uid"]
    moved = seats.book_seat(free, session.id).booking["uid"]
    clash = [
        {
            "uid": kept,
            "kind": "seat",
            "title": other.title,
            "starts_at": "2031-03-04T11:00:00Z",
            "ends_at": "2031-03-04T12:00:00Z",
        }
    ]
    _, impact = move_event_session(admin, session.id, hours(0.5, 1.5), dry_run=True)
    assert (impact.clashing, impact.released) == (clash, [lost])
    assert impact.leaving == [
        {
            "uid": lost,
            "name": busy.name,
            "email": busy.email,
            "why": "busy",
            "other": {name: clash[0][name] for name in ("title", "starts_at", "ends_at")},
        }
    ]
    assert (impact.keeping, impact.mailed) == (1, 2)
    assert rows.booking(lost).status == "confirmed"
    shown, impact = move_event_session(admin, session.id, hours(0.5, 1.5))
    assert (impact.clashing, impact.released) == (clash, [lost])
    assert rows.booking(lost).status == "cancelled"
    assert "another booking" in rows.booking(lost).cancel_reason
    assert [rows.booking(uid).status for uid in (kept, moved)] == ["confirmed"] * 2
    assert (shown["seats_left"], rows.seats_taken(session.id)) == (1, 1)
    assert rows.mails()[3:] == [("seat_cancelled", busy.email), ("seat_rescheduled", free.email)]
    assert guarantees.find_breaches() == []


def test_fewer_seats_than_taken_is_refused_or_releases_the_last(admin: Any) -> None:
    session = factories.make_session(capacity=3)
    people = [factories.make_actor() for _ in range(3)]
    uids = [seats.book_seat(person, session.id).booking["uid"] for person in people]
    waiting = factories.make_actor()
    waitlist.join(waiting, session.id)
    error = refusal(InvalidInput, move_event_session, admin, session.id, {"capacity": 1})
    assert error.errors["capacity"] == [
        "3 seats are taken.",
        "Release the last 2 with it, or cancel some first.",
    ]
    mails = len(rows.mails())
    for dry_run in (True, False):
        shown, impact = move_event_session(
            admin, session.id, {"capacity": 1}, release_last=True, dry_run=dry_run
        )
        assert (impact.released, impact.keeping, impact.waiting) == (uids[1:], 1, 1)
        assert [each["why"] for each in impact.leaving] == ["capacity"] * 2
        assert (shown["capacity"], shown["seats_left"]) == (1, 0)
    assert [rows.booking(uid).status for uid in uids] == ["confirmed", "cancelled", "cancelled"]
    assert rows.mails()[mails:] == [("seat_cancelled", each.email) for each in people[1:]]
    assert rows.count(WaitlistEntry) == 1
    assert guarantees.find_breaches() == []


def test_fewer_seats_take_back_offers_before_seats(admin: Any) -> None:
    """Who had the offer keeps the place in the queue."""
    session = factories.make_session(capacity=2)
    first, last, busy = (factories.make_actor() for _ in range(3))
    kept = seats.book_seat(first, session.id).booking["uid"]
    seats.book_seat(last, session.id)
    waitlist.join(busy, session.id)
    seats.book_seat(busy, factories.make_session().id)  # so it is only offered a seat
    seats.release_seat(last, session.id)
    waitlist.promote(session.id)
    assert rows.seats_taken(session.id) == 2
    _, impact = move_event_session(admin, session.id, {"capacity": 1}, release_last=True)
    assert (impact.offers_withdrawn, impact.released, impact.keeping) == (1, [], 1)
    assert rows.booking(kept).status == "confirmed"
    [entry] = db.session.scalars(select(WaitlistEntry))
    assert (entry.user_id, entry.offer_expires_at) == (busy.user_id, None)
    assert rows.seats_taken(session.id) == 1
    assert guarantees.find_breaches() == []


def test_who_clashes_leaves_before_who_booked_last(admin: Any) -> None:
    event = factories.make_event()
    session = factories.make_session(event, capacity=3)
    other = factories.make_session(event, starts_at=TEN + timedelta(hours=1))
    busy, early, late = (factories.make_actor() for _ in range(3))
    uids = [seats.book_seat(each, session.id).booking["uid"] for each in (busy, early, late)]
    seats.book_seat(busy, other.id)
    values = {**hours(1, 2), "capacity": 1}
    _, impact = move_event_session(admin, session.id, values, release_last=True)
    assert impact.released == [uids[0], uids[2]]
    assert [each["why"] for each in impact.leaving] == ["busy", "capacity"]
    assert rows.booking(uids[1]).starts_at == hours(1, 2)["starts_at"]
    assert guarantees.find_breaches() == []


def test_a_move_costs_as_much_with_many_seats(admin: Any) -> None:
    """But for the mail and the message to each."""
    costs = []
    for number in (2, 5):
        session = factories.make_session(capacity=number)
        for _ in range(number):
            seats.book_seat(factories.make_actor(), session.id)
        with count_queries() as statements:
            move_event_session(admin, session.id, hours(3, 4))
        each = [one for one in statements if "INTO outbox_message" in one]
        assert len(each) == number
        costs.append(len(statements) - number)
    assert costs[0] == costs[1]


def test_speakers_with_an_account_are_told_once(admin: Any) -> None:
    staying, leaving = factories.make_actor(), factories.make_actor()
    named = {each.user_id: {"name": "S", "user_id": each.user_id} for each in (staying, leaving)}
    session = factories.make_session(
        speakers=[*named.values(), {"name": "Me", "user_id": admin.user_id}, {"name": "Guest"}]
    )
    values = {**hours(1, 2), "speakers": [named[staying.user_id]]}
    move_event_session(admin, session.id, values)
    assert rows.mails() == [("talk_rescheduled", staying.email)]
    move_event_session(admin, session.id, {"title": "Another name"})
    cancel_event_session(admin, session.id)
    cancel_event_session(admin, session.id)
    assert rows.mails()[1:] == [("talk_cancelled", staying.email)]
    for mail in db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)):
        sent = mail_messages.compose(mail.template, mail.recipient, mail.context, message_id="<x>")
        assert "Another name" in sent.body or mail.template == "talk_rescheduled"
        assert ("Before" in sent.body) == (mail.template == "talk_rescheduled")
        assert sent.attachments == []


def test_what_cancelling_does_is_known_before(admin: Any) -> None:
    speaker, attendee = factories.make_actor(name="Sue"), factories.make_actor()
    session = factories.make_session(speakers=[{"name": "Sue", "user_id": speaker.user_id}])
    uid = seats.book_seat(attendee, session.id).booking["uid"]
    impact = find_cancel_impact(admin, session.id)
    assert (impact.released, impact.mailed, impact.speakers) == ([uid], 1, ["Sue"])
    assert cancel_event_session(admin, session.id) == impact.released
    assert find_cancel_impact(admin, session.id) == Impact()
    refusal(NotAllowed, find_cancel_impact, attendee, session.id)


def test_what_was_attended_is_not_cancelled_afterwards(admin: Any, at: Any) -> None:
    session, empty = factories.make_session(), factories.make_session()
    uid = seats.book_seat(factories.make_actor(), session.id).booking["uid"]
    told = rows.mails()
    at(session.ends_at)
    refusal(Gone, find_cancel_impact, admin, session.id)
    refusal(Gone, cancel_event_session, admin, session.id)
    assert (rows.mails(), rows.booking(uid).status) == (told, "confirmed")
    assert cancel_event_session(admin, empty.id) == []
    assert withdraw_event_session(admin, session.id) == [uid]  # a schedule has it no more


def test_a_new_room_is_told_to_who_has_a_seat(admin: Any) -> None:
    session, attendee = factories.make_session(), factories.make_actor()
    booked = seats.book_seat(attendee, session.id).booking
    room = factories.make_room()
    move_event_session(admin, session.id, {"room_id": room.id})
    moved = bookings.get_booking(attendee, booked["uid"])
    assert (moved["room"]["id"], moved["sequence"]) == (room.id, booked["sequence"] + 1)
    assert (moved["starts_at"], moved["status"]) == (booked["starts_at"], "confirmed")
    mails = db.session.scalars(select(OutboxMessage.template).order_by(OutboxMessage.id))
    assert list(mails) == ["seat_confirmed", "seat_rescheduled"]
    assert guarantees.find_breaches() == []


def test_more_seats_are_foreseen_for_who_waits(admin: Any) -> None:
    """As many as are free then get one, who is busy is asked, and nobody before it is done."""
    room = factories.make_room(capacity=2)
    event = factories.make_event()
    session = factories.make_session(event, room_id=room.id)
    seats.book_seat(factories.make_actor(), session.id)
    busy, *others = [factories.make_actor() for _ in range(3)]
    for each in (busy, *others):
        waitlist.join(each, session.id)
    seats.book_seat(busy, factories.make_session(event, starts_at=TEN).id)
    for capacity, promoted, offered, over_room in [
        (2, 1, 0, None),
        (3, 2, 0, 2),
        (4, 2, 1, 2),
        (9, 2, 1, 2),
    ]:
        _, impact = move_event_session(admin, session.id, {"capacity": capacity}, dry_run=True)
        assert (impact.promoted, impact.offered) == (promoted, offered)
        assert (impact.over_room, impact.waiting, impact.is_felt) == (over_room, 3, True)
    # Where the busy one is free, it is the first again.
    later = {"capacity": 3, **hours(2, 3)}
    _, impact = move_event_session(admin, session.id, later, dry_run=True)
    assert (impact.promoted, impact.offered) == (2, 0)
    mails = len(rows.mails())
    _, impact = move_event_session(admin, session.id, {"capacity": 4})
    assert (impact.promoted, impact.offered) == (2, 1)
    assert sorted(rows.mails()[mails:]) == sorted(
        [*(("seat_promoted", each.email) for each in others), ("seat_offered", busy.email)]
    )
    _, impact = move_event_session(admin, session.id, {"title": "Renamed"}, dry_run=True)
    assert not impact.is_felt  # what was so before is nobody's surprise
    assert guarantees.find_breaches() == []


def test_who_leaves_makes_room_for_who_waits(admin: Any) -> None:
    event = factories.make_event()
    session = factories.make_session(event, capacity=2)
    other = factories.make_session(event, starts_at=TEN + timedelta(hours=1))
    busy, staying, waiting = (factories.make_actor() for _ in range(3))
    for each in (busy, staying):
        seats.book_seat(each, session.id)
    waitlist.join(waiting, session.id)
    seats.book_seat(busy, other.id)
    _, impact = move_event_session(admin, session.id, hours(1, 2), dry_run=True)
    assert (len(impact.released), impact.promoted) == (1, 1)
    fewer = hours(1, 2) | {"capacity": 1}
    _, impact = move_event_session(admin, session.id, fewer, release_last=True, dry_run=True)
    assert (len(impact.released), impact.promoted) == (1, 0)


def test_what_changes_nothing_is_no_move(admin: Any, published: list[Any]) -> None:
    speaker, attendee = factories.make_actor(), factories.make_actor()
    speakers = [{"name": "S", "user_id": speaker.user_id}]
    session = factories.make_session(speakers=speakers, title="A talk")
    seats.book_seat(attendee, session.id)
    here = {
        "title": " A talk",
        "room_id": session.room_id,
        "capacity": 1,
        "speakers": speakers,
        **hours(0, 1),
    }
    published.clear()
    before = (rows.mails(), rows.count(AuditEntry), rows.version(speaker.calendar_id))
    for values in (here, {}):
        for dry_run in (True, False):
            shown, impact = move_event_session(
                admin, session.id, values, version=2, dry_run=dry_run
            )
            assert (shown["version"], shown["speakers"]) == (2, speakers)
            assert impact == Impact(keeping=1)
    assert (rows.mails(), rows.count(AuditEntry), rows.version(speaker.calendar_id)) == before
    assert (published, rows.count(Speaker)) == ([], 1)
    refusal(Stale, move_event_session, admin, session.id, here, version=1)
    cancel_event_session(admin, session.id)
    refusal(Gone, move_event_session, admin, session.id, here)


def test_who_did_the_same_meanwhile_did_it(
    admin: Any, published: list[Any], meanwhile: Any
) -> None:
    session = factories.make_session()
    published.clear()
    meanwhile(lambda: move_event_session(admin, session.id, hours(1, 2)))
    shown, _ = move_event_session(admin, session.id, hours(1, 2))
    assert shown["version"] == 2
    told = [each for each in published if isinstance(each, changes.BookingChanged)]
    assert len(told) == 1


def test_no_session_moves_into_the_past(admin: Any, at: Any) -> None:
    session = factories.make_session()
    error = refusal(InvalidInput, move_event_session, admin, session.id, hours(-48, -47))
    assert error.errors == {"starts_at": ["This lies in the past."]}
    shown, _ = move_event_session(admin, session.id, hours(-48, 1), as_published=True)
    assert shown["starts_at"] == "2031-03-02T10:00:00Z"
    # It has begun: its end and its texts are open yet, also by a form that sends all.
    shown, _ = move_event_session(admin, session.id, {**hours(-48, 2), "title": "Longer"})
    assert shown["ends_at"] == "2031-03-04T12:00:00Z"


def test_a_day_outside_the_event_is_told(admin: Any) -> None:
    """The night after the last day is its own, and every other one's where that is said."""
    event = factories.make_event(starts_on="2031-03-04", ends_on="2031-03-05")
    session = factories.make_session(event)
    for start, day, outside in [
        (24, "2031-03-05", False),
        (38, "2031-03-05", False),  # 01:00 in Berlin
        (48, "2031-03-06", True),
        (-24, "2031-03-03", True),
    ]:
        shown, impact = move_event_session(
            admin, session.id, hours(start, start + 1), as_published=True, dry_run=True
        )
        assert (shown["day"], impact.outside_event) == (day, outside)
    night = {**hours(14, 15), "day": TEN.date()}
    assert not move_event_session(admin, session.id, night)[1].outside_event
    far = {"title": "Far", "room_id": factories.make_room().id, **hours(480, 481)}
    assert schedule_session(admin, event.slug, far, dry_run=True)[1].outside_event
    _, impact = move_event_session(
        admin, session.id, {**hours(14, 15), "day": TEN.date() + timedelta(days=9)}, dry_run=True
    )
    assert impact.outside_event


def test_a_dry_run_of_a_move_changes_nothing(admin: Any, published: list[Any]) -> None:
    session = factories.make_session()
    actor = factories.make_actor()
    seats.book_seat(actor, session.id)
    published.clear()
    mails = rows.mails()
    shown, _ = move_event_session(admin, session.id, hours(3, 4), dry_run=True)
    assert shown["starts_at"] == "2031-03-04T13:00:00Z"
    db.session.rollback()
    again = get_event_session(session.id)
    assert (again.starts_at, again.version) == (TEN, 2)
    assert (rows.busy(actor.calendar_id), rows.mails(), published) == ([span(0, 1)], mails, [])


def test_a_taken_room_or_speaker_refuses_the_move(admin: Any) -> None:
    event, speaker = factories.make_event(), factories.make_actor()
    session = factories.make_session(event)
    other = factories.make_session(
        event,
        starts_at=TEN + timedelta(hours=1),
        speakers=[{"name": "S", "user_id": speaker.user_id}],
    )
    error = refusal(
        Overlap,
        move_event_session,
        admin,
        session.id,
        {"room_id": other.room_id, **hours(0.5, 1.5)},
    )
    assert [each["title"] for each in error.extra["conflicts"]] == [other.title]
    speakers = [{"name": "S", "user_id": speaker.user_id}]
    refusal(
        Overlap,
        move_event_session,
        admin,
        session.id,
        {"speakers": speakers, **hours(0.5, 1.5)},
    )
    db.session.rollback()
    assert (get_event_session(session.id).version, rows.count(Speaker)) == (1, 1)


def test_a_session_may_move_over_itself_and_into_another_room(admin: Any) -> None:
    session, room = factories.make_session(), factories.make_room()
    old_room = session.room_id
    move_event_session(admin, session.id, {"room_id": room.id, **hours(0.5, 1.5)})
    assert rows.busy(rows.room_calendar(old_room)) == []
    assert rows.busy(rows.room_calendar(room.id)) == [span(0.5, 1.5)]


def test_speakers_are_replaced_as_a_whole(admin: Any) -> None:
    old, new = factories.make_actor(), factories.make_actor()
    session = factories.make_session(speakers=[{"name": "Old", "user_id": old.user_id}])
    shown, _ = move_event_session(
        admin,
        session.id,
        {"speakers": [{"name": "New", "user_id": new.user_id}, {"name": "Guest"}]},
    )
    assert shown["speakers"] == [
        {"name": "New", "user_id": new.user_id},
        {"name": "Guest", "user_id": None},
    ]
    assert rows.count(Speaker) == 2
    assert rows.busy(old.calendar_id) == []
    assert rows.busy(new.calendar_id) == [span(0, 1)]
    assert guarantees.find_breaches() == []


def test_a_new_title_is_that_of_the_seats_too(admin: Any, published: list[Any]) -> None:
    session, actor = factories.make_session(), factories.make_actor()
    uid = seats.book_seat(actor, session.id).booking["uid"]
    mails = rows.mails()
    published.clear()
    move_event_session(admin, session.id, {"title": "Renamed"})
    row = rows.booking(uid)
    assert (row.title, row.version, row.sequence) == ("Renamed", 2, 0)
    assert rows.mails() == mails
    told = [each for each in published if isinstance(each, changes.BookingChanged)]
    [(name, to, title)] = [
        (each.name, [calendar.user_id for calendar in each.calendars], each.booking["title"])
        for each in told
        if each.booking
    ]
    assert (name, to, title) == (changes.BOOKING_RESCHEDULED, [actor.user_id], "Renamed")


def test_the_capacity_follows_the_seats_taken(admin: Any) -> None:
    session = factories.make_session(capacity=3)
    for _ in range(2):
        seats.book_seat(factories.make_actor(), session.id)
    for capacity in (1, None):
        error = refusal(InvalidInput, move_event_session, admin, session.id, {"capacity": capacity})
        assert error.extra["errors"]["capacity"][0].startswith("2 seats are taken")
    assert move_event_session(admin, session.id, {"capacity": 2})[0]["seats_left"] == 0
    assert rows.seats_taken(session.id) == 2


def test_an_old_version_is_stale_and_a_cancelled_session_gone(admin: Any) -> None:
    session = factories.make_session()
    move_event_session(admin, session.id, {"title": "One"}, version=1)
    refusal(Stale, move_event_session, admin, session.id, {"title": "Two"}, version=1)
    cancel_event_session(admin, session.id)
    refusal(Gone, move_event_session, admin, session.id, {"title": "Three"})
    assert get_event_session(session.id).title == "One"


# -- cancelled ---------------------------------------------------------------------------


def test_a_cancelled_session_releases_all_seats_its_room_and_speakers(
    admin: Any, published: list[Any]
) -> None:
    speaker = factories.make_actor()
    session = factories.make_session(
        capacity=3, speakers=[{"name": "S", "user_id": speaker.user_id}]
    )
    people = [factories.make_actor() for _ in range(2)]
    booked = [seats.book_seat(person, session.id).booking["uid"] for person in people]
    published.clear()
    assert cancel_event_session(admin, session.id) == booked
    for uid in booked:
        row = rows.booking(uid)
        assert (row.status, row.cancel_reason) == ("cancelled", "The session was cancelled.")
    for calendar in (speaker.calendar_id, rows.room_calendar(session.room_id)):
        assert rows.busy(calendar) == []
    assert rows.mails()[2:] == [
        *(("seat_cancelled", person.email) for person in people),
        ("talk_cancelled", speaker.email),
    ]
    told = [each.kind for each in published if isinstance(each, changes.BookingChanged)]
    assert told == ["seat", "seat", "event_session"]
    assert changes.AgendaChanged(session.event_id, session.event.slug) in published
    assert (rows.seats_taken(session.id), guarantees.find_breaches()) == (0, [])


def test_cancelling_twice_is_one_cancellation(admin: Any, published: list[Any]) -> None:
    session = factories.make_session()
    cancel_event_session(admin, session.id)
    version = get_event_session(session.id).version
    published.clear()
    assert cancel_event_session(admin, session.id) == []
    assert (get_event_session(session.id).version, published) == (version, [])


def test_the_room_of_a_cancelled_session_is_free(admin: Any) -> None:
    session = factories.make_session()
    cancel_event_session(admin, session.id)
    again = factories.make_session(session.event, room_id=session.room_id)
    assert rows.busy(rows.room_calendar(again.room_id)) == [span(0, 1)]
