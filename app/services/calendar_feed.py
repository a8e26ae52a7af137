"""Calendar feeds: a person's bookings, for calendar programs that sign in to nothing.

Whoever has the link reads the feed, so it holds 256 random bits, of which only SHA-256
is kept: it is shown once, to the person who asked. A feed is of everything that an
account's sign-in reaches, or of the seats at one event, which an agenda's sign-in may
share too. It shows who meets whom, but nobody's address, phone number or notes.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from flask import current_app
from flask_babel import gettext
from sqlalchemy import delete, insert, select

from app.extensions import db
from app.models import Booking, CalendarFeed, Event, User
from app.models.booking import CONFIRMED
from app.models.types import AnyRow
from app.models.user import full_name
from app.services import (
    agenda,
    audit,
    bookings,
    clock,
    events,
    icalendar_export,
    languages,
    settings,
)
from app.services.errors import NotFound
from app.services.policy import (
    ACCOUNT,
    Actor,
    may_attend,
    require_account,
    require_signed_in,
)
from app.services.transaction import transactional

KEPT_AFTER_END = timedelta(days=90)  # what is over stays in the feed for so long
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as it reads now; `body` is None for a reader who knows this `etag`."""

    etag: str
    body: bytes | None


@transactional
def share(actor: Actor | None, event_slug: str | None = None) -> str:
    """Begin a feed and return its token: of everything, or of the seats at one event.

    The one that there was ends. Locks the user's row, so that of two at once the later
    one stands. Raises `NotAllowed` for everything with an agenda's sign-in, `NotFound`
    for an event whose agenda the actor may not read.
    """
    actor, event_id = _scope(actor, event_slug)
    db.session.execute(select(User.id).where(User.id == actor.user_id).with_for_update())
    _end(actor.user_id, event_id)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    db.session.execute(
        insert(CalendarFeed).values(
            user_id=actor.user_id,
            event_id=event_id,
            token_hash=_hash(token),
            created_at=clock.now(),
        )
    )
    audit.record(actor, "share_calendar", "user", actor.user_id, event_id=event_id)
    return token


@transactional
def stop_sharing(actor: Actor | None, event_slug: str | None = None) -> None:
    """End the feed, if there is one: its link leads nowhere. Raises as `share` does."""
    actor, event_id = _scope(actor, event_slug)
    if _end(actor.user_id, event_id):
        audit.record(actor, "stop_sharing_calendar", "user", actor.user_id, event_id=event_id)


def shared_since(actor: Actor | None, event_slug: str | None = None) -> datetime | None:
    """When the actor's feed began; None where nothing is shared. Raises as `share` does."""
    actor, event_id = _scope(actor, event_slug)
    return db.session.scalar(
        select(CalendarFeed.created_at).where(
            CalendarFeed.user_id == actor.user_id,
            CalendarFeed.event_id.is_not_distinct_from(event_id),
        )
    )


def read_feed(token: str, known: Collection[str] = ()) -> Feed:
    """The feed of a link, without body when its ETag is among the `known` ones.

    Raises `NotFound` for a link that was ended or never was, and for a deactivated user.
    """
    row = _find(token)
    if row is None:
        raise NotFound(
            gettext("There is no such calendar. Its link may have been replaced or ended.")
        )
    shown = [_discreet(each) for each in _bookings_of(row)]
    name = row.event_title or _name(row)
    language = languages.known(row.language) or languages.current().code
    # DTSTAMP is the time of writing, so the ETag is made of what is written otherwise.
    etag = sha256(orjson.dumps([name, shown, language])).hexdigest()[:32]
    if etag in known:
        return Feed(etag, None)
    with languages.speaking(language):
        return Feed(etag, icalendar_export.feed(shown, name))


def feed_url(token: str) -> str:
    """Where calendar programs read the feed."""
    return f"{current_app.config['PUBLIC_URL']}/calendar/{token}.ics"


def webcal_url(token: str) -> str:
    """The same for the scheme that opens a calendar program."""
    return "webcal" + feed_url(token).removeprefix("https").removeprefix("http")


def _scope(actor: Actor | None, event_slug: str | None) -> tuple[Actor, int | None]:
    """Who shares, and the event whose seats; None for everything."""
    if event_slug is None:
        return require_account(actor), None
    actor = require_signed_in(actor)
    agenda.topic_version(actor, event_slug)  # raises for who may not read it
    event = events.get_event(event_slug)
    if not may_attend(actor, event.id):
        raise NotFound
    return actor, event.id


def _end(user_id: int, event_id: int | None) -> bool:
    ended = db.session.execute(
        delete(CalendarFeed)
        .where(
            CalendarFeed.user_id == user_id, CalendarFeed.event_id.is_not_distinct_from(event_id)
        )
        .returning(CalendarFeed.id)
        .execution_options(synchronize_session=False)
    )
    return ended.one_or_none() is not None


def _find(token: str) -> AnyRow | None:
    return db.session.execute(
        select(
            CalendarFeed.user_id,
            CalendarFeed.event_id,
            Event.title.label("event_title"),
            User.first_name,
            User.last_name,
            User.email,
            User.language,
        )
        .join(User, User.id == CalendarFeed.user_id)
        .outerjoin(Event, Event.id == CalendarFeed.event_id)
        .where(CalendarFeed.token_hash == _hash(token), User.active.is_(True))
    ).one_or_none()


def _bookings_of(row: AnyRow) -> list[dict[str, Any]]:
    """What the feed's owner would read, with a sign-in of the feed's reach."""
    owner = Actor(
        user_id=row.user_id,
        calendar_id=0,
        name=full_name(row.first_name, row.last_name),
        email=row.email,
        audience=ACCOUNT if row.event_id is None else f"agenda:{row.event_id}",
    )
    found = bookings.find_rows(
        bookings.involving(owner),
        Booking.status == CONFIRMED,
        Booking.ends_at > clock.now() - KEPT_AFTER_END,
    )
    return [
        bookings.describe(each, owner) for each in sorted(found, key=lambda each: each.starts_at)
    ]


def _discreet(booking: dict[str, Any]) -> dict[str, Any]:
    """The booking without what a link that wanders must not tell of another person."""
    attendee = booking.pop("attendee", None)
    return booking | ({"attendee": {"name": attendee["name"]}} if attendee else {})


def _name(row: AnyRow) -> str:
    person = full_name(row.first_name, row.last_name)
    return f"{settings.current().product_name}: {person}"


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
