"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.extensions import db
from tests.calls import caller

ALL_OK = {"database": "ok", "migrations": "ok", "redis": "ok"}


def test_alive_says_so_without_the_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db.session, "connection", _unreachable)
    assert caller(app).get("/healthz") == {"status": "ok"}


def test_ready_when_everything_is_there(app: Flask) -> None:
    assert caller(app).get("/readyz") == {"status": "ok", "checks": ALL_OK}


def test_unready_without_the_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db.session, "connection", _unreachable)
    answer = caller(app)("GET", "/readyz")
    gone = {"database": "unreachable", "migrations": "unreachable"}
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "unready", "checks": ALL_OK | gone},
    )


def test_unready_without_redis(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "REDIS_URL", "redis://127.0.0.1:1/0")
    answer = caller(app)("GET", "/readyz")
    assert (answer.status_code, answer.json["checks"]) == (503, ALL_OK | {"redis": "unreachable"})


def test_unready_before_its_migrations(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.views.health.migration_head", lambda: "newer")
    answer = caller(app)("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["migrations"] == "run: flask db upgrade"


def test_metrics_are_for_this_machine_or_with_the_token(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    token = {"Authorization": "Bearer metrics-token"}
    ask = caller(app)
    assert ask("GET", "/metrics").status_code == 200
    assert b"python_info" in ask("GET", "/metrics").data
    assert ask("GET", "/metrics", environ_base=elsewhere).status_code == 404
    assert ask("GET", "/metrics", environ_base=elsewhere, headers=token).status_code == 404
    assert ask("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    monkeypatch.setitem(app.config, "METRICS_TOKEN", "metrics-token")
    assert ask("GET", "/metrics", environ_base=elsewhere, headers=token).status_code == 200
    wrong = {"Authorization": "Bearer other"}
    assert ask("GET", "/metrics", environ_base=elsewhere, headers=wrong).status_code == 404


def _unreachable(*_args: Any, **_options: Any) -> None:
    raise OperationalError("SELECT 1", {}, Exception("no connection"))
