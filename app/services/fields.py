"""Rules for the values of fields that several services share.

Each function returns the clean value or adds a message to `errors` under the field's
name; the service raises `InvalidInput(errors)` once all were read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import date
from typing import TypeGuard
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext

from app.services import languages
from app.services.errors import InvalidInput

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

MAX_ID = 2**31 - 1
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
YEARS = range(1970, 2200)  # beyond them arithmetic with instants overflows

Errors = dict[str, list[str]]


def text(errors: Errors, name: str, value: object, *, maximum: int, required: bool = False) -> str:
    """A trimmed text of at most `maximum` characters, without NUL."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        errors[name] = [gettext("This must be a text.")]
        return ""
    value = value.strip()
    if not is_storable(value):
        errors[name] = [gettext("This contains a character that cannot be stored.")]
        return ""  # nor looked for
    if required and not any(map(_is_seen, value)):
        errors[name] = [gettext("This field is required.")]
    elif len(value) > maximum:
        errors[name] = [too_long(maximum)]
    return value


def _is_seen(character: str) -> bool:
    """Whether it shows: no space, control or joiner alone."""
    return unicodedata.category(character)[0] not in {"C", "Z"}


def too_long(maximum: int) -> str:
    """What is said of a text with more than `maximum` characters."""
    return gettext("At most %(maximum)s characters.", maximum=maximum)


def is_storable(value: str) -> bool:
    """Whether both databases take it: no NUL, no half of a surrogate pair."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)


def line(errors: Errors, name: str, value: object, *, maximum: int, required: bool = False) -> str:
    """A `text` of one line: runs of white space, line breaks among them, become one space.

    What turns the direction of all that follows it is taken out (Unicode TR 36, 2.6).
    """
    typed = text(errors, name, value, maximum=maximum, required=required)
    return " ".join(_TURNS.sub("", typed).split())


def email(errors: Errors, name: str, value: object) -> str:
    """An email address as one identity: trimmed and in small letters."""
    address = text(errors, name, value, maximum=254, required=True).lower()
    if name not in errors:
        try:
            validate_email(address, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            errors[name] = [gettext("Use an address like name@example.org.")]
    return address


def number(errors: Errors, name: str, value: object, *, minimum: int, maximum: int) -> int:
    """A whole number within bounds, both included."""
    if isinstance(value, bool) or not isinstance(value, int):
        errors[name] = [gettext("This must be a whole number.")]
        return minimum
    if not minimum <= value <= maximum:
        errors[name] = [
            gettext("Between %(minimum)s and %(maximum)s.", minimum=minimum, maximum=maximum)
        ]
    return value


def choice(errors: Errors, name: str, value: object, among: Collection[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in among:
        errors[name] = [gettext("One of: %(choices)s.", choices=", ".join(among))]
        return next(iter(among))
    return value


def zone(errors: Errors, name: str, value: object) -> str:
    """An IANA time zone."""
    try:
        if not isinstance(value, str):
            raise ValueError
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        errors[name] = [gettext("Use a time zone like Europe/Berlin.")]
        return "UTC"


def language(errors: Errors, name: str, value: object) -> str:
    """The code of one of the product's languages."""
    code = languages.known(value) if isinstance(value, str) else None
    if code is None:
        errors[name] = [gettext("Please choose one of the languages.")]
    return code or languages.DEFAULT


def find_day(value: object) -> date | None:
    """The date that a text like "2026-12-01" names, in the years that are reckoned with."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None  # the standard library reads more: 20261201, 2026-W49-2
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def slug(errors: Errors, name: str, value: object) -> str:
    """The last part of a page's address."""
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        errors[name] = [gettext("Use 1 to 64 small letters, digits and hyphens.")]
        return ""
    return value


def slug_from(title: str) -> str:
    """A slug made of a name or title; "page" when nothing usable is in it."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only)[:50].strip("-") or "page"


def is_id(value: object) -> TypeGuard[int]:
    """Whether a row could have this id; the databases are not even asked about others."""
    return type(value) is int and 0 < value <= MAX_ID


def refuse(errors: Errors) -> None:
    """Raise `InvalidInput` when any field was wrong."""
    if errors:
        raise InvalidInput(errors)
