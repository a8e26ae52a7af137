"""Experts in the back-office."""

from __future__ import annotations

from typing import Any

from flask import url_for
from markupsafe import Markup
from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import joinedload

from app.models import Expert, User
from app.services import attachments, experts
from app.services.errors import DomainError
from app.services.policy import Actor
from app.views.admin import cells
from app.views.admin.base import ReadingInterface, Related, ServiceModelView
from app.views.admin.forms import LineField, OfficeForm, TextField, UserField, ZoneField

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class NewExpertForm(OfficeForm):
    user = UserField(
        "Account", required=True, description="The address of the person who becomes an expert."
    )
    headline = LineField("What they offer", maximum=200, description="One line under the name.")
    slug = LineField(
        "Address", maximum=64, description="The last part of the page. Made from the name if empty."
    )


class ExpertForm(OfficeForm):
    name = LineField("Name", maximum=128, required=True)
    slug = LineField(
        "Address",
        maximum=64,
        required=True,
        description="The last part of the page. The old one keeps leading here.",
    )
    headline = LineField("What they offer", maximum=200, description="One line under the name.")
    bio = TextField("About")
    time_zone = ZoneField("Time zone", description="The weekly hours are in it.")


class ExpertView(ServiceModelView):
    """`/backoffice/experts/`."""

    datamodel = ReadingInterface(Expert)
    route_base = "/backoffice/experts"
    noun, plural, icon = "expert", "Experts", "user-round"
    object_kind = "expert"
    empty = "Make somebody with an account an expert; then their time can be booked."

    list_columns = ["name", "headline", "account", "time_zone"]
    show_columns = ["name", "page", "headline", "bio", "time_zone", "hours", "account"]
    search_columns = ["name", "headline", "slug"]
    order_columns = ["name", "time_zone"]
    add_columns = ["user", "headline", "slug"]
    edit_columns = ["name", "slug", "headline", "bio", "time_zone"]
    label_columns = {"headline": "Offers", "bio": "About", "hours": "Weekly hours"}
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
            raise DomainError(f"{expert.name} is an expert already.")
        return expert.id

    def update(self, actor: Actor | None, item: Expert, form: Any) -> None:
        experts.update_expert(actor, form.data, expert_id=item.id)

    def remove(self, actor: Actor | None, item: Expert, form: Any) -> None:
        experts.delete_expert(actor, item.id)

    def attached(self, item: Expert) -> list[str]:
        return attachments.of_expert(item.id)

    def related(self, item: Expert) -> list[Related]:
        here = {"expert": item.id}
        return [
            Related(
                "Event types",
                "EventTypeView",
                here,
                frozenset({"expert"}),
                url_for("EventTypeView.add", **here),
            ),
            Related(
                "Appointments to come",
                "BookingView",
                here
                | {"when": "upcoming", "status": "confirmed"}
                | {"order": "starts_at", "direction": "asc"},
                frozenset({"kind", "status"}),
            ),
            Related(
                "Sessions to speak at",
                "EventSessionView",
                {"speaker": item.user_id, "when": "upcoming"},
            ),
        ]

    def links(self, item: Expert) -> list[tuple[str, str]]:
        return [("Add an event type", url_for("EventTypeView.add", expert=item.id))]

    def cell_account(self, item: Expert) -> Markup:
        return cells.link(item.user.email, url_for("UserView.show", pk=item.user_id))

    def cell_page(self, item: Expert) -> Markup:
        return cells.link(f"/{item.slug}", url_for("booking_pages.show_expert", slug=item.slug))

    def cell_hours(self, item: Expert) -> Any:
        hours = experts.describe_availability(item)["weekly"]
        return (
            cells.lines(
                [f"{WEEKDAYS[each['weekday']]} {each['start']} to {each['end']}" for each in hours]
            )
            or "None: nothing can be booked."
        )
