"""The back-office that Flask-AppBuilder generates, over the services."""

from __future__ import annotations

from typing import Any

from flask_appbuilder import AppBuilder
from flask_babel import lazy_gettext, lazy_pgettext

from app.views.admin.attendees import AttendeeView
from app.views.admin.audit import AuditView
from app.views.admin.blackouts import BlackoutView
from app.views.admin.bookings import BookingView
from app.views.admin.event_sessions import EventSessionView
from app.views.admin.event_types import EventTypeView
from app.views.admin.events import EventView
from app.views.admin.experts import ExpertView
from app.views.admin.imports import ImportView
from app.views.admin.mail_texts import MailTextView
from app.views.admin.outbox import OutboxView
from app.views.admin.reports import ReportView
from app.views.admin.rooms import RoomView
from app.views.admin.settings import SettingsView
from app.views.admin.users import RoleView, UserView
from app.views.admin.waitlist import WaitlistView

# Views with a `plural` and an `icon`, by the names that permissions on the menu have in the
# database: in English, whoever reads.
MENU: dict[str, dict[str, Any]] = {
    "Time": {
        "Bookings": BookingView,
        "Sessions": EventSessionView,
        "Waitlist": WaitlistView,
        "Events": EventView,
        "Rooms": RoomView,
        "Blackouts": BlackoutView,
    },
    "Offers": {"Experts": ExpertView, "Event types": EventTypeView},
    "People": {"Attendees": AttendeeView, "Users": UserView, "Roles": RoleView},
    "System": {
        "Outbox": OutboxView,
        "Mail texts": MailTextView,
        "Audit log": AuditView,
        "Settings": SettingsView,
    },
}
CATEGORIES = {
    "Time": lazy_pgettext("menu", "Time"),
    "Offers": lazy_pgettext("menu", "Offers"),
    "People": lazy_pgettext("menu", "People"),
    "System": lazy_pgettext("menu", "System"),
}


def register(builder: AppBuilder) -> None:
    """Add the back-office's views and menu."""
    for category, views in MENU.items():
        for name, view in views.items():
            builder.add_view(
                view,
                name,
                label=view.plural,
                icon=view.icon,
                category=category,
                category_label=CATEGORIES[category],
            )
    builder.add_view(
        ReportView,
        "Reports",
        label=lazy_gettext("Reports"),
        icon="chart-column",
        category="Time",
    )
    builder.add_view(
        ImportView,
        "Import and export",
        label=lazy_gettext("Import and export"),
        icon="upload",
        category="System",
    )
    builder.add_link("API", href="/swagger/v1", icon="link", category="System")
