"""`/api/event-types`: an expert's own offerings."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import event_types
from app.views.api.answers import json_answer, page_answer
from app.views.api.payload import read_json_object, read_query

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
