"""The booker, as a person uses it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from e2e.site import Host


class Booker:
    """The booker page in one browser: opened, or the one that a link is just leading to."""

    def __init__(self, page: Page, host: Host | None = None, path: str = "") -> None:
        self.page = page
        address = path or (host.type_url if host else "")
        if address:
            page.goto(address)
        expect(self.times.first).to_be_visible()

    @property
    def days(self) -> Locator:
        """The days that can be chosen; not today, of which little may be left."""
        return self.page.locator("[role=grid] button:not([aria-disabled], [aria-current])")

    @property
    def times(self) -> Locator:
        return self.page.locator("[data-times-list] .time:not(.time--gone)")

    def time(self, starts_at: str) -> Locator:
        """The time of one start, whatever zone it is written in."""
        return self.page.locator(f'[data-times-list] .time[data-start^="{starts_at[:16]}"]')

    def choose_zone(self, words: str) -> None:
        """Search for a zone, and take the first that is found."""
        field = self.page.get_by_role("combobox", name="Time zone")
        field.fill(words)
        field.press("Enter")

    @property
    def submit(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile(r"^(Book|Request|Move to) \d"))

    def choose(self, day: int = 0, time: int = 0) -> str:
        """Two taps; returns the start."""
        self.days.nth(day).click()
        chosen = self.times.nth(time)
        start = chosen.get_attribute("data-start")
        assert start
        chosen.click()
        return start

    def fill(self, name: str = "Iris Falk", email: str = "iris@example.org") -> None:
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Email", exact=True).fill(email)
