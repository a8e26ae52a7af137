"""Appointments: a client's time with an expert.

An event type that needs approval makes a request of a booking: it holds the time as a
confirmed one does, until the host answers or the request ends (`approvals`). A type with
several seats shares one slot of the expert among several clients (`group_slots`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from flask_babel import gettext
from sqlalchemy import insert

from app.models import Booking
from app.models.booking import CONFIRMED, LIVE, PENDING
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    approvals,
    audit,
    bookings,
    cancel_reasons,
    cancellation,
    changes,
    clock,
    external_busy,
    fields,
    group_slots,
    languages,
    ledger,
    meetings,
    slots,
)
from app.services.bookings import Booked
from app.services.errors import InvalidInput, NotAllowed, NotOffered, Overlap, SlotTaken, Stale
from app.services.manage_links import manage_token, token_hash
from app.services.meeting_links import place_of
from app.services.meeting_providers import is_set_up
from app.services.policy import Actor, require_account, require_admin
from app.services.transaction import execute, transactional


@dataclass(frozen=True, slots=True)
class Client:
    """Who books, as they wrote it; `time_zone` is their own, for mails to them."""

    name: str
    email: str
    phone: str = ""
    notes: str = ""
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """When an appointment takes place, and in which room, if any."""

    period: Interval
    room_id: int | None
    room_calendar_id: int | None


def book_appointment(
    actor: Actor | None,
    event_type_id: int,
    starts_at: datetime,
    client: Client,
    *,
    replace: Collection[str] = (),
) -> Booked:
    """Book an expert's time, for a guest (`actor` None) or somebody signed in.

    Occupies the expert's calendar with the type's buffers, the client's if signed in,
    and the type's room; locks these and those of bookings in `replace`, which are
    released only if the time is obtained. A request if the type needs approval. Raises `NotOffered`, `SlotTaken`, `Overlap`
    (with the client's own bookings), `Gone`, `NotFound`, `InvalidInput`.
    """
    if actor is not None:
        actor = require_account(actor)
    elif replace:
        raise InvalidInput({"replace": [gettext("Sign in to replace a booking of yours.")]})
    return _book_offered(actor, event_type_id, starts_at, client, tuple(replace), actor)


def book_for_client(
    actor: Actor | None, event_type_id: int, starts_at: datetime, client: Client
) -> Booked:
    """Book for a client who asked an admin: as that guest would have, mail and link included.

    The audit entry names the admin. Locks and raises as `book_appointment` for a guest;
    `NotAllowed`.
    """
    actor = require_admin(actor)
    return _book_offered(None, event_type_id, starts_at, client, (), actor)


def _book_offered(
    actor: Actor | None,
    event_type_id: int,
    starts_at: datetime,
    client: Client,
    replace: tuple[str, ...],
    booked_by: Actor | None,
) -> Booked:
    client = _checked(client)
    offer = slots.find_offer(event_type_id)
    try:
        return _book(actor, offer, starts_at, client, replace, booked_by)
    except SlotTaken:
        # A request that nobody answered may hold it a little longer than it should.
        if approvals.expire_due(offer.expert_id):
            return _book_offered(actor, offer.id, starts_at, client, replace, booked_by)
        near = slots.nearest_starts(
            offer, starts_at, client_calendar_id=actor.calendar_id if actor else None
        )
        raise SlotTaken(alternatives=near) from None


@transactional
def _book(
    actor: Actor | None,
    offer: AnyRow,
    starts_at: datetime,
    client: Client,
    replace: tuple[str, ...],
    booked_by: Actor | None,
) -> Booked:
    replaced = bookings.find_replaceable(actor, replace)
    ignoring = {row.id for row in replaced}
    claims = _claims(offer, starts_at, actor.calendar_id if actor else None)
    _require_offered(offer, starts_at, ignoring)
    locked = bookings.lock_with_replaced([claim.calendar_id for claim in claims], replaced)
    place, wanted = _judge(actor, offer, starts_at, claims, ignoring)
    released = cancellation.release_bookings(
        actor, replaced, tuple(locked.values()), reason=cancel_reasons.REPLACED
    )
    payload = _write(
        actor,
        offer,
        starts_at,
        client,
        wanted,
        [locked[claim.calendar_id] for claim in claims],
        booked_by,
        place=place,
    )
    return Booked(payload, released)


def reschedule_appointment(
    actor: Actor | None,
    row: AnyRow,
    starts_at: datetime,
    *,
    version: int | None = None,
    reason: str = "",
    with_group: bool = False,
) -> dict[str, Any]:
    """Move an appointment that the caller has found and allowed; `uid` stays for life.

    One that begins then already is given back as it stands. `with_group` moves everybody in
    its slot, all or nobody, and is for hosts.

    Moved by its client, one that needs approval becomes a request again. The reason is
    mailed to the other side.
    A compare-and-set on `version`: of two moves made looking at the same booking, the
    second is `Stale`, as is one of a slot that somebody came into meanwhile. Raises `Gone`,
    `NotOffered`, `SlotTaken`, `Overlap`, `Stale`, `NotAllowed`.
    """
    cancellation.check_reason(reason)
    bookings.check_version(row, version)
    bookings.require_movable(row)
    if with_group and not bookings.is_host(row, actor):
        raise NotAllowed(gettext("Only the host moves everybody in a slot."))
    if starts_at == row.starts_at:
        return bookings.describe(row, actor, everything=True)
    offer = slots.find_offer(row.event_type_id)
    rows = [row]
    if with_group:
        members = group_slots.ids_in_slot(offer.id, row.starts_at) - {row.id}
        rows += bookings.find_rows(Booking.id.in_(members))
    try:
        return _move(actor, rows, offer, starts_at, reason, with_group=with_group)[0]
    except SlotTaken:
        alone = row.user_id and len(rows) == 1
        near = slots.nearest_starts(
            offer,
            starts_at,
            ignoring=[each.id for each in rows],
            client_calendar_id=_calendar_of(row) if alone else None,
        )
        detail = gettext("This time is not free for everybody in the slot.")
        raise SlotTaken(detail if len(rows) > 1 else "", alternatives=near) from None


@transactional
def _move(
    actor: Actor | None,
    rows: Sequence[AnyRow],
    offer: AnyRow,
    starts_at: datetime,
    reason: str,
    *,
    with_group: bool,
) -> list[dict[str, Any]]:
    """Move bookings of one slot, all or none."""
    claims = {row.id: _claims(offer, starts_at, _calendar_of(row)) for row in rows}
    leaving = set(claims)
    _require_offered(offer, starts_at, leaving)
    # What each is told of: its own calendars, before and after, and not its mates'.
    concerned = {
        row.id: {claim.calendar_id for claim in claims[row.id]} | group_slots.calendars_of(row)
        for row in rows
    }
    locked = ledger.lock({each for calendars in concerned.values() for each in calendars})
    if with_group and group_slots.ids_in_slot(offer.id, rows[0].starts_at) != leaving:
        raise Stale
    for row in rows:  # others stay in the slot that these leave
        group_slots.hand_over(row, leaving=leaving)
    ledger.release(booking_ids=leaving)
    moved = []
    for row in rows:
        moved.append(
            _relocate(
                actor,
                row,
                offer,
                starts_at,
                claims[row.id],
                [locked[each] for each in sorted(concerned[row.id])],
                reason,
                leaving=leaving,
            )
        )
        leaving = leaving - {row.id}
    return moved


def _relocate(
    actor: Actor | None,
    row: AnyRow,
    offer: AnyRow,
    starts_at: datetime,
    claims: list[ledger.Claim],
    calendars: Collection[changes.CalendarVersion],
    reason: str,
    *,
    leaving: Set[int],
) -> dict[str, Any]:
    """Move one of those `leaving`, whose time is released already."""
    place, wanted = _judge(actor, offer, starts_at, claims, leaving)
    by_host = bookings.is_host(row, actor)
    asks = row.status == PENDING or (offer.requires_approval and not by_host)
    if not bookings.revise(
        Booking.id == row.id,
        Booking.version == row.version,
        Booking.status.in_(LIVE),
        status=PENDING if asks else CONFIRMED,
        decide_by=decide_by(offer, starts_at) if asks else None,
        place=place,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=offer.duration_minutes),
        room_id=offer.room_id,
        **_place_after_move(offer, row, starts_at, leaving),
    ):
        raise Stale
    ledger.occupy(wanted, booking_id=row.id)
    moved = bookings.find_row(row.uid)
    assert moved is not None
    previous = Interval(row.starts_at, row.ends_at)
    payload = bookings.describe(moved, actor, everything=True)
    if not asks:
        bookings.send_notices(
            "rescheduled",
            moved,
            payload,
            reason=reason,
            by_host=by_host,
            previous=previous,
        )
    else:  # what was confirmed holds no more, and what is asked for not yet
        stood = row.status == CONFIRMED
        bookings.send_notices(
            "requested",
            moved,
            payload,
            reason=reason,
            by_host=by_host,
            previous=previous,
            invitation="CANCEL" if stood else "NONE",
        )
    meetings.want_again(row.id)
    audit.record(
        actor,
        "reschedule",
        "booking",
        row.uid,
        before={"starts_at": clock.rfc3339(row.starts_at)},
        starts_at=clock.rfc3339(starts_at),
    )
    bookings.publish(changes.BOOKING_RESCHEDULED, payload, tuple(calendars), previous=previous)
    return payload


def _calendar_of(row: AnyRow) -> int | None:
    """The calendar of its client, if that is a user."""
    return ledger.calendar_ids(user_ids=[row.user_id])[0] if row.user_id else None


def _own_place(offer: AnyRow) -> dict[str, Any]:
    location, meeting_url = place_of(offer.location_kind, offer.location_detail)
    return {"location": location, "meeting_url": meeting_url}


def _place_after_move(
    offer: AnyRow, row: AnyRow, starts_at: datetime, leaving: Set[int]
) -> dict[str, Any]:
    """What changes of where a booking takes place when it moves: its mates may be others then."""
    if joined := place_with_mates(offer, starts_at, besides={row.id}):
        return joined
    is_left_to_others = place_with_mates(offer, row.starts_at, besides=leaving)
    return _own_place(offer) if is_left_to_others else {}


def _checked(client: Client) -> Client:
    errors: fields.Errors = {}
    checked = Client(
        name=fields.line(errors, "name", client.name, maximum=128, required=True),
        email=fields.email(errors, "email", client.email),
        phone=fields.line(errors, "phone", client.phone, maximum=40),
        notes=fields.text(errors, "notes", client.notes, maximum=5000),
        time_zone=fields.zone(errors, "time_zone", client.time_zone) if client.time_zone else None,
    )
    fields.refuse(errors)
    return checked


def _claims(
    offer: AnyRow, starts_at: datetime, client_calendar_id: int | None
) -> list[ledger.Claim]:
    period = Interval(starts_at, starts_at + timedelta(minutes=offer.duration_minutes))
    return claims_of(offer, period, offer.room_calendar_id, client_calendar_id)


def claims_of(
    offer: AnyRow,
    period: Interval,
    room_calendar_id: int | None,
    client_calendar_id: int | None,
) -> list[ledger.Claim]:
    """The expert's time with buffers first, then the room's and the client's without."""
    claims = [ledger.Claim(offer.calendar_id, with_buffers(offer, period))]
    others = {each for each in (room_calendar_id, client_calendar_id) if each is not None}
    others -= {offer.calendar_id}
    return claims + [ledger.Claim(each, period) for each in sorted(others)]


def with_buffers(offer: AnyRow, period: Interval) -> Interval:
    """What an appointment in `period` takes of its expert's time."""
    return Interval(
        period.starts_at - timedelta(minutes=offer.buffer_before_minutes),
        period.ends_at + timedelta(minutes=offer.buffer_after_minutes),
    )


def _require_offered(offer: AnyRow, starts_at: datetime, ignoring: Set[int]) -> None:
    """Raises `NotOffered` for a start that the rules exclude, whatever is busy.

    Asked before the locks, which many may wait for.
    """
    refused = slots.why_not_offered(offer, starts_at, ignoring=ignoring)
    if refused:
        raise NotOffered(refused.detail, rule=refused.rule)


def _judge(
    actor: Actor | None,
    offer: AnyRow,
    starts_at: datetime,
    claims: list[ledger.Claim],
    ignoring: Set[int],
) -> tuple[int, list[ledger.Claim]]:
    """As `judge`, and what may have changed of the rules while the locks were waited for."""
    if offer.daily_limit is not None:
        _require_offered(offer, starts_at, ignoring)
    period = Interval(starts_at, starts_at + timedelta(minutes=offer.duration_minutes))
    place = Place(period, offer.room_id, offer.room_calendar_id)
    return judge(actor, offer, place, claims, ignoring)


def judge(
    actor: Actor | None,
    offer: AnyRow,
    where: Place,
    claims: list[ledger.Claim],
    ignoring: Set[int] = frozenset(),
) -> tuple[int, list[ledger.Claim]]:
    """Raises why the locked calendars do not take this: `SlotTaken`, `Overlap`.

    Returns the place in the slot, and what of the claims is left to occupy: who joins
    others shares the time that they hold in the expert's and the room's calendars.
    """
    shared = {offer.calendar_id, where.room_calendar_id}
    in_the_way = ledger.find_conflicts(claims, ignoring=ignoring)
    of_slot = [
        each for each in in_the_way if _is_of_slot(each, offer, where.period.starts_at, shared)
    ]
    place = 1 if not of_slot else None
    if of_slot and offer.seats > 1:
        place = group_slots.find_place(offer.id, where.period, where.room_id, ignoring=ignoring)
    if place is not None:  # those in the slot are joined, not met
        in_the_way = [each for each in in_the_way if each not in of_slot]
    # The client's own time is the client's to see and to give up; other time is not free.
    own = {_cause(each) for each in in_the_way if _is_own(each, actor, offer)}
    if any(_cause(each) not in own for each in in_the_way):
        raise SlotTaken
    # Who joins others takes no more of the expert's time than is taken.
    if not of_slot and external_busy.is_busy(offer.calendar_id, claims[0].period):
        raise SlotTaken
    if place is None or in_the_way:
        mine = group_slots.unfold(actor, in_the_way) if actor else in_the_way
        raise Overlap(ledger.shown_to(actor, mine))
    if not of_slot:
        return place, claims
    return place, [claim for claim in claims if claim.calendar_id not in shared]


def _is_of_slot(
    conflict: ledger.Conflict, offer: AnyRow, starts_at: datetime, shared: Set[int | None]
) -> bool:
    return (
        conflict.event_type_id == offer.id
        and conflict.starts_at == starts_at
        and conflict.calendar_id in shared
    )


def place_with_mates(
    offer: AnyRow, starts_at: datetime, *, besides: Collection[int] = ()
) -> dict[str, Any]:
    """`location` and `meeting_url` of those in the slot; nothing if it is joined by nobody.

    All in a slot meet in one place. What a provider makes, it makes for all: see `meetings`.
    """
    if offer.seats == 1 or is_set_up(offer.location_kind):
        return {}
    mate = group_slots.find_mate(offer.id, starts_at, besides=besides)
    return mate._asdict() if mate else {}


def decide_by(offer: AnyRow, starts_at: datetime) -> datetime:
    """When a request for this start ends by itself."""
    deadline: datetime = clock.now() + timedelta(minutes=offer.approval_minutes)
    return min(deadline, starts_at)


def _cause(conflict: ledger.Conflict) -> tuple[int | None, int | None]:
    return conflict.booking_id, conflict.event_session_id


def _is_own(conflict: ledger.Conflict, actor: Actor | None, offer: AnyRow) -> bool:
    if actor is None:
        return False
    # A host who moves an appointment meets other clients' in the same calendar.
    in_own_calendar = conflict.calendar_id == actor.calendar_id != offer.calendar_id
    return in_own_calendar or conflict.user_id == actor.user_id


def _write(
    actor: Actor | None,
    offer: AnyRow,
    starts_at: datetime,
    client: Client,
    claims: list[ledger.Claim],
    calendars: Collection[changes.CalendarVersion],
    booked_by: Actor | None,
    *,
    place: int,
) -> dict[str, Any]:
    uid = str(uuid4())
    # Who books their own time needs not ask themselves.
    asks = offer.requires_approval and not (actor and actor.user_id == offer.host_user_id)
    appointment = {
        "uid": uid,
        "kind": "appointment",
        "status": PENDING if asks else CONFIRMED,
        "decide_by": decide_by(offer, starts_at) if asks else None,
        "place": place,
        "title": offer.title,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=offer.duration_minutes),
        "user_id": actor.user_id if actor else None,
        "room_id": offer.room_id,
        **_own_place(offer),
        **place_with_mates(offer, starts_at),
        "expert_id": offer.expert_id,
        "event_type_id": offer.id,
        "attendee_name": client.name,
        "attendee_email": client.email,
        "attendee_phone": client.phone or None,
        "notes": client.notes or None,
        "time_zone": client.time_zone or offer.time_zone,
        # An admin who books for a client reads what that one may not.
        "language": languages.current().code if booked_by == actor else None,
        "created_at": clock.now(),
    }
    stored = appointment | {"manage_token_hash": token_hash(manage_token(uid))}
    booking_id = execute(_INSERT, stored).scalar_one()
    ledger.occupy(claims, booking_id=booking_id)
    row = bookings.new_row(
        **appointment,
        id=booking_id,
        room_name=offer.room_name,
        expert_slug=offer.expert_slug,
        expert_name=offer.expert_name,
        expert_time_zone=offer.time_zone,
        event_type_slug=offer.slug,
        event_type_title=offer.title,
        requires_approval=offer.requires_approval,
        reminder_minutes=offer.reminder_minutes,
        host_user_id=offer.host_user_id,
        host_email=offer.host_email,
    )
    payload = bookings.describe(row, actor, everything=True)
    bookings.send_notices("requested" if asks else "confirmed", row, payload)
    meetings.request(booking_id, offer.location_kind)
    audit.record(booked_by, "book", "booking", uid, kind="appointment", event_type_id=offer.id)
    bookings.publish(changes.NEW_BOOKING, payload, tuple(calendars))
    return payload


_INSERT = insert(Booking.__table__).returning(Booking.__table__.c.id)
