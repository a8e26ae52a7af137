"""Guests without account: one booking, reached by the manage link in its mail.

Holding the link is the whole permission. A link that was never made and one whose
booking is gone are alike: `NotFound`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.models import Booking
from app.models.types import AnyRow
from app.services import appointments, bookings, cancellation, restoring
from app.services.errors import NotFound
from app.services.manage_links import manage_url, token_hash
from app.services.transaction import transactional


def get_booking(token: str) -> dict[str, Any]:
    """The booking of a link, as its booker sees it. Raises `NotFound`."""
    return as_guest(bookings.describe(_row(token), None, everything=True))


@transactional
def cancel(token: str, *, reason: str = "") -> dict[str, Any]:
    """Cancel by link; again is one cancellation. Raises `NotFound`, `Gone` (over)."""
    return as_guest(cancellation.cancel_row(_row(token), None, reason=reason, everything=True))


def reschedule(token: str, starts_at: datetime, *, reason: str = "") -> dict[str, Any]:
    """Move by link. Raises as `appointments.reschedule_appointment`, and `NotFound`."""
    moved = appointments.reschedule_appointment(None, _row(token), starts_at, reason=reason)
    return as_guest(moved)


@transactional
def restore(token: str) -> dict[str, Any]:
    """Undo a cancellation by link. Raises as `restoring.restore_booking`, and `NotFound`."""
    return as_guest(restoring.restore_row(_row(token), None, everything=True))


def as_guest(booking: dict[str, Any]) -> dict[str, Any]:
    """A booking's payload as its guest gets it: the `.ics` is reached by the link.

    Only ever in the answer to the guest; what is broadcast or audited has no link.
    """
    return booking | {"ics_url": f"{manage_url(booking['uid'])}.ics"}


def _row(token: str) -> AnyRow:
    rows = bookings.find_rows(Booking.manage_token_hash == token_hash(token))
    if not rows:
        raise NotFound
    return rows[0]
