"""The audit log: who did what, written in the transaction of the deed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert

from app.models import AuditEntry
from app.services import clock
from app.services.policy import Actor
from app.services.transaction import execute

_INSERT = insert(AuditEntry.__table__)
_NAME = re.compile("[a-z_]{1,40}")


def record(
    actor: Actor | None, action: str, object_kind: str, object_id: object, **changes: Any
) -> None:
    """Write one entry. `changes` are JSON values and never a secret."""
    record_each(actor, action, object_kind, [object_id], **changes)


def record_each(
    actor: Actor | None, action: str, object_kind: str, object_ids: Iterable[object], **changes: Any
) -> None:
    """Write one entry for each of several objects that the same was done to."""
    entry = {
        "at": clock.now(),
        "actor_id": actor.user_id if actor else None,
        "action": action,
        "object_kind": object_kind,
        "changes": changes,
    }
    execute(_INSERT, [{**entry, "object_id": str(object_id)} for object_id in object_ids])


def names(sent: Iterable[str]) -> list[str]:
    """The names of fields among what a client sent, which may hold anything as a key."""
    return sorted(name for name in sent if _NAME.fullmatch(name))
