"""What an import of a schedule did, or would do, as its caller is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from app.models import EventSession
from app.services.clock import rfc3339
from app.services.schedule_plan import Wanted

Changes = dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Report:
    """What an import did, or in a dry run would do; in the file's order, `missing` by time."""

    event: str
    time_zone: str
    read: int
    dry_run: bool = False
    created: bool = False
    event_changes: Changes = field(default_factory=dict)
    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    unchanged: int = 0
    missing: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_payload(self) -> dict[str, Any]:
        """The contract's report, with values as JSON has them."""
        return {
            "event": self.event,
            "time_zone": self.time_zone,
            "dry_run": self.dry_run,
            "created": self.created,
            "event_changes": told(self.event_changes),
            "read": self.read,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "missing": self.missing,
            "skipped": self.skipped,
            "warnings": self.warnings,
        }


def described(wanted: Wanted) -> dict[str, Any]:
    """A session as the file has it."""
    return {
        "guid": wanted.guid,
        "title": wanted.values["title"],
        "room": wanted.room,
        "starts_at": rfc3339(wanted.period.starts_at),
        "ends_at": rfc3339(wanted.period.ends_at),
        "day": wanted.values["day"].isoformat(),
    }


def described_here(session: EventSession) -> dict[str, Any]:
    """A session as it is here."""
    return {
        "guid": session.guid,
        "title": session.title,
        "room": session.room.name,
        "starts_at": rfc3339(session.starts_at),
        "ends_at": rfc3339(session.ends_at),
        "day": session.day.isoformat(),
    }


def told(differences: Changes) -> dict[str, list[Any]]:
    """`{field: [old, new]}` as JSON has it."""
    return {name: [_value(old), _value(new)] for name, (old, new) in differences.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value
