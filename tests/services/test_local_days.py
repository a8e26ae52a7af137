"""Local days and hours, on days when the clocks change and in zones that do so oddly."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.models.interval import Interval
from app.services import local_days

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # turns its clocks by half an hour
SANTIAGO = ZoneInfo("America/Santiago")  # misses midnight
HAVANA = ZoneInfo("America/Havana")  # repeats the hour after midnight
ZONES = ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "UTC"]


def shown(day: date, zone: ZoneInfo) -> list[tuple[int, int, int, int]]:
    return [
        (part.hour, part.start_minute, part.end_minute, part.run)
        for part in local_days.hours_of(day, zone)
    ]


def test_a_plain_day_has_24_hours() -> None:
    assert shown(date(2031, 3, 4), BERLIN) == [(hour, 0, 60, 0) for hour in range(24)]


def test_the_missing_hour_is_absent() -> None:
    hours = shown(date(2031, 3, 30), BERLIN)
    assert [hour for hour, *_ in hours] == [0, 1, *range(3, 24)]


def test_the_doubled_hour_is_there_twice_with_its_offsets() -> None:
    parts = local_days.hours_of(date(2031, 10, 26), BERLIN)
    assert [part.hour for part in parts] == [0, 1, 2, 2, *range(3, 24)]
    assert [(part.run, local_days.offset_text(part.offset)) for part in parts[2:4]] == [
        (0, "+02:00"),
        (1, "+01:00"),
    ]


def test_half_an_hour_that_is_missing_or_doubled() -> None:
    assert shown(date(2031, 10, 5), LORD_HOWE)[1:4] == [
        (1, 0, 60, 0),
        (2, 30, 60, 0),
        (3, 0, 60, 0),
    ]
    assert shown(date(2031, 4, 6), LORD_HOWE)[1:4] == [(1, 0, 60, 0), (1, 30, 60, 1), (2, 0, 60, 0)]


def test_days_without_midnight_and_with_two() -> None:
    (first, *_) = shown(date(2031, 9, 7), SANTIAGO)
    assert first == (1, 0, 60, 0)
    assert [hour for hour, *_ in shown(date(2031, 11, 2), HAVANA)][:3] == [0, 0, 1]


@pytest.mark.parametrize("zone", ZONES)
@given(
    start=st.integers(0, 60 * 24 * 365), length=st.integers(1, 60 * 50), seconds=st.integers(0, 59)
)
@settings(max_examples=60, deadline=None)
def test_the_parts_of_a_period_are_the_period(
    zone: str, start: int, length: int, seconds: int
) -> None:
    begin = datetime(2031, 1, 1, tzinfo=UTC) + timedelta(minutes=start, seconds=seconds)
    period = Interval(begin, begin + timedelta(minutes=length))
    parts = list(local_days.hour_parts(period, ZoneInfo(zone)))
    assert parts[0].period.starts_at <= period.starts_at
    assert period.ends_at <= parts[-1].period.ends_at < period.ends_at + timedelta(minutes=1)
    for one, following in pairwise(parts):
        assert one.period.ends_at == following.period.starts_at
    for part in parts:
        local = part.period.starts_at.astimezone(ZoneInfo(zone))
        assert (local.date(), local.hour, local.minute) == (
            part.date,
            part.hour,
            part.start_minute,
        )
        minutes = (part.period.ends_at - part.period.starts_at) // timedelta(minutes=1)
        assert (minutes, part.offset) == (part.end_minute - part.start_minute, local.utcoffset())


@pytest.mark.parametrize("zone", ZONES)
@given(day=st.integers(0, 364), hour=st.integers(0, 23), start=st.integers(0, 59), length=st.data())
@settings(max_examples=60, deadline=None)
def test_a_frame_is_read_back_as_it_was_written(
    zone: str, day: int, hour: int, start: int, length: st.DataObject
) -> None:
    """`end + 1` holds: from the hour's minutes to instants and back."""
    end = length.draw(st.integers(start + 1, 60))
    date_ = date(2031, 1, 1) + timedelta(days=day)
    try:
        period = local_days.frame(date_, hour, start, end, ZoneInfo(zone))
    except ValueError:
        missing = [
            minute
            for minute in range(start, end)
            if local_days.resolve(datetime.combine(date_, time(hour, minute)), ZoneInfo(zone))
            is None
        ]
        assert missing
        return
    (part,) = local_days.hour_parts(period, ZoneInfo(zone))
    assert (part.date, part.hour, part.start_minute, part.end_minute) == (date_, hour, start, end)
    assert part.run == 0


def test_a_frame_over_turned_clocks_is_refused() -> None:
    with pytest.raises(ValueError, match="02:00 to 03:00 does not exist"):
        local_days.frame(date(2031, 3, 30), 2, 0, 60, BERLIN)
    with pytest.raises(ValueError, match="23:30 to 00:00"):
        local_days.frame(date(2011, 12, 30), 23, 30, 60, ZoneInfo("Pacific/Apia"))


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        ("2031-03-04T22:00Z", "2031-03-05T00:30Z", ("23:00", "24:00")),
        ("2031-03-03T22:00Z", "2031-03-04T00:30Z", ("00:00", "01:30")),
        ("2031-03-03T22:00Z", "2031-03-05T22:00Z", ("00:00", "24:00")),
        ("2031-03-04T09:00:10Z", "2031-03-04T09:59:01Z", ("10:00", "11:00")),
    ],
)
def test_the_part_of_a_span_within_a_day(start: str, end: str, span: tuple[str, str]) -> None:
    period = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
    whole = local_days.day_of(date(2031, 3, 4), BERLIN)
    assert local_days.clock_span(period.starts_at, period.ends_at, whole, BERLIN) == span
