"""Days, numbers and lists as the reader's language writes them.

Times are 24-hour clocks in all of them. The zone is the caller's business: what comes in
is local already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

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


def span_text(first: date, last: date, skeleton: str = "yMMMEd") -> str:
    """`Sat, 12 Dec to Sun, 13 Dec 2026`: both days; one where there is one.

    "yMMMd" is without the names of the days.
    """
    text = format_interval(first, last, skeleton, locale=current().locale)
    return text.replace(_THIN_SPACE, " ")  # they stand unevenly here


def duration_text(minutes: int) -> str:
    """`1 day`, `2 hours`, `90 minutes`: in the largest unit that needs no rest."""
    for unit, length in (("day", 24 * 60), ("hour", 60)):
        if minutes and minutes % length == 0:
            return format_unit(minutes // length, unit, "long", locale=current().locale)
    return format_unit(minutes, "minute", "long", locale=current().locale)


def period_text(first: date, step: str) -> str:
    """`4 Mar`, the first day of a step of days or weeks; `Mar 2031`, of months."""
    skeleton = "yMMM" if step == "month" else "MMMd"
    return format_skeleton(skeleton, first, locale=current().locale)


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
