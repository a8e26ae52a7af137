"""`OutboxMessage`: a mail, written in the business transaction and sent after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import JSONDocument, UTCDateTime

PENDING = "pending"
SENDING = "sending"
SENT = "sent"
FAILED = "failed"


class OutboxMessage(Model):
    """A mail to one recipient, rendered when it is sent.

    `context` is what the template needs, as it was true in the transaction; it holds
    no secret. `wording` is with which words it was sent, placeholders unfilled, as
    `mail_wording.Wording` has them. `message_id` is stable, so a repeat after a crash can be recognised.
    Nothing is sent after `expires_at`.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'failed')", name="outbox_message_state_known"
        ),
        Index("ix_outbox_message_due", "state", "next_attempt_at"),
        Index("ix_outbox_message_booking_id", "booking_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    template: Mapped[str] = mapped_column(String(64))
    recipient: Mapped[str] = mapped_column(String(320))
    language: Mapped[str] = mapped_column(String(8), default="en", server_default="en")
    context: Mapped[dict[str, Any]] = mapped_column(JSONDocument, info={"secret": True})
    wording: Mapped[dict[str, Any] | None] = mapped_column(JSONDocument)
    booking_id: Mapped[int | None] = mapped_column(ForeignKey("booking.id", ondelete="SET NULL"))
    message_id: Mapped[str] = mapped_column(String(100), unique=True, info={"secret": True})
    state: Mapped[str] = mapped_column(String(16), default=PENDING, server_default=PENDING)
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_error: Mapped[str] = mapped_column(String(500), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
