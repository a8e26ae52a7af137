"""Many accounts at once, as a list has them: judged without a query for each, then written.

The rules are those of `accounts`, which makes and changes them one by one. Judging keeps
in memory what the lines before have done, so it can be done without writing anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, insert, or_, select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.models import Role, User
from app.models.user import full_name, give_calendars, split_name
from app.services import accounts, audit, changes
from app.services.errors import EmailTaken
from app.services.policy import ADMIN, ATTENDEE, Actor
from app.services.transaction import execute

_NOT_KNOWN: Mapping[str, Any] = {"time_zone": None, "language": None}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account as a list has it; what is empty stays as it is, or is as in a new one."""

    email: str
    name: str
    time_zone: str | None
    language: str | None
    roles: Collection[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of an account: `before` and `after` have what differs.

    `user_id` is None for one that is to be made; then `after` has all of it.
    """

    user_id: int | None
    email: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    is_active: bool
    name: str
    time_zone: str | None
    language: str | None
    roles: tuple[str, ...]


class Accounts:
    """The accounts that a list speaks of, as its lines have left them so far.

    Reads in a few queries; with `lock` it keeps the rows from others until the commit.
    """

    def __init__(self, emails: Collection[str], *, lock: bool = False) -> None:
        self.users: dict[int, User] = {}
        self._known: dict[str, _Known] = {}
        self._taken = set()
        for user in db.session.scalars(_named(emails, lock=lock)):
            self._taken |= {user.email, user.username}
            self._known[user.email] = _Known(
                user.id,
                bool(user.active),
                full_name(user.first_name, user.last_name),
                user.time_zone,
                user.language,
                tuple(sorted(role.name for role in user.roles)),
            )
            if lock:
                self.users[user.id] = user
        self._roles = set(db.session.scalars(select(Role.name)))
        self._admins: set[int | str] = set(accounts.list_active_admins(lock=lock))

    def judge(self, wanted: Wanted) -> Judged:
        """What a line makes of its account. Raises `InvalidInput`, `EmailTaken`."""
        known = self._known.get(wanted.email)
        return self._judge_new(wanted) if known is None else self._judge_known(known, wanted)

    def _judge_new(self, wanted: Wanted) -> Judged:
        kept = accounts.checked(
            name=wanted.name,
            email=wanted.email,
            time_zone=wanted.time_zone,
            language=wanted.language,
        )
        email = kept.pop("email")
        if email in self._taken:  # as somebody's user name
            raise EmailTaken
        roles = self._known_roles(wanted.roles or [ATTENDEE])
        if ADMIN in roles:
            self._admins.add(email)
        return Judged(None, email, after={**_NOT_KNOWN, **kept, "roles": roles})

    def _judge_known(self, known: _Known, wanted: Wanted) -> Judged:
        here = {
            "name": known.name,
            "time_zone": known.time_zone,
            "language": known.language,
            "roles": known.roles,
        }
        name = " ".join(wanted.name.split())
        roles = self._known_roles(wanted.roles)
        there: dict[str, Any] = {
            "name": name,
            "time_zone": wanted.time_zone,
            "language": wanted.language,
            "roles": roles,
        }
        after = {key: value for key, value in there.items() if value and value != here[key]}
        after |= accounts.checked(
            name=after.get("name"),
            time_zone=after.get("time_zone"),
            language=after.get("language"),
        )
        if "roles" in after and known.is_active:
            if ADMIN in roles:
                self._admins.add(known.id)
            elif self._admins == {known.id}:
                raise accounts.last_admin("roles")
            else:
                self._admins.discard(known.id)
        return Judged(known.id, wanted.email, {key: here[key] for key in after}, after)

    def _known_roles(self, names: Collection[str]) -> tuple[str, ...]:
        if unknown := set(names) - self._roles:
            raise accounts.unknown_roles(unknown)
        return tuple(sorted(names))


def write(actor: Actor, known: Accounts, judged: Sequence[Judged]) -> None:
    """Do what was judged, of accounts that are locked. Joins the transaction.

    Another set of roles ends the user's sockets, which come back with the new one.
    Raises `EmailTaken` when somebody came first.
    """
    roles = {role.name: role for role in db.session.scalars(select(Role))}
    for each in judged:
        if each.user_id is not None:
            _change(known.users[each.user_id], each.after, roles)
    db.session.flush()
    ids = _insert([each for each in judged if each.user_id is None], roles)
    for each in judged:
        before, after = _as_json(each.before), _as_json(each.after)
        if each.user_id is not None:
            audit.record_update(actor, "user", each.user_id, before, after)
            if "roles" in after:
                changes.publish(changes.AccessEnded(each.user_id))
        else:
            told = {"name": after["name"], "email": each.email, "roles": after["roles"]}
            audit.record(actor, "create", "user", ids[each.email], **told)


def _insert(made: Sequence[Judged], roles: Mapping[str, Role]) -> dict[str, int]:
    """Make accounts without password, in a few statements; returns their ids by address."""
    if not made:
        return {}
    rows = []
    for each in made:
        first_name, last_name = split_name(each.after["name"])
        rows.append(
            {
                "username": each.email,
                "email": each.email,
                "first_name": first_name,
                "last_name": last_name,
                "active": True,
                "time_zone": each.after["time_zone"],
                "language": each.after["language"],
                "must_change_password": False,
            }
        )
    users, links = User.__table__, User.roles.property.secondary
    found = execute(insert(users).returning(users.c.id, users.c.email), rows)
    ids = {row.email: row.id for row in found}
    give_calendars(db.session.connection(), ids.values())
    execute(
        insert(links),
        [
            {"user_id": ids[each.email], "role_id": roles[name].id}
            for each in made
            for name in each.after["roles"]
        ],
    )
    return ids


def _change(user: User, after: Mapping[str, Any], roles: Mapping[str, Role]) -> None:
    if "name" in after:
        user.first_name, user.last_name = split_name(after["name"])
    if "time_zone" in after:
        user.time_zone = after["time_zone"]
    if "language" in after:
        user.language = after["language"]
    if "roles" in after:
        user.roles = [roles[name] for name in after["roles"]]


def _named(emails: Iterable[str], *, lock: bool) -> Select[tuple[User]]:
    emails = [each for each in emails if "\x00" not in each]  # PostgreSQL compares none
    found = (
        select(User)
        .where(or_(User.email.in_(emails), User.username.in_(emails)))
        .order_by(User.id)
        .options(selectinload(User.roles))
        .execution_options(populate_existing=True)
    )
    return found.with_for_update() if lock else found


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(each) if isinstance(each, tuple) else each for key, each in values.items()}
