"""Event sessions: scheduled, moved and cancelled, with what that does to others.

A session occupies its room's calendar and those of its speakers who are users. When
it moves, seats move with it. The rules for who cannot stay:

- attendees who are busy at the new time: their seat is released, their other booking
  stands, and a mail tells them;
- when there are to be fewer seats than are taken, that is refused with their number,
  unless the caller asks to release the last ones: seats held for offers go back to the
  queue first, then the seats booked last are released, with a mail to each.

What is free then goes to who waits. A change that leaves everything as it is writes and
tells nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from flask_babel import gettext, ngettext
from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, Event, EventSession, Room, Speaker, User
from app.models.booking import CANCELLED, CONFIRMED
from app.models.interval import Interval
from app.models.types import AnyRow
from app.models.user import full_name
from app.services import (
    audit,
    bookings,
    cancel_reasons,
    cancellation,
    changes,
    events,
    fields,
    ledger,
    mail,
    reservations,
    waitlist,
)
from app.services.clock import rfc3339
from app.services.errors import Busy, Gone, InvalidInput, NotFound, Overlap, Stale
from app.services.policy import Actor, require_admin
from app.services.transaction import transactional

MAX_SPEAKERS = 100
MAX_CAPACITY = 1_000_000
# The night after an event's last day belongs to it until then, local time.
NIGHT_ENDS = 6
_TRIES = 10  # as many bookings of a hot session may come in between


@dataclass(slots=True)
class Impact:
    """What a change does to others.

    `conflicts` are in the way of the session itself, in its room or for a speaker;
    `clashing` are attendees' own bookings at the new time, `released` the uids of the
    seats that go, because of those or because there are fewer seats.

    `leaving` says of each released seat whose it is and why: "busy", "capacity" or
    "cancelled". `keeping` counts the seats that stay, `mailed` the attendees who get a
    mail, `waiting` the people in the queue, of whom `offers_withdrawn` lose a held seat,
    `promoted` get one and `offered` are asked, being busy then: a forecast, for their
    calendars are not locked. `speakers` are those whose calendar it is in, before or after.
    `over_room` is what the room holds, where the change gives the session more seats;
    `outside_event` that the change takes it to a day that is none of its event's.
    """

    clashing: list[dict[str, Any]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    leaving: list[dict[str, Any]] = field(default_factory=list)
    keeping: int = 0
    mailed: int = 0
    waiting: int = 0
    offers_withdrawn: int = 0
    speakers: list[str] = field(default_factory=list)
    promoted: int = 0
    offered: int = 0
    over_room: int | None = None
    outside_event: bool = False

    def as_payload(self) -> dict[str, Any]:
        """The contract's `impact`."""
        return asdict(self)

    @property
    def is_felt(self) -> bool:
        """Whether anybody or anything is affected."""
        return bool(
            self.conflicts
            or self.leaving
            or self.mailed
            or self.offers_withdrawn
            or self.speakers
            or self.promoted
            or self.offered
            or self.over_room is not None
            or self.outside_event
        )

    def release(self, row: AnyRow, why: str, clash: ledger.Conflict | None = None) -> None:
        """Note that the seat in `row` goes."""
        self.released.append(row.uid)
        self.leaving.append(
            {
                "uid": row.uid,
                "name": row.user_name,
                "email": row.user_email,
                "why": why,
                "other": clash
                and {
                    "title": clash.title,
                    "starts_at": rfc3339(clash.starts_at),
                    "ends_at": rfc3339(clash.ends_at),
                },
            }
        )


class _Untouched(Exception):
    """Rolls back what is not to stay, as of a rehearsal; carries what it found."""

    def __init__(self, session: dict[str, Any], impact: Impact) -> None:
        super().__init__()
        self.result = session, impact


class _MoreToLock(Exception):
    """The session moved, or a seat was booked, before it was locked: lock again, with that."""


def describe(session: EventSession) -> dict[str, Any]:
    """The contract's `session`, as staff see it."""
    seats_left = None if session.capacity is None else session.capacity - session.seats_taken
    return {
        "id": session.id,
        "guid": session.guid,
        "title": session.title,
        "abstract": session.abstract,
        "description": session.description,
        "track": session.track,
        "language": session.language,
        "speakers": [{"name": each.name, "user_id": each.user_id} for each in session.speakers],
        "room": {"id": session.room.id, "name": session.room.name},
        "starts_at": rfc3339(session.starts_at),
        "ends_at": rfc3339(session.ends_at),
        "day": session.day.isoformat(),
        "capacity": session.capacity,
        "seats_left": seats_left,
        "version": session.version,
        "status": session.status,
    }


def get_event_session(event_session_id: int) -> EventSession:
    """Raises `NotFound`."""
    session = db.session.get(EventSession, event_session_id)
    if session is None:
        raise NotFound
    return session


def schedule_session(
    actor: Actor | None,
    event_slug: str,
    values: Mapping[str, Any],
    *,
    guid: str = "",
    dry_run: bool = False,
) -> tuple[dict[str, Any], Impact]:
    """Add a session to an event. For admins; `dry_run` writes nothing.

    `guid` is what another list calls it; one is made where there is none. Locks the calendars of the room and of speakers who are users. Raises `Overlap`
    (not in a dry run, which lists the conflicts), `InvalidInput`, `NotFound`.
    """
    try:
        return _schedule(actor, event_slug, values, guid or str(uuid4()), dry_run=dry_run)
    except _Untouched as rehearsal:
        return rehearsal.result


@transactional
def _schedule(
    actor: Actor | None,
    event_slug: str,
    values: Mapping[str, Any],
    guid: str,
    *,
    dry_run: bool,
) -> tuple[dict[str, Any], Impact]:
    actor = require_admin(actor)
    event = events.get_event(event_slug)
    required = dict.fromkeys(("title", "room_id", "starts_at", "ends_at"))
    session = _new_session(event, guid)
    with db.session.no_autoflush:
        _apply(session, required | dict(values))
        claims = _claims(session)
        locked = ledger.lock(claim.calendar_id for claim in claims)
        impact = Impact(
            conflicts=_conflicts(actor, claims, None),
            over_room=_over_room(session),
            outside_event=_is_outside(session),
        )
    if impact.conflicts and not dry_run:
        raise Overlap(impact.conflicts)
    if dry_run:
        raise _Untouched(describe(session), impact)
    db.session.add(session)
    db.session.flush()
    ledger.occupy(claims, event_session_id=session.id)
    audit.record_creation(actor, "event_session", session.id, _told(session))
    _announce(changes.NEW_BOOKING, session, tuple(locked.values()))
    return describe(session), impact


@transactional
def schedule_sessions(
    actor: Actor | None, event_slug: str, wanted: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """Add many sessions, each a guid and its values, in a few statements. For admins.

    All or none. Locks as `schedule_session`, but leaves it to the database to refuse an
    overlap: its `Overlap` names nobody, so callers look first. Raises `InvalidInput`,
    `NotFound`, `Overlap`.
    """
    actor = require_admin(actor)
    event = events.get_event(event_slug)
    required = dict.fromkeys(("title", "room_id", "starts_at", "ends_at"))
    sessions = []
    with db.session.no_autoflush, _rooms_at_hand(values for _, values in wanted):
        for guid, values in wanted:
            session = _new_session(event, guid)
            _apply(session, required | dict(values))
            sessions.append(session)
        claims = _claims_of_all(sessions)
        locked = _lock_with_a_jump(each.calendar_id for own in claims for each in own)
    db.session.add_all(sessions)
    db.session.flush()
    told: dict[int, EventSession] = {}
    for session, own in zip(sessions, claims, strict=True):
        ledger.occupy(own, event_session_id=session.id)
        audit.record_creation(actor, "event_session", session.id, _told(session))
        for claim in own:
            told.setdefault(claim.calendar_id, session)
    for calendar_id, session in told.items():
        _announce(changes.NEW_BOOKING, session, [locked[calendar_id]])


@transactional
def change_empty_sessions(actor: Actor | None, wanted: Mapping[int, Mapping[str, Any]]) -> None:
    """Change many sessions, in which nobody has a seat, in a few statements. For admins.

    They all leave their places before any takes its new one. Otherwise as
    `schedule_sessions`. Locks calendars, then the sessions. Raises `Gone` for a cancelled
    one and `Stale` when somebody has a seat by now.
    """
    actor = require_admin(actor)
    by_id = select(EventSession).where(EventSession.id.in_(wanted)).order_by(EventSession.id)
    occupied = select(BusyPeriod.event_session_id, BusyPeriod.calendar_id).where(
        BusyPeriod.event_session_id.in_(wanted)
    )
    with db.session.no_autoflush, _rooms_at_hand(wanted.values()):
        sessions = db.session.scalars(by_id).all()
        for session in sessions:
            _apply(session, wanted[session.id])
        claims = _claims_of_all(sessions)
        for session in sessions:
            db.session.expire(session)
        held = db.session.execute(occupied).all()
        locked = _lock_with_a_jump(
            {each.calendar_id for own in claims for each in own}
            | {row.calendar_id for row in held},
            wanted,
        )
        db.session.scalars(by_id.options(selectinload(EventSession.speakers))).all()
        previous = {each.id: Interval(each.starts_at, each.ends_at) for each in sessions}
        before: dict[int, dict[str, Any]] = {}
        for session in sessions:
            if session.status == CANCELLED:
                raise Gone(gettext("This session is cancelled."))
            if session.seats_taken:
                raise Stale
            before[session.id] = _told(session)
            _apply(session, wanted[session.id])
            session.version += 1
            _expect_no_shows_again(session, previous[session.id])
    db.session.flush()
    ledger.release(event_session_ids=wanted)
    told = {row.calendar_id: row.event_session_id for row in held}
    for session, own in zip(sessions, claims, strict=True):
        ledger.occupy(own, event_session_id=session.id)
        told |= {claim.calendar_id: session.id for claim in own}
        audit.record_update(actor, "event_session", session.id, before[session.id], _told(session))
    by_key = {session.id: session for session in sessions}
    for calendar_id, session_id in told.items():
        calendars = [locked[calendar_id]]
        _announce(changes.BOOKING_RESCHEDULED, by_key[session_id], calendars, previous[session_id])


def move_event_session(
    actor: Actor | None,
    event_session_id: int,
    values: Mapping[str, Any],
    *,
    version: int | None = None,
    release_last: bool = False,
    as_published: bool = False,
    dry_run: bool = False,
) -> tuple[dict[str, Any], Impact]:
    """Change a session: its time, room, capacity, speakers or texts. For admins.

    In one transaction: seats move along or are released by the module's rules, of which
    `release_last` asks for the second. It does not come to begin in the past, unless it is
    `as_published`: what a schedule says of the past is so. Locks the calendars of rooms, speakers and attendees, then the session. Raises
    `Overlap`, `Stale`, `Gone` (cancelled), `InvalidInput` (also for a capacity below the
    seats taken, with their number), `NotFound`.
    """
    wanted = _Wanted(values, version, release_last=release_last, as_published=as_published)
    for _ in range(_TRIES):
        try:
            return _move(actor, event_session_id, wanted, dry_run=dry_run)
        except _MoreToLock:
            continue
        except _Untouched as rehearsal:
            return rehearsal.result
    raise Busy


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What `move_event_session` is asked for."""

    values: Mapping[str, Any]
    version: int | None
    release_last: bool
    as_published: bool

    def apply(self, session: EventSession) -> bool:
        """Change the session, whose row may be old yet; returns whether anything differs."""
        if session.status == CANCELLED:
            raise Gone(gettext("This session is cancelled."))
        if self.version is not None and self.version != session.version:
            raise Stale
        before, begun_at = _stands(session), session.starts_at
        _apply(session, self.values, release_last=self.release_last)
        if not self.as_published and session.starts_at != begun_at:
            _refuse_past(session)
        return _stands(session) != before


@transactional
def _move(
    actor: Actor | None, event_session_id: int, wanted: _Wanted, *, dry_run: bool
) -> tuple[dict[str, Any], Impact]:
    actor = require_admin(actor)
    session = get_event_session(event_session_id)
    held = ledger.calendars_of(event_session_id=session.id)
    with db.session.no_autoflush:
        # Where it goes must be known before the locks; it is applied again under them.
        differs = wanted.apply(session)
        claims = _claims(session)
        db.session.expire(session)
        if not differs:
            return describe(session), _unmoved(session)
        attendees = _attendees(session.id)
        locked = ledger.lock(
            {claim.calendar_id for claim in claims} | held | set(attendees.values()),
            [session.id],
        )
        db.session.refresh(session)
        seats = _seats(session.id)
        attendees = _attendees(session.id)
        held = ledger.calendars_of(event_session_id=session.id)
        previous, capacity = Interval(session.starts_at, session.ends_at), session.capacity
        room_id, spoke = session.room_id, _named(session.speakers)
        before, day = _told(session), session.day
        if not wanted.apply(session):  # somebody did the same meanwhile
            db.session.expire(session)
            raise _Untouched(describe(session), _unmoved(session))
        claims = _claims(session)
        calendars = {claim.calendar_id for claim in claims} | held
        if not calendars | set(attendees.values()) <= locked.keys():
            raise _MoreToLock
        period = Interval(session.starts_at, session.ends_at)
        impact = Impact(conflicts=_conflicts(actor, claims, session.id))
        busy = _clashing(actor, impact, seats, attendees, period) if period != previous else []
        staying = [row for row in seats if row not in busy]
        last = _beyond(session, impact, staying)
        staying = staying[: len(staying) - len(last)]
        is_elsewhere = period != previous or session.room_id != room_id
        impact.keeping = len(staying)
        impact.mailed = len(impact.leaving) + (len(staying) if is_elsewhere else 0)
        impact.waiting = waitlist.count(session.id)
        if is_elsewhere or spoke != _named(session.speakers):
            impact.speakers = sorted({*spoke.values(), *_named(session.speakers).values()})
        if (session.capacity, session.room_id) != (capacity, room_id):
            impact.over_room = _over_room(session)
        if (period, session.day) != (previous, day):
            impact.outside_event = _is_outside(session)
        _expect_no_shows_again(session, previous)
        free = _free_then(session, impact)
        impact.promoted, impact.offered = waitlist.foresee(session, claims, free)
    if dry_run:
        left = {} if session.capacity is None else {"seats_left": free}
        raise _Untouched(describe(session) | left, impact)
    if impact.conflicts:
        raise Overlap(impact.conflicts)
    # No seat is without a place at any time: the room grows before, and shrinks after.
    seats_after, session.capacity = session.capacity, capacity
    session.version += 1
    db.session.flush()
    everyone = tuple(locked.values())
    cancellation.release_bookings(actor, busy, everyone, reason=cancel_reasons.SESSION_MOVED)
    cancellation.release_bookings(actor, last, everyone, reason=cancel_reasons.FEWER_SEATS)
    waitlist.withdraw_offers(session.id, impact.offers_withdrawn)
    session.capacity = seats_after
    db.session.flush()
    ledger.release(event_session_ids=[session.id])
    ledger.occupy(claims, event_session_id=session.id)
    if is_elsewhere:
        _move_seats(session, staying, attendees, locked, previous)
        _tell_speakers(actor, "talk_rescheduled", session, spoke.keys(), previous)
    elif session.title != before["title"]:
        _rename_seats(session, staying, attendees, locked)
    audit.record_update(
        actor,
        "event_session",
        session.id,
        before,
        _told(session),
        **({"released": impact.released} if impact.released else {}),
    )
    own = [locked[each] for each in calendars]
    _announce(changes.BOOKING_RESCHEDULED, session, own, previous)
    if impact.offers_withdrawn or (session.capacity or 0) > (capacity or 0):
        # Who waits gets the new seats, and watchers the new number.
        changes.publish(
            changes.SeatsChanged(session.event_id, session.event.slug, session.id, may_be_free=True)
        )
    db.session.refresh(session)
    return describe(session), impact


def cancel_event_session(actor: Actor | None, event_session_id: int) -> list[str]:
    """Cancel a session and all its seats, with a mail to each; returns their uids.

    Speakers and who waits get a mail too. For admins. Cancelling twice is one cancellation. Locks as `move_event_session`.
    """
    for _ in range(_TRIES):
        try:
            return _cancel(actor, event_session_id)
        except _MoreToLock:
            continue
    raise Busy


def find_cancel_impact(actor: Actor | None, event_session_id: int) -> Impact:
    """What `cancel_event_session` would do now; nothing where it is cancelled already.

    For admins. Raises `NotFound`. Locks nothing.
    """
    require_admin(actor)
    session = get_event_session(event_session_id)
    impact = Impact()
    if session.status != CANCELLED:
        for row in _seats(session.id):
            impact.release(row, "cancelled")
        impact.waiting = waitlist.count(session.id)
        impact.mailed = len(impact.leaving) + impact.waiting
        impact.speakers = sorted(_named(session.speakers).values())
    return impact


@transactional
def _cancel(actor: Actor | None, event_session_id: int) -> list[str]:
    actor = require_admin(actor)
    session = get_event_session(event_session_id)
    if session.status == CANCELLED:
        return []
    held = ledger.calendars_of(event_session_id=session.id)
    attendees = _attendees(session.id)
    locked = ledger.lock(held | set(attendees.values()), [session.id])
    db.session.refresh(session)
    if session.status == CANCELLED:
        return []
    seats = _seats(session.id)
    held = ledger.calendars_of(event_session_id=session.id)
    if not held | set(_attendees(session.id).values()) <= locked.keys():
        raise _MoreToLock
    released = cancellation.release_bookings(
        actor, seats, tuple(locked.values()), reason=cancel_reasons.SESSION_CANCELLED
    )
    waited = waitlist.clear(session.id)
    ledger.release(event_session_ids=[session.id])
    db.session.refresh(session)
    session.status = CANCELLED
    session.version += 1
    db.session.flush()
    _tell_speakers(actor, "talk_cancelled", session, _named(session.speakers).keys())
    _tell_users("waiting_cancelled", session, [User.id.in_(waited)])
    audit.record(
        actor,
        "cancel",
        "event_session",
        session.id,
        before={"status": CONFIRMED},
        status=CANCELLED,
        released=released,
    )
    _announce(changes.BOOKING_CANCELLED, session, [locked[each] for each in held])
    return released


def _stands(session: EventSession) -> dict[str, Any]:
    """All that a change may change."""
    return audit.snapshot(session) | {"speakers": _listed(session.speakers)}


def _told(session: EventSession) -> dict[str, Any]:
    """What the audit log says of a session; its seats have entries of their own."""
    told = audit.snapshot(session) | {"speakers": [each.name for each in session.speakers]}
    del told["seats_taken"]
    return told


def _new_session(event: Event, guid: str) -> EventSession:
    texts = dict.fromkeys(("abstract", "description", "track", "language"), "")
    return EventSession(event=event, guid=guid, status=CONFIRMED, seats_taken=0, version=1, **texts)


def _apply(session: EventSession, values: Mapping[str, Any], *, release_last: bool = False) -> None:
    errors: fields.Errors = {}
    if "title" in values:
        session.title = fields.line(errors, "title", values["title"], maximum=300, required=True)
    for name, maximum in {"track": 200, "language": 16}.items():
        if name in values:
            setattr(session, name, fields.line(errors, name, values[name], maximum=maximum))
    for name in ("abstract", "description"):
        if name in values:
            setattr(session, name, fields.text(errors, name, values[name], maximum=20_000))
    if "room_id" in values:
        room_id = values["room_id"]
        room = db.session.get(Room, room_id) if fields.is_id(room_id) else None
        if room is None:
            errors["room_id"] = [gettext("There is no such room.")]
        else:
            session.room = room
            session.room_id = room.id
    for name in ("starts_at", "ends_at"):
        if name in values:
            if not isinstance(values[name], datetime):
                errors[name] = [gettext("This field is required.")]
            else:
                setattr(session, name, values[name])
    if not errors and session.ends_at <= session.starts_at:
        errors["ends_at"] = [gettext("The session ends before it starts.")]
    if "capacity" in values:
        _apply_capacity(errors, session, values["capacity"], release_last=release_last)
    if "speakers" in values:
        _apply_speakers(errors, session, values["speakers"])
    fields.refuse(errors)
    if "day" in values:
        session.day = values["day"]
    elif "starts_at" in values or session.day is None:
        start = session.starts_at.astimezone(ZoneInfo(session.event.time_zone))
        is_last_night = start.date() == session.event.ends_on + timedelta(days=1)
        is_last_night &= start.hour < NIGHT_ENDS
        session.day = session.event.ends_on if is_last_night else start.date()


def _refuse_past(session: EventSession) -> None:
    """Raise `InvalidInput` for a session that would begin in the past."""
    if reservations.is_past(session.starts_at):
        raise InvalidInput({"starts_at": [gettext("This lies in the past.")]})


def _is_outside(session: EventSession) -> bool:
    """Whether a session is on a day that is none of its event's.

    A night counts for the day before it, where that is said or it is the last.
    """
    event = session.event
    start = session.starts_at.astimezone(ZoneInfo(event.time_zone)).date()
    is_of_day = timedelta() <= start - session.day <= timedelta(days=1)
    return not (event.starts_on <= session.day <= event.ends_on and is_of_day)


def _apply_capacity(
    errors: fields.Errors, session: EventSession, value: object, *, release_last: bool
) -> None:
    if value is None:
        if session.seats_taken:
            errors["capacity"] = [
                ngettext(
                    "%(num)d seat is taken: free entry would leave them behind.",
                    "%(num)d seats are taken: free entry would leave them behind.",
                    session.seats_taken,
                )
            ]
        session.capacity = None
        return
    capacity = fields.number(errors, "capacity", value, minimum=0, maximum=MAX_CAPACITY)
    if "capacity" not in errors and capacity < session.seats_taken and not release_last:
        taken = session.seats_taken
        errors["capacity"] = [
            ngettext("%(num)d seat is taken.", "%(num)d seats are taken.", taken),
            gettext(
                "Release the last %(number)s with it, or cancel some first.",
                number=taken - capacity,
            ),
        ]
    session.capacity = capacity


def _apply_speakers(errors: fields.Errors, session: EventSession, value: object) -> None:
    if not isinstance(value, list) or len(value) > MAX_SPEAKERS:
        errors["speakers"] = [
            gettext("Give a list of at most %(maximum)s speakers.", maximum=MAX_SPEAKERS)
        ]
        return
    speakers = []
    for position, each in enumerate(value):
        name = each.get("name") if isinstance(each, dict) else None
        user_id = each.get("user_id") if isinstance(each, dict) else None
        name = fields.line(errors, "speakers", name, maximum=200, required=True)
        if user_id is not None and not (fields.is_id(user_id) and db.session.get(User, user_id)):
            errors["speakers"] = [gettext("There is no such user.")]
        speakers.append(Speaker(position=position, name=name, user_id=user_id))
    if "speakers" not in errors and _listed(speakers) != _listed(session.speakers):
        session.speakers = speakers


def _claims(session: EventSession) -> list[ledger.Claim]:
    period = Interval(session.starts_at, session.ends_at)
    users = {speaker.user_id for speaker in session.speakers if speaker.user_id}
    room_id = session.room.id
    return [
        ledger.Claim(calendar_id, period)
        for calendar_id in ledger.calendar_ids(user_ids=users, room_ids=[room_id])
    ]


def _claims_of_all(sessions: Sequence[EventSession]) -> list[list[ledger.Claim]]:
    """As `_claims` for each, in one query."""
    users = {each.user_id for session in sessions for each in session.speakers if each.user_id}
    calendars = db.session.execute(
        select(Calendar.id, Calendar.user_id, Calendar.room_id).where(
            or_(
                Calendar.user_id.in_(users),
                Calendar.room_id.in_({session.room.id for session in sessions}),
            )
        )
    ).all()
    of_room = {row.room_id: row.id for row in calendars if row.room_id}
    of_user = {row.user_id: row.id for row in calendars if row.user_id}
    return [
        [
            ledger.Claim(calendar_id, Interval(session.starts_at, session.ends_at))
            for calendar_id in {of_room[session.room.id]}
            | {of_user[each.user_id] for each in session.speakers if each.user_id}
        ]
        for session in sessions
    ]


def _lock_with_a_jump(
    calendar_ids: Iterable[int], event_session_ids: Iterable[int] = ()
) -> dict[int, changes.CalendarVersion]:
    """Lock for many changes at once, of which each calendar is told one.

    Versions rise by two: whoever watches sees that something was left out and fetches anew.
    """
    calendar_ids = set(calendar_ids)
    ledger.lock(calendar_ids, event_session_ids)
    return ledger.lock(calendar_ids)


@contextmanager
def _rooms_at_hand(wanted: Iterable[Mapping[str, Any]]) -> Iterator[None]:
    """Read the rooms once; SQLAlchemy forgets what nobody holds."""
    ids = {values["room_id"] for values in wanted if fields.is_id(values.get("room_id"))}
    held = db.session.scalars(select(Room).where(Room.id.in_(ids))).all()
    yield
    del held


def _conflicts(
    actor: Actor, claims: Sequence[ledger.Claim], event_session_id: int | None
) -> list[dict[str, Any]]:
    found = ledger.find_conflicts(claims, ignoring_session=event_session_id)
    return ledger.shown_to(actor, found)


def _clashing(
    actor: Actor,
    impact: Impact,
    seats: Sequence[AnyRow],
    attendees: Mapping[int, int],
    period: Interval,
) -> list[AnyRow]:
    """Fill in who cannot come to `period`; returns their seats."""
    own = {row.id for row in seats}
    found = ledger.find_conflicts_at(attendees.values(), period, ignoring=own)
    busy: dict[int, ledger.Conflict] = {}
    for conflict in found:
        busy.setdefault(conflict.calendar_id, conflict)
    leaving = [row for row in seats if attendees[row.user_id] in busy]
    impact.clashing = ledger.shown_to(actor, found)
    for row in leaving:
        impact.release(row, "busy", busy[attendees[row.user_id]])
    return leaving


def _beyond(session: EventSession, impact: Impact, staying: Sequence[AnyRow]) -> list[AnyRow]:
    """Fill in what does not fit into the capacity; returns the seats, those booked last."""
    if session.capacity is None:
        return []
    offers = session.seats_taken - len(staying) - len(impact.leaving)
    too_many = max(0, len(staying) + offers - session.capacity)
    impact.offers_withdrawn = min(offers, too_many)
    last = list(staying[len(staying) - (too_many - impact.offers_withdrawn) :])
    for row in last:
        impact.release(row, "capacity")
    return last


def _free_then(session: EventSession, impact: Impact) -> int:
    """Seats that a changed session has left, once those that go are released."""
    if session.capacity is None:
        return 0
    return session.capacity - session.seats_taken + len(impact.released) + impact.offers_withdrawn


def _over_room(session: EventSession) -> int | None:
    """What the room holds, where that is less than the session's seats."""
    holds: int | None = session.room.capacity
    is_over = holds is not None and session.capacity is not None and session.capacity > holds
    return holds if is_over else None


def _unmoved(session: EventSession) -> Impact:
    """The impact of a change that leaves all as it is."""
    return Impact(keeping=len(_attendees(session.id)), waiting=waitlist.count(session.id))


def _listed(speakers: Iterable[Speaker]) -> list[tuple[str, int | None]]:
    """Speakers as they are given."""
    return [(each.name, each.user_id) for each in speakers]


def _named(speakers: Iterable[Speaker]) -> dict[int, str]:
    """Speakers in whose calendars a session is."""
    return {each.user_id: each.name for each in speakers if each.user_id}


def _expect_no_shows_again(session: EventSession, previous: Interval) -> None:
    """Have a session that begins later looked at again: its moment is yet to come."""
    if session.starts_at > previous.starts_at:
        session.no_shows_released_at = None


def _move_seats(
    session: EventSession,
    seats: Sequence[AnyRow],
    attendees: Mapping[int, int],
    locked: Mapping[int, changes.CalendarVersion],
    previous: Interval,
) -> None:
    """Take seats along, in a few statements: everybody's calendar is locked meanwhile."""
    if not seats:
        return
    period = Interval(session.starts_at, session.ends_at)
    ids = [row.id for row in seats]
    db.session.execute(
        update(Booking)
        .where(Booking.id.in_(ids))
        .values(
            title=session.title,
            starts_at=period.starts_at,
            ends_at=period.ends_at,
            version=Booking.version + 1,
            sequence=Booking.sequence + 1,
        )
        .execution_options(synchronize_session=False)
    )
    ledger.release(booking_ids=ids)
    ledger.occupy_for_each((row.id, ledger.Claim(attendees[row.user_id], period)) for row in seats)
    for moved in bookings.find_rows(Booking.id.in_(ids)):
        payload = bookings.describe(moved, None, everything=True)
        bookings.send_notices("rescheduled", moved, payload, previous=previous)
        calendar = locked[attendees[moved.user_id]]
        bookings.publish(changes.BOOKING_RESCHEDULED, payload, [calendar], previous=previous)


def _rename_seats(
    session: EventSession,
    seats: Sequence[AnyRow],
    attendees: Mapping[int, int],
    locked: Mapping[int, changes.CalendarVersion],
) -> None:
    """Give seats their session's new title. Who has one sees it live, and gets no mail."""
    if not seats:
        return
    ids = [row.id for row in seats]
    db.session.execute(
        update(Booking)
        .where(Booking.id.in_(ids))
        .values(title=session.title, version=Booking.version + 1)
        .execution_options(synchronize_session=False)
    )
    for renamed in bookings.find_rows(Booking.id.in_(ids)):
        payload = bookings.describe(renamed, None, everything=True)
        calendar = locked[attendees[renamed.user_id]]
        period = Interval(renamed.starts_at, renamed.ends_at)
        bookings.publish(changes.BOOKING_RESCHEDULED, payload, [calendar], previous=period)


def _tell_speakers(
    actor: Actor,
    template: str,
    session: EventSession,
    spoke: Collection[int],
    previous: Interval | None = None,
) -> None:
    """Mail those who speak there, and did before; not whoever does this."""
    wanted = _named(session.speakers).keys() & set(spoke) - {actor.user_id}
    more: dict[str, Any] = {}
    if previous:
        more["previous"] = {
            "starts_at": rfc3339(previous.starts_at),
            "ends_at": rfc3339(previous.ends_at),
        }
    _tell_users(template, session, (User.id.in_(wanted), User.active.is_(True)), more)


def _tell_users(
    template: str,
    session: EventSession,
    users: Iterable[ColumnElement[bool]],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Mail users about a session in which they have no seat."""
    talk = {
        "kind": "seat",  # laid out as one: when, where, of which event
        "status": session.status,
        "title": session.title,
        "starts_at": rfc3339(session.starts_at),
        "ends_at": rfc3339(session.ends_at),
        "location": session.room.name,
        "meeting_url": None,
        "event": {"slug": session.event.slug, "title": session.event.title},
    }
    context = {"booking": talk, "reason": "", "time_zone": session.event.time_zone, **(more or {})}
    readers = db.session.execute(
        select(User.email, User.first_name, User.last_name).where(*users).order_by(User.id)
    )
    mail.enqueue_all(
        [
            mail.Letter(
                template, row.email, context | {"name": full_name(row.first_name, row.last_name)}
            )
            for row in readers
        ]
    )


def _seats(event_session_id: int) -> list[AnyRow]:
    return bookings.find_rows(
        Booking.event_session_id == event_session_id, Booking.status == CONFIRMED
    )


def _attendees(event_session_id: int) -> dict[int, int]:
    """Calendars of the users with a live seat, by user."""
    rows = db.session.execute(
        select(Calendar.user_id, Calendar.id)
        .join(Booking, Booking.user_id == Calendar.user_id)
        .where(Booking.event_session_id == event_session_id, Booking.status == CONFIRMED)
    )
    return {row.user_id: row.id for row in rows}


def _announce(
    name: str,
    session: EventSession,
    calendars: Sequence[changes.CalendarVersion],
    previous: Interval | None = None,
) -> None:
    changes.publish(
        changes.BookingChanged(
            name=name,
            kind="event_session",
            period=Interval(session.starts_at, session.ends_at),
            previous=previous,
            calendars=tuple(calendars),
            booking=None,
        )
    )
    changes.publish(changes.AgendaChanged(session.event_id, session.event.slug))
