"""Accounts: who exists, whose address is proven, and what ends their access.

How they come in is in `credentials`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from flask_babel import gettext
from sqlalchemy import delete, exists, or_, select

from app.extensions import db
from app.models import Calendar, CalendarFeed, Expert, Role, User
from app.models.user import full_name, split_name
from app.services import (
    attachments,
    audit,
    changes,
    clock,
    fields,
    guest_bookings,
    passwords,
    sign_ins,
)
from app.services.errors import EmailTaken, InvalidInput, NotFound, Unauthenticated
from app.services.policy import ADMIN, ATTENDEE, CONTRIBUTOR, EXPERT, Actor, require_admin
from app.services.transaction import transactional

ROLES = (ADMIN, CONTRIBUTOR, EXPERT, ATTENDEE, "Public")
MAX_EMAIL = 128  # FAB's user name, which the address is too
MAX_NAME_PART = 64  # FAB's first_name and last_name

_ACTIVE_ADMINS = select(User.id).where(User.roles.any(Role.name == ADMIN), User.active.is_(True))


# -- making ------------------------------------------------------------------------


def create_account(
    name: str,
    email: str,
    password: str,
    *,
    time_zone: str | None = None,
    language: str | None = None,
    roles: Collection[str] = (ATTENDEE,),
    must_change_password: bool = False,
    actor: Actor | None = None,
) -> User:
    """Make a user who signs in with this address and password.

    Without `actor` it is a registration, or the command line's; an actor must be an
    admin. `language` is the code of the one that they read; without, it is as their
    browser asks. Raises `InvalidInput`, `EmailTaken`, `NotAllowed`.
    """
    if actor is not None:
        require_admin(actor)
    errors: fields.Errors = {}
    name = _name(errors, name)
    email = _email(errors, email)
    zone = fields.zone(errors, "time_zone", time_zone) if time_zone else None
    language = fields.language(errors, "language", language) if language else None
    if found := passwords.problems(password, name=name, email=email):
        errors["password"] = found
    if actor is not None:
        _note_if_taken(errors, email)
    fields.refuse(errors)
    return _insert_account(
        actor,
        name,
        email,
        password_hash=passwords.hash_password(password),
        time_zone=zone,
        language=language,
        roles=roles,
        must_change_password=must_change_password,
    )


@transactional
def add_account(
    actor: Actor | None,
    name: str,
    email: str,
    *,
    time_zone: str | None = None,
    roles: Collection[str] = (ATTENDEE,),
) -> User:
    """Make a user who has no password yet. For admins.

    Such a user signs in with a mailed code, or after `reset_password`. Raises
    `InvalidInput`, `EmailTaken`, `NotAllowed`.
    """
    actor = require_admin(actor)
    kept = checked(name=name, email=email, time_zone=time_zone or None)
    return _insert_account(
        actor,
        kept["name"],
        kept["email"],
        password_hash=None,
        time_zone=kept.get("time_zone"),
        roles=roles,
    )


def checked(
    *,
    name: str | None = None,
    email: str | None = None,
    time_zone: str | None = None,
    language: str | None = None,
) -> dict[str, str]:
    """What is given of an account, as it is kept. Raises `InvalidInput`."""
    errors: fields.Errors = {}
    kept: dict[str, str] = {}
    if name is not None:
        kept["name"] = _name(errors, name)
    if email is not None:
        kept["email"] = _email(errors, email)
    if time_zone is not None:
        kept["time_zone"] = fields.zone(errors, "time_zone", time_zone)
    if language is not None:
        kept["language"] = fields.language(errors, "language", language)
    fields.refuse(errors)
    return kept


@transactional
def create_roles() -> None:
    """Make the product's roles, those that are not there. What they may is code."""
    present = set(db.session.scalars(select(Role.name)))
    db.session.add_all(Role(name=name) for name in ROLES if name not in present)


@transactional
def _insert_account(
    actor: Actor | None,
    name: str,
    email: str,
    *,
    password_hash: str | None,
    time_zone: str | None,
    roles: Collection[str],
    language: str | None = None,
    must_change_password: bool = False,
) -> User:
    if find_by_identity(email):
        raise EmailTaken
    first_name, last_name = split_name(name)
    user = User(
        username=email,
        email=email,
        first_name=first_name,
        last_name=last_name,
        password=password_hash,
        active=True,
        time_zone=time_zone,
        language=language,
        must_change_password=must_change_password,
        roles=_roles(roles),
    )
    db.session.add(user)
    db.session.flush()
    audit.record_creation(actor, "user", user.id, _told(user))
    return user


# -- reading ----------------------------------------------------------------------


def describe(actor: Actor) -> dict[str, Any]:
    """The contract's `user`."""
    return {
        "id": actor.user_id,
        "name": actor.name,
        "email": actor.email,
        "time_zone": actor.time_zone,
        "is_expert": bool(
            db.session.scalar(select(exists().where(Expert.user_id == actor.user_id)))
        ),
        "roles": sorted(actor.roles),
        "must_change_password": actor.must_change_password,
        "email_verified": actor.email_is_verified,
    }


def has_admin() -> bool:
    """Whether anybody could administer."""
    return db.session.scalar(_ACTIVE_ADMINS.limit(1)) is not None


# -- an admin's --------------------------------------------------------------------


@transactional
def update_user(
    actor: Actor | None,
    user_id: int,
    *,
    name: str | None = None,
    email: str | None = None,
    time_zone: str | None = None,
    language: str | None = None,
    roles: Collection[str] | None = None,
) -> User:
    """Change what is given of a user; "" is no zone, or no language. Another address has
    yet to be proven.

    Locks the row. Another set of roles ends the user's sockets, which come back with
    the new one; requests see it at once. Raises `InvalidInput` (also for an address that
    somebody else has, and for one's own role of an admin), `NotAllowed`, `NotFound`.
    """
    actor = require_admin(actor)
    user = get_locked_user(user_id)
    errors: fields.Errors = {}
    before = _told(user)
    if name is not None and (name := _name(errors, name)):
        user.first_name, user.last_name = split_name(name)
    if email is not None:
        email = _email(errors, email)
        _note_if_taken(errors, email, user_id)
        # A wrong one would be written, and refused, by the next query.
        if "email" not in errors and email != user.email:
            if user.username == user.email:
                user.username = email
            user.email = email
            user.email_verified_at = None
    if time_zone is not None:
        user.time_zone = fields.zone(errors, "time_zone", time_zone) if time_zone else None
    if language is not None:
        user.language = fields.language(errors, "language", language) if language else None
    if roles is not None and set(roles) != {role.name for role in user.roles}:
        if ADMIN not in roles:
            _refuse_without_admin(user_id, "roles")
            if any(role.name == ADMIN for role in user.roles):
                _refuse_oneself(actor, user_id, "roles")
        user.roles = _roles(roles)
        changes.publish(changes.AccessEnded(user_id))
    fields.refuse(errors)
    db.session.flush()
    audit.record_update(actor, "user", user_id, before, _told(user))
    return user


def _told(user: User) -> dict[str, Any]:
    """What the audit log says of an account."""
    return {
        "name": full_name(user.first_name, user.last_name),
        "email": user.email,
        "time_zone": user.time_zone,
        "language": user.language,
        "roles": sorted(role.name for role in user.roles),
    }


@transactional
def deactivate(actor: Actor | None, user_id: int) -> None:
    """Take all access from a user; bookings stay. Twice is once.

    Raises `InvalidInput` for the last active admin and for oneself, `NotAllowed`,
    `NotFound`.
    """
    actor = require_admin(actor)
    user = get_locked_user(user_id)
    _refuse_without_admin(user_id, "active")
    _refuse_oneself(actor, user_id, "active")
    user.active = False
    db.session.flush()
    sign_ins.end_sign_ins(user_id)
    audit.record(actor, "deactivate", "user", user_id, before={"active": True}, active=False)


@transactional
def end_access(actor: Actor | None, user_id: int) -> None:
    """Sign a user out everywhere: sessions, tokens and sockets end; the password stays.

    For admins. Raises `NotAllowed`, `NotFound`.
    """
    actor = require_admin(actor)
    get_locked_user(user_id)
    sign_ins.end_sign_ins(user_id)
    audit.record(actor, "end_access", "user", user_id)


@transactional
def activate(actor: Actor | None, user_id: int) -> None:
    """Let a deactivated user sign in again. Raises `NotAllowed`, `NotFound`."""
    actor = require_admin(actor)
    get_locked_user(user_id).active = True
    audit.record(actor, "activate", "user", user_id, before={"active": False}, active=True)


@transactional
def delete_user(actor: Actor | None, user_id: int) -> None:
    """Remove a user of whom nothing else speaks; others are deactivated instead.

    Raises `InvalidInput` with the reason, `NotAllowed`, `NotFound`.
    """
    actor = require_admin(actor)
    user = get_locked_user(user_id)
    _refuse_without_admin(user_id, "active")
    _refuse_oneself(actor, user_id, "active")
    if kept_for := attachments.of_user(user_id).forbids:
        raise InvalidInput(
            {},
            gettext(
                "%(name)s is kept: %(what)s. Deactivate the account instead.",
                name=full_name(user.first_name, user.last_name),
                what=", ".join(kept_for),
            ),
        )
    sign_ins.end_sign_ins(user_id)
    audit.record(actor, "delete", "user", user_id, before=_told(user))
    db.session.delete(user)


def get_user_by_email(actor: Actor | None, email: str) -> User:
    """The user with this address, for an admin who names somebody. Raises `NotFound`."""
    require_admin(actor)
    found = find_by_identity(identity_of(email))
    if found is None:
        raise NotFound(
            gettext("There is no account with the address %(email)s.", email=email.strip())
        )
    return db.session.get_one(User, found.id)


def acting_for(actor: Actor | None, user_id: int) -> Actor:
    """The user as the one whose time an admin books. Raises `NotAllowed`, `NotFound`."""
    require_admin(actor)
    row = db.session.execute(
        select(
            User.first_name,
            User.last_name,
            User.email,
            User.time_zone,
            User.language,
            Calendar.id,
        )
        .join(Calendar, Calendar.user_id == User.id)
        .where(User.id == user_id, User.active.is_(True))
    ).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such active user."))
    return Actor(
        user_id=user_id,
        calendar_id=row.id,
        name=full_name(row.first_name, row.last_name),
        email=row.email,
        time_zone=row.time_zone,
        language=row.language,
    )


# -- proving an address ------------------------------------------------------------


@transactional
def prove_address(email: str, *, name: str = "", language: str | None = None) -> User:
    """The one user of an address that somebody just proved to be theirs.

    The caller has checked a mailed code or link. Without an account one is made, with
    no password, that reads `language`. An account that was registered with the address before anybody proved
    it loses its password, sign-ins and calendar feed: whoever registered it may be
    another person. Staff keep theirs, since it was an admin who gave the account.

    Guests' appointments made with the address become the user's; coming ones occupy the
    user's calendar. One that collides with another there stays a guest's, because
    refusing would undo what host and guest agreed on: the user sees and manages it too,
    by the proven address.

    Locks the user, then the calendar. Raises `InvalidInput`, `Unauthenticated` for a
    deactivated account.
    """
    errors: fields.Errors = {}
    email = _email(errors, email)
    fields.refuse(errors)
    found = find_by_identity(email)
    if found is None:
        user = _insert_account(
            None,
            _name({}, name) or email.partition("@")[0][:MAX_NAME_PART],
            email,
            password_hash=None,
            time_zone=None,
            language=language,
            roles=(ATTENDEE,),
        )
    else:
        user = get_locked_user(found.id)
    if not user.active:
        raise Unauthenticated
    if user.email_verified_at is None:
        user.email_verified_at = clock.now()
        if found and not {role.name for role in user.roles} & {ADMIN, CONTRIBUTOR}:
            user.password = None
            user.must_change_password = False
            end_calendar_feeds(user.id)
            sign_ins.end_sign_ins(user.id)
        db.session.flush()
        audit.record(None, "prove_address", "user", user.id)
    guest_bookings.adopt_bookings(user)
    return user


def end_calendar_feeds(user_id: int) -> None:
    """End all feeds of a user: their links lead nowhere."""
    db.session.execute(
        delete(CalendarFeed)
        .where(CalendarFeed.user_id == user_id)
        .execution_options(synchronize_session=False)
    )


@transactional
def confirm_address(actor: Actor) -> None:
    """Take the address of a signed-in account as proven: its link was opened by itself.

    Password and sign-ins stay. What was booked as a guest joins, as in `prove_address`.
    Locks the user, then the calendar. Raises `NotFound` when the address is another by now.
    """
    user = get_locked_user(actor.user_id)
    if not user.active or user.email != actor.email:
        raise NotFound
    if user.email_verified_at is None:
        user.email_verified_at = clock.now()
        db.session.flush()
        audit.record(actor, "prove_address", "user", user.id)
    guest_bookings.adopt_bookings(user)


# -- shared ------------------------------------------------------------------------


def _name(errors: fields.Errors, name: object) -> str:
    name = fields.line(errors, "name", name, maximum=2 * MAX_NAME_PART + 1, required=True)
    if any(len(part) > MAX_NAME_PART for part in split_name(name)):
        errors["name"] = [
            gettext(
                "At most %(maximum)s characters for the first and the last name.",
                maximum=MAX_NAME_PART,
            )
        ]
        return ""
    return name


def _email(errors: fields.Errors, value: object) -> str:
    address = fields.email(errors, "email", value)
    if len(address) > MAX_EMAIL and "email" not in errors:
        errors["email"] = [fields.too_long(MAX_EMAIL)]
    return address


def _note_if_taken(errors: fields.Errors, email: str, user_id: int | None = None) -> None:
    """Tell an admin, beside all else that is wrong, that another account has the address.

    Who registers learns it last, as `EmailTaken`, which asks them to sign in.
    """
    other = find_by_identity(email) if email else None
    if other and other.id != user_id:
        errors.setdefault("email", [gettext("There is an account with this address.")])


def identity_of(identifier: str) -> str:
    """An address or a user name that somebody typed, as `find_by_identity` takes it."""
    return identifier.strip().lower()


def _roles(names: Iterable[str]) -> list[Role]:
    names = set(names)
    found = list(db.session.scalars(select(Role).where(Role.name.in_(names)).order_by(Role.id)))
    if unknown := names - {role.name for role in found}:
        raise unknown_roles(unknown)
    return found


def unknown_roles(names: Iterable[str]) -> InvalidInput:
    """The refusal of roles that are not there."""
    text = gettext("There is no role %(names)s.", names=", ".join(sorted(names)))
    return InvalidInput({"roles": [text]})


def find_by_identity(identity: str) -> Any:
    """`(id, password, active)` of the user with this address, else with this user name."""
    if "\x00" in identity:  # PostgreSQL would not even compare it
        return None
    return db.session.execute(
        select(User.id, User.password, User.active)
        .where(or_(User.email == identity, User.username == identity))
        .order_by((User.email == identity).desc())
        .limit(1)
    ).one_or_none()


def get_user(user_id: int) -> User:
    """Raises `NotFound`."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


def get_locked_user(user_id: int) -> User:
    """The user as they are now, and stay until the commit. Locks the row; raises `NotFound`."""
    user = db.session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise NotFound
    return user


def _refuse_without_admin(user_id: int, field: str) -> None:
    """Raise `InvalidInput` if nobody but `user_id` could administer. Locks the admins."""
    if set(list_active_admins(lock=True)) == {user_id}:
        raise last_admin(field)


def _refuse_oneself(actor: Actor, user_id: int, field: str) -> None:
    """Nobody locks themself out by a slip: that is for another admin to do."""
    if actor.user_id == user_id:
        raise InvalidInput({field: [gettext("This is your own account. Another admin can do it.")]})


def list_active_admins(*, lock: bool = False) -> list[int]:
    """The ids of those who can administer; with `lock` they can until the commit."""
    admins = _ACTIVE_ADMINS.order_by(User.id)
    return list(db.session.scalars(admins.with_for_update() if lock else admins))


def last_admin(field: str) -> InvalidInput:
    """The refusal to leave nobody who could administer."""
    return InvalidInput({field: [gettext("This is the last active admin.")]})
