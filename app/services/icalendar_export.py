"""iCalendar files: the one wrapper around `ics`.

`ics` 0.7.3 writes the events; what it gets wrong is done here: METHOD comes before the
components, DTSTAMP and SEQUENCE are always there, CN is quoted rather than escaped
(RFC 5545, 3.2), addresses and URLs are URIs rather than text, and lines are folded at
75 octets between characters (3.1). It escapes LF only: CR, NUL and Unicode's line ends, which could
end a line for some parser, are taken out of every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from flask_babel import gettext
from ics import Event
from ics.grammar.parse import Container, ContentLine

from app.services import clock
from app.services.meeting_links import place_text
from app.services.plain_text import clean, one_line

PRODID = "-//Rendezvous//Rendezvous//EN"
REFRESH_INTERVAL = "PT15M"
_MAX_OCTETS = 75

Booking = Mapping[str, Any]
Method = Literal["PUBLISH", "REQUEST", "CANCEL"]


def booking_calendar(
    booking: Booking,
    *,
    method: Method = "PUBLISH",
    organizer: Mapping[str, str] | None = None,
    attendee: Mapping[str, str] | None = None,
) -> bytes:
    """One booking, the contract's payload, as an iCalendar file.

    PUBLISH is for files people fetch; REQUEST and CANCEL are for mails and need an
    `organizer` and an `attendee`, each `{name, email}` (RFC 5546, 3.2.2 and 3.2.5).
    `organizer` may have `sent_by`, the address that mails in their name. PUBLISH should
    have an organizer and never names the attendee: RFC 5546, 3.2.1. Raises `ValueError`
    for a person missing.
    """
    if method != "PUBLISH" and not (organizer and attendee):
        raise ValueError(f"{method} needs an organizer and an attendee")
    people = [_organizer(organizer)] if organizer else []
    if method != "PUBLISH" and attendee:
        people.append(_attendee(attendee))
    status = "CANCELLED" if method == "CANCEL" else None
    event = _event(booking, clock.now(), status=status, people=people)
    return _calendar([ContentLine("METHOD", value=method)], [event])


def feed(bookings: Iterable[Booking], name: str) -> bytes:
    """Bookings as a calendar to subscribe to, called `name`.

    DTSTAMP is the time of writing, so an ETag is made of the bookings' versions rather
    than of these bytes.
    """
    now = clock.now()
    head = [
        *_named(name),
        ContentLine("REFRESH-INTERVAL", {"VALUE": ["DURATION"]}, REFRESH_INTERVAL),
        ContentLine("X-PUBLISHED-TTL", value=REFRESH_INTERVAL),
    ]
    return _calendar(head, [_event(booking, now) for booking in bookings])


def schedule(sessions: Iterable[Mapping[str, Any]], name: str) -> bytes:
    """The sessions of an event as a calendar called `name`.

    Each is `{uid, sequence, title, starts_at, ends_at, location, description, track, url}`.
    """
    now = clock.now()
    return _calendar(_named(name), [_session_event(each, now) for each in sessions])


def _named(name: str) -> list[ContentLine]:
    title = _escape(one_line(name))
    return [
        ContentLine("METHOD", value="PUBLISH"),
        ContentLine("NAME", value=title),  # RFC 7986; X-WR-CALNAME is what most clients read
        ContentLine("X-WR-CALNAME", value=title),
    ]


def _session_event(session: Mapping[str, Any], now: datetime) -> Event:
    event = Event(
        uid=_escape(one_line(session["uid"])),
        name=one_line(session["title"]),
        begin=datetime.fromisoformat(session["starts_at"]),
        end=datetime.fromisoformat(session["ends_at"]),
        created=now,  # written as DTSTAMP
        status="CONFIRMED",
        location=one_line(session["location"]),
        description=clean(session["description"]),
    )
    event.extra.append(ContentLine("SEQUENCE", value=str(int(session["sequence"]))))
    if track := one_line(session["track"]):
        event.extra.append(ContentLine("CATEGORIES", value=_escape(track)))
    if url := web_address(session["url"]):
        event.extra.append(ContentLine("URL", value=url))
    return event


def _calendar(head: list[ContentLine], events: list[Event]) -> bytes:
    calendar = Container(
        "VCALENDAR",
        ContentLine("VERSION", value="2.0"),
        ContentLine("PRODID", value=PRODID),
        ContentLine("CALSCALE", value="GREGORIAN"),
        *head,
        *(event.serialize() for event in events),
    )
    return b"".join(_fold(line) for line in str(calendar).split("\r\n"))


def _event(
    booking: Booking,
    now: datetime,
    *,
    status: str | None = None,
    people: Iterable[ContentLine] = (),
) -> Event:
    url = web_address(booking.get("meeting_url"))
    event = Event(
        uid=_escape(one_line(booking["uid"])),
        name=one_line(_summary(booking)),
        begin=datetime.fromisoformat(booking["starts_at"]),
        end=datetime.fromisoformat(booking["ends_at"]),
        created=now,  # written as DTSTAMP
        status=status or _STATUS[booking["status"]],
        location=one_line(place_text(booking.get("location") or "")) or url,
        description=clean(_description(booking, url)),
        transparent=False,
    )
    event.extra.append(ContentLine("SEQUENCE", value=str(int(booking["sequence"]))))
    if url:
        event.extra.append(ContentLine("URL", value=url))
    event.extra.extend(people)
    return event


# RFC 5545, 3.8.1.11; a request is not certain yet.
_STATUS = {"confirmed": "CONFIRMED", "pending": "TENTATIVE", "cancelled": "CANCELLED"}


def _summary(booking: Booking) -> str:
    """The title and those who meet, as far as the payload shows them.

    The same event may stand in the calendars of both, so it reads well in either.
    """
    expert = (booking.get("expert") or {}).get("name")
    if booking["kind"] != "appointment" or not expert:
        return str(booking["title"])
    client = (booking.get("attendee") or {}).get("name")
    if not client:
        return f"{booking['title']}: {expert}"
    return gettext(
        "%(title)s: %(expert)s and %(client)s",
        title=booking["title"],
        expert=expert,
        client=client,
    )


def _description(booking: Booking, url: str | None) -> str:
    attendee = booking.get("attendee") or {}
    lines = {
        gettext("Join"): url,
        gettext("Event"): (booking.get("event") or {}).get("title"),
        gettext("Phone"): attendee.get("phone"),
        gettext("Notes"): attendee.get("notes"),
    }
    return "\n".join(f"{label}: {value}" for label, value in lines.items() if value)


def _organizer(person: Mapping[str, str]) -> ContentLine:
    parameters = {"CN": [_parameter(person.get("name") or person["email"])]}
    sent_by = person.get("sent_by")
    if sent_by and sent_by != person["email"]:
        parameters["SENT-BY"] = [f'"{_mailto(sent_by)}"']  # RFC 5545, 3.2.18
    return ContentLine("ORGANIZER", parameters, _mailto(person["email"]))


def _attendee(person: Mapping[str, str]) -> ContentLine:
    parameters = {
        "CN": [_parameter(person.get("name") or person["email"])],
        "CUTYPE": ["INDIVIDUAL"],
        "ROLE": ["REQ-PARTICIPANT"],
        # They booked it. An answer from the calendar would reach the organizer's
        # mailbox and change nothing here: it is not asked for.
        "PARTSTAT": ["ACCEPTED"],
        "RSVP": ["FALSE"],
    }
    return ContentLine("ATTENDEE", parameters, _mailto(person["email"]))


def web_address(url: str | None) -> str | None:
    """`url` as it may stand in a URI property or a link; None if it is not http(s)."""
    if not url:
        return None
    cleaned = quote(one_line(url), safe="%/:?#[]@!$&'()*+,;=~-._")
    try:
        parts = urlsplit(cleaned)
    except ValueError:  # "http://[", a broken IPv6 host
        return None
    return cleaned if parts.scheme in {"http", "https"} and parts.netloc else None


def _mailto(email: str) -> str:
    # RFC 6068: what is not plain in an address is percent-encoded, line ends included.
    return "mailto:" + quote(clean(email), safe="@!$'*+-/=?^_`{|}~.")


def _parameter(text: str) -> str:
    """A quoted parameter value: RFC 5545, 3.2 has no way to write a quotation mark in it.

    RFC 6868 has one, which most clients show as it stands; an apostrophe reads better.
    Its caret is written twice, so that "^n" of a name does not become a line end; a
    backslash becomes a slash, since some parsers unescape where nothing is escaped.
    """
    return '"' + one_line(text).replace('"', "'").replace("\\", "/").replace("^", "^^") + '"'


def _escape(text: str) -> str:
    """RFC 5545, 3.3.11, for the text that `ics` takes as it is."""
    for special in ("\\", ";", ","):
        text = text.replace(special, "\\" + special)
    return text.replace("\n", "\\n")


def _fold(line: str) -> bytes:
    """`line` in pieces of 75 octets and CRLF, each piece whole characters (RFC 5545, 3.1)."""
    octets = line.encode()
    pieces = []
    room = _MAX_OCTETS
    while len(octets) > room:
        cut = room
        while octets[cut] & 0xC0 == 0x80:  # in the middle of a character
            cut -= 1
        pieces.append(octets[:cut])
        octets = octets[cut:]
        room = _MAX_OCTETS - 1  # the space that marks a continuation counts
    pieces.append(octets)
    return b"\r\n ".join(pieces) + b"\r\n"
