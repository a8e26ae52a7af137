"""What `/api/openapi.json` says: the product's own calls, as data with a few builders.

OpenAPI 3.1, so schemas are JSON Schema 2020-12. Errors come from `app/errors.py`; tests
hold paths against the routes, and answers against the schemas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, get_args

from app.errors import API_PREFIXES, STATUS
from app.models.booking import ENDINGS, RESERVATION_TYPES
from app.models.event import ADMISSIONS
from app.models.event_type import LOCATION_KINDS
from app.services import busy_calendars, errors, explanations
from app.services.availability import Rule
from app.services.bookings import KINDS
from app.services.cancellation import MAX_REASON
from app.services.day_copies import REASONS, WHOSE
from app.services.event_types import MAX_AHEAD, MAX_REMINDERS, MAX_SEATS, MIN_REMINDER
from app.services.series import SCOPES
from app.views.api.payload import MAX_PAGE_SIZE

Schema = dict[str, Any]


# -- schemas -------------------------------------------------------------------------


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(optional: Iterable[str] = (), **properties: Schema) -> Schema:
    """An object; all of its properties are required but the `optional` ones."""
    required = [name for name in properties if name not in set(optional)]
    schema: Schema = {"type": "object", "properties": properties}
    return schema | ({"required": required} if required else {})


def patch(**properties: Schema) -> Schema:
    """An object of which only what is sent counts."""
    return obj(properties, **properties)


def listed(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items, **limits}


def text(maximum: int | None = None, **more: Any) -> Schema:
    return {"type": "string", **({"maxLength": maximum} if maximum else {}), **more}


def whole(minimum: int | None = None, maximum: int | None = None) -> Schema:
    limits = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer", **{k: v for k, v in limits.items() if v is not None}}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | more


FLAG: Schema = {"type": "boolean"}
ID = whole(1)
VERSION = COUNT = whole(0)
DATE = text(format="date", examples=["2026-12-01"])
CLOCK = text(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", examples=["08:00"])
ZONE = text(64, description="IANA id", examples=["Europe/Berlin"])
SLUG = text(64, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
UID = text(examples=["6f2c2f4e-54a0-4f35-a6ad-d3c4e9b2a111"])
EMAIL = text(254, format="email")
UTC = text(format="date-time", pattern="Z$", description="RFC 3339, UTC")
INSTANT = text(format="date-time", description="RFC 3339 with an offset, never naive")
SECRET = text(1024, format="password")
NEW_PASSWORD = text(128, minLength=12, format="password")
PERIOD = {"starts_at": UTC, "ends_at": UTC}
NAMED = obj(id=ID, name=text())
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
FEED_URLS = obj(url=text(format="uri"), webcal_url=text(format="uri"))
_CONFLICT = obj({"uid", "kind", "title"}, uid=UID, kind=text(), title=text(), **PERIOD)
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
MONTH_PATTERN = r"^\d{4}-\d\d$"
RULE = text(
    300,
    description="RRULE (RFC 5545): FREQ of DAILY or WEEKLY, INTERVAL, BYDAY, COUNT or UNTIL",
    examples=["FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10"],
)
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
    "User": obj(
        id=ID,
        name=text(),
        email=EMAIL,
        time_zone=nullable(ZONE),
        is_expert=FLAG,
        roles=listed(text()),
        must_change_password=FLAG,
        email_verified=FLAG,
    ),
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
    "Occurrence": obj(
        {"uid", "missing"},
        uid=UID,
        **PERIOD,
        conflicts=listed(_CONFLICT),
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
        conflicts=listed(_CONFLICT),
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
                cause=_CONFLICT,
            )
        ),
    ),
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
            clashing=listed(_CONFLICT),
            released=listed(UID),
            conflicts=listed(_CONFLICT),
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
    "SignedIn": obj(access_token=text(), expires_at=UTC, user=ref("User")),
    "Checks": obj(
        status=one_of("ok", "unready"),
        checks={"type": "object", "additionalProperties": text()},
    ),
}


# -- errors --------------------------------------------------------------------------

_EXTRAS: dict[str, dict[str, Schema]] = {
    "invalid_input": {
        "errors": {"type": "object", "additionalProperties": listed(text(), minItems=1)}
    },
    # `occurrences` or `items` where several reservations were wanted at once: the others.
    "overlap": {
        "conflicts": listed(_CONFLICT),
        "occurrences": listed(ref("Occurrence")),
        "items": listed(ref("Copy")),
    },
    "slot_taken": {"alternatives": listed(UTC, maxItems=5)},
    "session_full": {
        "waitlist": FLAG,
        "alternatives": listed(obj(id=ID, title=text(), starts_at=UTC)),
    },
    "not_offered": {"rule": one_of(*get_args(Rule))},
}
# `code` → status: all domain errors, and what the server refuses before any view.
CODES: dict[str, int] = {error.code: status for error, status in STATUS.items()} | {
    errors.DomainError.code: 409,
    "method_not_allowed": 405,
    "content_too_large": 413,
    "internal_error": 500,
}


def _problems() -> dict[str, Schema]:
    base = obj(
        type=text(),
        title=text(),
        status=whole(400, 599),
        detail=text(description="A sentence for people."),
        code=one_of(*sorted(CODES)),
    )
    return {"Problem": base} | {
        _problem_name(code): {
            "allOf": [ref("Problem")],
            **obj(
                {"occurrences", "items"},
                code={"const": code},
                status={"const": status},
                **_EXTRAS.get(code, {}),
            ),
        }
        for code, status in CODES.items()
    }


def _problem_name(code: str) -> str:
    return "Problem_" + code


# -- operations ----------------------------------------------------------------------

READ = [{"bearer": []}, {"cookie": []}, {"session": []}]
WRITE = [{"bearer": []}, {"cookie": [], "csrf": []}, {"session": [], "csrf": []}]
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key, actor and payload get the first answer again, for 24 hours.",
    "schema": text(200, minLength=1),
}


def operation(
    summary: str,
    answers: Mapping[int, Schema | str | None],
    *,
    needs: str = "account",
    body: Schema | None = None,
    query: Mapping[str, Schema] | None = None,
    required: Iterable[str] = (),
    refusals: Iterable[str] = (),
    idempotent: bool = False,
    is_write: bool = True,
    headers: Iterable[str] = (),
) -> Schema:
    """One call. An answer is a schema, a media type or nothing.

    `needs` is "account", "sign-in" (an agenda's is enough) or "nothing" (a credential
    counts if there is one).
    """
    codes = {"unauthenticated", "must_change_password", "busy", *refusals}
    if needs == "account":
        codes.add("not_allowed")
    if body is not None or query:
        codes.add("invalid_input")
    if body is not None:
        codes.add("content_too_large")
    if idempotent:
        codes |= {"idempotency_mismatch", "idempotency_in_flight"}
    parameters = [
        {"name": name, "in": "query", "required": name in set(required), "schema": schema}
        for name, schema in (query or {}).items()
    ]
    parameters += [{"name": name, "in": "header", "schema": text()} for name in headers]
    security = WRITE if is_write else READ
    described: Schema = {
        "summary": summary,
        "security": [{}, *security] if needs == "nothing" else security,
        "responses": _responses(answers, codes),
    }
    if parameters or idempotent:
        described["parameters"] = parameters + ([_IDEMPOTENCY] if idempotent else [])
    if body is not None:
        described["requestBody"] = {
            "required": bool(body.get("required")),
            "content": {"application/json": {"schema": body}},
        }
    return described


def with_file(call: Schema, form: Schema) -> Schema:
    """The call, also with a form that carries a file."""
    call["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    return call


def query_or_json(**properties: Schema) -> dict[str, Any]:
    """Parameters that may come in the query string or in the body: neither requires them."""
    body = patch(**properties) | {"description": "Instead of the query string, or beside it."}
    return {"query": properties, "body": body}


def read(summary: str, answer: Schema | str, **more: Any) -> Schema:
    """A GET that answers 200."""
    return operation(summary, {200: answer} | more.pop("also", {}), is_write=False, **more)


def public(summary: str, answer: Schema | str, **more: Any) -> Schema:
    """A GET for everybody."""
    return read(summary, answer, needs="nothing", **more)


def paged(items: Schema) -> Schema:
    return obj(
        items=listed(items), page=whole(1), page_size=whole(1, MAX_PAGE_SIZE), total=whole(0)
    )


def _responses(
    answers: Mapping[int, Schema | str | None], codes: Iterable[str]
) -> dict[str, Schema]:
    found = _refusals(codes)
    for status, what in answers.items():
        described = _answer(status, what)
        refused = found.get(str(status), {}).get("content", {})
        if "content" in described:
            described["content"] |= refused
        found[str(status)] = described
    return dict(sorted(found.items()))


def _answer(status: int, what: Schema | str | None) -> Schema:
    described: Schema = {"description": HTTPStatus(status).phrase}
    if isinstance(what, str):
        described["content"] = {what: {"schema": {"type": "string"}}}
    elif what is not None:
        described["content"] = {"application/json": {"schema": what}}
    return described


def _refusals(codes: Iterable[str]) -> dict[str, Schema]:
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(CODES[code], []).append(code)
    found: dict[str, Schema] = {}
    for status, names in sorted(by_status.items()):
        schemas = [ref(_problem_name(name)) for name in names]
        found[str(status)] = {
            "description": ", ".join(names),
            "content": {
                "application/problem+json": {
                    "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
                }
            },
        }
        if status in {429, 503}:
            found[str(status)]["headers"] = {"Retry-After": {"schema": whole(1)}}
    return found


PAGING = {"page": whole(1), "page_size": whole(1, MAX_PAGE_SIZE)}
BOOKING = obj(booking=ref("Booking"))
EXPERT = obj(expert=ref("Expert"))
ONE_BUSY_CALENDAR = obj(busy_calendar=ref("BusyCalendar"))
ONE_EVENT_TYPE = obj(event_type=ref("EventType"))
BOOKED = obj(booking=ref("Booking"), replaced=listed(UID))
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
GUEST_DATA = {"allOf": [ref("Booking")]} | obj(
    mails=listed(obj(template=text(), written_at=UTC, sent_at=nullable(UTC)))
)
MOVES = ("not_found", "gone", "stale", "slot_taken", "not_offered", "overlap")

PATHS: dict[str, dict[str, Schema]] = {
    "/api/auth/register": {
        "post": operation(
            "Make an account and sign in",
            {201: ref("SignedIn")},
            needs="nothing",
            body=obj(
                {"time_zone"}, name=text(129), email=EMAIL, password=NEW_PASSWORD, time_zone=ZONE
            ),
            refusals=["email_taken", "rate_limited"],
        )
    },
    "/api/auth/login": {
        "post": operation(
            "Sign in; a user name works as `email` too",
            {200: ref("SignedIn")},
            needs="nothing",
            body=obj(email=text(320), password=SECRET),
            refusals=["rate_limited"],
        )
    },
    "/api/auth/me": {"get": read("Who I am", obj(user=ref("User")))},
    "/api/auth/become-expert": {
        "post": operation(
            "Get a public page; 200 for who has one",
            {201: EXPERT, 200: EXPERT},
            body=patch(slug=SLUG, headline=text(200)),
        )
    },
    "/api/auth/change-password": {
        "post": operation(
            "Replace the password; other sessions and tokens end",
            {204: None},
            body=obj(current_password=SECRET, new_password=NEW_PASSWORD),
            refusals=["stale", "rate_limited"],
        )
    },
    "/api/auth/verify-address": {
        "post": operation(
            "Mail a link that proves one's address; nothing to one that is proven",
            {202: obj(expires_in=whole(1))},
            refusals=["rate_limited"],
        )
    },
    "/api/auth/verify-address/{token}": {
        "post": operation(
            "Prove one's address by that link; bookings made with it as a guest join",
            {200: obj(user=ref("User"))},
            refusals=["not_found", "gone"],
        )
    },
    "/api/auth/logout": {
        "post": operation("End this session or token", {204: None}, needs="sign-in")
    },
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
            "A week of one room from Monday on; for staff",
            ref("RoomWeek"),
            query={"room_id": ID, "date": DATE},
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
                200: obj(blackout=ref("Blackout"), conflicts=listed(_CONFLICT)),
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
    "/api/openapi.json": {"get": public("This document", {"type": "object"})},
    "/healthz": {"get": public("Whether it is alive", obj(status=one_of("ok")))},
    "/readyz": {
        "get": public(
            "Whether database, migrations and Redis are there",
            ref("Checks"),
            also={503: ref("Checks")},
        )
    },
    "/metrics": {
        "get": public(
            "For Prometheus, on this machine or with the token",
            "text/plain",
            refusals=["not_found"],
        )
    },
}


def document(public_url: str) -> Schema:
    """The whole OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rendezvous",
            "version": "1",
            "description": "Instants are answered in UTC with `Z`; any offset is taken, a naive"
            " time is not. Refusals are `application/problem+json` with a `code`. Lists page"
            " with `page` (from 1) and `page_size` (up to 100).",
        },
        "servers": [{"url": public_url}],
        "paths": {path: _with_path_parameters(path, calls) for path, calls in PATHS.items()},
        "components": {
            "schemas": SCHEMAS | _problems(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "access_token_cookie"},
                "session": {"type": "apiKey", "in": "cookie", "name": "rendezvous"},
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-TOKEN",
                    "description": "From the `csrf_access_token` cookie, or a page's token.",
                },
            },
        },
    }


def _with_path_parameters(path: str, calls: dict[str, Schema]) -> Schema:
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": ID if name.endswith("_id") else text(),
        }
        for name in names
    ]
    tag = path.removeprefix("/api/").strip("/").partition("/")[0]
    named = {
        method: {"tags": [tag], "operationId": f"{method} {path}", **call}
        for method, call in calls.items()
    }
    if not path.startswith(API_PREFIXES):  # a browser is refused by a page
        for call in named.values():
            for answer in call["responses"].values():
                if "application/problem+json" in answer.get("content", {}):
                    answer["content"]["text/html"] = {"schema": text()}
    return named | ({"parameters": parameters} if parameters else {})
