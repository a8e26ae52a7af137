from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.models.interval import Interval
from app.services.availability import (
    DEFAULT_WEEKLY,
    NotOffered,
    Rules,
    WeeklyInterval,
    format_clock,
    list_slots,
    nearest,
    parse_clock,
    validate_intervals,
    why_not_offered,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
MONDAY = date(2026, 12, 7)
NO_ONE: Mapping[date, int] = {}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_rules(
    *intervals: str,
    time_zone: str = "UTC",
    weekdays: Sequence[int] = range(7),
    overrides: Mapping[date, Sequence[str]] | None = None,
    duration: int = 60,
    step: int | None = None,
    before: int = 0,
    after: int = 0,
    notice: int = 0,
    horizon: int = 100_000,
    limit: int | None = None,
) -> Rules:
    """Rules with intervals like "08:00-17:00" on each of the weekdays."""
    return Rules(
        time_zone=time_zone,
        weekly=[
            WeeklyInterval(weekday, *parse_interval(interval))
            for weekday in weekdays
            for interval in intervals
        ],
        overrides={
            day: [parse_interval(interval) for interval in texts]
            for day, texts in (overrides or {}).items()
        },
        duration_minutes=duration,
        slot_step_minutes=step,
        buffer_before_minutes=before,
        buffer_after_minutes=after,
        minimum_notice_minutes=notice,
        horizon_days=horizon,
        daily_limit=limit,
    )


def parse_interval(text: str) -> tuple[int, int]:
    start, end = text.split("-")
    return parse_clock(start), parse_clock(end)


def local_day(day: date, time_zone: str) -> Interval:
    zone = ZoneInfo(time_zone)
    return Interval(
        datetime.combine(day, time(), zone).astimezone(UTC),
        datetime.combine(day + DAY, time(), zone).astimezone(UTC),
    )


def on_day(
    rules: Rules,
    day: date = MONDAY,
    busy: Sequence[Interval] = (),
    room_busy: Sequence[Interval] = (),
    now: datetime = LONG_AGO,
    booked_on: Mapping[date, int] = NO_ONE,
) -> list[str]:
    """The starts of one local day, as local wall-clock times with their offset."""
    window = local_day(day, rules.time_zone)
    slots = list_slots(rules, busy, window, now, booked_on, room_busy)
    zone = ZoneInfo(rules.time_zone)
    return [slot.astimezone(zone).strftime("%H:%M%z") for slot in slots]


def utc_starts(rules: Rules, day: date) -> list[str]:
    window = local_day(day, rules.time_zone)
    slots = list_slots(rules, [], window, LONG_AGO, NO_ONE)
    assert all(slot.tzinfo is UTC for slot in slots)
    return [slot.strftime("%dT%H:%M") for slot in slots]


def times(text: str, offset: str = "+0000") -> list[str]:
    return [clock + offset for clock in text.split()]


def busy_at(start: str, end: str, day: date = MONDAY) -> Interval:
    return Interval(utc(f"{day}T{start}"), utc(f"{day}T{end}"))


def why(
    rules: Rules, start: str, now: datetime = LONG_AGO, booked_on: Mapping[date, int] = NO_ONE
) -> str | None:
    refusal = why_not_offered(rules, utc(start), now, booked_on)
    return None if refusal is None else refusal.rule


class TestHours:
    def test_starts_count_by_the_duration(self) -> None:
        assert on_day(make_rules("09:00-12:30")) == times("09:00 10:00 11:00")

    def test_starts_count_by_the_step_if_there_is_one(self) -> None:
        rules = make_rules("09:00-11:00", step=20)
        assert on_day(rules) == times("09:00 09:20 09:40 10:00")

    def test_each_interval_counts_from_its_own_beginning(self) -> None:
        rules = make_rules("09:10-10:20", "14:05-16:05")
        assert on_day(rules) == times("09:10 14:05 15:05")

    def test_an_interval_shorter_than_the_appointment_offers_nothing(self) -> None:
        assert on_day(make_rules("09:00-09:59")) == []
        assert on_day(make_rules("09:00-10:00")) == times("09:00")

    def test_the_default_is_monday_to_friday_from_eight_to_five(self) -> None:
        rules = replace(make_rules(), weekly=DEFAULT_WEEKLY)
        friday = on_day(rules, MONDAY + 4 * DAY)
        assert friday == times("08:00 09:00 10:00 11:00 12:00 13:00 14:00 15:00 16:00")
        assert on_day(rules, MONDAY + 5 * DAY) == []
        assert on_day(rules, MONDAY + 6 * DAY) == []

    def test_without_hours_there_are_no_slots(self) -> None:
        assert on_day(make_rules()) == []

    def test_hours_are_local(self) -> None:
        rules = make_rules("09:00-10:00", time_zone="Asia/Kathmandu")
        assert utc_starts(rules, MONDAY) == ["07T03:15"]

    def test_touching_intervals_are_one(self) -> None:
        assert on_day(make_rules("09:00-09:30", "09:30-11:00")) == times("09:00 10:00")

    def test_touching_intervals_are_one_across_midnight(self) -> None:
        rules = replace(
            make_rules(duration=50),
            weekly=[WeeklyInterval(0, 20 * 60, 24 * 60), WeeklyInterval(1, 0, 2 * 60)],
        )
        assert on_day(rules, MONDAY) == times("20:00 20:50 21:40 22:30 23:20")
        assert on_day(rules, MONDAY + DAY) == times("00:10 01:00")

    def test_midnight_ends_an_interval_that_touches_nothing(self) -> None:
        rules = make_rules("22:30-24:00", weekdays=[0])
        assert on_day(rules, MONDAY) == times("22:30")
        assert on_day(rules, MONDAY + DAY) == []

    def test_an_appointment_may_be_longer_than_a_day(self) -> None:
        rules = replace(
            make_rules("00:00-24:00", weekdays=[0, 1]),
            duration_minutes=36 * 60,
            slot_step_minutes=360,
        )
        assert on_day(rules, MONDAY) == times("00:00 06:00 12:00")
        assert on_day(rules, MONDAY + DAY) == []

    def test_hours_that_began_days_ago_are_counted_from_there(self) -> None:
        rules = make_rules("00:00-24:00", weekdays=range(6), duration=50)
        saturday = MONDAY + 5 * DAY
        first = next(m for m in range(50) if (5 * 24 * 60 + m) % 50 == 0)
        assert on_day(rules, saturday)[0] == f"00:{first:02}+0000"
        # Overrides can lengthen a run beyond the week.
        long_run = replace(rules, overrides={MONDAY - DAY: [(0, 1440)]})
        first = next(m for m in range(50) if (12 * 24 * 60 + m) % 50 == 0)
        assert on_day(long_run, saturday)[0] == f"00:{first:02}+0000"

    def test_hours_around_the_clock_count_anew_at_each_midnight(self) -> None:
        rules = make_rules("00:00-12:00", "12:00-24:00", duration=50)
        for day in (MONDAY, MONDAY + 3 * DAY):
            slots = on_day(rules, day)
            assert slots[:2] == times("00:00 00:50")
            # The last one runs on into the next day.
            assert slots[-1:] == times("23:20")


class TestOverrides:
    rules = make_rules("09:00-12:00", overrides={MONDAY: ["14:00-16:00"], MONDAY + DAY: []})

    def test_an_override_replaces_the_hours_of_its_date(self) -> None:
        assert on_day(self.rules, MONDAY) == times("14:00 15:00")
        assert on_day(self.rules, MONDAY - DAY) == times("09:00 10:00 11:00")

    def test_an_empty_override_is_a_day_off(self) -> None:
        assert on_day(self.rules, MONDAY + DAY) == []

    def test_an_override_is_local(self) -> None:
        rules = replace(self.rules, time_zone="Pacific/Auckland")
        assert utc_starts(rules, MONDAY) == ["07T01:00", "07T02:00"]

    def test_an_override_touches_the_hours_of_its_neighbours(self) -> None:
        rules = make_rules("20:00-24:00", overrides={MONDAY: ["00:00-02:00"]}, duration=90)
        assert on_day(rules, MONDAY - DAY) == times("20:00 21:30 23:00")
        assert on_day(rules, MONDAY) == times("00:30")


class TestBusy:
    rules = make_rules("09:00-13:00")

    def test_what_overlaps_is_gone_and_what_touches_stays(self) -> None:
        assert on_day(self.rules, busy=[busy_at("10:00", "11:00")]) == times("09:00 11:00 12:00")
        assert on_day(self.rules, busy=[busy_at("09:59", "11:01")]) == times("12:00")

    def test_the_smallest_overlap_counts(self) -> None:
        late = Interval(utc("2026-12-07T10:59:59.999999"), utc("2026-12-07T11:00"))
        early = Interval(utc("2026-12-07T11:00"), utc("2026-12-07T11:00:00.000001"))
        assert on_day(self.rules, busy=[late]) == times("09:00 11:00 12:00")
        assert on_day(self.rules, busy=[early]) == times("09:00 10:00 12:00")

    def test_busy_time_comes_in_any_order_and_may_overlap(self) -> None:
        busy = [
            busy_at("12:30", "12:40"),
            busy_at("09:10", "11:00"),
            busy_at("09:20", "09:30"),
            busy_at("08:00", "09:20"),
        ]
        assert on_day(self.rules, busy=busy) == times("11:00")

    def test_slots_keep_to_their_grid_after_busy_time(self) -> None:
        assert on_day(self.rules, busy=[busy_at("09:10", "09:20")]) == times("10:00 11:00 12:00")

    def test_busy_time_that_covers_everything_or_nothing(self) -> None:
        everything = Interval(utc("2026-12-01T00:00"), utc("2026-12-31T00:00"))
        assert on_day(self.rules, busy=[everything]) == []
        elsewhere = [busy_at("09:00", "13:00", MONDAY + number * DAY) for number in (-1, 1)]
        assert on_day(self.rules, busy=elsewhere) == times("09:00 10:00 11:00 12:00")

    def test_own_buffers_must_be_free_too(self) -> None:
        rules = make_rules("09:00-13:00", before=15, after=10)
        assert on_day(rules, busy=[busy_at("08:00", "08:45")])[0] == "09:00+0000"
        assert on_day(rules, busy=[busy_at("08:00", "08:46")])[0] == "10:00+0000"
        assert on_day(rules, busy=[busy_at("13:10", "14:00")])[-1] == "12:00+0000"
        assert on_day(rules, busy=[busy_at("13:09", "14:00")])[-1] == "11:00+0000"

    def test_buffers_may_reach_outside_the_hours(self) -> None:
        rules = make_rules("09:00-10:00", before=120, after=120)
        assert on_day(rules) == times("09:00")

    def test_buffers_of_neighbours_add_up(self) -> None:
        # A neighbour from 10:00 to 11:00 with buffers of 10 minutes is busy from 09:50.
        rules = make_rules("08:00-12:00", duration=30, step=10, after=10)
        before_it = [
            slot for slot in on_day(rules, busy=[busy_at("09:50", "11:10")]) if slot < "10"
        ]
        assert before_it[-1] == "09:10+0000"

    def test_buffers_do_not_occupy_the_room(self) -> None:
        rules = make_rules("09:00-13:00", before=15, after=15)
        room_busy = [busy_at("10:00", "11:00")]
        assert on_day(rules, room_busy=room_busy) == times("09:00 11:00 12:00")
        assert on_day(rules, busy=room_busy) == times("12:00")

    def test_expert_and_room_must_both_be_free(self) -> None:
        slots = on_day(
            self.rules, busy=[busy_at("09:00", "10:00")], room_busy=[busy_at("08:00", "12:00")]
        )
        assert slots == times("12:00")


class TestNoticeAndPast:
    def test_the_past_is_not_offered(self) -> None:
        now = utc("2026-12-07T10:00")
        rules = make_rules("09:00-12:00")
        assert on_day(rules, now=now) == times("10:00 11:00")
        assert on_day(rules, now=now + timedelta(microseconds=1)) == times("11:00")
        assert why(rules, "2026-12-07T09:00", now) == "past"
        assert why(rules, "2026-12-07T10:00", now) is None

    def test_notice_is_real_time(self) -> None:
        rules = make_rules("09:00-12:00", notice=24 * 60)
        now = utc("2026-12-06T10:00")
        assert on_day(rules, now=now) == times("10:00 11:00")
        assert why(rules, "2026-12-07T09:00", now) == "notice"
        assert why(rules, "2026-12-06T09:00", now) == "past"

    def test_now_may_come_in_any_zone_but_not_without_one(self) -> None:
        rules = make_rules("09:00-12:00")
        tokyo = utc("2026-12-07T11:00").astimezone(ZoneInfo("Asia/Tokyo"))
        assert on_day(rules, now=tokyo) == times("11:00")
        with pytest.raises(ValueError, match="offset"):
            on_day(rules, now=tokyo.replace(tzinfo=None))
        with pytest.raises(ValueError, match="offset"):
            why_not_offered(rules, tokyo.replace(tzinfo=None), tokyo, NO_ONE)


class TestHorizon:
    def test_it_ends_with_the_nth_local_day(self) -> None:
        rules = make_rules("00:00-24:00", time_zone="America/New_York", horizon=1)
        now = utc("2026-12-07T04:59")  # Sunday 23:59 in New York: Monday is day 1.
        assert len(on_day(rules, MONDAY, now=now)) == 24
        assert on_day(rules, MONDAY + DAY, now=now) == []
        assert len(on_day(rules, MONDAY + DAY, now=now + MINUTE)) == 24

    def test_an_appointment_may_end_after_it(self) -> None:
        rules = make_rules("00:00-24:00", horizon=0, step=30)
        now = utc("2026-12-07T23:00")
        assert on_day(rules, now=now) == times("23:00 23:30")
        assert why(rules, "2026-12-08T00:00", now) == "horizon"

    def test_it_comes_before_the_hours(self) -> None:
        assert why(make_rules(horizon=7), "2027-12-07T09:00", utc("2026-12-07T09:00")) == "horizon"


class TestDailyLimit:
    rules = make_rules("20:00-23:00", time_zone="America/New_York", limit=2)

    def test_a_full_day_offers_nothing(self) -> None:
        assert on_day(self.rules, booked_on={MONDAY: 2, MONDAY + DAY: 1}) == []
        assert on_day(self.rules, booked_on={MONDAY: 3}) == []
        assert len(on_day(self.rules, booked_on={MONDAY: 1})) == 3
        assert len(on_day(self.rules, MONDAY + DAY, booked_on={MONDAY: 2})) == 3

    def test_the_day_is_the_experts(self) -> None:
        # Monday 20:00 in New York is Tuesday in UTC.
        assert why(self.rules, "2026-12-08T01:00", booked_on={MONDAY: 2}) == "daily_limit"
        assert why(self.rules, "2026-12-08T01:00", booked_on={MONDAY + DAY: 2}) is None

    def test_the_limit_splits_hours_at_midnight(self) -> None:
        rules = make_rules("00:00-24:00", limit=1)
        window = Interval(utc("2026-12-07T22:00"), utc("2026-12-09T02:00"))
        slots = list_slots(rules, [], window, LONG_AGO, {MONDAY + DAY: 1})
        assert [slot.strftime("%dT%H") for slot in slots] == ["07T22", "07T23", "09T00", "09T01"]

    def test_without_a_limit_any_number_may_be_booked(self) -> None:
        rules = replace(self.rules, daily_limit=None)
        assert len(on_day(rules, booked_on={MONDAY: 99})) == 3


class TestWindow:
    def test_the_start_must_lie_in_it(self) -> None:
        rules = make_rules("09:00-17:00")
        window = Interval(utc("2026-12-07T10:00"), utc("2026-12-07T12:00"))
        slots = list_slots(rules, [], window, LONG_AGO, NO_ONE)
        assert slots == [utc("2026-12-07T10:00"), utc("2026-12-07T11:00")]

    def test_it_does_not_move_the_grid(self) -> None:
        rules = make_rules("09:00-17:00")
        window = Interval(utc("2026-12-07T10:01"), utc("2026-12-07T12:00:00.000001"))
        slots = list_slots(rules, [], window, LONG_AGO, NO_ONE)
        assert slots == [utc("2026-12-07T11:00"), utc("2026-12-07T12:00")]

    def test_an_appointment_may_run_on_past_it_and_past_midnight(self) -> None:
        rules = make_rules("00:00-24:00", step=15)
        window = Interval(utc("2026-12-07T23:15"), utc("2026-12-07T23:45"))
        slots = list_slots(rules, [], window, LONG_AGO, NO_ONE)
        assert slots == [utc("2026-12-07T23:15"), utc("2026-12-07T23:30")]

    def test_one_in_the_past_or_beyond_the_horizon_is_empty(self) -> None:
        rules = make_rules("09:00-17:00", horizon=30)
        now = utc("2026-12-07T10:00")
        for year in ("0001", "2025", "2028", "9999"):
            window = Interval(utc(f"{year}-01-01T00:00"), utc(f"{year}-12-30T00:00"))
            assert list_slots(rules, [], window, now, NO_ONE) == []


class TestClockChanges:
    """Expected instants are written out, from the zones' published transitions."""

    def test_berlin_forward_has_no_third_hour(self) -> None:
        day = date(2026, 3, 29)  # 02:00 becomes 03:00 at 01:00 UTC.
        rules = make_rules("01:00-05:00", time_zone="Europe/Berlin")
        assert utc_starts(rules, day) == ["29T00:00", "29T01:00", "29T02:00"]
        assert on_day(rules, day) == ["01:00+0100", "03:00+0200", "04:00+0200"]
        assert why(rules, "2026-03-29T01:30") == "step"

    def test_berlin_back_offers_both_runs(self) -> None:
        day = date(2026, 10, 25)  # 03:00 becomes 02:00 at 01:00 UTC.
        rules = make_rules("01:00-05:00", time_zone="Europe/Berlin")
        assert utc_starts(rules, day) == [
            "24T23:00",
            "25T00:00",
            "25T01:00",
            "25T02:00",
            "25T03:00",
        ]
        assert on_day(rules, day) == [
            *("01:00+0200", "02:00+0200"),
            *("02:00+0100", "03:00+0100", "04:00+0100"),
        ]

    def test_whole_days_have_23_and_25_hours(self) -> None:
        rules = make_rules("00:00-24:00", time_zone="Europe/Berlin")
        assert len(on_day(rules, date(2026, 3, 29))) == 23
        assert len(on_day(rules, date(2026, 10, 25))) == 25

    @pytest.mark.parametrize(
        ("interval", "expected"),
        [
            ("02:30-04:00", ["29T01:00", "29T01:30"]),
            ("00:30-02:30", ["28T23:30", "29T00:00", "29T00:30"]),
            ("01:30-02:00", ["29T00:30"]),
            ("02:00-03:00", []),
            ("02:10-02:50", []),
            ("02:10-03:30", ["29T01:00"]),
        ],
    )
    def test_a_boundary_in_the_missing_hour_is_its_end(
        self, interval: str, expected: list[str]
    ) -> None:
        rules = make_rules(interval, time_zone="Europe/Berlin", duration=30)
        assert utc_starts(rules, date(2026, 3, 29)) == expected

    @pytest.mark.parametrize(
        ("interval", "expected"),
        [
            ("02:00-03:00", ["25T00:00", "25T00:30", "25T01:00", "25T01:30"]),
            ("02:30-03:30", ["25T00:30", "25T01:00", "25T01:30", "25T02:00"]),
            ("01:30-02:30", ["24T23:30", "25T00:00", "25T00:30", "25T01:00"]),
            # An end is exclusive: these hours end before the doubled hour begins.
            ("01:00-02:00", ["24T23:00", "24T23:30"]),
            ("03:00-04:00", ["25T02:00", "25T02:30"]),
        ],
    )
    def test_a_boundary_in_the_doubled_hour_includes_both_runs(
        self, interval: str, expected: list[str]
    ) -> None:
        rules = make_rules(interval, time_zone="Europe/Berlin", duration=30)
        assert utc_starts(rules, date(2026, 10, 25)) == expected

    def test_new_york(self) -> None:
        rules = make_rules("00:00-04:00", time_zone="America/New_York")
        assert utc_starts(rules, date(2026, 3, 8)) == ["08T05:00", "08T06:00", "08T07:00"]
        assert utc_starts(rules, date(2026, 11, 1)) == [
            *("01T04:00", "01T05:00", "01T06:00", "01T07:00", "01T08:00")
        ]

    def test_lord_howe_shifts_by_half_an_hour(self) -> None:
        rules = make_rules("01:00-04:00", time_zone="Australia/Lord_Howe")
        back, forward = date(2026, 4, 5), date(2026, 10, 4)
        assert on_day(rules, back) == ["01:00+1100", "01:30+1030", "02:30+1030"]
        assert utc_starts(rules, back) == ["04T14:00", "04T15:00", "04T16:00"]
        assert on_day(rules, forward) == ["01:00+1030", "02:30+1100"]
        assert utc_starts(rules, forward) == ["03T14:30", "03T15:30"]

    def test_casablanca_changes_for_ramadan(self) -> None:
        rules = make_rules("01:00-04:00", time_zone="Africa/Casablanca")
        # Back from +01 to +00 at 02:00 UTC on 15 February, forward again on 22 March 2026.
        assert utc_starts(rules, date(2026, 2, 15)) == [
            "15T00:00",
            "15T01:00",
            "15T02:00",
            "15T03:00",
        ]
        assert utc_starts(rules, date(2026, 3, 22)) == ["22T01:00", "22T02:00"]

    def test_kathmandu_is_three_quarters_off(self) -> None:
        rules = make_rules("10:00-12:00", time_zone="Asia/Kathmandu")
        assert utc_starts(rules, MONDAY) == ["07T04:15", "07T05:15"]

    def test_apia_skipped_a_day(self) -> None:
        rules = make_rules("08:00-10:00", time_zone="Pacific/Apia")
        window = Interval(utc("2011-12-29T10:00"), utc("2012-01-01T10:00"))
        slots = list_slots(rules, [], window, LONG_AGO, NO_ONE)
        assert [slot.strftime("%dT%H") for slot in slots] == [
            *("29T18", "29T19"),  # Thursday 29 December, ten hours behind UTC,
            *("30T18", "30T19", "31T18", "31T19"),  # then Saturday 31st, 14 hours ahead.
        ]

    def test_hours_run_on_over_a_skipped_day(self) -> None:
        rules = make_rules("22:00-24:00", "00:00-02:00", time_zone="Pacific/Apia", duration=90)
        window = Interval(utc("2011-12-30T08:00"), utc("2011-12-30T12:00"))
        expected = [utc("2011-12-30T08:00"), utc("2011-12-30T09:30")]
        assert list_slots(rules, [], window, LONG_AGO, NO_ONE) == expected
        after = Interval(utc("2011-12-30T10:00"), utc("2011-12-30T12:00"))
        late = replace(rules, duration_minutes=45)
        assert list_slots(late, [], after, LONG_AGO, NO_ONE) == [
            utc("2011-12-30T10:15"),
            utc("2011-12-30T11:00"),
        ]

    def test_sao_paulo_lost_midnight(self) -> None:
        day = date(2018, 11, 4)  # 00:00 became 01:00 at 03:00 UTC.
        rules = make_rules("22:00-24:00", "00:00-03:00", time_zone="America/Sao_Paulo")
        window = Interval(utc("2018-11-04T01:00"), utc("2018-11-04T06:00"))
        slots = list_slots(rules, [], window, LONG_AGO, NO_ONE)
        assert [slot.hour for slot in slots] == [1, 2, 3, 4]
        assert on_day(make_rules("00:30-03:00", time_zone="America/Sao_Paulo"), day) == [
            *("01:00-0200", "02:00-0200")
        ]

    def test_sao_paulo_doubled_the_hour_before_midnight(self) -> None:
        saturday = date(2018, 2, 17)  # 24:00 became 23:00 at 02:00 UTC on Sunday.
        rules = make_rules("22:00-24:00", time_zone="America/Sao_Paulo", limit=1)
        assert utc_starts(rules, saturday) == ["18T00:00", "18T01:00", "18T02:00"]
        assert why(rules, "2018-02-18T02:00", booked_on={saturday: 1}) == "daily_limit"

    def test_havana_doubles_the_hour_after_midnight(self) -> None:
        # 01:00 becomes 00:00 at 05:00 UTC on Sunday 1 November: Saturday's hours end before.
        rules = make_rules("22:00-24:00", time_zone="America/Havana", weekdays=[5])
        window = Interval(utc("2026-10-31T12:00"), utc("2026-11-01T12:00"))
        slots = list_slots(rules, [], window, LONG_AGO, NO_ONE)
        assert slots == [utc("2026-11-01T02:00"), utc("2026-11-01T03:00")]
        sunday = make_rules("00:00-02:00", time_zone="America/Havana", weekdays=[6])
        assert utc_starts(sunday, date(2026, 11, 1)) == ["01T04:00", "01T05:00", "01T06:00"]

    def test_notice_spans_a_change_in_real_hours(self) -> None:
        rules = make_rules("00:00-24:00", time_zone="Europe/Berlin", notice=24 * 60)
        now = utc("2026-03-28T11:00")  # Saturday noon: 24 hours later it is 13:00.
        assert on_day(rules, date(2026, 3, 29), now=now)[0] == "13:00+0200"

    def test_busy_time_blocks_one_run_only(self) -> None:
        rules = make_rules("02:00-03:00", time_zone="Europe/Berlin", duration=30)
        busy = [Interval(utc("2026-10-25T00:00"), utc("2026-10-25T01:00"))]
        assert on_day(rules, date(2026, 10, 25), busy=busy) == times("02:00 02:30", "+0100")


class TestWhyNotOffered:
    rules = make_rules(
        "09:00-12:00",
        weekdays=range(5),
        overrides={MONDAY: [], MONDAY + DAY: ["14:00-16:00"]},
        notice=24 * 60,
        horizon=60,
        limit=3,
    )
    now = utc("2026-12-01T10:00")

    @pytest.mark.parametrize(
        ("start", "rule", "detail"),
        [
            ("2026-12-01T09:00", "past", "This time has passed."),
            ("2026-12-02T09:00", "notice", "This event type needs 24 hours' notice."),
            ("2027-02-01T09:00", "horizon", "This event type can be booked up to 60 days ahead."),
            ("2026-12-07T09:00", "override", "The expert is not available on this day."),
            ("2026-12-08T09:00", "override", "The expert has other hours on this day."),
            ("2026-12-08T15:30", "override", "The expert has other hours on this day."),
            (
                "2026-12-09T11:30",
                "hours",
                "This appointment does not lie within the expert's hours.",
            ),
            (
                "2026-12-12T09:00",
                "hours",
                "This appointment does not lie within the expert's hours.",
            ),
            (
                "2026-12-09T09:30",
                "step",
                "Appointments start every 60 minutes of the expert's hours.",
            ),
            (
                "2026-12-09T09:00:01",
                "step",
                "Appointments start every 60 minutes of the expert's hours.",
            ),
            (
                "2026-12-10T09:00",
                "daily_limit",
                "This event type takes 3 appointments a day, and this day is full.",
            ),
        ],
    )
    def test_it_names_the_rule(self, start: str, rule: str, detail: str) -> None:
        booked_on = {date(2026, 12, 10): 3}
        refusal = why_not_offered(self.rules, utc(start), self.now, booked_on)
        assert refusal is not None
        assert (refusal.rule, refusal.detail) == (rule, detail)

    def test_what_is_offered_has_no_reason(self) -> None:
        for start in ("2026-12-02T10:00", "2026-12-08T14:00", "2026-12-08T15:00"):
            assert why(self.rules, start, self.now) is None

    @pytest.mark.parametrize(
        ("minutes", "words"),
        [
            (1, "1 minute's"),
            (90, "90 minutes'"),
            (60, "1 hour's"),
            (24 * 60, "24 hours'"),
            (36 * 60, "36 hours'"),
            (48 * 60, "2 days'"),
        ],
    )
    def test_notice_in_words(self, minutes: int, words: str) -> None:
        rules = replace(self.rules, minimum_notice_minutes=minutes)
        refusal = why_not_offered(rules, self.now, self.now, NO_ONE)
        assert refusal == NotOffered("notice", f"This event type needs {words} notice.")

    def test_the_horizon_in_words(self) -> None:
        for days, words in [(0, "for the same day only"), (1, "up to 1 day ahead")]:
            rules = replace(self.rules, horizon_days=days)
            refusal = why_not_offered(rules, utc("2027-01-01T09:00"), self.now, NO_ONE)
            assert refusal == NotOffered("horizon", f"This event type can be booked {words}.")

    def test_one_a_day_and_one_minute_in_words(self) -> None:
        rules = make_rules("09:00-12:00", limit=1, step=1)
        full = why_not_offered(rules, utc("2026-12-07T09:00"), LONG_AGO, {MONDAY: 1})
        assert full is not None
        assert full.detail == "This event type takes 1 appointment a day, and this day is full."
        uneven = why_not_offered(rules, utc("2026-12-07T09:00:30"), LONG_AGO, NO_ONE)
        assert uneven is not None
        assert uneven.detail == "Appointments start every minute of the expert's hours."

    def test_any_zone_may_ask(self) -> None:
        start = utc("2026-12-08T14:00").astimezone(ZoneInfo("Asia/Tokyo"))
        assert why_not_offered(self.rules, start, self.now, NO_ONE) is None


def test_nearest_first_and_of_two_the_earlier() -> None:
    hours = [utc(f"2026-12-07T{hour:02}:00") for hour in range(8, 18)]
    found = nearest(hours, utc("2026-12-07T12:00"))
    assert [slot.hour for slot in found] == [12, 11, 13, 10, 14]
    assert nearest(hours, utc("2027-01-01T00:00"), limit=1) == hours[-1:]
    assert nearest([], utc("2026-12-07T12:00")) == []


class TestClockAndIntervals:
    def test_clock_times_round_trip(self) -> None:
        assert parse_clock("00:00") == 0
        assert parse_clock("08:05") == 485
        assert parse_clock("24:00") == 1440
        assert format_clock(0) == "00:00"
        assert format_clock(1440) == "24:00"
        assert all(parse_clock(format_clock(minute)) == minute for minute in range(1441))

    @pytest.mark.parametrize(
        "text",
        [
            "8:00",
            "08:60",
            "24:01",
            "25:00",
            "08:00:00",
            "08:00\n",
            "\u0660\u0668:\u0660\u0660",
            "",
            None,
            480,
        ],
    )
    def test_anything_else_is_not_a_clock_time(self, text: object) -> None:
        with pytest.raises(ValueError, match="A time must"):
            parse_clock(text)

    @pytest.mark.parametrize("minute", [-1, 1441])
    def test_minutes_outside_the_day_are_not_written(self, minute: int) -> None:
        with pytest.raises(ValueError, match="between 00:00 and 24:00"):
            format_clock(minute)

    def test_intervals_are_sorted_and_may_touch(self) -> None:
        assert validate_intervals([(720, 1440), (0, 720)]) == [(0, 720), (720, 1440)]
        assert validate_intervals([]) == []

    @pytest.mark.parametrize(
        ("intervals", "message"),
        [
            ([(540, 540)], "09:00 to 09:00: an interval must end after it starts."),
            ([(600, 540)], "10:00 to 09:00: an interval must end after it starts."),
            ([(-1, 540)], "A time must lie between 00:00 and 24:00."),
            ([(540, 1441)], "A time must lie between 00:00 and 24:00."),
            ([(600, 720), (540, 601)], "09:00 to 10:01 and 10:00 to 12:00 overlap."),
        ],
    )
    def test_bad_intervals_are_named(self, intervals: list[tuple[int, int]], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            validate_intervals(intervals)

    @pytest.mark.parametrize("interval", [(7, 0, 60), (-1, 0, 60), (0, 60, 60), (0, 0, 1441)])
    def test_weekly_intervals_are_checked(self, interval: tuple[int, int, int]) -> None:
        with pytest.raises(ValueError, match=r"weekday|after it starts|between"):
            WeeklyInterval(*interval)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"duration_minutes": 0},
            {"slot_step_minutes": 0},
            {"buffer_before_minutes": -1},
            {"buffer_after_minutes": -1},
            {"minimum_notice_minutes": -1},
            {"horizon_days": -1},
            {"daily_limit": 0},
        ],
    )
    def test_rules_without_sense_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="must"):
            replace(make_rules(), **wrong)


# The oracle: the definition taken literally, minute by minute, with nothing clever in it.


@cache
def wall_clock(time_zone: str, day: date) -> list[tuple[datetime, int]]:
    """Every minute of real time whose local date this is, with its wall-clock minute."""
    zone = ZoneInfo(time_zone)
    start = datetime.combine(day, time(), UTC) - 15 * HOUR
    instants = [start + number * MINUTE for number in range(54 * 60)]
    locals_ = [(instant, instant.astimezone(zone)) for instant in instants]
    return [(at, local.hour * 60 + local.minute) for at, local in locals_ if local.date() == day]


def open_minutes(rules: Rules, first: date, last: date) -> dict[datetime, date]:
    """Every open minute of real time, with its local date."""
    minutes: dict[datetime, date] = {}
    for number in range((last - first).days + 1):
        day = first + number * DAY
        weekly = [
            (i.start_minute, i.end_minute) for i in rules.weekly if i.weekday == day.weekday()
        ]
        for start, end in rules.overrides.get(day, weekly):
            inside = [at for at, clock in wall_clock(rules.time_zone, day) if start <= clock < end]
            if inside:
                length = int((inside[-1] - inside[0]) / MINUTE) + 1
                minutes.update((inside[0] + m * MINUTE, day) for m in range(length))
    return minutes


def slow_slots(
    rules: Rules,
    busy: Sequence[Interval],
    window: Interval,
    now: datetime,
    booked_on: Mapping[date, int],
    room_busy: Sequence[Interval],
) -> list[datetime]:
    zone = ZoneInfo(rules.time_zone)
    first = window.starts_at.astimezone(zone).date() - 12 * DAY
    opened = open_minutes(rules, first, window.ends_at.astimezone(zone).date() + 2 * DAY)
    around_the_clock = sum(i.end_minute - i.start_minute for i in rules.weekly) == 7 * 1440
    step = rules.slot_step_minutes or rules.duration_minutes
    duration = timedelta(minutes=rules.duration_minutes)
    before = timedelta(minutes=rules.buffer_before_minutes)
    after = timedelta(minutes=rules.buffer_after_minutes)
    last_day = now.astimezone(zone).date() + timedelta(days=rules.horizon_days)
    slots = []
    counted = 0  # Minutes since the beginning of the hours that this minute belongs to.
    for start, day in sorted(opened.items()):
        begins = opened.get(start - MINUTE) is None
        if begins or (around_the_clock and opened[start - MINUTE] != day):
            counted = 0
        else:
            counted += 1
        if counted % step:
            continue
        if not window.starts_at <= start < window.ends_at:
            continue
        if start < now + timedelta(minutes=rules.minimum_notice_minutes) or day > last_day:
            continue
        if rules.daily_limit is not None and booked_on.get(day, 0) >= rules.daily_limit:
            continue
        if any(start + m * MINUTE not in opened for m in range(rules.duration_minutes)):
            continue
        if any(Interval(start - before, start + duration + after).overlaps(b) for b in busy):
            continue
        if any(Interval(start, start + duration).overlaps(b) for b in room_busy):
            continue
        slots.append(start)
    return slots


# Local days with something unusual in them, and two without.
DAYS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Havana", date(2026, 11, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kathmandu", date(2026, 6, 1)),
    ("UTC", date(2026, 2, 28)),
]

clock_minutes = st.one_of(
    st.sampled_from([0, 60, 90, 120, 150, 180, 1380, 1440]), st.integers(0, 1440)
)


@st.composite
def day_intervals(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Up to three intervals of one day, now and then touching each other or midnight."""
    bounds = sorted(draw(st.sets(clock_minutes, max_size=4)))
    if len(bounds) == 3 and draw(st.booleans()):
        return [(bounds[0], bounds[1]), (bounds[1], bounds[2])]
    return list(zip(bounds[::2], bounds[1::2], strict=False))


@st.composite
def situations(
    draw: st.DrawFn,
) -> tuple[Rules, list[Interval], Interval, datetime, dict[date, int], list[Interval]]:
    time_zone, day = draw(st.sampled_from(DAYS))
    near = st.integers(-2, 2).map(lambda number: day + number * DAY)
    if draw(st.integers(0, 9)) == 0:
        hours = {weekday: [(0, 1440)] for weekday in range(7)}
    else:
        hours = draw(st.dictionaries(st.integers(0, 6), day_intervals(), min_size=3))
    rules = Rules(
        time_zone=time_zone,
        weekly=[
            WeeklyInterval(weekday, start, end)
            for weekday, intervals in hours.items()
            for start, end in intervals
        ],
        overrides=draw(st.dictionaries(near, day_intervals(), max_size=2)),
        duration_minutes=draw(st.sampled_from([15, 30, 45, 60, 7, 100, 300])),
        slot_step_minutes=draw(st.sampled_from([None, 10, 15, 25, 60, 1])),
        buffer_before_minutes=draw(st.sampled_from([0, 0, 5, 45])),
        buffer_after_minutes=draw(st.sampled_from([0, 0, 10, 60])),
        minimum_notice_minutes=draw(st.sampled_from([0, 60, 1440])),
        horizon_days=draw(st.integers(0, 4)),
        daily_limit=draw(st.sampled_from([None, 1, 2])),
    )
    midnight = datetime.combine(day, time(), UTC)
    start = midnight + draw(st.integers(-36 * 60, 12 * 60)) * MINUTE
    window = Interval(start, start + draw(st.integers(1, 48 * 60)) * MINUTE)
    now = midnight + draw(st.integers(-80 * 60, 12 * 60)) * MINUTE
    now += timedelta(seconds=draw(st.sampled_from([0, 0, 30])))
    periods = st.lists(
        st.builds(
            lambda start, seconds, length: Interval(
                midnight + start * MINUTE + timedelta(seconds=seconds),
                midnight + (start + length) * MINUTE + timedelta(seconds=seconds),
            ),
            st.integers(-48 * 60, 48 * 60),
            st.sampled_from([0, 0, 1]),
            st.integers(1, 300),
        ),
        max_size=8,
    )
    booked_on = draw(st.dictionaries(near, st.integers(0, 3), max_size=3))
    return rules, draw(periods), window, now, booked_on, draw(periods)


Situation = tuple[Rules, list[Interval], Interval, datetime, dict[date, int], list[Interval]]


def given_situation(test: Callable[..., None]) -> Callable[..., None]:
    return settings(deadline=None)(given(situation=situations())(test))


@given_situation
def test_it_agrees_with_the_definition(situation: Situation) -> None:
    assert list_slots(*situation) == slow_slots(*situation)


@pytest.mark.parametrize(("time_zone", "day"), DAYS)
@settings(deadline=None, max_examples=25)
@given(hours=day_intervals(), step=st.sampled_from([15, 25, 60]))
@example(hours=[(0, 1440)], step=50)
@example(hours=[(60, 300)], step=60)
def test_it_agrees_on_every_day_the_clock_changes(
    time_zone: str, day: date, hours: list[tuple[int, int]], step: int
) -> None:
    rules = replace(
        make_rules(time_zone=time_zone, duration=30, step=step),
        weekly=[WeeklyInterval(weekday, *interval) for weekday in range(7) for interval in hours],
    )
    midnight = datetime.combine(day, time(), UTC)
    window = Interval(midnight - 12 * HOUR, midnight + 36 * HOUR)
    expected = slow_slots(rules, [], window, LONG_AGO, NO_ONE, [])
    assert list_slots(rules, [], window, LONG_AGO, NO_ONE) == expected


@given_situation
def test_a_start_is_offered_exactly_if_nothing_speaks_against_it(situation: Situation) -> None:
    rules, _, window, now, booked_on, _ = situation
    offered = set(list_slots(rules, [], window, now, booked_on))
    instant = window.starts_at
    while instant < window.ends_at:
        refusal = why_not_offered(rules, instant, now, booked_on)
        assert (refusal is None) == (instant in offered), (instant, refusal)
        instant += 5 * MINUTE if offered else 20 * MINUTE
    for slot in offered:
        assert why_not_offered(rules, slot, now, booked_on) is None
        assert why_not_offered(rules, slot + timedelta(seconds=1), now, booked_on) is not None


@given_situation
def test_slots_keep_clear_of_busy_time(situation: Situation) -> None:
    rules, busy, window, _, _, room_busy = situation
    duration = timedelta(minutes=rules.duration_minutes)
    before = timedelta(minutes=rules.buffer_before_minutes)
    after = timedelta(minutes=rules.buffer_after_minutes)
    slots = list_slots(*situation)
    assert slots == sorted(set(slots))
    for slot in slots:
        assert window.starts_at <= slot < window.ends_at
        occupied = Interval(slot - before, slot + duration + after)
        assert not any(occupied.overlaps(period) for period in busy)
        appointment = Interval(slot, slot + duration)
        assert not any(appointment.overlaps(period) for period in room_busy)


@given_situation
def test_more_busy_time_never_adds_slots(situation: Situation) -> None:
    rules, busy, window, now, booked_on, room_busy = situation
    everything = set(list_slots(rules, [], window, now, booked_on))
    half = set(list_slots(rules, busy[::2], window, now, booked_on, room_busy[::2]))
    all_of_it = set(list_slots(rules, busy, window, now, booked_on, room_busy))
    assert all_of_it <= half <= everything


@given_situation
def test_the_window_only_cuts(situation: Situation) -> None:
    rules, busy, window, now, booked_on, room_busy = situation
    wide = Interval(window.starts_at - 3 * DAY, window.ends_at + 3 * DAY)
    in_window = [
        slot
        for slot in list_slots(rules, busy, wide, now, booked_on, room_busy)
        if window.starts_at <= slot < window.ends_at
    ]
    assert list_slots(*situation) == in_window
