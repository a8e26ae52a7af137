"""Who is affected by a change of a session: shown first, the same by page and API."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.extensions import db
from app.models import Booking, Event, EventSession
from app.services import event_sessions, guarantees, seats, waitlist
from app.services.policy import Actor
from tests import factories, rows
from tests.views.admin.conftest import Office, World, agreed
from tests.views.admin.test_writes import field, filled


def book(world: World, name: str, *session_ids: int) -> tuple[Actor, list[str]]:
    """Somebody with seats."""
    person = factories.make_actor(name=name, email=f"{name.lower()}@example.org")
    return person, [seats.book_seat(person, each).booking["uid"] for each in session_ids]


@pytest.fixture
def later(world: World) -> int:
    """Another session, of Wednesday at 11:00 in Berlin, in which Ben has a seat."""
    with world.app.app_context():
        made = factories.make_session(
            db.session.get(Event, world.event),
            title="Workshop",
            starts_at=factories.period("2031-03-05T10:00Z", "2031-03-05T11:00Z").starts_at,
        ).id
        seats.book_seat(world.ben, made)
    return made


MOVED = {"starts_at": "2031-03-05T11:00", "ends_at": "2031-03-05T12:00"}
API = {"starts_at": "2031-03-05T10:00:00Z", "ends_at": "2031-03-05T11:00:00Z"}


def impact_of(world: World, office: Office, body: dict[str, Any]) -> dict[str, Any]:
    """The API's dry run, by the same admin."""
    page = office.page("/backoffice/")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token
    answer = office._client.patch(
        f"/api/sessions/{world.session}",
        json={**body, "dry_run": True},
        headers={"X-CSRF-TOKEN": token[1]},
    )
    assert answer.status_code == 200, answer.text
    impact: dict[str, Any] = answer.json["impact"]
    return impact


def shown(page: str) -> dict[str, Any]:
    """What the page says, as far as it can be told apart."""
    return {
        "released": re.findall(r'data-released="([^"]+)"', page),
        "names": re.findall(r'data-released="[^"]+"><strong>([^<]+)</strong>', page),
        "emails": re.findall(r'<span class="quiet">([^<@]+@[^<]+)</span>', page),
        "conflicts": len(re.findall("data-conflict", page)),
    }


def expected(impact: dict[str, Any]) -> dict[str, Any]:
    return {
        "released": impact["released"],
        "names": [each["name"] for each in impact["leaving"]],
        "emails": [each["email"] for each in impact["leaving"]],
        "conflicts": len(impact["conflicts"]),
    }


def test_moving_over_others_shows_them_first(world: World, office: Office, later: int) -> None:
    with world.app.app_context():
        book(world, "Kim", world.session)
    edit = f"/backoffice/sessions/edit/{world.session}"
    moved = filled(office, edit) | MOVED
    page = office.step(edit, moved)
    assert shown(page) == expected(impact_of(world, office, API))
    assert shown(page)["names"] == ["Ben Client"]
    assert "Has Workshop, Wed 5 Mar, 11:00\u201312:00 CET" in page
    assert "Tue 4 Mar, 11:00\u201312:00 CET" in page  # before
    for text in ("keeps the seat", "loses the seat", "get a mail", "Save, and release 1 seat"):
        assert text in page
    assert world.read(Booking, world.seat).status == "confirmed"
    assert field(page, "starts_at") == MOVED["starts_at"]  # nothing typed is lost

    back = office.post(edit, moved | {"again": "1"})
    assert (back.status_code, field(back.text, "starts_at")) == (200, MOVED["starts_at"])
    with world.app.app_context():
        mails = len(rows.mails())
    office.done(edit, moved | {"agreed": agreed(page)})
    assert world.read(Booking, world.seat).status == "cancelled"
    assert world.read(EventSession, world.session).starts_at.day == 5
    with world.app.app_context():
        assert sorted(rows.mails()[mails:]) == [
            ("seat_cancelled", "ben@example.org"),
            ("seat_rescheduled", "kim@example.org"),
        ]
        assert guarantees.find_breaches() == []
    assert "1 seat released, 2 attendees told by mail." in office.page(
        f"/backoffice/sessions/show/{world.session}"
    )


def test_who_came_in_between_is_shown_before_it_is_done(world: World, office: Office) -> None:
    edit = f"/backoffice/sessions/edit/{world.session}"
    moved = filled(office, edit) | MOVED
    first = agreed(office.step(edit, moved))
    with world.app.app_context():
        book(world, "Kim", world.session)
    page = office.step(edit, moved | {"agreed": first})
    assert "has changed since the page was shown" in page
    assert '<strong class="figures">2</strong> keep their seat' in page
    assert world.read(EventSession, world.session).starts_at.day == 4
    office.done(edit, moved | {"agreed": agreed(page)})
    assert world.read(EventSession, world.session).starts_at.day == 5


def test_fewer_seats_than_taken_names_the_last(world: World, office: Office) -> None:
    with world.app.app_context():
        _, [uid] = book(world, "Kim", world.session)
    edit = f"/backoffice/sessions/edit/{world.session}"
    fewer = filled(office, edit) | {"capacity": "1"}
    page = office.step(edit, fewer)
    assert "2 seats are taken." in page
    assert "Booked among the last" in page
    assert shown(page) == expected(impact_of(world, office, {"capacity": 1, "release_last": True}))
    assert shown(page)["released"] == [uid]
    assert world.read(EventSession, world.session).capacity == 5
    office.done(edit, fewer | {"agreed": agreed(page)})
    session = world.read(EventSession, world.session)
    assert (session.capacity, session.seats_taken) == (1, 1)
    page = office.refused(edit, filled(office, edit) | {"capacity": ""})
    assert "free entry would leave them behind" in page


def test_more_seats_show_who_gets_one_and_what_the_room_holds(world: World, office: Office) -> None:
    with world.app.app_context():
        event = db.session.get(Event, world.event)
        room = factories.make_room(capacity=1).id
        session = factories.make_session(event, title="Small", room_id=room).id
        book(world, "Kim", session)
        for name in ("Lea", "Mo", "Nia"):
            waitlist.join(factories.make_actor(name=name), session)
        mails = len(rows.mails())
    edit = f"/backoffice/sessions/edit/{session}"
    more = filled(office, edit) | {"capacity": "3"}
    page = office.step(edit, more)
    assert '<strong class="figures">2</strong> get a seat from the waitlist' in page
    assert "The room holds 1 person, fewer than there are seats." in page
    with world.app.app_context():
        assert len(rows.mails()) == mails
    office.done(edit, more | {"agreed": agreed(page)})
    assert "Saved: 2 attendees told by mail, 2 seats go to the waitlist." in office.page(
        f"/backoffice/sessions/show/{session}"
    )
    page = office.step(
        edit,
        filled(office, edit) | {"starts_at": "2031-03-09T11:00", "ends_at": "2031-03-09T12:00"},
    )
    assert "This is not on a day of the event, " in page
    past = {"starts_at": "2031-03-01T11:00", "ends_at": "2031-03-01T12:00"}
    assert "This lies in the past." in office.refused(edit, filled(office, edit) | past)


def test_what_is_in_the_way_is_shown_and_cannot_be_saved(
    world: World, office: Office, later: int
) -> None:
    edit = f"/backoffice/sessions/edit/{world.session}"
    taken = world.read(EventSession, later).room_id
    page = office.step(edit, filled(office, edit) | MOVED | {"room_id": str(taken)})
    impact = impact_of(world, office, {**API, "room_id": taken})
    assert shown(page) == expected(impact)
    assert [each["title"] for each in impact["conflicts"]] == ["Workshop"]
    assert "Workshop, Wed 5 Mar, 11:00\u201312:00 CET" in page  # as all else: in the event's zone
    assert 'name="agreed"' not in page
    forced = filled(office, edit) | MOVED | {"room_id": str(taken), "agreed": agreed(page)}
    assert "In the way" not in office.refused(edit, forced)
    assert world.read(EventSession, world.session).starts_at.day == 4


def test_what_affects_nobody_is_saved_at_once(world: World, office: Office) -> None:
    with world.app.app_context():
        lone = factories.make_session(db.session.get(Event, world.event), title="Lone").id
    edit = f"/backoffice/sessions/edit/{lone}"
    office.done(edit, filled(office, edit) | MOVED)
    edit = f"/backoffice/sessions/edit/{world.session}"
    office.done(edit, filled(office, edit) | {"abstract": "New words"})


def test_cancelling_shows_whose_seats_go(world: World, office: Office) -> None:
    path = f"/backoffice/sessions/delete/{world.session}"
    page = office.page(path)
    assert "Cancel “Opening”?" in page
    with world.app.app_context():
        impact = event_sessions.find_cancel_impact(world.root, world.session).as_payload()
        book(world, "Kim", world.session)
    assert shown(page) == expected(impact)
    assert shown(page)["names"] == ["Ben Client"]
    stale = office.refused(path, {"agreed": agreed(page)})
    assert shown(stale)["names"] == ["Ben Client", "Kim"]
    office.done(path, {"agreed": agreed(stale)})
    assert world.read(EventSession, world.session).status == "cancelled"
    assert world.read(Booking, world.seat).status == "cancelled"
    assert len(world.entries("event_session", "cancel")) == 1
    assert len(world.entries("booking", "cancel")) == 2
    assert office.done(f"/backoffice/sessions/edit/{world.session}").endswith(
        f"/show/{world.session}"
    )
