"""All bookings, whatever their kind: how they read, and what every command on them needs.

Making and moving them differs by kind and stands in `appointments`, `seats` and
`reservations`; giving them up does not, and stands in `cancellation`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from flask import current_app
from flask_babel import gettext
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update

from app.extensions import db
from app.models import (
    Booking,
    Event,
    EventSession,
    EventType,
    Expert,
    Room,
    Series,
    User,
)
from app.models.booking import CANCELLED, CONFIRMED, EXPIRED, LIVE, PENDING
from app.models.interval import Interval
from app.models.types import AnyRow
from app.services import changes, clock, group_slots, ledger, mail, occupancy, reminders
from app.services.cancel_reasons import reason_text
from app.services.clock import rfc3339
from app.services.errors import Gone, InvalidInput, NotAllowed, NotFound, Stale
from app.services.policy import Actor, require_signed_in

KINDS = ("appointment", "seat", "reservation")
# Addresses of people whose data was taken out; RFC 2606 keeps the domain from anybody.
ANONYMOUS_DOMAIN = "@anonymised.invalid"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, `items` being payloads; pages count from 1."""

    items: list[dict[str, Any]]
    page: int
    page_size: int
    total: int


@dataclass(frozen=True, slots=True)
class Booked:
    """What a booking command did. `created` is False when the booking stood already."""

    booking: dict[str, Any]
    replaced: list[str]
    created: bool = True


# -- reading -----------------------------------------------------------------------


def get_booking(actor: Actor | None, uid: str) -> dict[str, Any]:
    """The booking's payload for an actor who is in it, or an admin.

    Raises `NotFound` for everybody else, `Unauthenticated`, `MustChangePassword`.
    """
    actor = require_signed_in(actor)
    return describe(_row_for(actor, uid), actor)


def list_bookings(
    actor: Actor | None,
    *,
    when: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    query: str = "",
    page: int,
    page_size: int,
) -> Page:
    """The actor's bookings: as client, attendee, host or responsible user.

    `when` is "upcoming" (not over yet, soonest first) or "past" (latest first);
    `status` None means what holds time, confirmed or requested; `kind` None means all.
    `query` narrows by what the actor may read: title, names, addresses.
    """
    actor = require_signed_in(actor)
    if when not in {None, "upcoming", "past"}:
        raise InvalidInput({"when": [gettext("Use upcoming or past.")]})
    if status not in {None, PENDING, CONFIRMED, CANCELLED}:
        raise InvalidInput({"status": [gettext("Use pending, confirmed or cancelled.")]})
    if kind not in {None, *KINDS}:
        which = gettext("Use %(choices)s.", choices=", ".join(KINDS))
        raise InvalidInput({"kind": [which]})
    wanted = _ROWS.where(
        involving(actor), Booking.status == status if status else Booking.status.in_(LIVE)
    )
    if kind:
        wanted = wanted.where(Booking.kind == kind)
    if words := query.strip():
        wanted = wanted.where(_matching(words))
    if when:
        now = clock.now()
        wanted = wanted.where(
            Booking.ends_at > now if when == "upcoming" else Booking.ends_at <= now
        )
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery()))
    order = Booking.starts_at.desc() if when == "past" else Booking.starts_at
    rows = db.session.execute(
        wanted.order_by(order, Booking.id).limit(page_size).offset((page - 1) * page_size)
    )
    return Page([describe(row, actor) for row in rows], page, page_size, total or 0)


def find_row(uid: str) -> AnyRow | None:
    """Everything about one booking in one row, for services of its kind."""
    return db.session.execute(_ROWS.where(Booking.uid == uid)).one_or_none()


def find_rows(*where: Any) -> list[AnyRow]:
    """As `find_row`, for all bookings that satisfy the conditions, oldest first."""
    return list(db.session.execute(_ROWS.where(*where).order_by(Booking.id)))


def describe(row: Any, actor: Actor | None, *, everything: bool = False) -> dict[str, Any]:
    """The contract's `booking` from a row of this module's select.

    `attendee` is shown to the host, the booker and admins; `everything` shows it to
    whoever proved otherwise to be one of them, a guest with a manage link.
    """
    status = status_of(row)
    shown: dict[str, Any] = {
        "uid": row.uid,
        "kind": row.kind,
        "status": status,
        "version": row.version,
        "sequence": row.sequence,
        "title": row.title,
        "starts_at": rfc3339(row.starts_at),
        "ends_at": rfc3339(row.ends_at),
        "location": row.location or row.room_name or "",
        "meeting_url": row.meeting_url,
        "ics_url": f"{current_app.config['PUBLIC_URL']}/api/bookings/{row.uid}.ics",
    }
    if status == PENDING:
        shown["decide_by"] = rfc3339(row.decide_by)
    elif status == CANCELLED:
        shown["cancelled_as"] = row.cancelled_as if row.status == CANCELLED else EXPIRED
    room = {"id": row.room_id, "name": row.room_name} if row.room_id else None
    if row.kind == "seat":
        shown["event_session"] = {
            "id": row.event_session_id,
            "title": row.title,
            "room": room,
        }
        shown["event"] = {"slug": row.event_slug, "title": row.event_title}
    elif row.kind == "reservation":
        shown["responsible_user"] = {"id": row.user_id, "name": row.user_name}
        shown["reservation_type"] = row.reservation_type
        if series := occupancy.series_of(row):
            shown["series"] = series
    else:
        shown["expert"] = {"slug": row.expert_slug, "name": row.expert_name}
        shown["event_type"] = {
            "id": row.event_type_id,
            "slug": row.event_type_slug,
            "title": row.event_type_title,
        }
        shown["time_zone"] = row.time_zone
    if room:
        shown["room"] = room
    if everything or (actor and (actor.is_admin or _is_party(row, actor))):
        if status == CANCELLED:
            shown["cancel_reason"] = reason_text(row.cancel_reason)
        if row.kind == "appointment":
            shown["attendee"] = {
                "name": row.attendee_name,
                "email": row.attendee_email,
                "phone": row.attendee_phone or "",
                "notes": row.notes or "",
            }
        elif row.kind == "seat":
            shown["attendee"] = {
                "name": row.user_name,
                "email": row.user_email,
                "phone": "",
                "notes": "",
            }
    return shown


def status_of(row: Any) -> str:
    """The status as of now: a request that nobody answered in time has ended."""
    if row.status == PENDING and row.decide_by <= clock.now():
        return CANCELLED
    status: str = row.status
    return status


# -- what commands of every kind need ------------------------------------------------


def new_row(**values: Any) -> Any:
    """What `find_row` would read of a booking just written, from what is known of it."""
    return SimpleNamespace(**_NEW | values)


def find_replaceable(actor: Actor | None, uids: Collection[str]) -> list[AnyRow]:
    """The actor's own live bookings that a command may replace: none that is over.

    Raises `InvalidInput` when one is not the actor's to give up.
    """
    if not uids:
        return []
    actor = require_signed_in(actor)
    rows = db.session.execute(_ROWS.where(Booking.uid.in_(list(uids)))).all()
    now = clock.now()
    usable = [
        row for row in rows if row.status in LIVE and row.ends_at > now and _is_party(row, actor)
    ]
    if len(usable) != len(set(uids)):
        raise InvalidInput(
            {"replace": [gettext("Only your own bookings to come can be replaced.")]}
        )
    return usable


def lock_with_replaced(
    calendar_ids: Iterable[int], replaced: Sequence[AnyRow], event_session_ids: Iterable[int] = ()
) -> dict[int, changes.CalendarVersion]:
    """Lock what a command wants together with what its replaced bookings hold.

    Raises `Stale` when one of these changed while the locks were waited for.
    """
    wanted = set(calendar_ids)
    for row in replaced:
        wanted |= group_slots.calendars_of(row)
    sessions = {row.event_session_id for row in replaced if row.event_session_id}
    # One session alone is locked by its counter's UPDATE: one statement fewer.
    both = sessions | set(event_session_ids) if sessions else ()
    locked = ledger.lock(wanted, both)
    if replaced:
        ids = [row.id for row in replaced]
        now = db.session.execute(select(Booking.id, Booking.version).where(Booking.id.in_(ids)))
        if {(row.id, row.version) for row in now} != {(row.id, row.version) for row in replaced}:
            raise Stale(
                gettext("A booking to be replaced changed a moment ago. Please look at it again.")
            )
        for row in replaced:  # what is judged next must not pass over the others' slot
            group_slots.hand_over(row, leaving=ids)
    return locked


def revise(*where: ColumnElement[bool], **values: Any) -> Sequence[AnyRow]:
    """Change bookings, and with that raise version and revision (RFC 5545, 3.8.7.4).

    Those of them that `where` still holds for: a compare-and-set. Returns id, version and
    revision of each. What is loaded in the session stays as it was.
    """
    return db.session.execute(
        update(Booking)
        .where(*where)
        .values(**values, version=Booking.version + 1, sequence=Booking.sequence + 1)
        .returning(Booking.id, Booking.version, Booking.sequence)
        .execution_options(synchronize_session=False)
    ).all()


def period_of(payload: Mapping[str, Any]) -> Interval:
    """When a described booking is."""
    return Interval(
        datetime.fromisoformat(payload["starts_at"]), datetime.fromisoformat(payload["ends_at"])
    )


def publish(
    name: str,
    payload: dict[str, Any],
    calendars: Sequence[changes.CalendarVersion],
    previous: Interval | None = None,
) -> None:
    """Announce a booking's change to everyone whose calendar shows it."""
    changes.publish(
        changes.BookingChanged(
            name=name,
            kind=payload["kind"],
            period=period_of(payload),
            previous=previous,
            calendars=ledger.announced(calendars),
            booking=payload,
        )
    )


def send_notices(
    what: str,
    row: Any,
    payload: dict[str, Any],
    *,
    reason: str = "",
    by_host: bool = False,
    previous: Interval | None = None,
    invitation: str = "",
) -> None:
    """Mail everyone in the booking about `what` happened to it, and see to its reminders.

    Templates are `<kind>_<what>`; a host's copy is `appointment_<what>_host`. The client
    reads the reason of a host, never one that was typed as the client: anybody can book
    with a stranger's address. Reservations are mailed to nobody: staff see them live.
    `invitation` is the method of the calendar file if it does not follow from the
    status: "CANCEL" takes out what was confirmed before, "NONE" sends no file.
    """
    context: dict[str, Any] = {"booking": payload, "reason": reason, "by_host": by_host}
    if invitation:
        context["invitation"] = invitation
    if previous:
        context["previous"] = {
            "starts_at": rfc3339(previous.starts_at),
            "ends_at": rfc3339(previous.ends_at),
        }
    if row.kind == "seat":
        mail.enqueue(
            f"seat_{what}",
            row.user_email,
            context | {"name": row.user_name, "time_zone": row.event_time_zone},
            booking_id=row.id,
            language=row.language,
        )
    elif row.kind == "appointment":
        context["organizer"] = {"name": row.expert_name, "email": row.host_email}
        context["host_time_zone"] = row.expert_time_zone
        for_client = context | {"name": row.attendee_name, "time_zone": row.time_zone}
        for_host = context | {"name": row.expert_name, "time_zone": row.expert_time_zone}
        if not by_host:
            for_client["reason"] = ""
        if what == "cancelled" or previous:  # else it has none
            reminders.drop(row)
        letters = [mail.Letter(f"appointment_{what}_host", row.host_email, for_host, row.id)]
        if not is_anonymous(row.attendee_email):
            client = mail.Letter(
                f"appointment_{what}",
                row.attendee_email,
                for_client,
                row.id,
                language=row.language,
            )
            letters.insert(0, client)
            if row.status == CONFIRMED and payload["status"] == CONFIRMED:
                letters += reminders.letters(row, for_client, for_host)
        mail.enqueue_all(letters)


def is_anonymous(email: str) -> bool:
    """Whether this stands for an address that was taken out."""
    return email.endswith(ANONYMOUS_DOMAIN)


def check_version(row: AnyRow, version: int | None) -> None:
    """Refuse a change that was made looking at an older version. Raises `Stale`."""
    if version is not None and version != row.version:
        raise Stale


def require_movable(row: AnyRow) -> None:
    """Raises `Gone` for a booking that is cancelled or over."""
    if status_of(row) == CANCELLED:
        raise Gone(gettext("This booking is cancelled."))
    if row.ends_at <= clock.now():
        raise Gone(gettext("This booking is over."))


def is_client(row: Any, actor: Actor | None) -> bool:
    """Whether the booking is the actor's own as client, attendee or responsible user.

    Also one that a guest made with the actor's address, once that address is proven.
    """
    if actor is None:
        return False
    if row.user_id is not None:
        return bool(row.user_id == actor.user_id)
    return actor.email_is_verified and bool(row.attendee_email == actor.email)


def is_host(row: Any, actor: Actor | None) -> bool:
    """Whether the actor decides about this appointment: its expert, or an admin."""
    return actor is not None and (actor.is_admin or actor.user_id == row.host_user_id)


def row_to_change(actor: Actor, uid: str) -> AnyRow:
    """A booking that the actor may change. Raises `NotFound`, `NotAllowed`."""
    return _row_for(actor, uid, to_change=True)


def _row_for(actor: Actor, uid: str, *, to_change: bool = False) -> AnyRow:
    row = find_row(uid)
    if row is None or row.kind == "blackout":  # that is a room's, and nobody's booking
        raise NotFound
    if to_change and _may_change(row, actor):
        return row
    if actor.is_admin or _is_party(row, actor):
        return row
    if row.kind == "reservation" and actor.is_staff:
        if to_change:
            raise NotAllowed(gettext("This reservation belongs to somebody else."))
        return row
    raise NotFound


def involving(actor: Actor) -> Any:
    """The condition on rows of this module's select: the actor's own, as far as it reaches."""
    if actor.audience != "account":
        event_id = int(actor.audience.removeprefix("agenda:"))
        return (Booking.user_id == actor.user_id) & (EventSession.event_id == event_id)
    involving = or_(
        Booking.user_id == actor.user_id,
        Booking.expert_id.in_(select(Expert.id).where(Expert.user_id == actor.user_id)),
    )
    if actor.email_is_verified:
        made_as_guest = and_(Booking.user_id.is_(None), Booking.attendee_email == actor.email)
        involving = or_(involving, made_as_guest)
    return involving


def _matching(words: str) -> Any:
    readable = (
        Booking.title,
        Booking.attendee_name,
        Booking.attendee_email,
        Expert.name,
        EventSession.title,
        Event.title,
        Room.name,
    )
    return or_(*(column.icontains(words, autoescape=True) for column in readable))


def _is_party(row: AnyRow, actor: Actor) -> bool:
    if actor.audience != "account":
        return row.user_id == actor.user_id and actor.audience == f"agenda:{row.event_id}"
    return actor.user_id == row.host_user_id or is_client(row, actor)


def _may_change(row: AnyRow, actor: Actor) -> bool:
    return actor.is_admin or _is_party(row, actor)


_Host = User.__table__.alias("host")
_Owner = User.__table__.alias("owner")


def _name(user: Any) -> Any:
    return func.trim(user.c.first_name + " " + user.c.last_name)


_ROWS: Select[*tuple[Any, ...]] = (
    select(
        Booking.id,
        Booking.uid,
        Booking.kind,
        Booking.status,
        Booking.version,
        Booking.sequence,
        Booking.title,
        Booking.starts_at,
        Booking.ends_at,
        Booking.user_id,
        Booking.location,
        Booking.meeting_url,
        Booking.attendee_name,
        Booking.attendee_email,
        Booking.attendee_phone,
        Booking.notes,
        Booking.time_zone,
        Booking.language,
        Booking.cancelled_at,
        Booking.reservation_type,
        Booking.series_id,
        Series.uid.label("series_uid"),
        Series.rule.label("series_rule"),
        Series.time_zone.label("series_time_zone"),
        Booking.event_session_id,
        Booking.event_type_id,
        Booking.expert_id,
        Booking.decide_by,
        Booking.cancelled_as,
        Booking.cancel_reason,
        Booking.manage_token_hash,
        func.coalesce(Booking.room_id, EventSession.room_id).label("room_id"),
        Room.name.label("room_name"),
        Expert.slug.label("expert_slug"),
        Expert.name.label("expert_name"),
        Expert.time_zone.label("expert_time_zone"),
        EventType.slug.label("event_type_slug"),
        EventType.title.label("event_type_title"),
        EventType.requires_approval,
        EventType.reminder_minutes,
        Event.id.label("event_id"),
        Event.slug.label("event_slug"),
        Event.title.label("event_title"),
        Event.time_zone.label("event_time_zone"),
        _Host.c.id.label("host_user_id"),
        _Host.c.email.label("host_email"),
        _Owner.c.email.label("user_email"),
        _name(_Owner).label("user_name"),
    )
    .select_from(Booking)
    .outerjoin(EventSession, EventSession.id == Booking.event_session_id)
    .outerjoin(Event, Event.id == EventSession.event_id)
    .outerjoin(Room, Room.id == func.coalesce(Booking.room_id, EventSession.room_id))
    .outerjoin(Series, Series.id == Booking.series_id)
    .outerjoin(Expert, Expert.id == Booking.expert_id)
    .outerjoin(EventType, EventType.id == Booking.event_type_id)
    .outerjoin(_Host, _Host.c.id == Expert.user_id)
    .outerjoin(_Owner, _Owner.c.id == Booking.user_id)
)

_NEW: dict[str, Any] = dict.fromkeys(str(column.key) for column in _ROWS.selected_columns) | {
    "status": CONFIRMED,
    "version": 1,
    "sequence": 0,
    "requires_approval": False,
    "reminder_minutes": [],
}
