"""How API views answer: JSON, once per Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from hashlib import sha256
from typing import Any, ParamSpec

import orjson
from flask import Response, request

from app.gates import current_actor
from app.services import idempotency
from app.services.bookings import Page
from app.services.idempotency import Answer
from app.services.manage_links import manage_token

P = ParamSpec("P")
_TOKEN = "<manage-token>"  # noqa: S105 (what stands for one)


def json_answer(payload: Mapping[str, Any] | Sequence[Any], status: int = 200) -> Response:
    """`payload` as JSON."""
    return Response(orjson.dumps(payload), status, mimetype="application/json")


def page_answer(page: Page) -> Response:
    """One page of a list, as the contract pages lists."""
    return json_answer(
        {
            "items": page.items,
            "page": page.page,
            "page_size": page.page_size,
            "total": page.total,
        }
    )


def known_etags() -> Collection[str]:
    """What the caller has already: `If-None-Match`, weakly compared (RFC 9110, 13.1.2).

    `*` is whatever there is.
    """
    sent = request.if_none_match
    return _EVERY if sent.star_tag else sent.as_set(include_weak=True)


class _Every(frozenset[str]):
    """A set that holds each text."""

    def __contains__(self, _text: object) -> bool:
        return True


_EVERY = _Every()


def idempotent(view: Callable[P, Response]) -> Callable[P, Response]:
    """Honour `Idempotency-Key` on a view whose one command changes a booking.

    A guest is known by the email in the payload, since there is nothing else.
    """

    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(*args, **kwargs)
        fresh: list[Response] = []

        def command() -> Answer:
            response = view(*args, **kwargs)
            fresh.append(response)
            return Answer(response.status_code, _without_link(response.get_data(as_text=True)))

        # Some calls take what they need from the query string.
        payload = request.get_data() + b"?" * bool(request.query_string) + request.query_string
        # Hashed, since the path may hold a manage link's token.
        path = sha256(request.path.encode()).hexdigest()
        answer, repeated = idempotency.once(_actor(request.get_data()), path, key, payload, command)
        if not repeated:
            return fresh[-1]
        body = _with_link(answer.body)
        response = Response(body, answer.status, mimetype="application/json")
        response.headers["Idempotency-Replayed"] = "true"
        return response

    return run


def _without_link(body: str) -> str:
    """An answer as it may be stored: a guest's token is made again when it is repeated."""
    token = _token_in(body)
    return body.replace(token, _TOKEN) if token else body


def _with_link(body: str) -> str:
    token = _token_in(body)
    return body.replace(_TOKEN, token) if token else body


def _token_in(body: str) -> str | None:
    """The token of the booking that the answer is about, if it is about one."""
    booking = orjson.loads(body).get("booking")
    return manage_token(booking["uid"]) if booking else None


def _actor(payload: bytes) -> str:
    actor = current_actor()
    if actor is not None:
        return f"user:{actor.user_id}"
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        body = None
    email = body.get("email") if isinstance(body, dict) else None
    return f"guest:{email[:300].strip().lower()}" if isinstance(email, str) else "guest"
