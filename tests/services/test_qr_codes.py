"""QR codes, read again by a decoder that is not ours."""

from __future__ import annotations

import io
import re
import time
from datetime import date

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from app.models import Event
from app.services import languages, qr_codes

URL = "https://book.example.org/q/abcdefgh23"


def event(**values: object) -> Event:
    return Event(
        **{
            "title": "Hours & Minutes",
            "venue": "Alte Sternwarte",
            "starts_on": date(2031, 3, 4),
            "ends_on": date(2031, 3, 6),
            "admission": "checked_in",
            **values,
        }
    )


def read(picture: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(picture.convert("L"))]


def pages(pdf: bytes) -> list[tuple[list[str], str]]:
    """The codes on each page of a PDF, and its text."""
    with pypdfium2.PdfDocument(pdf) as document:
        found = []
        for page in document:
            text = page.get_textpage()
            found.append((read(page.render(scale=2).to_pil()), text.get_text_bounded()))
            text.close()
            page.close()
    return found


def test_the_picture_says_the_url_at_level_m_with_a_quiet_zone() -> None:
    picture = Image.open(io.BytesIO(qr_codes.png(URL)))
    [code] = zxingcpp.read_barcodes(picture.convert("L"))
    assert (code.text, code.ec_level) == (URL, "M")
    quiet = qr_codes.QUIET_ZONE * qr_codes.PNG_SCALE
    assert code.position.top_left.x == pytest.approx(quiet, abs=2)
    assert code.position.top_left.y == pytest.approx(quiet, abs=2)
    assert picture.convert("L").crop((0, 0, picture.width, quiet)).getextrema() == (255, 255)


def test_the_drawing_is_the_same_code() -> None:
    drawing = qr_codes.svg(URL).decode()
    assert "<script" not in drawing
    [size] = re.findall(r'd="M0 0h(\d+)v\1h-\1z"', drawing)
    [path] = re.findall(r'stroke="#000" d="([^"]+)"', drawing)
    side = int(size)
    picture = Image.new("L", (side, side), 255)
    x = y = 0.0
    for kind, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(value) for value in re.findall(r"-?\d*\.?\d+", numbers)]
        if kind == "h":
            for column in range(int(values[0])):
                picture.putpixel((int(x) + column, int(y)), 0)
            x += values[0]
        else:
            x, y = (values[0], values[1]) if kind == "M" else (x + values[0], y + values[1])
    assert read(picture.resize((side * 6, side * 6), Image.Resampling.NEAREST)) == [URL]


def test_a_poster_has_code_address_and_event_on_one_page() -> None:
    [(codes, text)] = pages(qr_codes.picture(event(), URL, "pdf"))
    assert codes == [URL]
    for words in (URL, "Hours & Minutes", "Alte Sternwarte", "Tuesday 4 March", "checked in with"):
        assert words in text


def test_a_long_title_stays_on_the_poster() -> None:
    title = "The twenty-seventh international " * 8
    [(codes, text)] = pages(qr_codes.picture(event(title=title, admission="open"), URL, "pdf"))
    assert codes == [URL]
    assert "…" in text
    assert "can read here" in text


def test_a_day_is_named_once() -> None:
    one_day = event(ends_on=date(2031, 3, 4))
    [(_, text)] = pages(qr_codes.picture(one_day, URL, "pdf"))
    assert "Tuesday 4 March 2031" in text


def test_every_badge_has_its_name_and_its_own_code() -> None:
    names = ["Ada Lovelace", "Łukasz Żółciński-Wielkopolski", "Ελένη", "Жанна", "a@b.example.org"]
    badges = [
        (f"{names[number % 5]}", f"https://book.example.org/check-in/badge/{number:014}")
        for number in range(13)
    ]
    found = pages(qr_codes.badge_sheet("Conf", badges))
    assert [len(codes) for codes, _ in found] == [10, 3]
    assert {code for codes, _ in found for code in codes} == {url for _, url in badges}
    text = " ".join(found[0][1].split())
    for name in ("Ada Lovelace", "Łukasz", "Ελένη", "Жанна"):
        assert name in text


def test_hebrew_is_seen_from_right_to_left_and_has_its_letters() -> None:
    title = "שִׁיחוֹת (2031) על Python"  # with points, which are left out
    seen = qr_codes._as_seen(title)
    assert seen == "Python לע (2031) תוחיש"
    [(codes, text)] = pages(qr_codes.badge_sheet(title, [("רות בן־דוד", URL)]))
    assert codes == [URL]
    assert "רות בן־דוד" in text
    faces = [face for face, _ in qr_codes._runs(seen, qr_codes._BOLD)]
    assert len(set(faces)) == 2


@pytest.mark.parametrize(
    "name",
    ["李小龙", "たなか", "김철수", "", "x" * 400, "\u202e\ufeff", "\u2067אב\u2029a\U0001fffd"],
)
def test_no_name_breaks_a_sheet(name: str) -> None:
    [(codes, _)] = pages(qr_codes.badge_sheet("Conf", [(name, URL)]))
    assert codes == [URL]


def test_a_sheet_of_nobody_is_a_page() -> None:
    assert [codes for codes, _ in pages(qr_codes.badge_sheet("Conf", []))] == [[]]


def test_a_hundred_badges_take_seconds() -> None:
    begun = time.monotonic()
    qr_codes.badge_sheet("Conf", [("Somebody", f"{URL}{number}") for number in range(100)])
    assert time.monotonic() - begun < 10


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("language", "days"),
    [
        ("de", "Dienstag, 4. März – Donnerstag, 6. März 2031"),  # noqa: RUF001
        ("he", "יום שלישי, 4 במרץ – יום חמישי, 6 במרץ 2031"),  # noqa: RUF001
    ],
)
def test_a_poster_is_in_the_language_of_who_makes_it(language: str, days: str) -> None:
    with languages.speaking(language):
        [(codes, text)] = pages(qr_codes.picture(event(), URL, "pdf"))
    assert codes == [URL]
    assert days in text
