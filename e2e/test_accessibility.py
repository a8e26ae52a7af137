"""WCAG 2.2 AA on every page and in every state, both appearances, wide and on a phone.

What a page looks like does not depend on the database: SQLite alone (see conftest.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.axe import check
from e2e.booker import Booker
from e2e.scheduling import ZONE, Crew, SchedulerPage, backstage, clock_changes, crew
from e2e.site import Host, Site

__all__ = ["backstage", "crew"]  # fixtures

WIDTHS = {"wide": 1280, "phone": 390}


@pytest.fixture(params=["wide-light", "phone-dark"])
def face(
    request: pytest.FixtureRequest, browser: Browser, browser_context_args: dict[str, object]
) -> Iterator[Page]:
    """A page in one size and one appearance."""
    size, appearance = request.param.split("-")
    context = browser.new_context(
        **browser_context_args,  # type: ignore[arg-type]
        viewport={"width": WIDTHS[size], "height": 844},
        color_scheme=appearance,
        reduced_motion="reduce",
        has_touch=size == "phone",
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/experts",
        "/experts?q=nobody-at-all",
        "/login/",
        "/register",
        "/mara-lindqvist",
        "/nope",
    ],
)
def test_public_pages(face: Page, path: str) -> None:
    face.goto(path)
    expect(face.get_by_role("heading", level=1)).to_have_count(1)
    check(face)


def test_booker_in_its_states(face: Page, site: Site) -> None:
    host = site.host(description="Bring two pages, not twenty. " * 6)
    booker = Booker(face, host, f"{host.type_url}?date=2999-01-01")
    check(face)
    zone = face.get_by_role("combobox", name="Time zone")
    zone.click()
    check(face)
    zone.fill("no such place")
    check(face)
    zone.press("Escape")
    day = booker.days.nth(1).get_attribute("data-date")
    face.goto(f"{host.type_url}?date={day}&time=03:33")
    expect(face.get_by_text("The time in your link is not free.")).to_be_visible()
    check(face)
    start = booker.choose(time=1)
    check(face)
    booker.fill("Iris Falk", "nothing")
    booker.submit.click()
    expect(face.locator("[data-error-summary]")).to_be_visible()
    check(face)
    booker.fill()
    face.route("**/slots?*", lambda route: route.abort())
    site.book(host, start)
    if not face.get_by_role("alert").filter(has_text="Someone booked").is_visible():
        booker.submit.click(force=True)  # the live message may come first and disable it
    expect(face.get_by_role("alert").filter(has_text="Someone booked")).to_be_visible()
    check(face)


def test_group_request_and_own_overlap(
    face: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host = site.host(seats=8, requires_approval=True)
    client = site.register("Lena Hart")
    start = site.free_starts(host)[3]
    other = site.host("Paul Winter", title="Reading")
    body = {"starts_at": start, "name": client["name"], "email": client["email"]}
    body["event_type_id"] = other.event_type["id"]
    site.call("POST", "/api/bookings", body, token=client["token"])
    sign_in(face, client["email"])
    booker = Booker(face, path=f"{host.type_url}?date={start[:10]}&tz=Europe/Berlin")
    expect(booker.time(start)).to_have_class("time time--held")
    check(face)
    booker.time(start).click()
    expect(face.get_by_text("You have something else then.")).to_be_visible()
    check(face)
    booker.submit.click()
    expect(face.get_by_role("dialog")).to_be_visible()
    check(face)
    face.get_by_role("dialog").get_by_role("button", name="Replace").click()
    expect(face.get_by_text("Requested", exact=True)).to_be_visible()
    check(face)
    face.goto("/my-bookings")
    expect(face.get_by_text("Waiting for Nora Berg")).to_be_visible()
    check(face)
    face.goto("/my-bookings?kind=seat&q=nothing")
    check(face)


def test_framed_pages(face: Page, site: Site) -> None:
    host = site.host()
    face.goto(f"/{host.slug}?embed=1&theme=light")
    check(face)
    booker = Booker(face, path=f"{host.type_url}?embed=1&theme=light")
    check(face)
    booker.choose()
    booker.fill()
    booker.submit.click()
    expect(face.get_by_text("Booked", exact=True)).to_be_visible()
    check(face)
    call = {"is_active": False}
    path = f"/api/event-types/{host.event_type['id']}"
    site.call("PATCH", path, call, token=host.token)
    face.goto(host.type_url)
    check(face)


def test_booker_that_cannot_load(face: Page, site: Site) -> None:
    host = site.host()
    face.route("**/slots?*", lambda route: route.abort())
    face.goto(host.type_url)
    expect(face.get_by_role("button", name="Try again")).to_be_visible()
    check(face)
    face.goto(f"{host.type_url}/plain")
    check(face)


def test_booker_without_times(face: Page, site: Site) -> None:
    host = site.host(horizon_days=0)
    site.call(
        "PUT",
        "/api/experts/me/availability",
        {"weekly": [], "overrides": []},
        token=host.token,
    )
    face.goto(host.type_url)
    expect(face.get_by_text("has no free times")).to_be_visible()
    check(face)


def test_guest_booking_in_its_states(face: Page, site: Site) -> None:
    host = site.host()
    booked = site.book(host, site.free_starts(host)[0], notes="About the second chapter.")
    path = urlsplit(booked["manage_url"]).path
    face.goto(path)
    check(face)
    face.get_by_text("Your data").click()
    face.get_by_role("button", name="Delete my data").click()
    check(face)
    face.keyboard.press("Escape")
    face.get_by_role("button", name="Cancel booking").click()
    check(face)
    face.get_by_role("dialog").get_by_role("button", name="Cancel booking").click()
    expect(face.get_by_role("link", name="Book another time")).to_be_visible()
    check(face)
    face.goto(f"{path}/reschedule")
    expect(face.get_by_role("heading", level=1)).to_have_text("This is over")
    check(face)
    face.goto(path)
    face.get_by_text("Your data").click()
    face.get_by_role("button", name="Delete my data").click()
    face.get_by_role("dialog").get_by_role("button", name="Delete my data").click()
    expect(face.get_by_role("heading", level=1)).to_have_text("Your data is deleted")
    check(face)
    face.goto(path)
    expect(face.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_account_pages(face: Page, site: Site, sign_in: Callable[[Page, str], None]) -> None:
    account = site.register("Lena Hart")
    sign_in(face, account["email"])
    for path in ("/profile", "/my-bookings", "/my-bookings?show=past", "/change-password"):
        face.goto(path)
        check(face)
    face.get_by_role("button", name="Account menu").click()
    check(face)


def test_dashboard_in_its_states(
    face: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host: Host = site.host(title="A conversation with a title that is longer than most of them are")
    sign_in(face, host.email)
    face.goto("/expert-dashboard")
    expect(face.get_by_text("No bookings yet")).to_be_visible()
    check(face)
    for start in site.free_starts(host)[:3]:
        site.book(host, start)
    request = {"title": "Long review", "duration_minutes": 45, "requires_approval": True}
    asked = site.call("POST", "/api/event-types", request, token=host.token)["event_type"]
    asked_host = replace(host, event_type=asked)
    site.book(asked_host, site.free_starts(asked_host)[6], name="Iris Falk")
    face.goto("/expert-dashboard")
    expect(face.get_by_text("1 request waits for you")).to_be_visible()
    check(face)
    face.get_by_label("Monday, until").fill("07:00")
    face.get_by_label("Country").select_option("PT")
    expect(face.get_by_role("checkbox", name=re.compile("25 Apr"))).to_be_visible()
    face.get_by_role("button", name="Explain").click()
    expect(face.locator("[data-why-answer] p").first).to_be_visible()
    check(face)
    for opener in ("Copy Monday's hours to other days", "Share", "Decline Long review, Iris Falk"):
        face.get_by_role("button", name=opener, exact=True).click()
        expect(face.get_by_role("dialog")).to_be_visible()
        check(face)
        face.keyboard.press("Escape")
    face.get_by_label("Monday, until").fill("17:00")
    face.get_by_label("Email of the guest").fill("nobody@example.org")
    face.get_by_role("button", name="Download it").click()
    expect(face.get_by_text("Nothing is kept about nobody@example.org.")).to_be_visible()
    face.once("dialog", lambda question: question.accept())  # unsaved hours
    face.goto("/expert-dashboard")
    face.get_by_role("button", name="Edit page").click()
    check(face)
    face.goto("/my-bookings")
    check(face)
    face.goto(f"/expert-dashboard/{host.event_type['id']}")
    check(face)


@pytest.mark.parametrize("width", [320, 360, 640])
def test_pages_reflow(
    page: Page, site: Site, sign_in: Callable[[Page, str], None], width: int
) -> None:
    """320 px, a small phone, and 1280 px at 200 %."""
    page.set_viewport_size({"width": width, "height": 700})
    host = site.host("Maximiliane Freifrau von Oberwaldstein-Hohenlohe")
    booked = site.book(host, site.free_starts(host)[0])
    sign_in(page, host.email)
    paths = [
        "/",
        "/experts",
        f"/{host.slug}",
        host.type_url,
        urlsplit(booked["manage_url"]).path,
        "/my-bookings",
        "/profile",
        "/expert-dashboard",
        f"/expert-dashboard/{host.event_type['id']}",
    ]
    for path in paths:
        page.goto(path)
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_targets_are_large_enough_on_a_phone(
    page: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    host = site.host()
    site.book(host, site.free_starts(host)[0])
    sign_in(page, host.email)
    for path in ("/", host.type_url, "/my-bookings", "/expert-dashboard"):
        page.goto(path)
        page.wait_for_timeout(300)
        small = page.evaluate(
            """() => [...document.querySelectorAll('button, a.button, select, input:not([type=hidden])')]
                .filter(each => each.checkVisibility() && !each.closest('.visually-hidden'))
                .map(each => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
                .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
        )
        assert not small, (path, small)


def test_busy_calendars_in_their_states(
    face: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host = site.host()
    path = "/api/experts/me/busy-calendars"
    content = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:nonsense\r\nEND:VEVENT\r\nEND:VCALENDAR"
    file = {"name": "Holidays of the whole family, " * 3, "content": content}
    site.call("POST", path, file, token=host.token)
    site.call("POST", path, {"name": "Work", "url": "https://127.0.0.1/x"}, token=host.token)
    sign_in(face, host.email)
    face.goto("/expert-dashboard")
    expect(face.get_by_text("does not lead to a server")).to_be_visible()
    expect(face.get_by_text("could not be understood")).to_be_visible()
    check(face)
    face.get_by_role("button", name="Edit Work").click()
    expect(face.get_by_role("dialog")).to_be_visible()
    check(face)


def test_scheduler_in_its_states(
    face: Page, crew: Crew, sign_in: Callable[[Page, str], None]
) -> None:
    crew.book(
        crew.ada, "10:10", "10:25", "A rehearsal with a rather long title, and then some more of it"
    )
    crew.book(crew.admin, "10:30", "10:33", "Short")
    crew.book(crew.ada, "23:50", "23:58", "Late", recurrence="FREQ=DAILY;COUNT=2")
    sign_in(face, crew.admin.email)
    scheduler = SchedulerPage(face, crew.path())
    check(face)
    scheduler.minute(40).click()
    scheduler.minute(45).hover()
    check(face)
    scheduler.minute(45).click()
    scheduler.save.click()
    expect(face.locator("[data-error-summary]")).to_be_visible()
    face.locator("[data-times-fold] summary").click()
    face.locator("[data-repeat-fold] summary").click()
    scheduler.panel.get_by_label("Repeat", exact=True).select_option("WEEKLY")
    expect(face.locator(".repeat__list")).to_be_visible()
    check(face)
    face.keyboard.press("Escape")
    scheduler.minute(12).click()
    check(face)
    scheduler.act("Move")
    scheduler.minute(50).hover()
    check(face)
    face.keyboard.press("Escape")
    scheduler.act("Delete")
    expect(scheduler.toast).to_be_visible()
    check(face)
    scheduler.minute(0).press("?")
    check(face)
    face.keyboard.press("Escape")
    for tool in ("Copy a day", "Closed times", "Export as CSV"):
        face.get_by_role("button", name=tool).click()
        expect(face.get_by_role("dialog")).to_be_visible()
        check(face)
        face.keyboard.press("Escape")
    for view in ("day", "week"):
        face.goto(crew.path(view=view))
        expect(face.locator(".block").first).to_be_attached()
        check(face)
    forward, back = clock_changes(ZONE)
    for hour, day in (("2", forward), ("2b", back)):
        SchedulerPage(face, crew.path(hour=hour, day=day))
        check(face)
    face.route("**/minutes?*", lambda route: route.abort())
    face.goto(crew.path())
    expect(face.get_by_text("This day could not be loaded.")).to_be_visible()
    check(face)
    for path in (
        f"/scheduler/rooms/{crew.rooms[0]}/sheet?date={crew.day}",
        f"/scheduler/rooms/{crew.rooms[0]}/display",
    ):
        face.goto(path)
        expect(face.get_by_role("heading", level=1)).to_have_text(crew.names[0])
        check(face)
    face.context.clear_cookies()
    sign_in(face, crew.site.register()["email"])
    face.goto("/scheduler")
    expect(face.get_by_text("The scheduler is for staff")).to_be_visible()
    check(face)
