"""Import and export in the back-office: by the page, with one bad line, and out again."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db, socketio
from app.models import Attendee, ImportJob
from app.services import admission
from app.views.admin import imports
from tests import factories, rows
from tests.queries import count_queries
from tests.views.admin.conftest import Office, World

LIST = "email,name,id\nann@example.org,Ann Lee,1\nnobody,X,2\n=1+1@example.org,Y,3\n"
HOME = "/backoffice/imports/"


def upload(office: Office, content: str | bytes, kind: str = "attendees") -> str:
    data = content.encode() if isinstance(content, str) else content
    return office.done(
        HOME, {"kind": kind, "event": "gathering", "file": (io.BytesIO(data), "list.csv")}
    )


def chosen(page: str) -> dict[str, str]:
    """The columns as the page has them."""
    found = re.findall(r'<select[^>]*name="(column-[a-z_]+)".*?</select>', page, re.DOTALL)
    columns = {}
    for name in found:
        select_ = page[page.index(f'name="{name}"') :].partition("</select>")[0]
        value = re.search(r'value="(\d+)" selected', select_)
        columns[name] = value[1] if value else ""
    return columns


def outcome(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<tr data-action="(\w+)">.*?data-label="What">(.*?)</td>', page, re.DOTALL)
    return [(action, label) for action, label in found]


def test_a_list_with_bad_lines_is_looked_at_and_taken(world: World, office: Office) -> None:
    job = upload(office, LIST)
    page = office.page(job)
    assert "Import attendees" in page
    columns = chosen(page)
    assert columns == {"column-email": "0", "column-name": "1", "column-external_id": "2"}
    assert "For example: “ann@example.org”" in page
    page = office.refused(f"{job}/check", columns | {"column-email": ""})
    assert "Say which column holds: Email." in page
    office.done(f"{job}/check", columns)
    page = office.page(job)
    assert outcome(page) == [
        ("add", "Ann Lee, ann@example.org"),
        ("error", "X, nobody"),
        ("add", "Y, =1+1@example.org"),
    ]
    assert "Import 2 lines" in page
    assert outcome(office.page(f"{job}?action=error")) == [("error", "X, nobody")]
    with world.app.app_context():
        assert rows.count(Attendee) == 1  # the world's
    office.done(f"{job}/run")
    page = office.page(job)
    assert "What was imported" in page
    assert "Which column holds what" not in page
    with world.app.app_context():
        assert rows.count(Attendee) == 3
    assert office.post(f"{job}/run").status_code == 409
    again = upload(office, LIST)
    office.done(f"{again}/check", columns)
    page = office.page(again)
    assert [action for action, _ in outcome(page)] == ["skip", "error", "skip"]
    assert "There is nothing to import." in page
    office.done(f"{again}/discard")
    assert office.get(again).status_code == 404
    assert "Imported" in office.page(HOME)


def test_exports_are_what_was_asked_for(world: World, office: Office) -> None:
    with world.app.app_context():
        admission.add_attendee(world.root, "gathering", name="=cmd()", email="eve@example.org")
    answer = office.get(f"{HOME}export/attendees.csv?event=gathering")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="gathering-attendees.csv"'
    )
    lines = answer.get_data().decode("utf-8-sig").splitlines()
    assert lines[0] == "Email,Name,External id,Checked in"
    assert "eve@example.org,'=cmd(),," in lines
    for kind in ("sessions", "users"):
        for form in ("csv", "xlsx"):
            answer = office.get(f"{HOME}export/{kind}.{form}?event=gathering")
            assert answer.status_code == 200
            assert answer.get_data().startswith(b"PK" if form == "xlsx" else b"\xef\xbb\xbf")
    template = office.get(f"{HOME}template/sessions.csv").get_data().decode("utf-8-sig")
    assert template.startswith("External id,Title,Room,Starts,Ends,Seats,Speakers")
    assert template.count("\n") == 1
    assert "scrypt" not in office.get(f"{HOME}export/users.csv").text
    assert office.get(f"{HOME}export/attendees.csv?event=none").status_code == 404
    assert office.get(f"{HOME}export/rooms.csv").status_code == 404


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "attendees", "event": "gathering"}, "Choose a file."),
        ({"kind": "attendees", "event": "none", "content": LIST}, "Choose an event."),
        ({"kind": "planets", "event": "gathering", "content": LIST}, "Choose an event."),
        ({"kind": "users", "event": "", "content": "email\n"}, "nothing below the line"),
        ({"kind": "users", "event": "", "content": b"PK\x03\x04broken"}, "no workbook"),
    ],
)
def test_what_cannot_be_uploaded_says_why(
    world: World, office: Office, values: dict[str, Any], message: str
) -> None:
    values = dict(values)
    content = values.pop("content", None)
    if content is not None:
        data = content.encode() if isinstance(content, str) else content
        values["file"] = (io.BytesIO(data), "list.csv")
    assert message in office.refused(HOME, values)
    with world.app.app_context():
        assert rows.count(ImportJob) == 0


def test_long_work_is_done_in_the_background_and_watched(
    world: World, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(socketio, "start_background_task", lambda *call: begun.append(call))
    text = "email\n" + "".join(f"p{number}@example.org\n" for number in range(imports.AT_ONCE + 1))
    job = upload(office, text)
    office.done(f"{job}/check", chosen(office.page(job)))
    with world.app.app_context():
        found = db.session.scalars(select(ImportJob)).one()
        found.state, found.done = "checking", 150
        db.session.commit()
    page = office.page(job)
    assert "data-import-progress" in page
    assert "150 of 201" in page
    assert office.get(f"{job}/state").json == {"state": "checking", "done": 150, "total": 201}
    with world.app.app_context():
        db.session.scalars(select(ImportJob)).one().state = "uploaded"
        db.session.commit()
    [(work, *arguments)] = begun
    work(*arguments)
    assert office.get(f"{job}/state").json["state"] == "checked"
    page = office.page(f"{job}?page=3")
    assert "Page 3 of 3" in page
    assert len(outcome(page)) == 1
    work(*arguments)  # a second worker finds it done, and says so to the log alone


def test_imports_are_the_admins_own(world: World, office: Office) -> None:
    job = upload(office, LIST)
    with world.app.app_context():
        other = world.office(factories.make_admin(email="other@example.org"))
    for path in (job, f"{job}/state"):
        assert other.get(path).status_code == 404
    assert other.post(f"{job}/run").status_code == 404
    assert "list.csv" not in other.page(HOME)
    for somebody in (world.cora, world.ben):
        assert world.office(somebody).get(HOME).status_code == 403


def test_the_page_costs_the_same_with_many_lines(world: World, office: Office) -> None:
    costs = []
    for number in (3, 60):
        job = upload(office, "email\n" + "".join(f"p{each}@x.org\n" for each in range(number)))
        office.done(f"{job}/check", chosen(office.page(job)))
        with world.app.app_context(), count_queries() as statements:
            office.page(job)
        costs.append(len(statements))
    assert costs[0] == costs[1] <= 6
