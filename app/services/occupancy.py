"""What occupies rooms, whichever face put it there, and how much of it a viewer may see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import tzinfo
from typing import Any

from flask_babel import lazy_gettext
from sqlalchemy import Select, func, select

from app.extensions import db
from app.models import Booking, BusyPeriod, Calendar, Event, EventSession, Expert, Series, User
from app.models.interval import Interval, overlapping
from app.models.types import AnyRow
from app.services import local_days
from app.services.clock import rfc3339
from app.services.policy import Actor
from app.services.transaction import execute

PRIVATE_TITLE = lazy_gettext("Busy")


def sees_names(viewer: Actor | None) -> bool:
    """Whether the viewer is staff, who see whose time it is; a password must not be owed."""
    return viewer is not None and viewer.is_staff and not viewer.must_change_password


def may_change(viewer: Actor | None, owner_id: int | None) -> bool:
    """Whether the viewer may change the reservation of this user."""
    if viewer is None or not sees_names(viewer):
        return False
    return viewer.is_admin or viewer.user_id == owner_id


def list_occupants(window: Interval, room_ids: Collection[int] | None = None) -> list[AnyRow]:
    """Busy periods of rooms that touch `window`, by room and start; all rooms' without ids.

    One query, whatever it finds.
    """
    query = _OCCUPANTS.where(
        overlapping(BusyPeriod.starts_at, BusyPeriod.ends_at, window.starts_at, window.ends_at)
    )
    if room_ids is not None:
        query = query.where(Calendar.room_id.in_(list(room_ids)))
    return list(execute(query))


def calendar_version(room_id: int) -> int:
    """The version of the topic `room:<id>`. Read it before what it stands for."""
    version = db.session.scalar(select(Calendar.version).where(Calendar.room_id == room_id))
    return version or 0


def describe_day(
    rows: Iterable[AnyRow], whole: Interval, zone: tzinfo, viewer: Actor | None
) -> list[dict[str, Any]]:
    """What touches a whole local day, each with `start` and `end` within it as clocks show them."""
    described = []
    for row in rows:
        if whole.overlaps(Interval(row.starts_at, row.ends_at)):
            shown = describe(row, viewer)
            shown["start"], shown["end"] = local_days.clock_span(
                row.starts_at, row.ends_at, whole, zone
            )
            described.append(shown)
    return described


def describe(row: AnyRow, viewer: Actor | None) -> dict[str, Any]:
    """One occupant as `viewer` may see it.

    Everybody: when, of what kind, and titles of reservations, closures and public
    sessions. Staff: all titles, and whose it is; `editable` says whether they may change
    it, which only reservations can be.
    """
    staff = sees_names(viewer)
    is_session = row.booking_id is None
    kind = "event_session" if is_session else row.kind
    is_public = kind in {"reservation", "blackout"} or (is_session and row.event_is_public)
    shown: dict[str, Any] = {
        "starts_at": rfc3339(row.starts_at),
        "ends_at": rfc3339(row.ends_at),
        "kind": kind,
        "title": row.title if staff or is_public else str(PRIVATE_TITLE),
        "mine": viewer is not None and viewer.user_id in {row.user_id, row.host_user_id},
    }
    if kind == "reservation":
        shown["eventId"] = row.booking_id
        shown["event_type"] = row.reservation_type
    if not staff:
        return shown
    if kind == "reservation":
        shown |= {
            "uid": row.uid,
            "version": row.version,
            "owner": row.user_name,
            "responsible_user_id": row.user_id,
            "editable": may_change(viewer, row.user_id),
            "series": series_of(row),
        }
    elif kind == "appointment":
        shown["owner"] = row.expert_name
    elif kind == "blackout":
        shown["uid"] = row.uid
    else:
        shown |= {"event_session_id": row.event_session_id, "event": row.event_title}
    return shown


def series_of(row: AnyRow) -> dict[str, Any] | None:
    """The series that a reservation is an occurrence of, from `series_` columns of a row."""
    if row.series_id is None:
        return None
    return {"uid": row.series_uid, "rule": row.series_rule, "time_zone": row.series_time_zone}


_Owner = User.__table__.alias("owner")

_OCCUPANTS: Select[*tuple[Any, ...]] = (
    select(
        Calendar.room_id,
        BusyPeriod.starts_at,
        BusyPeriod.ends_at,
        BusyPeriod.booking_id,
        BusyPeriod.event_session_id,
        Booking.uid,
        Booking.kind,
        Booking.version,
        Booking.user_id,
        Booking.reservation_type,
        Booking.series_id,
        Series.uid.label("series_uid"),
        Series.rule.label("series_rule"),
        Series.time_zone.label("series_time_zone"),
        func.coalesce(Booking.title, EventSession.title).label("title"),
        func.trim(_Owner.c.first_name + " " + _Owner.c.last_name).label("user_name"),
        Expert.name.label("expert_name"),
        Expert.user_id.label("host_user_id"),
        Event.title.label("event_title"),
        Event.public.label("event_is_public"),
    )
    .select_from(BusyPeriod)
    .join(Calendar, Calendar.id == BusyPeriod.calendar_id)
    .outerjoin(Booking, Booking.id == BusyPeriod.booking_id)
    .outerjoin(Series, Series.id == Booking.series_id)
    .outerjoin(_Owner, _Owner.c.id == Booking.user_id)
    .outerjoin(Expert, Expert.id == Booking.expert_id)
    .outerjoin(EventSession, EventSession.id == BusyPeriod.event_session_id)
    .outerjoin(Event, Event.id == EventSession.event_id)
    .where(Calendar.room_id.is_not(None))
    .order_by(Calendar.room_id, BusyPeriod.starts_at)
)
