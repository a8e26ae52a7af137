"""What every call refuses alike: strangers, owed passwords, and what is no JSON.

The calls are taken from the document, so a new one is tried too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app import limits
from app.gates import _SIGN_IN_DOORS
from app.services.errors import Busy
from tests.calls import Caller, caller, problem
from tests.conftest import prepared_app
from tests.openapi import published
from tests.views.api.conftest import World

OWED = (403, "must_change_password")
WAY_OUT = {("post", "/api/auth/change-password"), ("post", "/api/auth/logout")}


def calls() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in published()["paths"].items():
        for method, call in methods.items():
            if method != "parameters":
                yield method, path, call


def filled(path: str, world: World) -> str:
    """The path with things that exist, where the test world has them."""
    names = {
        "event_type_id": world.event_type_id,
        "type_slug": "consultation",
        "slug": "ann",
        "token": "a-token",
    }
    return re.sub(r"{(\w+)}", lambda match: str(names.get(match[1], 1)), path)


def needs_sign_in(call: dict[str, Any]) -> bool:
    return {} not in call["security"]


def test_guests_and_who_owes_a_password_reach_nothing_private(world: World) -> None:
    private = [(method, path) for method, path, call in calls() if needs_sign_in(call)]
    assert len(private) > 15
    flagged = world.by("flagged")
    for method, path in private:
        where = filled(path, world)
        body = None if method == "get" else {}
        answer = world.guest(method.upper(), where, body)
        assert problem(answer) == (401, "unauthenticated"), (method, path)
        if (method, path) not in WAY_OUT:
            assert problem(flagged(method.upper(), where, body)) == OWED, (method, path)


def test_whoever_owes_a_password_reads_what_everybody_reads(world: World) -> None:
    flagged = world.by("flagged")
    for path in ("/api/experts", "/api/experts/ann", "/api/openapi.json", "/healthz"):
        assert flagged("GET", path).status_code == 200
    slots = "/api/experts/ann/event-types/consultation/slots?from=2031-03-04&to=2031-03-04"
    assert flagged("GET", slots).status_code == 200


def test_a_bad_token_is_refused_everywhere(world: World) -> None:
    liar = Caller(world.app, "not.a.token")
    for method, path, _ in calls():
        if path.startswith(("/api/", "/db/")) and path not in _SIGN_IN_DOORS:
            answer = liar(method.upper(), filled(path, world), None if method == "get" else {})
            assert problem(answer) == (401, "unauthenticated"), (method, path)


NO_OBJECTS = [
    b"{",
    b"nonsense",
    b"[]",
    b'"text"',
    b"5",
    b"null",
    b"NaN",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b"\xff\xfe",
    b'{"a": "\xff"}',
    b'{"name": "\\ud800"}',
    b"\x00",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a": 1e999999}x',
]


def test_what_is_no_json_object_is_refused(world: World) -> None:
    writes = [(method, path) for method, path, call in calls() if "requestBody" in call]
    assert len(writes) > 10
    ann = world.by("ann")
    for method, path in writes:
        for data in NO_OBJECTS:
            answer = ann(
                method.upper(), filled(path, world), data=data, content_type="application/json"
            )
            status, code = problem(answer)
            assert (status, code) in {(422, "invalid_input"), (403, "not_allowed")}, (path, data)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = ann("POST", "/api/event-types", data=b'{"title": "x"}', content_type=content_type)
        assert problem(answer) == (422, "invalid_input")


def test_whatever_stands_in_a_field_is_never_an_error_of_ours(world: World) -> None:
    """Every documented field of every call with every kind of value."""
    values: list[Any] = [
        None,
        True,
        -1,
        2**31,
        2**63,
        1e308,
        "",
        "\x00",
        "x" * 100_000,
        "9999-12-31T23:59:59Z",
        "0000-00-00T00:00:00Z",
        "{{7*7}}%s%n",
        [],
        [[[]]],
        [{}],
        {},
        {"a": {"b": {"c": []}}},
    ]
    admin = world.by("admin")
    for method, path, call in calls():
        schema = call.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name in schema.get("schema", {}).get("properties", {}):
            for value in values:
                answer = admin(method.upper(), filled(path, world), {name: value})
                assert answer.status_code < 500, (method, path, name, value)


def test_query_strings_are_never_an_error_of_ours(world: World) -> None:
    values = ["", "%00", "%ff", "-1", "99999999999999999999", "x" * 5000, "%F0%9F%92%A9", "a[]=b"]
    for method, path, call in calls():
        for parameter in call.get("parameters", []):
            if parameter["in"] == "query":
                for value in values:
                    where = f"{filled(path, world)}?{parameter['name']}={value}"
                    answer = world.by("admin")(method.upper(), where)
                    assert answer.status_code < 500, where


def test_a_body_beyond_the_limit_is_refused(world: World) -> None:
    data = json.dumps({"notes": "x" * 2_200_000}).encode()
    answer = world.guest("POST", "/api/bookings", data=data, content_type="application/json")
    assert problem(answer) == (413, "content_too_large")


# -- paths and methods ---------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/unknown",
        "/api/unknown/deeper/still",
        "/api/experts/",
        "/api/bookings/x/y",
        "/api/event-types/x",
        "/api/event-types/-1",
        "/api/sessions/1.5",
        "/api/v2/x",
        "/db/unknown",
    ],
)
def test_an_unknown_call_is_not_found(world: World, path: str) -> None:
    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        assert problem(world.guest(method, path)) == (404, "not_found"), method


def test_another_method_is_named_so(world: World) -> None:
    for method, path, allowed in (
        ("DELETE", "/api/experts", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/auth/login", {"POST", "OPTIONS"}),
        ("PUT", "/api/bookings", {"GET", "HEAD", "OPTIONS", "POST"}),
    ):
        answer = world.guest(method, path)
        assert problem(answer) == (405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == allowed


def test_head_has_no_body(world: World) -> None:
    answer = world.guest("HEAD", "/api/experts")
    assert (answer.status_code, answer.data) == (200, b"")


# -- too often, and too busy ---------------------------------------------------------


def test_who_comes_too_often_is_told_when_to_come_back(
    app: Flask, database_url: str, tmp_path: Any
) -> None:
    limited = prepared_app(database_url, tmp_path, RATELIMIT_ENABLED="1")
    guest = caller(limited)
    body = {"email": "ann@example.org", "password": "wrong"}
    answers = [guest("POST", "/api/auth/login", body) for _ in range(11)]
    assert [problem(each) for each in answers[:10]] == [(401, "unauthenticated")] * 10
    assert problem(answers[10]) == (429, "rate_limited")
    assert 0 < int(answers[10].headers["Retry-After"]) <= 60
    assert limits.SIGN_INS_PER_ACCOUNT.amount == 10


def test_who_comes_at_a_busy_moment_is_told_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: Any, **_options: Any) -> None:
        raise Busy

    monkeypatch.setattr("app.services.appointments.book_appointment", busy)
    answer = world.guest("POST", "/api/bookings", world.booking())
    assert (problem(answer), answer.headers["Retry-After"]) == ((503, "busy"), "1")


# -- what every answer carries -------------------------------------------------------


def test_answers_are_not_sniffed_framed_or_kept(world: World) -> None:
    for name, path in (("guest", "/api/experts"), ("ben", "/api/bookings")):
        answer = world.by(name)("GET", path)
        assert answer.mimetype == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert ("no-store" in answer.headers.get("Cache-Control", "")) == (name == "ben")


# -- what must not be told -----------------------------------------------------------


def test_what_guests_leave_is_neither_public_nor_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    canary = {
        "name": "Canary One",
        "email": "canary-two@example.org",
        "phone": "canary-three",
        "notes": "canary-four",
    }
    answer = world.book(**canary)
    token = answer["manage_url"].rpartition("/")[2]
    moved = {"action": "reschedule", "starts_at": "2031-03-04T10:00:00Z"}
    for body in (moved, {"action": "cancel", "reason": "canary-five"}):
        assert world.guest("POST", f"/api/manage/{token}", body).status_code == 200
    world.book(starts_at="2031-03-04T11:00:00Z", **canary)
    public = [
        "/api/experts",
        "/api/experts/ann",
        "/api/experts/ann/event-types/consultation/slots?from=2031-03-04&to=2031-03-05",
        "/ann",
        "/ann/consultation",
        "/experts",
        "/",
    ]
    for path in public:
        assert "canary" not in world.guest("GET", path).text.lower(), path
    taken = world.guest("POST", "/api/bookings", world.booking("2031-03-04T11:00:00Z"))
    assert (problem(taken), "canary" in taken.text.lower()) == ((409, "slot_taken"), False)
    logged = "\n".join(
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith("sqlalchemy.engine")
    )
    assert "canary" not in logged.lower()
    assert token not in logged
