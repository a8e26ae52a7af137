"""`/api/reservations`: staff's claims on rooms, spans of any length, once or repeated."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.gates import current_actor
from app.models.booking import RESERVATION_TYPES
from app.services import reservations, restoring, series, series_changes
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
    rule = body.text("recurrence", max_length=300) or None
    dry_run = bool(body.boolean("dry_run"))
    skip_conflicts = bool(body.boolean("skip_conflicts"))
    body.check()
    wanted = Wanted(room_id, span(starts_at, ends_at), title, event_type, responsible)
    if dry_run:
        return json_answer(series.preview_series(actor, wanted, rule).as_payload())
    if rule is None:
        return json_answer({"booking": reservations.reserve_room(actor, wanted)}, 201)
    done = series.reserve_series(actor, wanted, rule, skip_conflicts=skip_conflicts)
    return json_answer(done.as_payload(), 201)


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
    values: dict[str, Any] = body.given()
    scope = body.choice("scope", series.SCOPES) or series.ONE
    dry_run = bool(body.boolean("dry_run"))
    skip_conflicts = bool(body.boolean("skip_conflicts"))
    version = body.integer("version", minimum=0)
    body.check()
    if dry_run:
        preview = series_changes.preview_change(actor, uid, values, scope)
        return json_answer(preview.as_payload())
    if scope == series.ONE:
        changed = reservations.change_reservation(actor, uid, values, version=version)
        return json_answer({"booking": changed})
    done = series_changes.change_series(
        actor, uid, values, scope, version=version, skip_conflicts=skip_conflicts
    )
    return json_answer(done.as_payload())


@blueprint.delete("/<uid>")
def cancel(uid: str) -> Response:
    actor = require_staff(current_actor())
    sent = read_query_or_json()
    scope = sent.choice("scope", series.SCOPES) or series.ONE
    version = sent.integer("version", minimum=0)
    sent.check()
    series.cancel_series(actor, uid, scope, version=version)
    return Response(status=204)


@blueprint.post("/<uid>/restore")
@idempotent
def restore(uid: str) -> Response:
    actor = require_staff(current_actor())
    body = read_json()
    scope = body.choice("scope", series.SCOPES) or series.ONE
    body.check()
    restored = restoring.restore_reservation(actor, uid, scope=scope)
    return json_answer({"booking": restored[0], "bookings": restored})
