"""A guest's booking by its link: see, move, cancel."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from e2e.booker import Booker
from e2e.site import Site


def test_guest_cancels_by_the_link(page: Page, site: Site) -> None:
    host = site.host()
    booked = site.book(host, site.free_starts(host)[0], email="guest.a@example.org")
    page.goto(urlsplit(booked["manage_url"]).path)
    page.get_by_role("button", name="Cancel booking").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    dialog.get_by_label("Reason").fill("The train does not run.")
    dialog.get_by_role("button", name="Cancel booking").click()

    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Book another time")).to_be_visible()
    expect(page.get_by_role("link", name="Reschedule")).to_have_count(0)
    assert site.bookings_of(host) == []
    assert site.mails_to("guest.a@example.org")[-1] == "appointment_cancelled"
    # A cancelled booking is not moved.
    response = page.goto(urlsplit(booked["manage_url"]).path + "/reschedule")
    assert response
    assert response.status == 410


def test_guest_reschedules_by_the_link(page: Page, site: Site) -> None:
    host = site.host()
    old = site.free_starts(host)[0]
    booked = site.book(host, old, email="guest.b@example.org")
    page.goto(urlsplit(booked["manage_url"]).path)
    page.get_by_role("link", name="Reschedule").click()

    booker = Booker(page, path=page.url)
    expect(page.locator(".booker__former s")).to_contain_text(":")
    start = booker.choose(day=1, time=1)
    expect(booker.submit).to_have_text(f"Move to {datetime.fromisoformat(start):%H:%M}")
    booker.submit.click()
    expect(page).to_have_url(re.compile(r"/b/[\w-]+\?moved=$"))
    expect(page.get_by_text("Moved to")).to_be_visible()
    [moved] = site.bookings_of(host)
    assert datetime.fromisoformat(moved["starts_at"]) == datetime.fromisoformat(start)
    assert moved["uid"] == booked["booking"]["uid"]
    assert moved["sequence"] == 1


def test_opening_the_link_changes_nothing(page: Page, site: Site) -> None:
    host = site.host()
    booked = site.book(host, site.free_starts(host)[0])
    path = urlsplit(booked["manage_url"]).path
    for address in (path, f"{path}.ics", f"{path}/reschedule"):
        response = page.request.get(address)
        assert response.ok
    [booking] = site.bookings_of(host)
    assert booking["version"] == booked["booking"]["version"]


def test_unknown_link_says_so(page: Page) -> None:
    response = page.goto("/b/" + "x" * 43)
    assert response
    assert response.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


def test_client_reschedules_from_my_bookings(
    page: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host = site.host()
    client = site.register("Lena Hart")
    site.call(
        "POST",
        "/api/bookings",
        {
            "event_type_id": host.event_type["id"],
            "starts_at": site.free_starts(host)[3],
            "name": client["name"],
            "email": client["email"],
        },
        token=client["token"],
    )
    sign_in(page, client["email"])
    page.goto("/my-bookings")
    page.get_by_role("link", name="Reschedule Portfolio talk").click()
    booker = Booker(page, path=page.url)
    start = booker.choose(day=1, time=0)
    booker.submit.click()
    expect(page).to_have_url(re.compile("/my-bookings"))
    [moved] = site.bookings_of(host)
    assert datetime.fromisoformat(moved["starts_at"]) == datetime.fromisoformat(start)
