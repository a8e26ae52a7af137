"""What people read of a meeting's link: in the mails of its booking, or in one of its own.

The confirmation, also of what takes place again, waits a while for the link, so that most
people get one mail. After that it goes out and says that the link follows; the link then
comes in a mail of its own, with the same invitation in its next revision. Mails that are
still to be sent, a reminder too, are given the link as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.extensions import db
from app.models import OutboxMessage
from app.models.booking import CANCELLED
from app.models.outbox import PENDING
from app.models.types import AnyRow
from app.services import bookings, clock, mail
from app.services.transaction import execute

# The first that people get about a booking that stands.
_FIRST = ("appointment_confirmed", "appointment_accepted", "appointment_restored")
_table = OutboxMessage.__table__


def hold(booking_id: int, what: str, until: datetime) -> None:
    """Send the mails of what just happened to a booking ("confirmed") no sooner than `until`."""
    _send_at(booking_id, [f"appointment_{what}"], until)


def release(booking_id: int) -> None:
    """Let a booking's mails go that wait for its link, if there are any."""
    if _send_at(booking_id, _FIRST, clock.now()):
        mail.wake_sender()


def _send_at(booking_id: int, templates: Sequence[str], at: datetime) -> bool:
    waiting = [f"{template}{whose}" for template in templates for whose in ("", "_host")]
    found = execute(
        update(_table)
        .where(_table.c.booking_id == booking_id, _table.c.template.in_(waiting))
        .where(_table.c.state == PENDING, _table.c.attempts == 0, _table.c.next_attempt_at != at)
        .values(next_attempt_at=at)
        .returning(_table.c.id)
    )
    return bool(found.all())


def tell_link(row: AnyRow, payload: dict[str, Any]) -> None:
    """Let everyone in the booking have its link; `payload` is the booking with it."""
    for whose in ("", "_host"):
        waited = [_fill_in(row.id, payload, template=f"{first}{whose}") for first in _FIRST]
        if not any(waited):  # who has it already gets the link in a mail of its own
            _send(f"appointment_link{whose}", row, payload)
    _fill_in(row.id, payload)


def tell_no_link(row: AnyRow, payload: dict[str, Any]) -> None:
    """Ask the host to send a link, since there will be none."""
    _fill_in(row.id, payload)
    _send("appointment_without_link_host", row, payload)


def _fill_in(booking_id: int, payload: dict[str, Any], *, template: str | None = None) -> int:
    """Give the place to mails that are not sent yet; returns how many were.

    With a template, to those that waited for it, and these go out now.
    """
    wanted = select(_table.c.id, _table.c.context).where(
        _table.c.booking_id == booking_id, _table.c.state == PENDING
    )
    if template is not None:
        wanted = wanted.where(_table.c.template == template)
    news = {name: payload[name] for name in ("location", "meeting_url", "version", "sequence")}
    filled = 0
    # A sender may be claiming them at this moment: those it has go out as they are.
    for mail_row in db.session.execute(wanted.with_for_update(skip_locked=True)).all():
        booking = mail_row.context["booking"]
        # Of another time: its own is not there any more, and news would revive it.
        if booking.get("status") == CANCELLED or booking["starts_at"] != payload["starts_at"]:
            continue
        values: dict[str, Any] = {"context": mail_row.context | {"booking": booking | news}}
        if template is not None:
            values["next_attempt_at"] = clock.now()
        done = db.session.execute(
            update(_table)
            .where(_table.c.id == mail_row.id, _table.c.state == PENDING)
            .values(**values)
            .returning(_table.c.id)
        ).one_or_none()
        filled += done is not None
    if filled:
        mail.wake_sender()
    return filled


def _send(template: str, row: AnyRow, payload: dict[str, Any]) -> None:
    is_host = template.endswith("_host")
    if not is_host and bookings.is_anonymous(row.attendee_email):
        return
    mail.enqueue(
        template,
        row.host_email if is_host else row.attendee_email,
        {
            "booking": payload,
            "reason": "",
            "organizer": {"name": row.expert_name, "email": row.host_email},
            "host_time_zone": row.expert_time_zone,
            "name": row.expert_name if is_host else row.attendee_name,
            "time_zone": row.expert_time_zone if is_host else row.time_zone,
        },
        booking_id=row.id,
        language=None if is_host else row.language,
    )
