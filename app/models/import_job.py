"""`ImportJob`: a list on its way in, from the upload to what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.event import Event
from app.models.types import JSONDocument, UTCDateTime

UPLOADED = "uploaded"
CHECKING = "checking"
CHECKED = "checked"
IMPORTING = "importing"
DONE = "done"
FAILED = "failed"


class ImportJob(Model):
    """One file of one person. `lines` are `[number, cells]`, emptied once it is done.

    `mapping` has the column, from 0, of each field; `outcome` what becomes of each line;
    `done` counts lines looked at while it is being checked or imported.
    """

    __tablename__ = "import_job"
    __table_args__ = (
        CheckConstraint(
            "state IN ('uploaded', 'checking', 'checked', 'importing', 'done', 'failed')",
            name="import_job_state_known",
        ),
        Index("ix_import_job_touched_at", "touched_at"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"))
    actor_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    file_name: Mapped[str] = mapped_column(String(200))
    head: Mapped[list[str]] = mapped_column(JSONDocument)
    lines: Mapped[list[Any]] = mapped_column(JSONDocument)
    mapping: Mapped[dict[str, int]] = mapped_column(JSONDocument)
    state: Mapped[str] = mapped_column(String(16), default=UPLOADED)
    done: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    outcome: Mapped[list[Any]] = mapped_column(JSONDocument)
    error: Mapped[str] = mapped_column(String(500), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    touched_at: Mapped[datetime] = mapped_column(UTCDateTime)

    event: Mapped[Event | None] = relationship()

    def __str__(self) -> str:
        return self.file_name
