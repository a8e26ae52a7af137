"""Event types: what experts offer, under which address, and who sees what of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.extensions import db
from app.models import AuditEntry, EventType
from app.services import event_types, experts
from app.services.appointments import book_appointment
from app.services.errors import (
    MustChangePassword,
    NotFound,
    Unauthenticated,
)
from tests import factories, rows
from tests.conftest import NOW
from tests.refusals import refusal, wrong_fields

pytestmark = pytest.mark.usefixtures("context")

ENOUGH = {"title": "A talk with me", "duration_minutes": 45}


@pytest.fixture
def host(context: Any) -> Any:
    return factories.make_expert(name="Mara")[0]


def test_title_and_duration_are_enough(host: Any) -> None:
    made = event_types.create_event_type(host, ENOUGH)
    assert event_types.describe(made) == {
        "id": made.id,
        "slug": "a-talk-with-me",
        "title": "A talk with me",
        "description": "",
        "duration_minutes": 45,
        "location": {"kind": "jitsi", "detail": ""},
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "minimum_notice_minutes": 0,
        "horizon_days": 60,
        "slot_step_minutes": None,
        "daily_limit": None,
        "room_id": None,
        "is_active": True,
        "is_listed": True,
        "seats": 1,
        "requires_approval": False,
        "approval_minutes": 1440,
        "reminder_minutes": [1440],
        "url": "http://localhost/mara/a-talk-with-me",
    }


def test_everything_else_can_be_said_and_changed(host: Any) -> None:
    values = {
        "slug": "other",
        "title": "Other",
        "description": "Two\nlines",
        "duration_minutes": 20,
        "location": {"kind": "phone", "detail": "I call"},
        "buffer_before_minutes": 5,
        "buffer_after_minutes": 10,
        "minimum_notice_minutes": 60,
        "horizon_days": 10,
        "slot_step_minutes": 15,
        "daily_limit": 3,
        "room_id": factories.make_room().id,
        "is_active": False,
    }
    made = event_types.describe(event_types.create_event_type(host, ENOUGH | values))
    assert {name: made[name] for name in values} == values
    before = rows.version(host.calendar_id)
    plain = {"slot_step_minutes": None, "daily_limit": None, "room_id": None, "is_active": True}
    changed = event_types.describe(event_types.update_event_type(host, made["id"], plain))
    assert changed == made | plain
    assert rows.version(host.calendar_id) == before + 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 1}, "title"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": 1441}, "duration_minutes"),
        ({"duration_minutes": "30"}, "duration_minutes"),
        ({"duration_minutes": True}, "duration_minutes"),
        ({"duration_minutes": None}, "duration_minutes"),
        ({"buffer_before_minutes": -1}, "buffer_before_minutes"),
        ({"buffer_after_minutes": 1441}, "buffer_after_minutes"),
        ({"minimum_notice_minutes": 10**9}, "minimum_notice_minutes"),
        ({"horizon_days": 731}, "horizon_days"),
        ({"slot_step_minutes": 0}, "slot_step_minutes"),
        ({"daily_limit": 0}, "daily_limit"),
        ({"description": "x" * 5001}, "description"),
        ({"location": "phone"}, "location"),
        ({"location": {"kind": "pigeon"}}, "location"),
        ({"location": {"kind": "phone", "detail": "x" * 501}}, "location"),
        ({"location": {"kind": "link", "detail": "javascript:alert(1)"}}, "location"),
        ({"location": {"kind": "link", "detail": "https://"}}, "location"),
        ({"location": {"kind": "link", "detail": ""}}, "location"),
        ({"room_id": 999_999}, "room_id"),
        ({"room_id": True}, "room_id"),
        ({"is_active": "yes"}, "is_active"),
        ({"slug": "With Space"}, "slug"),
        ({"slug": "taken"}, "slug"),
    ],
)
def test_fields_are_checked(host: Any, values: dict[str, Any], field: str) -> None:
    factories.make_event_type(host, slug="taken")
    assert wrong_fields(event_types.create_event_type, host, ENOUGH | values) == [field]
    assert rows.count(EventType) == 1
    made = event_types.create_event_type(host, ENOUGH)
    before = event_types.describe(made)
    assert wrong_fields(event_types.update_event_type, host, made.id, values) == [field]
    db.session.rollback()
    assert event_types.describe(made) == before


def test_nothing_said_is_refused_field_by_field(host: Any) -> None:
    assert wrong_fields(event_types.create_event_type, host, {}) == ["duration_minutes", "title"]


def test_only_what_is_named_changes(host: Any) -> None:
    made = event_types.create_event_type(host, ENOUGH | {"id": 77, "expert_id": 77})
    odd = {"expert_id": 77, "id": 77, "action": "x", "a\0b": 1, "x" * 500: 1, "title": "New"}
    event_types.update_event_type(host, made.id, odd)
    assert (made.expert_id, made.title) == (experts.own_expert(host).id, "New")
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert (entry.before, entry.changes) == ({"title": ENOUGH["title"]}, {"title": "New"})


def test_addresses_are_the_experts_own(host: Any) -> None:
    other, _ = factories.make_expert()
    slugs = [event_types.create_event_type(each, ENOUGH).slug for each in (host, host, other)]
    assert slugs == ["a-talk-with-me", "a-talk-with-me-2", "a-talk-with-me"]
    made = event_types.create_event_type(host, ENOUGH | {"slug": "kept"})
    event_types.update_event_type(host, made.id, {"title": "Renamed", "slug": "kept"})
    assert made.slug == "kept"


def test_strangers_learn_of_a_link_only_that_it_is_online(host: Any) -> None:
    location = {"kind": "link", "detail": "https://meet.example.org/secret-room"}
    made = factories.make_event_type(host, location=location)
    factories.make_event_type(host, is_active=False)
    (shown,) = event_types.list_public(experts.own_expert(host))
    assert shown == event_types.describe_public(made)
    assert shown["location"] == {"kind": "link", "detail": ""}
    assert "secret-room" not in str(shown)
    assert event_types.describe(made)["location"] == location


def test_one_is_found_by_its_public_address(host: Any) -> None:
    made = factories.make_event_type(host, slug="talk", is_active=False)
    assert event_types.get_public("mara", "talk").id == made.id
    refusal(NotFound, event_types.get_public, "mara", "walk")
    refusal(NotFound, event_types.get_public, "nobody", "talk")


def test_ones_own_are_listed_oldest_first(host: Any) -> None:
    made = [factories.make_event_type(host).id for _ in range(3)]
    factories.make_event_type(factories.make_expert()[0])
    page = event_types.list_own(host, page=2, page_size=2)
    assert ([each["id"] for each in page.items], page.total) == (made[2:], 3)


def test_others_do_not_know_of_it_and_admins_do(host: Any) -> None:
    made = factories.make_event_type(host)
    other, _ = factories.make_expert()
    for actor, error in [
        (None, Unauthenticated),
        (factories.make_expert(flagged=False)[0], NotFound),
        (factories.make_actor(), NotFound),
        (factories.make_contributor(), NotFound),
        (factories.make_actor(flagged=True), MustChangePassword),
    ]:
        refusal(error, event_types.get_own, actor, made.id)
        refusal(error, event_types.update_event_type, actor, made.id, {"title": "X"})
        refusal(error, event_types.delete_event_type, actor, made.id)
    refusal(NotFound, event_types.create_event_type, factories.make_actor(), ENOUGH)
    expert_id = made.expert_id
    refusal(NotFound, event_types.create_event_type, other, ENOUGH, expert_id=expert_id)
    admin = factories.make_admin()
    assert event_types.update_event_type(admin, made.id, {"title": "X"}).title == "X"
    assert event_types.create_event_type(admin, ENOUGH, expert_id=expert_id).expert_id == expert_id


def test_one_that_was_booked_is_deactivated_not_deleted(host: Any) -> None:
    booked, free = factories.make_event_type(host), factories.make_event_type(host)
    book_appointment(None, booked.id, NOW.replace(hour=10), factories.client_named())
    assert event_types.delete_event_type(host, free.id) is True
    assert event_types.delete_event_type(host, booked.id) is False
    assert (rows.count(EventType), booked.is_active) == (1, False)
