"""The service itself: this document, whether it is well, its metrics."""

from __future__ import annotations

from app.views.api.openapi_document.builders import Schema, obj, one_of, ref, text
from app.views.api.openapi_document.operations import public

SCHEMAS: dict[str, Schema] = {
    "Checks": obj(
        status=one_of("ok", "unready"),
        checks={"type": "object", "additionalProperties": text()},
    ),
}

PATHS: dict[str, dict[str, Schema]] = {
    "/api/openapi.json": {"get": public("This document", {"type": "object"})},
    "/healthz": {"get": public("Whether it is alive", obj(status=one_of("ok")))},
    "/readyz": {
        "get": public(
            "Whether database, migrations and Redis are there",
            ref("Checks"),
            also={503: ref("Checks")},
        )
    },
    "/metrics": {
        "get": public(
            "For Prometheus, on this machine or with the token",
            "text/plain",
            refusals=["not_found"],
        )
    },
}
