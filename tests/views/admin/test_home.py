"""The home of the back-office: today, what fills up, what waits; for admins and contributors."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import Event, OutboxMessage, Room, User, WaitlistEntry
from app.services import admission, blackouts, overview, seats, waitlist
from app.services.errors import NotAllowed
from tests import factories
from tests.queries import count_queries
from tests.views.admin.conftest import NINE, Office, World


def figures(page: str) -> dict[str, int]:
    found = re.findall(r'figure__number figures">(\d+)</span> <span[^>]*>([a-z ]+)<', page)
    return {name: int(number) for number, name in found}


def counted_there(office: Office, page: str) -> dict[str, tuple[int, int]]:
    """Each figure beside the number of rows in the list that it leads to."""
    linked = r'<a class="figure[^"]*" href="([^"]+)"><span[^>]*>(\d+)</span> <span[^>]*>([^<]+)<'
    return {
        name: (int(number), total(office.page(href)))
        for href, number, name in re.findall(linked, page)
    }


def total(page: str) -> int:
    """How many rows a list says that it has."""
    found = re.search(r"(\d+) (?:found|in all)", page)
    assert found
    return int(found[1])


def bars(page: str) -> dict[str, list[str]]:
    """The day's chart as its table has it: local hour and numbers."""
    rows = re.findall(r'<tr><th scope="row">(\d\d:\d\d)</th>(.*?)</tr>', page)
    return {hour: re.findall(r'figures">([\d.]+)<', cells) for hour, cells in rows}


def test_home_counts_today(app: Flask, world: World, office: Office, at: Any) -> None:
    at(NINE)
    page = office.page("/backoffice/")
    assert "Tuesday 4 March 2031" in page
    assert figures(page) == {
        "appointments": 1,
        "seats": 1,
        "reservations": 0,
        "sessions": 2,
        "held seats await an answer": 0,
        "sessions with more seats than their room": 0,
        "mails failed": 0,
        "mails waiting": 5,  # two of them reminders of what begins now
        "people on waitlists": 1,
        "active users": 5,
    }
    hours = bars(page)
    assert len(hours) == 24
    assert {hour: row for hour, row in hours.items() if row != ["0"] * 4} == {
        "10:00": ["1", "0", "0", "0"],  # 09:00 UTC in Berlin
        "11:00": ["0", "1", "0", "2"],
    }
    assert '<title id="chart-day-title">' in page
    assert "4 things in all; the most, 3, at 11:00." in page
    with app.app_context(), pytest.raises(NotAllowed):
        overview.get_overview(world.ben, "UTC")


def test_what_waits_is_counted_and_leads_to_its_list(
    app: Flask, world: World, office: Office
) -> None:
    with app.app_context():
        small = factories.make_room(name="Cabin", capacity=2).id
        crowd = factories.make_session(
            db.session.get(Event, world.event), title="Crowd", room_id=small, capacity=4
        ).id
        for _ in range(3):
            seats.book_seat(factories.make_actor(), crowd)
        admission.check_in(world.root, "gathering", ["dee@example.org"])
        failed = db.session.query(OutboxMessage).first()
        failed.state = "failed"
        db.session.commit()
    page = office.page("/backoffice/")
    numbers = figures(page)
    assert numbers["sessions with more seats than their room"] == 1
    assert numbers["mails failed"] == 1
    assert "3 of 4" in page
    assert "1 of 1" in page  # checked in
    for link, there in {
        "/backoffice/sessions/list/?fill=too_many": "Crowd",
        "/backoffice/sessions/list/?fill=mostly": "Crowd",
        "/backoffice/outbox/list/?state=failed": "1 found",
        f"/backoffice/attendees/list/?event={world.event}": "Dee Door",
        "/backoffice/waitlist/list/?when=upcoming": "Ben Client",
    }.items():
        assert link in page
        assert there in office.page(link)


def test_home_costs_as_much_on_a_full_day(app: Flask, world: World, office: Office) -> None:
    office.page("/backoffice/")
    costs = []
    for _ in range(2):
        with app.app_context(), count_queries() as statements:
            office.page("/backoffice/")
        costs.append(len(statements))
        with app.app_context():
            session = factories.make_session(db.session.get(Event, world.event), capacity=9).id
            for _ in range(8):
                seats.book_seat(factories.make_actor(), session)
                admission.add_attendee(
                    world.root, "gathering", name="", email=f"a{len(costs)}{_}@example.org"
                )
    assert costs[0] == costs[1] <= 10, statements


def test_contributors_see_their_faces_only(world: World) -> None:
    page = world.office(world.cora).page("/backoffice/")
    assert set(figures(page)) == {
        "reservations",
        "sessions",
        "sessions with more seats than their room",
    }
    for hidden in ("ppointments", "mails", "Add booking", "waitlists", "await"):
        assert hidden not in page
    assert "Check-ins so far" in page


def test_each_number_is_that_of_the_list_it_leads_to(
    app: Flask, world: World, office: Office, at: Any
) -> None:
    at(datetime(2031, 3, 2, 7, tzinfo=UTC))
    with app.app_context():
        event = factories.make_event()
        for begins, minutes in (
            ("2031-03-03T22:00Z", 60),  # yesterday in Berlin, to its midnight
            ("2031-03-03T22:30Z", 60),  # over midnight: of both days
            ("2031-03-04T22:30Z", 150),
            ("2031-03-04T23:00Z", 60),  # tomorrow
        ):
            start = datetime.fromisoformat(begins)
            factories.make_session(event, starts_at=start, minutes=minutes, capacity=2)
        small = factories.make_room(capacity=2).id
        crowd = factories.make_session(event, starts_at=NINE, room_id=small, capacity=4).id
        for _ in range(3):
            seats.book_seat(factories.make_actor(), crowd)
        waitlist.join(world.ben, factories.make_session(event, capacity=0).id)  # over by then
        at(datetime(2031, 3, 4, 7, tzinfo=UTC))
        held = db.session.get(WaitlistEntry, world.entry)
        held.offer_expires_at = datetime(2031, 3, 4, 8, tzinfo=UTC)
        first, second, *_ = db.session.query(OutboxMessage).all()
        first.state, second.next_attempt_at = "failed", datetime(2031, 3, 9, tzinfo=UTC)
        db.session.commit()
    numbers = counted_there(office, office.page("/backoffice/"))
    assert numbers["sessions"] == (5, 5)
    assert numbers["held seats await an answer"] == (1, 1)
    assert all(number == there for number, there in numbers.values()), numbers
    assert len(numbers) == 10
    cora = world.office(world.cora)
    assert counted_there(cora, cora.page("/backoffice/")) == {
        "reservations": (0, 0),
        "sessions": (5, 5),
        "sessions with more seats than their room": (1, 1),
    }
    # The same day is another one elsewhere.
    with app.app_context():
        db.session.get(User, world.cora.user_id).time_zone = "America/Los_Angeles"
        db.session.commit()
    numbers = counted_there(cora, cora.page("/backoffice/"))
    assert numbers["sessions"][0] == numbers["sessions"][1] == 3


def test_full_sessions_are_in_the_list_of_what_fills_up(
    app: Flask, world: World, office: Office
) -> None:
    with app.app_context():
        event = db.session.get(Event, world.event)
        for title, taken, capacity in (("All taken", 2, 2), ("Nearly", 3, 4), ("Roomy", 2, 9)):
            session = factories.make_session(event, title=title, capacity=capacity).id
            for _ in range(taken):
                seats.book_seat(factories.make_actor(), session)
    home = office.page("/backoffice/")
    link = re.search(r'href="([^"]+)">All sessions that fill up', home)
    assert link
    there = office.page(link[1])
    assert "2 of 2" in home
    for page in (home, there):
        assert ("All taken" in page, "Roomy" in page) == (True, False)
    assert total(there) == home.count("home-row__share") - home.count("?event=")


def test_a_held_seat_of_ones_own_is_a_conflict_that_waits(app: Flask, world: World) -> None:
    with app.app_context():
        event = db.session.get(Event, world.event)
        busy = factories.make_session(event, capacity=3)
        full = factories.make_session(event, capacity=1)
        seats.book_seat(factories.make_actor(), full.id)
        seats.book_seat(world.cora, busy.id)
        waitlist.join(world.cora, full.id)
        entry = db.session.scalars(
            select(WaitlistEntry).where(WaitlistEntry.user_id == world.cora.user_id)
        ).one()
        entry.offer_expires_at = full.starts_at
        db.session.commit()
    page = world.office(world.cora).page("/backoffice/")
    assert figures(page)["held seats await your answer"] == 1
    assert 'href="/agenda/gathering/mine"' in page
    assert "Conflicts waiting" in page


def test_a_closed_room_is_no_booking_of_the_day(world: World, office: Office, at: Any) -> None:
    at(NINE)
    before = figures(office.page("/backoffice/"))
    with world.app.app_context():
        closed = factories.period("2031-03-04T18:00Z", "2031-03-04T20:00Z")
        blackouts.close_room(world.root, factories.make_room().id, closed, "Painting")
    assert figures(office.page("/backoffice/")) == before


@pytest.mark.parametrize(("day", "number"), [("2031-03-30", 23), ("2031-10-26", 25)])
def test_a_day_has_the_hours_that_its_clocks_have(
    app: Flask, world: World, at: Any, day: str, number: int
) -> None:
    at(datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))
    with app.app_context():
        found = overview.get_overview(world.root, "Europe/Berlin")
    assert len(found.hours) == len(found.by_hour["seat"]) == number
    assert (found.hours[0].hour, found.hours[-1].hour) == (0, 23)


def test_an_empty_house_says_so(app: Flask) -> None:
    with app.app_context():
        root = factories.make_admin(email="root@example.org")
        assert db.session.query(Room).count() == 0
    page = Office(app, root).page("/backoffice/")
    assert "There is nothing to show." in page
    assert "No event to come has a list of attendees yet." in page
