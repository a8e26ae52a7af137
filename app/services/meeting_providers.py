"""What every provider of meetings does, and which one is set up here.

A provider makes, moves and removes a meeting, each call on its own and outside of any
transaction. What it is told is the least: a title, when, and the booking's uid; nobody's
name or address. Making is told the same `reference` however often it is tried, so a
provider that can takes a repeat for what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flask import current_app

GOOGLE_MEET = "google_meet"
ZOOM = "zoom"
KINDS = (GOOGLE_MEET, ZOOM)
_EXTENSION = "rendezvous.meetings"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A meeting as it shall be. `reference` is letters a to f and digits, and this one's alone."""

    reference: str
    title: str
    starts_at: datetime
    ends_at: datetime

    @property
    def minutes(self) -> int:
        """How long it lasts, in whole minutes."""
        return max(1, round((self.ends_at - self.starts_at).total_seconds() / 60))


@dataclass(frozen=True, slots=True)
class Made:
    """A meeting that a provider has: its name for it, and the link that people follow."""

    external_id: str
    join_url: str


class MeetingRefused(Exception):
    """A provider did not do it. The text says why, to an operator, and holds no secret.

    `for_good` when trying again can change nothing; `retry_after` is how many seconds the
    provider asked to be left alone.
    """

    def __init__(
        self, reason: str, *, for_good: bool = False, retry_after: int | None = None
    ) -> None:
        super().__init__(reason)
        self.for_good = for_good
        self.retry_after = retry_after


class MeetingMissing(Exception):
    """The provider has no such meeting, or no longer."""


class Provider(Protocol):
    """One service that holds meetings."""

    def create(self, wanted: Wanted) -> Made:
        """Make it. Raises `MeetingRefused`; `MeetingMissing` for a reference used up."""

    def move(self, external_id: str, wanted: Wanted) -> None:
        """Give it this title and time. Raises `MeetingRefused`, `MeetingMissing`."""

    def remove(self, external_id: str) -> None:
        """End it; one that is gone already is fine. Raises `MeetingRefused`."""


def is_set_up(kind: str) -> bool:
    """Whether there are credentials for meetings of this kind."""
    config = current_app.config
    if kind == GOOGLE_MEET:
        return bool(config["GOOGLE_SERVICE_ACCOUNT_FILE"])
    if kind == ZOOM:
        names = ("ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET")
        return all(config[name] for name in names)
    return False


def find_provider(kind: str) -> Provider | None:
    """The provider of this kind, if it is set up; one per process, for it keeps a token.

    Raises `MeetingRefused` for credentials that cannot be used.
    """
    if not is_set_up(kind):
        return None
    # Imported here, for they take a while and few installations need them.
    from app.services import google_meet, zoom

    made: dict[str, Provider] = current_app.extensions.setdefault(_EXTENSION, {})
    if kind not in made:
        made[kind] = (google_meet if kind == GOOGLE_MEET else zoom).from_settings(
            current_app.config
        )
    return made[kind]
