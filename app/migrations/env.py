"""Alembic's environment: the schema of the whole product, Flask-AppBuilder's tables too."""

from __future__ import annotations

from alembic import context
from alembic.runtime.environment import EnvironmentContext
from flask import current_app
from sqlalchemy.engine import Connection

from app.extensions import db
from app.models.types import UTCDateTime


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write our column types as what they are in the database: migrations outlive classes."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(migrations: EnvironmentContext) -> None:
    """Run in one transaction; on SQLite tables are rebuilt where ALTER cannot do it."""
    options = current_app.extensions["migrate"].configure_args
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            _enforce_foreign_keys(connection, "OFF")
        migrations.configure(
            connection=connection, target_metadata=db.metadata, render_item=render_item, **options
        )
        try:
            with migrations.begin_transaction():
                migrations.run_migrations()
        finally:
            if is_sqlite:
                _enforce_foreign_keys(connection, "ON")


def _enforce_foreign_keys(connection: Connection, switch: str) -> None:
    """Off while SQLite rebuilds tables, or dropping one would cascade into its children.

    Told to the driver, since SQLAlchemy would begin a transaction first, and in one this
    does nothing (sqlite.org/pragma.html#pragma_foreign_keys).
    """
    connection.rollback()
    connection.connection.execute(f"PRAGMA foreign_keys={switch}")  # type: ignore[attr-defined]


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database: set DATABASE_URL.")
run(context)
