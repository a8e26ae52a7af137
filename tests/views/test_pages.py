"""The pages: who sees what, and that opening one changes nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models.interval import Interval
from app.services import accounts, appointments, bookings, event_sessions, experts, seats, series
from app.services.appointments import Client
from app.services.manage_links import decision_token, manage_token
from app.services.reservations import Wanted
from tests.factories import (
    PASSWORD,
    make_admin,
    make_contributor,
    make_event_type,
    make_expert,
    make_room,
    make_session,
    make_user,
)

START = datetime(2031, 3, 4, 9, 0, tzinfo=UTC)


@pytest.fixture
def offer(app: Flask) -> dict[str, str]:
    """An expert with one event type, and a guest's booking of it."""
    with app.app_context():
        actor, expert = make_expert(name="Nora")
        event_type = make_event_type(actor)
        booked = appointments.book_appointment(
            None, event_type.id, START, Client("Iris", "iris@example.org")
        )
        return {
            "slug": expert.slug,
            "type": event_type.slug,
            "id": str(expert.id),
            "email": actor.email,
            "uid": booked.booking["uid"],
            "token": manage_token(booked.booking["uid"]),
            "decision": decision_token(booked.booking["uid"]),
            "event_type_id": str(event_type.id),
        }


def sign_in(client: FlaskClient, email: str) -> None:
    page = client.get("/login/").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    answer = client.post(
        "/login/", data={"username": email, "password": PASSWORD, "csrf_token": token[1]}
    )
    assert answer.status_code == 303


def test_a_guest_keeps_the_booking_with_an_expert_who_left(
    app: Flask, client: FlaskClient, offer: dict[str, str]
) -> None:
    manage, decide = f"/b/{offer['token']}", f"/b/{offer['decision']}/decide"
    booker = f"/{offer['slug']}/{offer['type']}"
    assert f'href="{manage}/reschedule"' in client.get(manage).get_data(as_text=True)
    assert [client.get(path).status_code for path in (decide, booker)] == [200, 200]
    with app.app_context():
        host = experts.get_expert(offer["slug"])
        accounts.deactivate(make_admin(), host.user_id)
    shown = client.get(manage)
    page = shown.get_data(as_text=True)
    assert (shown.status_code, "data-cancel-guest" in page) == (200, True)
    assert "/reschedule" not in page  # there are no other times
    for path in (decide, booker, f"{booker}/plain", f"{manage}/reschedule"):
        assert client.get(path).status_code == 404
    answered = client.post(f"/api/requests/{offer['decision']}", json={"action": "accept"})
    assert answered.status_code == 404  # an old mail is no way back in
    cancelled = client.post(f"/api/manage/{offer['token']}", json={"action": "cancel"})
    assert cancelled.json is not None
    assert cancelled.json["booking"]["status"] == "cancelled"
    assert booker not in client.get(manage).get_data(as_text=True)


def test_public_pages_are_open(client: FlaskClient, offer: dict[str, str]) -> None:
    slug, type_slug, token = offer["slug"], offer["type"], offer["token"]
    for path in (
        "/",
        "/experts",
        "/register",
        "/login/",
        f"/{slug}",
        f"/{slug}/{type_slug}",
        f"/{slug}/{type_slug}/plain",
        f"/b/{token}",
        f"/b/{token}.ics",
        f"/b/{token}/reschedule",
    ):
        assert client.get(path).status_code == 200, path


def test_no_page_has_inline_code(client: FlaskClient, offer: dict[str, str]) -> None:
    for path in ("/", f"/{offer['slug']}/{offer['type']}", f"/b/{offer['token']}"):
        page = client.get(path).get_data(as_text=True)
        assert not re.search(r"<script(?![^>]*(?: src=|application/json))", page)
        assert not re.search(r"\s(?:style|on[a-z]+)=\"", page)
        assert "<style" not in page


def test_markup_in_a_name_stays_text(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor, expert = make_expert(name="Nora")
        event_type = make_event_type(actor, title="</script><script>alert(1)</script>")
        paths = [f"/{expert.slug}", f"/{expert.slug}/{event_type.slug}"]
    for path in paths:
        assert "<script>alert" not in client.get(path).get_data(as_text=True)


def test_expert_is_found_by_id_and_by_an_old_slug(
    app: Flask, client: FlaskClient, offer: dict[str, str]
) -> None:
    assert client.get(f"/expert/{offer['id']}").location == f"/{offer['slug']}"
    with app.app_context():
        found = experts.get_expert(offer["slug"])
        found.slug = "nora-now"
        from app.extensions import db
        from app.models import ExpertSlug

        db.session.add(ExpertSlug(slug=offer["slug"], expert_id=found.id))
        db.session.commit()
    assert client.get(f"/{offer['slug']}").location == "/nora-now"
    old = f"/{offer['slug']}/{offer['type']}"
    assert client.get(old).location == f"/nora-now/{offer['type']}"
    link = "date=2031-03-04&tz=Europe%2FBerlin&_scheme=ftp&slug=x"
    assert client.get(f"{old}?{link}").location == f"/nora-now/{offer['type']}?{link}"


@pytest.mark.parametrize("path", ["/nobody", "/nobody/nothing", "/b/unknown", "/expert/999999"])
def test_what_is_not_there_is_404(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/profile", "/my-bookings", "/expert-dashboard", "/change-password"]
)
def test_account_pages_ask_to_sign_in(client: FlaskClient, path: str) -> None:
    assert client.get(path).location == f"/login/?next={path}"


def test_foreign_bookings_and_event_types_are_404(
    app: Flask, client: FlaskClient, offer: dict[str, str]
) -> None:
    with app.app_context():
        make_user(name="Mallory", email="mallory@example.org")
        make_expert(name="Rival", email="rival@example.org")
    sign_in(client, "rival@example.org")
    move = f"/{offer['slug']}/{offer['type']}?reschedule={offer['uid']}"
    assert client.get(move).status_code == 404
    assert client.get(f"/expert-dashboard/{offer['event_type_id']}").status_code == 404


def test_host_sees_the_booking(client: FlaskClient, offer: dict[str, str]) -> None:
    sign_in(client, offer["email"])
    for path in ("/my-bookings", "/expert-dashboard"):
        page = client.get(path).get_data(as_text=True)
        assert "Iris" in page
        assert offer["uid"] in page


def test_flagged_user_sees_only_the_change(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        make_user(name="Fay", email="fay@example.org", flagged=True)
    sign_in(client, "fay@example.org")
    for path in ("/profile", "/my-bookings", "/expert-dashboard"):
        assert client.get(f"{path}?a=1").location == f"/change-password?next={path}?a%3D1"
    page = client.get("/change-password").get_data(as_text=True)
    assert "Choose a new password" in page
    assert "/my-bookings" not in page


def test_inactive_event_type_says_what_is_offered_instead(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor, expert = make_expert(name="Nora")
        event_type = make_event_type(actor, title="Old talk", is_active=False)
        make_event_type(actor, title="New talk")
        make_event_type(actor, title="Hidden talk", is_listed=False)
        path = f"/{expert.slug}/{event_type.slug}"
    answer = client.get(path)
    assert answer.status_code == 410
    page = answer.get_data(as_text=True)
    assert "“Old talk” cannot be booked at present" in page
    assert "New talk" in page
    assert "Hidden talk" not in page


def test_unlisted_event_type_is_reached_by_its_link_alone(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor, expert = make_expert(name="Nora")
        event_type = make_event_type(actor, title="Hidden talk", is_listed=False)
        slug, path = expert.slug, f"/{expert.slug}/{event_type.slug}"
    assert "Hidden talk" not in client.get(f"/{slug}").get_data(as_text=True)
    page = client.get(path)
    assert page.status_code == 200
    assert 'content="noindex"' in page.get_data(as_text=True)


def test_form_starts_with_what_the_link_says(client: FlaskClient, offer: dict[str, str]) -> None:
    query = {"name": 'Iris "I" Falk', "email": "iris@example.org", "notes": "x" * 3000}
    for path in (f"/{offer['slug']}/{offer['type']}", f"/{offer['slug']}/{offer['type']}/plain"):
        page = client.get(path, query_string=query).get_data(as_text=True)
        assert 'value="Iris &#34;I&#34; Falk"' in page
        assert 'value="iris@example.org"' in page
        assert "x" * 2000 in page
        assert "x" * 2001 not in page


def test_only_booking_pages_are_framed_by_allowed_origins(
    app: Flask, client: FlaskClient, offer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "EMBED_ORIGINS", ["https://shop.example"])

    def ancestors(path: str) -> str:
        policy = client.get(path).headers["Content-Security-Policy"]
        return policy.rpartition("frame-ancestors ")[2]

    booker = f"/{offer['slug']}/{offer['type']}"
    for path in (f"/{offer['slug']}?embed=1", f"{booker}?embed=1"):
        assert ancestors(path) == "'self' https://shop.example"
        page = client.get(path).get_data(as_text=True)
        assert "data-embedded" in page
        assert "site-header" not in page
    for path in (booker, f"/b/{offer['token']}?embed=1", "/?embed=1", "/login/?embed=1"):
        assert ancestors(path) == "'self'", path
        assert "site-header" in client.get(path).get_data(as_text=True)
    # The links in a frame stay in it.
    page = client.get(f"/{offer['slug']}?embed=1&theme=dark").get_data(as_text=True)
    assert f'href="{booker}?embed=1&amp;theme=dark"' in page


def test_bookings_are_filtered(app: Flask, client: FlaskClient, offer: dict[str, str]) -> None:
    sign_in(client, offer["email"])
    found = client.get("/my-bookings?kind=appointment&q=iris").get_data(as_text=True)
    assert offer["uid"] in found
    for query in ("kind=seat", "q=nobody", "show=cancelled"):
        page = client.get(f"/my-bookings?{query}").get_data(as_text=True)
        assert offer["uid"] not in page, query
    assert "Clear filters" in client.get("/my-bookings?q=nobody").get_data(as_text=True)
    assert client.get("/my-bookings?kind=nothing").status_code == 422


def test_request_is_looked_at_without_answering_it(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor, _ = make_expert(name="Nora")
        event_type = make_event_type(actor, requires_approval=True)
        booked = appointments.book_appointment(
            None, event_type.id, START, Client("Iris", "iris@example.org")
        )
        uid = booked.booking["uid"]
        guest, host = f"/b/{manage_token(uid)}", f"/b/{decision_token(uid)}/decide"
    assert "Waiting for Nora" in client.get(guest).get_data(as_text=True)
    for _ in range(2):
        page = client.get(host).get_data(as_text=True)
        assert "Iris asks for: Consultation" in page
    # Not by the guest's own link, not without the form's token, not without an answer.
    assert client.get(f"{guest}/decide").status_code == 404
    assert client.post(host, data={"decision": "accept"}).status_code == 401
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    refused = client.post(host, data={"decision": "perhaps", "csrf_token": token[1]})
    assert refused.status_code == 422
    assert "Waiting for Nora" in client.get(guest).get_data(as_text=True)

    answer = {"decision": "decline", "reason": "Away.", "csrf_token": token[1]}
    assert client.post(host, data=answer).location == host
    assert "Declined" in client.get(host).get_data(as_text=True)
    assert "Away." in client.get(guest).get_data(as_text=True)
    late = client.post(host, data={"decision": "accept", "csrf_token": token[1]})
    assert late.status_code == 410
    assert "no longer open" in late.get_data(as_text=True)


def test_code_of_an_own_page(app: Flask, client: FlaskClient, offer: dict[str, str]) -> None:
    with app.app_context():
        make_expert(name="Rival", email="rival@example.org")
    own = f"/expert-dashboard/qr.svg?type={offer['event_type_id']}"
    assert client.get(own).status_code == 302
    sign_in(client, "rival@example.org")
    assert client.get(own).status_code == 404
    answer = client.get("/expert-dashboard/qr.svg")
    assert answer.mimetype == "image/svg+xml"
    assert b"/rival" in answer.data


def test_address_that_nobody_proved_is_asked_about(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        make_user(name="Lena", email="lena@example.org")
    sign_in(client, "lena@example.org")
    for path in ("/profile", "/my-bookings"):
        assert 'action="/profile/address"' in client.get(path).get_data(as_text=True), path
    with app.app_context():
        from sqlalchemy import update

        from app.extensions import db
        from app.models import User

        now = datetime.now(UTC)
        db.session.execute(
            update(User).where(User.email == "lena@example.org").values(email_verified_at=now)
        )
        db.session.commit()
    for path in ("/profile", "/my-bookings"):
        assert 'action="/profile/address"' not in client.get(path).get_data(as_text=True), path


def test_who_ended_a_booking_is_said_as_it_was(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        admin, staff = make_admin(), make_contributor()
        email = staff.email
        session_id = make_session(capacity=2, starts_at=START).id
        room_id = make_room().id
        period = Interval(START + timedelta(days=1), START + timedelta(days=1, hours=1))
        series.reserve_series(staff, Wanted(room_id, period, "Choir"), "FREQ=DAILY;COUNT=3")
        uids = [
            each["uid"]
            for each in bookings.list_bookings(staff, page=1, page_size=9, kind="reservation").items
        ]
        seats.book_seat(staff, session_id)
        event_sessions.cancel_event_session(admin, session_id)
        series.cancel_series(staff, uids[0], "one")
        series.cancel_series(admin, uids[1], "following")
    sign_in(client, email)
    page = client.get("/my-bookings?show=cancelled").get_data(as_text=True)
    assert page.count("Cancelled by the organisers") == 1
    assert page.count("Cancelled by an admin") == 2
    assert page.count("Cancelled by you") == 1
