"""Guests: one booking, reached by the link alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.services import guests
from app.services.appointments import book_appointment
from app.services.errors import Gone, InvalidInput, NotFound, NotOffered, SlotTaken
from app.services.manage_links import manage_token, manage_url
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)


@pytest.fixture
def token(context: Any) -> str:
    """The link's token of an appointment at ten."""
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host)
    return manage_token(
        book_appointment(None, event_type.id, TEN, factories.client_named()).booking["uid"]
    )


def test_the_link_shows_the_booking_to_its_booker(token: str) -> None:
    booking = guests.get_booking(token)
    assert booking["attendee"]["email"] == "gwen@example.org"
    assert booking["ics_url"] == f"http://localhost/b/{token}.ics"
    assert manage_url(booking["uid"]) == f"http://localhost/b/{token}"


def test_each_booking_has_a_link_of_its_own() -> None:
    assert len({manage_token(str(number)) for number in range(100)}) == 100


@pytest.mark.parametrize("wrong", ["", "no-such-token", "x" * 5000, "ä", "\0"])
def test_a_wrong_link_leads_nowhere(token: str, wrong: str) -> None:
    for act in (
        lambda: guests.get_booking(wrong),
        lambda: guests.cancel(wrong),
        lambda: guests.reschedule(wrong, ELEVEN),
        lambda: guests.get_booking(
            rows.booking(guests.get_booking(token)["uid"]).manage_token_hash
        ),
    ):
        with pytest.raises(NotFound):
            act()
    assert guests.get_booking(token)["status"] == "confirmed"


def test_cancelling_by_link_again_is_one_cancellation(token: str) -> None:
    first = guests.cancel(token, reason="Ill")
    again = guests.cancel(token, reason="Still ill")
    assert first == again
    assert (first["status"], first["version"], first["sequence"]) == ("cancelled", 2, 1)
    assert first["ics_url"] == f"http://localhost/b/{token}.ics"
    assert rows.booking(first["uid"]).cancel_reason == "Ill"
    assert [template for template, _ in rows.mails()[2:]] == [
        "appointment_cancelled",
        "appointment_cancelled_host",
    ]


def test_moving_by_link_keeps_the_link(token: str) -> None:
    moved = guests.reschedule(token, ELEVEN)
    assert (moved["starts_at"], moved["sequence"]) == ("2031-03-04T11:00:00Z", 1)
    assert guests.get_booking(token)["starts_at"] == "2031-03-04T11:00:00Z"


def test_moving_by_link_is_judged_like_a_booking(token: str) -> None:
    with pytest.raises(NotOffered):
        guests.reschedule(token, ELEVEN + timedelta(minutes=1))
    event_type_id = guests.get_booking(token)["event_type"]["id"]
    book_appointment(None, event_type_id, ELEVEN, factories.client_named())
    with pytest.raises(SlotTaken) as refused:
        guests.reschedule(token, ELEVEN)
    assert refused.value.extra["alternatives"][0] == "2031-03-04T10:30:00Z"


def test_a_cancelled_one_is_not_moved(token: str) -> None:
    guests.cancel(token)
    with pytest.raises(Gone):
        guests.reschedule(token, ELEVEN)


def test_what_is_over_is_over(token: str, at: Any) -> None:
    at(TEN + timedelta(minutes=30))
    with pytest.raises(Gone):
        guests.cancel(token)
    with pytest.raises(Gone):
        guests.reschedule(token, ELEVEN)
    assert guests.get_booking(token)["status"] == "confirmed"


def test_a_reason_has_its_limit(token: str) -> None:
    with pytest.raises(InvalidInput):
        guests.cancel(token, reason="x" * 1001)
