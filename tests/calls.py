"""Calling the JSON API as somebody, without cookies; every answer is as documented."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app import gates
from app.services import sign_ins
from app.services.policy import ACCOUNT, Actor
from tests import openapi


class Caller:
    """Somebody with a token, or a guest without."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self._client = app.test_client(use_cookies=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(
        self, method: str, path: str, body: Any = None, key: str | None = None, **options: Any
    ) -> TestResponse:
        """`call("POST", "/api/bookings", {...})`; `key` is an Idempotency-Key."""
        headers = self.headers | ({"Idempotency-Key": key} if key is not None else {})
        headers |= options.pop("headers", {})
        if body is not None:
            options["json"] = body
        answer = self._client.open(path, method=method, headers=headers, **options)
        openapi.check(method, path, answer)
        return answer

    def get(self, path: str, **options: Any) -> Any:
        """The JSON of a 200."""
        answer = self("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json


def token_of(app: Flask, actor: Actor, audience: str = ACCOUNT) -> str:
    """A token for the actor, as a sign-in gives."""
    with app.app_context():
        return gates.issue_token(sign_ins.start_sign_in(actor.user_id, audience))


def caller(app: Flask, actor: Actor | None = None, audience: str = ACCOUNT) -> Caller:
    """Somebody signed in; without an actor, a guest."""
    return Caller(app, token_of(app, actor, audience) if actor else None)


def problem(answer: TestResponse) -> tuple[int, str]:
    """`(status, code)` of a refusal, which has the contract's shape."""
    assert answer.mimetype == "application/problem+json", answer.text
    body = answer.json
    assert body["status"] == answer.status_code
    assert (body["type"], bool(body["title"]), bool(body["detail"])) == ("about:blank", True, True)
    return answer.status_code, body["code"]
