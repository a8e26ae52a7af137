"""Mails, their words, settings and the audit log in the back-office."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import update

from app.extensions import db
from app.models import AuditEntry, Booking, Event, MailText, OutboxMessage
from app.services import accounts, audit, rooms, settings
from app.services.transaction import transactional
from tests import factories
from tests.views.admin.conftest import NINE, Office, World
from tests.views.admin.test_writes import field

SETTINGS = "/backoffice/settings/"
TEXT = "/backoffice/mail-texts/edit/seat_confirmed"


@pytest.fixture(autouse=True)
def fresh_settings(world: World) -> Any:
    world.app.extensions.pop("rendezvous.settings", None)
    yield
    world.app.extensions.pop("rendezvous.settings", None)


def filled(office: Office, path: str) -> dict[str, str]:
    """What a form is sent with when nothing is changed."""
    page = office.get(path).text
    found = {}
    for tag, attributes, text in re.findall(
        r'<(input|textarea)\b([^>]*class="input[^>]*)>(?:\r?\n)?([^<]*)', page
    ):
        name = re.search(r'name="(\w+)"', attributes)
        value = re.search(r'value="([^"]*)"', attributes)
        assert name
        found[name[1]] = unescape(text if tag == "textarea" else value[1] if value else "")
    return found


def mail_of(world: World, **values: Any) -> int:
    """The first mail of the outbox, with these values."""
    with world.app.app_context():
        pk = db.session.scalars(db.select(db.func.min(OutboxMessage.id))).one()
        if values:
            transactional(
                lambda: db.session.execute(
                    update(OutboxMessage).where(OutboxMessage.id == pk).values(values)
                )
            )()
        return pk


# -- settings ------------------------------------------------------------------------


def test_settings_are_shown_changed_seen_and_put_back(world: World, office: Office) -> None:
    values = filled(office, SETTINGS)
    assert values["product_name"] == "Rendezvous"
    assert values["hours_0"] == "08:00-17:00"
    assert values["hours_6"] == ""
    changed = values | {
        "product_name": "Timetable",
        "accent": "#7A1FA2",
        "hours_0": "9:00 to 12:30, 13:30-18:00",
        "hours_1": "",
    }
    assert office.done(SETTINGS, changed) == SETTINGS
    guest = world.office(None)
    page = guest.page("/")
    assert "Timetable" in page
    [link] = re.findall(r'href="(/theme\.css\?v=\d+)"', page)
    sheet = guest.get(link)
    assert "--accent: light-dark(#7a1fa2, " in sheet.text
    assert "immutable" in sheet.headers["Cache-Control"]
    assert guest.get("/theme.css?v=0").headers["Cache-Control"] == "no-cache"
    assert filled(office, SETTINGS)["hours_0"] == "09:00-12:30, 13:30-18:00"
    with world.app.app_context():
        [entry] = world.entries("settings", "update")
        assert entry.before["product_name"] == "Rendezvous"
        assert entry.changes["product_name"] == "Timetable"
    reset = "/backoffice/settings/reset"
    assert re.findall(rf'"{reset}\?group=(\w+)"', office.page(SETTINGS)) == ["look", "hours"]
    page = office.page(f"{reset}?group=look")
    assert "Back to the defaults of “Look”?" in page
    assert "Timetable" in page
    assert "Monday 09:00" not in page
    office.done(reset, {"group": "look", "seen": field(page, "seen")})
    assert filled(office, SETTINGS)["hours_0"] == "09:00-12:30, 13:30-18:00"
    page = office.page(reset)
    assert "Monday 09:00-12:30, 13:30-18:00" in page
    assert office.get(f"{reset}?group=none").status_code == 404
    with world.app.app_context():
        settings.update(world.root, {"audit_days": 100})
    late = office.refused(reset, {"seen": field(page, "seen")})
    assert "changed in the meantime" in late
    assert "Audit log, days" in late
    office.done(reset, {"seen": field(late, "seen")})
    assert "nothing to put back" in office.page(reset)
    assert "/theme.css" not in guest.page("/")
    assert filled(office, SETTINGS) == values


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("product_name", "", "required"),
        ("accent", "#ffd400", "Too light"),
        ("accent", "teal", "like #0c6765"),
        ("hours_2", "eight", "like 08:00-17:00"),
        ("hours_2", "09:00-08:00", ""),
        ("hours_2", "09:00-11:00, 10:00-12:00", ""),
        ("audit_days", "1", "Between 30"),
        ("mail_days", "soon", "whole number"),
        ("guest_days", "-1", "Between 0"),
    ],
)
def test_refused_settings_keep_what_was_typed(
    world: World, office: Office, name: str, value: str, said: str
) -> None:
    page = office.refused(SETTINGS, filled(office, SETTINGS) | {name: value, "hours_4": ""})
    assert said in page
    assert f'href="#field-{name}"' in page
    assert value in page
    with world.app.app_context():
        assert settings.current().version == 0


def test_all_mistakes_in_settings_are_told_at_once(world: World, office: Office) -> None:
    wrong = {"product_name": "", "accent": "#ffff00", "hours_0": "9-12", "audit_days": "5"}
    page = office.refused(SETTINGS, filled(office, SETTINGS) | wrong | {"mail_days": "soon"})
    for name in (*wrong, "mail_days"):
        assert page.count(f'href="#field-{name}"') == 1, name
    for said in ("Too light", "like 08:00-17:00", "Between 30", "whole number"):
        assert said in page, said
    with world.app.app_context():
        assert settings.current().version == 0


def test_settings_that_somebody_else_saved_are_not_lost(world: World, office: Office) -> None:
    other = world.office(world.root)
    first, second = filled(office, SETTINGS), filled(other, SETTINGS)
    assert field(office.page(SETTINGS), "seen") == "0"
    other.done(SETTINGS, second | {"audit_days": "100"})
    seen = {"seen": "0"}
    page = office.refused(SETTINGS, first | seen | {"product_name": "Mine"})
    assert "Somebody changed this in the meantime." in page
    assert 'value="Mine"' in page
    assert settings_of(world).audit_days == 100
    office.done(SETTINGS, first | {"product_name": "Mine", "seen": field(page, "seen")})
    assert settings_of(world).product_name == "Mine"


def settings_of(world: World) -> settings.Settings:
    with world.app.app_context():
        return settings.current()


# -- mail texts ----------------------------------------------------------------------


def test_a_mail_text_is_listed_previewed_saved_and_reset(world: World, office: Office) -> None:
    assert "Seat confirmed" in office.page("/backoffice/mail-texts/list/")
    values = filled(office, TEXT)
    changed = values | {"heading": "Hurrah, {title}", "intro": "<b>{event}</b>"}
    token = {"show": "1"}
    answer = office.post(TEXT, changed | token)
    page = unescape(answer.text)
    assert answer.status_code == 200
    assert "Preview, not saved yet" in page
    [frame] = re.findall(r'<iframe[^>]* src="([^"]+)"', answer.text)
    shown = office.get(unescape(frame))
    assert "Hurrah, Letterpress by hand" in shown.text
    assert "&lt;b&gt;Spring gathering&lt;/b&gt;" in shown.text
    with world.app.app_context():
        assert db.session.query(MailText).count() == 0
    assert office.done(TEXT, changed) == TEXT
    assert "Yours" in office.page("/backoffice/mail-texts/list/")
    assert filled(office, TEXT) == changed
    page = office.page("/backoffice/mail-texts/reset/seat_confirmed")
    for text in ("Back to the defaults of “Seat confirmed”?", "Hurrah, {title}", "You have a seat"):
        assert text in page
    assert filled(office, TEXT) == changed
    office.done("/backoffice/mail-texts/reset/seat_confirmed")
    assert filled(office, TEXT) == values


def test_each_language_has_its_own_mail_texts(world: World, office: Office) -> None:
    english, hebrew = filled(office, TEXT), f"{TEXT}?language=he"
    page = office.page(hebrew)
    assert re.search(rf'<a[^>]* href="{re.escape(hebrew)}" aria-current="page"', page)
    assert re.search(r'<textarea[^>]* dir="rtl"[^>]* lang="he"', page)
    [frame] = re.findall(r'<iframe[^>]* src="([^"]+)"', page)
    assert '<html lang="he" dir="rtl">' in office.get(unescape(frame)).text
    changed = filled(office, hebrew) | {"heading": "שלום, {title}"}
    answer = office.post(hebrew, changed | {"show": "1"})
    [frame] = re.findall(r'<iframe[^>]* src="([^"]+)"', answer.text)
    shown = office.get(unescape(frame)).text
    assert "שלום, Letterpress by hand" in shown
    assert 'dir="rtl"' in shown
    assert office.done(hebrew, changed) == hebrew
    assert filled(office, hebrew) == changed
    assert filled(office, TEXT) == english
    history = "/backoffice/audit/list/?object=mail_text:seat_confirmed.he"
    assert history in unquote(unescape(office.page(hebrew)))
    assert "1 found" in office.page(history)
    assert re.search(r'lang="he">עברית</bdi>: Yours', office.page("/backoffice/mail-texts/list/"))
    office.done("/backoffice/mail-texts/reset/seat_confirmed?language=he")
    with world.app.app_context():
        assert db.session.query(MailText).count() == 0
    for path in (TEXT, "/backoffice/mail-texts/list/"):
        assert office.get(f"{path}?language=xx").status_code == 404


def test_an_unknown_placeholder_is_named(office: Office) -> None:
    page = office.refused(TEXT, filled(office, TEXT) | {"intro": "Dear {client}"})
    assert "Not known here: {client}. There are {product}" in page
    assert "Dear {client}" in page
    assert office.get("/backoffice/mail-texts/edit/layout.html").status_code == 404
    assert office.get("/backoffice/mail-texts/preview/seat_confirmed?intro={x}").status_code == 422


@pytest.mark.parametrize(
    "path", ["/backoffice/mail-texts/preview/seat_confirmed", "/backoffice/outbox/preview/{mail}"]
)
def test_a_preview_is_framed_without_scripts(world: World, office: Office, path: str) -> None:
    answer = office.get(path.format(mail=mail_of(world)))
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert policy.endswith("sandbox")
    assert "frame-ancestors 'self'" in policy
    assert "<h1" in answer.text
    framing = office.get(f"/backoffice/outbox/show/{mail_of(world)}").text
    assert re.search(r"<iframe[^>]* sandbox[ >]", framing)


# -- the outbox ----------------------------------------------------------------------


def test_a_failed_mail_says_why_and_is_tried_again(world: World, office: Office) -> None:
    pk = mail_of(world, state="failed", attempts=3, last_error="550 no such user")
    assert "550 no such user" in office.page("/backoffice/outbox/list/?state=failed")
    assert "550 no such user" in office.page(f"/backoffice/outbox/show/{pk}")
    office.done(f"/backoffice/outbox/retry/{pk}")
    assert world.read(OutboxMessage, pk).state == "pending"
    assert len(world.entries("mail", "retry")) == 1
    mail_of(world, state="sent")
    office.done(f"/backoffice/outbox/retry/{pk}")
    assert "It is sent already." in office.page(f"/backoffice/outbox/show/{pk}")


def test_a_mail_is_shown_in_its_language(world: World, office: Office) -> None:
    pk = mail_of(world, language="he")
    assert '<bdi lang="he">עברית</bdi>' in office.get("/backoffice/outbox/list/").text
    page = office.get(f"/backoffice/outbox/show/{pk}").text
    assert '<bdi lang="he">עברית</bdi>' in page
    assert re.search(r'<pre[^>]* lang="he" dir="rtl"', page)
    assert '<html lang="he" dir="rtl">' in office.get(f"/backoffice/outbox/preview/{pk}").text


def test_mails_of_a_booking_are_found_by_its_name(world: World, office: Office) -> None:
    path = f"/backoffice/outbox/list/?booking={world.appointment}"
    assert "Booking: Consultation, Tue 4 Mar, 10:00\u201310:30 CET" in office.page(path)
    assert office.get("/backoffice/outbox/list/?booking=99999").status_code == 422


def test_many_are_tried_again_at_once(world: World, office: Office) -> None:
    with world.app.app_context():
        transactional(lambda: db.session.execute(update(OutboxMessage).values(state="failed")))()
        keys = [*db.session.scalars(db.select(OutboxMessage.id))]
    assert len(keys) > 1
    office.done("/backoffice/outbox/retry/", {"pk": keys})
    with world.app.app_context():
        assert set(db.session.scalars(db.select(OutboxMessage.state))) == {"pending"}


def test_where_no_mail_leaves_pages_say_so(
    world: World, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, mail = "/backoffice/outbox/list/", f"/backoffice/outbox/show/{mail_of(world)}"
    assert "No mail leaves." in office.page(where)
    assert "there is no MAIL_SERVER" in office.page(mail)
    assert "Next try" not in office.page(mail)
    warned = 'figure--warn" href="/backoffice/outbox/list/?state=due"'
    assert warned in office.page("/backoffice/")
    monkeypatch.setitem(world.app.config, "MAIL_SERVER", "smtp.example.org")
    assert "No mail leaves." not in office.page(where)
    assert "MAIL_SERVER" not in office.page(mail)
    assert "Next try" in office.page(mail)
    assert warned not in office.page("/backoffice/")


def test_a_sent_mail_is_said_to_be_shown_in_its_words_or_those_of_today(
    world: World, office: Office
) -> None:
    show = "/backoffice/outbox/show/{}"
    waiting = office.page(show.format(mail_of(world)))
    assert "How it would read now" not in waiting
    sent = office.page(show.format(mail_of(world, state="sent")))
    assert "How it would read now" in sent
    assert "What was sent is not kept" in sent
    known = {"product": "Then", "accent": "#123456", "own": {}, "language": "en"}
    kept = office.page(show.format(mail_of(world, state="sent", wording=known)))
    assert "What it said" in kept
    assert "How it would read now" not in kept


def test_a_test_mail_leads_to_its_state(world: World, office: Office) -> None:
    place = office.done("/backoffice/outbox/test")
    page = office.page(place)
    assert "Test mail to root@example.org" in page
    assert "There is no MAIL_SERVER" in page
    assert "data-pending" in page


# -- the audit log -------------------------------------------------------------------


def test_the_log_is_narrowed_by_who_what_kind_object_door_and_days(
    world: World, office: Office
) -> None:
    with world.app.app_context():
        rooms.update_room(world.root, world.room, {"name": "Great hall"})
        accounts.deactivate(world.root, world.ben.user_id)
    office.done(f"/backoffice/users/activate/{world.ben.user_id}")

    def found(query: str) -> list[str]:
        page = office.page(f"/backoffice/audit/list/?{query}")
        return re.findall(r'/backoffice/audit/show/(\d+)"', page)

    [renamed] = found(f"object=room:{world.room}&action=update")
    page = office.page(f"/backoffice/audit/show/{renamed}")
    assert re.search(r"<td>Hall</td><td>Great hall</td>", page)
    assert len(found(f"who={world.root.user_id}&kind=user")) == 2
    assert len(found("door=backoffice")) == 1
    assert len(found("action=activate&door=backoffice")) == 1
    assert found("since=2031-03-03&until=2031-03-03&action=activate")
    assert not found("since=2031-03-04&action=activate")
    assert not found("until=2031-03-02&action=activate")
    assert found("q=127.0.0.1")
    for wrong in ("since=yesterday", "who=x", "object=room", "object=' or 1=1", "door=window"):
        assert office.get(f"/backoffice/audit/list/?{wrong}").status_code == 422, wrong
    booking = office.page(f"/backoffice/bookings/show/{world.reservation}")
    assert "History" in booking
    assert "Hall → Great hall" in office.page(f"/backoffice/rooms/show/{world.room}")
    assert "Active: yes → no" in office.page(f"/backoffice/users/show/{world.ben.user_id}")


def test_the_log_speaks_in_names_and_is_searched_by_them(world: World, office: Office) -> None:
    path = "/backoffice/audit/list/"
    with world.app.app_context():
        room = factories.make_room(name="Attic").id
        rooms.update_room(world.root, room, {"name": "Loft"})
        rooms.delete_room(world.root, room)
        event, free = db.session.get(Event, world.event), NINE + timedelta(hours=5)
        factories.make_session(event, title="Hands on", room_id=world.room, starts_at=free)
        _import_users(world.root)
    page = office.page(f"{path}?q=hands")
    assert "1 found" in page
    assert "Event session “Hands on”</a>" in page
    [entry] = re.findall(r"/backoffice/audit/show/(\d+)", page)
    page = office.page(f"/backoffice/audit/show/{entry}")
    for name, value in {
        "Room": "Hall",
        "Event": "The gathering",
        "Starts at": "Tue 4 Mar, 15:00 CET",
        "Title": "Hands on",
    }.items():
        assert f'<th scope="row">{name}</th><td></td><td>{value}</td>' in page
    # What is gone keeps its name, and leads nowhere.
    page = office.page(f"{path}?object=room:{room}")
    assert "History of: Room “Loft”" in page
    assert "Room “Attic”" in page
    assert f"/backoffice/rooms/show/{room}" not in page
    assert "2 found" in office.page(f"{path}?q=loft")
    page = office.page(f"{path}?action=import_users")
    assert "1 found" in page
    assert "/backoffice/users/show/0" not in page
    page = office.page(f"{path}?object=booking:{world.read(Booking, world.seat).uid}")
    assert f'/backoffice/bookings/show/{world.seat}">Booking “Opening”</a>' in page


def _import_users(root: Any) -> None:
    @transactional
    def write() -> None:
        audit.record(root, "import_users", "user", 0, added=1, changed=0)

    write()


def test_contributors_see_no_history(world: World) -> None:
    cora = world.office(world.cora)
    page = cora.page(f"/backoffice/rooms/show/{world.room}")
    assert "History" not in page
    assert cora.get("/backoffice/audit/list/").status_code == 403


def test_the_log_offers_no_way_to_change_it(world: World, office: Office) -> None:
    with world.app.app_context():
        pk = db.session.scalars(db.select(AuditEntry.id)).first()
    for path in ("add", f"edit/{pk}", f"delete/{pk}", "delete/", "undo/"):
        assert office.post(f"/backoffice/audit/{path}").status_code in {404, 405}


# -- users ---------------------------------------------------------------------------


def test_a_user_is_signed_out_everywhere(world: World, office: Office) -> None:
    ben = world.office(world.ben)
    ben.page("/profile")
    page = office.page(f"/backoffice/users/show/{world.ben.user_id}")
    assert "1 device" in page
    office.done(f"/backoffice/users/end-access/{world.ben.user_id}")
    assert ben.get("/profile").status_code in {302, 303}
    assert len(world.entries("user", "end_access")) == 1


def test_a_role_says_what_it_adds(world: World, office: Office) -> None:
    lists = office.page("/backoffice/roles/list/")
    shown = {
        name: office.page(f"/backoffice/roles/show/{pk}")
        for pk, name in re.findall(r'/backoffice/roles/show/(\d+)"[^>]*>(\w+)<', lists)
    }
    assert "POST /api/rooms" in shown["Admin"]
    assert "POST /api/rooms" not in shown["Contributor"]
    assert "GET /check-in" in shown["Contributor"]
    assert "GET /check-in" not in shown["Attendee"]
    assert "GET /api/bookings: own" in shown["Attendee"]
    assert "What everybody may." in shown["Public"]
