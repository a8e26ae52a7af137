"""One booking's payload, as pages show it: its state, and the way into other calendars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask_babel import gettext

from app.services import clock
from app.services.meeting_links import place_text

JOIN_FROM = timedelta(minutes=10)  # before the start, joining becomes the one next step


def is_soon(booking: Mapping[str, Any]) -> bool:
    """Whether joining is what its people want to do now."""
    now = clock.now()
    return _start(booking) - JOIN_FROM <= now < _end(booking)


def is_over(booking: Mapping[str, Any]) -> bool:
    """Whether nothing of it can be changed any more."""
    return _end(booking) <= clock.now()


def state_of(booking: Mapping[str, Any]) -> str:
    """`pending`, `upcoming`, `past` or `cancelled`."""
    if booking["status"] == "cancelled":
        return "cancelled"
    if is_over(booking):
        return "past"
    return "pending" if booking["status"] == "pending" else "upcoming"


def _start(booking: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(booking["starts_at"])


def _end(booking: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(booking["ends_at"])


def _details(booking: Mapping[str, Any]) -> str:
    return gettext("Join: %(url)s", url=booking["meeting_url"]) if booking["meeting_url"] else ""


def _summary(booking: Mapping[str, Any]) -> str:
    return f"{booking['title']}: {booking['expert']['name']}"


def google_url(booking: Mapping[str, Any]) -> str:
    """Google's template link; UTC in its own compact form."""
    times = [
        instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        for instant in (_start(booking), _end(booking))
    ]
    return "https://calendar.google.com/calendar/render?" + urlencode(
        {
            "action": "TEMPLATE",
            "text": _summary(booking),
            "dates": "/".join(times),
            "details": _details(booking),
            "location": place_text(booking["location"]),
        }
    )


def outlook_url(booking: Mapping[str, Any]) -> str:
    """Outlook's compose link."""
    return "https://outlook.live.com/calendar/0/deeplink/compose?" + urlencode(
        {
            "path": "/calendar/action/compose",
            "rru": "addevent",
            "subject": _summary(booking),
            "startdt": booking["starts_at"],
            "enddt": booking["ends_at"],
            "body": _details(booking),
            "location": place_text(booking["location"]),
        }
    )
