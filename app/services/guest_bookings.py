"""Bookings that were made as a guest become an account's once its address is proven."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, select, update

from app.extensions import db
from app.models import Appointment, Booking, User
from app.models.booking import LIVE
from app.models.interval import Interval
from app.services import clock, ledger


def adopt_bookings(user: User) -> None:
    """Give a user the appointments that guests made with the address.

    Coming ones occupy the user's calendar; one that collides with another there stays a
    guest's. The caller has locked the user; locks the calendar.
    """
    made = and_(
        Appointment.user_id.is_(None),
        Appointment.attendee_email == user.email,
        Appointment.anonymised_at.is_(None),
    )
    holds_time = and_(Appointment.status.in_(LIVE), Appointment.ends_at > clock.now())
    _adopt(user, made, ~holds_time)
    coming = db.session.execute(
        select(Booking.id, Booking.starts_at, Booking.ends_at)
        .where(made, holds_time)
        .order_by(Booking.starts_at, Booking.id)
    ).all()
    if not coming:
        return
    [calendar_id] = ledger.calendar_ids(user_ids=[user.id])
    ledger.lock([calendar_id])
    for row in coming:
        claim = ledger.Claim(calendar_id, Interval(row.starts_at, row.ends_at))
        same = and_(Booking.id == row.id, Booking.starts_at == row.starts_at)
        # Who cancels or moves it at this moment comes first: it then stays as it is.
        if not ledger.find_conflicts([claim]) and _adopt(user, made, holds_time, same):
            ledger.occupy([claim], booking_id=row.id)


def _adopt(user: User, *where: ColumnElement[bool]) -> int:
    adopted = db.session.execute(
        update(Booking)
        .where(*where)
        .values(user_id=user.id, version=Booking.version + 1)
        .returning(Booking.id)
        .execution_options(synchronize_session=False)
    )
    return len(adopted.all())
