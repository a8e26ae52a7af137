"""Events: the way in, their agendas, sessions and rooms, seats and attendees."""

from __future__ import annotations

from app.models.event import ADMISSIONS
from app.views.api.openapi_document.bookings import BOOKED
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
    COUNT,
    DATE,
    EMAIL,
    FLAG,
    ID,
    INSTANT,
    NAMED,
    PERIOD,
    SLUG,
    UID,
    UTC,
    VERSION,
    ZONE,
)
from app.views.api.openapi_document.operations import PAGING, operation, paged, public, read

SESSION = {
    "id": ID,
    "guid": text(),
    "title": text(),
    "abstract": text(),
    "track": text(),
    "language": text(),
    "speakers": listed(text()),
    "room": NAMED,
    **PERIOD,
    "day": DATE,
    "capacity": nullable(whole(0)),
    "seats_left": nullable(whole(0)),
    "version": VERSION,
    "booked": FLAG,
    "waitlisted": FLAG,
}
SPEAKER = obj({"user_id"}, name=text(200), user_id=nullable(ID))
SCHEDULE = {
    "title": text(300),
    "room_id": ID,
    "starts_at": INSTANT,
    "ends_at": INSTANT,
    "capacity": nullable(whole(0)),
    "speakers": listed(SPEAKER, maxItems=100),
    "abstract": text(20_000),
    "description": text(20_000),
    "track": text(200),
    "language": text(16),
    "day": DATE,
    "dry_run": FLAG,
}
EVENT = {
    "slug": SLUG,
    "title": text(200),
    "time_zone": ZONE,
    "starts_on": DATE,
    "ends_on": DATE,
    "venue": text(200),
    "admission": one_of(*ADMISSIONS),
    "public": FLAG,
    "release_no_shows_minutes": nullable(whole(1, 240)),
}

SCHEMAS: dict[str, Schema] = {
    "Session": obj({"description", "status"}, **SESSION, description=text(), status=text()),
    "Agenda": obj(
        event=obj(
            {"release_no_shows_minutes"},
            slug=SLUG,
            title=text(),
            time_zone=ZONE,
            starts_on=DATE,
            ends_on=DATE,
            venue=text(),
            release_no_shows_minutes=whole(1, 240),
        ),
        version=VERSION,
        sessions=listed(ref("Session")),
    ),
    "Event": obj(**EVENT),
    "Room": obj(id=ID, name=text(), capacity=nullable(whole(1)), time_zone=ZONE),
    "ChangedSession": obj(
        session=obj(
            **{name: SESSION[name] for name in SESSION if name not in {"booked", "waitlisted"}}
            | {"id": nullable(ID), "speakers": listed(SPEAKER)},
            description=text(),
            status=text(),
        ),
        impact=obj(
            clashing=listed(CONFLICT),
            released=listed(UID),
            conflicts=listed(CONFLICT),
            leaving=listed(
                obj(
                    uid=UID,
                    name=text(),
                    email=EMAIL,
                    why=one_of("busy", "capacity", "cancelled"),
                    other=nullable(obj(title=text(), **PERIOD)),
                )
            ),
            keeping=COUNT,
            mailed=COUNT,
            waiting=COUNT,
            offers_withdrawn=COUNT,
            speakers=listed(text()),
            promoted=COUNT,
            offered=COUNT,
            over_room=nullable(COUNT),
            outside_event=FLAG,
        ),
    ),
    "Attendee": obj(
        id=ID,
        name=text(),
        email=EMAIL,
        external_id=nullable(text()),
        badge=text(),
        checked_in_at=nullable(UTC),
    ),
}

EVENTS: dict[str, dict[str, Schema]] = {
    "/api/agenda/code": {
        "post": operation(
            "Mail an attendee a code; the cookie that comes along is needed to use it",
            {202: obj(expires_in=whole(1))},
            needs="nothing",
            body=obj(qr=text(64), email=EMAIL),
            refusals=["not_found", "gone", "rate_limited"],
        )
    },
    "/api/agenda/verify": {
        "post": operation(
            "Sign in to one event's agenda with the code",
            {200: obj(access_token=text(), expires_at=UTC, user=NAMED, event=ref("Event"))},
            needs="nothing",
            body=obj(qr=text(64), email=EMAIL, code=text(32)),
            refusals=["not_found", "gone", "rate_limited"],
        )
    },
    "/api/events": {
        "post": operation(
            "Add an event; for admins",
            {201: obj(event=ref("Event"))},
            body=obj({"venue", "admission", "public", "release_no_shows_minutes"}, **EVENT),
        )
    },
    "/api/events/{slug}": {
        "patch": operation(
            "Change an event; for admins",
            {200: obj(event=ref("Event"))},
            body=patch(**EVENT),
            refusals=["not_found"],
        )
    },
}

PATHS: dict[str, dict[str, Schema]] = {
    "/api/events/{slug}/sessions": {
        "post": operation(
            "Schedule a session; with dry_run nothing is written; for admins",
            {201: ref("ChangedSession"), 200: ref("ChangedSession")},
            body=obj(set(SCHEDULE) - {"title", "room_id", "starts_at", "ends_at"}, **SCHEDULE),
            refusals=["not_found", "overlap"],
        )
    },
    "/api/events/{slug}/attendees": {
        "get": read(
            "Who is on an event's list; for staff",
            paged(ref("Attendee")),
            query={"q": text(200), **PAGING},
            refusals=["not_found"],
        ),
        "post": operation(
            "Put somebody on the list; who is on it stays as they are",
            {201: obj(attendee=ref("Attendee"))},
            body=obj({"name"}, name=text(128), email=EMAIL),
            refusals=["not_found"],
        ),
    },
    "/api/events/{slug}/check-in": {
        "post": operation(
            "Check in by addresses or by a badge; twice is once",
            {200: obj({"was_in"}, attendees=listed(ref("Attendee")), was_in=FLAG)},
            body=patch(emails=listed(EMAIL, minItems=1, maxItems=1000), badge=text(64)),
            refusals=["not_found"],
        )
    },
    "/api/events/{slug}/check-in/{attendee_id}": {
        "delete": operation(
            "Take a check-in back",
            {200: obj(attendee=ref("Attendee"))},
            refusals=["not_found"],
        )
    },
    "/api/events/{slug}/agenda": {
        "get": public(
            "An event's agenda; private ones for attendees and staff",
            ref("Agenda"),
            also={304: None},
            headers=["If-None-Match"],
            refusals=["not_found"],
        )
    },
    "/api/sessions/{event_session_id}": {
        "get": public(
            "A session of an agenda", obj(session=ref("Session")), refusals=["not_found"]
        ),
        "patch": operation(
            "Move or change a session, seats included; with dry_run nothing is written; for admins",
            {200: ref("ChangedSession")},
            body=patch(**SCHEDULE, version=VERSION, release_last=FLAG),
            refusals=["not_found", "overlap", "stale", "gone"],
        ),
        "delete": operation(
            "Cancel a session and all its seats; with dry_run nothing is written; for admins",
            {204: None, 200: ref("ChangedSession")},
            query={"dry_run": FLAG},
            refusals=["not_found"],
        ),
    },
    "/api/sessions/{event_session_id}/seat": {
        "post": operation(
            "Book a seat; again is the same booking",
            {201: BOOKED, 200: BOOKED},
            needs="sign-in",
            body=patch(replace=listed(UID, maxItems=50)),
            refusals=["not_found", "not_allowed", "gone", "stale", "overlap", "session_full"],
            idempotent=True,
        ),
        "delete": operation(
            "Give the seat back",
            {204: None},
            needs="sign-in",
            refusals=["not_found", "gone"],
        ),
    },
    "/api/sessions/{event_session_id}/waitlist": {
        "post": operation(
            "Wait for a seat of a full session",
            {201: obj(position=whole(1))},
            needs="sign-in",
            refusals=["not_found", "gone", "invalid_input"],
        ),
        "delete": operation("Wait no longer", {204: None}, needs="sign-in", refusals=["not_found"]),
    },
}
