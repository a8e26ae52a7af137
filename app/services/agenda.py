"""The agenda of an event, as its attendees read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
from app.models import Booking, Event, EventSession, Room, Speaker, User, WaitlistEntry
from app.models.booking import CONFIRMED
from app.models.types import AnyRow
from app.services import admission, clock, sign_ins
from app.services.clock import rfc3339
from app.services.errors import NotFound
from app.services.policy import Actor, may_attend, require_signed_in
from app.services.transaction import execute, read_alone


@dataclass(frozen=True, slots=True)
class Agenda:
    """An encoded agenda; `etag` changes with it, and with the reader's own seats.

    `body` is None for a reader who knows this one.
    """

    etag: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Shown:
    """An agenda for a page: what `Agenda` encodes, and the event's id.

    The mappings belong to all readers of this version: none may be changed.
    """

    event_id: int
    event: Mapping[str, Any]
    version: int
    sessions: Sequence[Mapping[str, Any]]
    is_waiting: bool  # the reader is in a queue


@dataclass(frozen=True, slots=True)
class _Edition:
    """One version of an event's agenda, in pieces, shared by all its readers."""

    event: tuple[Any, ...]  # with its version; SQLite may give a deleted event's id again
    head: dict[str, Any]
    sessions: list[dict[str, Any]]  # in order, as a reader sees them who has nothing here
    head_encoded: bytes
    encoded: dict[int, bytes]  # the sessions by id, without a reader's marks
    body: bytes


# The last version of each event that this process read.
_editions: dict[int, _Edition] = {}
_NOBODYS = b',"booked":false,"waitlisted":false}'
_BOOKED = b',"booked":true,"waitlisted":false}'
_WAITLISTED = b',"booked":false,"waitlisted":true}'


def find_reader(sign_in_id: str, slug: str) -> tuple[Actor | None, AnyRow | None]:
    """Who acts with this sign-in, as `sign_ins.find_actor`, and what `read_agenda` asks first.

    In one query: phones ask for nothing more often than whether the agenda changed.
    """
    rows = read_alone(_READER, {"id": sign_in_id, "now": clock.now(), "slug": slug})
    return (sign_ins.actor_of(rows[0]), rows[0]) if rows else (None, None)


def read_agenda(
    actor: Actor | None, slug: str, known: Collection[str] = (), found: AnyRow | None = None
) -> Agenda:
    """The agenda for this reader, without body when its ETag is among the `known` ones.

    One query whatever the size, and two more after a change; `found` by `find_reader`
    saves the first. Raises `NotFound` when there is none or the reader is neither
    attendee nor staff and it is not public.
    """
    event, own = _read(actor, slug, found)
    marks = "".join(
        f"{'b' if mark is _BOOKED else 'w'}{each}" for each, mark in sorted(own.items())
    )
    etag = f"{event.event_id}-{event.topic_version}-{marks}"
    if etag in known:
        return Agenda(etag, None)
    edition = _edition(event)
    if not own:
        return Agenda(etag, edition.body)
    return Agenda(etag, _joined(edition.head_encoded, edition.encoded, own))


def show_agenda(actor: Actor | None, slug: str, found: AnyRow | None = None) -> Shown:
    """The agenda for this reader's page: as `read_agenda`, but not encoded."""
    event, own = _read(actor, slug, found)
    edition = _edition(event)
    sessions = edition.sessions
    if own:
        names = {_BOOKED: "booked", _WAITLISTED: "waitlisted"}
        sessions = [
            {**session, names[own[session["id"]]]: True} if session["id"] in own else session
            for session in sessions
        ]
    return Shown(
        event.event_id,
        edition.head["event"],
        edition.head["version"],
        sessions,
        is_waiting=_WAITLISTED in own.values(),
    )


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


def _read(actor: Actor | None, slug: str, found: AnyRow | None) -> tuple[AnyRow, dict[int, bytes]]:
    event = _admit(actor, found if found is not None else _look_up(actor, slug))
    return event, _own_marks(actor, event)


def _find_event(actor: Actor | None, slug: str) -> AnyRow:
    return _admit(actor, _look_up(actor, slug))


def _look_up(actor: Actor | None, slug: str) -> AnyRow | None:
    wanted = {"slug": slug, "user": actor.user_id if actor else None}
    return execute(_EVENT, wanted).one_or_none()


def _admit(actor: Actor | None, event: AnyRow | None) -> AnyRow:
    """The event, for a reader who may read its agenda. Raises `NotFound`, `Unauthenticated`."""
    if event is None or event.event_id is None:
        raise NotFound
    if not event.public:
        reader = require_signed_in(actor)
        if not admission.is_admitted(reader, event.event_id, event.admission):
            raise NotFound
    return event


def _own_marks(actor: Actor | None, event: AnyRow) -> dict[int, bytes]:
    """How the reader stands to sessions, where that is anything: their encoded ends.

    Nothing for a guest, nor for a sign-in that reaches another event's agenda only.
    """
    if actor is None or not event.marks or not may_attend(actor, event.event_id):
        return {}
    # A seat is told rather than a place in the queue for it.
    return {
        int(mark[1:]): _BOOKED if mark[0] == "b" else _WAITLISTED
        for mark in sorted(event.marks.split(), reverse=True)
    }


def _edition(event: AnyRow) -> _Edition:
    edition = _editions.get(event.event_id)
    if edition is None or edition.event != _shared(event):
        edition = _editions[event.event_id] = _make_edition(event)
    return edition


def _make_edition(event: AnyRow) -> _Edition:
    speakers: dict[int, list[str]] = {}
    for row in db.session.execute(
        select(Speaker.event_session_id, Speaker.name)
        .join(EventSession)
        .where(EventSession.event_id == event.event_id)
        .order_by(Speaker.event_session_id, Speaker.position)
    ):
        speakers.setdefault(row.event_session_id, []).append(row.name)
    rows = db.session.execute(
        _SESSIONS.where(EventSession.event_id == event.event_id, EventSession.status == CONFIRMED)
    )
    sessions = [_session(row, speakers.get(row.id, [])) for row in rows]
    head = {
        "event": {
            "slug": event.slug,
            "title": event.title,
            "time_zone": event.event_time_zone,
            "starts_on": event.starts_on.isoformat(),
            "ends_on": event.ends_on.isoformat(),
            "venue": event.venue,
            **_no_shows(event),
        },
        "version": event.topic_version,
    }
    head_encoded = orjson.dumps(head)[:-1]
    encoded = {session["id"]: orjson.dumps(session)[:-1] for session in sessions}
    return _Edition(
        _shared(event),
        head,
        [{**session, "booked": False, "waitlisted": False} for session in sessions],
        head_encoded,
        encoded,
        _joined(head_encoded, encoded, {}),
    )


def _shared(event: AnyRow) -> tuple[Any, ...]:
    """Of a row, what is the same for all readers."""
    return tuple(event[-len(_EVENT_COLUMNS) :])


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
_slug: BindParameter[str] = bindparam("slug")


def _marks(reader: Any) -> Any:
    """What the reader has: "b12" is a seat in session 12, "w12" a place in its queue."""
    session, event = aliased(EventSession), aliased(Event)
    own = union_all(
        select((literal("b") + cast(Booking.event_session_id, String)).label("mark"))
        .join(session, session.id == Booking.event_session_id)
        .join(event, event.id == session.event_id)
        .where(Booking.user_id == reader, Booking.status == CONFIRMED, event.slug == _slug)
        .correlate(User),
        select((literal("w") + cast(WaitlistEntry.event_session_id, String)).label("mark"))
        .join(session, session.id == WaitlistEntry.event_session_id)
        .join(event, event.id == session.event_id)
        .where(WaitlistEntry.user_id == reader, event.slug == _slug)
        .correlate(User),
    ).subquery()
    return select(func.aggregate_strings(own.c.mark, " ")).scalar_subquery().label("marks")


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
# The last of every row, and the same for all readers.
_EVENT_COLUMNS: tuple[Any, ...] = (
    Event.id.label("event_id"),
    Event.slug,
    Event.title,
    Event.time_zone.label("event_time_zone"),
    Event.starts_on,
    Event.ends_on,
    Event.venue,
    Event.release_no_shows_minutes,
    Event.public,
    Event.admission,
    _TOPIC_VERSION.label("topic_version"),
)
_EVENT = select(_marks(bindparam("user")), *_EVENT_COLUMNS).where(Event.slug == _slug)
_READER = sign_ins.ACTOR.outerjoin(Event, Event.slug == _slug).add_columns(
    _marks(User.id), *_EVENT_COLUMNS
)
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
