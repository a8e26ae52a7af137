"""`Expert`: a user's public profile, and the hours it offers."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Date, ForeignKey, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.types import JSONDocument
from app.models.user import User


class Expert(Model):
    """A public profile.

    `weekly_hours` is a list of `{"weekday", "start", "end"}`: weekday 0 is Monday,
    start and end are minutes of the local day in `time_zone`, 1440 being 24:00.
    Public holidays of `holiday_country` (ISO 3166) are days off, but for the dates in
    `holiday_exceptions` (ISO 8601).
    """

    __tablename__ = "expert"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    headline: Mapped[str] = mapped_column(String(200), default="")
    bio: Mapped[str] = mapped_column(Text, default="")
    time_zone: Mapped[str] = mapped_column(String(64))
    weekly_hours: Mapped[list[dict[str, int]]] = mapped_column(JSONDocument)
    holiday_country: Mapped[str | None] = mapped_column(String(2))
    holiday_subdivision: Mapped[str | None] = mapped_column(String(64))
    holiday_exceptions: Mapped[list[str]] = mapped_column(
        JSONDocument, default=list, server_default=text("'[]'")
    )

    user: Mapped[Any] = relationship(User)
    date_overrides: Mapped[list[DateOverride]] = relationship(
        back_populates="expert", cascade="all, delete-orphan", order_by="DateOverride.date"
    )
    event_types: Mapped[list[Any]] = relationship(
        "EventType", back_populates="expert", order_by="EventType.id", passive_deletes=True
    )

    def __str__(self) -> str:
        return self.name


class ExpertSlug(Model):
    """A slug that an expert had before; its page redirects to the present one."""

    __tablename__ = "expert_slug"

    slug: Mapped[str] = mapped_column(String(64), primary_key=True)
    expert_id: Mapped[int] = mapped_column(ForeignKey("expert.id", ondelete="CASCADE"), index=True)


class DateOverride(Model):
    """Hours of one local date that replace the weekly ones; none means a day off.

    `intervals` is a list of `[start, end]` in minutes of the local day.
    """

    __tablename__ = "date_override"
    __table_args__ = (UniqueConstraint("expert_id", "date", name="uq_date_override_expert_date"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    expert_id: Mapped[int] = mapped_column(ForeignKey("expert.id", ondelete="CASCADE"))
    date: Mapped[date] = mapped_column(Date)
    intervals: Mapped[list[list[int]]] = mapped_column(JSONDocument)

    expert: Mapped[Expert] = relationship(back_populates="date_overrides")
