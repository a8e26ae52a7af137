"""Days as filters of lists: a day is the reader's own, from midnight to midnight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import lazy_gettext
from sqlalchemy import ColumnElement

from app.gates import current_actor
from app.services.fields import YEARS
from app.views.admin import cells
from app.views.admin.wording import Words


@dataclass(frozen=True, slots=True)
class DayFilter:
    """A day that a list begins or ends with; `where` gets it as it was typed."""

    name: str
    label: Words
    where: Callable[[str], ColumnElement[bool]]
    is_offered = True
    is_day = True

    def options(self) -> Iterable[tuple[str, str]]:
        """Any."""
        return ()

    def text_of(self, value: str, options: Iterable[tuple[str, str]]) -> str | None:
        """The day in words; None for what is none, or lies beyond what is reckoned with."""
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return None
        return cells.day(f"{day}T12:00:00Z", "UTC") if day.year in YEARS else None


def reader_zone() -> str:
    """The time zone of whoever reads, for what has none of its own."""
    actor = current_actor()
    zone: str = (actor and actor.time_zone) or current_app.config["DEFAULT_TIME_ZONE"]
    return zone


def begins(day: str) -> datetime:
    """The reader's midnight that a day begins with, in UTC."""
    return _midnight(date.fromisoformat(day))


def ends(day: str) -> datetime:
    """The reader's midnight that a day ends with, in UTC."""
    return _midnight(date.fromisoformat(day) + timedelta(days=1))


def spanning(starts_at: Any, ends_at: Any) -> tuple[DayFilter, DayFilter]:
    """From a day and to a day, for what takes time: whatever overlaps them."""
    return (
        DayFilter("since", lazy_gettext("From"), lambda value: ends_at > begins(value)),
        DayFilter("until", lazy_gettext("To"), lambda value: starts_at < ends(value)),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(reader_zone())).astimezone(UTC)
