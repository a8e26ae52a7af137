"""In which language a reader is answered, and how it is chosen."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import User
from app.services import accounts, profiles
from app.services.errors import InvalidInput
from app.services.policy import Actor
from tests.factories import PASSWORD, make_actor

GERMAN = {"Accept-Language": "fr;q=0.9,de-AT;q=0.8,en;q=0.5"}


def language_of(answer: TestResponse) -> tuple[str, str]:
    found = re.search(r'<html lang="(\w+)" dir="(\w+)"', answer.get_data(as_text=True))
    assert found
    return found[1], found[2]


def sign_in(client: FlaskClient, email: str) -> None:
    token = token_of(client.get("/login/"))
    answer = client.post(
        "/login/", data={"username": email, "password": PASSWORD, "csrf_token": token}
    )
    assert answer.status_code == 303


def token_of(answer: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.get_data(as_text=True))
    assert found
    return found[1]


def kept_language(app: Flask, actor: Actor) -> str | None:
    with app.app_context():
        return db.session.get_one(User, actor.user_id).language


def test_a_browser_is_answered_in_the_language_that_it_asks_for(client: FlaskClient) -> None:
    assert language_of(client.get("/")) == ("en", "ltr")
    assert language_of(client.get("/", headers=GERMAN)) == ("de", "ltr")
    assert language_of(client.get("/", headers={"Accept-Language": "he-IL"})) == ("he", "rtl")
    for unknown in ("fr", "*", "de_DE;;;q", "x" * 300):
        answer = client.get("/", headers={"Accept-Language": unknown})
        assert language_of(answer) == ("en", "ltr"), unknown
    answer = client.get("/", headers=GERMAN)
    assert "Accept-Language" in answer.vary
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "weekday"),
    [
        ("", 0),
        ("en", 0),
        ("en-GB,en-US;q=0.9", 0),
        ("en-US", 6),
        ("de-AT", 0),
        ("he", 6),
        ("he,en-GB;q=0.9", 6),
        ("fr-CA", 0),  # another language's country says nothing
        ("en-XX-x;;,*", 0),
    ],
)
def test_weeks_begin_as_the_reader_s_country_has_it(
    client: FlaskClient, asked: str, weekday: int
) -> None:
    page = client.get("/", headers={"Accept-Language": asked}).get_data(as_text=True)
    assert f'data-first-weekday="{weekday}"' in page


def test_who_asks_for_none_of_ours_gets_the_default(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "DEFAULT_LANGUAGE", "de")
    assert language_of(client.get("/", headers={"Accept-Language": "fr"})) == ("de", "ltr")
    assert language_of(client.get("/", headers={"Accept-Language": "en"})) == ("en", "ltr")


def test_a_guest_chooses_in_the_footer(client: FlaskClient) -> None:
    chosen = client.post("/language", data={"language": "he", "next": "/experts?q=a"})
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/experts?q=a")
    page = client.get("/experts?q=a", headers=GERMAN)
    assert language_of(page) == ("he", "rtl")
    assert 'name="next" value="/experts?q=a"' in page.get_data(as_text=True)
    assert 'value="he" lang="he" dir="rtl" aria-current="true"' in page.get_data(as_text=True)


@pytest.mark.parametrize("code", ["", "fr", "de'", "de\r\nSet-Cookie: a=b"])
def test_what_is_no_language_changes_nothing(client: FlaskClient, code: str) -> None:
    answer = client.post("/language", data={"language": code, "next": "https://evil.example/"})
    assert answer.status_code == 303
    assert "evil" not in answer.headers["Location"]
    assert "Set-Cookie" not in answer.headers


def test_a_choice_is_kept_with_the_account(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor = make_actor()
    sign_in(client, actor.email)
    assert client.post("/language", data={"language": "de"}).status_code == 401  # no token
    token = token_of(client.get("/profile"))
    client.post("/language", data={"language": "de", "next": "/profile", "csrf_token": token})
    assert kept_language(app, actor) == "de"
    elsewhere = app.test_client()
    sign_in(elsewhere, actor.email)
    page = elsewhere.get("/profile", headers={"Accept-Language": "he"})
    assert language_of(page) == ("de", "ltr")


def test_the_profile_has_the_language(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor = make_actor()
    sign_in(client, actor.email)
    form = {"name": "Iris", "time_zone": "UTC", "csrf_token": token_of(client.get("/profile"))}
    answer = client.post("/profile", data=form | {"language": "xx"})
    assert answer.status_code == 422
    assert 'id="field-language"' in answer.get_data(as_text=True)
    assert client.post("/profile", data=form | {"language": "he"}).status_code == 302
    assert language_of(client.get("/profile")) == ("he", "rtl")


def test_who_registers_is_written_to_in_the_language_of_the_page(
    app: Flask, client: FlaskClient
) -> None:
    token = token_of(client.get("/register", headers=GERMAN))
    form = {"name": "Iris Holm", "email": "iris@example.org", "password": "copper kettle garden"}
    client.post("/register", data=form | {"csrf_token": token}, headers=GERMAN)
    with app.app_context():
        assert db.session.query(User).filter_by(email="iris@example.org").one().language == "de"


def test_who_owes_a_new_password_may_choose_too(app: Flask) -> None:
    with app.app_context():
        flagged = make_actor(flagged=True)
        profiles.update_language(flagged, "he")
        with pytest.raises(InvalidInput):
            profiles.update_language(flagged, "xx")
    assert kept_language(app, flagged) == "he"


def test_an_account_made_by_others_reads_what_its_browser_asks_for(app: Flask) -> None:
    with app.app_context():
        made = accounts.create_account("Iris Holm", "iris@example.org", "copper kettle garden")
        assert made.language is None
