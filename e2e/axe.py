"""WCAG 2.2 AA by axe, and that no page scrolls sideways."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check(page: Page) -> None:
    """No violation, and nothing wider than the window."""
    page.wait_for_load_state()  # styles and scripts are part of what is judged
    page.wait_for_timeout(50)
    judge(page)


def judge(page: Page) -> None:
    """As `check`, of a page that stands still."""
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert not found, [
        (rule["id"], node["html"], node["failureSummary"])
        for rule in found
        for node in rule["nodes"]
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
