"""The JSON API, one module per resource of the contract."""

from __future__ import annotations

from flask import Flask
from flask_appbuilder import AppBuilder

from app.views.api import (
    admission,
    agenda,
    auth,
    bookings,
    busy_calendars,
    calendar_feed,
    event_types,
    events,
    experts,
    guests,
    holidays,
    hour_events,
    openapi,
    reservations,
    rooms,
    scheduler,
)


def register(app: Flask, builder: AppBuilder) -> None:
    """Register the API's blueprints, and the page that documents them."""
    for module in (
        auth,
        experts,
        holidays,
        busy_calendars,
        event_types,
        bookings,
        guests,
        calendar_feed,
        events,
        admission,
        agenda,
        rooms,
        reservations,
        hour_events,
        scheduler,
        openapi,
    ):
        app.register_blueprint(module.blueprint)
    builder.add_view_no_menu(openapi.SwaggerView)
