"""`/api/rooms`: rooms, and what occupies them minute by minute; for everybody to read."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import minutes, rooms, scheduler
from app.views.api.answers import json_answer, page_answer
from app.views.api.payload import read_query

blueprint = Blueprint("api_rooms", __name__, url_prefix="/api/rooms")


@blueprint.get("")
def list_rooms() -> Response:
    query = read_query()
    page, page_size = query.paging(default_page_size=100)
    query.check()
    return page_answer(rooms.page_of_rooms(page, page_size))


@blueprint.get("/<int:room_id>/minutes")
def show_minutes(room_id: int) -> Response:
    query = read_query()
    day = query.date("date")
    query.check()
    return json_answer(minutes.room_day(current_actor(), room_id, day))


@blueprint.get("/<int:room_id>/display")
def show_display(room_id: int) -> Response:
    return json_answer(scheduler.display(room_id))
