"""The back-office's home in numbers: what happens on one local day, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app.extensions import db
from app.models import Booking, EventSession, OutboxMessage, User
from app.models.booking import CONFIRMED
from app.models.interval import overlapping
from app.models.outbox import FAILED
from app.services import clock, mail
from app.services.policy import Actor, require_staff


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of one local day, and of all that waits."""

    starts_at: datetime
    appointments: int
    seats: int
    reservations: int
    event_sessions: int
    users: int
    mails_waiting: int
    mails_failed: int


def get_overview(actor: Actor | None, time_zone: str) -> Overview:
    """Today's numbers in `time_zone`, for staff. Two queries. Raises `NotAllowed`."""
    require_staff(actor)
    zone = ZoneInfo(time_zone)
    today = clock.now().astimezone(zone).date()
    starts_at = datetime.combine(today, time(), zone)
    ends_at = datetime.combine(today + timedelta(days=1), time(), zone)
    kinds: dict[str, int] = dict(
        db.session.execute(
            select(Booking.kind, func.count())
            .where(Booking.status == CONFIRMED)
            .where(overlapping(Booking.starts_at, Booking.ends_at, starts_at, ends_at))
            .group_by(Booking.kind)
        ).all()
    )
    sessions, users, waiting, failed = db.session.execute(
        select(
            select(func.count(EventSession.id))
            .where(EventSession.status == CONFIRMED)
            .where(overlapping(EventSession.starts_at, EventSession.ends_at, starts_at, ends_at))
            .scalar_subquery(),
            select(func.count(User.id)).where(User.active.is_(True)).scalar_subquery(),
            select(func.count(OutboxMessage.id)).where(mail.is_waiting()).scalar_subquery(),
            select(func.count(OutboxMessage.id))
            .where(OutboxMessage.state == FAILED)
            .scalar_subquery(),
        )
    ).one()
    return Overview(
        starts_at=starts_at,
        appointments=kinds.get("appointment", 0),
        seats=kinds.get("seat", 0),
        reservations=kinds.get("reservation", 0),
        event_sessions=sessions,
        users=users,
        mails_waiting=waiting,
        mails_failed=failed,
    )
