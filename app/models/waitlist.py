"""`WaitlistEntry`: somebody waiting for a seat in a full session."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.event_session import EventSession
from app.models.types import UTCDateTime
from app.models.user import User


class WaitlistEntry(Model):
    """A place in the queue of one session; the order is that of `id`.

    Who is not free when a seat frees gets an offer: until `offer_expires_at` the seat
    is held for them, counted in the session's `seats_taken`.
    """

    __tablename__ = "waitlist_entry"
    __table_args__ = (
        UniqueConstraint("event_session_id", "user_id", name="uq_waitlist_entry_session_user"),
        Index("ix_waitlist_entry_offer_expires_at", "offer_expires_at"),
        Index("ix_waitlist_entry_user_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    event_session_id: Mapped[int] = mapped_column(
        ForeignKey("event_session.id", ondelete="CASCADE")
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    offer_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    language: Mapped[str | None] = mapped_column(String(8))  # in which somebody joined

    event_session: Mapped[EventSession] = relationship()
    user: Mapped[Any] = relationship(User)
