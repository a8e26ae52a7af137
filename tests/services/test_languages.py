"""What people read is in their language; what is kept is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.support import Translations
from flask import Flask
from flask_babel import get_babel, gettext, ngettext
from sqlalchemy import select, update

import config
from app.extensions import db
from app.models import AuditEntry, User
from app.services import (
    attendee_import,
    bookings,
    busy_calendar_refresh,
    calendar_feed,
    calendar_feeds,
    calendar_sandbox,
    cancel_reasons,
    experts,
    fields,
    holidays,
    languages,
    local_days,
    local_text,
    seats,
    table_import,
)
from app.services.appointments import book_appointment
from app.services.errors import Gone, InvalidInput
from tests import factories
from tests.conftest import NOW
from tools import translations

Say = Callable[[dict[Any, Any]], None]
ADVENT = date(2026, 12, 1)


@pytest.fixture
def say(context: Flask, monkeypatch: pytest.MonkeyPatch) -> Say:
    """`say(texts)` makes these the whole German catalog, whatever is in the real one."""

    def put(texts: dict[Any, Any]) -> None:
        catalog, file = Catalog(locale="de"), BytesIO()
        for text, german in texts.items():
            catalog.add(text, german)
        write_mo(file, catalog)
        file.seek(0)
        domain = get_babel(context).instance.domain_instance
        monkeypatch.setitem(domain.cache, ("de", domain.domain[0]), Translations(file))

    return put


def test_all_who_list_the_languages_list_the_same() -> None:
    assert tuple(languages.LANGUAGES) == config.LANGUAGES
    assert (
        tuple(code for code in languages.LANGUAGES if code != languages.DEFAULT)
        == translations.LANGUAGES
    )
    assert languages.LANGUAGES["he"].direction == "rtl"


def test_only_ours_are_known() -> None:
    assert (languages.known("de"), languages.known("fr"), languages.known(None)) == (
        "de",
        None,
        None,
    )


def test_without_an_application_everything_is_english() -> None:
    assert languages.current().code == "en"
    with languages.speaking("de"):
        assert local_text.weekday_text(0) == "Monday"
        assert str(Gone()) == "This is cancelled, expired or over."


@pytest.mark.usefixtures("context")
def test_speaking_is_for_the_block_and_english_for_what_is_not_ours() -> None:
    assert languages.current().code == "en"
    with languages.speaking("de"):
        assert languages.current().name == "Deutsch"
        with languages.speaking("tlh"):
            assert languages.current().code == "en"
        assert languages.current().code == "de"
        with pytest.raises(ZeroDivisionError), languages.speaking("he"):
            assert 1 / 0
        assert languages.current().code == "de"
    assert languages.current().code == "en"


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("code", "long", "short", "plain", "day", "weekday", "number", "share", "parts"),
    [
        (
            "en",
            "Tuesday 1 December 2026",
            "Tue 1 Dec",
            "Tuesday 1 December",
            "1 December 2026",
            "Monday",
            "1,234.5",
            "63%",
            "a, b and c",
        ),
        (
            "de",
            "Dienstag, 1. Dezember 2026",
            "Di., 1. Dez.",
            "Dienstag, 1. Dezember",
            "1. Dezember 2026",
            "Montag",
            "1.234,5",
            "63\N{NO-BREAK SPACE}%",
            "a, b und c",
        ),
        (
            "he",
            "יום שלישי, 1 בדצמבר 2026",
            "יום ג׳, 1 בדצמ׳",  # noqa: RUF001 (Hebrew)
            "יום שלישי, 1 בדצמבר",
            "1 בדצמבר 2026",
            "יום שני",
            "1,234.5",
            "63%",
            "a, b וc",  # noqa: RUF001
        ),
    ],
)
def test_days_numbers_and_lists(
    code: str,
    long: str,
    short: str,
    plain: str,
    day: str,
    weekday: str,
    number: str,
    share: str,
    parts: str,
) -> None:
    with languages.speaking(code):
        assert local_text.day_text(ADVENT) == long
        assert local_text.day_text(ADVENT, "short") == short
        assert local_text.day_text(datetime(2026, 12, 1, 9, tzinfo=UTC), "plain") == plain
        assert local_text.date_text(ADVENT) == day
        assert local_text.weekday_text(0) == weekday
        assert local_text.number_text(1234.5) == number
        assert local_text.share_text(0.63) == share
        assert local_text.list_text(["a", "b", "c"]) == parts


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("code", "span", "week", "month", "lengths"),
    [
        ("en", "1–3 Dec 2026", "1 Dec", "Dec 2026", ["2 days", "1 hour", "90 minutes"]),  # noqa: RUF001
        ("de", "1.–3. Dez. 2026", "1. Dez.", "Dez. 2026", ["2 Tage", "1 Stunde", "90 Minuten"]),  # noqa: RUF001
    ],
)
def test_spans_steps_and_lengths(
    code: str, span: str, week: str, month: str, lengths: list[str]
) -> None:
    with languages.speaking(code):
        assert local_text.span_text(ADVENT, date(2026, 12, 3), "yMMMd") == span
        assert local_text.period_text(ADVENT, "week") == week
        assert local_text.period_text(ADVENT, "month") == month
        assert [*map(local_text.duration_text, (2880, 60, 90))] == lengths


def test_a_refusal_speaks_to_whom_it_is_raised_for(say: Say) -> None:
    say(
        {
            "This is cancelled, expired or over.": "Das ist vorbei.",
            "This field is required.": "Bitte ausfüllen.",
            "Please check the marked fields.": "Bitte prüfen.",
        }
    )
    with languages.speaking("de"):
        gone = Gone()
        errors: fields.Errors = {}
        fields.text(errors, "title", "", maximum=9, required=True)
        with pytest.raises(InvalidInput) as wrong:
            fields.refuse(errors)
    # A plain text from then on, for JSON and comparisons, wherever it is read.
    assert (type(gone.detail), gone.detail, str(gone)) == (str, "Das ist vorbei.", gone.detail)
    assert wrong.value.detail == "Bitte prüfen."
    assert wrong.value.extra == {"errors": {"title": ["Bitte ausfüllen."]}}
    assert Gone().detail == "This is cancelled, expired or over."


def test_numbers_have_their_plural_and_what_is_missing_is_english(say: Say) -> None:
    say({("%(num)d session", "%(num)d sessions"): ("%(num)d Vortrag", "%(num)d Vorträge")})
    with languages.speaking("de"):
        said = [ngettext("%(num)d session", "%(num)d sessions", number) for number in (1, 2)]
        assert gettext("A text that nobody translated.") == "A text that nobody translated."
    assert said == ["1 Vortrag", "2 Vorträge"]


def test_a_day_in_a_sentence_is_written_as_the_reader_writes_it(say: Say) -> None:
    sentence = "On %(day)s the clocks are turned, and %(start)s to %(end)s does not exist."
    say({sentence: "Am %(day)s fehlt %(start)s bis %(end)s."})
    zone = ZoneInfo("Europe/Berlin")
    with (
        languages.speaking("de"),
        pytest.raises(ValueError, match=r"Am 28\. März 2027 fehlt 02:15"),
    ):
        local_days.frame(date(2027, 3, 28), 2, 15, 30, zone)
    with pytest.raises(ValueError, match="On 28 March 2027 the clocks are turned, and 02:15 to"):
        local_days.frame(date(2027, 3, 28), 2, 15, 30, zone)


@pytest.mark.usefixtures("context")
def test_holidays_of_one_reader_are_not_another_s() -> None:
    unity = date(2026, 10, 3)
    named = {}
    for code in ("en", "de", "he", "en"):
        with languages.speaking(code):
            countries = {each["code"]: each["name"] for each in holidays.list_countries()}
            named[code] = (countries["DE"], holidays.of_year("DE", "BE", 2026)[unity])
            known = set(countries)
    assert named == {
        "en": ("Germany", "German Unity Day"),
        "de": ("Deutschland", "Tag der Deutschen Einheit"),
        "he": ("גרמניה", "German Unity Day"),
    }
    assert known == {each["code"] for each in holidays.list_countries()}
    with languages.speaking("he"):
        assert holidays.of_year("IL", None, 2026)[date(2026, 9, 21)] == "יום כיפור"
    with languages.speaking("de"):
        names = [each["name"] for each in holidays.list_countries()]
    assert names.index("Norwegen") < names.index("Österreich") < names.index("Pakistan")


@pytest.mark.usefixtures("context")
def test_the_audit_log_has_no_text_of_a_language() -> None:
    host, _ = factories.make_expert()
    hours = {"weekly": [], "holidays": {"country": "DE"}}
    with languages.speaking("de"):
        experts.replace_availability(host, hours)
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "update_availability")
    ).one()
    assert entry.changes["holidays"] == {"country": "DE", "subdivision": None, "exceptions": []}


def test_the_products_own_reason_is_kept_once_and_said_to_each(say: Say) -> None:
    say({"Replaced by another booking.": "Durch eine andere Buchung ersetzt."})
    actor = factories.make_actor()
    one, other = factories.make_session(), factories.make_session()
    with languages.speaking("de"):
        booked = seats.book_seat(actor, one.id).booking
        seats.book_seat(actor, other.id, replace=[booked["uid"]])
        german = bookings.get_booking(actor, booked["uid"])["cancel_reason"]
    assert german == "Durch eine andere Buchung ersetzt."
    english = bookings.get_booking(actor, booked["uid"])["cancel_reason"]
    assert english == "Replaced by another booking."
    assert cancel_reasons.reason_text("I am ill.") == "I am ill."


def test_what_a_calendar_elsewhere_answered_is_said_to_each(say: Say) -> None:
    say(
        {
            "There is no calendar at this address (%(status)s).": "Kein Kalender (%(status)s).",
            "The calendar's server leads elsewhere.": "Umleitung.",
            "Only addresses that begin with https:// are fetched.": "Nur https.",
            "This calendar is too large: at most 2 MB.": "Zu groß.",
        }
    )
    insecure = "Only addresses that begin with https:// are fetched."
    kept = {
        calendar_feeds._words_of(404): "Kein Kalender (404).",
        f"The calendar's server leads elsewhere. {insecure}": "Umleitung. Nur https.",
        str(calendar_sandbox.TOO_LARGE): "Zu groß.",
        "": "",
    }
    with languages.speaking("de"):
        assert [busy_calendar_refresh.trouble_text(text) for text in kept] == list(kept.values())
        with pytest.raises(ValueError, match="Nur https"):
            calendar_feeds.checked_url("http://example.org/")
    assert [busy_calendar_refresh.trouble_text(text) for text in kept] == list(kept)
    assert calendar_sandbox.MAX_BYTES == 2_000_000


def test_files_have_the_same_columns_in_every_language(say: Say) -> None:
    say({"Email": "E-Mail-Adresse", "External id": "Fremdschlüssel"})
    english = ["Email", "Name", "External id"]
    with languages.speaking("de"):
        assert [each.heading for each in attendee_import.FIELDS] == english
        assert str(attendee_import.FIELDS[0].label) == "E-Mail-Adresse"
        # Found by the name in the file's language, whichever it is.
        german = ["Fremdschlüssel", "E-Mail-Adresse"]
        assert table_import.guess(attendee_import.FIELDS, german) == {"email": 1, "external_id": 0}
        assert table_import.guess(attendee_import.FIELDS, english) == {
            "email": 0,
            "name": 1,
            "external_id": 2,
        }


def test_a_feed_speaks_its_owners_language(say: Say) -> None:
    say({"Join": "Teilnehmen", "%(title)s: %(expert)s and %(client)s": "%(expert)s, %(client)s"})
    host, _ = factories.make_expert(name="Mara")
    type_id = factories.make_event_type(
        host, location={"kind": "link", "detail": "https://meet.example.org/x"}
    ).id
    start = NOW.replace(hour=10) + timedelta(days=1)
    book_appointment(None, type_id, start, factories.client_named())
    token = calendar_feed.share(host)
    english = calendar_feed.read_feed(token)
    db.session.execute(update(User).where(User.id == host.user_id).values(language="de"))
    german = calendar_feed.read_feed(token, [english.etag])
    assert b"Join: https" in (english.body or b"")
    assert b"Teilnehmen: https" in (german.body or b"")
    assert b"SUMMARY:Mara\\, Gwen Guest" in (german.body or b"")
