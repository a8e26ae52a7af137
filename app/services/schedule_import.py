"""Published schedules brought into an event: added, changed, reported; nothing lost.

A session of the file is found again by its guid, else its id. It takes its place in the
file's order; of two that collide in a room, the later is skipped and named. A session
that is here already and cannot go where the file wants it stays where it is, and what
wants its place is skipped in turn, so that no seat is lost to a mistake in a file.

All writing goes through the commands of events, rooms and event sessions, in one
transaction. The plan is made first, on what the ledger holds; a file that changes
nothing locks nothing and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Event
from app.services import (
    audit,
    events,
    schedule_format,
    schedule_matching,
    schedule_reading,
    schedule_writing,
)
from app.services.errors import InvalidInput
from app.services.policy import Actor, require_admin
from app.services.schedule_format import Schedule
from app.services.schedule_reading import shortened
from app.services.schedule_report import Report, described_here
from app.services.transaction import transactional


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller decides about an import; None leaves it to the file, or as it is.

    `capacity` is given to all sessions of the file; without it new ones have free entry.
    """

    time_zone: str | None = None
    capacity: int | None = None
    admission: str | None = None
    remove_missing: bool = False


class _DryRun(Exception):
    """Rolls a rehearsal back; carries what it found."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def import_schedule(
    actor: Actor | None,
    data: bytes,
    slug: str,
    options: Options | None = None,
    *,
    dry_run: bool = False,
) -> Report:
    """Bring the schedule in a file into the event `slug`, which is made if need be. For admins.

    Times without offset are local to `options.time_zone`, else the zone that the file
    names, else the event's own, else `DEFAULT_TIME_ZONE`. One transaction; a dry run
    rolls it back and reports the same. Locks the calendars of rooms, speakers and
    attendees whose time changes, then the sessions that change. Raises
    `UnreadableSchedule`, `InvalidInput`, `Busy`.
    """
    schedule = schedule_format.read(data)
    try:
        return _import(actor, schedule, slug, options or Options(), dry_run=dry_run)
    except _DryRun as rehearsal:
        return rehearsal.report


@transactional
def _import(
    actor: Actor | None, schedule: Schedule, slug: str, options: Options, *, dry_run: bool
) -> Report:
    actor = require_admin(actor)
    if options.remove_missing and not schedule.entries:
        raise InvalidInput(
            {},
            gettext("The file has no sessions. To remove those of the event, cancel them there."),
        )
    event = db.session.scalars(select(Event).where(Event.slug == slug)).one_or_none()
    warnings: list[str] = []
    default: str = current_app.config["DEFAULT_TIME_ZONE"]
    known = [event.time_zone, default] if event else [default]
    zone = schedule_reading.find_zone(schedule, options.time_zone, known, warnings)
    report = Report(
        slug, zone, len(schedule.entries), dry_run=dry_run, created=event is None, warnings=warnings
    )
    wanted = schedule_reading.readable(schedule, ZoneInfo(zone), report)
    event = _save_event(actor, schedule, slug, zone, options, event, report)

    judge = partial(
        schedule_matching.make_plan,
        actor,
        event,
        wanted,
        capacity=options.capacity,
        remove_missing=options.remove_missing,
    )
    plan = judge()
    removed = plan.missing if options.remove_missing else []
    if plan.placed or removed:
        schedule_writing.lock(plan.placed, removed)
        db.session.expire_all()  # what was read before the locks is judged anew
        plan = judge()
        removed = plan.missing if options.remove_missing else []
    report.unchanged = plan.unchanged
    report.skipped += plan.skipped
    report.missing = [described_here(each) | {"removed": each in removed} for each in plan.missing]
    schedule_writing.remove(actor, removed)
    schedule_writing.write(actor, event, schedule, plan.placed, report)
    if plan.placed or removed:
        audit.record(
            actor,
            "import",
            "event",
            event.id,
            added=len(report.added),
            changed=len(report.changed),
            removed=len(removed),
        )
    if dry_run:
        raise _DryRun(report)
    return report


def _save_event(
    actor: Actor,
    schedule: Schedule,
    slug: str,
    zone: str,
    options: Options,
    event: Event | None,
    report: Report,
) -> Event:
    days = [each.day for each in schedule.entries if each.day]
    starts = [each for each in (schedule.starts_on, *days) if each]
    ends = [each for each in (schedule.ends_on, *days) if each]
    values: dict[str, Any] = {"time_zone": zone}
    if schedule.title:
        values["title"] = shortened(schedule.title, 200)
    if starts and ends:
        values |= {"starts_on": min(starts), "ends_on": max(*starts, *ends)}
    if schedule.venue:
        values["venue"] = shortened(schedule.venue, 200)
    if options.admission is not None:
        values["admission"] = options.admission
    if event is None:
        return events.create_event(actor, {"title": slug} | values | {"slug": slug})
    report.event_changes = {
        name: (getattr(event, name), value)
        for name, value in values.items()
        if getattr(event, name) != value
    }
    if not report.event_changes:
        return event
    return events.update_event(actor, slug, {name: values[name] for name in report.event_changes})
