"""`IdempotencyKey`: the first answer to a request, kept to be given again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UTCDateTime


class IdempotencyKey(Model):
    """One key of one actor on one path, written in the transaction of the booking itself.

    So the answer exists exactly when the effect does. See the IETF draft
    "The Idempotency-Key HTTP Header Field".
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_created_at", "created_at"),)

    actor: Mapped[str] = mapped_column(String(330), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    payload_hash: Mapped[str] = mapped_column(String(64), info={"secret": True})
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(Text, info={"secret": True})
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
