"""`flask booking doctor`: is this installation set up as it should be?"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from redis import Redis, RedisError
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import DBAPIError

from app.extensions import db
from app.models import Meeting, OutboxMessage, Role
from app.models import meeting as meeting_states
from app.models.outbox import FAILED
from app.services import accounts, google_meet, guarantees, mail

OK = "ok"
NOTE = "note"
WRONG = "wrong"
_PATIENCE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """`verdict` is ok, note (works, but know this) or wrong (do something)."""

    verdict: str
    subject: str
    text: str


def examine() -> list[Finding]:
    """Look at everything that the product needs; never raises for what it finds."""
    findings = [*_database()]
    if all(finding.verdict != WRONG for finding in findings):
        findings += [*_data()]
    return [*findings, *_redis(), *_mail(), *_meeting_providers(), *_addresses()]


def _database() -> Iterator[Finding]:
    try:
        connection = db.session.connection()
        yield Finding(OK, "database", f"{connection.dialect.name} answers")
        present = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        yield Finding(WRONG, "database", f"cannot be reached: {error.orig}")
        return
    if present == migration_head():
        yield Finding(OK, "migrations", "up to date")
    else:
        yield Finding(WRONG, "migrations", "not up to date: run flask booking prepare")


def migration_head() -> str | None:
    """The newest revision that this code knows."""
    return ScriptDirectory(f"{current_app.root_path}/migrations").get_current_head()


def _data() -> Iterator[Finding]:
    if db.session.scalar(select(func.count()).select_from(Role)) == 0:
        yield Finding(WRONG, "roles", "there are none: run flask booking init")
    if accounts.has_admin():
        yield Finding(OK, "admin", "there is one")
    else:
        yield Finding(WRONG, "admin", "there is none: run flask fab create-admin")
    breaches = guarantees.find_breaches()
    if breaches:
        yield Finding(WRONG, "ledger", f"{len(breaches)} breaches: run flask booking audit")
    else:
        yield Finding(OK, "ledger", "every guarantee holds")
    yield Finding(OK, "outbox", f"{_mails(mail.is_waiting())} mails wait")
    if failed := _mails(OutboxMessage.state == FAILED):
        yield Finding(NOTE, "outbox", f"{failed} mails failed for good")
    yield Finding(OK, "meetings", f"{_meetings_in(meeting_states.PENDING)} wait for a provider")
    if refused := _meetings_in(meeting_states.FAILED):
        yield Finding(NOTE, "meetings", f"{refused} were refused for good by their provider")


def _mails(condition: ColumnElement[bool]) -> int:
    count = select(func.count()).select_from(OutboxMessage).where(condition)
    return db.session.scalar(count) or 0


def _meetings_in(state: str) -> int:
    return db.session.scalar(select(func.count()).where(Meeting.state == state)) or 0


def _redis() -> Iterator[Finding]:
    url = current_app.config["REDIS_URL"]
    if not url:
        yield Finding(NOTE, "redis", "not set: one process only")
        return
    try:
        Redis.from_url(url, socket_connect_timeout=_PATIENCE_SECONDS).ping()
        yield Finding(OK, "redis", "answers")
    except RedisError as error:
        yield Finding(WRONG, "redis", f"cannot be reached: {error}")


def _mail() -> Iterator[Finding]:
    server, port = current_app.config["MAIL_SERVER"], current_app.config["MAIL_PORT"]
    if not server:
        yield Finding(NOTE, "mail", "MAIL_SERVER is not set: mails stay in the outbox")
        return
    try:
        with smtplib.SMTP(server, port, timeout=_PATIENCE_SECONDS) as smtp:
            smtp.noop()
        yield Finding(OK, "mail", f"{server}:{port} answers")
    except OSError as error:
        yield Finding(WRONG, "mail", f"{server}:{port} cannot be reached: {error}")


def _meeting_providers() -> Iterator[Finding]:
    """The credentials' shape; nobody is asked whether they are good."""
    config = current_app.config
    if file := config["GOOGLE_SERVICE_ACCOUNT_FILE"]:
        try:
            google_meet.read_key(file)
            yield Finding(OK, "google meet", "the key of a service account is there")
        except ValueError as error:
            yield Finding(WRONG, "google meet", f"GOOGLE_SERVICE_ACCOUNT_FILE: {error}")
    else:
        yield Finding(NOTE, "google meet", "not set up: sample links only")
    names = ("ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET")
    missing = [name for name in names if not config[name]]
    if not missing:
        yield Finding(OK, "zoom", "account, client and secret are there")
    elif len(missing) < len(names):
        yield Finding(WRONG, "zoom", f"{' and '.join(missing)} not set: sample links only")
    else:
        yield Finding(NOTE, "zoom", "not set up: sample links only")


def _addresses() -> Iterator[Finding]:
    url = current_app.config["PUBLIC_URL"]
    if url.startswith("https://"):
        yield Finding(OK, "address", url)
    else:
        yield Finding(NOTE, "address", f"{url} is not https: fine on this machine only")
