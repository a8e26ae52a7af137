"""Rate limits: what is counted, by what, and what happens without the store."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.errors import StorageError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import TestResponse

from app import limits
from app.extensions import db
from app.models import User
from tests.calls import caller
from tests.factories import PASSWORD, make_expert, make_user

ANN = "ann@example.org"


@pytest.fixture
def app(limited_app: Flask) -> Flask:
    """An application that counts, with ann@example.org in it."""
    with limited_app.app_context():
        make_user(email=ANN)
    return limited_app


@pytest.fixture
def limited(app: Flask) -> FlaskClient:
    """A browser of it."""
    return app.test_client()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes cost nothing here: hundreds are asked for."""
    monkeypatch.setattr("app.services.passwords.check_password_hash", lambda *_: False)
    monkeypatch.setattr("app.services.passwords.generate_password_hash", lambda *_: "hash")


def sign_in(client: FlaskClient, email: str = ANN, address: str = "192.0.2.1", **kw: Any) -> int:
    answer = client.post(
        "/api/auth/login",
        json={"email": email, "password": PASSWORD},
        environ_base={"REMOTE_ADDR": address},
        **kw,
    )
    return answer.status_code


def is_rate_limited(answer: TestResponse) -> bool:
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "rate_limited"
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    return answer.status_code == 429


def test_an_account_is_tried_ten_times_a_minute(app: Flask, limited: FlaskClient) -> None:
    with app.app_context():
        db.session.query(User).one().username = "ann"
        db.session.commit()
    names = [ANN, "ANN@example.org", "ann", " ann "] * 3
    tried = [sign_in(limited, name, f"192.0.2.{n}") for n, name in enumerate(names[:10])]
    assert set(tried) == {401}
    assert sign_in(limited, ANN, "192.0.2.99") == 429
    for path, body in [
        ("/api/auth/login", {"email": ANN, "password": PASSWORD}),
        ("/api/v1/security/login", {"username": "ann", "password": PASSWORD}),
    ]:
        assert is_rate_limited(limited.post(path, json=body))
    assert sign_in(limited, "bob@example.org") == 401


def test_an_address_tries_sixty_times_a_minute(limited: FlaskClient) -> None:
    tried = [sign_in(limited, f"person{n}@example.org") for n in range(61)]
    assert (set(tried[:60]), tried[60]) == ({401}, 429)
    assert sign_in(limited, "person61@example.org", "192.0.2.2") == 401


def test_one_customer_is_one_address(limited: FlaskClient) -> None:
    tried = [sign_in(limited, f"person{n}@example.org", f"2001:db8:0:1::{n:x}") for n in range(61)]
    assert tried[60] == 429
    assert sign_in(limited, "person61@example.org", "2001:db8:0:2::1") == 401


def test_a_claimed_address_is_not_believed(limited: FlaskClient) -> None:
    tried = [
        sign_in(limited, f"person{n}@example.org", headers={"X-Forwarded-For": f"198.51.100.{n}"})
        for n in range(61)
    ]
    assert tried[60] == 429


def test_a_trusted_proxy_is_believed(
    app: Flask, limited: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "wsgi_app", ProxyFix(app.wsgi_app, x_for=1))
    tried = [
        sign_in(limited, f"person{n}@example.org", headers={"X-Forwarded-For": f"198.51.100.{n}"})
        for n in range(61)
    ]
    assert set(tried) == {401}


def test_an_address_registers_twenty_times_an_hour(limited: FlaskClient) -> None:
    answers = [
        limited.post(
            "/api/auth/register",
            json={"name": "P", "email": f"person{n}@example.org", "password": "x"},
        )
        for n in range(21)
    ]
    assert {each.status_code for each in answers[:20]} == {422}
    assert is_rate_limited(answers[20])


def test_guessing_the_current_password_counts_too(
    app: Flask, limited: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.passwords.check_password_hash", lambda *_: True)
    token = limited.post("/api/auth/login", json={"email": ANN, "password": PASSWORD}).json[
        "access_token"
    ]
    monkeypatch.setattr("app.services.passwords.check_password_hash", lambda *_: False)
    answers = [
        app.test_client().post(
            "/api/auth/change-password",
            json={"current_password": "a guess", "new_password": "whatever it may be"},
            headers={"Authorization": f"Bearer {token}"},
        )
        for _ in range(10)
    ]
    assert [each.status_code for each in answers] == [422] * 9 + [429]


def test_without_the_store_each_process_counts_for_itself(
    app: Flask, limited: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter, _ = app.extensions["rendezvous.limits"]

    def away(*_: Any, **__: Any) -> bool:
        raise StorageError(ConnectionError("gone"))

    monkeypatch.setattr(limiter.limiter, "hit", away)
    tried = [sign_in(limited) for _ in range(11)]
    assert (set(tried[:10]), tried[10]) == ({401}, 429)


def test_calendars_are_added_and_refreshed_so_often(app: Flask) -> None:
    path = "/api/experts/me/busy-calendars"
    with app.app_context():
        expert, _ = make_expert()
    call = caller(app, expert)
    body = {"name": "Work", "url": "https://calendar.example.org/x.ics"}
    added = call("POST", path, body).json["busy_calendar"]
    refreshed = [call("POST", f"{path}/{added['id']}/refresh") for _ in range(13)]
    assert [answer.status_code for answer in refreshed[:12]] == [202] * 12
    assert is_rate_limited(refreshed[12])
    tried = [call("POST", path, {"name": "", "url": ""}) for _ in range(30)]
    assert {answer.status_code for answer in tried[:29]} == {422}
    assert is_rate_limited(tried[29])


def test_there_is_one_limiter(app: Flask) -> None:
    assert len(app.extensions["limiter"]) == 1
    assert app.appbuilder.sm.limiter in app.extensions["limiter"]  # type: ignore[attr-defined]
    assert str(limits.SIGN_INS_PER_ACCOUNT) == "10 per 1 minute"
