"""Lists of attendees as CSV or XLSX, from whatever sells the tickets.

Reading the same file again changes nothing, and nobody is removed for not being in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask_babel import gettext, lazy_gettext
from sqlalchemy import select, update

from app.extensions import db
from app.models import Attendee, Event
from app.services import admission, audit, events, fields, spreadsheets, table_import
from app.services.errors import InvalidInput
from app.services.policy import Actor, require_staff
from app.services.spreadsheets import Table
from app.services.table_import import Field, Import, ImportedRow, Progress
from app.services.transaction import transactional

_READ_AT_ONCE = 2000
_WRITTEN_AT_ONCE = 200

# With what ticket shops call the columns.
FIELDS = (
    Field(
        "email",
        lazy_gettext("Email"),
        frozenset({"e-mail", "mail", "email address", "e-mail address", "attendee email"}),
        is_required=True,
    ),
    Field("name", lazy_gettext("Name"), frozenset({"full name", "attendee name"})),
    Field(
        "external_id",
        lazy_gettext("External id"),
        frozenset({"id", "ticket", "ticket id", "order code"}),
        about=lazy_gettext(
            "The row's own id where the list comes from: it finds the same person again."
        ),
    ),
)


def import_attendees(
    actor: Actor | None, slug: str, csv_text: str, *, dry_run: bool = False
) -> Import:
    """As `import_table`, of a text whose first line names the columns."""
    require_staff(actor)
    table = spreadsheets.read_csv(csv_text)
    mapping = table_import.guess(FIELDS, table.head)
    if "email" not in mapping:
        missing = gettext("The first line names the columns; one of them must be email.")
        raise InvalidInput({"file": [missing]})
    return import_table(actor, slug, table, mapping, dry_run=dry_run)


def import_table(
    actor: Actor | None,
    slug: str,
    table: Table,
    mapping: Mapping[str, int],
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Import:
    """Add and change the attendees of an event as a list says. For staff.

    A line is somebody on the list already if it has the same external id, else the same
    address. What is empty erases nothing, check-ins stay. A line that cannot be used is
    reported, the others are taken, all in one transaction. `dry_run` changes nothing;
    `progress` hears now and then how many lines it has looked at. Locks the event against
    others who add attendees. Raises `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    if dry_run:
        event = events.get_event(slug)
        listed = _List(event.id, write=False)
        return _read(listed, table, mapping, progress)
    return _write(actor, slug, table, mapping, progress)


@transactional
def _write(
    actor: Actor,
    slug: str,
    table: Table,
    mapping: Mapping[str, int],
    progress: Progress | None,
) -> Import:
    event: Event = events.get_event(slug)
    admission.lock_list(event)
    result = _read(_List(event.id, write=True), table, mapping, progress)
    audit.record(
        actor,
        "import_attendees",
        "event",
        event.id,
        added=result.count("add"),
        changed=result.count("change"),
    )
    return result


def _read(
    listed: _List, table: Table, mapping: Mapping[str, int], progress: Progress | None = None
) -> Import:
    lines = table_import.read_lines(FIELDS, table, mapping, progress=progress)
    return Import([listed.take(number, values) for number, values in lines])


@dataclass(slots=True)
class _Known:
    """Somebody on the list, as the file has left them so far."""

    id: int
    email: str
    name: str
    external_id: str | None


class _List:
    """The attendees of an event while a file is read into them."""

    def __init__(self, event_id: int, *, write: bool) -> None:
        self._event_id = event_id
        self._write = write
        known = _list_known(event_id)
        self._by_email = {each.email: each.id for each in known}
        self._by_external_id = {each.external_id: each.id for each in known if each.external_id}
        self._known = {each.id: each for each in known}
        self._emails_read: dict[str, int] = {}  # to the line that had it
        self._external_ids_read: dict[str, int] = {}

    def take(self, line: int, values: Mapping[str, str]) -> ImportedRow:
        errors: fields.Errors = {}
        email = admission.address(errors, "email", values["email"])
        name = fields.line(errors, "name", values["name"], maximum=admission.MAX_NAME)
        external_id = fields.line(
            errors, "external_id", values["external_id"], maximum=admission.MAX_EXTERNAL_ID
        )
        row = ImportedRow(line, "error", ", ".join(filter(None, [name[:200], email[:254]])))
        if errors:
            row.detail = table_import.mistakes(FIELDS, errors)
            return row
        if twice := self._emails_read.get(email) or self._external_ids_read.get(external_id):
            row.detail = gettext("The same person as in line %(line)s.", line=twice)
            return row
        self._emails_read[email] = line
        if external_id:
            self._external_ids_read[external_id] = line
        by_id, by_email = self._by_external_id.get(external_id), self._by_email.get(email)
        if by_id and by_email and by_id != by_email:
            row.detail = gettext("Somebody else on the list has this address.")
            return row
        found = by_id or by_email
        if found is None:
            row.action = "add"
            if self._write:
                self._add(email, name, external_id)
            return row
        changes = _changes(self._known[found], email, name, external_id)
        row.action = "change" if changes else "skip"
        row.detail = table_import.told(FIELDS, changes)
        if changes:
            self._change(self._known[found], changes)
        return row

    def _add(self, email: str, name: str, external_id: str) -> None:
        db.session.add(admission.new_attendee(self._event_id, email, name, external_id or None))
        if len(db.session.new) >= _WRITTEN_AT_ONCE:
            db.session.flush()

    def _change(self, known: _Known, changes: Mapping[str, tuple[str, str]]) -> None:
        if "email" in changes:
            self._by_email.pop(known.email, None)
            self._by_email[changes["email"][1]] = known.id
        values = {key: new for key, (_, new) in changes.items()}
        for key, value in values.items():
            setattr(known, key, value)
        if self._write:  # in the order of the file: a later line may take the address
            db.session.execute(
                update(Attendee)
                .where(Attendee.id == known.id)
                .values(values)
                .execution_options(synchronize_session=False)
            )


def _list_known(event_id: int) -> list[_Known]:
    """Who is on the list, read so that others on the event loop have their turn."""
    rows = db.session.execute(
        select(Attendee.id, Attendee.email, Attendee.name, Attendee.external_id).where(
            Attendee.event_id == event_id
        )
    )
    known: list[_Known] = []
    for part in rows.partitions(_READ_AT_ONCE):
        known += [_Known(*row) for row in part]
        time.sleep(0)
    return known


def _changes(known: _Known, email: str, name: str, external_id: str) -> dict[str, tuple[str, str]]:
    wanted = {"email": email, "name": name, "external_id": external_id}
    return {
        key: (getattr(known, key) or "", new)
        for key, new in wanted.items()
        if new and new != getattr(known, key)
    }


def export_rows(actor: Actor | None, slug: str) -> tuple[list[str], list[list[object]]]:
    """The list of an event as this module reads it, and who is in: head and rows. For staff.

    Raises `NotFound`, `NotAllowed`.
    """
    require_staff(actor)
    event = events.get_event(slug)
    zone = ZoneInfo(event.time_zone)
    found = db.session.execute(
        select(Attendee.email, Attendee.name, Attendee.external_id, Attendee.checked_in_at)
        .where(Attendee.event_id == event.id)
        .order_by(Attendee.name, Attendee.email)
    )
    return [*(each.heading for each in FIELDS), "Checked in"], [
        [
            row.email,
            row.name,
            row.external_id,
            f"{row.checked_in_at.astimezone(zone):%Y-%m-%d %H:%M}" if row.checked_in_at else "",
        ]
        for row in found
    ]
