"""`flask booking …` and `flask fab …`, as an operator types them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup
from flask_appbuilder.security.sqla.models import PermissionView
from sqlalchemy import update

from app import create_app
from app.extensions import db
from app.models import Event, EventSession, Expert, Role, User
from app.services import busy_calendars, calendar_feeds, zoom
from app.services.appointments import book_appointment
from app.services.calendar_feeds import Fetched, FetchError
from app.services.meeting_providers import Made
from tests import factories, rows
from tests.calls import Caller, caller, problem
from tests.conftest import settings_for

Run = Callable[..., Result]
STRONG = "a password nobody would guess"


@pytest.fixture
def run(app: Flask) -> Run:
    """`run("booking", "audit")`: the outcome of `flask booking audit`."""

    def invoke(*arguments: str) -> Result:
        return app.test_cli_runner().invoke(FlaskGroup(), args=list(arguments))

    return invoke


def done(result: Result) -> str:
    """The output of a command that ended well."""
    assert result.exit_code == 0, result.output
    return str(result.output)


def signed_in(app: Flask, email: str, password: str) -> tuple[Caller, dict[str, Any]]:
    answer = caller(app)("POST", "/api/auth/login", {"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return Caller(app, answer.json["access_token"]), answer.json["user"]


# -- init and prepare ----------------------------------------------------------------


def test_init_again_changes_nothing(app: Flask, run: Run) -> None:
    def state() -> list[Any]:
        with app.app_context():
            roles = {
                role.name: sorted(str(each) for each in role.permissions)
                for role in db.session.query(Role)
            }
            return [roles, rows.count(PermissionView)]

    before = state()
    assert set(before[0]) == {"Admin", "Contributor", "Expert", "Attendee", "Public"}
    assert before[0]["Public"] == []
    for _ in range(2):
        assert done(run("booking", "init")) == "Roles and permissions are up to date.\n"
        assert state() == before


def test_prepare_twice(app: Flask, run: Run) -> None:
    first = done(run("booking", "prepare"))
    found = re.search(r"^First admin: (\S+) password: (\S+)$", first, re.MULTILINE)
    assert found
    assert "Loaded a sample" in first
    assert "First admin" not in done(run("booking", "prepare"))
    with app.app_context():
        assert (rows.count(Expert), rows.count(Event)) == (3, 1)
    admin, user = signed_in(app, found[1], found[2])
    assert (user["roles"], user["must_change_password"]) == (["Admin"], True)
    assert problem(admin("GET", "/api/auth/me")) == (403, "must_change_password")
    new = {"current_password": found[2], "new_password": STRONG}
    assert admin("POST", "/api/auth/change-password", new).status_code == 204
    assert admin.get("/api/auth/me")["user"]["must_change_password"] is False
    assert "Every guarantee holds." in done(run("booking", "audit"))


def test_prepare_leaves_an_empty_database_empty_if_told(
    app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "SAMPLE", False)
    done(run("booking", "prepare"))
    with app.app_context():
        assert (rows.count(Expert), rows.count(Event), rows.count(User)) == (0, 0, 1)


def test_a_sample_is_loaded_into_an_empty_database_alone(app: Flask, run: Run) -> None:
    assert "Loaded a sample" in done(run("booking", "sample"))
    assert "nothing was loaded" in done(run("booking", "sample"))
    with app.app_context():
        assert rows.count(Expert) == 3
    listed = caller(app).get("/api/experts")
    assert {each["slug"] for each in listed["items"]} == {
        "mara-lindqvist",
        "tomas-okafor",
        "aiko-brandt",
    }


# -- audit and doctor ----------------------------------------------------------------


def test_audit_says_what_is_broken(app: Flask, run: Run) -> None:
    assert done(run("booking", "audit")) == "Every guarantee holds.\n"
    with app.app_context():
        session_id = factories.make_session(capacity=5).id
        db.session.execute(
            update(EventSession).where(EventSession.id == session_id).values(seats_taken=3)
        )
        db.session.commit()
    result = run("booking", "audit")
    assert result.exit_code == 1
    assert "a session's counter differs" in result.output
    assert f"event_session {session_id}" in result.output
    assert "1 found." in result.output


def test_doctor_finds_nothing_wrong(app: Flask, run: Run) -> None:
    with app.app_context():
        factories.make_admin()
    said = done(run("booking", "doctor"))
    for finding in ("migrations: up to date", "admin: there is one", "every guarantee holds"):
        assert finding in said
    assert "wrong" not in said


def test_doctor_says_what_to_do(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("booking", "doctor")
    assert result.exit_code == 1
    assert "wrong   admin: there is none: run flask fab create-admin" in result.output
    with app.app_context():
        factories.make_admin()
    assert run("booking", "doctor").exit_code == 0
    monkeypatch.setitem(app.config, "REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setitem(app.config, "MAIL_SERVER", "127.0.0.1")
    monkeypatch.setitem(app.config, "MAIL_PORT", 1)
    result = run("booking", "doctor")
    assert result.exit_code == 1
    assert "wrong   redis: cannot be reached" in result.output
    assert "wrong   mail: 127.0.0.1:1 cannot be reached" in result.output


# -- mail ----------------------------------------------------------------------------


def test_send_mail_needs_a_server(run: Run) -> None:
    result = run("booking", "send-mail")
    assert result.exit_code == 1
    assert "MAIL_SERVER is not set: mails stay in the outbox." in result.output


# -- calendars and meetings elsewhere ---------------------------------------------------


def test_refresh_calendars(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert done(run("booking", "refresh-calendars")) == "0 refreshed, 0 failed.\n"
    with app.app_context():
        expert, _ = factories.make_expert()
        for name in ("good", "bad"):
            url = f"https://{name}.example.org/secret.ics"
            busy_calendars.add_subscription(expert, name=name, url=url)

    def fetch(url: str, **_: Any) -> Fetched:
        if "bad" in url:
            raise FetchError("The calendar's server is too slow.")
        return Fetched(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "", "")

    monkeypatch.setattr(calendar_feeds, "fetch", fetch)
    assert done(run("booking", "refresh-calendars")) == "1 refreshed, 1 failed.\n"
    assert done(run("booking", "refresh-calendars")) == "0 refreshed, 0 failed.\n"
    assert done(run("booking", "refresh-calendars", "--all")) == "1 refreshed, 1 failed.\n"


def test_sync_meetings(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert done(run("booking", "sync-meetings")) == "0 done, 0 refused, 0 left.\n"
    for name in ("ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"):
        monkeypatch.setitem(app.config, name, "set")
    monkeypatch.setattr(zoom.Zoom, "create", lambda *_: Made("7", "https://zoom.us/j/7"))
    with app.app_context():
        expert, _ = factories.make_expert()
        kind = {"kind": "zoom", "detail": ""}
        event_type = factories.make_event_type(expert, location=kind)
        start = datetime(2031, 3, 4, 9, tzinfo=UTC)
        book_appointment(None, event_type.id, start, factories.client_named())
    assert done(run("booking", "sync-meetings")) == "1 done, 0 refused, 0 left.\n"


# -- Flask-AppBuilder's --------------------------------------------------------------


def create(run: Run, command: str, *more: str, password: str = STRONG) -> Result:
    return run(
        "fab",
        command,
        "--username",
        "Root",
        "--firstname",
        "Ro",
        "--lastname",
        "Ot",
        "--email",
        "Root@Example.org",
        "--password",
        password,
        *more,
    )


def test_create_admin_makes_one_who_may_work_at_once(app: Flask, run: Run) -> None:
    done(create(run, "create-admin"))
    for identifier in ("root@example.org", "root", "ROOT@example.org"):
        admin, user = signed_in(app, identifier, STRONG)
        assert (user["roles"], user["must_change_password"]) == (["Admin"], False)
        assert (user["name"], user["email"]) == ("Ro Ot", "root@example.org")
        assert admin.get("/api/auth/me")["user"] == user
    browser = app.test_client()
    browser.post("/api/auth/login", json={"email": "root@example.org", "password": STRONG})
    assert browser.get("/swagger/v1").status_code == 200  # the back-office, too
    assert "Every guarantee holds." in done(run("booking", "audit"))  # a calendar too


def test_create_user_with_a_role(app: Flask, run: Run) -> None:
    done(create(run, "create-user", "--role", "Contributor"))
    _, user = signed_in(app, "root@example.org", STRONG)
    assert (user["roles"], user["must_change_password"]) == (["Contributor"], False)


def test_reset_password_ends_what_was_signed_in(app: Flask, run: Run) -> None:
    done(create(run, "create-admin"))
    before, _ = signed_in(app, "root@example.org", STRONG)
    done(run("fab", "reset-password", "--username", "root", "--password", "another one, longer"))
    assert problem(before("GET", "/api/auth/me")) == (401, "unauthenticated")
    signed_in(app, "root@example.org", "another one, longer")


# -- a database that is not there ------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("purge", "--days", "999999999"), "999999999 is not in the range"),
        (("purge", "--dry-run", "--days", "9" * 30), "is not in the range"),
        (("qr", "--event", "\udcff"), "An argument holds bytes that are no text."),
    ],
)
def test_absurd_arguments_are_a_sentence_and_no_trace(
    run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = run("booking", *arguments)
    assert refused.exit_code in {1, 2}
    assert isinstance(refused.exception, SystemExit)
    assert sentence in refused.output


def test_a_database_without_tables_is_a_sentence_and_no_trace(tmp_path: Path) -> None:
    empty = create_app(settings_for(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path))
    run = empty.test_cli_runner().invoke
    audit, doctor = run(args=["booking", "audit"]), run(args=["booking", "doctor"])
    assert (audit.exit_code, doctor.exit_code) == (1, 1)
    assert audit.stderr.startswith("Error: The database cannot be used: no such table")
    assert "migrations: not up to date: run flask booking prepare" in doctor.stdout
