"""What a role may do, gathered by the part of the product that a route belongs to."""

from __future__ import annotations

from flask_babel import gettext, lazy_gettext

from app import permissions
from app.permissions import Scope
from app.services.policy import ADMIN
from app.views.admin.wording import Words

SCOPES = {  # where a role does not reach everything
    Scope.OWN: lazy_gettext("own"),
    Scope.RESERVATIONS: lazy_gettext("own, all reservations"),
}
# The first area that has a beginning of the path; what has none is of the account.
_AREAS: tuple[tuple[Words, tuple[str, ...]], ...] = (
    (lazy_gettext("Back-office"), ("/backoffice/",)),
    (
        lazy_gettext("Scheduler and rooms"),
        (
            "/scheduler",
            "/db/",
            "/api/scheduler/",
            "/api/rooms",
            "/api/reservations",
            "/api/blackouts",
        ),
    ),
    (
        lazy_gettext("Check-in"),
        ("/check-in", "/api/events/<slug>/attendees", "/api/events/<slug>/check-in"),
    ),
    (lazy_gettext("Events and agendas"), ("/agenda/", "/q/", "/api/events", "/api/sessions")),
    (
        lazy_gettext("Expert pages"),
        (
            "/expert",
            "/become-expert",
            "/api/auth/become-expert",
            "/api/experts",
            "/api/event-types",
            "/api/holidays",
        ),
    ),
    (
        lazy_gettext("Bookings"),
        (
            "/my-bookings",
            "/b/",
            "/calendar/",
            "/api/bookings",
            "/api/manage/",
            "/api/requests/",
            "/api/guests/",
            "/api/calendar-feed",
        ),
    ),
)
_ACCOUNT = lazy_gettext("Account and site")


def gained_by(role: str) -> list[tuple[str, list[str]]]:
    """What `role` adds to what everybody may: the areas, and the routes in each."""
    column = role.lower()
    gained: dict[str, list[str]] = {str(name): [] for name, _ in (*_AREAS, (_ACCOUNT, ()))}
    for route, access in permissions.ROUTES.items():
        scope = getattr(access, column)
        if scope not in {Scope.NOTHING, access.guest}:
            text = f"{route}: {SCOPES[scope]}" if scope in SCOPES else route
            gained[str(_area_of(route.partition(" ")[2]))].append(text)
    if role == ADMIN:
        everything = gettext("and everything else under /backoffice/")
        gained[str(_AREAS[0][0])].append(everything)
    return [(area, routes) for area, routes in gained.items() if routes]


def _area_of(path: str) -> Words:
    return next((name for name, starts in _AREAS if path.startswith(starts)), _ACCOUNT)
