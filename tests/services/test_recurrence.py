"""Recurrence rules: what is understood, and when their occurrences are, across turned clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.models.interval import Interval
from app.services.recurrence import MAX_OCCURRENCES, Rule, occurrences, parse_rule
from tests.factories import period

BERLIN = ZoneInfo("Europe/Berlin")
TEN = period("2031-03-24T10:00+01:00", "2031-03-24T11:00+01:00")  # the Monday before the change


def starts(text: str, first: Interval = TEN, zone: ZoneInfo = BERLIN) -> list[str]:
    """Local starts, as "MM-DD HH:MM"."""
    found = occurrences(parse_rule(text), first, zone)
    assert all(each.ends_at - each.starts_at == first.ends_at - first.starts_at for each in found)
    return [f"{each.starts_at.astimezone(zone):%m-%d %H:%M}" for each in found]


def test_ten_oclock_stays_ten_oclock_when_the_clocks_change() -> None:
    found = occurrences(parse_rule("FREQ=WEEKLY;COUNT=2"), TEN, BERLIN)
    assert [each.starts_at.hour for each in found] == [9, 8]  # UTC
    assert starts("FREQ=WEEKLY;COUNT=2") == ["03-24 10:00", "03-31 10:00"]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;COUNT=3", ["03-24", "03-25", "03-26"]),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20310413", ["03-24", "04-03", "04-13"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4", ["03-24", "03-26", "03-31", "04-02"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,MO;COUNT=4", ["03-24", "03-25", "04-07", "04-08"]),
        ("FREQ=WEEKLY;BYDAY=WE;COUNT=1", ["03-26"]),  # the first is the first by the rule
        (
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=6",
            ["03-24", "03-25", "03-26", "03-27", "03-28", "03-31"],
        ),
        ("rrule:freq=daily;until=20310324", ["03-24"]),
        ("FREQ=DAILY;UNTIL=20310326T080000Z", ["03-24", "03-25"]),
        ("FREQ=DAILY;UNTIL=20310326T090000Z", ["03-24", "03-25", "03-26"]),
        ("FREQ=DAILY;WKST=MO;COUNT=1", ["03-24"]),
    ],
)
def test_rules(rule: str, days: list[str]) -> None:
    assert starts(rule) == [f"{day} 10:00" for day in days]


def test_a_missing_local_time_is_left_out_and_not_counted() -> None:
    first = period("2031-03-29T02:30+01:00", "2031-03-29T02:45+01:00")
    assert starts("FREQ=DAILY;COUNT=3", first) == ["03-29 02:30", "03-31 02:30", "04-01 02:30"]


def test_a_doubled_local_time_is_its_first_run_unless_it_was_said() -> None:
    first = period("2031-10-25T02:30+02:00", "2031-10-25T02:45+02:00")
    found = occurrences(parse_rule("FREQ=DAILY;COUNT=2"), first, BERLIN)
    assert found[1].starts_at == datetime(2031, 10, 26, 0, 30, tzinfo=UTC)
    second = period("2031-10-26T02:30+01:00", "2031-10-26T02:45+01:00")
    (only,) = occurrences(parse_rule("FREQ=DAILY;COUNT=1"), second, BERLIN)
    assert only == second


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ",
        "FREQ=",
        "COUNT=3",
        "FREQ=MONTHLY;COUNT=3",
        "FREQ=SECONDLY;COUNT=3",
        "FREQ=DAILY",
        "FREQ=DAILY;COUNT=3;UNTIL=20310401",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=367",
        "FREQ=DAILY;COUNT=many",
        "FREQ=DAILY;COUNT=3;COUNT=4",
        "FREQ=DAILY;INTERVAL=0;COUNT=3",
        "FREQ=DAILY;INTERVAL=100;COUNT=3",
        "FREQ=WEEKLY;BYDAY=1MO;COUNT=3",
        "FREQ=WEEKLY;BYDAY=XX;COUNT=3",
        "FREQ=WEEKLY;WKST=SU;COUNT=3",
        "FREQ=DAILY;BYHOUR=1;COUNT=3",
        "FREQ=DAILY;UNTIL=20310230",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;COUNT=3;" + "X" * 1000 + "=1",
    ],
)
def test_what_is_not_understood_is_said(rule: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 (the message is for people)
        parse_rule(rule)
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=DAILY;UNTIL=20330401", TEN),  # too often
        ("FREQ=DAILY;UNTIL=20310301", TEN),  # never
        ("FREQ=DAILY;INTERVAL=14;BYDAY=TU;COUNT=2", TEN),  # never, and found out at once
        ("FREQ=DAILY;COUNT=2", period("2031-03-24T10:00Z", "2031-03-25T10:01Z")),  # into itself
        ("FREQ=WEEKLY;INTERVAL=99;COUNT=366", TEN),  # beyond all calendars
    ],
)
def test_what_cannot_be_is_refused(rule: str, first: Interval) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        occurrences(parse_rule(rule), first, BERLIN)


def test_a_rule_is_written_as_it_is_read_and_shifts_and_ends() -> None:
    text = "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;UNTIL=20310630"
    rule = parse_rule(text)
    assert str(rule) == text
    assert str(rule.shifted(1)) == "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU;UNTIL=20310701"
    assert str(rule.shifted(0)) == text
    ended = parse_rule("FREQ=DAILY;COUNT=5").ending(date(2031, 3, 26))
    assert str(ended) == "FREQ=DAILY;UNTIL=20310326"
    assert str(parse_rule("FREQ=DAILY;UNTIL=20310326T080000Z")).endswith("UNTIL=20310326T080000Z")


rules = st.builds(
    Rule,
    frequency=st.sampled_from(["DAILY", "WEEKLY"]),
    interval=st.integers(1, 5),
    weekdays=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
    count=st.integers(1, 60),
)


@given(rule=rules, minute=st.integers(0, 60 * 24 * 365 - 1), length=st.integers(1, 60 * 24))
@settings(max_examples=60, deadline=None)
def test_occurrences_keep_count_clock_length_and_order(
    rule: Rule, minute: int, length: int
) -> None:
    begin = datetime(2031, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    first = Interval(begin, begin + timedelta(minutes=length))
    assert parse_rule(str(rule)) == rule
    try:
        found = occurrences(rule, first, BERLIN)
    except ValueError as error:
        # A day of 23 hours is too short for 24 of them.
        assert "before the next" in str(error) and length > 23 * 60  # noqa: PT017, PT018
        return
    assert len(found) == rule.count <= MAX_OCCURRENCES
    clock = begin.astimezone(BERLIN).time()
    assert {each.starts_at.astimezone(BERLIN).time() for each in found} == {clock}
    assert {each.ends_at - each.starts_at for each in found} == {timedelta(minutes=length)}
    assert found == sorted(found)
    if rule.weekdays:
        assert {each.starts_at.astimezone(BERLIN).weekday() for each in found} <= {*rule.weekdays}
