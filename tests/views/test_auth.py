"""`/api/auth` to the letter of the contract."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.extensions import db
from app.models import Expert, SignIn, User
from app.services import accounts
from tests.conftest import NOW
from tests.factories import PASSWORD, make_admin, make_user

NEW = "an altogether different one"
ANN = {"name": "Ann Lee", "email": "ann@example.org", "password": PASSWORD}


@pytest.fixture
def ann(app: Flask) -> int:
    """The id of a user, ann@example.org."""
    with app.app_context():
        user_id: int = make_user(name="Ann", email="ann@example.org").id
        return user_id


def token(client: FlaskClient, email: str = "ann@example.org", password: str = PASSWORD) -> str:
    """A token, without the cookie that comes with it."""
    answer = client.application.test_client().post(
        "/api/auth/login", json={"email": email, "password": password}
    )
    assert answer.status_code == 200, answer.json
    found: str = answer.json["access_token"]
    return found


def bearer(given: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {given}"}


def is_problem(answer: Any, status: int, code: str) -> bool:
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert answer.json["detail"]
    return bool(answer.json["code"] == code)


# -- register and login --------------------------------------------------------------


def test_registering_signs_in(client: FlaskClient) -> None:
    answer = client.post("/api/auth/register", json=ANN | {"time_zone": "Asia/Tokyo"})
    assert answer.status_code == 201
    assert set(answer.json) == {"access_token", "expires_at", "user"}
    assert answer.json["expires_at"] == "2031-03-17T06:00:00Z"
    user = answer.json["user"]
    assert user == {
        "id": user["id"],
        "name": "Ann Lee",
        "email": "ann@example.org",
        "time_zone": "Asia/Tokyo",
        "is_expert": False,
        "roles": ["Attendee"],
        "must_change_password": False,
        "email_verified": False,
    }
    stranger = client.application.test_client()
    assert stranger.get("/api/auth/me").status_code == 401
    me = stranger.get("/api/auth/me", headers=bearer(answer.json["access_token"]))
    assert me.json == {"user": user}
    assert me.headers["Cache-Control"] == "no-store"
    assert client.get("/api/auth/me").json == {"user": user}  # by the cookie


def test_the_token_cookie_is_closed_to_scripts_and_foreign_sites(client: FlaskClient) -> None:
    answer = client.post("/api/auth/register", json=ANN)
    cookies = {each.partition("=")[0]: each for each in answer.headers.getlist("Set-Cookie")}
    assert "HttpOnly" in cookies["access_token_cookie"]
    assert "HttpOnly" not in cookies["csrf_access_token"]
    assert all("SameSite=Lax" in each for each in cookies.values())


def test_a_taken_address_is_a_conflict(client: FlaskClient, ann: int) -> None:
    answer = client.post("/api/auth/register", json=ANN | {"email": "ANN@example.org"})
    assert is_problem(answer, 409, "email_taken")
    assert answer.headers.getlist("Set-Cookie") == []


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, {"name", "email", "password"}),
        ({"name": "Ann"}, {"email", "password"}),
        (ANN | {"password": "short"}, {"password"}),
        (ANN | {"password": 123456789012}, {"password"}),
        (ANN | {"password": "x" * 5000}, {"password"}),
        (ANN | {"password": "nul\x00 and some more"}, {"password"}),
        (ANN | {"email": "nowhere"}, {"email"}),
        (ANN | {"email": ["ann@example.org"]}, {"email"}),
        (ANN | {"email": "nul\x00@example.org"}, {"email"}),
        (ANN | {"name": "x" * 1000}, {"name"}),
        (ANN | {"name": {"first": "Ann"}}, {"name"}),
        (ANN | {"name": None}, {"name"}),
        (ANN | {"time_zone": "Mars/Olympus"}, {"time_zone"}),
        (ANN | {"time_zone": 7}, {"time_zone"}),
    ],
)
def test_what_is_wrong_with_a_registration_is_named(
    client: FlaskClient, values: dict[str, Any], fields: set[str]
) -> None:
    answer = client.post("/api/auth/register", json=values)
    assert is_problem(answer, 422, "invalid_input")
    assert set(answer.json["errors"]) == fields


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"name": "\xff"}', "application/json"),
        (b'{"name": "\\ud800"}', "application/json"),
        (b'{"name": NaN}', "application/json"),
        (b"name=Ann", "application/x-www-form-urlencoded"),
        (b'{"name": "Ann"}', "text/plain"),
    ],
)
@pytest.mark.parametrize("call", ["register", "login"])
def test_a_body_that_is_no_json_object_is_invalid_input(
    client: FlaskClient, call: str, body: bytes, kind: str
) -> None:
    answer = client.post(f"/api/auth/{call}", data=body, content_type=kind)
    assert is_problem(answer, 422, "invalid_input")


def test_fields_that_are_not_the_clients_to_set_are_ignored(
    app: Flask, client: FlaskClient
) -> None:
    columns = {column.key: 7 for column in User.__table__.columns}
    answer = client.post(
        "/api/auth/register",
        json=columns
        | {"roles": ["Admin"], "email_verified_at": "2020-01-01T00:00:00Z", "is_expert": True}
        | {"time_zone": None}
        | ANN,
    )
    assert answer.status_code == 201
    assert answer.json["user"]["roles"] == ["Attendee"]
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        assert (user.email_verified_at, user.must_change_password) == (None, False)
        assert (user.username, user.login_count) == ("ann@example.org", 1)  # this sign-in


def test_signing_in_by_address_or_user_name(app: Flask, client: FlaskClient, ann: int) -> None:
    with app.app_context():
        db.session.get_one(User, ann).username = "boss"
        db.session.commit()
    for name in ("Ann@Example.org ", "boss"):
        answer = client.application.test_client().post(
            "/api/auth/login", json={"email": name, "password": PASSWORD}
        )
        assert (answer.status_code, answer.json["user"]["id"]) == (200, ann)


def test_unknown_and_wrong_are_alike(client: FlaskClient, ann: int) -> None:
    answers = [
        client.post("/api/auth/login", json={"email": email, "password": password})
        for email, password in [
            ("ann@example.org", "wrong"),
            ("bob@example.org", "wrong"),
            ("bob@example.org", PASSWORD),
        ]
    ]
    assert all(is_problem(each, 401, "unauthenticated") for each in answers)
    assert len({each.data for each in answers}) == 1
    assert all(each.headers.getlist("Set-Cookie") == [] for each in answers)


# -- change password, logout ---------------------------------------------------------


def test_changing_the_password_keeps_this_token_and_ends_the_others(
    client: FlaskClient, ann: int
) -> None:
    first, second = token(client), token(client)
    answer = client.post(
        "/api/auth/change-password",
        json={"current_password": PASSWORD, "new_password": NEW},
        headers=bearer(first),
    )
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get("/api/auth/me", headers=bearer(first)).status_code == 200
    assert is_problem(client.get("/api/auth/me", headers=bearer(second)), 401, "unauthenticated")
    assert token(client, password=NEW)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"current_password": "wrong", "new_password": NEW}, "current_password"),
        ({"new_password": NEW}, "current_password"),
        ({"current_password": PASSWORD}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "short"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "password1234"}, "new_password"),
    ],
)
def test_a_bad_password_change_names_the_field(
    client: FlaskClient, ann: int, values: dict[str, str], field: str
) -> None:
    answer = client.post("/api/auth/change-password", json=values, headers=bearer(token(client)))
    assert is_problem(answer, 422, "invalid_input")
    assert set(answer.json["errors"]) == {field}


def test_after_logout_the_token_is_dead(client: FlaskClient, ann: int) -> None:
    mine, other = token(client), token(client)
    assert client.post("/api/auth/logout", headers=bearer(mine)).status_code == 204
    for path in ("/api/auth/me", "/api/experts"):  # a bad credential is told everywhere
        answer = client.get(path, headers=bearer(mine))
        assert is_problem(answer, 401, "unauthenticated")
    assert client.get("/api/auth/me", headers=bearer(other)).status_code == 200


def test_logout_takes_the_cookies_and_the_session_along(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    client.post("/api/auth/login", json={"email": "ann@example.org", "password": PASSWORD})
    csrf = client.get_cookie("csrf_access_token").value
    answer = client.post("/api/auth/logout", headers={"X-CSRF-TOKEN": csrf})
    assert answer.status_code == 204
    assert client.get_cookie("access_token_cookie") is None
    assert client.get_cookie("csrf_access_token") is None
    with app.app_context():
        live = select(func.count()).select_from(SignIn).where(SignIn.ended_at.is_(None))
        assert db.session.scalar(live) == 0


def test_private_calls_want_credentials(client: FlaskClient) -> None:
    for call in ("change-password", "logout", "become-expert"):
        assert is_problem(client.post(f"/api/auth/{call}", json={}), 401, "unauthenticated")
    assert is_problem(client.get("/api/auth/me"), 401, "unauthenticated")


def test_tokens_end_with_their_time_and_with_their_user(
    app: Flask, client: FlaskClient, ann: int, at: Any
) -> None:
    mine = token(client)
    at(NOW + timedelta(days=13))
    assert client.get("/api/auth/me", headers=bearer(mine)).status_code == 200
    at(NOW + timedelta(days=14))
    assert client.get("/api/auth/me", headers=bearer(mine)).status_code == 401
    fresh = token(client)
    with app.app_context():
        accounts.deactivate(make_admin(), ann)
    assert client.get("/api/auth/me", headers=bearer(fresh)).status_code == 401


# -- become expert -------------------------------------------------------------------


def test_becoming_an_expert_once(app: Flask, client: FlaskClient, ann: int) -> None:
    mine = bearer(token(client))
    first = client.post(
        "/api/auth/become-expert", json={"slug": "ann-lee", "headline": "Time"}, headers=mine
    )
    assert first.status_code == 201
    assert first.json["expert"]["slug"] == "ann-lee"
    assert first.json["expert"]["headline"] == "Time"
    again = client.post("/api/auth/become-expert", json={"slug": "other"}, headers=mine)
    assert (again.status_code, again.json) == (200, first.json)
    me = client.get("/api/auth/me", headers=mine).json["user"]
    assert (me["is_expert"], me["roles"]) == (True, ["Attendee", "Expert"])
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Expert)) == 1


def test_becoming_an_expert_needs_no_body(client: FlaskClient, ann: int) -> None:
    answer = client.post("/api/auth/become-expert", headers=bearer(token(client)))
    assert answer.status_code == 201
    assert answer.json["expert"]["slug"] == "ann"
