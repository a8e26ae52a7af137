from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    create_engine,
    insert,
    select,
)

from app.models.interval import Interval, as_utc, merged, overlapping, united

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=minute)


def interval(start: int, end: int) -> Interval:
    return Interval(at(start), at(end))


intervals = st.builds(
    lambda start, length: interval(start, start + length), st.integers(0, 30), st.integers(1, 10)
)


def test_an_empty_or_reversed_interval_is_refused() -> None:
    for start, end in [(10, 10), (10, 9)]:
        with pytest.raises(ValueError, match="must end after it starts"):
            interval(start, end)


def test_a_naive_time_is_refused() -> None:
    naive = MIDNIGHT.replace(tzinfo=None)
    for starts_at, ends_at in [(naive, at(5)), (at(-5), naive), (naive, naive)]:
        with pytest.raises(ValueError, match="offset from UTC"):
            Interval(starts_at, ends_at)
    with pytest.raises(ValueError, match="offset from UTC"):
        as_utc(naive)


def test_other_zones_become_utc() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    doubled = Interval(
        datetime(2026, 10, 25, 2, 30, tzinfo=berlin),
        datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1),
    )
    assert doubled == Interval(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    )
    assert doubled.starts_at.tzinfo is UTC
    assert as_utc(datetime(2026, 1, 1, 5, 45, tzinfo=timezone(timedelta(hours=5.75)))) == datetime(
        2026, 1, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 10, False),
        (0, 11, True),
        (10, 20, True),
        (12, 15, True),
        (5, 25, True),
        (19, 30, True),
        (20, 30, False),
    ],
)
def test_overlap_is_half_open(start: int, end: int, expected: bool) -> None:
    assert interval(10, 20).overlaps(interval(start, end)) is expected
    assert interval(start, end).overlaps(interval(10, 20)) is expected


PERIODS = Table(
    "period",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("starts_at", DateTime(timezone=True)),
    Column("ends_at", DateTime(timezone=True)),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        PERIODS.metadata.create_all(connection)
        yield connection
    engine.dispose()


# SQLite stores no offsets: the twin is fed the naive UTC that the column type would send it.
def naive(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)


@given(stored=st.lists(intervals, min_size=1, max_size=5), asked=intervals)
def test_sql_agrees_with_python(
    connection: Connection, stored: list[Interval], asked: Interval
) -> None:
    with connection.begin_nested() as savepoint:
        connection.execute(
            insert(PERIODS),
            [
                {"id": number, "starts_at": naive(one.starts_at), "ends_at": naive(one.ends_at)}
                for number, one in enumerate(stored)
            ],
        )
        condition = overlapping(
            PERIODS.c.starts_at,
            PERIODS.c.ends_at,
            naive(asked.starts_at),
            naive(asked.ends_at),
        )
        found = set(connection.scalars(select(PERIODS.c.id).where(condition)))
        other = PERIODS.alias()
        pairs = connection.execute(
            select(PERIODS.c.id, other.c.id).where(
                overlapping(
                    PERIODS.c.starts_at, PERIODS.c.ends_at, other.c.starts_at, other.c.ends_at
                )
            )
        ).all()
        savepoint.rollback()
    assert found == {number for number, one in enumerate(stored) if one.overlaps(asked)}
    assert set(map(tuple, pairs)) == {
        (a, b) for a, one in enumerate(stored) for b, two in enumerate(stored) if one.overlaps(two)
    }


def test_touching_and_overlapping_intervals_are_united() -> None:
    assert merged([]) == []
    assert merged([interval(20, 30), interval(0, 5), interval(5, 10), interval(22, 25)]) == [
        interval(0, 10),
        interval(20, 30),
    ]


@given(st.lists(intervals))
def test_merged_intervals_hold_the_same_minutes_apart(given_intervals: list[Interval]) -> None:
    result = merged(given_intervals)
    assert all(a.ends_at < b.starts_at for a, b in pairwise(result))
    minutes = [interval(minute, minute + 1) for minute in range(50)]
    for minute in minutes:
        assert any(minute.overlaps(one) for one in result) == any(
            minute.overlaps(one) for one in given_intervals
        )


def test_bare_pairs_of_any_unit_are_united() -> None:
    assert united([(720, 1440), (0, 720)]) == [(0, 1440)]
