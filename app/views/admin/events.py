"""Events in the back-office."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy import func, select
from wtforms import BooleanField

from app.extensions import db
from app.models import Event, EventSession
from app.services import attachments, clock, events
from app.services.attachments import Attached
from app.services.local_text import span_text
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.access import Answer, permitted
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.forms import (
    ChoiceField,
    DayField,
    LineField,
    NumberField,
    OfficeForm,
    ZoneField,
)
from app.views.admin.listing import ListFilter
from app.views.admin.wording import Texts, Wording

ADMISSION = {"open": lazy_gettext("Open"), "checked_in": lazy_gettext("Checked in at the door")}


class EventForm(OfficeForm):
    title = LineField(lazy_gettext("Title"), maximum=200, required=True)
    slug = LineField(
        lazy_gettext("Address"),
        maximum=64,
        required=True,
        description=lazy_gettext("The last part of its page: small letters, digits and hyphens."),
    )
    time_zone = ZoneField(
        lazy_gettext("Time zone"),
        description=lazy_gettext("All its sessions are entered and shown in it."),
    )
    starts_on = DayField(lazy_gettext("First day"), required=True)
    ends_on = DayField(lazy_gettext("Last day"), required=True)
    venue = LineField(lazy_gettext("Venue"), maximum=200)
    admission = ChoiceField(
        lazy_gettext("Who gets a code"),
        choices=[
            ("open", lazy_gettext("Open: any address")),
            ("checked_in", lazy_gettext("Only addresses checked in at the door")),
        ],
    )
    public = BooleanField(lazy_gettext("Everybody may read the agenda"))
    release_no_shows_minutes = NumberField(
        lazy_gettext("Release seats of who is not there, in minutes before the start"),
        description=lazy_gettext(
            "Seats of people who are not checked in by then go to the waitlist and to"
            " walk-ins, with a mail. Leave empty to keep them."
        ),
    )


def _publish(view: Any, actor: Actor | None, item: Event, form: Any) -> Outcome:
    before, public = item.public, form.public.data == "yes"
    events.update_event(actor, item.slug, {"public": public})
    name = view.name_of(item)
    if public:
        return Outcome(gettext("The agenda of “%(name)s” is public.", name=name), before)
    return Outcome(gettext("The agenda of “%(name)s” is for attendees only.", name=name), before)


def _publish_as_before(actor: Actor | None, pk: int, before: bool) -> None:  # noqa: FBT001
    events.update_event(actor, db.session.get_one(Event, pk).slug, {"public": before})


class PublishForm(OfficeForm):
    public = ChoiceField(
        lazy_gettext("Who may read the agenda"),
        choices=[("yes", lazy_gettext("Everybody")), ("no", lazy_gettext("Attendees only"))],
    )


class EventView(ServiceModelView):
    """`/backoffice/events/`."""

    datamodel = ReadingInterface(Event)
    route_base = "/backoffice/events"
    plural, icon = lazy_gettext("Events"), "calendar-days"
    texts = Texts(
        add=lazy_gettext("Add event"),
        added=lazy_gettext("Event added."),
        choose=lazy_gettext("Choose which events first."),
        remove=lambda number: ngettext("Delete event", "Delete events", number),
        remove_many=lambda number: ngettext(
            "Delete %(num)d event?", "Delete %(num)d events?", number
        ),
    )
    object_kind = "event"
    empty = lazy_gettext("Add the first event, then its sessions.")

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
        "slug": lazy_gettext("Address"),
        "public": lazy_gettext("Public agenda"),
        "no_shows": lazy_gettext("No-shows"),
    }
    base_order = ("starts_on", "desc")
    order_of = {"dates": "starts_on"}
    number_columns = frozenset({"sessions"})
    list_filters = (
        ListFilter(
            "when",
            lazy_gettext("When"),
            lambda: [("upcoming", gettext("Not over yet")), ("past", gettext("Over"))],
            lambda value: (
                Event.ends_on >= clock.now().date()
                if value == "upcoming"
                else Event.ends_on < clock.now().date()
            ),
        ),
    )
    presets = (
        (lazy_gettext("To come"), {"when": "upcoming"}),
        (lazy_gettext("Over"), {"when": "past"}),
    )
    add_form = edit_form = EventForm

    bulk_actions = (
        BulkAction(
            name="publish",
            label=lazy_gettext("Publish"),
            wording=Wording(
                question=lambda name: gettext("Who may read the agenda of “%(name)s”?", name=name),
                question_many=lambda number: ngettext(
                    "Who may read the agenda of %(num)d event?",
                    "Who may read the agenda of %(num)d events?",
                    number,
                ),
                submit=lambda number: ngettext("Change event", "Change events", number),
                done=lambda name: gettext("“%(name)s” changed.", name=name),
                done_many=lambda number: ngettext("%(num)d changed.", "%(num)d changed.", number),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s changed.", done=done, all=all_
                ),
            ),
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

    def attached(self, item: Event) -> Attached:
        return attachments.of_event(item.id)

    def instead(self, item: Event) -> tuple[str, str]:
        return gettext("Take its agenda off the public instead."), self._url("edit", pk=item.id)

    def related(self, item: Event) -> list[Related]:
        here = {"event": item.id}
        return [
            Related(
                gettext("Sessions"),
                "EventSessionView",
                here | {"status": "confirmed"},
                frozenset({"event", "status"}),
                url_for("EventSessionView.add", **here),
            ),
            Related(
                gettext("Attendees"),
                "AttendeeView",
                here,
                frozenset({"event"}),
                url_for("AttendeeView.add", **here),
            ),
        ]

    def links(self, item: Event) -> list[tuple[str, str]]:
        links = [
            (gettext("Agenda"), url_for("agenda_pages.show", slug=item.slug)),
            (gettext("Check-in"), url_for("admission.door", slug=item.slug)),
            (gettext("QR code and badges"), url_for("admission.printing", slug=item.slug)),
        ]
        if self.offers("edit"):
            links.append((gettext("Add a session"), url_for("EventSessionView.add", event=item.id)))
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
        return span_text(item.starts_on, item.ends_on, "yMMMd")

    def cell_admission(self, item: Event) -> str:
        return str(ADMISSION[item.admission])

    def cell_no_shows(self, item: Event) -> str:
        minutes = item.release_no_shows_minutes
        if not minutes:
            return gettext("Seats are kept")
        return gettext("Seats go %(minutes)s min before the start", minutes=minutes)

    def cell_public(self, item: Event) -> Any:
        return (
            cells.badge(gettext("Public"), "good")
            if item.public
            else cells.badge(gettext("Attendees only"))
        )


def event_choices() -> list[tuple[str, str]]:
    """Events to narrow a list by, the last to begin first; those of one name by their days."""
    rows = db.session.execute(
        select(Event.id, Event.title, Event.starts_on, Event.ends_on).order_by(
            Event.starts_on.desc(), Event.id.desc()
        )
    ).all()
    held = Counter(row.title for row in rows)
    return [(str(row.id), told_apart(row) if held[row.title] > 1 else row.title) for row in rows]


def told_apart(event: Any) -> str:
    """An event's title with its days."""
    days = span_text(event.starts_on, event.ends_on, "yMMMd")
    return gettext("%(name)s (%(detail)s)", name=event.title, detail=days)
