"""Why a time is not offered: every rule and every busy period that excludes a start.

For the expert who asks "why can nobody book me at ten?". The order is the one in which
a client is refused: rules first, then what is busy. What is busy is told as far as the
expert may see it, as in every conflict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flask_babel import gettext

from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    appointments,
    availability,
    clock,
    event_types,
    external_busy,
    group_slots,
    ledger,
    slots,
)
from app.services.clock import rfc3339
from app.services.errors import InvalidInput
from app.services.policy import Actor, require_account

Rule = Literal[
    "inactive",
    "past",
    "notice",
    "horizon",
    "override",
    "holiday",
    "hours",
    "step",
    "daily_limit",
    "full",
    "busy",
    "buffer",
    "event_session",
    "room",
    "external",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that excludes the start; `cause` is what stands there, as the contract's conflict."""

    rule: Rule
    detail: str
    cause: dict[str, Any] | None = None


def explain(actor: Actor | None, event_type_id: int, at: datetime) -> dict[str, Any]:
    """Whether the expert's own event type is offered at an instant, and all that speaks against it.

    Raises `NotFound` for another's, `InvalidInput` for a time out of reach.
    """
    actor = require_account(actor)
    event_type = event_types.get_own(actor, event_type_id)
    offer = slots.get_offer(event_type.id)
    try:
        period = Interval(at, at + timedelta(minutes=offer.duration_minutes))
        groups = group_slots.find_groups(offer, period) if offer.seats > 1 else {}
        group = groups.get(period.starts_at)
        reasons = [*_rules(offer, period.starts_at), *_busy(actor, offer, period, group)]
    except OverflowError:
        raise InvalidInput({"at": [gettext("Use a time of this century.")]}) from None
    answer: dict[str, Any] = {
        "at": rfc3339(period.starts_at),
        "ends_at": rfc3339(period.ends_at),
        "time_zone": offer.time_zone,
        "offered": not reasons,
        "reasons": [
            {"rule": reason.rule, "detail": reason.detail}
            | ({"cause": reason.cause} if reason.cause else {})
            for reason in reasons
        ],
    }
    if offer.seats > 1:
        answer["seats_left"] = group.seats_left if group else offer.seats
    return answer


def _rules(offer: AnyRow, starts_at: datetime) -> Iterator[Reason]:
    if not offer.is_active:
        yield Reason("inactive", gettext("This event type is not active."))
    rules = slots.rules_of(offer)
    booked = slots.booked_besides(offer, starts_at)
    for refused in availability.every_refusal(rules, starts_at, clock.now(), booked):
        day = starts_at.astimezone(ZoneInfo(rules.time_zone)).date()
        is_holiday = refused.rule == "override" and day in rules.holidays
        yield Reason("holiday" if is_holiday else refused.rule, refused.detail)


def _busy(
    actor: Actor, offer: AnyRow, period: Interval, group: group_slots.Group | None
) -> Iterator[Reason]:
    """What the expert's and the room's calendars hold; those in the slot itself share it."""
    if group is not None and not group.seats_left:
        yield Reason("full", gettext("All seats of this slot are taken."))
    claims = appointments.claims_of(offer, period, offer.room_calendar_id, None)
    seen: set[tuple[int | None, int | None]] = set()
    for conflict in ledger.find_conflicts(claims):
        if (
            group is not None
            and conflict.event_type_id == offer.id
            and conflict.starts_at == period.starts_at
        ):
            continue
        cause = (conflict.booking_id, conflict.event_session_id)
        if cause in seen:  # the expert's own time comes before the room's
            continue
        seen.add(cause)
        yield _reason(actor, offer, period, conflict)
    # Who joins others in a slot takes no more of the expert's time.
    if group is None and external_busy.is_busy(offer.calendar_id, claims[0].period):
        if external_busy.is_busy(offer.calendar_id, period):
            yield Reason(
                "external", gettext("One of your busy calendars says that you are busy then.")
            )
        else:
            yield Reason(
                "external",
                gettext("A buffer would reach into what one of your busy calendars holds."),
            )


def _reason(actor: Actor, offer: AnyRow, period: Interval, conflict: ledger.Conflict) -> Reason:
    shown = conflict.seen_by(actor)
    if conflict.calendar_id != offer.calendar_id:
        return Reason("room", gettext("%(room)s is taken then.", room=offer.room_name), shown)
    if conflict.kind == "event_session":
        return Reason(
            "event_session", gettext("You speak then: %(title)s.", title=conflict.title), shown
        )
    itself = Interval(conflict.starts_at, conflict.ends_at)
    if not itself.overlaps(period):
        return Reason("buffer", _buffer_detail(offer, period, itself, conflict), shown)
    return Reason("busy", gettext("You are busy then: %(title)s.", title=conflict.title), shown)


def _buffer_detail(
    offer: AnyRow, period: Interval, itself: Interval, conflict: ledger.Conflict
) -> str:
    """Whose buffer is in the way: that of what is booked, or the one this type would need."""
    if appointments.with_buffers(offer, period).overlaps(itself):
        return gettext(
            "The buffer of this event type would reach into %(title)s.", title=conflict.title
        )
    return gettext("This lies in the buffer of %(title)s.", title=conflict.title)
