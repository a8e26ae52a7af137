"""Bookings of all kinds, by who is in them: accounts, guests, calendar programs."""

from __future__ import annotations

from app.models.booking import ENDINGS, RESERVATION_TYPES
from app.services.bookings import KINDS
from app.services.cancellation import MAX_REASON
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

FEED_URLS = obj(url=text(format="uri"), webcal_url=text(format="uri"))

SCHEMAS: dict[str, Schema] = {
    "Booking": obj(
        {
            "expert",
            "event_type",
            "event_session",
            "event",
            "room",
            "attendee",
            "responsible_user",
            "reservation_type",
            "series",
            "time_zone",
            "decide_by",
            "cancelled_as",
            "cancel_reason",
        },
        uid=UID,
        kind=one_of(*KINDS),
        status=one_of("pending", "confirmed", "cancelled"),
        version=VERSION,
        sequence=VERSION,
        title=text(),
        **PERIOD,
        location=text(),
        meeting_url=nullable(text()),
        ics_url=text(format="uri"),
        expert=obj(slug=SLUG, name=text()),
        event_type=obj(id=ID, slug=SLUG, title=text()),
        event_session=obj(id=ID, title=text(), room=NAMED),
        event=obj(slug=SLUG, title=text()),
        room=NAMED,
        attendee=obj(name=text(), email=text(), phone=text(), notes=text())
        | {"description": "For the host, the booker and admins."},
        responsible_user=NAMED,
        reservation_type=nullable(one_of(*RESERVATION_TYPES)),
        series=ref("Series"),
        decide_by=UTC | {"description": "When a pending request ends by itself."},
        cancelled_as=nullable(one_of(*ENDINGS)),
        cancel_reason=text(MAX_REASON) | {"description": "For those who are in it."},
        time_zone=nullable(ZONE),
    ),
}
BOOKING = obj(booking=ref("Booking"))
BOOKED = obj(booking=ref("Booking"), replaced=listed(UID))
GUEST_DATA = {"allOf": [ref("Booking")]} | obj(
    mails=listed(obj(template=text(), written_at=UTC, sent_at=nullable(UTC)))
)
MOVES = ("not_found", "gone", "stale", "slot_taken", "not_offered", "overlap")

PATHS: dict[str, dict[str, Schema]] = {
    "/api/bookings": {
        "get": read(
            "One's bookings of all kinds",
            paged(ref("Booking")),
            needs="sign-in",
            query={
                "when": one_of("upcoming", "past"),
                "status": one_of("pending", "confirmed", "cancelled"),
                "kind": one_of(*KINDS),
                "q": text(200),
                **PAGING,
            },
        ),
        "post": operation(
            "Book an expert's time, signed in or as a guest",
            {201: obj(**BOOKED["properties"], manage_url=text(format="uri"))},
            needs="nothing",
            body=obj(
                {"phone", "notes", "time_zone", "replace"},
                event_type_id=ID,
                starts_at=INSTANT,
                name=text(128),
                email=EMAIL,
                phone=text(40),
                notes=text(5000),
                time_zone=ZONE,
                replace=listed(UID, maxItems=50),
            ),
            refusals=[*MOVES, "not_allowed"],
            idempotent=True,
        ),
    },
    "/api/bookings/{uid}": {
        "get": read("A booking", BOOKING, needs="sign-in", refusals=["not_found"]),
        "patch": operation(
            "Cancel it, or move it to another start; confirm a request, or undo a cancellation",
            {200: BOOKING},
            needs="sign-in",
            body=patch(
                status=one_of("confirmed", "cancelled"),
                starts_at=INSTANT,
                reason=text(MAX_REASON),
                version=VERSION,
                with_group=FLAG,
            ),
            refusals=[*MOVES, "not_allowed", "session_full", "error"],
            idempotent=True,
        ),
    },
    "/api/bookings/{uid}.ics": {
        "get": read(
            "The booking as a calendar file",
            "text/calendar",
            needs="sign-in",
            refusals=["not_found"],
        )
    },
    "/api/calendar-feed": {
        "post": operation(
            "Share all one's bookings as a calendar link; the one there was ends",
            {201: FEED_URLS},
        ),
        "delete": operation("End the calendar link of all one's bookings", {204: None}),
    },
    "/api/events/{slug}/calendar-feed": {
        "post": operation(
            "Share one's seats at an event as a calendar link; the one there was ends",
            {201: FEED_URLS},
            needs="sign-in",
            refusals=["not_found"],
        ),
        "delete": operation(
            "End the calendar link of one's seats at an event",
            {204: None},
            needs="sign-in",
            refusals=["not_found"],
        ),
    },
    "/calendar/{token}.ics": {
        "get": public(
            "A person's bookings, for calendar programs that have the link",
            "text/calendar",
            also={304: None},
            headers=["If-None-Match"],
            refusals=["not_found"],
        ),
    },
    "/api/requests/{token}": {
        "post": operation(
            "Accept or decline a request, by the link in the host's mail",
            {200: BOOKING},
            needs="nothing",
            body=obj({"reason"}, action=one_of("accept", "decline"), reason=text(MAX_REASON)),
            refusals=["not_found", "gone", "stale"],
            idempotent=True,
        )
    },
    "/api/manage/{token}": {
        "post": operation(
            "Cancel or move a guest's booking, or undo that, by the link in its mail",
            {200: BOOKING},
            needs="nothing",
            body=obj(
                {"starts_at", "reason"},
                action=one_of("cancel", "reschedule", "restore"),
                starts_at=INSTANT,
                reason=text(MAX_REASON),
            ),
            refusals=[*MOVES, "not_allowed"],
            idempotent=True,
        ),
        "delete": operation(
            "Take out what the guest left; a booking to come is cancelled",
            {204: None},
            needs="nothing",
            refusals=["not_found", "stale", "gone"],
        ),
    },
    "/api/manage/{token}/data": {
        "get": public(
            "All that is kept of the guest in this booking",
            obj(bookings=listed(GUEST_DATA)),
            refusals=["not_found"],
        )
    },
    "/api/guests/export": {
        "post": operation(
            "All bookings made with an address: an expert's own, for admins all",
            {200: obj(email=EMAIL, bookings=listed(GUEST_DATA))},
            body=obj(email=EMAIL),
        )
    },
    "/api/guests/erase": {
        "post": operation(
            "Take out what a guest left, in bookings that are over or cancelled",
            {200: obj(erased=whole(0), kept=whole(0))},
            body=obj(email=EMAIL),
        )
    },
    "/b/{token}.ics": {
        "get": public(
            "A guest's booking as a calendar file", "text/calendar", refusals=["not_found"]
        )
    },
}
