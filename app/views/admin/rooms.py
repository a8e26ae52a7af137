"""Rooms in the back-office."""

from __future__ import annotations

from typing import Any

from flask import current_app

from app.models import Room
from app.services import attachments, rooms
from app.services.policy import Actor
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.forms import LineField, NumberField, OfficeForm, ZoneField


class RoomForm(OfficeForm):
    name = LineField("Name", maximum=128, required=True)
    capacity = NumberField(
        "Capacity", description="How many people fit in. Leave empty if unknown."
    )
    time_zone = ZoneField(
        "Time zone",
        empty="As everywhere ({default})",
        description="Its bookings are entered in it.",
    )


class RoomView(ServiceModelView):
    """`/backoffice/rooms/`."""

    datamodel = ReadingInterface(Room)
    route_base = "/backoffice/rooms"
    noun, plural, icon = "room", "Rooms", "door-open"
    object_kind = "room"
    empty = "Add the first room; then sessions and reservations can take place in it."

    list_columns = ["name", "capacity", "time_zone"]
    show_columns = ["name", "capacity", "time_zone"]
    search_columns = ["name"]
    order_columns = ["name", "capacity"]
    add_columns = ["name", "capacity", "time_zone"]
    edit_columns = ["name", "capacity", "time_zone"]
    base_order = ("name", "asc")
    number_columns = frozenset({"capacity"})
    add_form = edit_form = RoomForm

    def create(self, actor: Actor | None, form: Any) -> int:
        return rooms.create_room(actor, form.data).id

    def update(self, actor: Actor | None, item: Room, form: Any) -> None:
        rooms.update_room(actor, item.id, form.data)

    def remove(self, actor: Actor | None, item: Room, form: Any) -> None:
        rooms.delete_room(actor, item.id)

    def attached(self, item: Room) -> list[str]:
        return attachments.of_room(item.id)

    def related(self, item: Room) -> list[Related]:
        here = {"room": item.id, "when": "upcoming", "status": "confirmed"}
        soonest = {"order": "starts_at", "direction": "asc"}
        same = frozenset({"room", "where", "status"})
        return [
            Related("Bookings to come", "BookingView", here | soonest, same),
            Related("Sessions to come", "EventSessionView", here | soonest, same),
            Related("When it is closed", "BlackoutView", {"room": item.id}, frozenset({"room"})),
        ]

    def cell_time_zone(self, item: Room) -> str:
        return item.time_zone or current_app.config["DEFAULT_TIME_ZONE"]
