"""The agenda of an event, as its attendees read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    String,
    and_,
    bindparam,
    cast,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models import Booking, Event, EventSession, Room, Speaker, WaitlistEntry
from app.models.booking import CONFIRMED
from app.models.types import AnyRow
from app.services import admission
from app.services.clock import rfc3339
from app.services.errors import NotFound
from app.services.policy import Actor, may_attend, require_signed_in
from app.services.transaction import execute


@dataclass(frozen=True, slots=True)
class Agenda:
    """An encoded agenda; `etag` changes with it, and with the reader's own seats.

    `body` is None for a reader who knows this one.
    """

    etag: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class _Encoded:
    """One version of an event's agenda, in pieces, shared by all its readers."""

    event: tuple[Any, ...]  # with its version; SQLite may give a deleted event's id again
    head: bytes
    sessions: dict[int, bytes]  # by id, in order; nothing in them is a reader's own
    body: bytes


# The last version of each event that this process encoded.
_encoded: dict[int, _Encoded] = {}
_NOBODYS = b',"booked":false,"waitlisted":false}'
_BOOKED = b',"booked":true,"waitlisted":false}'
_WAITLISTED = b',"booked":false,"waitlisted":true}'


def read_agenda(actor: Actor | None, slug: str, known: Collection[str] = ()) -> Agenda:
    """The agenda for this reader, without body when its ETag is among the `known` ones.

    One query whatever the size, and two more after a change. Raises `NotFound` when
    there is none or the reader is neither attendee nor staff and it is not public.
    """
    event = _find_event(actor, slug)
    own = _own_marks(actor, event)
    marks = "".join(
        f"{'b' if mark is _BOOKED else 'w'}{each}" for each, mark in sorted(own.items())
    )
    etag = f"{event.id}-{event.topic_version}-{marks}"
    if etag in known:
        return Agenda(etag, None)
    encoded = _encoded.get(event.id)
    if encoded is None or encoded.event != event[:-1]:
        encoded = _encoded[event.id] = _encode(event)
    if not own:
        return Agenda(etag, encoded.body)
    return Agenda(etag, _joined(encoded.head, encoded.sessions, own))


def get_session(actor: Actor | None, event_session_id: int) -> dict[str, Any]:
    """One session in full. Raises `NotFound` as `read_agenda` does."""
    rows = db.session.execute(
        _SESSIONS.where(EventSession.id == event_session_id).add_columns(
            EventSession.description, EventSession.status, Event.slug.label("event_slug")
        )
    ).all()
    if not rows:
        raise NotFound
    event = _find_event(actor, rows[0].event_slug)
    speakers = db.session.scalars(
        select(Speaker.name)
        .where(Speaker.event_session_id == event_session_id)
        .order_by(Speaker.position)
    )
    mark = _own_marks(actor, event).get(event_session_id)
    return {
        **_session(rows[0], list(speakers)),
        "description": rows[0].description,
        "status": rows[0].status,
        "booked": mark is _BOOKED,
        "waitlisted": mark is _WAITLISTED,
    }


def topic_version(actor: Actor, slug: str) -> int:
    """The version of `event:<slug>`, for its attendees and staff. Raises `NotFound`."""
    event = _find_event(require_signed_in(actor), slug)
    version: int = event.topic_version
    return version


def seats_now(event_id: int) -> tuple[int, list[dict[str, Any]]]:
    """`(topic version, [{id, seats_left, version}])` of all sessions with a capacity.

    Both are read in one statement, so a reader who has seen this version has seen these
    seats. `(0, [])` when there is no such event.
    """
    rows = db.session.execute(_SEATS, {"event": event_id}).all()
    seats = [
        {"id": row.id, "seats_left": row.seats_left, "version": row.version}
        for row in rows
        if row.id is not None
    ]
    return rows[0].topic_version if rows else 0, seats


def _find_event(actor: Actor | None, slug: str) -> AnyRow:
    wanted = {"slug": slug, "user": actor.user_id if actor else None}
    event = execute(_EVENT, wanted).one_or_none()
    if event is None:
        raise NotFound
    if not event.public:
        reader = require_signed_in(actor)
        if not admission.is_admitted(reader, event.id, event.admission):
            raise NotFound
    return event


def _own_marks(actor: Actor | None, event: AnyRow) -> dict[int, bytes]:
    """How the reader stands to sessions, where that is anything: their encoded ends.

    Nothing for a guest, nor for a sign-in that reaches another event's agenda only.
    """
    if actor is None or not event.marks or not may_attend(actor, event.id):
        return {}
    # A seat is told rather than a place in the queue for it.
    return {
        int(mark[1:]): _BOOKED if mark[0] == "b" else _WAITLISTED
        for mark in sorted(event.marks.split(), reverse=True)
    }


def _encode(event: AnyRow) -> _Encoded:
    speakers: dict[int, list[str]] = {}
    for row in db.session.execute(
        select(Speaker.event_session_id, Speaker.name)
        .join(EventSession)
        .where(EventSession.event_id == event.id)
        .order_by(Speaker.event_session_id, Speaker.position)
    ):
        speakers.setdefault(row.event_session_id, []).append(row.name)
    rows = db.session.execute(
        _SESSIONS.where(EventSession.event_id == event.id, EventSession.status == CONFIRMED)
    )
    sessions = {row.id: orjson.dumps(_session(row, speakers.get(row.id, [])))[:-1] for row in rows}
    head = orjson.dumps(
        {
            "event": {
                "slug": event.slug,
                "title": event.title,
                "time_zone": event.time_zone,
                "starts_on": event.starts_on,
                "ends_on": event.ends_on,
                "venue": event.venue,
                **_no_shows(event),
            },
            "version": event.topic_version,
        }
    )[:-1]
    return _Encoded(tuple(event[:-1]), head, sessions, _joined(head, sessions, {}))


def _no_shows(event: AnyRow) -> dict[str, int]:
    """What readers must know of it where seats of who is not there go to others."""
    minutes = event.release_no_shows_minutes
    return {} if minutes is None else {"release_no_shows_minutes": minutes}


def _joined(head: bytes, sessions: Mapping[int, bytes], own: Mapping[int, bytes]) -> bytes:
    whole = (session + own.get(session_id, _NOBODYS) for session_id, session in sessions.items())
    return b'%s,"sessions":[%s]}' % (head, b",".join(whole))


def _session(row: AnyRow, speakers: list[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "guid": row.guid,
        "title": row.title,
        "abstract": row.abstract,
        "track": row.track,
        "language": row.language,
        "speakers": speakers,
        "room": {"id": row.room_id, "name": row.room_name},
        "starts_at": rfc3339(row.starts_at),
        "ends_at": rfc3339(row.ends_at),
        "day": row.day.isoformat(),
        "capacity": row.capacity,
        "seats_left": None if row.capacity is None else row.capacity - row.seats_taken,
        "version": row.version,
    }


# Rises with each change of the event or of a session, and no row is hot for it.
_counted = aliased(EventSession)
_TOPIC_VERSION = Event.version + func.coalesce(
    select(func.sum(_counted.version))
    .where(_counted.event_id == Event.id)
    .correlate(Event)
    .scalar_subquery(),
    0,
)
# What the reader has: "b12" is a seat in session 12, "w12" a place in its queue.
_slug: BindParameter[str] = bindparam("slug")
_reader: BindParameter[int] = bindparam("user")
_own = union_all(
    select((literal("b") + cast(Booking.event_session_id, String)).label("mark"))
    .join(EventSession, EventSession.id == Booking.event_session_id)
    .join(Event, Event.id == EventSession.event_id)
    .where(Booking.user_id == _reader, Booking.status == CONFIRMED, Event.slug == _slug),
    select((literal("w") + cast(WaitlistEntry.event_session_id, String)).label("mark"))
    .join(EventSession, EventSession.id == WaitlistEntry.event_session_id)
    .join(Event, Event.id == EventSession.event_id)
    .where(WaitlistEntry.user_id == _reader, Event.slug == _slug),
).subquery()
_MARKS = select(func.aggregate_strings(_own.c.mark, " ")).scalar_subquery()
_SEATS = (
    select(
        EventSession.id,
        EventSession.version,
        (EventSession.capacity - EventSession.seats_taken).label("seats_left"),
        _TOPIC_VERSION.label("topic_version"),
    )
    .select_from(Event)
    .outerjoin(
        EventSession,
        and_(
            EventSession.event_id == Event.id,
            EventSession.capacity.is_not(None),
            EventSession.status == CONFIRMED,
        ),
    )
    .where(Event.id == bindparam("event"))
    .order_by(EventSession.id)
)
_EVENT = select(
    Event.id,
    Event.slug,
    Event.title,
    Event.time_zone,
    Event.starts_on,
    Event.ends_on,
    Event.venue,
    Event.release_no_shows_minutes,
    Event.public,
    Event.admission,
    _TOPIC_VERSION.label("topic_version"),
    _MARKS.label("marks"),  # the last: what comes before is the same for all readers
).where(Event.slug == _slug)
_SESSIONS = (
    select(
        EventSession.id,
        EventSession.guid,
        EventSession.title,
        EventSession.abstract,
        EventSession.track,
        EventSession.language,
        EventSession.room_id,
        Room.name.label("room_name"),
        EventSession.starts_at,
        EventSession.ends_at,
        EventSession.day,
        EventSession.capacity,
        EventSession.seats_taken,
        EventSession.version,
    )
    .join(Room, Room.id == EventSession.room_id)
    .join(Event, Event.id == EventSession.event_id)
    .order_by(EventSession.starts_at, Room.name, EventSession.id)
)
