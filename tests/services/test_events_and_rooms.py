"""Events and rooms: made, changed and removed by admins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.extensions import db
from app.models import Calendar, Event, Room
from app.models.interval import Interval
from app.services import changes, events, rooms
from app.services.errors import (
    DomainError,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from app.services.reservations import Wanted, reserve_room
from tests import factories, rows
from tests.conftest import NOW
from tests.refusals import refusal

pytestmark = pytest.mark.usefixtures("context")

GOOD = {
    "slug": "conf",
    "title": "A  conference",
    "time_zone": "Europe/Berlin",
    "starts_on": "2031-04-01",
    "ends_on": date(2031, 4, 2),
}
NOBODY_ELSE = [
    (lambda: None, Unauthenticated),
    (factories.make_actor, NotAllowed),
    (factories.make_contributor, NotAllowed),
    (lambda: factories.make_admin(flagged=True), MustChangePassword),
]


@pytest.fixture
def admin(context: Any) -> Any:
    return factories.make_admin()


# -- events ------------------------------------------------------------------------------


def test_an_event_in_full(admin: Any) -> None:
    event = events.create_event(admin, GOOD)
    assert events.describe(event) == {
        "slug": "conf",
        "title": "A conference",
        "time_zone": "Europe/Berlin",
        "starts_on": "2031-04-01",
        "ends_on": "2031-04-02",
        "venue": "",
        "admission": "open",
        "public": False,
        "release_no_shows_minutes": None,
    }


def test_an_event_is_changed_and_its_topic_told(admin: Any, published: list[Any]) -> None:
    event = events.create_event(admin, GOOD)
    published.clear()
    values = {
        "slug": "new",
        "title": "New",
        "venue": "Hall",
        "admission": "checked_in",
        "public": True,
        "ends_on": "2031-04-01",
    }
    changed = events.update_event(admin, "conf", values)
    assert events.describe(changed) == events.describe(event) | values
    assert changed.version == 2
    assert published == [changes.AgendaChanged(event.id, "new")]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "With Space"}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"slug": None}, "slug"),
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"starts_on": "01.04.2031"}, "starts_on"),
        ({"starts_on": None}, "starts_on"),
        ({"starts_on": "20310401"}, "starts_on"),  # one way to write a date
        ({"starts_on": "0001-01-01"}, "starts_on"),
        ({"ends_on": date(9999, 12, 31)}, "ends_on"),
        ({"ends_on": "2031-03-31"}, "ends_on"),
        ({"ends_on": "9999-12-31"}, "ends_on"),
        ({"starts_on": date.min}, "starts_on"),
        ({"ends_on": "2032-04-01"}, "ends_on"),  # a year of days, and one
        ({"venue": "x" * 201}, "venue"),
        ({"admission": "closed"}, "admission"),
        ({"public": "yes"}, "public"),
    ],
)
def test_an_events_fields_are_checked(admin: Any, values: dict[str, Any], field: str) -> None:
    factories.make_event(slug="taken")
    error = refusal(InvalidInput, events.create_event, admin, GOOD | values)
    assert list(error.extra["errors"]) == [field]
    events.create_event(admin, GOOD)
    error = refusal(InvalidInput, events.update_event, admin, "conf", values)
    assert list(error.extra["errors"]) == [field]
    db.session.rollback()
    assert (events.get_event("conf").version, rows.count(Event)) == (1, 2)


def test_an_event_says_all_that_is_needed(admin: Any) -> None:
    error = refusal(InvalidInput, events.create_event, admin, {})
    assert list(error.extra["errors"]) == ["slug", "title", "time_zone", "starts_on", "ends_on"]


@pytest.mark.parametrize(("who", "error"), NOBODY_ELSE)
def test_only_admins_touch_events(who: Callable[[], Any], error: type[DomainError]) -> None:
    slug = factories.make_event().slug
    actor = who()
    refusal(error, events.create_event, actor, GOOD)
    refusal(error, events.update_event, actor, slug, {"title": "X"})
    refusal(error, events.delete_event, actor, slug)


def test_an_event_with_sessions_is_kept(admin: Any) -> None:
    kept, gone = factories.make_session().event.slug, factories.make_event().slug
    refusal(DomainError, events.delete_event, admin, kept)
    events.delete_event(admin, gone)
    refusal(NotFound, events.get_event, gone)
    refusal(NotFound, events.delete_event, admin, gone)
    assert rows.count(Event) == 1


def test_the_next_public_event_is_on_now_or_begins_first(at: Any) -> None:
    assert events.find_next_public() is None
    later = factories.make_event(starts_on="2031-05-01", ends_on="2031-05-01")
    sooner = factories.make_event(starts_on="2031-04-01", ends_on="2031-04-02")
    factories.make_event(starts_on="2031-03-10", ends_on="2031-03-10", public=False)
    assert events.find_next_public() == sooner
    at(datetime(2031, 4, 2, 23, tzinfo=UTC))
    assert events.find_next_public() == sooner
    at(datetime(2031, 4, 5, tzinfo=UTC))
    assert events.find_next_public() == later


# -- rooms -------------------------------------------------------------------------------


def test_a_room_comes_with_its_calendar(admin: Any) -> None:
    room = rooms.create_room(admin, {"name": " Main  hall ", "capacity": 20})
    assert rooms.describe(room) == {
        "id": room.id,
        "name": "Main hall",
        "capacity": 20,
        "time_zone": "Europe/Berlin",
    }
    assert room.time_zone is None  # that of the installation
    assert rows.version(rows.room_calendar(room.id)) == 0


def test_a_room_is_changed(admin: Any) -> None:
    room = factories.make_room(capacity=5)
    values = {"name": "New", "capacity": None, "time_zone": "Asia/Tokyo"}
    assert rooms.describe(rooms.update_room(admin, room.id, values)) == {"id": room.id, **values}
    rooms.update_room(admin, room.id, {"name": "New", "time_zone": ""})
    assert room.time_zone is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "Taken"}, "name"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": "5"}, "capacity"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_a_rooms_fields_are_checked(admin: Any, values: dict[str, Any], field: str) -> None:
    factories.make_room(name="Taken")
    error = refusal(InvalidInput, rooms.create_room, admin, {"name": "New", **values})
    assert list(error.extra["errors"]) == [field]
    room = factories.make_room()
    error = refusal(InvalidInput, rooms.update_room, admin, room.id, values)
    assert list(error.extra["errors"]) == [field]
    assert rows.count(Room) == 2


@pytest.mark.parametrize(("who", "error"), NOBODY_ELSE)
def test_only_admins_touch_rooms(who: Callable[[], Any], error: type[DomainError]) -> None:
    room_id = factories.make_room().id
    actor = who()
    refusal(error, rooms.create_room, actor, {"name": "X"})
    refusal(error, rooms.update_room, actor, room_id, {"name": "X"})
    refusal(error, rooms.delete_room, actor, room_id)


@pytest.mark.parametrize("use", ["reservation", "session", "event type"])
def test_a_room_that_is_named_somewhere_is_kept(admin: Any, use: str) -> None:
    room = factories.make_room()
    if use == "reservation":
        hour = Interval(NOW.replace(hour=10), NOW.replace(hour=11))
        reserve_room(admin, Wanted(room.id, hour, "A meeting"))
    elif use == "session":
        factories.make_session(room_id=room.id)
    else:
        factories.make_event_type(factories.make_expert()[0], room_id=room.id)
    refusal(DomainError, rooms.delete_room, admin, room.id)
    assert rooms.get_room(room.id).id == room.id


def test_a_room_goes_with_its_calendar(admin: Any) -> None:
    room_id = factories.make_room().id
    rooms.delete_room(admin, room_id)
    assert db.session.query(Calendar).filter_by(room_id=room_id).all() == []
    refusal(NotFound, rooms.get_room, room_id)
    refusal(NotFound, rooms.update_room, admin, room_id, {"name": "X"})


def test_rooms_are_listed_by_name() -> None:
    made = [factories.make_room(name=name) for name in ("B", "A", "C")]
    assert rooms.list_rooms() == [made[1], made[0], made[2]]
