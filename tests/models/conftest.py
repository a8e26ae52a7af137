"""Models are used within the application's context."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The application with its context open."""
    with app.app_context():
        yield app
