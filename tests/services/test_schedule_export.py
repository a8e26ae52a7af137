"""Schedules written: complete, as the formats have them, and equal when they come back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import icalendar
import pytest
import vobject

from app.services import event_sessions, policy, schedule_export, schedule_format, schedule_import
from app.services.errors import NotAllowed, NotFound, Unauthenticated
from app.services.schedule_import import Options
from tests import factories
from tests.schedules import pentabarf, published, talk

pytestmark = pytest.mark.usefixtures("context")

HOSTILE = 'a\x01b\x0c <b>&amp;</b> "quoted" ]]> ünï \ufffe\u2028 end'


@pytest.fixture
def admin(context: Any) -> policy.Actor:
    return factories.make_admin()


def exported(admin: policy.Actor, kind: str, slug: str = "conf") -> bytes:
    return schedule_export.export_schedule(admin, slug, kind)


def assert_nothing_changes(admin: policy.Actor, data: bytes, sessions: int) -> None:
    report = schedule_import.import_schedule(admin, data, "conf")
    assert (report.read, report.unchanged) == (sessions, sessions)
    assert report.as_payload() == {
        "event": "conf",
        "time_zone": report.time_zone,
        "dry_run": False,
        "created": False,
        "event_changes": {},
        "read": sessions,
        "added": [],
        "changed": [],
        "unchanged": sessions,
        "missing": [],
        "skipped": [],
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("name", "zone", "sessions"),
    [("fosdem2024.xml", "Europe/Brussels", 672), ("31c3.xml", None, 138)],
)
def test_what_goes_out_comes_back_equal(
    admin: policy.Actor, name: str, zone: str | None, sessions: int
) -> None:
    original = published(name)
    schedule_import.import_schedule(admin, original, "conf", Options(time_zone=zone))
    for kind in ("xml", "json"):
        assert_nothing_changes(admin, exported(admin, kind), sessions)
    # And it says what the original said, of every session.
    wanted = {each.guid or each.id: each for each in schedule_format.read(original).entries}
    for each in schedule_format.read(exported(admin, "xml")).entries:
        said = wanted[each.guid]
        for field in ("title", "room", "day", "duration", "track", "language", "abstract"):
            assert getattr(each, field) == getattr(said, field)
        assert (each.id if said.guid == "" else said.guid) == each.guid
        assert each.speakers == said.speakers
        assert f"{each.starts_at:%F %R}" == f"{said.starts_at:%F %R}"


def test_xml_has_frabs_elements(admin: policy.Actor) -> None:
    late = talk("b", start="00:30", room="Attic", day="2031-05-01")
    data = pentabarf(talk("a", speakers=["Ada", "Bob"], track="Main", language="en"), late)
    schedule_import.import_schedule(admin, data, "conf", Options(time_zone="Europe/Brussels"))
    root = ElementTree.fromstring(exported(admin, "xml"))  # noqa: S314 (our own)
    assert [each.tag for each in root] == ["version", "conference", "day"]
    conference = {each.tag: each.text for each in root[1]}
    assert conference["acronym"] == "conf"
    assert conference["time_zone_name"] == "Europe/Brussels"
    assert (conference["start"], conference["end"]) == ("2031-05-01", "2031-05-02")
    assert root[2].attrib == {
        "index": "1",
        "date": "2031-05-01",
        "start": "2031-05-01T10:00:00+02:00",
        "end": "2031-05-02T01:30:00+02:00",
    }
    assert [each.get("name") for each in root[2]] == ["Attic", "Hall"]
    event = root.find("day/room[@name='Hall']/event")
    assert event is not None
    assert event.get("guid") == "a"
    assert int(event.get("id", "")) > 0
    says = {each.tag: each.text or "" for each in event}
    assert says.pop("slug").startswith("conf-")
    assert {each.text for each in event.iterfind("persons/person")} == {"Ada", "Bob"}
    assert says | {"persons": ""} == {
        "date": "2031-05-01T10:00:00+02:00",
        "start": "10:00",
        "duration": "01:00",
        "room": "Hall",
        "url": "http://localhost/agenda/conf",
        "title": "Talk a",
        "subtitle": "",
        "track": "Main",
        "type": "",
        "language": "en",
        "abstract": "",
        "description": "",
        "persons": "",
        "links": "",
    }


def test_json_has_pretalxs_names(admin: policy.Actor) -> None:
    schedule_import.import_schedule(admin, pentabarf(talk("a", speakers=["Ada"])), "conf")
    conference = json.loads(exported(admin, "json"))["schedule"]["conference"]
    assert conference["daysCount"] == 1
    assert [each["name"] for each in conference["rooms"]] == ["Hall"]
    (day,) = conference["days"]
    assert (day["index"], day["date"]) == (1, "2031-05-01")
    (event,) = day["rooms"]["Hall"]
    assert event["date"] == "2031-05-01T10:00:00+02:00"
    assert event["end"] == "2031-05-01T11:00:00+02:00"
    assert [each["public_name"] for each in event["persons"]] == ["Ada"]


def test_icalendar_is_read_by_two_parsers(admin: policy.Actor) -> None:
    talks = [
        talk("a", track="Main, stage", abstract="One\n\ntwo", speakers=["Ada"]),
        talk("b", room="B"),
    ]
    schedule_import.import_schedule(admin, pentabarf(*talks, venue="Town hall"), "conf")
    data = exported(admin, "ics")
    assert len(vobject.readOne(data.decode()).vevent_list) == 2
    calendar = icalendar.Calendar.from_ical(data)
    assert (calendar["METHOD"], calendar["X-WR-CALNAME"]) == ("PUBLISH", "A conference")
    first = calendar.walk("VEVENT")[0]
    assert not first.errors
    assert first["UID"] == "a.conf@localhost"
    assert first["LOCATION"] == "Hall, Town hall"
    assert first["DESCRIPTION"] == "Ada\n\nOne\n\ntwo"
    assert first["CATEGORIES"].cats == ["Main, stage"]
    assert first["DTSTART"].dt.isoformat() == "2031-05-01T08:00:00+00:00"
    assert "DTSTAMP" in first
    assert "SEQUENCE" in first


def test_texts_that_xml_cannot_hold(admin: policy.Actor) -> None:
    event = factories.make_event(slug="conf")
    values = {"abstract": HOSTILE, "description": "tab\tand\r\nline", "track": "a\x02b"}
    factories.make_session(event, title="t\x1b<i>", speakers=[{"name": "A\x7fda"}], **values)
    for kind in ("xml", "json"):
        assert_nothing_changes(admin, exported(admin, kind), 1)
    assert vobject.readOne(exported(admin, "ics").decode())


def test_an_hour_that_comes_twice(admin: policy.Actor) -> None:
    event = factories.make_event(slug="conf", starts_on="2031-10-26", ends_on="2031-10-26")
    for hour in (0, 1):  # 02:30 in Berlin, both times
        start = factories.period("2031-10-26T00:30Z", "2031-10-26T00:40Z").starts_at
        factories.make_session(event, starts_at=start + timedelta(hours=hour), minutes=90)
    for kind in ("xml", "json"):
        assert_nothing_changes(admin, exported(admin, kind), 2)


def test_what_is_cancelled_or_empty(admin: policy.Actor) -> None:
    event = factories.make_event(slug="conf")
    for kind in schedule_export.KINDS:
        assert exported(admin, kind)
    session = factories.make_session(event)
    event_sessions.cancel_event_session(admin, session.id)
    assert schedule_format.read(exported(admin, "json")).entries == []


def test_seconds_and_long_sessions(admin: policy.Actor) -> None:
    event = factories.make_event(slug="conf")
    factories.make_session(event, minutes=26 * 60)
    period = factories.period("2031-03-06T10:00:05Z", "2031-03-06T10:00:50Z")
    event_sessions.schedule_session(
        admin,
        "conf",
        {
            "title": "Lightning",
            "room_id": factories.make_room().id,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
        },
    )
    for kind in ("xml", "json"):
        assert_nothing_changes(admin, exported(admin, kind), 2)


def test_for_staff() -> None:
    factories.make_event(slug="conf")
    for actor, error in ((None, Unauthenticated), (factories.make_actor(), NotAllowed)):
        with pytest.raises(error):
            schedule_export.export_schedule(actor, "conf", "xml")
    with pytest.raises(NotFound):
        schedule_export.export_schedule(factories.make_contributor(), "nowhere", "xml")
