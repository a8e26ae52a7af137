"""`EventSession`, a scheduled part of an event, and its `Speaker`s."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.event import Event, Room
from app.models.types import UTCDateTime
from app.models.user import User


class EventSession(Model):
    """A scheduled part of an event in a room.

    `capacity` of None is free entry: nothing to book. `day` is the conference day,
    which a session after midnight shares with the evening before. `seats_taken` and
    `version` change only under the row's lock.
    """

    __tablename__ = "event_session"
    __table_args__ = (
        UniqueConstraint("event_id", "guid", name="uq_event_session_event_guid"),
        Index("ix_event_session_event", "event_id", "starts_at"),
        CheckConstraint("ends_at > starts_at", name="event_session_not_empty"),
        CheckConstraint(
            "seats_taken >= 0 AND (capacity IS NULL OR seats_taken <= capacity)",
            name="event_session_seats_within_capacity",
        ),
        CheckConstraint("status IN ('confirmed', 'cancelled')", name="event_session_status_known"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"))
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"), index=True)
    guid: Mapped[str] = mapped_column(String(100))
    title: Mapped[str] = mapped_column(String(300))
    abstract: Mapped[str] = mapped_column(Text, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    track: Mapped[str] = mapped_column(String(200), default="")
    language: Mapped[str] = mapped_column(String(16), default="")
    day: Mapped[date] = mapped_column(Date)
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    capacity: Mapped[int | None] = mapped_column(Integer)
    seats_taken: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    status: Mapped[str] = mapped_column(String(16), default="confirmed", server_default="confirmed")
    # When the seats of who was not there went to others: once, unless it moves.
    no_shows_released_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")

    event: Mapped[Event] = relationship(back_populates="event_sessions")
    room: Mapped[Room] = relationship()
    speakers: Mapped[list[Speaker]] = relationship(
        back_populates="event_session", cascade="all, delete-orphan", order_by="Speaker.position"
    )

    def __str__(self) -> str:
        return self.title


class Speaker(Model):
    """Who speaks; where it is a user, the session occupies that user's calendar too."""

    __tablename__ = "speaker"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    event_session_id: Mapped[int] = mapped_column(
        ForeignKey("event_session.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(200))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), index=True)

    event_session: Mapped[EventSession] = relationship(back_populates="speakers")
    user: Mapped[Any] = relationship(User)

    def __str__(self) -> str:
        return self.name
