"""Taking a cancellation back: the booking stands again as it was, if its time is free.

Whoever may cancel cannot for that reason undo what the other cancelled: a client takes
back the client's own cancellation, a host the host's, an admin any. Hours, notice and
limits are not asked again: they allowed this booking before.
"""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Booking, User
from app.models.booking import (
    BY_HOST,
    CANCELLED,
    CONFIRMED,
    DECLINED,
    EXPIRED,
    PENDING,
    WITHDRAWN,
)
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import (
    appointments,
    approvals,
    audit,
    bookings,
    changes,
    clock,
    ledger,
    meetings,
    reservation_batches,
    reservations,
    seats,
    slots,
)
from app.services.appointments import Place
from app.services.errors import (
    DomainError,
    Gone,
    InvalidInput,
    NotAllowed,
    Overlap,
    SessionFull,
    SlotTaken,
    Stale,
)
from app.services.ledger import Claim
from app.services.policy import Actor, require_signed_in, require_staff
from app.services.series import ONE
from app.services.transaction import transactional

_NOT_CANCELLED: dict[str, Any] = {"cancelled_at": None, "cancelled_as": None, "cancel_reason": ""}


@transactional
def restore_booking(actor: Actor | None, uid: str, *, version: int | None = None) -> dict[str, Any]:
    """Undo a cancellation of any kind of booking; one that stands already is left alone.

    Keeps the `uid`. What was a request is one again, with new time to answer. Locks what
    booking it would lock. Raises `NotFound`, `NotAllowed` (the other side cancelled it),
    `Gone` (it began, or a request that ended by itself), `SlotTaken`, `SessionFull`,
    `Overlap`, `Stale`.
    """
    actor = require_signed_in(actor)
    row = bookings.row_to_change(actor, uid)
    bookings.check_version(row, version)
    return restore_row(row, actor, by_host=not bookings.is_client(row, actor))


def confirm_booking(actor: Actor | None, uid: str, *, version: int | None = None) -> dict[str, Any]:
    """Make a booking confirmed: accept a request, or restore what was cancelled.

    Raises as `approvals.accept_request` and `restore_booking`.
    """
    actor = require_signed_in(actor)
    if bookings.row_to_change(actor, uid).status == PENDING:
        return approvals.accept_request(actor, uid, version=version)
    return restore_booking(actor, uid, version=version)


@transactional
def restore_reservation(actor: Actor | None, uid: str, *, scope: str = ONE) -> list[dict[str, Any]]:
    """Take a cancelled reservation back as it was, with its `uid`; one that stands stays.

    With another scope than "one", everything of its series that was given back in the
    same deed and is not over: all or nothing. Contributors only their own. Locks the
    calendars of rooms and responsible users. Raises `Overlap` when the time is taken,
    `Gone` when it is over, `InvalidInput` when the responsible user has left, `Stale`,
    `NotAllowed` (somebody else's, or cancelled by an admin), `NotFound`.
    """
    actor = require_staff(actor)
    seen = reservations.get_row(actor, uid)
    if seen.status == CONFIRMED:
        return [bookings.describe(seen, actor)]
    _refuse_others_cancellation(seen, actor, by_host=not bookings.is_client(seen, actor))
    if seen.ends_at <= clock.now():
        raise Gone(gettext("This booking is over."))
    return _restore_reservations(_given_back_with(actor, seen, scope), actor)


def restore_row(
    row: AnyRow, actor: Actor | None, *, by_host: bool = False, everything: bool = False
) -> dict[str, Any]:
    """Restore a booking that the caller has found and allowed. Joins the transaction.

    `by_host` is for who acts for the host; anybody else acts for the client.
    """
    if row.status != CANCELLED:
        return bookings.describe(row, actor, everything=everything)
    if row.cancelled_as == EXPIRED:
        raise Gone(gettext("This request was not answered in time. Please send a new one."))
    _refuse_others_cancellation(row, actor, by_host=by_host)
    # What is left of a room's time is of use to who reserved it. When a session is, it says.
    if (
        row.kind != "seat"
        and (row.ends_at if row.kind == "reservation" else row.starts_at) <= clock.now()
    ):
        raise Gone(
            gettext("This has begun already.")
            if row.ends_at > clock.now()
            else gettext("This is over.")
        )
    if row.kind == "appointment" and row.manage_token_hash is None:
        raise Gone(gettext("What the client left was taken out of this booking."))
    if row.kind == "appointment":
        _restore_appointment(row, actor)
    elif row.kind == "seat":
        _restore_seat(row, actor)
    else:
        _restore_reservations([row], actor)
    after = bookings.find_row(row.uid)
    assert after is not None
    return bookings.describe(after, actor, everything=everything)


def _refuse_others_cancellation(row: AnyRow, actor: Actor | None, *, by_host: bool) -> None:
    """Raises `NotAllowed` for what the other side cancelled, of a reservation an admin."""
    if actor is not None and actor.is_admin:
        return
    if by_host != (row.cancelled_as in {BY_HOST, DECLINED}):
        raise NotAllowed(gettext("This was cancelled by the other side. Please ask them."))


def _restore_appointment(row: AnyRow, actor: Actor | None) -> None:
    offer = slots.get_offer(row.event_type_id)
    client_calendar = ledger.calendar_ids(user_ids=[row.user_id])[0] if row.user_id else None
    room_calendar = ledger.calendar_ids(room_ids=[row.room_id])[0] if row.room_id else None
    where = Place(Interval(row.starts_at, row.ends_at), row.room_id, room_calendar)
    claims = appointments.claims_of(offer, where.period, room_calendar, client_calendar)
    locked = ledger.lock(claim.calendar_id for claim in claims)
    try:
        place, wanted = appointments.judge(actor, offer, where, claims)
    except SlotTaken:
        raise SlotTaken(gettext("This time was booked in the meantime."), alternatives=[]) from None
    asks = row.cancelled_as in {DECLINED, WITHDRAWN}
    _reinstate(
        row,
        status=PENDING if asks else CONFIRMED,
        decide_by=appointments.decide_by(offer, row.starts_at) if asks else None,
        place=place,
        **appointments.place_with_mates(offer, row.starts_at, besides={row.id}),
    )
    ledger.occupy(wanted, booking_id=row.id)
    _tell(row, actor, "requested" if asks else "restored", tuple(locked.values()))
    meetings.want_again(row.id, waits="restored")


def _restore_seat(row: AnyRow, actor: Actor | None) -> None:
    [calendar_id] = ledger.calendar_ids(user_ids=[row.user_id])
    session = db.session.execute(
        seats.SESSION, {"session": row.event_session_id, "user": row.user_id}
    ).one()
    if session.status != CONFIRMED:
        raise Gone(gettext("This session is cancelled."))
    if session.ends_at <= clock.now():
        raise Gone(gettext("This session is over."))
    if session.own_uid is not None:
        raise DomainError(gettext("You have another seat in this session."))
    if session.is_waited_for:
        raise SessionFull(gettext("Others waited for this seat."), waitlist=True, alternatives=[])
    locked = ledger.lock([calendar_id], [row.event_session_id])
    claim = ledger.Claim(calendar_id, Interval(session.starts_at, session.ends_at))
    if in_the_way := ledger.find_conflicts([claim]):
        raise Overlap(ledger.shown_to(actor, in_the_way))
    if not seats.accept_offer(session, row.user_id) and seats.take(session) is None:
        raise SessionFull(waitlist=True, alternatives=[])
    _reinstate(
        row,
        status=CONFIRMED,
        title=session.title,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
    )
    ledger.occupy([claim], booking_id=row.id)
    _tell(row, actor, "confirmed", tuple(locked.values()))
    changes.publish(changes.SeatsChanged(session.event_id, session.event_slug, session.id))


def _restore_reservations(rows: list[AnyRow], actor: Actor | None) -> list[dict[str, Any]]:
    _require_owners(rows)
    places = reservation_batches.places({(row.room_id, row.user_id) for row in rows})
    claims = [
        (row.id, Claim(calendar_id, Interval(row.starts_at, row.ends_at)))
        for row in rows
        for calendar_id in places[row.room_id, row.user_id].calendar_ids
    ]
    locked = ledger.lock({claim.calendar_id for _, claim in claims})
    conflicts = ledger.find_conflicts([claim for _, claim in claims])
    if conflicts:
        raise Overlap(
            ledger.shown_to(actor, conflicts), gettext("This time was taken in the meantime.")
        )
    ids = [row.id for row in rows]
    restored = bookings.revise(
        Booking.id.in_(ids),
        Booking.status == CANCELLED,
        status=CONFIRMED,
        **_NOT_CANCELLED,
    )
    if len(restored) != len(rows):  # somebody else was as quick
        raise Stale
    ledger.occupy_for_each(claims)
    after = sorted(bookings.find_rows(Booking.id.in_(ids)), key=lambda row: row.starts_at)
    described = [bookings.describe(row, actor) for row in after]
    audit.record_each(actor, "restore", "booking", [row.uid for row in after])
    reservation_batches.publish(
        changes.NEW_BOOKING,
        [
            (payload, places[row.room_id, row.user_id].calendar_ids, None)
            for payload, row in zip(described, after, strict=True)
        ],
        locked,
    )
    return described


def _given_back_with(actor: Actor, row: AnyRow, scope: str) -> list[AnyRow]:
    if scope == ONE or row.series_id is None:
        return [row]
    where = [
        Booking.series_id == row.series_id,
        Booking.status == CANCELLED,
        Booking.cancelled_at == row.cancelled_at,
        Booking.ends_at > clock.now(),
    ]
    if not actor.is_admin:
        where.append(Booking.user_id == actor.user_id)
    return bookings.find_rows(*where)


def _require_owners(rows: list[AnyRow]) -> None:
    owners = {row.user_id for row in rows}
    active = set(
        db.session.scalars(select(User.id).where(User.id.in_(owners), User.active.is_(True)))
    )
    if owners - active:
        raise InvalidInput({"responsible_user_id": [gettext("The responsible user has left.")]})


def _reinstate(row: AnyRow, **values: Any) -> None:
    if not bookings.revise(
        Booking.id == row.id,
        Booking.version == row.version,
        Booking.status == CANCELLED,
        **_NOT_CANCELLED,
        **values,
    ):
        raise Stale


def _tell(
    row: AnyRow, actor: Actor | None, what: str, calendars: tuple[changes.CalendarVersion, ...]
) -> None:
    restored = bookings.find_row(row.uid)
    assert restored is not None
    payload = bookings.describe(restored, actor, everything=True)
    bookings.send_notices(what, restored, payload)
    audit.record(actor, "restore", "booking", row.uid, status=restored.status)
    bookings.publish(changes.NEW_BOOKING, payload, calendars)
