"""Event types in the back-office."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField

from app.extensions import db
from app.models import EventType, Expert, Room
from app.services import attachments, event_types, rooms
from app.services.attachments import Attached
from app.services.local_text import duration_text
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.access import Answer, permitted
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.forms import (
    ChoiceField,
    IdField,
    LineField,
    NumberField,
    OfficeForm,
    TextField,
)
from app.views.admin.listing import ListFilter
from app.views.admin.wording import Texts, Wording

LOCATIONS = {
    "jitsi": "Jitsi Meet",
    "google_meet": "Google Meet",
    "zoom": "Zoom",
    "phone": lazy_gettext("Phone call"),
    "in_person": lazy_gettext("In person"),
    "link": lazy_gettext("A link of one’s own"),  # noqa: RUF001 (an apostrophe)
}


def expert_choices() -> list[tuple[int, str]]:
    """Experts by name."""
    rows = db.session.execute(select(Expert.id, Expert.name).order_by(Expert.name, Expert.id))
    return [(row.id, row.name) for row in rows]


def room_choices() -> list[tuple[int, str]]:
    """Rooms by name."""
    return [(room.id, room.name) for room in rooms.list_rooms()]


class EventTypeForm(OfficeForm):
    title = LineField(lazy_gettext("Title"), maximum=200, required=True)
    duration_minutes = NumberField(lazy_gettext("Length in minutes"), required=True)
    slug = LineField(
        lazy_gettext("Address"),
        maximum=64,
        description=lazy_gettext("The last part of its page. Made from the title if empty."),
    )
    description = TextField(lazy_gettext("Description"))
    location_kind = ChoiceField(lazy_gettext("Where"), choices=[*LOCATIONS.items()])
    location_detail = LineField(
        lazy_gettext("Place or link"),
        maximum=500,
        description=lazy_gettext("An address, a phone number or a link."),
    )
    room_id = IdField(
        lazy_gettext("Room"),
        empty=lazy_gettext("None"),
        description=lazy_gettext("It is busy during each appointment."),
    )
    buffer_before_minutes = NumberField(lazy_gettext("Buffer before, in minutes"))
    buffer_after_minutes = NumberField(lazy_gettext("Buffer after, in minutes"))
    minimum_notice_minutes = NumberField(lazy_gettext("Notice, in minutes"))
    horizon_days = NumberField(lazy_gettext("Bookable for how many days ahead"))
    slot_step_minutes = NumberField(
        lazy_gettext("Starts every so many minutes"),
        description=lazy_gettext("Leave empty for its length."),
    )
    daily_limit = NumberField(
        lazy_gettext("At most a day"), description=lazy_gettext("Leave empty for no limit.")
    )
    seats = NumberField(
        lazy_gettext("Seats"), description=lazy_gettext("How many clients one slot takes.")
    )
    requires_approval = BooleanField(lazy_gettext("The expert accepts or declines each booking"))
    approval_minutes = NumberField(
        lazy_gettext("Minutes to answer"),
        description=lazy_gettext("Then a request that was not answered ends."),
    )
    reminder_minutes = LineField(
        lazy_gettext("Reminders, in minutes before"),
        maximum=60,
        description=lazy_gettext(
            "Up to five, between commas; 1440 is a day. Leave empty for none."
        ),
    )
    is_active = BooleanField(lazy_gettext("It can be booked"))
    is_listed = BooleanField(lazy_gettext("It is listed on the expert’s page"))  # noqa: RUF001 (an apostrophe)


class NewEventTypeForm(EventTypeForm):
    expert_id = IdField(lazy_gettext("Expert"), required=True)


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
    plural, icon = lazy_gettext("Event types"), "clock"
    texts = Texts(
        add=lazy_gettext("Add event type"),
        added=lazy_gettext("Event type added."),
        choose=lazy_gettext("Choose which event types first."),
        remove=lambda number: ngettext("Delete event type", "Delete event types", number),
        remove_many=lambda number: ngettext(
            "Delete %(num)d event type?", "Delete %(num)d event types?", number
        ),
    )
    object_kind = "event_type"
    empty = lazy_gettext("Add what an expert can be booked for.")

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
        "duration_minutes": lazy_gettext("Minutes"),
        "minimum_notice_minutes": lazy_gettext("Notice in minutes"),
        "horizon_days": lazy_gettext("Days ahead"),
        "slot_step_minutes": lazy_gettext("Step in minutes"),
        "daily_limit": lazy_gettext("At most a day"),
        "is_active": lazy_gettext("State"),
    }
    base_order = ("title", "asc")
    number_columns = frozenset({"duration_minutes"})
    loads = (joinedload(EventType.expert), joinedload(EventType.room))
    list_filters = (
        ListFilter(
            "expert",
            lazy_gettext("Expert"),
            lambda: [(str(key), name) for key, name in expert_choices()],
            lambda value: EventType.expert_id == int(value),
        ),
        ListFilter(
            "active",
            lazy_gettext("State"),
            lambda: [("yes", gettext("Bookable")), ("no", gettext("Not offered"))],
            lambda value: EventType.is_active.is_(value == "yes"),
        ),
    )
    bulk_actions = (
        BulkAction(
            name="activate",
            label=lazy_gettext("Publish"),
            wording=Wording(
                question=lambda name: gettext("Offer “%(name)s”?", name=name),
                question_many=lambda number: ngettext(
                    "Offer %(num)d event type?", "Offer %(num)d event types?", number
                ),
                submit=lambda number: ngettext("Offer event type", "Offer event types", number),
                done=lambda name: gettext("“%(name)s” can be booked.", name=name),
                done_many=lambda number: ngettext(
                    "%(num)d can be booked.", "%(num)d can be booked.", number
                ),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s can be booked.", done=done, all=all_
                ),
            ),
            perform=_offering(is_active=True),
            icon="globe",
            undo=_offer_as_before,
        ),
        BulkAction(
            name="deactivate",
            label=lazy_gettext("Take off the page"),
            wording=Wording(
                question=lambda name: gettext("Stop offering “%(name)s”?", name=name),
                question_many=lambda number: ngettext(
                    "Stop offering %(num)d event type?",
                    "Stop offering %(num)d event types?",
                    number,
                ),
                submit=lambda number: ngettext(
                    "Stop offering event type", "Stop offering event types", number
                ),
                done=lambda name: gettext("“%(name)s” no longer offered.", name=name),
                done_many=lambda number: ngettext(
                    "%(num)d no longer offered.", "%(num)d no longer offered.", number
                ),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s no longer offered.", done=done, all=all_
                ),
            ),
            perform=_offering(is_active=False),
            icon="ban",
            about=lazy_gettext("Bookings that stand keep their time."),
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
        return gettext(
            "“%(title)s” was booked before, so it is kept and no longer offered.", title=title
        )

    def attached(self, item: EventType) -> Attached:
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
                gettext("Appointments to come"),
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
                gettext("Book it for a client"),
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
        return str(LOCATIONS[item.location_kind])

    def cell_room(self, item: EventType) -> Any:
        room: Room | None = item.room
        return (
            cells.link(room.name, url_for("RoomView.show", pk=room.id)) if room else gettext("None")
        )

    def cell_buffers(self, item: EventType) -> str:
        return gettext(
            "%(before)s before, %(after)s after",
            before=item.buffer_before_minutes,
            after=item.buffer_after_minutes,
        )

    def cell_slot_step_minutes(self, item: EventType) -> int:
        return item.slot_step_minutes or item.duration_minutes

    def cell_daily_limit(self, item: EventType) -> Any:
        return item.daily_limit or gettext("No limit")

    def cell_approval(self, item: EventType) -> str:
        if not item.requires_approval:
            return gettext("Not needed")
        return gettext("Within %(minutes)s minutes", minutes=item.approval_minutes)

    def cell_reminders(self, item: EventType) -> str:
        times = ", ".join(map(duration_text, item.reminder_minutes))
        return gettext("%(times)s before", times=times) if times else gettext("None")

    def cell_listed(self, item: EventType) -> str:
        return cells.yes(item.is_listed)

    def cell_is_active(self, item: EventType) -> Any:
        return (
            cells.badge(gettext("Bookable"), "good")
            if item.is_active
            else cells.badge(gettext("Not offered"))
        )


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
