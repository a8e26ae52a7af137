"""`/theme.css`: the accent that an admin chose, in place of the one in tokens.css."""

from __future__ import annotations

from flask import Blueprint, Response, request

from app.services import colours, settings

YEAR = 365 * 24 * 3600

blueprint = Blueprint("theme", __name__)


@blueprint.get("/theme.css")
def stylesheet() -> Response:
    kept = settings.current()
    css = colours.stylesheet(colours.shades(kept.accent))
    response = Response(css, mimetype="text/css")
    # Pages name the version; another colour has another address.
    is_named = request.args.get("v") == str(kept.version)
    response.headers["Cache-Control"] = (
        f"public, max-age={YEAR}, immutable" if is_named else "no-cache"
    )
    return response
