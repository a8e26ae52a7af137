"""Sign-ins: the rows that every token and session rests on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from app.extensions import db
from app.models import Role, SignIn
from app.services import sign_ins
from app.services.policy import ADMIN, CONTRIBUTOR
from tests.conftest import NOW
from tests.factories import make_user

pytestmark = pytest.mark.usefixtures("context")


def test_an_actor_is_found_in_one_query_with_all_that_gates_ask() -> None:
    user = make_user(ADMIN, CONTRIBUTOR, name="Ann", email="ann@example.org", flagged=True)
    user.time_zone, user.email_verified_at = "Asia/Tokyo", NOW
    db.session.commit()
    sign_in = sign_ins.start_sign_in(user.id, "agenda:7", timedelta(hours=1))
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    actor = sign_ins.find_actor(sign_in.id)
    event.remove(db.engine, "before_cursor_execute", note)

    assert actor
    assert len([each for each in statements if each != "BEGIN"]) == 1
    assert (actor.name, actor.email, actor.time_zone) == ("Ann", "ann@example.org", "Asia/Tokyo")
    assert actor.roles == {ADMIN, CONTRIBUTOR}
    assert (actor.audience, actor.sign_in_id) == ("agenda:7", sign_in.id)
    assert actor.must_change_password
    assert actor.email_is_verified
    assert not actor.is_admin  # an agenda's sign-in administers nothing


def test_a_user_without_roles_is_an_actor_too() -> None:
    user = make_user()
    user.roles = []
    db.session.commit()
    actor = sign_ins.find_actor(sign_ins.start_sign_in(user.id).id)
    assert actor
    assert actor.roles == frozenset()


def test_a_role_taken_is_gone_at_once() -> None:
    user = make_user(ADMIN)
    sign_in = sign_ins.start_sign_in(user.id).id
    user.roles = list(db.session.scalars(select(Role).where(Role.name == "Attendee")))
    db.session.commit()
    actor = sign_ins.find_actor(sign_in)
    assert actor
    assert not actor.is_admin


def test_what_ended_expired_or_is_unknown_gives_no_actor(at: Any) -> None:
    user_id = make_user().id
    ended, expiring, live = (
        sign_ins.start_sign_in(user_id, lifetime=timedelta(hours=hours)).id for hours in (9, 1, 9)
    )
    sign_ins.end_sign_in(ended)
    sign_ins.end_sign_in(ended)
    at(NOW + timedelta(hours=1))
    found = {each: sign_ins.find_actor(each) for each in (ended, expiring, live, "unknown", "")}
    assert [each for each, actor in found.items() if actor] == [live]
    assert sign_ins.still_live(found) == {live}
    assert sign_ins.still_live([]) == set()


def test_ending_all_keeps_the_one_named() -> None:
    user_id, other_id = make_user().id, make_user().id
    kept, *gone = (sign_ins.start_sign_in(user_id).id for _ in range(3))
    other = sign_ins.start_sign_in(other_id).id
    sign_ins.end_sign_ins(user_id, keep=kept)
    assert sign_ins.still_live([kept, *gone, other]) == {kept, other}
    sign_ins.end_sign_ins(user_id)
    assert sign_ins.still_live([kept, *gone, other]) == {other}


def test_dead_rows_are_forgotten_after_a_day(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = make_user().id
    expired = sign_ins.start_sign_in(user_id, lifetime=timedelta(hours=1)).id
    ended = sign_ins.start_sign_in(user_id).id
    live = sign_ins.start_sign_in(user_id).id
    sign_ins.end_sign_in(ended)
    monkeypatch.setattr(sign_ins, "_PURGE_ONE_IN", 1)

    def ids_after(now: datetime) -> set[str]:
        at(now)
        newest = sign_ins.start_sign_in(user_id).id
        return set(db.session.scalars(select(SignIn.id))) - {newest}

    assert ids_after(NOW + timedelta(hours=23)) >= {expired, ended, live}
    left = ids_after(NOW + timedelta(hours=26))
    assert live in left
    assert not left & {expired, ended}
    assert db.session.scalar(select(func.count()).select_from(SignIn)) == 3
