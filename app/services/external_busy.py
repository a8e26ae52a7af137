"""Time in which a calendar elsewhere says that its owner is busy.

Beside the ledger, not in it: this time may overlap itself and what is booked, and nobody
here can give it up. It keeps starts from being offered and from being booked, and is in
the way of nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, delete, exists, insert, select

from app.extensions import db
from app.models import ExternalBusy
from app.models.interval import Interval, overlapping
from app.services.transaction import execute

_table = ExternalBusy.__table__


def overlapping_periods(calendar_id: Any, starts_at: Any, ends_at: Any) -> Select[Any]:
    """`calendar_id, starts_at, ends_at` of what overlaps a span, as a select to build upon."""
    return select(_table.c.calendar_id, _table.c.starts_at, _table.c.ends_at).where(
        _table.c.calendar_id == calendar_id,
        overlapping(_table.c.starts_at, _table.c.ends_at, starts_at, ends_at),
    )


def is_busy(calendar_id: int, period: Interval) -> bool:
    """Whether the owner is busy elsewhere during some of it; final if the calendar is locked."""
    wanted = overlapping_periods(calendar_id, period.starts_at, period.ends_at)
    return bool(execute(select(exists(wanted))).scalar_one())


def list_busy(calendar_id: int, period: Interval) -> list[Interval]:
    """What overlaps `period`, by start."""
    wanted = overlapping_periods(calendar_id, period.starts_at, period.ends_at)
    return sorted(Interval(row.starts_at, row.ends_at) for row in execute(wanted))


def periods_of(busy_calendar_id: int) -> list[Interval]:
    """All of one calendar elsewhere, by start."""
    found = execute(
        select(_table.c.starts_at, _table.c.ends_at)
        .where(_table.c.busy_calendar_id == busy_calendar_id)
        .order_by(_table.c.starts_at)
    )
    return [Interval(row.starts_at, row.ends_at) for row in found]


def replace(busy_calendar_id: int, calendar_id: int, periods: Sequence[Interval]) -> None:
    """Write what one calendar elsewhere says, instead of what it said.

    The owner's calendar must be locked, so that nothing is booked by the old.
    """
    release([busy_calendar_id])
    if periods:
        execute(
            insert(_table),
            [
                {
                    "busy_calendar_id": busy_calendar_id,
                    "calendar_id": calendar_id,
                    "starts_at": period.starts_at,
                    "ends_at": period.ends_at,
                }
                for period in periods
            ],
        )


def release(busy_calendar_ids: Collection[int]) -> None:
    """Forget what these calendars said."""
    db.session.execute(delete(_table).where(_table.c.busy_calendar_id.in_(busy_calendar_ids)))
