"""`/api/events/<slug>/agenda` and `/api/sessions`: what attendees read and book."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor, found_agenda
from app.services import agenda, seats, waitlist
from app.views.api.answers import idempotent, json_answer, known_etags
from app.views.api.payload import read_json

blueprint = Blueprint("api_agenda", __name__, url_prefix="/api")


@blueprint.get("/events/<slug>/agenda")
def read(slug: str) -> Response:
    found = agenda.read_agenda(current_actor(), slug, known_etags(), found_agenda())
    if found.body is None:
        response = Response(status=304)
    else:
        response = Response(found.body, mimetype="application/json")
    response.set_etag(found.etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.get("/sessions/<int:event_session_id>")
def show(event_session_id: int) -> Response:
    return json_answer({"session": agenda.get_session(current_actor(), event_session_id)})


@blueprint.post("/sessions/<int:event_session_id>/seat")
@idempotent
def book(event_session_id: int) -> Response:
    body = read_json()
    replace = body.texts("replace") or ()
    body.check()
    booked = seats.book_seat(current_actor(), event_session_id, replace=replace)
    return json_answer(
        {"booking": booked.booking, "replaced": booked.replaced}, 201 if booked.created else 200
    )


@blueprint.delete("/sessions/<int:event_session_id>/seat")
def release(event_session_id: int) -> Response:
    seats.release_seat(current_actor(), event_session_id)
    return Response(status=204)


@blueprint.post("/sessions/<int:event_session_id>/waitlist")
def join_waitlist(event_session_id: int) -> Response:
    position = waitlist.join(current_actor(), event_session_id)
    return json_answer({"position": position}, 201)


@blueprint.delete("/sessions/<int:event_session_id>/waitlist")
def leave_waitlist(event_session_id: int) -> Response:
    waitlist.leave(current_actor(), event_session_id)
    return Response(status=204)
