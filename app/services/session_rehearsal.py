"""Sessions scheduled and moved as a list says, without a lock and without writing anything.

Lines affect one another: the second may want the room that the first just took. So what the
lines before would have done to the ledger is kept in memory, over what is there. The rules
are those of `event_sessions` and `session_changes`, whose commands judge by the same functions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from app.extensions import db
from app.models import EventSession
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import event_sessions, ledger, session_calendars, session_impact
from app.services.errors import Overlap
from app.services.ledger import Claim, Conflict
from app.services.policy import Actor
from app.services.session_changes import Wanted
from app.services.session_impact import Impact
from app.services.transaction import forget_changes


@contextmanager
def rehearsing() -> Iterator[Rehearsal]:
    """Nothing that is changed in the block is written, and all of it is forgotten afterwards.

    Not within a command.
    """
    try:
        with db.session.no_autoflush:
            yield Rehearsal()
    finally:
        forget_changes()


class Rehearsal:
    """As the commands of the same names, but that each session is touched once at most."""

    def __init__(self) -> None:
        self._times = _Imagined()
        self._new = count(-1, -1)  # ids of what is not there

    def schedule_session(
        self, actor: Actor, event_slug: str, values: Mapping[str, Any], *, guid: str
    ) -> None:
        """Raises what `event_sessions.schedule_session` does."""
        session = event_sessions.drafted(event_slug, values, guid)
        claims = session_calendars.claims_of(session)
        if conflicts := session_calendars.list_conflicts(actor, claims, None, self._times):
            raise Overlap(conflicts)
        self._times.occupy(claims, session, next(self._new), [], {})

    def move_event_session(
        self, actor: Actor, event_session_id: int, values: Mapping[str, Any]
    ) -> Impact:
        """Raises what `session_changes.move_event_session` does."""
        session = event_sessions.get_event_session(event_session_id)
        seats = session_calendars.list_seats(session.id)
        attendees = session_calendars.attendees_of(session.id)
        judged = session_impact.judge(
            actor, session, lambda: Wanted(values).apply(session), seats, attendees, self._times
        )
        if judged is None:
            return session_impact.unmoved(session)
        if judged.impact.conflicts:
            raise Overlap(judged.impact.conflicts)
        self._times.release(session.id, {row.id for row in seats})
        self._times.occupy(judged.claims, session, session.id, judged.staying, attendees)
        return judged.impact


class _Imagined:
    """The ledger as it would be."""

    def __init__(self) -> None:
        self._free_bookings: set[int] = set()
        self._free_sessions: set[int] = set()
        self._taken: dict[int, list[Conflict]] = {}  # by calendar

    def find_conflicts(
        self,
        claims: Sequence[Claim],
        *,
        ignoring: Collection[int] = (),
        ignoring_session: int | None = None,
    ) -> list[Conflict]:
        found = ledger.find_conflicts(claims, ignoring=ignoring, ignoring_session=ignoring_session)
        return self._with_taken(found, claims)

    def find_conflicts_at(
        self, calendar_ids: Collection[int], period: Interval, *, ignoring: Collection[int] = ()
    ) -> list[Conflict]:
        found = ledger.find_conflicts_at(calendar_ids, period, ignoring=ignoring)
        return self._with_taken(found, [Claim(each, period) for each in calendar_ids])

    def release(self, event_session_id: int, booking_ids: Collection[int]) -> None:
        self._free_sessions.add(event_session_id)
        self._free_bookings.update(booking_ids)

    def occupy(
        self,
        claims: Iterable[Claim],
        session: EventSession,
        session_id: int,
        seats: Iterable[AnyRow],
        attendees: Mapping[int, int],
    ) -> None:
        """The time of a session and of the seats in it, by attendees' calendars."""
        period = Interval(session.starts_at, session.ends_at)
        for claim in claims:
            self._take(claim.calendar_id, period, session, event_session_id=session_id)
        for row in seats:
            self._take(attendees[row.user_id], period, session, seat=row)

    def _take(
        self,
        calendar_id: int,
        period: Interval,
        session: EventSession,
        *,
        event_session_id: int | None = None,
        seat: AnyRow | None = None,
    ) -> None:
        self._taken.setdefault(calendar_id, []).append(
            Conflict(
                calendar_id=calendar_id,
                starts_at=period.starts_at,
                ends_at=period.ends_at,
                kind="event_session" if seat is None else "seat",
                title=session.title,
                uid=None if seat is None else seat.uid,
                booking_id=None if seat is None else seat.id,
                event_session_id=event_session_id,
                seat_of=None if seat is None else session.id,
                event_id=session.event.id,
                user_id=None if seat is None else seat.user_id,
                event_type_id=None,
                busy=period,
            )
        )

    def _with_taken(self, found: Iterable[Conflict], claims: Iterable[Claim]) -> list[Conflict]:
        standing = [
            each
            for each in found
            if each.booking_id not in self._free_bookings
            and each.event_session_id not in self._free_sessions
        ]
        standing += [
            each
            for claim in claims
            for each in self._taken.get(claim.calendar_id, ())
            if each.busy.overlaps(claim.period)
        ]
        return sorted(standing, key=lambda each: each.starts_at)
