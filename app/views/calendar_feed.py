"""`/calendar/<token>.ics`, which calendar programs fetch, and what pages show of such links."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from app.gates import current_actor
from app.services import calendar_feed
from app.views.api.answers import known_etags

blueprint = Blueprint("calendar_feed", __name__)


@blueprint.get("/calendar/<token>.ics")
def read(token: str) -> Response:
    feed = calendar_feed.read_feed(token, known_etags())
    if feed.body is None:
        response = Response(status=304)
    else:
        response = Response(feed.body, mimetype="text/calendar")
        response.headers["Content-Disposition"] = 'inline; filename="bookings.ics"'
    response.set_etag(feed.etag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def change_calendar_feed(event_slug: str | None) -> str | None:
    """What a page's button asks for: a new link, whose token is returned, or none any more."""
    if request.form.get("feed") == "stop":
        calendar_feed.stop_sharing(current_actor(), event_slug)
        return None
    return calendar_feed.share(current_actor(), event_slug)


def describe_calendar_feed(
    action: str, event_slug: str | None, token: str | None
) -> dict[str, Any]:
    """For `_calendar_feed.html`; with the link's address while the token is at hand."""
    described = {
        "action": action,
        "scope": "everything" if event_slug is None else "event",
        "since": calendar_feed.shared_since(current_actor(), event_slug),
    }
    if token is not None:
        described["url"] = calendar_feed.feed_url(token)
        described["webcal_url"] = calendar_feed.webcal_url(token)
    return described
