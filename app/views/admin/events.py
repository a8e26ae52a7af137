"""Events in the back-office."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import url_for
from flask_appbuilder import expose
from flask_babel import format_date
from sqlalchemy import func, select
from wtforms import BooleanField

from app.extensions import db
from app.models import Event, EventSession
from app.services import attachments, clock, events
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
    DayField,
    LineField,
    NumberField,
    OfficeForm,
    ZoneField,
)

ADMISSION = {"open": "Open", "checked_in": "Checked in at the door"}


class EventForm(OfficeForm):
    title = LineField("Title", maximum=200, required=True)
    slug = LineField(
        "Address",
        maximum=64,
        required=True,
        description="The last part of its page: small letters, digits and hyphens.",
    )
    time_zone = ZoneField("Time zone", description="All its sessions are entered and shown in it.")
    starts_on = DayField("First day", required=True)
    ends_on = DayField("Last day", required=True)
    venue = LineField("Venue", maximum=200)
    admission = ChoiceField(
        "Who gets a code",
        choices=[
            ("open", "Open: any address"),
            ("checked_in", "Only addresses checked in at the door"),
        ],
    )
    public = BooleanField("Everybody may read the agenda")
    release_no_shows_minutes = NumberField(
        "Release seats of who is not there, in minutes before the start",
        description="Seats of people who are not checked in by then go to the waitlist and to"
        " walk-ins, with a mail. Leave empty to keep them.",
    )


def _publish(view: Any, actor: Actor | None, item: Event, form: Any) -> Outcome:
    before, public = item.public, form.public.data == "yes"
    events.update_event(actor, item.slug, {"public": public})
    now = "public" if public else "for attendees only"
    return Outcome(f"The agenda of “{view.name_of(item)}” is {now}.", before)


def _publish_as_before(actor: Actor | None, pk: int, before: bool) -> None:  # noqa: FBT001
    events.update_event(actor, db.session.get_one(Event, pk).slug, {"public": before})


class PublishForm(OfficeForm):
    public = ChoiceField(
        "Who may read the agenda",
        choices=[("yes", "Everybody"), ("no", "Attendees only")],
    )


class EventView(ServiceModelView):
    """`/backoffice/events/`."""

    datamodel = ReadingInterface(Event)
    route_base = "/backoffice/events"
    noun, plural, icon = "event", "Events", "calendar-days"
    object_kind = "event"
    empty = "Add the first event, then its sessions."

    list_columns = ["title", "dates", "venue", "sessions", "public"]
    show_columns = [
        "title",
        "slug",
        "dates",
        "time_zone",
        "venue",
        "admission",
        "public",
        "no_shows",
        "sessions",
    ]
    search_columns = ["title", "slug", "venue"]
    order_columns = ["title", "starts_on", "venue"]
    add_columns = [
        "title",
        "slug",
        "time_zone",
        "starts_on",
        "ends_on",
        "venue",
        "admission",
        "public",
        "release_no_shows_minutes",
    ]
    edit_columns = add_columns
    label_columns = {
        "slug": "Address",
        "starts_on": "First day",
        "public": "Public agenda",
        "no_shows": "No-shows",
    }
    base_order = ("starts_on", "desc")
    order_of = {"dates": "starts_on"}
    number_columns = frozenset({"sessions"})
    list_filters = (
        ListFilter(
            "when",
            "When",
            lambda: [("upcoming", "Not over yet"), ("past", "Over")],
            lambda value: (
                Event.ends_on >= clock.now().date()
                if value == "upcoming"
                else Event.ends_on < clock.now().date()
            ),
        ),
    )
    presets = (("To come", {"when": "upcoming"}), ("Over", {"when": "past"}))
    add_form = edit_form = EventForm

    bulk_actions = (
        BulkAction(
            name="publish",
            label="Publish",
            question="Who may read the agenda of {things}?",
            submit="Change",
            done="{number} changed.",
            perform=_publish,
            icon="globe",
            form=PublishForm,
            undo=_publish_as_before,
        ),
    )

    @expose("/publish/", methods=["GET", "POST"])
    @permitted("edit")
    def publish(self) -> Answer:
        return self._bulk(self.bulk_actions[0])

    def initial(self) -> dict[str, Any]:
        return {"time_zone": self.zone()}

    def create(self, actor: Actor | None, form: Any) -> int:
        return events.create_event(actor, form.data).id

    def update(self, actor: Actor | None, item: Event, form: Any) -> None:
        events.update_event(actor, item.slug, form.data)

    def remove(self, actor: Actor | None, item: Event, form: Any) -> None:
        events.delete_event(actor, item.slug)

    def attached(self, item: Event) -> list[str]:
        return attachments.of_event(item.id)

    def related(self, item: Event) -> list[Related]:
        here = {"event": item.id}
        return [
            Related(
                "Sessions",
                "EventSessionView",
                here | {"status": "confirmed", "order": "starts_at", "direction": "asc"},
                frozenset({"event", "status"}),
                url_for("EventSessionView.add", **here),
            ),
            Related(
                "Attendees",
                "AttendeeView",
                here,
                frozenset({"event"}),
                url_for("AttendeeView.add", **here),
            ),
        ]

    def links(self, item: Event) -> list[tuple[str, str]]:
        links = [
            ("Agenda", url_for("agenda_pages.show", slug=item.slug)),
            ("Check-in", url_for("admission.door", slug=item.slug)),
            ("QR code and badges", url_for("admission.printing", slug=item.slug)),
        ]
        if self.offers("edit"):
            links.append(("Add a session", url_for("EventSessionView.add", event=item.id)))
        return links

    def annotate(self, rows: Sequence[Event]) -> None:
        counted = db.session.execute(
            select(EventSession.event_id, func.count())
            .where(EventSession.event_id.in_([row.id for row in rows]))
            .where(EventSession.status == "confirmed")
            .group_by(EventSession.event_id)
        )
        numbers = dict(counted.all())
        for row in rows:
            row.session_count = numbers.get(row.id, 0)

    def cell_sessions(self, item: Any) -> int:
        return item.session_count

    def cell_dates(self, item: Event) -> str:
        if item.starts_on == item.ends_on:
            return _day(item.starts_on)
        return f"{_day(item.starts_on)} to {_day(item.ends_on)}"

    def cell_admission(self, item: Event) -> str:
        return ADMISSION[item.admission]

    def cell_no_shows(self, item: Event) -> str:
        minutes = item.release_no_shows_minutes
        return f"Seats go {minutes} min before the start" if minutes else "Seats are kept"

    def cell_public(self, item: Event) -> Any:
        return cells.badge("Public", "good") if item.public else cells.badge("Attendees only")


def event_choices() -> list[tuple[str, str]]:
    """Events to narrow a list by, the last to begin first."""
    rows = db.session.execute(
        select(Event.id, Event.title).order_by(Event.starts_on.desc(), Event.id.desc())
    )
    return [(str(row.id), row.title) for row in rows]


def _day(day: date) -> str:
    return format_date(day, "d MMM y")
