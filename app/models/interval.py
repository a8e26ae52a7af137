"""Half-open spans of time, and the one formula for their overlap, in Python and in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, SQLColumnExpression, and_


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The time from `starts_at` up to, but not including, `ends_at`, in UTC.

    Aware times of other zones are converted. Raises ValueError for a naive time and
    for an interval that is empty or reversed.
    """

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        # The identity test spares the common case, times read from the ledger.
        if self.starts_at.tzinfo is not UTC:
            object.__setattr__(self, "starts_at", as_utc(self.starts_at))
        if self.ends_at.tzinfo is not UTC:
            object.__setattr__(self, "ends_at", as_utc(self.ends_at))
        if self.ends_at <= self.starts_at:
            raise ValueError("An interval must end after it starts.")

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share any time; intervals that only touch do not."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def overlapping(
    starts_at_column: SQLColumnExpression[datetime],
    ends_at_column: SQLColumnExpression[datetime],
    starts_at: datetime | SQLColumnExpression[datetime],
    ends_at: datetime | SQLColumnExpression[datetime],
) -> ColumnElement[bool]:
    """`Interval.overlaps` as an SQL condition, against values or other columns."""
    return and_(starts_at_column < ends_at, ends_at_column > starts_at)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as few intervals as possible: sorted, none touching another."""
    spans = united((interval.starts_at, interval.ends_at) for interval in intervals)
    return [Interval(starts_at, ends_at) for starts_at, ends_at in spans]


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


_Point = TypeVar("_Point", bound=_Ordered)


def united(spans: Iterable[tuple[_Point, _Point]]) -> list[tuple[_Point, _Point]]:
    """The sweep behind `merged`, for bare half-open (start, end) pairs of any one unit."""
    ordered = sorted(spans)
    if not ordered:
        return []
    united_spans = []
    start, end = ordered[0]
    for next_start, next_end in ordered:
        if end < next_start:
            united_spans.append((start, end))
            start, end = next_start, next_end
        elif end < next_end:
            end = next_end
    united_spans.append((start, end))
    return united_spans


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive time, which is no instant."""
    if instant.utcoffset() is None:
        raise ValueError("A time must carry its offset from UTC.")
    return instant.astimezone(UTC)
