"""Domain errors: every way in which a command refuses, with what the refused may know.

`code` is the contract's. `app/errors.py` maps each to a status, a page or a socket ack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext


class DomainError(Exception):
    """A refusal. `detail` is a sentence for people; `extra` joins the problem document.

    It is in the language of whoever is refused, from the moment at which it is raised.
    """

    code = "error"
    detail: str = lazy_gettext("This cannot be done.")

    def __init__(self, detail: str = "", **extra: Any) -> None:
        text = str(detail or self.detail)
        super().__init__(text)
        self.detail = text
        self.extra = extra


class InvalidInput(DomainError):
    """A field is wrong. `errors` maps field names to messages."""

    code = "invalid_input"
    detail = lazy_gettext("Please check the marked fields.")

    def __init__(self, errors: Mapping[str, Sequence[str]], detail: str = "") -> None:
        self.errors = {name: [str(text) for text in texts] for name, texts in errors.items()}
        super().__init__(detail, errors=self.errors)


class Unauthenticated(DomainError):
    code = "unauthenticated"
    detail = lazy_gettext("Please sign in.")


class NotAllowed(DomainError):
    code = "not_allowed"
    detail = lazy_gettext("You may not do this.")


class MustChangePassword(DomainError):
    code = "must_change_password"
    detail = lazy_gettext("Please choose a new password first.")


class NotFound(DomainError):
    """Also for what the actor may not know of."""

    code = "not_found"
    detail = lazy_gettext("There is nothing here, or it is not yours to see.")


class Overlap(DomainError):
    """Busy periods collide; `conflicts` are as much as the actor may see of them.

    Where several things were wanted, `extra` says which of them collide.
    """

    code = "overlap"
    detail = lazy_gettext("This overlaps something that is already booked.")

    def __init__(
        self, conflicts: Sequence[Mapping[str, Any]] = (), detail: str = "", **extra: Any
    ) -> None:
        super().__init__(detail, conflicts=[dict(conflict) for conflict in conflicts], **extra)


class SlotTaken(DomainError):
    """Somebody has this time; `alternatives` are up to five free starts, nearest first."""

    code = "slot_taken"
    detail = lazy_gettext("Someone booked this time a moment ago.")


class NotOffered(DomainError):
    """The start is not a slot; `rule` is the one that excludes it."""

    code = "not_offered"
    detail = lazy_gettext("This time is not offered.")


class SessionFull(DomainError):
    code = "session_full"
    detail = lazy_gettext("All seats of this session are taken.")


class Stale(DomainError):
    code = "stale"
    detail = lazy_gettext("This changed in the meantime. Please look at it again.")


class Gone(DomainError):
    code = "gone"
    detail = lazy_gettext("This is cancelled, expired or over.")


class EmailTaken(DomainError):
    code = "email_taken"
    detail = lazy_gettext("There is an account with this address. Please sign in.")


class RateLimited(DomainError):
    """Too often; `retry_after` is in seconds."""

    code = "rate_limited"
    detail = lazy_gettext("Too many attempts. Please wait a little.")

    def __init__(self, retry_after: int, detail: str = "") -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Busy(DomainError):
    """Lock or database not to be had in time; nothing was written."""

    code = "busy"
    detail = lazy_gettext("The system is busy. Nothing was changed; please try again.")
    retry_after = 1


class IdempotencyMismatch(DomainError):
    code = "idempotency_mismatch"
    detail = lazy_gettext("This Idempotency-Key was used with another payload.")


class IdempotencyInFlight(DomainError):
    code = "idempotency_in_flight"
    detail = lazy_gettext("The first request with this Idempotency-Key is still running.")
    retry_after = 1
