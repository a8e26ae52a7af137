"""Services are called within the application's context."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.services import changes


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The application with its context open."""
    with app.app_context():
        yield app


@pytest.fixture
def published(context: Flask, monkeypatch: pytest.MonkeyPatch) -> list[changes.Change]:
    """What is told after each commit, in order; nobody else is told."""
    told: list[changes.Change] = []
    monkeypatch.setattr(changes, "_subscribers", [told.append])
    return told
