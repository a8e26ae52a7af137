"""Invitations through a booking's life: what calendars of client and host end up with.

Each mail's file is read by three parsers that are not ours, which must agree; then a
calendar applies it as RFC 5546 says (2.1.5 and 3.2): by UID, and by SEQUENCE the newer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject

from app.extensions import db
from app.models import OutboxMessage
from app.services import approvals, event_types, mail_messages
from app.services.appointments import Client, book_appointment
from app.services.cancellation import cancel_booking
from app.services.rescheduling import reschedule_booking
from app.services.restoring import restore_booking
from tests import factories, libical

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOSTILE = [
    "Bob\r\nATTENDEE:mailto:eve@example.com\r\nEND:VEVENT",
    'say "hi"; a, b: c \\ \\n ^n ^\'',
    "ä👩‍👩‍👧‍👦ẞ" * 20,
    "Bob\u2028BEGIN:VALARM\u0085\x0b\x0c",
]


@dataclass(slots=True)
class _Calendar:
    """One person's calendar: what a client that follows RFC 5546 keeps."""

    events: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)

    def apply(self, data: bytes) -> None:
        method, uid, sequence, starts_at = _agreed(data)
        assert sequence >= self.sequences.get(uid, 0), "an older revision came after a newer one"
        self.sequences[uid] = sequence
        if method == "CANCEL":
            self.events.pop(uid, None)
        else:
            assert method == "REQUEST"
            self.events[uid] = (sequence, starts_at)


def _agreed(data: bytes) -> tuple[str, str, int, datetime]:
    """(method, uid, sequence, start) as all three parsers read them, and who is invited."""
    first = icalendar.Calendar.from_ical(data)
    [event] = first.walk("VEVENT")
    assert not event.errors
    second = vobject.readOne(data.decode())
    third = libical.read(data)
    start = event.decoded("DTSTART").astimezone(UTC)
    assert second.vevent.dtstart.value == start
    assert third.event["DTSTART"] == [f"{start:%Y%m%dT%H%M%SZ}"]
    read = {
        (str(first["METHOD"]), str(event["UID"]), int(event["SEQUENCE"])),
        (second.method.value, second.vevent.uid.value, int(second.vevent.sequence.value)),
        (third.calendar["METHOD"][0], third.event["UID"][0], int(third.event["SEQUENCE"][0])),
    }
    assert len(read) == 1, read
    for name in ("ORGANIZER", "ATTENDEE"):
        people = {
            str(event[name]),
            getattr(second.vevent, name.lower()).value,
            *third.event[name],
        }
        names = {
            event[name].params["CN"],
            getattr(second.vevent, name.lower()).cn_param,
            *third.event[f"{name};CN"],
        }
        # A caret is written twice (RFC 6868), which not every parser undoes.
        names = {each.replace("^^", "^") for each in names}
        assert (len(people), len(names)) == (1, 1), (people, names)
    [(method, uid, sequence)] = read
    return method, uid, sequence, start


class _Mailbox:
    """Reads new mails as they are written, and keeps both people's calendars."""

    def __init__(self) -> None:
        self._seen = 0
        self.calendars = {"client": _Calendar(), "host": _Calendar()}

    def open(self) -> list[str]:
        """Compose and apply what is due since the last time; returns the templates."""
        mails = db.session.scalars(
            db.select(OutboxMessage)
            .where(OutboxMessage.id > self._seen)
            .where(OutboxMessage.next_attempt_at <= OutboxMessage.created_at)
            .order_by(OutboxMessage.id)
        ).all()
        for mail in mails:
            self._seen = mail.id
            message = mail_messages.compose(
                mail.template, mail.recipient, mail.context, message_id=mail.message_id
            )
            for attachment in message.attachments:
                who = "host" if mail.template.endswith("_host") else "client"
                self.calendars[who].apply(attachment.data)
        return [mail.template for mail in mails]

    def times(self, uid: str) -> set[datetime | None]:
        """When each calendar has the event; one answer if they agree."""
        return {
            each.events[uid][1] if uid in each.events else None for each in self.calendars.values()
        }


@pytest.fixture
def mailbox(context: Any) -> _Mailbox:
    return _Mailbox()


def test_a_booking_moves_goes_and_comes_back_in_both_calendars(mailbox: _Mailbox) -> None:
    host, _ = factories.make_expert()
    client = factories.make_actor()
    type_id = factories.make_event_type(host).id
    uid = book_appointment(client, type_id, TEN, factories.client_named()).booking["uid"]
    mailbox.open()
    assert mailbox.times(uid) == {TEN}
    reschedule_booking(client, uid, TEN + HOUR)
    reschedule_booking(host, uid, TEN + 2 * HOUR)
    mailbox.open()
    assert mailbox.times(uid) == {TEN + 2 * HOUR}
    cancel_booking(client, uid)
    mailbox.open()
    assert mailbox.times(uid) == {None}
    restore_booking(client, uid)
    mailbox.open()
    assert mailbox.times(uid) == {TEN + 2 * HOUR}
    cancel_booking(host, uid)
    mailbox.open()
    assert mailbox.times(uid) == {None}
    assert mailbox.calendars["host"].sequences == {uid: 5}


def test_a_request_is_in_no_calendar_until_it_is_accepted(mailbox: _Mailbox) -> None:
    host, _ = factories.make_expert()
    client = factories.make_actor()
    type_id = factories.make_event_type(host, requires_approval=True).id
    uid = book_appointment(client, type_id, TEN, factories.client_named()).booking["uid"]
    mailbox.open()
    assert mailbox.times(uid) == {None}
    approvals.accept_request(host, uid)
    mailbox.open()
    assert mailbox.times(uid) == {TEN}
    reschedule_booking(client, uid, TEN + HOUR)  # which asks again
    mailbox.open()
    assert mailbox.times(uid) == {None}
    approvals.accept_request(host, uid)
    mailbox.open()
    assert mailbox.times(uid) == {TEN + HOUR}
    event_types.update_event_type(host, type_id, {"requires_approval": False})
    cancel_booking(client, uid)
    mailbox.open()
    assert mailbox.times(uid) == {None}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_notes_invite_nobody_else(mailbox: _Mailbox, text: str) -> None:
    host, _ = factories.make_expert()
    type_id = factories.make_event_type(
        host, title=text[:200], location={"kind": "in_person", "detail": text}
    ).id
    client = Client(name=text[:120], email="gwen@example.org", notes=text)
    uid = book_appointment(None, type_id, TEN, client).booking["uid"]
    cancel_booking(host, uid, reason=text)
    assert len(mailbox.open()) == 4
    assert mailbox.times(uid) == {None}


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("Europe/Berlin", "2031-10-26T02:30:00+02:00"),  # the first of two half past twos
        ("Europe/Berlin", "2031-10-26T02:30:00+01:00"),
        ("America/New_York", "2031-11-02T01:30:00-05:00"),
        ("Australia/Lord_Howe", "2031-04-06T01:45:00+11:00"),  # clocks go back half an hour
        ("Australia/Lord_Howe", "2031-04-06T01:45:00+10:30"),
    ],
)
def test_the_instant_is_the_same_when_the_clocks_change(
    mailbox: _Mailbox, zone: str, local: str
) -> None:
    from app.services import experts

    host, _ = factories.make_expert(time_zone=zone)
    around = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]
    experts.replace_availability(host, {"weekly": around, "time_zone": zone})
    type_id = factories.make_event_type(host, duration_minutes=15).id
    start = datetime.fromisoformat(local)
    assert start.astimezone(ZoneInfo(zone)).utcoffset() == start.utcoffset()
    uid = book_appointment(None, type_id, start, factories.client_named()).booking["uid"]
    mailbox.open()
    assert mailbox.times(uid) == {start.astimezone(UTC)}
