"""The back-office that Flask-AppBuilder generates, over the services."""

from __future__ import annotations

from flask_appbuilder import AppBuilder


def register(builder: AppBuilder) -> None:
    """Add the back-office's views and menu."""
