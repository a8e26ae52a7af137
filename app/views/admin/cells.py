"""How values look in lists and on pages of the back-office."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from app.services import clock
from app.views.local_time import instant, local_date, local_day, local_time, zone_name


def moment(at: datetime | None, zone: str) -> Markup | str:
    """`Tue 4 Mar, 10:00 CET`."""
    if at is None:
        return ""
    return Markup('<time datetime="{}">{}</time>').format(instant(at), plain_moment(at, zone))


def span(starts_at: datetime, ends_at: datetime, zone: str) -> Markup:
    """`Tue 4 Mar, 10:00` to `11:00 CET`, with both days where they differ."""
    return Markup('<time datetime="{}">{}</time>').format(
        instant(starts_at), plain_span(starts_at, ends_at, zone)
    )


def plain_moment(at: datetime | str, zone: str) -> str:
    """`moment`, as bare text."""
    return f"{day(at, zone)}, {local_time(at, zone)} {zone_name(at, zone)}"


def plain_span(starts_at: datetime | str, ends_at: datetime | str, zone: str) -> str:
    """`span`, as bare text."""
    end = local_time(ends_at, zone)
    if local_date(starts_at, zone) != local_date(ends_at, zone):
        end = f"{day(ends_at, zone)}, {end}"
    start = f"{day(starts_at, zone)}, {local_time(starts_at, zone)}"
    return f"{start}\N{EN DASH}{end} {zone_name(starts_at, zone)}"


def day(at: datetime | str, zone: str) -> str:
    """`Tue 4 Mar`, and the year if it is not this one."""
    year = local_date(at, zone)[:4]
    short = local_day(at, zone, "short")
    return short if year == local_date(clock.now(), zone)[:4] else f"{short} {year}"


def badge(text: str, tone: str = "") -> Markup:
    """A state in a word; `tone` is good, warn or bad."""
    return Markup('<span class="badge{}">{}</span>').format(f" badge--{tone}" if tone else "", text)


def link(text: str, href: str) -> Markup:
    """A link to another page."""
    return Markup('<a href="{}">{}</a>').format(href, text)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 attendee`, `2 attendees`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def lines(texts: list[str]) -> Markup:
    """A list."""
    if not texts:
        return Markup("")
    items = Markup("").join(Markup("<li>{}</li>").format(text) for text in texts)
    return Markup('<ul class="plain-list">{}</ul>').format(items)


def status(value: str) -> Markup:
    """Confirmed, requested or cancelled."""
    text = "Requested" if value == "pending" else value.capitalize()
    return badge(text, "good" if value == "confirmed" else "")


def yes(value: object) -> str:
    """Yes or no."""
    return "Yes" if value else "No"
