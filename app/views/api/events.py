"""`/api/events`, `/api/rooms`, `/api/sessions`: what admins set up and change."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import event_sessions, events, rooms, session_changes, session_impact
from app.services.policy import require_admin
from app.views.api.answers import json_answer
from app.views.api.payload import Fields, read_json, read_json_object, read_query

blueprint = Blueprint("api_events", __name__, url_prefix="/api")

# What the service judges as it comes; instants are read here, since only they have a form.
_SESSION_FIELDS = (
    "title",
    "room_id",
    "capacity",
    "speakers",
    "abstract",
    "description",
    "track",
    "language",
)


@blueprint.post("/events")
def create_event() -> Response:
    event = events.create_event(require_admin(current_actor()), read_json_object())
    return json_answer({"event": events.describe(event)}, 201)


@blueprint.patch("/events/<slug>")
def update_event(slug: str) -> Response:
    event = events.update_event(require_admin(current_actor()), slug, read_json_object())
    return json_answer({"event": events.describe(event)})


@blueprint.post("/rooms")
def create_room() -> Response:
    room = rooms.create_room(require_admin(current_actor()), read_json_object())
    return json_answer({"room": rooms.describe(room)}, 201)


@blueprint.post("/events/<slug>/sessions")
def schedule_session(slug: str) -> Response:
    actor = require_admin(current_actor())
    body = read_json()
    dry_run = bool(body.boolean("dry_run"))
    values = _session_values(body)
    session, impact = event_sessions.schedule_session(actor, slug, values, dry_run=dry_run)
    return _changed(session, impact, 200 if dry_run else 201)


@blueprint.patch("/sessions/<int:event_session_id>")
def move_session(event_session_id: int) -> Response:
    actor = require_admin(current_actor())
    body = read_json()
    dry_run = bool(body.boolean("dry_run"))
    version = body.integer("version", minimum=0)
    release_last = bool(body.boolean("release_last"))
    values = _session_values(body)
    session, impact = session_changes.move_event_session(
        actor,
        event_session_id,
        values,
        version=version,
        release_last=release_last,
        dry_run=dry_run,
    )
    return _changed(session, impact, 200)


@blueprint.delete("/sessions/<int:event_session_id>")
def cancel_session(event_session_id: int) -> Response:
    """Cancels; with `?dry_run=true` only tells what that would do."""
    actor = require_admin(current_actor())
    query = read_query()
    dry_run = bool(query.boolean("dry_run"))
    query.check()
    if dry_run:
        session = event_sessions.get_event_session(event_session_id)
        impact = event_sessions.find_cancel_impact(actor, event_session_id)
        return _changed(event_sessions.describe(session), impact, 200)
    event_sessions.cancel_event_session(actor, event_session_id)
    return Response(status=204)


def _session_values(body: Fields) -> dict[str, Any]:
    sent = read_json_object()
    values = {name: sent[name] for name in _SESSION_FIELDS if name in sent}
    for name in ("starts_at", "ends_at"):
        if name in sent:
            values[name] = body.instant(name, required=True)
    if "day" in sent:
        values["day"] = body.date("day", required=True)
    body.check()
    return values


def _changed(session: dict[str, Any], impact: session_impact.Impact, status: int) -> Response:
    return json_answer({"session": session, "impact": impact.as_payload()}, status)
