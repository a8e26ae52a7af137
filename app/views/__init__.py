"""The faces: every blueprint and back-office view, registered in one place."""

from __future__ import annotations

from flask import Flask
from flask_appbuilder import AppBuilder

from app.views import (
    account,
    address_proof,
    admin,
    admission,
    agenda,
    api,
    booking,
    calendar_feed,
    health,
    language,
    local_time,
    scheduler,
    theme,
)


def register(app: Flask, builder: AppBuilder) -> None:
    """Register all views; pages by slug last, so that nothing is shadowed by them."""
    app.register_blueprint(health.blueprint)
    api.register(app, builder)
    admin.register(builder)
    app.register_blueprint(local_time.blueprint)
    app.register_blueprint(theme.blueprint)
    app.register_blueprint(language.blueprint)
    app.register_blueprint(account.blueprint)
    app.register_blueprint(address_proof.blueprint)
    app.register_blueprint(admission.blueprint)
    app.register_blueprint(agenda.blueprint)
    app.register_blueprint(calendar_feed.blueprint)
    app.register_blueprint(scheduler.blueprint)
    app.register_blueprint(booking.blueprint)
