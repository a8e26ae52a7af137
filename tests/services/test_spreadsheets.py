"""Tables in files: read within bounds, written without formulas, and read back as they were."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest

from app.services import spreadsheets
from app.services.errors import InvalidInput

HEAD = ["Name", "Note"]
# CWE-1236, and OWASP's list for "CSV injection".
EVIL = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1+2",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    '=HYPERLINK("http://evil.example";"x")',
]


def workbook(rows: list[list[Any]], **parts: bytes) -> bytes:
    """An XLSX file with these rows; `parts` are files added to the archive."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written, "a") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return written.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidInput) as refused:
        spreadsheets.read(content)
    return refused.value.errors["file"][0]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("evil", EVIL)
def test_no_cell_is_a_formula_and_all_are_read_back(kind: str, evil: str) -> None:
    content = spreadsheets.write(kind, HEAD, [["Ann", evil]])
    if kind == "csv":
        cell = content.decode("utf-8-sig").split("Ann,", 1)[1].lstrip('"')
        assert cell.startswith("'")
    else:
        cells = openpyxl.load_workbook(io.BytesIO(content)).active["B"]
        assert [(cell.data_type, str(cell.value)[0]) for cell in cells] == [("s", "N"), ("s", "'")]
    [(_, [_, read])] = spreadsheets.read(content).lines
    assert read.replace("\r\n", "\n").replace("\r", "\n") == evil.replace("\r", "\n")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_written_is_read_as_it_was(kind: str) -> None:
    rows = [['Zoë; "Z", née Ω', "two\nlines"], ["it's", "'quoted'"], ["", "only this"]]
    table = spreadsheets.read(spreadsheets.write(kind, HEAD, rows))
    assert table.head == HEAD
    assert [cells for _, cells in table.lines] == rows


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_control_characters_are_left_out(kind: str) -> None:
    content = spreadsheets.write(kind, HEAD, [["a\x00b\x1bc\ufffe", "d"]])
    assert spreadsheets.read(content).lines == [(2, ["abc", "d"])]


def test_numbers_and_nothing_stay_so() -> None:
    content = spreadsheets.write("xlsx", HEAD, [[12, None], [-1, 1.5]])
    rows = [*openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)]
    assert rows[1:] == [(12, None), (-1, 1.5)]


def test_dates_and_numbers_of_a_workbook_are_text() -> None:
    rows = [
        ["a", "b", "c", "d", "e", "f"],
        [datetime(2031, 3, 4, 10, 30), date(2031, 3, 5), time(9, 5), 12.0, 0.5, True],  # noqa: DTZ001
    ]
    [(number, cells)] = spreadsheets.read(workbook(rows)).lines
    assert number == 2
    assert cells == ["2031-03-04 10:30", "2031-03-05 00:00", "09:05", "12", "0.5", "True"]


def test_computed_values_are_read_and_formulas_are_not() -> None:
    book = workbook([["Name"], ["=1+1"], ["Ann"]])  # nobody has computed it yet
    assert [cells for _, cells in spreadsheets.read(book).lines] == [["Ann"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_of_spreadsheets_are_decoded(encoding: str) -> None:
    table = spreadsheets.read("Name\tOrt\r\nZoë\tKöln\r\n".encode(encoding))
    assert (table.head, table.lines) == (["Name", "Ort"], [(2, ["Zoë", "Köln"])])


def test_empty_lines_are_passed_over_and_counted() -> None:
    table = spreadsheets.read(b"\n\nname;note\n;\nAnn;x\n")
    assert table.lines == [(5, ["Ann", "x"])]


# -- what somebody made to hurt ------------------------------------------------------


def test_a_bomb_is_not_unpacked() -> None:
    zeros = b"0" * (spreadsheets.MAX_UNPACKED + 1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", zeros)
    assert len(packed.getvalue()) < 100_000
    assert "unpacks to more" in refusal(packed.getvalue())
    many = {f"xl/media/{number}.png": b"x" for number in range(spreadsheets.MAX_PARTS)}
    assert "unpacks to more" in refusal(workbook([["a"], ["b"]], **many))


def test_a_part_longer_than_it_says_is_not_unpacked_further() -> None:
    content = bytearray(workbook([["Name"], *(["Ann"] for _ in range(2000))]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    size = part.file_size.to_bytes(4, "little")
    assert content.count(size) >= 2
    content = content.replace(size, (100).to_bytes(4, "little"))
    assert refusal(bytes(content)) == "This is no workbook that can be read."


def test_entities_are_not_expanded() -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([["Name"], ["Ann"]]))) as source,
        zipfile.ZipFile(packed, "w") as archive,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
                content = laughs + content.replace(b"<v>0</v>", b"<v>&b;</v>")
            archive.writestr(name, content)
    assert refusal(packed.getvalue()) == "This is no workbook that can be read."


def test_links_to_other_files_are_not_followed() -> None:
    link = b'<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
    content = workbook([["Name"], ["Ann"]], **{"xl/externalLinks/externalLink1.xml": link})
    assert spreadsheets.read(content).lines == [(2, ["Ann"])]


def test_a_lonely_cell_far_below_is_not_a_million_rows() -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "Name"
    book.active["A1048576"] = "far"
    written = io.BytesIO()
    book.save(written)
    assert "lines at once" in refusal(written.getvalue())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n;;\n", "empty"),
        (b"PK\x03\x04" + b"\0" * 50, "no workbook"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 50, "before 2007"),
        (b"name\n\xff\xe9\n", "not UTF-8"),
        (b"x" * (spreadsheets.MAX_BYTES + 1), "At most 2 MB"),
        (b"a\n" + b"b\n" * (spreadsheets.MAX_ROWS + 1), "At most 20000 lines"),
        (b"a\n" + b"x" * (spreadsheets.MAX_CELL + 1), "characters"),
        (b";".join(b"c%d" % number for number in range(61)), "60 columns"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, message: str) -> None:
    assert message in refusal(content)
