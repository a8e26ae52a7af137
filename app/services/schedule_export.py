"""An event's schedule as others read it: frab XML, JSON as pretalx writes it, iCalendar.

The elements are those of c3voc's validators (github.com/voc/schedule, `validator/`). A
file written here and imported again changes nothing: instants carry their offset, each
session its guid and its conference day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from zoneinfo import ZoneInfo

import orjson
from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.extensions import db
from app.models import Event, EventSession
from app.models.booking import CONFIRMED
from app.services import events, fields, icalendar_export, settings
from app.services.clock import rfc3339
from app.services.policy import Actor, require_staff
from app.services.schedule_format import one_line, plain

KINDS = ("xml", "json", "ics")
_SLOT = "00:05"


@dataclass(frozen=True, slots=True)
class _Schedule:
    event: Event
    sessions: list[EventSession]  # by day, room and time
    days: list[list[EventSession]]
    zone: ZoneInfo
    version: str
    url: str


def export_schedule(actor: Actor | None, slug: str, kind: str) -> bytes:
    """The event's confirmed sessions, in one of `KINDS`. For staff. Raises `NotFound`."""
    require_staff(actor)
    schedule = _read(slug)
    if kind == "xml":
        return _xml(schedule)
    return _json(schedule) if kind == "json" else _ics(schedule)


def _read(slug: str) -> _Schedule:
    event = events.get_event(slug)
    found = db.session.scalars(
        select(EventSession)
        .where(EventSession.event_id == event.id, EventSession.status == CONFIRMED)
        .options(selectinload(EventSession.speakers), joinedload(EventSession.room))
    )
    sessions = sorted(found, key=lambda each: (each.day, each.room.name, each.starts_at, each.id))
    days: dict[Any, list[EventSession]] = {}
    for each in sessions:
        days.setdefault(each.day, []).append(each)
    return _Schedule(
        event=event,
        sessions=sessions,
        days=list(days.values()),
        zone=ZoneInfo(event.time_zone),
        version=str(event.version + sum(each.version for each in sessions)),
        url=f"{current_app.config['PUBLIC_URL']}/agenda/{event.slug}",
    )


def _xml(schedule: _Schedule) -> bytes:
    root = Element("schedule")
    _texts(root, {"version": schedule.version})
    event = schedule.event
    _texts(
        SubElement(root, "conference"),
        {
            "acronym": event.slug,
            "title": one_line(event.title),
            "venue": one_line(event.venue),
            "start": event.starts_on.isoformat(),
            "end": event.ends_on.isoformat(),
            "days": str(len(schedule.days)),
            "timeslot_duration": _SLOT,
            "base_url": current_app.config["PUBLIC_URL"],
            "time_zone_name": event.time_zone,
        },
    )
    for index, sessions in enumerate(schedule.days, start=1):
        starts_at, ends_at = _span(schedule, sessions)
        marks = {
            "index": str(index),
            "date": sessions[0].day.isoformat(),
            "start": starts_at.isoformat(),
            "end": ends_at.isoformat(),
        }
        day = SubElement(root, "day", marks)
        for name, in_room in _by_room(sessions).items():
            room = SubElement(day, "room", {"name": name})
            for each in in_room:
                _xml_session(room, schedule, each)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _xml_session(room: Element, schedule: _Schedule, session: EventSession) -> None:
    says = _session(schedule, session)
    marks = {"guid": says["guid"], "id": str(says["id"])}
    element = SubElement(room, "event", marks)
    _texts(element, {name: text for name, text in says.items() if name not in marks})
    people = SubElement(element, "persons")
    for speaker, name in zip(session.speakers, _names(session), strict=True):
        SubElement(people, "person", {"id": str(speaker.id)}).text = name
    SubElement(element, "links")


def _texts(parent: Element, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = text


def _json(schedule: _Schedule) -> bytes:
    event = schedule.event
    rooms = {each.room.name: each.room for each in schedule.sessions}
    public_url = current_app.config["PUBLIC_URL"]
    conference = {
        "acronym": event.slug,
        "title": one_line(event.title),
        "venue": one_line(event.venue),
        "start": event.starts_on.isoformat(),
        "end": event.ends_on.isoformat(),
        "daysCount": len(schedule.days),
        "timeslot_duration": _SLOT,
        "time_zone_name": event.time_zone,
        "url": schedule.url,
        "rooms": [
            {
                "name": one_line(room.name),
                "guid": str(uuid5(NAMESPACE_URL, f"{public_url}/rooms/{room.id}")),
                "description": None,
                "capacity": room.capacity,
            }
            for room in rooms.values()
        ],
        "tracks": [
            {"name": track} for track in dict.fromkeys(s.track for s in schedule.sessions) if track
        ],
        "days": [_json_day(schedule, *each) for each in enumerate(schedule.days, start=1)],
    }
    document = {
        "$schema": "https://c3voc.de/schedule/schema.json",
        "generator": {"name": settings.current().product_name, "url": public_url},
        "schedule": {
            "url": schedule.url,
            "version": schedule.version,
            "base_url": public_url,
            "conference": conference,
        },
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def _json_day(schedule: _Schedule, index: int, sessions: list[EventSession]) -> dict[str, Any]:
    starts_at, ends_at = _span(schedule, sessions)
    return {
        "index": index,
        "date": sessions[0].day.isoformat(),
        "day_start": starts_at.isoformat(),
        "day_end": ends_at.isoformat(),
        "rooms": {
            name: [
                _session(schedule, each)
                | {
                    "end": each.ends_at.astimezone(schedule.zone).isoformat(),
                    "persons": [
                        {"id": speaker.id, "name": person, "public_name": person}
                        for speaker, person in zip(each.speakers, _names(each), strict=True)
                    ],
                    "links": [],
                    "attachments": [],
                }
                for each in in_room
            ]
            for name, in_room in _by_room(sessions).items()
        },
    }


def _ics(schedule: _Schedule) -> bytes:
    host = urlsplit(current_app.config["PUBLIC_URL"]).hostname
    return icalendar_export.schedule(
        [
            {
                "uid": f"{each.guid}.{schedule.event.slug}@{host}",
                "sequence": each.version,
                "title": each.title,
                "starts_at": rfc3339(each.starts_at),
                "ends_at": rfc3339(each.ends_at),
                "location": ", ".join(filter(None, (each.room.name, schedule.event.venue))),
                "track": each.track,
                "description": "\n\n".join(
                    filter(None, (", ".join(_names(each)), each.abstract, each.description))
                ),
                "url": schedule.url,
            }
            for each in sorted(schedule.sessions, key=lambda each: (each.starts_at, each.id))
        ],
        schedule.event.title,
    )


def _session(schedule: _Schedule, session: EventSession) -> dict[str, Any]:
    """What XML and JSON both say of a session."""
    starts_at = session.starts_at.astimezone(schedule.zone)
    guid = one_line(session.guid)
    # Where a file had ids alone they are our guids, and go out as what they were.
    number = int(guid) if guid.isascii() and guid.isdecimal() and len(guid) < 16 else session.id
    slug = f"{schedule.event.slug}-{session.id}-{fields.slug_from(session.title)}"
    return {
        "guid": guid,
        "id": number,
        "date": starts_at.isoformat(),
        "start": f"{starts_at:%H:%M}",
        "duration": _duration(session.ends_at - session.starts_at),
        "room": one_line(session.room.name),
        "slug": slug,
        "url": schedule.url,
        "title": one_line(session.title),
        "subtitle": "",
        "track": one_line(session.track),
        "type": "",
        "language": one_line(session.language),
        "abstract": plain(session.abstract),
        "description": plain(session.description),
    }


def _names(session: EventSession) -> list[str]:
    return [one_line(each.name) for each in session.speakers]


def _by_room(sessions: list[EventSession]) -> dict[str, list[EventSession]]:
    rooms: dict[str, list[EventSession]] = {}
    for each in sessions:
        rooms.setdefault(one_line(each.room.name), []).append(each)
    return rooms


def _span(schedule: _Schedule, sessions: list[EventSession]) -> tuple[datetime, datetime]:
    first = min(each.starts_at for each in sessions)
    last = max(each.ends_at for each in sessions)
    return first.astimezone(schedule.zone), last.astimezone(schedule.zone)


def _duration(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
