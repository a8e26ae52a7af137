"""Experts: profiles, addresses, hours; who is listed and who may change what."""

from __future__ import annotations

from typing import Any

import pytest

from app.extensions import db
from app.models import AuditEntry, DateOverride, EventType, Expert, ExpertSlug
from app.services import event_types, experts
from app.services.appointments import book_appointment
from app.services.errors import (
    DomainError,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from tests import factories, rows
from tests.conftest import NOW
from tests.refusals import refusal, wrong_fields

pytestmark = pytest.mark.usefixtures("context")


# -- becoming ----------------------------------------------------------------------------


NO_HOLIDAYS = {"country": None, "subdivision": None, "exceptions": [], "coming": []}


def test_one_becomes_an_expert_with_office_hours() -> None:
    actor = factories.make_actor(name="Mara Lindqvist-Ödegård")
    expert, created = experts.become_expert(actor, headline=" Time  well spent ")
    assert created
    assert experts.describe(expert) == {
        "slug": "mara-lindqvist-odegard",
        "name": "Mara Lindqvist-Ödegård",
        "headline": "Time well spent",
        "bio": "",
        "time_zone": "Europe/Berlin",
        "url": "http://localhost/mara-lindqvist-odegard",
    }
    assert experts.describe_availability(expert) == {
        "time_zone": "Europe/Berlin",
        "weekly": [{"weekday": day, "start": "08:00", "end": "17:00"} for day in range(5)],
        "overrides": [],
        "holidays": NO_HOLIDAYS,
    }
    assert {role.name for role in expert.user.roles} == {"Attendee", "Expert"}


def test_becoming_one_again_changes_nothing() -> None:
    actor = factories.make_actor()
    first, _ = experts.become_expert(actor, slug="first")
    again, created = experts.become_expert(actor, slug="second", headline="New")
    assert (again.id, again.slug, again.headline, created) == (first.id, "first", "", False)


def test_an_address_made_of_the_name_is_free_and_no_page() -> None:
    slugs = [
        experts.become_expert(factories.make_actor(name=name))[0].slug
        for name in ("Ann Lee", "Ann Lee", "Experts", "李")
    ]
    assert slugs == ["ann-lee", "ann-lee-2", "experts-2", "page"]


PAGES = ["experts", "login", "static", "backoffice", "b", "q"]


@pytest.mark.parametrize(
    "slug",
    ["", "Upper", "with space", "-lead", "trail-", "ä", "x" * 65, "a/b", 7, "a\n", "api", *PAGES],
)
def test_an_address_is_well_formed_and_no_page_of_ours(slug: Any) -> None:
    actor = factories.make_actor()
    assert wrong_fields(experts.become_expert, actor, slug=slug) == ["slug"]
    assert rows.count(Expert) == 0


def test_an_address_belongs_to_one_even_when_it_was_given_up() -> None:
    actor, _ = factories.make_expert(name="One")
    experts.update_expert(actor, {"slug": "new"})
    for taken in ("one", "new"):
        assert wrong_fields(experts.become_expert, factories.make_actor(), slug=taken) == ["slug"]
    assert experts.become_expert(factories.make_actor(name="One"))[0].slug == "one-2"


def test_who_may_become_one() -> None:
    refusal(Unauthenticated, experts.become_expert, None)
    refusal(MustChangePassword, experts.become_expert, factories.make_actor(flagged=True))
    attendee = factories.actor_of(factories.make_user(), "agenda:1")
    refusal(NotAllowed, experts.become_expert, attendee)


# -- the profile -------------------------------------------------------------------------


def test_a_profile_is_changed_and_its_topic_told() -> None:
    actor, _ = factories.make_expert()
    before = rows.version(actor.calendar_id)
    values = {
        "slug": "new-address",
        "name": " New  Name ",
        "headline": "H",
        "bio": "Two\nlines",
        "time_zone": "Asia/Tokyo",
    }
    assert experts.describe(experts.update_expert(actor, values)) == {
        **values,
        "name": "New Name",
        "url": "http://localhost/new-address",
    }
    assert rows.version(actor.calendar_id) == before + 1


def test_given_up_addresses_lead_to_the_present_one() -> None:
    actor, expert = factories.make_expert(name="One")
    for slug in ("two", "three", "one"):
        experts.update_expert(actor, {"slug": slug})
    assert experts.get_expert("one").id == expert.id
    assert [experts.find_moved(slug) is not None for slug in ("one", "two", "three")] == [
        False,
        True,
        True,
    ]
    assert rows.count(ExpertSlug) == 2
    refusal(NotFound, experts.get_expert, "two")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "api"}, "slug"),
        ({"slug": None}, "slug"),
        ({"name": " "}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"headline": "x" * 201}, "headline"),
        ({"headline": 1}, "headline"),
        ({"bio": "x" * 5001}, "bio"),
        ({"bio": "\0"}, "bio"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
    ],
)
def test_profile_fields_are_checked(values: dict[str, Any], field: str) -> None:
    actor, expert = factories.make_expert()
    before = experts.describe(expert)
    assert wrong_fields(experts.update_expert, actor, values) == [field]
    db.session.rollback()
    assert experts.describe(experts.get_expert_by_id(expert.id)) == before


def test_only_what_is_named_changes_and_is_audited() -> None:
    actor, expert = factories.make_expert()
    user_id = expert.user_id
    mass = {"id": 9, "user_id": 9, "weekly_hours": [], "action": "x", "actor": 1, "bio": " New "}
    experts.update_expert(actor, mass)
    assert (expert.user_id, len(expert.weekly_hours), expert.bio) == (user_id, 5, "New")
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert (entry.action, entry.before, entry.changes) == ("update", {"bio": ""}, {"bio": "New"})


def test_only_oneself_and_admins_change_a_profile() -> None:
    _, expert = factories.make_expert()
    other, _ = factories.make_expert()
    refusal(NotFound, experts.update_expert, other, {"bio": "X"}, expert_id=expert.id)
    refusal(NotFound, experts.replace_availability, other, {}, expert_id=expert.id)
    refusal(NotFound, experts.delete_expert, other, expert.id)
    refusal(NotFound, experts.update_expert, factories.make_actor(), {"bio": "X"})
    refusal(NotFound, experts.update_expert, factories.make_admin(), {}, expert_id=999_999)
    refusal(Unauthenticated, experts.update_expert, None, {})
    refusal(MustChangePassword, experts.own_expert, factories.make_actor(flagged=True))
    admin = factories.make_admin()
    assert experts.update_expert(admin, {"bio": "X"}, expert_id=expert.id).bio == "X"


# -- the list ----------------------------------------------------------------------------


def names(query: str = "") -> list[str]:
    return [each["name"] for each in experts.list_experts(query, page=1, page_size=10).items]


def test_experts_with_an_active_type_are_listed_by_name() -> None:
    zoe, _ = factories.make_expert(name="Zoe")
    ann, _ = factories.make_expert(name="Ann")
    factories.make_expert(name="Without a type")
    away, _ = factories.make_expert(name="Away")
    for each in (zoe, ann):
        factories.make_event_type(each), factories.make_event_type(each)
    event_types.update_event_type(away, factories.make_event_type(away).id, {"is_active": False})
    assert names() == ["Ann", "Zoe"]
    page = experts.list_experts(page=2, page_size=1)
    assert ([each["name"] for each in page.items], page.total) == (["Zoe"], 2)


def test_the_list_is_searched_by_name_and_headline() -> None:
    for name, headline in [("Ann 100%", "Databases"), ("Bea_", "Coaching"), ("Änne", "Ünder")]:
        actor, _ = factories.make_expert(name=name)
        experts.update_expert(actor, {"headline": headline})
        factories.make_event_type(actor)
    assert names("ANN") == ["Ann 100%"]
    assert names(" coach ") == ["Bea_"]
    assert names("%") == ["Ann 100%"]
    assert names("_") == ["Bea_"]
    assert names("nobody") == []


# -- hours -------------------------------------------------------------------------------


def test_hours_are_set_as_a_whole_sorted() -> None:
    actor, _ = factories.make_expert()
    before = rows.version(actor.calendar_id)
    values = {
        "time_zone": "America/New_York",
        "weekly": [
            {"weekday": 6, "start": "20:00", "end": "24:00"},
            {"weekday": 0, "start": "13:00", "end": "17:30"},
            {"weekday": 0, "start": "00:00", "end": "13:00"},
        ],
        "overrides": [
            {"date": "2031-12-24", "intervals": []},
            {"date": "2031-01-02", "intervals": [{"start": "10:00", "end": "11:00"}]},
        ],
    }
    shown = experts.describe_availability(experts.replace_availability(actor, values))
    assert shown == {
        "time_zone": "America/New_York",
        "weekly": [values["weekly"][2], values["weekly"][1], values["weekly"][0]],
        "overrides": [values["overrides"][1], values["overrides"][0]],
        "holidays": NO_HOLIDAYS,
    }
    assert rows.version(actor.calendar_id) == before + 1
    experts.replace_availability(actor, {"weekly": [], "overrides": [values["overrides"][0]]})
    assert rows.count(DateOverride) == 1


NINE_TO_FIVE = {"start": "09:00", "end": "17:00"}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"weekly": "always"}, "weekly"),
        ({"weekly": ["monday"]}, "weekly"),
        ({"weekly": [{"weekday": 7, **NINE_TO_FIVE}]}, "weekly"),
        ({"weekly": [{"weekday": True, **NINE_TO_FIVE}]}, "weekly"),
        ({"weekly": [{"weekday": 1, "start": "9:00", "end": "17:00"}]}, "weekly"),
        ({"weekly": [{"weekday": 1, "start": "17:00", "end": "09:00"}]}, "weekly"),
        ({"weekly": [{"weekday": 1, "start": "09:00", "end": "24:01"}]}, "weekly"),
        ({"weekly": [{"weekday": 1}]}, "weekly"),
        ({"weekly": [{"weekday": 1, **NINE_TO_FIVE}] * 2}, "weekly"),
        ({"weekly": [{"weekday": 1, **NINE_TO_FIVE}] * 101}, "weekly"),
        ({"overrides": {"2031-01-01": []}}, "overrides"),
        ({"overrides": [{"date": "01.01.2031"}]}, "overrides"),
        ({"overrides": [{"date": "2031-02-30"}]}, "overrides"),
        ({"overrides": [{"date": 20310101}]}, "overrides"),
        ({"overrides": [{"date": "2031-01-01"}] * 2}, "overrides"),
        ({"overrides": [{"date": "2031-01-01", "intervals": "none"}]}, "overrides"),
        ({"overrides": [{"date": "2031-01-01", "intervals": ["09:00"]}]}, "overrides"),
        ({"overrides": [{"date": "2031-01-01", "intervals": [NINE_TO_FIVE] * 2}]}, "overrides"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_hours_are_checked(values: dict[str, Any], field: str) -> None:
    actor, expert = factories.make_expert()
    before = experts.describe_availability(expert)
    assert wrong_fields(experts.replace_availability, actor, values) == [field]
    db.session.rollback()
    assert experts.describe_availability(experts.get_expert_by_id(expert.id)) == before


def test_bookings_that_stand_survive_new_hours() -> None:
    actor, _ = factories.make_expert()
    event_type = factories.make_event_type(actor)
    uid = book_appointment(
        None, event_type.id, NOW.replace(hour=10), factories.client_named()
    ).booking["uid"]
    experts.replace_availability(actor, {"weekly": [], "overrides": []})
    assert rows.booking(uid).status == "confirmed"


# -- removing ----------------------------------------------------------------------------


def test_a_profile_goes_only_when_it_was_never_booked() -> None:
    actor, expert = factories.make_expert()
    factories.make_event_type(actor)
    booked_actor, booked = factories.make_expert()
    booked_type = factories.make_event_type(booked_actor)
    book_appointment(None, booked_type.id, NOW.replace(hour=10), factories.client_named())
    admin = factories.make_admin()
    refusal(DomainError, experts.delete_expert, admin, booked.id)
    experts.update_expert(actor, {"slug": "moved"})
    experts.delete_expert(admin, expert.id)
    assert rows.count(Expert) == 1
    assert db.session.query(EventType.id).all() == [(booked_type.id,)]
    assert rows.count(ExpertSlug) == 0
