"""Reports in the back-office: chart, table and file say the same."""

from __future__ import annotations

import csv
import io
import re

import pytest

from tests.views.admin.conftest import Office, World

NAMES = ("rooms", "experts", "no-shows", "lead-time", "fill-rate")
WEEK = "from=2031-03-03&to=2031-03-09&by=day"


@pytest.mark.parametrize("name", NAMES)
def test_page_and_file_say_the_same(office: Office, name: str) -> None:
    page = office.page(f"/backoffice/reports/{name}?{WEEK}")
    answer = office.get(f"/backoffice/reports/{name}.csv?{WEEK}")
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="{name}-2031-03-03-2031-03-09.csv"'
    )
    rows = [*csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")))]
    if len(rows) == 1:
        assert "Nothing falls into this period." in page
    else:
        table = page[page.rindex("<thead>") :]
        assert re.findall(r"<th scope=\"col\"[^>]*>([^<]+)</th>", table) == rows[0]
        assert table.count("<th scope=row") == len(rows) - 1
    assert "Days are those of Europe/Berlin." in page


def test_a_chart_has_its_numbers_in_a_table(world: World, office: Office) -> None:
    page = office.page(f"/backoffice/reports/rooms?{WEEK}")
    day = re.search(r'<tr><th scope="row">4 Mar</th>(.*?)</tr>', page)
    assert day
    assert re.findall(r'figures">([\d.]+)<', day[1]) == ["2", "0", "0"]
    assert 'role="img"' in page
    assert "3 hours in all; the most, 2, at 4 Mar." in page
    assert re.findall(r"chart__key.*?chart__bar--(\d)", page) == ["4", "3", "1"]  # as on the home
    assert "style=" not in page


def test_months_and_the_year_are_one_press_away(world: World, office: Office) -> None:
    page = office.page("/backoffice/reports/rooms")
    found = re.findall(
        r'class="chip" href="(/backoffice/reports/rooms\?from[^"]+by=\w+)">([^<]+)<', page
    )
    assert [text for _, text in found] == ["Mar 2031", "Feb 2031", "Jan 2031", "2031"]
    for path, text in found:
        assert f'aria-current="page">{text}</a>' in office.page(path)


def test_what_is_left_is_drawn_as_empty_room(world: World, office: Office) -> None:
    page = office.page(f"/backoffice/reports/fill-rate?{WEEK}")
    keys = re.findall(r'chart__key.*?chart__bar--(\w+)".*?</svg>([^<]+)</li>', page)
    assert keys == [("1", "Taken"), ("rest", "Left")]
    plot = page[page.index("chart__svg") :]
    heights = dict(re.findall(r'chart__bar--(\w+)"[^>]* height="([\d.]+)"', plot))
    assert heights == {"1": "20.0", "rest": "80.0"}  # one of five
    page = office.page(f"/backoffice/reports/no-shows?{WEEK}")
    assert "chart__bar--rest" not in page


def test_periods_that_are_none_are_named_and_kept(office: Office) -> None:
    answer = office.get("/backoffice/reports/rooms?from=2031-03-09&to=2031-03-03")
    assert answer.status_code == 422
    assert 'value="2031-03-09"' in answer.text
    assert "Give at most 366 days, the first of them first." in answer.text
    assert office.get("/backoffice/reports/rooms.csv?from=x").status_code == 422
    assert office.get("/backoffice/reports/weather").status_code == 404


def test_reports_are_for_admins(world: World) -> None:
    for somebody in (world.cora, world.ann):
        assert world.office(somebody).get("/backoffice/reports/").status_code == 403
