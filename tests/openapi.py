"""Holding real answers against what `/api/openapi.json` promises."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from app.views.api.openapi_document import document

ANYWHERE = {405, 413, 500}  # answers that no single call lists


@cache
def published() -> dict[str, Any]:
    """The document, for a server at http://localhost."""
    return document("http://localhost")


def check(method: str, path: str, answer: TestResponse) -> None:
    """Raise AssertionError unless the document allows this answer to this request."""
    call = find_call(method, path.partition("?")[0])
    if call is None:  # not ours, or not there
        return
    if answer.status_code in ANYWHERE:
        check_value(answer.json, {"$ref": "#/components/schemas/Problem"})
        return
    promised = call["responses"].get(str(answer.status_code))
    assert promised, f"{method} {path}: {answer.status_code} is not documented: {answer.text}"
    content = promised.get("content")
    if not content:
        return
    assert answer.mimetype in content, f"{method} {path}: {answer.mimetype} is not documented"
    if answer.mimetype.endswith("json"):
        check_value(answer.json, content[answer.mimetype]["schema"])


def check_value(value: Any, schema: dict[str, Any]) -> None:
    """Raise AssertionError unless the value satisfies a schema of the document."""
    whole = {**schema, "components": published()["components"]}
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(whole).iter_errors(value)
    ]
    assert not errors, (errors, value)


def find_call(method: str, path: str) -> dict[str, Any] | None:
    """The operation of a request; literal paths come before templates."""
    for template in sorted(published()["paths"], key=lambda each: ("{" in each, -len(each))):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        calls = published()["paths"][template]
        if re.fullmatch(pattern, path) and method.lower() in calls:
            found: dict[str, Any] = calls[method.lower()]
            return found
    return None
