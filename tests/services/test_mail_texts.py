"""Mail texts and the outbox for admins: placeholders only, previews without secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.extensions import db
from app.models import AuditEntry, MailText, OutboxMessage
from app.services import languages, mail, mail_messages, mail_texts, outbox, settings
from app.services.errors import DomainError, InvalidInput, NotAllowed, NotFound
from app.services.mail_samples import sample
from app.services.mail_wording import PARTS, fill, problems
from app.services.manage_links import manage_url
from app.services.transaction import transactional
from tests import rows
from tests.conftest import NOW
from tests.factories import make_admin, make_contributor

TEMPLATES = mail_messages.list_templates()
ATTACKS = [
    "{booking.title}",
    "{title.__class__}",
    "{0}",
    "{}",
    "{title!r}",
    "{title:>99999999}",
    "{title[0]}",
    "{{ config }}",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "{__init__}",
    "{Title}",
    "{secret}",
    "{manage_url}",
    "{title",
    "title}",
]


@pytest.fixture
def root(app: Flask) -> Any:
    with app.app_context():
        app.extensions.pop("rendezvous.settings", None)
        yield make_admin()
    app.extensions.pop("rendezvous.settings", None)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_can_be_shown_and_said_anew(root: Any, template: str) -> None:
    text = mail_texts.get_text(root, template)
    assert text.parts == text.default
    assert not text.is_own
    assert text.default["subject"]
    assert text.default["heading"]
    for part in PARTS:
        assert problems(text.default[part], text.placeholders) == [], part
        # Our own words, filled with the sample, are what the mail says without them.
        assert "{" not in fill(text.default[part], text.placeholders)
    plain = mail_texts.preview_text(root, template)
    own = {part: f"{words} " for part, words in text.default.items()}
    same = mail_messages.preview(
        template, sample(template), mail_texts.Wording("Rendezvous", own=own)
    )
    assert same.subject == plain.subject
    assert same.text == plain.text


@pytest.mark.parametrize("attack", ATTACKS)
def test_only_the_fixed_placeholders_are_taken(root: Any, attack: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mail_texts.update_text(root, "seat_confirmed", {"intro": f"Dear {attack}"})
    [said] = refused.value.errors["intro"]
    assert "Not known here" in said
    assert "{title}" in said
    assert rows.count(MailText) == 0


def test_a_text_that_slipped_in_is_never_evaluated(root: Any) -> None:
    own = {"intro": "{title.__class__} {{ 7 * 7 }} {unknown}", "note": "{% raw %}"}
    made = mail_messages.preview(
        "seat_confirmed", sample("seat_confirmed"), mail_texts.Wording("R", own=own)
    )
    assert "49" not in made.text
    assert "class 'str'" not in made.text
    assert "{% raw %}" in made.text


def test_the_clients_name_is_for_the_host_alone(root: Any) -> None:
    for text in mail_texts.list_texts(root):
        assert ("client" in text.placeholders) is text.template.endswith("_host")
        assert ("code" in text.placeholders) is (text.template == "one_time_code")


def test_a_text_is_changed_used_written_down_and_reset(root: Any) -> None:
    names = mail_texts.get_text(root, "appointment_confirmed").placeholders
    assert set(names) == {"product", "title", "when", "expert"} | (names.keys() & {"until"})
    words = {"subject": "See you {when}: {title}", "note": "", "intro": "<b>{expert}</b> & you"}
    mail_texts.update_text(root, "appointment_confirmed", words)
    text = mail_texts.get_text(root, "appointment_confirmed")
    assert text.is_own
    assert text.parts["heading"] == text.default["heading"]
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert entry
    assert (entry.object_kind, entry.object_id) == ("mail_text", "appointment_confirmed")
    assert entry.changes["subject"] == words["subject"]
    assert entry.before["subject"] == text.default["subject"]

    message = mail_messages.compose(
        "appointment_confirmed",
        "ben@example.org",
        sample("appointment_confirmed"),
        message_id="<1@example.org>",
        wording=mail_texts.find_wording("appointment_confirmed"),
    )
    assert str(message.subject).startswith("See you ")
    assert str(message.subject).endswith(": Portfolio talk")
    assert "<b>Nora Berg</b> & you" in str(message.body)
    assert "&lt;b&gt;Nora Berg&lt;/b&gt; &amp; you" in str(message.html)
    assert "keep it to yourself" not in str(message.body)

    mail_texts.reset_text(root, "appointment_confirmed")
    assert not mail_texts.get_text(root, "appointment_confirmed").is_own
    assert rows.count(MailText) == 0
    assert rows.count(AuditEntry) == 2


def test_each_language_has_its_own_words(root: Any) -> None:
    mail_texts.update_text(root, "seat_confirmed", {"heading": "Bis {when}"}, language="de")
    mail_texts.update_text(root, "seat_confirmed", {"heading": "See you"})
    german = mail_texts.get_text(root, "seat_confirmed", language="de")
    assert german.is_own
    assert german.parts["heading"] == "Bis {when}"
    assert german.own_languages == {"de", "en"}
    assert not mail_texts.get_text(root, "seat_confirmed", language="he").is_own
    assert [
        text.own_languages
        for text in mail_texts.list_texts(root, language="he")
        if text.own_languages
    ] == [{"de", "en"}]

    shown = mail_texts.preview_text(root, "seat_confirmed", language="de")
    assert f"Bis {german.placeholders['when']}" in shown.text
    assert german.placeholders["when"].startswith("Mo., 10. März")  # NOW and a week
    assert '<html lang="de" dir="ltr">' in shown.html
    assert 'dir="rtl"' in mail_texts.preview_text(root, "seat_confirmed", language="he").html
    assert mail_texts.find_wording("seat_confirmed", "de").own == {"heading": "Bis {when}"}
    assert mail_texts.find_wording("seat_confirmed").own == {"heading": "See you"}
    assert mail_texts.find_wording("seat_confirmed", "he").own == {}

    mail_texts.reset_text(root, "seat_confirmed", language="de")
    assert mail_texts.get_text(root, "seat_confirmed").parts["heading"] == "See you"
    named = db.session.scalars(db.select(AuditEntry.object_id).order_by(AuditEntry.id)).all()
    assert named == ["seat_confirmed.de", "seat_confirmed", "seat_confirmed.de"]
    with pytest.raises(NotFound):
        mail_texts.get_text(root, "seat_confirmed", language="xx")
    with pytest.raises(NotFound):
        mail_texts.list_texts(root, language="xx")


@pytest.mark.parametrize("language", ["de", "he"])
def test_our_own_words_keep_their_placeholders_in_every_language(root: Any, language: str) -> None:
    for text in mail_texts.list_texts(root, language=language):
        for part in PARTS:
            assert problems(text.default[part], text.placeholders) == [], (text.template, part)
            assert "{" not in fill(text.default[part], text.placeholders)


def test_what_a_mail_needs_cannot_be_emptied(root: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        mail_texts.update_text(
            root,
            "seat_confirmed",
            {"subject": "", "heading": " ", "button": "", "note": "x" * 1001},
        )
    assert sorted(refused.value.errors) == ["button", "heading", "note", "subject"]
    with pytest.raises(NotFound):
        mail_texts.get_text(root, "../layout")
    with pytest.raises(NotAllowed):
        mail_texts.update_text(make_contributor(), "seat_confirmed", {"subject": "x"})


def test_mails_bear_the_products_name_and_colour(root: Any) -> None:
    settings.update(root, {"product_name": "Timetable", "accent": "#7a1fa2"})
    made = mail_texts.preview_text(root, "seat_confirmed")
    assert "Timetable" in made.text
    assert "#7a1fa2" in made.html
    assert "#0c6765" not in made.html


# -- the outbox ----------------------------------------------------------------------


def write(template: str, context: dict[str, Any], **values: Any) -> int:
    """A mail in the outbox; returns its id."""
    transactional(lambda: mail.enqueue(template, "ben@example.org", context, **values))()
    return db.session.scalars(db.select(db.func.max(OutboxMessage.id))).one()


def set_state(message_id: int, **values: Any) -> None:
    transactional(
        lambda: db.session.execute(
            update(OutboxMessage).where(OutboxMessage.id == message_id).values(values)
        )
    )()


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_preview_lets_anybody_act(root: Any, template: str) -> None:
    about = sample(template)
    shown = outbox.preview(root, write(template, about))
    secret = about.get("secret", "042042")
    link = manage_url("00000000-0000-0000-0000-000000000000")
    for text in (shown.subject, shown.text, shown.html):
        assert str(secret) not in text
        assert link not in text
    without = {name: value for name, value in about.items() if name != mail.SECRET}
    assert outbox.preview(root, write(template, without)).subject == shown.subject


def test_a_preview_is_for_admins_and_never_fails_for_a_bad_row(root: Any) -> None:
    bad = write("seat_confirmed", {})
    with pytest.raises(DomainError, match="cannot be shown"):
        outbox.preview(root, bad)
    with pytest.raises(NotAllowed):
        outbox.preview(make_contributor(), bad)
    with pytest.raises(NotFound):
        outbox.preview(root, bad + 1)


def test_a_failed_mail_is_tried_again_as_a_new_one(root: Any) -> None:
    failed = write("seat_confirmed", sample("seat_confirmed"))
    set_state(failed, state="failed", attempts=12, last_error="550 no such user")
    outbox.retry(root, failed)
    row = db.session.get_one(OutboxMessage, failed)
    assert (row.state, row.attempts, row.next_attempt_at) == ("pending", 0, NOW)
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert entry
    assert (entry.action, entry.object_kind, entry.before) == (
        "retry",
        "mail",
        {"state": "failed", "attempts": 12},
    )


@pytest.mark.parametrize(
    ("template", "values", "why"),
    [
        ("seat_confirmed", {"state": "sent"}, "sent already"),
        ("seat_confirmed", {"state": "sending"}, "being sent"),
        ("seat_offered", {"expires_at": NOW - timedelta(minutes=1)}, "too late"),
        ("one_time_code", {"state": "failed"}, "forgotten"),
    ],
)
def test_some_mails_cannot_be_tried_again(
    root: Any, template: str, values: dict[str, Any], why: str
) -> None:
    message_id = write(template, sample(template))
    set_state(message_id, **values)
    with pytest.raises(DomainError, match=why):
        outbox.retry(root, message_id)


def test_a_test_mail_goes_to_oneself(root: Any) -> None:
    message_id = outbox.send_test(root)
    row = db.session.get_one(OutboxMessage, message_id)
    assert (row.template, row.recipient, row.state) == ("test_mail", root.email, "pending")
    assert "Test mail from Rendezvous" in outbox.preview(root, message_id).subject
    with pytest.raises(NotAllowed):
        outbox.send_test(make_contributor())


def test_the_outbox_shows_a_mail_in_its_language(root: Any) -> None:
    settings.update(root, {"product_name": "Timetable"})
    mail_texts.update_text(root, "test_mail", {"heading": "Es geht"}, language="de")
    shown = outbox.preview(root, write("test_mail", {}, language="de"))
    assert "Es geht" in shown.text
    assert '<html lang="de" dir="ltr">' in shown.html
    with languages.speaking("he"):
        own = outbox.send_test(root)
    assert 'dir="rtl"' in outbox.preview(root, own).html
