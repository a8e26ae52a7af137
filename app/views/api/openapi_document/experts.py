"""Experts: their pages, hours, calendars elsewhere, and what they offer."""

from __future__ import annotations

from typing import get_args

from app.models.event_type import LOCATION_KINDS
from app.services import busy_calendars, explanations
from app.services.event_types import MAX_AHEAD, MAX_REMINDERS, MAX_SEATS, MIN_REMINDER
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
    CLOCK,
    CONFLICT,
    DATE,
    FLAG,
    ID,
    INSTANT,
    SLUG,
    UTC,
    VERSION,
    ZONE,
)
from app.views.api.openapi_document.operations import (
    PAGING,
    operation,
    paged,
    public,
    read,
    with_file,
)

INTERVAL = obj(start=CLOCK, end=CLOCK)
LOCATION = obj(kind=one_of(*LOCATION_KINDS), detail=text(500))
EXPERT_TEXTS = {"name": text(128), "headline": text(200), "bio": text(5000), "time_zone": ZONE}
EVENT_TYPE = {
    "title": text(200),
    "duration_minutes": whole(1, 1440),
    "slug": SLUG,
    "description": text(5000),
    "location": LOCATION,
    "buffer_before_minutes": whole(0, 1440),
    "buffer_after_minutes": whole(0, 1440),
    "minimum_notice_minutes": whole(0),
    "horizon_days": whole(0, 730),
    "slot_step_minutes": nullable(whole(1, 1440)),
    "daily_limit": nullable(whole(1, 1000)),
    "room_id": nullable(ID),
    "is_active": FLAG,
    "is_listed": FLAG,
    "seats": whole(1, MAX_SEATS),
    "requires_approval": FLAG,
    "approval_minutes": whole(1, MAX_AHEAD),
    "reminder_minutes": listed(whole(MIN_REMINDER, MAX_AHEAD), maxItems=MAX_REMINDERS),
}

SCHEMAS: dict[str, Schema] = {
    "Expert": obj(slug=SLUG, **EXPERT_TEXTS, url=text(format="uri")),
    "Availability": obj(
        time_zone=ZONE,
        weekly=listed(obj(weekday=whole(0, 6), start=CLOCK, end=CLOCK)),
        overrides=listed(obj(date=DATE, intervals=listed(INTERVAL))),
        holidays=obj(
            country=nullable(text(2)),
            subdivision=nullable(text(64)),
            exceptions=listed(DATE),
            coming=listed(obj(date=DATE, name=text(), is_off=FLAG)),
        ),
    ),
    "BusyCalendar": obj(
        id=ID,
        name=text(100),
        kind=one_of("upload", "subscription"),
        source=text(description="The host it is fetched from. The address is a secret."),
        state=one_of(*busy_calendars.STATES),
        busy_periods=whole(0),
        skipped=whole(0) | {"description": "Events that could not be understood."},
        error=nullable(text(description="Why it failed last, for people.")),
        checked_at=nullable(UTC),
        succeeded_at=nullable(UTC),
        next_refresh_at=UTC,
    ),
    "EventType": obj(id=ID, **EVENT_TYPE, url=text(format="uri")),
}

OFFERING: dict[str, Schema] = {
    "Slots": obj(
        {"seats", "seats_left"},
        time_zone=ZONE,
        duration_minutes=whole(1),
        version=VERSION,
        days={
            "type": "object",
            "description": "Free starts by date; days without any are absent.",
            "additionalProperties": listed(INSTANT),
        },
        requires_approval=FLAG,
        seats=whole(2),
        seats_left={
            "type": "object",
            "description": "By start, as written in `days`; for types with several seats.",
            "additionalProperties": whole(1),
        },
    ),
    "Explanation": obj(
        {"seats_left"},
        at=UTC,
        ends_at=UTC,
        time_zone=ZONE,
        offered=FLAG,
        seats_left=whole(0),
        reasons=listed(
            obj(
                {"cause"},
                rule=one_of(*get_args(explanations.Rule)),
                detail=text(),
                cause=CONFLICT,
            )
        ),
    ),
}
EXPERT = obj(expert=ref("Expert"))
ONE_BUSY_CALENDAR = obj(busy_calendar=ref("BusyCalendar"))
ONE_EVENT_TYPE = obj(event_type=ref("EventType"))

PATHS: dict[str, dict[str, Schema]] = {
    "/api/experts": {
        "get": public(
            "Experts who offer something, by name",
            paged(ref("Expert")),
            query={"q": text(200), **PAGING},
        )
    },
    "/api/experts/{slug}": {
        "get": public(
            "An expert's page; an old slug moves to the present one",
            obj(expert=ref("Expert"), event_types=listed(ref("EventType"))),
            also={301: None},
            refusals=["not_found"],
        )
    },
    "/api/experts/me": {
        "patch": operation(
            "Change one's own page",
            {200: EXPERT},
            body=patch(slug=SLUG, **EXPERT_TEXTS),
            refusals=["not_found"],
        )
    },
    "/api/experts/me/availability": {
        "get": read("One's own hours", ref("Availability"), refusals=["not_found"]),
        "put": operation(
            "Replace one's own hours",
            {200: ref("Availability")},
            body=patch(
                time_zone=ZONE,
                weekly=listed(obj(weekday=whole(0, 6), start=CLOCK, end=CLOCK), maxItems=100),
                overrides=listed(
                    obj({"intervals"}, date=DATE, intervals=listed(INTERVAL)), maxItems=1000
                ),
                holidays=nullable(
                    obj(
                        {"subdivision", "exceptions"},
                        country=nullable(text(2)),
                        subdivision=nullable(text(64)),
                        exceptions=listed(DATE, maxItems=1000),
                    )
                ),
            ),
            refusals=["not_found"],
        ),
    },
    "/api/experts/me/busy-calendars": {
        "get": read(
            "One's calendars elsewhere, whose busy time is not offered",
            obj(items=listed(ref("BusyCalendar"))),
            refusals=["not_found"],
        ),
        "post": with_file(
            operation(
                "Add one, by its address (fetched a moment later) or as a file (read at once)",
                {201: ONE_BUSY_CALENDAR},
                body=obj(
                    {"url", "content"},
                    name=text(100),
                    url=text(2000, format="uri", description="https: or webcal:"),
                    content=text(description="An iCalendar file"),
                ),
                refusals=["not_found", "rate_limited"],
            ),
            obj({"url", "file"}, name=text(100), url=text(2000), file=text(format="binary")),
        ),
    },
    "/api/experts/me/busy-calendars/{busy_calendar_id}": {
        "patch": with_file(
            operation(
                "Rename it, point it elsewhere, or replace the file",
                {200: ONE_BUSY_CALENDAR},
                body=patch(name=text(100), url=text(2000, format="uri"), content=text()),
                refusals=["not_found", "rate_limited"],
            ),
            patch(name=text(100), file=text(format="binary")),
        ),
        "delete": operation("Forget it and what it said", {204: None}, refusals=["not_found"]),
    },
    "/api/experts/me/busy-calendars/{busy_calendar_id}/refresh": {
        "post": operation(
            "Have it fetched anew, a moment later",
            {202: ONE_BUSY_CALENDAR},
            refusals=["not_found", "rate_limited"],
        )
    },
    "/api/experts/{slug}/event-types/{type_slug}/slots": {
        "get": public(
            "Free starts from a day to a day, both included; 62 days at most",
            ref("Slots"),
            query={"from": DATE, "to": DATE, "time_zone": ZONE},
            required=["from", "to"],
            also={301: None},
            refusals=["not_found", "gone"],
        )
    },
    "/api/holidays": {
        "get": read(
            "Countries whose public holidays may be days off",
            obj(
                countries=listed(
                    obj(
                        code=text(2),
                        name=text(),
                        subdivisions=listed(obj(code=text(64), name=text())),
                    )
                )
            ),
        )
    },
    "/api/holidays/{country}": {
        "get": read(
            "Public holidays of a year",
            obj(holidays=listed(obj(date=DATE, name=text()))),
            query={"subdivision": text(64), "year": whole(1970, 2199)},
            required=["year"],
            refusals=["not_found"],
        )
    },
    "/api/event-types": {
        "get": read(
            "One's own event types",
            paged(ref("EventType")),
            query=PAGING,
            refusals=["not_found"],
        ),
        "post": operation(
            "Offer something; title and duration are enough",
            {201: ONE_EVENT_TYPE},
            body=obj(set(EVENT_TYPE) - {"title", "duration_minutes"}, **EVENT_TYPE),
            refusals=["not_found"],
        ),
    },
    "/api/event-types/{event_type_id}": {
        "get": read("One of them", ONE_EVENT_TYPE, refusals=["not_found"]),
        "patch": operation(
            "Change what is offered from now on",
            {200: ONE_EVENT_TYPE},
            body=patch(**EVENT_TYPE),
            refusals=["not_found"],
        ),
        "delete": operation(
            "Remove it; one with bookings to come is deactivated",
            {204: None},
            refusals=["not_found"],
        ),
    },
    "/api/event-types/{event_type_id}/duplicate": {
        "post": operation(
            "Copy it; the copy is not active",
            {201: ONE_EVENT_TYPE},
            body=patch(title=text(200)),
            refusals=["not_found"],
        )
    },
    "/api/event-types/{event_type_id}/explain": {
        "get": read(
            "Why a time is not offered: every rule that excludes it",
            ref("Explanation"),
            query={"at": INSTANT},
            required=["at"],
            refusals=["not_found"],
        )
    },
}
