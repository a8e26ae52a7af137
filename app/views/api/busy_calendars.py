"""`/api/experts/me/busy-calendars`: an expert's calendars elsewhere."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext

from app import limits
from app.gates import current_actor
from app.services import busy_calendars
from app.services.busy_calendars import SentFile
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
    """By an address (`url`), or as a file: multipart `file`, or JSON `content`."""
    actor = require_account(current_actor())
    values, sent = _read()
    limits.count_calendar(actor.user_id)
    if sent:
        added = busy_calendars.add_upload(actor, sent, name=values.get("name"))
    elif values.get("url"):
        added = busy_calendars.add_subscription(actor, name=values.get("name"), url=values["url"])
    else:
        raise InvalidInput({"url": [gettext("Give an address, or choose a file.")]})
    return json_answer({"busy_calendar": added}, 201)


@blueprint.patch("/<int:busy_calendar_id>")
def change(busy_calendar_id: int) -> Response:
    actor = require_account(current_actor())
    values, sent = _read()
    if sent or "url" in values:
        limits.count_calendar(actor.user_id)
    changed = busy_calendars.change(actor, busy_calendar_id, values, sent)
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


def _read() -> tuple[dict[str, Any], SentFile | None]:
    """The named values, and the file if one came along. Raises `InvalidInput`."""
    if request.mimetype == "multipart/form-data":
        values: dict[str, Any] = request.form.to_dict()
        file = request.files.get("file")
        return values, file and SentFile("file", file.stream.read(MAX_BYTES + 1))
    values = read_json_object()
    if "content" not in values:
        return values, None
    if not isinstance(values["content"], str):
        raise InvalidInput({"content": [gettext("This must be text.")]})
    return values, SentFile("content", values["content"].encode("utf-8", "replace"))
