"""Sign-ins: every token and every browser session rests on one row.

Ending the row ends the access at the next request, whatever the token says about its
own expiry. Sockets that rest on it end within a second.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import timedelta
from uuid import uuid4

from flask import current_app
from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from app.extensions import db
from app.models import Calendar, SignIn, User
from app.models.types import AnyRow
from app.models.user import Role, full_name
from app.services import changes, clock
from app.services.policy import ACCOUNT, Actor
from app.services.transaction import execute, transactional

KEPT_AFTER_END = timedelta(days=1)
_PURGE_ONE_IN = 200

_user_role = User.__mapper__.relationships["roles"].secondary
_is_live = (
    SignIn.ended_at.is_(None),
    SignIn.expires_at > bindparam("now"),
    User.active.is_(True),
)
_role_names = (
    select(func.aggregate_strings(Role.name, "\n"))
    .select_from(Role)
    .join(_user_role, _user_role.c.role_id == Role.id)
    .where(_user_role.c.user_id == User.id)
    .correlate(User)
    .scalar_subquery()
)
# Runs for every request with credentials; `agenda` reads along. Takes `id` and `now`.
ACTOR = (
    select(
        SignIn.id.label("sign_in_id"),
        SignIn.audience,
        User.id.label("user_id"),
        User.first_name,
        User.last_name,
        User.email,
        User.time_zone,
        User.language,
        User.must_change_password,
        User.email_verified_at,
        Calendar.id.label("calendar_id"),
        _role_names.label("role_names"),
    )
    .join(User, User.id == SignIn.user_id)
    .join(Calendar, Calendar.user_id == User.id)
    .where(SignIn.id == bindparam("id"), *_is_live)
)
_LIVE = (
    select(SignIn.id)
    .join(User, User.id == SignIn.user_id)
    .where(SignIn.id.in_(bindparam("ids", expanding=True)), *_is_live)
)
_START = insert(SignIn.__table__)


@transactional
def start_sign_in(
    user_id: int, audience: str = ACCOUNT, lifetime: timedelta | None = None
) -> SignIn:
    """Let a device act for the user, for `lifetime` (default: `JWT_ACCESS_TOKEN_EXPIRES`).

    The caller has made sure who it is. The result is detached from the session.
    """
    now = clock.now().replace(microsecond=0)  # a token's end has whole seconds
    lifetime = lifetime or current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    values = {
        "id": str(uuid4()),
        "user_id": user_id,
        "audience": audience,
        "created_at": now,
        "expires_at": now + lifetime,
        "ended_at": None,
    }
    db.session.execute(_START, values)
    if secrets.randbelow(_PURGE_ONE_IN) == 0:
        purge()
    return SignIn(**values)


def find_actor(sign_in_id: str) -> Actor | None:
    """Who acts with this sign-in, in one query; None when it ended or the user may not act."""
    row = execute(ACTOR, {"id": sign_in_id, "now": clock.now()}).one_or_none()
    return actor_of(row) if row is not None else None


def actor_of(row: AnyRow) -> Actor:
    """The actor in a row that has the columns of `ACTOR`."""
    return Actor(
        user_id=row.user_id,
        calendar_id=row.calendar_id,
        name=full_name(row.first_name, row.last_name),
        email=row.email,
        time_zone=row.time_zone,
        language=row.language,
        roles=frozenset(row.role_names.split("\n")) if row.role_names else frozenset(),
        audience=row.audience,
        must_change_password=row.must_change_password,
        email_is_verified=row.email_verified_at is not None,
        sign_in_id=row.sign_in_id,
    )


def still_live(sign_in_ids: Collection[str]) -> set[str]:
    """Which of these still give access."""
    return set(db.session.scalars(_LIVE, {"ids": list(sign_in_ids), "now": clock.now()}))


def count_live(user_ids: Collection[int]) -> dict[int, int]:
    """On how many devices these users are signed in, where on any."""
    counted = db.session.execute(
        select(SignIn.user_id, func.count().label("number"))
        .where(
            SignIn.user_id.in_(user_ids),
            SignIn.ended_at.is_(None),
            SignIn.expires_at > clock.now(),
        )
        .group_by(SignIn.user_id)
    )
    return {row.user_id: row.number for row in counted}


@transactional
def end_sign_in(sign_in_id: str) -> None:
    """End one; the user's others stay. Ending twice is ending once.

    Tells nobody, since `AccessEnded` speaks of all the user's sockets but one:
    `live.watch_access` finds the one that rested on this.
    """
    db.session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.ended_at.is_(None))
        .values(ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )


@transactional
def end_sign_ins(user_id: int, *, keep: str | None = None) -> None:
    """End all of the user's, but for `keep`; their sockets go."""
    ending = update(SignIn).where(SignIn.user_id == user_id, SignIn.ended_at.is_(None))
    if keep is not None:
        ending = ending.where(SignIn.id != keep)
    db.session.execute(
        ending.values(ended_at=clock.now()).execution_options(synchronize_session=False)
    )
    changes.publish(changes.AccessEnded(user_id, keep))


@transactional
def purge() -> None:
    """Forget sign-ins that ended or expired a day ago. Nobody else changes such rows."""
    before = clock.now() - KEPT_AFTER_END
    db.session.execute(
        delete(SignIn)
        .where(or_(SignIn.ended_at < before, SignIn.expires_at < before))
        .execution_options(synchronize_session=False)
    )
