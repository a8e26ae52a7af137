"""Event types: what experts offer to be booked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext, ngettext
from sqlalchemy import exists, func, select
from sqlalchemy.orm import object_session

from app.extensions import db
from app.models import Appointment, EventType, Expert, Room, User
from app.models.event_type import LOCATION_KINDS
from app.services import audit, clock, experts, fields, group_slots, ledger
from app.services.bookings import Page
from app.services.errors import NotFound
from app.services.policy import Actor, require_account
from app.services.transaction import transactional

WEEK_MINUTES = 7 * 24 * 60
MAX_SEATS = 500
MAX_REMINDERS = 5
MIN_REMINDER = 5  # minutes before the start
MAX_AHEAD = 4 * WEEK_MINUTES  # of reminders, and for an answer to a request


def describe(event_type: EventType) -> dict[str, Any]:
    """The contract's `event_type`."""
    return {
        "id": event_type.id,
        "slug": event_type.slug,
        "title": event_type.title,
        "description": event_type.description,
        "duration_minutes": event_type.duration_minutes,
        "location": {"kind": event_type.location_kind, "detail": event_type.location_detail},
        "buffer_before_minutes": event_type.buffer_before_minutes,
        "buffer_after_minutes": event_type.buffer_after_minutes,
        "minimum_notice_minutes": event_type.minimum_notice_minutes,
        "horizon_days": event_type.horizon_days,
        "slot_step_minutes": event_type.slot_step_minutes,
        "daily_limit": event_type.daily_limit,
        "room_id": event_type.room_id,
        "is_active": event_type.is_active,
        "is_listed": event_type.is_listed,
        "seats": event_type.seats,
        "requires_approval": event_type.requires_approval,
        "approval_minutes": event_type.approval_minutes,
        "reminder_minutes": list(event_type.reminder_minutes),
        "url": f"{current_app.config['PUBLIC_URL']}/{event_type.expert.slug}/{event_type.slug}",
    }


def list_public(expert: Expert) -> list[dict[str, Any]]:
    """The active event types of an expert, for the public page: those that are listed."""
    return [
        _public(describe(event_type))
        for event_type in expert.event_types
        if event_type.is_active and event_type.is_listed
    ]


def get_public(expert_slug: str, type_slug: str) -> EventType:
    """One event type by its public address, inactive ones too, of an expert who is here.

    Raises `NotFound`.
    """
    found = db.session.scalars(
        select(EventType)
        .join(Expert)
        .join(User, User.id == Expert.user_id)
        .where(Expert.slug == expert_slug, EventType.slug == type_slug, User.active.is_(True))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def describe_public(event_type: EventType) -> dict[str, Any]:
    """`event_type` without what only its booker needs: a place's private detail."""
    return _public(describe(event_type))


def list_own(actor: Actor | None, *, page: int, page_size: int) -> Page:
    """The actor's event types, oldest first."""
    expert = experts.own_expert(actor)
    own = select(EventType).where(EventType.expert_id == expert.id)
    total = db.session.scalar(select(func.count()).select_from(own.subquery())) or 0
    found = db.session.scalars(
        own.order_by(EventType.id).limit(page_size).offset((page - 1) * page_size)
    )
    return Page([describe(event_type) for event_type in found], page, page_size, total)


def get_own(actor: Actor | None, event_type_id: int) -> EventType:
    """The actor's event type, or any for an admin. Raises `NotFound`."""
    actor = require_account(actor)
    event_type = db.session.get(EventType, event_type_id)
    if event_type is None or not (actor.is_admin or event_type.expert.user_id == actor.user_id):
        raise NotFound
    return event_type


@transactional
def create_event_type(
    actor: Actor | None, values: Mapping[str, Any], *, expert_id: int | None = None
) -> EventType:
    """Publish an event type; `title` and `duration_minutes` are enough.

    `expert_id` lets an admin do it for an expert. Locks the expert's calendar, so that two
    of one title find addresses of their own. Raises `InvalidInput`, `NotFound`.
    """
    actor = require_account(actor)
    if expert_id is None:
        expert = experts.own_expert(actor)
    elif actor.is_admin:
        expert = experts.get_expert_by_id(expert_id)
    else:
        raise NotFound
    ledger.lock(ledger.calendar_ids(user_ids=[expert.user_id]))
    values = {"title": None, "duration_minutes": None, **values}
    event_type = EventType(expert_id=expert.id, expert=expert, is_active=True)
    with db.session.no_autoflush:
        _apply(event_type, values)
    db.session.add(event_type)
    db.session.flush()
    audit.record_creation(actor, "event_type", event_type.id, audit.snapshot(event_type))
    return event_type


@transactional
def duplicate_event_type(
    actor: Actor | None, event_type_id: int, *, title: str | None = None
) -> EventType:
    """Copy an event type, under a title and an address of its own; the copy is not active.

    Locks the expert's calendar. Raises `InvalidInput`, `NotFound`.
    """
    original = get_own(actor, event_type_id)
    ledger.lock(ledger.calendar_ids(user_ids=[original.expert.user_id]))
    values = describe(original)
    for own in ("id", "url", "slug"):
        del values[own]
    name = title or gettext("Copy of %(title)s", title=original.title)[:200]
    values |= {"title": name, "is_active": False}
    copy = EventType(expert_id=original.expert_id, expert=original.expert)
    with db.session.no_autoflush:
        _apply(copy, values)
    db.session.add(copy)
    db.session.flush()
    audit.record_creation(actor, "event_type", copy.id, audit.snapshot(copy), copy_of=original.id)
    return copy


@transactional
def update_event_type(
    actor: Actor | None, event_type_id: int, values: Mapping[str, Any]
) -> EventType:
    """Change what is offered from now on; bookings that stand keep their times.

    A slot with several seats that somebody is in takes nobody more once its type has
    another length or room. Locks the expert's calendar. Raises `InvalidInput` (also for
    fewer seats than are booked in a slot to come), `NotFound`.
    """
    event_type = get_own(actor, event_type_id)
    # Nobody books while it changes; watchers of the topic see the gap in its version.
    ledger.lock(ledger.calendar_ids(user_ids=[event_type.expert.user_id]))
    db.session.refresh(event_type)  # what was read before the lock may be over
    before = audit.snapshot(event_type)
    with db.session.no_autoflush:
        _apply(event_type, values)
    db.session.flush()
    audit.record_update(actor, "event_type", event_type.id, before, audit.snapshot(event_type))
    return event_type


@transactional
def delete_event_type(actor: Actor | None, event_type_id: int) -> bool:
    """Remove an event type; one that was ever booked is deactivated instead.

    Returns whether it is gone. Raises `NotFound`.
    """
    event_type = get_own(actor, event_type_id)
    ledger.lock(ledger.calendar_ids(user_ids=[event_type.expert.user_id]))
    if db.session.scalar(select(exists().where(Appointment.event_type_id == event_type.id))):
        event_type.is_active = False
        audit.record(actor, "deactivate", "event_type", event_type.id)
        return False
    audit.record(actor, "delete", "event_type", event_type.id, before=audit.snapshot(event_type))
    db.session.delete(event_type)
    return True


def _apply(event_type: EventType, values: Mapping[str, Any]) -> None:
    errors: fields.Errors = {}
    minutes = {
        "duration_minutes": (1, 24 * 60),
        "buffer_before_minutes": (0, 24 * 60),
        "buffer_after_minutes": (0, 24 * 60),
        "minimum_notice_minutes": (0, 52 * WEEK_MINUTES),
        "horizon_days": (0, 730),
    }
    for name, (minimum, maximum) in minutes.items():
        if name in values:
            setattr(
                event_type,
                name,
                fields.number(errors, name, values[name], minimum=minimum, maximum=maximum),
            )
    for name, maximum in {"slot_step_minutes": 24 * 60, "daily_limit": 1000}.items():
        if name in values:
            value = values[name]
            if value is not None:
                value = fields.number(errors, name, value, minimum=1, maximum=maximum)
            setattr(event_type, name, value)
    _apply_group(errors, event_type, values)
    _apply_approval(errors, event_type, values)
    if "title" in values:
        event_type.title = fields.line(errors, "title", values["title"], maximum=200, required=True)
    if "description" in values:
        event_type.description = fields.text(
            errors, "description", values["description"], maximum=5000
        )
    if "location" in values:
        _apply_location(errors, event_type, values["location"])
    if "room_id" in values:
        room_id = values["room_id"]
        if room_id is not None and not (fields.is_id(room_id) and db.session.get(Room, room_id)):
            errors["room_id"] = [gettext("There is no such room.")]
        event_type.room_id = room_id
    for name in ("is_active", "is_listed", "requires_approval"):
        if name in values:
            if not isinstance(values[name], bool):
                errors[name] = [gettext("This must be true or false.")]
            setattr(event_type, name, values[name])
    if values.get("slug"):
        event_type.slug = fields.slug(errors, "slug", values["slug"])
        if _slug_is_taken(event_type, event_type.slug):
            errors["slug"] = [gettext("You have an event type with this address.")]
    elif not event_type.slug and event_type.title:
        event_type.slug = _free_slug(event_type)
    fields.refuse(errors)


def _apply_group(errors: fields.Errors, event_type: EventType, values: Mapping[str, Any]) -> None:
    if "seats" not in values:
        return
    seats = fields.number(errors, "seats", values["seats"], minimum=1, maximum=MAX_SEATS)
    if object_session(event_type) is not None and "seats" not in errors:
        most = group_slots.most_booked(event_type.id, clock.now())
        if most > seats:
            errors["seats"] = [
                ngettext(
                    "%(num)d person is booked in one slot to come: at least %(num)d.",
                    "%(num)d people are booked in one slot to come: at least %(num)d.",
                    most,
                )
            ]
    event_type.seats = seats


def _apply_approval(
    errors: fields.Errors, event_type: EventType, values: Mapping[str, Any]
) -> None:
    if "approval_minutes" in values:
        event_type.approval_minutes = fields.number(
            errors, "approval_minutes", values["approval_minutes"], minimum=1, maximum=MAX_AHEAD
        )
    if "reminder_minutes" in values:
        times = values["reminder_minutes"]
        if not isinstance(times, list) or len(times) > MAX_REMINDERS:
            errors["reminder_minutes"] = [
                gettext("Give a list of at most %(maximum)s times.", maximum=MAX_REMINDERS)
            ]
            return
        event_type.reminder_minutes = sorted(
            {
                fields.number(
                    errors, "reminder_minutes", each, minimum=MIN_REMINDER, maximum=MAX_AHEAD
                )
                for each in times
            },
            reverse=True,
        )


def _apply_location(errors: fields.Errors, event_type: EventType, value: object) -> None:
    if not isinstance(value, dict):
        errors["location"] = [
            gettext("A location looks like %(example)s.", example='{"kind": "phone", "detail": ""}')
        ]
        return
    kind = fields.choice(errors, "location", value.get("kind"), LOCATION_KINDS)
    detail = fields.line(errors, "location", value.get("detail"), maximum=500)
    if kind == "link" and not _is_web_address(detail):
        errors["location"] = [gettext("A link starts with https:// or http://.")]
    event_type.location_kind, event_type.location_detail = kind, detail


def _is_web_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:  # brackets of an IPv6 address that do not match
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _free_slug(event_type: EventType) -> str:
    wanted = slug = fields.slug_from(event_type.title)
    number = 1
    while _slug_is_taken(event_type, slug):
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _slug_is_taken(event_type: EventType, slug: str) -> bool:
    holder = db.session.scalar(
        select(EventType.id).where(
            EventType.expert_id == event_type.expert_id, EventType.slug == slug
        )
    )
    return holder is not None and holder != event_type.id


def _public(shown: dict[str, Any]) -> dict[str, Any]:
    if shown["location"]["kind"] == "link":
        # The link is for those who booked; strangers learn only that it is online.
        shown["location"] = {"kind": "link", "detail": ""}
    return shown
