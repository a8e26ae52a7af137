"""Experts in the back-office."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import joinedload

from app.models import Expert, User
from app.services import attachments, experts
from app.services.attachments import Attached
from app.services.errors import DomainError
from app.services.local_text import weekday_text
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.forms import LineField, OfficeForm, TextField, UserField, ZoneField
from app.views.admin.wording import Texts


class NewExpertForm(OfficeForm):
    user = UserField(
        lazy_gettext("Account"),
        required=True,
        description=lazy_gettext("The address of the person who becomes an expert."),
    )
    headline = LineField(
        lazy_gettext("What they offer"),
        maximum=200,
        description=lazy_gettext("One line under the name."),
    )
    slug = LineField(
        lazy_gettext("Address"),
        maximum=64,
        description=lazy_gettext("The last part of the page. Made from the name if empty."),
    )


class ExpertForm(OfficeForm):
    name = LineField(lazy_gettext("Name"), maximum=128, required=True)
    slug = LineField(
        lazy_gettext("Address"),
        maximum=64,
        required=True,
        description=lazy_gettext("The last part of the page. The old one keeps leading here."),
    )
    headline = LineField(
        lazy_gettext("What they offer"),
        maximum=200,
        description=lazy_gettext("One line under the name."),
    )
    bio = TextField(lazy_gettext("About"))
    time_zone = ZoneField(
        lazy_gettext("Time zone"), description=lazy_gettext("The weekly hours are in it.")
    )


class ExpertView(ServiceModelView):
    """`/backoffice/experts/`."""

    datamodel = ReadingInterface(Expert)
    route_base = "/backoffice/experts"
    plural, icon = lazy_gettext("Experts"), "user-round"
    texts = Texts(
        add=lazy_gettext("Add expert"),
        added=lazy_gettext("Expert added."),
        choose=lazy_gettext("Choose which experts first."),
        remove=lambda number: ngettext("Delete expert", "Delete experts", number),
        remove_many=lambda number: ngettext(
            "Delete %(num)d expert?", "Delete %(num)d experts?", number
        ),
    )
    object_kind = "expert"
    empty = lazy_gettext("Make somebody with an account an expert; then their time can be booked.")

    list_columns = ["name", "headline", "account", "time_zone"]
    show_columns = ["name", "page", "headline", "bio", "time_zone", "hours", "account"]
    search_columns = ["name", "headline", "slug"]
    order_columns = ["name", "time_zone"]
    add_columns = ["user", "headline", "slug"]
    edit_columns = ["name", "slug", "headline", "bio", "time_zone"]
    label_columns = {
        "headline": lazy_gettext("Offers"),
        "bio": lazy_gettext("About"),
        "hours": lazy_gettext("Weekly hours"),
    }
    base_order = ("name", "asc")
    loads = (joinedload(Expert.user),)
    add_form = NewExpertForm
    edit_form = ExpertForm

    def matching(self, words: str) -> ColumnElement[bool]:
        by_account = Expert.user.has(User.email.icontains(words, autoescape=True))
        return or_(super().matching(words), by_account)

    def create(self, actor: Actor | None, form: Any) -> int:
        expert, is_new = experts.become_expert(
            actor,
            user_id=form.user.user_id(actor),
            headline=form.headline.data,
            slug=form.slug.data.strip() or None,
        )
        if not is_new:
            raise DomainError(gettext("%(name)s is an expert already.", name=expert.name))
        return expert.id

    def update(self, actor: Actor | None, item: Expert, form: Any) -> None:
        experts.update_expert(actor, form.data, expert_id=item.id)

    def remove(self, actor: Actor | None, item: Expert, form: Any) -> None:
        experts.delete_expert(actor, item.id)

    def attached(self, item: Expert) -> Attached:
        return attachments.of_expert(item.id)

    def instead(self, item: Expert) -> tuple[str, str]:
        text = gettext("Deactivate the event types instead.")
        return text, url_for("EventTypeView.list", expert=item.id)

    def related(self, item: Expert) -> list[Related]:
        here = {"expert": item.id}
        return [
            Related(
                gettext("Event types"),
                "EventTypeView",
                here,
                frozenset({"expert"}),
                url_for("EventTypeView.add", **here),
            ),
            Related(
                gettext("Appointments to come"),
                "BookingView",
                here
                | {"when": "upcoming", "status": "confirmed"}
                | {"order": "starts_at", "direction": "asc"},
                frozenset({"kind", "status"}),
            ),
            Related(
                gettext("Sessions to speak at"),
                "EventSessionView",
                {"speaker": item.user_id, "when": "upcoming"},
            ),
        ]

    def links(self, item: Expert) -> list[tuple[str, str]]:
        return [(gettext("Add an event type"), url_for("EventTypeView.add", expert=item.id))]

    def cell_account(self, item: Expert) -> Markup:
        return cells.link(item.user.email, url_for("UserView.show", pk=item.user_id))

    def cell_page(self, item: Expert) -> Markup:
        return cells.link(f"/{item.slug}", url_for("booking_pages.show_expert", slug=item.slug))

    def cell_hours(self, item: Expert) -> Any:
        hours = [
            gettext(
                "%(day)s %(start)s to %(end)s",
                day=weekday_text(each["weekday"]),
                start=each["start"],
                end=each["end"],
            )
            for each in experts.describe_availability(item)["weekly"]
        ]
        return cells.lines(hours) or gettext("None: nothing can be booked.")
