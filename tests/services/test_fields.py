"""The values of fields: what is cleaned, and what is refused under the field's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services import fields
from app.services.errors import InvalidInput


def read(reader: Callable[..., Any], value: object, **limits: Any) -> Any:
    """What is read, or the messages under the field's name."""
    errors: fields.Errors = {}
    clean = reader(errors, "field", value, **limits)
    assert errors.keys() <= {"field"}
    return errors["field"] if errors else clean


@pytest.mark.parametrize(
    ("reader", "value", "clean"),
    [
        (fields.text, "  two\nlines ", "two\nlines"),
        (fields.text, None, ""),
        (fields.text, "x" * 10, "x" * 10),
        (fields.text, "x" * 11, ["At most 10 characters."]),
        (fields.text, 7, ["This must be a text."]),
        (fields.text, b"bytes", ["This must be a text."]),
        (fields.text, "a\0b", ["This contains a character that cannot be stored."]),
        (fields.text, "\ud83d", ["This contains a character that cannot be stored."]),
        (fields.text, "😀", "😀"),
        (fields.line, " a\r\n b\t c ", "a b c"),
        (fields.line, "\u202eevil\u202c", "evil"),
        (fields.line, "👩\u200d🚀", "👩\u200d🚀"),
        (fields.line, "a\0b", ["This contains a character that cannot be stored."]),
    ],
)
def test_texts(reader: Any, value: object, clean: object) -> None:
    assert read(reader, value, maximum=10) == clean


@pytest.mark.parametrize("value", ["", "  ", None, "\n", "\u200b", "\u2060\u00ad "])
def test_what_is_required_is_not_empty(value: object) -> None:
    assert read(fields.line, value, maximum=9, required=True) == ["This field is required."]


@given(st.text())
def test_a_line_is_one_line_or_refused(value: str) -> None:
    clean = read(fields.line, value, maximum=1000)
    assert isinstance(clean, list) or len(clean.splitlines()) <= 1


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (" Gwen@Example.ORG ", "gwen@example.org"),
        ("a+b@sub.example.org", "a+b@sub.example.org"),
        ("gwen@localhost.test", "gwen@localhost.test"),
    ],
)
def test_an_address_is_one_identity(value: str, clean: str) -> None:
    assert read(fields.email, value) == clean


@pytest.mark.parametrize(
    "value",
    [
        "gwen",
        "@example.org",
        "gwen@",
        "a b@example.org",
        "a@b@c.org",
        "gwen@-.org",
        "x" * 255,
        "gwen@example.org\nBcc: x@example.org",
        "gwen@exa\0mple.org",
        "<gwen@example.org>",
    ],
)
def test_what_is_no_address_is_refused(value: str) -> None:
    assert isinstance(read(fields.email, value), list)


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (1, 1),
        (9, 9),
        (0, ["Between 1 and 9."]),
        (10, ["Between 1 and 9."]),
        (True, ["This must be a whole number."]),
        ("5", ["This must be a whole number."]),
        (5.0, ["This must be a whole number."]),
        (None, ["This must be a whole number."]),
    ],
)
def test_numbers(value: object, clean: object) -> None:
    assert read(fields.number, value, minimum=1, maximum=9) == clean


@pytest.mark.parametrize(
    ("value", "clean"),
    [("red", "red"), ("Red", ["One of: red, blue."]), (None, ["One of: red, blue."])],
)
def test_choices(value: object, clean: object) -> None:
    assert read(fields.choice, value, among=("red", "blue")) == clean


@pytest.mark.parametrize("value", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"])
def test_zones(value: str) -> None:
    assert read(fields.zone, value) == value


@pytest.mark.parametrize(
    "value", ["", "Mars/Olympus", "../UTC", "/etc/passwd", "Europe", "a\0b", "x" * 5000, 7, None]
)
def test_what_is_no_zone_is_refused(value: object) -> None:
    assert read(fields.zone, value) == ["Use a time zone like Europe/Berlin."]


@pytest.mark.parametrize("value", ["a", "a-b", "2031", "x" * 64])
def test_slugs(value: str) -> None:
    assert read(fields.slug, value) == value


@pytest.mark.parametrize("value", ["", "-a", "a-", "A", "a b", "a/b", "ä", "x" * 65, "a\n", None])
def test_what_is_no_slug_is_refused(value: object) -> None:
    assert read(fields.slug, value) == ["Use 1 to 64 small letters, digits and hyphens."]


@given(st.text())
def test_every_title_makes_a_slug(title: str) -> None:
    assert fields.SLUG.fullmatch(fields.slug_from(title))


@pytest.mark.parametrize(
    ("title", "slug"), [("Über  Öl & Ärger!", "uber-ol-arger"), ("李", "page"), ("--", "page")]
)
def test_a_slug_is_readable(title: str, slug: str) -> None:
    assert fields.slug_from(title) == slug


def test_errors_are_refused_together() -> None:
    fields.refuse({})
    with pytest.raises(InvalidInput) as refused:
        fields.refuse({"a": ["One."], "b": ["Two."]})
    assert refused.value.extra == {"errors": {"a": ["One."], "b": ["Two."]}}
