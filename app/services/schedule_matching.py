"""A published schedule beside what is here: which sessions are new, differ, or cannot be.

It reads the ledger and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.extensions import db
from app.models import BusyPeriod, Calendar, Event, EventSession, Room
from app.models.booking import CANCELLED, CONFIRMED
from app.models.interval import Interval, overlapping
from app.services import ledger, schedule_plan
from app.services.policy import Actor
from app.services.schedule_format import one_line, plain
from app.services.schedule_plan import Holder, Place, Wanted
from app.services.schedule_report import Changes, described


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written: `placed` are new or differ, and fit all together."""

    placed: list[Wanted]
    skipped: list[dict[str, Any]]
    missing: list[EventSession]
    unchanged: int


def make_plan(
    actor: Actor,
    event: Event,
    wanted: Sequence[Wanted],
    *,
    capacity: int | None,
    remove_missing: bool,
) -> Plan:
    """What the file means for what is here now.

    Notes in each of `wanted` the session that it is, how that differs, and what it claims.
    """
    sessions = db.session.scalars(
        select(EventSession)
        .where(EventSession.event_id == event.id)
        .options(selectinload(EventSession.speakers), joinedload(EventSession.room))
        .order_by(EventSession.starts_at, EventSession.id)
    ).all()
    _match(wanted, sessions, capacity)
    matched = {each.session.id for each in wanted if each.session}
    missing = [each for each in sessions if each.id not in matched and each.status == CONFIRMED]
    gone = {each.id for each in missing} if remove_missing else set()

    calendars = _find_places(wanted)
    fixed = _read_occupied(wanted, calendars, gone)
    arrangement = schedule_plan.arrange(wanted, fixed)
    placed = [each for each in arrangement.placed if each.session is None or each.changes]
    by_name = {place: calendar_id for calendar_id, place in calendars.items()}
    return Plan(
        placed=placed,
        skipped=[
            described(each)
            | {"why": each.refusal or _why(in_the_way)}
            | {"conflicts": _conflicts(actor, each, in_the_way, by_name, matched | gone)}
            for each, in_the_way in arrangement.left_out
        ],
        missing=missing,
        unchanged=len(arrangement.placed) - len(placed),
    )


def _match(
    wanted: Sequence[Wanted], sessions: Sequence[EventSession], capacity: int | None
) -> None:
    """Find the session here that each of the file is, and how they differ."""
    by_guid = {each.guid: each for each in sessions}
    guids = {each.guid for each in wanted}
    for each in wanted:
        each.session = by_guid.get(each.guid)
        if each.session is None and each.id and each.id not in guids:
            # An earlier file had no guids, and its ids stand for them.
            each.session = by_guid.pop(each.id, None)
        session = each.session
        each.changes, each.refusal = {}, ""
        if capacity is not None:
            each.values["capacity"] = capacity
        if session is None:
            continue
        each.changes = _differences(each, session, capacity)
        if session.status == CANCELLED:
            each.refusal = gettext("It is cancelled here.")
        elif capacity is not None and session.seats_taken > capacity:
            each.refusal = ngettext(
                "%(num)d of its seats are taken, more than %(capacity)s.",
                "%(num)d of its seats are taken, more than %(capacity)s.",
                session.seats_taken,
                capacity=capacity,
            )


def _differences(wanted: Wanted, session: EventSession, capacity: int | None) -> Changes:
    here: dict[str, Any] = {
        "title": one_line(session.title),
        "track": one_line(session.track),
        "language": one_line(session.language),
        "abstract": plain(session.abstract),
        "description": plain(session.description),
        "day": session.day,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "room": one_line(session.room.name),
        "speakers": [one_line(each.name) for each in session.speakers],
    }
    there = wanted.values | {"room": wanted.room, "speakers": list(wanted.speakers)}
    if capacity is not None:
        here["capacity"] = session.capacity
    return {name: (old, there[name]) for name, old in here.items() if old != there[name]}


def _find_places(wanted: Iterable[Wanted]) -> dict[int, Place]:
    """Fill in what each claims; returns the places by calendar, of rooms that exist."""
    names = {each.room for each in wanted}
    users = {
        speaker.user_id: speaker.user_id
        for each in wanted
        if each.session
        for speaker in each.session.speakers
        if speaker.user_id
    }
    rows = db.session.execute(
        select(Calendar.id, Calendar.user_id, Room.name)
        .outerjoin(Room, Room.id == Calendar.room_id)
        .where(or_(Room.name.in_(names), Calendar.user_id.in_(users)))
    ).all()
    users = {row.user_id: row.id for row in rows if row.user_id}
    for each in wanted:
        each.claims = {each.room: each.period} | {
            users[speaker["user_id"]]: each.period
            for speaker in speakers_of(each)
            if speaker["user_id"]
        }
    return {row.id: row.id if row.user_id else row.name for row in rows}


def speakers_of(wanted: Wanted) -> list[dict[str, Any]]:
    """The file's speakers; one who is here as a user already is that user still."""
    known = (
        {one_line(each.name): each.user_id for each in wanted.session.speakers}
        if wanted.session
        else {}
    )
    return [{"name": name, "user_id": known.get(name)} for name in wanted.speakers]


def _read_occupied(
    wanted: Sequence[Wanted], calendars: Mapping[int, Place], gone: Collection[int]
) -> dict[Place, list[Interval]]:
    """What stands fixed in the places that are claimed; what the file may move is noted there."""
    own = {each.session.id: each for each in wanted if each.session}
    held: dict[int, dict[Place, Interval]] = {session_id: {} for session_id in own}
    fixed: dict[Place, list[Interval]] = {}
    if wanted:
        first = min(each.period.starts_at for each in wanted)
        last = max(each.period.ends_at for each in wanted)
        rows = db.session.execute(
            select(
                BusyPeriod.calendar_id,
                BusyPeriod.starts_at,
                BusyPeriod.ends_at,
                BusyPeriod.event_session_id,
                Room.name,
            )
            .join(Calendar, Calendar.id == BusyPeriod.calendar_id)
            .outerjoin(Room, Room.id == Calendar.room_id)
            .where(
                or_(
                    BusyPeriod.event_session_id.in_(own),
                    and_(
                        BusyPeriod.calendar_id.in_(calendars),
                        overlapping(BusyPeriod.starts_at, BusyPeriod.ends_at, first, last),
                    ),
                )
            )
        )
        for row in rows:
            period = Interval(row.starts_at, row.ends_at)
            place = row.name or row.calendar_id
            if row.event_session_id in own:
                held[row.event_session_id][place] = period
            elif row.event_session_id not in gone:
                fixed.setdefault(place, []).append(period)
    for session_id, each in own.items():
        each.held = held[session_id]
    return fixed


def _why(in_the_way: Sequence[tuple[Place, Holder]]) -> str:
    if any(isinstance(place, str) for place, _ in in_the_way):
        return gettext("Its room is taken then.")
    return gettext("A speaker is busy then.")


def _conflicts(
    actor: Actor,
    wanted: Wanted,
    in_the_way: Sequence[tuple[Place, Holder]],
    calendars: Mapping[Place, int],
    ours: Collection[int],
) -> list[dict[str, Any]]:
    """Who is in the way: sessions of the file, and whatever else the ledger holds there."""
    told = {holder: described(holder) for _, holder in in_the_way if holder is not None}
    conflicts = [{"kind": "event_session", **each} for each in told.values()]
    if any(holder is None for _, holder in in_the_way):
        claims = [ledger.Claim(calendars[place], wanted.claims[place]) for place, _ in in_the_way]
        others = ledger.find_conflicts(claims)
        conflicts += ledger.shown_to(
            actor, [each for each in others if each.event_session_id not in ours]
        )
    return conflicts
