"""How long a server asks to be left alone: the Retry-After header (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil

from app.services import clock

LONGEST = timedelta(days=1)


def seconds_of(header: str | None) -> int | None:
    """Seconds from now, at most a day; None for a header that is absent or makes no sense.

    Besides seconds and an HTTP date, an ISO 8601 time is understood, which Zoom sends.
    """
    text = (header or "").strip()
    if not text:
        return None
    if text.isdecimal():
        return int(min(int(text[:9]), LONGEST.total_seconds()))
    try:
        then = datetime.fromisoformat(text) if text[0].isdecimal() else parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    wait = min(then - clock.now(), LONGEST)
    return max(0, ceil(wait.total_seconds()))
