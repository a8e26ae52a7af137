# ruff: noqa: N802 (aiosmtpd's names)
"""The outbox against an SMTP server that refuses, fails, hangs and dies; time is `at`'s."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from flask import Flask
from sqlalchemy import select, update

from app.extensions import db
from app.models import Booking, OutboxMessage, User
from app.models.interval import Interval
from app.services import (
    address_proofs,
    admission,
    appointments,
    bookings,
    cancellation,
    clock,
    languages,
    mail,
    mail_messages,
    mail_texts,
    one_time_codes,
    outbox,
    seats,
    settings,
    waitlist,
)
from app.services.mail_samples import sample
from app.services.policy import Actor
from app.services.reservations import Wanted, reserve_room
from app.services.transaction import transactional
from tests import factories
from tests import rows as stored
from tests.conftest import NOW
from tests.queries import count_queries

CERTIFICATE = Path(__file__).with_name("localhost.pem")  # for 127.0.0.1, and for tests only
HANG = "hang"


@dataclass
class Mailbox:
    """An SMTP server's behaviour: its replies to commands, and what it has taken."""

    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    mail_reply: str = "250 OK"
    rcpt_reply: Callable[[str], str] = lambda _address: "250 OK"
    data_reply: str = "250 OK"
    connections: int = 0

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.mail_reply

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        reply = self.rcpt_reply(address)
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data_reply == HANG:
            await asyncio.sleep(3600)
        if self.data_reply.startswith("250"):
            message = message_from_bytes(envelope.original_content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.recipients += envelope.rcpt_tos
        return self.data_reply

    @property
    def ids(self) -> list[str]:
        """The Message-IDs of what was taken."""
        return [str(message["Message-ID"]) for message in self.taken]


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def smtp(context: Flask, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Flask-Mail's settings, at a server that is not there."""
    state = context.extensions["mail"]
    monkeypatch.setattr(state, "server", "127.0.0.1")
    monkeypatch.setattr(state, "port", free_port)
    monkeypatch.setattr(state, "suppress", False)
    monkeypatch.setattr(mail, "SMTP_TIMEOUT_SECONDS", 5.0)
    mail._wake.clear()
    return state


@pytest.fixture
def mailbox(smtp: Any) -> Iterator[Mailbox]:
    """A server that takes everything."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=smtp.port)
    controller.start()
    yield box
    controller.stop()


@transactional
def write(*recipients: str, template: str = "seat_confirmed", **values: Any) -> None:
    """Mails to `recipients`, as a command would write them."""
    booking = {
        "uid": "0f7c3c1e-6a1b-4a52-9d61-1f0a5c7d8e9f",
        "kind": "seat",
        "status": "confirmed",
        "version": 1,
        "sequence": 0,
        "title": "Keynote",
        "starts_at": "2031-03-04T09:30:00Z",
        "ends_at": "2031-03-04T10:15:00Z",
        "location": "Hall",
        "meeting_url": None,
        "event": {"slug": "conf", "title": "The Conference"},
        "attendee": {"name": "Bob", "email": "bob@example.org", "phone": "", "notes": ""},
    }
    context = {"booking": booking, "reason": "", "name": "Bob", "time_zone": "Europe/Berlin"}
    context |= values.pop("context", {})
    for recipient in recipients or ("bob@example.org",):
        mail.enqueue(template, recipient, context, **values)


def rows() -> list[Any]:
    """The outbox as it is stored."""
    db.session.rollback()
    return list(db.session.execute(select(OutboxMessage.__table__).order_by(OutboxMessage.id)))


def row() -> Any:
    (found,) = rows()
    return found


# -- writing -----------------------------------------------------------------------


def test_a_mail_exists_when_its_cause_does(mailbox: Mailbox) -> None:
    @transactional
    def fail() -> None:
        write()
        raise RuntimeError("the command failed after all")

    with pytest.raises(RuntimeError):
        fail()
    assert rows() == []
    assert not mail._wake.is_set()
    assert mail.send_due() == mail.Sent(0, 0, 0)
    assert mailbox.taken == []


def test_writing_wakes_the_sender_after_the_commit(context: Flask) -> None:
    mail._wake.clear()

    @transactional
    def command() -> None:
        write()
        assert not mail._wake.is_set()

    command()
    assert mail._wake.is_set()


# -- in whose language ---------------------------------------------------------------


TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


@transactional
def choose(actor: Actor, language: str) -> None:
    """The account's own choice."""
    db.session.execute(update(User).where(User.id == actor.user_id).values(language=language))


def spoken() -> dict[tuple[str, str], str]:
    """The language of each mail, by template and recipient."""
    return {(each.template, each.recipient): each.language for each in rows()}


def booked(actor: Actor | None, event_type_id: int, hour: int, *, by: Actor | None = None) -> Any:
    """An appointment at that hour; returns the booking's own language."""
    starts_at, client = TEN.replace(hour=hour), factories.client_named()
    if by is not None:
        made = appointments.book_for_client(by, event_type_id, starts_at, client)
    else:
        made = appointments.book_appointment(actor, event_type_id, starts_at, client)
    return stored.booking(made.booking["uid"]).language


def test_client_and_host_get_their_own_languages(context: Flask) -> None:
    host, _ = factories.make_expert(email="ann@example.org")
    offer = factories.make_event_type(host, reminder_minutes=[60])
    with languages.speaking("de"):  # what the guest reads is nothing to the host
        assert booked(None, offer.id, 9) == "de"
    guest = "gwen@example.org"
    assert spoken() == {
        ("appointment_confirmed", guest): "de",
        ("appointment_reminder", guest): "de",
        ("appointment_confirmed_host", host.email): "en",
        ("appointment_reminder_host", host.email): "en",
    }
    choose(host, "he")
    [uid] = db.session.scalars(select(Booking.uid))
    cancellation.cancel_booking(host, uid)  # in English, long after
    assert spoken()["appointment_cancelled", guest] == "de"
    assert spoken()["appointment_cancelled_host", host.email] == "he"


def test_an_account_s_choice_comes_first_and_the_default_last(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(context.config, "DEFAULT_LANGUAGE", "he")
    host, _ = factories.make_expert(email="ann@example.org")
    offer = factories.make_event_type(host, reminder_minutes=[])
    root = factories.make_admin()
    with languages.speaking("de"):  # the admin's
        assert booked(None, offer.id, 9, by=root) is None
    guest = ("appointment_confirmed", "gwen@example.org")
    assert spoken() == {guest: "he", ("appointment_confirmed_host", host.email): "he"}
    choose(factories.make_actor(email="gwen@example.org"), "en")
    with languages.speaking("de"):
        assert booked(None, offer.id, 11) == "de"
    assert [each.language for each in rows() if each.recipient == guest[1]] == ["he", "en"]


def test_a_seat_is_told_of_in_its_attendee_s_language(context: Flask) -> None:
    root, ben, eve = factories.make_admin(), factories.make_actor(), factories.make_actor()
    event = factories.make_event()
    session = factories.make_session(event, capacity=1)
    choose(ben, "he")
    with languages.speaking("de"):
        made = seats.book_seat(root, session.id, on_behalf=ben.user_id)
        waitlist.join(eve, session.id)
        cancellation.cancel_booking(root, made.booking["uid"])  # which gives Eve the seat
    assert stored.booking(made.booking["uid"]).language == "he"
    assert spoken() == {
        ("seat_confirmed", ben.email): "he",
        ("seat_cancelled", ben.email): "he",
        ("seat_promoted", eve.email): "de",  # in which she joined the waitlist
    }
    with languages.speaking("de"):
        later = factories.make_session(event, starts_at=TEN + timedelta(days=1))
        seats.book_seat(eve, later.id)
    assert spoken()["seat_confirmed", eve.email] == "de"


def test_what_somebody_just_asked_for_is_in_what_they_read(context: Flask) -> None:
    actor, qr = factories.make_actor(), admission.qr_code(factories.make_event())
    with languages.speaking("de"):
        address_proofs.request_proof(actor)
        one_time_codes.request_code(qr, "new@example.org", "browser")
    assert spoken() == {
        ("address_proof", actor.email): "de",
        ("one_time_code", "new@example.org"): "de",
    }


def test_many_mails_are_one_statement_whoever_reads_them(context: Flask) -> None:
    readers = [factories.make_actor() for _ in range(3)]
    choose(readers[1], "he")
    letters = [mail.Letter("test_mail", each.email, {}, language="de") for each in readers]
    with count_queries() as statements:
        transactional(mail.enqueue_all)(letters)
    assert len(statements) == 1
    assert [each.language for each in rows()] == ["de", "he", "de"]


def test_a_mail_is_sent_in_its_language(mailbox: Mailbox) -> None:
    write(language="he")
    mail.send_due()
    (message,) = mailbox.taken
    html = message.get_body(("html",))
    assert html is not None
    assert '<html lang="he" dir="rtl">' in html.get_content()
    assert " 4 במרץ, 10:30 CET" in message["Subject"]


# -- sending -----------------------------------------------------------------------


def test_a_mail_is_sent_once(mailbox: Mailbox) -> None:
    write()
    assert mail.send_due() == mail.Sent(1, 0, 0)
    assert mail.send_due() == mail.Sent(0, 0, 0)
    (message,) = mailbox.taken
    assert mailbox.recipients == ["bob@example.org"]
    assert message["Message-ID"] == row().message_id
    assert message["Subject"] == "Your seat: Keynote, Tue 4 Mar, 10:30 CET"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    assert (row().state, row().sent_at, row().attempts) == ("sent", NOW, 1)


def test_a_batch_is_one_connection(mailbox: Mailbox) -> None:
    write(*(f"p{number}@example.org" for number in range(5)))
    assert mail.send_due(limit=3) == mail.Sent(3, 0, 2)
    assert mailbox.connections == 1
    assert mail.drain() == mail.Sent(2, 0, 0)
    assert len(set(mailbox.ids)) == 5


def test_drain_goes_on_until_nothing_is_due(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(*(f"p{number}@example.org" for number in range(120)))
    assert mail.drain() == mail.Sent(120, 0, 0)
    assert mailbox.connections == 3


def test_what_expires_goes_first(mailbox: Mailbox) -> None:
    write("seat@example.org")
    write("code@example.org", expires_at=NOW + timedelta(minutes=10))
    mail.send_due(limit=1)
    assert mailbox.recipients == ["code@example.org"]


def test_without_a_server_mails_wait(context: Flask) -> None:
    assert context.extensions["mail"].server == ""
    write()
    assert mail.send_due() == mail.Sent(0, 0, 1)
    assert (row().state, row().attempts, row().next_attempt_at) == ("pending", 0, NOW)


def test_a_batch_ends_in_good_time_before_its_lease(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a@example.org", "b@example.org")
    monkeypatch.setattr(mail, "BATCH_SECONDS", 0)
    assert mail.send_due() == mail.Sent(0, 0, 2)
    assert {(each.state, each.attempts) for each in rows()} == {("pending", 0)}
    assert timedelta(seconds=mail.BATCH_SECONDS + 5 * mail.SMTP_TIMEOUT_SECONDS) < mail.LEASE


def test_notices_of_bookings_are_sent(mailbox: Mailbox) -> None:
    later = NOW + timedelta(days=1)
    known = bookings.new_row(
        id=None,
        uid="0f7c3c1e-6a1b-4a52-9d61-1f0a5c7d8e9f",
        kind="appointment",
        title="Intro call",
        starts_at=later,
        ends_at=later + timedelta(minutes=30),
        time_zone="America/New_York",
        attendee_name="Bob",
        attendee_email="bob@example.org",
        expert_name="Ada",
        expert_slug="ada",
        expert_time_zone="Europe/Berlin",
        event_type_slug="intro",
        host_email="ada@example.org",
    )
    payload = bookings.describe(known, None, everything=True)
    notify = transactional(bookings.send_notices)
    notify("confirmed", known, payload)
    notify("rescheduled", known, payload, previous=Interval(NOW, NOW + timedelta(minutes=30)))
    notify("cancelled", known, payload | {"status": "cancelled"}, reason="Ill.")
    assert mail.drain() == mail.Sent(6, 0, 0)
    assert mailbox.recipients == ["bob@example.org", "ada@example.org"] * 3
    assert [str(message["Subject"]) for message in mailbox.taken[:2]] == [
        "Confirmed: Intro call with Ada, Tue 4 Mar, 01:00 EST",
        "New booking: Intro call with Bob, Tue 4 Mar, 07:00 CET",
    ]


# -- faults of the server ------------------------------------------------------------


def test_an_outage_costs_no_attempt_and_no_mail(smtp: Any, at: Any) -> None:
    write("a@example.org", "b@example.org")
    for minute in range(1, 30):  # far more often than a mail may be refused
        assert mail.send_due() == mail.Sent(0, 0, 2)
        for each in rows():
            assert (each.state, each.attempts) == ("pending", 0)
            assert each.last_error.startswith("ConnectionRefusedError")
            wait = each.next_attempt_at - clock.now()
            assert timedelta(seconds=20) < wait < timedelta(seconds=40)
        at(NOW + timedelta(minutes=minute))
    controller = Controller(box := Mailbox(), hostname="127.0.0.1", port=smtp.port)
    controller.start()
    try:
        assert mail.send_due() == mail.Sent(2, 0, 0)
    finally:
        controller.stop()
    assert sorted(box.ids) == sorted(each.message_id for each in rows())


@pytest.mark.parametrize("reply", ["451 later", "550 you are not welcome", "530 sign in first"])
def test_a_refused_sender_is_an_outage(mailbox: Mailbox, at: Any, reply: str) -> None:
    write("a@example.org", "b@example.org")
    mailbox.mail_reply = reply
    assert mail.send_due() == mail.Sent(0, 0, 2)
    assert {(each.state, each.attempts, each.last_error) for each in rows()} == {
        ("pending", 0, reply)
    }
    mailbox.mail_reply = "250 OK"
    at(NOW + timedelta(minutes=1))
    assert mail.send_due() == mail.Sent(2, 0, 0)


def test_a_server_that_never_answers_is_left(smtp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    monkeypatch.setattr(mail, "SMTP_TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", smtp.port)):
        assert mail.send_due() == mail.Sent(0, 0, 1)
    assert (row().state, row().attempts) == ("pending", 0)
    assert "timed out" in row().last_error


def test_a_server_that_hangs_on_a_mail_is_left(
    mailbox: Mailbox, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a@example.org", "b@example.org")
    mailbox.data_reply = HANG
    monkeypatch.setattr(mail, "SMTP_TIMEOUT_SECONDS", 0.3)
    assert mail.send_due() == mail.Sent(0, 0, 2)
    first, second = rows()
    # It may have taken the first; the second was not tried.
    assert (first.state, first.attempts) == ("pending", 1)
    assert (second.state, second.attempts) == ("pending", 0)
    mailbox.data_reply = "250 OK"
    at(NOW + timedelta(minutes=2))
    assert mail.send_due() == mail.Sent(2, 0, 0)


def test_a_server_that_takes_a_few_per_connection_is_asked_again(mailbox: Mailbox) -> None:
    taken_at_most = 2

    def rcpt_reply(address: str) -> str:
        # 421 is what a server says when it closes: RFC 5321, 3.8.
        if len(mailbox.taken) >= taken_at_most * mailbox.connections:
            return "421 too many"
        return "250 OK"

    mailbox.rcpt_reply = rcpt_reply
    write(*(f"p{number}@example.org" for number in range(7)))
    done = mail.drain()
    assert done.sent + done.left == 7
    # Those that heard 421 themselves wait; the others went over new connections.
    assert Counter(each.attempts for each in rows() if each.state == "pending").keys() <= {1}
    assert mailbox.connections > 1
    assert len(set(mailbox.ids)) == done.sent >= 4


# -- faults of a mail ----------------------------------------------------------------


def test_a_mail_that_is_turned_away_waits_longer_each_time(mailbox: Mailbox, at: Any) -> None:
    write()
    mailbox.rcpt_reply = lambda _address: "450 greylisted"
    waits = []
    while row().state == "pending":
        assert row().last_error == ("450 greylisted" if waits else "")
        mail.send_due()
        waits.append((row().next_attempt_at - clock.now()).total_seconds() / 60)
        at(row().next_attempt_at)
    assert len(waits) == mail.MAX_ATTEMPTS == row().attempts
    assert row().state == "failed"
    for wait, expected in zip(waits[:-1], [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60], strict=True):
        assert expected * 0.8 <= wait <= expected * 1.2
    assert mailbox.taken == []


@pytest.mark.parametrize("command", ["rcpt", "data"])
def test_a_refusal_for_good_is_final(mailbox: Mailbox, at: Any, command: str) -> None:
    write("bad@example.org")
    if command == "rcpt":
        mailbox.rcpt_reply = lambda _address: "550 no such mailbox"
    else:
        mailbox.data_reply = "550 no such mailbox"
    assert mail.send_due() == mail.Sent(0, 1, 0)
    assert (row().state, row().last_error) == ("failed", "550 no such mailbox")
    at(NOW + timedelta(days=1))
    assert mail.send_due() == mail.Sent(0, 0, 0)


def test_a_later_refusal_of_the_data_is_tried_again(mailbox: Mailbox) -> None:
    write()
    mailbox.data_reply = "452 full"
    assert mail.send_due() == mail.Sent(0, 0, 1)
    assert (row().state, row().attempts) == ("pending", 1)


def test_one_refused_mail_does_not_stop_the_others(mailbox: Mailbox) -> None:
    replies = {"bad@example.org": "550 no", "later@example.org": "450 later"}
    mailbox.rcpt_reply = lambda address: replies.get(address, "250 OK")
    write("bad@example.org", "a@example.org", "later@example.org", "b@example.org")
    assert mail.send_due() == mail.Sent(2, 1, 1)
    assert [each.state for each in rows()] == ["failed", "sent", "pending", "sent"]


@pytest.mark.parametrize(
    "recipient", ["bob@example.org\r\nBcc: eve@example.org", "ü@example..org", "a@b\nc"]
)
def test_an_address_that_no_header_can_hold_is_final(mailbox: Mailbox, recipient: str) -> None:
    write(recipient, "ok@example.org")
    assert mail.send_due() == mail.Sent(1, 1, 0)
    assert [each.state for each in rows()] == ["failed", "sent"]
    assert mailbox.recipients == ["ok@example.org"]


def test_a_mail_that_cannot_be_composed_waits_for_a_repair(mailbox: Mailbox) -> None:
    write(template="no_such_template")
    write(context={"booking": {"kind": "seat"}})
    write("ok@example.org")
    assert mail.send_due() == mail.Sent(1, 0, 2)
    assert [(each.state, each.attempts) for each in rows()] == [
        ("pending", 1),
        ("pending", 1),
        ("sent", 1),
    ]
    assert "TemplateNotFound" in rows()[0].last_error


# -- expiry and secrets --------------------------------------------------------------


def test_nothing_is_sent_after_it_expired(smtp: Any, at: Any) -> None:
    write(expires_at=NOW + timedelta(minutes=10), context={"secret": {"code": "123456"}})
    at(NOW + timedelta(minutes=10))
    assert mail.send_due() == mail.Sent(0, 1, 0)  # though the server is not there
    assert (row().state, row().last_error) == ("failed", "expired")
    assert "secret" not in row().context


def test_what_expires_is_never_left_until_long_after(mailbox: Mailbox, at: Any) -> None:
    expiry = NOW + timedelta(seconds=30)
    write(expires_at=expiry, context={"secret": {"code": "123456"}})
    mailbox.rcpt_reply = lambda _address: "450 later"
    mail.send_due()
    assert row().next_attempt_at == expiry
    assert row().context["secret"] == {"code": "123456"}
    at(expiry)
    assert mail.send_due() == mail.Sent(0, 1, 0)
    assert "secret" not in row().context


def test_a_secret_is_forgotten_when_the_mail_is_sent(mailbox: Mailbox) -> None:
    write(context={"secret": {"code": "123456"}})
    mail.send_due()
    assert row().state == "sent"
    assert "secret" not in row().context
    assert row().context["name"] == "Bob"


def test_a_sent_mail_is_shown_in_the_words_that_it_was_sent_with(mailbox: Mailbox) -> None:
    admin = factories.make_admin()
    mail_texts.update_text(admin, "one_time_code", {"subject": "{code} opens {product}"})
    write(template="one_time_code", context=sample("one_time_code"))
    waits = outbox.preview(admin, row().id)
    mail.send_due()
    (message,) = mailbox.taken
    assert message["Subject"] == "042042 opens Rendezvous"
    mail_texts.update_text(admin, "one_time_code", {"subject": "Your code"})
    settings.update(admin, {"product_name": "Elsewhere"})
    assert outbox.preview(admin, row().id) == waits
    assert waits.subject == f"{mail_messages.HIDDEN} opens Rendezvous"
    assert "042042" not in f"{row().wording} {row().context}"


# -- crashes and several senders -----------------------------------------------------


def test_a_crashed_claim_is_taken_up_when_its_lease_is_over(
    mailbox: Mailbox, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mail._Connection, "deliver", crash)
        with pytest.raises(KeyboardInterrupt):
            mail.send_due()
    assert row().state == "sending"
    at(NOW + mail.LEASE - timedelta(seconds=1))
    assert mail.send_due() == mail.Sent(0, 0, 1)
    at(NOW + mail.LEASE)
    assert mail.send_due() == mail.Sent(1, 0, 0)
    assert mailbox.ids == [row().message_id]


def test_a_repeat_after_a_crash_can_be_recognised(
    mailbox: Mailbox, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mail, "_record", crash)  # the server has it, we do not know
        with pytest.raises(KeyboardInterrupt):
            mail.send_due()
    at(NOW + mail.LEASE)
    assert mail.send_due() == mail.Sent(1, 0, 0)
    assert mailbox.ids == [row().message_id] * 2


def test_a_mail_that_kills_every_sender_is_given_up(
    mailbox: Mailbox, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mail_messages, "compose", crash)
    for attempt in range(mail.MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            mail.send_due()
        at(NOW + (attempt + 1) * mail.LEASE)
    assert mail.send_due() == mail.Sent(0, 1, 0)
    assert (row().state, row().last_error) == ("failed", "tried too often")


def test_who_lost_the_lease_records_only_success(mailbox: Mailbox, at: Any) -> None:
    write()
    (late,) = mail._claim(1)
    at(NOW + mail.LEASE)
    (new,) = mail._claim(1)
    mail._record(late, mail._Refused("550 no", for_good=True))
    mail._give_back([late], "too late", timedelta())
    assert (row().state, row().next_attempt_at) == ("sending", new.leased_until)
    mail._record(late, None)
    mail._record(new, mail._Refused("451 later", for_good=False))
    assert row().state == "sent"


def test_two_senders_send_each_mail_once(context: Flask, mailbox: Mailbox) -> None:
    write(*(f"p{number}@example.org" for number in range(40)))
    together = threading.Barrier(2)
    done: list[mail.Sent] = []

    def send() -> None:
        with context.app_context():
            together.wait(10)
            done.extend(mail.send_due(limit=5) for _ in range(20))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(each.sent for each in done) == 40
    assert Counter(mailbox.recipients) == {f"p{number}@example.org": 1 for number in range(40)}
    assert {each.state for each in rows()} == {"sent"}


def test_no_transaction_is_open_while_smtp_is_spoken(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a@example.org", "b@example.org")
    deliver = mail._Connection.deliver
    open_then = []

    def watched(connection: Any, message: Any) -> Any:
        open_then.append(db.session().in_transaction())
        return deliver(connection, message)

    monkeypatch.setattr(mail._Connection, "deliver", watched)
    mail.send_due()
    assert open_then == [False, False]


# -- connection ----------------------------------------------------------------------


@pytest.fixture
def guarded(smtp: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A server that wants STARTTLS and the password "right"."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE)

    def authenticate(_server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"right", handled=False)

    controller = Controller(
        box := Mailbox(),
        hostname="127.0.0.1",
        port=smtp.port,
        tls_context=tls,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    monkeypatch.setattr(smtp, "use_tls", True)
    monkeypatch.setattr(smtp, "username", "mailer")
    monkeypatch.setattr(smtp, "password", "right")
    mail._tls.cache_clear()
    yield box
    mail._tls.cache_clear()
    controller.stop()


def test_starttls_and_sign_in(guarded: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    write()
    assert mail.send_due() == mail.Sent(1, 0, 0)
    assert len(guarded.taken) == 1


def test_a_certificate_that_cannot_be_checked_is_an_outage(guarded: Mailbox) -> None:
    write()
    assert mail.send_due() == mail.Sent(0, 0, 1)
    assert "certificate" in row().last_error
    assert guarded.taken == []


def test_a_wrong_password_is_an_outage(
    guarded: Mailbox, smtp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setattr(smtp, "password", "wrong")
    write()
    assert mail.send_due() == mail.Sent(0, 0, 1)
    assert row().last_error.startswith("535")


# -- the sender's loop ---------------------------------------------------------------


def test_the_sender_outlives_errors_wakes_and_stops(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[threading.Event] = [threading.Event() for _ in range(3)]
    begun = iter(runs)

    def drain() -> None:
        next(begun).set()
        raise RuntimeError("bob@example.org")

    monkeypatch.setattr(mail, "drain", drain)
    monkeypatch.setattr(mail, "POLL_SECONDS", 3600)
    stop = threading.Event()
    sender = threading.Thread(target=mail.run_sender, args=(context, stop))
    sender.start()
    assert runs[0].wait(10)
    write()  # a commit wakes it
    assert runs[1].wait(10)
    stop.set()
    mail._wake.set()
    sender.join(10)
    assert not sender.is_alive()


def test_the_sender_polls(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    runs = []

    def drain() -> None:
        runs.append(1)
        if len(runs) == 3:
            stop.set()

    monkeypatch.setattr(mail, "drain", drain)
    monkeypatch.setattr(mail, "POLL_SECONDS", 0.001)
    mail.run_sender(context, stop)
    assert len(runs) == 3


def test_without_a_server_no_sender_starts(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(mail.socketio, "start_background_task", lambda *each: started.append(each))
    mail.start_sender(context)()
    assert started == []
    monkeypatch.setattr(context.extensions["mail"], "server", "mail.example.org")
    stop = mail.start_sender(context)
    ((target, app, event),) = started
    assert (target, app) == (mail.run_sender, context)
    stop()
    assert event.is_set()


def test_logs_name_no_one(
    mailbox: Mailbox, at: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    write("bad@example.org", "later@example.org", "ok@example.org", context={"name": "Secretname"})
    write(template="no_such_template", context={"secret": {"code": "123456"}})
    replies = {"bad@example.org": "550 <bad@example.org> unknown", "later@example.org": "450 no"}
    mailbox.rcpt_reply = lambda address: replies.get(address, "250 OK")
    mail.send_due()
    mailbox.mail_reply = "550 <bookings@localhost> may not send"
    at(NOW + timedelta(hours=2))
    mail.send_due()
    own = "\n".join(each.getMessage() for each in caplog.records if each.name == mail.__name__)
    assert "given up: 550" in own
    assert "@" not in own.replace(" at /", "")
    assert "Secretname" not in own
    assert "123456" not in own


# -- reminders -----------------------------------------------------------------------


@transactional
def remind(booking_id: int, send_at: datetime, expires_at: datetime) -> None:
    """A mail for later, as a booking writes it."""
    write("bob@example.org", booking_id=booking_id)
    db.session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.booking_id == booking_id)
        .values(next_attempt_at=send_at, expires_at=expires_at)
    )


def booking_id() -> int:
    staff, room = factories.make_contributor(), factories.make_room()
    period = Interval(NOW + timedelta(days=2), NOW + timedelta(days=2, hours=1))
    uid = reserve_room(staff, Wanted(room.id, period, "A meeting"))["uid"]
    return int(db.session.scalars(select(Booking.id).where(Booking.uid == uid)).one())


def test_a_mail_for_later_goes_out_once_and_at_its_time(mailbox: Mailbox, at: Any) -> None:
    due = NOW + timedelta(days=1)
    remind(booking_id(), due, due + timedelta(days=1))
    assert mail.drain() == mail.Sent(0, 0, 0)  # nobody waits for it yet
    at(due - timedelta(seconds=1))
    assert mail.drain() == mail.Sent(0, 0, 0)
    at(due)
    assert mail.drain() == mail.Sent(1, 0, 0)
    assert mail.drain() == mail.Sent(0, 0, 0)
    assert len(mailbox.taken) == 1


def test_a_mail_for_later_that_comes_too_late_is_not_sent(mailbox: Mailbox, at: Any) -> None:
    due = NOW + timedelta(days=1)
    remind(booking_id(), due, due + timedelta(days=1))
    at(due + timedelta(days=1))
    assert mail.drain() == mail.Sent(0, 1, 0)
    assert mailbox.taken == []


@pytest.mark.parametrize("state", ["pending", "sending"])
def test_a_mail_that_is_taken_back_is_never_tried_again(
    mailbox: Mailbox, at: Any, state: str
) -> None:
    due, booking = NOW + timedelta(days=1), booking_id()
    remind(booking, due, due + timedelta(days=1))
    at(due)
    if state == "sending":  # by a sender that dies
        mail._claim(1)
    transactional(mail.drop)(booking, ["seat_confirmed"])
    at(due + 2 * mail.LEASE)
    assert mail.drain() == mail.Sent(0, 0, 0)
    assert (mailbox.taken, rows()) == ([], [])
