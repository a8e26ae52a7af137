"""How values look in lists and on pages of the back-office."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext, lazy_gettext
from markupsafe import Markup

from app.services import clock, local_text
from app.views.admin.wording import Words
from app.views.local_time import aware, instant, local_date, local_time, zone_name

STATUSES = {
    "confirmed": lazy_gettext("Confirmed"),
    "pending": lazy_gettext("Requested"),
    "cancelled": lazy_gettext("Cancelled"),
}


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
    local, now = aware(at).astimezone(ZoneInfo(zone)), clock.now().astimezone(ZoneInfo(zone))
    return local_text.day_text(local, "short" if local.year == now.year else "dated")


def badge(text: Words, tone: str = "") -> Markup:
    """A state in a word; `tone` is good, warn or bad."""
    look = f" badge--{tone}" if tone else ""
    return Markup('<span class="badge{}">{}</span>').format(look, str(text))


def link(text: str, href: str) -> Markup:
    """A link to another page."""
    return Markup('<a href="{}">{}</a>').format(href, text)


def lines(texts: list[str]) -> Markup:
    """A list."""
    if not texts:
        return Markup("")
    items = Markup("").join(Markup("<li>{}</li>").format(text) for text in texts)
    return Markup('<ul class="plain-list">{}</ul>').format(items)


def folded(title: str, texts: list[str]) -> Markup:
    """A list that opens, under its title and with how many are in it."""
    return Markup(
        '<details class="office-folded"><summary>{} <span class="quiet figures">{}</span>'
        "</summary>{}</details>"
    ).format(title, local_text.number_text(len(texts)), lines(texts))


def status(value: str) -> Markup:
    """Confirmed, requested or cancelled."""
    return badge(STATUSES[value], "good" if value == "confirmed" else "")


def yes(value: object) -> str:
    """Yes or no."""
    return gettext("Yes") if value else gettext("No")
