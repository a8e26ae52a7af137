"""The back-office in a browser: the way in, one of everything, and every page's look."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import date, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import socketio
from playwright.sync_api import Page, expect

from e2e.axe import check
from e2e.site import PASSWORD, Site
from e2e.test_accessibility import face

__all__ = ["face"]  # the fixture

SignIn = Callable[..., None]
DAY = (date.today() + timedelta(days=40)).isoformat()  # noqa: DTZ011 (any day to come)


@pytest.fixture
def admin(site: Site) -> str:
    """The first admin's address; the password is no longer the one that was printed."""
    site.settle_admin()
    return site.admin_email


def status(site: Site, path: str, token: str) -> int:
    request = Request(site.url + path, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urlopen(request, timeout=20) as response:  # noqa: S310 (our own server)
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


def join(site: Site, token: str) -> dict[str, object]:
    """The ack to joining one's own topic."""
    with socketio.SimpleClient() as client:
        client.connect(site.url, auth={"token": token}, transports=["websocket"])
        answer: dict[str, object] = client.call("join", {"topic": "me"}, timeout=10)
        return answer


def fill(page: Page, values: dict[str, str]) -> None:
    for label, value in values.items():
        page.get_by_role("main").get_by_label(label).fill(value)


def told(page: Page, text: str) -> None:
    expect(page.get_by_role("status").filter(has_text=text).first).to_be_visible()


def open_menu(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Back-office").get_by_role(
        "link", name=name, exact=True
    ).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def remove(page: Page, name: str) -> None:
    """From the thing's own page."""
    page.get_by_role("link", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Delete “{name}”?")
    page.get_by_role("button", name="Delete").click()


def keep(page: Page, name: str, instead: str) -> None:
    """From the page of a thing that something forbids to delete: its reason, and no button."""
    page.get_by_role("link", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Delete “{name}”?")
    expect(page.get_by_text("It is kept, because of this:")).to_be_visible()
    expect(page.get_by_role("link", name=instead)).to_be_visible()
    expect(page.locator("main").get_by_role("button")).to_have_count(0)


def test_a_new_admin_changes_the_password_before_anything_else(
    page: Page, another_page: Callable[[], Page], site: Site, sign_in: SignIn, admin: str
) -> None:
    sign_in(page, admin)
    email = f"ada.{secrets.token_hex(3)}@example.org"
    page.goto("/backoffice/")
    open_menu(page, "Users")
    page.get_by_role("link", name="Add user").click()
    fill(page, {"Name": "Ada Newcomer", "Email": email})
    page.get_by_label("Admin: may do everything").check()
    page.get_by_role("button", name="Add user").click()
    password = page.locator(".one-time-password").inner_text().strip()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Password copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == password

    token = site.call("POST", "/api/auth/login", {"email": email, "password": password})[
        "access_token"
    ]
    for path in ("/api/auth/me", "/api/bookings", "/api/event-types"):
        assert status(site, path, token) == 403
    refused = join(site, token)
    assert (refused["ok"], refused["code"]) == (False, "must_change_password")

    new = another_page()
    sign_in(new, email, password)
    for path in ("/backoffice/", "/backoffice/users/list/", "/backoffice/rooms/add", "/profile"):
        new.goto(path)
        expect(new).to_have_url(re.compile(r"/change-password(\?|$)"))
    fill(new, {"Current password": password, "New password": PASSWORD})
    new.get_by_role("button", name="Change password").click()
    expect(new.get_by_text("Your password is changed.")).to_be_visible()
    new.goto("/backoffice/")
    expect(new.get_by_role("heading", level=1)).to_have_text("Back-office")
    fresh = site.call("POST", "/api/auth/login", {"email": email, "password": PASSWORD})
    assert status(site, "/api/bookings", fresh["access_token"]) == 200
    assert join(site, fresh["access_token"])["ok"] is True


def test_one_of_everything_is_added_changed_and_deleted(
    page: Page, site: Site, sign_in: SignIn, admin: str
) -> None:
    mark = secrets.token_hex(3)
    room, event, talk = f"Annex {mark}", f"Gathering {mark}", f"Talk {mark}"
    sign_in(page, admin)
    page.goto("/backoffice/")

    open_menu(page, "Rooms")
    page.get_by_role("link", name="Add room").click()
    fill(page, {"Name": room, "Capacity": "0"})
    page.get_by_role("button", name="Add room").click()
    expect(page.get_by_role("alert")).to_contain_text("Between 1 and")
    expect(page.get_by_label("Name")).to_have_value(room)
    expect(page.get_by_label("Capacity")).to_have_value("0")
    fill(page, {"Capacity": "12"})
    page.get_by_role("button", name="Add room").click()
    told(page, "Room added.")
    room_url = page.url
    page.get_by_role("link", name="Edit").click()
    fill(page, {"Capacity": "14"})
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")

    open_menu(page, "Events")
    page.get_by_role("link", name="Add event").click()
    fill(
        page,
        {
            "Title": event,
            "Address": f"g-{mark}",
            "First day": DAY,
            "Last day": DAY,
            "Venue": "Mill",
        },
    )
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_role("button", name="Add event").click()
    told(page, "Event added.")
    event_url = page.url

    page.get_by_role("link", name="Add a session").click()
    fill(
        page,
        {
            "Title": talk,
            "Starts": f"{DAY}T14:00",
            "Ends": f"{DAY}T15:00",
            "Seats": "20",
            "Speakers": f"Somebody\nFirst Admin <{admin}>",
        },
    )
    page.get_by_label("Room").select_option(label=room)
    page.get_by_role("button", name="Add session").click()
    told(page, "Session added.")
    expect(page.locator("dl")).to_contain_text("14:00\u201315:00 E")
    session_url = page.url
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("Starts")).to_have_value(f"{DAY}T14:00")
    fill(page, {"Ends": f"{DAY}T13:00"})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("ends before it starts")
    expect(page.get_by_label("Ends")).to_have_value(f"{DAY}T13:00")
    fill(page, {"Ends": f"{DAY}T15:30"})
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-impact]")).to_contain_text("First Admin")  # who speaks there
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")

    person = site.register(f"Ben {mark}")
    page.get_by_role("link", name="Book a seat").click()
    fill(page, {"Attendee": person["email"]})
    page.get_by_role("button", name="Add seat").click()
    told(page, "Booking added.")
    expect(page.locator("dl")).to_contain_text(f"Ben {mark}")
    seen = site.call("GET", "/api/bookings", token=person["token"])["items"]
    assert [booking["title"] for booking in seen] == [talk]

    open_menu(page, "Experts")
    page.get_by_role("link", name="Add expert").click()
    fill(page, {"Account": person["email"], "What they offer": "Clocks"})
    page.get_by_role("button", name="Add expert").click()
    told(page, "Expert added.")
    expert_url = page.url
    page.get_by_role("link", name="Edit").click()
    fill(page, {"About": "Repairs clocks."})
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")
    page.get_by_role("link", name="Add an event type").click()
    fill(page, {"Title": f"Repair {mark}", "Length in minutes": "45"})
    page.get_by_role("button", name="Add event type").click()
    told(page, "Event type added.")
    type_url = page.url
    page.get_by_role("link", name="Edit").click()
    fill(page, {"Length in minutes": "50"})
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")

    open_menu(page, "Bookings")
    page.get_by_role("link", name="Add booking").click()
    page.get_by_role("link", name="Reservation").click()
    fill(page, {"Title": f"Setup {mark}", "Starts": f"{DAY}T08:00", "Ends": f"{DAY}T09:10"})
    page.get_by_label("Room").select_option(label=f"{room} (Europe/Berlin)")
    page.get_by_role("button", name="Add reservation").click()
    told(page, "Booking added.")
    page.get_by_role("link", name="Edit").click()
    fill(page, {"Ends": f"{DAY}T09:20"})
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")
    expect(page.locator("dl")).to_contain_text("08:00\u201309:20")
    page.get_by_role("link", name="Cancel booking").click()
    fill(page, {"Reason": "No longer needed"})
    page.get_by_role("button", name="Cancel booking").click()
    told(page, "cancelled")

    open_menu(page, "Users")
    page.get_by_role("searchbox").fill(person["email"])
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=f"Ben {mark}", exact=True).click()
    page.get_by_role("link", name="Edit").click()
    fill(page, {"Name": f"Benjamin {mark}"})
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")
    keep(page, f"Benjamin {mark}", "Deactivate the account instead.")

    page.goto(session_url)
    page.get_by_role("link", name="Cancel session").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Cancel “{talk}”?")
    page.get_by_role("button", name="Cancel session").click()
    told(page, "with a mail to 1 attendee")
    page.goto(type_url)
    remove(page, f"Repair {mark}")
    told(page, "deleted")
    page.goto(expert_url)
    remove(page, f"Ben {mark}")
    told(page, "deleted")
    for url, kept, instead in (
        (event_url, event, "Take its agenda off the public instead."),
        (room_url, room, "Close it for a time instead."),
    ):
        page.goto(url)
        keep(page, kept, instead)
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page).to_have_url(room_url)

    page.goto("/backoffice/rooms/add")
    fill(page, {"Name": f"Spare {mark}"})
    page.get_by_role("button", name="Add room").click()
    open_menu(page, "Rooms")
    page.get_by_role("searchbox").fill(f"Spare {mark}")
    page.get_by_role("button", name="Show").click()
    page.get_by_label("Select all on this page").check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("button", name="Delete room").click()
    told(page, "deleted")

    open_menu(page, "Audit log")
    page.get_by_role("searchbox").fill("First Admin")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row")).not_to_have_count(1)


def test_back_office_pages(face: Page, site: Site, sign_in: SignIn, admin: str) -> None:
    host = site.host(f"Nora {secrets.token_hex(2)}")
    site.book(host, site.free_starts(host)[0])
    face.goto("/backoffice/rooms/list/")
    expect(face).to_have_url(re.compile(r"/login/\?next="))
    check(face)
    sign_in(face, admin)
    pages = ["/backoffice/", "/backoffice/bookings/add", "/backoffice/rooms/list/?q=nothing"]
    for path in ("bookings", "sessions", "events", "rooms", "experts", "event-types", "users"):
        face.goto(f"/backoffice/{path}/list/")
        check(face)
        first = face.locator("tbody th a").first.get_attribute("href")
        assert first
        number = first.rsplit("/", 1)[1]
        pages += [first, *(f"/backoffice/{path}/{each}/{number}" for each in ("edit", "delete"))]
        if path != "bookings":
            pages.append(f"/backoffice/{path}/add")
    pages += [f"/backoffice/bookings/add?kind={kind}" for kind in ("appointment", "seat")]
    pages += [f"/backoffice/{path}/list/" for path in ("roles", "outbox", "audit")]
    for path in pages:
        answer = face.goto(path)
        assert answer
        assert answer.status == 200, path
        expect(face.get_by_role("heading", level=1)).to_have_count(1)
        check(face)
    face.goto("/backoffice/bookings/add?kind=reservation")
    face.get_by_role("button", name="Add reservation").click()
    expect(face.get_by_role("alert")).to_be_visible()
    check(face)
