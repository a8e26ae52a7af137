"""Admission: an event's QR code, the people on its list, and who may come in.

The QR code names the event and nothing else. Attendees are known by address; staff
check them in at the door. What an admission opens, the agenda and its seats, is asked
of `is_admitted`, by whatever reads or books there.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext, lazy_gettext
from sqlalchemy import Select, exists, func, or_, select, update

from app.extensions import db
from app.models import Attendee, Event, EventCode, EventSession
from app.models.booking import CONFIRMED
from app.services import accounts, audit, clock, events, fields
from app.services.bookings import Page
from app.services.clock import rfc3339
from app.services.errors import Gone, InvalidInput, NotAllowed, NotFound
from app.services.policy import ACCOUNT, Actor, may_attend, require_admin, require_staff
from app.services.transaction import transactional

OPEN = "open"
MAX_NAME = 128
MAX_EXTERNAL_ID = 100
MAX_CHECKED_IN_AT_ONCE = 1000

TAKEN = lazy_gettext("Somebody else on the list has this.")

# Read from paper and typed into phones: none that looks like another.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE_LENGTH = 10
_BADGE_LENGTH = 14


# -- the event's QR code ---------------------------------------------------------------


def find_event(qr: str) -> Event:
    """The event that a scanned code names.

    Raises `NotFound` for a code that never was, `Gone` for one that was replaced and
    for an event that is over: its last day has passed where it is, and so have its
    sessions, of which some end after midnight.
    """
    row = db.session.execute(
        select(Event, EventCode.ended_at, _LAST_END.label("last_end"))
        .join(EventCode, EventCode.event_id == Event.id)
        .where(EventCode.code == qr.strip().lower())
    ).one_or_none()
    if row is None:
        raise NotFound
    event: Event = row.Event
    if row.ended_at is not None:
        raise Gone(
            gettext("This code was replaced by another. Please scan the one at the entrance.")
        )
    now = clock.now()
    has_sessions_left = row.last_end is not None and row.last_end > now
    today = now.astimezone(ZoneInfo(event.time_zone)).date()
    if today > event.ends_on and not has_sessions_left:
        raise Gone(gettext("%(title)s is over.", title=event.title))
    return event


@transactional
def qr_code(event: Event) -> str:
    """The current code of the event, made when it is asked for the first time.

    Making one locks the event against another that does.
    """
    found = _current_code(event.id)
    if found is None:
        lock_list(event)
        found = _current_code(event.id) or _new_code(event.id)
    return found


@transactional
def rotate_code(actor: Actor | None, slug: str) -> str:
    """End the event's code and begin another; who is in stays in. For admins.

    Locks the event. Raises `NotAllowed`, `NotFound`.
    """
    actor = require_admin(actor)
    event = events.get_event(slug)
    lock_list(event)
    db.session.execute(
        update(EventCode)
        .where(EventCode.event_id == event.id, EventCode.ended_at.is_(None))
        .values(ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    audit.record(actor, "rotate_code", "event", event.id, slug=slug)
    return _new_code(event.id)


def qr_url(event: Event) -> str:
    """What the event's QR code says."""
    return f"{current_app.config['PUBLIC_URL']}/q/{qr_code(event)}"


def badge_url(badge: str) -> str:
    """What the QR code of a badge says."""
    return f"{current_app.config['PUBLIC_URL']}/check-in/badge/{badge}"


def _current_code(event_id: int) -> str | None:
    return db.session.scalar(
        select(EventCode.code).where(EventCode.event_id == event_id, EventCode.ended_at.is_(None))
    )


def _new_code(event_id: int) -> str:
    code = _random_id(_CODE_LENGTH)
    db.session.add(EventCode(code=code, event_id=event_id, created_at=clock.now()))
    db.session.flush()
    return code


# -- who may come in -------------------------------------------------------------------


def find_attendee(event: Event, email: str) -> Attendee | None:
    """Who is on the event's list with this address."""
    return db.session.scalars(
        select(Attendee).where(Attendee.event_id == event.id, Attendee.email == email)
    ).one_or_none()


def admits(event: Event, attendee: Attendee | None) -> bool:
    """Whether somebody may come in who proves an address; `attendee` has it, or nobody."""
    return event.admission == OPEN or bool(attendee and attendee.checked_in_at)


def address(errors: fields.Errors, name: str, value: object) -> str:
    """An address that an account can be made with."""
    email = fields.email(errors, name, value)
    if name not in errors and len(email) > accounts.MAX_EMAIL:
        errors[name] = [fields.too_long(accounts.MAX_EMAIL)]
    return email


def is_admitted(actor: Actor, event_id: int, admission: str) -> bool:
    """Whether this sign-in reads the agenda of an event that is not public, and books there.

    An agenda's sign-in reaches its own event; whoever gave it was convinced then. An
    account reaches every open event, and others if its address, proven, is checked in.
    Staff reach all.
    """
    if not may_attend(actor, event_id):
        return False
    if actor.audience != ACCOUNT or actor.is_staff or admission == OPEN:
        return True
    return actor.email_is_verified and _is_checked_in(event_id, actor.email)


def require_admitted(actor: Actor, event_id: int, admission: str, *, public: bool) -> None:
    """Raise unless `is_admitted`: `NotFound`, or why, where the event is nothing to hide."""
    if is_admitted(actor, event_id, admission):
        return
    if public and actor.audience == ACCOUNT:
        raise NotAllowed(
            gettext(
                "Seats are for those who are checked in. Check in at the door, then scan the code there."
            )
        )
    raise NotFound


def agenda_audience(event_id: int) -> str:
    """The audience of a sign-in that reaches this event's agenda only."""
    return f"agenda:{event_id}"


def _is_checked_in(event_id: int, email: str) -> bool:
    found = select(
        exists().where(
            Attendee.event_id == event_id,
            Attendee.email == email,
            Attendee.checked_in_at.is_not(None),
        )
    )
    return bool(db.session.scalar(found))


# -- the list of attendees -------------------------------------------------------------


def describe(attendee: Attendee) -> dict[str, Any]:
    """An attendee, as staff see one."""
    return {
        "id": attendee.id,
        "name": attendee.name,
        "email": attendee.email,
        "external_id": attendee.external_id,
        "badge": attendee.badge,
        "checked_in_at": rfc3339(attendee.checked_in_at) if attendee.checked_in_at else None,
    }


def list_attendees(
    actor: Actor | None, slug: str, query: str = "", *, page: int, page_size: int
) -> Page:
    """The attendees of an event by name; each word of `query` is in the name or address.

    Raises `NotAllowed` for others than staff, `NotFound`.
    """
    require_staff(actor)
    listed = _listed(events.get_event(slug), query)
    total = db.session.scalar(select(func.count()).select_from(listed.subquery())) or 0
    found = db.session.scalars(listed.limit(page_size).offset((page - 1) * page_size))
    return Page([describe(attendee) for attendee in found], page, page_size, total)


def list_badges(actor: Actor | None, slug: str, query: str = "") -> list[tuple[str, str]]:
    """Name, or address where there is none, and badge URL of the same attendees."""
    require_staff(actor)
    found = db.session.scalars(_listed(events.get_event(slug), query))
    return [(str(attendee), badge_url(attendee.badge)) for attendee in found]


def count_attendees(actor: Actor | None, slug: str) -> tuple[int, int]:
    """How many are checked in, and how many are on the list."""
    require_staff(actor)
    row = db.session.execute(
        select(func.count(Attendee.checked_in_at), func.count(Attendee.id))
        .join(Event, Event.id == Attendee.event_id)
        .where(Event.slug == slug)
    ).one()
    return row[0], row[1]


def find_by_badge(actor: Actor | None, badge: str) -> tuple[Attendee, Event]:
    """Whose badge this is, and of which event. Raises `NotAllowed`, `NotFound`."""
    require_staff(actor)
    attendee = db.session.scalars(
        select(Attendee).where(Attendee.badge == badge.strip().lower())
    ).one_or_none()
    if attendee is None:
        raise NotFound(gettext("Nobody has this badge."))
    return attendee, attendee.event


@transactional
def add_attendee(
    actor: Actor | None, slug: str, *, name: str, email: str, external_id: str = ""
) -> Attendee:
    """Put somebody on the list; who is on it stays as they are. For staff.

    Locks the event against others who add. Raises `InvalidInput` (also for an external
    id that somebody else has, or that somebody on the list would have to take),
    `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    event = events.get_event(slug)
    errors: fields.Errors = {}
    name = fields.line(errors, "name", name, maximum=MAX_NAME)
    email = address(errors, "email", email)
    external_id = fields.line(errors, "external_id", external_id, maximum=MAX_EXTERNAL_ID)
    fields.refuse(errors)
    lock_list(event)
    known = db.session.scalars(_among(event.id, [email])).one_or_none()
    if known:
        if external_id and external_id != known.external_id:
            raise InvalidInput({"email": [gettext("This person is on the list already.")]})
        return known
    attendee = new_attendee(event.id, email, name)
    attendee.external_id = external_id or None
    if is_taken(attendee, "external_id"):
        raise InvalidInput({"external_id": [TAKEN]})
    db.session.add(attendee)
    db.session.flush()
    audit.record_creation(actor, "attendee", attendee.id, audit.snapshot(attendee))
    return attendee


def is_taken(attendee: Attendee, name: str) -> bool:
    """Whether somebody else on the list has the `email` or `external_id` of this one."""
    value = getattr(attendee, name)
    if value is None:
        return False
    column = getattr(Attendee, name)
    other = select(Attendee.id).where(
        Attendee.event_id == attendee.event_id, column == value, Attendee.id != attendee.id
    )
    return db.session.scalar(other) is not None


@transactional
def check_in(actor: Actor | None, slug: str, emails: Collection[str]) -> list[Attendee]:
    """Check people in, putting those on the list who are not. For staff.

    Checking in twice is once: the first time stands. Locks the event against others who
    add attendees, then the attendees by id. Raises `InvalidInput`, `NotAllowed`,
    `NotFound`.
    """
    actor = require_staff(actor)
    event = events.get_event(slug)
    wanted = _addresses(emails)
    lock_list(event)
    known = set(
        db.session.scalars(
            select(Attendee.email).where(Attendee.event_id == event.id, Attendee.email.in_(wanted))
        )
    )
    db.session.add_all(new_attendee(event.id, email) for email in wanted if email not in known)
    db.session.flush()
    found = list(db.session.scalars(_among(event.id, wanted).with_for_update()))
    for attendee in found:
        _admit(actor, attendee)
    return found


@transactional
def check_in_badge(
    actor: Actor | None, badge: str, *, slug: str | None = None
) -> tuple[Attendee, bool]:
    """Check in whose badge this is; returns who, and whether they were in already.

    `slug` is the event at whose door it is shown. Locks the attendee. Raises
    `InvalidInput` for the badge of another event, `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    attendee, event = find_by_badge(actor, badge)
    if slug is not None and event.slug != slug:
        whose = gettext("This badge is for %(event)s.", event=event.title)
        raise InvalidInput({"badge": [whose]})
    db.session.refresh(attendee, with_for_update={"of": Attendee})
    was_in = attendee.checked_in_at is not None
    _admit(actor, attendee)
    return attendee, was_in


@transactional
def undo_check_in(actor: Actor | None, slug: str, attendee_id: int) -> Attendee:
    """Take a check-in back; undoing twice is once. Who is signed in already stays so.

    Locks the attendee. Raises `NotAllowed`, `NotFound`.
    """
    actor = require_staff(actor)
    event = events.get_event(slug)
    attendee = db.session.scalars(
        select(Attendee)
        .where(Attendee.id == attendee_id, Attendee.event_id == event.id)
        .with_for_update()
    ).one_or_none()
    if attendee is None:
        raise NotFound
    if attendee.checked_in_at is not None:
        attendee.checked_in_at = attendee.checked_in_by = None
        audit.record(actor, "undo_check_in", "attendee", attendee.id, event_id=event.id)
    return attendee


# -- shared with the import of lists ---------------------------------------------------


def new_attendee(
    event_id: int, email: str, name: str = "", external_id: str | None = None
) -> Attendee:
    """Somebody with a badge of their own, not on the list yet."""
    return Attendee(
        event_id=event_id,
        email=email,
        name=name,
        external_id=external_id,
        badge=_random_id(_BADGE_LENGTH),
        created_at=clock.now(),
    )


def lock_list(event: Event) -> None:
    """Let nobody else add attendees, or codes, to the event until the transaction ends."""
    # Rows that refer to the event may still be written: sessions, codes, seats.
    db.session.execute(select(Event.id).where(Event.id == event.id).with_for_update(key_share=True))


def _admit(actor: Actor, attendee: Attendee) -> None:
    if attendee.checked_in_at is None:
        attendee.checked_in_at = clock.now()
        attendee.checked_in_by = actor.user_id or None  # the command line has no account
        audit.record(actor, "check_in", "attendee", attendee.id, event_id=attendee.event_id)


def _listed(event: Event, query: str) -> Select[Attendee]:
    listed = select(Attendee).where(Attendee.event_id == event.id)
    for word in query.split():
        listed = listed.where(
            or_(
                Attendee.name.icontains(word, autoescape=True),
                Attendee.email.icontains(word, autoescape=True),
            )
        )
    return listed.order_by(func.lower(Attendee.name), Attendee.email, Attendee.id)


def _addresses(emails: Collection[str]) -> list[str]:
    if not 0 < len(emails) <= MAX_CHECKED_IN_AT_ONCE:
        how_many = gettext("Between 1 and %(maximum)s addresses.", maximum=MAX_CHECKED_IN_AT_ONCE)
        raise InvalidInput({"emails": [how_many]})
    found = set()
    for email in emails:
        errors: fields.Errors = {}
        found.add(address(errors, "emails", email))
        if errors:
            raise InvalidInput({"emails": [f"{email}: {' '.join(errors['emails'])}"]})
    return sorted(found)


def _among(event_id: int, emails: Iterable[str]) -> Select[Attendee]:
    return (
        select(Attendee)
        .where(Attendee.event_id == event_id, Attendee.email.in_(list(emails)))
        .order_by(Attendee.id)
        .execution_options(populate_existing=True)
    )


def _random_id(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


_LAST_END = (
    select(func.max(EventSession.ends_at))
    .where(EventSession.event_id == Event.id, EventSession.status == CONFIRMED)
    .correlate(Event)
    .scalar_subquery()
)
