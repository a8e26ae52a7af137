"""`/api/event-types`: an expert's own offerings."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import event_types, explanations
from app.services.policy import require_account
from app.views.api.answers import json_answer, page_answer
from app.views.api.payload import read_json, read_json_object, read_query

blueprint = Blueprint("api_event_types", __name__, url_prefix="/api/event-types")


@blueprint.get("")
def list_own() -> Response:
    query = read_query()
    page, page_size = query.paging()
    query.check()
    return page_answer(event_types.list_own(current_actor(), page=page, page_size=page_size))


@blueprint.post("")
def create() -> Response:
    event_type = event_types.create_event_type(current_actor(), read_json_object())
    return json_answer({"event_type": event_types.describe(event_type)}, 201)


@blueprint.get("/<int:event_type_id>")
def show(event_type_id: int) -> Response:
    event_type = event_types.get_own(current_actor(), event_type_id)
    return json_answer({"event_type": event_types.describe(event_type)})


@blueprint.patch("/<int:event_type_id>")
def update(event_type_id: int) -> Response:
    event_type = event_types.update_event_type(current_actor(), event_type_id, read_json_object())
    return json_answer({"event_type": event_types.describe(event_type)})


@blueprint.delete("/<int:event_type_id>")
def delete(event_type_id: int) -> Response:
    event_types.delete_event_type(current_actor(), event_type_id)
    return Response(status=204)


@blueprint.post("/<int:event_type_id>/duplicate")
def duplicate(event_type_id: int) -> Response:
    require_account(current_actor())
    body = read_json()
    title = body.text("title", max_length=200)
    body.check()
    copy = event_types.duplicate_event_type(current_actor(), event_type_id, title=title)
    return json_answer({"event_type": event_types.describe(copy)}, 201)


@blueprint.get("/<int:event_type_id>/explain")
def explain(event_type_id: int) -> Response:
    require_account(current_actor())
    query = read_query()
    at = query.instant("at", required=True)
    query.check()
    return json_answer(explanations.explain(current_actor(), event_type_id, at))
