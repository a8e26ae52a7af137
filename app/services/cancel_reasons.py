"""Why the product itself cancels a booking, as it is kept, and how it is said."""

from __future__ import annotations

from flask_babel import gettext

from app.services.languages import gettext_noop

REPLACED = gettext_noop("Replaced by another booking.")
SESSION_CANCELLED = gettext_noop("The session was cancelled.")
SESSION_MOVED = gettext_noop("The session moved to a time at which you have another booking.")
FEWER_SEATS = gettext_noop("The session has fewer seats now, and yours was booked among the last.")
_OURS = {REPLACED, SESSION_CANCELLED, SESSION_MOVED, FEWER_SEATS}


def reason_text(reason: str) -> str:
    """The reason of a cancellation for who reads it: what people typed stays as it is.

    What the product says itself is kept in English, since the two in a booking may not
    read the same language.
    """
    return gettext(reason) if reason in _OURS else reason
