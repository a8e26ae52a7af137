"""No list, page, form, filter or order of the back-office reaches a secret."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import OutboxMessage, User
from app.services import calendar_feed
from app.views.admin.base import ServiceModelView
from tests.views.admin.conftest import World

SECRETS = {
    "password",
    "token_hash",
    "calendar_feed.token_hash",
    "manage_token_hash",
    "qr_token",
    "qr",
    "code_hash",
    "context",
    "sign_in_id",
    "message_id",
    "login_token",
}
COLUMNS = ("list", "show", "search", "order", "add", "edit")


def views(app: Flask) -> list[Any]:
    found = [
        view
        for view in app.appbuilder.baseviews  # type: ignore[attr-defined]
        if isinstance(view, ServiceModelView)
    ]
    assert len(found) >= 13
    return found


def test_every_view_names_its_columns_and_no_secret(app: Flask) -> None:
    for view in views(app):
        for kind in COLUMNS:
            columns = getattr(view, f"{kind}_columns")
            name = (type(view).__name__, kind)
            assert not SECRETS & set(columns), name
            if kind in {"add", "edit"} and "add" not in dir(type(view)):
                continue
            assert f"{kind}_columns" in vars(type(view)) or view.include_route_methods, name
        for form in (view.add_form, view.edit_form):
            if form is not None:
                assert not SECRETS & {field.name for field in form()}, type(view).__name__


def test_forms_have_the_fields_that_their_views_name(app: Flask) -> None:
    for view in views(app):
        for kind in ("add", "edit"):
            form = getattr(view, f"{kind}_form")
            if form is not None:
                fields = [each.name for each in form() if each.type != "HiddenField"]
                assert sorted(fields) == sorted(getattr(view, f"{kind}_columns")), view.noun


@pytest.mark.parametrize("secret", sorted(SECRETS | {"id", "user_id", "username", "user.password"}))
def test_nothing_is_filtered_or_ordered_by_a_secret(app: Flask, world: World, secret: str) -> None:
    office = world.office(world.root)
    for view in views(app):
        name = type(view).__name__
        path = f"{view.route_base}/list/"
        for query in (
            f"?order={secret}&direction=asc",
            f"?{secret}=scrypt",
            f"?_flt_0_{secret}=scrypt",
            f"?_flt_2_{secret}=s",
            f"?_oc_{name}={secret}&_od_{name}=asc",
        ):
            assert office.get(path + query).status_code == 422, (name, query)


def test_searching_for_a_secret_finds_nobody(app: Flask, world: World) -> None:
    with app.app_context():
        hashed = sha256(calendar_feed.share(world.ben).encode()).hexdigest()
        password = db.session.get(User, world.ben.user_id).password
    office = world.office(world.root)
    for words in (password, password[:12], "scrypt", hashed, hashed[:12]):
        for view in views(app):
            page = office.get(f"{view.route_base}/list/", query_string={"q": words})
            assert "0 found" in page.text, (view.noun, words)


def test_pages_show_no_secret(app: Flask, world: World) -> None:
    with app.app_context():
        users = db.session.query(User).all()
        secrets = [user.password for user in users if user.password]
        mails = [mail.id for mail in db.session.query(OutboxMessage).all()]
    office = world.office(world.root)
    paths = [f"{view.route_base}/list/" for view in views(app)]
    paths += [
        f"/backoffice/users/show/{world.ben.user_id}",
        f"/backoffice/users/edit/{world.ben.user_id}",
        f"/backoffice/bookings/show/{world.appointment}",
        f"/backoffice/bookings/edit/{world.appointment}",
        *(f"/backoffice/outbox/show/{mail}" for mail in mails),
    ]
    assert mails
    for path in paths:
        page = office.page(path)
        assert not any(secret in page for secret in secrets), path
        assert "scrypt" not in page, path
        links = re.findall(r"/b/([\w-]+)", page)
        assert not links, path  # a guest can act with one
