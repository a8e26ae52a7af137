"""`/api/reservations`: staff's claims on rooms, spans of any length."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.models.booking import RESERVATION_TYPES
from app.services import reservations
from app.services.policy import require_staff
from app.services.reservations import Wanted, span
from app.views.api.answers import idempotent, json_answer
from app.views.api.payload import read_json, read_query_or_json

blueprint = Blueprint("api_reservations", __name__, url_prefix="/api/reservations")


@blueprint.post("")
@idempotent
def reserve() -> Response:
    actor = require_staff(current_actor())
    body = read_json()
    room_id = body.integer("room_id", required=True, minimum=1)
    starts_at = body.instant("starts_at", required=True)
    ends_at = body.instant("ends_at", required=True)
    title = body.text("title", required=True, max_length=300)
    event_type = body.choice("event_type", RESERVATION_TYPES)
    responsible = body.integer("responsible_user_id", minimum=1)
    body.check()
    wanted = Wanted(room_id, span(starts_at, ends_at), title, event_type, responsible)
    return json_answer({"booking": reservations.reserve_room(actor, wanted)}, 201)


@blueprint.patch("/<uid>")
@idempotent
def change(uid: str) -> Response:
    actor = require_staff(current_actor())
    body = read_json()
    body.integer("room_id", required="room_id" in body, minimum=1)
    body.instant("starts_at", required="starts_at" in body)
    body.instant("ends_at", required="ends_at" in body)
    body.text("title", required="title" in body, max_length=300)
    body.choice("event_type", RESERVATION_TYPES, nullable=True)
    body.integer("responsible_user_id", required="responsible_user_id" in body, minimum=1)
    values = body.given()
    version = body.integer("version", minimum=0)
    body.check()
    changed = reservations.change_reservation(actor, uid, values, version=version)
    return json_answer({"booking": changed})


@blueprint.delete("/<uid>")
def cancel(uid: str) -> Response:
    actor = require_staff(current_actor())
    sent = read_query_or_json()
    version = sent.integer("version", minimum=0)
    sent.check()
    reservations.cancel_reservation(actor, uid, version=version)
    return Response(status=204)
