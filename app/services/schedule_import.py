"""Published schedules brought into an event: added, changed, reported; nothing lost.

A session of the file is found again by its guid, else its id. It takes its place in the
file's order; of two that collide in a room, the later is skipped and named. A session
that is here already and cannot go where the file wants it stays where it is, and what
wants its place is skipped in turn, so that no seat is lost to a mistake in a file.

All writing goes through the commands of events, rooms and event sessions, in one
transaction. The plan is made first, on what the ledger holds; a file that changes
nothing locks nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext, ngettext
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, Event, EventSession, Room
from app.models.booking import CANCELLED, CONFIRMED
from app.models.interval import Interval, overlapping
from app.services import (
    audit,
    event_sessions,
    events,
    fields,
    ledger,
    rooms,
    schedule_format,
    schedule_plan,
    session_batches,
    session_changes,
    session_fields,
)
from app.services.clock import rfc3339
from app.services.errors import InvalidInput
from app.services.policy import Actor, require_admin
from app.services.schedule_format import Entry, Schedule, one_line, plain
from app.services.schedule_plan import Holder, Place, Wanted
from app.services.transaction import transactional

# What the columns hold; longer texts of a file are shortened, and that is reported.
_LENGTHS = {"title": 300, "track": 200, "language": 16, "abstract": 20_000, "description": 20_000}
_ROOM_LENGTH = 128
_NAME_LENGTH = 200
_GUID_LENGTH = 100
_LONGEST = timedelta(days=31)
# Far from every conference: where moving sessions and seats wait for their new time.
_ASIDE = timedelta(days=365_250)

Changes = dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller decides about an import; None leaves it to the file, or as it is.

    `capacity` is given to all sessions of the file; without it new ones have free entry.
    """

    time_zone: str | None = None
    capacity: int | None = None
    admission: str | None = None
    remove_missing: bool = False


@dataclass(slots=True)
class Report:
    """What an import did, or in a dry run would do; in the file's order, `missing` by time."""

    event: str
    time_zone: str
    read: int
    dry_run: bool = False
    created: bool = False
    event_changes: Changes = field(default_factory=dict)
    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    unchanged: int = 0
    missing: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_payload(self) -> dict[str, Any]:
        """The contract's report, with values as JSON has them."""
        return {
            "event": self.event,
            "time_zone": self.time_zone,
            "dry_run": self.dry_run,
            "created": self.created,
            "event_changes": _told(self.event_changes),
            "read": self.read,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "missing": self.missing,
            "skipped": self.skipped,
            "warnings": self.warnings,
        }


class _DryRun(Exception):
    """Rolls a rehearsal back; carries what it found."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be written: `placed` are new or differ, and fit all together."""

    placed: list[Wanted]
    skipped: list[dict[str, Any]]
    missing: list[EventSession]
    unchanged: int


def import_schedule(
    actor: Actor | None,
    data: bytes,
    slug: str,
    options: Options | None = None,
    *,
    dry_run: bool = False,
) -> Report:
    """Bring the schedule in a file into the event `slug`, which is made if need be. For admins.

    Times without offset are local to `options.time_zone`, else the zone that the file
    names, else the event's own, else `DEFAULT_TIME_ZONE`. One transaction; a dry run
    rolls it back and reports the same. Locks the calendars of rooms, speakers and
    attendees whose time changes, then the sessions that change. Raises
    `UnreadableSchedule`, `InvalidInput`, `Busy`.
    """
    schedule = schedule_format.read(data)
    try:
        return _import(actor, schedule, slug, options or Options(), dry_run=dry_run)
    except _DryRun as rehearsal:
        return rehearsal.report


@transactional
def _import(
    actor: Actor | None, schedule: Schedule, slug: str, options: Options, *, dry_run: bool
) -> Report:
    actor = require_admin(actor)
    if options.remove_missing and not schedule.entries:
        raise InvalidInput(
            {},
            gettext("The file has no sessions. To remove those of the event, cancel them there."),
        )
    event = db.session.scalars(select(Event).where(Event.slug == slug)).one_or_none()
    warnings: list[str] = []
    zone = _zone(schedule, options, event, warnings)
    report = Report(
        slug, zone, len(schedule.entries), dry_run=dry_run, created=event is None, warnings=warnings
    )
    wanted = _readable(schedule, ZoneInfo(zone), report)
    event = _save_event(actor, schedule, slug, zone, options, event, report)

    plan = _plan(actor, event, wanted, options)
    removed = plan.missing if options.remove_missing else []
    if plan.placed or removed:
        _lock(plan.placed, removed)
        db.session.expire_all()  # what was read before the locks is judged anew
        plan = _plan(actor, event, wanted, options)
        removed = plan.missing if options.remove_missing else []
    report.unchanged = plan.unchanged
    report.skipped += plan.skipped
    report.missing = [_here(each) | {"removed": each in removed} for each in plan.missing]
    _remove(actor, removed)
    _write(actor, event, schedule, plan.placed, report)
    if plan.placed or removed:
        audit.record(
            actor,
            "import",
            "event",
            event.id,
            added=len(report.added),
            changed=len(report.changed),
            removed=len(removed),
        )
    if dry_run:
        raise _DryRun(report)
    return report


# -- the event -----------------------------------------------------------------------


def _zone(schedule: Schedule, options: Options, event: Event | None, warnings: list[str]) -> str:
    """The conference's zone: asked for, named in the file, or one that its offsets fit."""
    if options.time_zone is not None:
        errors: fields.Errors = {}
        zone = fields.zone(errors, "time_zone", options.time_zone)
        fields.refuse(errors)
        return zone
    if schedule.time_zone:
        errors = {}
        zone = fields.zone(errors, "time_zone", schedule.time_zone)
        if not errors:
            return zone
        warnings.append(
            gettext(
                "The file's time zone, %(zone)s, is not known.", zone=one_line(schedule.time_zone)
            )
        )
    instants = [each.starts_at for each in schedule.entries if each.starts_at]
    aware = [each for each in instants if each.tzinfo]
    default: str = current_app.config["DEFAULT_TIME_ZONE"]
    known = [event.time_zone, default] if event else [default]
    for zone in known:
        if all(_offset_in(each, zone) == each.utcoffset() for each in aware):
            return zone
    offsets = {each.utcoffset() for each in aware}
    hours = (offsets.pop() or timedelta()) / timedelta(hours=1) if len(offsets) == 1 else None
    if hours is None or hours != int(hours) or not -12 <= hours <= 14:
        warnings.append(gettext("The file names no time zone: %(zone)s is used.", zone=known[0]))
        return known[0]
    # IANA's signs are those of POSIX: Etc/GMT-1 is an hour ahead of UTC.
    zone = f"Etc/GMT{-int(hours):+d}" if hours else "UTC"
    warnings.append(
        gettext("The file names no time zone: by its offsets, %(zone)s is used.", zone=zone)
    )
    return zone


def _offset_in(instant: datetime, zone: str) -> timedelta | None:
    try:
        return instant.astimezone(ZoneInfo(zone)).utcoffset()
    except OverflowError:  # the year 1 or 9999
        return instant.utcoffset()


def _save_event(
    actor: Actor,
    schedule: Schedule,
    slug: str,
    zone: str,
    options: Options,
    event: Event | None,
    report: Report,
) -> Event:
    days = [each.day for each in schedule.entries if each.day]
    starts = [each for each in (schedule.starts_on, *days) if each]
    ends = [each for each in (schedule.ends_on, *days) if each]
    values: dict[str, Any] = {"time_zone": zone}
    if schedule.title:
        values["title"] = _shortened(schedule.title, 200)
    if starts and ends:
        values |= {"starts_on": min(starts), "ends_on": max(*starts, *ends)}
    if schedule.venue:
        values["venue"] = _shortened(schedule.venue, 200)
    if options.admission is not None:
        values["admission"] = options.admission
    if event is None:
        return events.create_event(actor, {"title": slug} | values | {"slug": slug})
    report.event_changes = {
        name: (getattr(event, name), value)
        for name, value in values.items()
        if getattr(event, name) != value
    }
    if not report.event_changes:
        return event
    return events.update_event(actor, slug, {name: values[name] for name in report.event_changes})


# -- what the file wants -------------------------------------------------------------


def _readable(schedule: Schedule, zone: ZoneInfo, report: Report) -> list[Wanted]:
    """The sessions that can be held; the others are reported as skipped."""
    wanted = []
    for entry, guid in zip(schedule.entries, _guids(schedule.entries, report), strict=True):
        period = _period(entry, zone)
        why = period if isinstance(period, str) else _why_unusable(entry)
        if isinstance(period, str) or why:
            title = entry.title or guid
            report.skipped.append({"guid": guid, "title": title, "why": why, "conflicts": []})
            continue
        _warn(entry, zone, period, report)
        local = period.starts_at.astimezone(zone)
        texts = {name: _shortened(getattr(entry, name), most) for name, most in _LENGTHS.items()}
        wanted.append(
            Wanted(
                guid=guid,
                id=entry.id,
                values=texts
                | {"starts_at": period.starts_at, "ends_at": period.ends_at}
                | {"day": entry.day or local.date()},
                room=_shortened(entry.room, _ROOM_LENGTH),
                period=period,
                speakers=tuple(
                    _shortened(each, _NAME_LENGTH)
                    for each in entry.speakers[: session_fields.MAX_SPEAKERS]
                ),
            )
        )
    return wanted


def _guids(entries: Sequence[Entry], report: Report) -> list[str]:
    """What each session is known by: its guid, else its id, else its title; never one twice."""
    guids: list[str] = []
    taken: set[str] = set()
    for entry in entries:
        known = entry.guid or entry.id or f"title-{uuid5(NAMESPACE_URL, entry.title)}"
        guid = known = known if len(known) <= _GUID_LENGTH - 8 else str(uuid5(NAMESPACE_URL, known))
        number = 1
        while guid in taken:
            number += 1
            guid = f"{known}-{number}"
        if guid != known:
            report.warnings.append(
                gettext(
                    "%(title)s: %(guid)s stands for several sessions.",
                    title=entry.title,
                    guid=known,
                )
            )
        taken.add(guid)
        guids.append(guid)
    return guids


def _period(entry: Entry, zone: ZoneInfo) -> Interval | str:
    """When the session is; or why that cannot be said.

    A local time that the clocks skip counts by the offset before the change, and of one
    that comes twice the first is meant (RFC 5545, 3.3.5).
    """
    if entry.starts_at is None:
        return gettext("It has no time.")
    if entry.duration is None:
        return gettext("It has no duration.")
    if not timedelta() < entry.duration <= _LONGEST:
        return gettext("Its duration is not possible.")
    starts_at = entry.starts_at
    if starts_at.tzinfo is None:
        starts_at = starts_at.replace(tzinfo=zone)
    try:
        starts_at = starts_at.astimezone(UTC)
        return Interval(starts_at, starts_at + entry.duration)
    except OverflowError:
        return gettext("Its time is not possible.")


def _why_unusable(entry: Entry) -> str:
    if not entry.title:
        return gettext("It has no title.")
    return "" if entry.room else gettext("It has no room.")


def _warn(entry: Entry, zone: ZoneInfo, period: Interval, report: Report) -> None:
    local = period.starts_at.astimezone(zone)
    if entry.starts_at and entry.starts_at.tzinfo is None:
        said = entry.starts_at
        if local.replace(tzinfo=None) != said:
            report.warnings.append(
                gettext(
                    "%(title)s: %(said)s does not exist in %(zone)s, %(meant)s is meant.",
                    title=entry.title,
                    said=f"{said:%Y-%m-%d %H:%M}",
                    zone=zone.key,
                    meant=f"{local:%H:%M}",
                )
            )
    too_long = [name for name, most in _LENGTHS.items() if len(getattr(entry, name)) > most]
    too_long += ["room"] if len(entry.room) > _ROOM_LENGTH else []
    if any(len(each) > _NAME_LENGTH for each in entry.speakers) or (
        len(entry.speakers) > session_fields.MAX_SPEAKERS
    ):
        too_long.append("speakers")
    if too_long:
        report.warnings.append(
            gettext(
                "%(title)s: too long and shortened: %(fields)s.",
                title=entry.title,
                fields=", ".join(too_long),
            )
        )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# -- the plan --------------------------------------------------------------------------


def _plan(actor: Actor, event: Event, wanted: Sequence[Wanted], options: Options) -> _Plan:
    """What the file means for what is here now."""
    sessions = db.session.scalars(
        select(EventSession)
        .where(EventSession.event_id == event.id)
        .options(selectinload(EventSession.speakers), joinedload(EventSession.room))
        .order_by(EventSession.starts_at, EventSession.id)
    ).all()
    _match(wanted, sessions, options.capacity)
    matched = {each.session.id for each in wanted if each.session}
    missing = [each for each in sessions if each.id not in matched and each.status == CONFIRMED]
    gone = {each.id for each in missing} if options.remove_missing else set()

    calendars = _find_places(wanted)
    fixed = _read_occupied(wanted, calendars, gone)
    arrangement = schedule_plan.arrange(wanted, fixed)
    placed = [each for each in arrangement.placed if each.session is None or each.changes]
    by_name = {place: calendar_id for calendar_id, place in calendars.items()}
    return _Plan(
        placed=placed,
        skipped=[
            _described(each)
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
            for speaker in _speakers(each)
            if speaker["user_id"]
        }
    return {row.id: row.id if row.user_id else row.name for row in rows}


def _speakers(wanted: Wanted) -> list[dict[str, Any]]:
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
    told = {holder: _described(holder) for _, holder in in_the_way if holder is not None}
    conflicts = [{"kind": "event_session", **each} for each in told.values()]
    if any(holder is None for _, holder in in_the_way):
        claims = [ledger.Claim(calendars[place], wanted.claims[place]) for place, _ in in_the_way]
        others = ledger.find_conflicts(claims)
        conflicts += ledger.shown_to(
            actor, [each for each in others if each.event_session_id not in ours]
        )
    return conflicts


# -- writing ---------------------------------------------------------------------------


def _lock(placed: Sequence[Wanted], removed: Sequence[EventSession]) -> None:
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


def _remove(actor: Actor, sessions: Iterable[EventSession]) -> None:
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


def _write(
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
    report.added = [_described(each) for each in added]
    report.changed = [
        _described(each) | {"changes": _told(each.changes), "released": released.get(each, [])}
        for each in placed
        if each.session is not None
    ]


def _values(wanted: Wanted, room_ids: Mapping[str, int]) -> dict[str, Any]:
    """What `session_fields` takes: all of a new session, what differs of another."""
    values = wanted.values | {"room_id": room_ids[wanted.room], "speakers": _speakers(wanted)}
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


# -- telling ---------------------------------------------------------------------------


def _described(wanted: Wanted) -> dict[str, Any]:
    return {
        "guid": wanted.guid,
        "title": wanted.values["title"],
        "room": wanted.room,
        "starts_at": rfc3339(wanted.period.starts_at),
        "ends_at": rfc3339(wanted.period.ends_at),
        "day": wanted.values["day"].isoformat(),
    }


def _here(session: EventSession) -> dict[str, Any]:
    return {
        "guid": session.guid,
        "title": session.title,
        "room": session.room.name,
        "starts_at": rfc3339(session.starts_at),
        "ends_at": rfc3339(session.ends_at),
        "day": session.day.isoformat(),
    }


def _told(differences: Changes) -> dict[str, list[Any]]:
    """`{field: [old, new]}` as JSON has it."""
    return {name: [_value(old), _value(new)] for name, (old, new) in differences.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value
