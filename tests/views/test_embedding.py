"""Booking pages in other sites' frames: where that is allowed, for guests alone."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import factories
from tests.calls import token_of

ORIGINS = ["https://www.example.org", "http://localhost:9000"]


@pytest.fixture
def page(app: Flask) -> str:
    """The address of a booker."""
    with app.app_context():
        host, expert = factories.make_expert()
        event_type = factories.make_event_type(host)
        return f"/{expert.slug}/{event_type.slug}"


def frames(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    directives = answer.headers["Content-Security-Policy"].split("; ")
    [found] = [each for each in directives if each.startswith("frame-ancestors")]
    return found.removeprefix("frame-ancestors ")


def test_only_the_allowed_sites_and_only_these_pages(
    app: Flask, client: FlaskClient, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert frames(client, f"{page}?embed=1") == "'self'"  # no site is allowed unless named
    monkeypatch.setitem(app.config, "EMBED_ORIGINS", ORIGINS)
    expert = page.rpartition("/")[0]
    for path in (page, expert):
        assert frames(client, path) == "'self'"
        assert frames(client, f"{path}?embed=0") == "'self'"
        assert frames(client, f"{path}?embed=1") == "'self' " + " ".join(ORIGINS)
    for path in ("/", "/experts", "/login/", "/register", f"{page}/plain"):
        assert frames(client, f"{path}?embed=1") == "'self'"


def test_nobody_is_signed_in_within_a_frame(
    app: Flask, client: FlaskClient, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "EMBED_ORIGINS", ORIGINS)
    with app.app_context():
        token = token_of(app, factories.make_actor(name="Canary"))
    client.set_cookie("access_token_cookie", token)
    assert "Canary" in client.get(page).text
    assert "Canary" not in client.get(f"{page}?embed=1").text
    assert "Canary" in client.get(page).text  # the cookie is left alone
