"""The switch in every page's footer: which language this reader reads from now on."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask_appbuilder.utils.base import get_safe_redirect
from werkzeug.wrappers import Response

from app import i18n
from app.gates import current_actor
from app.services import languages, profiles

blueprint = Blueprint("language", __name__)


@blueprint.post("/language")
def choose() -> Response:
    code = request.form.get("language", "")
    if actor := current_actor():
        profiles.update_language(actor, code)
    response = redirect(get_safe_redirect(request.form.get("next", "/")), 303)
    if languages.known(code):
        i18n.remember(response, code)
    return response
