"""Who gets in: every route of the back-office, as everybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.services import sign_ins
from tests.views.admin.conftest import World

# What contributors may read. All else is for admins.
OPEN_TO_CONTRIBUTORS = {
    f"{view}.{method}"
    for view in ("BookingView", "RoomView", "BlackoutView", "EventView", "EventSessionView")
    for method in ("list", "show")
} | {"HomeView.index"}


def routes(world: World) -> Iterator[tuple[str, str, str]]:
    """Method, endpoint and path of every route, with things that exist."""
    rows = {
        "BookingView": world.reservation,
        "EventSessionView": world.session,
        "EventView": world.event,
        "EventTypeView": world.event_type,
        "RoomView": world.room,
        "BlackoutView": world.blackout,
        "ExpertView": world.expert,
        "UserView": world.ben.user_id,
    }
    with world.app.test_request_context():
        adapter = world.app.create_url_adapter(None) or world.app.url_map.bind("localhost")
        for rule in world.app.url_map.iter_rules():
            if not rule.rule.startswith("/backoffice/"):
                continue
            view = rule.endpoint.partition(".")[0]
            values = {"pk": rows.get(view, 1)} if "pk" in rule.arguments else {}
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield method, rule.endpoint, adapter.build(rule.endpoint, values)


def test_guests_are_sent_to_sign_in(world: World) -> None:
    guest = world.office(None)
    walked = 0
    for method, endpoint, path in routes(world):
        if method == "GET":
            answer = guest.get(path)
            assert answer.status_code in {302, 303}, endpoint
            assert answer.headers["Location"].startswith("/login/?next=/backoffice/"), endpoint
        else:
            assert guest.post(path).status_code in {302, 303, 401}, endpoint
        walked += 1
    assert walked > 50


@pytest.mark.parametrize("who", ["ben", "ann"])
def test_others_are_refused_everywhere(world: World, who: str) -> None:
    somebody = world.office(getattr(world, who))
    for method, endpoint, path in routes(world):
        answer = somebody.get(path) if method == "GET" else somebody.post(path)
        assert answer.status_code == 403, (method, endpoint)


def test_contributors_read_and_no_more(world: World) -> None:
    cora = world.office(world.cora)
    for method, endpoint, path in routes(world):
        answer = cora.get(path) if method == "GET" else cora.post(path)
        expected = 200 if endpoint in OPEN_TO_CONTRIBUTORS else 403
        assert answer.status_code == expected, (method, endpoint)
    page = cora.page("/backoffice/")
    assert "Bookings" in page
    assert "Audit log" not in page
    assert "Add room" not in cora.page("/backoffice/rooms/list/")


def test_contributors_see_no_clients(world: World) -> None:
    cora = world.office(world.cora)
    page = cora.page("/backoffice/bookings/list/")
    assert "Rehearsal" in page
    assert "Gwen" not in page
    assert "Opening" not in page
    for hidden in (world.appointment, world.seat):
        assert cora.get(f"/backoffice/bookings/show/{hidden}").status_code == 404
    assert "0 found" in cora.page("/backoffice/bookings/list/?q=gwen@example.org")


def test_a_new_admin_must_change_the_password_first(world: World) -> None:
    new = world.office(world.flagged)
    for method, endpoint, path in routes(world):
        answer = new.get(path) if method == "GET" else new.post(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/change-password"), (
            method,
            endpoint,
        )


def test_admins_see_every_page(world: World) -> None:
    office = world.office(world.root)
    for method, endpoint, path in routes(world):
        if method != "GET" or endpoint.endswith("delete_many"):
            continue
        if endpoint == "OutboxView.show":
            continue  # there is no mail 1 on PostgreSQL
        if endpoint in {"AuditView.show", "RoleView.show"}:
            assert office.get(path).status_code in {200, 404}, endpoint
            continue
        answer = office.get(path)
        assert answer.status_code == 200, endpoint
        assert answer.text.count("<h1") == 1, endpoint
        assert "<script>" not in answer.text, endpoint
        assert "style=" not in answer.text, endpoint
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy, endpoint
        assert answer.headers["Cache-Control"] == "no-store", endpoint


def test_an_agendas_sign_in_is_no_way_in(app: Flask, world: World) -> None:
    browser = world.office(None)
    with app.app_context():
        sign_in = sign_ins.start_sign_in(world.root.user_id, f"agenda:{world.event}")
    with browser._client.session_transaction() as session:
        session["sign_in"] = sign_in.id
    assert browser.get("/backoffice/").status_code == 403
    assert browser.get("/backoffice/users/list/").status_code == 403


def test_flask_appbuilders_own_doors_are_not_built_in(app: Flask, world: World) -> None:
    doors = [
        "/users/list/",
        "/users/add",
        "/users/userinfo/",
        "/roles/list/",
        "/roles/add",
        "/resetmypassword/form",
        "/resetpassword/form",
        "/userinfoeditview/form",
        "/register/form",
        "/registeruser/list/",
        "/permissions/list/",
        "/viewmenus/list/",
        "/api/v1/_openapi",
        "/api/v1/menu/",
        "/api/v1/security/users/",
        "/api/v1/security/roles/",
        "/api/v1/security/permissions/",
    ]
    office = world.office(world.root)
    for door in doors:
        assert office.get(door).status_code == 404, door
    own = [rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    assert own == ["/api/v1/security/login"]
