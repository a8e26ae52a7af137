"""The pages: who sees what, and that opening one changes nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.services import appointments, experts
from app.services.appointments import Client
from app.services.manage_links import manage_token
from tests.factories import PASSWORD, make_event_type, make_expert, make_user

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
    assert client.get(f"/{offer['slug']}/{offer['type']}").location == f"/nora-now/{offer['type']}"


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
        assert client.get(path).location == "/change-password"
    page = client.get("/change-password").get_data(as_text=True)
    assert "Choose a new password" in page
    assert "/my-bookings" not in page


def test_inactive_event_type_is_gone(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor, expert = make_expert(name="Nora")
        event_type = make_event_type(actor, is_active=False)
        path = f"/{expert.slug}/{event_type.slug}"
    assert client.get(path).status_code == 410
