"""Days, numbers and lists as the reader's language writes them.

Times are 24-hour clocks in all of them. The zone is the caller's business: what comes in
is local already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from babel import Locale
from babel.dates import format_date, format_interval
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from app.services.languages import current

# CLDR's own, "full", put a comma after the English weekday, as letters do; ours are shorter.
_DAYS = {
    "en": {
        "long": "EEEE d MMMM y",
        "short": "EEE d MMM",
        "dated": "EEE d MMM y",
        "plain": "EEEE d MMMM",
    },
    "de": {
        "long": "EEEE, d. MMMM y",
        "short": "EEE, d. MMM",
        "dated": "EEE, d. MMM y",
        "plain": "EEEE, d. MMMM",
    },
    "he": {
        "long": "EEEE, d בMMMM y",
        "short": "EEE, d בMMM",
        "dated": "EEE, d בMMM y",
        "plain": "EEEE, d בMMMM",
    },
}
_THIN_SPACE = "\u2009"


def day_text(day: date | datetime, form: str = "long") -> str:
    """`Tuesday 1 December 2026`; "short" is `Tue 1 Dec`, "dated" is that
    with the year, "plain" leaves the year out."""
    language = current()
    pattern = form if form == "full" else _DAYS[language.code][form]
    return format_date(day, pattern, locale=language.locale)


def date_text(day: date | datetime, form: str = "long") -> str:
    """`1 December 2026`; "medium" is `1 Dec 2026`."""
    return format_date(day, form, locale=current().locale)


def span_text(first: date, last: date) -> str:
    """`Sat, 12 Dec to Sun, 13 Dec 2026`: both days; one where there is one."""
    text = format_interval(first, last, "yMMMEd", locale=current().locale)
    return text.replace(_THIN_SPACE, " ")  # they stand unevenly here


def weekday_text(weekday: int, form: str = "wide") -> str:
    """`Monday` for 0; "abbreviated" is `Mon`."""
    name: str = Locale.parse(current().locale).days["stand-alone"][form][weekday]
    return name


def number_text(number: float) -> str:
    """`1,234.5`, with at most three decimals."""
    return format_decimal(number, locale=current().locale)


def share_text(share: float) -> str:
    """`63%`, of 0.63."""
    return format_percent(share, locale=current().locale)


def list_text(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return format_list(list(parts), locale=current().locale)
