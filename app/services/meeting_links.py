"""Where an appointment takes place: a text for people and, online, a link."""

from __future__ import annotations

import secrets

PLACE_NAMES = {
    "google_meet": "Google Meet",
    "zoom": "Zoom",
    "jitsi": "Jitsi Meet",
    "phone": "Phone",
    "in_person": "In person",
    "link": "Online",
}


def place_of(kind: str, detail: str) -> tuple[str, str | None]:
    """`(location, meeting_url)` for a new appointment.

    Jitsi needs no account: a room exists as soon as somebody opens its unguessable
    name. Google Meet and Zoom give marked sample links while no account is set up.
    """
    code = secrets.token_hex(10)
    match kind:
        case "jitsi":
            return PLACE_NAMES[kind], f"https://meet.jit.si/rendezvous-{code}"
        case "google_meet":
            return "Google Meet (sample link)", f"https://meet.google.com/sample-{code[:10]}"
        case "zoom":
            return "Zoom (sample link)", f"https://zoom.us/j/sample-{code[:10]}"
        case "link":
            return PLACE_NAMES[kind], detail
        case _:
            return detail or PLACE_NAMES[kind], None
