"""The JSON API, one module per resource of the contract."""

from __future__ import annotations

from flask import Flask

from app.views.api import agenda, auth, bookings, event_types, experts


def register(app: Flask) -> None:
    """Register the API's blueprints."""
    for module in (auth, experts, event_types, bookings, agenda):
        app.register_blueprint(module.blueprint)
