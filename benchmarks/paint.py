"""Keystroke to paint: how long a person at the scheduler waits for what a key does.

In Chromium, on a page as people have it, with a day full of bookings: from the moment the
browser received the key (`event.timeStamp`) to the first task after the frame that shows
it was painted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from playwright.sync_api import Page, sync_playwright

from tests import servers
from tests.browser import chromium_arguments

BOOKINGS = 300
LIMIT_MILLISECONDS = 50.0
# What a hand does: along the minutes, from hour to hour, and with a selection that grows.
STROKES = {
    "by minute": ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"],
    "by hour": ["PageDown", "PageDown", "PageUp"],
    "selecting": ["Enter", "ArrowRight", "ArrowDown", "ArrowRight", "Escape"],
}


@dataclass(frozen=True, slots=True)
class Painted:
    """Milliseconds of one kind of keystroke, sorted."""

    stroke: str
    milliseconds: list[float]

    def percentile(self, percent: float) -> float:
        """Milliseconds that so many percent of the keystrokes did not exceed."""
        last = len(self.milliseconds) - 1
        return self.milliseconds[min(last, int(len(self.milliseconds) * percent / 100))]

    def __str__(self) -> str:
        worst = self.milliseconds[-1]
        return (
            f"{self.stroke} p50 {self.percentile(50):.1f}, p95 {self.percentile(95):.1f},"
            f" worst {worst:.1f} ms of {len(self.milliseconds)}"
        )


def measure(
    url: str, cookies: dict[str, str], room_id: int, day: datetime, count: int
) -> Iterator[Painted]:
    """So many keystrokes of each kind, in the minutes of a room's day at noon."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(servers.chromium_program()), args=chromium_arguments()
        )
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies(
            [{"name": name, "value": value, "url": url} for name, value in cookies.items()]
        )
        page = context.new_page()
        page.goto(f"{url}/scheduler?date={day.date()}&room={room_id}&hour=12&view=hour")
        page.locator("[data-matrix] .minute--taken, [data-matrix] .minute--grip").first.wait_for()
        page.evaluate(_WATCH)
        for stroke, keys in STROKES.items():
            yield Painted(stroke, sorted(_strokes(page, keys, count)))
        browser.close()


def _strokes(page: Page, keys: list[str], count: int) -> list[float]:
    # Where a minute is free, so that Enter begins a selection.
    page.locator("[data-matrix] .minute:not(.minute--taken, .minute--grip)").first.focus()
    page.evaluate("painted.length = 0")
    for number in range(count):
        page.keyboard.press(keys[number % len(keys)])
        page.wait_for_function("count => painted.length >= count", arg=number + 1)
    milliseconds: list[float] = page.evaluate("painted")
    return milliseconds


_WATCH = """
() => {
  window.painted = [];
  addEventListener("keydown", (event) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => painted.push(performance.now() - event.timeStamp);
      port2.postMessage(null);
    });
  }, true);
}
"""
