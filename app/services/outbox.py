"""The outbox for admins: what a mail says, trying one again, and a test mail."""

from __future__ import annotations

from flask_babel import gettext
from jinja2 import TemplateError
from sqlalchemy import func, select

from app.extensions import db
from app.models import OutboxMessage
from app.models.outbox import FAILED, PENDING, SENDING
from app.services import audit, clock, languages, mail, mail_messages, mail_texts
from app.services.errors import DomainError, NotFound
from app.services.mail_messages import Rendered
from app.services.mail_wording import Wording
from app.services.policy import Actor, require_admin
from app.services.transaction import transactional

TEST = "test_mail"


def preview(actor: Actor | None, message_id: int) -> Rendered:
    """What a mail says, without codes and manage links. For admins.

    One that is sent is shown in the words with which it was, where these are known.

    Raises `DomainError` when template and data do not fit, `NotFound`.
    """
    require_admin(actor)
    message = db.session.get(OutboxMessage, message_id)
    if message is None:
        raise NotFound
    try:
        wording = (
            Wording(**message.wording)
            if message.wording
            else mail_texts.find_wording(message.template, message.language)
        )
        return mail_messages.preview(message.template, message.context, wording)
    except (TemplateError, KeyError, TypeError, ValueError) as error:
        raise DomainError(
            gettext("It cannot be shown: %(error)s.", error=type(error).__name__)
        ) from error


@transactional
def retry(actor: Actor | None, message_id: int) -> None:
    """Have a mail that waits or failed tried again now, as often as a new one. For admins.

    Locks the row. Raises `DomainError` for one that is sent, being sent or too late,
    or whose code is forgotten; `NotFound`.
    """
    actor = require_admin(actor)
    message = db.session.get(
        OutboxMessage, message_id, with_for_update=True, populate_existing=True
    )
    if message is None:
        raise NotFound
    if message.state == SENDING:
        raise DomainError(gettext("It is being sent just now."))
    if message.state not in {PENDING, FAILED}:
        raise DomainError(gettext("It is sent already."))
    if message.expires_at and message.expires_at <= clock.now():
        raise DomainError(gettext("It is too late for this mail: what it says holds no more."))
    if message.state == FAILED and message.template == "one_time_code":
        raise DomainError(gettext("Its code is forgotten. Whoever needs one asks for another."))
    audit.record(
        actor,
        "retry",
        "mail",
        message.id,
        before={"state": message.state, "attempts": message.attempts},
        state=PENDING,
    )
    message.state, message.attempts = PENDING, 0
    message.next_attempt_at = clock.now()
    db.session.flush()
    mail.wake_sender()


@transactional
def send_test(actor: Actor | None) -> int:
    """Write a test mail to the admin's own address; returns its id in the outbox."""
    actor = require_admin(actor)
    mail.enqueue(TEST, actor.email, {}, language=languages.current().code)
    message_id = db.session.scalars(
        select(func.max(OutboxMessage.id)).where(
            OutboxMessage.template == TEST, OutboxMessage.recipient == actor.email
        )
    ).one()
    audit.record(actor, "send_test", "mail", message_id)
    return message_id
