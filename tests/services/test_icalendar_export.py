"""Every file that goes out is read back by three parsers that are not ours."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import icalendar
import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services import clock, icalendar_export, plain_text
from app.services.icalendar_export import booking_calendar, feed
from tests import libical

NOW = datetime(2026, 11, 21, 8, 30, 5, tzinfo=UTC)
ORGANIZER = {"name": "Ada Lovelace", "email": "ada@example.org", "sent_by": "book@example.org"}
ATTENDEE = {"name": "Bob", "email": "bob@example.com"}
HOSTILE = [
    "Bob\r\nATTENDEE:mailto:eve@example.com",
    "Bob\nEND:VEVENT",
    "Bob\rX-EVIL:1",
    "nul\x00 vertical\x0b form\x0c next\x85 line\u2028 paragraph\u2029end",
    'say "hi"; a, b: c \\ \\n ^n ^\'',
    "👩‍👩‍👧‍👦" * 60,
    "ä" * 500,
    "half \ud83d a character",
    " leading and trailing ",
    "BEGIN:VCALENDAR",
]


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def booking(**changes: Any) -> dict[str, Any]:
    return {
        "uid": "0f7c3c1e-6a1b-4a52-9d61-1f0a5c7d8e9f",
        "kind": "appointment",
        "status": "confirmed",
        "version": 3,
        "sequence": 2,
        "title": "Intro call",
        "starts_at": "2026-12-01T09:30:00Z",
        "ends_at": "2026-12-01T10:00:00Z",
        "location": "Jitsi Meet",
        "meeting_url": "https://meet.jit.si/a;b,c",
        "expert": {"slug": "ada", "name": "Ada Lovelace"},
        "attendee": {**ATTENDEE, "phone": "+49 30 1", "notes": "First\r\nsecond"},
    } | changes


def read(data: bytes) -> tuple[Any, Any]:
    """The calendar and its only event, having passed all parsers and the formats' rules."""
    check_lines(data)
    with_libical = libical.read(data, as_method=b"\nORGANIZER" in data)
    with_vobject = vobject.readOne(data.decode())
    assert len(with_vobject.vevent_list) == 1
    calendar = icalendar.Calendar.from_ical(data)
    (event,) = calendar.walk("VEVENT")
    assert not event.errors
    assert str(event["UID"]) == with_vobject.vevent.uid.value
    for name in ("UID", "SUMMARY", "DESCRIPTION", "LOCATION"):
        [value] = with_libical.event.get(name, [None])
        # libical takes white space from the ends of a text.
        assert (value and unescaped(value).strip()) == (
            str(event[name]).strip() if name in event else None
        )
    return calendar, event


def unescaped(value: str) -> str:
    """Text as libical gives it, without its escapes (RFC 5545, 3.3.11)."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)


def check_lines(data: bytes) -> None:
    """RFC 5545, 3.1: CRLF, 75 octets, whole characters, no control characters."""
    assert data.endswith(b"\r\n")
    for line in data[:-2].split(b"\r\n"):
        assert len(line) <= 75
        assert not set(line.decode()) & set(map(chr, range(32)))


def test_a_booking_reads_back() -> None:
    calendar, event = read(booking_calendar(booking()))
    assert calendar["METHOD"] == "PUBLISH"
    assert calendar["VERSION"] == "2.0"
    assert calendar["PRODID"] == icalendar_export.PRODID
    assert event["UID"] == booking()["uid"]
    assert event["SEQUENCE"] == 2
    assert event["STATUS"] == "CONFIRMED"
    assert event["DTSTAMP"].dt == NOW
    assert event["DTSTART"].dt == datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    assert event["DTEND"].dt == datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
    assert event["SUMMARY"] == "Intro call: Ada Lovelace and Bob"
    assert event["LOCATION"] == "Jitsi Meet"
    assert event["URL"] == "https://meet.jit.si/a;b,c"  # a URI is not escaped
    assert event["DESCRIPTION"] == (
        "Join: https://meet.jit.si/a;b,c\nPhone: +49 30 1\nNotes: First\nsecond"
    )


def test_method_comes_before_the_event() -> None:
    data = booking_calendar(booking(), method="REQUEST", organizer=ORGANIZER, attendee=ATTENDEE)
    assert data.index(b"METHOD:REQUEST") < data.index(b"BEGIN:VEVENT")


def test_a_request_names_organizer_and_attendee() -> None:
    _, event = read(
        booking_calendar(booking(), method="REQUEST", organizer=ORGANIZER, attendee=ATTENDEE)
    )
    organizer, attendee = event["ORGANIZER"], event["ATTENDEE"]
    assert organizer == "mailto:ada@example.org"
    assert organizer.params["CN"] == "Ada Lovelace"
    assert organizer.params["SENT-BY"] == "mailto:book@example.org"
    assert attendee == "mailto:bob@example.com"
    assert {name: attendee.params[name] for name in ("PARTSTAT", "RSVP", "ROLE")} == {
        "PARTSTAT": "ACCEPTED",
        "RSVP": "FALSE",
        "ROLE": "REQ-PARTICIPANT",
    }


def test_cancel_says_cancelled() -> None:
    calendar, event = read(
        booking_calendar(booking(), method="CANCEL", organizer=ORGANIZER, attendee=ATTENDEE)
    )
    assert (calendar["METHOD"], event["STATUS"]) == ("CANCEL", "CANCELLED")


def test_publish_never_names_the_attendee() -> None:
    _, event = read(booking_calendar(booking(), organizer=ORGANIZER, attendee=ATTENDEE))
    assert "ORGANIZER" in event
    assert "ATTENDEE" not in event


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
def test_a_mail_needs_both_people(method: Any) -> None:
    with pytest.raises(ValueError, match="needs an organizer"):
        booking_calendar(booking(), method=method, organizer=ORGANIZER)


def test_who_meets_is_named_as_far_as_the_payload_shows() -> None:
    without_client = booking()
    del without_client["attendee"]
    _, event = read(booking_calendar(without_client))
    assert event["SUMMARY"] == "Intro call: Ada Lovelace"
    seat = booking(kind="seat", title="Keynote", event={"slug": "conf", "title": "Conf"})
    _, event = read(booking_calendar(seat))
    assert event["SUMMARY"] == "Keynote"
    assert "Event: Conf" in event["DESCRIPTION"]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://example.org", "http://", "http://[", "", None, "no url"]
)
def test_only_web_addresses_become_links(url: str | None) -> None:
    _, event = read(booking_calendar(booking(meeting_url=url)))
    assert "URL" not in event
    assert "Join" not in str(event.get("DESCRIPTION", ""))


def test_a_link_stands_in_for_a_missing_place() -> None:
    _, event = read(booking_calendar(booking(location="")))
    assert event["LOCATION"] == "https://meet.jit.si/a;b,c"


def test_a_feed_keeps_order_and_names_itself() -> None:
    data = feed(
        [
            booking(uid="b", title="Second"),
            booking(uid="a", title="First", status="cancelled", kind="seat"),
        ],
        "Bob; bookings",
    )
    check_lines(data)
    calendar = icalendar.Calendar.from_ical(data)
    assert [str(event["UID"]) for event in calendar.walk("VEVENT")] == ["b", "a"]
    assert calendar["METHOD"] == "PUBLISH"
    # Properties that the parser does not know are left escaped.
    assert calendar["NAME"] == calendar["X-WR-CALNAME"] == r"Bob\; bookings"
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"
    assert [str(event["STATUS"]) for event in calendar.walk("VEVENT")] == ["CONFIRMED", "CANCELLED"]
    assert len(vobject.readOne(data.decode()).vevent_list) == 2


def test_an_empty_feed_is_a_calendar() -> None:
    assert icalendar.Calendar.from_ical(feed([], "Bob"))["X-WR-CALNAME"] == "Bob"


def properties(data: bytes) -> list[str]:
    """The names of all properties, and of their parameters, in order."""
    calendar, event = read(data)
    return [
        f"{component.name} {name} {sorted(getattr(value, 'params', {}))}"
        for component in (calendar, event)
        for name, value in component.items()
    ]


def with_text(text: str) -> bytes:
    """A booking with `text` wherever somebody else than we may write."""
    hostile = booking(
        uid=f"uid {text}",
        title=text,
        location=f"at {text}",
        meeting_url=f"https://example.org/{text}",
        expert={"slug": "ada", "name": text},
        attendee={"name": text, "email": f"{text}@example.org", "phone": text, "notes": text},
    )
    return booking_calendar(
        hostile,
        method="REQUEST",
        organizer={"name": f"x{text}", "email": f"{text}@example.org", "sent_by": f"{text}@e.org"},
        attendee={"name": f"x{text}", "email": f"{text}@example.com"},
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_nothing(text: str) -> None:
    assert properties(with_text(text)) == properties(with_text("plain"))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_adds_anything_or_is_lost(text: str) -> None:
    data = with_text(f"x{text}")
    assert properties(data) == properties(with_text("plain"))
    _, event = read(data)
    assert event["SUMMARY"] == plain_text.one_line(f"x{text}: x{text} and x{text}")
    assert str(event["DESCRIPTION"]).endswith(f"\nNotes: {plain_text.clean(f'x{text}')}")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200))
def test_names_are_quoted_and_kept(name: str) -> None:
    _, event = read(
        booking_calendar(
            booking(),
            method="REQUEST",
            organizer=ORGANIZER,
            attendee={"name": f"x{name}", "email": "bob@example.com"},
        )
    )
    # A quotation mark has no way into a parameter; a backslash would be read in two ways.
    expected = " ".join(f"x{name}".split()).replace('"', "'").replace("\\", "/")
    assert event["ATTENDEE"].params["CN"] == expected


@settings(deadline=None)
@given(st.text(st.sampled_from("aäй漢👩\u200d"), min_size=1, max_size=400))
def test_folding_never_splits_a_character(text: str) -> None:
    data = booking_calendar(booking(title=text, kind="seat"))
    check_lines(data)
    unfolded = data.replace(b"\r\n ", b"").decode()
    assert f"SUMMARY:{text}\r\n" in unfolded
