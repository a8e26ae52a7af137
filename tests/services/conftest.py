"""Services are called within the application's context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from app.services import changes, transaction


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


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """`meanwhile(act)` lets somebody else `act` just before the next command's transaction.

    So what a command has looked at without locks is old when it judges.
    """
    undisturbed = transaction._transaction

    def arrange(act: Callable[[], Any]) -> None:
        @contextmanager
        def disturbed() -> Iterator[None]:
            monkeypatch.setattr(transaction, "_transaction", undisturbed)
            act()
            with undisturbed():
                yield

        monkeypatch.setattr(transaction, "_transaction", disturbed)

    return arrange
