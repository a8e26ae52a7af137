"""Keeping calendars elsewhere up to date: fetched, read, and written when they changed.

As the outbox does: a due calendar is claimed by a lease in one transaction, fetched and
read outside of any, and its fate recorded in another. Only one process at a time fetches
a calendar; if it dies, another takes over when the lease ends. Whoever changes a calendar
in between takes the lease away, and what was fetched is dropped.

While it fails, what it said last still counts, and it is asked again less and less often.

Catches `Exception` in one place, the loop, because it must outlive whatever fails. Logs
hold a calendar's id and what happened, never its URL.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import uniform
from typing import Any

from flask import Flask
from flask_babel import gettext
from sqlalchemy import or_, select, update

from app.extensions import db
from app.models import Booking, BusyCalendar, Calendar, Expert
from app.models.busy_calendar import SUBSCRIPTION
from app.models.interval import Interval, merged
from app.services import (
    calendar_feeds,
    calendar_sandbox,
    changes,
    clock,
    external_busy,
    languages,
    ledger,
)
from app.services.calendar_feeds import Fetched, FetchError
from app.services.calendar_sandbox import Reading, UnreadableCalendar
from app.services.icalendar_import import Busy
from app.services.languages import gettext_noop
from app.services.sealed_text import SealBroken, open_sealed
from app.services.transaction import after_commit, transactional

# Longer than a fetch and a reading may take together.
LEASE = timedelta(minutes=4)
REFRESH_EVERY = timedelta(minutes=30)
# The time ahead that is worked out moves on by whole days.
WORK_OUT_EVERY = timedelta(days=1)
# Beyond the longest horizon of an event type, and the day that this is behind at most.
DAYS_AHEAD = 735
FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(days=1)
POLL_SECONDS = 10.0

log = logging.getLogger(__name__)
_wake = threading.Event()
_table = BusyCalendar.__table__


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a run did: calendars that were looked at, and those of them that failed."""

    ok: int
    failed: int


def window() -> tuple[datetime, datetime]:
    """The time for which calendars are worked out: from yesterday, whole UTC days."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=1), today + timedelta(days=DAYS_AHEAD)


def counted(periods: Iterable[Busy], user_id: int | None) -> list[Interval]:
    """The time that counts, united: what is a booking of theirs here does not.

    An invitation that they took into their calendar comes back with it. The ledger knows
    that time, also when it was moved or given up a moment ago.
    """
    periods = list(periods)
    uids = {busy.uid for busy in periods if busy.uid}
    own: set[str] = set()
    if uids:
        own = set(
            db.session.scalars(
                select(Booking.uid)
                .outerjoin(Expert, Expert.id == Booking.expert_id)
                .where(Booking.uid.in_(uids))
                .where(or_(Booking.user_id == user_id, Expert.user_id == user_id))
            )
        )
    return merged(Interval(busy.starts_at, busy.ends_at) for busy in periods if busy.uid not in own)


def wake_after_commit() -> None:
    """Have this process look for due calendars as soon as the open transaction is durable."""
    after_commit(_wake.set)


def refresh_due() -> Refreshed:
    """Refresh all that is due, one after the other: what `flask booking refresh-calendars` does.

    Must not be called inside a transaction.
    """
    ok = failed = 0
    while (claim := _claim_one()) is not None:
        if _refresh(claim):
            ok += 1
        else:
            failed += 1
    return Refreshed(ok, failed)


@transactional
def make_all_due() -> int:
    """Have every calendar refreshed with the next run; returns how many there are."""
    made_due = db.session.execute(update(_table).values(next_refresh_at=clock.now()))
    return int(made_due.rowcount)  # type: ignore[attr-defined]


def run_refresher(app: Flask, stop: threading.Event | None = None) -> None:
    """Refresh what is due until `stop` is set: when asked in this process, and every few seconds."""
    while stop is None or not stop.is_set():
        _wake.clear()
        try:
            with app.app_context():
                refresh_due()
        except Exception as error:  # noqa: BLE001 (the loop outlives a bug: see above)
            # Messages of database errors hold parameters, and those hold what is sealed.
            log.error("calendar refresher: %s", type(error).__name__)  # noqa: TRY400
        _wake.wait(POLL_SECONDS * uniform(0.5, 1.5))  # noqa: S311 (jitter, not a secret)


# -- one calendar --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claim:
    """A calendar that is ours to refresh until `leased_until`, as it was when claimed."""

    id: int
    calendar_id: int
    user_id: int | None
    kind: str
    sealed_url: str | None
    content: str | None
    content_hash: str
    etag: str
    last_modified: str
    worked_out_at: datetime | None
    worked_out_zone: str
    time_zone: str
    failures: int
    leased_until: datetime


_SEAL_BROKEN = gettext_noop("The address can no longer be read here. Please enter it again.")
_ELSEWHERE = "The calendar's server leads elsewhere. "
_STATUS = re.compile(r"\(([0-9]{3})\)\.$")


def trouble_text(kept: str) -> str:
    """Why a calendar could not be read, for who reads that.

    It is kept in English: nobody is there who would read it when it happens.
    """
    if not kept:
        return ""
    if kept.startswith(_ELSEWHERE):
        elsewhere = gettext("The calendar's server leads elsewhere.")
        return f"{elsewhere} {trouble_text(kept.removeprefix(_ELSEWHERE))}"
    if status := _STATUS.search(kept):
        sentence = f"{kept[: status.start()]}(%(status)s)."
        return gettext(sentence, status=status[1])
    return gettext(kept)


class _LeaseLost(Exception):
    """The calendar was removed or changed meanwhile: nothing of what was found is wanted."""


@dataclass(frozen=True, slots=True)
class _News:
    """What a refresh found; `reading` is None when all is as it was."""

    reading: Reading | None
    values: dict[str, Any]


def _refresh(claim: _Claim) -> bool:
    """Refresh a claimed calendar and record how it went; returns whether it went well."""
    try:
        with languages.speaking(languages.DEFAULT):
            news = _look(claim)
    except (FetchError, UnreadableCalendar) as error:
        _record_failure(claim, str(error), getattr(error, "retry_after", None))
        return False
    except SealBroken:
        _record_failure(claim, _SEAL_BROKEN)
        return False
    with suppress(_LeaseLost):
        _record_success(claim, news.reading, news.values)
    return True


def _look(claim: _Claim) -> _News:
    """Fetch and read it, outside of any transaction."""
    begins, ends = window()
    is_current = (
        claim.worked_out_at is not None
        and claim.worked_out_at >= begins + timedelta(days=1)
        and claim.worked_out_zone == claim.time_zone
    )
    values: dict[str, Any] = {}
    content = (claim.content or "").encode()
    if claim.kind == SUBSCRIPTION:
        fetched = _fetch(claim)
        if fetched.data is not None:
            values = {"etag": fetched.etag, "last_modified": fetched.last_modified}
            values["content_hash"] = sha256(fetched.data).hexdigest()
            if values["content_hash"] != claim.content_hash:
                content, is_current = fetched.data, False
    if is_current:
        return _News(None, values)
    return _News(calendar_sandbox.read(content, claim.time_zone, begins, ends), values)


def _fetch(claim: _Claim) -> Fetched:
    assert claim.sealed_url is not None
    url = open_sealed(claim.sealed_url)
    # Without its content an answer that it is as it was would leave us with nothing.
    known = claim.content is not None and claim.content_hash
    return calendar_feeds.fetch(
        url,
        etag=claim.etag if known else "",
        last_modified=claim.last_modified if known else "",
    )


# -- rows ----------------------------------------------------------------------------


def _claim_one() -> _Claim | None:
    """Lease the calendar that is due longest; None when none is."""
    now = clock.now()
    # Look without a lock: on SQLite a claim would hold up everybody's writing.
    if not db.session.scalar(select(select(_table.c.id).where(*_due(now)).exists())):
        return None
    return _claim()


def _due(now: datetime) -> tuple[Any, ...]:
    return (
        _table.c.next_refresh_at <= now,
        or_(_table.c.leased_until.is_(None), _table.c.leased_until <= now),
    )


@transactional
def _claim() -> _Claim | None:
    now = clock.now()
    row = db.session.execute(
        select(_table)
        .where(*_due(now))
        .order_by(_table.c.next_refresh_at, _table.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    leased_until = now + LEASE
    db.session.execute(
        update(_table).where(_table.c.id == row.id).values(leased_until=leased_until)
    )
    owner = db.session.execute(
        select(Calendar.user_id, Expert.time_zone)
        .outerjoin(Expert, Expert.user_id == Calendar.user_id)
        .where(Calendar.id == row.calendar_id)
    ).one()
    return _Claim(
        id=row.id,
        calendar_id=row.calendar_id,
        user_id=owner.user_id,
        kind=row.kind,
        sealed_url=row.sealed_url,
        content=row.content,
        content_hash=row.content_hash,
        etag=row.etag,
        last_modified=row.last_modified,
        worked_out_at=row.worked_out_at,
        worked_out_zone=row.time_zone,
        time_zone=owner.time_zone or "UTC",
        failures=row.failures,
        leased_until=leased_until,
    )


@transactional
def _record_success(claim: _Claim, reading: Reading | None, values: dict[str, Any]) -> None:
    """Write down that it went well, and what it says now.

    Locks the owner's calendar, and so raises its version, only if busy time changed.
    """
    now = clock.now()
    periods: Sequence[Interval] | None = None
    if reading is not None:
        found = counted(reading.periods, claim.user_id)
        # Only who holds the lease writes these, or who takes it away.
        if found != external_busy.periods_of(claim.id):
            periods = found
        values = values | {
            "content": reading.content,
            "time_zone": claim.time_zone,
            "busy_periods": len(found),
            "skipped": reading.skipped,
            "worked_out_at": now,
        }
    every = REFRESH_EVERY if claim.kind == SUBSCRIPTION else WORK_OUT_EVERY
    locked = ledger.lock([claim.calendar_id]) if periods is not None else {}
    held = db.session.execute(
        update(_table)
        .where(*_held(claim))
        .values(
            **values,
            checked_at=now,
            succeeded_at=now,
            failures=0,
            last_error="",
            leased_until=None,
            next_refresh_at=now + every * uniform(0.9, 1.1),  # noqa: S311 (jitter)
        )
        .returning(_table.c.id)
    ).one_or_none()
    if held is None:
        raise _LeaseLost
    if periods is not None:
        external_busy.replace(claim.id, claim.calendar_id, periods)
        changes.publish(changes.CalendarChanged(tuple(locked.values())))


@transactional
def _record_failure(claim: _Claim, reason: str, retry_after: int | None = None) -> None:
    """Write down why it failed and when it is asked again; what it said last still counts."""
    now = clock.now()
    wait = min(FIRST_WAIT * (1 << min(claim.failures, 10)), LONGEST_WAIT)
    wait *= uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)
    if retry_after is not None:
        wait = max(wait, timedelta(seconds=retry_after))
    db.session.execute(
        update(_table)
        .where(*_held(claim))
        .values(
            checked_at=now,
            failures=claim.failures + 1,
            last_error=reason[:300],
            leased_until=None,
            next_refresh_at=now + wait,
        )
    )
    log.info("calendar %d failed, for the %d. time in a row", claim.id, claim.failures + 1)


def _held(claim: _Claim) -> tuple[Any, ...]:
    return (_table.c.id == claim.id, _table.c.leased_until == claim.leased_until)
