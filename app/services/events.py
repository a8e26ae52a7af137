"""Events: conferences and gatherings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Event
from app.models.event import ADMISSIONS
from app.services import attachments, audit, changes, clock, fields
from app.services.errors import DomainError, NotFound
from app.services.policy import Actor, require_admin, require_staff
from app.services.transaction import transactional

MAX_DAYS = 366  # pages list each of them
MAX_MINUTES = 240  # before a session at which seats of who is not there may go


def describe(event: Event) -> dict[str, Any]:
    """The contract's `event`."""
    return {
        "slug": event.slug,
        "title": event.title,
        "time_zone": event.time_zone,
        "starts_on": event.starts_on.isoformat(),
        "ends_on": event.ends_on.isoformat(),
        "venue": event.venue,
        "admission": event.admission,
        "public": event.public,
        "release_no_shows_minutes": event.release_no_shows_minutes,
    }


def get_event(slug: str) -> Event:
    """Raises `NotFound`."""
    event = db.session.scalars(select(Event).where(Event.slug == slug)).one_or_none()
    if event is None:
        raise NotFound
    return event


def find_slug(event_id: int) -> str | None:
    """Where the event's agenda is."""
    return db.session.scalar(select(Event.slug).where(Event.id == event_id))


def find_next_public() -> Event | None:
    """The event whose agenda everybody may read and that is on now or begins next."""
    yesterday = clock.now().date() - timedelta(days=1)  # somewhere it is still that day
    return db.session.scalars(
        select(Event)
        .where(Event.public, Event.ends_on >= yesterday)
        .order_by(Event.starts_on, Event.id)
        .limit(1)
    ).one_or_none()


def list_events(actor: Actor | None) -> list[Event]:
    """All events, for staff: the last to end first. Raises `NotAllowed`."""
    require_staff(actor)
    return list(db.session.scalars(select(Event).order_by(Event.ends_on.desc(), Event.id)))


@transactional
def create_event(actor: Actor | None, values: Mapping[str, Any]) -> Event:
    """Add an event. For admins. Raises `InvalidInput`."""
    actor = require_admin(actor)
    required = dict.fromkeys(("slug", "title", "time_zone", "starts_on", "ends_on"))
    event = Event(venue="", admission="open", public=False, version=1)
    _apply(event, required | dict(values))
    db.session.add(event)
    db.session.flush()
    audit.record_creation(actor, "event", event.id, audit.snapshot(event))
    return event


@transactional
def update_event(actor: Actor | None, slug: str, values: Mapping[str, Any]) -> Event:
    """Change an event. For admins. Raises `InvalidInput`, `NotFound`."""
    actor = require_admin(actor)
    event = get_event(slug)
    before = audit.snapshot(event)
    _apply(event, values)
    event.version = Event.version + 1
    db.session.flush()
    audit.record_update(actor, "event", event.id, before, audit.snapshot(event))
    changes.publish(changes.AgendaChanged(event.id, event.slug))
    return event


@transactional
def delete_event(actor: Actor | None, slug: str) -> None:
    """Remove an event that has no sessions. For admins. Raises `DomainError`."""
    actor = require_admin(actor)
    event = get_event(slug)
    if attachments.of_event(event.id).forbids:
        raise DomainError(gettext("%(title)s has sessions and is kept.", title=event.title))
    audit.record(actor, "delete", "event", event.id, before=audit.snapshot(event))
    db.session.delete(event)


def _apply(event: Event, values: Mapping[str, Any]) -> None:
    errors: fields.Errors = {}
    if "slug" in values:
        event.slug = fields.slug(errors, "slug", values["slug"])
        with db.session.no_autoflush:
            holder = db.session.scalar(select(Event.id).where(Event.slug == event.slug))
        if holder is not None and holder != event.id:
            errors["slug"] = [gettext("There is an event with this address.")]
    if "title" in values:
        event.title = fields.line(errors, "title", values["title"], maximum=200, required=True)
    if "time_zone" in values:
        event.time_zone = fields.zone(errors, "time_zone", values["time_zone"])
    for name in ("starts_on", "ends_on"):
        if name in values:
            setattr(event, name, _date(errors, name, values[name]))
    if "venue" in values:
        event.venue = fields.line(errors, "venue", values["venue"], maximum=200)
    if "admission" in values:
        event.admission = fields.choice(errors, "admission", values["admission"], ADMISSIONS)
    if "public" in values:
        if not isinstance(values["public"], bool):
            errors["public"] = [gettext("This must be true or false.")]
        event.public = values["public"]
    if "release_no_shows_minutes" in values:
        minutes = values["release_no_shows_minutes"]
        if minutes is not None:
            minutes = fields.number(
                errors, "release_no_shows_minutes", minutes, minimum=1, maximum=MAX_MINUTES
            )
        event.release_no_shows_minutes = minutes
    if not errors and event.ends_on < event.starts_on:
        errors["ends_on"] = [gettext("The event ends before it starts.")]
    elif not errors and (event.ends_on - event.starts_on).days >= MAX_DAYS:
        errors["ends_on"] = [gettext("An event lasts at most %(days)s days.", days=MAX_DAYS)]
    fields.refuse(errors)


def _date(errors: fields.Errors, name: str, value: object) -> date | None:
    day = fields.find_day(value.isoformat() if isinstance(value, date) else value)
    if day is None:
        errors[name] = [gettext("Use a date like 2026-12-01.")]
    return day
