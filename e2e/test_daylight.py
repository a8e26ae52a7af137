"""The days on which clocks are changed: the booker offers the right instants, and no others."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from e2e.site import Host, Site

STEP = timedelta(minutes=30)
YEAR = 366


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_days_of_changing_clocks_offer_the_right_instants(
    page: Page, site: Site, zone: str
) -> None:
    host = site.host(duration_minutes=30, horizon_days=YEAR + 2, minimum_notice_minutes=0)
    night = [{"weekday": day, "start": "00:00", "end": "06:00"} for day in range(7)]
    hours = {"time_zone": zone, "weekly": night, "overrides": []}
    site.call("PUT", "/api/experts/me/availability", hours, token=host.token)
    lengths = []
    for day in changing_days(zone):
        offered = starts_of(page, host, day, zone)
        expected = real_minutes(day, zone)
        assert offered == expected, day
        lengths.append(len(expected) * STEP)
        # In the hour that runs twice each start says which one it is.
        texts = page.locator("[data-times-list] .time").all_inner_texts()
        assert len(set(texts)) == len(texts)
    # One shorter and one longer night than six hours: by an hour, on Lord Howe by half of one.
    shift = timedelta(minutes=30 if zone == "Australia/Lord_Howe" else 60)
    assert sorted(lengths) == [timedelta(hours=6) - shift, timedelta(hours=6) + shift]


def starts_of(page: Page, host: Host, day: date, zone: str) -> list[str]:
    """What the booker shows on a day, as instants."""
    page.goto(f"{host.type_url}?date={day}&tz={zone}")
    expect(page.locator(f"[aria-selected=true] [data-date='{day}']")).to_be_visible()
    shown = page.locator("[data-times-list] .time").evaluate_all(
        "all => all.map(each => each.dataset.start)"
    )
    return [iso(datetime.fromisoformat(start)) for start in shown]


def real_minutes(day: date, zone: str) -> list[str]:
    """From local midnight to six, every half hour that really passes."""
    local = ZoneInfo(zone)
    start = datetime.combine(day, time(), local).astimezone(UTC)
    end = datetime.combine(day, time(6), local).astimezone(UTC)
    return [iso(start + number * STEP) for number in range((end - start) // STEP)]


def iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def changing_days(zone: str) -> list[date]:
    """The next two days, from tomorrow on, that are not 24 hours long."""
    local = ZoneInfo(zone)
    tomorrow = datetime.now(local).date() + timedelta(days=1)
    days = [tomorrow + timedelta(days=number) for number in range(YEAR)]

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), local).astimezone(UTC)

    lengths = ((day, midnight(day + timedelta(days=1)) - midnight(day)) for day in days)
    found = [day for day, length in lengths if length != timedelta(days=1)]
    return found[:2]
