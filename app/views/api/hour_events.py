"""`/db`: the scheduler in frames of one local hour, parameters in the query string or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response

from app.gates import current_actor
from app.models.booking import RESERVATION_TYPES
from app.services import hour_events, minutes
from app.services.errors import InvalidInput
from app.services.hour_events import Frame
from app.services.policy import require_staff
from app.views.api.answers import idempotent, json_answer
from app.views.api.payload import MAX_INTEGER, read_query, read_query_or_json

blueprint = Blueprint("api_hour_events", __name__, url_prefix="/db")

_NAMES = {
    "start_minute": "startMinute",
    "end_minute": "endMinute",
    "starts_at": "startMinute",  # only ever in the past
    "event_type": "eventType",
    "room_id": "room",
    "responsible_user_id": "responsibleUserId",
}


@blueprint.get("/event")
def list_events() -> Response:
    query = read_query()
    day = query.date("date")
    room_id = query.integer("room", minimum=1)
    query.check()
    return json_answer(minutes.list_events(current_actor(), day=day, room_id=room_id))


@blueprint.get("/event/<int:event_id>")
def show(event_id: int) -> Response:
    return json_answer(minutes.get_event(current_actor(), event_id))


@blueprint.post("/event/post")
@idempotent
def post() -> Response:
    actor = require_staff(current_actor())
    sent = read_query_or_json()
    frame = {
        "date": sent.date("date", required=True),
        "hour": sent.integer("hour", required=True, minimum=0, maximum=23),
        "start_minute": sent.integer("startMinute", required=True, minimum=0, maximum=59),
        "end_minute": sent.integer("endMinute", required=True, minimum=1, maximum=60),
    }
    title = sent.text("title", required=True, max_length=300)
    event_type = sent.choice("eventType", RESERVATION_TYPES)
    room_id = sent.integer("room", minimum=1)
    responsible = sent.integer("responsibleUserId", minimum=1)
    sent.check()
    with _named(_NAMES):
        event_id = hour_events.post_event(
            actor,
            Frame(**frame),
            title=title,
            event_type=event_type,
            room_id=room_id,
            responsible_user_id=responsible,
        )
    return json_answer({"EventId": event_id})


@blueprint.post("/event/<int:event_id>/reschedule")
@idempotent
def reschedule(event_id: int) -> Response:
    actor = require_staff(current_actor())
    sent = read_query_or_json()
    frame = {
        "date": sent.date("newDate", required=True),
        "hour": sent.integer("newHour", required=True, minimum=0, maximum=23),
        "start_minute": sent.integer("newStartMinute", required=True, minimum=0, maximum=59),
        "end_minute": sent.integer("newEndMinute", required=True, minimum=1, maximum=60),
    }
    version = sent.integer("version", minimum=0, maximum=MAX_INTEGER)
    sent.check()
    with _named(
        {
            "hour": "newHour",
            "start_minute": "newStartMinute",
            "end_minute": "newEndMinute",
            "starts_at": "newStartMinute",
        }
    ):
        moved = hour_events.reschedule_event(actor, event_id, Frame(**frame), version=version)
    return json_answer({"EventId": event_id, "version": moved["version"]})


@blueprint.post("/event/<int:event_id>/delete")
@idempotent
def delete(event_id: int) -> Response:
    hour_events.delete_event(require_staff(current_actor()), event_id)
    return json_answer({"EventId": event_id})


@blueprint.get("/schedule/today")
def today() -> Response:
    return json_answer({"days": minutes.schedule(current_actor(), 1)})


@blueprint.get("/schedule/7days")
def seven_days() -> Response:
    return json_answer({"days": minutes.schedule(current_actor(), 7)})


@contextmanager
def _named(names: Mapping[str, str]) -> Iterator[None]:
    """Tell what is wrong by the names of these doors' parameters."""
    try:
        yield
    except InvalidInput as error:
        renamed: dict[str, Any] = {
            names.get(name, name): texts for name, texts in error.errors.items()
        }
        raise InvalidInput(renamed, error.detail) from error
