"""How attendees come in: an event's QR codes, its attendees, and their one-time codes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.event import Event
from app.models.types import UTCDateTime
from app.models.user import User


class EventCode(Model):
    """The public id in an event's QR code. Rotating ends one and begins another.

    It names the event and nothing else: no session, no person.
    """

    __tablename__ = "event_code"
    __table_args__ = (
        Index(
            "uq_event_code_current",
            "event_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    code: Mapped[str] = mapped_column(String(32), primary_key=True, info={"secret": True})
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    event: Mapped[Event] = relationship()


class Attendee(Model):
    """Somebody on an event's list, known by address; checked in once seen at the door.

    `badge` is the public id in the QR code of a badge. `external_id` is the row's id in
    the list that it was imported from.
    """

    __tablename__ = "attendee"
    __table_args__ = (
        UniqueConstraint("event_id", "email", name="uq_attendee_event_email"),
        UniqueConstraint("event_id", "external_id", name="uq_attendee_event_external_id"),
        Index("ix_attendee_email", "email"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(128), default="")
    badge: Mapped[str] = mapped_column(String(32), unique=True, info={"secret": True})
    external_id: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    checked_in_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    checked_in_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))

    event: Mapped[Event] = relationship()
    checked_in_by_user: Mapped[Any] = relationship(User)

    def __str__(self) -> str:
        return self.name or self.email


class OneTimeCode(Model):
    """A mailed code of one address for one event, bound to the browser that asked.

    A resend renews the code and its time; `tries` go on counting. `code_hash` and
    `browser_hash` are keyed hashes: neither is in the database in clear.
    """

    __tablename__ = "one_time_code"
    __table_args__ = (
        UniqueConstraint(
            "event_id", "email", "browser_hash", name="uq_one_time_code_event_email_browser"
        ),
        Index("ix_one_time_code_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(320))
    browser_hash: Mapped[str] = mapped_column(String(64), info={"secret": True})
    code_hash: Mapped[str] = mapped_column(String(64), info={"secret": True})
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
