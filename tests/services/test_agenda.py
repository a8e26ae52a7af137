"""The agenda: what attendees read, who may, and when it counts as changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.services import agenda, event_sessions, events, seats, session_changes
from app.services.errors import MustChangePassword, NotFound, Unauthenticated
from app.services.policy import CONTRIBUTOR
from tests import factories

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def read(actor: Any, slug: str) -> dict[str, Any]:
    body = agenda.read_agenda(actor, slug).body
    assert body is not None
    return json.loads(body)


def etag(actor: Any, slug: str) -> str:
    return agenda.read_agenda(actor, slug).etag


def test_an_agenda_in_full() -> None:
    event, room = factories.make_event(venue="Hall"), factories.make_room()
    session = factories.make_session(
        event,
        room_id=room.id,
        title="A „talk“",
        capacity=5,
        abstract="Short",
        description="Long",
        track="Main",
        language="en",
        speakers=[{"name": "Ann"}, {"name": "Bea"}],
    )
    assert read(None, event.slug) == {
        "event": {
            "slug": event.slug,
            "title": "An event",
            "time_zone": "Europe/Berlin",
            "starts_on": "2031-03-04",
            "ends_on": "2031-03-06",
            "venue": "Hall",
        },
        "version": 2,
        "sessions": [
            {
                "id": session.id,
                "guid": session.guid,
                "title": "A „talk“",
                "abstract": "Short",
                "track": "Main",
                "language": "en",
                "speakers": ["Ann", "Bea"],
                "room": {"id": room.id, "name": room.name},
                "starts_at": "2031-03-04T10:00:00Z",
                "ends_at": "2031-03-04T11:00:00Z",
                "day": "2031-03-04",
                "capacity": 5,
                "seats_left": 5,
                "version": 1,
                "booked": False,
                "waitlisted": False,
            }
        ],
    }


def test_sessions_come_by_time_and_room_without_cancelled_ones() -> None:
    event = factories.make_event()
    b, a = factories.make_room(name="B").id, factories.make_room(name="A").id
    later = factories.make_session(event, room_id=a, starts_at=TEN + timedelta(hours=1)).id
    in_b, in_a = (factories.make_session(event, room_id=room).id for room in (b, a))
    gone = factories.make_session(event).id
    event_sessions.cancel_event_session(factories.make_admin(), gone)
    factories.make_session()
    shown = read(None, event.slug)["sessions"]
    assert [each["id"] for each in shown] == [in_a, in_b, later]


def test_each_reader_sees_the_own_seats() -> None:
    event = factories.make_event()
    one = factories.make_session(event, capacity=2).id
    free = factories.make_session(event, capacity=None).id
    actor = factories.make_actor()
    seats.book_seat(actor, one)
    mine = {each["id"]: each for each in read(actor, event.slug)["sessions"]}
    others = {each["id"]: each for each in read(None, event.slug)["sessions"]}
    assert [mine[one]["booked"], mine[free]["booked"]] == [True, False]
    assert [others[one]["booked"], others[free]["booked"]] == [False, False]
    assert (mine[one]["seats_left"], mine[free]["seats_left"]) == (1, None)
    seats.release_seat(actor, one)
    assert [each["booked"] for each in read(actor, event.slug)["sessions"]] == [False, False]


def test_an_agendas_sign_in_shows_its_seats_in_its_event_only() -> None:
    session, user = factories.make_session(), factories.make_user()
    seats.book_seat(factories.actor_of(user), session.id)
    for audience, booked in [(f"agenda:{session.event_id}", True), ("agenda:999999", False)]:
        actor = factories.actor_of(user, audience)
        assert [each["booked"] for each in read(actor, session.event.slug)["sessions"]] == [booked]
        assert agenda.get_session(actor, session.id)["booked"] is booked


def test_what_is_known_is_not_sent_again_until_it_changes() -> None:
    session, admin = factories.make_session(capacity=3), factories.make_admin()
    slug, actor = session.event.slug, factories.make_actor()
    known = etag(actor, slug)
    for tags in ([known], ["other", known]):
        assert agenda.read_agenda(actor, slug, tags) == agenda.Agenda(known, None)
    changes = [
        lambda: seats.book_seat(actor, session.id),
        lambda: seats.book_seat(factories.make_actor(), session.id),
        lambda: seats.release_seat(actor, session.id),
        lambda: session_changes.move_event_session(admin, session.id, {"title": "Renamed"}),
        lambda: events.update_event(admin, slug, {"venue": "Elsewhere"}),
        lambda: factories.make_session(session.event),
        lambda: event_sessions.cancel_event_session(admin, session.id),
    ]
    versions = []
    for change in changes:
        change()
        assert agenda.read_agenda(actor, slug, [known]).body is not None
        known = etag(actor, slug)
        versions.append(read(actor, slug)["version"])
    assert versions == sorted(set(versions))


def test_readers_with_other_seats_have_other_etags() -> None:
    session, one, other = (
        factories.make_session(capacity=2),
        factories.make_actor(),
        factories.make_actor(),
    )
    seats.book_seat(one, session.id)
    tags = {etag(reader, session.event.slug) for reader in (None, one, other)}
    assert len(tags) == 2


def test_an_event_that_takes_the_place_of_a_deleted_one_has_its_own_agenda() -> None:
    admin = factories.make_admin()
    first = factories.make_event(title="First")
    assert read(None, first.slug)["event"]["title"] == "First"
    events.delete_event(admin, first.slug)
    second = factories.make_event(title="Second")
    assert read(None, second.slug)["event"]["title"] == "Second"


def test_who_may_read_what_is_not_public() -> None:
    session = factories.make_session(factories.make_event(public=False))
    slug = session.event.slug
    user = factories.make_user()
    readers = [
        factories.actor_of(user, f"agenda:{session.event_id}"),
        factories.make_admin(),
        factories.make_actor(CONTRIBUTOR),
    ]
    for reader in readers:
        assert read(reader, slug)["event"]["slug"] == slug
        assert agenda.get_session(reader, session.id)["description"] == ""
        assert agenda.topic_version(reader, slug) == 2
    for reader, error in [
        (None, Unauthenticated),
        (factories.actor_of(user, "agenda:999999"), NotFound),
        (factories.make_admin(flagged=True), MustChangePassword),
    ]:
        for act in (
            lambda reader=reader: agenda.read_agenda(reader, slug),
            lambda reader=reader: agenda.get_session(reader, session.id),
            lambda reader=reader: agenda.topic_version(reader, slug),
        ):
            with pytest.raises(error) as refused:
                act()
            assert type(refused.value) is error


def test_what_is_not_there_is_not_found() -> None:
    for act in (
        lambda: agenda.read_agenda(None, "no-such-event"),
        lambda: agenda.get_session(None, 999_999),
    ):
        with pytest.raises(NotFound):
            act()


def test_one_session_has_its_description_and_status() -> None:
    session, actor = factories.make_session(description="Long"), factories.make_actor()
    seats.book_seat(actor, session.id)
    (in_agenda,) = read(actor, session.event.slug)["sessions"]
    assert agenda.get_session(actor, session.id) == in_agenda | {
        "description": "Long",
        "status": "confirmed",
    }
    event_sessions.cancel_event_session(factories.make_admin(), session.id)
    assert agenda.get_session(actor, session.id)["status"] == "cancelled"


def test_seats_and_version_are_read_together() -> None:
    event = factories.make_event()
    full, free = factories.make_session(event), factories.make_session(event, capacity=None)
    seats.book_seat(factories.make_actor(), full.id)
    version, shown = agenda.seats_now(event.id)
    assert version == read(None, event.slug)["version"]
    assert shown == [{"id": full.id, "seats_left": 0, "version": 2}]
    assert free.capacity is None
    assert agenda.seats_now(999_999) == (0, [])
