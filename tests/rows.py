"""What stands in the tables, read plainly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from app.extensions import db
from app.models import (
    AuditEntry,
    AuditPurge,
    Booking,
    BusyPeriod,
    Calendar,
    EventSession,
    OutboxMessage,
)
from app.models.interval import Interval


def booking(uid: str) -> Any:
    """The row of a booking."""
    return db.session.execute(select(Booking.__table__).where(Booking.__table__.c.uid == uid)).one()


def busy(calendar_id: int) -> list[Interval]:
    """The periods of a calendar, by start."""
    found = db.session.execute(
        select(BusyPeriod.starts_at, BusyPeriod.ends_at)
        .where(BusyPeriod.calendar_id == calendar_id)
        .order_by(BusyPeriod.starts_at)
    )
    return [Interval(row.starts_at, row.ends_at) for row in found]


def room_calendar(room_id: int) -> int:
    """The calendar of a room."""
    return db.session.scalars(select(Calendar.id).where(Calendar.room_id == room_id)).one()


def version(calendar_id: int) -> int:
    """The version of a calendar."""
    return db.session.scalars(select(Calendar.version).where(Calendar.id == calendar_id)).one()


def seats_taken(event_session_id: int) -> int:
    """The counter of an event session."""
    return db.session.scalars(
        select(EventSession.seats_taken).where(EventSession.id == event_session_id)
    ).one()


def mails() -> list[tuple[str, str]]:
    """`(template, recipient)` of every mail in the outbox that is not for later, oldest first."""
    found = db.session.execute(
        select(OutboxMessage.template, OutboxMessage.recipient)
        .where(OutboxMessage.next_attempt_at <= OutboxMessage.created_at)
        .order_by(OutboxMessage.id)
    )
    return [(row.template, row.recipient) for row in found]


def reminders() -> list[tuple[str, str, datetime]]:
    """`(template, recipient, when)` of every mail that is for later, soonest first."""
    found = db.session.execute(
        select(OutboxMessage.template, OutboxMessage.recipient, OutboxMessage.next_attempt_at)
        .where(OutboxMessage.next_attempt_at > OutboxMessage.created_at)
        .order_by(OutboxMessage.next_attempt_at, OutboxMessage.id)
    )
    return [(row.template, row.recipient, row.next_attempt_at) for row in found]


def give_up_audit(connection: Connection) -> None:
    """Delete the audit log, which the database keeps unless it was given up."""
    end_of_time = datetime(9999, 1, 1, tzinfo=UTC)
    given_up = {"at": end_of_time, "up_to": end_of_time - timedelta(days=1)}
    connection.execute(insert(AuditPurge.__table__).values(given_up))
    connection.execute(delete(AuditEntry.__table__))
    connection.execute(delete(AuditPurge.__table__))


def count(model: Any) -> int:
    """How many rows a table has."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0
