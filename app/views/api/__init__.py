"""The JSON API, one module per resource of the contract."""

from __future__ import annotations

from flask import Flask
from flask_appbuilder import AppBuilder

from app.views.api import (
    admission,
    agenda,
    auth,
    bookings,
    event_types,
    events,
    experts,
    guests,
    holidays,
    openapi,
)


def register(app: Flask, builder: AppBuilder) -> None:
    """Register the API's blueprints, and the page that documents them."""
    for module in (
        auth,
        experts,
        holidays,
        event_types,
        bookings,
        guests,
        events,
        admission,
        agenda,
        openapi,
    ):
        app.register_blueprint(module.blueprint)
    builder.add_view_no_menu(openapi.SwaggerView)
