"""Schedule files: what is read of them, in every flavour, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.services import schedule_format
from app.services.schedule_format import Entry, UnreadableSchedule, read
from tests.schedules import pentabarf, pretalx, published, talk

LAUGHS = b"""<!DOCTYPE schedule [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<schedule><conference><title>&b;</title></conference></schedule>"""
FILES = b"""<!DOCTYPE schedule [<!ENTITY file SYSTEM "file:///etc/passwd">]>
<schedule><conference><title>&file;</title></conference></schedule>"""


def entry(**values: Any) -> Entry:
    """What is read of one talk, from XML and from JSON alike."""
    (from_xml,) = read(pentabarf(talk(**values))).entries
    (from_json,) = read(pretalx(talk(**values))).entries
    assert from_xml == from_json
    return from_xml


def test_pentabarf_as_fosdem_writes_it() -> None:
    schedule = read(published("fosdem2024.xml"))
    assert (schedule.title, schedule.starts_on, schedule.ends_on) == (
        "FOSDEM 2024",
        date(2024, 2, 3),
        date(2024, 2, 4),
    )
    assert schedule.venue == "ULB (Université Libre de Bruxelles), Brussels"
    assert len(schedule.entries) == 674
    assert len({each.room for each in schedule.entries}) == 26
    first = schedule.entries[0]
    assert (first.guid, first.id, first.title) == ("", "10528", "Creative Coding with TurtleStitch")
    assert first.starts_at == datetime(2024, 2, 3, 10, 30)  # noqa: DTZ001 (local, as in the file)
    assert (first.duration, first.speakers) == (timedelta(hours=1), ("Pauline Maas",))


def test_frab_as_31c3_wrote_it() -> None:
    schedule = read(published("31c3.xml"))
    assert len(schedule.entries) == 138
    late = [each for each in schedule.entries if each.starts_at.date() != each.day]
    assert [(each.day.day, each.starts_at.day) for each in late] == [
        (27, 28),
        (28, 29),
        (28, 29),
        (29, 30),
    ]
    assert all(each.starts_at.utcoffset() == timedelta(hours=1) for each in schedule.entries)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("00:30", 30), ("1:30:00", 90), ("0:00:30", 0.5), ("25:00", 1500), ("45", 45)],
)
def test_durations(text: str, minutes: float) -> None:
    assert entry(duration=text).duration == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "soon", "-1:00", "0:60", "1:2:3:4", "99999:00"])
def test_what_is_no_duration(text: str) -> None:
    assert entry(duration=text).duration is None


def test_an_end_stands_in_for_a_duration() -> None:
    values = {"date": "2031-05-01T10:00:00+02:00", "end": "2031-05-01T10:50:00+02:00"}
    assert entry(duration="", **values).duration == timedelta(minutes=50)
    assert entry(duration="", end=values["end"]).duration is None  # against a local time


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "2031-05-01T10:00:00"),
        ({"start": "9:05"}, "2031-05-01T09:05:00"),
        ({"start": "00:30"}, "2031-05-02T00:30:00"),  # pentabarf's own hour of change, 04:00
        ({"start": "24:30"}, "2031-05-02T00:30:00"),
        ({"start": "04:00"}, "2031-05-01T04:00:00"),
        ({"date": "2031-05-02", "start": "00:30"}, "2031-05-02T00:30:00"),
        ({"date": "2031-05-02T00:30:00+02:00"}, "2031-05-02T00:30:00+02:00"),
        ({"date": "2031-05-01T22:30:00Z"}, "2031-05-01T22:30:00+00:00"),
        ({"start": "2031-05-01T11:00:00+02:00"}, "2031-05-01T11:00:00+02:00"),
        ({"start": "noon"}, None),
        ({"start": "10:75"}, None),
        ({"start": "99:00"}, None),
        ({"day": "someday"}, None),
    ],
)
def test_when_a_session_starts(values: dict[str, str], expected: str | None) -> None:
    starts_at = entry(**values).starts_at
    assert starts_at == (None if expected is None else datetime.fromisoformat(expected))


def test_the_hour_at_which_a_conference_day_ends() -> None:
    early = talk(start="08:30")
    for data in (pentabarf(early, day_change="09:00:00"), pretalx(early, day_change="09:00")):
        (read_early,) = read(data).entries
        assert read_early.starts_at == datetime(2031, 5, 2, 8, 30)  # noqa: DTZ001 (local)
        assert read_early.day == date(2031, 5, 1)


def test_texts_are_made_fit_for_every_format() -> None:
    read_entry = entry(title=" A\n title\t", abstract=" one\r\ntwo\n", speakers=["Ada\nL", " "])
    assert (read_entry.title, read_entry.abstract) == ("A title", "one\ntwo")
    assert read_entry.speakers == ("Ada L",)
    (hostile,) = read(pretalx(talk(title="nul\0 and \x1b", abstract="no\ufffe"))).entries
    assert (hostile.title, hostile.abstract) == ("nul and", "no")


def test_json_with_wrong_types_says_nothing() -> None:
    talks = [{"guid": [], "title": 7, "duration": 30, "persons": "x", "id": True}, None, "talk"]
    days = [{"date": "2031-05-01", "rooms": {"Hall": talks, "Foyer": None}}, 5, {"rooms": []}]
    conference = {"days": days, "rooms": [None, {"name": "Hall", "capacity": 40}], "title": None}
    schedule = read(json.dumps({"schedule": {"conference": conference}}).encode())
    assert [(each.title, each.id, each.duration) for each in schedule.entries] == [
        ("7", "", timedelta(minutes=30)),
        ("", "", None),
        ("", "", None),
    ]
    assert schedule.room_capacities == {"Hall": 40}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    text = head + "<schedule><conference><title>Übung</title></conference></schedule>"
    assert read(text.encode(encoding)).title == "Übung"


@pytest.mark.parametrize("data", [LAUGHS, FILES, b"<!DOCTYPE html><html></html>"])
def test_document_types_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableSchedule, match="document type"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BEGIN:VCALENDAR",
        b"\x89PNG\r\n",
        b"<rss></rss>",
        b"{}",
        b'{"schedule": {"conference": {"days": 3}}}',
        b"[1, 2]",
    ],
)
def test_what_is_no_schedule(data: bytes) -> None:
    with pytest.raises(UnreadableSchedule) as refused:
        read(data)
    assert refused.value.detail == UnreadableSchedule.detail


@pytest.mark.parametrize(
    "data",
    [
        b"<schedule><day>",
        b"<schedule>&nbsp;</schedule>",
        b'{"schedule"',
        b"[" * 10_000,
        b'{"a":' * 10_000,
        b'<?xml version="1.0" encoding="klingon"?><schedule/>',
        b'<?xml version="1.0" encoding="shift_jis"?><schedule/>',
    ],
)
def test_what_is_broken(data: bytes) -> None:
    with pytest.raises(UnreadableSchedule):
        read(data)


def test_a_file_that_is_too_large_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_format, "MAX_BYTES", 1024**2)
    with pytest.raises(UnreadableSchedule, match="larger than 1 MB"):
        read(b"<schedule>" + b" " * 1024**2)


def test_offsets_are_instants() -> None:
    starts_at = entry(date="2031-05-01T10:00:00+02:00").starts_at
    assert starts_at is not None
    assert starts_at.astimezone(UTC).hour == 8
