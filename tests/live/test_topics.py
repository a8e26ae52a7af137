"""Who may join which topic, and how joining and leaving are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import live
from app.extensions import db
from app.models import Calendar, User
from app.services import accounts, clock, experts, languages, sign_ins
from app.services.errors import NotFound
from app.services.policy import CONTRIBUTOR
from tests import factories
from tests.calls import caller, token_of
from tests.conftest import NOW
from tests.live.sockets import Listener

Listen = Callable[..., Listener]


@pytest.fixture
def ann(app: Flask) -> Any:
    """An expert, ann; `ann.room_id` is a room, `ann.event` a private event's slug."""
    with app.app_context():
        actor, expert = factories.make_expert(name="Ann", email="ann@example.org")
        experts.update_expert(actor, {"slug": "ann"})
        assert expert.slug == "ann"
        return actor


def version_of(app: Flask, **owner: int) -> int:
    with app.app_context():
        calendar = db.session.query(Calendar).filter_by(**owner).one()
        return int(calendar.version)


def refused(code: str) -> dict[str, Any]:
    return {"ok": False, "code": code}


def without_detail(ack: dict[str, Any]) -> dict[str, Any]:
    assert ack["detail"]
    return {name: value for name, value in ack.items() if name != "detail"}


def test_everybody_may_follow_experts_and_rooms(app: Flask, ann: Any, listen: Listen) -> None:
    with app.app_context():
        room_id = factories.make_room().id
    guest = listen()
    assert guest.join("expert:ann") == {"ok": True, "version": version_of(app, user_id=ann.user_id)}
    assert guest.join(f"room:{room_id}") == {"ok": True, "version": 0}


@pytest.mark.parametrize(
    "topic", ["expert:nobody", "room:4711", "room:", "room:x", "nothing", "expert", "sid:1", "me:1"]
)
def test_what_is_not_there_cannot_be_joined(topic: str, ann: Any, listen: Listen) -> None:
    assert without_detail(listen().join(topic)) == refused("not_found")


@pytest.mark.parametrize(
    "message",
    [
        (),
        (None,),
        ("expert:ann",),
        ({},),
        ({"topic": None},),
        ({"topic": 5},),
        ({"topic": ["expert:ann"]},),
        ({"topic": "x" * 101},),
        ({"topic": "expert:\x00"},),
        ({"topic": "expert:\ud800"},),
        ([["expert:ann"]],),
    ],
)
@pytest.mark.parametrize("event", ["join", "leave"])
def test_malformed_messages_are_refused(event: str, message: Any, listen: Listen) -> None:
    assert without_detail(listen().ask(event, *message)) == refused("invalid_input")


def test_a_message_may_carry_more_than_is_read(ann: Any, listen: Listen) -> None:
    assert listen().ask("join", {"topic": "expert:ann", "extra": 1}, "more")["ok"]


@pytest.mark.parametrize("public", [False, True])
def test_a_guest_follows_nothing_private(app: Flask, listen: Listen, public: bool) -> None:
    with app.app_context():
        slug = factories.make_event(public=public).slug
    guest = listen()
    assert without_detail(guest.join("me")) == refused("unauthenticated")
    assert without_detail(guest.join(f"event:{slug}")) == refused("unauthenticated")


def test_me_is_ones_own_calendar(app: Flask, ann: Any, listen: Listen) -> None:
    mine = listen(token=token_of(app, ann))
    assert mine.join("me") == {"ok": True, "version": version_of(app, user_id=ann.user_id)}


def test_an_event_is_followed_by_its_attendees_and_staff(
    app: Flask, ann: Any, listen: Listen
) -> None:
    with app.app_context():
        event = factories.make_event(public=False)
        other = factories.make_event(public=False)
        event_id, slug, version, other_slug = event.id, event.slug, event.version, other.slug
        staff = factories.make_actor(CONTRIBUTOR)
    attendee = listen(token=token_of(app, ann, f"agenda:{event_id}"))
    assert attendee.join(f"event:{slug}") == {"ok": True, "version": version}
    assert without_detail(attendee.join(f"event:{other_slug}")) == refused("not_found")
    assert without_detail(attendee.join("event:none")) == refused("not_found")
    assert listen(token=token_of(app, staff)).join(f"event:{slug}")["ok"]


def test_whoever_owes_a_password_joins_nothing(app: Flask, ann: Any, listen: Listen) -> None:
    with app.app_context():
        flagged = factories.make_actor(flagged=True)
    socket = listen(token=token_of(app, flagged))
    assert socket.is_connected
    for topic in ("me", "expert:ann", "room:1", "event:x"):
        assert without_detail(socket.join(topic)) == refused("must_change_password")


def test_a_changed_password_opens_the_socket_it_was_changed_on(
    app: Flask, ann: Any, listen: Listen
) -> None:
    with app.app_context():
        flagged = factories.make_actor(flagged=True)
    token = token_of(app, flagged)
    socket = listen(token=token)
    client = app.test_client()
    answer = client.post(
        "/api/auth/change-password",
        json={"current_password": factories.PASSWORD, "new_password": "a new one, and longer"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 204
    assert socket.is_connected
    assert socket.join("me")["ok"]


@pytest.mark.parametrize("bad", ["", "x", "a.b.c", 5, [], {"token": "x"}])
def test_a_bad_token_opens_no_socket(bad: Any, ann: Any, listen: Listen) -> None:
    assert not listen(token=bad).is_connected


def test_an_ended_token_opens_no_socket(app: Flask, ann: Any, listen: Listen) -> None:
    token = token_of(app, ann)
    with app.app_context():
        sign_ins.end_sign_ins(ann.user_id)
    assert not listen(token=token).is_connected


def test_a_bad_header_opens_no_socket(ann: Any, listen: Listen) -> None:
    assert not listen(headers={"Authorization": "Bearer x.y.z"}).is_connected


def test_credentials_come_by_header_and_cookie_too(
    app: Flask, ann: Any, listen: Listen, client: FlaskClient
) -> None:
    assert listen("me", headers={"Authorization": f"Bearer {token_of(app, ann)}"})
    client.post(
        "/api/auth/login", json={"email": "ann@example.org", "password": factories.PASSWORD}
    )
    assert listen("me", flask_test_client=client)


def test_a_cookie_whose_sign_in_ended_is_a_guests(
    app: Flask, ann: Any, listen: Listen, client: FlaskClient
) -> None:
    client.post(
        "/api/auth/login", json={"email": "ann@example.org", "password": factories.PASSWORD}
    )
    with app.app_context():
        sign_ins.end_sign_ins(ann.user_id)
    socket = listen("expert:ann", flask_test_client=client)
    assert without_detail(socket.join("me")) == refused("unauthenticated")


def test_ended_sign_ins_end_their_sockets_but_the_one_kept(
    app: Flask, ann: Any, listen: Listen
) -> None:
    kept_token, lost_token = token_of(app, ann), token_of(app, ann)
    kept, lost = listen("me", token=kept_token), listen("me", token=lost_token)
    guest = listen("expert:ann")
    answer = app.test_client().post(
        "/api/auth/change-password",
        json={"current_password": factories.PASSWORD, "new_password": "a new one, and longer"},
        headers={"Authorization": f"Bearer {kept_token}"},
    )
    assert answer.status_code == 204
    assert (kept.is_connected, lost.is_connected, guest.is_connected) == (True, False, True)


@pytest.mark.parametrize("event", ["connect", "disconnect"])
def test_who_sends_what_the_server_says_is_watched_all_the_same(
    event: str, app: Flask, ann: Any, listen: Listen
) -> None:
    socket = listen("me", token=token_of(app, ann))
    socket.client.emit(event, {})
    assert socket.join("me")["ok"]  # nor has it become a guest's
    with app.app_context():
        sign_ins.end_sign_ins(ann.user_id)
    live.end_revoked(app)
    assert not socket.is_connected
    assert live._sockets == {}


def test_a_deactivated_users_sockets_end(app: Flask, ann: Any, listen: Listen) -> None:
    socket = listen("me", token=token_of(app, ann))
    with app.app_context():
        accounts.deactivate(factories.make_admin(), ann.user_id)
    assert not socket.is_connected


def test_a_socket_whose_sign_in_ended_unnoticed_joins_nothing(
    app: Flask, ann: Any, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = listen(token=token_of(app, ann))
    monkeypatch.setattr(clock, "now", lambda: NOW.replace(year=NOW.year + 1))
    assert without_detail(socket.join("expert:ann")) == refused("unauthenticated")


def test_who_left_hears_no_more(app: Flask, ann: Any, listen: Listen) -> None:
    socket = listen("expert:ann", "me", token=token_of(app, ann))
    assert socket.ask("leave", {"topic": "expert:ann"}) == {"ok": True}
    assert socket.ask("leave", {"topic": "me"}) == {"ok": True}
    assert socket.ask("leave", {"topic": "never:joined"}) == {"ok": True}
    with app.app_context():
        event_type_id = factories.make_event_type(ann).id
    booked = caller(app)(
        "POST",
        "/api/bookings",
        {
            "event_type_id": event_type_id,
            "starts_at": "2031-03-04T09:00:00Z",
            "name": "Gwen",
            "email": "gwen@example.org",
        },
    )
    assert booked.status_code == 201
    assert socket.heard() == []


def test_a_socket_that_talks_too_much_is_refused(ann: Any, listen: Listen) -> None:
    socket, other = listen(), listen()
    acks = [socket.join("expert:ann")["ok"] for _ in range(live.MAX_MESSAGES)]
    assert all(acks)
    assert without_detail(socket.join("expert:ann")) == refused("rate_limited")
    assert without_detail(socket.ask("leave", {"topic": "expert:ann"})) == refused("rate_limited")
    assert other.join("expert:ann")["ok"]


def test_a_socket_opened_while_others_are_asked_about_stays(
    app: Flask, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        leaving, staying, coming = (factories.make_actor() for _ in range(3))
    tokens = [token_of(app, actor) for actor in (leaving, staying, coming)]
    opened = [listen(token=token) for token in tokens[:2]]
    with app.app_context():
        sign_ins.end_sign_ins(leaving.user_id)
    still_live = sign_ins.still_live

    def meanwhile(asked: set[str]) -> set[str]:
        found = still_live(asked)
        opened.append(listen(token=tokens[2]))
        return found

    monkeypatch.setattr(sign_ins, "still_live", meanwhile)
    live.end_revoked(app)
    assert [socket.is_connected for socket in opened] == [False, True, True]
    assert opened[2].join("me")["ok"]


def test_who_is_signed_in_is_answered_in_their_language(
    app: Flask, ann: Any, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        db.session.get_one(User, ann.user_id).language = "de"
        db.session.commit()
    spoken: list[str] = []

    def refuse(_actor: Any, _name: str) -> Any:
        spoken.append(languages.current().code)
        raise NotFound

    headers = {"Accept-Language": "he"}
    sockets = [listen(headers=headers), listen(token=token_of(app, ann), headers=headers)]
    monkeypatch.setattr(live, "_topic", refuse)
    for socket in sockets:
        assert without_detail(socket.join("expert:ann")) == refused("not_found")
    assert spoken == ["he", "de"]
