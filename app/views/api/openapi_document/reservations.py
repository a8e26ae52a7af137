"""Reservations of rooms, by minutes of an hour and of any length, repeated and copied."""

from __future__ import annotations

from app.models.booking import RESERVATION_TYPES
from app.services.day_copies import REASONS
from app.services.series import SCOPES
from app.views.api.openapi_document.builders import (
    Schema,
    listed,
    nullable,
    obj,
    one_of,
    patch,
    ref,
    text,
    whole,
)
from app.views.api.openapi_document.fields import (
    CONFLICT,
    DATE,
    FLAG,
    ID,
    INSTANT,
    NAMED,
    PERIOD,
    UID,
    UTC,
    VERSION,
    ZONE,
)
from app.views.api.openapi_document.operations import operation, public, query_or_json

RULE = text(
    300,
    description="RRULE (RFC 5545): FREQ of DAILY or WEEKLY, INTERVAL, BYDAY, COUNT or UNTIL",
    examples=["FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10"],
)
RESERVATION = {
    "room_id": ID,
    "starts_at": INSTANT,
    "ends_at": INSTANT,
    "title": text(300),
    "event_type": nullable(one_of(*RESERVATION_TYPES)),
    "responsible_user_id": ID,
}
HOUR = {"hour": whole(0, 23), "startMinute": whole(0, 59), "endMinute": whole(1, 60)}
NEW_HOUR = {f"new{name[0].upper()}{name[1:]}": schema for name, schema in HOUR.items()}

SCHEMAS: dict[str, Schema] = {
    "Occurrence": obj(
        {"uid", "missing"},
        uid=UID,
        **PERIOD,
        conflicts=listed(CONFLICT),
        missing=FLAG | {"description": "The clocks of that day skip this time."},
    ),
    "Copy": obj(
        title=text(),
        room=NAMED,
        responsible_user=NAMED,
        starts_at=nullable(UTC),
        ends_at=nullable(UTC),
        why=nullable(one_of(*REASONS))
        | {"description": "`missing`: the clocks of that day skip this time; `left`: the user."},
        conflicts=listed(CONFLICT),
    ),
    "Blackout": obj(uid=nullable(UID), room=NAMED, **PERIOD, reason=text()),
    "Preview": obj(occurrences=listed(ref("Occurrence")), free=whole(0), conflicting=whole(0)),
    "Series": obj(uid=UID, rule=RULE, time_zone=ZONE),
    "HourEvent": obj(
        {"responsibleUserId", "version"},
        eventId=ID,
        date=DATE,
        hour=whole(0, 23),
        startMinute=whole(0, 59),
        endMinute=whole(1, 60),
        title=text(),
        eventType=nullable(one_of(*RESERVATION_TYPES)),
        room=ID,
        startsAt=UTC,
        endsAt=UTC,
        responsibleUserId=ID | {"description": "For staff."},
        version=VERSION | {"description": "For staff."},
    ),
    "HourSchedule": obj(
        days=listed(
            obj(
                date=DATE,
                hours=listed(obj(hour=whole(0, 23), bookings=listed(ref("HourEvent")))),
            )
        )
    ),
}
BATCH = {
    "skip_conflicts": FLAG | {"description": "Leave out what is taken, instead of all."},
    "dry_run": FLAG,
}
SCOPE = one_of(*SCOPES)
RESERVED = obj(
    {"bookings", "skipped"},
    booking=ref("Booking"),
    bookings=listed(ref("Booking")),
    skipped=listed(ref("Occurrence")),
)

PATHS: dict[str, dict[str, Schema]] = {
    "/db/event": {
        "get": public(
            "Reservations in frames of an hour, each with the first that it touches;"
            " the latest 10,000",
            listed(ref("HourEvent")),
            query={"date": DATE, "room": ID},
        )
    },
    "/db/event/{event_id}": {
        "get": public("One of them", ref("HourEvent"), refusals=["not_found"]),
    },
    "/db/event/post": {
        "post": operation(
            "Reserve minutes of an hour, the end excluded; the first room unless said; for staff",
            {200: obj(EventId=ID)},
            **query_or_json(
                date=DATE,
                **HOUR,
                title=text(300),
                eventType=one_of(*RESERVATION_TYPES),
                room=ID,
                responsibleUserId=ID,
            ),
            refusals=["overlap"],
            idempotent=True,
        )
    },
    "/db/event/{event_id}/reschedule": {
        "post": operation(
            "Move it to minutes of another hour; contributors their own",
            {200: obj(EventId=ID, version=VERSION)},
            **query_or_json(newDate=DATE, **NEW_HOUR, version=VERSION),
            refusals=["not_found", "overlap", "stale", "gone"],
            idempotent=True,
        )
    },
    "/db/event/{event_id}/delete": {
        "post": operation(
            "Cancel it; twice is once; contributors their own",
            {200: obj(EventId=ID)},
            refusals=["not_found", "gone", "stale"],
            idempotent=True,
        )
    },
    "/db/schedule/today": {"get": public("Today, by hour", ref("HourSchedule"))},
    "/db/schedule/7days": {"get": public("Today and six more days", ref("HourSchedule"))},
    "/api/reservations": {
        "post": operation(
            "Reserve a room for a span of any length, once or by a rule; for staff."
            " With dry_run nothing is written",
            {201: RESERVED, 200: ref("Preview")},
            body=obj(
                {"event_type", "responsible_user_id", "recurrence", *BATCH},
                **RESERVATION,
                recurrence=RULE,
                **BATCH,
            ),
            refusals=["overlap", "not_found"],
            idempotent=True,
        )
    },
    "/api/reservations/{uid}": {
        "patch": operation(
            "Change a reservation, or what repeats with it; contributors their own."
            " With dry_run nothing is written",
            {200: {"anyOf": [RESERVED, ref("Preview")]}},
            body=patch(**RESERVATION, version=VERSION, scope=SCOPE, **BATCH),
            refusals=["not_found", "overlap", "stale", "gone"],
            idempotent=True,
        ),
        "delete": operation(
            "Give the room back; twice is once; contributors their own",
            {204: None},
            query={"version": VERSION, "scope": SCOPE},
            refusals=["not_found", "stale", "gone"],
        ),
    },
    "/api/reservations/{uid}/restore": {
        "post": operation(
            "Undo: take a cancelled reservation again if its time is free; with a scope, what"
            " was cancelled together with it",
            {200: obj(booking=ref("Booking"), bookings=listed(ref("Booking")))},
            body=patch(scope=SCOPE),
            refusals=["not_found", "overlap", "stale", "gone"],
            idempotent=True,
        )
    },
}
