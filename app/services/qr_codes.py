"""QR codes as pictures and on paper: for screens, a poster at the door, and badges.

ISO/IEC 18004: error correction M, and a quiet zone of four modules, without which
phones do not find the code. The address stands beside each on paper, for whoever has no
camera at hand. Paper is A4; lengths are points, of which 72 are an inch.

A poster is in the language of who makes it. Source Sans has no Hebrew letters: they are
Assistant's, which was drawn to stand beside it. ReportLab writes from left to right only,
so lines are put into the order in which they are seen (UAX 9) before.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from unicodedata import bidirectional

import segno
from bidi.algorithm import get_base_level, get_display  # `bidi`'s own mirrors no brackets
from flask_babel import gettext
from fontTools.ttLib import TTFont as FontFile
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import FILL_NON_ZERO, Canvas

from app.models import Event
from app.services.local_text import day_text

KINDS = ("svg", "png", "pdf")
QUIET_ZONE = 4  # modules
PNG_SCALE = 16  # pixels per module: sharp on paper as wide as a hand

_WIDTH, _HEIGHT = A4
# A sheet of ten cards, 85 by 54 mm, which is what common badge sleeves hold.
_CARD_WIDTH, _CARD_HEIGHT = 85 * mm, 54 * mm
_COLUMNS, _ROWS = 2, 5
_REGULAR, _BOLD = "SourceSansPro-Regular", "SourceSansPro-Semibold"
_HEBREW = {_REGULAR: "assistant-hebrew-400-normal", _BOLD: "assistant-hebrew-600-normal"}
_VENDOR = Path(__file__).parent.parent / "static" / "vendor"
_GREY = 0.35
_ASIAN = {
    re.compile("[\uac00-\ud7af]"): "HYGothic-Medium",
    re.compile("[\u3040-\u30ff]"): "HeiseiKakuGo-W5",
    re.compile("[\u3400-\u9fff]"): "STSong-Light",
}
_HEBREW_RUN = re.compile("([\u05be\u05c0\u05c3\u05d0-\u05f4\ufb1d-\ufb4f]+)")
# Points and accents, which would have to be shaped, and people read without; marks of direction.
_UNDRAWN = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u200e\u200f]")
_BIDI_CLASSES = frozenset(
    ["L", "R", "AL", "EN", "ES", "ET", "AN", "CS", "NSM", "BN", "B", "S", "WS", "ON"]
)


def picture(event: Event, url: str, kind: str) -> bytes:
    """The event's code as "svg", "png", or "pdf", which is the poster."""
    if kind == "pdf":
        return poster(url, event.title, [_dates(event), event.venue], _hint(event))
    return {"svg": svg, "png": png}[kind](url)


def svg(url: str) -> bytes:
    """The code as a drawing that scales; dark on white, whatever is behind it."""
    return _saved(url, "svg", scale=8, light="#ffffff", title=url, svgclass=None, lineclass=None)


def png(url: str) -> bytes:
    """The code as a picture."""
    return _saved(url, "png", scale=PNG_SCALE)


def poster(url: str, title: str, lines: Sequence[str], hint: str = "") -> bytes:
    """An A4 page: the event, what to do, the code, its address under it, and a hint."""
    paper, canvas = _paper(title)
    middle = _WIDTH / 2
    y = _HEIGHT - 40 * mm
    for line, size in _wrapped(title, _BOLD, 34, _WIDTH - 40 * mm, most=3):
        _write(canvas, middle, y, line, _BOLD, size)
        y -= size * 1.2
    for line in lines:
        y -= 4
        _write(canvas, middle, y, _as_seen(line), _REGULAR, 16, grey=_GREY)
        y -= 18
    side = 130 * mm
    bottom = 62 * mm
    _draw(canvas, url, middle - side / 2, bottom, side)
    scan = _as_seen(gettext("Scan with your phone's camera"))
    _write(canvas, middle, bottom - 4 * mm, scan, _BOLD, 20)
    _write(canvas, middle, bottom - 13 * mm, url, _REGULAR, 16)
    _write(canvas, middle, 24 * mm, _as_seen(hint), _REGULAR, 12, grey=_GREY)
    canvas.showPage()
    canvas.save()
    return paper.getvalue()


def badge_sheet(event_title: str, badges: Sequence[tuple[str, str]]) -> bytes:
    """A4 pages of ten badges each, to be cut: `badges` are names and the URLs of codes."""
    paper, canvas = _paper(event_title)
    left = (_WIDTH - _COLUMNS * _CARD_WIDTH) / 2
    top = (_HEIGHT + _ROWS * _CARD_HEIGHT) / 2
    on_page = _COLUMNS * _ROWS
    for first in range(0, max(1, len(badges)), on_page):
        for place, (name, url) in enumerate(badges[first : first + on_page]):
            row, column = divmod(place, _COLUMNS)
            x, y = left + column * _CARD_WIDTH, top - (row + 1) * _CARD_HEIGHT
            _draw_badge(canvas, x, y, event_title, name, url)
        canvas.showPage()
    canvas.save()
    return paper.getvalue()


def _dates(event: Event) -> str:
    last = day_text(event.ends_on)
    if event.starts_on == event.ends_on:
        return last
    first = day_text(event.starts_on, "plain")
    return gettext("%(first)s – %(last)s", first=first, last=last)  # noqa: RUF001 (from, to)


def _hint(event: Event) -> str:
    if event.admission == "open":
        return gettext("You need an email address that you can read here.")
    return gettext("You need the email address that you checked in with.")


def _draw_badge(canvas: Canvas, x: float, y: float, event_title: str, name: str, url: str) -> None:
    canvas.setStrokeGray(0.8)
    canvas.setLineWidth(0.3)
    canvas.rect(x, y, _CARD_WIDTH, _CARD_HEIGHT)
    side = 34 * mm  # 2 cm and more can be read from the hand
    _draw(canvas, url, x + _CARD_WIDTH - side - 2 * mm, y + (_CARD_HEIGHT - side) / 2, side)
    room = _CARD_WIDTH - side - 9 * mm
    lines = _wrapped(name, _BOLD, 20, room, most=3)
    text_y = y + _CARD_HEIGHT / 2 + sum(size for _, size in lines) * 0.6 - lines[0][1] * 0.8
    for line, size in lines:
        _write(canvas, x + 6 * mm, text_y, line, _BOLD, size, centred=False)
        text_y -= size * 1.2
    for line, size in _wrapped(event_title, _REGULAR, 9, _CARD_WIDTH - 12 * mm, most=1):
        _write(canvas, x + 6 * mm, y + 5 * mm, line, _REGULAR, size, centred=False, grey=_GREY)


# -- drawing -------------------------------------------------------------------------


def _code(url: str) -> segno.QRCode:
    # Not boosted to a higher level where there is room: M, as printed matter is planned with.
    return segno.make_qr(url, error="m", boost_error=False)


def _saved(url: str, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    _code(url).save(out, kind=kind, border=QUIET_ZONE, **options)
    return out.getvalue()


def _draw(canvas: Canvas, url: str, x: float, y: float, side: float) -> None:
    """The code with its quiet zone in a square; each run of dark modules is one rectangle."""
    rows = [list(row) for row in _code(url).matrix_iter(border=QUIET_ZONE)]
    module = side / len(rows)
    canvas.setFillGray(0)
    path = canvas.beginPath()
    for row, modules in enumerate(rows):
        column = 0
        for is_dark, run in groupby(modules):
            length = len(list(run))
            if is_dark:
                # A hair taller than a module, so that no printer shows seams.
                height = module * 1.01
                path.rect(
                    x + column * module, y + side - (row + 1) * module, length * module, height
                )
            column += length
    canvas.drawPath(path, stroke=0, fill=1, fillMode=FILL_NON_ZERO)  # the hair overlaps


def _paper(title: str) -> tuple[io.BytesIO, Canvas]:
    _register_fonts()
    paper = io.BytesIO()
    canvas = Canvas(paper, pagesize=A4, pageCompression=1, invariant=1)
    canvas.setTitle(title)
    return paper, canvas


def _write(
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    font: str,
    size: float,
    *,
    centred: bool = True,
    grey: float = 0.0,
) -> None:
    canvas.setFillGray(grey)
    if centred:
        x -= _width(text, font, size) / 2
    for face, run in _runs(text, font):
        canvas.setFont(face, size)
        canvas.drawString(x, y, run)
        x += pdfmetrics.stringWidth(run, face, size)


def _wrapped(
    text: str, font: str, size: float, room: float, *, most: int
) -> list[tuple[str, float]]:
    """`text` in at most so many lines as they are seen, smaller until it fits, at worst cut
    short."""
    smallest = size * 0.55
    while True:
        lines = _lines(text, font, size, room)
        fits = len(lines) <= most and all(_width(line, font, size) <= room for line in lines)
        if fits or size <= smallest:
            break
        size *= 0.92
    kept = [_cut(line, font, size, room) for line in lines[:most]] or [""]
    if len(lines) > most:
        kept[-1] = _cut(kept[-1] + "…", font, size, room)
    return [(_as_seen(line, of=text), size) for line in kept]


def _lines(text: str, font: str, size: float, room: float) -> list[str]:
    lines: list[str] = []
    for word in re.split(r"\s+|(?=@)", text):
        between = "" if word.startswith("@") else " "
        if lines and _width(lines[-1] + between + word, font, size) <= room:
            lines[-1] += between + word
        else:
            lines.append(word)
    return lines


def _cut(line: str, font: str, size: float, room: float) -> str:
    if _width(line, font, size) <= room:
        return line
    while line and _width(line + "…", font, size) > room:
        line = line[:-1]
    return line.rstrip("… ") + "…"


def _width(text: str, font: str, size: float) -> float:
    width: float = sum(pdfmetrics.stringWidth(run, face, size) for face, run in _runs(text, font))
    return width


def _as_seen(line: str, *, of: str = "") -> str:
    """A line in the order in which it is drawn, from the left; `of` is the text that it is of."""
    base = "R" if get_base_level(_plain(of or line)) else "L"
    seen: str = get_display(_plain(line), base_dir=base)
    return seen


def _plain(text: str) -> str:
    """Without what no font draws, or the library stops at: controls of direction, and
    characters that are newer than this Python."""
    return "".join(each for each in _UNDRAWN.sub("", text) if bidirectional(each) in _BIDI_CLASSES)


def _runs(text: str, font: str) -> list[tuple[str, str]]:
    """Faces and what is drawn with each: `font`, or where it lacks the script another.

    For Asian scripts it is one that PDF readers bring (ISO 32000-1, 9.7.5.2).
    """
    for script, face in _ASIAN.items():
        if script.search(text):
            pdfmetrics.registerFont(UnicodeCIDFont(face))
            return [(face, text)]
    parts = _HEBREW_RUN.split(text)
    return [(_HEBREW[font] if at % 2 else font, run) for at, run in enumerate(parts) if run]


@cache
def _register_fonts() -> None:
    """The faces that are embedded: Latin, Greek and Cyrillic, and Hebrew."""
    for name in _HEBREW.values():
        font, plain = FontFile(_VENDOR / f"{name}.woff"), io.BytesIO()
        font.flavor = None  # not packed for the web
        font.save(plain)
        plain.seek(0)
        pdfmetrics.registerFont(TTFont(name, plain))
    folder = files("font_source_sans_pro") / "files"
    for name in (_REGULAR, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
