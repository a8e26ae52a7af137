"""`/api/agenda`: an attendee's way in; and `/api/events/<slug>/…`, staff at the door."""

from __future__ import annotations

from flask import Blueprint, Response

from app import gates
from app.gates import current_actor
from app.services import admission, events, sign_ins
from app.services.clock import rfc3339
from app.services.errors import Unauthenticated
from app.services.policy import require_staff
from app.views import one_time_codes
from app.views.api.answers import json_answer, page_answer
from app.views.api.payload import read_json, read_query

blueprint = Blueprint("api_admission", __name__, url_prefix="/api")


# -- attendees -----------------------------------------------------------------------


@blueprint.post("/agenda/code")
def request_code() -> Response:
    body = read_json()
    qr = body.text("qr", required=True, max_length=64)
    email = body.text("email", required=True, max_length=254)
    body.check()
    expires_in, token = one_time_codes.request_code(qr, email)
    response = json_answer({"expires_in": expires_in}, 202)
    one_time_codes.remember_browser(response, token)
    return response


@blueprint.post("/agenda/verify")
def verify_code() -> Response:
    body = read_json()
    qr = body.text("qr", required=True, max_length=64)
    email = body.text("email", required=True, max_length=254)
    code = body.text("code", required=True, max_length=32)
    body.check()
    sign_in, event = one_time_codes.verify_code(qr, email, code)
    actor = sign_ins.find_actor(sign_in.id)
    if actor is None:  # deactivated this very moment
        raise Unauthenticated
    token = gates.issue_token(sign_in)
    response = json_answer(
        {
            "access_token": token,
            "expires_at": rfc3339(sign_in.expires_at),
            "user": {"id": actor.user_id, "name": actor.name},
            "event": events.describe(event),
        }
    )
    gates.set_token_cookie(response, sign_in, token)
    return response


# -- staff ---------------------------------------------------------------------------


@blueprint.get("/events/<slug>/attendees")
def list_attendees(slug: str) -> Response:
    require_staff(current_actor())  # before anything is said about the input
    query = read_query()
    words = query.text("q", max_length=200) or ""
    page, page_size = query.paging()
    query.check()
    return page_answer(
        admission.list_attendees(current_actor(), slug, words, page=page, page_size=page_size)
    )


@blueprint.post("/events/<slug>/attendees")
def add_attendee(slug: str) -> Response:
    require_staff(current_actor())
    body = read_json()
    name = body.text("name", max_length=admission.MAX_NAME) or ""
    email = body.text("email", required=True, max_length=254)
    body.check()
    attendee = admission.add_attendee(current_actor(), slug, name=name, email=email)
    return json_answer({"attendee": admission.describe(attendee)}, 201)


@blueprint.post("/events/<slug>/check-in")
def check_in(slug: str) -> Response:
    """By addresses, or by one badge: `{emails}` or `{badge}`."""
    require_staff(current_actor())
    body = read_json()
    badge = body.text("badge", max_length=64)
    emails = body.texts(
        "emails", required=badge is None, max_items=admission.MAX_CHECKED_IN_AT_ONCE
    )
    body.check()
    if badge is None:
        found = admission.check_in(current_actor(), slug, emails)
        return json_answer({"attendees": [admission.describe(each) for each in found]})
    attendee, was_in = admission.check_in_badge(current_actor(), badge, slug=slug)
    return json_answer({"attendees": [admission.describe(attendee)], "was_in": was_in})


@blueprint.delete("/events/<slug>/check-in/<int:attendee_id>")
def undo_check_in(slug: str, attendee_id: int) -> Response:
    attendee = admission.undo_check_in(current_actor(), slug, attendee_id)
    return json_answer({"attendee": admission.describe(attendee)})
