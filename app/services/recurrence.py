"""Recurrence rules: the part of RRULE (RFC 5545, 3.3.10) that repeats rooms' reservations.

Daily or weekly, with an interval, weekdays, and an end. Pure: no database, no clock. A
rule is read in local time, so that ten o'clock stays ten o'clock when the clocks change;
each occurrence lasts exactly as long as the first. An occurrence at a local time that a
day does not have is left out and not counted, as the RFC says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from dateutil.rrule import DAILY, WEEKLY, rrule
from flask_babel import gettext

from app.models.interval import Interval
from app.services import local_days

MAX_OCCURRENCES = 366
MAX_INTERVAL = 99
LAST_YEAR = 2199

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES = {"DAILY": DAILY, "WEEKLY": WEEKLY}
_DATE = re.compile(r"\d{8}")
_INSTANT = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True)
class Rule:
    """When something repeats. `weekdays` are 0 for Monday to 6; none means the first's own.

    It ends after `count` occurrences, or with `until`: a local date, included, or an
    instant after which none begins.
    """

    frequency: str
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    count: int | None = None
    until: date | datetime | None = None

    def __str__(self) -> str:
        parts = [f"FREQ={self.frequency}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.weekdays:
            parts.append("BYDAY=" + ",".join(_WEEKDAYS[day] for day in self.weekdays))
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if isinstance(self.until, datetime):
            parts.append(f"UNTIL={self.until:%Y%m%dT%H%M%SZ}")
        elif self.until is not None:
            parts.append(f"UNTIL={self.until:%Y%m%d}")
        return ";".join(parts)

    def ending(self, last: date) -> Rule:
        """The same, ending with this local date."""
        return replace(self, count=None, until=last)

    def shifted(self, days: int) -> Rule:
        """The same, so many days later or earlier."""
        if not days:
            return self
        until = self.until + timedelta(days=days) if self.until else None
        weekdays = tuple(sorted((day + days) % 7 for day in self.weekdays))
        return replace(self, weekdays=weekdays, until=until)


def parse_rule(text: str) -> Rule:
    """Read an RRULE's value, "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10".

    Raises ValueError, with a sentence for people, for one that is malformed, has no end,
    or uses a part that is not understood here.
    """
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            raise ValueError(gettext("Use a rule like FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10."))
        parts[name] = value
    frequency = parts.pop("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise ValueError(gettext("Only daily and weekly repetition is possible (FREQ)."))
    rule = Rule(
        frequency=frequency,
        interval=_number(parts.pop("INTERVAL", "1"), "INTERVAL", MAX_INTERVAL),
        weekdays=_weekdays(parts.pop("BYDAY", "")),
        count=_number(parts.pop("COUNT"), "COUNT", MAX_OCCURRENCES) if "COUNT" in parts else None,
        until=_until(parts.pop("UNTIL")) if "UNTIL" in parts else None,
    )
    if parts.pop("WKST", "MO") != "MO":
        raise ValueError(gettext("Weeks begin on Monday here (WKST)."))
    if parts:
        raise ValueError(
            gettext("%(parts)s is not possible here.", parts=", ".join(sorted(parts))[:100])
        )
    if (rule.count is None) == (rule.until is None):
        raise ValueError(gettext("Say when it ends: either COUNT or UNTIL."))
    return rule


def occurrences(rule: Rule, first: Interval, zone: tzinfo) -> list[Interval]:
    """All occurrences of a rule that begins with `first`, or with the rule's first day after it.

    Raises ValueError, with a sentence for people, when there is none, when there are more
    than `MAX_OCCURRENCES`, and when one would last into the next.
    """
    length = first.ends_at - first.starts_at
    found: list[Interval] = []
    for start in _starts(rule, first.starts_at, zone):
        if len(found) == MAX_OCCURRENCES:
            raise ValueError(gettext("It may repeat at most %(n)s times.", n=MAX_OCCURRENCES))
        found.append(Interval(start, start + length))
        if len(found) == rule.count:
            break
    if not found:
        raise ValueError(gettext("By this rule it never takes place."))
    if any(one.overlaps(following) for one, following in pairwise(found)):
        raise ValueError(gettext("Each must end before the next begins."))
    return found


def _starts(rule: Rule, first: datetime, zone: tzinfo) -> Iterator[datetime]:
    local_first = first.astimezone(zone).replace(tzinfo=None, fold=0)
    comes_to_one_weekday = rule.frequency == "DAILY" and rule.interval % 7 == 0
    if comes_to_one_weekday and rule.weekdays and local_first.weekday() not in rule.weekdays:
        return  # dateutil would look for another until the year 9999
    days = rrule(
        _FREQUENCIES[rule.frequency],
        dtstart=local_first,
        interval=rule.interval,
        byweekday=rule.weekdays or None,
    )
    for local in days:
        if local.year > LAST_YEAR:
            raise ValueError(gettext("It must end before the year %(year)s.", year=LAST_YEAR + 1))
        if _is_over(rule, local):
            return
        # In a doubled hour the first may be the second run, which is what was said.
        start = first if local == local_first else local_days.resolve(local, zone)
        if isinstance(rule.until, datetime) and start is not None and start > rule.until:
            return
        if start is not None:
            yield start


def _is_over(rule: Rule, local: datetime) -> bool:
    if isinstance(rule.until, datetime):
        # Days beyond it in every zone: those whose time is missing must not go on for ever.
        return local > rule.until.replace(tzinfo=None) + timedelta(days=2)
    return rule.until is not None and local.date() > rule.until


def _number(text: str, name: str, maximum: int) -> int:
    if not re.fullmatch(r"\d{1,4}", text) or not 1 <= int(text) <= maximum:
        raise ValueError(
            gettext("%(name)s must be between 1 and %(maximum)s.", name=name, maximum=maximum)
        )
    return int(text)


def _weekdays(text: str) -> tuple[int, ...]:
    if not text:
        return ()
    names = text.split(",")
    if any(name not in _WEEKDAYS for name in names):
        raise ValueError(gettext("BYDAY must name weekdays: MO, TU, WE, TH, FR, SA, SU."))
    return tuple(sorted({_WEEKDAYS.index(name) for name in names}))


def _until(text: str) -> date | datetime:
    try:
        if _DATE.fullmatch(text):
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
        if _INSTANT.fullmatch(text):
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        pass
    raise ValueError(gettext("UNTIL must be like 20310630, or 20310630T120000Z."))
