"""The only `now()`."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware UTC."""
    return datetime.now(UTC)


def rfc3339(instant: datetime) -> str:
    """`instant` as the outside sees it: UTC with `Z`, seconds, fractions only if any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
