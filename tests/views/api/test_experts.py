"""Experts, their hours and event types: `/api/experts`, `/api/event-types`."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories
from tests.calls import problem
from tests.views.api.conftest import NINE, World

ANN = {
    "slug": "ann",
    "name": "Ann Lee",
    "headline": "Strategy",
    "bio": "",
    "time_zone": "Europe/Berlin",
    "url": "http://localhost/ann",
}
OFFER = {
    "slug": "consultation",
    "title": "Consultation",
    "description": "",
    "duration_minutes": 30,
    "location": {"kind": "jitsi", "detail": ""},
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 0,
    "minimum_notice_minutes": 0,
    "horizon_days": 365,
    "slot_step_minutes": None,
    "daily_limit": None,
    "room_id": None,
    "is_active": True,
    "is_listed": True,
    "seats": 1,
    "requires_approval": False,
    "approval_minutes": 1440,
    "reminder_minutes": [1440],
    "url": "http://localhost/ann/consultation",
}


NO_HOLIDAYS: dict[str, Any] = {
    "country": None,
    "subdivision": None,
    "exceptions": [],
    "coming": [],
}


# -- public --------------------------------------------------------------------------


def test_experts_with_an_active_type_are_listed(world: World) -> None:
    assert world.guest.get("/api/experts") == {
        "items": [ANN],
        "page": 1,
        "page_size": 20,
        "total": 1,
    }
    deactivated = {"is_active": False}
    world.by("ann")("PATCH", f"/api/event-types/{world.event_type_id}", deactivated)
    assert world.guest.get("/api/experts")["items"] == []


def test_experts_are_found_by_name_and_headline(world: World) -> None:
    found = {
        query: world.guest.get("/api/experts", query_string={"q": query})["total"]
        for query in ("ann", "LEE", "strateg", "", "nobody", "%", "_")
    }
    assert found == {"ann": 1, "LEE": 1, "strateg": 1, "": 1, "nobody": 0, "%": 0, "_": 0}


def test_lists_page(world: World) -> None:
    with world.app.app_context():
        for number in range(3):
            actor, _ = factories.make_expert(name=f"Bea {number}")
            factories.make_event_type(actor)
    pages = [
        world.guest.get("/api/experts", query_string={"page": page, "page_size": 2})
        for page in (1, 2, 3)
    ]
    assert [[each["name"] for each in page["items"]] for page in pages] == [
        ["Ann Lee", "Bea 0"],
        ["Bea 1", "Bea 2"],
        [],
    ]
    assert {(page["total"], page["page_size"]) for page in pages} == {(4, 2)}


NO_PAGES = [
    "page=0",
    "page=-1",
    "page=x",
    "page=1.5",
    "page_size=0",
    "page_size=101",
    "page=99999999999999999999",
    "page=2147483648",
    "q=" + "x" * 201,
    "q=%00",
]


def test_wrong_pages_are_refused(world: World) -> None:
    for query in NO_PAGES:
        answer = world.guest("GET", f"/api/experts?{query}")
        assert problem(answer) == (422, "invalid_input"), query
        assert list(answer.json["errors"]) == [query.partition("=")[0]]


def test_far_pages_are_empty(world: World) -> None:
    far = world.guest.get("/api/experts?page=2147483647&page_size=100")
    assert (far["items"], far["total"]) == ([], 1)


def test_an_expert_with_what_is_offered(world: World) -> None:
    answer = world.guest.get("/api/experts/ann")
    assert answer == {"expert": ANN, "event_types": [{"id": world.event_type_id, **OFFER}]}


def test_a_private_link_is_not_shown_to_strangers(world: World) -> None:
    link = {"kind": "link", "detail": "https://meet.example.org/canary"}
    path = f"/api/event-types/{world.event_type_id}"
    changed = world.by("ann")("PATCH", path, {"location": link})
    assert changed.json["event_type"]["location"] == link
    shown = world.guest("GET", "/api/experts/ann")
    assert "canary" not in shown.text


def test_an_old_slug_moves_to_the_present_one(world: World) -> None:
    assert world.by("ann")("PATCH", "/api/experts/me", {"slug": "ann-lee"}).status_code == 200
    moved = world.guest("GET", "/api/experts/ann")
    assert (moved.status_code, moved.headers["Location"]) == (301, "/api/experts/ann-lee")
    slots = "/event-types/consultation/slots?from=2031-03-04&to=2031-03-04"
    moved = world.guest("GET", "/api/experts/ann" + slots)
    assert (moved.status_code, moved.headers["Location"]) == (301, "/api/experts/ann-lee" + slots)
    assert problem(world.guest("GET", "/api/experts/nobody")) == (404, "not_found")


# -- one's own page ------------------------------------------------------------------


def test_a_page_is_changed_by_its_owner(world: World) -> None:
    change = {
        "name": " Ann  L. ",
        "headline": "New",
        "bio": "Long\ntext",
        "time_zone": "Asia/Tokyo",
    }
    answer = world.by("ann")("PATCH", "/api/experts/me", change)
    assert answer.status_code == 200
    expert = ANN | {"name": "Ann L.", "headline": "New", "bio": "Long\ntext"}
    assert answer.json == {"expert": expert | {"time_zone": "Asia/Tokyo"}}


NO_PAGE: list[tuple[Any, str]] = [
    ({"slug": ""}, "slug"),
    ({"slug": None}, "slug"),
    ({"slug": "Ann"}, "slug"),
    ({"slug": "-a"}, "slug"),
    ({"slug": "a" * 65}, "slug"),
    ({"slug": "login"}, "slug"),
    ({"slug": "api"}, "slug"),
    ({"slug": "eve-other"}, "slug"),
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"name": 5}, "name"),
    ({"name": "x" * 129}, "name"),
    ({"headline": "x" * 201}, "headline"),
    ({"headline": ["x"]}, "headline"),
    ({"bio": "x" * 5001}, "bio"),
    ({"bio": "\x00"}, "bio"),
    ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ({"time_zone": "../etc/passwd"}, "time_zone"),
    ({"time_zone": None}, "time_zone"),
    ({"time_zone": "Europe"}, "time_zone"),
    ({"time_zone": "x" * 5000}, "time_zone"),
]


def test_a_page_is_not_changed_to_nonsense(world: World) -> None:
    ann = world.by("ann")
    for change, field in NO_PAGE:
        answer = ann("PATCH", "/api/experts/me", change)
        assert problem(answer) == (422, "invalid_input"), change
        assert list(answer.json["errors"]) == [field]
    assert world.guest.get("/api/experts/ann")["expert"] == ANN


def test_who_is_no_expert_has_no_page(world: World) -> None:
    calls = [
        ("PATCH", "/api/experts/me"),
        ("GET", "/api/experts/me/availability"),
        ("PUT", "/api/experts/me/availability"),
        ("GET", "/api/event-types"),
        ("POST", "/api/event-types"),
    ]
    refusals = {
        "guest": (401, "unauthenticated"),
        "flagged": (403, "must_change_password"),
        "ben": (404, "not_found"),
    }
    for name, refusal in refusals.items():
        for method, path in calls:
            answer = world.by(name)(method, path, None if method == "GET" else {})
            assert problem(answer) == refusal, (name, method, path)


# -- hours ---------------------------------------------------------------------------

HOURS = {
    "time_zone": "America/New_York",
    "weekly": [
        {"weekday": 0, "start": "08:00", "end": "12:00"},
        {"weekday": 0, "start": "13:00", "end": "24:00"},
        {"weekday": 6, "start": "00:00", "end": "00:01"},
    ],
    "overrides": [
        {"date": "2031-03-05", "intervals": []},
        {"date": "2031-03-06", "intervals": [{"start": "10:00", "end": "11:00"}]},
    ],
}


def test_hours_are_monday_to_friday_at_first(world: World) -> None:
    assert world.by("eve").get("/api/experts/me/availability") == {
        "time_zone": "Europe/Berlin",
        "weekly": [{"weekday": day, "start": "08:00", "end": "17:00"} for day in range(5)],
        "overrides": [],
        "holidays": NO_HOLIDAYS,
    }


def test_hours_are_replaced_as_a_whole(world: World) -> None:
    ann = world.by("ann")
    for hours in (HOURS, {"time_zone": "UTC", "weekly": [], "overrides": []}):
        answer = ann("PUT", "/api/experts/me/availability", hours)
        expected = hours | {"holidays": NO_HOLIDAYS}
        assert (answer.status_code, answer.json) == (200, expected)
        assert ann.get("/api/experts/me/availability") == expected


def test_holidays_of_a_country_are_days_off_but_for_exceptions(world: World) -> None:
    """2031: Good Friday is the 11th of April, Easter Monday the 14th; 1 May is a Thursday."""
    ann, path = world.by("ann"), "/api/experts/me/availability"
    holidays = {"country": "DE", "subdivision": "BE", "exceptions": ["2031-05-01"]}
    hours = HOURS | {"time_zone": "Europe/Berlin", "overrides": [], "holidays": holidays}
    hours["weekly"] = [{"weekday": day, "start": "08:00", "end": "17:00"} for day in range(5)]
    hours["overrides"] = [{"date": "2031-04-14", "intervals": [{"start": "09:00", "end": "10:00"}]}]
    stored = ann("PUT", path, hours).json["holidays"]
    assert holidays.items() <= stored.items()
    coming = {each["date"]: each for each in stored["coming"]}
    good_friday = {"date": "2031-04-11", "name": "Good Friday", "is_off": True}
    assert (coming["2031-04-11"], coming["2031-05-01"]["is_off"]) == (good_friday, False)
    slots = "/api/experts/ann/event-types/consultation/slots?from=2031-04-10&to=2031-05-01"
    days = world.guest.get(slots)["days"]
    assert "2031-04-11" not in days
    assert (len(days["2031-04-10"]), len(days["2031-04-14"]), len(days["2031-05-01"])) == (
        18,
        2,
        18,
    )
    refused = world.guest("POST", "/api/bookings", world.booking("2031-04-11T09:00:00Z"))
    assert problem(refused) == (422, "not_offered")
    assert (refused.json["rule"], "Good Friday" in refused.json["detail"]) == ("override", True)
    # Left alone where nothing is said, sent back as read, and gone by null.
    kept = ann("PUT", path, {name: hours[name] for name in ("weekly", "overrides")}).json
    assert kept["holidays"] == stored == ann("PUT", path, kept).json["holidays"]
    assert ann("PUT", path, kept | {"holidays": None}).json["holidays"] == NO_HOLIDAYS


def test_countries_and_their_holidays_are_there_to_choose(world: World) -> None:
    ben = world.by("ben")
    countries = {each["code"]: each for each in ben.get("/api/holidays")["countries"]}
    assert {"code": "BE", "name": "Berlin"} in countries["DE"]["subdivisions"]
    assert (countries["DE"]["name"], len(countries) > 150) == ("Germany", True)
    year = ben.get("/api/holidays/DE?subdivision=BE&year=2031")["holidays"]
    assert {"date": "2031-03-08", "name": "Women's Day"} in year
    for path in ("XX?year=2031", "DE?subdivision=XX&year=2031", "%00?year=2031"):
        assert problem(ben("GET", f"/api/holidays/{path}")) == (404, "not_found")
    assert problem(ben("GET", "/api/holidays/DE")) == (422, "invalid_input")
    assert problem(world.guest("GET", "/api/holidays")) == (401, "unauthenticated")


NO_HOURS: list[tuple[Any, str]] = [
    ({"time_zone": "x"}, "time_zone"),
    ({"weekly": None}, "weekly"),
    ({"weekly": {}}, "weekly"),
    ({"weekly": [5]}, "weekly"),
    ({"weekly": [{"weekday": 7, "start": "08:00", "end": "09:00"}]}, "weekly"),
    ({"weekly": [{"weekday": True, "start": "08:00", "end": "09:00"}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": "09:00", "end": "08:00"}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": "09:00", "end": "09:00"}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": "24:00", "end": "24:00"}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": 480, "end": "09:00"}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": "8", "end": "09:00"}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": "08:00", "end": "25:00"}]}, "weekly"),
    ({"weekly": [{"weekday": 0, "start": "08:00", "end": "09:00"}] * 101}, "weekly"),
    ({"overrides": {}}, "overrides"),
    ({"overrides": [{"date": "soon"}]}, "overrides"),
    ({"overrides": [{"date": None}]}, "overrides"),
    ({"overrides": [{"date": "2031-02-30"}]}, "overrides"),
    ({"overrides": [{"date": "2031-03-05"}] * 2}, "overrides"),
    ({"overrides": [{"date": "2031-03-05", "intervals": None}]}, "overrides"),
    ({"overrides": [{"date": "2031-03-05", "intervals": [{}]}]}, "overrides"),
    ({"holidays": "DE"}, "holidays"),
    ({"holidays": {"country": "XX"}}, "holidays"),
    ({"holidays": {"country": ["DE"]}}, "holidays"),
    ({"holidays": {"country": "DE", "subdivision": "XX"}}, "holidays"),
    ({"holidays": {"country": "DE", "subdivision": ["BE"]}}, "holidays"),
    ({"holidays": {"country": "DE", "exceptions": ["soon"]}}, "holidays"),
    ({"holidays": {"country": "DE", "exceptions": [5]}}, "holidays"),
    ({"holidays": {"country": "DE", "exceptions": {"2031-01-01": True}}}, "holidays"),
]


def test_nonsense_is_no_hours(world: World) -> None:
    ann = world.by("ann")
    before = ann.get("/api/experts/me/availability")
    for change, field in NO_HOURS:
        answer = ann("PUT", "/api/experts/me/availability", HOURS | change)
        assert problem(answer) == (422, "invalid_input"), change
        assert list(answer.json["errors"]) == [field]
    assert ann.get("/api/experts/me/availability") == before


# -- event types ---------------------------------------------------------------------


def test_title_and_duration_are_enough(world: World) -> None:
    ann = world.by("ann")
    answer = ann("POST", "/api/event-types", {"title": "Roadmap review", "duration_minutes": 60})
    assert answer.status_code == 201
    made = answer.json["event_type"]
    assert made == {
        **OFFER,
        "id": made["id"],
        "slug": "roadmap-review",
        "title": "Roadmap review",
        "duration_minutes": 60,
        "horizon_days": 60,
        "url": "http://localhost/ann/roadmap-review",
    }
    assert ann.get(f"/api/event-types/{made['id']}") == {"event_type": made}
    listed = ann.get("/api/event-types")
    assert (listed["total"], listed["items"][1]) == (2, made)


def test_everything_can_be_said_and_changed(world: World) -> None:
    with world.app.app_context():
        room_id = factories.make_room().id
    said = {
        "title": "Walk",
        "slug": "walk",
        "description": "In the park",
        "duration_minutes": 45,
        "location": {"kind": "in_person", "detail": "Main gate"},
        "buffer_before_minutes": 5,
        "buffer_after_minutes": 10,
        "minimum_notice_minutes": 60,
        "horizon_days": 30,
        "slot_step_minutes": 15,
        "daily_limit": 3,
        "room_id": room_id,
        "is_active": False,
        "is_listed": False,
        "seats": 12,
        "requires_approval": True,
        "approval_minutes": 60,
        "reminder_minutes": [2880, 60],
    }
    ann = world.by("ann")
    made = ann("POST", "/api/event-types", said).json["event_type"]
    assert said.items() <= made.items()
    change = {
        name: OFFER[name]
        for name in said
        if name not in {"slug", "title", "location", "is_active", "horizon_days"}
    }
    changed = ann("PATCH", f"/api/event-types/{made['id']}", change)
    assert (changed.status_code, changed.json["event_type"]) == (200, made | change)


NO_EVENT_TYPE: list[tuple[Any, str]] = [
    ({"title": None}, "title"),
    ({"title": "  "}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": {"en": "x"}}, "title"),
    ({"duration_minutes": None}, "duration_minutes"),
    ({"duration_minutes": 0}, "duration_minutes"),
    ({"duration_minutes": -30}, "duration_minutes"),
    ({"duration_minutes": 30.5}, "duration_minutes"),
    ({"duration_minutes": "30"}, "duration_minutes"),
    ({"duration_minutes": True}, "duration_minutes"),
    ({"duration_minutes": 10**30}, "duration_minutes"),
    ({"description": "x" * 5001}, "description"),
    ({"location": None}, "location"),
    ({"location": "phone"}, "location"),
    ({"location": {"kind": "fax", "detail": ""}}, "location"),
    ({"location": {"kind": ["phone"], "detail": ""}}, "location"),
    ({"location": {"kind": "phone", "detail": "x" * 501}}, "location"),
    ({"location": {"kind": "link", "detail": "javascript:alert(1)"}}, "location"),
    ({"location": {"kind": "link", "detail": ""}}, "location"),
    ({"location": {"kind": "link", "detail": "http://[::1"}}, "location"),
    ({"buffer_before_minutes": -1}, "buffer_before_minutes"),
    ({"buffer_after_minutes": None}, "buffer_after_minutes"),
    ({"minimum_notice_minutes": 2**31}, "minimum_notice_minutes"),
    ({"horizon_days": 731}, "horizon_days"),
    ({"slot_step_minutes": 0}, "slot_step_minutes"),
    ({"daily_limit": 0}, "daily_limit"),
    ({"room_id": 4711}, "room_id"),
    ({"room_id": "1"}, "room_id"),
    ({"room_id": 2**70}, "room_id"),
    ({"is_active": "yes"}, "is_active"),
    ({"is_active": None}, "is_active"),
    ({"is_listed": 0}, "is_listed"),
    ({"requires_approval": "no"}, "requires_approval"),
    ({"seats": 0}, "seats"),
    ({"seats": 501}, "seats"),
    ({"seats": "2"}, "seats"),
    ({"approval_minutes": 0}, "approval_minutes"),
    ({"approval_minutes": None}, "approval_minutes"),
    ({"reminder_minutes": 60}, "reminder_minutes"),
    ({"reminder_minutes": [60, "60"]}, "reminder_minutes"),
    ({"reminder_minutes": [4]}, "reminder_minutes"),
    ({"reminder_minutes": [10, 20, 30, 40, 50, 60]}, "reminder_minutes"),
    ({"slug": "Not a slug"}, "slug"),
    ({"slug": 5}, "slug"),
]


def test_nonsense_is_no_event_type(world: World) -> None:
    ann = world.by("ann")
    path = f"/api/event-types/{world.event_type_id}"
    for change, field in NO_EVENT_TYPE:
        new = {"title": "New", "duration_minutes": 30} | change
        for answer in (ann("POST", "/api/event-types", new), ann("PATCH", path, change)):
            assert problem(answer) == (422, "invalid_input"), change
            assert list(answer.json["errors"]) == [field]
    assert ann.get(path) == {"event_type": {"id": world.event_type_id, **OFFER}}
    assert ann.get("/api/event-types")["total"] == 1


def test_a_slug_is_taken_once_per_expert(world: World) -> None:
    again = {"title": "Consultation", "duration_minutes": 30, "slug": "consultation"}
    assert problem(world.by("ann")("POST", "/api/event-types", again)) == (422, "invalid_input")
    assert world.by("eve")("POST", "/api/event-types", again).status_code == 201
    del again["slug"]
    made = world.by("ann")("POST", "/api/event-types", again)
    assert made.json["event_type"]["slug"] == "consultation-2"


def test_an_event_type_is_its_experts(world: World) -> None:
    path = f"/api/event-types/{world.event_type_id}"
    refusals = {
        "guest": (401, "unauthenticated"),
        "flagged": (403, "must_change_password"),
        "ben": (404, "not_found"),
        "eve": (404, "not_found"),
        "staff": (404, "not_found"),
    }
    for name, refusal in refusals.items():
        for method, body in (("GET", None), ("PATCH", {"title": "Stolen"}), ("DELETE", None)):
            assert problem(world.by(name)(method, path, body)) == refusal, (name, method)
    assert world.by("ann").get(path)["event_type"]["title"] == "Consultation"


@pytest.mark.parametrize("identity", ["0", "4711", "99999999999999999999"])
def test_there_is_no_other_event_type(world: World, identity: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        body = {} if method == "PATCH" else None
        answer = world.by("ann")(method, f"/api/event-types/{identity}", body)
        assert problem(answer) == (404, "not_found")


def test_an_event_type_is_deleted_or_deactivated(world: World) -> None:
    ann = world.by("ann")
    unbooked = ann("POST", "/api/event-types", {"title": "x", "duration_minutes": 5}).json
    world.book()
    path, other = (
        f"/api/event-types/{each}" for each in (world.event_type_id, unbooked["event_type"]["id"])
    )
    assert ann("DELETE", other).status_code == 204
    assert problem(ann("GET", other)) == (404, "not_found")
    assert ann("DELETE", path).status_code == 204
    assert ann.get(path)["event_type"]["is_active"] is False
    assert problem(world.guest("POST", "/api/bookings", world.booking())) == (410, "gone")
    slots = "/api/experts/ann/event-types/consultation/slots?from=2031-03-04&to=2031-03-04"
    assert problem(world.guest("GET", slots)) == (410, "gone")


def test_only_named_fields_are_written(world: World) -> None:
    """Every column of the models, and some that name others, is sent; none but those listed counts."""
    from app.models import EventType, Expert

    for model, path, read, name in (
        (EventType, f"/api/event-types/{world.event_type_id}", None, "event_type"),
        (Expert, "/api/experts/me", "/api/experts/ann", "expert"),
    ):
        columns = {column.key for column in model.__table__.columns}
        known = set(OFFER if name == "event_type" else ANN)
        hostile = dict.fromkeys((columns | {"expert", "user", "roles"}) - known, 4711)
        hostile |= {"id": 4711, "url": "https://evil.example"}
        ann = world.by("ann")
        before = ann.get(read or path)
        assert ann("PATCH", path, hostile).status_code == 200
        assert ann.get(read or path) == before


# -- slots ---------------------------------------------------------------------------

SLOTS = "/api/experts/ann/event-types/consultation/slots"


def test_free_starts_by_day(world: World) -> None:
    world.book(starts_at=NINE)
    answer = world.guest.get(f"{SLOTS}?from=2031-03-04&to=2031-03-09")
    assert {name: answer[name] for name in ("time_zone", "duration_minutes")} == {
        "time_zone": "Europe/Berlin",
        "duration_minutes": 30,
    }
    assert list(answer["days"]) == ["2031-03-04", "2031-03-05", "2031-03-06", "2031-03-07"]
    tuesday = answer["days"]["2031-03-04"]
    assert (len(tuesday), tuesday[0], tuesday[-1]) == (
        17,
        "2031-03-04T08:00:00+01:00",
        "2031-03-04T16:30:00+01:00",
    )
    assert "2031-03-04T10:00:00+01:00" not in tuesday
    assert len(answer["days"]["2031-03-05"]) == 18


def test_both_runs_of_a_doubled_hour_have_seats_of_their_own(world: World) -> None:
    ann = world.by("ann")
    ann("PATCH", f"/api/event-types/{world.event_type_id}", {"seats": 3})
    hours = [{"weekday": 6, "start": "02:00", "end": "03:00"}]
    ann(
        "PUT",
        "/api/experts/me/availability",
        {"time_zone": "Europe/Berlin", "weekly": hours, "overrides": []},
    )
    first_run, second_run = "2031-10-26T02:00:00+02:00", "2031-10-26T02:00:00+01:00"
    booked = world.guest(
        "POST",
        "/api/bookings",
        {
            "event_type_id": world.event_type_id,
            "starts_at": second_run,
            "name": "Gwen",
            "email": "gwen@example.org",
        },
    )
    assert booked.status_code == 201
    path = "/api/experts/ann/event-types/consultation/slots?from=2031-10-26&to=2031-10-26"
    found = world.guest.get(path)
    assert list(found["seats_left"]) == found["days"]["2031-10-26"]
    assert (found["seats_left"][first_run], found["seats_left"][second_run]) == (3, 2)


def test_days_are_those_of_the_askers_zone(world: World) -> None:
    query = {"from": "2031-03-04", "to": "2031-03-04", "time_zone": "Pacific/Auckland"}
    answer = world.guest.get(SLOTS, query_string=query)
    assert answer["time_zone"] == "Pacific/Auckland"
    starts = answer["days"]["2031-03-04"]
    assert all(start.endswith("+13:00") for start in starts)
    assert {start[:10] for start in starts} == {"2031-03-04"}


def test_the_version_is_the_topics(world: World) -> None:
    path = f"{SLOTS}?from=2031-03-04&to=2031-03-04"
    before = world.guest.get(path)["version"]
    world.book()
    assert world.guest.get(path)["version"] == before + 1


NO_SPANS: list[tuple[Any, str]] = [
    ("", "from"),
    ("from=2031-03-04", "to"),
    ("from=2031-03-05&to=2031-03-04", "to"),
    ("from=2031-03-04&to=2031-05-05", "to"),
    ("from=04.03.2031&to=2031-03-04", "from"),
    ("from=2031-02-30&to=2031-03-04", "from"),
    ("from=2031-03-04T10:00:00Z&to=2031-03-04", "from"),
    ("from=0001-01-01&to=0001-01-02", "from"),
    ("from=9999-12-31&to=9999-12-31", "from"),
    ("from=2031-03-04&to=2031-03-04&time_zone=Mars/Olympus", "time_zone"),
    ("from=2031-03-04&to=2031-03-04&time_zone=../x", "time_zone"),
    ("from=2031-03-04&to=2031-03-04&time_zone=%00", "time_zone"),
]


def test_wrong_spans_are_refused(world: World) -> None:
    for query, field in NO_SPANS:
        answer = world.guest("GET", f"{SLOTS}?{query}")
        assert problem(answer) == (422, "invalid_input"), query
        assert field in answer.json["errors"]


def test_sixty_two_days_are_not_too_many(world: World) -> None:
    assert len(world.guest.get(f"{SLOTS}?from=2031-03-04&to=2031-05-04")["days"]) == 44


@pytest.mark.parametrize("path", ["ann/event-types/x", "x/event-types/consultation"])
def test_there_are_no_slots_of_nothing(world: World, path: str) -> None:
    answer = world.guest("GET", f"/api/experts/{path}/slots?from=2031-03-04&to=2031-03-04")
    assert problem(answer) == (404, "not_found")
