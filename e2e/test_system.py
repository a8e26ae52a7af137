"""The back-office's system pages: mails and their words, settings, and the log of it all."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import text

from e2e.axe import check
from e2e.site import Site
from e2e.test_accessibility import face
from e2e.test_backoffice import SignIn, admin, fill, open_menu, told

__all__ = ["admin", "face"]  # the fixtures


def test_settings_mail_texts_and_mails_are_changed_and_written_down(
    page: Page, another_page: Callable[[], Page], site: Site, sign_in: SignIn, admin: str
) -> None:
    sign_in(page, admin)
    name = f"House {secrets.token_hex(2)}"
    page.goto("/backoffice/")

    open_menu(page, "Settings")
    fill(page, {"Accent colour": "#ffe14d"})
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("alert")).to_contain_text("Too light")
    fill(page, {"Product name": name, "Accent colour": "#7a1fa2", "Saturday": "10:00-12:00"})
    page.get_by_role("button", name="Save settings").click()
    told(page, "Saved.")
    guest = another_page()
    guest.goto("/experts")
    expect(guest.locator(".brand")).to_contain_text(name)
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    assert "#7a1fa2" in guest.evaluate(accent)

    open_menu(page, "Mail texts")
    page.get_by_role("link", name="Appointment confirmed", exact=True).click()
    fill(page, {"Heading": "See you, {client}"})
    page.get_by_role("button", name="Save text").click()
    expect(page.get_by_role("alert")).to_contain_text("Not known here: {client}")
    fill(page, {"Heading": "See you soon, says {expert}"})
    page.get_by_role("button", name="Preview").click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("heading", level=1)).to_have_text("See you soon, says Nora Berg")
    expect(page.get_by_role("heading", name="Preview, not saved yet")).to_be_visible()
    page.get_by_role("button", name="Save text").click()
    told(page, "Saved.")

    host = site.host(f"Nora {name}")
    client = f"client.{secrets.token_hex(3)}@example.org"
    site.book(host, site.free_starts(host)[0], email=client)
    with site.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE outbox_message SET state = 'failed', attempts = 12,"
                " last_error = '550 no such user' WHERE recipient = :to"
            ),
            {"to": client},
        )
    open_menu(page, "Outbox")
    page.get_by_role("link", name="Failed", exact=True).click()
    page.get_by_role("link", name=client).click()
    expect(page.locator("dl.details")).to_contain_text("550 no such user")
    expect(mail.get_by_role("heading", level=1)).to_have_text(f"See you soon, says {host.name}")
    expect(page.locator(".mail-preview__text")).to_contain_text("/b/\N{BULLET}")
    page.get_by_role("button", name="Try again").click()
    told(page, "tried again")
    expect(page.locator("dl.details")).to_contain_text("Waiting")
    open_menu(page, "Outbox")
    page.get_by_role("button", name="Send me a test mail").click()
    told(page, "There is no MAIL_SERVER")
    expect(page.get_by_text("This page looks again by itself.")).to_be_visible()
    with site.engine.begin() as connection:  # a sender comes by
        connection.execute(
            text("UPDATE outbox_message SET state = 'sent' WHERE recipient = :to"), {"to": admin}
        )
    expect(page.locator("dl.details").get_by_text("Sent", exact=True).first).to_be_visible()
    expect(page.get_by_text("This page looks again by itself.")).to_be_hidden()

    page.goto("/backoffice/mail-texts/edit/appointment_confirmed")
    page.get_by_role("link", name="Reset to default").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Back to the defaults of")
    page.get_by_role("button", name="Reset to default").click()
    told(page, "Our own words are back.")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("row")).to_have_count(3)
    open_menu(page, "Settings")
    page.get_by_role("link", name="All back to the defaults").click()
    expect(page.get_by_role("row", name="Product name")).to_contain_text(name)
    page.get_by_role("button", name="Put the defaults in place").click()
    told(page, "The defaults hold again.")
    expect(page.locator(".brand")).to_contain_text("Rendezvous")
    page.get_by_role("link", name="History").click()
    page.get_by_role("row").nth(2).get_by_role("link").first.click()
    expect(page.get_by_role("row", name="Product name")).to_contain_text(name)
    expect(page.locator("dl.details")).to_contain_text("Back-office, 127.0.0.1")
    page.get_by_role("link", name="All they did").click()
    for deed in ("Retry", "Send test", "Update"):
        expect(page.get_by_role("cell", name=deed, exact=True).first).to_be_visible()


def test_system_pages(face: Page, site: Site, sign_in: SignIn, admin: str) -> None:
    host = site.host(f"Nora {secrets.token_hex(2)}")
    site.book(host, site.free_starts(host)[0])
    sign_in(face, admin)
    pages = ["/backoffice/settings/", "/backoffice/mail-texts/list/"]
    pages += ["/backoffice/mail-texts/edit/one_time_code"]
    for path in ("outbox", "audit", "roles", "users"):
        face.goto(f"/backoffice/{path}/list/")
        check(face)
        first = face.locator("tbody th a").first.get_attribute("href")
        assert first
        pages.append(first)
    face.goto("/backoffice/audit/list/?action=update&since=2020-01-01")
    check(face)
    for path in pages:
        answer = face.goto(path)
        assert answer
        assert answer.status == 200, path
        expect(face.get_by_role("heading", level=1)).to_have_count(1)
        expect(face.locator("html")).to_have_attribute("lang", re.compile("^[a-z]{2}"))
        check(face)
    face.goto("/backoffice/settings/")
    face.get_by_label("Product name").fill("")
    face.get_by_role("button", name="Save settings").click()
    expect(face.get_by_role("alert")).to_be_visible()
    check(face)
    face.goto("/backoffice/mail-texts/edit/seat_confirmed")
    face.get_by_text("As plain text").click()
    check(face)
