"""What `/api/openapi.json` says: the product's own calls, as data with a few builders.

OpenAPI 3.1, so schemas are JSON Schema 2020-12. Each subject has a module with its schemas
and its paths, made by `builders`, `fields` and `operations`; here they are put together. Errors come from `app/errors.py`; tests hold paths
against the routes, and answers against the schemas.
"""

from __future__ import annotations

from app.errors import API_PREFIXES
from app.views.api.openapi_document import (
    accounts,
    agenda,
    bookings,
    experts,
    reservations,
    scheduler,
    service,
)
from app.views.api.openapi_document.builders import Schema, text
from app.views.api.openapi_document.fields import ID
from app.views.api.openapi_document.problems import problems

# In the order in which the document lists them, so that two versions compare line by line.
_SCHEMAS: dict[str, Schema] = (
    accounts.SCHEMAS
    | experts.SCHEMAS
    | bookings.SCHEMAS
    | reservations.SCHEMAS
    | scheduler.SCHEMAS
    | experts.OFFERING
    | agenda.SCHEMAS
    | accounts.SIGNING_IN
    | service.SCHEMAS
)
_PATHS: dict[str, dict[str, Schema]] = (
    accounts.PATHS
    | experts.PATHS
    | bookings.PATHS
    | agenda.EVENTS
    | reservations.PATHS
    | scheduler.PATHS
    | agenda.PATHS
    | service.PATHS
)


def document(public_url: str) -> Schema:
    """The whole OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rendezvous",
            "version": "1",
            "description": "Instants are answered in UTC with `Z`; any offset is taken, a naive"
            " time is not. Refusals are `application/problem+json` with a `code`. Lists page"
            " with `page` (from 1) and `page_size` (up to 100).",
        },
        "servers": [{"url": public_url}],
        "paths": {path: _with_path_parameters(path, calls) for path, calls in _PATHS.items()},
        "components": {
            "schemas": _SCHEMAS | problems(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "access_token_cookie"},
                "session": {"type": "apiKey", "in": "cookie", "name": "rendezvous"},
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-TOKEN",
                    "description": "From the `csrf_access_token` cookie, or a page's token.",
                },
            },
        },
    }


def _with_path_parameters(path: str, calls: dict[str, Schema]) -> Schema:
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": ID if name.endswith("_id") else text(),
        }
        for name in names
    ]
    tag = path.removeprefix("/api/").strip("/").partition("/")[0]
    named = {
        method: {"tags": [tag], "operationId": f"{method} {path}", **call}
        for method, call in calls.items()
    }
    if not path.startswith(API_PREFIXES):  # a browser is refused by a page
        for call in named.values():
            for answer in call["responses"].values():
                if "application/problem+json" in answer.get("content", {}):
                    answer["content"]["text/html"] = {"schema": text()}
    return named | ({"parameters": parameters} if parameters else {})
