"""Where an appointment takes place: a text for people and, online, a link.

Jitsi needs no account: a room exists as soon as somebody opens its unguessable name.
Google Meet and Zoom make theirs after the booking (`meetings`), so at first the link only
follows; while no account is set up, they give links that are marked as samples.

A booking keeps its place in English, since the people in it may not read the same
language: `place_text` tells it.
"""

from __future__ import annotations

import secrets

from flask import current_app
from flask_babel import lazy_gettext

from app.services import meeting_providers

PLACE_NAMES = {
    "google_meet": "Google Meet",
    "zoom": "Zoom",
    "jitsi": "Jitsi Meet",
    "phone": "Phone",
    "in_person": "In person",
    "link": "Online",
}
# What is written below and is more than a name.
_TEXTS = {
    "Phone": lazy_gettext("Phone"),
    "In person": lazy_gettext("In person"),
    "Online": lazy_gettext("Online"),
    "Google Meet (sample link)": lazy_gettext("Google Meet (sample link)"),
    "Zoom (sample link)": lazy_gettext("Zoom (sample link)"),
    "Google Meet (link follows)": lazy_gettext("Google Meet (link follows)"),
    "Zoom (link follows)": lazy_gettext("Zoom (link follows)"),
    "Google Meet (your host sends the link)": lazy_gettext(
        "Google Meet (your host sends the link)"
    ),
    "Zoom (your host sends the link)": lazy_gettext("Zoom (your host sends the link)"),
}


def place_text(location: str) -> str:
    """A booking's place in the reader's language; what a host typed stays as it is."""
    return str(_TEXTS.get(location, location))


def place_of(kind: str, detail: str) -> tuple[str, str | None]:
    """`(location, meeting_url)` for a new appointment."""
    if meeting_providers.is_set_up(kind):
        return place_to_come(kind), None
    code = secrets.token_hex(10)
    match kind:
        case "jitsi":
            return PLACE_NAMES[kind], f"{current_app.config['JITSI_URL']}/rendezvous-{code}"
        case "google_meet":
            return "Google Meet (sample link)", f"https://meet.google.com/sample-{code[:10]}"
        case "zoom":
            return "Zoom (sample link)", f"https://zoom.us/j/sample-{code[:10]}"
        case "link":
            return PLACE_NAMES[kind], detail
        case _:
            return detail or PLACE_NAMES[kind], None


def place_to_come(kind: str) -> str:
    """The location while the provider's link is not there yet."""
    return f"{PLACE_NAMES[kind]} (link follows)"


def place_with_link(kind: str) -> str:
    """The location once the provider's link is there."""
    return PLACE_NAMES[kind]


def place_without_link(kind: str) -> str:
    """The location when the provider gave no link for good."""
    return f"{PLACE_NAMES[kind]} (your host sends the link)"
