"""`Series`: what repeated reservations have in common."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UTCDateTime


class Series(Model):
    """Reservations that repeat by a rule in one local time.

    Each occurrence is a booking of its own, with its own busy periods: the ledger knows
    of no series. `rule` is an RRULE (RFC 5545, 3.3.10), `time_zone` the one in which it
    was read.
    """

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    uid: Mapped[str] = mapped_column(String(64), unique=True)
    rule: Mapped[str] = mapped_column(String(300))
    time_zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
