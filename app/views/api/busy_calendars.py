"""`/api/experts/me/busy-calendars`: an expert's calendars elsewhere."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from app import limits
from app.gates import current_actor
from app.services import busy_calendars
from app.services.calendar_sandbox import MAX_BYTES
from app.services.errors import InvalidInput
from app.services.policy import require_account
from app.views.api.answers import json_answer
from app.views.api.payload import read_json_object

blueprint = Blueprint("api_busy_calendars", __name__, url_prefix="/api/experts/me/busy-calendars")


@blueprint.get("")
def list_own() -> Response:
    return json_answer({"items": busy_calendars.list_own(current_actor())})


@blueprint.post("")
def add() -> Response:
    """By an address (`url`), or as a file: JSON `content`, or multipart `file`."""
    actor = require_account(current_actor())
    values = _values()
    limits.count_calendar(actor.user_id)
    name = values.get("name")
    if values.get("url") and not {"file", "content"} & values.keys():
        added = busy_calendars.add_subscription(actor, name=name, url=values["url"])
    elif {"file", "content"} & values.keys():
        field = "file" if "file" in values else "content"
        data = _data(field, values[field])
        added = busy_calendars.add_upload(actor, name=name, data=data, field=field)
    else:
        raise InvalidInput({"url": ["Give an address, or choose a file."]})
    return json_answer({"busy_calendar": added}, 201)


@blueprint.patch("/<int:busy_calendar_id>")
def change(busy_calendar_id: int) -> Response:
    actor = require_account(current_actor())
    values = read_json_object()
    if {"url", "content"} & values.keys():
        limits.count_calendar(actor.user_id)
    changed = busy_calendars.change(actor, busy_calendar_id, values)
    return json_answer({"busy_calendar": changed})


@blueprint.delete("/<int:busy_calendar_id>")
def remove(busy_calendar_id: int) -> Response:
    busy_calendars.remove(current_actor(), busy_calendar_id)
    return Response(status=204)


@blueprint.post("/<int:busy_calendar_id>/refresh")
def refresh(busy_calendar_id: int) -> Response:
    actor = require_account(current_actor())
    busy_calendars.get_own(actor, busy_calendar_id)  # of others' nothing is counted
    limits.count_calendar_refresh(busy_calendar_id)
    asked = busy_calendars.request_refresh(actor, busy_calendar_id)
    return json_answer({"busy_calendar": asked}, 202)


def _values() -> dict[str, Any]:
    if request.mimetype == "multipart/form-data":
        return {**request.form.to_dict(), **request.files.to_dict()}
    return read_json_object()


def _data(field: str, sent: Any) -> bytes:
    if field == "file":
        if isinstance(sent, str):
            raise InvalidInput({field: ["Send the file as multipart/form-data, or as `content`."]})
        data: bytes = sent.stream.read(MAX_BYTES + 1)
        return data
    if not isinstance(sent, str):
        raise InvalidInput({field: ["This must be text."]})
    return sent.encode("utf-8", "replace")
