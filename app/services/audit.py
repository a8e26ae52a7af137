"""The audit log: who did what, from where, written in the transaction of the deed.

An update or a deletion also says what was there before:

    before = audit.snapshot(room)
    ...
    audit.record_update(actor, "room", room.id, before, audit.snapshot(room))

The database refuses to change the log (migration 0007); `purge` is the way out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, insert, inspect, select

from app.extensions import db
from app.models import AuditEntry, AuditPurge
from app.services import clock, origin
from app.services.clock import rfc3339
from app.services.policy import Actor
from app.services.transaction import execute, transactional

# Columns that only count, or that the entry says by itself.
_UNTOLD = {"id", "version", "sequence", "created_at", "created_on", "changed_on"}
_INSERT = insert(AuditEntry.__table__)


def record(
    actor: Actor | None,
    action: str,
    object_kind: str,
    object_id: object,
    *,
    before: Mapping[str, Any] | None = None,
    by_user: int | None = None,
    **changes: Any,
) -> None:
    """Write one entry. `before` and `changes` are JSON values and never a secret.

    `by_user` names who it was where there is no actor yet: at the sign-in itself.
    """
    record_each(actor, action, object_kind, [object_id], before=before, by_user=by_user, **changes)


def record_each(
    actor: Actor | None,
    action: str,
    object_kind: str,
    object_ids: Iterable[object],
    *,
    before: Mapping[str, Any] | None = None,
    by_user: int | None = None,
    **changes: Any,
) -> None:
    """Write one entry for each of several objects that the same was done to."""
    here = origin.current()
    entry = {
        "at": clock.now(),
        "actor_id": actor.user_id if actor else by_user,
        "action": action,
        "object_kind": object_kind,
        "before": dict(before or {}),
        "changes": changes,
        "door": here.door,
        "address": here.address,
    }
    execute(_INSERT, [{**entry, "object_id": str(object_id)} for object_id in object_ids])


def snapshot(row: Any) -> dict[str, Any]:
    """What a row says now, as JSON values: without secrets and counters."""
    mapper = inspect(type(row))
    return {
        attribute.key: _json(getattr(row, attribute.key))
        for attribute in mapper.column_attrs
        if attribute.key not in _UNTOLD and not attribute.columns[0].info.get("secret")
    }


def record_update(
    actor: Actor | None,
    object_kind: str,
    object_id: object,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    **more: Any,
) -> None:
    """Write what differs between two snapshots; the second is taken after the flush."""
    changed = [name for name, value in after.items() if before.get(name) != value]
    record(
        actor,
        "update",
        object_kind,
        object_id,
        before={name: before.get(name) for name in changed},
        **{name: after[name] for name in changed},
        **more,
    )


@transactional
def purge(up_to: datetime) -> int:
    """Delete the entries from before `up_to`; returns how many. The leave stays on record."""
    entries = AuditEntry.__table__
    old = entries.c.at < up_to
    if not db.session.scalar(select(select(entries.c.id).where(old).exists())):
        return 0
    number = db.session.scalar(select(func.count()).select_from(entries).where(old)) or 0
    db.session.add(AuditPurge(at=clock.now(), up_to=up_to, deleted=number))
    db.session.flush()
    execute(delete(entries).where(old))
    return number


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value
