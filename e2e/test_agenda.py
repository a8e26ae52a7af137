"""The agenda on a phone: booking, replacing, filtering, live, offline, and without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from app import create_app
from e2e.axe import check
from e2e.gathering import LIGHTNING, AgendaPage, Gather, Gathering, gather
from e2e.site import PASSWORD, Site
from tests.conftest import settings_for

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
WIDE = {"viewport": {"width": 1280, "height": 900}, "has_touch": False}

SignIn = Callable[[Page, str], None]


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, **PHONE}


@pytest.fixture(scope="session")
def office(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application beside the server, for what organisers do."""
    return create_app(settings_for(site.database_url, tmp_path_factory.mktemp("office")))


@pytest.fixture
def gathered(site: Site, office: Flask) -> Gather:
    return lambda **how: gather(office, site, **how)


@pytest.fixture
def gathering(gathered: Gather) -> Gathering:
    return gathered()


@pytest.fixture
def attendee(page: Page, site: Site, sign_in: SignIn) -> dict[str, Any]:
    """The one whose phone `page` is."""
    person = site.register("Iris Falk")
    sign_in(page, person["email"])
    return person


@pytest.fixture
def phone_of(
    new_context: Callable[..., BrowserContext], sign_in: SignIn
) -> Callable[[dict[str, Any]], Page]:
    """The phone of somebody else, signed in."""

    def phone(person: dict[str, Any]) -> Page:
        page = new_context().new_page()
        sign_in(page, person["email"])
        return page

    return phone


def mailed_code(site: Site, email: str) -> str:
    """The newest code in the outbox, as the mail would say it."""
    with site.engine.connect() as connection:
        context = (
            connection.execute(
                text("SELECT context FROM outbox_message WHERE recipient = :to ORDER BY id DESC"),
                {"to": email},
            )
            .scalars()
            .first()
        )
    code: str = (json.loads(context) if isinstance(context, str) else context)["secret"]
    return code


def test_from_scan_to_seat_in_four_taps_and_two_fields(
    page: Page, site: Site, gathered: Gather
) -> None:
    gathering = gathered(public=False)
    email = f"scanner-{gathering.slug}@example.org"
    page.goto(gathering.qr)
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Send me a code").tap()
    field = page.get_by_label("Code from the mail")
    expect(field).to_be_focused()
    page.wait_for_load_state()
    field.press_sequentially(mailed_code(site, email))  # the sixth digit sends it
    expect(page).to_have_url(re.compile(gathering.path))
    agenda = AgendaPage(page, gathering)
    agenda.button("Opening workshop").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")

    # What overlaps is asked about, and undone, with this sign-in as well.
    agenda.button("Hands on clocks").tap()
    page.get_by_role("dialog").get_by_role("button", name="Replace").tap()
    expect(agenda.toast).to_contain_text("Replaced.")
    page.get_by_role("button", name="Undo").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")

    # It leads to this event and to nothing of an account.
    page.get_by_role("button", name="Account menu").tap()
    menu = page.locator("#account-menu")
    expect(menu.get_by_role("link")).to_have_text(["Agenda", "My schedule"])
    menu.get_by_role("link", name="My schedule").tap()
    expect(page.get_by_role("link", name="Opening workshop", exact=True)).to_be_visible()
    other = gathered(public=False)
    page.goto(other.path)
    expect(page.get_by_text("You are signed in to another event.")).to_be_visible()


# -- booking -------------------------------------------------------------------------


def test_a_seat_is_booked_and_given_back_with_undo(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    agenda = AgendaPage(page, gathering)
    expect(agenda.seats("Opening workshop")).to_have_text("4 left")
    agenda.button("Opening workshop").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")
    expect(agenda.button("Opening workshop")).to_have_text(re.compile("^Cancel"))
    assert gathering.session_of("Opening workshop", attendee)["booked"]

    page.get_by_role("button", name="Undo").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("4 left")
    assert not gathering.session_of("Opening workshop", attendee)["booked"]

    agenda.button("Opening workshop").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")
    agenda.button("Opening workshop").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("4 left")
    expect(agenda.toast).to_contain_text("Cancelled")
    expect(page.locator(".toast")).to_have_count(1)
    page.get_by_role("button", name="Undo").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")


def test_an_overlap_asks_and_keeping_is_the_safe_way(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    gathering.seat("Opening workshop", attendee)
    agenda = AgendaPage(page, gathering)
    agenda.button("Hands on clocks").tap()
    dialog = page.get_by_role("dialog", name="Replace “Opening workshop”?")
    expect(dialog).to_contain_text("You give up")
    expect(dialog).to_contain_text("10:00")
    expect(dialog).to_contain_text("Hall 10")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")
    assert not gathering.session_of("Hands on clocks", attendee)["booked"]


def test_replace_swaps_both_and_undo_swaps_back(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    gathering.seat("Opening workshop", attendee)
    agenda = AgendaPage(page, gathering)
    agenda.button("Hands on clocks").tap()
    page.get_by_role("dialog").get_by_role("button", name="Replace").tap()
    expect(agenda.seats("Hands on clocks")).to_have_text("Booked")
    expect(agenda.seats("Opening workshop")).to_have_text("4 left")

    page.get_by_role("button", name="Undo").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")
    expect(agenda.seats("Hands on clocks")).to_have_text("2 left")
    assert gathering.session_of("Opening workshop", attendee)["booked"]


def test_replace_by_a_session_that_filled_keeps_what_there_was(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    gathering.seat("Opening workshop", attendee)
    agenda = AgendaPage(page, gathering)
    agenda.button("Hands on clocks").tap()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("You give up")
    gathering.fill("Hands on clocks")
    dialog.get_by_role("button", name="Replace").tap()
    full = page.get_by_role("dialog", name="“Hands on clocks” is full")
    expect(full).to_contain_text("“Opening workshop” still stands")
    expect(full).to_contain_text("It runs again")
    assert gathering.session_of("Opening workshop", attendee)["booked"]

    full.get_by_role("button", name=re.compile("^Book ")).tap()
    expect(agenda.toast).to_contain_text("Booked")
    page.get_by_role("link", name=re.compile(r"\d")).nth(1).tap()
    expect(page.locator(f"#session-{gathering.later} [data-places]")).to_have_text("Booked")


def test_undo_says_when_the_seat_is_gone(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    gathering.seat("The last seat", attendee)
    agenda = AgendaPage(page, gathering)
    agenda.button("The last seat").tap()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    gathering.fill("The last seat")
    undo.tap()
    expect(agenda.toast).to_contain_text("Somebody else has that seat already.")
    expect(agenda.seats("The last seat")).to_have_text("Full · waitlist")


def test_two_phones_and_the_last_seat(
    page: Page,
    site: Site,
    gathering: Gathering,
    attendee: dict[str, Any],
    phone_of: Callable[[dict[str, Any]], Page],
) -> None:
    other_phone = phone_of(site.register())
    # Without live messages it goes on believing in the seat.
    other_phone.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    mine, theirs = AgendaPage(page, gathering), AgendaPage(other_phone, gathering)
    for agenda in (mine, theirs):
        agenda.settled()
        expect(agenda.seats("The last seat")).to_contain_text("1 left")
    mine.button("The last seat").tap()
    expect(mine.seats("The last seat")).to_have_text("Booked")
    theirs.button("The last seat").tap()
    expect(theirs.page.get_by_role("dialog")).to_contain_text("is full")
    theirs.page.keyboard.press("Escape")
    expect(theirs.seats("The last seat")).to_have_text("Full · waitlist")


def test_counters_move_in_the_other_browser(
    page: Page, gathering: Gathering, attendee: dict[str, Any], site: Site
) -> None:
    agenda = AgendaPage(page, gathering).settled()
    page.wait_for_timeout(500)  # the socket is open
    gathering.seat("Opening workshop", site.register())
    expect(agenda.seats("Opening workshop")).to_have_text("3 left")
    for _ in range(2):
        gathering.seat("Opening workshop", site.register())
    expect(agenda.seats("Opening workshop")).to_have_text("Filling · 1 left")
    gathering.seat("Closing", attendee)
    page.locator(f'[data-day="{gathering.days[1]}"]').tap()
    expect(agenda.seats("Closing")).to_have_text("Booked")


def test_with_the_socket_blocked_it_polls_and_says_so(
    page: Page, gathering: Gathering, attendee: dict[str, Any], site: Site
) -> None:
    page.clock.install()
    page.add_init_script(
        "window.WebSocket = class { constructor() { setTimeout(() => this.onerror?.({})); } close() {} };"
    )
    agenda = AgendaPage(page, gathering)
    page.clock.run_for(1_000)
    agenda.settled()
    page.clock.run_for(6_000)
    expect(page.locator("[data-connection]")).to_contain_text("Reconnecting. Updated")
    gathering.seat("Opening workshop", site.register())
    page.clock.run_for(31_000)
    expect(agenda.seats("Opening workshop")).to_have_text("3 left")


# -- the waitlist --------------------------------------------------------------------


def test_the_waitlist_gives_a_freed_seat_live(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    [holder] = gathering.fill("The last seat")
    agenda = AgendaPage(page, gathering).settled()
    expect(agenda.seats("The last seat")).to_have_text("Full · waitlist")
    agenda.button("The last seat").tap()
    expect(agenda.seats("The last seat")).to_have_text("On the waitlist")
    expect(agenda.toast).to_contain_text("first on the waitlist")
    page.wait_for_timeout(300)
    gathering.give_up("The last seat", holder)
    expect(agenda.seats("The last seat")).to_have_text("Booked")


def test_an_offer_keeps_what_there_is_until_it_is_taken(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    [holder] = gathering.fill("The last seat")
    gathering.seat("Full house", attendee)
    site = gathering.site
    path = f"/api/sessions/{gathering.ids['The last seat']}/waitlist"
    site.call("POST", path, {}, token=attendee["token"])
    gathering.give_up("The last seat", holder)
    agenda = AgendaPage(page, gathering)
    offer = page.locator(".offer")
    expect(offer).to_contain_text("A seat in “The last seat” is held for you until")
    expect(agenda.seats("Full house")).to_have_text("Booked")
    offer.get_by_role("button", name="Take the seat").tap()
    page.get_by_role("dialog").get_by_role("button", name="Replace").tap()
    expect(agenda.seats("The last seat")).to_have_text("Booked")
    expect(offer).to_have_count(0)


# -- finding -------------------------------------------------------------------------


def test_days_filters_and_words_stand_in_the_address(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    agenda = AgendaPage(page, gathering).settled()
    page.locator(f'[data-day="{gathering.days[1]}"]').tap()
    expect(page).to_have_url(re.compile(f"#{gathering.days[1]}$"))
    expect(agenda.row("Closing")).to_be_visible()
    page.go_back()
    expect(agenda.row("Opening workshop")).to_be_visible()

    page.get_by_role("searchbox").fill("okoro CLOCKS")
    expect(page.locator("[data-id]")).to_have_count(1)
    expect(page.locator("[data-count]").nth(1)).to_contain_text("1")
    page.get_by_role("searchbox").fill("")
    expect(page.locator("[data-id]")).to_have_count(6)

    page.get_by_role("button", name="Filters", exact=True).tap()
    page.get_by_label("Words", exact=True).check()
    page.locator("[data-show]").tap()
    expect(page.locator("[data-id]")).to_have_count(3)
    assert parse_qs(urlsplit(page.url).query) == {"track": ["Words"]}
    page.reload()
    expect(page.locator("[data-id]")).to_have_count(3)

    page.get_by_role("link", name="Mine").tap()
    expect(page.get_by_text("Nothing on this day matches.")).to_be_visible()
    page.get_by_role("button", name="Clear filters").tap()
    expect(page.locator("[data-id]")).to_have_count(6)

    gathering.fill("Full house")
    expect(agenda.seats("Full house")).to_have_text("Full · waitlist")
    page.get_by_role("link", name="Has seats").tap()
    expect(agenda.row("Full house")).to_be_hidden()
    expect(agenda.row("Lunch talk")).to_be_visible()


def test_details_have_an_address(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    agenda = AgendaPage(page, gathering).settled()
    agenda.row("Opening workshop").get_by_role("link").tap()
    dialog = page.get_by_role("dialog", name="Opening workshop")
    expect(dialog).to_contain_text("About opening workshop.")
    expect(dialog).to_contain_text("4 seats")
    expect(dialog).to_contain_text("where you are")  # the visitor is an hour behind
    assert f"session={gathering.ids['Opening workshop']}" in page.url
    dialog.get_by_role("button", name="Book").tap()
    expect(dialog.locator("[data-places]")).to_have_text("Booked")
    page.go_back()
    expect(dialog).to_be_hidden()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")

    page.goto(f"{gathering.path}?session={gathering.later}")
    expect(page.get_by_role("dialog", name="Hands on clocks")).to_be_visible()
    page.keyboard.press("Escape")
    expect(agenda.row("Closing")).to_be_visible()  # of that day
    expect(page).to_have_url(re.compile(f"{gathering.path}#{gathering.days[1]}$"))


def test_times_are_shown_in_the_visitors_zone_on_request(page: Page, gathering: Gathering) -> None:
    agenda = AgendaPage(page, gathering).settled()
    expect(agenda.row("Opening workshop")).to_contain_text("10:00")
    expect(page.get_by_text("Times in Berlin")).to_be_visible()
    page.get_by_role("button", name="Show in your zone (Lisbon)").tap()
    expect(agenda.row("Opening workshop")).to_contain_text("09:00")


def test_now_is_marked_and_can_be_jumped_to(page: Page, gathered: Gather) -> None:
    gathering = gathered(starts_in=timedelta(minutes=-40))
    agenda = AgendaPage(page, gathering)
    expect(agenda.row("Opening workshop")).to_have_class(re.compile("session--now"))
    expect(page.locator("#now")).to_have_count(1)
    page.locator(".days [data-day]").last.tap()
    expect(page.locator("#now")).to_have_count(0)
    page.get_by_role("link", name="Now").tap()
    expect(page.locator("#now")).to_be_in_viewport()


def test_rows_look_alike_from_server_and_script(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    gathering.seat("Opening workshop", attendee)
    gathering.fill("The last seat")
    page.goto(f"{gathering.path}?view=time")
    markup = """() => {
      const copy = document.querySelector("[data-sessions]").cloneNode(true);
      const walk = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
      const blank = [];
      while (walk.nextNode()) if (!walk.currentNode.data.trim()) blank.push(walk.currentNode);
      blank.forEach((each) => each.remove());
      copy.querySelectorAll("[focusable]").forEach((each) => each.removeAttribute("focusable"));
      return copy.innerHTML;
    }"""
    plain = page.context.browser
    assert plain
    context = plain.new_context(
        base_url=gathering.site.url,
        java_script_enabled=True,
        storage_state=page.context.storage_state(),
        **PHONE,  # type: ignore[arg-type]
    )
    silent = context.new_page()
    silent.route(
        "**/agenda.js", lambda route: route.fulfill(body="", content_type="text/javascript")
    )
    silent.goto(f"{gathering.path}?view=time")
    server = silent.evaluate(markup)
    context.close()
    AgendaPage(page, gathering, "?view=time").settled()
    assert page.evaluate(markup) == server


# -- one's own schedule ----------------------------------------------------------------


def test_my_schedule_shows_gaps_rooms_and_queues(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    gathering.seat("Hands on clocks", attendee)
    gathering.seat("Full house", attendee)
    gathering.fill("The last seat")
    path = f"/api/sessions/{gathering.ids['The last seat']}/waitlist"
    gathering.site.call("POST", path, {}, token=attendee["token"])
    page.goto(f"{gathering.path}/mine")
    expect(page.get_by_text("2 h 30 min until next", exact=True)).to_be_visible()
    expect(page.get_by_text("You are next")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=".ics Full house").tap()
    assert "Full house" in Path(download.value.path()).read_text()
    page.get_by_role("button", name="Cancel Full house").tap()
    expect(page.get_by_role("link", name="Full house")).to_have_count(0)
    page.get_by_role("button", name="Undo").tap()
    expect(page.get_by_role("link", name="Full house", exact=True)).to_be_visible()
    page.get_by_role("button", name="Leave The last seat").tap()
    expect(page.get_by_text("You are next")).to_have_count(0)

    # The same in one's own calendar program, until it is ended.
    page.get_by_role("button", name="Make a calendar link").tap()
    link = page.get_by_label("Link to your calendar")
    expect(page.locator("#calendar-feed")).to_be_focused()
    url = link.input_value()
    webcal = page.get_by_role("link", name="Open in my calendar").get_attribute("href")
    assert webcal == url.replace("http:", "webcal:")
    with urlopen(url, timeout=20) as answer:  # noqa: S310 (our own server)
        assert b"SUMMARY:Full house" in answer.read()
    page.reload()
    expect(page.get_by_text("A calendar link has been in use since")).to_be_visible()
    expect(link).to_have_count(0)
    page.get_by_role("button", name="Stop sharing").tap()
    expect(page.get_by_role("button", name="Make a calendar link")).to_be_visible()
    with pytest.raises(HTTPError, match="404"):
        urlopen(url, timeout=20)  # noqa: S310


# -- offline -----------------------------------------------------------------------------


MISSING = """async (paths) => {
  const stored = async (name) => (await (await caches.open(name)).keys()).map((each) => each.url);
  const own = (await stored("rendezvous-private")).map((url) => new URL(url).pathname);
  const shared = await stored("rendezvous-shared");
  const loaded = performance.getEntriesByType("resource").map((each) => each.name);
  const parts = loaded.filter((url) => /^\\/static\\/(css|js)\\//.test(new URL(url).pathname));
  parts.push(new URL("/static/js/agenda/mine.js", location).href);  // the other page's
  return [...paths.filter((path) => !own.includes(path)), ...parts.filter((url) => !shared.includes(url))];
}"""


def wait_until_kept(page: Page, gathering: Gathering) -> None:
    """Until the first visit's pages, and the files that they are made of, are in the caches."""
    wanted = [gathering.path, f"{gathering.path}/mine", f"/api/events/{gathering.slug}/agenda"]
    for _ in range(150):
        missing = page.evaluate(MISSING, wanted)
        if not missing:
            return
        page.wait_for_timeout(100)
    raise AssertionError(missing)


def test_what_was_read_is_readable_offline_and_gone_after_signing_out(
    site: Site, gathering: Gathering, phone_of: Callable[[dict[str, Any]], Page]
) -> None:
    attendee = site.register()
    page = phone_of(attendee)
    gathering.seat("Opening workshop", attendee)
    agenda = AgendaPage(page, gathering).settled()
    wait_until_kept(page, gathering)
    page.context.set_offline(True)
    page.reload()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")
    expect(page.locator("[data-connection]")).to_contain_text(
        "You are offline. This is the agenda as of"
    )
    page.locator(f'[data-day="{gathering.days[1]}"]').tap()
    expect(agenda.row("Closing")).to_be_visible()
    expect(agenda.button("Closing")).to_have_attribute("aria-disabled", "true")
    agenda.button("Closing").tap(force=True)
    expect(agenda.toast).to_contain_text("Booking needs a connection.")
    page.goto(f"{gathering.path}/mine")
    expect(page.get_by_role("link", name="Opening workshop", exact=True)).to_be_visible()
    expect(page.locator("[data-connection]")).to_contain_text("You are offline.")

    page.context.set_offline(False)
    page.goto(gathering.path)
    page.get_by_role("button", name="Account menu").tap()
    page.get_by_role("button", name="Sign out").tap()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    assert page.evaluate("caches.has('rendezvous-private')") is False


def test_another_reader_of_the_same_phone_finds_nothing(
    site: Site, gathering: Gathering, phone_of: Callable[[dict[str, Any]], Page], sign_in: SignIn
) -> None:
    attendee = site.register()
    page = phone_of(attendee)
    gathering.seat("Opening workshop", attendee)
    AgendaPage(page, gathering).settled()
    wait_until_kept(page, gathering)
    page.context.clear_cookies()  # the sign-in ran out; nobody signed out
    sign_in(page, site.register()["email"])
    agenda = AgendaPage(page, gathering).settled()
    page.wait_for_timeout(1_000)
    page.context.set_offline(True)
    page.goto(f"{gathering.path}/mine")
    expect(page.get_by_text("Opening workshop")).to_have_count(0)
    page.goto(gathering.path)
    expect(agenda.seats("Opening workshop")).to_have_text("3 left")
    page.goto("/agenda/never-opened")
    expect(page.get_by_role("heading")).to_have_text("You are offline")
    page.context.set_offline(False)


def test_a_page_from_right_to_left_is_so_offline_too(
    gathering: Gathering, site: Site, phone_of: Callable[[dict[str, Any]], Page]
) -> None:
    page = phone_of(site.register())
    page.context.add_cookies([{"name": "language", "value": "he", "url": site.url}])
    page.goto(gathering.path)
    row = page.locator(".session").filter(has=page.locator("button.act")).first
    title, act = (row.locator(each).bounding_box() for each in (".session__title", ".act"))
    assert title
    assert act
    assert act["x"] + act["width"] <= title["x"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    wait_until_kept(page, gathering)
    page.context.set_offline(True)
    page.goto("/agenda/never-opened")
    expect(page.locator("html[lang=he][dir=rtl] h1")).to_be_visible()
    page.context.set_offline(False)


# -- without scripts -------------------------------------------------------------------


@pytest.fixture
def plain_page(
    browser: Browser, browser_context_args: dict[str, Any], site: Site
) -> Iterator[tuple[Page, dict[str, Any]]]:
    """A signed-in phone that runs no scripts."""
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    page = context.new_page()
    person = site.register()
    page.goto("/login/")
    page.get_by_label("Email or user name").fill(person["email"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    yield page, person
    context.close()


def test_without_scripts_it_is_read_and_booked(
    plain_page: tuple[Page, dict[str, Any]], gathering: Gathering
) -> None:
    page, person = plain_page
    agenda = AgendaPage(page, gathering)
    agenda.button("Opening workshop").tap()
    expect(page.get_by_text("Booked.")).to_be_visible()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")

    agenda.button("Hands on clocks").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replace “Opening workshop”?")
    page.get_by_role("link", name="Keep").tap()
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")
    agenda.button("Hands on clocks").tap()
    page.get_by_role("button", name="Replace").tap()
    expect(agenda.seats("Hands on clocks")).to_have_text("Booked")
    expect(agenda.seats("Opening workshop")).to_have_text("4 left")
    agenda.button("Hands on clocks").tap()
    expect(agenda.seats("Hands on clocks")).to_have_text("2 left")

    page.get_by_role("link", name=re.compile(r"\d")).nth(1).tap()
    expect(agenda.row("Closing")).to_be_visible()
    agenda.row("Closing").get_by_role("link").tap()
    expect(page.get_by_role("dialog")).to_contain_text("About closing.")
    page.get_by_role("dialog").get_by_role("button", name="Book").tap()
    expect(agenda.seats("Closing").last).to_have_text("Booked")
    page.get_by_role("searchbox").fill("okoro")
    page.get_by_role("button", name="Search").tap()
    expect(page.locator("li[data-id]")).to_have_count(1)
    assert gathering.session_of("Closing", person)["booked"]


def test_without_scripts_a_full_session_offers_the_waitlist(
    plain_page: tuple[Page, dict[str, Any]], gathering: Gathering
) -> None:
    page, _ = plain_page
    agenda = AgendaPage(page, gathering)
    gathering.fill("The last seat")
    agenda.button("The last seat").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("“The last seat” is full")
    page.get_by_role("button", name="Join the waitlist").tap()
    expect(agenda.seats("The last seat")).to_have_text("On the waitlist")


# -- access, keyboard, looks ---------------------------------------------------------------


def test_guests_are_told_how_to_get_in(page: Page, gathered: Gather) -> None:
    closed = gathered(public=False)
    response = page.goto(closed.path)
    assert response
    assert response.status == 401
    expect(page.get_by_role("heading", level=1)).to_have_text("Scan the event's QR code")
    expect(page.get_by_text("Clocks & Calendars")).to_have_count(0)

    public = gathered()
    agenda = AgendaPage(page, public)
    expect(page.get_by_text("You are reading as a guest.")).to_be_visible()
    assert "/login/?next=/agenda/" in str(agenda.button("Opening workshop").get_attribute("href"))


def test_with_the_keyboard_alone(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    agenda = AgendaPage(page, gathering).settled()
    agenda.button("Opening workshop").focus()
    page.keyboard.press("Enter")
    expect(agenda.seats("Opening workshop")).to_have_text("Booked")
    expect(agenda.button("Opening workshop")).to_be_focused()
    agenda.button("Hands on clocks").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(agenda.seats("Hands on clocks")).to_have_text("Booked")
    link = agenda.row("Full house").get_by_role("link")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Full house")).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


@pytest.fixture(params=["phone-light", "phone-dark", "wide-light", "wide-dark", "small-light"])
def face(
    request: pytest.FixtureRequest,
    browser: Browser,
    browser_context_args: dict[str, Any],
    site: Site,
    sign_in: SignIn,
) -> Iterator[tuple[Page, dict[str, Any]]]:
    """A signed-in page in one size and one appearance; `small` is 640 pixels at 200 %."""
    size, appearance = request.param.split("-")
    how = {"phone": PHONE, "wide": WIDE, "small": {"viewport": {"width": 360, "height": 640}}}[size]
    context = browser.new_context(
        **{**browser_context_args, **how}, color_scheme=appearance, reduced_motion="reduce"
    )
    page = context.new_page()
    person = site.register()
    sign_in(page, person["email"])
    yield page, person
    context.close()


def test_every_state_is_accessible(face: tuple[Page, dict[str, Any]], gathering: Gathering) -> None:
    page, person = face
    page.goto(f"{gathering.path}/mine")
    check(page)
    gathering.seat("Opening workshop", person)
    gathering.seat("The last seat", person)
    gathering.fill("Full house")
    agenda = AgendaPage(page, gathering).settled()
    check(page)
    for view in ("list", "time"):
        page.locator(f'[data-view-link="{view}"]').click()
        check(page)
    page.get_by_role("button", name="Filters", exact=True).click()
    check(page)
    page.locator("[data-show]").click()
    agenda.row("Opening workshop").get_by_role("link").click()
    expect(page.get_by_text("About opening workshop.")).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    agenda.button("Hands on clocks").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    check(page)
    page.keyboard.press("Escape")
    agenda.button("Full house").click()
    expect(page.locator(".toast, dialog").first).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("searchbox").fill("nothing like this")
    expect(page.get_by_text("Nothing on this day matches.")).to_be_visible()
    check(page)
    page.goto(f"{gathering.path}/mine")
    check(page)
    page.get_by_role("button", name="Make a calendar link").click()
    expect(page.get_by_label("Link to your calendar")).to_be_visible()
    check(page)
    page.reload()
    check(page)


def test_short_talks_have_room_for_their_buttons(
    face: tuple[Page, dict[str, Any]], gathered: Gather
) -> None:
    page, person = face
    gathering = gathered(sessions=LIGHTNING)
    gathering.seat("Flash 1", person)
    agenda = AgendaPage(page, gathering).settled()
    for title in ("Flash 0", "Flash 1", "Spark 2"):
        expect(agenda.button(title)).to_be_visible()
    check(page)
    agenda.button("Flash 2").click()
    expect(agenda.button("Flash 2")).to_contain_text("Cancel")
    check(page)


def test_what_cannot_load_says_so(
    page: Page, gathering: Gathering, attendee: dict[str, Any]
) -> None:
    page.route("**/api/events/*/agenda", lambda route: route.abort())
    AgendaPage(page, gathering)
    page.locator(f'[data-day="{gathering.days[1]}"]').tap()
    expect(page.get_by_text("This day could not be loaded.")).to_be_visible()
    check(page)
    page.unroute("**/api/events/*/agenda")
    page.get_by_role("button", name="Try again").tap()
    expect(page.get_by_role("link", name="Closing")).to_be_visible()
