"""Blackouts in the back-office: when rooms are closed."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from app.extensions import db
from app.models import Blackout, Room
from app.services import blackouts, clock, reservations
from app.services.errors import InvalidInput
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.base import ReadingInterface, ServiceModelView
from app.views.admin.event_types import room_choices
from app.views.admin.forms import IdField, LineField, LocalTimeField, OfficeForm
from app.views.admin.listing import ListFilter
from app.views.admin.wording import ENDING, Texts


class BlackoutForm(OfficeForm):
    room_id = IdField(lazy_gettext("Room"), required=True)
    starts_at = LocalTimeField(
        lazy_gettext("From"), description=lazy_gettext("In the room's time zone.")
    )
    ends_at = LocalTimeField(
        lazy_gettext("Until"), description=lazy_gettext("In the room's time zone.")
    )
    reason = LineField(
        lazy_gettext("Reason"),
        maximum=300,
        required=True,
        description=lazy_gettext("Everybody who looks at the room reads it."),
    )


class BlackoutView(ServiceModelView):
    """`/backoffice/blackouts/`."""

    datamodel = ReadingInterface(Blackout)
    route_base = "/backoffice/blackouts"
    plural, icon = lazy_gettext("Blackouts"), "ban"
    texts = Texts(
        add=lazy_gettext("Add blackout"),
        choose=lazy_gettext("Choose which blackouts first."),
        remove=lambda number: ngettext("End blackout", "End blackouts", number),
        remove_many=lambda number: ngettext(
            "End %(num)d blackout?", "End %(num)d blackouts?", number
        ),
    )
    empty = lazy_gettext("Close a room for a while here: nobody can book it then.")
    removal = ENDING
    include_route_methods = {"list", "show", "add", "delete", "delete_many"}

    list_columns = ["title", "room", "time", "status"]
    show_columns = ["title", "room", "time", "status", "created_at", "uid"]
    search_columns = ["title"]
    order_columns = ["title", "starts_at"]
    add_columns = ["room_id", "starts_at", "ends_at", "reason"]
    label_columns = {
        "title": lazy_gettext("Reason"),
        "created_at": lazy_gettext("Made at"),
        "uid": "UID",
    }
    base_order = ("starts_at", "desc")
    is_by_time = True
    order_of = {"time": "starts_at"}
    loads = (joinedload(Blackout.room),)
    list_filters = (
        ListFilter(
            "room",
            lazy_gettext("Room"),
            lambda: [(str(key), name) for key, name in room_choices()],
            lambda value: Blackout.room_id == int(value),
        ),
        ListFilter(
            "when",
            lazy_gettext("When"),
            lambda: [("upcoming", gettext("Not over yet")), ("past", gettext("Over"))],
            lambda value: (
                Blackout.ends_at > clock.now()
                if value == "upcoming"
                else Blackout.ends_at <= clock.now()
            ),
        ),
    )
    add_form = BlackoutForm

    def initial(self) -> dict[str, Any]:
        room = request.args.get("room", "")
        return {"room_id": int(room)} if room.isdecimal() and len(room) < 10 else {}

    def offer(self, form: Any, item: Any = None) -> None:
        form.room_id.offer(room_choices())

    def create(self, actor: Actor | None, form: Any) -> int:
        room = db.session.get_one(Room, form.room_id.data)
        zone = room.time_zone or current_app.config["DEFAULT_TIME_ZONE"]
        starts_at, ends_at = form.starts_at.instant(zone), form.ends_at.instant(zone)
        missing = {
            name: [gettext("This field is required.")]
            for name, value in (("starts_at", starts_at), ("ends_at", ends_at))
            if value is None
        }
        if starts_at is None or ends_at is None:
            raise InvalidInput(missing)
        period = reservations.span(starts_at, ends_at)
        made = blackouts.close_room(actor, room.id, period, form.reason.data or "")
        return db.session.scalars(select(Blackout.id).where(Blackout.uid == made["uid"])).one()

    def remove(self, actor: Actor | None, item: Blackout, form: Any) -> None:
        blackouts.reopen_room(actor, item.uid)

    def is_changeable(self, item: Blackout) -> bool:
        return item.status == "confirmed" and item.ends_at > clock.now()

    def _created(self, made: int) -> Response:
        flash(gettext("The room is closed then."), "success")
        return self._to("show", pk=made)

    def cell_room(self, item: Blackout) -> Markup:
        return cells.link(item.room.name, url_for("RoomView.show", pk=item.room_id))

    def cell_time(self, item: Blackout) -> Markup:
        zone = item.room.time_zone or current_app.config["DEFAULT_TIME_ZONE"]
        return cells.span(item.starts_at, item.ends_at, zone)

    def cell_status(self, item: Blackout) -> Markup:
        return cells.status(item.status)

    def cell_created_at(self, item: Blackout) -> Any:
        return cells.moment(item.created_at, self.zone())
