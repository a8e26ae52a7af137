"""Sessions of an event from a table: added, changed, or left as they are.

A line is a session that is here already if it has its external id, which is what other
schedules call its guid. Without ids a line is known by its title and start. All writing
is that of `event_sessions` and `session_changes`, in one transaction; a rehearsal only reads,
and `session_rehearsal` judges its lines by the same rules. A line that cannot be used is told with
its reason, and the others are taken. For published schedules in frab's formats there is
`schedule_import`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, Event, EventSession, Room, Speaker, User
from app.models.booking import CONFIRMED
from app.models.user import full_name
from app.services import (
    audit,
    event_sessions,
    events,
    ledger,
    session_changes,
    session_impact,
    session_rehearsal,
    table_import,
)
from app.services.clock import rfc3339
from app.services.errors import DomainError, InvalidInput
from app.services.policy import Actor, require_admin
from app.services.session_rehearsal import Rehearsal
from app.services.spreadsheets import Table
from app.services.table_import import Field, Import, ImportedRow, Line, Progress
from app.services.transaction import savepoint, transactional

# Importing each is some twenty statements, under the locks of the event's calendars.
MAX_SESSIONS = 500
_NAMED = 10  # of those who lose their seat, in the line that moves it
FIELDS = (
    Field(
        "external_id",
        lazy_gettext("External id"),
        frozenset({"id", "guid", "code"}),
        about=lazy_gettext("Finds the same session again, whatever else of it has changed."),
    ),
    Field("title", lazy_gettext("Title"), is_required=True),
    Field(
        "room",
        lazy_gettext("Room"),
        is_required=True,
        about=lazy_gettext("The name of a room that is here."),
    ),
    Field(
        "starts_at",
        lazy_gettext("Starts"),
        frozenset({"start", "begin"}),
        is_required=True,
        about=lazy_gettext("Like 2026-12-01 10:30, in the event's time zone."),
    ),
    Field("ends_at", lazy_gettext("Ends"), frozenset({"end"}), is_required=True),
    Field(
        "capacity",
        lazy_gettext("Seats"),
        frozenset({"places"}),
        about=lazy_gettext("Empty for free entry."),
    ),
    Field(
        "speakers",
        lazy_gettext("Speakers"),
        frozenset({"speaker", "persons"}),
        about=lazy_gettext(
            "Parted by semicolons: Name, or Name <address> of somebody with an account."
        ),
    ),
    Field("track", lazy_gettext("Track")),
    Field("language", lazy_gettext("Language")),
    Field("abstract", lazy_gettext("Abstract")),
    Field("description", lazy_gettext("Description")),
)

_LOADS = (
    joinedload(EventSession.room),
    selectinload(EventSession.speakers).joinedload(Speaker.user),
)
_SPEAKER = re.compile(r"(?P<name>[^<>]*?)\s*(?:<(?P<email>[^<>]*)>)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d?:\d\d)(?::\d\d)?(Z|[+-]\d\d:\d\d)?")


def check_size(table: Table) -> None:
    """Raises `InvalidInput` for more lines than are taken at once."""
    if len(table.lines) > MAX_SESSIONS:
        raise InvalidInput({"file": [gettext("At most %(n)s sessions at once.", n=MAX_SESSIONS)]})


def import_table(
    actor: Actor | None,
    slug: str,
    table: Table,
    mapping: Mapping[str, int],
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Import:
    """Bring the sessions of a table into an event. For admins.

    Sessions that move take their seats along, by the rules of `session_changes`. `progress`
    hears now and then how many lines are done. Locks the calendars of rooms, speakers and
    attendees in question, then the sessions; with `dry_run` it only reads, and locks
    nothing. Raises `InvalidInput` for too many lines, `NotFound`, `NotAllowed`.
    """
    actor = require_admin(actor)
    check_size(table)
    lines = list(table_import.read_lines(FIELDS, table, mapping))
    if not dry_run:
        return _write(actor, slug, lines, progress)
    with session_rehearsal.rehearsing() as rehearsal:
        return _Programme(actor, events.get_event(slug), rehearsal).read(lines, progress)


@transactional
def _write(actor: Actor, slug: str, lines: Sequence[Line], progress: Progress | None) -> Import:
    event = events.get_event(slug)
    programme = _Programme(actor, event)
    programme.lock(lines)
    result = programme.read(lines, progress)
    audit.record(
        actor,
        "import_sessions",
        "event",
        event.id,
        added=result.count("add"),
        changed=result.count("change"),
    )
    return result


class _Programme:
    """The sessions of an event while a table is read into them, or only rehearsed."""

    def __init__(self, actor: Actor, event: Event, rehearsal: Rehearsal | None = None) -> None:
        self._actor, self._rehearsal = actor, rehearsal
        self._slug, self._id = event.slug, event.id
        self._zone = ZoneInfo(event.time_zone)
        self._rooms = {
            row.name.casefold(): row.id for row in db.session.execute(select(Room.id, Room.name))
        }
        self._ids = {
            row.guid: row.id
            for row in db.session.execute(
                select(EventSession.guid, EventSession.id).where(EventSession.event_id == event.id)
            )
        }
        self._read: dict[str, int] = {}  # guids, to the line that had them

    def lock(self, lines: Sequence[Line]) -> None:
        """All calendars that these lines may fill, in the one order, before any is judged."""
        rooms = {self._rooms.get(values["room"].casefold()) for _, values in lines} - {None}
        emails = {
            match.lower()
            for _, values in lines
            for match in re.findall("<(.*?)>", values["speakers"])
        }
        sessions = {self._ids.get(self._guid(values)) for _, values in lines} - {None}
        seats = select(Booking.user_id).where(
            Booking.event_session_id.in_(sessions), Booking.status == CONFIRMED
        )
        speakers = select(User.id).where(func.lower(User.email).in_(emails))
        held = select(BusyPeriod.calendar_id).where(BusyPeriod.event_session_id.in_(sessions))
        calendars = db.session.scalars(
            select(Calendar.id).where(
                or_(
                    Calendar.room_id.in_(rooms),
                    Calendar.user_id.in_(speakers),
                    Calendar.user_id.in_(seats),
                    Calendar.id.in_(held),
                )
            )
        ).all()
        ledger.lock(calendars, [each for each in sessions if each])

    def read(self, lines: Sequence[Line], progress: Progress | None) -> Import:
        """Do what the lines say, and say what became of each."""
        paced = table_import.paced(lines, progress, slow=True)
        return Import([self._take_alone(number, values) for number, values in paced])

    def _take_alone(self, line: int, values: Mapping[str, str]) -> ImportedRow:
        """Do what one line says, alone: a refusal undoes it and nothing else."""
        row = ImportedRow(line, "error", values["title"][:200])
        guid = self._guid(values)
        if twice := self._read.get(guid):
            row.detail = gettext("The same session as in line %(line)s.", line=twice)
            return row
        self._read[guid] = line
        try:
            with nullcontext() if self._rehearsal else savepoint():
                self._take(row, guid, self._wanted(values))
        except DomainError as error:
            row.action, row.detail = "error", table_import.reason(FIELDS, error)
        return row

    def _take(self, row: ImportedRow, guid: str, wanted: dict[str, Any]) -> None:
        session_id = self._ids.get(guid)
        if session_id is None:
            schedule = (self._rehearsal or event_sessions).schedule_session
            schedule(self._actor, self._slug, wanted, guid=guid)
            row.action = "add"
            return
        session = event_sessions.get_event_session(session_id)
        before = _now(session)
        # What is empty in the table erases nothing.
        changes = {
            name: value
            for name, value in wanted.items()
            if value not in (None, "", []) and _comparable(name, value) != before[name]
        }
        if not changes:
            row.action = "skip"
            return
        if self._rehearsal:
            impact = self._rehearsal.move_event_session(self._actor, session_id, changes)
        else:
            _, impact = session_changes.move_event_session(self._actor, session_id, changes)
        row.action = "change"
        row.detail = table_import.told(
            FIELDS,
            {
                name: (self._told(name, before[name]), self._told(name, _comparable(name, value)))
                for name, value in changes.items()
            },
        )
        if impact.released:
            row.detail = f"{row.detail}; {_released(impact)}"

    def _wanted(self, values: Mapping[str, str]) -> dict[str, Any]:
        errors: dict[str, list[str]] = {}
        wanted: dict[str, Any] = {
            name: values[name] for name in ("title", "track", "language", "abstract", "description")
        }
        room = self._rooms.get(values["room"].casefold())
        if room is None:
            errors["room"] = [
                gettext("There is no room called %(name)s.", name=values["room"][:100])
                if values["room"]
                else gettext("There is no room called nothing.")
            ]
        wanted["room_id"] = room
        for name in ("starts_at", "ends_at"):
            wanted[name] = self._instant(errors, name, values[name])
        capacity = values["capacity"]
        if capacity and not re.fullmatch(r"\d{1,7}", capacity):
            errors["capacity"] = [gettext("This must be a whole number.")]
        else:
            wanted["capacity"] = int(capacity) if capacity else None
        wanted["speakers"] = _speakers(errors, values["speakers"])
        if errors:
            raise InvalidInput(errors)
        return wanted

    def _instant(self, errors: dict[str, list[str]], name: str, text: str) -> datetime | None:
        """With its offset, or local to the event. A doubled hour means its first run."""
        match = _TIME.fullmatch(text.strip())
        try:
            if match is None:
                raise ValueError
            at = datetime.fromisoformat(f"{match[1]}T{match[2].zfill(5)}{match[3] or ''}")
            if at.year not in range(1970, 2200):
                raise ValueError
        except ValueError:
            errors[name] = [gettext("Use a date and a time like 2026-12-01 10:30.")]
            return None
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        found = at.replace(tzinfo=self._zone).astimezone(UTC)
        if found.astimezone(self._zone).replace(tzinfo=None) != at:
            errors[name] = [
                gettext("The clocks go forward then: %(time)s does not exist.", time=f"{at:%H:%M}")
            ]
        return found

    def _guid(self, values: Mapping[str, str]) -> str:
        given = values["external_id"][:100]
        return given or str(
            uuid5(NAMESPACE_URL, "\n".join([self._slug, values["title"], values["starts_at"]]))
        )

    def _told(self, name: str, value: Any) -> str:
        if isinstance(value, datetime):
            return f"{value.astimezone(self._zone):%Y-%m-%d %H:%M}"
        if name == "speakers":
            return ", ".join(each[0] for each in value)
        if name == "room_id":
            return next((room for room, key in self._rooms.items() if key == value), "")
        return str(value)


def _released(impact: session_impact.Impact) -> str:
    """Whose seats go, the first of them by name."""
    names = [each["name"] for each in impact.leaving]
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED])
    return ngettext(
        "%(num)d seat is released: %(names)s",
        "%(num)d seats are released: %(names)s",
        len(names),
        names=ngettext(
            "%(names)s and %(num)d more", "%(names)s and %(num)d more", more, names=shown
        )
        if more > 0
        else shown,
    )


def _now(session: EventSession) -> dict[str, Any]:
    """What a session says, to be compared with a line."""
    names = ("title", "track", "language", "abstract", "description", "capacity")
    return {name: getattr(session, name) for name in names} | {
        "room_id": session.room_id,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "speakers": [(each.name, each.user_id) for each in session.speakers],
    }


def _comparable(name: str, value: Any) -> Any:
    if name == "speakers":
        return [(each["name"], each.get("user_id")) for each in value]
    return " ".join(value.split()) if name == "title" else value


def _speakers(errors: dict[str, list[str]], text: str) -> list[dict[str, Any]]:
    found = []
    for part in filter(None, map(str.strip, re.split("[;\n]", text))):
        match = _SPEAKER.fullmatch(part)
        if match is None:
            errors["speakers"] = [gettext("Write “%(part)s” as Name <address>.", part=part[:100])]
            continue
        speaker: dict[str, Any] = {"name": match["name"]}
        if match["email"]:
            user = db.session.execute(
                select(User.id, User.first_name, User.last_name).where(
                    User.email == match["email"].strip().lower()
                )
            ).one_or_none()
            if user is None:
                errors["speakers"] = [
                    gettext(
                        "There is no account with the address %(email)s.",
                        email=match["email"][:254],
                    )
                ]
                continue
            speaker = {
                "name": match["name"] or full_name(user.first_name, user.last_name),
                "user_id": user.id,
            }
        found.append(speaker)
    return found


def export_rows(actor: Actor | None, slug: str) -> tuple[list[str], list[list[object]]]:
    """The sessions of an event as this module reads them: head and rows. For admins.

    Raises `NotFound`, `NotAllowed`.
    """
    require_admin(actor)
    event = events.get_event(slug)
    zone = ZoneInfo(event.time_zone)
    sessions = db.session.scalars(
        select(EventSession)
        .where(EventSession.event_id == event.id, EventSession.status == CONFIRMED)
        .options(*_LOADS)
        .order_by(EventSession.starts_at, EventSession.id)
    )

    def local(at: datetime) -> str:
        text = f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
        again = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        return text if again == at else rfc3339(at)  # the second run of a doubled hour

    return [each.heading for each in FIELDS], [
        [
            each.guid,
            each.title,
            each.room.name,
            local(each.starts_at),
            local(each.ends_at),
            each.capacity,
            "; ".join(
                f"{one.name} <{one.user.email}>" if one.user else one.name for one in each.speakers
            ),
            each.track,
            each.language,
            each.abstract,
            each.description,
        ]
        for each in sessions
    ]
