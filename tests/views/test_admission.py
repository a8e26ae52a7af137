"""The pages of admission, by plain forms: the way in, and the door."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import Attendee, OutboxMessage
from app.services import admission, events
from app.services.errors import RateLimited
from tests.conftest import NOW
from tests.factories import make_admin, make_contributor, make_event, make_session, make_user
from tests.queries import count_queries
from tests.views.test_gates import form_token, log_in_by_page

ANN = "ann@example.org"


@pytest.fixture
def qr(app: Flask) -> str:
    """The code of an event that admits who is checked in, as Ann is."""
    with app.app_context():
        event = make_event(slug="conf", title="Conf", admission="checked_in", public=False)
        make_session(event)
        admission.check_in(make_admin(), "conf", [ANN])
        return admission.qr_code(event)


def post(client: FlaskClient, page: str, action: str, **values: Any) -> TestResponse:
    return client.post(action, data={"csrf_token": form_token(client, page), **values})


def ask(client: FlaskClient, qr: str, email: str = ANN) -> TestResponse:
    return post(client, f"/q/{qr}", f"/q/{qr}/code", email=email)


def enter(client: FlaskClient, qr: str, code: str) -> TestResponse:
    return post(client, f"/q/{qr}", f"/q/{qr}/verify", code=code)


def mailed(app: Flask) -> str:
    with app.app_context():
        newest = select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)
        return db.session.scalars(newest).one().context["secret"]


# -- the way in --------------------------------------------------------------------------


def test_scanning_shows_the_event_and_changes_nothing(
    app: Flask, client: FlaskClient, qr: str
) -> None:
    with app.app_context(), count_queries() as statements:
        page = client.get(f"/q/{qr}")
    assert page.status_code == 200
    assert "Conf" in page.text
    assert "code_browser" not in str(page.headers)
    assert page.headers["Cache-Control"] == "no-store"
    assert all(each.startswith("SELECT") for each in statements)


def test_scan_code_agenda(app: Flask, client: FlaskClient, qr: str) -> None:
    asked = ask(client, qr)
    assert (asked.status_code, asked.location) == (303, f"/q/{qr}")
    assert "HttpOnly" in next(
        each for each in asked.headers.getlist("Set-Cookie") if each.startswith("code_browser")
    )
    step = client.get(f"/q/{qr}").text  # as a phone reloads it after the mail was read
    assert 'autocomplete="one-time-code"' in step
    assert 'inputmode="numeric"' in step
    code = mailed(app)
    entered = enter(client, qr, f"{code[:3]} {code[3:]}")
    assert (entered.status_code, entered.location) == (303, "/agenda/conf")
    assert client.get("/api/events/conf/agenda").status_code == 200
    assert "/agenda/conf" in client.get(f"/q/{qr}").text
    assert client.get("/api/auth/me").status_code == 403


def test_every_address_sees_the_same_page(app: Flask, qr: str) -> None:
    with app.app_context():
        make_user(email="acc@example.org")
    pages = set()
    for email in (ANN, "acc@example.org", "nil@example.org"):
        client = app.test_client()
        ask(client, qr, email)
        page = client.get(f"/q/{qr}").text
        assert "If <strong" in page
        pages.add(re.sub(r'(?<=name="csrf_token" value=")[^"]+', "", page.replace(email, "")))
    assert len(pages) == 1


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    app: Flask, client: FlaskClient, qr: str
) -> None:
    refused = ask(client, qr, "not an address")
    assert refused.status_code == 422
    assert "not an address" in refused.text
    ask(client, qr)
    wrong = f"{(int(mailed(app)) + 1) % 10**6:06}"
    assert "4 tries are left" in enter(client, qr, wrong).text
    short = enter(client, qr, "123")
    assert (short.status_code, "has 6 digits" in short.text) == (422, True)
    assert enter(client, qr, mailed(app)).status_code == 303


def test_the_step_ends_with_the_code(client: FlaskClient, qr: str, at: Any) -> None:
    ask(client, qr)
    at(NOW + timedelta(minutes=10))
    assert "Send me a code" in client.get(f"/q/{qr}").text
    late = enter(client, qr, "123456")
    assert (late.status_code, "took too long" in late.text) == (401, True)


def test_another_address_begins_anew(client: FlaskClient, qr: str) -> None:
    ask(client, qr)
    post(client, f"/q/{qr}", f"/q/{qr}/other")
    assert "Send me a code" in client.get(f"/q/{qr}").text


def test_too_often_says_when_again(
    client: FlaskClient, qr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RateLimited(150)

    monkeypatch.setattr("app.limits.count_code", refuse)
    refused = ask(client, qr)
    assert (refused.status_code, "in 3 minutes" in refused.text) == (429, True)
    assert ANN in refused.text


def test_unknown_and_old_codes_have_friendly_pages(
    app: Flask, client: FlaskClient, qr: str, at: Any
) -> None:
    unknown = client.get("/q/nothing")
    assert (unknown.status_code, "do not know this code" in unknown.text) == (404, True)
    with app.app_context():
        new = admission.rotate_code(make_admin(), "conf")
    old = client.get(f"/q/{qr}")
    assert (old.status_code, "replaced by another" in old.text) == (410, True)
    assert post(client, f"/q/{new}", f"/q/{qr}/code", email=ANN).status_code == 410
    at(NOW + timedelta(days=9))
    over = client.get(f"/q/{new}")
    assert (over.status_code, "Conf is over" in over.text) == (410, True)


def test_forms_need_their_token(client: FlaskClient, qr: str) -> None:
    for action in ("code", "verify", "other"):
        assert client.post(f"/q/{qr}/{action}", data={"email": ANN}).status_code == 401


# -- the door ----------------------------------------------------------------------------


@pytest.fixture
def staff(app: Flask, client: FlaskClient, qr: str) -> FlaskClient:
    """A browser of a contributor."""
    with app.app_context():
        make_contributor(email="cora@example.org")
    log_in_by_page(client, "cora@example.org")
    return client


DOOR = "/check-in/conf"


def test_guests_sign_in_first_and_others_stay_out(app: Flask, client: FlaskClient, qr: str) -> None:
    with app.app_context():
        badge = db.session.scalars(select(Attendee.badge)).one()
        make_user(email="eve@example.org")
    paths = ["/check-in", DOOR, f"{DOOR}/print", f"{DOOR}/import", f"{DOOR}/qr.pdf"]
    paths += [f"{DOOR}/badges.pdf", f"/check-in/badge/{badge}"]
    for path in paths:
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (302, f"/login/?next={path}")
    log_in_by_page(client, "eve@example.org")
    for path in paths:
        assert client.get(path).status_code == 403
    for action in ("", "/undo", "/walk-in", "/import", "/rotate"):
        assert post(client, "/profile", DOOR + action).status_code == 403


def test_one_tap_in_and_out(app: Flask, staff: FlaskClient) -> None:
    def state() -> bool:
        with app.app_context():
            found = db.session.scalars(select(Attendee).filter_by(email=ANN)).one()
            ids.append(found.id)
            return found.checked_in_at is not None

    ids: list[int] = []
    assert state()
    undone = post(staff, DOOR, f"{DOOR}/undo", attendee_id=ids[0], q="ann")
    assert (undone.status_code, undone.location) == (303, f"{DOOR}?q=ann")
    assert not state()
    assert post(staff, DOOR, DOOR, email=ANN).status_code == 303
    assert state()
    assert "ann@example.org is checked in." in staff.get(DOOR).text


def test_people_are_searched_and_walk_in(staff: FlaskClient) -> None:
    assert "Nobody on the list matches" in staff.get(f"{DOOR}?q=zorro").text
    wrong = post(staff, DOOR, f"{DOOR}/walk-in", name="Zorro", email="z")
    assert (wrong.status_code, 'value="Zorro"' in wrong.text) == (422, True)
    assert post(staff, DOOR, f"{DOOR}/walk-in", name="Zorro", email="z@b.org").status_code == 303
    found = staff.get(f"{DOOR}?q=zorro").text
    assert "In since" in found
    assert "<strong>2</strong> of 2 are in" in found


def test_a_badge_shows_its_owner_and_one_button(app: Flask, staff: FlaskClient) -> None:
    with app.app_context():
        bea = admission.add_attendee(make_admin(), "conf", name="Bea", email="bea@example.org")
        page = f"/check-in/badge/{bea.badge}"
    assert "Check in Bea" in staff.get(page).text
    assert post(staff, page, page).status_code == 303
    assert "Checked in" in staff.get(page).text
    assert staff.get("/check-in/badge/nothing").status_code == 404


def test_pictures_come_as_what_they_are(staff: FlaskClient) -> None:
    for name, mimetype, begin in [
        ("qr.svg", "image/svg+xml", b"<?xml"),
        ("qr.png", "image/png", b"\x89PNG"),
        ("qr.pdf", "application/pdf", b"%PDF"),
        ("badges.pdf", "application/pdf", b"%PDF"),
    ]:
        answer = staff.get(f"{DOOR}/{name}")
        assert (answer.status_code, answer.mimetype) == (200, mimetype)
        assert answer.data.startswith(begin)
    assert staff.get(f"{DOOR}/qr.exe").status_code == 404
    assert "End this code" not in staff.get(f"{DOOR}/print").text


def test_admins_replace_the_code(app: Flask, client: FlaskClient, qr: str) -> None:
    with app.app_context():
        make_admin(email="boss@example.org")
    log_in_by_page(client, "boss@example.org")
    assert post(client, f"{DOOR}/print", f"{DOOR}/rotate").status_code == 303
    assert client.get(f"/q/{qr}").status_code == 410
    with app.app_context():
        new = admission.qr_url(events.get_event("conf"))
    assert new in client.get(f"{DOOR}/print").text


def test_a_list_is_shown_before_it_is_taken(app: Flask, staff: FlaskClient) -> None:
    page = f"{DOOR}/import"
    text = "email,name\nbea@example.org,<b>Bea</b>\nnobody,X\n"
    file = (io.BytesIO(text.encode("utf-8-sig")), "list.csv")
    shown = post(staff, page, page, file=file)
    assert "1 to add, 0 to change, 0 unchanged, 1 left out." in shown.text
    assert "&lt;b&gt;Bea" in shown.text
    assert "<b>Bea" not in shown.text
    with app.app_context():
        assert len(db.session.scalars(select(Attendee)).all()) == 1
    taken = post(staff, page, page, text=text, **{"import": "yes"})
    assert (taken.status_code, taken.location) == (303, DOOR)
    for content in (b"\xff\xfe", b"name\nX\n", b"email\n" + b"x" * 500_000):
        refused = post(staff, page, page, file=(io.BytesIO(content), "list.csv"))
        assert refused.status_code == 422
