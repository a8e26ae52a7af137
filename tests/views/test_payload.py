"""Reading fields: what is taken, what is refused, and that all of it is told at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask

from app.services.errors import InvalidInput
from app.views.api.payload import Fields, read_query, read_query_or_json

INSTANT = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


def errors_of(fields: Fields) -> dict[str, Any]:
    with pytest.raises(InvalidInput) as refused:
        fields.check()
    return dict(refused.value.errors)


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("text", "  a b ", "a b"),
        ("integer", 7, 7),
        ("boolean", False, False),
        ("instant", "2026-12-01T08:00:00+01:00", INSTANT),
        ("instant", "2026-12-01t07:00:00z", INSTANT),
        ("instant", "2026-12-01T07:00:00.000Z", INSTANT),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("clock_minute", "08:30", 510),
        ("clock_minute", "24:00", 1440),
        ("zone", "Europe/Berlin", "Europe/Berlin"),
        ("texts", ["a", "b"], ["a", "b"]),
    ],
)
def test_good_values_are_taken(kind: str, value: object, found: object) -> None:
    fields = Fields({"x": value})
    assert getattr(fields, kind)("x", required=True) == found
    fields.check()
    assert fields.given() == {"x": found}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 7),
        ("text", "x" * 256),
        ("text", "x\x00"),
        ("text", "\ud800"),
        ("text", "   "),
        ("integer", "7"),
        ("integer", 7.0),
        ("integer", True),
        ("integer", 2**31),
        ("boolean", 1),
        ("boolean", "true"),
        ("instant", "2026-12-01T08:00:00"),
        ("instant", "2026-12-01T08:00+01:00"),
        ("instant", "2026-12-01"),
        ("instant", "2026-W49-2T08:00:00Z"),
        ("instant", "2026-13-01T08:00:00Z"),
        ("instant", "0001-01-01T00:00:00+14:00"),
        ("instant", "9999-12-31T23:59:59-14:00"),
        ("instant", 1796108400),
        ("date", "2026-02-29"),
        ("date", "20260201"),
        ("date", "1.2.2026"),
        ("clock_minute", "24:01"),
        ("clock_minute", "8:00"),
        ("zone", "Mars/Olympus"),
        ("zone", "../../etc/passwd"),
        ("zone", "x\x00"),
        ("zone", "Europe"),
        ("texts", "a,b"),
        ("texts", ["a", 1]),
        ("texts", ["a"] * 51),
    ],
)
def test_wrong_values_are_refused_by_name(kind: str, value: object) -> None:
    fields = Fields({"x": value})
    assert getattr(fields, kind)("x", required=True) is None
    assert set(errors_of(fields)) == {"x"}
    assert fields.given() == {}


def test_absence_null_and_nullable() -> None:
    fields = Fields({"null": None, "cleared": None})
    fields.text("absent")
    fields.text("null")
    fields.integer("cleared", nullable=True)
    fields.check()
    assert fields.given() == {"cleared": None}
    fields.text("null", required="null" in fields)
    fields.text("absent", required="absent" in fields)
    assert set(errors_of(fields)) == {"null"}


def test_errors_inside_name_their_place() -> None:
    fields = Fields({"location": {"kind": 1}, "weekly": [{"start": "08:00"}, {"start": "x"}]})
    location, weekly = fields.object("location"), fields.objects("weekly")
    assert location
    assert weekly
    location.choice("kind", ("zoom", "phone"), required=True)
    for each in weekly:
        each.clock_minute("start")
    fields.reject("title", "Too dull.")
    assert set(errors_of(fields)) == {"location.kind", "weekly[1].start", "title"}


def test_text_stands_for_values_in_a_query_only(app: Flask) -> None:
    with app.test_request_context("/?page=3&flag=true&tags=a,b&hour=&bad=3x&thai=๓"):
        query = read_query()
        assert query.paging() == (3, 20)
        assert query.boolean("flag") is True
        assert query.texts("tags") == ["a", "b"]
        assert query.integer("hour") is None
        query.check()
        query.integer("bad")
        query.integer("thai")
        assert set(errors_of(query)) == {"bad", "thai"}
    with app.test_request_context("/?page=0&page_size=101"):
        query = read_query()
        query.paging()
        assert set(errors_of(query)) == {"page", "page_size"}


def test_the_body_goes_over_the_query(app: Flask) -> None:
    with app.test_request_context("/?hour=1&title=x", method="POST", json={"hour": 2}):
        merged = read_query_or_json()
        assert (merged.integer("hour"), merged.text("title")) == (2, "x")
