"""The gates: which credential counts, what a write needs, what a flagged user may."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from flask_appbuilder.cli import fab
from flask_jwt_extended import create_access_token
from flask_socketio import ConnectionRefusedError as SocketRefused
from werkzeug.test import TestResponse

from app import gates
from app.extensions import db
from app.models import SignIn, User
from app.services import accounts, clock, credentials, sign_ins
from app.services.errors import Unauthenticated
from app.services.policy import ADMIN
from tests.catalogs import translate
from tests.factories import PASSWORD, make_admin, make_event, make_user

# Flask-AppBuilder's fields, with WTForms 3.3.
pytestmark = pytest.mark.filterwarnings("ignore:Yielding raw tuples:DeprecationWarning")

ANN = "ann@example.org"
WRITE = "/api/auth/become-expert"  # any write that needs an account


@pytest.fixture
def ann(app: Flask) -> int:
    """The id of a user, ann@example.org."""
    with app.app_context():
        user_id: int = make_user(name="Ann", email=ANN).id
        return user_id


def log_in(client: FlaskClient, email: str = ANN) -> str:
    """By the API: a token, and the cookie."""
    answer = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.json
    token: str = answer.json["access_token"]
    return token


def form_token(client: FlaskClient, path: str = "/login/") -> str:
    """The CSRF token of a page's form."""
    page = client.get(path).get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def log_in_by_page(
    client: FlaskClient, email: str = ANN, password: str = PASSWORD, **query: str
) -> TestResponse:
    return client.post(
        "/login/",
        query_string=query,
        data={"username": email, "password": password, "csrf_token": form_token(client)},
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def who(client: FlaskClient, **options: Any) -> str | None:
    """Whose credentials these are."""
    answer = client.get("/api/auth/me", **options)
    return answer.json["user"]["email"] if answer.status_code == 200 else None


# -- tokens --------------------------------------------------------------------------


def forged(app: Flask, token: str, **changes: Any) -> dict[str, Any]:
    claims = jwt.decode(token, options={"verify_signature": False})
    claims |= changes
    return {name: value for name, value in claims.items() if value is not ...}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "agenda:1"},
        {"aud": ["account"]},
        {"aud": ...},
        {"sub": "999999"},
        {"sub": ...},
        {"jti": "0" * 36},
        {"jti": 7},
        {"jti": ...},
        {"exp": ...},
        {"exp": 1},
        {"type": "refresh"},
        {"type": ...},
    ],
)
def test_a_token_with_other_claims_is_none(
    app: Flask, client: FlaskClient, ann: int, changes: dict[str, Any]
) -> None:
    claims = forged(app, log_in(app.test_client()), **changes)
    token = jwt.encode(claims, app.config["JWT_SECRET_KEY"], "HS256")
    for path in ("/api/auth/me", "/api/experts", "/"):
        assert client.get(path, headers=bearer(token)).status_code == 401


def test_a_token_has_one_algorithm_one_key_and_no_unknown_demands(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    good = log_in(app.test_client())
    claims, key = forged(app, good), app.config["JWT_SECRET_KEY"]
    demanding = {"crit": ["exp-2"], "exp-2": True}
    bad = [
        jwt.encode(claims, "", "none"),
        jwt.encode(claims, key * 2, "HS384"),
        jwt.encode(claims, key * 2, "HS512"),
        jwt.encode(claims, "another key that is long enough for HS256", "HS256"),
        jwt.encode(claims, key, "HS256", headers=demanding),
        good[:-2],
        good + "x",
        "..",
        "a.b.c",
        "null",
        "Bearer",
        "é",
        "",
    ]
    for token in bad:
        answer = client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated"), token
    assert who(client, headers=bearer(good)) == ANN


def test_a_token_without_a_sign_in_is_none(app: Flask, client: FlaskClient, ann: int) -> None:
    with app.app_context():
        token = create_access_token(str(ann))
    assert client.get("/api/auth/me", headers=bearer(token)).status_code == 401


def test_an_agendas_token_reaches_no_account(app: Flask, client: FlaskClient, ann: int) -> None:
    with app.app_context():
        sign_in = sign_ins.start_sign_in(ann, "agenda:1")
        token = gates.issue_token(sign_in)
    assert client.get("/api/auth/me", headers=bearer(token)).status_code == 403
    assert client.post("/api/auth/change-password", json={}, headers=bearer(token)).status_code in {
        401,
        422,
    }
    assert client.get("/backoffice/users/list/", headers=bearer(token)).status_code in {
        302,
        401,
        403,
    }


def test_sockets_take_a_token_a_header_a_cookie_or_a_session(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    token = log_in(app.test_client())
    log_in_by_page(client)
    session = {"Cookie": f"rendezvous={client.get_cookie('rendezvous').value}"}
    ways: list[tuple[Any, dict[str, str]]] = [
        ({"token": token}, {}),
        ({"token": token}, bearer("rubbish")),
        (None, bearer(token)),
        ({}, {"Cookie": f"access_token_cookie={token}"}),
        ("text", session),
    ]
    for auth, headers in ways:
        with app.test_request_context("/socket.io", headers=headers):
            actor = gates.actor_of_socket(auth)
            assert actor is not None
            assert actor.user_id == ann
    with app.test_request_context("/socket.io"):
        assert gates.actor_of_socket(None) is None
    for auth, headers in [({"token": "x"}, {}), ({"token": 7}, {}), (None, bearer("x"))]:
        with app.test_request_context("/socket.io", headers=headers), pytest.raises(SocketRefused):
            gates.actor_of_socket(auth)
    with app.test_request_context("/socket.io"), pytest.raises(Unauthenticated):
        gates.actor_from_token(token + "x")


# -- cookies and sessions ------------------------------------------------------------


def test_the_order_is_bearer_cookie_session(app: Flask, client: FlaskClient, ann: int) -> None:
    with app.app_context():
        make_user(email="bob@example.org")
        make_user(email="cleo@example.org")
    log_in_by_page(client)
    assert who(client) == ANN
    client.set_cookie("access_token_cookie", log_in(app.test_client(), "bob@example.org"))
    assert who(client) == "bob@example.org"
    cleo = log_in(app.test_client(), "cleo@example.org")
    assert who(client, headers=bearer(cleo)) == "cleo@example.org"


def test_a_cookies_write_needs_its_csrf_token(client: FlaskClient, ann: int) -> None:
    log_in(client)
    for headers in ({}, {"X-CSRF-TOKEN": ""}, {"X-CSRF-TOKEN": "x"}, {"X-CSRF-TOKEN": "é"}):
        answer = client.post(WRITE, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
        assert "X-CSRF-TOKEN" in answer.json["detail"]
    token = client.get_cookie("csrf_access_token").value
    assert client.post(WRITE, headers={"X-CSRF-TOKEN": token}).status_code == 201


def test_a_sessions_write_needs_its_csrf_token(client: FlaskClient, ann: int) -> None:
    log_in_by_page(client)
    token = form_token(client, "/profile")
    assert client.post(WRITE).status_code == 401
    stranger = client.application.test_client()
    assert client.post(WRITE, headers={"X-CSRF-TOKEN": form_token(stranger)}).status_code == 401
    assert client.post(WRITE, headers={"X-CSRF-TOKEN": token}).status_code == 201


def test_a_bearers_write_needs_none_even_beside_a_cookie(client: FlaskClient, ann: int) -> None:
    token = log_in(client)
    assert client.post(WRITE, headers=bearer(token)).status_code == 201


@pytest.mark.parametrize("path", ["/login/", "/register", "/profile", "/sign-out"])
def test_forms_of_pages_need_their_token(client: FlaskClient, path: str) -> None:
    data = {"username": ANN, "password": PASSWORD, "name": "Ann", "email": ANN}
    assert client.post(path, data=data).status_code == 401


def test_flask_appbuilders_forms_need_the_token_too(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        make_user(ADMIN, email="boss@example.org")
    log_in_by_page(client, "boss@example.org")
    posts = [
        rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.endpoint.split(".")[0].endswith("View")
    ]
    assert posts
    for rule in posts:
        assert client.post(_path_of(rule.rule)).status_code == 401, rule


def test_an_ended_cookie_is_a_guests_and_is_taken_back(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    client.set_cookie("access_token_cookie", "rubbish")
    answer = client.get("/api/experts")
    assert answer.status_code == 200
    assert client.get_cookie("access_token_cookie") is None

    log_in(client)
    with app.app_context():
        sign_ins.end_sign_ins(ann)
    answer = client.post(
        "/api/auth/register",
        json={"name": "Bob", "email": "bob@example.org", "password": PASSWORD},
    )
    assert answer.status_code == 201
    assert who(client) == "bob@example.org"


def test_a_valid_cookie_is_no_guests(client: FlaskClient, ann: int) -> None:
    log_in(client)
    answer = client.post("/api/bookings", json={})
    assert answer.status_code == 401
    assert "X-CSRF-TOKEN" in answer.json["detail"]


def test_signing_in_looks_at_no_credential_but_the_body(client: FlaskClient, ann: int) -> None:
    log_in(client)
    wrong = bearer("no token at all")
    answer = client.post(
        "/api/auth/login", json={"email": ANN, "password": PASSWORD}, headers=wrong
    )
    assert answer.status_code == 200
    assert who(client) == ANN
    as_form = client.post("/api/auth/login", data={"email": ANN, "password": PASSWORD})
    assert as_form.status_code == 401  # what a foreign page could send is judged as before


def test_an_ended_session_is_a_guests(app: Flask, client: FlaskClient, ann: int) -> None:
    log_in_by_page(client)
    with app.app_context():
        sign_ins.end_sign_ins(ann)
    assert who(client) is None
    assert client.get("/").status_code == 200


# -- the login page ------------------------------------------------------------------


def test_signing_in_by_page_and_out_again(client: FlaskClient, ann: int) -> None:
    answer = log_in_by_page(client, next="/my-bookings")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my-bookings")
    assert who(client) == ANN
    assert client.get("/login/").status_code == 302
    answer = client.post("/logout/", data={"csrf_token": form_token(client, "/profile")})
    assert answer.status_code == 303
    assert who(client) is None


def test_the_designers_sign_out_ends_the_sign_in(client: FlaskClient, ann: int) -> None:
    log_in_by_page(client)
    kept = client.get_cookie("rendezvous").value
    client.post("/sign-out", data={"csrf_token": form_token(client, "/profile")})
    client.set_cookie("rendezvous", kept)  # somebody copied it
    assert who(client) is None


def test_a_foreign_page_signs_nobody_out(client: FlaskClient, ann: int) -> None:
    log_in_by_page(client)
    client.get("/logout/", headers={"Sec-Fetch-Site": "cross-site"})
    assert who(client) == ANN
    client.get("/logout/", headers={"Sec-Fetch-Site": "same-origin"})
    assert who(client) is None


def test_a_wrong_password_shows_the_page_again(client: FlaskClient, ann: int) -> None:
    answer = log_in_by_page(client, password="wrong")
    assert answer.status_code == 401
    assert str(credentials.WRONG_CREDENTIALS) in answer.get_data(as_text=True)
    assert ANN in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"],
)
def test_signing_in_leads_to_no_other_site(client: FlaskClient, ann: int, target: str) -> None:
    answer = log_in_by_page(client, next=target)
    assert answer.status_code == 303
    assert re.match(r"/($|[^/\\])", answer.headers["Location"])


def test_signing_in_starts_a_new_session(client: FlaskClient, ann: int) -> None:
    planted = form_token(client)
    with client.session_transaction() as session:
        session["planted"] = True
    client.post("/login/", data={"username": ANN, "password": PASSWORD, "csrf_token": planted})
    with client.session_transaction() as session:
        assert "planted" not in session
    assert client.post(WRITE, headers={"X-CSRF-TOKEN": planted}).status_code == 401


def test_signing_in_anew_ends_what_the_browser_had(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    log_in_by_page(client)
    old = client.get_cookie("rendezvous").value
    token = form_token(client, "/profile")
    client.post(
        "/api/auth/login",
        json={"email": ANN, "password": PASSWORD},
        headers={"X-CSRF-TOKEN": token},
    )
    thief = app.test_client()
    thief.set_cookie("rendezvous", old)
    assert who(thief) is None
    assert who(client) == ANN


# -- Flask-AppBuilder's doors --------------------------------------------------------


def test_flask_appbuilders_api_login_rests_on_a_sign_in(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    body = {"username": ANN, "password": PASSWORD, "provider": "db", "refresh": True}
    answer = client.post("/api/v1/security/login", json=body)
    assert set(answer.json) == {"access_token"}
    token = answer.json["access_token"]
    assert who(client, headers=bearer(token)) == ANN
    with app.app_context():
        sign_ins.end_sign_ins(ann)
    assert who(client, headers=bearer(token)) is None
    wrong = client.post("/api/v1/security/login", json=body | {"password": "wrong"})
    assert (wrong.status_code, wrong.json["code"]) == (401, "unauthenticated")
    assert client.post("/api/v1/security/refresh").status_code in {401, 404}


def test_no_form_of_flask_appbuilder_sets_a_password(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert not {rule for rule in rules if "resetpassword" in rule or "resetmypassword" in rule}
    assert not {rule for rule in rules if rule.startswith("/userinfoeditview")}


@pytest.mark.parametrize("way", ["bearer", "cookie", "session"])
def test_the_back_office_opens_to_admins_by_every_way(
    app: Flask, client: FlaskClient, ann: int, way: str
) -> None:
    with app.app_context():
        make_user(ADMIN, email="boss@example.org")
    headers = {}
    if way == "bearer":
        headers = bearer(log_in(app.test_client(), "boss@example.org"))
    elif way == "cookie":
        log_in(client, "boss@example.org")
    else:
        log_in_by_page(client, "boss@example.org")
    assert client.get("/backoffice/users/list/", headers=headers).status_code == 200
    stranger = app.test_client()
    assert stranger.get("/backoffice/users/list/").status_code == 302
    log_in(stranger)
    assert stranger.get("/backoffice/users/list/").status_code == 403


def test_the_hash_is_neither_shown_nor_searched(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        user_id = make_user(ADMIN, email="boss@example.org").id
    log_in(client, "boss@example.org")
    pages = [
        client.get(path).get_data(as_text=True)
        for path in ("/backoffice/users/list/", f"/backoffice/users/show/{user_id}")
    ]
    assert all("scrypt" not in page for page in pages)
    assert all("boss@example.org" in page for page in pages)
    for column in ("password", "fail_login_count"):
        filtered = client.get(f"/backoffice/users/list/?_flt_0_{column}=scrypt").get_data(
            as_text=True
        )
        assert "boss@example.org" in filtered  # the filter is not there


def test_a_verified_token_is_refused_as_soon_as_its_sign_in_ends(app: Flask, ann: int) -> None:
    """Its signature is remembered, whether it gives access never; also where one query asks both."""
    with app.app_context():
        make_event(slug="conf", public=False, admission="open")
    paths = ("/api/auth/me", "/api/events/conf/agenda")
    for leave in ("logout", "expire", "deactivate"):
        client = app.test_client(use_cookies=False)
        token = log_in(client)
        for path in paths * 2:
            assert client.get(path, headers=bearer(token)).status_code == 200
        with app.app_context():
            sign_in_id = gates.actor_from_token(token).sign_in_id
            assert sign_in_id
            if leave == "logout":
                sign_ins.end_sign_in(sign_in_id)
            elif leave == "expire":
                db.session.get(SignIn, sign_in_id).expires_at = clock.now()
                db.session.commit()
            else:
                accounts.deactivate(make_admin(), ann)
        for path in paths:
            assert client.get(path, headers=bearer(token)).status_code == 401


def test_a_remembered_signature_does_not_outlive_the_tokens_end(
    app: Flask, client: FlaskClient, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = log_in(app.test_client())
    assert who(client, headers=bearer(token)) == ANN
    end = jwt.decode(token, options={"verify_signature": False})["exp"]
    monkeypatch.setattr("app.gates.time.time", lambda: end)
    assert client.get("/api/auth/me", headers=bearer(token)).status_code == 401


def test_no_more_signatures_are_remembered_than_so_many(
    app: Flask, client: FlaskClient, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "_MAX_VERIFIED", 2)
    tokens = [log_in(app.test_client()) for _ in range(5)]
    for token in tokens * 2:
        assert who(client, headers=bearer(token)) == ANN
        assert len(gates._verified) <= 2
        assert token not in str(gates._verified)


# -- must change password ------------------------------------------------------------


def _path_of(rule: str) -> str:
    """A path that the rule takes: numbers for numbers, the first of what it chooses from."""
    rule = re.sub(r"<any\(['\"]?([\w-]+)[^>]*>", r"\1", rule)
    return re.sub("<[^>]*>", lambda found: "1" if found[0].startswith("<int") else "x", rule)


def _routes(app: Flask) -> list[tuple[str, str]]:
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in {"static", "appbuilder.static"}
        and not rule.endpoint.startswith("health.")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


@pytest.mark.parametrize("way", ["bearer", "cookie", "session"])
def test_who_owes_a_password_finds_every_other_door_shut(
    app: Flask, client: FlaskClient, way: str
) -> None:
    with app.app_context():
        make_user(ADMIN, email="new@example.org", flagged=True)
    headers = {}
    if way == "bearer":
        headers = bearer(log_in(app.test_client(), "new@example.org"))
    elif way == "cookie":
        log_in(client, "new@example.org")
        headers = {"X-CSRF-TOKEN": client.get_cookie("csrf_access_token").value}
    else:
        log_in_by_page(client, "new@example.org")
        headers = {"X-CSRF-TOKEN": form_token(client, "/change-password")}
    shut = [each for each in _routes(app) if not gates.is_exempt(*each)]
    assert len(shut) > 20
    for method, rule in shut:
        answer = client.open(_path_of(rule), method=method, headers=headers)
        if rule.startswith(gates.API_PREFIXES):
            assert (answer.status_code, answer.json["code"]) == (403, "must_change_password"), rule
        else:
            assert answer.status_code == 303, rule
            place = answer.headers["Location"].partition("?next=")
            assert place[0] == "/change-password"
            assert bool(place[2]) == (method == "GET"), rule  # nothing is sent once more


def test_who_owes_a_password_may_look_change_and_leave(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        make_user(email="new@example.org", flagged=True)
    token = log_in(app.test_client(), "new@example.org")
    other = log_in(app.test_client(), "new@example.org")
    for path in ("/", "/experts", "/api/experts", "/change-password", "/healthz"):
        assert client.get(path, headers=bearer(token)).status_code == 200, path
    assert client.get("/api/auth/me", headers=bearer(token)).status_code == 403
    new = "an altogether different one"
    changed = client.post(
        "/api/auth/change-password",
        json={"current_password": PASSWORD, "new_password": new},
        headers=bearer(token),
    )
    assert changed.status_code == 204
    assert who(client, headers=bearer(token)) == "new@example.org"
    assert client.post("/api/auth/logout", headers=bearer(other)).status_code == 401
    assert client.post("/api/auth/logout", headers=bearer(token)).status_code == 204


def test_flask_appbuilders_own_check_refuses_the_flagged_too(app: Flask) -> None:
    with app.app_context():
        token = gates.issue_token(sign_ins.start_sign_in(make_user(ADMIN, flagged=True).id))
        free = gates.issue_token(sign_ins.start_sign_in(make_user(ADMIN).id))
    for given, allowed in ((token, False), (free, True)):
        with app.test_request_context("/backoffice/users/list/", headers=bearer(given)):
            manager = current_app.appbuilder.sm  # type: ignore[attr-defined]
            manager.before_request()
            assert manager.has_access("can_list", "UserView") is allowed


# -- responses -----------------------------------------------------------------------


def test_every_response_is_told_how_to_be_handled(app: Flask, client: FlaskClient) -> None:
    for path in ("/", "/api/experts", "/static/css/base.css", "/nowhere/to/be/found", "/login/"):
        with client.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
    assert client.get("/login/").headers["Cache-Control"].startswith("no-store")


@pytest.mark.parametrize("path", ["/", "/backoffice/", "/backoffice/users/list/", "/swagger/v1"])
def test_no_page_has_inline_scripts_or_styles(app: Flask, client: FlaskClient, path: str) -> None:
    with app.app_context():
        make_user(ADMIN, email="boss@example.org")
    log_in(client, "boss@example.org")
    page = client.get(path)
    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert all("src=" in each for each in re.findall(r"<script[^>]*>", page.text))
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page.text)


@pytest.mark.parametrize("path", ["/api/experts/%00", "/%00", "/expert/99999999999999999999"])
def test_names_that_nothing_can_have_are_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_bad_token_on_an_unknown_page_is_a_plain_404(client: FlaskClient) -> None:
    assert client.get("/no/such/page", headers=bearer("x")).status_code == 404


def test_an_expired_session_cookie_of_another_key_is_a_guests(
    app: Flask, client: FlaskClient
) -> None:
    client.set_cookie("rendezvous", "e30.x.y")
    assert client.get("/").status_code == 200


def test_admins_made_by_the_command_line_are_not_flagged(app: Flask, client: FlaskClient) -> None:
    names = ["--username", "Boss", "--firstname", "The", "--lastname", "Boss"]
    result = app.test_cli_runner().invoke(
        fab, ["create-admin", *names, "--email", "Boss@Example.org", "--password", PASSWORD]
    )
    assert result.exit_code == 0, result.output
    for name in ("boss", "boss@example.org"):
        user = (
            app.test_client()
            .post("/api/auth/login", json={"email": name, "password": PASSWORD})
            .json["user"]
        )
        assert (user["email"], user["must_change_password"]) == ("boss@example.org", False)
        assert user["roles"] == ["Admin"]
    with app.app_context():
        assert sign_ins.find_actor("x") is None
        assert make_admin().is_admin


def test_the_secure_clock_of_tokens_is_utc(app: Flask, ann: int) -> None:
    with app.app_context():
        sign_in = sign_ins.start_sign_in(ann, lifetime=timedelta(hours=1))
        claims = jwt.decode(gates.issue_token(sign_in), options={"verify_signature": False})
    assert datetime.fromtimestamp(claims["exp"], UTC) == sign_in.expires_at


def test_who_owes_a_password_is_led_to_it_at_once(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        make_user(ADMIN, email="new@example.org", flagged=True)
    answer = log_in_by_page(client, "new@example.org", next="/backoffice/")
    assert answer.headers["Location"] == "/change-password?next=/backoffice/"
    answer = log_in_by_page(app.test_client(), "new@example.org", next="/change-password")
    assert answer.headers["Location"] == "/change-password"


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/backoffice/bookings/list/?kind=seat", "/backoffice/bookings/list/?kind=seat"),
        (None, "/"),
        ("https://evil.example/", "/backoffice/"),
        ("//evil.example/", "/backoffice/"),
        ("javascript:alert(1)", "/backoffice/"),
        ("/\\evil.example/", "/%5Cevil.example/"),
    ],
)
def test_who_has_changed_the_password_goes_where_they_were_going(
    app: Flask, client: FlaskClient, wanted: str | None, leads_to: str
) -> None:
    with app.app_context():
        make_user(ADMIN, email="new@example.org", flagged=True)
    log_in_by_page(client, "new@example.org")
    form = {
        "csrf_token": form_token(client, "/change-password"),
        "current_password": PASSWORD,
        "new_password": f"another {PASSWORD}",
    }
    query = {} if wanted is None else {"next": wanted}
    answer = client.post("/change-password", query_string=query, data=form)
    assert answer.headers["Location"] == leads_to


def test_a_refusal_is_in_the_language_of_who_asks(
    client: FlaskClient, ann: int, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate(monkeypatch, "de", {"This must be a whole number.": "Das muss eine Zahl sein."})
    english, german = "This must be a whole number.", "Das muss eine Zahl sein."

    def refusal(language: str) -> str:
        answer = client.get("/api/experts?page=x", headers={"Accept-Language": language})
        assert answer.status_code == 422
        text: str = answer.json["errors"]["page"][0]
        return text

    assert [refusal("de-AT, en;q=0.5"), refusal("en")] == [german, english]
    log_in_by_page(client)
    with app.app_context():
        db.session.get_one(User, ann).language = "de"
        db.session.commit()
    assert refusal("en") == german
    # What is said of a cookie that is passed over must not settle it for who comes next.
    client.set_cookie("access_token_cookie", "nonsense")
    assert refusal("en") == german
