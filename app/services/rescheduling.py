"""Moving a booking to another start, whatever its kind."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext

from app.models.interval import Interval
from app.services import appointments, bookings, group_slots, reservations
from app.services.errors import InvalidInput
from app.services.policy import Actor, require_signed_in
from app.services.reservations import Wanted


def reschedule_booking(
    actor: Actor | None,
    uid: str,
    starts_at: datetime,
    *,
    version: int | None = None,
    reason: str = "",
    with_group: bool = False,
) -> dict[str, Any]:
    """Move one's booking, keeping its `uid` and its length.

    The reason goes to the other side of an appointment; nobody is mailed of a room's.
    `with_group` moves everybody in an appointment's slot, all or nobody, and is for its host.

    Raises what the command of its kind raises; `InvalidInput` for a seat, whose time
    is its session's.
    """
    actor = require_signed_in(actor)
    row = bookings.row_to_change(actor, uid)
    if row.kind == "seat":
        raise InvalidInput(
            {"starts_at": [gettext("A seat's time is its session's. Book another session.")]}
        )
    if row.kind == "appointment":
        return appointments.reschedule_appointment(
            actor, row, starts_at, version=version, reason=reason, with_group=with_group
        )
    wanted = Wanted(
        room_id=row.room_id,
        period=Interval(starts_at, starts_at + (row.ends_at - row.starts_at)),
        title=row.title,
        reservation_type=row.reservation_type,
        responsible_user_id=row.user_id,
    )
    # What else it holds is as read above: a change made since then must not be undone.
    seen = row.version if version is None else version
    return reservations.move_reservation(actor, uid, wanted, version=seen)


def count_in_slot(actor: Actor | None, uid: str) -> int:
    """How many bookings the actor, being the host, may move together; 1 for everybody else."""
    row = bookings.row_to_change(require_signed_in(actor), uid)
    if row.kind != "appointment" or not bookings.is_host(row, actor):
        return 1
    return len(group_slots.ids_in_slot(row.event_type_id, row.starts_at))
