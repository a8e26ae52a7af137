"""An expert's dashboard: what can be booked, when, why not, and what comes in, live."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from e2e.booker import Booker
from e2e.pictures import scanned
from e2e.site import Host, Site

BERLIN = ZoneInfo("Europe/Berlin")
SignIn = Callable[[Page, str], None]


@pytest.fixture
def host(site: Site) -> Host:
    return site.host()


@pytest.fixture
def desk(page: Page, host: Host, sign_in: SignIn) -> Page:
    """The host's dashboard."""
    sign_in(page, host.email)
    page.goto("/expert-dashboard")
    return page


def availability(site: Site, host: Host) -> dict[str, Any]:
    answer: dict[str, Any] = site.call("GET", "/api/experts/me/availability", token=host.token)
    return answer


def test_hours_are_edited_by_keyboard_alone(desk: Page, site: Site, host: Host) -> None:
    # A second span on Monday, wrong at first.
    press(desk, "Add hours on Monday")
    expect(desk.locator("#day-0-1-start")).to_be_focused()
    desk.keyboard.type("1500")
    day = desk.get_by_role("group", name="Monday")
    expect(day.get_by_text("overlaps")).to_be_visible()
    press(desk, "Save hours")
    expect(desk.locator("#day-0-1-start")).to_be_focused()
    assert [each["end"] for each in availability(site, host)["weekly"]] == ["17:00"] * 5

    desk.locator("#day-0-0-end").focus()
    desk.keyboard.type("1200")
    expect(day.get_by_text("overlaps")).to_be_hidden()
    expect(desk.get_by_text("Not saved yet")).to_be_visible()

    # To Wednesday alone, and Friday off.
    press(desk, "Copy Monday's hours to other days")
    dialog = desk.get_by_role("dialog")
    for name in ("Tuesday", "Thursday", "Friday"):
        dialog.get_by_label(name).press("Space")
    dialog.get_by_role("button", name="Copy").press("Enter")
    expect(desk.get_by_text("Copied to Wednesday.")).to_be_visible()
    expect(desk.get_by_role("button", name="Copy Monday's hours to other days")).to_be_focused()
    desk.get_by_role("checkbox", name="Friday").press("Space")

    # Leaving asks first.
    asked: list[str] = []
    desk.once("dialog", lambda question: (asked.append(question.type), question.dismiss()))
    desk.get_by_role("link", name="All bookings").click()
    expect(desk).to_have_url(re.compile("/expert-dashboard$"))
    assert asked == ["beforeunload"]

    press(desk, "Save hours")
    expect(desk.get_by_text("Hours saved.")).to_be_visible()
    weekly = availability(site, host)["weekly"]
    spans = {
        day: [(each["start"], each["end"]) for each in weekly if each["weekday"] == day]
        for day in range(7)
    }
    assert spans[0] == spans[2] == [("08:00", "12:00"), ("15:00", "19:00")]
    assert spans[1] == [("08:00", "17:00")]
    assert spans[4] == []


def test_days_off_and_holidays(desk: Page, site: Site, host: Host) -> None:
    first = datetime.now(BERLIN).date() + timedelta(days=30)
    last = first + timedelta(days=4)
    desk.get_by_label("From", exact=True).fill(first.isoformat())
    desk.get_by_label("Until (optional)").fill((first - timedelta(days=1)).isoformat())
    desk.get_by_role("button", name="Add", exact=True).click()
    expect(desk.get_by_text("The last day is before the first.")).to_be_visible()
    desk.get_by_label("Until (optional)").fill(last.isoformat())
    desk.get_by_role("button", name="Add", exact=True).click()
    expect(desk.get_by_text("5 days off")).to_be_visible()

    desk.get_by_label("Country").select_option("DE")
    desk.get_by_label("Region").select_option("BE")
    boxes = desk.get_by_role("list", name="Holidays of the next twelve months")
    labour = boxes.get_by_role("checkbox", name=re.compile("1 May"))
    expect(labour).to_be_checked()
    christmas = boxes.get_by_role("checkbox", name=re.compile("25 Dec"))
    christmas.uncheck()  # works on it
    desk.get_by_role("button", name="Save hours").click()
    expect(desk.get_by_text("Hours saved.")).to_be_visible()

    saved = availability(site, host)
    assert [each["date"] for each in saved["overrides"]] == [
        (first + timedelta(days=number)).isoformat() for number in range(5)
    ]
    assert (saved["holidays"]["country"], saved["holidays"]["subdivision"]) == ("DE", "BE")
    [exception] = saved["holidays"]["exceptions"]
    assert exception.endswith("-12-25")
    desk.reload()
    expect(christmas).not_to_be_checked()
    expect(labour).to_be_checked()
    desk.get_by_role("button", name=re.compile(r"^Remove \w+ \d+ \w+ \S ")).click()
    desk.get_by_role("button", name="Undo").click()
    expect(desk.get_by_text("5 days off")).to_be_visible()


def test_event_types_are_made_copied_switched_off_and_shared(
    desk: Page, another_page: Callable[[], Page], site: Site, host: Host
) -> None:
    def more(title: str, item: str) -> None:
        desk.get_by_label(f"More for {title}", exact=True).click()
        desk.locator(".more[open]").get_by_role("button", name=item, exact=True).click()

    more("Portfolio talk", "Duplicate")
    expect(desk.get_by_text("not bookable yet")).to_be_visible()
    desk.get_by_role("button", name="Edit it").click()
    expect(desk).to_have_url(re.compile(r"/expert-dashboard/\d+$"))

    # Everything it can be told; beside it, what a client sees.
    desk.get_by_label("Title").fill("Open studio")
    desk.get_by_label("Length in minutes").fill("60")
    desk.get_by_label("Address", exact=True).fill("studio")
    desk.get_by_label("Notice", exact=True).fill("2")
    desk.get_by_label("Unit of: Notice").select_option("hours")
    desk.get_by_label("Seats at one time").fill("3")
    desk.get_by_label("Can be booked").check()
    desk.get_by_label("Listed on your page").uncheck()
    desk.get_by_label("15 minutes before").check()
    desk.get_by_role("button", name="Save event type").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    preview = desk.frame_locator("iframe")
    expect(preview.get_by_role("heading", name="Open studio")).to_be_visible()
    expect(preview.get_by_text("Up to 3 people")).to_be_visible()
    preview.locator(".time").first.click()
    expect(preview.get_by_text("This is a preview.")).to_be_visible()
    expect(preview.get_by_role("button", name=re.compile(r"^Book \d"))).to_be_disabled()
    saved = next(
        each
        for each in site.call("GET", "/api/event-types", token=host.token)["items"]
        if each["slug"] == "studio"
    )
    assert saved["minimum_notice_minutes"] == 120
    assert (saved["seats"], saved["is_listed"], saved["is_active"]) == (3, False, True)
    assert sorted(saved["reminder_minutes"]) == [15, 1440]

    # Unlisted: by its link only.
    visitor = another_page()
    visitor.goto(f"/{host.slug}")
    expect(visitor.get_by_role("link", name="Portfolio talk")).to_be_visible()
    expect(visitor.get_by_role("link", name="Open studio")).to_have_count(0)
    Booker(visitor, path=f"/{host.slug}/studio")

    desk.goto("/expert-dashboard")
    more("Open studio", "Share")
    dialog = desk.get_by_role("dialog")
    picture = dialog.get_by_role("img")
    expect(picture).to_have_js_property("complete", True)
    assert scanned(picture) == saved["url"]
    expect(dialog.get_by_label("Snippet")).to_contain_text("data-rendezvous")
    dialog.get_by_role("button", name="Close").click()

    more("Portfolio talk", "Deactivate")
    listed = desk.get_by_role("region", name="Event types")
    expect(listed.get_by_text("Not bookable")).to_be_visible()
    visitor.goto(host.type_url)
    expect(visitor.get_by_role("heading", level=1)).to_have_text(
        "“Portfolio talk” cannot be booked at present"
    )
    desk.get_by_role("button", name="Undo").click()
    expect(listed.get_by_text("Not bookable")).to_have_count(0)


def test_why_a_time_is_not_offered_and_where_to_change_it(
    desk: Page, site: Site, host: Host
) -> None:
    def explain(at: datetime) -> None:
        local = at.astimezone(BERLIN)
        desk.get_by_label("Day", exact=True).fill(f"{local:%Y-%m-%d}")
        desk.get_by_label("Time", exact=True).fill(f"{local:%H:%M}")
        desk.get_by_role("button", name="Explain").click()

    answer = desk.locator("[data-why-answer]")
    free = datetime.fromisoformat(site.free_starts(host)[3])
    explain(free)
    expect(answer).to_contain_text("is offered.")

    site.book(host, free.isoformat(), name="Iris Falk")
    explain(free)
    expect(answer).to_contain_text("is not offered")
    expect(answer).to_contain_text("Portfolio talk")
    expect(answer.get_by_role("link", name="See your bookings")).to_be_visible()

    explain(free.astimezone(BERLIN).replace(hour=5, minute=0))
    answer.get_by_role("link", name="Change your hours").click()
    expect(desk).to_have_url(re.compile("#hours$"))
    explain(datetime.now(UTC) + timedelta(days=200))
    answer.get_by_role("link", name="Change how far ahead").click()
    expect(desk.get_by_label("Days ahead")).to_be_focused()


def test_requests_and_seats_are_live(
    desk: Page, another_page: Callable[[], Page], site: Site, host: Host
) -> None:
    def offer(**values: Any) -> Host:
        made = site.call(
            "POST", "/api/event-types", {"duration_minutes": 60, **values}, token=host.token
        )
        return replace(host, event_type=made["event_type"])

    request = offer(title="Long review", requires_approval=True)
    start = site.free_starts(request)[4]
    site.book(request, start, name="Iris Falk", email="iris@example.org")
    waiting = desk.get_by_role("region", name="1 request waits for you")
    expect(waiting.get_by_text("Iris Falk · Long review")).to_be_visible()
    waiting.get_by_role("button", name="Accept").click()
    expect(desk.get_by_text("Accepted. Iris Falk is told.")).to_be_visible()
    expect(waiting).to_have_count(0)
    assert [each["status"] for each in site.bookings_of(host)] == ["confirmed"]

    group = offer(title="Open studio", seats=3)
    start = site.free_starts(group)[6]
    watching, joining = Booker(another_page(), group), Booker(another_page(), group)
    for booker in (watching, joining):
        booker.page.goto(f"{group.type_url}?date={start[:10]}&tz=Europe/Berlin")
    expect(watching.time(start)).to_contain_text("3 of 3 left")
    joining.time(start).click()
    expect(joining.page.get_by_text("3 of 3 seats left")).to_be_visible()
    site.book(group, start, email="first@example.org")
    expect(watching.time(start)).to_contain_text("2 of 3 left")
    expect(joining.page.get_by_text("2 of 3 seats left")).to_be_visible()
    site.book(group, start, email="second@example.org")
    joining.fill()
    joining.submit.click()
    expect(joining.page.get_by_text("Booked", exact=True)).to_be_visible()
    expect(watching.time(start)).to_have_count(0)


def press(page: Page, name: str) -> None:
    """A button, by Enter."""
    page.get_by_role("button", name=name, exact=True).press("Enter")
