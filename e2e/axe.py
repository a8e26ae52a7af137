"""WCAG 2.2 AA by axe, and that no page scrolls sideways."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# From the top: what is half under a bar that sticks has but half its size. And at rest: what
# moves or fades, or waits for its letters, is judged as it will be.
_AT_REST = """async () => {
  scrollTo({ top: 0, behavior: "instant" });
  await document.fonts.ready;
  const ending = document.getAnimations().filter((each) => Number.isFinite(each.effect?.getComputedTiming().endTime));
  await Promise.allSettled(ending.map((each) => each.finished));
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
}"""


def check(page: Page) -> None:
    """No violation, and nothing wider than the window."""
    page.wait_for_load_state()  # styles and scripts are part of what is judged
    page.evaluate(_AT_REST)
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert not found, [
        (rule["id"], node["html"], node["failureSummary"])
        for rule in found
        for node in rule["nodes"]
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
