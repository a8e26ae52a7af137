"""The link that proves an address, by API and as a page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import OutboxMessage
from app.services import accounts, mail
from tests.calls import Caller, problem

PASSWORD = "an altogether different one"


@pytest.fixture
def gwen(app: Flask) -> SimpleNamespace:
    """Somebody just registered, with a bearer's headers."""
    with app.app_context():
        accounts.create_account("Gwen", "gwen@example.org", PASSWORD)
    guest = Caller(app)
    body = {"email": "gwen@example.org", "password": PASSWORD}
    token = guest("POST", "/api/auth/login", body).json["access_token"]
    return SimpleNamespace(
        call=Caller(app, token), headers={"Authorization": f"Bearer {token}"}, app=app
    )


def asked(gwen: SimpleNamespace) -> str:
    """The token of a link that was just asked for."""
    answer = gwen.call("POST", "/api/auth/verify-address")
    assert (answer.status_code, answer.json) == (202, {"expires_in": 86400})
    with gwen.app.app_context():
        context: dict[str, Any] = db.session.scalars(db.select(OutboxMessage.context)).one()
    return str(context[mail.SECRET].rpartition("/")[2])


def is_proven(gwen: SimpleNamespace) -> bool:
    return bool(gwen.call.get("/api/auth/me")["user"]["email_verified"])


def test_by_api(gwen: SimpleNamespace) -> None:
    path = f"/api/auth/verify-address/{asked(gwen)}"
    assert problem(Caller(gwen.app)("POST", path)) == (401, "unauthenticated")
    assert problem(gwen.call("POST", f"{path}x")) == (404, "not_found")
    assert not is_proven(gwen)
    proven = gwen.call("POST", path)
    assert (proven.status_code, proven.json["user"]["email_verified"]) == (200, True)
    assert is_proven(gwen)


def test_a_page_proves_by_its_button_alone(gwen: SimpleNamespace) -> None:
    path = f"/profile/address/{asked(gwen)}"
    browser = gwen.app.test_client()
    away = browser.get(path)
    assert (away.status_code, away.headers["Location"]) == (302, f"/login/?next={path}")
    page = browser.get(path, headers=gwen.headers)
    assert (page.status_code, "This is my address" in page.text) == (200, True)
    assert page.headers["Cache-Control"] == "no-store"
    assert not is_proven(gwen)
    done = browser.post(path, headers=gwen.headers)
    assert (done.status_code, done.headers["Location"]) == (303, "/my-bookings")
    assert is_proven(gwen)


def test_a_link_is_asked_for_by_a_form(gwen: SimpleNamespace) -> None:
    answer = gwen.app.test_client().post("/profile/address", headers=gwen.headers)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/profile")
    with gwen.app.app_context():
        assert db.session.scalars(db.select(OutboxMessage.template)).all() == ["address_proof"]
