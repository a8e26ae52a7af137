"""`Event`, a conference or gathering, and `Room`, a place that can be booked."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Date, Integer, String, event, false
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.extensions import Model
from app.models.ledger import Calendar

ADMISSIONS = ("open", "checked_in")


class Event(Model):
    """A gathering with an agenda. `starts_on` and `ends_on` are local dates, both included.

    `version` counts changes of the event itself. That of the topic `event:<slug>` is
    this plus the versions of its sessions, so that booking a seat need not lock the event.
    Where `release_no_shows_minutes` is set, seats of who is not checked in so many minutes
    before a session go to others.
    """

    __tablename__ = "event"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="event_dates_in_order"),
        CheckConstraint("admission IN ('open', 'checked_in')", name="event_admission_known"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    venue: Mapped[str] = mapped_column(String(200), default="")
    admission: Mapped[str] = mapped_column(String(16), default="open")
    public: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    release_no_shows_minutes: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")

    event_sessions: Mapped[list[Any]] = relationship(
        "EventSession", back_populates="event", passive_deletes=True
    )

    def __str__(self) -> str:
        return self.title


class Room(Model):
    """A place. Its local time is `time_zone`, or `DEFAULT_TIME_ZONE` where that is null."""

    __tablename__ = "room"
    __table_args__ = (
        CheckConstraint("capacity IS NULL OR capacity > 0", name="room_capacity_positive"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    capacity: Mapped[int | None] = mapped_column(Integer)
    time_zone: Mapped[str | None] = mapped_column(String(64))

    def __str__(self) -> str:
        return self.name


@event.listens_for(Room, "after_insert")
def _give_room_a_calendar(_mapper: Mapper[Any], connection: Connection, room: Room) -> None:
    connection.execute(Calendar.__table__.insert().values(room_id=room.id, version=0))
