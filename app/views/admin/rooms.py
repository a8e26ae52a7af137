"""Rooms in the back-office."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for
from flask_babel import gettext, lazy_gettext, ngettext

from app.gates import current_actor
from app.models import Room
from app.services import attachments, rooms
from app.services.attachments import Attached
from app.services.policy import Actor
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.forms import LineField, NumberField, OfficeForm, ZoneField
from app.views.admin.wording import Texts


class RoomForm(OfficeForm):
    name = LineField(lazy_gettext("Name"), maximum=128, required=True)
    capacity = NumberField(
        lazy_gettext("Capacity"),
        description=lazy_gettext("How many people fit in. Leave empty if unknown."),
    )
    time_zone = ZoneField(
        lazy_gettext("Time zone"),
        empty=lazy_gettext("As everywhere (%(default)s)"),
        description=lazy_gettext("Its bookings are entered in it."),
    )


class RoomView(ServiceModelView):
    """`/backoffice/rooms/`."""

    datamodel = ReadingInterface(Room)
    route_base = "/backoffice/rooms"
    plural, icon = lazy_gettext("Rooms"), "door-open"
    texts = Texts(
        add=lazy_gettext("Add room"),
        added=lazy_gettext("Room added."),
        choose=lazy_gettext("Choose which rooms first."),
        remove=lambda number: ngettext("Delete room", "Delete rooms", number),
        remove_many=lambda number: ngettext(
            "Delete %(num)d room?", "Delete %(num)d rooms?", number
        ),
    )
    object_kind = "room"
    empty = lazy_gettext("Add the first room; then sessions and reservations can take place in it.")

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

    def attached(self, item: Room) -> Attached:
        return attachments.of_room(item.id)

    def instead(self, item: Room) -> tuple[str, str]:
        return gettext("Close it for a time instead."), url_for("BlackoutView.add", room=item.id)

    def related(self, item: Room) -> list[Related]:
        here = {"room": item.id, "when": "upcoming", "status": "confirmed"}
        soonest = {"order": "starts_at", "direction": "asc"}
        same = frozenset({"room", "where", "status"})
        actor = current_actor()
        bookings = Related(gettext("Bookings to come"), "BookingView", here | soonest, same)
        if not (actor and actor.is_admin):  # seats and appointments are for admins
            of_kind = here | {"kind": "reservation"} | soonest
            bookings = Related(
                gettext("Reservations to come"), "BookingView", of_kind, same | {"kind"}
            )
        return [
            bookings,
            Related(gettext("Sessions to come"), "EventSessionView", here | soonest, same),
            Related(
                gettext("When it is closed"), "BlackoutView", {"room": item.id}, frozenset({"room"})
            ),
        ]

    def cell_time_zone(self, item: Room) -> str:
        return item.time_zone or current_app.config["DEFAULT_TIME_ZONE"]
