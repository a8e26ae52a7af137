"""What each role may do, route by route: one table.

It decides nothing: the services do (`services/policy.py`), and for the back-office
`security.ROLES`. It says what they are to decide. `tests/views/test_permissions.py`
asks every route of the application as everybody and holds the answers against it, and
`docs/permissions.md` is written from it: `python -m tools.permissions`.

A new route needs one line in `ROUTES`; a new view of the back-office one in `OFFICE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """How far somebody reaches."""

    NOTHING = "\N{EN DASH}"
    OWN = "own"  # what one is a part of: as attendee, client, host or responsible user
    RESERVATIONS = "own, all reservations"
    ALL = "yes"


@dataclass(frozen=True, slots=True)
class Access:
    """How far each kind of actor reaches by a route, and in words.

    `agenda` is a sign-in by a mailed code, which reaches one event's agenda.
    """

    meaning: str
    guest: Scope
    agenda: Scope
    attendee: Scope
    expert: Scope
    contributor: Scope
    admin: Scope


_NO, _OWN, _ALL = Scope.NOTHING, Scope.OWN, Scope.ALL

EVERYONE = Access("everybody", _ALL, _ALL, _ALL, _ALL, _ALL, _ALL)
LINK = Access("whoever has the secret link or code in it", _ALL, _ALL, _ALL, _ALL, _ALL, _ALL)
SIGNED_IN = Access("whoever is signed in, for themselves", _NO, _OWN, _OWN, _OWN, _OWN, _OWN)
ACCOUNT = Access(
    "whoever is signed in to an account, for themselves", _NO, _NO, _OWN, _OWN, _OWN, _OWN
)
EXPERT = Access("the expert, for their own page", _NO, _NO, _NO, _OWN, _NO, _NO)
OFFER = Access("the expert who offers it; admins", _NO, _NO, _NO, _OWN, _NO, _ALL)
BOOKING = Access(
    "those who are in the booking; staff for reservations; admins",
    _NO,
    _OWN,
    _OWN,
    _OWN,
    Scope.RESERVATIONS,
    _ALL,
)
BOOKING_CHANGE = Access("those who are in the booking; admins", _NO, _OWN, _OWN, _OWN, _OWN, _ALL)
EVENT = Access(
    "attendees of the event; staff; everybody where a public event is only read",
    _NO,
    _OWN,
    _OWN,
    _OWN,
    _ALL,
    _ALL,
)
STAFF = Access("contributors and admins", _NO, _NO, _NO, _NO, _ALL, _ALL)
STAFF_BOOKINGS = Access(
    "admins; contributors for reservations and their own",
    _NO,
    _NO,
    _NO,
    _NO,
    Scope.RESERVATIONS,
    _ALL,
)
RESERVATION = Access("admins; contributors for their own", _NO, _NO, _NO, _NO, _OWN, _ALL)
GUESTS = Access("experts, of their own clients; admins", _NO, _NO, _NO, _OWN, _NO, _ALL)
PROOF = Access("whose address was mailed the link", _NO, _NO, _OWN, _OWN, _OWN, _OWN)
ADMIN = Access("admins", _NO, _NO, _NO, _NO, _NO, _ALL)
OWN_IMPORT = Access("the admin who uploaded it", _NO, _NO, _NO, _NO, _NO, _OWN)
NOBODY = Access("nobody: nothing there can be taken back", _NO, _NO, _NO, _NO, _NO, _NO)

ROUTES: dict[str, Access] = {
    # Public pages and files
    "GET /": EVERYONE,
    "GET /static/<path:filename>": EVERYONE,
    "GET /static/appbuilder/<path:filename>": EVERYONE,
    "GET /service-worker.js": EVERYONE,
    "GET /theme.css": EVERYONE,
    "GET /healthz": EVERYONE,
    "GET /readyz": EVERYONE,
    "GET /metrics": EVERYONE,  # to this machine, or with METRICS_TOKEN
    "POST /language": EVERYONE,
    "GET /lang/<string:locale>": EVERYONE,
    "GET /back": EVERYONE,
    # Accounts
    "GET /login/": EVERYONE,
    "POST /login/": EVERYONE,
    "GET /logout/": EVERYONE,
    "POST /logout/": EVERYONE,
    "POST /sign-out": EVERYONE,
    "GET /register": EVERYONE,
    "POST /register": EVERYONE,
    "GET /change-password": ACCOUNT,
    "POST /change-password": ACCOUNT,
    "GET /profile": ACCOUNT,
    "POST /profile": ACCOUNT,
    "POST /become-expert": ACCOUNT,
    "GET /my-bookings": ACCOUNT,
    "POST /my-bookings": ACCOUNT,  # its calendar link
    "POST /profile/address": ACCOUNT,
    "GET /profile/address/<token>": PROOF,
    "POST /profile/address/<token>": PROOF,
    "POST /api/auth/verify-address": ACCOUNT,
    "POST /api/auth/verify-address/<token>": PROOF,
    "POST /api/v1/security/login": EVERYONE,
    "POST /api/auth/register": EVERYONE,
    "POST /api/auth/login": EVERYONE,
    "GET /api/auth/me": ACCOUNT,
    "POST /api/auth/become-expert": ACCOUNT,
    "POST /api/auth/change-password": ACCOUNT,
    "POST /api/auth/logout": SIGNED_IN,
    # Expert pages
    "GET /experts": EVERYONE,
    "GET /expert/<int:expert_id>": EVERYONE,
    "GET /<slug>": EVERYONE,
    "GET /<slug>/<type_slug>": EVERYONE,
    "GET /<slug>/<type_slug>/plain": EVERYONE,
    "POST /<slug>/<type_slug>/plain": EVERYONE,
    "GET /expert-dashboard": ACCOUNT,  # others are offered to become an expert
    "GET /expert-dashboard/<int:event_type_id>": OFFER,
    "GET /expert-dashboard/qr.svg": EXPERT,
    "GET /api/experts": EVERYONE,
    "GET /api/experts/<slug>": EVERYONE,
    "GET /api/experts/<slug>/event-types/<type_slug>/slots": EVERYONE,
    "PATCH /api/experts/me": EXPERT,
    "GET /api/experts/me/availability": EXPERT,
    "PUT /api/experts/me/availability": EXPERT,
    "GET /api/experts/me/busy-calendars": EXPERT,
    "POST /api/experts/me/busy-calendars": EXPERT,
    "PATCH /api/experts/me/busy-calendars/<int:busy_calendar_id>": EXPERT,
    "DELETE /api/experts/me/busy-calendars/<int:busy_calendar_id>": EXPERT,
    "POST /api/experts/me/busy-calendars/<int:busy_calendar_id>/refresh": EXPERT,
    "GET /api/holidays": ACCOUNT,
    "GET /api/holidays/<country>": ACCOUNT,
    "GET /api/event-types": EXPERT,
    "POST /api/event-types": EXPERT,
    "GET /api/event-types/<int:event_type_id>": OFFER,
    "PATCH /api/event-types/<int:event_type_id>": OFFER,
    "DELETE /api/event-types/<int:event_type_id>": OFFER,
    "POST /api/event-types/<int:event_type_id>/duplicate": OFFER,
    "GET /api/event-types/<int:event_type_id>/explain": OFFER,
    # Bookings
    "POST /api/bookings": EVERYONE,
    "GET /api/bookings": SIGNED_IN,
    "GET /api/bookings/<uid>": BOOKING,
    "GET /api/bookings/<uid>.ics": BOOKING,
    "PATCH /api/bookings/<uid>": BOOKING_CHANGE,
    "POST /api/manage/<token>": LINK,
    "GET /b/<token>": LINK,
    "GET /b/<token>.ics": LINK,
    "GET /b/<token>/reschedule": LINK,
    "GET /api/manage/<token>/data": LINK,
    "DELETE /api/manage/<token>": LINK,
    "GET /b/<token>/decide": LINK,
    "POST /b/<token>/decide": LINK,
    "POST /api/requests/<token>": LINK,
    "POST /api/guests/export": GUESTS,
    "POST /api/guests/erase": GUESTS,
    "POST /api/calendar-feed": ACCOUNT,
    "DELETE /api/calendar-feed": ACCOUNT,
    "GET /calendar/<token>.ics": LINK,
    # Agenda
    "GET /q/<qr>": LINK,
    "POST /q/<qr>/code": LINK,
    "POST /q/<qr>/verify": LINK,
    "POST /q/<qr>/other": LINK,
    "POST /api/agenda/code": LINK,
    "POST /api/agenda/verify": LINK,
    "GET /agenda/<slug>": EVENT,
    "POST /agenda/<slug>": EVENT,
    "GET /agenda/<slug>/mine": EVENT,
    "POST /agenda/<slug>/mine": EVENT,  # its calendar link
    "POST /api/events/<slug>/calendar-feed": EVENT,
    "DELETE /api/events/<slug>/calendar-feed": EVENT,
    "GET /agenda/<slug>/manifest.webmanifest": EVERYONE,  # names the product only
    "GET /api/events/<slug>/agenda": EVENT,
    "GET /api/sessions/<int:event_session_id>": EVENT,
    "POST /api/sessions/<int:event_session_id>/seat": EVENT,
    "DELETE /api/sessions/<int:event_session_id>/seat": EVENT,
    "POST /api/sessions/<int:event_session_id>/waitlist": EVENT,
    "DELETE /api/sessions/<int:event_session_id>/waitlist": EVENT,
    # The door
    "GET /check-in": STAFF,
    "GET /check-in/<slug>": STAFF,
    "POST /check-in/<slug>": STAFF,
    "POST /check-in/<slug>/undo": STAFF,
    "POST /check-in/<slug>/walk-in": STAFF,
    "GET /check-in/<slug>/print": STAFF,
    "GET /check-in/<slug>/qr.<any(svg, png, pdf):kind>": STAFF,
    "GET /check-in/<slug>/badges.pdf": STAFF,
    "POST /check-in/<slug>/rotate": ADMIN,
    "GET /check-in/<slug>/import": STAFF,
    "POST /check-in/<slug>/import": STAFF,
    "GET /check-in/badge/<badge>": STAFF,
    "POST /check-in/badge/<badge>": STAFF,
    "GET /api/events/<slug>/attendees": STAFF,
    "POST /api/events/<slug>/attendees": STAFF,
    "POST /api/events/<slug>/check-in": STAFF,
    "DELETE /api/events/<slug>/check-in/<int:attendee_id>": STAFF,
    # The scheduler
    "GET /scheduler": STAFF,
    "GET /scheduler/rooms/<int:room_id>/sheet": STAFF,
    "GET /scheduler/rooms/<int:room_id>/display": EVERYONE,
    "GET /api/rooms": EVERYONE,
    "GET /api/rooms/<int:room_id>/minutes": EVERYONE,
    "GET /api/rooms/<int:room_id>/display": EVERYONE,
    "GET /db/event": EVERYONE,
    "GET /db/event/<int:event_id>": EVERYONE,
    "GET /db/schedule/today": EVERYONE,
    "GET /db/schedule/7days": EVERYONE,
    "POST /db/event/post": STAFF,
    "POST /db/event/<int:event_id>/reschedule": RESERVATION,
    "POST /db/event/<int:event_id>/delete": RESERVATION,
    "POST /api/reservations": STAFF,
    "PATCH /api/reservations/<uid>": RESERVATION,
    "DELETE /api/reservations/<uid>": RESERVATION,
    "POST /api/reservations/<uid>/restore": RESERVATION,
    "GET /api/scheduler/month": STAFF,
    "GET /api/scheduler/day": STAFF,
    "GET /api/scheduler/week": STAFF,
    "GET /api/scheduler/people": ADMIN,
    "GET /api/scheduler/export.csv": STAFF,
    "POST /api/scheduler/copy": STAFF,
    "GET /api/rooms/<int:room_id>/blackouts": STAFF,
    "POST /api/rooms/<int:room_id>/blackouts": ADMIN,
    "DELETE /api/blackouts/<uid>": ADMIN,
    # Rooms, events and sessions by API
    "POST /api/events": ADMIN,
    "PATCH /api/events/<slug>": ADMIN,
    "POST /api/rooms": ADMIN,
    "POST /api/events/<slug>/sessions": ADMIN,
    "PATCH /api/sessions/<int:event_session_id>": ADMIN,
    "DELETE /api/sessions/<int:event_session_id>": ADMIN,
    # The API's documents
    "GET /api/openapi.json": EVERYONE,
    "GET /swagger/v1": ADMIN,
    # The back-office, where it is not only for admins
    "GET /backoffice/": STAFF,
    "GET /backoffice/bookings/list/": STAFF,  # of what they may see
    "GET /backoffice/bookings/show/<int:pk>": STAFF_BOOKINGS,
    "GET /backoffice/sessions/list/": STAFF,
    "GET /backoffice/sessions/show/<int:pk>": STAFF,
    "GET /backoffice/events/list/": STAFF,
    "GET /backoffice/events/show/<int:pk>": STAFF,
    "GET /backoffice/rooms/list/": STAFF,
    "GET /backoffice/rooms/show/<int:pk>": STAFF,
    "GET /backoffice/blackouts/list/": STAFF,
    "GET /backoffice/blackouts/show/<int:pk>": STAFF,
    "GET /backoffice/attendees/list/": STAFF,
    "GET /backoffice/attendees/show/<int:pk>": STAFF,
    "GET /backoffice/attendees/check-in/": STAFF,
    "POST /backoffice/attendees/check-in/": STAFF,
    # Taking back what one did oneself
    "POST /backoffice/attendees/undo/": STAFF,
    "POST /backoffice/experts/undo/": NOBODY,
    "POST /backoffice/rooms/undo/": NOBODY,
    "POST /backoffice/users/undo/": NOBODY,
    "POST /backoffice/waitlist/undo/": NOBODY,
}

# Everything else under these addresses.
OFFICE: dict[str, Access] = {
    "/backoffice/bookings/": ADMIN,
    "/backoffice/sessions/": ADMIN,
    "/backoffice/waitlist/": ADMIN,
    "/backoffice/attendees/": ADMIN,
    "/backoffice/events/": ADMIN,
    "/backoffice/rooms/": ADMIN,
    "/backoffice/blackouts/": ADMIN,
    "/backoffice/experts/": ADMIN,
    "/backoffice/event-types/": ADMIN,
    "/backoffice/users/": ADMIN,
    "/backoffice/roles/": ADMIN,
    "/backoffice/outbox/": ADMIN,
    "/backoffice/audit/": ADMIN,
    "/backoffice/imports/<int:job_id>": OWN_IMPORT,
    "/backoffice/imports/": ADMIN,
    "/backoffice/reports/": ADMIN,
    "/backoffice/mail-texts/": ADMIN,
    "/backoffice/settings/": ADMIN,
}


def find_access(method: str, rule: str) -> Access | None:
    """Who may use a route; None for one that nobody has classified."""
    method = "GET" if method == "HEAD" else method
    if access := ROUTES.get(f"{method} {rule}"):
        return access
    return next((access for prefix, access in OFFICE.items() if rule.startswith(prefix)), None)
