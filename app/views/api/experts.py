"""`/api/experts`: public pages as data, and one's own profile and hours."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for

from app.gates import current_actor
from app.services import event_types, experts, slots
from app.services.errors import NotFound
from app.views.api.answers import json_answer, page_answer
from app.views.api.payload import read_json_object, read_query

blueprint = Blueprint("api_experts", __name__, url_prefix="/api/experts")


@blueprint.get("")
def list_experts() -> Response:
    query = read_query()
    words = query.text("q", max_length=200) or ""
    page, page_size = query.paging()
    query.check()
    return page_answer(experts.list_experts(words, page=page, page_size=page_size))


@blueprint.get("/<slug>")
def show(slug: str) -> Response:
    try:
        expert = experts.get_expert(slug)
    except NotFound:
        return _moved(slug)
    return json_answer(
        {"expert": experts.describe(expert), "event_types": event_types.list_public(expert)}
    )


@blueprint.patch("/me")
def update_own() -> Response:
    expert = experts.update_expert(current_actor(), read_json_object())
    return json_answer({"expert": experts.describe(expert)})


@blueprint.get("/me/availability")
def availability() -> Response:
    return json_answer(experts.describe_availability(experts.own_expert(current_actor())))


@blueprint.put("/me/availability")
def replace_availability() -> Response:
    expert = experts.replace_availability(current_actor(), read_json_object())
    return json_answer(experts.describe_availability(expert))


@blueprint.get("/<slug>/event-types/<type_slug>/slots")
def list_slots(slug: str, type_slug: str) -> Response:
    query = read_query()
    first = query.date("from", required=True)
    last = query.date("to", required=True)
    zone = query.zone("time_zone")
    query.check()
    try:
        found = slots.list_slots(slug, type_slug, first, last, zone)
    except NotFound:
        return _moved(slug, type_slug=type_slug)
    return json_answer(
        {
            "time_zone": found.time_zone,
            "duration_minutes": found.duration_minutes,
            "version": found.version,
            "days": {
                day.isoformat(): [start.isoformat() for start in starts]
                for day, starts in found.days.items()
            },
            "requires_approval": found.requires_approval,
            **_seats(found),
        }
    )


def _seats(found: slots.Slots) -> dict[str, Any]:
    """How many each start still takes, where it takes several."""
    if found.seats == 1:
        return {}
    starts = (start for each in found.days.values() for start in each)
    left = {start.isoformat(): found.seats_left[start.astimezone(UTC)] for start in starts}
    return {"seats": found.seats, "seats_left": left}


def _moved(slug: str, **more: Any) -> Response:
    """To the same call of the expert who had this slug before. Raises `NotFound`."""
    moved = experts.find_moved(slug)
    if moved is None:
        raise NotFound
    where = url_for(str(request.endpoint), slug=moved.slug, **more, **request.args.to_dict())
    return redirect(where, 301)  # type: ignore[return-value]
