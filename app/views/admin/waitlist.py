"""The waitlists of all sessions, in the back-office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, false, func, not_, or_, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.models import EventSession, User, WaitlistEntry
from app.models.user import full_name
from app.services import clock, overview, waitlist
from app.services.attachments import Attached
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.base import ReadingInterface, ServiceModelView
from app.views.admin.event_sessions import title_of_session
from app.views.admin.events import event_choices
from app.views.admin.listing import LinkFilter, ListFilter
from app.views.admin.wording import DISMISSAL, Texts


class WaitlistView(ServiceModelView):
    """`/backoffice/waitlist/`: to look at, and to take somebody out."""

    datamodel = ReadingInterface(WaitlistEntry)
    route_base = "/backoffice/waitlist"
    plural, icon = lazy_gettext("Waitlist"), "hourglass"
    texts = Texts(
        choose=lazy_gettext("Choose which places in the queue first."),
        remove=lambda number: ngettext(
            "Remove place in the queue", "Remove places in the queue", number
        ),
        remove_many=lambda number: ngettext(
            "Remove %(num)d place in the queue?", "Remove %(num)d places in the queue?", number
        ),
    )
    empty = lazy_gettext(
        "Whoever wants a seat in a full session waits here, and gets the next that frees."
    )
    removal = DISMISSAL
    include_route_methods = {"list", "show", "delete", "delete_many", "undo"}

    list_columns = ["person", "session", "event", "time", "position", "since", "offer"]
    show_columns = ["person", "session", "event", "time", "position", "since", "offer"]
    search_columns: list[str] = []
    order_columns = ["created_at"]
    label_columns = {"since": lazy_gettext("Waits since"), "offer": lazy_gettext("Seat held")}
    base_order = ("id", "asc")
    order_of = {"since": "created_at"}
    number_columns = frozenset({"position"})
    loads = (
        joinedload(WaitlistEntry.user),
        joinedload(WaitlistEntry.event_session).joinedload(EventSession.event),
    )
    list_filters = (
        ListFilter(
            "event",
            lazy_gettext("Event"),
            event_choices,
            lambda value: WaitlistEntry.event_session.has(EventSession.event_id == int(value)),
        ),
        ListFilter(
            "state",
            lazy_gettext("State"),
            lambda: [("held", gettext("A seat is held")), ("waiting", gettext("Waiting"))],
            lambda value: overview.is_held() if value == "held" else not_(overview.is_held()),
        ),
        ListFilter(
            "when",
            lazy_gettext("When"),
            lambda: [("upcoming", gettext("Not over yet")), ("past", gettext("Over"))],
            lambda value: (
                overview.is_queued() if value == "upcoming" else not_(overview.is_queued())
            ),
        ),
        LinkFilter(
            "session",
            lazy_gettext("Session"),
            title_of_session,
            lambda value: WaitlistEntry.event_session_id == int(value),
        ),
    )

    def visible_to(self, actor: Actor | None) -> list[ColumnElement[bool]]:
        return [] if actor and actor.is_admin else [false()]

    def matching(self, words: str) -> ColumnElement[bool]:
        whole = User.first_name + " " + User.last_name
        return or_(
            WaitlistEntry.user.has(
                or_(
                    User.email.icontains(words, autoescape=True),
                    whole.icontains(words, autoescape=True),
                )
            ),
            WaitlistEntry.event_session.has(EventSession.title.icontains(words, autoescape=True)),
        )

    def beginnings(self) -> list[tuple[str, str]]:
        return self.way_to(gettext("Full sessions"), "EventSessionView", fill="full")

    def annotate(self, rows: Sequence[Any]) -> None:
        ahead = WaitlistEntry.__table__.alias("ahead")
        place = (
            select(func.count())
            .select_from(ahead)
            .where(ahead.c.event_session_id == WaitlistEntry.event_session_id)
            .where(ahead.c.id <= WaitlistEntry.id)
            .scalar_subquery()
        )
        found = db.session.execute(
            select(WaitlistEntry.id, place).where(WaitlistEntry.id.in_([row.id for row in rows]))
        )
        places = dict(found.all())
        for row in rows:
            row.place = places.get(row.id)

    def name_of(self, item: WaitlistEntry) -> str:
        return f"{self.cell_person(item)}, {item.event_session.title}"

    def remove(self, actor: Actor | None, item: WaitlistEntry, form: Any) -> None:
        waitlist.remove_entry(actor, item.id)

    def attached(self, item: WaitlistEntry) -> Attached:
        held = item.offer_expires_at is not None
        return Attached(note=gettext("The seat that is held goes to the next.") if held else "")

    def cell_person(self, item: WaitlistEntry) -> str:
        return full_name(item.user.first_name, item.user.last_name)

    def cell_session(self, item: WaitlistEntry) -> Markup:
        href = url_for("EventSessionView.show", pk=item.event_session_id)
        return cells.link(item.event_session.title, href)

    def cell_event(self, item: WaitlistEntry) -> str:
        title: str = item.event_session.event.title
        return title

    def cell_time(self, item: WaitlistEntry) -> Markup:
        session = item.event_session
        return cells.span(session.starts_at, session.ends_at, session.event.time_zone)

    def cell_position(self, item: Any) -> int:
        return item.place

    def cell_since(self, item: WaitlistEntry) -> Any:
        return cells.moment(item.created_at, item.event_session.event.time_zone)

    def cell_offer(self, item: WaitlistEntry) -> Any:
        until = item.offer_expires_at
        if until is None:
            return ""
        zone = item.event_session.event.time_zone
        text = gettext("Until %(time)s", time=cells.plain_moment(until, zone))
        return cells.badge(text, "warn" if until > clock.now() else "")
