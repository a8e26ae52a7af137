"""Lists of attendees as CSV, from whatever sells the tickets.

UTF-8, with or without the mark that Excel writes; fields are parted by comma, semicolon
or tab, whichever the first line uses, which names the columns. Reading the same file
again changes nothing, and nobody is removed for not being in it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import select

from app.extensions import db
from app.models import Attendee, Event
from app.services import admission, audit, events, fields
from app.services.errors import InvalidInput
from app.services.policy import Actor, require_staff
from app.services.transaction import transactional

MAX_ROWS = 20_000
# What ticket shops call the columns.
COLUMNS = {
    "email": {"email", "e-mail", "mail", "email address", "e-mail address", "attendee email"},
    "name": {"name", "full name", "attendee name"},
    "external_id": {"external id", "external_id", "id", "ticket", "ticket id", "order code"},
}

Action = Literal["add", "change", "skip", "error"]


@dataclass(slots=True)
class ImportedRow:
    """What becomes of one line: `detail` says what changes, or what is wrong."""

    line: int
    action: Action
    email: str
    name: str
    detail: str = ""


@dataclass(slots=True)
class Import:
    """What an import did, or would do."""

    rows: list[ImportedRow] = field(default_factory=list)

    def count(self, action: Action) -> int:
        """How many lines have this outcome."""
        return sum(row.action == action for row in self.rows)


@transactional
def import_attendees(
    actor: Actor | None, slug: str, csv_text: str, *, dry_run: bool = False
) -> Import:
    """Add and change the attendees of an event as a list says. For staff.

    A line is somebody on the list already if it has the same external id, else the same
    address. What is empty erases nothing, check-ins stay. A line that cannot be used is
    reported, the others are taken. `dry_run` changes nothing. Locks the event against
    others who add attendees. Raises `InvalidInput` for a file that is no such list,
    `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    event = events.get_event(slug)
    lines = list(_read(csv_text))
    if not dry_run:
        admission.lock_list(event)
    listed = _List(event, write=not dry_run)
    result = Import([listed.take(number, values) for number, values in lines])
    if not dry_run:
        audit.record(
            actor,
            "import_attendees",
            "event",
            event.id,
            added=result.count("add"),
            changed=result.count("change"),
        )
    return result


class _List:
    """The attendees of an event while a file is read into them."""

    def __init__(self, event: Event, *, write: bool) -> None:
        self._event = event
        self._write = write
        known = db.session.scalars(
            select(Attendee)
            .where(Attendee.event_id == event.id)
            .execution_options(populate_existing=True)
        ).all()
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
        row = ImportedRow(line, "error", email[:254], name[:200])
        if errors:
            row.detail = " ".join(f"{key}: {' '.join(texts)}" for key, texts in errors.items())
            return row
        if twice := self._emails_read.get(email) or self._external_ids_read.get(external_id):
            row.detail = f"The same person as in line {twice}."
            return row
        self._emails_read[email] = line
        if external_id:
            self._external_ids_read[external_id] = line
        by_id, by_email = self._by_external_id.get(external_id), self._by_email.get(email)
        if by_id and by_email and by_id != by_email:
            row.detail = "Somebody else on the list has this address."
            return row
        found = by_id or by_email
        if found is None:
            row.action = "add"
            if self._write:
                db.session.add(
                    admission.new_attendee(self._event.id, email, name, external_id or None)
                )
            return row
        changes = _changes(self._known[found], email, name, external_id)
        row.action = "change" if changes else "skip"
        row.detail = ", ".join(
            f"{key}: {old or 'none'} → {new}" for key, (old, new) in changes.items()
        )
        if changes:
            self._change(self._known[found], changes)
        return row

    def _change(self, attendee: Attendee, changes: Mapping[str, tuple[str, str]]) -> None:
        if "email" in changes:
            self._by_email.pop(attendee.email, None)
            self._by_email[changes["email"][1]] = attendee.id
        if self._write:
            for key, (_, new) in changes.items():
                setattr(attendee, key, new)
            db.session.flush()  # in the order of the file: a later line may take the address


def _changes(
    attendee: Attendee, email: str, name: str, external_id: str
) -> dict[str, tuple[str, str]]:
    wanted = {"email": email, "name": name, "external_id": external_id}
    return {
        key: (getattr(attendee, key) or "", new)
        for key, new in wanted.items()
        if new and new != getattr(attendee, key)
    }


def _read(csv_text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """`(line, values by our names)` of every line that is not empty."""
    text = csv_text.removeprefix("\ufeff")
    head = text.lstrip().partition("\n")[0]
    delimiter = max(";,\t", key=head.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    places: dict[str, int] = {}
    count = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not places:
                places = _places(cells)
                continue
            count += 1
            if count > MAX_ROWS:
                raise InvalidInput({"file": [f"At most {MAX_ROWS} lines at once."]})
            yield (
                reader.line_num,
                {
                    key: cells[places[key]] if places.get(key, len(cells)) < len(cells) else ""
                    for key in COLUMNS
                },
            )
    except csv.Error as error:
        raise InvalidInput(
            {"file": [f"Line {reader.line_num} cannot be read: {error}."]}
        ) from error
    if not places:
        raise InvalidInput({"file": ["The file is empty."]})


def _places(head: list[str]) -> dict[str, int]:
    names = [" ".join(cell.lower().split()) for cell in head]
    places: dict[str, int] = {}
    for key, known in COLUMNS.items():
        for place, name in enumerate(names):
            if name in known:
                places.setdefault(key, place)
    if "email" not in places:
        raise InvalidInput(
            {"file": ["The first line names the columns; one of them must be email."]}
        )
    return places
