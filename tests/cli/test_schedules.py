"""`flask booking import-schedule` and `export-schedule`, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from app.extensions import db
from app.models import Event, EventSession
from app.services import guarantees, schedule_format
from tests import rows
from tests.schedules import PUBLISHED, pentabarf, published, talk

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """`run("import-schedule", …)`: the outcome of `flask booking import-schedule …`."""

    def invoke(*arguments: Any) -> Result:
        return app.test_cli_runner().invoke(args=["booking", *map(str, arguments)])

    return invoke


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two talks, the second of which collides with the first, and one more."""
    path = tmp_path / "schedule.xml"
    path.write_bytes(pentabarf(talk("a"), talk("b", start="10:30"), talk("c", start="11:00")))
    return path


def counted(app: Flask, model: Any) -> int:
    with app.app_context():
        return rows.count(model)


def test_fosdem_as_json(app: Flask, run: Run) -> None:
    published("fosdem2024.xml")
    arguments = ("import-schedule", PUBLISHED / "fosdem2024.xml", "--event", "fosdem", "--json")
    result = run(*arguments, "--time-zone", "Europe/Brussels", "--capacity", 30)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["event"], report["read"], report["unchanged"]) == ("fosdem", 674, 0)
    assert [len(report[each]) for each in ("added", "changed", "missing", "skipped")] == [
        672,
        0,
        0,
        2,
    ]
    assert set(report["skipped"][0]) >= {"title", "why", "conflicts"}
    again = json.loads(run(*arguments).stdout)
    assert (again["unchanged"], len(again["skipped"]), again["changed"]) == (672, 2, [])
    with app.app_context():
        assert guarantees.find_breaches() == []
        assert {each for (each,) in db.session.query(EventSession.capacity)} == {30}


def test_a_report_for_people(run: Run, file: Path) -> None:
    result = run("import-schedule", file, "--event", "conf", "--dry-run")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "+ event conf",
            "+ 2031-05-01 10:00-11:00  Hall  Talk a",
            "+ 2031-05-01 11:00-12:00  Hall  Talk c",
            "! Talk b: skipped. Its room is taken then. In the way: Talk a (2031-05-01 10:00).",
            "3 read: 2 added, 0 changed, 0 unchanged, 0 missing, 1 skipped.",
            "A dry run: nothing was written.",
        ],
    )


def test_a_report_of_changes(run: Run, file: Path) -> None:
    run("import-schedule", file, "--event", "conf")
    newer = talk("a", start="12:00", room="Attic", title="New", abstract="New", speakers=["Ada"])
    file.write_bytes(pentabarf(newer, title="A conference, renamed"))
    result = run("import-schedule", file, "--event", "conf")
    assert result.stdout.splitlines() == [
        "~ event conf: title A conference -> A conference, renamed",
        (
            "~ 2031-05-01 12:00-13:00  Attic  New: title Talk a -> New; abstract;"
            " starts_at 2031-05-01 10:00 -> 2031-05-01 12:00;"
            " ends_at 2031-05-01 11:00 -> 2031-05-01 13:00; room Hall -> Attic;"
            " speakers nobody -> Ada"
        ),
        "- 2031-05-01 11:00-12:00  Hall  Talk c: not in the file, kept",
        "1 read: 0 added, 1 changed, 0 unchanged, 1 missing, 0 skipped.",
    ]
    removed = run("import-schedule", file, "--event", "conf", "--remove-missing")
    assert "- 2031-05-01 11:00-12:00  Hall  Talk c: cancelled" in removed.stdout


@pytest.mark.parametrize("data", [b"", b"hello", b"<html/>", b"<!DOCTYPE a><schedule/>", b"{}"])
def test_what_is_no_schedule_is_refused_in_one_sentence(
    app: Flask, run: Run, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    result = run("import-schedule", path, "--event", "conf")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert counted(app, Event) == 0


def test_a_file_that_is_too_large(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_format, "MAX_BYTES", 10)
    result = run("import-schedule", file, "--event", "conf")
    assert result.exit_code == 2
    assert "larger than" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere.xml", "--event", "conf"),
        ("FILE",),
        ("FILE", "--event", "No slug"),
        ("FILE", "--event", "conf", "--time-zone", "Mars/Olympus"),
        ("FILE", "--event", "conf", "--capacity", "-1"),
        ("FILE", "--event", "conf", "--admission", "everybody"),
    ],
)
def test_wrong_arguments_end_with_2(
    app: Flask, run: Run, file: Path, arguments: tuple[str, ...]
) -> None:
    result = run("import-schedule", *(file if each == "FILE" else each for each in arguments))
    assert result.exit_code == 2
    assert result.stderr
    assert counted(app, Event) == 0


def test_what_is_exported_is_imported_again(run: Run, file: Path) -> None:
    run("import-schedule", file, "--event", "conf")
    for kind in ("xml", "json"):
        exported = run("export-schedule", "--event", "conf", "--format", kind)
        assert exported.exit_code == 0
        file.write_bytes(exported.stdout_bytes)
        report = json.loads(run("import-schedule", file, "--event", "conf", "--json").stdout)
        assert (report["read"], report["unchanged"]) == (2, 2)
    calendar = run("export-schedule", "--event", "conf", "--format", "ics")
    assert calendar.stdout_bytes.startswith(b"BEGIN:VCALENDAR\r\n")


def test_an_event_that_is_not_there(run: Run) -> None:
    result = run("export-schedule", "--event", "nowhere", "--format", "xml")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
