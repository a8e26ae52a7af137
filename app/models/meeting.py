"""`Meeting`: an appointment's meeting at a provider, and what is still to be done there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UTCDateTime

PENDING = "pending"
DONE = "done"
FAILED = "failed"


class Meeting(Model):
    """What a provider of meetings shall have for one booking, and has.

    Whatever changes the booking raises `wanted` in the same transaction. Whoever speaks
    with the provider reads the booking as it is, makes it so there, and sets `settled` to
    the `wanted` that it began with; so changes in between are never lost, and never done
    twice. While pending, it is due at `next_attempt_at`, and is somebody's while
    `leased_until` lies ahead. `external_id` is the provider's name for it, null while there is none.
    """

    __tablename__ = "meeting"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'done', 'failed')", name="meeting_state_known"),
        Index("ix_meeting_due", "state", "next_attempt_at"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    booking_id: Mapped[int] = mapped_column(
        ForeignKey("booking.id", ondelete="CASCADE"), unique=True
    )
    kind: Mapped[str] = mapped_column(String(16))
    external_id: Mapped[str | None] = mapped_column(String(200))
    # How many were made before this one, and are gone.
    generation: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    state: Mapped[str] = mapped_column(String(16), default=PENDING, server_default=PENDING)
    wanted: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    settled: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
