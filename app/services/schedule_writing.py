"""What was found to fit, written: its locks, the sessions that leave, change and come.

Runs in the import's transaction; the commands that it calls lock the same again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, Event, EventSession, Room
from app.models.booking import CONFIRMED
from app.models.interval import Interval
from app.services import event_sessions, ledger, rooms, session_batches, session_changes
from app.services.policy import Actor
from app.services.schedule_format import Schedule
from app.services.schedule_matching import speakers_of
from app.services.schedule_plan import Wanted
from app.services.schedule_report import Report, described, told

# Far from every conference: where moving sessions and seats wait for their new time.
_ASIDE = timedelta(days=365_250)


def lock(placed: Sequence[Wanted], removed: Sequence[EventSession]) -> None:
    """All that the plan changes, in the one order; the commands lock the same again."""
    changed = [each.session.id for each in placed if each.session]
    ids = changed + [each.id for each in removed]
    moving = [each.session.id for each in placed if each.session and each.moves]
    leaving = moving + [each.id for each in removed]
    held = db.session.scalars(
        select(BusyPeriod.calendar_id).where(BusyPeriod.event_session_id.in_(ids))
    )
    attendees = db.session.scalars(
        select(Calendar.id)
        .join(Booking, Booking.user_id == Calendar.user_id)
        .where(Booking.event_session_id.in_(leaving), Booking.status == CONFIRMED)
    )
    names = {each.room for each in placed}
    wanted = db.session.scalars(
        select(Calendar.id).join(Room, Room.id == Calendar.room_id).where(Room.name.in_(names))
    )
    speakers = {place for each in placed for place in each.claims if isinstance(place, int)}
    ledger.lock({*held, *attendees, *wanted, *speakers}, ids)


def remove(actor: Actor, sessions: Iterable[EventSession]) -> None:
    """Cancel what the file no longer has."""
    for session in sessions:
        event_sessions.withdraw_event_session(actor, session.id)
        # A later file that has it again adds it anew; one that staff cancelled stays so.
        session.guid = f"removed-{session.id}"
    db.session.flush()


def _set_aside(moving: Sequence[Wanted]) -> None:
    """Free the time of all that moves, so that sessions may exchange rooms and times.

    Their periods, and those of their seats, wait in a far future, all by the same step:
    what did not collide does not collide there. Then the sessions take their new places,
    before any seat moves: a speaker's own session comes before a seat in another.
    """
    ids = [each.session.id for each in moving if each.session]
    timed = [
        each.session.id
        for each in moving
        if each.session and {"starts_at", "ends_at"} & each.changes.keys()
    ]
    if not ids:
        return
    rows = db.session.execute(
        select(BusyPeriod.__table__)
        .outerjoin(Booking, Booking.id == BusyPeriod.booking_id)
        .where(or_(BusyPeriod.event_session_id.in_(ids), Booking.event_session_id.in_(timed)))
    ).all()
    ledger.release(
        booking_ids=[row.booking_id for row in rows if row.booking_id], event_session_ids=ids
    )
    for row in rows:
        period = Interval(row.starts_at + _ASIDE, row.ends_at + _ASIDE)
        ledger.occupy(
            [ledger.Claim(row.calendar_id, period)],
            booking_id=row.booking_id,
            event_session_id=row.event_session_id,
        )


def write(
    actor: Actor, event: Event, schedule: Schedule, placed: Sequence[Wanted], report: Report
) -> None:
    """Add and change what was found to fit.

    Sessions without seats first, all at once; then one by one those whose seats move too.
    """
    room_ids = _rooms(actor, event, schedule, placed)
    added = [each for each in placed if each.session is None]
    attended = [each for each in placed if each.session and each.session.seats_taken]
    empty = [each for each in placed if each.session and not each.session.seats_taken]
    values = {each: _values(each, room_ids) for each in placed}
    _set_aside([each for each in attended if each.moves])
    if empty:
        session_batches.change_empty_sessions(
            actor, {each.session.id: values[each] for each in empty if each.session}
        )
    _take_places([each for each in attended if each.moves], room_ids)
    if added:
        session_batches.schedule_sessions(
            actor, event.slug, [(each.guid, values[each]) for each in added]
        )
    released = {}
    for each in attended:
        assert each.session is not None
        _, impact = session_changes.move_event_session(
            actor, each.session.id, values[each], as_published=True
        )
        released[each] = impact.released
    report.added = [described(each) for each in added]
    report.changed = [
        described(each) | {"changes": told(each.changes), "released": released.get(each, [])}
        for each in placed
        if each.session is not None
    ]


def _values(wanted: Wanted, room_ids: Mapping[str, int]) -> dict[str, Any]:
    """What `session_fields` takes: all of a new session, what differs of another."""
    values = wanted.values | {"room_id": room_ids[wanted.room], "speakers": speakers_of(wanted)}
    if wanted.session is None:
        return values
    differing = {"room_id" if name == "room" else name for name in wanted.changes}
    if differing & {"starts_at", "ends_at", "day"}:  # they are judged together
        differing |= {"starts_at", "ends_at", "day"}
    return {name: value for name, value in values.items() if name in differing}


def _rooms(
    actor: Actor, event: Event, schedule: Schedule, placed: Sequence[Wanted]
) -> dict[str, int]:
    """Ids of the rooms, by name; a room that is not here is made, in the event's zone."""
    names = list(dict.fromkeys(each.room for each in placed))
    rows = db.session.execute(select(Room.name, Room.id).where(Room.name.in_(names)))
    ids = {row.name: row.id for row in rows}
    for name in names:
        if name not in ids:
            capacity = schedule.room_capacities.get(name)
            values = {"name": name, "capacity": capacity, "time_zone": event.time_zone}
            ids[name] = rooms.create_room(actor, values).id
    return ids


def _take_places(placed: Sequence[Wanted], room_ids: Mapping[str, int]) -> None:
    for each in placed:
        assert each.session is not None
        room = ledger.calendar_ids(room_ids=[room_ids[each.room]])
        users = [place for place in each.claims if isinstance(place, int)]
        claims = [ledger.Claim(calendar_id, each.period) for calendar_id in (*room, *users)]
        ledger.occupy(claims, event_session_id=each.session.id)
