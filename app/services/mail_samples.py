"""What each mail is about, made up: to show how its words look before anybody gets it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.services import clock
from app.services.clock import rfc3339

EXPERT = {"slug": "nora-berg", "name": "Nora Berg"}
CLIENT = {"name": "Ben Okoro", "email": "ben@example.org", "phone": "+49 30 123456", "notes": ""}


def sample(template: str) -> dict[str, Any]:
    """The context of a mail as its command would write it."""
    starts_at = (clock.now() + timedelta(days=7)).replace(minute=30, second=0, microsecond=0)
    event = {"slug": "spring-gathering", "title": "Spring gathering"}
    later = {
        "starts_at": rfc3339(starts_at),
        "ends_at": rfc3339(starts_at + timedelta(minutes=45)),
    }
    if template == "test_mail":
        return {}
    if template == "one_time_code":
        return {"event": event, "minutes": 10, "secret": "042042"}
    if template == "address_proof":
        return {"hours": 24, "secret": "https://example.org/proof"}
    if template == "seat_offered":
        return {
            "event": event,
            "event_session": {"id": 1, "title": "Letterpress by hand", **later},
            "offer_expires_at": rfc3339(starts_at - timedelta(days=1)),
        }
    booking: dict[str, Any] = {
        "uid": "00000000-0000-0000-0000-000000000000",
        "status": "cancelled" if "cancelled" in template else "confirmed",
        "version": 1,
        "sequence": 0,
        "attendee": CLIENT,
        "meeting_url": None,
        **later,
    }
    context: dict[str, Any] = {"reason": ""}
    if template.startswith(("seat_", "talk_", "waiting_")):
        booking |= {"kind": "seat", "title": "Letterpress by hand", "location": "Workshop 2"}
        booking["event"] = event
    else:
        booking |= {
            "kind": "appointment",
            "title": "Portfolio talk",
            "location": "Jitsi Meet",
            "meeting_url": "https://meet.example.org/portfolio-talk",
            "expert": EXPERT,
            "event_type": {"id": 1, "slug": "portfolio-talk", "title": "Portfolio talk"},
            "decide_by": rfc3339(starts_at - timedelta(days=1)),
        }
        context["organizer"] = {"name": EXPERT["name"], "email": "nora@example.org"}
    if "rescheduled" in template:
        before = starts_at - timedelta(days=2)
        context["previous"] = {
            "starts_at": rfc3339(before),
            "ends_at": rfc3339(before + timedelta(minutes=45)),
        }
    return context | {"booking": booking}
