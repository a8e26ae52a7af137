"""Published schedules read into plain values: frab and pentabarf XML, pretalx and frab JSON.

The formats are those of c3voc's validators (github.com/voc/schedule, `validator/`). Two
flavours differ in time: frab's `<date>` is an instant with its offset; pentabarf, as
FOSDEM writes it, has a day, a local time and the hour at which a conference day ends
(`day_change`). Nothing here knows of our database, and nothing raises for a session
that cannot be held: the importer says why.

XML is read without DTD. Whatever declares one is refused, and with it external entities
and entities that multiply (CWE-611, CWE-776); so the standard library's expat is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import orjson
from flask_babel import gettext, lazy_gettext

from app.services.errors import DomainError
from app.services.plain_text import clean

MAX_BYTES = 20 * 1024 * 1024
# When pentabarf does not say: sessions before it belong to the evening before.
DAY_CHANGE = timedelta(hours=4)

_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d)(?:\.0*)?)?")
_LATEST = timedelta(hours=48)  # a start's hours may go on past midnight, for a night
_MINUTES = re.compile(r"\d{1,5}")
_NO_CHARACTERS = re.compile("[\ufffe\uffff]")  # XML 1.0, 2.2: not even as references
# What `plain` may have to change; most texts have none of it, and looking is quick.
_UNUSUAL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class UnreadableSchedule(DomainError):
    """The file is no schedule that we read."""

    code = "invalid_input"
    detail = lazy_gettext("This is neither a frab or pentabarf schedule.xml nor a schedule.json.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One session as the file has it; empty where the file says nothing.

    `starts_at` is aware, or naive and local to the conference. `day` is the conference day.
    """

    guid: str
    id: str
    title: str
    room: str
    day: date | None
    starts_at: datetime | None
    duration: timedelta | None
    track: str
    language: str
    abstract: str
    description: str
    speakers: tuple[str, ...]


@dataclass(slots=True)
class Schedule:
    """A conference and its sessions, in the file's order."""

    title: str = ""
    venue: str = ""
    time_zone: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    room_capacities: dict[str, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


def plain(text: str) -> str:
    """`text` as it survives every format: LF as line end, nothing that XML cannot hold."""
    if _UNUSUAL.search(text):
        text = _NO_CHARACTERS.sub(" ", clean(text))
    return text.strip()


def one_line(text: str) -> str:
    """`plain` text as one line, with single spaces."""
    return " ".join(plain(text).split())


def read(data: bytes) -> Schedule:
    """The schedule in a file. Raises `UnreadableSchedule` with a sentence that says why."""
    if len(data) > MAX_BYTES:
        raise UnreadableSchedule(
            gettext(
                "The file is larger than %(n)s MB, which no schedule is.", n=MAX_BYTES // 1024**2
            )
        )
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<" or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _read_xml(data)
    if start == b"{":
        return _read_json(data.removeprefix(b"\xef\xbb\xbf"))
    raise UnreadableSchedule


# -- XML ---------------------------------------------------------------------------


def _read_xml(data: bytes) -> Schedule:
    root = _parse(data.lstrip())
    if root.tag != "schedule":
        raise UnreadableSchedule
    conference = root.find("conference")
    if conference is None:
        conference = Element("conference")
    says = {each.tag: each.text or "" for each in conference}
    schedule = _conference(says, says.get("city"))
    change = _offset(says.get("day_change", ""))
    for day in root.iterfind("day"):
        on = _date(day.get("date"))
        for event, room in _events(day):
            schedule.entries.append(_xml_entry(event, room, on, change))
    return schedule


def _parse(data: bytes) -> Element:
    """The document's root, without a DTD."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableSchedule(
            gettext("The file is broken XML: %(error)s.", error=error)
        ) from error
    except (LookupError, ValueError) as error:  # an encoding that expat or Python lacks
        raise UnreadableSchedule(
            gettext("The file's encoding is not known: %(error)s.", error=error)
        ) from error
    root: Element = builder.close()
    return root


def _refuse_dtd(*_declaration: object) -> None:
    raise UnreadableSchedule(
        gettext("The file declares a document type (DTD), which is not accepted.")
    )


def _events(day: Element) -> Iterator[tuple[Element, str]]:
    """The sessions of a day, in order, each with the room that it stands in."""
    for child in day:
        if child.tag == "event":
            yield child, ""
        elif child.tag == "room":
            for event in child.iterfind("event"):
                yield event, child.get("name", "")


def _xml_entry(event: Element, room: str, on: date | None, change: timedelta | None) -> Entry:
    says = {each.tag: each.text or "" for each in event}
    return _entry(
        says,
        guid=event.get("guid") or says.get("guid"),
        number=event.get("id") or says.get("id") or event.get("code"),
        room=says.get("room") or room,
        on=on,
        change=change,
        people=(each.text or each.get("name") for each in event.iterfind("persons/person")),
    )


# -- JSON --------------------------------------------------------------------------


def _read_json(data: bytes) -> Schedule:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UnreadableSchedule(
            gettext("The file is broken JSON: %(error)s.", error=error)
        ) from error
    conference = _mapping(_mapping(_mapping(document).get("schedule")).get("conference"))
    if not isinstance(conference.get("days"), list):
        raise UnreadableSchedule
    schedule = _conference(conference, conference.get("city"))
    change = _offset(_text(conference.get("day_change")))
    for room in _list(conference.get("rooms")):
        name, capacity = one_line(_text(_mapping(room).get("name"))), _mapping(room).get("capacity")
        if isinstance(capacity, int) and capacity > 0:
            schedule.room_capacities[name] = capacity
    for day in map(_mapping, conference["days"]):
        on = _date(day.get("date"))
        for name, events in _mapping(day.get("rooms")).items():
            schedule.entries.extend(
                _json_entry(_mapping(event), name, on, change) for event in _list(events)
            )
    return schedule


def _json_entry(
    says: Mapping[str, Any], room: str, on: date | None, change: timedelta | None
) -> Entry:
    people = map(_mapping, _list(says.get("persons")))
    return _entry(
        says,
        guid=says.get("guid"),
        number=says.get("id") or says.get("code"),
        room=_text(says.get("room")) or room,
        on=on,
        change=change,
        people=(each.get("public_name") or each.get("name") for each in people),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# -- both --------------------------------------------------------------------------


def _conference(says: Mapping[str, Any], city: object) -> Schedule:
    venue, town = one_line(_text(says.get("venue"))), one_line(_text(city))
    return Schedule(
        title=one_line(_text(says.get("title"))),
        venue=venue if not town or town in venue else ", ".join(filter(None, (venue, town))),
        time_zone=_text(says.get("time_zone_name")).strip(),
        starts_on=_date(says.get("start")),
        ends_on=_date(says.get("end")),
    )


def _entry(
    says: Mapping[str, Any],
    *,
    guid: object,
    number: object,
    room: str,
    on: date | None,
    change: timedelta | None,
    people: Iterator[Any],
) -> Entry:
    starts_at = _starts_at(_text(says.get("date")), _text(says.get("start")), on, change)
    return Entry(
        guid=one_line(_text(guid)),
        id=one_line(_text(number)),
        title=one_line(_text(says.get("title"))),
        room=one_line(room),
        day=on,
        starts_at=starts_at,
        duration=_duration(_text(says.get("duration")), _text(says.get("end")), starts_at),
        track=one_line(_text(says.get("track"))),
        language=one_line(_text(says.get("language"))),
        abstract=plain(_text(says.get("abstract"))),
        description=plain(_text(says.get("description"))),
        speakers=tuple(filter(None, (one_line(_text(each)) for each in people))),
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(_text(value).strip()[:10])
    except ValueError:
        return None


def _starts_at(
    date_text: str, start: str, on: date | None, change: timedelta | None
) -> datetime | None:
    for text in (date_text, start):
        if "T" in text:
            try:
                return datetime.fromisoformat(text.strip())
            except ValueError:
                continue
    day, offset = _date(date_text) or on, _offset(start)
    if day is None or offset is None or offset >= _LATEST:
        return None
    # A calendar date that differs from the conference day says already where it is.
    if day == on and offset < (DAY_CHANGE if change is None else change):
        offset += timedelta(days=1)
    try:
        return datetime.combine(day, time()) + offset
    except OverflowError:
        return None


def _duration(text: str, end: str, starts_at: datetime | None) -> timedelta | None:
    """From "HH:MM", "H:MM:SS" or minutes; else from an end, where there is one."""
    if _MINUTES.fullmatch(text.strip()):
        return timedelta(minutes=int(text))
    duration = _offset(text)
    if duration is None and "T" in end and starts_at is not None:
        try:
            return datetime.fromisoformat(end.strip()) - starts_at
        except (TypeError, ValueError):  # one naive, one aware; or no time at all
            return None
    return duration


def _offset(text: str) -> timedelta | None:
    """Hours, minutes and perhaps seconds; 24:30 is half past midnight of the next day."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
