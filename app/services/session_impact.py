"""What a change of an event session does to others: who keeps a seat, who loses it and why.

`judge` finds it out, and writes nothing. `Impact` is what is told of it. A rehearsal judges
as the change does, so it tells what would happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.models import EventSession
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import ledger, session_calendars, session_fields, waitlist
from app.services.clock import rfc3339
from app.services.policy import Actor


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


class Untouched(Exception):
    """Rolls back what is not to stay, as of a rehearsal; carries what it found."""

    def __init__(self, session: dict[str, Any], impact: Impact) -> None:
        super().__init__()
        self.result = session, impact


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a session that has its new values, unwritten, and of its seats.

    `busy` and `last` are the seats that go, because of the time and of the capacity. What
    it was before is in `before` (as the audit log has it), `previous`, `capacity` and
    `spoke`, the users who spoke there.
    """

    before: Mapping[str, Any]
    previous: Interval
    capacity: int | None
    spoke: Mapping[int, str]
    claims: Sequence[ledger.Claim]
    is_elsewhere: bool
    busy: Sequence[AnyRow]
    last: Sequence[AnyRow]
    staying: Sequence[AnyRow]
    impact: Impact


def judge(
    actor: Actor,
    session: EventSession,
    change: Callable[[], bool],
    seats: Sequence[AnyRow],
    attendees: Mapping[int, int],
    times: ledger.Times = ledger,
) -> Judged | None:
    """What `change`, which gives the session its new values, does; None if nothing differs.

    To be called without autoflush. `seats` are the session's, `attendees` the calendars of
    who has them. What only a forecast can say of who waits is left out.
    """
    previous, day = Interval(session.starts_at, session.ends_at), session.day
    capacity, room_id = session.capacity, session.room_id
    spoke = session_calendars.speaking_users(session.speakers)
    before = session_fields.told(session)
    if not change():
        return None
    claims = session_calendars.claims_of(session)
    period = Interval(session.starts_at, session.ends_at)
    is_elsewhere = period != previous or session.room_id != room_id
    impact = Impact(conflicts=session_calendars.list_conflicts(actor, claims, session.id, times))
    busy = _clashing(actor, impact, seats, attendees, period, times) if period != previous else []
    staying = [row for row in seats if row not in busy]
    last = _beyond(session, impact, staying)
    staying = staying[: len(staying) - len(last)]
    impact.keeping = len(staying)
    impact.mailed = len(impact.leaving) + (len(staying) if is_elsewhere else 0)
    speak = session_calendars.speaking_users(session.speakers)
    if is_elsewhere or spoke != speak:
        impact.speakers = sorted({*spoke.values(), *speak.values()})
    if (session.capacity, session.room_id) != (capacity, room_id):
        impact.over_room = over_room(session)
    if (period, session.day) != (previous, day):
        impact.outside_event = is_outside(session)
    return Judged(
        before, previous, capacity, spoke, claims, is_elsewhere, busy, last, staying, impact
    )


def _clashing(
    actor: Actor,
    impact: Impact,
    seats: Sequence[AnyRow],
    attendees: Mapping[int, int],
    period: Interval,
    times: ledger.Times,
) -> list[AnyRow]:
    """Fill in who cannot come to `period`; returns their seats."""
    own = {row.id for row in seats}
    found = times.find_conflicts_at(attendees.values(), period, ignoring=own)
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


def free_then(session: EventSession, impact: Impact) -> int:
    """Seats that a changed session has left, once those that go are released."""
    if session.capacity is None:
        return 0
    return session.capacity - session.seats_taken + len(impact.released) + impact.offers_withdrawn


def over_room(session: EventSession) -> int | None:
    """What the room holds, where that is less than the session's seats."""
    holds: int | None = session.room.capacity
    is_over = holds is not None and session.capacity is not None and session.capacity > holds
    return holds if is_over else None


def is_outside(session: EventSession) -> bool:
    """Whether a session is on a day that is none of its event's.

    A night counts for the day before it, where that is said or it is the last.
    """
    event = session.event
    start = session.starts_at.astimezone(ZoneInfo(event.time_zone)).date()
    is_of_day = timedelta() <= start - session.day <= timedelta(days=1)
    return not (event.starts_on <= session.day <= event.ends_on and is_of_day)


def unmoved(session: EventSession) -> Impact:
    """The impact of a change that leaves all as it is."""
    return Impact(
        keeping=len(session_calendars.attendees_of(session.id)), waiting=waitlist.count(session.id)
    )
