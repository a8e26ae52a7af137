"""`flask booking qr`, `check-in` and `import-attendees`."""

from __future__ import annotations

from pathlib import Path

import pytest
import zxingcpp
from click.testing import Result
from flask import Flask
from PIL import Image

from app.services import admission, events
from tests.factories import make_admin, make_event


@pytest.fixture(autouse=True)
def event(app: Flask) -> None:
    with app.app_context():
        make_event(slug="conf", title="Conf", admission="checked_in")


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["booking", *arguments])


def checked_in(app: Flask) -> list[str]:
    with app.app_context():
        found = admission.list_attendees(make_admin(), "conf", page=1, page_size=100)
        return [each["email"] for each in found.items if each["checked_in_at"]]


def test_the_url_is_printed_and_the_picture_says_it(app: Flask, tmp_path: Path) -> None:
    printed = run(app, "qr", "--event", "conf")
    assert printed.exit_code == 0, printed.output
    url = printed.output.strip()
    with app.app_context():
        assert url == admission.qr_url(events.get_event("conf"))
    for kind, begin in [("svg", b"<?xml"), ("PNG", b"\x89PNG"), ("pdf", b"%PDF-")]:
        file = tmp_path / f"qr.{kind}"
        again = run(app, "qr", "--event", "conf", "--out", str(file))
        assert (again.exit_code, again.output.strip()) == (0, url)
        assert file.read_bytes().startswith(begin)
    with Image.open(tmp_path / "qr.PNG") as picture:
        assert [found.text for found in zxingcpp.read_barcodes(picture.convert("L"))] == [url]


def test_a_picture_of_another_kind_is_refused(app: Flask, tmp_path: Path) -> None:
    for name in ("qr.jpg", "qr"):
        refused = run(app, "qr", "--event", "conf", "--out", str(tmp_path / name))
        assert refused.exit_code == 2
        assert ".svg, .png or .pdf" in refused.output
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_is_refused(app: Flask, tmp_path: Path) -> None:
    refused = run(app, "qr", "--event", "conf", "--out", str(tmp_path / "nowhere" / "qr.svg"))
    assert refused.exit_code == 1
    assert isinstance(refused.exception, SystemExit)
    assert "No such file or directory" in refused.output


def test_addresses_are_checked_in(app: Flask) -> None:
    for _ in range(2):
        done = run(app, "check-in", "--event", "conf", "Ann@Example.org", "bea@example.org")
        assert done.exit_code == 0
        assert done.output.splitlines() == [
            "ann@example.org is checked in.",
            "bea@example.org is checked in.",
        ]
    assert checked_in(app) == ["ann@example.org", "bea@example.org"]
    refused = run(app, "check-in", "--event", "conf", "cleo@example.org", "nobody")
    assert refused.exit_code == 2
    assert "nobody" in refused.output
    assert len(checked_in(app)) == 2


def test_a_list_is_rehearsed_and_taken(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("email;name\nann@example.org;Ann Lee\nnobody;X\n", "utf-8-sig")
    rehearsed = run(app, "import-attendees", str(file), "--event", "conf", "--dry-run")
    assert rehearsed.exit_code == 0, rehearsed.output
    assert rehearsed.output.splitlines()[0] == "+ line 2  Ann Lee, ann@example.org"
    assert rehearsed.output.splitlines()[1].startswith("! line 3  X, nobody: Email: ")
    assert rehearsed.output.splitlines()[-2:] == [
        "2 read: 1 added, 0 changed, 0 unchanged, 1 left out.",
        "Nothing was written.",
    ]
    taken = run(app, "import-attendees", str(file), "--event", "conf")
    assert "1 added" in taken.output
    again = run(app, "import-attendees", str(file), "--event", "conf")
    assert "0 added, 0 changed, 1 unchanged" in again.output


def test_other_files_are_refused(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    for content in (b"name\nAnn\n", "email;name\na@b.org;Jürgen\n".encode("latin-1")):
        file.write_bytes(content)
        refused = run(app, "import-attendees", str(file), "--event", "conf")
        assert refused.exit_code in {1, 2}
        assert "Traceback" not in refused.output


@pytest.mark.parametrize("command", [["qr"], ["check-in", "ann@example.org"]])
def test_an_unknown_event_is_said_to_be(app: Flask, command: list[str]) -> None:
    refused = run(app, *command, "--event", "nothing")
    assert refused.exit_code == 2
    assert "Error" in refused.output
