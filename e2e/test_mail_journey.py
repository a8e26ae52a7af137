"""A booking's life by mail alone: its links, as a real SMTP server received them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from e2e.axe import check
from e2e.booker import Booker
from e2e.inbox import Inbox, body_of, invitation_of
from e2e.site import Site

MANAGE = r"http://\S+/b/[\w-]{40,}(?![\w./-])"
DECIDE = r"http://\S+/b/\S+/decide"


@pytest.fixture
def browser_of(mailing: tuple[Site, Inbox], browser: Browser) -> Iterator[Callable[[], Page]]:
    """Browsers of people on this site, in Lisbon."""
    contexts: list[BrowserContext] = []

    def opened() -> Page:
        context = browser.new_context(
            base_url=mailing[0].url, locale="en-GB", timezone_id="Europe/Lisbon"
        )
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


def test_booked_by_keyboard_then_moved_and_cancelled_by_the_links_in_the_mail(
    mailing: tuple[Site, Inbox],
    browser_of: Callable[[], Page],
    sign_in: Callable[[Page, str], None],
) -> None:
    site, inbox = mailing
    host = site.host(title="Reading")
    desk = browser_of()
    sign_in(desk, host.email)
    desk.goto("/expert-dashboard")
    upcoming = desk.get_by_role("region", name="Coming up")
    expect(upcoming.get_by_text("No bookings yet")).to_be_visible()

    # Nothing but the keyboard, from the expert's page to the confirmation.
    page = browser_of()
    page.goto(f"/{host.slug}")
    tab_to(page, "a.offer")
    page.keyboard.press("Enter")
    booker = Booker(page)
    tab_to(page, "[role=grid] button[tabindex='0']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    page.locator("[role=grid] [tabindex='0']:not([aria-disabled])").wait_for()
    page.keyboard.press("Enter")
    tab_to(page, "[data-times-list] .time")
    start = page.evaluate("document.activeElement.dataset.start")
    page.keyboard.press("Enter")
    tab_to(page, "#field-name")
    page.keyboard.type("Iris Falk")
    page.keyboard.press("Tab")
    page.keyboard.type("iris@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    expect(upcoming.get_by_text("Iris Falk")).to_be_visible()  # without a reload
    first = inbox.mail("iris@example.org", 1)
    invited = invitation_of(first)
    assert "METHOD:REQUEST" in invited
    assert f"DTSTART:{datetime.fromisoformat(start).astimezone(UTC):%Y%m%dT%H%M}" in invited

    # Moved by the link of the first mail, which another browser opens.
    phone = browser_of()
    phone.goto(inbox.link("iris@example.org", 1, MANAGE))
    phone.get_by_role("link", name="Reschedule").click()
    booker = Booker(phone)
    expect(phone.locator(".booker__former s")).to_be_visible()
    moved = booker.choose(day=1, time=2)
    phone.get_by_label("Why do you move it?").fill("A dentist.")
    booker.submit.click()
    expect(phone.get_by_text("Moved", exact=True)).to_be_visible()
    moved_mail = inbox.mail("iris@example.org", 2)
    assert "A dentist." not in body_of(moved_mail)
    assert "A dentist." in body_of(inbox.mail(host.email, 2))
    assert "SEQUENCE:1" in invitation_of(moved_mail)
    assert uid_of(invitation_of(moved_mail)) == uid_of(invited)
    local = datetime.fromisoformat(moved).astimezone(ZoneInfo("Europe/Berlin"))
    expect(upcoming.get_by_text(re.compile(f"^{local:%H:%M}"))).to_be_visible()
    # The page that was open all the while follows.
    expect(page.locator(".confirmation__when")).to_contain_text(
        f"{datetime.fromisoformat(moved).astimezone(ZoneInfo('Europe/Lisbon')):%H:%M}"
    )

    # Cancelled by the link of the second mail, taken back, and cancelled for good.
    phone.goto(inbox.link("iris@example.org", 2, MANAGE))
    cancel(phone, "The train does not run.")
    expect(upcoming.get_by_text("No bookings yet")).to_be_visible()
    # By its words: that it was moved may be told only on this page, with an Undo of its own.
    phone.locator(".toast", has_text="Cancelled.").get_by_role("button", name="Undo").click()
    expect(phone.get_by_text("Booked", exact=True)).to_be_visible()
    expect(upcoming.get_by_text("Iris Falk")).to_be_visible()
    cancel(phone, "It really does not.")
    last = [message for to, message in inbox.mails if to == host.email]
    assert "It really does not." in body_of(inbox.mail(host.email, max(len(last), 5)))
    expect(upcoming.get_by_text("No bookings yet")).to_be_visible()
    assert site.bookings_of(host) == []


def test_request_is_answered_from_the_hosts_mail_and_its_page_follows(
    mailing: tuple[Site, Inbox], browser_of: Callable[[], Page]
) -> None:
    site, inbox = mailing
    host = site.host("Ada Quill", title="Long review", requires_approval=True)
    guest = browser_of()
    booker = Booker(guest, host)
    start = booker.choose(day=1, time=1)
    expect(booker.submit).to_have_text(f"Request {datetime.fromisoformat(start):%H:%M}")
    booker.fill("Iris Falk", "iris.asks@example.org")
    booker.submit.click()
    expect(guest.get_by_role("heading", level=1)).to_have_text("Waiting for Ada Quill to accept")

    # Nobody else gets the time meanwhile.
    other = Booker(browser_of(), host)
    other.days.nth(1).click()
    expect(other.time(start)).to_have_count(0)

    host_page = browser_of()
    host_page.goto(inbox.link(host.email, 1, DECIDE))
    expect(host_page.get_by_role("heading", level=1)).to_have_text(
        "Iris Falk asks for: Long review"
    )
    expect(guest.get_by_text("Requested", exact=True)).to_be_visible()  # a look is no answer
    check(host_page)
    host_page.get_by_role("button", name="Accept").click()
    expect(host_page.get_by_text("Accepted", exact=True)).to_be_visible()
    expect(guest.get_by_text("Booked", exact=True)).to_be_visible()
    assert "METHOD:REQUEST" in invitation_of(inbox.mail("iris.asks@example.org", 2))

    # The next one is declined, with a word.
    booker = Booker(guest, host)
    booker.choose(day=2, time=0)
    booker.fill("Iris Falk", "iris.asks@example.org")
    booker.submit.click()
    expect(guest.get_by_text("Requested", exact=True)).to_be_visible()
    links = [
        re.search(DECIDE, body_of(message))
        for to, message in wait_for(inbox, host.email, 3)
        if to == host.email
    ]
    newest = [found[0] for found in links if found][-1]
    host_page.set_viewport_size({"width": 360, "height": 740})
    host_page.emulate_media(color_scheme="dark")
    host_page.goto(newest)
    check(host_page)
    host_page.get_by_label("A word to Iris Falk").fill("I am away then.")
    host_page.get_by_role("button", name="Decline").click()
    expect(host_page.get_by_text("Declined", exact=True)).to_be_visible()
    check(host_page)
    expect(guest.get_by_text("Declined", exact=True)).to_be_visible()
    expect(guest.get_by_text("I am away then.")).to_be_visible()
    assert len(site.bookings_of(host)) == 1


def cancel(page: Page, reason: str) -> None:
    page.get_by_role("button", name="Cancel booking").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Cancel booking").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()


def wait_for(inbox: Inbox, address: str, number: int) -> list[tuple[str, EmailMessage]]:
    """All mails, once so many reached the address."""
    inbox.mail(address, number)
    return list(inbox.mails)


def uid_of(invitation: str) -> str:
    found = re.search(r"^UID:(\S+)", invitation, re.MULTILINE)
    assert found
    return found[1]


def tab_to(page: Page, selector: str) -> None:
    """By Tab alone to what the selector names."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"No way by Tab to {selector}")
