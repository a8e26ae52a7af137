"""Accounts from a table, found again by address: added, changed, or left as they are.

New accounts have no password. Their people get in with a code mailed at an event's door,
or with a one-time password that an admin hands out. A rehearsal only reads: lines are
judged in memory, and what they judge is written at once, in one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flask_babel import gettext, lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.models import User
from app.models.user import full_name
from app.services import account_batches, audit, table_import
from app.services.account_batches import Accounts, Judged, Wanted
from app.services.errors import Busy, DomainError, EmailTaken, InvalidInput
from app.services.languages import LANGUAGES
from app.services.policy import ADMIN, ATTENDEE, CONTRIBUTOR, EXPERT, Actor, require_admin
from app.services.spreadsheets import Table
from app.services.table_import import Field, Import, ImportedRow, Line, Progress
from app.services.transaction import transactional

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
    Field(
        "language",
        lazy_gettext("Language"),
        frozenset({"lang", "locale"}),
        about=lazy_gettext("One of: %(choices)s.", choices=", ".join(LANGUAGES)),
    ),
)
_ROLES = {name.lower(): name for name in (ADMIN, CONTRIBUTOR, EXPERT, ATTENDEE)}


_TRIES = 3  # as often may somebody register an address of the list in between


def check_size(table: Table) -> None:
    """Raises `InvalidInput` for more lines than are taken at once."""
    if len(table.lines) > MAX_USERS:
        raise InvalidInput({"file": [gettext("At most %(n)s accounts at once.", n=MAX_USERS)]})


def import_table(
    actor: Actor | None,
    table: Table,
    mapping: Mapping[str, int],
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Import:
    """Add and change accounts as a table says. For admins.

    What is empty erases nothing, and nobody is removed for not being in it. `dry_run`
    only reads, and `progress` hears now and then how many lines it has looked at. Locks
    the accounts that the table names, and the admins. Raises `InvalidInput` for too many
    lines, `NotAllowed`, `Busy` when others register its addresses meanwhile.
    """
    actor = require_admin(actor)
    check_size(table)
    lines = list(table_import.read_lines(FIELDS, table, mapping))
    if dry_run:
        return _judge(lines, progress, lock=False)[0]
    for _ in range(_TRIES):
        try:
            return _write(actor, lines, progress)
        except EmailTaken:
            continue
    raise Busy


@transactional
def _write(actor: Actor, lines: Sequence[Line], progress: Progress | None) -> Import:
    result, accounts, judged = _judge(lines, progress, lock=True)
    account_batches.write(actor, accounts, judged)
    audit.record(
        actor,
        "import_users",
        "user",
        0,
        added=result.count("add"),
        changed=result.count("change"),
    )
    return result


def _judge(
    lines: Sequence[Line], progress: Progress | None, *, lock: bool
) -> tuple[Import, Accounts, list[Judged]]:
    """What becomes of each line, and what there is to be done."""
    accounts = Accounts({values["email"].lower() for _, values in lines}, lock=lock)
    read: dict[str, int] = {}
    result = Import()
    to_do = []
    for line, values in table_import.paced(lines, progress):
        row, judged = _take(accounts, read, line, values)
        result.rows.append(row)
        if judged is not None:
            to_do.append(judged)
    return result, accounts, to_do


def _take(
    accounts: Accounts, read: dict[str, int], line: int, values: Mapping[str, str]
) -> tuple[ImportedRow, Judged | None]:
    email = values["email"].lower()
    label = ", ".join(filter(None, [values["name"][:200], email[:254]]))
    row = ImportedRow(line, "error", label)
    if email and (twice := read.get(email)):
        row.detail = gettext("The same person as in line %(line)s.", line=twice)
        return row, None
    read[email] = line
    try:
        judged = accounts.judge(
            Wanted(
                email,
                values["name"],
                values["time_zone"] or None,
                values["language"].lower() or None,
                _roles(values["roles"]),
            )
        )
    except EmailTaken:
        row.detail = gettext("There is an account with this address.")
        return row, None
    except DomainError as error:
        row.detail = table_import.reason(FIELDS, error)
        return row, None
    if judged.user_id is None:
        row.action = "add"
    elif judged.after:
        row.action = "change"
        row.detail = table_import.told(
            FIELDS,
            {
                name: (_shown(judged.before[name]), _shown(value))
                for name, value in judged.after.items()
            },
        )
    else:
        row.action = "skip"
        return row, None
    return row, judged


def _roles(text: str) -> list[str]:
    names = [name.strip().lower() for name in re.split("[,;]", text) if name.strip()]
    unknown = [name for name in names if name not in _ROLES]
    if unknown:
        raise InvalidInput(
            {"roles": [gettext("There is no role called %(name)s.", name=unknown[0][:60])]}
        )
    return sorted({_ROLES[name] for name in names})


def _shown(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value or "")


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
            user.language,
        ]
        for user in users
    ]
