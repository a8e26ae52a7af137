"""From the QR code at the door into the agenda, with mails through a real SMTP server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from e2e.axe import check
from e2e.inbox import Inbox
from e2e.pictures import scanned
from e2e.site import PASSWORD, ROOT, Site

SLUG = "hours-and-minutes"  # the sample's event
_serial = count(1)
_qr_urls: dict[str, str] = {}


@dataclass
class Venue:
    """A served event with a door, and whoever comes to it."""

    site: Site
    inbox: Inbox
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def phone(self, **options: Any) -> Page:
        """Somebody's phone; nothing may go wrong on it unnoticed."""
        values = {"viewport": {"width": 390, "height": 844}, "has_touch": True, **options}
        context = self.browser.new_context(base_url=self.site.url, locale="en-GB", **values)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        return page

    def desk(self, **options: Any) -> Page:
        """The phone of staff, signed in."""
        page = self.phone(**options)
        page.goto("/login/?next=/check-in")
        page.get_by_label("Email or user name").fill(self.site.admin_email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Check-in")).to_be_visible()
        return page

    def command(self, *arguments: str) -> str:
        """What a `flask booking` command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "booking", *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                "FLASK_APP": "app",
                "DATABASE_URL": self.site.database_url,
                "PUBLIC_URL": self.site.url,
                "SECRET_KEY": "of the command line, which needs none" * 2,
                "PYTHONWARNINGS": "ignore",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def attendee(self, name: str) -> str:
        """The address of somebody new on the list, who is not in yet."""
        email = f"a{next(_serial)}@example.org"
        self.site.call(
            "POST",
            f"/api/events/{SLUG}/attendees",
            {"name": name, "email": email},
            token=self.token,
        )
        return email

    def admit(self, email: str) -> None:
        path = f"/api/events/{SLUG}/check-in"
        self.site.call("POST", path, {"emails": [email]}, token=self.token)

    @property
    def token(self) -> str:
        body = {"email": self.site.admin_email, "password": PASSWORD}
        return str(self.site.call("POST", "/api/auth/login", body)["access_token"])

    @property
    def qr_url(self) -> str:
        if self.site.url not in _qr_urls:  # a command takes seconds
            _qr_urls[self.site.url] = self.command("qr", "--event", SLUG)
        return _qr_urls[self.site.url]


@pytest.fixture(scope="module")
def served(mailing: tuple[Site, Inbox]) -> tuple[Site, Inbox]:
    """A server that sends mail, whose event admits who is checked in."""
    site, _ = mailing
    site.settle_admin()
    with site.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE event SET admission = 'checked_in', public = false")
    return mailing


@pytest.fixture
def venue(served: tuple[Site, Inbox], browser: Browser) -> Iterator[Venue]:
    made = Venue(*served, browser)
    yield made
    for context in made.contexts:
        context.close()


def test_from_the_door_into_the_agenda(venue: Venue) -> None:
    email = venue.attendee("Ines Vogel")
    desk = venue.desk()
    desk.get_by_role("link", name="Hours & Minutes").click()
    desk.get_by_label("Name or email").fill("ines")
    desk.get_by_role("button", name="Check in Ines Vogel").click()
    expect(desk.get_by_text("In since")).to_be_visible()

    desk.get_by_role("link", name="QR code and badges").click()
    poster = desk.get_by_role("img", name="The QR code of")
    url = scanned(poster)
    assert url == venue.qr_url

    phone = venue.phone()
    phone.goto(url)
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Hours & Minutes")
    phone.get_by_label("Email").fill(f" {email.upper()}")
    phone.get_by_role("button", name="Send me a code").tap()
    field = phone.get_by_label("Code from the mail")
    expect(field).to_be_focused()
    code = venue.inbox.code(email)
    phone.reload()  # as phones do after the mail was read in another app
    phone.get_by_label("Code from the mail").press_sequentially(code)
    expect(phone).to_have_url(re.compile(f"/agenda/{SLUG}$"))

    # The fourth tap: booked, and the row, the schedule and a mail say so.
    book = phone.locator(".act--book").first
    row = phone.locator(".session", has=book).first
    title = (row.locator(".session__title").text_content() or "").strip()
    taken = row.get_attribute("id")
    book.tap()
    expect(phone.locator(f"#{taken} [data-places]")).to_have_text("Booked")
    phone.goto(f"/agenda/{SLUG}/mine")
    expect(phone.get_by_role("link", name=title, exact=True)).to_be_visible()
    assert venue.inbox.mail(email, 2)["Subject"].startswith(f"Your seat: {title}, ")
    phone.goto(url)
    expect(phone.get_by_role("link", name="Open the agenda")).to_be_visible()


def test_a_pasted_code_sends_itself_and_a_wrong_one_is_typed_anew(venue: Venue) -> None:
    email = venue.attendee("Samir Haddad")
    venue.admit(email)
    phone = venue.phone()
    phone.goto(venue.qr_url)
    phone.get_by_label("Email").fill(email)
    phone.get_by_role("button", name="Send me a code").tap()
    code = venue.inbox.code(email)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    phone.get_by_label("Code from the mail").press_sequentially(f"{wrong[:3]} {wrong[3:]}")
    expect(phone.get_by_text("This code is wrong. 4 tries are left.")).to_be_visible()
    field = phone.get_by_label("Code from the mail")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    phone.evaluate(
        """text => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          const field = document.activeElement;
          if (field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, cancelable: true})))
            document.execCommand("insertText", false, text);
        }""",
        f" {code[:3]}-{code[3:]} ",
    )
    expect(phone).to_have_url(re.compile(f"/agenda/{SLUG}$"))


def test_without_javascript(venue: Venue) -> None:
    email = venue.attendee("Vera Lang")
    desk = venue.desk(java_script_enabled=False)
    desk.goto(f"/check-in/{SLUG}")
    desk.get_by_label("Name or email").fill("vera")
    desk.get_by_role("button", name="Search").click()
    desk.get_by_role("button", name="Check in Vera Lang").click()
    expect(desk.get_by_text("Vera Lang is checked in.")).to_be_visible()
    expect(desk).to_have_url(re.compile(r"q=vera$"))

    phone = venue.phone(java_script_enabled=False)
    phone.goto(venue.qr_url)
    phone.get_by_label("Email").fill(email)
    phone.get_by_role("button", name="Send me a code").tap()
    phone.get_by_label("Code from the mail").fill(venue.inbox.code(email))
    phone.get_by_role("button", name="Open the agenda").tap()
    expect(phone).to_have_url(re.compile(f"/agenda/{SLUG}$"))


def test_who_is_not_checked_in_is_told_nothing_and_mailed_nothing(venue: Venue) -> None:
    email = venue.attendee("Not Yet")
    phone = venue.phone()
    phone.goto(venue.qr_url)
    phone.get_by_label("Email").fill(email)
    phone.get_by_role("button", name="Send me a code").tap()
    expect(phone.get_by_text("a code is on its way there")).to_be_visible()
    expect(phone.get_by_text("Check in at the door first")).to_be_visible()
    again = phone.get_by_role("button", name="Send another code")
    expect(again).to_be_disabled()
    expect(again).to_have_text(re.compile(r"\(\d+ s\)"))

    venue.admit(email)
    phone.get_by_role("button", name="Use another address").tap()
    phone.get_by_label("Email").fill(email)
    phone.get_by_role("button", name="Send me a code").tap()
    # The first mail was never sent: this one is the first to arrive.
    phone.get_by_label("Code from the mail").press_sequentially(venue.inbox.code(email))
    expect(phone).to_have_url(re.compile(f"/agenda/{SLUG}$"))
    assert [to for to, _ in venue.inbox.mails].count(email) == 1


def test_one_tap_undo_and_walk_in(venue: Venue) -> None:
    venue.attendee("Tomás Okafor")
    desk = venue.desk()
    desk.goto(f"/check-in/{SLUG}?q=okafor")
    desk.get_by_role("button", name="Check in Tomás Okafor").tap()
    expect(desk.get_by_role("button", name="Undo check-in of Tomás Okafor")).to_be_focused()
    desk.get_by_role("status").get_by_role("button", name="Undo").tap()
    expect(desk.get_by_role("button", name="Check in Tomás Okafor")).to_be_visible()

    walk_in = f"walkin{next(_serial)}@example.org"
    desk.get_by_label("Name or email").fill(walk_in)
    expect(desk.get_by_text("Nobody on the list matches")).to_be_visible()
    desk.get_by_text("Somebody who is not on the list").tap()
    add = desk.get_by_role("button", name="Add and check in")
    desk.get_by_label("Email", exact=True).fill("nothing")
    add.tap()
    expect(desk.get_by_text("does not look like an email address").first).to_be_visible()
    desk.get_by_label("Email", exact=True).fill(walk_in)
    add.tap()
    expect(desk.get_by_text(f"{walk_in} is checked in.")).to_be_visible()
    expect(desk.get_by_text("In since")).to_be_visible()


def test_badges_by_the_phones_camera_and_by_the_page(venue: Venue) -> None:
    email = venue.attendee("Mara Lindqvist")
    listed = venue.site.call("GET", f"/api/events/{SLUG}/attendees?q={email}", token=venue.token)
    badge = listed["items"][0]["badge"]
    url = f"{venue.site.url}/check-in/badge/{badge}"

    desk = venue.desk()
    desk.goto(url)
    desk.get_by_role("button", name="Check in Mara Lindqvist").tap()
    expect(desk.get_by_text("Checked in,")).to_be_visible()

    # Chromium on Linux has no BarcodeDetector: this one finds what it is told.
    camera = venue.desk()
    camera.add_init_script(
        """
        window.shown = null;
        window.BarcodeDetector = class {
          static async getSupportedFormats() { return ["qr_code"]; }
          async detect() { return window.shown ? [{rawValue: window.shown}] : []; }
        };
        navigator.mediaDevices.getUserMedia = async () => {
          const canvas = document.createElement("canvas");
          canvas.getContext("2d").fillRect(0, 0, 9, 9);
          return canvas.captureStream(5);
        };
        """
    )
    camera.goto(f"/check-in/{SLUG}")
    camera.get_by_role("button", name="Scan badges").tap()
    said = camera.locator("[data-scanner-said]")
    expect(said).to_have_text("Hold a badge in front of the camera.")

    def show(text: str) -> None:
        camera.evaluate("text => { window.shown = text }", text)

    show("https://elsewhere.example/ticket")
    expect(said).to_have_text("This is no badge.")
    show(url)
    expect(said).to_have_text("Mara Lindqvist was checked in before.")
    other = venue.attendee("Aiko Brandt")
    found = venue.site.call("GET", f"/api/events/{SLUG}/attendees?q={other}", token=venue.token)
    show(f"{venue.site.url}/check-in/badge/{found['items'][0]['badge']}")
    expect(said).to_have_text("Aiko Brandt is checked in.")
    camera.get_by_role("button", name="Scan badges").tap()
    expect(said).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_every_state_is_accessible(venue: Venue, width: int, scheme: str) -> None:
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    phone, desk = venue.phone(**look), venue.desk(**look)
    email = venue.attendee("Karen Spärck Jones")
    venue.admit(email)

    phone.goto("/q/nothing")
    check(phone)
    phone.goto(venue.qr_url)
    check(phone)
    phone.get_by_role("button", name="Send me a code").click()
    expect(phone.get_by_role("alert")).to_be_visible()
    check(phone)
    phone.get_by_label("Email").fill(email)
    phone.get_by_role("button", name="Send me a code").click()
    expect(phone.get_by_label("Code from the mail")).to_be_visible()
    check(phone)
    phone.get_by_label("Code from the mail").fill("123")
    phone.get_by_role("button", name="Open the agenda").click()
    expect(phone.get_by_text("The code has 6 digits.")).to_be_visible()
    check(phone)

    for path in ("", f"/{SLUG}", f"/{SLUG}?q=nobody-at-all", f"/{SLUG}/print", f"/{SLUG}/import"):
        desk.goto(f"/check-in{path}")
        check(desk)
    content = "email,name\nnew@example.org,New\nnobody,X\n"
    desk.set_input_files(
        "#import-file",
        {"name": "list.csv", "mimeType": "text/csv", "buffer": content.encode()},
    )
    desk.get_by_role("button", name="Show what it would change").click()
    expect(desk.get_by_role("heading", name="What it would change")).to_be_visible()
    check(desk)
