"""`Booking`: one claim on time, an `Appointment`, a `Seat`, a `Reservation` or a `Blackout`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.event import Room
from app.models.event_session import EventSession
from app.models.event_type import EventType
from app.models.expert import Expert
from app.models.series import Series
from app.models.types import UTCDateTime
from app.models.user import User

PENDING = "pending"  # waits for the host's answer, and holds its time meanwhile
CONFIRMED = "confirmed"
CANCELLED = "cancelled"
LIVE = (PENDING, CONFIRMED)  # whatever occupies time
# How a booking ended: by whose wish, or what became of a request.
BY_CLIENT, BY_HOST = "client", "host"
DECLINED, WITHDRAWN, EXPIRED = "declined", "withdrawn", "expired"
ENDINGS = (BY_CLIENT, BY_HOST, DECLINED, WITHDRAWN, EXPIRED)
RESERVATION_TYPES = ("Live", "PreRecorded")


class Booking(Model):
    """One claim, requested, confirmed or cancelled; which columns are needed depends on `kind`.

    `user_id` is the person whose time it is: the client of an appointment (null for a
    guest without account), the attendee of a seat, the responsible user of a
    reservation; a blackout is nobody's. `sequence` is iCalendar's revision, `version` the
    row's own counter.

    Live appointments of one event type at one start share a group slot: each has a
    `place` of its own, and one of them holds the expert's (and the room's) busy period.
    """

    __tablename__ = "booking"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="booking_not_empty"),
        CheckConstraint(
            "status IN ('pending', 'confirmed', 'cancelled')", name="booking_status_known"
        ),
        CheckConstraint(
            "status <> 'pending' OR (kind = 'appointment' AND decide_by IS NOT NULL)",
            name="booking_pending_is_request",
        ),
        CheckConstraint("place >= 1", name="booking_place_positive"),
        CheckConstraint(
            "kind IN ('appointment', 'seat', 'reservation', 'blackout')", name="booking_kind_known"
        ),
        CheckConstraint(
            "kind <> 'appointment' OR (expert_id IS NOT NULL AND event_type_id IS NOT NULL"
            " AND attendee_name IS NOT NULL AND attendee_email IS NOT NULL)",
            name="booking_appointment_complete",
        ),
        CheckConstraint(
            "kind <> 'seat' OR (event_session_id IS NOT NULL AND user_id IS NOT NULL)",
            name="booking_seat_complete",
        ),
        CheckConstraint(
            "kind <> 'reservation' OR (room_id IS NOT NULL AND user_id IS NOT NULL)",
            name="booking_reservation_complete",
        ),
        CheckConstraint(
            "kind <> 'blackout' OR (room_id IS NOT NULL AND user_id IS NULL)",
            name="booking_blackout_complete",
        ),
        Index(
            "uq_booking_live_seat",
            "event_session_id",
            "user_id",
            unique=True,
            postgresql_where=text("status = 'confirmed' AND kind = 'seat'"),
            sqlite_where=text("status = 'confirmed' AND kind = 'seat'"),
        ),
        Index(
            "uq_booking_live_place",
            "event_type_id",
            "starts_at",
            "place",
            unique=True,
            postgresql_where=text("status <> 'cancelled' AND kind = 'appointment'"),
            sqlite_where=text("status <> 'cancelled' AND kind = 'appointment'"),
        ),
        Index(
            "ix_booking_decide_by",
            "decide_by",
            postgresql_where=text("status = 'pending'"),
            sqlite_where=text("status = 'pending'"),
        ),
        Index("ix_booking_user", "user_id", "ends_at"),
        Index("ix_booking_expert", "expert_id", "ends_at"),
        Index("ix_booking_room", "room_id", "ends_at"),
        Index("ix_booking_event_type", "event_type_id", "starts_at"),
        Index("ix_booking_attendee_email", "attendee_email"),
        Index("ix_booking_series", "series_id", "starts_at"),
        Index("ix_booking_starts_at", "starts_at", "id"),  # lists of all, by time
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    uid: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default=CONFIRMED, server_default=CONFIRMED)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    sequence: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    title: Mapped[str] = mapped_column(String(300))
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    cancel_reason: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    cancelled_as: Mapped[str | None] = mapped_column(String(16))  # one of ENDINGS

    # Where: an appointment's and a reservation's room, an appointment's place or link.
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"))
    location: Mapped[str] = mapped_column(String(500), default="", server_default="")
    meeting_url: Mapped[str | None] = mapped_column(String(500))

    # Appointments.
    expert_id: Mapped[int | None] = mapped_column(ForeignKey("expert.id"))
    event_type_id: Mapped[int | None] = mapped_column(ForeignKey("event_type.id"))
    attendee_name: Mapped[str | None] = mapped_column(String(128))
    attendee_email: Mapped[str | None] = mapped_column(String(320))
    attendee_phone: Mapped[str | None] = mapped_column(String(40))
    notes: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str | None] = mapped_column(String(64))  # the client's own
    language: Mapped[str | None] = mapped_column(String(8))  # in which the client booked
    # SHA-256 of the guest's manage token; the token itself is only in the mail.
    manage_token_hash: Mapped[str | None] = mapped_column(
        String(64), unique=True, info={"secret": True}
    )
    # Of a request: when it ends by itself, and the host's answer comes too late.
    decide_by: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Which of the seats of its slot it has, from 1.
    place: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    # When what the client left (name, address, phone, notes) was taken out.
    anonymised_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    # Seats.
    event_session_id: Mapped[int | None] = mapped_column(ForeignKey("event_session.id"))

    # Reservations: "Live", "PreRecorded" or null; and what they are an occurrence of.
    reservation_type: Mapped[str | None] = mapped_column(String(16))
    series_id: Mapped[int | None] = mapped_column(ForeignKey("series.id", name="fk_booking_series"))

    user: Mapped[Any] = relationship(User)
    room: Mapped[Room | None] = relationship()
    expert: Mapped[Expert | None] = relationship()
    event_type: Mapped[EventType | None] = relationship()
    event_session: Mapped[EventSession | None] = relationship()
    series: Mapped[Series | None] = relationship()

    __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012 (SQLAlchemy's own attribute)

    def __str__(self) -> str:
        return self.title


class Appointment(Booking):
    """A client's time with an expert."""

    __mapper_args__ = {"polymorphic_identity": "appointment"}  # noqa: RUF012


class Seat(Booking):
    """An attendee's place in an event session."""

    __mapper_args__ = {"polymorphic_identity": "seat"}  # noqa: RUF012


class Reservation(Booking):
    """Staff's claim on a room, with a responsible user."""

    __mapper_args__ = {"polymorphic_identity": "reservation"}  # noqa: RUF012


class Blackout(Booking):
    """A room that is closed for a while; `title` is the reason, which everybody may read."""

    __mapper_args__ = {"polymorphic_identity": "blackout"}  # noqa: RUF012
