"""Accounts from a table, found again by address: added, changed, or left as they are.

New accounts have no password. Their people get in with a code mailed at an event's door,
or with a one-time password that an admin hands out. Everything is in one transaction; a
rehearsal does it, and takes it back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.models import User
from app.models.user import full_name
from app.services import accounts, audit, table_import
from app.services.errors import DomainError, EmailTaken, InvalidInput
from app.services.policy import ADMIN, ATTENDEE, CONTRIBUTOR, EXPERT, Actor, require_admin
from app.services.spreadsheets import Table
from app.services.table_import import Field, Import, ImportedRow
from app.services.transaction import savepoint, transactional

MAX_USERS = 1000
FIELDS = (
    Field(
        "email",
        lazy_gettext("Email"),
        frozenset({"e-mail", "mail", "email address", "e-mail address"}),
        is_required=True,
        about=lazy_gettext("Finds the same person again."),
    ),
    Field("name", lazy_gettext("Name"), frozenset({"full name"}), is_required=True),
    Field(
        "roles",
        lazy_gettext("Roles"),
        frozenset({"role"}),
        about=lazy_gettext(
            "Parted by commas: Admin, Contributor, Expert, Attendee. Attendee, if empty."
        ),
    ),
    Field(
        "time_zone",
        lazy_gettext("Time zone"),
        frozenset({"zone", "timezone"}),
        about=lazy_gettext("Like Europe/Berlin."),
    ),
)
_ROLES = {name.lower(): name for name in (ADMIN, CONTRIBUTOR, EXPERT, ATTENDEE)}


class _Rehearsed(Exception):
    """Takes everything back; carries what it found."""

    def __init__(self, result: Import) -> None:
        super().__init__()
        self.result = result


def import_table(
    actor: Actor | None, table: Table, mapping: Mapping[str, int], *, dry_run: bool = False
) -> Import:
    """Add and change accounts as a table says. For admins.

    What is empty erases nothing, and nobody is removed for not being in it. Locks the
    rows that change. Raises `InvalidInput` for too many lines, `NotAllowed`.
    """
    if len(table.lines) > MAX_USERS:
        raise InvalidInput({"file": [gettext("At most %(n)s accounts at once.", n=MAX_USERS)]})
    try:
        return _import(actor, table, mapping, dry_run=dry_run)
    except _Rehearsed as rehearsal:
        return rehearsal.result


@transactional
def _import(
    actor: Actor | None, table: Table, mapping: Mapping[str, int], *, dry_run: bool
) -> Import:
    actor = require_admin(actor)
    lines = list(table_import.read_lines(FIELDS, table, mapping))
    emails = {values["email"].lower() for _, values in lines}
    known = {
        user.email: user
        for user in db.session.scalars(
            select(User)
            .where(User.email.in_(emails))
            .options(selectinload(User.roles))
            .execution_options(populate_existing=True)
        )
    }
    read: dict[str, int] = {}
    result = Import([_take(actor, known, read, number, values) for number, values in lines])
    if dry_run:
        raise _Rehearsed(result)
    audit.record(
        actor,
        "import_users",
        "user",
        0,
        added=result.count("add"),
        changed=result.count("change"),
    )
    return result


def _take(
    actor: Actor,
    known: Mapping[str, User],
    read: dict[str, int],
    line: int,
    values: Mapping[str, str],
) -> ImportedRow:
    email = values["email"].lower()
    label = ", ".join(filter(None, [values["name"][:200], email[:254]]))
    row = ImportedRow(line, "error", label)
    if email and (twice := read.get(email)):
        row.detail = gettext("The same person as in line %(line)s.", line=twice)
        return row
    read[email] = line
    try:
        with savepoint():
            _write(actor, known.get(email), row, email, values)
    except EmailTaken:
        row.action, row.detail = "error", gettext("There is an account with this address.")
    except DomainError as error:
        row.action, row.detail = "error", table_import.reason(FIELDS, error)
    return row


def _write(
    actor: Actor, user: User | None, row: ImportedRow, email: str, values: Mapping[str, str]
) -> None:
    roles = _roles(values["roles"])
    zone = values["time_zone"] or None
    if user is None:
        accounts.add_account(
            actor, values["name"], email, time_zone=zone, roles=roles or [ATTENDEE]
        )
        row.action = "add"
        return
    before: dict[str, Any] = {
        "name": full_name(user.first_name, user.last_name),
        "roles": sorted(role.name for role in user.roles),
        "time_zone": user.time_zone,
    }
    wanted = {"name": " ".join(values["name"].split()), "roles": roles, "time_zone": zone}
    changes = {name: value for name, value in wanted.items() if value and value != before[name]}
    if not changes:
        row.action = "skip"
        return
    accounts.update_user(actor, user.id, **changes)  # type: ignore[arg-type]
    row.action = "change"
    row.detail = table_import.told(
        FIELDS, {name: (_shown(before[name]), _shown(value)) for name, value in changes.items()}
    )


def _roles(text: str) -> list[str]:
    names = [name.strip().lower() for name in re.split("[,;]", text) if name.strip()]
    unknown = [name for name in names if name not in _ROLES]
    if unknown:
        raise InvalidInput(
            {"roles": [gettext("There is no role called %(name)s.", name=unknown[0][:60])]}
        )
    return sorted({_ROLES[name] for name in names})


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")


def export_rows(actor: Actor | None) -> tuple[list[str], list[list[object]]]:
    """All accounts as this module reads them: head and rows. For admins."""
    require_admin(actor)
    users = db.session.scalars(select(User).options(selectinload(User.roles)).order_by(User.email))
    return [each.heading for each in FIELDS], [
        [
            user.email,
            full_name(user.first_name, user.last_name),
            ", ".join(sorted(role.name for role in user.roles)),
            user.time_zone,
        ]
        for user in users
    ]
