"""Public holidays of the world's countries, from the `holidays` package. No database.

Countries are ISO 3166-1 alpha-2 codes, subdivisions their ISO 3166-2 parts ("BE" of
"DE-BE") or what the package names besides. Names are English where it has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from typing import Any

import holidays
from babel import Locale

_LANGUAGE = "en_US"
_CACHED = 512  # countries' years
_A_YEAR = 2026  # one that the data of every country covers


@cache
def list_countries() -> list[dict[str, Any]]:
    """Every country that has data, by name: `{code, name, subdivisions: [{code, name}]}`.

    The first call takes about a second of computing: servers do it before they serve.
    """
    names = Locale("en").territories
    countries = [
        {
            "code": code,
            "name": names[code],
            "subdivisions": _subdivisions(code, subdivisions),
        }
        for code, subdivisions in holidays.list_supported_countries(include_aliases=False).items()
        if len(code) == 2 and code in names and holidays.country_holidays(code, years=_A_YEAR)
    ]
    return sorted(countries, key=lambda country: str(country["name"]))


def is_known(country: str, subdivision: str | None = None) -> bool:
    """Whether there is data for this country and, if given, its subdivision."""
    known = _by_code().get(country)
    return known is not None and (subdivision is None or subdivision in known)


def of_year(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """The holidays of one year by date; none for a country that is not known (any more)."""
    return _of_year(country, subdivision, year) if is_known(country, subdivision) else {}


@lru_cache(_CACHED)
def _of_year(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    calendar = holidays.country_holidays(country, subdiv=subdivision, years=year)
    if _LANGUAGE in calendar.supported_languages:
        calendar = holidays.country_holidays(
            country, subdiv=subdivision, years=year, language=_LANGUAGE
        )
    return dict(sorted(calendar.items()))


@cache
def _by_code() -> dict[str, set[str]]:
    return {
        country["code"]: {each["code"] for each in country["subdivisions"]}
        for country in list_countries()
    }


def _subdivisions(country: str, codes: list[str]) -> list[dict[str, str]]:
    aliases = holidays.country_holidays(country).subdivisions_aliases
    # Of several names the longest: the others are abbreviations.
    names = {code: name for name, code in sorted(aliases.items(), key=lambda each: len(each[0]))}
    return sorted(
        ({"code": code, "name": names.get(code, code)} for code in codes),
        key=lambda each: each["name"],
    )
