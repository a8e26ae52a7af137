"""`/api/calendar-feed`: one's bookings as a link for calendar programs."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import calendar_feed
from app.views.api.answers import json_answer

blueprint = Blueprint("api_calendar_feed", __name__, url_prefix="/api")


@blueprint.post("/calendar-feed")
@blueprint.post("/events/<slug>/calendar-feed")
def share(slug: str | None = None) -> Response:
    token = calendar_feed.share(current_actor(), slug)
    urls = {"url": calendar_feed.feed_url(token), "webcal_url": calendar_feed.webcal_url(token)}
    return json_answer(urls, 201)


@blueprint.delete("/calendar-feed")
@blueprint.delete("/events/<slug>/calendar-feed")
def stop_sharing(slug: str | None = None) -> Response:
    calendar_feed.stop_sharing(current_actor(), slug)
    return Response(status=204)
