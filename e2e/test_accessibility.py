"""WCAG 2.2 AA on every page and in every state, both appearances, wide and on a phone.

What a page looks like does not depend on the database: SQLite alone (see conftest.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from e2e.booker import Booker
from e2e.scheduling import ZONE, Crew, SchedulerPage, backstage, clock_changes, crew
from e2e.site import Host, Site

__all__ = ["backstage", "crew"]  # fixtures

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
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


def check(page: Page) -> None:
    """No violation, and nothing wider than the window."""
    page.wait_for_timeout(50)
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert not found, [
        (rule["id"], node["html"], node["failureSummary"])
        for rule in found
        for node in rule["nodes"]
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


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
    booker = Booker(face, host)
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
        booker.submit.click()
    expect(face.get_by_role("alert").filter(has_text="Someone booked")).to_be_visible()
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
    face.get_by_role("button", name="Cancel booking").click()
    check(face)
    face.get_by_role("dialog").get_by_role("button", name="Cancel booking").click()
    expect(face.get_by_role("link", name="Book another time")).to_be_visible()
    check(face)
    face.goto(f"{path}/reschedule")
    expect(face.get_by_role("heading", level=1)).to_have_text("This is over")
    check(face)


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
    face.goto("/expert-dashboard")
    check(face)
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
