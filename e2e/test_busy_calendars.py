"""An expert's calendars elsewhere, from adding one to what a visitor sees of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from e2e.booker import Booker
from e2e.site import Site


def calendar_file(starts_at: datetime) -> bytes:
    """An appointment of an hour that somebody has elsewhere."""
    start, end = (
        f"{each.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        for each in (starts_at, starts_at + timedelta(hours=1))
    )
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN", "BEGIN:VEVENT", "UID:1"]
    lines += ["SUMMARY:Dentist", f"DTSTART:{start}", f"DTEND:{end}", "END:VEVENT", "END:VCALENDAR"]
    return "\r\n".join([*lines, ""]).encode()


def test_busy_elsewhere_is_not_offered(
    page: Page,
    site: Site,
    sign_in: Callable[[Page, str], None],
    another_page: Callable[[], Page],
) -> None:
    host = site.host("Ines Roth", duration_minutes=60)
    start = next(each for each in site.free_starts(host) if "T10:00" in each)
    visitor = Booker(another_page(), path=f"{host.type_url}?date={start[:10]}")
    utc = f"{datetime.fromisoformat(start).astimezone(UTC):%Y-%m-%dT%H:%M}"
    offered = visitor.page.locator(f'[data-times-list] .time[data-start*="{start[8:10]}T"]')
    expect(offered.first).to_be_visible()
    before = offered.count()

    sign_in(page, host.email)
    page.goto("/expert-dashboard")
    section = page.locator("[data-busy-calendars]")
    expect(section.get_by_text("No calendar yet.")).to_be_visible()
    adding = section.get_by_role("form", name="Add a calendar")

    # What is wrong is said at its field, and nothing typed is lost.
    adding.get_by_label("Name", exact=True).fill("Private")
    adding.get_by_role("textbox", name="Address").fill("http://example.org/x.ics")
    adding.get_by_role("button", name="Add calendar").click()
    expect(section.locator("#busy-url-error")).to_contain_text("begin with https://")
    expect(adding.get_by_label("Name", exact=True)).to_have_value("Private")

    # A file is read at once; the visitor's page hears of it.
    adding.get_by_label("As a file, once").check()
    file = {
        "name": "my.ics",
        "mimeType": "text/calendar",
        "buffer": calendar_file(datetime.fromisoformat(start)),
    }
    adding.get_by_label("File", exact=True).set_input_files(file)
    adding.get_by_role("button", name="Add calendar").click()
    row = section.get_by_role("listitem").filter(has_text="Private")
    expect(row).to_contain_text("1 busy time ahead")
    expect(section.get_by_role("button", name="Edit Private")).to_be_focused()
    expect(offered).to_have_count(before - 1)
    assert not any(utc in each for each in _utc(site.free_starts(host)))
    assert "Dentist" not in page.content()

    # An address that leads nowhere good fails in plain words, and is not shown again.
    adding.get_by_label("By its address, kept up to date").check()
    adding.get_by_label("Name", exact=True).fill("Work")
    adding.get_by_role("textbox", name="Address").fill("webcal://127.0.0.1:8443/secret-4711.ics")
    adding.get_by_role("button", name="Add calendar").click()
    row = section.get_by_role("listitem").filter(has_text="Work")
    expect(row).to_contain_text("does not lead to a server on the public internet")
    expect(row).to_contain_text("127.0.0.1/…")
    assert "secret-4711" not in page.content()

    section.get_by_role("button", name="Edit Private").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Family")
    dialog.get_by_role("button", name="Save calendar").click()
    family = section.get_by_role("listitem").filter(has_text="Family")
    expect(family).to_have_count(1)

    section.get_by_role("button", name="Remove Family").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Keep it")).to_be_focused()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(family).to_have_count(0)
    expect(offered).to_have_count(before)


def _utc(starts: list[str]) -> list[str]:
    return [datetime.fromisoformat(each).astimezone(UTC).isoformat() for each in starts]
