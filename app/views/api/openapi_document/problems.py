"""Refusals: a schema for each `code` of `app/errors.py`."""

from __future__ import annotations

from typing import get_args

from app.errors import STATUS
from app.services import errors
from app.services.availability import Rule
from app.views.api.openapi_document.builders import Schema, listed, obj, one_of, ref, text, whole
from app.views.api.openapi_document.fields import CONFLICT, FLAG, ID, UTC

_EXTRAS: dict[str, dict[str, Schema]] = {
    "invalid_input": {
        "errors": {"type": "object", "additionalProperties": listed(text(), minItems=1)}
    },
    # `occurrences` or `items` where several reservations were wanted at once: the others.
    "overlap": {
        "conflicts": listed(CONFLICT),
        "occurrences": listed(ref("Occurrence")),
        "items": listed(ref("Copy")),
    },
    "slot_taken": {"alternatives": listed(UTC, maxItems=5)},
    "session_full": {
        "waitlist": FLAG,
        "alternatives": listed(obj(id=ID, title=text(), starts_at=UTC)),
    },
    "not_offered": {"rule": one_of(*get_args(Rule))},
}
# `code` → status: all domain errors, and what the server refuses before any view.
CODES: dict[str, int] = {error.code: status for error, status in STATUS.items()} | {
    errors.DomainError.code: 409,
    "method_not_allowed": 405,
    "content_too_large": 413,
    "internal_error": 500,
}


def problems() -> dict[str, Schema]:
    base = obj(
        type=text(),
        title=text(),
        status=whole(400, 599),
        detail=text(description="A sentence for people."),
        code=one_of(*sorted(CODES)),
    )
    return {"Problem": base} | {
        problem_name(code): {
            "allOf": [ref("Problem")],
            **obj(
                {"occurrences", "items"},
                code={"const": code},
                status={"const": status},
                **_EXTRAS.get(code, {}),
            ),
        }
        for code, status in CODES.items()
    }


def problem_name(code: str) -> str:
    return "Problem_" + code
