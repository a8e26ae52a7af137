"""The back-office that Flask-AppBuilder generates, over the services."""

from __future__ import annotations

from typing import Any

from flask_appbuilder import AppBuilder

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

MENU: dict[str, list[Any]] = {  # views with a `plural` and an `icon`
    "Time": [BookingView, EventSessionView, WaitlistView, EventView, RoomView, BlackoutView],
    "Offers": [ExpertView, EventTypeView],
    "People": [AttendeeView, UserView, RoleView],
    "System": [OutboxView, MailTextView, AuditView, SettingsView],
}


def register(builder: AppBuilder) -> None:
    """Add the back-office's views and menu."""
    for category, views in MENU.items():
        for view in views:
            builder.add_view(view, view.plural, icon=view.icon, category=category)
    builder.add_view(ReportView, "Reports", icon="chart-column", category="Time")
    builder.add_view(ImportView, "Import and export", icon="upload", category="System")
    builder.add_link("API", href="/swagger/v1", icon="link", category="System")
