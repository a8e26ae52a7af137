"""`/api/rooms`: rooms, what occupies them minute by minute, and when they are closed."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import blackouts, minutes, rooms, scheduler
from app.services.policy import require_admin, require_staff
from app.services.reservations import span
from app.views.api.answers import idempotent, json_answer, page_answer
from app.views.api.payload import read_json, read_query

blueprint = Blueprint("api_rooms", __name__, url_prefix="/api")


@blueprint.get("/rooms")
def list_rooms() -> Response:
    query = read_query()
    page, page_size = query.paging(default_page_size=100)
    query.check()
    return page_answer(rooms.page_of_rooms(page, page_size))


@blueprint.get("/rooms/<int:room_id>/minutes")
def show_minutes(room_id: int) -> Response:
    query = read_query()
    day = query.date("date")
    query.check()
    return json_answer(minutes.room_day(current_actor(), room_id, day))


@blueprint.get("/rooms/<int:room_id>/display")
def show_display(room_id: int) -> Response:
    return json_answer(scheduler.display(room_id))


@blueprint.get("/rooms/<int:room_id>/blackouts")
def list_blackouts(room_id: int) -> Response:
    actor = require_staff(current_actor())
    return json_answer({"items": blackouts.list_blackouts(actor, room_id)})


@blueprint.post("/rooms/<int:room_id>/blackouts")
@idempotent
def close(room_id: int) -> Response:
    actor = require_admin(current_actor())
    body = read_json()
    starts_at = body.instant("starts_at", required=True)
    ends_at = body.instant("ends_at", required=True)
    reason = body.text("reason", required=True, max_length=300)
    dry_run = bool(body.boolean("dry_run"))
    body.check()
    period = span(starts_at, ends_at)
    if dry_run:
        blackout, conflicts = blackouts.preview_blackout(actor, room_id, period, reason)
        return json_answer({"blackout": blackout, "conflicts": conflicts})
    return json_answer({"blackout": blackouts.close_room(actor, room_id, period, reason)}, 201)


@blueprint.delete("/blackouts/<uid>")
def reopen(uid: str) -> Response:
    blackouts.reopen_room(require_admin(current_actor()), uid)
    return Response(status=204)
