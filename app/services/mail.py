"""The outbox: mails written with the business, sent after it.

A request never talks SMTP. `enqueue` writes a row in the open transaction; a mail
therefore exists exactly when its cause does. A sender claims due rows in one
transaction, talks SMTP outside of any, and records each mail's fate as soon as it is
known. A claim is a lease: if its sender dies, another takes the mail up when the lease
is over. So every mail is sent at least once, and a repeat has the same Message-ID.

What is wrong decides when it is tried again. A mail that was turned away waits longer
each time, and is given up after `MAX_ATTEMPTS` or at once when the refusal is for good
(5yz, RFC 5321, 4.2.1). When the server is not to be had, or takes nothing from us (no
connection, no TLS, sign-in or sender refused), the mails are not at fault: they wait a
moment and lose no attempt, however long that lasts.

Catches `Exception` in two places: composing a mail, because one that cannot be composed
must not stop the others, and the sender's loop, because it must outlive whatever fails.
Logs hold a row's id, template and reply code, never an address or a text.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from random import uniform
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from flask import Flask, current_app
from flask_mail import BadHeaderError, Connection, Message
from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from app.extensions import db, socketio
from app.models import OutboxMessage, User
from app.models.outbox import FAILED, PENDING, SENDING, SENT
from app.services import clock, mail_messages, mail_texts
from app.services.mail_wording import Wording
from app.services.plain_text import one_line
from app.services.transaction import after_commit, execute, transactional

LEASE = timedelta(minutes=2)
# A mail begun before this much of the lease has passed is done before it ends.
BATCH_SECONDS = 50.0
SMTP_TIMEOUT_SECONDS = 10.0
MAX_ATTEMPTS = 12
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
SERVER_WAIT = timedelta(seconds=30)
POLL_SECONDS = 5.0
SECRET = "secret"  # noqa: S105 (the key under which a context may hold one)
_MAX_ERROR = 500

log = logging.getLogger(__name__)
_wake = threading.Event()

_table = OutboxMessage.__table__
# Who has an account reads mails as they chose there, whoever wrote them and whenever.
_chosen = select(User.language).where(User.email == bindparam("reader", type_=String))
_INSERT = insert(_table).values(
    language=func.coalesce(_chosen.scalar_subquery(), bindparam("otherwise", type_=String))
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run of the sender did; `left` mails wait for a server or for their next try."""

    sent: int
    failed: int
    left: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to be written into the outbox.

    `template` names a file under `templates/email/`; `context` is its JSON data as true
    now. What is under its key "secret" is forgotten as soon as the mail is sent or given
    up. Nothing is sent before `send_at`, nor after `expires_at`. `language` is the reader's
    as far as the writer knows: one that their account chose comes first, and
    DEFAULT_LANGUAGE last.
    """

    template: str
    recipient: str
    context: dict[str, Any]
    booking_id: int | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    language: str | None = None


def enqueue(
    template: str,
    recipient: str,
    context: dict[str, Any],
    *,
    booking_id: int | None = None,
    expires_at: datetime | None = None,
    language: str | None = None,
) -> None:
    """Write a mail into the outbox, as part of the open transaction: see `Letter`."""
    enqueue_all(
        [
            Letter(
                template,
                recipient,
                context,
                booking_id=booking_id,
                expires_at=expires_at,
                language=language,
            )
        ]
    )


def enqueue_all(letters: Sequence[Letter]) -> None:
    """Write several mails in one statement, as part of the open transaction."""
    if not letters:
        return
    now = clock.now()
    host = urlsplit(current_app.config["PUBLIC_URL"]).hostname
    execute(
        _INSERT,
        [
            {
                "template": letter.template,
                "recipient": letter.recipient,
                "context": letter.context,
                "booking_id": letter.booking_id,
                "message_id": f"<{uuid4()}@{host}>",
                "next_attempt_at": letter.send_at or now,
                "created_at": now,
                "expires_at": letter.expires_at,
                "reader": letter.recipient,
                "otherwise": letter.language or current_app.config["DEFAULT_LANGUAGE"],
            }
            for letter in letters
        ],
    )
    after_commit(_wake.set)


def drop(booking_id: int, templates: Collection[str]) -> None:
    """Take mails about a booking back that were not sent, as part of the open transaction.

    One that a sender holds at this moment may still go out; it is not tried again.
    """
    db.session.execute(
        delete(_table)
        .where(_table.c.booking_id == booking_id, _table.c.template.in_(templates))
        .where(_table.c.state.in_([PENDING, SENDING]))
    )


def wake_sender() -> None:
    """Have this process's sender look at once, after the open transaction."""
    after_commit(_wake.set)


# -- sending -----------------------------------------------------------------------


def send_due(limit: int = 50) -> Sent:
    """Send up to `limit` mails that are due; without MAIL_SERVER they all stay pending.

    Must not be called inside a transaction. Locks the claimed rows for as long as the
    claim takes, passing by those that another sender is claiming.
    """
    sent = failed = 0
    if current_app.extensions["mail"].server and _is_anything_due():
        sent, failed = _deliver(_claim(limit))
    return Sent(sent, failed, _count_left())


def drain() -> Sent:
    """Send until nothing more can be sent now: what `flask booking send-mail` does."""
    total = send_due()
    last = total
    while last.sent:
        last = send_due()
        total = Sent(total.sent + last.sent, total.failed + last.failed, last.left)
    return total


def start_sender(app: Flask) -> Callable[[], None]:
    """Send mails in the background of this server process; returns what stops it.

    Several processes may do so at once. Without MAIL_SERVER nothing is started.
    """
    stop = threading.Event()

    def stop_sender() -> None:
        stop.set()
        _wake.set()

    if app.extensions["mail"].server:
        socketio.start_background_task(run_sender, app, stop)
    else:
        log.warning("MAIL_SERVER is not set: mails stay in the outbox")
    return stop_sender


def run_sender(app: Flask, stop: threading.Event) -> None:
    """Send mails until `stop` is set: when one was just written here, and every few seconds.

    The pause varies, so that several processes do not ask in step.
    """
    while not stop.is_set():
        _wake.clear()
        try:
            with app.app_context():
                drain()
        except Exception as error:  # noqa: BLE001 (the loop outlives a bug: see above)
            # Messages of database errors hold parameters, and those hold addresses.
            log.error("mail sender: %s at %s", type(error).__name__, _place(error))  # noqa: TRY400
        if not stop.is_set():
            _wake.wait(POLL_SECONDS * uniform(0.5, 1.5))  # noqa: S311 (jitter, not a secret)


# -- one batch ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claim:
    """A row that is ours until `leased_until`; `attempts` includes the one to come."""

    id: int
    template: str
    recipient: str
    language: str
    context: dict[str, Any]
    message_id: str
    attempts: int
    expires_at: datetime | None
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why a mail was not sent, and whether it never will be."""

    reason: str
    for_good: bool


class _ServerUnavailable(Exception):
    """The server takes no mail of ours at present. The text is the reason."""


def _deliver(claims: list[_Claim]) -> tuple[int, int]:
    """Send claimed mails over one connection; returns how many were sent and given up."""
    sent = failed = 0
    waiting: deque[_Claim] = deque()
    for claim in claims:
        if reason := _lost_cause(claim):
            failed += _record(claim, _Refused(reason, for_good=True))
        else:
            waiting.append(claim)
    if not waiting:
        return sent, failed
    begun = time.monotonic()
    trouble = ""
    try:
        with _Connection(current_app.extensions["mail"]) as connection:
            while waiting and time.monotonic() - begun < BATCH_SECONDS:
                refused, wording = _send(connection, waiting[0])
                given_up = _record(waiting.popleft(), refused, wording)
                sent += refused is None
                failed += given_up
    except _ServerUnavailable as error:
        trouble = str(error)
        log.warning("mail server: %s; %d mails wait", _code(trouble), len(waiting))
    if waiting:
        # A server that closed after some mails may only want a new connection: it is asked
        # again at once. If it is gone, that sends nothing, and they wait.
        _give_back(waiting, trouble, SERVER_WAIT if trouble and not sent else timedelta())
    return sent, failed


def _lost_cause(claim: _Claim) -> str:
    if claim.expires_at and claim.expires_at <= clock.now():
        return "expired"
    # Whoever tried before never came to record it, again and again.
    return "tried too often" if claim.attempts > MAX_ATTEMPTS else ""


def _send(connection: _Connection, claim: _Claim) -> tuple[_Refused | None, Wording | None]:
    """Send one mail; why not, or None when the server has taken it, and with which words.

    Raises `_ServerUnavailable`.
    """
    if reason := _lost_cause(claim):
        return _Refused(reason, for_good=True), None
    try:
        wording = mail_texts.find_wording(claim.template, claim.language)
        message = mail_messages.compose(
            claim.template,
            claim.recipient,
            claim.context,
            message_id=claim.message_id,
            wording=wording,
        )
    except Exception as error:  # noqa: BLE001 (whatever a template does: see above)
        log.error(  # noqa: TRY400 (a traceback may show the context)
            "mail %d (%s): %s at %s",
            claim.id,
            claim.template,
            type(error).__name__,
            _place(error),
        )
        reason = f"cannot be composed: {type(error).__name__}: {error}"
        return _Refused(reason, for_good=False), None
    return connection.deliver(message), wording


class _Connection(Connection):
    """Flask-Mail's connection, with a timeout, certificates checked, and our errors."""

    def __enter__(self) -> _Connection:
        try:
            super().__enter__()
        except smtplib.SMTPResponseException as error:  # also: sign-in refused
            raise _ServerUnavailable(_reply(error.smtp_code, error.smtp_error)) from None
        except (smtplib.SMTPException, OSError) as error:
            raise _ServerUnavailable(f"{type(error).__name__}: {error}") from None
        return self

    def configure_host(self) -> smtplib.SMTP:
        # A name of our own: looking up the machine's would block the event loop.
        host = smtplib.SMTP(
            self.mail.server,
            self.mail.port,
            local_hostname=urlsplit(current_app.config["PUBLIC_URL"]).hostname,
            timeout=SMTP_TIMEOUT_SECONDS,
        )
        try:
            if self.mail.use_tls:
                host.starttls(context=_tls())
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.host is None:
            return
        try:
            if exc_type is None:
                self.host.quit()
        except (smtplib.SMTPException, OSError):
            pass  # every mail's fate is known already
        finally:
            self.host.close()

    def deliver(self, message: Message) -> _Refused | None:
        if self.host is not None and self.host.sock is None:
            raise _ServerUnavailable("connection closed")
        try:
            self.send(message)
        except smtplib.SMTPSenderRefused as error:  # it would refuse all of them
            raise _ServerUnavailable(_reply(error.smtp_code, error.smtp_error)) from None
        except smtplib.SMTPRecipientsRefused as error:
            ((code, reply),) = error.recipients.values()
            return _Refused(_reply(code, reply), for_good=code >= 500)
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
            return _Refused(_reply(code, error.smtp_error), for_good=code >= 500)
        except (smtplib.SMTPException, OSError) as error:
            # It may or may not have been taken; the next try has the same Message-ID.
            return _Refused(f"{type(error).__name__}: {error}", for_good=False)
        except (BadHeaderError, ValueError) as error:  # no address, or one no header can hold
            return _Refused(f"{type(error).__name__}: {error}", for_good=True)
        return None


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # reading the authorities takes 20 ms and more


# -- rows --------------------------------------------------------------------------


def _is_anything_due() -> bool:
    """Look without a lock: on SQLite a claim would hold up everybody's writing."""
    return bool(db.session.scalar(select(select(_table.c.id).where(*_due()).exists())))


def _due() -> tuple[Any, ...]:
    return (_table.c.state.in_([PENDING, SENDING]), _table.c.next_attempt_at <= clock.now())


@transactional
def _claim(limit: int) -> list[_Claim]:
    """Lease due rows; first those that expire, since somebody waits for a code."""
    rows = db.session.execute(
        select(_table)
        .where(*_due())
        .order_by(_table.c.expires_at.is_(None), _table.c.next_attempt_at, _table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    leased_until = clock.now() + LEASE
    if not rows:
        return []
    db.session.execute(
        update(_table)
        .where(_table.c.id.in_([row.id for row in rows]))
        .values(state=SENDING, next_attempt_at=leased_until, attempts=_table.c.attempts + 1)
    )
    return [
        _Claim(
            row.id,
            row.template,
            row.recipient,
            row.language,
            row.context,
            row.message_id,
            row.attempts + 1,
            row.expires_at,
            leased_until,
        )
        for row in rows
    ]


@transactional
def _record(claim: _Claim, refused: _Refused | None, wording: Wording | None = None) -> bool:
    """Write down a mail's fate; returns whether it is given up.

    That it was sent is true whoever holds the lease now; anything else is only for the
    one who does.
    """
    now = clock.now()
    without_secret = {key: value for key, value in claim.context.items() if key != SECRET}
    if refused is None:
        db.session.execute(
            update(_table)
            .where(_table.c.id == claim.id)
            .values(
                state=SENT,
                sent_at=now,
                last_error="",
                context=without_secret,
                wording=wording and asdict(wording),
            )
        )
        return False
    given_up = refused.for_good or claim.attempts >= MAX_ATTEMPTS
    values: dict[str, Any] = {"last_error": _kept_reason(refused.reason)}
    if given_up:
        values |= {"state": FAILED, "context": without_secret}
    else:
        again_at = now + _back_off(claim.attempts)
        # What expires is looked at when it does, so that its secret goes.
        values |= {"state": PENDING, "next_attempt_at": min(again_at, claim.expires_at or again_at)}
    db.session.execute(update(_table).where(*_held(claim)).values(values))
    log.log(
        logging.ERROR if given_up else logging.INFO,
        "mail %d (%s) %s: %s",
        claim.id,
        claim.template,
        "given up" if given_up else "refused",
        _code(refused.reason),
    )
    return given_up


@transactional
def _give_back(claims: Iterable[_Claim], trouble: str, wait: timedelta) -> None:
    """Leave claimed mails for later as if they had not been tried."""
    now = clock.now()
    for claim in claims:
        again_at = now + wait * uniform(0.7, 1.3)  # noqa: S311 (jitter, not a secret)
        db.session.execute(
            update(_table)
            .where(*_held(claim))
            .values(
                state=PENDING,
                next_attempt_at=min(again_at, claim.expires_at or again_at),
                attempts=claim.attempts - 1,
                last_error=_kept_reason(trouble),
            )
        )


def _held(claim: _Claim) -> tuple[Any, ...]:
    return (
        _table.c.id == claim.id,
        _table.c.state == SENDING,
        _table.c.next_attempt_at == claim.leased_until,
    )


def _count_left() -> int:
    return db.session.scalar(select(func.count()).select_from(_table).where(is_waiting())) or 0


def is_waiting() -> ColumnElement[bool]:
    """That a mail should have gone out by now; a reminder whose time is to come should not."""
    return and_(
        _table.c.state.in_([PENDING, SENDING]),
        or_(
            _table.c.next_attempt_at <= clock.now(),
            _table.c.attempts > 0,
            _table.c.last_error != "",
        ),
    )


def _back_off(attempts: int) -> timedelta:
    """1, 2, 4 … minutes, at most an hour, a little more or less."""
    wait = min(FIRST_WAIT * (1 << attempts - 1), LONGEST_WAIT)
    return wait * uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)


# -- reasons -----------------------------------------------------------------------


def _reply(code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {said}"


def _kept_reason(reason: str) -> str:
    return one_line(reason)[:_MAX_ERROR]


def _code(reason: str) -> str:
    """The first word: a reply code or the error's name. The rest may hold an address."""
    return reason.split(" ", 1)[0].rstrip(":") if reason else "unavailable"


def _place(error: BaseException) -> str:
    """Where it was raised, for a log that may not have the message."""
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    if traceback is None:
        return "?"
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
