"""What mails look like: words, invitation, headers, and what a stranger's text cannot do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import icalendar
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.support import Translations
from flask import Flask
from flask_babel import Babel, get_babel
from flask_mail import Mail
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.services import clock, mail_messages
from app.services.mail_wording import Wording
from app.services.manage_links import manage_url

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
TEMPLATES = sorted(
    path.name.removesuffix(".j2")
    for path in Path(mail_messages.__file__).parents[1].glob("templates/email/*.j2")
    if not path.name.startswith("layout")
)
# Of no booking, so without an invitation: a code, a seat that is only held, a test.
WITHOUT_BOOKING: dict[str, dict[str, Any]] = {
    "test_mail": {},
    "address_proof": {
        "name": "Bob",
        "hours": 24,
        "secret": "https://book.example.org/profile/address/x",
    },
    "one_time_code": {"event": {"title": "The Conference"}, "minutes": 10, "secret": "042042"},
    "seat_offered": {
        "name": "Bob",
        "time_zone": "Europe/Berlin",
        "event": {"slug": "conf", "title": "The Conference"},
        "event_session": {
            "id": 7,
            "title": "Keynote",
            "starts_at": "2026-12-01T09:30:00Z",
            "ends_at": "2026-12-01T10:15:00Z",
        },
        "offer_expires_at": "2026-11-21T09:00:00Z",
    },
}
# Nothing stands in a calendar for these to add or to take out.
UNINVITING = {
    f"appointment_{what}{whose}"
    for what in ("requested", "declined", "expired", "withdrawn", "reminder")
    for whose in ("", "_host")
} | {"talk_rescheduled", "talk_cancelled", "waiting_cancelled"}
INVITATIONS = sorted(set(TEMPLATES) - UNINVITING - set(WITHOUT_BOOKING))


@pytest.fixture(autouse=True)
def application(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Mail needs settings and languages, and neither a database nor a request."""
    app = Flask("mail")
    app.config.update(
        PUBLIC_URL="https://book.example.org",
        PRODUCT_NAME="Rendezvous",
        MAIL_DEFAULT_SENDER="bookings@example.org",
        DEFAULT_TIME_ZONE="Europe/Berlin",
        SECRET_KEY="s" * 40,
    )
    Mail(app)
    Babel(app)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    with app.app_context():
        yield app


def status_in(template: str) -> str:
    """The booking's status when this is written."""
    if "requested" in template:
        return "pending"
    ended = ("cancelled", "declined", "expired", "withdrawn")
    return "cancelled" if any(word in template for word in ended) else "confirmed"


def context(template: str, **changes: Any) -> dict[str, Any]:
    """What the services write for this template; `changes` are the booking's."""
    if template in WITHOUT_BOOKING:
        return deepcopy(WITHOUT_BOOKING[template])
    booking = {
        "uid": "0f7c3c1e-6a1b-4a52-9d61-1f0a5c7d8e9f",
        "kind": "appointment",
        "status": status_in(template),
        "version": 1,
        "sequence": 0,
        "title": "Intro call",
        "starts_at": "2026-12-01T09:30:00Z",
        "ends_at": "2026-12-01T10:15:00Z",
        "location": "Jitsi Meet",
        "meeting_url": "https://meet.jit.si/rendezvous-1",
        "expert": {"slug": "ada", "name": "Ada Lovelace"},
        "event_type": {"id": 1, "slug": "intro", "title": "Intro call"},
        "attendee": {
            "name": "Bob",
            "email": "bob@example.com",
            "phone": "+49 30 1",
            "notes": "About\nengines",
        },
    }
    whole: dict[str, Any] = {"reason": "", "name": "Bob", "time_zone": "Europe/Berlin"}
    if template in UNINVITING and "requested" not in template:
        whole["invitation"] = "NONE"
    if "requested" in template:
        booking["decide_by"] = "2026-11-22T08:30:00Z"
    if template.startswith(("seat", "talk", "waiting")):
        booking |= {"kind": "seat", "title": "Keynote", "location": "Hall", "meeting_url": None}
        booking["event"] = {"slug": "conf", "title": "The Conference"}
        del booking["expert"], booking["event_type"]
        if template.startswith(("talk", "waiting")):
            del booking["attendee"]
    else:
        whole["organizer"] = {"name": "Ada Lovelace", "email": "ada@example.org"}
    if "cancelled" in template:
        whole["reason"] = "I am ill."
    if "rescheduled" in template:
        whole["previous"] = {
            "starts_at": "2026-11-30T08:00:00Z",
            "ends_at": "2026-11-30T08:45:00Z",
        }
    return whole | {"booking": booking | changes}


def compose(
    template: str, values: dict[str, Any] | None = None, language: str = "en"
) -> EmailMessage:
    """The mail as a reader gets it."""
    message = mail_messages.compose(
        template,
        "bob@example.com",
        values or context(template),
        message_id="<1@example.org>",
        wording=Wording("Rendezvous", language=language),
    )
    assert not message.has_bad_headers()
    data = message.as_bytes()
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))  # RFC 5322, 2.1.1
    data.decode("ascii")  # so no server needs 8BITMIME
    return message_from_bytes(data, policy=policy.default)


def part(message: EmailMessage, content_type: str) -> str:
    (found,) = [each for each in message.walk() if each.get_content_type() == content_type]
    return str(found.get_content()).replace("\r\n", "\n")


class _Text(HTMLParser):
    """The words of a body."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._in_body = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_body |= tag == "body"
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        if self._in_body:
            self.words += data.split()


@pytest.mark.parametrize("template", TEMPLATES)
def test_text_and_html_say_the_same(template: str) -> None:
    message = compose(template)
    html = _Text(part(message, "text/html"))
    text = part(message, "text/plain").replace("-- ", "").replace(" (no longer)", "").split()
    # The text writes out the addresses that are links in the HTML, and the name on top
    # of the HTML is the text's subject line in every reader.
    shown = [word for word in text if word not in html.links and not word.startswith("http")]
    assert shown == [word for word in html.words[1:] if not word.startswith("http")]
    assert set(html.links) <= set(text)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_has_its_headers(template: str) -> None:
    message = compose(template)
    assert message["Message-ID"] == "<1@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    assert message["From"] == "Rendezvous <bookings@example.org>"
    assert message["To"] == "bob@example.com"
    assert message["Subject"]


@pytest.mark.parametrize("template", sorted(UNINVITING))
def test_what_is_not_certain_invites_nobody(template: str) -> None:
    assert template in TEMPLATES
    message = compose(template)
    assert {each.get_content_type() for each in message.walk() if not each.is_multipart()} == {
        "text/plain",
        "text/html",
    }


@pytest.mark.parametrize("template", INVITATIONS)
def test_every_other_mail_has_an_invitation(template: str) -> None:
    message = compose(template)
    assert message.get_content_type() == "multipart/mixed"
    alternative, attachment = message.iter_parts()
    assert [each.get_content_type() for each in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    method = "CANCEL" if "cancelled" in template else "REQUEST"
    *_, inline = alternative.iter_parts()
    assert inline["Content-Type"].params["method"] == method
    assert attachment.get_filename() == "invite.ics"
    assert inline.get_content().encode() == attachment.get_content()
    calendar = icalendar.Calendar.from_ical(attachment.get_content())
    (event,) = calendar.walk("VEVENT")
    assert calendar["METHOD"] == method
    assert event["ATTENDEE"] == "mailto:bob@example.com"
    seat = template.startswith("seat")
    assert event["ORGANIZER"].params["CN"] == ("The Conference" if seat else "Ada Lovelace")


def test_the_client_reads_when_where_who() -> None:
    text = part(compose("appointment_confirmed"), "text/plain")
    assert "When\n  Tuesday, 1 December 2026\n  10:30\N{EN DASH}11:15 CET (45 min)\n" in text
    assert "Where\n  Jitsi Meet\n  https://meet.jit.si/rendezvous-1\n" in text
    assert "With\n  Ada Lovelace\n" in text
    assert manage_url("0f7c3c1e-6a1b-4a52-9d61-1f0a5c7d8e9f") in text


def test_the_client_sees_both_clocks_when_they_differ() -> None:
    values = context("appointment_confirmed")
    values |= {"time_zone": "Pacific/Auckland", "host_time_zone": "America/Los_Angeles"}
    text = part(compose("appointment_confirmed", values), "text/plain")
    assert "Tuesday, 1 December 2026\n  22:30\N{EN DASH}23:15 NZDT (45 min)" in text
    assert "For Ada Lovelace: 01:30\N{EN DASH}02:15 PST" in text
    # Another name for the same time is not another time.
    values |= {"time_zone": "Europe/Paris", "host_time_zone": "Europe/Berlin"}
    assert "For Ada" not in part(compose("appointment_confirmed", values), "text/plain")


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "zone", "expected"),
    [
        (
            "2026-03-29T00:30:00Z",
            "2026-03-29T01:30:00Z",
            "Europe/Berlin",
            "01:30 CET \N{EN DASH} 03:30 CEST",
        ),
        (
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "Europe/Berlin",
            "02:30 CEST \N{EN DASH} 02:30 CET (1 h)",
        ),
        (
            "2026-12-01T22:30:00Z",
            "2026-12-02T00:30:00Z",
            "Europe/Berlin",
            "23:30 \N{EN DASH} Wednesday 01:30 CET (2 h)",
        ),
        (
            "2026-12-01T09:30:00Z",
            "2026-12-01T11:00:00Z",
            "Asia/Kathmandu",
            "15:15\N{EN DASH}16:45 UTC+0545",
        ),
        (
            "2026-12-01T09:30:00Z",
            "2026-12-01T12:00:00Z",
            "no/zone",
            "10:30\N{EN DASH}13:00 CET (2 h 30 min)",
        ),
        (
            "2026-12-01T09:30:00Z",
            "2026-12-01T11:00:00Z",
            None,
            "10:30\N{EN DASH}12:00 CET (90 min)",
        ),
    ],
)
def test_local_times(starts_at: str, ends_at: str, zone: str | None, expected: str) -> None:
    values = context("appointment_confirmed", starts_at=starts_at, ends_at=ends_at)
    values["time_zone"] = zone
    assert expected in part(compose("appointment_confirmed", values), "text/plain")


def test_a_move_shows_what_was_before() -> None:
    text = part(compose("appointment_rescheduled"), "text/plain")
    assert "Before (no longer)\n  Monday, 30 November 2026\n  09:00\N{EN DASH}09:45 CET" in text


def test_the_host_reads_who_and_never_gets_the_manage_link() -> None:
    for template in TEMPLATES:
        if template.endswith("_host"):
            text = part(compose(template), "text/plain")
            assert "Who\n  Bob\n  bob@example.com\n  +49 30 1\n" in text
            assert "Notes\n  About\n  engines\n" in text
            mail = compose(template).as_string()
            assert manage_url(context(template)["booking"]["uid"]) not in mail
            assert ("/b/" in mail) == (template == "appointment_requested_host")


def test_answers_reach_the_other_person() -> None:
    assert compose("appointment_confirmed")["Reply-To"] == "ada@example.org"
    assert compose("appointment_confirmed_host")["Reply-To"] == "bob@example.com"
    assert compose("seat_confirmed")["Reply-To"] is None


def test_a_cancelled_meeting_cannot_be_joined() -> None:
    text = part(compose("appointment_cancelled"), "text/plain")
    assert "meet.jit.si" not in text
    assert "Reason\n  I am ill.\n" in text
    assert "https://book.example.org/ada/intro" in text


def test_the_client_is_not_mailed_what_somebody_typed_beside_the_address() -> None:
    values = context("appointment_confirmed")
    values["booking"]["attendee"] |= {"name": "Win at evil.example", "notes": "evil.example/2"}
    message = compose("appointment_confirmed", values)
    assert "evil.example" not in message["Subject"]
    assert "evil.example" not in part(message, "text/plain")
    assert "evil.example" not in part(message, "text/html")
    assert "evil.example/2" not in part(message, "text/calendar")


def test_markup_is_shown_and_not_interpreted() -> None:
    values = context("appointment_confirmed_host", title="<b>1 & 2</b>")
    values["booking"]["attendee"]["notes"] = "<script>alert(1)</script>"
    message = compose("appointment_confirmed_host", values)
    html = part(message, "text/html")
    assert "<script>" not in html
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in html
    assert "<b>1 & 2</b>" in message["Subject"]
    assert "<b>1 & 2</b> is confirmed" in part(message, "text/plain")


@pytest.mark.parametrize("url", ["javascript:alert(1)", 'https://x.example/"onclick="x'])
def test_a_link_is_a_link(url: str) -> None:
    html = part(compose("appointment_confirmed", context("x", meeting_url=url)), "text/html")
    links = _Text(html).links
    assert all(link.startswith("https://") for link in links)
    assert 'onclick="' not in html


def test_links_are_ours_or_the_meeting() -> None:
    for template in TEMPLATES:
        for link in re.findall(r'href="([^"]*)"', part(compose(template), "text/html")):
            assert link.startswith(("https://book.example.org", "https://meet.jit.si/"))


def test_a_long_subject_is_cut() -> None:
    values = context("seat_confirmed", title="ä" * 400)
    subject = compose("seat_confirmed", values)["Subject"]
    assert len(subject) == 150
    assert subject.endswith("…")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300), st.sampled_from(TEMPLATES))
def test_no_text_adds_a_header_or_a_part(text: str, template: str) -> None:
    values = context(template, title=f"x{text}", location=text)
    if "booking" in values:
        values["reason"] = text
        if "attendee" in values["booking"]:
            values["booking"]["attendee"] |= {"name": f"x{text}", "phone": text, "notes": text}
    for kind in ("event", "event_session"):
        if kind in values:
            values[kind]["title"] = f"x{text}"
    if "organizer" in values:
        values["organizer"]["name"] = values["booking"]["expert"]["name"] = f"x{text}"
    message, plain = compose(template, values), compose(template)
    assert list(message.keys()) == list(plain.keys())
    assert [each.get_content_type() for each in message.walk()] == [
        each.get_content_type() for each in plain.walk()
    ]


@pytest.mark.parametrize("text", ["Bob\r\nBcc: eve@example.com", "Bob\nX: y", "Bob\rX", "Bob\x00"])
def test_line_ends_do_not_reach_headers(text: str) -> None:
    values = context("appointment_confirmed_host")
    values["booking"]["attendee"]["name"] = text
    message = compose("appointment_confirmed_host", values)
    assert "Bcc" not in message
    assert message["Subject"].startswith("New booking: Intro call with Bob")


def test_a_sender_may_bring_a_name(application: Flask) -> None:
    application.config["MAIL_DEFAULT_SENDER"] = "The Clinic <book@clinic.example>"
    assert compose("seat_confirmed")["From"] == "The Clinic <book@clinic.example>"


@pytest.mark.parametrize("template", WITHOUT_BOOKING)
def test_a_mail_without_booking_has_no_invitation(template: str) -> None:
    parts = [each for each in compose(template).walk() if not each.is_multipart()]
    assert [each.get_content_type() for each in parts] == ["text/plain", "text/html"]


def test_a_code_stands_in_the_subject_and_in_a_line_of_its_own() -> None:
    message = compose("one_time_code")
    assert message["Subject"] == "042042 is your code for The Conference"
    assert "\n    042042\n" in part(message, "text/plain")
    assert "good for 10 minutes, once" in part(message, "text/plain")
    assert _Text(part(message, "text/html")).words.count("042042") == 1
    assert not _Text(part(message, "text/html")).links[:-1]  # nothing to click but our own home


def test_an_offer_says_until_when_in_the_event_s_zone_and_leads_to_the_session() -> None:
    message = compose("seat_offered")
    assert message["Subject"] == "A seat is held for you: Keynote"
    assert "held for you until Sat 21 Nov, 10:00 CET;" in part(message, "text/plain")
    assert "https://book.example.org/agenda/conf?session=7" in part(message, "text/plain")


# -- in the reader's language --------------------------------------------------------


@pytest.fixture
def translate(application: Flask) -> Callable[..., None]:
    """`translate("de", {"When": "Wann"})`: a catalog with these texts and no other."""

    def give(language: str, texts: dict[str, str]) -> None:
        catalog, file = Catalog(locale=language), BytesIO()
        for text, said in texts.items():
            catalog.add(text, said)
        write_mo(file, catalog)
        file.seek(0)
        domain = get_babel(application).instance.domain_instance
        domain.cache[language, domain.domain[0]] = Translations(file)

    return give


GERMAN = {
    "Confirmed: %(title)s with %(name)s, %(when)s": "Bestaetigt: %(title)s, %(when)s, %(name)s",
    "%(title)s is confirmed. The invitation is attached: open it to put it into your calendar.": (
        "Es gilt: %(title)s."
    ),
    "When": "Wann",
    "Before": "Vorher",
    "no longer": "gilt nicht mehr",
    "%(minutes)s min": "%(minutes)s Min.",
    "For %(name)s: %(time)s": "Bei %(name)s: %(time)s",
}


def test_a_mail_is_said_in_its_reader_s_language(translate: Callable[..., None]) -> None:
    translate("de", GERMAN)
    values = context("appointment_confirmed")
    values |= {"time_zone": "Pacific/Auckland", "host_time_zone": "America/Los_Angeles"}
    values["booking"]["starts_at"] = "2026-12-01T06:00:00Z"
    message = compose("appointment_confirmed", values, "de")
    assert message["Subject"].startswith("Bestaetigt: Intro call, Di., 1. Dez., 19:00 NZDT")
    text = part(message, "text/plain")
    assert "Es gilt: Intro call.\n" in text
    assert "Wann\n  Dienstag, 1. Dezember 2026\n  19:00\N{EN DASH}23:15 NZDT (4 h 15 min)" in text
    assert "  Bei Ada Lovelace: Montag, 22:00 \N{EN DASH} Dienstag 02:15 PST\n" in text
    html = part(message, "text/html")
    assert '<html lang="de" dir="ltr">' in html
    assert "Es gilt: Intro call." in html
    moved = part(compose("appointment_rescheduled", language="de"), "text/plain")
    assert "Vorher (gilt nicht mehr)\n  Montag, 30. November 2026\n  09:00" in moved
    assert "(45 Min.)" in moved
    # The next one is for somebody else.
    assert "When\n  Tuesday, 1 December 2026" in part(
        compose("appointment_confirmed"), "text/plain"
    )


def test_a_mail_from_right_to_left_is_laid_out_so() -> None:
    html = part(compose("appointment_confirmed", language="he"), "text/html")
    assert html.count('lang="he" dir="rtl"') == 2  # Gmail keeps nothing of html, but of a table
    assert "padding:6px 0 6px 12px" in html
    assert "יום שלישי, 1 בדצמבר 2026" in html
    assert '<a class="link" href="https://meet.jit.si/rendezvous-1" dir="ltr"' in html
    english = part(compose("appointment_confirmed"), "text/html")
    assert english.count('lang="en" dir="ltr"') == 2
    assert "padding:6px 12px 6px 0" in english


@pytest.mark.parametrize("language", ["de", "he"])
def test_every_mail_has_its_invitation_and_links_in_every_language(language: str) -> None:
    for template in TEMPLATES:
        message, english = compose(template, language=language), compose(template)
        assert message["Subject"]
        assert [each.get_content_type() for each in message.walk()] == [
            each.get_content_type() for each in english.walk()
        ]
        links = [_Text(part(each, "text/html")).links for each in (message, english)]
        assert links[0] == links[1]


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_put_into_a_sentence_stays_in_it(
    language: str, translate: Callable[..., None]
) -> None:
    translate("de", GERMAN)
    title = "<b>Talk</b>\r\nBcc: eve@example.com\n\nPay here: %(secret)s {x}"
    values = context("appointment_confirmed", title=title)
    message = compose("appointment_confirmed", values, language)
    assert "Bcc" not in message
    one = "<b>Talk</b> Bcc: eve@example.com Pay here: %(secret)s {x}"
    assert one in message["Subject"]
    assert one in part(message, "text/plain")
    html = part(message, "text/html")
    assert "<b>" not in html
    assert "&lt;b&gt;Talk&lt;/b&gt; Bcc: eve@example.com Pay here: %(secret)s {x}" in html
