"""No list, page, form, filter or order of the back-office reaches a secret."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from flask import Flask
from flask_appbuilder.api import BaseApi, ModelRestApi
from sqlalchemy import select

from app.extensions import db
from app.models import Appointment, OutboxMessage, User
from app.models.user import full_name
from app.services import calendar_feed
from app.views.admin.base import ServiceModelView
from app.views.api.openapi_document import document
from tests import factories
from tests.calls import caller
from tests.views.admin.conftest import World

# Columns that no list, filter, order, export or API reaches: models mark them.
MARKED = {
    column.name
    for table in db.metadata.tables.values()
    for column in table.columns
    if column.info.get("secret")
}
SECRETS = MARKED - {"code", "body"} | {"qr", "qr_token", "sign_in_id", "login_token"}
# What sounds like a secret and is none; and FAB's tables that nothing of ours uses.
HARMLESS = {
    "ab_user.must_change_password",
    "one_time_code.event_id",
    "idempotency_key.key",
    "busy_calendar.content_hash",
}
UNUSED = {"ab_register_user", "ab_api_key"}
_SUSPICIOUS = re.compile("password|token|secret|hash|code|badge|key$|context|body")
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


def test_whatever_sounds_like_a_secret_is_marked_as_one() -> None:
    assert {
        "password",
        "token_hash",
        "sealed_url",
        "manage_token_hash",
        "code_hash",
        "context",
    } <= MARKED
    unmarked = [
        f"{table.name}.{column.name}"
        for table in db.metadata.tables.values()
        if table.name not in UNUSED
        for column in table.columns
        if _SUSPICIOUS.search(column.name)
        and not column.info.get("secret")
        and f"{table.name}.{column.name}" not in HARMLESS
    ]
    assert unmarked == []


def test_no_api_of_flask_appbuilder_reaches_a_model(app: Flask) -> None:
    views_of_fab = app.appbuilder.baseviews  # type: ignore[attr-defined]
    apis = [view for view in views_of_fab if isinstance(view, BaseApi)]
    # One that comes is to be walked with filter and order oracles, as the lists are.
    assert not [api for api in apis if isinstance(api, ModelRestApi)]
    assert [type(api).__name__ for api in apis] == ["SecurityApi"]
    rules = [rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    assert rules == ["/api/v1/security/login"]


def test_no_answer_of_the_api_has_a_secret_among_its_fields(app: Flask, world: World) -> None:
    schemas = document("http://localhost")["components"]["schemas"]
    fields = {
        name
        for schema in schemas.values()
        for part in (schema, *schema.get("allOf", ()))
        for name in part.get("properties", {})
    }
    assert "uid" in fields
    # A password is sent and never answered, `code` is why something was refused, and
    # badges are read and printed at the door.
    assert fields & MARKED <= {"password", "code", "badge"}
    root = caller(app, world.root)
    with app.app_context():
        hashes = [user.password for user in db.session.query(User).all() if user.password]
        hashes += [
            each.manage_token_hash
            for each in db.session.query(Appointment).all()
            if each.manage_token_hash
        ]
    for path in (
        "/api/auth/me",
        "/api/bookings",
        "/api/experts",
        "/api/rooms",
        "/api/events/gathering/agenda",
        "/api/events/gathering/attendees",
    ):
        answer = root("GET", path).get_data(as_text=True)
        assert not any(secret in answer for secret in hashes), path


def test_no_list_of_the_api_is_narrowed_or_ordered_by_a_secret(app: Flask, world: World) -> None:
    """A filter that worked would tell by its number; one that is ignored tells nothing."""
    root = caller(app, world.root)
    for path in ("/api/bookings", "/api/experts", "/api/rooms", "/api/events/gathering/attendees"):
        plain = root("GET", path).json
        for secret in MARKED:
            for query in (f"?{secret}=x", f"?order={secret}", f"?filter={secret}:x"):
                answer = root("GET", path + query)
                assert answer.status_code == 422 or answer.json == plain, (path, query)


def test_forms_have_the_fields_that_their_views_name(app: Flask) -> None:
    for view in views(app):
        for kind in ("add", "edit"):
            form = getattr(view, f"{kind}_form")
            if form is not None:
                fields = [each.name for each in form() if each.type != "HiddenField"]
                assert sorted(fields) == sorted(getattr(view, f"{kind}_columns")), view.endpoint


def test_nothing_is_filtered_or_ordered_by_a_secret(app: Flask, world: World) -> None:
    office = world.office(world.root)
    for view in views(app):
        name = type(view).__name__
        path = f"{view.route_base}/list/"
        for secret in sorted(SECRETS | {"id", "user_id", "username", "user.password"}):
            for query in (
                f"?order={secret}&direction=asc",
                f"?{secret}=scrypt",
                f"?_flt_0_{secret}=scrypt",
                f"?_oc_{name}={secret}&_od_{name}=asc",
            ):
                assert office.get(path + query).status_code == 422, (name, query)


def test_a_link_names_only_what_is_in_a_row_of_the_readers(app: Flask, world: World) -> None:
    """A filter by id answers with a name: a contributor would learn them all by counting."""
    with app.app_context():
        factories.make_user(name="Nobody Here", email="nobody@example.org")
        db.session.get(User, world.ben.user_id).active = False
        unlisted = {"title": "Unlisted offer", "is_listed": False}
        factories.make_event_type(world.ann, **unlisted)
        db.session.commit()
        known = {
            ("bookings", "user"): {world.cora.user_id},  # who has the one reservation
            ("bookings", "session"): set(),
            ("bookings", "event_type"): set(),
            ("sessions", "speaker"): set(),
        }
        top = max(db.session.scalars(select(User.id)))
        texts = [full_name(user.first_name, user.last_name) for user in db.session.query(User)]
    cora, root = world.office(world.cora), world.office(world.root)
    asked = set()
    for view in views(app):
        for narrowed in view.list_filters:
            if narrowed.is_offered:
                continue
            path = f"{view.route_base}/list/"
            kind = view.route_base.rsplit("/", 1)[1], narrowed.name
            for number in range(1, top + 3):
                value = f"user:{number}" if kind == ("audit", "object") else number
                answer = cora.get(f"{path}?{narrowed.name}={value}")
                if kind not in known:  # a list that is not theirs at all
                    assert answer.status_code == 403, kind
                    continue
                asked.add(kind)
                told = 200 if number in known[kind] else 422
                assert answer.status_code == told, (kind, number)
                if told == 422:
                    # The reader's own name is on every page.
                    others = set(texts) - {world.cora.name}
                    assert not [text for text in others if text in answer.text], kind
    assert asked == known.keys()
    # Admins see everybody, also who has no row there.
    for number in (world.ben.user_id, world.flagged.user_id):
        assert "Person: " in root.page(f"/backoffice/bookings/list/?user={number}")
    assert root.get(f"/backoffice/bookings/list/?user={top + 1}").status_code == 422


def test_no_export_has_a_secret(app: Flask, world: World) -> None:
    with app.app_context():
        secrets = [user.password for user in db.session.query(User).all() if user.password]
    office = world.office(world.root)
    exports = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/backoffice/imports/export")
    ]
    assert exports
    for kind in ("attendees", "sessions", "users"):
        answer = office.get(f"/backoffice/imports/export/{kind}.csv?event=gathering")
        assert answer.status_code == 200, kind
        head, *_ = answer.get_data(as_text=True).splitlines()
        assert not {column.strip('"').lower() for column in head.split(",")} & SECRETS
        assert not any(secret in answer.get_data(as_text=True) for secret in secrets)


def test_searching_for_a_secret_finds_nobody(app: Flask, world: World) -> None:
    with app.app_context():
        hashed = sha256(calendar_feed.share(world.ben).encode()).hexdigest()
        password = db.session.get(User, world.ben.user_id).password
    office = world.office(world.root)
    for words in (password, password[:12], "scrypt", hashed, hashed[:12]):
        for view in views(app):
            page = office.get(f"{view.route_base}/list/", query_string={"q": words})
            assert "0 found" in page.text, (view.endpoint, words)


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
