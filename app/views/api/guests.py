"""`/api/guests`: what guests left, given out and taken out by their host or an admin."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import privacy
from app.services.policy import require_account
from app.views.api.answers import json_answer
from app.views.api.payload import read_json

blueprint = Blueprint("api_guests", __name__, url_prefix="/api/guests")


@blueprint.post("/export")
def export_guest() -> Response:
    return json_answer(privacy.export_guest(current_actor(), _email()))


@blueprint.post("/erase")
def erase_guest() -> Response:
    done = privacy.erase_guest(current_actor(), _email())
    return json_answer({"erased": done.erased, "kept": done.kept})


def _email() -> str:
    """An address in a body: addresses of bars and logs are no place for one."""
    require_account(current_actor())
    body = read_json()
    email: str = body.text("email", required=True, max_length=254)
    body.check()
    return email
