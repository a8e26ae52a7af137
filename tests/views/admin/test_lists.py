"""Lists of the back-office: searched, narrowed, ordered, paged, and as cheap when long."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEntry, Event, OutboxMessage, User
from app.services import blackouts, reservations, seats
from app.services.reservations import Wanted
from tests import factories
from tests.queries import count_queries
from tests.views.admin.conftest import Office, World

LISTS = (
    "bookings",
    "sessions",
    "events",
    "rooms",
    "blackouts",
    "experts",
    "event-types",
    "users",
    "roles",
    "outbox",
    "audit",
)


def names(page: str) -> list[str]:
    """What is listed, in order."""
    rows = re.findall(r"<th scope=row[^>]*><a [^>]*>(.*?)</a>", page, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", row)) for row in rows]


def fill(app: Flask, world: World, number: int) -> None:
    """As many more of everything."""
    with app.app_context():
        for index in range(number):
            actor, _ = factories.make_expert(name=f"Expert {index}")
            factories.make_event_type(actor)
            event = factories.make_event()
            session = factories.make_session(
                event,
                capacity=3,
                speakers=[{"name": "One", "user_id": actor.user_id}, {"name": "Two"}],
            )
            seats.book_seat(factories.make_actor(), session.id)
            period = factories.period(
                f"2031-04-{index + 1:02}T09:00Z", f"2031-04-{index + 1:02}T10:00Z"
            )
            reservations.reserve_room(world.root, Wanted(world.room, period, f"R{index}"))
            later = factories.period(
                f"2031-05-{index + 1:02}T09:00Z", f"2031-05-{index + 1:02}T10:00Z"
            )
            blackouts.close_room(world.root, world.room, later, f"Closed {index}")


def test_no_list_costs_more_when_it_is_longer(app: Flask, world: World, office: Office) -> None:
    costs = {}
    for path in LISTS:
        office.page(f"/backoffice/{path}/list/")
        with app.app_context(), count_queries() as statements:
            office.page(f"/backoffice/{path}/list/")
        costs[path] = len(statements)
    fill(app, world, 8)
    for path in LISTS:
        with app.app_context(), count_queries() as statements:
            page = office.page(f"/backoffice/{path}/list/")
        assert path == "roles" or len(names(page)) > 5
        assert len(statements) == costs[path], (path, statements)
    assert max(costs.values()) <= 12, costs


def test_rooms_are_searched_ordered_and_paged(app: Flask, world: World, office: Office) -> None:
    with app.app_context():
        for number in range(30):
            factories.make_room(name=f"Cabin {number:02}", capacity=100 - number)
    page = office.page("/backoffice/rooms/list/?q=cabin")
    assert "30 found" in page
    assert names(page)[:2] == ["Cabin 00", "Cabin 01"]
    assert "Page 1 of 2" in page
    assert len(names(office.page("/backoffice/rooms/list/?q=CABIN&page=2"))) == 5
    page = office.page("/backoffice/rooms/list/?q=cabin&order=capacity&direction=asc")
    assert names(page)[0] == "Cabin 29"
    assert 'aria-sort="ascending"' in page
    page = office.page("/backoffice/rooms/list/?q=cabin&order=name&direction=desc")
    assert names(page)[0] == "Cabin 29"
    assert names(office.page("/backoffice/rooms/list/?q=%25")) == []
    assert "There is no such page." in office.page("/backoffice/rooms/list/?page=99")


def test_bookings_are_narrowed(world: World, office: Office) -> None:
    listed = {
        "kind=appointment": ["Consultation"],
        "kind=seat": ["Opening"],
        "kind=reservation&status=confirmed": ["Rehearsal"],
        "status=cancelled": [],
        "when=past": [],
        f"room={world.room}": ["Opening"],
        f"expert={world.expert}": ["Consultation"],
        f"session={world.session}": ["Opening"],
        "q=gwen@": ["Consultation"],
        "q=ben%20client": ["Opening"],
        "q=ann%20lee": ["Consultation"],
        "q=client%20opening%20BEN": ["Opening"],
        "q=client%20consultation": [],
    }
    for query, expected in listed.items():
        assert names(office.page(f"/backoffice/bookings/list/?{query}")) == expected, query
    page = office.page("/backoffice/bookings/list/?order=starts_at&direction=asc")
    assert names(page) == ["Consultation", "Opening", "Rehearsal"]
    assert "Tue 4 Mar, 10:00\u201310:30 CET" in page


def test_words_are_found_in_any_letters(world: World, office: Office) -> None:
    with world.app.app_context():
        room = factories.make_room(name="Årsta, Überlingen")
        event = db.session.get(Event, world.event)
        factories.make_session(event, title="Żółw", room_id=room.id)
    for query in ("åRSTA", "überlingen årsta", "ŻÓŁW", "żół gathering"):
        page = office.page(f"/backoffice/sessions/list/?q={query}")
        assert names(page) == ["Żółw"], query


@pytest.mark.parametrize(
    "query", ["kind=none", "page=0", "page=x", "order=version", "direction=up", "expert=999999"]
)
def test_what_no_list_knows_is_refused(office: Office, query: str) -> None:
    assert office.get(f"/backoffice/bookings/list/?{query}").status_code == 422


@pytest.mark.parametrize("path", ["audit", "bookings", "sessions"])
def test_days_that_nothing_is_reckoned_with_are_refused(office: Office, path: str) -> None:
    for day in ("9999-12-31", "0001-01-01", "2200-01-01", "2031-02-29", "soon", "2031-03-04T10:00"):
        for name in ("since", "until"):
            assert office.get(f"/backoffice/{path}/list/?{name}={day}").status_code == 422, day
    office.page(f"/backoffice/{path}/list/?since=1970-01-01&until=2199-12-31")


def test_lists_are_narrowed_to_the_readers_days(app: Flask, world: World, office: Office) -> None:
    with app.app_context():
        start = datetime(2031, 3, 4, 22, 30, tzinfo=UTC)  # over midnight in Berlin
        factories.make_session(db.session.get(Event, world.event), title="Late", starts_at=start)
    for query, expected in {
        "since=2031-03-05": {"Late"},
        "until=2031-03-04": {"Late", "Opening", "Full house"},
        "until=2031-03-03": set(),
        "since=2031-03-05&until=2031-03-05": {"Late"},
        "since=2031-03-06": set(),
    }.items():
        page = office.page(f"/backoffice/sessions/list/?{query}")
        assert set(names(page)) == expected, query
    page = office.page("/backoffice/bookings/list/?since=2031-03-05&until=2031-03-05")
    assert names(page) == ["Rehearsal"]
    assert "From: Wed 5 Mar" in page


def test_empty_lists_say_what_to_do(app: Flask) -> None:
    with app.app_context():
        root = factories.make_admin(email="root@example.org")
    office = Office(app, root)
    assert "Add the first room" in office.page("/backoffice/rooms/list/")
    assert "Add the first event" in office.page("/backoffice/events/list/")
    assert "Bookings come from experts' pages" in office.page("/backoffice/bookings/list/")
    page = office.page("/backoffice/users/list/?q=nobody")
    assert "Nothing matches." in page
    assert "Show all" in page


def test_what_is_typed_is_shown_as_text(app: Flask, world: World, office: Office) -> None:
    evil = '<img src=x onerror="alert(1)">'
    with app.app_context():
        factories.make_room(name=evil)
        factories.make_user(name=evil, email="evil@example.org")
        factories.make_session(db.session.get(Event, world.event), title=evil)
    for path in ("rooms", "users", "sessions", "audit"):
        assert "<img src=x" not in office.get(f"/backoffice/{path}/list/").text, path
    assert "<img src=x" not in office.get("/backoffice/rooms/list/", query_string={"q": evil}).text


def test_records_are_read_only(app: Flask, world: World, office: Office) -> None:
    with app.app_context():
        mail = db.session.scalars(select(OutboxMessage.id).limit(1)).one()
        entry = db.session.scalars(select(AuditEntry.id).limit(1)).one()
    for path, pk in (("outbox", mail), ("audit", entry)):
        office.page(f"/backoffice/{path}/show/{pk}")
        for method in ("add", f"edit/{pk}", f"delete/{pk}", "delete/"):
            assert office.get(f"/backoffice/{path}/{method}").status_code == 404
    page = office.page("/backoffice/audit/list/?q=cora")
    assert "Cora" in page
    with app.app_context():
        user = db.session.get(User, world.ben.user_id)
        assert user.email not in office.page("/backoffice/audit/list/?kind=room")
