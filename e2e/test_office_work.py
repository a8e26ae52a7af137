"""What admins and contributors do on the day: move sessions, import lists, cancel, check in."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app import create_app
from app.services import accounts
from app.services.policy import CONTRIBUTOR
from e2e.axe import check
from e2e.gathering import ADMINISTRATOR, ZONE, AgendaPage, Gathering, gather
from e2e.site import PASSWORD, Site
from e2e.test_accessibility import face
from e2e.test_backoffice import admin, told
from tests.conftest import settings_for

__all__ = ["admin", "face"]  # the fixtures

SignIn = Callable[..., None]
PEOPLE = (
    b"Mail;Full name;Ticket\nkim@example.org;Kim Roe;T1\nnobody;X;T2\n=cmd@example.org;Eve;T3\n"
)


@pytest.fixture(scope="session")
def office(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application beside the server."""
    return create_app(settings_for(site.database_url, tmp_path_factory.mktemp("office")))


@pytest.fixture
def gathering(site: Site, office: Flask) -> Gathering:
    return gather(office, site)


@pytest.fixture
def contributor(office: Flask) -> str:
    """The address of a contributor."""
    email = f"cora.{secrets.token_hex(3)}@example.org"
    with office.app_context():
        accounts.create_account(
            "Cora Staff", email, PASSWORD, roles=[CONTRIBUTOR], actor=ADMINISTRATOR
        )
    return email


def local(instant: str, minutes: int = 0) -> str:
    """What a field for a local time takes."""
    at = datetime.fromisoformat(instant) + timedelta(minutes=minutes)
    return f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M}"


def test_a_session_moves_and_everybody_hears_of_it(
    page: Page,
    another_page: Callable[[], Page],
    site: Site,
    sign_in: SignIn,
    admin: str,
    gathering: Gathering,
) -> None:
    """Iris comes along and sees it happen; Jo has something else then, and loses the seat."""
    title = "Opening workshop"
    iris, jo = site.register("Iris Falk"), site.register("Jo Busy")
    gathering.seat(title, iris)
    gathering.seat(title, jo)
    gathering.seat("The last seat", jo)
    phone = another_page()
    sign_in(phone, iris["email"])
    agenda = AgendaPage(phone, gathering).settled()
    expect(agenda.row(title)).to_contain_text("10:00")

    sign_in(page, admin)
    page.goto(f"/backoffice/sessions/edit/{gathering.ids[title]}")
    session = gathering.session_of("The last seat", iris)
    page.get_by_label("Starts").fill(local(session["starts_at"], 15))
    page.get_by_label("Ends").fill(local(session["ends_at"], 15))
    page.get_by_label("Room").select_option(
        label=re.sub("Hall 2", "Attic", session["room"]["name"])
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Change “{title}”?")
    impact = page.locator("[data-impact]")
    for text in (
        "1 keeps the seat",
        "1 loses the seat",
        "2 get a mail",
        "Jo Busy",
        "Has The last seat",
    ):
        expect(impact).to_contain_text(text)
    expect(agenda.row(title)).to_contain_text("10:00")  # nothing has happened yet
    page.get_by_role("button", name="Change something").click()
    expect(page.get_by_label("Starts")).to_have_value(local(session["starts_at"], 15))
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Save, and release 1 seat").click()
    told(page, "1 seat released, 2 attendees told by mail.")

    expect(agenda.row(title)).to_contain_text("14:15")
    expect(agenda.row(title)).to_contain_text("Attic")
    expect(agenda.button(title)).to_have_attribute("name", "release")
    assert site.mails_to(iris["email"])[-1] == "seat_rescheduled"
    assert site.mails_to(jo["email"])[-1] == "seat_cancelled"
    page.goto(f"/backoffice/outbox/list/?q={jo['email']}")
    expect(page.locator("tbody")).to_contain_text("Seat cancelled")


def test_a_list_with_a_bad_row_and_a_cancellation_taken_back(
    page: Page, site: Site, sign_in: SignIn, admin: str, gathering: Gathering
) -> None:
    sign_in(page, admin)
    page.goto("/backoffice/imports/")
    page.get_by_label("Attendees", exact=True).check()
    page.get_by_label("Event", exact=False).first.select_option(gathering.slug)
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE}
    page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Email")).to_have_value("0")
    page.get_by_label("Email").select_option("")
    page.get_by_role("button", name="Show what it would change").click()
    expect(page.get_by_role("alert")).to_contain_text("Say which column holds: Email.")
    page.get_by_label("Email").select_option(label="Mail")
    page.get_by_role("button", name="Show what it would change").click()
    expect(page.locator("tr[data-action=add]")).to_have_count(2)
    expect(page.locator("tr[data-action=error]")).to_contain_text("Use an address like")
    page.get_by_role("button", name="Import 2 lines").click()
    expect(page.get_by_role("heading", name="What was imported")).to_be_visible()
    with page.expect_download() as download:
        page.goto("/backoffice/imports/")
        name = f"CSV Attendees, {gathering.slug}"
        link = f"/export/attendees.csv?event={gathering.slug}"
        page.locator(f'a[href$="{link}"]').click()
    exported = download.value.path().read_text("utf-8-sig")
    assert "'=cmd@example.org,Eve,T3" in exported, name
    assert "Kim Roe" in exported

    people = [site.register(f"Guest {number}") for number in range(2)]
    uids = [gathering.seat("Hands on clocks", person)["uid"] for person in people]
    page.goto(f"/backoffice/bookings/list/?session={gathering.ids['Hands on clocks']}")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Cancel selected").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 2 bookings?")
    page.get_by_label("Reason").fill("The clocks are late")
    page.get_by_role("button", name="Cancel bookings").click()
    told(page, "cancelled")
    expect(page.locator(".undo-bar")).to_contain_text("2 cancelled.")

    def states() -> list[str]:
        return [
            site.call("GET", f"/api/bookings/{uid}", token=person["token"])["booking"]["status"]
            for person, uid in zip(people, uids, strict=True)
        ]

    assert states() == ["cancelled", "cancelled"]
    page.get_by_role("button", name="Undo").click()
    told(page, "Taken back: 2 cancelled.")
    assert states() == ["confirmed", "confirmed"]
    page.goto("/backoffice/audit/list/?q=First%20Admin")
    for deed in ("Restore", "Import attendees"):
        expect(page.locator("tbody")).to_contain_text(deed)


def test_a_contributor_runs_the_door(
    page: Page, sign_in: SignIn, contributor: str, gathering: Gathering, office: Flask
) -> None:
    from app.services import admission

    with office.app_context():
        for name in ("Ann", "Bo"):
            email = f"{name.lower()}@{gathering.slug}.example.org"
            admission.add_attendee(ADMINISTRATOR, gathering.slug, name=name, email=email)
    sign_in(page, contributor)
    page.goto("/backoffice/")
    expect(page.get_by_role("heading", name="Check-ins so far")).to_be_visible()
    expect(page.get_by_text("mails failed")).to_have_count(0)
    page.get_by_role("link", name="Sessions", exact=True).first.click()
    expect(page.get_by_role("link", name="Add session")).to_have_count(0)

    page.goto(f"/backoffice/attendees/list/?q={gathering.slug}")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Check in").click()
    page.get_by_role("button", name="Check in attendees").click()
    told(page, "2 checked in.")
    expect(page.locator("tbody")).not_to_contain_text("Not yet")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tbody tr").filter(has_text="Not yet")).to_have_count(2)

    page.goto("/backoffice/events/list/?q=Clocks")
    page.get_by_role("link", name="Clocks & Calendars").first.click()
    page.get_by_role("link", name="QR code and badges").click()
    poster = page.get_by_role("link", name="Poster, A4 PDF").get_attribute("href")
    assert poster
    answer = page.request.get(poster)
    assert (answer.status, answer.body()[:5]) == (200, b"%PDF-")


def test_a_long_list_keeps_what_is_done_with_it_in_sight(
    page: Page, site: Site, sign_in: SignIn, admin: str
) -> None:
    """On a wide page, and on a phone, where the list is ordered and narrowed from one fold."""
    who = {"email": admin, "password": PASSWORD}
    token = site.call("POST", "/api/auth/login", who)["access_token"]
    mark = secrets.token_hex(3)
    for number in range(14):
        room = {"name": f"Booth {mark} {number:02}", "capacity": 20 - number}
        site.call("POST", "/api/rooms", room, token=token)
    sign_in(page, admin)
    wide, phone = {"width": 1280, "height": 600}, {"width": 390, "height": 844}
    listed, chosen = page.locator("tbody tr"), page.locator("tbody input:checked")
    bar = page.get_by_role("button", name="Delete selected")
    for size in (wide, phone):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(f"/backoffice/rooms/list/?q={mark}")
        expect(bar).to_be_hidden()
        page.locator("tbody input").first.check()
        expect(bar).to_be_in_viewport(ratio=1)
        check(page)
    page.get_by_label("Select all", exact=True).check()
    expect(chosen).to_have_count(14)
    expect(page.get_by_text("14 selected")).to_be_in_viewport()

    expect(page.get_by_label("Sort by")).to_be_hidden()
    page.get_by_text("Filter and sort").click()
    page.get_by_label("Sort by").select_option("Capacity")
    check(page)
    page.get_by_role("button", name="Show").click()
    expect(listed.first).to_contain_text("Booth " + mark + " 13")
    page.set_viewport_size(wide)  # type: ignore[arg-type]
    expect(page.get_by_text("Filter and sort")).to_be_hidden()
    page.mouse.move(640, 300)
    page.mouse.wheel(0, 400)  # the page itself scrolls, and the head stays
    expect(page.get_by_role("columnheader", name="Capacity")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") > 0

    page.goto(f"/backoffice/rooms/list/?q={mark}&order=colour")
    expect(page.get_by_role("alert")).to_contain_text("Sort by “colour”: This is none of its")
    check(page)


def test_office_work_looks_right(
    face: Page, site: Site, sign_in: SignIn, admin: str, gathering: Gathering
) -> None:
    """Each new page and state: no violation, nothing wider than the window."""
    title = "Hands on clocks"
    for person in (site.register("Iris Falk"), site.register("Jo Busy")):
        gathering.seat(title, person)
        waiting: dict[str, Any] = site.register()
    site.call("POST", f"/api/sessions/{gathering.ids[title]}/waitlist", {}, token=waiting["token"])
    number = gathering.ids[title]
    sign_in(face, admin)
    for path in (
        "/backoffice/",
        "/backoffice/waitlist/list/",
        f"/backoffice/sessions/show/{number}",
        f"/backoffice/sessions/delete/{number}",
        f"/backoffice/sessions/delete/?pk={number}&pk={gathering.ids['Lunch talk']}",
        "/backoffice/attendees/list/",
        "/backoffice/attendees/add",
        "/backoffice/reports/",
        "/backoffice/reports/lead-time?by=month",
        "/backoffice/reports/no-shows?from=2001-01-01&to=2001-01-31",
        "/backoffice/imports/",
    ):
        answer = face.goto(path)
        assert answer
        assert answer.status == 200, path
        expect(face.get_by_role("heading", level=1)).to_have_count(1)
        check(face)
    face.goto(f"/backoffice/sessions/move-room/?pk={number}&pk={gathering.ids['Lunch talk']}")
    face.get_by_label("Room").select_option(index=1)
    face.get_by_role("button", name="Move sessions").click()
    expect(face.locator("[data-row]")).to_have_count(2)
    check(face)
    first, last = gathering.days
    face.goto(f"/backoffice/reports/?from={first}&to={last}&by=day")
    face.get_by_text("As a table").click()
    check(face)
    face.goto(f"/backoffice/sessions/edit/{number}")
    face.get_by_label("Seats").fill("1")
    face.get_by_role("button", name="Save").click()
    expect(face.get_by_text("2 seats are taken.")).to_be_visible()
    check(face)
    face.goto("/backoffice/imports/")
    face.get_by_role("button", name="Upload").click()
    expect(face.get_by_role("alert")).to_be_visible()
    check(face)
    face.get_by_label("Event", exact=False).first.select_option(gathering.slug)
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE}
    face.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    face.get_by_role("button", name="Upload").click()
    check(face)
    face.get_by_role("button", name="Show what it would change").click()
    expect(face.locator("tr[data-action=error]")).to_have_count(1)
    check(face)
    face.goto(f"/backoffice/bookings/list/?session={number}")
    face.locator("tbody input[type=checkbox]").first.check()
    face.get_by_role("button", name="Cancel selected").click()
    face.get_by_role("button", name="Cancel booking").click()
    expect(face.locator(".undo-bar")).to_be_visible()
    check(face)
