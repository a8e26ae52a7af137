"""What guests left: given out in full, taken out everywhere, and not kept for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.services import guarantees, guests, privacy, settings
from app.services.appointments import Client, book_appointment
from app.services.bookings import get_booking
from app.services.cancellation import cancel_booking
from app.services.errors import Gone, InvalidInput, NotAllowed, NotFound
from app.services.manage_links import manage_token
from app.services.restoring import restore_booking
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
HALF = timedelta(minutes=30)
DAY = timedelta(days=1)
CANARY = Client("Canary Bird", "canary@example.org", "+49 canary", "canary notes")


def make_offer(**values: Any) -> tuple[Any, int]:
    host, _ = factories.make_expert()
    return host, factories.make_event_type(host, **values).id


def book(
    type_id: int, starts_at: datetime = TEN, client: Client = CANARY, actor: Any = None
) -> str:
    uid: str = book_appointment(actor, type_id, starts_at, client).booking["uid"]
    return uid


def everything() -> str:
    """All text in all tables."""
    return " ".join(
        str(tuple(row))
        for table in db.metadata.sorted_tables
        for row in db.session.execute(text(f'SELECT * FROM "{table.name}"'))
    ).lower()


def test_a_guest_gets_all_that_is_kept_by_the_link() -> None:
    _, type_id = make_offer()
    uid, other = book(type_id), book(type_id, TEN + HALF)
    [exported] = privacy.export_by_link(manage_token(uid))["bookings"]
    assert exported["attendee"] == {
        "name": CANARY.name,
        "email": CANARY.email,
        "phone": CANARY.phone,
        "notes": CANARY.notes,
    }
    assert [mail["template"] for mail in exported["mails"]] == [
        "appointment_confirmed",
        "appointment_reminder",
    ]
    assert other not in str(exported)
    for nothing in (uid, "x", manage_token("other")):
        with pytest.raises(NotFound):
            privacy.export_by_link(nothing)
        with pytest.raises(NotFound):
            privacy.erase_by_link(nothing)


def test_a_guest_takes_everything_out_and_the_booking_is_cancelled() -> None:
    host, type_id = make_offer()
    uid = book(type_id)
    guests.reschedule(manage_token(uid), TEN + HALF)
    privacy.erase_by_link(manage_token(uid))
    assert "canary" not in everything()
    assert rows.busy(host.calendar_id) == []
    # The host is told, of nobody in particular; the guest's address is gone.
    assert rows.mails() == [("appointment_cancelled_host", host.email)]
    shown = get_booking(host, uid)
    assert (shown["status"], shown["attendee"]["name"]) == ("cancelled", "Deleted guest")
    for again in (guests.get_booking, guests.cancel, guests.restore, privacy.erase_by_link):
        with pytest.raises(NotFound):
            again(manage_token(uid))
    with pytest.raises(Gone):
        restore_booking(factories.make_admin(), uid)
    assert guarantees.find_breaches() == []


def test_the_others_in_a_slot_keep_it_when_one_takes_the_data_out() -> None:
    host, type_id = make_offer(seats=2)
    uid = book(type_id)
    book(type_id, client=factories.client_named())
    privacy.erase_by_link(manage_token(uid))
    assert len(rows.busy(host.calendar_id)) == 1
    assert guarantees.find_breaches() == []


def test_an_experts_export_and_deletion_reach_own_bookings_alone(at: Callable[[Any], None]) -> None:
    host, type_id = make_offer()
    other, other_type = make_offer()
    past, coming = book(type_id), book(type_id, TEN + 2 * DAY)
    cancelled, elsewhere = book(type_id, TEN + 3 * DAY), book(other_type, TEN + 3 * DAY)
    cancel_booking(host, cancelled, reason="canary reason")
    at(TEN + DAY)
    found = privacy.export_guest(host, " Canary@example.org ")
    assert {each["uid"] for each in found["bookings"]} == {past, coming, cancelled}
    assert privacy.erase_guest(host, CANARY.email) == privacy.Erased(erased=2, kept=1)
    for uid, name in ((past, "Deleted guest"), (cancelled, "Deleted guest"), (coming, CANARY.name)):
        assert rows.booking(uid).attendee_name == name
    assert rows.booking(elsewhere).attendee_name == CANARY.name
    admin = factories.make_admin()
    assert len(privacy.export_guest(admin, CANARY.email)["bookings"]) == 2
    cancel_booking(host, coming), cancel_booking(other, elsewhere)
    assert privacy.erase_guest(admin, CANARY.email) == privacy.Erased(erased=2, kept=0)
    assert "canary" not in everything()
    assert guarantees.find_breaches() == []


def test_nobody_else_asks_about_addresses() -> None:
    host, type_id = make_offer()
    book(type_id)
    for stranger in (factories.make_actor(), factories.make_contributor()):
        with pytest.raises(NotAllowed):
            privacy.export_guest(stranger, CANARY.email)
        with pytest.raises(NotAllowed):
            privacy.erase_guest(stranger, CANARY.email)
    assert privacy.export_guest(factories.make_expert()[0], CANARY.email)["bookings"] == []
    with pytest.raises(InvalidInput):
        privacy.export_guest(host, "no address")


def test_what_is_older_than_the_setting_says_is_emptied(
    context: Flask, at: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "BATCH", 1)  # more than one batch
    _, type_id = make_offer()
    client = factories.make_actor()
    old = [book(type_id), book(type_id, TEN + HALF, actor=client)]
    recent = book(type_id, TEN + 20 * DAY, factories.client_named())
    db.session.execute(text("UPDATE outbox_message SET state = 'sent'"))
    db.session.commit()
    at(TEN + 31 * DAY)
    assert privacy.purge() == privacy.Purged(0, 0)  # the default keeps all
    settings.update(factories.make_admin(), {"guest_days": 30})
    due = privacy.count_due()
    assert due == privacy.Purged(bookings=2, mails=12)
    assert "canary" in everything()
    done = privacy.purge()
    assert done.bookings == 2
    assert privacy.count_due() == privacy.purge() == privacy.Purged(0, 0)
    assert "canary" not in everything()
    assert rows.booking(recent).attendee_name == "Gwen Guest"
    assert {rows.booking(uid).status for uid in old} == {"confirmed"}
    assert guarantees.find_breaches() == []


def test_the_command_says_what_it_would_do(context: Flask, at: Callable[[Any], None]) -> None:
    _, type_id = make_offer()
    book(type_id)
    at(TEN + 31 * DAY)
    runner = context.test_cli_runner()

    def said(*args: str) -> str:
        result = runner.invoke(args=["booking", "purge", *args])
        assert result.exit_code == 0, result.output
        return result.output

    assert said() == "The settings keep everything (RETENTION_DAYS is 0).\n"
    assert said("--dry-run", "--days", "30").startswith("1 bookings would be emptied")
    assert "canary" in everything()
    assert said("--days", "30").startswith("1 bookings were emptied")
    assert "canary" not in everything()
