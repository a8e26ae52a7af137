"""Retention: what is old enough is forgotten, as the settings say."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from app.models import OutboxMessage
from app.models.outbox import FAILED, SENT
from app.services import audit, clock, settings
from app.services.transaction import execute, transactional

_mails = OutboxMessage.__table__


def purge_due() -> tuple[int, int]:
    """Forget old entries of the audit log, and mails that are done; returns how many.

    Several processes may do so at once: what one has deleted is gone for the others.
    """
    kept = settings.current()
    now = clock.now()
    entries = audit.purge(now - timedelta(days=kept.audit_days))
    return entries, _purge_mails(timedelta(days=kept.mail_days))


@transactional
def _purge_mails(age: timedelta) -> int:
    done = _mails.c.state.in_([SENT, FAILED]) & (_mails.c.created_at < clock.now() - age)
    return execute(delete(_mails).where(done)).rowcount
