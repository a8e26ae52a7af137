"""Credentials: who comes in, and how passwords change.

Passwords are hashed and verified before a transaction opens. Inside it the row is
compared with what was verified, so that a sign-in cannot slip past a password change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from flask_babel import gettext, lazy_gettext
from sqlalchemy import ColumnElement, CursorResult, Update, func, update

from app.extensions import db
from app.models import SignIn, User
from app.models.user import full_name
from app.services import accounts, audit, clock, fields, passwords, sign_ins
from app.services.errors import InvalidInput, Stale, Unauthenticated
from app.services.policy import ACCOUNT, Actor, require_admin
from app.services.transaction import transactional

WRONG_CREDENTIALS = lazy_gettext("The address or the password is wrong.")


@dataclass(frozen=True, slots=True)
class Verified:
    """A user whose password was found right, and the hash it was verified against."""

    user_id: int
    password_hash: str


# -- signing in ------------------------------------------------------------------------


def sign_in(identifier: str, password: str, *, lifetime: timedelta | None = None) -> SignIn:
    """Verify the credentials and let a device act for the account.

    Raises `Unauthenticated`, alike and in the same time for an unknown address, a wrong
    password and a deactivated account.
    """
    return _admit(_verify(identifier, password), lifetime)


def check_credentials(identifier: str, password: str) -> User:
    """The user with this address or user name and this password; counts as a sign-in.

    Raises `Unauthenticated` as `sign_in` does.
    """
    verified = _verify(identifier, password)
    _count_success(verified)
    return db.session.get_one(User, verified.user_id)


def account_key(identifier: str) -> str:
    """What attempts to sign in are counted by: the same for a user's address and name."""
    found = accounts.find_by_identity(accounts.identity_of(identifier))
    return f"user:{found.id}" if found else accounts.identity_of(identifier)


@transactional
def sign_in_registered(user_id: int) -> SignIn:
    """Let the device that an account was registered on act for it: its first sign-in."""
    count_sign_in(user_id)
    audit.record(None, "sign_in", "user", user_id, by_user=user_id)
    return sign_ins.start_sign_in(user_id)


@transactional
def count_sign_in(user_id: int) -> None:
    """Note that the user came in, by whatever else than a password."""
    _execute(_quietly(User.id == user_id).values(**_counted()))


def _verify(identifier: str, password: str) -> Verified:
    found = accounts.find_by_identity(accounts.identity_of(identifier))
    password_hash = found.password if found and found.active else None
    right = passwords.verify(password_hash, password)
    if found is None or not password_hash or not right:
        _count_failure(found.id if found else None)
        raise Unauthenticated(WRONG_CREDENTIALS)
    return Verified(found.id, password_hash)


@transactional
def _admit(verified: Verified, lifetime: timedelta | None) -> SignIn:
    _count_success(verified)
    audit.record(None, "sign_in", "user", verified.user_id, by_user=verified.user_id)
    return sign_ins.start_sign_in(verified.user_id, ACCOUNT, lifetime)


@transactional
def _count_success(verified: Verified) -> None:
    # Locks the row until the sign-in is written: a password change comes before, and
    # this finds another hash, or after, and ends the sign-in with the others.
    counted = _execute(
        _quietly(User.id == verified.user_id, _has_hash(verified), User.active.is_(True)).values(
            **_counted(), fail_login_count=0
        )
    )
    if not counted:
        raise Unauthenticated(WRONG_CREDENTIALS)


@transactional
def _count_failure(user_id: int | None) -> None:
    # An entry for unknown addresses too, so that both cost one write.
    if user_id is not None:
        db.session.execute(
            _quietly(User.id == user_id).values(
                fail_login_count=func.coalesce(User.fail_login_count, 0) + 1
            )
        )
    audit.record(None, "sign_in_failed", "user", user_id or "unknown")


def _counted() -> dict[str, Any]:
    """One sign-in more, and when, as values of an update."""
    return {
        "login_count": func.coalesce(User.login_count, 0) + 1,
        "last_login": clock.now().replace(tzinfo=None),  # FAB's column: UTC without zone
    }


# -- passwords -------------------------------------------------------------------------


def change_password(actor: Actor | None, current: str, new: str) -> None:
    """Replace one's own password; other sessions and tokens end, the one used stays.

    Also for whoever must do this before anything else. Raises `Unauthenticated`,
    `InvalidInput` for a wrong `current_password` or a `new_password` not good enough,
    `Stale` if it was changed meanwhile.
    """
    if actor is None or actor.audience != ACCOUNT:
        raise Unauthenticated
    user = accounts.get_user(actor.user_id)
    old_hash = user.password
    errors: fields.Errors = {}
    if not passwords.verify(old_hash, current):
        errors["current_password"] = [gettext("This is not your current password.")]
    elif current == new:
        errors["new_password"] = [gettext("Please choose another password than the current one.")]
    elif found := passwords.problems(new, name=actor.name, email=actor.email):
        errors["new_password"] = found
    if "current_password" in errors:
        _count_failure(actor.user_id)
    fields.refuse(errors)
    assert old_hash
    _replace_password(
        actor,
        Verified(actor.user_id, old_hash),
        passwords.hash_password(new),
    )


@transactional
def _replace_password(actor: Actor, verified: Verified, new_hash: str) -> None:
    replaced = _execute(
        _quietly(User.id == verified.user_id, _has_hash(verified)).values(
            password=new_hash, must_change_password=False
        )
    )
    if not replaced:
        raise Stale
    sign_ins.end_sign_ins(verified.user_id, keep=actor.sign_in_id)
    audit.record(actor, "change_password", "user", verified.user_id)


def reset_password(actor: Actor | None, user_id: int) -> str:
    """Give a user a one-time password, to be changed at the first sign-in; returns it.

    All the user's sessions, tokens and calendar feeds end. Raises `NotAllowed`, `NotFound`.
    """
    actor = require_admin(actor)
    password = passwords.one_time()
    _set_password(actor, user_id, passwords.hash_password(password), must_change_password=True)
    return password


def set_password(user_id: int, password: str) -> None:
    """The command line's reset: not to be changed, all sessions and tokens end.

    Raises `InvalidInput`, `NotFound`.
    """
    user = accounts.get_user(user_id)
    name = full_name(user.first_name, user.last_name)
    if found := passwords.problems(password, name=name, email=user.email):
        raise InvalidInput({"password": found})
    _set_password(None, user_id, passwords.hash_password(password), must_change_password=False)


@transactional
def _set_password(
    actor: Actor | None, user_id: int, password_hash: str, *, must_change_password: bool
) -> None:
    user = accounts.get_locked_user(user_id)
    user.password = password_hash
    user.must_change_password = must_change_password
    db.session.flush()
    sign_ins.end_sign_ins(user_id)
    accounts.end_calendar_feeds(user_id)  # whoever had the account may have shared its calendar
    audit.record(actor, "reset_password", "user", user_id)


# -- shared ----------------------------------------------------------------------------


def _has_hash(verified: Verified) -> ColumnElement[bool]:
    matches: ColumnElement[bool] = User.password == verified.password_hash
    return matches


def _execute(statement: Update) -> int:
    """How many rows it changed."""
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount


def _quietly(*where: ColumnElement[bool]) -> Update:
    return update(User).where(*where).execution_options(synchronize_session=False)
