"""Public holidays of the world's countries, from the `holidays` package. No database.

Countries are ISO 3166-1 alpha-2 codes, subdivisions their ISO 3166-2 parts ("BE" of
"DE-BE") or what the package names besides. Countries and holidays are named in the
reader's language; a holiday of which the package has no such name in English, or else as
it is called there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from typing import Any

import holidays
from babel import Locale

from app.services import languages

_ENGLISH = "en_US"
_CACHED = 1024  # countries' years, in a language each
_A_YEAR = 2026  # one that the data of every country covers


def list_countries() -> list[dict[str, Any]]:
    """Every country that has data, by name: `{code, name, subdivisions: [{code, name}]}`.

    The first call takes about a second of computing: servers do it before they serve. The
    first in another language takes some milliseconds.
    """
    return _named_countries(languages.current().code)


@cache
def _named_countries(language: str) -> list[dict[str, Any]]:
    names = Locale(language).territories
    countries = [
        {"code": code, "name": names[code], "subdivisions": subdivisions}
        for code, subdivisions in _countries().items()
        if code in names
    ]
    return sorted(countries, key=lambda country: _in_alphabet(country["name"]))


@cache
def _countries() -> dict[str, list[dict[str, str]]]:
    """The countries that have data, and their subdivisions."""
    return {
        code: _subdivisions(code, subdivisions)
        for code, subdivisions in holidays.list_supported_countries(include_aliases=False).items()
        if len(code) == 2 and holidays.country_holidays(code, years=_A_YEAR)
    }


def _in_alphabet(name: str) -> str:
    """What a name is sorted by: Österreich is found among the names with O."""
    return unicodedata.normalize("NFKD", name).casefold()


def is_known(country: str, subdivision: str | None = None) -> bool:
    """Whether there is data for this country and, if given, its subdivision."""
    known = _by_code().get(country)
    return known is not None and (subdivision is None or subdivision in known)


def of_year(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """The holidays of one year by date; none for a country that is not known (any more)."""
    if not is_known(country, subdivision):
        return {}
    return _of_year(country, subdivision, year, languages.current().code)


@lru_cache(_CACHED)
def _of_year(country: str, subdivision: str | None, year: int, language: str) -> Mapping[date, str]:
    calendar = holidays.country_holidays(
        country, subdiv=subdivision, years=year, language=_language_of(country, language)
    )
    return dict(sorted(calendar.items()))


@cache
def _language_of(country: str, language: str) -> str | None:
    """In which of a country's languages its holidays are named for a reader of `language`."""
    supported = holidays.country_holidays(country).supported_languages
    wanted = _ENGLISH if language == languages.DEFAULT else language
    return next((each for each in (wanted, _ENGLISH) if each in supported), None)


@cache
def _by_code() -> dict[str, set[str]]:
    return {
        country: {each["code"] for each in subdivisions}
        for country, subdivisions in _countries().items()
    }


def _subdivisions(country: str, codes: list[str]) -> list[dict[str, str]]:
    aliases = holidays.country_holidays(country).subdivisions_aliases
    # Of several names the longest: the others are abbreviations.
    names = {code: name for name, code in sorted(aliases.items(), key=lambda each: len(each[0]))}
    return sorted(
        ({"code": code, "name": names.get(code, code)} for code in codes),
        key=lambda each: each["name"],
    )
