"""The document is valid, says what there is, and nothing else; admins read it as a page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from app.errors import STATUS
from app.services import errors
from tests import factories
from tests.calls import caller
from tests.openapi import check_value, published

FABS = "/api/v1/"
DATA_PAGES = {"/b/<token>.ics", "/calendar/<token>.ics", "/healthz", "/readyz", "/metrics"}


def routes(app: Flask) -> set[tuple[str, str]]:
    """`(method, path)` of every call that programs make, as OpenAPI writes paths."""
    return {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule in DATA_PAGES
        or (rule.rule.startswith(("/api/", "/db/")) and not rule.rule.startswith(FABS))
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_documented_and_the_other_way_round(app: Flask) -> None:
    documented = {
        (method, path)
        for path, calls in published()["paths"].items()
        for method in calls
        if method != "parameters"
    }
    assert documented == routes(app)


def test_path_parameters_have_the_routes_types(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if "{" not in path or path not in published()["paths"]:
            continue
        types = {
            each["name"]: each["schema"]["type"]
            for each in published()["paths"][path]["parameters"]
        }
        integers = set(re.findall(r"<int:(\w+)>", rule.rule))
        assert types == {
            name: "integer" if name in integers else "string" for name in rule.arguments
        }


def test_the_document_is_valid_openapi(app: Flask) -> None:
    answer = caller(app).get("/api/openapi.json")
    assert answer == published()
    validate(answer)
    for schema in answer["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_domain_error_is_in_the_catalogue() -> None:
    found = {each for each in vars(errors).values() if isinstance(each, type)}
    codes = set(published()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert {each.code for each in found if issubclass(each, errors.DomainError)} <= codes
    assert len({error.code for error in STATUS}) == len(STATUS)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"code": "slot_taken", "status": 409}, "slot_taken"),
        ({"code": "slot_taken", "status": 422, "alternatives": []}, "slot_taken"),
        ({"code": "stale", "status": 409}, "slot_taken"),
    ],
)
def test_a_false_answer_is_found_out(value: dict[str, Any], code: str) -> None:
    whole = {"type": "about:blank", "title": "Conflict", "detail": "Taken.", **value}
    with pytest.raises(AssertionError):
        check_value(whole, {"$ref": f"#/components/schemas/Problem_{code}"})


# -- Swagger UI ----------------------------------------------------------------------


def sign_in(client: FlaskClient, email: str) -> None:
    answer = client.post("/api/auth/login", json={"email": email, "password": factories.PASSWORD})
    assert answer.status_code == 200


def test_admins_read_it_as_a_page_of_ours(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        factories.make_admin(email="root@example.org")
    sign_in(client, "root@example.org")
    page = client.get("/swagger/v1")
    assert page.status_code == 200
    assert "/api/openapi.json" in page.text
    scripts = re.findall(r"<script[^>]*>", page.text)
    assert any("swagger-ui-bundle" in script for script in scripts)
    assert all(' src="/static/' in script for script in scripts)
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    for file in re.findall(r'(?:src|href)="(/static/appbuilder/[^"?]+)', page.text):
        assert client.get(file, buffered=True).status_code == 200, file


def test_nobody_else_reads_the_page(app: Flask, client: FlaskClient) -> None:
    refused = client.get("/swagger/v1")
    assert refused.headers["Location"].startswith("/login/")
    with client.session_transaction() as kept:  # Flask-AppBuilder's refusal, in its languages
        assert "_flashes" not in kept
    with app.app_context():
        factories.make_contributor(email="cora@example.org")
    sign_in(client, "cora@example.org")
    assert client.get("/swagger/v1").status_code == 403
    assert client.get("/swagger/v2").status_code == 404


def test_who_owes_a_password_reads_no_page(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        factories.make_admin(email="root@example.org", flagged=True)
    sign_in(client, "root@example.org")
    answer = client.get("/swagger/v1")
    place = "/change-password?next=/swagger/v1"
    assert (answer.status_code, answer.headers["Location"]) == (303, place)
