"""Reminders: mails written with the booking, sent a while before it begins.

They are outbox rows that are not due yet, so that they survive what the booking
survives and are sent once. Moving or cancelling a booking takes them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from app.services import clock, mail

TEMPLATE, HOST_TEMPLATE = "appointment_reminder", "appointment_reminder_host"


def letters(
    row: Any, for_client: Mapping[str, Any], for_host: Mapping[str, Any]
) -> Iterator[mail.Letter]:
    """Reminders of a confirmed appointment to client and host, with these contexts.

    One pair for each of the event type's times that is still to come; nothing is sent
    once the appointment has begun.
    """
    now = clock.now()
    for minutes in row.reminder_minutes or ():
        send_at = row.starts_at - timedelta(minutes=minutes)
        if send_at <= now:
            continue
        for template, recipient, context, language in (
            (TEMPLATE, row.attendee_email, for_client, row.language),
            (HOST_TEMPLATE, row.host_email, for_host, None),
        ):
            kept = {k: v for k, v in context.items() if k not in {"previous", "reason"}}
            yield mail.Letter(
                template,
                recipient,
                kept | {"invitation": "NONE", "reason": ""},
                booking_id=row.id,
                send_at=send_at,
                expires_at=row.starts_at,
                language=language,
            )


def drop(row: Any) -> None:
    """Take the booking's reminders back, as part of the open transaction."""
    mail.drop(row.id, (TEMPLATE, HOST_TEMPLATE))
