"""Rooms: the places that can be booked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Room
from app.models.types import AnyRow
from app.services import attachments, audit, fields
from app.services.bookings import Page
from app.services.errors import DomainError, NotFound
from app.services.policy import Actor, require_admin
from app.services.transaction import transactional


def describe(room: Room) -> dict[str, Any]:
    """The contract's `room`, with the zone whose local time it keeps."""
    return {
        "id": room.id,
        "name": room.name,
        "capacity": room.capacity,
        "time_zone": zone_of(room).key,
    }


def zone_of(room: Room | AnyRow) -> ZoneInfo:
    """The zone whose local time a room keeps: its own, or the default."""
    return ZoneInfo(room.time_zone or current_app.config["DEFAULT_TIME_ZONE"])


def list_rooms() -> list[Room]:
    """All rooms, by name."""
    return list(db.session.scalars(select(Room).order_by(Room.name, Room.id)))


def page_of_rooms(page: int, page_size: int) -> Page:
    """One page of all rooms, by name."""
    found = list_rooms()
    shown = found[(page - 1) * page_size : page * page_size]
    return Page([describe(room) for room in shown], page, page_size, len(found))


def get_room(room_id: int) -> Room:
    """Raises `NotFound`."""
    room = db.session.get(Room, room_id)
    if room is None:
        raise NotFound(gettext("There is no such room."))
    return room


@transactional
def create_room(actor: Actor | None, values: Mapping[str, Any]) -> Room:
    """Add a room, and with it its calendar. For admins. Raises `InvalidInput`."""
    actor = require_admin(actor)
    room = Room()
    _apply(room, {"name": None, **values})
    db.session.add(room)
    db.session.flush()
    audit.record_creation(actor, "room", room.id, audit.snapshot(room))
    return room


@transactional
def update_room(actor: Actor | None, room_id: int, values: Mapping[str, Any]) -> Room:
    """Change a room. For admins. Raises `InvalidInput`, `NotFound`."""
    actor = require_admin(actor)
    room = get_room(room_id)
    before = audit.snapshot(room)
    _apply(room, values)
    db.session.flush()
    audit.record_update(actor, "room", room.id, before, audit.snapshot(room))
    return room


@transactional
def delete_room(actor: Actor | None, room_id: int) -> None:
    """Remove a room that nothing ever took place in. For admins. Raises `DomainError`."""
    actor = require_admin(actor)
    room = get_room(room_id)
    if attachments.of_room(room.id).forbids:
        raise DomainError(
            gettext("%(room)s has bookings, sessions or event types and is kept.", room=room.name)
        )
    audit.record(actor, "delete", "room", room.id, before=audit.snapshot(room))
    db.session.delete(room)


def _apply(room: Room, values: Mapping[str, Any]) -> None:
    errors: fields.Errors = {}
    if "name" in values:
        room.name = fields.line(errors, "name", values["name"], maximum=128, required=True)
        with db.session.no_autoflush:
            holder = db.session.scalar(select(Room.id).where(Room.name == room.name))
        if holder is not None and holder != room.id:
            errors["name"] = [gettext("There is a room with this name.")]
    if "capacity" in values:
        capacity = values["capacity"]
        if capacity is not None:
            capacity = fields.number(errors, "capacity", capacity, minimum=1, maximum=1_000_000)
        room.capacity = capacity
    if "time_zone" in values:
        zone = values["time_zone"]
        room.time_zone = fields.zone(errors, "time_zone", zone) if zone else None
    fields.refuse(errors)
