"""The application: `create_app` wires everything, in reading order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_appbuilder import AppBuilder
from werkzeug.middleware.proxy_fix import ProxyFix

import config
import eventloop
from app import cli, database, errors, gates, i18n, live, views
from app.connection_pool import FairPool
from app.extensions import db, mail, migrate
from app.security import SecurityManager
from app.services import changes, transaction, waitlist
from app.views.admin.home import HomeView


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Build the application from `settings`, or from the environment (`config.load`)."""
    loaded = dict(config.load() if settings is None else settings)
    app = Flask(__name__, instance_path=loaded["INSTANCE_PATH"])
    app.config.update(loaded)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if hops := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "poolclass": FairPool,
        **app.config["SQLALCHEMY_ENGINE_OPTIONS"],
    }
    db.init_app(app)
    # The last of such functions is called first: before Flask-SQLAlchemy's own.
    app.teardown_appcontext(lambda _error: transaction.end_session())
    migrate.init_app(app, db, directory="app/migrations")
    mail.init_app(app)
    errors.init_app(app)
    gates.init_app(app)
    with app.app_context():
        database.tune(db.engine)
        builder = AppBuilder(security_manager_class=SecurityManager, indexview=HomeView)
        builder.init_app(app, db.session)
        i18n.init_app(app)
        views.register(app, builder)
    live.init_app(app, is_server=eventloop.is_patched())
    changes.subscribe(waitlist.on_change)
    cli.init_app(app)
    return app
