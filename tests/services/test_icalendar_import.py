"""Busy time out of iCalendar: what counts, when it is, what is refused, what is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.services import calendar_sandbox, icalendar_import
from app.services.calendar_sandbox import UnreadableCalendar
from app.services.icalendar_import import Read, RefusedError

FIRST, LAST = datetime(2031, 3, 3, tzinfo=UTC), datetime(2031, 4, 14, tzinfo=UTC)
OWN_UID = "0f7c3c1e-6a1b-4a52-9d61-1f0a5c7d8e9f"


def event(*lines: str, uid: str = "one@example.org") -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "SUMMARY:Secret", *lines, "END:VEVENT", ""])


def calendar(*components: str, head: str = "") -> bytes:
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{head}"
    return (text + "".join(components) + "END:VCALENDAR\r\n").encode()


def read(*components: str, head: str = "", zone: str = "Europe/Berlin") -> Read:
    return icalendar_import.read(calendar(*components, head=head), zone, FIRST, LAST)


def shown(found: Read) -> list[str]:
    """`"03-04 09:00-10:00"` in UTC, sorted."""
    return sorted(f"{busy.starts_at:%m-%d %H:%M}-{busy.ends_at:%H:%M}" for busy in found.periods)


TEN = ("DTSTART:20310304T100000Z", "DTEND:20310304T110000Z")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (TEN, ["03-04 10:00-11:00"]),
        # Without a zone: the owner's, Berlin, on both sides of the change of the clocks.
        (("DTSTART:20310328T100000", "DURATION:PT1H"), ["03-28 09:00-10:00"]),
        (("DTSTART:20310331T100000", "DURATION:PT1H"), ["03-31 08:00-09:00"]),
        # Whole days are the owner's: 23 hours on the day on which the clocks go forward.
        (("DTSTART;VALUE=DATE:20310330",), ["03-29 23:00-22:00"]),
        (("DTSTART;VALUE=DATE:20310304", "DTEND;VALUE=DATE:20310306"), ["03-03 23:00-23:00"]),
        (
            ("DTSTART;TZID=America/New_York:20310304T100000", "DURATION:PT30M"),
            ["03-04 15:00-15:30"],
        ),
        (
            ("DTSTART;TZID=W. Europe Standard Time:20310304T100000", "DURATION:PT30M"),
            ["03-04 09:00-09:30"],
        ),
        # No zone that anybody knows is none at all.
        (("DTSTART;TZID=Mars/Olympus:20310304T100000", "DURATION:PT30M"), ["03-04 09:00-09:30"]),
        ((*TEN, "TRANSP:TRANSPARENT"), []),
        ((*TEN, "STATUS:CANCELLED"), []),
        ((*TEN, "STATUS:TENTATIVE"), ["03-04 10:00-11:00"]),
        ((*TEN, "X-MICROSOFT-CDO-BUSYSTATUS:FREE"), []),
        (("DTSTART:20310304T100000Z",), []),  # an instant takes no time
        (("DTSTART:20310301T100000Z", "DTEND:20310302T100000Z"), []),  # over
        (("DTSTART:20310101T000000Z", "DTEND:20310303T010000Z"), ["03-03 00:00-01:00"]),  # clipped
    ],
)
def test_one_event(lines: tuple[str, ...], expected: list[str]) -> None:
    found = read(event(*lines))
    assert shown(found) == expected
    assert found.skipped == 0


def test_repetitions_keep_the_clock_of_their_zone() -> None:
    weekly = ("DTSTART;TZID=Europe/Berlin:20250304T100000", "DURATION:PT1H")
    found = read(event(*weekly, "RRULE:FREQ=WEEKLY"))
    assert shown(found) == [
        "03-04 09:00-10:00",
        "03-11 09:00-10:00",
        "03-18 09:00-10:00",
        "03-25 09:00-10:00",
        "04-01 08:00-09:00",
        "04-08 08:00-09:00",
    ]


def test_exceptions_moved_instances_and_more_dates() -> None:
    found = read(
        event(
            *TEN,
            "RRULE:FREQ=WEEKLY;COUNT=4",
            "EXDATE:20310311T100000Z",
            "RDATE:20310305T080000Z",
            "RDATE;VALUE=PERIOD:20310306T080000Z/PT2H",
        ),
        event("RECURRENCE-ID:20310318T100000Z", "DTSTART:20310319T120000Z", "DURATION:PT15M"),
        event("RECURRENCE-ID:20310325T100000Z", *TEN, "STATUS:CANCELLED"),
    )
    assert shown(found) == [
        "03-04 10:00-11:00",
        "03-05 08:00-09:00",
        "03-06 08:00-10:00",
        "03-19 12:00-12:15",
    ]


VTIMEZONE = """BEGIN:VTIMEZONE
TZID:Our own
BEGIN:STANDARD
DTSTART:20000101T000000
TZOFFSETFROM:+0545
TZOFFSETTO:+0545
END:STANDARD
END:VTIMEZONE
""".replace("\n", "\r\n")


def test_a_zone_that_the_file_brings_along_and_keeps() -> None:
    found = read(
        event("DTSTART;TZID=Our own:20310304T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2"),
        head=VTIMEZONE,
    )
    assert shown(found) == ["03-04 04:15-05:15", "03-05 04:15-05:15"]
    again = icalendar_import.read(found.content.encode(), "UTC", FIRST, LAST)
    assert (again.periods, again.content) == (found.periods, found.content)


def test_what_is_kept_says_when_and_nothing_else() -> None:
    found = read(
        event(
            *TEN,
            "DESCRIPTION:Salary of Ann",
            "LOCATION:Clinic",
            "ATTENDEE;CN=Ann:mailto:ann@example.org",
            "ORGANIZER:mailto:boss@example.org",
            "URL:https://example.org/private",
            "X-NOTE:hidden",
            "RRULE:FREQ=DAILY;COUNT=2",
            uid="ann@example.org",
        ),
        event(*TEN, uid=OWN_UID),
    )
    for word in ("Secret", "Salary", "Clinic", "example.org", "Ann", "hidden"):
        assert word not in found.content
    # A booking of ours is known by its uid, so that it does not count twice.
    assert {busy.uid for busy in found.periods} == {None, OWN_UID}
    assert (
        icalendar_import.read(found.content.encode(), "UTC", FIRST, LAST).periods == found.periods
    )


def test_a_meeting_that_we_made_in_a_google_calendar_is_known() -> None:
    uid = OWN_UID.replace("-", "") + "1@google.com"
    found = read(event(*TEN, uid=uid))
    assert [busy.uid for busy in found.periods] == [OWN_UID]
    kept = icalendar_import.read(found.content.encode(), "UTC", FIRST, LAST)
    assert kept.periods == found.periods
    assert read(event(*TEN, uid="0" * 26 + "@google.com")).periods[0].uid is None


def test_one_bad_event_hides_no_other() -> None:
    found = read(
        event("DTSTART:yesterday", uid="a"),
        event(*TEN, "RRULE:FREQ=OFTEN", uid="b"),
        event(*TEN, uid="c"),
        event("SUMMARY:no start at all", uid="d"),
    )
    assert shown(found) == ["03-04 10:00-11:00"]
    assert found.skipped == 3


def test_two_calendars_in_one_file() -> None:
    both = calendar(event(*TEN)) + calendar(event("DTSTART:20310305T100000Z", "DURATION:PT1H"))
    found = icalendar_import.read(both, "UTC", FIRST, LAST)
    assert shown(found) == ["03-04 10:00-11:00", "03-05 10:00-11:00"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><title>Sign in</title>",
        b"BEGIN:VCARD\r\nEND:VCARD\r\n",
        b"BEGIN:VCALENDAR\r\nnonsense without a colon\r\n",
        b"\x00\xff\xfe\x01" * 100,
        "BEGIN:VCALENDAR".encode("utf-16"),
    ],
)
def test_what_is_no_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError, match=icalendar_import.NO_CALENDAR):
        icalendar_import.read(data, "UTC", FIRST, LAST)


def test_a_byte_order_mark_and_bare_line_feeds_are_read() -> None:
    data = b"\xef\xbb\xbf" + calendar(event(*TEN)).replace(b"\r\n", b"\n")
    assert shown(icalendar_import.read(data, "UTC", FIRST, LAST)) == ["03-04 10:00-11:00"]


# -- in a process of its own ------------------------------------------------------------


def test_the_sandbox_reads_the_same() -> None:
    data = calendar(event(*TEN), event(*TEN, uid=OWN_UID))
    apart = calendar_sandbox.read(data, "Europe/Berlin", FIRST, LAST)
    here = icalendar_import.read(data, "Europe/Berlin", FIRST, LAST)
    assert (apart.periods, apart.content, apart.skipped) == (here.periods, here.content, 0)


ENDLESS = "RRULE:FREQ=SECONDLY"
NEVER = "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
ZERO = "RRULE:FREQ=MONTHLY;INTERVAL=0;BYMONTHDAY=1"
DENSE = (
    "RRULE:FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYHOUR="
    + ",".join(map(str, range(24)))
    + ";BYMINUTE="
    + ",".join(map(str, range(60)))
    + ";BYSECOND="
    + ",".join(map(str, range(60)))
)


@pytest.mark.parametrize("rule", [ENDLESS, ZERO, DENSE])
def test_rules_without_an_end_are_bounded(
    rule: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = Path(icalendar_import.__file__).read_text()
    # The same program with two seconds instead of ten, so that the test is short.
    hasty = program.replace("CPU_SECONDS = 10", "CPU_SECONDS = 2")
    assert hasty != program
    (tmp_path / "hasty.py").write_text(hasty)
    monkeypatch.setattr(calendar_sandbox, "_PROGRAM", tmp_path / "hasty.py")
    with pytest.raises(UnreadableCalendar, match="more than can be worked out"):
        calendar_sandbox.read(calendar(event(*TEN, rule)), "UTC", FIRST, LAST)


def test_what_never_happens_is_over_soon() -> None:
    assert calendar_sandbox.read(calendar(event(*TEN, NEVER)), "UTC", FIRST, LAST).skipped in {0, 1}


def test_size_is_bounded() -> None:
    with pytest.raises(UnreadableCalendar, match="too large"):
        calendar_sandbox.read(b"x" * (calendar_sandbox.MAX_BYTES + 1), "UTC", FIRST, LAST)


def test_the_count_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icalendar_import, "MAX_PERIODS", 3)
    with pytest.raises(RefusedError, match=icalendar_import.TOO_MUCH):
        read(event(*TEN, "RRULE:FREQ=DAILY"))
