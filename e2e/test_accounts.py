"""From registering to being booked; and the first admin's way in."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from e2e.booker import Booker
from e2e.site import PASSWORD, Site


def test_newcomer_becomes_an_expert_and_is_booked_live(
    page: Page, another_page: Callable[[], Page], site: Site
) -> None:
    page.goto("/register")
    email = f"vera.{site.register()['email']}"
    page.get_by_label("Name").fill("Vera Lang")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()

    expect(page).to_have_url(re.compile("/profile"))
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
    page.get_by_label("What do you offer?").fill("Sound design for small films")
    page.get_by_role("button", name="Become an expert").click()

    expect(page).to_have_url(re.compile("/expert-dashboard"))
    page.get_by_label("Title").fill("First listening")
    page.get_by_label("Minutes").fill("45")
    page.get_by_role("button", name="Create event type").click()
    copy = page.get_by_role("button", name="Copy link First listening")
    expect(copy).to_be_focused()
    link = copy.get_attribute("data-copy")
    assert link
    expect(page.get_by_text("No bookings yet")).to_be_visible()

    visitor = Booker(another_page(), path=urlsplit(link).path)
    visitor.choose()
    visitor.fill("Iris Falk", "iris@example.org")
    visitor.submit.click()
    expect(visitor.page.get_by_text("Booked", exact=True)).to_be_visible()

    upcoming = page.get_by_role("region", name="Coming up")
    expect(upcoming.get_by_text("First listening")).to_be_visible()
    expect(upcoming.get_by_text("Iris Falk")).to_be_visible()

    page.get_by_role("link", name="My bookings").first.click()
    expect(page.get_by_role("link", name=".ics First listening")).to_be_visible()
    expect(page.get_by_role("link", name="Join First listening")).to_be_visible()
    page.get_by_role("button", name="Cancel First listening").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel booking").click()
    expect(page.get_by_text("Nothing is coming up.")).to_be_visible()
    page.get_by_role("link", name="Cancelled", exact=True).click()
    expect(page.get_by_text("First listening")).to_be_visible()


def test_event_type_is_edited_deactivated_with_undo_and_deleted(
    page: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host = site.host(title="Draft reading")
    sign_in(page, host.email)
    page.goto("/expert-dashboard")
    page.get_by_role("link", name="Edit Draft reading").click()
    page.get_by_label("Length in minutes").fill("50")
    page.get_by_label("Place").select_option("link")
    page.get_by_label("Address, number or link").fill("not a link")
    page.get_by_role("button", name="Save event type").click()
    expect(page.locator("[data-error-summary]")).to_contain_text("https://")
    page.get_by_label("Address, number or link").fill("https://talk.example.org/room")
    page.get_by_role("button", name="Save event type").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_text("50 min")).to_be_visible()

    more = page.get_by_label("More for Draft reading")
    more.click()
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("Not bookable").first).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".type--off")).to_have_count(0)

    more.click()
    page.locator(".more[open]").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing to book yet.")).to_be_visible()


def test_hours_are_saved_and_shape_what_is_offered(
    page: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host = site.host()
    sign_in(page, host.email)
    page.goto("/expert-dashboard")
    page.get_by_label("Monday, from").fill("10:00")
    page.get_by_role("button", name="Copy Monday's hours to other days").click()
    page.get_by_role("dialog").get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Save hours").click()
    expect(page.get_by_text("Hours saved.")).to_be_visible()
    starts = site.free_starts(host)
    assert starts
    assert min(start[11:16] for start in starts) == "10:00"

    page.get_by_label("Monday, until").fill("09:00")
    page.get_by_role("button", name="Save hours").click()
    expect(page.get_by_label("Monday, until")).to_be_focused()
    expect(page.get_by_text("the end must come after the start")).to_be_visible()


def test_profile_is_changed(page: Page, site: Site, sign_in: Callable[[Page, str], None]) -> None:
    account = site.register("Lena Hart")
    sign_in(page, account["email"])
    page.goto("/profile")
    page.get_by_label("Name").fill("Lena Maria Hart")
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    me = site.call("GET", "/api/auth/me", token=account["token"])["user"]
    assert (me["name"], me["time_zone"]) == ("Lena Maria Hart", "America/New_York")


def test_register_keeps_what_was_typed_when_refused(page: Page, site: Site) -> None:
    taken = site.register()["email"]
    page.goto("/register")
    page.get_by_label("Name").fill("Vera Lang")
    page.get_by_label("Email").fill(taken)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_label("Name")).to_have_value("Vera Lang")
    expect(page.locator("#field-password-error")).to_contain_text("12")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.locator("#field-email-error")).to_contain_text("There is an account")


def test_first_admin_must_change_the_password(
    page: Page, site: Site, sign_in: Callable[[Page, str, str], None]
) -> None:
    sign_in(page, site.admin_email, site.admin_password)
    for path in ("/profile", "/my-bookings", "/backoffice/"):
        page.goto(path)
        expect(page).to_have_url(re.compile(r"/change-password(\?|$)"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a new password")

    page.get_by_label("Current password").fill("wrong")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#field-current_password-error")).to_contain_text("not your current")

    page.get_by_label("Current password").fill(site.admin_password)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    expect(page).to_have_url(re.compile("/backoffice/$"))  # where they were going
    site.admin_password = PASSWORD
    page.goto("/my-bookings")
    expect(page.get_by_role("heading", level=1)).to_have_text("My bookings")


def test_sign_out_ends_it(page: Page, site: Site, sign_in: Callable[[Page, str], None]) -> None:
    sign_in(page, site.register()["email"])
    page.get_by_role("button", name="Account menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.goto("/my-bookings")
    expect(page).to_have_url(re.compile("/login/"))


def test_appearance_is_remembered(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Appearance").select_option("dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.goto("/experts")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_what_is_done_before_the_scripts_run_is_not_lost(
    page: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host = site.host()
    sign_in(page, host.email)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/js/account/dashboard.js", hold)
    page.goto("/expert-dashboard", wait_until="commit")
    page.get_by_label("Title").fill("Typed early")
    page.get_by_role("button", name="Create event type").click()
    expect(page).to_have_url(re.compile("/expert-dashboard$"))
    [script] = held
    script.continue_()
    expect(page.get_by_role("button", name="Copy link Typed early")).to_be_visible()
