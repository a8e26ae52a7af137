"""The one table: what a domain error becomes, as a problem document, a page or an ack.

Problem documents follow RFC 9457. Anything that is not a domain error is logged with
its trace and answered with a sentence that tells nothing about the inside.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Flask, Response, current_app, redirect, render_template, request
from flask_babel import gettext, lazy_gettext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.services.errors import (
    Busy,
    DomainError,
    EmailTaken,
    Gone,
    IdempotencyInFlight,
    IdempotencyMismatch,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    NotOffered,
    Overlap,
    RateLimited,
    SessionFull,
    SlotTaken,
    Stale,
    Unauthenticated,
)

STATUS: dict[type[DomainError], int] = {
    InvalidInput: 422,
    Unauthenticated: 401,
    NotAllowed: 403,
    MustChangePassword: 403,
    NotFound: 404,
    Overlap: 409,
    SlotTaken: 409,
    NotOffered: 422,
    SessionFull: 409,
    Stale: 409,
    EmailTaken: 409,
    IdempotencyMismatch: 422,
    IdempotencyInFlight: 409,
    Gone: 410,
    RateLimited: 429,
    Busy: 503,
}
# What werkzeug refuses by itself, in the words of the contract.
_CODES = {
    400: "invalid_input",
    401: "unauthenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    410: "gone",
    413: "content_too_large",
    429: "rate_limited",
    503: "busy",
}
# And in ours: its own are of servers and entities, and English.
_DETAILS = {
    400: lazy_gettext("This request cannot be read."),
    413: lazy_gettext("This is more than can be sent at once."),
    415: lazy_gettext("This cannot be read in the format in which it was sent."),
}
API_PREFIXES = ("/api/", "/db/")

log = logging.getLogger(__name__)


def status_of(error: DomainError) -> int:
    """The HTTP status of a domain error; one that no row names is a refusal, 409."""
    return STATUS.get(type(error), 409)


def problem_of(error: DomainError) -> dict[str, Any]:
    """The problem document of a domain error; sockets send the same as their ack."""
    status = status_of(error)
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error.detail),
        "code": error.code,
        **error.extra,
    }


def init_app(app: Flask) -> None:
    """Answer every error from this table."""
    app.register_error_handler(DomainError, _on_domain_error)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(DBAPIError, _on_database_error)
    app.register_error_handler(PoolTimeout, _on_database_error)
    app.register_error_handler(Exception, _on_bug)


def wants_json() -> bool:
    """Whether the client is a program: by the path, a bearer token, or what it accepts."""
    return (
        "Authorization" in request.headers
        or request.path.startswith(API_PREFIXES)
        or (
            request.accept_mimetypes.best_match(["text/html", "application/json"])
            == "application/json"
        )
    )


def answer(error: DomainError) -> Response:
    """A domain error as a response: a problem document or a page.

    Somebody unknown who only looks at a page is asked to sign in, and led back to it.
    """
    if isinstance(error, Unauthenticated) and request.method == "GET" and not wants_json():
        sign_in = current_app.appbuilder.get_url_for_login  # type: ignore[attr-defined]
        target = request.full_path.rstrip("?")
        return redirect(f"{sign_in}?{urlencode({'next': target})}")  # type: ignore[return-value]
    return _answer(problem_of(error), getattr(error, "retry_after", None))


def _on_domain_error(error: DomainError) -> Response:
    return answer(error)


def _on_http_error(error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed) and _is_no_call(error):
        return answer(NotFound())
    status = error.code or 500
    if status < 400 or error.response is not None:  # a redirect, or an answer ready-made
        return error.get_response()  # type: ignore[return-value]
    if status == 405:
        detail = gettext("%(method)s is not possible here.", method=request.method)
    elif status == 404:
        detail = str(NotFound.detail)
    elif status in _DETAILS and error.description == type(error).description:
        detail = str(_DETAILS[status])
    else:
        detail = error.description or HTTPStatus(status).phrase
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": _CODES.get(status, HTTPStatus(status).name.lower()),
    }
    response = _answer(problem, getattr(error, "retry_after", None))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _is_no_call(error: MethodNotAllowed) -> bool:
    """Whether only a page of somebody's slug has this address, which reads like a call's."""
    if not request.path.startswith(API_PREFIXES):
        return False
    adapter = current_app.create_url_adapter(request)
    method = next(iter(error.valid_methods or ("GET",)))
    rule, _ = adapter.match(method=method, return_rule=True)  # type: ignore[union-attr]
    return not rule.rule.startswith(API_PREFIXES)


def _on_database_error(error: Exception) -> Response:
    log.error("database error outside a command: %s", error, exc_info=error)
    return answer(Busy())


def _on_bug(error: Exception) -> Response:
    # The rule, not the path: paths hold manage links.
    log.error("unexpected error on %s %s", request.method, request.url_rule, exc_info=error)
    if current_app.testing and current_app.config.get("PROPAGATE_EXCEPTIONS"):
        raise error
    return _answer(
        {
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": gettext(
                "Something went wrong on our side. Nothing was lost; please try again."
            ),
            "code": "internal_error",
        },
        None,
    )


def _answer(problem: dict[str, Any], retry_after: int | None) -> Response:
    status = problem["status"]
    if wants_json():
        response = Response(orjson.dumps(problem), status, mimetype="application/problem+json")
    else:
        page = render_template("errors/error.html", problem=problem)
        response = Response(page, status, mimetype="text/html")
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response
