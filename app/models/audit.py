"""`AuditEntry`: who did what to which object, written in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import JSONDocument, UTCDateTime

PAGE = "page"
BACK_OFFICE = "backoffice"
API = "api"
SOCKET = "socket"
CLI = "cli"
TIMER = "timer"
DOORS = (PAGE, BACK_OFFICE, API, SOCKET, CLI, TIMER)


class AuditEntry(Model):
    """One act. `actor_id` is null for guests, commands and timers; `door` says which.

    No foreign keys: the entry outlives what it speaks of, and `object_name` is what that was
    called then, empty where it has no name. `before` holds the former
    values of what changed, `changes` the new ones and what else there is to know, both
    without secrets. The database refuses to change an entry, and to delete one that no
    `AuditPurge` gives up.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_object", "object_kind", "object_id"),
        Index("ix_audit_entry_at", "at"),
        Index("ix_audit_entry_actor_id", "actor_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor_id: Mapped[int | None] = mapped_column(Integer)
    action: Mapped[str] = mapped_column(String(64))
    object_kind: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(String(64))
    object_name: Mapped[str] = mapped_column(Text, server_default="")
    before: Mapped[dict[str, Any]] = mapped_column(JSONDocument, server_default="{}")
    changes: Mapped[dict[str, Any]] = mapped_column(JSONDocument)
    door: Mapped[str] = mapped_column(String(16), server_default=CLI)
    address: Mapped[str | None] = mapped_column(String(45))  # the longest IPv6


class AuditPurge(Model):
    """Leave to delete the entries from before `up_to`: the one way out of the log.

    Kept itself, so that what was deleted, and when, is known.
    """

    __tablename__ = "audit_purge"
    __table_args__ = (CheckConstraint("up_to < at", name="audit_purge_is_of_the_past"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    up_to: Mapped[datetime] = mapped_column(UTCDateTime)
    deleted: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
