"""The booker in a page of another origin, which the operator allowed, or did not."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.outside import Outside
from e2e.site import Site

TIMES = "[data-times-list] .time"


def snippet(site: Site, path: str, **data: str) -> str:
    """What the dashboard's Share panel gives away."""
    attributes = "".join(f' data-{name}="{value}"' for name, value in data.items())
    return (
        f'<div data-rendezvous="{site.url}{path}"{attributes}></div>'
        f'<script src="{site.url}/static/js/embed.js" async></script>'
        "<script>addEventListener('rendezvous:booked', e => document.title = e.detail.starts_at)"
        "</script>"
    )


def test_visitor_books_within_a_page_of_another_origin(
    page: Page, site: Site, elsewhere: Outside
) -> None:
    host = site.host()
    path = elsewhere.publish(
        "/contact", snippet(site, f"/{host.slug}", email="iris@example.org", theme="light")
    )
    page.goto(elsewhere.allowed + path)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Sign in")).to_have_count(0)  # no chrome
    frame.get_by_role("link", name="Portfolio talk").click()
    expect(frame.locator(TIMES).first).to_be_visible()
    frame.locator("[role=grid] button:not([aria-disabled])").nth(1).click()

    # As tall as what is in it: nothing to scroll inside.
    shown = page.locator("iframe")
    inside = page.frames[1]
    expect(shown).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(shown).to_have_attribute("title", "Book a time")
    page.wait_for_function(
        "height => Math.abs(document.querySelector('iframe').clientHeight - height) < 3",
        arg=inside.evaluate("document.body.getBoundingClientRect().height"),
    )
    assert inside.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"

    frame.locator(TIMES).nth(1).click()
    frame.get_by_label("Name", exact=True).fill("Iris Falk")
    expect(frame.get_by_label("Email", exact=True)).to_have_value("iris@example.org")
    frame.get_by_role("button", name=re.compile(r"^Book \d")).click()
    expect(frame.get_by_text("Booked", exact=True)).to_be_visible()
    expect(frame.get_by_role("link", name="See or change it")).to_have_attribute("target", "_blank")
    [booked] = site.bookings_of(host)
    expect(page).to_have_title(booked["starts_at"])


def test_origin_that_is_not_allowed_sees_nothing(
    another_page: Callable[[], Page], site: Site, elsewhere: Outside
) -> None:
    host = site.host()
    refusals: list[str] = []
    path = elsewhere.publish("/refused", snippet(site, host.type_url))
    other = another_page()  # `page` takes the browser's own word for a fault
    other.on("console", lambda message: refusals.append(message.text))
    other.goto(elsewhere.refused + path)
    other.wait_for_timeout(500)
    assert any("frame-ancestors" in text for text in refusals), refusals
    assert all(frame.locator(TIMES).count() == 0 for frame in other.frames)
    # Not even where booking pages may be framed, a page of somebody's booking.
    booked = site.book(host, site.free_starts(host)[0])
    manage = booked["manage_url"] + "?embed=1"
    other.goto(
        elsewhere.allowed + elsewhere.publish("/stolen", f'<iframe src="{manage}"></iframe>')
    )
    other.wait_for_timeout(500)
    assert all(frame.get_by_text("Booked").count() == 0 for frame in other.frames)
