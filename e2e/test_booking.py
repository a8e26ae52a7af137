"""A guest books, alone and against others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from playwright.sync_api import BrowserContext, Page, expect

from app import create_app
from e2e.booker import Booker
from e2e.gathering import gather
from e2e.site import Site
from tests.conftest import settings_for


def test_guest_books_in_three_taps_and_two_fields(page: Page, site: Site) -> None:
    host = site.host(location={"kind": "jitsi", "detail": ""})
    page.goto(f"/{host.slug}")
    page.get_by_role("link", name="Portfolio talk").click()

    booker = Booker(page)
    start = booker.choose(day=1, time=2)
    booker.fill("Iris Falk", "iris@example.org")
    booker.submit.click()

    expect(page).to_have_url(re.compile(r"/b/[\w-]{40,}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Portfolio talk with Nora Berg")
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    local = datetime.fromisoformat(start)
    # The visitor's zone, Lisbon, and the host's, Berlin.
    expect(page.locator(".confirmation__when")).to_contain_text(f"{local:%H:%M}")
    expect(page.locator(".confirmation__when")).to_contain_text(re.compile("WES?T"))
    expect(page.locator("[data-other-zone]")).to_contain_text(re.compile("CES?T"))
    expect(page.get_by_role("link", name=re.compile("meet.jit.si"))).to_be_visible()

    google = page.get_by_role("link", name="Google").get_attribute("href")
    assert google
    assert parse_qs(urlsplit(google).query)["action"] == ["TEMPLATE"]
    outlook = page.get_by_role("link", name="Outlook").get_attribute("href")
    assert outlook
    assert parse_qs(urlsplit(outlook).query)["rru"] == ["addevent"]
    with page.expect_download() as download:
        page.get_by_role("link", name=".ics file").click()
    content = download.value.path().read_text()
    assert "BEGIN:VEVENT" in content
    assert (
        f"DTSTART:{datetime.fromisoformat(site.bookings_of(host)[0]['starts_at']):%Y%m%dT%H%M}"
        in content
    )

    assert site.mails_to("iris@example.org")[-1] == "appointment_confirmed"
    assert site.mails_to(host.email) == ["appointment_confirmed_host"]


def test_back_after_booking_does_not_lead_into_the_form(page: Page, site: Site) -> None:
    host = site.host()
    page.goto(f"/{host.slug}")
    booker = Booker(page, host)
    start = booker.choose()
    booker.fill()
    booker.submit.click()
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()

    page.go_back()
    expect(booker.times.first).to_be_visible()
    expect(booker.time(start)).to_have_count(0)


def test_back_from_the_form_leads_to_the_times_and_keeps_what_was_typed(
    page: Page, site: Site
) -> None:
    booker = Booker(page, site.host())
    booker.choose(time=1)
    booker.fill("Iris Falk", "iris@example.org")
    page.go_back()
    expect(booker.times.first).to_be_visible()
    expect(page.get_by_label("Email", exact=True)).to_be_hidden()

    booker.choose(time=2)
    expect(page.get_by_label("Email", exact=True)).to_have_value("iris@example.org")


def test_booking_with_the_keyboard_alone(page: Page, site: Site) -> None:
    host = site.host()
    booker = Booker(page, host)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    _tab_to(page, "[role=grid] button")
    first = page.evaluate("document.activeElement.dataset.date")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.date") > first
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    _tab_to(page, "[data-times-list] .time")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Who is coming?")).to_be_focused()
    _tab_to(page, "#field-name")
    page.keyboard.type("Iris Falk")
    page.keyboard.press("Tab")
    page.keyboard.type("iris@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    assert len(site.bookings_of(host)) == 1
    del booker


def test_arrows_follow_what_is_seen_from_right_to_left(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "language", "value": "he", "url": site.url}])
    Booker(page, site.host())
    page.locator("[role=grid] [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    where = "(() => { const { x, y } = document.activeElement.getBoundingClientRect(); return [x, y]; })()"
    [right, line] = page.evaluate(where)
    page.keyboard.press("ArrowLeft")
    [left, same_line] = page.evaluate(where)
    assert (left < right, same_line) == (True, line)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(where) == [right, line]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_calendar_moves_by_day_week_and_month_with_the_keyboard(page: Page, site: Site) -> None:
    Booker(page, site.host())
    day = page.locator("[role=grid] [tabindex='0']")
    day.focus()
    chosen = page.evaluate("document.activeElement.dataset.date")
    page.keyboard.press("PageDown")
    following = page.evaluate("document.activeElement.dataset.date")
    assert following[:7] > chosen[:7]
    page.keyboard.press("PageUp")
    assert page.evaluate("document.activeElement.dataset.date")[:7] == chosen[:7]
    # A year is further than one can book: to the last day of all, and back to today.
    page.keyboard.press("Shift+PageDown")
    page.wait_for_function("before => document.activeElement.dataset.date > before", arg=following)
    page.keyboard.press("Shift+PageUp")
    page.wait_for_function(
        "day => document.activeElement.dataset.date === day",
        arg=datetime.now(ZoneInfo("Europe/Lisbon")).date().isoformat(),
    )
    # In Britain the week begins on Monday.
    page.keyboard.press("Home")
    home = page.evaluate("document.activeElement.dataset.date")
    page.keyboard.press("End")
    end = page.evaluate("document.activeElement.dataset.date")
    assert datetime.fromisoformat(end).weekday() == 6
    assert home <= end


def test_taken_slot_disappears_from_another_browser_without_reload(
    page: Page, another_page: Callable[[], Page], site: Site
) -> None:
    host = site.host()
    watching = Booker(page, host)
    watching.days.first.click()
    start = watching.times.nth(3).get_attribute("data-start")
    assert start
    other = Booker(another_page(), host)
    other.days.first.click()
    other.time(start).click()
    other.fill("Otto Ritter", "otto@example.org")
    other.submit.click()
    expect(other.page.get_by_text("Booked", exact=True)).to_be_visible()

    expect(watching.time(start)).to_have_count(0)
    expect(watching.times.first).to_be_visible()


def test_cancelled_slot_comes_back_without_reload(page: Page, site: Site) -> None:
    host = site.host()
    start = site.free_starts(host)[2]
    booked = site.book(host, start)
    booker = Booker(page, path=f"{host.type_url}?date={start[:10]}&tz=Europe/Berlin")
    before = booker.times.count()
    token = booked["manage_url"].rsplit("/", 1)[1]
    site.call("POST", f"/api/manage/{token}", {"action": "cancel"})
    expect(booker.times).to_have_count(before + 1)


def test_of_two_who_confirm_the_same_slot_one_keeps_what_was_typed(
    page: Page, another_page: Callable[[], Page], site: Site
) -> None:
    host = site.host()
    mine, theirs = Booker(page, host), Booker(another_page(), host)
    # No live message reaches the loser in time: the answer itself must say it.
    mine.page.route("**/slots?*", lambda route: route.abort())
    start = mine.choose(time=4)
    theirs.days.first.click()
    theirs.time(start).click()
    mine.fill("Iris Falk", "iris@example.org")
    page.get_by_label("Notes for Nora Berg").fill("About the second chapter.")
    theirs.fill("Otto Ritter", "otto@example.org")
    page.context.set_offline(True)  # the socket is silent
    theirs.submit.click()
    expect(theirs.page.get_by_text("Booked", exact=True)).to_be_visible()
    page.context.set_offline(False)
    mine.submit.click()

    alert = page.get_by_role("alert").filter(has_text="Someone booked")
    expect(alert).to_contain_text(
        f"Someone booked {datetime.fromisoformat(start):%H:%M} a moment ago."
    )
    expect(alert.get_by_role("button")).to_have_count(5)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Iris Falk")
    expect(page.get_by_label("Email", exact=True)).to_have_value("iris@example.org")
    expect(page.get_by_label("Notes for Nora Berg")).to_have_value("About the second chapter.")

    alert.get_by_role("button").first.click()
    expect(mine.submit).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    names = sorted(each["attendee"]["name"] for each in site.bookings_of(host))
    assert names == ["Iris Falk", "Otto Ritter"]


def test_chosen_time_that_goes_while_typing_is_told_at_once(page: Page, site: Site) -> None:
    host = site.host()
    booker = Booker(page, host)
    start = booker.choose(time=1)
    booker.fill("Iris Falk", "iris@example.org")
    site.book(host, start)
    expect(page.get_by_role("alert").filter(has_text="Someone booked")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Iris Falk")


def test_double_click_books_once(page: Page, site: Site) -> None:
    host = site.host()
    booker = Booker(page, host)
    booker.choose()
    booker.fill()
    booker.submit.dblclick()
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    assert len(site.bookings_of(host)) == 1


def test_answer_that_was_lost_is_asked_for_again_with_the_same_key(page: Page, site: Site) -> None:
    host = site.host()
    booker = Booker(page, host)
    booker.choose()
    booker.fill()
    keys: list[str | None] = []

    def lose_the_first(route, request) -> None:  # type: ignore[no-untyped-def]
        keys.append(request.headers.get("idempotency-key"))
        if len(keys) == 1:
            route.fetch()  # the server books, and the answer never arrives
            route.abort()
        else:
            route.continue_()

    page.route("**/api/bookings", lose_the_first)
    booker.submit.click()
    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    booker.submit.click()
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    assert keys[0] == keys[1] is not None
    assert len(site.bookings_of(host)) == 1


def test_wrong_fields_are_named_and_nothing_is_lost(page: Page, site: Site) -> None:
    booker = Booker(page, site.host())
    booker.choose()
    booker.fill("Iris Falk", "not-an-address")
    booker.submit.click()
    summary = page.locator("[data-error-summary]")
    expect(summary).to_contain_text("Email")
    expect(page.get_by_label("Email", exact=True)).to_be_focused()
    expect(page.get_by_label("Email", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Iris Falk")


def test_times_follow_the_chosen_zone(page: Page, site: Site) -> None:
    host = site.host()
    booker = Booker(page, host)
    lisbon = booker.times.first.inner_text()
    booker.choose_zone("berlin")
    expect(booker.times.first).not_to_have_text(lisbon)
    hour = int(lisbon[:2])
    expect(booker.times.first).to_have_text(f"{hour + 1:02}:{lisbon[3:]}")


def test_address_says_what_is_chosen_and_opens_there(
    page: Page, another_page: Callable[[], Page], site: Site
) -> None:
    host = site.host()
    booker = Booker(page, path=f"{host.type_url}?name=Iris+Falk&email=iris@example.org")
    booker.choose_zone("new york")
    expect(page).to_have_url(re.compile("tz=America%2FNew_York"))
    start = booker.choose(day=2, time=1)
    local = datetime.fromisoformat(start)
    expect(page).to_have_url(
        re.compile(f"date={local:%Y-%m-%d}&tz=America%2FNew_York&time={local:%H}%3A{local:%M}$")
    )

    # Sent to somebody, it opens at the same instant, and the form is filled.
    friend = another_page()
    friend.goto(page.url)
    expect(friend.get_by_role("button", name=f"Book {local:%H:%M}")).to_be_visible()
    expect(friend.get_by_label("Name", exact=True)).to_have_value("Iris Falk")
    friend.go_back()  # to the times, not away
    expect(friend.locator(".time").first).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^Book \d")).click()
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    [booked] = site.bookings_of(host)
    assert datetime.fromisoformat(booked["starts_at"]) == local
    # Whoever comes later is told, and sees what is free.
    friend.goto(f"{host.type_url}?date={local:%Y-%m-%d}&time={local:%H:%M}&tz=America/New_York")
    expect(friend.get_by_text("The time in your link is not free.")).to_be_visible()
    expect(friend.locator(".time").first).to_be_visible()


def test_without_sockets_the_booker_polls(page: Page, site: Site) -> None:
    host = site.host()
    page.route("**/vendor/socket.io.js", lambda route: route.abort())
    page.clock.install()
    booker = Booker(page, host)
    booker.days.first.click()
    start = booker.times.nth(1).get_attribute("data-start")
    assert start
    site.book(host, start)
    page.clock.fast_forward(5_000)
    expect(page.get_by_text("Live updates are interrupted")).to_be_visible()
    page.clock.fast_forward(31_000)
    page.clock.fast_forward(2_000)
    expect(booker.time(start)).to_have_count(0)


def test_times_that_cannot_be_loaded_can_be_tried_again(page: Page, site: Site) -> None:
    host = site.host()
    page.route("**/slots?*", lambda route: route.abort())
    page.goto(host.type_url)
    retry = page.get_by_role("button", name="Try again")
    expect(retry).to_be_visible()
    page.unroute("**/slots?*")
    retry.click()
    expect(page.locator("[data-times-list] .time").first).to_be_visible()


def test_month_without_times_is_passed_over(page: Page, site: Site) -> None:
    host = site.host(minimum_notice_minutes=40 * 24 * 60, horizon_days=90)
    booker = Booker(page, host)
    first = booker.days.first.get_attribute("data-date")
    assert first
    assert (datetime.fromisoformat(first) - datetime.now()).days >= 38  # noqa: DTZ005


def test_signed_in_client_may_replace_an_own_booking(
    page: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    first, second = site.host("Nora Berg"), site.host("Paul Winter", title="Reading")
    client = site.register("Lena Hart")
    start = site.free_starts(first)[5]
    old = site.call(
        "POST",
        "/api/bookings",
        {
            "event_type_id": first.event_type["id"],
            "starts_at": start,
            "name": client["name"],
            "email": client["email"],
        },
        token=client["token"],
    )["booking"]
    sign_in(page, client["email"])
    booker = Booker(page, path=f"{second.type_url}?date={start[:10]}")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Lena Hart")
    booker.choose_zone("berlin")
    # Warned before anything is sent.
    expect(booker.time(start)).to_have_attribute("title", "You have Portfolio talk then.")
    booker.time(start).click()
    warning = page.get_by_text("You have something else then.")
    expect(warning).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    booker.submit.click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Replace “Portfolio talk”?")
    expect(dialog).to_contain_text("Reading · Paul Winter")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert "POST" not in sent
    assert len(site.bookings_of(second)) == 0

    booker.submit.click()
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    assert [each["title"] for each in site.bookings_of(second)] == ["Reading"]
    after = site.call("GET", f"/api/bookings/{old['uid']}", token=client["token"])["booking"]
    assert after["status"] == "cancelled"


def test_appointment_replaces_a_seat_at_an_event(
    page: Page, site: Site, sign_in: Callable[[Page, str], None], tmp_path: Path
) -> None:
    gathering = gather(create_app(settings_for(site.database_url, tmp_path)), site)
    client = site.register("Lena Hart")
    seat = gathering.seat("Opening workshop", client)
    host = site.host(title="Reading")
    always = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]
    hours = {"weekly": always, "overrides": []}
    site.call("PUT", "/api/experts/me/availability", hours, token=host.token)

    sign_in(page, client["email"])
    start = datetime.fromisoformat(seat["starts_at"]).astimezone(ZoneInfo("Europe/Berlin"))
    page.goto(f"{host.type_url}?date={start:%Y-%m-%d}&time={start:%H:%M}&tz=Europe/Berlin")
    expect(page.get_by_text("You have something else then.")).to_be_visible()
    page.get_by_role("button", name=f"Book {start:%H:%M}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".swap__side--lost")).to_contain_text("Opening workshop")
    expect(dialog.locator(".swap__side--gained")).to_contain_text("Reading · Nora Berg")
    dialog.get_by_role("button", name="Replace").click()
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    assert not gathering.session_of("Opening workshop", client)["booked"]
    page.goto("/my-bookings?kind=seat&show=cancelled")
    expect(page.get_by_text("Replaced by another booking.")).to_be_visible()


def test_booking_without_scripts(new_context: Callable[..., BrowserContext], site: Site) -> None:
    host = site.host()
    page = new_context(java_script_enabled=False).new_page()
    page.goto(host.type_url)
    page.get_by_role("link", name="plain list").click()
    page.get_by_label("Name").fill("Iris Falk")
    page.get_by_label("Email").fill("iris@example.org")
    page.get_by_role("button", name="Book this time").click()
    expect(page.get_by_role("alert")).to_contain_text("Time")
    expect(page.get_by_label("Name")).to_have_value("Iris Falk")

    page.get_by_role("radio").nth(2).check()
    chosen = page.get_by_role("radio").nth(2).get_attribute("value")
    assert chosen
    site.book(host, chosen)
    page.get_by_role("button", name="Book this time").click()
    expect(page.get_by_role("alert")).to_contain_text("Someone booked this time")

    page.get_by_role("radio").nth(2).check()
    page.get_by_role("button", name="Book this time").click()
    expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    assert len(site.bookings_of(host)) == 2


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"No way by Tab to {selector}")
