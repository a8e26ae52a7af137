"""An expert's calendars elsewhere: added, named, looked at, removed.

What they say is read by `calendar_sandbox`, what is behind a URL fetched by
`busy_calendar_refresh`, never here: a command only says that it is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import func, select

from app.extensions import db
from app.models import BusyCalendar
from app.models.busy_calendar import SUBSCRIPTION, UPLOAD
from app.models.expert import Expert
from app.services import (
    audit,
    busy_calendar_refresh,
    calendar_feeds,
    calendar_sandbox,
    changes,
    clock,
    experts,
    external_busy,
    fields,
    ledger,
)
from app.services.calendar_sandbox import UnreadableCalendar
from app.services.clock import rfc3339
from app.services.errors import InvalidInput, NotFound
from app.services.policy import Actor, require_account
from app.services.sealed_text import seal
from app.services.transaction import transactional

MAX_CALENDARS = 10
MAX_NAME = 100

CHECKING = "checking"
OK = "ok"
FAILING = "failing"
STATES = (CHECKING, OK, FAILING)


@dataclass(frozen=True, slots=True)
class SentFile:
    """A calendar file, and the field that it was sent in, for a refusal."""

    field: str
    data: bytes


def describe(calendar: BusyCalendar) -> dict[str, Any]:
    """A calendar as its owner sees it: never the URL, which is a secret, but its host."""
    return {
        "id": calendar.id,
        "name": calendar.name,
        "kind": calendar.kind,
        "source": calendar.host,
        "state": _state_of(calendar),
        "busy_periods": calendar.busy_periods,
        "skipped": calendar.skipped,
        "error": busy_calendar_refresh.trouble_text(calendar.last_error) or None,
        "checked_at": _shown(calendar.checked_at),
        "succeeded_at": _shown(calendar.succeeded_at),
        "next_refresh_at": rfc3339(calendar.next_refresh_at),
    }


def list_own(actor: Actor | None) -> list[dict[str, Any]]:
    """The actor's calendars elsewhere, oldest first. Raises `NotFound` for who is no expert."""
    actor = require_account(actor)
    experts.own_expert(actor)
    found = db.session.scalars(
        select(BusyCalendar)
        .where(BusyCalendar.calendar_id == actor.calendar_id)
        .order_by(BusyCalendar.id)
    )
    return [describe(calendar) for calendar in found]


def get_own(actor: Actor | None, busy_calendar_id: int) -> dict[str, Any]:
    """One of the actor's calendars elsewhere. Raises `NotFound`."""
    return describe(_own(require_account(actor), busy_calendar_id))


def add_subscription(actor: Actor | None, *, name: object, url: object) -> dict[str, Any]:
    """Add a calendar by its URL; it is fetched a moment later, off this command.

    Raises `InvalidInput`, `NotFound`.
    """
    actor = require_account(actor)
    experts.own_expert(actor)
    errors: fields.Errors = {}
    checked_name = _name(errors, name)
    checked_url = _url(errors, url)
    fields.refuse(errors)
    return _add(actor, checked_name, url=checked_url)


def add_upload(actor: Actor | None, sent: SentFile, *, name: object) -> dict[str, Any]:
    """Add a calendar as a file, which is read at once, before anything is locked.

    Raises `InvalidInput`, `NotFound`.
    """
    actor = require_account(actor)
    expert = experts.own_expert(actor)
    errors: fields.Errors = {}
    checked_name = _name(errors, name)
    fields.refuse(errors)
    _require_room_for_one(actor)
    return _add(actor, checked_name, reading=_read(expert, sent), time_zone=expert.time_zone)


def change(
    actor: Actor | None,
    busy_calendar_id: int,
    values: Mapping[str, Any],
    sent: SentFile | None = None,
) -> dict[str, Any]:
    """Rename a calendar, point a subscription elsewhere (`url`), or replace a file.

    What was known of it counts until the new is read. Raises `InvalidInput`, `NotFound`.
    """
    actor = require_account(actor)
    expert = experts.own_expert(actor)
    calendar = _own(actor, busy_calendar_id)
    errors: fields.Errors = {}
    changed: dict[str, Any] = {}
    if "name" in values:
        changed["name"] = _name(errors, values["name"])
    if "url" in values and calendar.kind == SUBSCRIPTION:
        changed["url"] = _url(errors, values["url"])
    elif "url" in values:
        errors["url"] = [gettext("This calendar is a file. Add another one for an address.")]
    if sent and calendar.kind != UPLOAD:
        errors[sent.field] = [
            gettext("This calendar is fetched from an address. Add another for a file.")
        ]
    fields.refuse(errors)
    if sent:
        changed["reading"] = _read(expert, sent)
    return _change(actor, busy_calendar_id, changed, expert.time_zone)


@transactional
def request_refresh(actor: Actor | None, busy_calendar_id: int) -> dict[str, Any]:
    """Have a calendar fetched or worked out anew, a moment later. Raises `NotFound`."""
    calendar = _own(require_account(actor), busy_calendar_id)
    calendar.next_refresh_at = clock.now()
    busy_calendar_refresh.wake_after_commit()
    db.session.flush()
    return describe(calendar)


@transactional
def remove(actor: Actor | None, busy_calendar_id: int) -> None:
    """Forget a calendar and all it said; its time is offered again. Raises `NotFound`."""
    actor = require_account(actor)
    locked = ledger.lock([actor.calendar_id])
    calendar = _own(actor, busy_calendar_id)
    external_busy.release([calendar.id])
    audit.record(actor, "delete", "busy_calendar", calendar.id, kind=calendar.kind)
    db.session.delete(calendar)
    changes.publish(changes.CalendarChanged(tuple(locked.values())))


@transactional
def _add(
    actor: Actor,
    name: str,
    *,
    url: str = "",
    reading: calendar_sandbox.Reading | None = None,
    time_zone: str = "",
) -> dict[str, Any]:
    locked = ledger.lock([actor.calendar_id])
    _require_room_for_one(actor)
    now = clock.now()
    calendar = BusyCalendar(
        calendar_id=actor.calendar_id,
        name=name,
        kind=SUBSCRIPTION if url else UPLOAD,
        created_at=now,
        next_refresh_at=now,
        busy_periods=0,
        skipped=0,
        failures=0,
        last_error="",
        host="",
    )
    if url:
        _point_to(calendar, url)
    db.session.add(calendar)
    db.session.flush()
    if reading:
        _put(actor, calendar, reading, time_zone)
    audit.record(actor, "create", "busy_calendar", calendar.id, kind=calendar.kind)
    changes.publish(changes.CalendarChanged(tuple(locked.values())))
    db.session.flush()
    return describe(calendar)


@transactional
def _change(
    actor: Actor, busy_calendar_id: int, changed: dict[str, Any], time_zone: str
) -> dict[str, Any]:
    locked = ledger.lock([actor.calendar_id])
    calendar = _own(actor, busy_calendar_id)
    if "name" in changed:
        calendar.name = changed["name"]
    if "url" in changed:
        _point_to(calendar, changed["url"])
    if "reading" in changed:
        _put(actor, calendar, changed["reading"], time_zone)
    audit.record(actor, "update", "busy_calendar", calendar.id, fields=sorted(changed))
    changes.publish(changes.CalendarChanged(tuple(locked.values())))
    db.session.flush()
    return describe(calendar)


def _point_to(calendar: BusyCalendar, url: str) -> None:
    calendar.sealed_url = seal(url)
    calendar.host = calendar_feeds.host_of(url)[:255]
    # What is being fetched at this moment is the old one's.
    calendar.leased_until = None
    calendar.etag = calendar.last_modified = calendar.content_hash = ""
    calendar.failures, calendar.last_error, calendar.checked_at = 0, "", None
    calendar.next_refresh_at = clock.now()
    busy_calendar_refresh.wake_after_commit()


def _put(
    actor: Actor, calendar: BusyCalendar, reading: calendar_sandbox.Reading, time_zone: str
) -> None:
    """Take over what an uploaded file says; the owner's calendar is locked."""
    now = clock.now()
    periods = busy_calendar_refresh.counted(reading.periods, actor.user_id)
    external_busy.replace(calendar.id, calendar.calendar_id, periods)
    calendar.content, calendar.time_zone = reading.content, time_zone
    calendar.busy_periods, calendar.skipped = len(periods), reading.skipped
    calendar.checked_at = calendar.succeeded_at = calendar.worked_out_at = now
    calendar.next_refresh_at = now + busy_calendar_refresh.WORK_OUT_EVERY
    calendar.leased_until = None
    calendar.failures, calendar.last_error = 0, ""


def _read(expert: Expert, sent: SentFile) -> calendar_sandbox.Reading:
    try:
        return calendar_sandbox.read(sent.data, expert.time_zone, *busy_calendar_refresh.window())
    except UnreadableCalendar as error:
        raise InvalidInput({sent.field: [str(error)]}) from None


def _own(actor: Actor, busy_calendar_id: int) -> BusyCalendar:
    if not fields.is_id(busy_calendar_id):
        raise NotFound
    found = db.session.scalars(
        select(BusyCalendar)
        .where(BusyCalendar.id == busy_calendar_id, BusyCalendar.calendar_id == actor.calendar_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _require_room_for_one(actor: Actor) -> None:
    count = db.session.scalar(
        select(func.count())
        .select_from(BusyCalendar)
        .where(BusyCalendar.calendar_id == actor.calendar_id)
    )
    if (count or 0) >= MAX_CALENDARS:
        raise InvalidInput(
            {},
            gettext(
                "You have %(number)s calendars already. Remove one first.", number=MAX_CALENDARS
            ),
        )


def _name(errors: fields.Errors, value: object) -> str:
    return fields.line(errors, "name", value, maximum=MAX_NAME, required=True)


def _url(errors: fields.Errors, value: object) -> str:
    url = fields.text(errors, "url", value, maximum=calendar_feeds.MAX_URL, required=True)
    if "url" in errors:
        return ""
    try:
        return calendar_feeds.checked_url(url)
    except ValueError as error:
        errors["url"] = [str(error)]
        return ""


def _state_of(calendar: BusyCalendar) -> str:
    if calendar.kind == SUBSCRIPTION and calendar.next_refresh_at <= clock.now():
        return CHECKING
    return FAILING if calendar.last_error else OK


def _shown(instant: Any) -> str | None:
    return rfc3339(instant) if instant else None
