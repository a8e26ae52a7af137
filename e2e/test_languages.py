"""German and Hebrew: chosen, kept, complete on every page, and laid out in their direction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from e2e.axe import check
from e2e.booker import Booker
from e2e.gathering import gather
from e2e.scheduling import Crew, backstage, crew
from e2e.site import Site
from tools import translations

__all__ = ["backstage", "crew"]  # fixtures

TYPED = {"Words"}  # a track of the gathering's, and a field of ours elsewhere
FIRST_DAYS = {"de": ("Montag", 0), "he": ("יום ראשון", 6)}  # as said, and as `weekday()` has it
LANGUAGES = {"de": ("Deutsch", "ltr"), "he": ("עברית", "rtl")}
# What is read or heard on a page: texts, and the attributes that are text.
READ = """() => {
  const found = [];
  const seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (seen.nextNode()) {
    const parent = seen.currentNode.parentElement;
    if (!parent.closest("script, style, noscript, code, [lang]:not(html)")) found.push(seen.currentNode.data);
  }
  for (const each of document.querySelectorAll("body *"))
    for (const name of ["aria-label", "title", "placeholder", "alt"])
      if (each.hasAttribute(name)) found.push(each.getAttribute(name));
  found.push(document.title.split(" · ")[0]);
  return found.map((text) => text.replace(/\\s+/g, " ").trim()).filter((text) => /\\p{L}{2}/u.test(text));
}"""


@cache
def sources(language: str) -> re.Pattern[str]:
    """Any English text that the language says otherwise, with whatever was filled in."""
    english = []
    for message in translations.texts(translations.read(language)):
        for source, said in zip(
            translations.forms(message.id), translations.forms(message.string), strict=True
        ):
            words = re.sub(r"%\(\w+\)[sd]", "", source)
            # With something filled in, three words: what people typed has two of them by chance.
            needed = r"(?:[A-Za-z]{3,}.*){3}" if words != source else r"[A-Za-z]{3}"
            if source != said and re.search(needed, words):
                pattern = re.sub(r"%\\\(\w+\\\)[sd]", ".+", re.escape(source).replace("%%", "%"))
                english.append(re.sub(r"\\\s+", r"\\s+", pattern))
    return re.compile("|".join(f"(?:{each})" for each in english))


def spoken(page: Page, language: str) -> None:
    """The page is in the language and its direction, with nothing of ours left in English."""
    _, direction = LANGUAGES[language]
    html = page.locator("html")
    assert (html.get_attribute("lang"), html.get_attribute("dir")) == (language, direction)
    said = {*page.evaluate(READ)} - TYPED
    left = [text for text in said if sources(language).fullmatch(text)]
    assert not left, (page.url, left)


@pytest.fixture(params=["de-phone-dark", "he-wide-light"])
def reader(
    request: pytest.FixtureRequest, browser: Browser, browser_context_args: dict[str, object]
) -> Iterator[tuple[Page, str]]:
    """A page of somebody whose browser asks for the language."""
    language, size, appearance = request.param.split("-")
    context = browser.new_context(
        **browser_context_args | {"locale": language},  # type: ignore[arg-type]
        viewport={"width": 1280 if size == "wide" else 360, "height": 844},
        color_scheme=appearance,
        reduced_motion="reduce",
    )
    yield context.new_page(), language
    context.close()


def switch(page: Page, language: str) -> None:
    page.get_by_role("contentinfo").get_by_role("button", name=LANGUAGES[language][0]).click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def test_a_guest_chooses_and_books_in_german(page: Page, site: Site) -> None:
    host = site.host()
    Booker(page, path=f"{host.type_url}?tz=Europe/Berlin")
    address = page.url  # with the day that the script chose
    switch(page, "de")
    expect(page).to_have_url(address)
    booker = Booker(page, host)
    spoken(page, "de")
    booker.choose()
    page.locator("form button[type=submit].button--primary").last.click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    spoken(page, "de")
    page.locator("input[name=name]").fill("Iris Falk")
    page.locator("input[name=email]").fill("iris.falk@example.org")
    page.locator("form button[type=submit].button--primary").last.click()
    expect(page.get_by_text("Gebucht", exact=True)).to_be_visible()
    spoken(page, "de")
    page.goto("/")
    spoken(page, "de")


def test_public_pages_look_right(reader: tuple[Page, str], site: Site) -> None:
    page, language = reader
    host = site.host()
    booked = site.book(host, site.free_starts(host)[0])
    manage = urlsplit(booked["manage_url"]).path
    paths = ("/", "/experts", "/experts?q=nobody-at-all", "/login/", "/register", "/nope")
    for path in (*paths, f"/{host.slug}", host.type_url, f"{host.type_url}/plain", manage):
        page.goto(path)
        spoken(page, language)
        check(page)
    Booker(page, host)
    begins_as_the_readers_weeks(page, ".month__grid", language)
    page.locator(".month__grid [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")  # out of the week in which today is
    _, first = FIRST_DAYS[language]
    for key, weekday in (("End", first + 6), ("Home", first)):
        page.keyboard.press(key)
        page.wait_for_function(
            "day => new Date(document.activeElement.dataset.date).getUTCDay() === day",
            arg=(weekday + 1) % 7,  # Sunday is 0 there
        )


def begins_as_the_readers_weeks(page: Page, grid: str, language: str) -> None:
    name, _ = FIRST_DAYS[language]
    expect(page.locator(f"{grid} th").first).to_have_attribute("abbr", name)


def test_pages_of_accounts_look_right(
    reader: tuple[Page, str], site: Site, backstage: Flask, sign_in: Callable[..., None]
) -> None:
    page, language = reader
    event = gather(backstage, site)
    host = site.host()
    site.book(host, site.free_starts(host)[0])
    enter(page, sign_in, host.email, language)
    agenda = f"/agenda/{event.slug}"
    for path in (
        "/profile",
        "/my-bookings",
        "/change-password",
        "/expert-dashboard",
        f"/expert-dashboard/{host.event_type['id']}",
        agenda,
        f"{agenda}?view=rooms",
        f"{agenda}/mine",
    ):
        page.goto(path)
        page.wait_for_timeout(150)  # scripts have spoken
        spoken(page, language)
        check(page)


def test_the_scheduler_and_the_back_office_look_right(
    reader: tuple[Page, str], crew: Crew, sign_in: Callable[..., None]
) -> None:
    page, language = reader
    crew.book(crew.ada, "10:10", "10:20", "Rehearsal")
    enter(page, sign_in, crew.admin.email, language)
    office = [
        f"/backoffice/{path}" for path in ("", "settings", "reports/rooms", "mail-texts/list/")
    ]
    lists = (
        *("bookings", "sessions", "events", "rooms", "experts", "event-types", "users", "roles"),
        *("attendees", "waitlist", "outbox", "audit", "blackouts"),
    )
    schedules = [crew.path(), crew.path(view="day"), crew.path(view="week")]
    for path in (
        *schedules,
        *office,
        *(f"/backoffice/{each}/list/" for each in lists),
        *(f"/backoffice/{each}/add" for each in ("rooms", "users", "sessions", "event-types")),
    ):
        answer = page.goto(path)
        assert answer
        assert answer.status == 200, path
        page.wait_for_timeout(150)
        spoken(page, language)
        check(page)
    page.goto(crew.path(view="week"))
    begins_as_the_readers_weeks(page, ".picker__grid", language)
    _, weekday = FIRST_DAYS[language]
    first = crew.day - timedelta(days=(crew.day.weekday() - weekday) % 7)
    head = page.locator("[data-board] [role=columnheader]")
    expect(head.nth(1)).to_contain_text(re.compile(rf"\b{first.day}\b"))


def enter(page: Page, sign_in: Callable[..., None], email: str, language: str) -> None:
    """Sign in, by labels that are English, and go on in the language."""
    page.goto("/login/")
    switch_to_english = page.get_by_role("contentinfo").get_by_role("button", name="English")
    switch_to_english.click()
    sign_in(page, email)
    switch(page, language)
