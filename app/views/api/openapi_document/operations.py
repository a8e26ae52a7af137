"""Calls: what they take, what they answer, how they refuse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from app.views.api.openapi_document.builders import Schema, listed, obj, patch, ref, text, whole
from app.views.api.openapi_document.problems import CODES, problem_name
from app.views.api.payload import MAX_PAGE_SIZE

READ = [{"bearer": []}, {"cookie": []}, {"session": []}]
WRITE = [{"bearer": []}, {"cookie": [], "csrf": []}, {"session": [], "csrf": []}]
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key, actor and payload get the first answer again, for 24 hours.",
    "schema": text(200, minLength=1),
}
PAGING = {"page": whole(1), "page_size": whole(1, MAX_PAGE_SIZE)}


def operation(
    summary: str,
    answers: Mapping[int, Schema | str | None],
    *,
    needs: str = "account",
    body: Schema | None = None,
    query: Mapping[str, Schema] | None = None,
    required: Iterable[str] = (),
    refusals: Iterable[str] = (),
    idempotent: bool = False,
    is_write: bool = True,
    headers: Iterable[str] = (),
) -> Schema:
    """One call. An answer is a schema, a media type or nothing.

    `needs` is "account", "sign-in" (an agenda's is enough) or "nothing" (a credential
    counts if there is one).
    """
    codes = {"unauthenticated", "must_change_password", "busy", *refusals}
    if needs == "account":
        codes.add("not_allowed")
    if body is not None or query:
        codes.add("invalid_input")
    if body is not None:
        codes.add("content_too_large")
    if idempotent:
        codes |= {"idempotency_mismatch", "idempotency_in_flight"}
    parameters = [
        {"name": name, "in": "query", "required": name in set(required), "schema": schema}
        for name, schema in (query or {}).items()
    ]
    parameters += [{"name": name, "in": "header", "schema": text()} for name in headers]
    security = WRITE if is_write else READ
    described: Schema = {
        "summary": summary,
        "security": [{}, *security] if needs == "nothing" else security,
        "responses": _responses(answers, codes),
    }
    if parameters or idempotent:
        described["parameters"] = parameters + ([_IDEMPOTENCY] if idempotent else [])
    if body is not None:
        described["requestBody"] = {
            "required": bool(body.get("required")),
            "content": {"application/json": {"schema": body}},
        }
    return described


def with_file(call: Schema, form: Schema) -> Schema:
    """The call, also with a form that carries a file."""
    call["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    return call


def query_or_json(**properties: Schema) -> dict[str, Any]:
    """Parameters that may come in the query string or in the body: neither requires them."""
    body = patch(**properties) | {"description": "Instead of the query string, or beside it."}
    return {"query": properties, "body": body}


def read(summary: str, answer: Schema | str, **more: Any) -> Schema:
    """A GET that answers 200."""
    return operation(summary, {200: answer} | more.pop("also", {}), is_write=False, **more)


def public(summary: str, answer: Schema | str, **more: Any) -> Schema:
    """A GET for everybody."""
    return read(summary, answer, needs="nothing", **more)


def paged(items: Schema) -> Schema:
    return obj(
        items=listed(items), page=whole(1), page_size=whole(1, MAX_PAGE_SIZE), total=whole(0)
    )


def _responses(
    answers: Mapping[int, Schema | str | None], codes: Iterable[str]
) -> dict[str, Schema]:
    found = _refusals(codes)
    for status, what in answers.items():
        described = _answer(status, what)
        refused = found.get(str(status), {}).get("content", {})
        if "content" in described:
            described["content"] |= refused
        found[str(status)] = described
    return dict(sorted(found.items()))


def _answer(status: int, what: Schema | str | None) -> Schema:
    described: Schema = {"description": HTTPStatus(status).phrase}
    if isinstance(what, str):
        described["content"] = {what: {"schema": {"type": "string"}}}
    elif what is not None:
        described["content"] = {"application/json": {"schema": what}}
    return described


def _refusals(codes: Iterable[str]) -> dict[str, Schema]:
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(CODES[code], []).append(code)
    found: dict[str, Schema] = {}
    for status, names in sorted(by_status.items()):
        schemas = [ref(problem_name(name)) for name in names]
        found[str(status)] = {
            "description": ", ".join(names),
            "content": {
                "application/problem+json": {
                    "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
                }
            },
        }
        if status in {429, 503}:
            found[str(status)]["headers"] = {"Retry-After": {"schema": whole(1)}}
    return found
