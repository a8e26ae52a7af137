"""`/healthz`, `/readyz`, `/metrics`: for operators and their machines."""

from __future__ import annotations

import hmac

from alembic.runtime.migration import MigrationContext
from flask import Blueprint, Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import Redis, RedisError
from sqlalchemy.exc import DBAPIError

from app.extensions import db
from app.services.doctor import migration_head
from app.services.errors import NotFound
from app.views.api.answers import json_answer

blueprint = Blueprint("health", __name__)
_LOOPBACK = {"127.0.0.1", "::1"}


@blueprint.get("/healthz")
def alive() -> Response:
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
def ready() -> Response:
    checks = {"database": "ok", "migrations": "ok", "redis": "ok"}
    try:
        context = MigrationContext.configure(db.session.connection())
        if context.get_current_revision() != migration_head():
            checks["migrations"] = "run: flask db upgrade"
    except DBAPIError:
        checks["database"] = checks["migrations"] = "unreachable"
    if url := current_app.config["REDIS_URL"]:
        try:
            Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1).ping()
        except RedisError:
            checks["redis"] = "unreachable"
    is_ready = set(checks.values()) == {"ok"}
    return json_answer(
        {"status": "ok" if is_ready else "unready", "checks": checks}, 200 if is_ready else 503
    )


@blueprint.get("/metrics")
def metrics() -> Response:
    token = current_app.config["METRICS_TOKEN"]
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_token = bool(token) and hmac.compare_digest(given.encode(), token.encode())
    if not by_token and (request.remote_addr not in _LOOPBACK or _is_proxied()):
        raise NotFound
    return Response(generate_latest(), mimetype=CONTENT_TYPE_LATEST)


def _is_proxied() -> bool:
    # Behind a proxy on this machine everybody seems to come from loopback.
    return "X-Forwarded-For" in request.headers
