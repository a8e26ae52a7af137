"""`CalendarFeed`: a link that lets calendar programs read somebody's bookings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UTCDateTime


class CalendarFeed(Model):
    """One of a user's feeds: of all bookings, or of the seats at one event.

    The link holds a random token of which SHA-256 is kept. A user has at most one of
    each, so a new link ends the old one; stopping deletes the row.
    """

    __tablename__ = "calendar_feed"
    __table_args__ = (
        UniqueConstraint("user_id", "event_id", name="uq_calendar_feed_user_event"),
        Index(
            "uq_calendar_feed_user_whole",
            "user_id",
            unique=True,
            postgresql_where=text("event_id IS NULL"),
            sqlite_where=text("event_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    # Null for a feed of everything.
    event_id: Mapped[int | None] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, info={"secret": True})
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
