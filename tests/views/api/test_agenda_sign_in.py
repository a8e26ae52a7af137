"""The attendee's way in: `/api/agenda/code`, `/api/agenda/verify`, and how far it leads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import parse
from limits.errors import StorageError
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import OutboxMessage
from app.services import admission
from tests import openapi
from tests.calls import caller, problem, token_of
from tests.conftest import NOW
from tests.factories import make_actor, make_admin, make_event, make_session

ANN = "ann@example.org"


@dataclass
class Browser:
    """A browser with cookies; every answer is held against the document."""

    app: Flask
    client: FlaskClient
    qr: str

    def post(self, path: str, body: Any, **options: Any) -> TestResponse:
        answer = self.client.post(path, json=body, **options)
        openapi.check("POST", path, answer)
        return answer

    def ask(self, email: str = ANN, **options: Any) -> TestResponse:
        return self.post("/api/agenda/code", {"qr": self.qr, "email": email}, **options)

    def type(self, code: str, email: str = ANN, **options: Any) -> TestResponse:
        body = {"qr": self.qr, "email": email, "code": code}
        return self.post("/api/agenda/verify", body, **options)

    def code(self) -> str:
        """The one mailed last."""
        with self.app.app_context():
            newest = select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)
            return db.session.scalars(newest).one().context["secret"]

    def wrong(self) -> str:
        return f"{(int(self.code()) + 1) % 10**6:06}"


def browser(app: Flask, slug: str = "conf") -> Browser:
    """A new one, at an event that admits who is checked in, as Ann is."""
    with app.app_context():
        try:
            event = admission.events.get_event(slug)
        except admission.NotFound:
            event = make_event(slug=slug, title="Conf", admission="checked_in", public=False)
            admission.check_in(make_admin(), slug, [ANN])
        return Browser(app, app.test_client(), admission.qr_code(event))


def test_a_code_lets_in(app: Flask) -> None:
    ann = browser(app)
    asked = ann.ask()
    assert (asked.status_code, asked.json) == (202, {"expires_in": 600})
    cookie = asked.headers["Set-Cookie"]
    assert re.match(r"code_browser=[\w-]{43};", cookie)
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))

    entered = ann.type(ann.code())
    assert entered.status_code == 200
    body = entered.json
    assert set(body) == {"access_token", "expires_at", "user", "event"}
    assert set(body["user"]) == {"id", "name"}
    assert (body["user"]["name"], body["event"]["slug"]) == ("ann", "conf")
    assert datetime.fromisoformat(body["expires_at"]) == NOW + timedelta(days=3)
    assert entered.headers["Cache-Control"] == "no-store"
    token = {"Authorization": f"Bearer {body['access_token']}"}
    nobody = app.test_client()
    assert nobody.get("/api/events/conf/agenda").status_code == 401
    assert nobody.get("/api/events/conf/agenda", headers=token).status_code == 200
    assert ann.client.get("/api/events/conf/agenda").status_code == 200  # by the cookie


def test_every_address_gets_the_same_answer(app: Flask) -> None:
    with app.app_context():
        make_actor(email="account@example.org")
    answers = set()
    for email in (ANN, "account@example.org", "nobody@example.org"):
        someone = browser(app)
        asked = someone.ask(email)
        wrong = someone.type(someone.wrong(), email)
        names = tuple(sorted(set(asked.headers.keys()) - {"Date"}))
        answers.add((asked.status_code, asked.text, names, wrong.status_code, wrong.text))
    assert len(answers) == 1
    with app.app_context():
        expiry = {each.recipient: each.expires_at for each in db.session.query(OutboxMessage)}
    assert expiry == {
        ANN: NOW + timedelta(minutes=10),
        "account@example.org": NOW,
        "nobody@example.org": NOW,
    }


def test_wrong_used_and_foreign_codes_are_refused_alike(app: Flask) -> None:
    ann, other = browser(app), browser(app)
    ann.ask()
    assert problem(other.type(ann.code())) == (401, "unauthenticated")
    wrong = ann.type(ann.wrong())
    assert problem(wrong) == (401, "unauthenticated")
    assert wrong.json["tries_left"] == 4
    assert ann.type(ann.code()).status_code == 200
    ann.client.delete_cookie("access_token_cookie")
    assert problem(ann.type(ann.code())) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": ANN}, 422, "invalid_input"),
        ({"qr": "nothing", "email": ANN}, 404, "not_found"),
        ({"qr": "x\0", "email": ANN}, 422, "invalid_input"),
        ({"qr": 7, "email": ANN}, 422, "invalid_input"),
        ({"qr": "", "email": "ann"}, 422, "invalid_input"),
        ({"email": ["ann@example.org"], "qr": ""}, 422, "invalid_input"),
    ],
)
def test_bad_requests_for_codes(app: Flask, body: Any, status: int, code: str) -> None:
    ann = browser(app)
    assert problem(ann.post("/api/agenda/code", body)) == (status, code)
    verify = body | {"code": "123456"}
    assert problem(ann.post("/api/agenda/verify", verify)) == (status, code)


def test_no_code_is_no_input(app: Flask) -> None:
    ann = browser(app)
    for code in ("", "12345", 123456, None, "1" * 40):
        body = {"qr": ann.qr, "email": ANN, "code": code}
        assert problem(ann.post("/api/agenda/verify", body)) == (422, "invalid_input")
    assert problem(ann.ask("not an address")) == (422, "invalid_input")


def test_a_rotated_code_is_gone(app: Flask) -> None:
    ann = browser(app)
    with app.app_context():
        admission.rotate_code(make_admin(), "conf")
    assert problem(ann.ask()) == (410, "gone")
    assert problem(ann.type("123456")) == (410, "gone")


# -- how far it leads --------------------------------------------------------------------

# What an agenda's sign-in may do, beside what everybody may.
OWN = {
    "GET /api/events/<slug>/agenda",
    "GET /api/sessions/<int:event_session_id>",
    "POST /api/sessions/<int:event_session_id>/seat",
    "DELETE /api/sessions/<int:event_session_id>/seat",
    "POST /api/sessions/<int:event_session_id>/waitlist",
    "DELETE /api/sessions/<int:event_session_id>/waitlist",
    "POST /api/events/<slug>/calendar-feed",
    "DELETE /api/events/<slug>/calendar-feed",
    "GET /api/bookings",
    "GET /api/bookings/<uid>",
    "GET /api/bookings/<uid>.ics",
    "PATCH /api/bookings/<uid>",
    "POST /api/auth/logout",
    "GET /change-password",  # a form, which refuses what it is sent
}


def test_an_agendas_token_reaches_nothing_else(app: Flask) -> None:
    """Every route, asked with real ids, as a guest and with the token of another event."""
    with app.app_context():
        event = make_event(slug="conf", admission="checked_in", public=False)
        other = make_event(slug="other", admission="open", public=False)
        foreign = make_session(other, capacity=5)
        ids = {"slug": "other", "event_session_id": foreign.id}
        admin = make_admin()
        attendee = admission.check_in(admin, "other", [ANN])[0]
        ids |= {"attendee_id": attendee.id, "badge": attendee.badge}
        audience = f"agenda:{event.id}"
    reached = []
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            value = str(ids.get(name, 1))
            path = re.sub(rf"<(?:[^<>:]+:)?{name}>", value, path)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            body = None if method == "GET" else {}
            token = {"Authorization": f"Bearer {token_of(app, admin, audience)}"}
            with app.test_client(use_cookies=False) as client:
                mine = client.open(path, method=method, json=body, headers=token)
                guests = client.open(path, method=method, json=body)
            if mine.status_code < 300 <= guests.status_code:
                reached.append((f"{method} {rule.rule}", guests.status_code))
            mine.close()
            guests.close()
    inside = caller(app, admin, audience)
    assert {name for name, _ in reached} <= OWN, reached
    assert problem(inside("GET", "/api/events/other/agenda")) == (404, "not_found")
    assert problem(inside("GET", f"/api/sessions/{ids['event_session_id']}")) == (404, "not_found")
    seat = f"/api/sessions/{ids['event_session_id']}/seat"
    assert problem(inside("POST", seat, {})) == (404, "not_found")
    assert problem(inside("GET", "/api/auth/me")) == (403, "not_allowed")
    assert problem(inside("GET", "/api/events/conf/attendees")) == (403, "not_allowed")


# -- staff -------------------------------------------------------------------------------


def test_staff_check_in_by_address_and_badge(app: Flask) -> None:
    with app.app_context():
        make_event(slug="conf")
        admin = make_admin()
    staff = caller(app, admin)
    added = staff("POST", "/api/events/conf/attendees", {"name": "Bea", "email": "B@b.org"})
    assert added.status_code == 201
    bea = added.json["attendee"]
    assert (bea["email"], bea["checked_in_at"]) == ("b@b.org", None)

    shown = staff("POST", "/api/events/conf/check-in", {"badge": bea["badge"]})
    assert (shown.status_code, shown.json["was_in"]) == (200, False)
    assert staff("POST", "/api/events/conf/check-in", {"badge": bea["badge"]}).json["was_in"]
    undone = staff("DELETE", f"/api/events/conf/check-in/{bea['id']}")
    assert undone.json["attendee"]["checked_in_at"] is None
    both = staff("POST", "/api/events/conf/check-in", {"emails": ["b@b.org", ANN]})
    assert [each["email"] for each in both.json["attendees"]] == ["b@b.org", ANN]
    found = staff.get("/api/events/conf/attendees?q=bea&page_size=1")
    assert (found["total"], found["items"][0]["name"]) == (1, "Bea")

    for body in ({}, {"emails": []}, {"emails": ["x"]}, {"emails": "b@b.org"}):
        refused = staff("POST", "/api/events/conf/check-in", body)
        assert problem(refused) == (422, "invalid_input")
    for path in ("/api/events/none/attendees", "/api/events/none/attendees?q=x"):
        assert problem(staff("GET", path)) == (404, "not_found")


# -- limits ------------------------------------------------------------------------------


def from_address(number: int) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": f"192.0.2.{number}"}}


def test_five_codes_an_hour_for_an_address_and_event(limited_app: Flask) -> None:
    for number in range(5):
        assert (
            browser(limited_app).ask("Ann@Example.org ", **from_address(number)).status_code == 202
        )
    refused = browser(limited_app).ask(**from_address(9))
    assert problem(refused) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert browser(limited_app).ask("bea@example.org").status_code == 202
    assert browser(limited_app, "other").ask().status_code == 202


def test_a_venue_asks_six_hundred_times_an_hour(limited_app: Flask) -> None:
    venue = browser(limited_app)
    asked = [venue.ask(f"p{number}@example.org").status_code for number in range(601)]
    assert (set(asked[:600]), asked[600]) == ({202}, 429)
    assert venue.ask("p601@example.org", **from_address(2)).status_code == 202


def test_a_hundred_wrong_guesses_in_a_row_end_it_for_the_address(limited_app: Flask) -> None:
    """Across events, browsers and resends: each code is guessed at five times."""
    failures, number = 0, 0
    while failures < 100:
        guesser = browser(limited_app, f"conf-{number // 5}")
        number += 1
        assert guesser.ask(**from_address(number)).status_code == 202
        for _ in range(5):
            refused = guesser.type(guesser.wrong(), **from_address(number))
            assert problem(refused) == (401, "unauthenticated")
            failures += 1
    assert number == 20
    ann = browser(limited_app, "last")
    assert ann.ask().status_code == 202
    refused = ann.type(ann.code())
    assert problem(refused) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) > 3600
    # Nobody else is held up.
    with limited_app.app_context():
        admission.check_in(make_admin(), "last", ["bea@example.org"])
    bea = browser(limited_app, "last")
    bea.ask("bea@example.org")
    assert bea.type(bea.code(), "bea@example.org").status_code == 200


def test_a_right_code_forgets_the_wrong_ones(limited_app: Flask) -> None:
    for number in range(25):
        ann = browser(limited_app, f"conf-{number // 5}")
        ann.ask()
        for _ in range(4):
            ann.type(ann.wrong())
        assert ann.type(ann.code()).status_code == 200


def test_nobody_locks_another_out_by_typing_without_a_code(limited_app: Flask) -> None:
    stranger, ann = browser(limited_app), browser(limited_app)
    for _ in range(110):
        assert stranger.type("123456").status_code == 401
    ann.ask()
    assert ann.type(ann.code()).status_code == 200


def test_an_address_types_so_often_an_hour(
    limited_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.limits.CODE_TRIES_PER_ADDRESS", parse("9 per hour"))
    stranger = browser(limited_app)
    typed = [stranger.type("123456", f"p{number}@b.org").status_code for number in range(10)]
    assert (set(typed[:9]), typed[9]) == ({401}, 429)


def test_without_the_store_the_door_is_not_open(
    limited_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter, _ = limited_app.extensions["rendezvous.limits"]

    def away(*_: Any, **__: Any) -> bool:
        raise StorageError(ConnectionError("gone"))

    for question in ("hit", "test", "clear", "get_window_stats"):
        monkeypatch.setattr(limiter.limiter, question, away)
    ann = browser(limited_app)
    assert [ann.ask().status_code for _ in range(6)] == [202] * 5 + [429]
    for left in (4, 3, 2, 1, 0):
        assert ann.type(ann.wrong()).json["tries_left"] == left
    assert problem(ann.type(ann.code())) == (401, "unauthenticated")
