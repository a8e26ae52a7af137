"""`BusyCalendar`: somebody's calendar elsewhere, and the `ExternalBusy` time in it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UTCDateTime

UPLOAD = "upload"
SUBSCRIPTION = "subscription"


class BusyCalendar(Model):
    """A calendar elsewhere whose busy time counts as its owner's: a file, or a URL.

    `calendar_id` is the owner's calendar in the ledger. `sealed_url` is a secret, kept
    under `services/sealed_text`; `host` is what may be shown of it. `content` is the
    calendar as iCalendar with nothing in it but times and rules, from which the days to come
    are worked out, last at `worked_out_at` in `time_zone`. A refresh is due at `next_refresh_at`, and is
    somebody's while `leased_until` lies ahead.
    """

    __tablename__ = "busy_calendar"
    __table_args__ = (
        CheckConstraint("kind IN ('upload', 'subscription')", name="busy_calendar_kind_known"),
        CheckConstraint(
            "(kind = 'subscription') = (sealed_url IS NOT NULL)",
            name="busy_calendar_subscription_has_url",
        ),
        Index("ix_busy_calendar_calendar_id", "calendar_id"),
        Index("ix_busy_calendar_next_refresh_at", "next_refresh_at"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendar.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(16))
    sealed_url: Mapped[str | None] = mapped_column(Text, info={"secret": True})
    host: Mapped[str] = mapped_column(String(255), default="", server_default="")
    content: Mapped[str | None] = mapped_column(Text, info={"secret": True})
    content_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    etag: Mapped[str] = mapped_column(String(500), default="", server_default="")
    last_modified: Mapped[str] = mapped_column(String(100), default="", server_default="")
    time_zone: Mapped[str] = mapped_column(String(64), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    succeeded_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    worked_out_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    busy_periods: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    skipped: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    last_error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    next_refresh_at: Mapped[datetime] = mapped_column(UTCDateTime)
    leased_until: Mapped[datetime | None] = mapped_column(UTCDateTime)

    def __str__(self) -> str:
        return self.name


class ExternalBusy(Model):
    """`[starts_at, ends_at)` in which a calendar elsewhere says that its owner is busy.

    No part of the ledger: these may overlap each other and what is booked. They keep
    time from being offered, and are never in the way of anything else.
    """

    __tablename__ = "external_busy"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="external_busy_not_empty"),
        # As busy_period's: a search starts at the first period that ends after an instant.
        Index("ix_external_busy_calendar", "calendar_id", "ends_at", "starts_at"),
        Index("ix_external_busy_busy_calendar_id", "busy_calendar_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    busy_calendar_id: Mapped[int] = mapped_column(
        ForeignKey("busy_calendar.id", ondelete="CASCADE")
    )
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendar.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
