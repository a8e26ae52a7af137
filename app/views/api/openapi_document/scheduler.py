"""The scheduler: rooms, what occupies them, when they are closed."""

from __future__ import annotations

from app.models.booking import RESERVATION_TYPES
from app.services.day_copies import WHOSE
from app.views.api.openapi_document.builders import (
    Schema,
    listed,
    nullable,
    obj,
    one_of,
    ref,
    text,
    whole,
)
from app.views.api.openapi_document.fields import (
    CLOCK,
    CONFLICT,
    DATE,
    EMAIL,
    FLAG,
    ID,
    INSTANT,
    PERIOD,
    UID,
    UTC,
    VERSION,
    ZONE,
)
from app.views.api.openapi_document.operations import PAGING, operation, paged, public, read
from app.views.api.openapi_document.reservations import BATCH

MONTH_PATTERN = r"^\d{4}-\d\d$"
OCCUPANT = {
    **PERIOD,
    "kind": one_of("reservation", "appointment", "event_session", "blackout"),
    "title": text(description="`Busy` for what the reader may not know."),
    "mine": FLAG,
    "eventId": ID,
    "event_type": nullable(one_of(*RESERVATION_TYPES)),
    "uid": UID,
    "version": VERSION,
    "owner": nullable(text()) | {"description": "For staff, as all that follows."},
    "responsible_user_id": ID,
    "editable": FLAG,
    "series": nullable(ref("Series")),
    "event_session_id": ID,
    "event": text(),
}
_ALWAYS = {"starts_at", "ends_at", "kind", "title", "mine"}
_IN_DAY = obj(set(OCCUPANT) - _ALWAYS, **OCCUPANT, start=CLOCK, end=CLOCK)
_ROOM_DAY = {
    "minutes": whole(0) | {"description": "How long the day is, in minutes."},
    "busy_minutes": whole(0),
    "hours": listed(
        obj(
            hour=whole(0, 23),
            run=whole(0, 1) | {"description": "1 for the second run of a doubled hour."},
            offset=text(examples=["+01:00"]),
            start_minute=whole(0, 59),
            end_minute=whole(1, 60),
            **PERIOD,
            busy_minutes=whole(0, 60),
        )
    ),
    "busy": listed(_IN_DAY),
}

SCHEMAS: dict[str, Schema] = {
    "RoomDay": obj(
        room=ref("Room"), date=DATE, time_zone=ZONE, version=VERSION, busy=listed(_IN_DAY)
    ),
    "RoomsDay": obj(
        date=DATE,
        today=DATE,
        rooms=listed(obj(room=ref("Room"), version=VERSION, time_zone=ZONE, **_ROOM_DAY)),
    ),
    "RoomWeek": obj(
        room=ref("Room"),
        version=VERSION,
        time_zone=ZONE,
        first=DATE,
        today=DATE,
        days=listed(obj(date=DATE, **_ROOM_DAY)),
    ),
    "RoomsMonth": obj(
        month=text(pattern=MONTH_PATTERN),
        first=DATE,
        last=DATE,
        today=DATE,
        days=listed(
            obj(
                date=DATE,
                is_past=FLAG,
                minutes=whole(0),
                busy_minutes=whole(0),
                count=whole(0),
                mine=whole(0),
                fullness={"type": "number", "minimum": 0, "maximum": 1},
            )
        ),
    ),
    "RoomDisplay": obj(
        room=ref("Room"),
        version=VERSION,
        date=DATE,
        time_zone=ZONE,
        now_at=UTC,
        now=nullable(ref("Occupant")),
        next=nullable(ref("Occupant")),
        free_until=nullable(UTC),
        busy_until=nullable(UTC),
        today=listed(ref("Occupant")),
    ),
    "Occupant": obj(set(OCCUPANT) - _ALWAYS, **OCCUPANT),
}

PATHS: dict[str, dict[str, Schema]] = {
    "/api/rooms/{room_id}/minutes": {
        "get": public(
            "What occupies a room on a local day, today by default",
            ref("RoomDay"),
            query={"date": DATE},
            refusals=["not_found"],
        )
    },
    "/api/rooms/{room_id}/display": {
        "get": public(
            "What a screen at a room's door shows: now, next, free until",
            ref("RoomDisplay"),
            refusals=["not_found"],
        )
    },
    "/api/scheduler/month": {
        "get": read(
            "How full each day of a month is, of one room or of all; for staff",
            ref("RoomsMonth"),
            query={"month": text(pattern=MONTH_PATTERN), "room_id": ID},
            required=["month"],
            refusals=["not_found"],
        )
    },
    "/api/scheduler/day": {
        "get": read(
            "A day of all rooms beside each other, today by default; for staff",
            ref("RoomsDay"),
            query={"date": DATE, "room_id": ID},
            refusals=["not_found"],
        )
    },
    "/api/scheduler/week": {
        "get": read(
            "A week of one room, from Monday on or from another `first_weekday`; for staff",
            ref("RoomWeek"),
            query={"room_id": ID, "date": DATE, "first_weekday": whole(0, 6)},
            required=["room_id"],
            refusals=["not_found"],
        )
    },
    "/api/scheduler/people": {
        "get": read(
            "Who can be responsible; for admins",
            obj(items=listed(obj(id=ID, name=text(), email=EMAIL))),
        )
    },
    "/api/scheduler/copy": {
        "post": operation(
            "Copy a day's reservations to another day, at the same local times; others' by"
            " admins. With dry_run nothing is written",
            {
                201: obj(bookings=listed(ref("Booking")), skipped=listed(ref("Copy"))),
                200: obj(items=listed(ref("Copy")), free=whole(0), conflicting=whole(0)),
            },
            body=obj(
                {"room_id", "whose", *BATCH},
                **{"from": DATE, "to": DATE},
                room_id=ID,
                whose=one_of(*WHOSE),
                **BATCH,
            ),
            refusals=["not_found", "overlap"],
            idempotent=True,
        )
    },
    "/api/rooms/{room_id}/blackouts": {
        "get": read(
            "When a room is closed, from now on; for staff",
            obj(items=listed(ref("Blackout"))),
            refusals=["not_found"],
        ),
        "post": operation(
            "Close a room for a while; what is booked has to go first; for admins. With"
            " dry_run nothing is written",
            {
                201: obj(blackout=ref("Blackout")),
                200: obj(blackout=ref("Blackout"), conflicts=listed(CONFLICT)),
            },
            body=obj(
                {"dry_run"}, starts_at=INSTANT, ends_at=INSTANT, reason=text(300), dry_run=FLAG
            ),
            refusals=["not_found", "overlap"],
            idempotent=True,
        ),
    },
    "/api/blackouts/{uid}": {
        "delete": operation(
            "Open the room again; twice is once; for admins",
            {204: None},
            refusals=["not_found", "gone"],
        )
    },
    "/api/scheduler/export.csv": {
        "get": read(
            "What occupies rooms, as a table; both days included, a year at most; for staff",
            "text/csv",
            query={"from": DATE, "to": DATE, "room_id": ID},
            required=["from", "to"],
            refusals=["not_found"],
        )
    },
    "/api/rooms": {
        "get": public("Rooms, by name", paged(ref("Room")), query=PAGING),
        "post": operation(
            "Add a room; for admins",
            {201: obj(room=ref("Room"))},
            body=obj(
                {"capacity", "time_zone"},
                name=text(128),
                capacity=nullable(whole(1)),
                time_zone=nullable(ZONE),
            ),
        ),
    },
}
