"""The ledger of time: one `Calendar` per user and per room, and its `BusyPeriod`s.

Only `services/ledger.py` writes `busy_period`. That no two periods of a calendar
overlap is also a constraint of the database, an exclusion constraint on PostgreSQL
and a trigger on SQLite; both stand in the migrations, which own the schema.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UTCDateTime


class Calendar(Model):
    """The time of one user or of one room.

    `version` rises with every change of what the calendar shows. It is the version
    of the live topics that are views of it: `room:`, `expert:` and `me`.
    """

    __tablename__ = "calendar"
    __table_args__ = (
        CheckConstraint("(user_id IS NULL) <> (room_id IS NULL)", name="calendar_has_one_owner"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True
    )
    room_id: Mapped[int | None] = mapped_column(
        ForeignKey("room.id", ondelete="CASCADE"), unique=True
    )
    version: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class BusyPeriod(Model):
    """`[starts_at, ends_at)` of one calendar, owed to a booking or to an event session."""

    __tablename__ = "busy_period"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="busy_period_not_empty"),
        CheckConstraint(
            "(booking_id IS NULL) <> (event_session_id IS NULL)", name="busy_period_has_one_cause"
        ),
        # The order lets a search start at the first period that ends after an instant.
        Index("ix_busy_period_calendar", "calendar_id", "ends_at", "starts_at"),
        Index("ix_busy_period_booking_id", "booking_id"),
        Index("ix_busy_period_event_session_id", "event_session_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendar.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("booking.id", ondelete="CASCADE"))
    event_session_id: Mapped[int | None] = mapped_column(
        ForeignKey("event_session.id", ondelete="CASCADE")
    )
