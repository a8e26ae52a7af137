"""What clients send, read field by field: JSON bodies and query strings.

    body = read_json()
    title = body.text("title", required=True, max_length=200)
    minutes = body.integer("duration_minutes", required=True, minimum=5, maximum=1440)
    body.check()

Every reader returns the value, or None when the field is absent or wrong; `check`
raises one `InvalidInput` with everything that is wrong. Fields that nobody reads are
ignored, so no client sets what a view did not name. An optional field that is null
counts as absent, unless it is `nullable`. For PATCH, `given()` has what was sent:

    body.text("title", required="title" in body, max_length=200)
    body.integer("daily_limit", nullable=True, minimum=1)
    body.check()
    update_event_type(actor, id, **body.given())
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from flask import request
from flask_babel import gettext, lazy_gettext

from app.services.errors import InvalidInput
from app.services.fields import YEARS, find_day

MAX_INTEGER = 2**31 - 1  # the database's
MAX_PAGE_SIZE = 100

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_TIME = re.compile(r"\d\d:\d\d")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

REQUIRED = lazy_gettext("This is required.")


def read_json() -> Fields:
    """The body, a JSON object; an empty body is an empty object.

    Raises `InvalidInput` for anything else. Other content types are refused, since a
    foreign page's form can send those without asking.
    """
    return Fields(read_json_object())


def read_query() -> Fields:
    """The query string. Text stands for numbers and booleans here; of repeated fields
    the first counts."""
    return Fields(request.args.to_dict(), from_text=True)


def read_query_or_json() -> Fields:
    """The query string, and the JSON body over it; text stands for numbers in both."""
    return Fields({**request.args.to_dict(), **read_json_object()}, from_text=True)


class Fields:
    """Named values from outside, with the errors found so far."""

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        from_text: bool = False,
        prefix: str = "",
        errors: dict[str, list[str]] | None = None,
    ) -> None:
        self._values = values
        self._from_text = from_text
        self._prefix = prefix
        self._errors = {} if errors is None else errors
        self._given: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def check(self) -> None:
        """Raise `InvalidInput` with all that is wrong, if anything is."""
        if self._errors:
            raise InvalidInput(self._errors)

    def reject(self, name: str, message: str) -> None:
        """Add an error of the view's own."""
        self._errors.setdefault(self._prefix + name, []).append(message)

    def given(self) -> dict[str, Any]:
        """The fields that were read and sent: what a PATCH changes."""
        return dict(self._given)

    def text(
        self,
        name: str,
        *,
        required: bool = False,
        nullable: bool = False,
        max_length: int = 255,
        strip: bool = True,
    ) -> Any:
        """Text without NUL. A required one is not blank. Secrets are read unstripped."""
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        if not isinstance(value, str):
            return self._refuse(name, gettext("This must be text."))
        value = value.strip() if strip else value
        if problem := _text_problem(value, max_length):
            return self._refuse(name, problem)
        if required and not value:
            return self._refuse(name, str(REQUIRED))
        return self._keep(name, value)

    def integer(
        self,
        name: str,
        *,
        required: bool = False,
        nullable: bool = False,
        minimum: int = -MAX_INTEGER,
        maximum: int = MAX_INTEGER,
    ) -> Any:
        """A whole number of the range; 2.0 is none, true is none."""
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        if self._from_text and isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return self._refuse(name, gettext("This must be a whole number."))
        if value < minimum:
            return self._refuse(name, gettext("This must be %(minimum)s or more.", minimum=minimum))
        if value > maximum:
            return self._refuse(name, gettext("This must be %(maximum)s or less.", maximum=maximum))
        return self._keep(name, value)

    def boolean(self, name: str, *, required: bool = False) -> Any:
        """true or false."""
        value = self._take(name, required=required)
        if value is None:
            return None
        if self._from_text and isinstance(value, str):
            lower = value.strip().lower()
            value = True if lower in _TRUE else False if lower in _FALSE else value
        if not isinstance(value, bool):
            return self._refuse(name, gettext("This must be true or false."))
        return self._keep(name, value)

    def choice(
        self,
        name: str,
        choices: Collection[str],
        *,
        required: bool = False,
        nullable: bool = False,
    ) -> Any:
        """One of `choices`, spelt exactly so."""
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        if not isinstance(value, str) or value not in choices:
            return self._refuse(
                name, gettext("This must be one of: %(choices)s.", choices=", ".join(choices))
            )
        return self._keep(name, value)

    def instant(self, name: str, *, required: bool = False) -> Any:
        """An RFC 3339 instant, in UTC. A naive time is refused, not guessed at."""
        value = self._take(name, required=required)
        if value is None:
            return None
        found = None
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            try:
                found = datetime.fromisoformat(value.upper()).astimezone(UTC)
            except (ValueError, OverflowError):
                found = None
        if found is None or found.year not in YEARS:
            return self._refuse(
                name,
                gettext("This must be an instant with its offset, like 2026-12-01T08:00:00+01:00."),
            )
        return self._keep(name, found)

    def date(self, name: str, *, required: bool = False, nullable: bool = False) -> Any:
        """A date, YYYY-MM-DD."""
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        found = find_day(value)
        if found is None:
            return self._refuse(name, gettext("This must be a date like 2026-12-01."))
        return self._keep(name, found)

    def clock_minute(self, name: str, *, required: bool = False) -> Any:
        """A time of day, HH:MM, as minutes since midnight; "24:00", the day's end, is 1440."""
        value = self._take(name, required=required)
        if value is None:
            return None
        minutes = None
        if value == "24:00":
            minutes = 24 * 60
        elif isinstance(value, str) and _TIME.fullmatch(value):
            try:
                found = time.fromisoformat(value)
            except ValueError:
                pass
            else:
                minutes = found.hour * 60 + found.minute
        if minutes is None:
            return self._refuse(name, gettext("This must be a time like 08:00."))
        return self._keep(name, minutes)

    def zone(self, name: str, *, required: bool = False, nullable: bool = False) -> Any:
        """An IANA time zone's id."""
        value = self._take(name, required=required, nullable=nullable)
        if value is None:
            return None
        if not isinstance(value, str) or not is_time_zone(value):
            return self._refuse(name, gettext("This must be a time zone like Europe/Berlin."))
        return self._keep(name, value)

    def texts(
        self, name: str, *, required: bool = False, max_items: int = 50, max_length: int = 255
    ) -> Any:
        """A list of text."""
        value = self._take(name, required=required)
        if value is None:
            return None
        if self._from_text and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return self._refuse(name, gettext("This must be a list of text."))
        if len(value) > max_items:
            return self._refuse(
                name, gettext("This must not have more than %(n)s entries.", n=max_items)
            )
        for each in value:
            if problem := _text_problem(each, max_length):
                return self._refuse(name, problem)
        return self._keep(name, list(value))

    def object(self, name: str, *, required: bool = False) -> Fields | None:
        """An object inside, whose errors are named `<name>.<field>`."""
        value = self._take(name, required=required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._refuse(name, gettext("This must be an object."))
            return None
        return self._inside(value, name)

    def objects(
        self, name: str, *, required: bool = False, max_items: int = 200
    ) -> list[Fields] | None:
        """A list of objects, whose errors are named `<name>[<index>].<field>`."""
        value = self._take(name, required=required)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self._refuse(name, gettext("This must be a list of objects."))
            return None
        if len(value) > max_items:
            self._refuse(name, gettext("This must not have more than %(n)s entries.", n=max_items))
            return None
        return [self._inside(each, f"{name}[{index}]") for index, each in enumerate(value)]

    def paging(self, *, default_page_size: int = 20) -> tuple[int, int]:
        """`page` (from 1) and `page_size` (up to 100)."""
        page = self.integer("page", minimum=1)
        page_size = self.integer("page_size", minimum=1, maximum=MAX_PAGE_SIZE)
        return page or 1, page_size or default_page_size

    def _inside(self, values: Mapping[str, Any], name: str) -> Fields:
        return Fields(
            values,
            from_text=self._from_text,
            prefix=f"{self._prefix}{name}.",
            errors=self._errors,
        )

    def _take(self, name: str, *, required: bool, nullable: bool = False) -> Any:
        value = self._values.get(name)
        if self._from_text and value == "" and not required:
            value = None
        if value is None:
            if required and not (nullable and name in self._values):
                self.reject(name, str(REQUIRED))
            elif nullable and name in self._values:
                self._given[name] = None
        return value

    def _refuse(self, name: str, message: str) -> None:
        self.reject(name, message)

    def _keep(self, name: str, value: Any) -> Any:
        self._given[name] = value
        return value


def is_time_zone(name: str) -> bool:
    """Whether `name` is an IANA zone that is installed here."""
    if len(name) > 64:
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # a path, a directory, a name nobody knows
        return False
    return True


def read_json_object() -> dict[str, Any]:
    """The body as it came, for services that take named values and judge them all.

    Raises `InvalidInput` when it is no JSON object.
    """
    data = request.get_data()
    if not data.strip():
        return {}
    if not request.is_json:
        raise InvalidInput(
            {}, gettext("Send the body as JSON, with Content-Type: application/json.")
        )
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise InvalidInput({}, gettext("The body is not JSON.")) from None
    if not isinstance(value, dict):
        raise InvalidInput({}, gettext("The body must be a JSON object."))
    return value


def _text_problem(value: str, max_length: int) -> str | None:
    if len(value) > max_length:
        return gettext("This must not be longer than %(n)s characters.", n=max_length)
    if any(_is_unstorable(character) for character in value):
        return gettext("This contains a character that cannot be kept.")
    return None


def _is_unstorable(character: str) -> bool:
    # NUL, which PostgreSQL refuses, and halves of a surrogate pair, which UTF-8 does.
    return character == "\0" or "\ud800" <= character <= "\udfff"


__all__ = [
    "Fields",
    "is_time_zone",
    "read_json",
    "read_json_object",
    "read_query",
    "read_query_or_json",
]
