"""Tables in files: CSV and XLSX, read within bounds and written so that no cell is a formula.

Reading: text in UTF-8 (with or without the mark that Excel writes) or UTF-16 with a mark,
parted by comma, semicolon or tab; or the first sheet of an XLSX workbook, values only.
A workbook is a ZIP archive that somebody else made: what it unpacks to is bounded before
anything is unpacked (CWE-409), links to other files are not followed, and XML is read
without entities (defusedxml, CWE-776).

Writing: a text that begins with a character that Excel takes for a formula gets an
apostrophe before it (CWE-1236); reading takes that apostrophe away again, so that what
was written is read as it was.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from flask_babel import gettext

from app.services.errors import InvalidInput

MAX_BYTES = 2 * 1024 * 1024
MAX_UNPACKED = 40 * 1024 * 1024
MAX_PARTS = 200
MAX_ROWS = 20_000
MAX_COLUMNS = 60
MAX_CELL = 20_000

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# What openpyxl, expat and zlib raise of files that are not what they say.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
)
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# What neither XML 1.0 nor a reader of CSV should meet.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns by name, and its lines with their number in the file."""

    head: list[str]
    lines: list[tuple[int, list[str]]]


# -- reading -------------------------------------------------------------------------


def read(content: bytes) -> Table:
    """The table in a file, whose kind its first bytes tell.

    Takes seconds for the largest that it takes: servers hand it to a thread. Raises
    `InvalidInput`, with `file` among its errors.
    """
    if len(content) > MAX_BYTES:
        raise _refused(gettext("At most %(n)s MB.", n=MAX_BYTES // 1024 // 1024))
    if content.startswith(_ZIP):
        return _table(_xlsx_rows(content))
    if content.startswith(_OLD_EXCEL):
        raise _refused(gettext("This is the format of Excel before 2007. Save it as XLSX or CSV."))
    return read_csv(_decoded(content))


def read_csv(text: str) -> Table:
    """The table in a text. Raises `InvalidInput`."""
    return _table(_csv_rows(text.removeprefix("\ufeff")))


def _table(rows: Iterable[tuple[int, list[str]]]) -> Table:
    head: list[str] = []
    lines: list[tuple[int, list[str]]] = []
    for number, raw in rows:
        if not any(cell.strip() for cell in raw):
            continue
        if any(raw[MAX_COLUMNS:]):
            raise _refused(gettext("At most %(n)s columns.", n=MAX_COLUMNS))
        cells = [_without_guard(cell) for cell in raw[:MAX_COLUMNS]]
        if any(len(cell) > MAX_CELL for cell in cells):
            raise _refused(
                gettext(
                    "Line %(line)s has a cell of more than %(n)s characters.",
                    line=number,
                    n=MAX_CELL,
                )
            )
        if not head:
            head = [" ".join(cell.split())[:100] for cell in cells]
            continue
        if len(lines) == MAX_ROWS:
            raise _refused(gettext("At most %(n)s lines at once.", n=MAX_ROWS))
        lines.append((number, cells))
    if not head:
        raise _refused(gettext("The file is empty."))
    return Table(head, lines)


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise _refused(
            gettext("This file is not UTF-8. In Excel, save it as “CSV UTF-8”.")
        ) from None


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    head = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise _refused(
            gettext("Line %(line)s cannot be read: %(error)s.", line=reader.line_num, error=error)
        ) from error


def _xlsx_rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    import openpyxl  # takes 100 ms, and few requests need it
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _refuse_bomb(content)
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        sheet = book.worksheets[0]
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            # Rows that are left out come as empty ones: a single cell in the last row of
            # a sheet would be a million of them.
            if number > MAX_ROWS * 2:
                raise _refused(gettext("At most %(n)s lines at once.", n=MAX_ROWS))
            yield number, [_text(cell) for cell in cells[: MAX_COLUMNS + 1]]
    except (InvalidFileException, *_BROKEN) as error:
        raise _refused(gettext("This is no workbook that can be read.")) from error


def _refuse_bomb(content: bytes) -> None:
    """An archive states how long its parts are, and is not unpacked beyond that."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise _refused(gettext("This workbook unpacks to more than can be read. Save it as CSV."))


def _text(cell: Any) -> str:
    """A cell's value as it would stand in CSV; times without seconds, whole numbers whole."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return cell.strftime("%H:%M")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def _without_guard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _refused(message: str) -> InvalidInput:
    return InvalidInput({"file": [message]})


# -- writing -------------------------------------------------------------------------


def write(kind: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A file of `kind`, csv or xlsx."""
    harmless = ([_harmless(cell) for cell in row] for row in [head, *rows])
    return _write_xlsx(harmless) if kind == "xlsx" else _write_csv(harmless)


def _write_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    # With the mark, without which Excel reads UTF-8 as something else.
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode("utf-8-sig")


def _write_xlsx(rows: Iterable[Sequence[Any]]) -> bytes:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    for number, row in enumerate(rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value)
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula
                cell.number_format = "@"
            if number == 0:
                cell.font = Font(bold=True)
            cells.append(cell)
        sheet.append(cells)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _harmless(value: object) -> Any:
    """Numbers as they are; anything else as text that no program computes."""
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = _CONTROLS.sub("", str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
