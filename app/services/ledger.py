"""The ledger of time: lock, judge, occupy, release. Nothing else writes `busy_period`.

Lock order, the same everywhere: calendars by ascending id, then event sessions by
ascending id. A calendar is locked by raising its version, because whoever locks one is
about to change what it shows; the roll-back of a refusal takes the version back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import takewhile
from typing import Any, Protocol

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Executable,
    String,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, EventSession
from app.models.interval import Interval, overlapping
from app.models.types import AnyRow
from app.services.changes import CalendarVersion
from app.services.clock import rfc3339
from app.services.policy import ACCOUNT, Actor, may_attend
from app.services.transaction import execute, is_first

# Beyond so many, what is in the way is sought between the first and the last of a calendar.
MANY_CLAIMS = 40


@dataclass(frozen=True, slots=True)
class Claim:
    """A period wanted of one calendar."""

    calendar_id: int
    period: Interval


@dataclass(frozen=True, slots=True)
class Conflict:
    """A busy period in the way, and what it is owed to.

    `starts_at` and `ends_at` are those of the booking or session, without buffers; `busy`
    is the period itself.
    """

    calendar_id: int
    starts_at: datetime
    ends_at: datetime
    kind: str  # of a booking, or "event_session"
    title: str
    uid: str | None
    booking_id: int | None
    event_session_id: int | None
    seat_of: int | None  # the event session, where this is a seat in one
    event_id: int | None  # of that session, or of the one that occupies the time itself
    user_id: int | None
    event_type_id: int | None
    busy: Interval

    def seen_by(self, actor: Actor | None) -> dict[str, Any]:
        """The contract's conflict: in full when it is the actor's own, else just the times.

        Admins see everything. To a sign-in that reaches one event's agenda only, nothing else is its own.
        """
        shown: dict[str, Any] = {
            "starts_at": rfc3339(self.starts_at),
            "ends_at": rfc3339(self.ends_at),
        }
        own = (
            actor
            and (actor.calendar_id == self.calendar_id or actor.user_id == self.user_id)
            and (actor.audience == ACCOUNT or may_attend(actor, self.event_id or 0))
        )
        if own or (actor and actor.is_admin):
            shown |= {"kind": self.kind, "title": self.title}
            if self.uid:
                shown["uid"] = self.uid
        return shown


class Times(Protocol):
    """Who knows what is in the way: this module itself, or a rehearsal's idea of it."""

    def find_conflicts(
        self,
        claims: Sequence[Claim],
        *,
        ignoring: Collection[int] = (),
        ignoring_session: int | None = None,
    ) -> list[Conflict]:
        """As this module's function of that name."""

    def find_conflicts_at(
        self, calendar_ids: Collection[int], period: Interval, *, ignoring: Collection[int] = ()
    ) -> list[Conflict]:
        """As this module's function of that name."""


def shown_to(actor: Actor | None, conflicts: Iterable[Conflict]) -> list[dict[str, Any]]:
    """The contract's `conflicts`: each cause once, however many calendars it occupies.

    The actor's own calendar comes first, where there is the most to tell.
    """
    own_first = sorted(
        conflicts, key=lambda each: actor is None or each.calendar_id != actor.calendar_id
    )
    causes: dict[tuple[int | None, int | None], Conflict] = {}
    for conflict in own_first:
        causes.setdefault((conflict.booking_id, conflict.event_session_id), conflict)
    by_start = sorted(causes.values(), key=lambda each: (each.starts_at, each.title))
    return [conflict.seen_by(actor) for conflict in by_start]


def lock(
    calendar_ids: Iterable[int], event_session_ids: Iterable[int] = ()
) -> dict[int, CalendarVersion]:
    """Lock calendars, then event sessions, each by ascending id, until the commit.

    Raises the calendars' versions and returns them with whose time they are. Call it
    once per transaction, before judging. PostgreSQL waits up to its lock time-out
    (then `Busy`); SQLite's one write lock is held already.
    """
    wanted = sorted(set(calendar_ids))
    versions = {}
    if wanted:
        locked: Iterable[AnyRow] = execute(
            _lock_calendars(postgresql=_on_postgresql(), many=len(wanted) > 1), {"ids": wanted}
        )
        versions = {row.id: CalendarVersion(*row) for row in locked}
    sessions = sorted(set(event_session_ids))
    if sessions and _on_postgresql():
        db.session.execute(
            select(EventSession.id)
            .where(EventSession.id.in_(sessions))
            .order_by(EventSession.id)
            .with_for_update()
        )
    return versions


def announced(calendars: Iterable[CalendarVersion]) -> tuple[CalendarVersion, ...]:
    """The locked calendars, each with a version that no earlier message of this transaction has.

    The lock raised it for the first; a replace tells of several changes.
    """
    calendars = tuple(calendars)
    again = [each.calendar_id for each in calendars if not is_first(each)]
    raised = lock(again) if again else {}
    for each in raised.values():
        is_first(each)
    return tuple(raised.get(each.calendar_id, each) for each in calendars)


def announced_at_once(
    changed: Mapping[int, int], locked: Mapping[int, CalendarVersion]
) -> dict[int, CalendarVersion]:
    """Locked calendars, each with its version after so many changes.

    For one message that stands for all of them: it jumps, so that whoever hears it
    fetches again. The lock raised each version by one.
    """
    versions = dict(locked)
    further: dict[int, list[int]] = {}
    for calendar_id, count in changed.items():
        if count > 1:
            further.setdefault(count - 1, []).append(calendar_id)
    for by, calendar_ids in further.items():
        raised: Iterable[AnyRow] = execute(_RAISE, {"ids": calendar_ids, "by": by})
        versions |= {row.id: CalendarVersion(*row) for row in raised}
    for calendar_id in changed:
        is_first(versions[calendar_id])
    return {calendar_id: versions[calendar_id] for calendar_id in changed}


def find_conflicts(
    claims: Sequence[Claim], *, ignoring: Collection[int] = (), ignoring_session: int | None = None
) -> list[Conflict]:
    """What stands in the way of `claims`, by start; the calendars must be locked.

    `ignoring` are ids of bookings about to be released by the same transaction,
    `ignoring_session` the event session that is being moved.
    """
    wanted: dict[str, object] = {}
    asked = claims if len(claims) <= MANY_CLAIMS else _hulls(claims)
    for number, claim in enumerate(asked):
        wanted[f"calendar_{number}"] = claim.calendar_id
        wanted[f"starts_at_{number}"] = claim.period.starts_at
        wanted[f"ends_at_{number}"] = claim.period.ends_at
    rows = execute(_conflicts_with(len(asked)), wanted)
    found = [
        _conflict(row)
        for row in rows
        if row.booking_id not in ignoring
        and (ignoring_session is None or row.event_session_id != ignoring_session)
    ]
    if asked is not claims:
        found = [each for conflicts in conflicts_by_claim(claims, found) for each in conflicts]
        found = list(dict.fromkeys(found))
    return sorted(found, key=lambda conflict: conflict.starts_at)


def conflicts_by_claim(
    claims: Sequence[Claim], conflicts: Iterable[Conflict]
) -> list[list[Conflict]]:
    """Which of these conflicts stand in the way of which claim, in the claims' order."""
    by_calendar: dict[int, list[Conflict]] = {}
    for conflict in sorted(conflicts, key=lambda each: each.busy):
        by_calendar.setdefault(conflict.calendar_id, []).append(conflict)
    # Periods of one calendar do not overlap, so their ends are in order too.
    ends = {
        calendar: [each.busy.ends_at for each in found] for calendar, found in by_calendar.items()
    }
    judged = []
    for claim in claims:
        mine = by_calendar.get(claim.calendar_id, [])
        first = bisect_right(ends.get(claim.calendar_id, []), claim.period.starts_at)
        judged.append(list(takewhile(lambda each: each.busy.overlaps(claim.period), mine[first:])))  # noqa: B023 (used at once)
    return judged


def _hulls(claims: Sequence[Claim]) -> list[Claim]:
    """One claim per calendar that encloses all of its claims."""
    hulls: dict[int, Interval] = {}
    for claim in claims:
        whole = hulls.get(claim.calendar_id, claim.period)
        hulls[claim.calendar_id] = Interval(
            min(whole.starts_at, claim.period.starts_at), max(whole.ends_at, claim.period.ends_at)
        )
    return [Claim(calendar, period) for calendar, period in hulls.items()]


def find_conflicts_at(
    calendar_ids: Collection[int], period: Interval, *, ignoring: Collection[int] = ()
) -> list[Conflict]:
    """As `find_conflicts`, of any number of calendars for one period."""
    in_the_way = _CONFLICTS.where(
        BusyPeriod.calendar_id.in_(set(calendar_ids)),
        overlapping(BusyPeriod.starts_at, BusyPeriod.ends_at, period.starts_at, period.ends_at),
    )
    found = [_conflict(row) for row in execute(in_the_way) if row.booking_id not in ignoring]
    return sorted(found, key=lambda conflict: conflict.starts_at)


def occupy(
    claims: Iterable[Claim], *, booking_id: int | None = None, event_session_id: int | None = None
) -> None:
    """Write the busy periods. The database refuses an overlap, whoever forgot to judge."""
    periods = [_period_of(claim, booking_id, event_session_id) for claim in claims]
    if periods:
        execute(_OCCUPY, periods)


def occupy_for_each(claims: Iterable[tuple[int, Claim]]) -> None:
    """As `occupy`, for many bookings at once: pairs of a booking's id and a claim."""
    execute(_OCCUPY, [_period_of(claim, booking_id) for booking_id, claim in claims])


def _period_of(
    claim: Claim, booking_id: int | None, event_session_id: int | None = None
) -> dict[str, object]:
    return {
        "calendar_id": claim.calendar_id,
        "starts_at": claim.period.starts_at,
        "ends_at": claim.period.ends_at,
        "booking_id": booking_id,
        "event_session_id": event_session_id,
    }


def release(*, booking_ids: Collection[int] = (), event_session_ids: Collection[int] = ()) -> None:
    """Free the periods owed to these. Needs no lock beyond their own rows."""
    if booking_ids:
        db.session.execute(delete(BusyPeriod).where(BusyPeriod.booking_id.in_(booking_ids)))
    if event_session_ids:
        db.session.execute(
            delete(BusyPeriod).where(BusyPeriod.event_session_id.in_(event_session_ids))
        )


def hand_over(booking_id: int, to_booking_id: int, calendar_ids: Collection[int]) -> None:
    """Owe a booking's periods in these calendars, which are locked, to another booking."""
    db.session.execute(
        update(BusyPeriod)
        .where(BusyPeriod.booking_id == booking_id, BusyPeriod.calendar_id.in_(calendar_ids))
        .values(booking_id=to_booking_id)
        .execution_options(synchronize_session=False)
    )


def take_seat(event_session_id: int) -> AnyRow | None:
    """Take one seat, which locks the session's row; None when there is none left.

    Returns `seats_taken` after it, and the times that the session has now.
    """
    return execute(_TAKE_SEAT, {"session": event_session_id}).one_or_none()


def free_seat(event_session_id: int) -> None:
    """Give one seat back."""
    execute(_FREE_SEAT, {"session": event_session_id})


def calendars_of(*, booking_id: int | None = None, event_session_id: int | None = None) -> set[int]:
    """Ids of the calendars that a booking or an event session occupies, unlocked."""
    cause = (
        BusyPeriod.booking_id == booking_id
        if booking_id is not None
        else BusyPeriod.event_session_id == event_session_id
    )
    return set(db.session.scalars(select(BusyPeriod.calendar_id).where(cause)))


def calendars_by_booking(booking_ids: Collection[int]) -> dict[int, set[int]]:
    """As `calendars_of`, for each of these bookings."""
    found: dict[int, set[int]] = {booking_id: set() for booking_id in booking_ids}
    for row in db.session.execute(
        select(BusyPeriod.booking_id, BusyPeriod.calendar_id).where(
            BusyPeriod.booking_id.in_(booking_ids)
        )
    ):
        found[row.booking_id].add(row.calendar_id)
    return found


def calendar_ids(user_ids: Iterable[int] = (), room_ids: Iterable[int] = ()) -> list[int]:
    """Ids of the calendars of these users and rooms."""
    return list(
        db.session.scalars(
            select(Calendar.id).where(
                or_(Calendar.user_id.in_(list(user_ids)), Calendar.room_id.in_(list(room_ids)))
            )
        )
    )


# As text: SQLAlchemy leaves the tables' names out of RETURNING on SQLite, also in here,
# where `user_id = user_id` would be true of every expert.
_slug_of_owner: ColumnElement[str | None] = literal_column(
    "(SELECT expert.slug FROM expert WHERE expert.user_id = calendar.user_id)", String
)
_CALENDAR_VERSION = (
    Calendar.id,
    Calendar.version,
    Calendar.user_id,
    Calendar.room_id,
    _slug_of_owner,
)


def _lock_calendars(*, postgresql: bool, many: bool) -> Any:
    return _LOCK_IN_ORDER if postgresql and many else _LOCK


_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_LOCK = (
    update(Calendar)
    .where(Calendar.id.in_(_ids))
    .values(version=Calendar.version + 1)
    .returning(*_CALENDAR_VERSION)
)
_RAISE = (
    update(Calendar)
    .where(Calendar.id.in_(_ids))
    .values(version=Calendar.version + bindparam("by"))
    .returning(*_CALENDAR_VERSION)
)
# An UPDATE alone locks in the order of its plan; two of them could deadlock.
_in_order = (
    select(Calendar.id)
    .where(Calendar.id.in_(_ids))
    .order_by(Calendar.id)
    .with_for_update()
    .cte("in_order")
)
_LOCK_IN_ORDER = (
    update(Calendar)
    .where(Calendar.id == _in_order.c.id)
    .values(version=Calendar.version + 1)
    .returning(*_CALENDAR_VERSION)
)
_OCCUPY = insert(BusyPeriod.__table__)
_session: BindParameter[int] = bindparam("session")
_TAKE_SEAT = (
    update(EventSession)
    .where(EventSession.id == _session, EventSession.status == "confirmed")
    .where(EventSession.seats_taken < EventSession.capacity)
    .values(seats_taken=EventSession.seats_taken + 1, version=EventSession.version + 1)
    .returning(EventSession.seats_taken, EventSession.starts_at, EventSession.ends_at)
)
_FREE_SEAT = (
    update(EventSession)
    .where(EventSession.id == _session)
    .values(seats_taken=EventSession.seats_taken - 1, version=EventSession.version + 1)
)
_CONFLICTS = (
    select(
        BusyPeriod.calendar_id,
        BusyPeriod.starts_at.label("busy_from"),
        BusyPeriod.ends_at.label("busy_until"),
        BusyPeriod.booking_id,
        BusyPeriod.event_session_id,
        Booking.uid,
        Booking.kind,
        Booking.title,
        Booking.starts_at,
        Booking.ends_at,
        Booking.user_id,
        Booking.event_type_id,
        Booking.event_session_id.label("seat_of"),
        EventSession.event_id,
        EventSession.title.label("session_title"),
        EventSession.starts_at.label("session_starts_at"),
        EventSession.ends_at.label("session_ends_at"),
    )
    .outerjoin(Booking, Booking.id == BusyPeriod.booking_id)
    .outerjoin(
        EventSession,
        EventSession.id == func.coalesce(BusyPeriod.event_session_id, Booking.event_session_id),
    )
)


@cache
def _conflicts_with(claims: int) -> Executable:
    """The conflicts with so many claims; they are bound as `calendar_0`, `starts_at_0`, …"""
    return _CONFLICTS.where(
        or_(
            *(
                and_(
                    BusyPeriod.calendar_id == bindparam(f"calendar_{number}"),
                    overlapping(
                        BusyPeriod.starts_at,
                        BusyPeriod.ends_at,
                        bindparam(f"starts_at_{number}"),
                        bindparam(f"ends_at_{number}"),
                    ),
                )
                for number in range(claims)
            )
        )
    )


def _conflict(row: AnyRow) -> Conflict:
    of_session = row.booking_id is None
    return Conflict(
        calendar_id=row.calendar_id,
        starts_at=row.session_starts_at if of_session else row.starts_at,
        ends_at=row.session_ends_at if of_session else row.ends_at,
        kind="event_session" if of_session else row.kind,
        title=row.session_title if of_session else row.title,
        uid=row.uid,
        booking_id=row.booking_id,
        event_session_id=row.event_session_id,
        seat_of=row.seat_of,
        event_id=row.event_id,
        user_id=row.user_id,
        event_type_id=row.event_type_id,
        busy=Interval(row.busy_from, row.busy_until),
    )


def _on_postgresql() -> bool:
    return db.session.get_bind().dialect.name == "postgresql"
