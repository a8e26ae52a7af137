"""Requests: they hold their time, end by an answer or by themselves, and tell both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import icalendar
import pytest

from app.extensions import db
from app.models import OutboxMessage
from app.models.interval import Interval
from app.services import approvals, clock, event_types, guarantees, guests, mail_messages, slots
from app.services.appointments import book_appointment
from app.services.bookings import get_booking, list_bookings
from app.services.cancellation import cancel_booking
from app.services.errors import Gone, InvalidInput, NotAllowed, NotFound, SlotTaken, Stale
from app.services.mail_wording import Wording
from app.services.manage_links import decision_token, manage_token
from app.services.rescheduling import reschedule_booking
from app.services.restoring import confirm_booking
from tests import factories, rows
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
HALF = timedelta(minutes=30)
DAY = timedelta(days=1)


@pytest.fixture
def asked(context: Any) -> Iterator[SimpleNamespace]:
    """An expert who is asked by a client for tomorrow at ten; the audit is clean afterwards."""
    host, expert = factories.make_expert(name="Mara")
    client = factories.make_actor(name="Gwen")
    type_id = factories.make_event_type(
        host, requires_approval=True, approval_minutes=120, room_id=factories.make_room().id
    ).id
    booking = book_appointment(client, type_id, TEN, factories.client_named()).booking
    yield SimpleNamespace(
        host=host,
        expert=expert,
        client=client,
        type_id=type_id,
        booking=booking,
        uid=booking["uid"],
    )
    db.session.rollback()
    assert guarantees.find_breaches() == []


def mails_since(count: int) -> list[str]:
    return [template for template, _ in rows.mails()[count:]]


def last_mail(template: str) -> OutboxMessage:
    return db.session.scalars(
        db.select(OutboxMessage)
        .where(OutboxMessage.template == template)
        .order_by(OutboxMessage.id.desc())
        .limit(1)
    ).one()


def words_of(template: str) -> str:
    return mail_messages.preview(template, last_mail(template).context, Wording("Rendezvous")).text


def method_of(template: str) -> str | None:
    """METHOD of the calendar in the last mail of this template, if it carries one."""
    row = last_mail(template)
    message = mail_messages.compose(template, row.recipient, row.context, message_id="<1@x>")
    if not message.attachments:
        return None
    return str(icalendar.Calendar.from_ical(message.attachments[0].data)["METHOD"])


def test_a_request_holds_its_time_and_tells_both(asked: SimpleNamespace) -> None:
    assert (asked.booking["status"], asked.booking["decide_by"]) == (
        "pending",
        clock.rfc3339(NOW + timedelta(hours=2)),
    )
    assert rows.mails() == [
        ("appointment_requested", "gwen@example.org"),
        ("appointment_requested_host", asked.host.email),
    ]
    assert rows.reminders() == []
    assert method_of("appointment_requested") is None
    for calendar in (asked.host.calendar_id, asked.client.calendar_id):
        assert rows.busy(calendar) == [Interval(TEN, TEN + HALF)]
    with pytest.raises(SlotTaken):
        book_appointment(None, asked.type_id, TEN, factories.client_named())
    listed = list_bookings(asked.host, when="upcoming", page=1, page_size=9)
    assert [each["uid"] for each in listed.items] == [asked.uid]
    assert list_bookings(asked.host, status="confirmed", page=1, page_size=9).total == 0


def test_accepting_confirms_with_an_invitation_and_reminders(asked: SimpleNamespace) -> None:
    accepted = approvals.accept_request(asked.host, asked.uid, version=1)
    assert (accepted["status"], accepted["sequence"], accepted["version"]) == ("confirmed", 1, 2)
    assert "decide_by" not in accepted
    assert mails_since(2) == ["appointment_accepted", "appointment_accepted_host"]
    assert method_of("appointment_accepted") == method_of("appointment_accepted_host") == "REQUEST"
    assert [when for _, _, when in rows.reminders()] == [TEN - DAY] * 2
    again = approvals.accept_request(asked.host, asked.uid)
    assert (again, len(rows.mails())) == (accepted, 4)


def test_only_the_host_or_an_admin_accepts(asked: SimpleNamespace) -> None:
    with pytest.raises(NotAllowed):
        confirm_booking(asked.client, asked.uid)
    for stranger in (factories.make_actor(), factories.make_contributor()):
        with pytest.raises(NotFound):
            confirm_booking(stranger, asked.uid)
    with pytest.raises(Stale):
        confirm_booking(asked.host, asked.uid, version=9)
    assert confirm_booking(factories.make_admin(), asked.uid)["status"] == "confirmed"


def test_declining_frees_the_time_and_says_why(asked: SimpleNamespace) -> None:
    declined = cancel_booking(asked.host, asked.uid, reason="I am away.")
    assert (declined["status"], declined["cancelled_as"]) == ("cancelled", "declined")
    assert mails_since(2) == ["appointment_declined", "appointment_declined_host"]
    assert method_of("appointment_declined") is None
    row = db.session.scalars(
        db.select(OutboxMessage).where(OutboxMessage.template == "appointment_declined")
    ).one()
    assert row.context["reason"] == "I am away."
    assert rows.busy(asked.host.calendar_id) == []
    with pytest.raises(Gone):
        approvals.accept_request(asked.host, asked.uid)


def test_the_client_withdraws(asked: SimpleNamespace) -> None:
    assert cancel_booking(asked.client, asked.uid)["cancelled_as"] == "withdrawn"
    assert mails_since(2) == ["appointment_withdrawn", "appointment_withdrawn_host"]
    with pytest.raises(Gone):
        approvals.decide(decision_token(asked.uid), "accept")


def test_a_request_ends_by_itself(asked: SimpleNamespace, at: Callable[[datetime], None]) -> None:
    at(NOW + timedelta(minutes=119))
    assert approvals.expire_due() == 0
    at(NOW + timedelta(minutes=120))
    # At once for who looks, even before the timer comes.
    seen = get_booking(asked.client, asked.uid)
    assert (seen["status"], seen["cancelled_as"]) == ("cancelled", "expired")
    for late in (
        lambda: approvals.accept_request(asked.host, asked.uid),
        lambda: approvals.decide(decision_token(asked.uid), "accept"),
        lambda: reschedule_booking(asked.client, asked.uid, TEN + HALF),
    ):
        with pytest.raises(Gone):
            late()
    assert (approvals.expire_due(), approvals.expire_due()) == (1, 0)
    assert mails_since(2) == ["appointment_expired", "appointment_expired_host"]
    assert (rows.busy(asked.host.calendar_id), rows.busy(asked.client.calendar_id)) == ([], [])
    with pytest.raises(Gone):
        confirm_booking(asked.host, asked.uid)


def test_who_books_after_its_end_need_not_wait_for_the_timer(
    asked: SimpleNamespace, at: Callable[[datetime], None]
) -> None:
    at(NOW + timedelta(minutes=120))
    booked = book_appointment(None, asked.type_id, TEN, factories.client_named()).booking
    assert booked["status"] == "pending"
    assert rows.booking(asked.uid).cancelled_as == "expired"


def test_a_request_ends_when_it_would_begin(
    asked: SimpleNamespace, at: Callable[[datetime], None]
) -> None:
    at(TEN - HALF)
    booked = book_appointment(None, asked.type_id, TEN + HALF, factories.client_named()).booking
    assert booked["decide_by"] == booked["starts_at"]


def test_the_hosts_link_decides_and_nothing_else(asked: SimpleNamespace) -> None:
    token = decision_token(asked.uid)
    assert approvals.get_request(token)["attendee"]["name"] == "Gwen Guest"
    other = asked.uid[:-1] + ("0" if asked.uid[-1] != "0" else "1")
    for forged in (
        asked.uid,
        f"{asked.uid}.",
        f"{asked.uid}.{manage_token(asked.uid)}",
        token.replace(asked.uid, other),
        manage_token(asked.uid),
        token[:-1],
        "",
        ".",
        "é",
    ):
        with pytest.raises(NotFound):
            approvals.get_request(forged)
        with pytest.raises(NotFound):
            approvals.decide(forged, "accept")
    with pytest.raises(NotFound):
        guests.get_booking(token)
    with pytest.raises(InvalidInput):
        approvals.decide(token, "maybe")
    accepted = approvals.decide(token, "accept")
    assert accepted["status"] == approvals.decide(token, "accept")["status"] == "confirmed"
    with pytest.raises(Gone):  # a forwarded mail cancels no appointment
        approvals.decide(token, "decline")


def test_the_hosts_link_declines_as_the_host(asked: SimpleNamespace) -> None:
    declined = approvals.decide(decision_token(asked.uid), "decline", reason="Away")
    assert (declined["cancelled_as"], declined["cancel_reason"]) == ("declined", "Away")
    assert approvals.decide(decision_token(asked.uid), "decline") == declined
    assert approvals.get_request(decision_token(asked.uid))["status"] == "cancelled"


def test_a_client_who_moves_asks_again_and_a_host_does_not(asked: SimpleNamespace) -> None:
    approvals.accept_request(asked.host, asked.uid)
    moved = reschedule_booking(asked.client, asked.uid, TEN + HALF)
    assert (moved["status"], moved["sequence"]) == ("pending", 2)
    assert mails_since(4) == ["appointment_requested", "appointment_requested_host"]
    assert method_of("appointment_requested") == "CANCEL"  # what stood holds no more
    assert rows.reminders() == []
    accepted = approvals.accept_request(asked.host, asked.uid)
    assert (accepted["sequence"], method_of("appointment_accepted")) == (3, "REQUEST")
    moved = reschedule_booking(asked.host, asked.uid, TEN)
    assert (moved["status"], moved["sequence"]) == ("confirmed", 4)
    assert mails_since(8) == ["appointment_rescheduled", "appointment_rescheduled_host"]


def test_a_request_that_moves_stays_one(asked: SimpleNamespace) -> None:
    moved = reschedule_booking(asked.client, asked.uid, TEN + HALF)
    assert (moved["status"], method_of("appointment_requested")) == ("pending", None)
    moved = reschedule_booking(asked.host, asked.uid, TEN, reason="Away until ten")
    assert moved["status"] == "pending"
    text = words_of("appointment_requested")
    assert "Mara moved your request to this time" in text
    assert "Away until ten" in text
    moved = reschedule_booking(asked.client, asked.uid, TEN + HALF, reason="Mine")
    text = words_of("appointment_requested")
    assert "You asked Mara for this time" in text
    assert "Mine" not in text  # what a client typed is not mailed to the client


def test_hosts_need_not_ask_themselves(asked: SimpleNamespace) -> None:
    booked = book_appointment(asked.host, asked.type_id, TEN + HALF, factories.client_named())
    assert booked.booking["status"] == "confirmed"


def test_requests_count_for_the_daily_limit_and_share_slots(asked: SimpleNamespace) -> None:
    event_types.update_event_type(asked.host, asked.type_id, {"daily_limit": 1, "seats": 2})
    offer = slots.get_offer(asked.type_id)

    def free() -> dict[str, int]:
        found = slots.list_slots(offer.expert_slug, offer.slug, TEN.date(), TEN.date(), "UTC")
        return {f"{start:%H:%M}": number for start, number in found.seats_left.items()}

    assert free() == {"10:00": 1}
    other = book_appointment(None, asked.type_id, TEN, factories.client_named()).booking
    assert free() == {}
    approvals.accept_request(asked.host, other["uid"])
    cancel_booking(asked.host, asked.uid)
    assert free() == {"10:00": 1}
    assert rows.busy(asked.host.calendar_id) == [Interval(TEN, TEN + HALF)]
