"""Attendees in the back-office: who is on an event's list, and who is in."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.gates import current_actor
from app.models import Attendee, Event, User
from app.models.user import full_name
from app.services import admission, attendees
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.access import Answer, permitted
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.events import event_choices
from app.views.admin.forms import EmailField, IdField, LineField, OfficeForm
from app.views.admin.listing import ListFilter
from app.views.admin.wording import Texts, Wording


class AttendeeForm(OfficeForm):
    name = LineField(lazy_gettext("Name"), maximum=admission.MAX_NAME)
    email = EmailField(
        lazy_gettext("Email"),
        required=True,
        description=lazy_gettext("The code for the agenda is mailed to it."),
    )
    external_id = LineField(
        lazy_gettext("External id"),
        maximum=admission.MAX_EXTERNAL_ID,
        description=lazy_gettext("From the ticket shop, so that its list finds this person again."),
    )


class NewAttendeeForm(AttendeeForm):
    event_id = IdField(lazy_gettext("Event"), required=True)


def _check_in(_view: Any, actor: Actor | None, item: Attendee, _form: Any) -> Outcome:
    if item.checked_in_at is not None:
        return Outcome(gettext("%(name)s was checked in already.", name=str(item)), before="in")
    admission.check_in(actor, item.event.slug, [item.email])
    return Outcome(gettext("%(name)s is checked in.", name=str(item)), before="")


def _undo_check_in(actor: Actor | None, pk: int, before: str) -> None:
    if before != "in":
        attendee = attendees.get_attendee(actor, pk)
        admission.undo_check_in(actor, attendee.event.slug, pk)


class AttendeeView(ServiceModelView):
    """`/backoffice/attendees/`."""

    datamodel = ReadingInterface(Attendee)
    route_base = "/backoffice/attendees"
    plural, icon = lazy_gettext("Attendees"), "users"
    texts = Texts(
        add=lazy_gettext("Add attendee"),
        added=lazy_gettext("Attendee added."),
        choose=lazy_gettext("Choose which attendees first."),
        remove=lambda number: ngettext("Delete attendee", "Delete attendees", number),
        remove_many=lambda number: ngettext(
            "Delete %(num)d attendee?", "Delete %(num)d attendees?", number
        ),
    )
    object_kind = "attendee"
    imported_as = "attendees"
    empty = lazy_gettext("Import a list from whatever sells the tickets, or add somebody here.")

    list_columns = ["name", "email", "event", "checked_in", "external_id"]
    show_columns = ["name", "email", "event", "checked_in", "by", "external_id", "added"]
    search_columns = ["name", "email", "external_id"]
    order_columns = ["name", "email", "checked_in_at"]
    edit_columns = ["name", "email", "external_id"]
    add_columns = ["event_id", *edit_columns]
    label_columns = {
        "external_id": lazy_gettext("External id"),
        "by": lazy_gettext("Checked in by"),
    }
    base_order = ("name", "asc")
    order_of = {"checked_in": "checked_in_at"}
    loads = (joinedload(Attendee.event), joinedload(Attendee.checked_in_by_user))
    list_filters = (
        ListFilter(
            "event",
            lazy_gettext("Event"),
            event_choices,
            lambda value: Attendee.event_id == int(value),
        ),
        ListFilter(
            "state",
            lazy_gettext("State"),
            lambda: [("in", gettext("Checked in")), ("out", gettext("Not yet"))],
            lambda value: (
                Attendee.checked_in_at.is_not(None)
                if value == "in"
                else Attendee.checked_in_at.is_(None)
            ),
        ),
    )
    add_form = NewAttendeeForm
    edit_form = AttendeeForm
    bulk_actions = (
        BulkAction(
            name="check_in",
            label=lazy_gettext("Check in"),
            wording=Wording(
                question=lambda name: gettext("Check “%(name)s” in?", name=name),
                question_many=lambda number: ngettext(
                    "Check %(num)d attendee in?", "Check %(num)d attendees in?", number
                ),
                submit=lambda number: ngettext("Check in attendee", "Check in attendees", number),
                done=lambda name: gettext("“%(name)s” checked in.", name=name),
                done_many=lambda number: ngettext(
                    "%(num)d checked in.", "%(num)d checked in.", number
                ),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s checked in.", done=done, all=all_
                ),
            ),
            perform=_check_in,
            icon="user-check",
            permission="check_in",
            undo=_undo_check_in,
        ),
    )

    def name_of(self, item: Attendee) -> str:
        return str(item)

    def initial(self) -> dict[str, Any]:
        event = request.args.get("event", "")
        return {"event_id": int(event) if event.isdecimal() and len(event) < 10 else None}

    def offer(self, form: Any, item: Any = None) -> None:
        if "event_id" in form:
            form.event_id.offer((int(key), title) for key, title in event_choices())

    def create(self, actor: Actor | None, form: Any) -> int:
        event = db.session.get_one(Event, form.event_id.data)
        return admission.add_attendee(
            actor,
            event.slug,
            name=form.name.data or "",
            email=form.email.data or "",
            external_id=form.external_id.data or "",
        ).id

    def update(self, actor: Actor | None, item: Attendee, form: Any) -> None:
        attendees.update_attendee(actor, item.id, form.data)

    def remove(self, actor: Actor | None, item: Attendee, form: Any) -> None:
        attendees.remove_attendee(actor, item.id)

    @expose("/check-in/", methods=["GET", "POST"])
    @permitted("check_in")
    def check_in(self) -> Answer:
        return self._bulk(self.bulk_actions[0])

    def related(self, item: Attendee) -> list[Related]:
        actor = current_actor()
        if not (actor and actor.is_admin):
            return []  # whose the seats are is for admins
        user_id = db.session.scalar(select(User.id).where(User.email == item.email))
        if user_id is None:
            return []
        return [
            Related(
                gettext("Seats"),
                "BookingView",
                {"user": user_id, "event": item.event_id, "status": "confirmed"},
                frozenset({"kind", "who", "status"}),
            )
        ]

    def beginnings(self) -> list[tuple[str, str]]:
        if not event_choices():
            return self.way_to(gettext("Add an event first"), "EventView", "add")
        return self.way_to(gettext("Import a list"), "ImportView", kind="attendees")

    def links(self, item: Attendee) -> list[tuple[str, str]]:
        event: Event = item.event
        return [
            (
                gettext("The door of this event"),
                url_for("admission.door", slug=event.slug, q=item.email),
            )
        ]

    def cell_name(self, item: Attendee) -> str:
        return item.name

    def cell_event(self, item: Attendee) -> Markup:
        return cells.link(item.event.title, url_for("EventView.show", pk=item.event_id))

    def cell_checked_in(self, item: Attendee) -> Any:
        if item.checked_in_at is None:
            return cells.badge(gettext("Not yet"))
        return cells.moment(item.checked_in_at, item.event.time_zone)

    def cell_by(self, item: Attendee) -> str:
        user = item.checked_in_by_user
        return full_name(user.first_name, user.last_name) if user else ""

    def cell_added(self, item: Attendee) -> Any:
        return cells.moment(item.created_at, item.event.time_zone)
