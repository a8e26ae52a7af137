"""What guests left with their bookings: given out, taken out, and not kept for ever.

A guest has no account; what is known of one stands in appointments and in the mails
about them. Taking it out leaves the booking, its time and its event type, so that
calendars, counters and the audit still agree, and nobody's name, address, phone, notes
or reasons. What was written to the host's own mailbox or calendar is not ours to take.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from app.extensions import db
from app.models import Booking, Expert, IdempotencyKey, OutboxMessage
from app.models.booking import LIVE
from app.models.outbox import FAILED, SENT
from app.models.types import AnyRow
from app.services import audit, bookings, cancellation, clock, fields, group_slots, ledger, settings
from app.services.clock import rfc3339
from app.services.errors import NotAllowed, NotFound
from app.services.manage_links import token_hash
from app.services.policy import EXPERT, Actor, require_account
from app.services.transaction import transactional

ANONYMOUS_NAME = "Deleted guest"
BATCH = 200


@dataclass(frozen=True, slots=True)
class Erased:
    """How many bookings were emptied; `kept` are still to come and were left alone."""

    erased: int
    kept: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What is older than the installation keeps, and was or would be taken out."""

    bookings: int
    mails: int


# -- by the guest's link -------------------------------------------------------------


def export_by_link(token: str) -> dict[str, Any]:
    """All that is kept of the guest in the booking of this link. Raises `NotFound`."""
    return {"bookings": [_export(_row(token))]}


@transactional
def erase_by_link(token: str) -> None:
    """Take out what the guest left, and end the link; a booking to come is cancelled first.

    Raises `NotFound`.
    """
    row = _row(token)
    is_to_come = row.status in LIVE and row.ends_at > clock.now()
    if is_to_come:
        ledger.lock(group_slots.calendars_of(row))
    _anonymise([row.id])
    if is_to_come:  # only now: the host's mail about it names nobody any more
        cancellation.cancel_row(row, None)
    audit.record(None, "erase", "booking", row.uid)


def _row(token: str) -> AnyRow:
    rows = bookings.find_rows(Booking.manage_token_hash == token_hash(token))
    if not rows:
        raise NotFound
    return rows[0]


# -- by the host, or an admin ----------------------------------------------------------


def export_guest(actor: Actor | None, email: str) -> dict[str, Any]:
    """All bookings made with an address, for an expert among the own ones, for admins all.

    Raises `InvalidInput`, `NotAllowed` for who is neither.
    """
    actor = require_account(actor)
    address, condition = _of_guest(actor, email)
    return {"email": address, "bookings": [_export(row) for row in bookings.find_rows(condition)]}


@transactional
def erase_guest(actor: Actor | None, email: str) -> Erased:
    """Take out what a guest left, in bookings that are over or cancelled.

    Those to come are kept and counted: cancel them first. Raises as `export_guest`.
    """
    actor = require_account(actor)
    _, condition = _of_guest(actor, email)
    rows = bookings.find_rows(condition)
    coming = [row for row in rows if row.status in LIVE and row.ends_at > clock.now()]
    done = [row.id for row in rows if row not in coming]
    _anonymise(done)
    for row in rows:
        if row not in coming:
            audit.record(actor, "erase", "booking", row.uid)
    return Erased(len(done), len(coming))


def _of_guest(actor: Actor, email: str) -> tuple[str, ColumnElement[bool]]:
    errors: fields.Errors = {}
    address = fields.email(errors, "email", email)
    fields.refuse(errors)
    made_with = and_(Booking.kind == "appointment", Booking.attendee_email == address)
    if actor.is_admin:
        return address, made_with
    if EXPERT not in actor.roles:
        raise NotAllowed
    own = select(Expert.id).where(Expert.user_id == actor.user_id)
    return address, and_(made_with, Booking.expert_id.in_(own))


def _export(row: AnyRow) -> dict[str, Any]:
    """A booking with everything that somebody typed for it."""
    booking = bookings.describe(row, None, everything=True)
    mails = db.session.execute(
        select(OutboxMessage.template, OutboxMessage.created_at, OutboxMessage.sent_at)
        .where(OutboxMessage.booking_id == row.id, OutboxMessage.recipient == row.attendee_email)
        .order_by(OutboxMessage.id)
    )
    return booking | {
        "cancel_reason": row.cancel_reason,
        "mails": [
            {
                "template": mail.template,
                "written_at": rfc3339(mail.created_at),
                "sent_at": rfc3339(mail.sent_at) if mail.sent_at else None,
            }
            for mail in mails
        ],
    }


# -- by the clock ----------------------------------------------------------------------


def count_due(days: int | None = None) -> Purged:
    """What `purge` would take out now."""
    conditions = _due(_kept_days(days))
    if conditions is None:
        return Purged(0, 0)
    of_bookings, of_mails = conditions
    return Purged(_count(Booking, of_bookings), _count(OutboxMessage, of_mails))


def purge(days: int | None = None) -> Purged:
    """Empty bookings that ended, and delete mails that went out, `days` ago or earlier.

    `days` is what the settings say unless given; 0 keeps everything. In batches, each in a
    transaction of its own, so that nobody waits for it.
    """
    conditions = _due(_kept_days(days))
    if conditions is None:
        return Purged(0, 0)
    of_bookings, of_mails = conditions
    emptied = deleted = 0
    while done := _purge_bookings(of_bookings):
        emptied += done
    while done := _purge_mails(of_mails):
        deleted += done
    return Purged(emptied, deleted)


def _kept_days(days: int | None) -> int:
    return settings.current().guest_days if days is None else days


def _due(days: int) -> tuple[ColumnElement[bool], ColumnElement[bool]] | None:
    if days <= 0:
        return None
    before = clock.now() - timedelta(days=days)
    return (
        and_(
            Booking.kind == "appointment",
            Booking.ends_at < before,
            Booking.anonymised_at.is_(None),
        ),
        and_(OutboxMessage.state.in_([SENT, FAILED]), OutboxMessage.created_at < before),
    )


@transactional
def _purge_bookings(condition: ColumnElement[bool]) -> int:
    ids = db.session.scalars(
        select(Booking.id).where(condition).order_by(Booking.id).limit(BATCH)
    ).all()
    _anonymise(ids)
    return len(ids)


@transactional
def _purge_mails(condition: ColumnElement[bool]) -> int:
    ids = db.session.scalars(
        select(OutboxMessage.id).where(condition).order_by(OutboxMessage.id).limit(BATCH)
    ).all()
    if ids:
        db.session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(ids)))
    return len(ids)


def _count(model: Any, condition: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(condition)) or 0


# -- taking out ------------------------------------------------------------------------


def _anonymise(ids: Collection[int]) -> None:
    """Empty these bookings, and whatever else holds what was typed for them."""
    if not ids:
        return
    uids = (
        db.session.execute(
            update(Booking)
            .where(Booking.id.in_(ids))
            .values(
                attendee_name=ANONYMOUS_NAME,
                attendee_email=literal("deleted-")
                + cast(Booking.id, String)
                + bookings.ANONYMOUS_DOMAIN,
                attendee_phone=None,
                notes=None,
                cancel_reason="",
                manage_token_hash=None,
                anonymised_at=clock.now(),
                version=Booking.version + 1,
            )
            .returning(Booking.uid)
            .execution_options(synchronize_session=False)
        )
        .scalars()
        .all()
    )
    db.session.execute(delete(OutboxMessage).where(OutboxMessage.booking_id.in_(ids)))
    # Answers kept for a day, to be repeated, hold whole bookings.
    db.session.execute(
        delete(IdempotencyKey).where(
            or_(*(IdempotencyKey.body.contains(uid, autoescape=True) for uid in uids))
        )
    )
