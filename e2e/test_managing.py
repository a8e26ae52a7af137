"""A guest's booking by its link: see, move, cancel."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.models import Booking
from e2e import axe
from e2e.booker import Booker
from e2e.site import Host, Site


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

    booker = Booker(page)
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


@pytest.fixture
def client(page: Page, site: Site, sign_in: Callable[[Page, str], None]) -> dict[str, Any]:
    """Somebody signed in."""
    account = site.register("Lena Hart")
    sign_in(page, account["email"])
    return account


def booked_by(site: Site, client: dict[str, Any], host: Host, start: str) -> dict[str, Any]:
    """A booking of somebody signed in."""
    body = {
        "event_type_id": host.event_type["id"],
        "starts_at": start,
        "name": client["name"],
        "email": client["email"],
    }
    booking: dict[str, Any] = site.call("POST", "/api/bookings", body, token=client["token"])[
        "booking"
    ]
    return booking


def test_client_reschedules_and_cancels_from_my_bookings_and_takes_it_back(
    page: Page, site: Site, client: dict[str, Any]
) -> None:
    host = site.host()
    old = site.free_starts(host)[3]
    booking = booked_by(site, client, host, old)
    page.goto("/my-bookings")
    page.get_by_role("link", name="Reschedule Portfolio talk").click()
    booker = Booker(page)
    start = booker.choose(day=1, time=0)
    page.get_by_label("Why do you move it?").fill("A dentist.")
    booker.submit.click()
    expect(page).to_have_url(re.compile("/my-bookings"))
    assert starts(site, host) == [datetime.fromisoformat(start)]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert starts(site, host) == [datetime.fromisoformat(old)]

    page.get_by_role("button", name="Cancel Portfolio talk").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The train does not run.")
    dialog.get_by_role("button", name="Cancel booking").click()
    expect(page.get_by_text("Nothing is coming up.")).to_be_visible()
    assert starts(site, host) == []
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("It stands again.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel Portfolio talk")).to_be_visible()
    [restored] = site.bookings_of(host)
    assert (restored["uid"], restored["status"]) == (booking["uid"], "confirmed")


def test_host_moves_a_group_slot_as_a_whole_and_takes_it_back(
    page: Page, site: Site, sign_in: Callable[[Page, str], None]
) -> None:
    host = site.host(seats=4)
    old = site.free_starts(host)[3]
    for each in ("first", "second"):
        site.book(host, old, email=f"{each}@example.org")
    sign_in(page, host.email)
    page.goto("/my-bookings")
    page.get_by_role("link", name="Reschedule Portfolio talk").first.click()
    booker = Booker(page)
    start = booker.choose(day=1, time=0)
    everybody = page.get_by_role("checkbox", name="Move everybody in this slot: 2 people")
    expect(everybody).to_be_checked()
    axe.check(page)
    booker.submit.click()
    expect(page).to_have_url(re.compile("/my-bookings"))
    assert starts(site, host) == 2 * [datetime.fromisoformat(start)]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert starts(site, host) == 2 * [datetime.fromisoformat(old)]


def starts(site: Site, host: Host) -> list[datetime]:
    return [datetime.fromisoformat(each["starts_at"]) for each in site.bookings_of(host)]


def test_joining_becomes_the_next_step_by_itself(
    page: Page, site: Site, client: dict[str, Any]
) -> None:
    host = site.host(location={"kind": "jitsi", "detail": ""})
    booking = booked_by(site, client, host, site.free_starts(host)[3])
    # Ten minutes and a moment from now, which no slot is.
    start = datetime.now(UTC) + timedelta(minutes=10, seconds=4)
    with site.engine.begin() as connection:
        connection.execute(
            update(Booking).where(Booking.uid == booking["uid"]).values(starts_at=start)
        )
    page.goto("/my-bookings")
    join = page.get_by_role("link", name="Join Portfolio talk")
    expect(join).not_to_have_class(re.compile("button--primary"))
    expect(join).to_have_class(re.compile("button--primary"))
