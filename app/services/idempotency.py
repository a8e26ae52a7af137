"""Idempotency-Key: the same request again gives the first answer again.

The answer is stored in the transaction of its effect, so there is one exactly when
there is the other, whatever crashes. Refusals have no effect and are judged afresh.
After the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from flask_babel import gettext
from sqlalchemy import delete, func, insert, select

from app.extensions import db
from app.models import IdempotencyKey
from app.services import clock
from app.services.errors import IdempotencyInFlight, IdempotencyMismatch, InvalidInput
from app.services.fields import is_storable
from app.services.transaction import transactional

KEPT = timedelta(hours=24)
MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that can be given again."""

    status: int
    body: str


@transactional
def once(
    actor: str, path: str, key: str, payload: bytes, run: Callable[[], Answer]
) -> tuple[Answer, bool]:
    """Run a command at most once per actor, path and key, in one transaction.

    What is stored is `actor`, `path` and the answer's body as they are given here, for
    24 hours: the caller leaves secrets out of them.

    Returns the answer, and whether it was given before. Locks the key first, without
    waiting. Raises `IdempotencyMismatch` when the payload is another,
    `IdempotencyInFlight` while the first request runs, `InvalidInput` for a bad key.
    """
    if not 0 < len(key) <= MAX_KEY or not is_storable(key):
        raise InvalidInput(
            {"Idempotency-Key": [gettext("Use 1 to %(maximum)s characters.", maximum=MAX_KEY)]}
        )
    payload_hash = sha256(payload).hexdigest()
    _lock(f"{actor}\n{path}\n{key}")
    stored = db.session.execute(
        select(IdempotencyKey.payload_hash, IdempotencyKey.status, IdempotencyKey.body)
        .where(IdempotencyKey.actor == actor, IdempotencyKey.path == path)
        .where(IdempotencyKey.key == key, IdempotencyKey.created_at > clock.now() - KEPT)
    ).one_or_none()
    if stored:
        if stored.payload_hash != payload_hash:
            raise IdempotencyMismatch
        return Answer(stored.status, stored.body), True
    answer = run()
    db.session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.created_at <= clock.now() - KEPT)
    )
    db.session.execute(
        insert(IdempotencyKey),
        {
            "actor": actor,
            "path": path,
            "key": key,
            "payload_hash": payload_hash,
            "status": answer.status,
            "body": answer.body,
            "created_at": clock.now(),
        },
    )
    return answer, False


def _lock(name: str) -> None:
    # SQLite has one writer: the transaction's own lock makes the second request wait.
    if db.session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
        if not db.session.scalar(select(func.pg_try_advisory_xact_lock(number))):
            raise IdempotencyInFlight
