"""Event types in the back-office."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask_appbuilder import expose
from markupsafe import Markup
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField

from app.extensions import db
from app.models import EventType, Expert, Room
from app.services import attachments, event_types, rooms
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.base import (
    Answer,
    ListFilter,
    ReadingInterface,
    Related,
    ServiceModelView,
    permitted,
)
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.forms import (
    ChoiceField,
    IdField,
    LineField,
    NumberField,
    OfficeForm,
    TextField,
)

LOCATIONS = {
    "jitsi": "Jitsi Meet",
    "google_meet": "Google Meet",
    "zoom": "Zoom",
    "phone": "Phone call",
    "in_person": "In person",
    "link": "A link of one’s own",  # noqa: RUF001 (an apostrophe)
}


def expert_choices() -> list[tuple[int, str]]:
    """Experts by name."""
    rows = db.session.execute(select(Expert.id, Expert.name).order_by(Expert.name, Expert.id))
    return [(row.id, row.name) for row in rows]


def room_choices() -> list[tuple[int, str]]:
    """Rooms by name."""
    return [(room.id, room.name) for room in rooms.list_rooms()]


class EventTypeForm(OfficeForm):
    title = LineField("Title", maximum=200, required=True)
    duration_minutes = NumberField("Length in minutes", required=True)
    slug = LineField(
        "Address",
        maximum=64,
        description="The last part of its page. Made from the title if empty.",
    )
    description = TextField("Description")
    location_kind = ChoiceField("Where", choices=[*LOCATIONS.items()])
    location_detail = LineField(
        "Place or link", maximum=500, description="An address, a phone number or a link."
    )
    room_id = IdField("Room", empty="None", description="It is busy during each appointment.")
    buffer_before_minutes = NumberField("Buffer before, in minutes")
    buffer_after_minutes = NumberField("Buffer after, in minutes")
    minimum_notice_minutes = NumberField("Notice, in minutes")
    horizon_days = NumberField("Bookable for how many days ahead")
    slot_step_minutes = NumberField(
        "Starts every so many minutes", description="Leave empty for its length."
    )
    daily_limit = NumberField("At most a day", description="Leave empty for no limit.")
    seats = NumberField("Seats", description="How many clients one slot takes.")
    requires_approval = BooleanField("The expert accepts or declines each booking")
    approval_minutes = NumberField(
        "Minutes to answer", description="Then a request that was not answered ends."
    )
    reminder_minutes = LineField(
        "Reminders, in minutes before",
        maximum=60,
        description="Up to five, between commas; 1440 is a day. Leave empty for none.",
    )
    is_active = BooleanField("It can be booked")
    is_listed = BooleanField("It is listed on the expert’s page")  # noqa: RUF001 (an apostrophe)


class NewEventTypeForm(EventTypeForm):
    expert_id = IdField("Expert", required=True)


def _offering(*, is_active: bool) -> Callable[[Any, Actor | None, EventType, Any], Outcome]:
    def change(_view: Any, actor: Actor | None, item: EventType, _form: Any) -> Outcome:
        before = item.is_active
        event_types.update_event_type(actor, item.id, {"is_active": is_active})
        return Outcome(before=before)

    return change


def _offer_as_before(actor: Actor | None, pk: int, before: bool) -> None:  # noqa: FBT001
    event_types.update_event_type(actor, pk, {"is_active": before})


class EventTypeView(ServiceModelView):
    """`/backoffice/event-types/`."""

    datamodel = ReadingInterface(EventType)
    route_base = "/backoffice/event-types"
    noun, plural, icon = "event type", "Event types", "clock"
    object_kind = "event_type"
    empty = "Add what an expert can be booked for."

    list_columns = ["title", "expert", "duration_minutes", "where", "is_active"]
    show_columns = [
        "title",
        "expert",
        "page",
        "description",
        "duration_minutes",
        "where",
        "room",
        "buffers",
        "minimum_notice_minutes",
        "horizon_days",
        "slot_step_minutes",
        "daily_limit",
        "seats",
        "approval",
        "reminders",
        "is_active",
        "listed",
    ]
    search_columns = ["title", "slug"]
    order_columns = ["title", "duration_minutes"]
    edit_columns = [
        "title",
        "slug",
        "duration_minutes",
        "description",
        "location_kind",
        "location_detail",
        "room_id",
        "buffer_before_minutes",
        "buffer_after_minutes",
        "minimum_notice_minutes",
        "horizon_days",
        "slot_step_minutes",
        "daily_limit",
        "seats",
        "requires_approval",
        "approval_minutes",
        "reminder_minutes",
        "is_active",
        "is_listed",
    ]
    add_columns = ["expert_id", *edit_columns]
    label_columns = {
        "duration_minutes": "Minutes",
        "minimum_notice_minutes": "Notice in minutes",
        "horizon_days": "Days ahead",
        "slot_step_minutes": "Step in minutes",
        "daily_limit": "At most a day",
        "is_active": "State",
    }
    base_order = ("title", "asc")
    number_columns = frozenset({"duration_minutes"})
    loads = (joinedload(EventType.expert), joinedload(EventType.room))
    list_filters = (
        ListFilter(
            "expert",
            "Expert",
            lambda: [(str(key), name) for key, name in expert_choices()],
            lambda value: EventType.expert_id == int(value),
        ),
        ListFilter(
            "active",
            "State",
            lambda: [("yes", "Bookable"), ("no", "Not offered")],
            lambda value: EventType.is_active.is_(value == "yes"),
        ),
    )
    bulk_actions = (
        BulkAction(
            name="activate",
            label="Publish",
            question="Offer {things}?",
            submit="Offer",
            done="{number} can be booked.",
            perform=_offering(is_active=True),
            icon="globe",
            undo=_offer_as_before,
        ),
        BulkAction(
            name="deactivate",
            label="Take off the page",
            question="Stop offering {things}?",
            submit="Stop offering",
            done="{number} no longer offered.",
            perform=_offering(is_active=False),
            icon="ban",
            about="Bookings that stand keep their time.",
            undo=_offer_as_before,
        ),
    )
    add_form = NewEventTypeForm
    edit_form = EventTypeForm
    error_fields = {"location": "location_detail", "expert": "expert_id"}

    def matching(self, words: str) -> ColumnElement[bool]:
        by_expert = EventType.expert.has(Expert.name.icontains(words, autoescape=True))
        return or_(super().matching(words), by_expert)

    def initial(self) -> dict[str, Any]:
        expert = request.args.get("expert", "")
        return {
            "expert_id": int(expert) if expert.isdecimal() else None,
            "location_kind": "jitsi",
            "duration_minutes": 30,
            "buffer_before_minutes": 0,
            "buffer_after_minutes": 0,
            "minimum_notice_minutes": 0,
            "horizon_days": 60,
            "seats": 1,
            "approval_minutes": 1440,
            "reminder_minutes": "1440",
            "is_active": True,
            "is_listed": True,
        }

    def offer(self, form: Any, item: Any = None) -> None:
        form.room_id.offer(room_choices())
        if "expert_id" in form:
            form.expert_id.offer(expert_choices())

    def values_of(self, item: EventType) -> dict[str, Any]:
        reminders = ", ".join(map(str, item.reminder_minutes))
        return super().values_of(item) | {"reminder_minutes": reminders}

    def create(self, actor: Actor | None, form: Any) -> int:
        return event_types.create_event_type(actor, _values(form), expert_id=form.expert_id.data).id

    def update(self, actor: Actor | None, item: EventType, form: Any) -> None:
        event_types.update_event_type(actor, item.id, _values(form))

    def remove(self, actor: Actor | None, item: EventType, form: Any) -> str | None:
        title = item.title
        if event_types.delete_event_type(actor, item.id):
            return None
        return f"“{title}” was booked before, so it is kept and no longer offered."

    def attached(self, item: EventType) -> list[str]:
        return attachments.of_event_type(item.id)

    @expose("/activate/", methods=["GET", "POST"])
    @permitted("edit")
    def activate(self) -> Answer:
        return self._bulk(self.bulk_actions[0])

    @expose("/deactivate/", methods=["GET", "POST"])
    @permitted("edit")
    def deactivate(self) -> Answer:
        return self._bulk(self.bulk_actions[1])

    def related(self, item: EventType) -> list[Related]:
        return [
            Related(
                "Appointments to come",
                "BookingView",
                {"event_type": item.id, "when": "upcoming", "status": "confirmed"}
                | {"order": "starts_at", "direction": "asc"},
                frozenset({"title", "kind", "status"}),
                url_for("BookingView.add", kind="appointment", event_type=item.id),
            )
        ]

    def links(self, item: EventType) -> list[tuple[str, str]]:
        return [
            (
                "Book it for a client",
                url_for("BookingView.add", kind="appointment", event_type=item.id),
            )
        ]

    def cell_expert(self, item: EventType) -> Markup:
        return cells.link(item.expert.name, url_for("ExpertView.show", pk=item.expert_id))

    def cell_page(self, item: EventType) -> Markup:
        slugs = {"slug": item.expert.slug, "type_slug": item.slug}
        return cells.link(
            f"/{item.expert.slug}/{item.slug}", url_for("booking_pages.booker", **slugs)
        )

    def cell_where(self, item: EventType) -> str:
        if item.room and item.location_kind == "in_person":
            return item.room.name
        return LOCATIONS[item.location_kind]

    def cell_room(self, item: EventType) -> Any:
        room: Room | None = item.room
        return cells.link(room.name, url_for("RoomView.show", pk=room.id)) if room else "None"

    def cell_buffers(self, item: EventType) -> str:
        return f"{item.buffer_before_minutes} before, {item.buffer_after_minutes} after"

    def cell_slot_step_minutes(self, item: EventType) -> int:
        return item.slot_step_minutes or item.duration_minutes

    def cell_daily_limit(self, item: EventType) -> Any:
        return item.daily_limit or "No limit"

    def cell_approval(self, item: EventType) -> str:
        if not item.requires_approval:
            return "Not needed"
        return f"Within {item.approval_minutes} minutes"

    def cell_reminders(self, item: EventType) -> str:
        times = ", ".join(map(str, item.reminder_minutes))
        return f"{times} minutes before" if times else "None"

    def cell_listed(self, item: EventType) -> str:
        return cells.yes(item.is_listed)

    def cell_is_active(self, item: EventType) -> Any:
        return cells.badge("Bookable", "good") if item.is_active else cells.badge("Not offered")


def _values(form: Any) -> dict[str, Any]:
    """What the service takes, from what the form holds."""
    values = {name: value for name, value in form.data.items() if name != "expert_id"}
    values["reminder_minutes"] = [
        int(each) if each.strip().isdecimal() and len(each.strip()) < 10 else each
        for each in (values["reminder_minutes"] or "").split(",")
        if each.strip()
    ]
    values["location"] = {
        "kind": values.pop("location_kind"),
        "detail": values.pop("location_detail"),
    }
    return values
