"""What may be seen of the back-office costs no query, and holds at once."""

from __future__ import annotations

from flask import Flask, current_app

from app.extensions import db
from app.services import accounts, sign_ins
from tests.calls import token_of
from tests.queries import count_queries
from tests.views.admin.conftest import World
from tests.views.admin.test_writes import field


def test_permissions_cost_no_query_beside_the_actors(app: Flask, world: World) -> None:
    headers = {"Authorization": f"Bearer {token_of(app, world.cora)}"}
    with app.test_request_context("/backoffice/", headers=headers), count_queries() as statements:
        manager = current_app.appbuilder.sm  # type: ignore[attr-defined]
        for view in ("RoomView", "EventView", "BookingView"):
            assert manager.has_access("can_list", view)
            assert not manager.has_access("can_delete", view)
        assert not manager.has_access("can_list", "UserView")
        assert manager.has_access("menu_access", "Rooms")
        assert not manager.has_access("menu_access", "Users")
        assert len(statements) == 1, statements  # who asks


def test_a_page_costs_who_asks_and_what_it_shows(world: World) -> None:
    for actor in (world.root, world.cora):
        office = world.office(actor)
        office.page("/backoffice/rooms/list/")
        with world.app.app_context(), count_queries() as statements:
            office.page("/backoffice/rooms/list/")
        assert len(statements) == 3, statements  # the actor, the number of rooms, the rooms


def test_signing_in_leads_to_what_can_be_looked_at(world: World) -> None:
    office = world.office(world.root)
    token = field(office.page("/backoffice/rooms/add"), "csrf_token")
    with world.app.app_context():
        sign_ins.end_sign_ins(world.root.user_id)
        db.session.commit()
    for path, back in {
        "/backoffice/rooms/add": "/backoffice/rooms/add",
        "/backoffice/users/activate/1": "/backoffice/users/list/",
        "/backoffice/settings/": "/backoffice/settings/",
        "/backoffice/imports/1/run": "/backoffice/imports/",
    }.items():
        answer = office.post(path, {"csrf_token": token})
        assert answer.status_code == 302, path
        assert answer.headers["Location"] == f"/login/?next={back}"


def test_what_is_gone_leads_back_to_the_office(world: World) -> None:
    answer = world.office(world.root).get("/backoffice/rooms/show/999999")
    assert answer.status_code == 404
    assert 'href="/backoffice/">' in answer.text.partition("<main")[2]


def test_another_role_holds_at_the_next_request(world: World) -> None:
    office = world.office(world.cora)
    office.page("/backoffice/rooms/list/")
    assert office.get("/backoffice/users/list/").status_code == 403
    with world.app.app_context():
        accounts.update_user(world.root, world.cora.user_id, roles=["Admin"])
    office.page("/backoffice/users/list/")
    with world.app.app_context():
        accounts.update_user(world.root, world.cora.user_id, roles=["Attendee"])
    for path in ("/backoffice/", "/backoffice/rooms/list/", "/backoffice/users/list/"):
        assert office.get(path).status_code == 403
