"""The audit log: who did what, from where, written in the transaction of the deed.

An update or a deletion also says what was there before:

    before = audit.snapshot(room)
    ...
    audit.record_update(actor, "room", room.id, before, audit.snapshot(room))

Each entry keeps what its object was called then, read by the statement that writes it.

The database refuses to change the log (migration 0007); `purge` is the way out of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    String,
    bindparam,
    cast,
    delete,
    func,
    insert,
    inspect,
    literal,
    select,
    union_all,
)

from app.extensions import db
from app.models import (
    Attendee,
    AuditEntry,
    AuditPurge,
    Booking,
    Event,
    EventSession,
    EventType,
    Expert,
    OutboxMessage,
    Room,
    User,
)
from app.services import clock, origin
from app.services.clock import rfc3339
from app.services.policy import Actor
from app.services.transaction import execute, transactional

# Columns that only count, or that the entry says by itself.
_UNTOLD = {"id", "version", "sequence", "created_at", "created_on", "changed_on"}
# By kind: what an object is found by, and what it is called.
_NAMES: dict[str, tuple[ColumnElement[Any], ColumnElement[str]]] = {
    "attendee": (
        Attendee.__table__.c.id,
        func.coalesce(func.nullif(Attendee.__table__.c.name, ""), Attendee.__table__.c.email),
    ),
    "booking": (Booking.__table__.c.uid, Booking.__table__.c.title),
    "event": (Event.__table__.c.id, Event.__table__.c.title),
    "event_session": (EventSession.__table__.c.id, EventSession.__table__.c.title),
    "event_type": (EventType.__table__.c.id, EventType.__table__.c.title),
    "expert": (Expert.__table__.c.id, Expert.__table__.c.name),
    "mail": (OutboxMessage.__table__.c.id, OutboxMessage.__table__.c.template),  # a code
    "room": (Room.__table__.c.id, Room.__table__.c.name),
    "user": (
        User.__table__.c.id,
        func.trim(User.__table__.c.first_name + " " + User.__table__.c.last_name),
    ),
}
NAMED = _NAMES.keys()  # the kinds whose objects have names


def _insert(kind: str) -> Insert:
    statement = insert(AuditEntry.__table__)
    if kind not in _NAMES:
        return statement
    key, name = _NAMES[kind]
    named = select(name).where(key == bindparam("object_key", type_=key.type))
    return statement.values(object_name=func.coalesce(named.scalar_subquery(), ""))


# Names cost no errand of their own: bookings are made under a hot row's lock.
_INSERTS = {kind: _insert(kind) for kind in _NAMES}
_INSERT_UNNAMED = _insert("")


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
    rows = [{**entry, "object_id": str(object_id)} for object_id in object_ids]
    if object_kind in _NAMES:
        for row in rows:
            row["object_key"] = _key(object_kind, str(row["object_id"]))
    execute(_INSERTS.get(object_kind, _INSERT_UNNAMED), rows)


def record_creation(
    actor: Actor | None,
    object_kind: str,
    object_id: object,
    after: Mapping[str, Any],
    **more: Any,
) -> None:
    """Write what a new object says, by its snapshot; what is empty in it is left out."""
    said = {name: value for name, value in after.items() if value not in (None, "", [], {})}
    record(actor, "create", object_kind, object_id, **said, **more)


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
    """Write what differs between two snapshots; the second is taken after the flush.

    Where nothing differs nobody did anything.
    """
    changed = [name for name, value in after.items() if before.get(name) != value]
    if not changed and not more:
        return
    record(
        actor,
        "update",
        object_kind,
        object_id,
        before={name: before.get(name) for name in changed},
        **{name: after[name] for name in changed},
        **more,
    )


def find_names(wanted: Mapping[str, Collection[str]]) -> dict[tuple[str, str], str]:
    """What objects are called now, by kind and id; without those that are gone. One query."""
    queries = []
    for kind, ids in wanted.items():
        keys = {_key(kind, each) for each in ids} - {None} if kind in _NAMES else set()
        if keys:
            key, name = _NAMES[kind]
            of_kind = select(
                literal(kind).label("kind"),
                cast(key, String).label("object_id"),
                name.label("name"),
            )
            queries.append(of_kind.where(key.in_(keys)))
    if not queries:
        return {}
    found = db.session.execute(union_all(*queries))
    return {(row.kind, row.object_id): row.name for row in found}


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


def _key(kind: str, object_id: str) -> int | str | None:
    """What the row is found by; None for an id that stands for no single one."""
    if not isinstance(_NAMES[kind][0].type, Integer):
        return object_id
    return int(object_id) if object_id.isascii() and object_id.isdecimal() else None


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value
