"""The fields of an event session: new, as they are given, and as the audit log has them.

`apply` is the one place that judges what is given. It writes nothing: who calls it holds
the locks, or only looks where a change would lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext, ngettext

from app.extensions import db
from app.models import Event, EventSession, Room, Speaker, User
from app.models.booking import CONFIRMED
from app.services import audit, fields

MAX_SPEAKERS = 100
MAX_CAPACITY = 1_000_000
# The night after an event's last day belongs to it until then, local time.
NIGHT_ENDS = 6


def new_session(event: Event, guid: str) -> EventSession:
    """A session that is yet to be filled in and written."""
    texts = dict.fromkeys(("abstract", "description", "track", "language"), "")
    return EventSession(event=event, guid=guid, status=CONFIRMED, seats_taken=0, version=1, **texts)


def apply(session: EventSession, values: Mapping[str, Any], *, release_last: bool = False) -> None:
    """Change what is given of a session. Raises `InvalidInput`.

    A capacity below the seats taken is refused, unless `release_last`.
    """
    errors: fields.Errors = {}
    if "title" in values:
        session.title = fields.line(errors, "title", values["title"], maximum=300, required=True)
    for name, maximum in {"track": 200, "language": 16}.items():
        if name in values:
            setattr(session, name, fields.line(errors, name, values[name], maximum=maximum))
    for name in ("abstract", "description"):
        if name in values:
            setattr(session, name, fields.text(errors, name, values[name], maximum=20_000))
    if "room_id" in values:
        room_id = values["room_id"]
        room = db.session.get(Room, room_id) if fields.is_id(room_id) else None
        if room is None:
            errors["room_id"] = [gettext("There is no such room.")]
        else:
            session.room = room
            session.room_id = room.id
    for name in ("starts_at", "ends_at"):
        if name in values:
            if not isinstance(values[name], datetime):
                errors[name] = [gettext("This field is required.")]
            else:
                setattr(session, name, values[name])
    if not errors and session.ends_at <= session.starts_at:
        errors["ends_at"] = [gettext("The session ends before it starts.")]
    if "capacity" in values:
        _apply_capacity(errors, session, values["capacity"], release_last=release_last)
    if "speakers" in values:
        _apply_speakers(errors, session, values["speakers"])
    fields.refuse(errors)
    if "day" in values:
        session.day = values["day"]
    elif "starts_at" in values or session.day is None:
        start = session.starts_at.astimezone(ZoneInfo(session.event.time_zone))
        is_last_night = start.date() == session.event.ends_on + timedelta(days=1)
        is_last_night &= start.hour < NIGHT_ENDS
        session.day = session.event.ends_on if is_last_night else start.date()


def _apply_capacity(
    errors: fields.Errors, session: EventSession, value: object, *, release_last: bool
) -> None:
    if value is None:
        if session.seats_taken:
            errors["capacity"] = [
                ngettext(
                    "%(num)d seat is taken: free entry would leave them behind.",
                    "%(num)d seats are taken: free entry would leave them behind.",
                    session.seats_taken,
                )
            ]
        session.capacity = None
        return
    capacity = fields.number(errors, "capacity", value, minimum=0, maximum=MAX_CAPACITY)
    if "capacity" not in errors and capacity < session.seats_taken and not release_last:
        taken = session.seats_taken
        errors["capacity"] = [
            ngettext("%(num)d seat is taken.", "%(num)d seats are taken.", taken),
            gettext(
                "Release the last %(number)s with it, or cancel some first.",
                number=taken - capacity,
            ),
        ]
    session.capacity = capacity


def _apply_speakers(errors: fields.Errors, session: EventSession, value: object) -> None:
    if not isinstance(value, list) or len(value) > MAX_SPEAKERS:
        errors["speakers"] = [
            gettext("Give a list of at most %(maximum)s speakers.", maximum=MAX_SPEAKERS)
        ]
        return
    speakers = []
    for position, each in enumerate(value):
        name = each.get("name") if isinstance(each, dict) else None
        user_id = each.get("user_id") if isinstance(each, dict) else None
        name = fields.line(errors, "speakers", name, maximum=200, required=True)
        if user_id is not None and not (fields.is_id(user_id) and db.session.get(User, user_id)):
            errors["speakers"] = [gettext("There is no such user.")]
        speakers.append(Speaker(position=position, name=name, user_id=user_id))
    if "speakers" not in errors and listed(speakers) != listed(session.speakers):
        session.speakers = speakers


def listed(speakers: Iterable[Speaker]) -> list[tuple[str, int | None]]:
    """Speakers as they are given."""
    return [(each.name, each.user_id) for each in speakers]


def told(session: EventSession) -> dict[str, Any]:
    """What the audit log says of a session; its seats have entries of their own."""
    told = audit.snapshot(session) | {"speakers": [each.name for each in session.speakers]}
    del told["seats_taken"]
    return told
