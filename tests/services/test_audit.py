"""The audit log: every command is in it, with before, after and from where; for good."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DatabaseError

from app.extensions import db
from app.models import AuditEntry, AuditPurge, User
from app.models.audit import API, BACK_OFFICE, CLI, PAGE, TIMER
from app.services import (
    accounts,
    admission,
    audit,
    event_sessions,
    event_types,
    events,
    experts,
    origin,
    rooms,
    seats,
    session_changes,
)
from app.services.errors import InvalidInput
from app.services.transaction import transactional
from tests import factories, rows
from tests.calls import caller
from tests.conftest import NOW
from tests.factories import PASSWORD, make_admin, make_user
from tests.queries import count_queries

SERVICES = Path(accounts.__file__).parent

# Commands that need no entry of their own, and why.
SILENT = {
    "audit.purge": "keeps an AuditPurge",
    "credentials.count_sign_in": "whoever signs somebody in says how",
    "accounts.create_roles": "what `init` makes, the same everywhere",
    "address_proofs.request_proof": "a mail; what is proven by it is an entry",
    "admission.qr_code": "made when it is first asked for; another one is an entry",
    "busy_calendar_refresh.make_all_due": "looks sooner, and changes nothing by itself",
    "busy_calendars.request_refresh": "the same",
    "idempotency.once": "runs a command, which is written down",
    "import_jobs.discard": "a file on its way: what it changes is written down when it does",
    "import_jobs.map_columns": "the same",
    "one_time_codes.purge": "what ended a day ago",
    "sign_ins.start_sign_in": "whoever signs somebody in says how",
    "sign_ins.end_sign_in": "the row says when",
    "sign_ins.end_sign_ins": "whoever calls it says why",
    "sign_ins.purge": "what ended a day ago",
}


def parsed() -> dict[str, ast.FunctionDef]:
    """The functions of all services, by `module.name`."""
    found = {}
    for path in SERVICES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                found[f"{path.stem}.{node.name}"] = node
    return found


def calls(name: str, node: ast.FunctionDef) -> set[str]:
    """What a function mentions of the services, called or handed on."""
    module = name.split(".", maxsplit=1)[0]
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            owner = module if each.value.id == "self" else each.value.id
            found.add(f"{owner}.{each.attr}")
        elif isinstance(each, ast.Name):
            found.add(f"{module}.{each.id}")
    return found


def reaches(name: str, functions: dict[str, ast.FunctionDef], seen: set[str]) -> bool:
    if name in {"audit.record", "audit.record_each", "audit.record_update"}:
        return True
    if name in seen or name not in functions:
        return False
    seen.add(name)
    return any(reaches(each, functions, seen) for each in calls(name, functions[name]))


def commands(functions: dict[str, ast.FunctionDef]) -> list[str]:
    return [
        name
        for name, node in functions.items()
        if not node.name.startswith("_")
        and any(ast.unparse(each) == "transactional" for each in node.decorator_list)
    ]


def test_every_command_is_written_down() -> None:
    functions = parsed()
    found = commands(functions)
    assert len(found) > 40
    silent = {name for name in found if not reaches(name, functions, set())}
    assert silent == SILENT.keys()


# -- before and after ----------------------------------------------------------------


@pytest.fixture
def context(app: Flask) -> Any:
    with app.app_context():
        yield


def last() -> AuditEntry:
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert entry
    return entry


@pytest.mark.usefixtures("context")
def test_an_update_says_what_was_and_what_is() -> None:
    root = make_admin()
    room = factories.make_room(name="Attic", capacity=4)
    rooms.update_room(root, room.id, {"name": "Loft", "capacity": 4})
    entry = last()
    assert (entry.action, entry.object_kind, entry.object_id) == ("update", "room", str(room.id))
    assert (entry.before, entry.changes) == ({"name": "Attic"}, {"name": "Loft"})
    assert (entry.actor_id, entry.at) == (root.user_id, NOW)

    event = factories.make_event(venue="Here")
    events.update_event(root, event.slug, {"venue": "There", "title": event.title})
    assert (last().before, last().changes) == ({"venue": "Here"}, {"venue": "There"})

    ann, _expert = factories.make_expert()
    experts.update_expert(ann, {"headline": "New"})
    assert (last().before, last().changes) == ({"headline": ""}, {"headline": "New"})
    experts.replace_availability(ann, {"weekly": []})
    assert len(last().before["weekly"]) == 5
    assert last().changes["weekly"] == []
    offer = factories.make_event_type(ann)
    event_types.update_event_type(ann, offer.id, {"duration_minutes": 45})
    assert (last().before, last().changes) == ({"duration_minutes": 30}, {"duration_minutes": 45})

    session = factories.make_session(capacity=3, title="Talk")
    session_changes.move_event_session(root, session.id, {"capacity": 5, "title": "Talk"})
    assert (last().before, last().changes) == ({"capacity": 3}, {"capacity": 5})
    event_sessions.cancel_event_session(root, session.id)
    assert (last().before, last().changes["status"]) == ({"status": "confirmed"}, "cancelled")

    user = make_user(name="Ben")
    accounts.update_user(root, user.id, roles=["Attendee", "Contributor"])
    assert last().before == {"roles": ["Attendee"]}
    assert last().changes == {"roles": ["Attendee", "Contributor"]}


@pytest.mark.usefixtures("context")
def test_what_changes_nothing_is_not_written_down() -> None:
    actor, expert = factories.make_expert()
    before = rows.count(AuditEntry)
    experts.update_expert(actor, {"time_zone": expert.time_zone, "name": expert.name})
    assert rows.count(AuditEntry) == before


@pytest.mark.usefixtures("context")
def test_a_deletion_says_what_was_deleted_and_no_secret() -> None:
    root = make_admin()
    room = factories.make_room(name="Attic")
    rooms.delete_room(root, room.id)
    assert last().before["name"] == "Attic"
    user = make_user(name="Ben", email="ben@example.org")
    accounts.delete_user(root, user.id)
    assert last().before["email"] == "ben@example.org"
    assert "password" not in audit.snapshot(db.session.get(User, root.user_id))


@pytest.mark.usefixtures("context")
def test_an_entry_keeps_what_its_object_was_called_then() -> None:
    root = make_admin()
    room = factories.make_room(name="Attic")
    assert last().object_name == "Attic"
    rooms.update_room(root, room.id, {"name": "Loft"})
    assert last().object_name == "Loft"
    pk = room.id
    with count_queries() as statements:
        transactional(lambda: audit.record(root, "update", "room", pk))()
    assert len(statements) == 1, statements  # it asks for the name itself
    rooms.delete_room(root, pk)
    assert last().object_name == "Loft"

    event = factories.make_event(slug="gathering", title="The gathering")
    assert last().object_name == "The gathering"
    session = factories.make_session(event, title="Hands on", capacity=2)
    assert last().object_name == "Hands on"
    booked = seats.book_seat(factories.make_actor(name="Ben"), session.id).booking
    assert (last().object_id, last().object_name) == (booked["uid"], "Hands on")
    admission.add_attendee(root, "gathering", name="", email="dee@example.org")
    assert last().object_name == "dee@example.org"
    admission.add_attendee(root, "gathering", name="Ann Lee", email="ann@example.org")
    assert last().object_name == "Ann Lee"
    ann, expert = factories.make_expert(name="Bo")
    assert (last().object_kind, last().object_name) == ("expert", expert.name)
    factories.make_event_type(ann)
    assert last().object_name == "Consultation"
    accounts.add_account(root, "Cy Young", "cy@example.org")
    assert (last().object_kind, last().object_name) == ("user", "Cy Young")

    @transactional
    def record_others() -> None:
        audit.record_each(root, "update", "room", [99999, 0, "none"])  # gone, and no one
        audit.record(root, "update", "settings", "all")

    record_others()
    entries = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).limit(4)
    assert [entry.object_name for entry in entries] == [""] * 4


@pytest.mark.usefixtures("context")
def test_names_of_what_is_there_are_found_in_one_query() -> None:
    room, other = factories.make_room(name="Attic"), factories.make_room(name="Loft")
    session = factories.make_session(title="Talk")
    wanted = {
        "room": {str(room.id), str(other.id), "99999", "unknown"},
        "event_session": {str(session.id)},
        "settings": {"all"},
        "booking": {"nothing"},
    }
    with count_queries() as statements:
        found = audit.find_names(wanted)
    assert found == {
        ("room", str(room.id)): "Attic",
        ("room", str(other.id)): "Loft",
        ("event_session", str(session.id)): "Talk",
    }
    assert len(statements) == 1
    assert audit.find_names({"room": {"unknown"}, "settings": {"all"}}) == {}


@pytest.mark.usefixtures("context")
def test_a_creation_says_all_that_was_made() -> None:
    root = make_admin()
    room = factories.make_room(name="Attic", capacity=4)
    assert last().changes == {"name": "Attic", "capacity": 4}
    event = factories.make_event(slug="soon", venue="Here")
    assert (last().before, last().action) == ({}, "create")
    assert last().changes | {"slug": "soon", "venue": "Here", "title": "An event"} == last().changes
    assert not {"version", "id", "admission_code"} & last().changes.keys()
    session = factories.make_session(
        event, room_id=room.id, capacity=3, title="Talk", speakers=[{"name": "Bo"}]
    )
    said = {"room_id": room.id, "event_id": event.id, "capacity": 3, "speakers": ["Bo"]}
    assert last().changes | said == last().changes
    assert last().changes["starts_at"] == session.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    admission.add_attendee(root, "soon", name="Dee", email="dee@example.org")
    assert last().changes == {"event_id": event.id, "name": "Dee", "email": "dee@example.org"}
    ann, _ = factories.make_expert()
    factories.make_event_type(ann, duration_minutes=45)
    assert last().changes["duration_minutes"] == 45
    accounts.add_account(root, "Cy Young", "cy@example.org", time_zone="Europe/Rome")
    assert last().changes == {
        "name": "Cy Young",
        "email": "cy@example.org",
        "time_zone": "Europe/Rome",
        "roles": ["Attendee"],
    }


@pytest.mark.usefixtures("context")
def test_what_is_refused_leaves_no_entry() -> None:
    root = make_admin()
    room = factories.make_room(name="Attic")
    number = rows.count(AuditEntry)
    with pytest.raises(InvalidInput):
        rooms.update_room(root, room.id, {"name": ""})
    assert rows.count(AuditEntry) == number


# -- from where ----------------------------------------------------------------------


def test_an_entry_says_by_which_door_and_from_which_address(app: Flask) -> None:
    with app.app_context():
        root = make_admin(email="root@example.org")
    call = caller(app, root)
    assert call("POST", "/api/rooms", {"name": "By API"}).status_code == 201
    with app.app_context():
        assert (last().door, last().address) == (API, "127.0.0.1")
        rooms.create_room(root, {"name": "By command"})
        assert (last().door, last().address) == (CLI, None)
        with origin.coming_from(TIMER):
            rooms.create_room(root, {"name": "By timer"})
        assert last().door == TIMER
        assert origin.current().door == CLI
    client = app.test_client()
    page = client.get("/login/").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    wrong = {"username": "root@example.org", "password": PASSWORD, "csrf_token": token}
    client.post("/login/", data=wrong, environ_base={"REMOTE_ADDR": "203.0.113.7"})
    with app.app_context():
        assert (last().action, last().door, last().address) == ("sign_in", PAGE, "203.0.113.7")
    assert BACK_OFFICE in audit_doors(app, client)


def audit_doors(app: Flask, client: Any) -> set[str]:
    """The doors of the log, after a room was added in the back-office."""
    page = client.get("/backoffice/rooms/add").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    added = client.post("/backoffice/rooms/add", data={"name": "By form", "csrf_token": token})
    assert added.status_code == 303
    with app.app_context():
        return set(db.session.scalars(db.select(AuditEntry.door)))


# -- for good ------------------------------------------------------------------------


@pytest.mark.usefixtures("context")
def test_the_database_refuses_to_change_the_log() -> None:
    factories.make_room()
    number = rows.count(AuditEntry)
    db.session.rollback()  # a lock of its own would be waited for
    statements: list[Any] = [
        update(AuditEntry).values(action="nothing"),
        update(AuditEntry).values(changes={}),
        delete(AuditEntry),
    ]
    if db.engine.dialect.name == "postgresql":
        statements.append(text("TRUNCATE audit_entry"))
    for statement in statements:
        with (
            pytest.raises(DatabaseError, match="audit_entry_append_only"),
            db.engine.begin() as raw,
        ):
            raw.execute(statement)
    assert rows.count(AuditEntry) == number > 0


def test_what_is_old_enough_is_given_up_and_that_stays_known(app: Flask, at: Any) -> None:
    with app.app_context():
        factories.make_room()
        old = rows.count(AuditEntry)
        later = NOW + timedelta(days=400)
        at(later)
        factories.make_room()
        assert audit.purge(NOW) == 0
        assert rows.count(AuditPurge) == 0
        assert audit.purge(later - timedelta(days=30)) == old
        assert rows.count(AuditEntry) == 1
        kept = db.session.query(AuditPurge).one()
        assert (kept.at, kept.up_to, kept.deleted) == (later, later - timedelta(days=30), old)
        with pytest.raises(DatabaseError, match="audit_entry_append_only"):
            transactional(lambda: db.session.execute(delete(AuditEntry)))()
