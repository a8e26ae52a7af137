"""`EventType`: what an expert offers to be booked for."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.event import Room
from app.models.expert import Expert
from app.models.types import JSONDocument

DAY_MINUTES = 24 * 60
LOCATION_KINDS = ("google_meet", "zoom", "jitsi", "phone", "in_person", "link")


class EventType(Model):
    """An expert's offering. `slot_step_minutes` of None means the duration.

    `seats` is how many clients one slot takes. With `requires_approval` a booking is a
    request that holds its time for `approval_minutes`, or until it would begin, and
    then ends. `reminder_minutes` says how long before the start reminders are mailed.
    An event type that is not listed is booked by whoever has its link.
    """

    __tablename__ = "event_type"
    __table_args__ = (
        UniqueConstraint("expert_id", "slug", name="uq_event_type_expert_slug"),
        CheckConstraint("duration_minutes > 0", name="event_type_duration_positive"),
        CheckConstraint(
            "buffer_before_minutes >= 0 AND buffer_after_minutes >= 0"
            " AND minimum_notice_minutes >= 0 AND horizon_days >= 0",
            name="event_type_spans_not_negative",
        ),
        CheckConstraint("seats >= 1", name="event_type_seats_positive"),
        CheckConstraint("approval_minutes >= 1", name="event_type_approval_positive"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    expert_id: Mapped[int] = mapped_column(ForeignKey("expert.id", ondelete="CASCADE"), index=True)
    slug: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    duration_minutes: Mapped[int] = mapped_column(Integer)
    location_kind: Mapped[str] = mapped_column(String(16), default="jitsi")
    location_detail: Mapped[str] = mapped_column(String(500), default="")
    buffer_before_minutes: Mapped[int] = mapped_column(Integer, default=0)
    buffer_after_minutes: Mapped[int] = mapped_column(Integer, default=0)
    minimum_notice_minutes: Mapped[int] = mapped_column(Integer, default=0)
    horizon_days: Mapped[int] = mapped_column(Integer, default=60)
    slot_step_minutes: Mapped[int | None] = mapped_column(Integer)
    daily_limit: Mapped[int | None] = mapped_column(Integer)
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"), index=True)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    is_listed: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    seats: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    requires_approval: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    approval_minutes: Mapped[int] = mapped_column(
        Integer, default=DAY_MINUTES, server_default=str(DAY_MINUTES)
    )
    reminder_minutes: Mapped[list[int]] = mapped_column(
        JSONDocument, default=lambda: [DAY_MINUTES], server_default=text(f"'[{DAY_MINUTES}]'")
    )

    expert: Mapped[Expert] = relationship(back_populates="event_types")
    room: Mapped[Room | None] = relationship()

    def __str__(self) -> str:
        return self.title
