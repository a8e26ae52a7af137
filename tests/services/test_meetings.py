"""Meetings at providers: servers of ours that speak as Google's and Zoom's do."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from sqlalchemy import func, insert, select

from app.extensions import db
from app.models import Booking, Meeting, OutboxMessage
from app.services import (
    changes,
    doctor,
    mail_messages,
    meeting_links,
    meeting_providers,
    meetings,
)
from app.services.appointments import book_appointment
from app.services.cancellation import cancel_booking
from app.services.languages import speaking
from app.services.meeting_links import place_of, place_text, place_to_come, place_without_link
from app.services.meeting_providers import MeetingRefused, Wanted
from app.services.meetings import Synced, sync_due
from app.services.rescheduling import reschedule_booking
from app.services.restoring import restore_booking
from app.services.transaction import transactional
from tests import factories, rows
from tests.catalogs import translate
from tests.conftest import NOW
from tests.local_servers import Answer, Asked, LocalServer, serving

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
SECRET = "zoom-secret-77"
TOKENS = "token-of-"


@dataclass
class Service:
    """What a provider holds, and how it misbehaves: `refuse` answers instead of it once each."""

    server: LocalServer
    meetings: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: int = 0
    ended_tokens: set[str] = field(default_factory=set)
    refuse: list[Answer] = field(default_factory=list)
    token_answer: Answer | None = None
    answers: list[Callable[[dict[str, Any]], Answer]] = field(default_factory=list)
    after: Callable[[], None] | None = None

    def answer(self, asked: Asked) -> Answer:
        if asked.path.endswith("/token"):
            return self.token_answer or self._token(asked)
        if self._token_of(asked) in self.ended_tokens | {""}:
            return Answer(401, {"code": 124, "error": {"errors": [{"reason": "authError"}]}})
        if self.refuse:
            return self.refuse.pop(0)
        answer = self.handle(asked)
        if self.after:
            after, self.after = self.after, None
            after()
        return answer

    def _token(self, asked: Asked) -> Answer:
        self.tokens += 1
        value = f"{TOKENS}{self.tokens}"
        return Answer(body={"access_token": value, "expires_in": 3600, "token_type": "bearer"})

    def _token_of(self, asked: Asked) -> str:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" and token.startswith(TOKENS) else ""

    def handle(self, asked: Asked) -> Answer:
        raise NotImplementedError

    @property
    def calls(self) -> list[str]:
        """The calls but those for tokens, `"POST"`, `"PATCH"`, …"""
        return [asked.method for asked in self.server.asked if not asked.path.endswith("/token")]


class Google(Service):
    """Calendar API v3, as far as it is used."""

    conference = "success"

    def handle(self, asked: Asked) -> Answer:
        base = "/calendar/v3/calendars/team%40example.org/events"
        assert asked.path.startswith(base), asked.path
        event_id = asked.path[len(base) :].strip("/")
        if asked.method == "POST":
            return self._insert(asked)
        if event_id not in self.meetings:
            return _google_error(404, "notFound")
        event = self.meetings[event_id]
        if asked.method == "DELETE":
            if event["status"] == "cancelled":
                return _google_error(410, "deleted")
            event["status"] = "cancelled"
            return Answer(204)
        event |= {name: asked.body[name] for name in ("summary", "start", "end")}
        return Answer(body=event)

    def _insert(self, asked: Asked) -> Answer:
        assert asked.query == {"conferenceDataVersion": "1", "sendUpdates": "none"}
        if asked.body["id"] in self.meetings:
            return _google_error(409, "duplicate")
        event = {**asked.body, "status": "confirmed"}
        wanted = event["conferenceData"]["createRequest"]
        assert wanted["conferenceSolutionKey"] == {"type": "hangoutsMeet"}
        wanted["status"] = {"statusCode": self.conference}
        if self.conference == "success":
            event["hangoutLink"] = f"https://meet.google.com/{wanted['requestId'][:12]}"
        self.meetings[event["id"]] = event
        return Answer(body=event)

    def live(self) -> list[dict[str, Any]]:
        return [event for event in self.meetings.values() if event["status"] != "cancelled"]


def _google_error(status: int, reason: str) -> Answer:
    return Answer(status, {"error": {"code": status, "errors": [{"reason": reason}]}})


class Zoom(Service):
    """Zoom's API v2, as far as it is used."""

    def handle(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            assert asked.path == "/v2/users/host@example.org/meetings"
            number = 81_000_000_000 + len(self.meetings)
            made = {**asked.body, "id": number, "join_url": f"https://zoom.us/j/{number}?pwd=x"}
            self.meetings[str(number)] = made
            return Answer(201, made)
        number_text = asked.path.rpartition("/")[2]
        if number_text not in self.meetings:
            return Answer(404, {"code": 3001, "message": "Meeting does not exist."})
        if asked.method == "DELETE":
            del self.meetings[number_text]
        else:
            self.meetings[number_text] |= asked.body
        return Answer(204)

    def live(self) -> list[dict[str, Any]]:
        return list(self.meetings.values())


def _not_yet(_: Asked) -> Answer:
    return Answer(503)


@pytest.fixture(scope="session")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def set_up(context: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`set_up(NAME=value)` changes settings, and forgets the providers made of others."""
    monkeypatch.setitem(context.extensions, meeting_providers._EXTENSION, {})

    def change(**settings: Any) -> None:
        for name, value in settings.items():
            monkeypatch.setitem(context.config, name, value)
        context.extensions[meeting_providers._EXTENSION].clear()

    return change


@pytest.fixture
def google(set_up: Any, key: str, tmp_path: Path) -> Iterator[Google]:
    with serving(_not_yet) as server:
        service = Google(server)
        server.answer = service.answer
        file = tmp_path / "key.json"
        file.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "client_email": "robot@project.iam.example",
                    "private_key": key,
                    "token_uri": f"{server.url}/token",
                }
            )
        )
        set_up(
            GOOGLE_SERVICE_ACCOUNT_FILE=str(file),
            GOOGLE_DELEGATED_USER="bookings@example.org",
            GOOGLE_CALENDAR_ID="team@example.org",
            GOOGLE_API_URL=server.url,
        )
        yield service


@pytest.fixture
def zoom(set_up: Any) -> Iterator[Zoom]:
    with serving(_not_yet) as server:
        service = Zoom(server)
        server.answer = service.answer
        set_up(
            ZOOM_ACCOUNT_ID="account-1",
            ZOOM_CLIENT_ID="client-1",
            ZOOM_CLIENT_SECRET=SECRET,
            ZOOM_USER_ID="host@example.org",
            ZOOM_API_URL=f"{server.url}/v2",
            ZOOM_OAUTH_URL=f"{server.url}",
        )
        yield service


@pytest.fixture(params=["google_meet", "zoom"])
def provider(request: pytest.FixtureRequest, set_up: Any) -> Any:
    """Each of them, with `kind`."""
    service = request.getfixturevalue("google" if request.param == "google_meet" else "zoom")
    service.kind = request.param
    return service


def book(kind: str, starts_at: datetime = TEN) -> dict[str, Any]:
    host, _ = factories.make_expert()
    event_type = factories.make_event_type(host, location={"kind": kind, "detail": ""})
    booked = book_appointment(None, event_type.id, starts_at, factories.client_named()).booking
    return booked | {"host": host}


def state(uid: str) -> Any:
    """The meeting's row of a booking."""
    found = select(Meeting.__table__).where(Meeting.booking_id == rows.booking(uid).id)
    return db.session.execute(found).one()


def due_mails(at_instant: datetime) -> list[str]:
    """The templates of mails that could go out then."""
    found = select(OutboxMessage.template).where(OutboxMessage.next_attempt_at <= at_instant)
    return list(db.session.scalars(found.order_by(OutboxMessage.id)))


def mark_sent() -> None:
    with db.engine.begin() as connection:
        connection.execute(OutboxMessage.__table__.update().values(state="sent"))


# -- the journey -----------------------------------------------------------------------


def test_made_moved_and_removed(provider: Any, published: list[changes.Change]) -> None:
    booked = book(provider.kind)
    uid, host = booked["uid"], booked["host"]
    assert (booked["location"].endswith("(link follows)"), booked["meeting_url"]) == (True, None)
    assert provider.server.asked == []  # a command speaks with nobody

    published.clear()
    assert sync_due() == Synced(1, 0, 0)
    row = rows.booking(uid)
    assert row.meeting_url.startswith("https://")
    assert (row.location, row.sequence, row.version, row.uid) == (
        {"google_meet": "Google Meet", "zoom": "Zoom"}[provider.kind],
        1,
        2,
        uid,
    )
    [told] = published
    assert isinstance(told, changes.CalendarChanged)
    assert told.booking is not None
    assert told.booking["meeting_url"] == row.meeting_url
    assert [each.user_id for each in told.calendars] == [host.user_id]
    assert sync_due() == Synced(0, 0, 0)

    reschedule_booking(host, uid, TEN + timedelta(hours=1))
    assert sync_due() == Synced(1, 0, 0)
    [meeting] = provider.live()
    assert "11:00:00Z" in json.dumps(meeting)
    assert rows.booking(uid).meeting_url == row.meeting_url

    cancel_booking(host, uid)
    assert sync_due() == Synced(1, 0, 0)
    assert provider.live() == []
    assert provider.calls == ["POST", "PATCH", "DELETE"]
    assert provider.tokens == 1
    # Titles and times are told, and nobody's name or address.
    said = json.dumps([asked.body for asked in provider.server.asked])
    assert "Consultation" in said
    for private in ("Gwen", "gwen@example.org", host.email, host.name):
        assert private not in said


def test_a_token_asks_as_documented(google: Google, zoom: Zoom) -> None:
    book("google_meet"), book("zoom")
    assert sync_due() == Synced(2, 0, 0)
    [asked] = [each for each in google.server.asked if each.path == "/token"]
    form = parse_qs(asked.body)
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    [assertion] = form["assertion"]
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert (claims["iss"], claims["sub"]) == ("robot@project.iam.example", "bookings@example.org")
    assert claims["scope"] == "https://www.googleapis.com/auth/calendar.events"
    [asked] = [each for each in zoom.server.asked if each.path == "/oauth/token"]
    assert asked.body == "grant_type=account_credentials&account_id=account-1"
    assert asked.headers["authorization"].startswith("Basic ")


def test_without_credentials_links_are_marked_samples_and_nothing_is_wanted(
    context: Flask, set_up: Any
) -> None:
    set_up(JITSI_URL="https://jitsi.example.org")
    links = {kind: book(kind) for kind in ("google_meet", "zoom", "jitsi")}
    assert "sample" in links["google_meet"]["location"]
    assert "sample" in links["zoom"]["meeting_url"]
    first, second = links["jitsi"]["meeting_url"], book("jitsi")["meeting_url"]
    assert first.startswith("https://jitsi.example.org/rendezvous-")
    assert len(first.rpartition("-")[2]) == 20
    assert first != second
    assert rows.count(Meeting) == 0
    assert sync_due() == Synced(0, 0, 0)
    assert len(due_mails(NOW)) == 8  # none waits


# -- mails -------------------------------------------------------------------------------


def contexts(template: str) -> list[dict[str, Any]]:
    found = select(OutboxMessage.context).where(OutboxMessage.template == template)
    return [context["booking"] for context in db.session.scalars(found)]


def test_the_confirmation_waits_a_moment_for_the_link(zoom: Zoom) -> None:
    book("zoom")
    assert due_mails(NOW) == []
    assert due_mails(NOW + meetings.MAIL_WAIT) == [
        "appointment_confirmed",
        "appointment_confirmed_host",
    ]
    sync_due()
    assert due_mails(NOW) == ["appointment_confirmed", "appointment_confirmed_host"]
    for template in ("appointment_confirmed", "appointment_confirmed_host"):
        [booking] = contexts(template)
        assert booking["meeting_url"].startswith("https://zoom.us/j/8")
        assert (booking["location"], booking["sequence"]) == ("Zoom", 1)
    assert len(rows.mails()) == 2  # one for each of them


def test_a_late_link_comes_in_a_mail_of_its_own(zoom: Zoom) -> None:
    uid = book("zoom")["uid"]
    mark_sent()
    sync_due()
    links = [(name, to) for name, to in rows.mails() if name.startswith("appointment_link")]
    assert [name for name, _ in links] == ["appointment_link", "appointment_link_host"]
    for name, recipient in links:
        [context] = db.session.scalars(
            select(OutboxMessage.context).where(OutboxMessage.template == name)
        )
        message = mail_messages.compose(name, recipient, context, message_id="<1@x>")
        text = message.body or ""
        assert "https://zoom.us/j/8" in text
        invitation = message.alts["calendar; method=REQUEST"]
        assert f"UID:{uid}" in invitation
        assert "SEQUENCE:1" in invitation
        assert "https://zoom.us/j/8" in invitation.replace("\r\n ", "")


def test_who_moves_or_cancels_first_need_not_wait_and_is_told_in_order(zoom: Zoom) -> None:
    booked = book("zoom")
    reschedule_booking(booked["host"], booked["uid"], TEN + timedelta(hours=2))
    assert due_mails(NOW)[:2] == ["appointment_confirmed", "appointment_confirmed_host"]
    sync_due()
    # A confirmation of the old time is not given a newer revision.
    assert [each["sequence"] for each in contexts("appointment_confirmed")] == [0]
    [moved] = contexts("appointment_rescheduled")
    assert (moved["sequence"], moved["location"]) == (2, "Zoom")
    assert "appointment_link" in due_mails(NOW)
    other = book("zoom", TEN + timedelta(days=1))
    cancel_booking(other["host"], other["uid"])
    assert "appointment_cancelled" in due_mails(NOW)
    assert due_mails(NOW).count("appointment_confirmed") == 2
    calls = len(zoom.calls)
    assert sync_due() == Synced(1, 0, 0)
    assert len(zoom.calls) == calls  # nothing was made, so nothing is removed


def test_what_takes_place_again_is_told_in_one_mail_with_the_link(provider: Any) -> None:
    booked = book(provider.kind)
    sync_due()
    cancel_booking(booked["host"], booked["uid"])
    sync_due()
    mark_sent()
    restore_booking(booked["host"], booked["uid"])
    told = ["appointment_restored", "appointment_restored_host"]
    assert [each for each in due_mails(NOW) if each in told] == []
    # Whatever becomes of the provider, it is sent after a minute.
    assert [each for each in due_mails(NOW + meetings.MAIL_WAIT) if each in told] == told
    sync_due()
    assert [each for each in due_mails(NOW) if each in told] == told
    for template in told:
        [mail] = contexts(template)
        assert mail["meeting_url"]
        assert mail["meeting_url"] == rows.booking(booked["uid"]).meeting_url
        assert mail["sequence"] == rows.booking(booked["uid"]).sequence
    assert not {name for name, _ in rows.mails() if name.startswith("appointment_link")}


def test_what_takes_place_again_before_its_meeting_was_removed_keeps_its_link(
    provider: Any,
) -> None:
    booked = book(provider.kind)
    sync_due()
    mark_sent()
    url = rows.booking(booked["uid"]).meeting_url
    cancel_booking(booked["host"], booked["uid"])
    restore_booking(booked["host"], booked["uid"])
    cancelled = due_mails(NOW)
    assert "appointment_cancelled" in cancelled
    assert "appointment_restored" not in cancelled
    sync_due()
    assert "appointment_restored" in due_mails(NOW)
    assert [each["meeting_url"] for each in contexts("appointment_restored")] == [url]
    assert not {name for name, _ in rows.mails() if name.startswith("appointment_link")}


def test_the_mail_of_what_takes_place_again_does_not_wait_for_a_provider_that_is_away(
    provider: Any,
) -> None:
    booked = book(provider.kind)
    sync_due()
    cancel_booking(booked["host"], booked["uid"])
    sync_due()
    restore_booking(booked["host"], booked["uid"])
    provider.refuse = [Answer(503)]
    assert sync_due().failed == 1
    assert "appointment_restored" in due_mails(NOW + meetings.MAIL_WAIT)
    # Cancelled once more, it goes out before that is told.
    cancel_booking(booked["host"], booked["uid"])
    assert "appointment_restored" in due_mails(NOW)


# -- meanwhile ---------------------------------------------------------------------------


@pytest.fixture
def elsewhere(context: Flask) -> Callable[[Callable[[], Any]], None]:
    """Act as another request does, with a session of its own: in the provider's thread."""

    def run(act: Callable[[], Any]) -> None:
        with context.app_context():
            act()

    return run


def test_cancelled_while_it_is_made(provider: Any, elsewhere: Any) -> None:
    booked = book(provider.kind)
    provider.after = lambda: elsewhere(lambda: cancel_booking(booked["host"], booked["uid"]))
    assert sync_due() == Synced(2, 0, 0)
    assert provider.live() == []
    assert rows.booking(booked["uid"]).meeting_url is None
    assert provider.calls == ["POST", "DELETE"]


def test_moved_while_it_is_made(provider: Any, elsewhere: Any) -> None:
    booked = book(provider.kind)
    later = TEN + timedelta(hours=3)
    provider.after = lambda: elsewhere(
        lambda: reschedule_booking(booked["host"], booked["uid"], later)
    )
    assert sync_due() == Synced(2, 0, 0)
    assert provider.calls == ["POST", "PATCH"]
    [meeting] = provider.live()
    assert "13:00:00Z" in json.dumps(meeting)
    row = rows.booking(booked["uid"])
    assert (row.sequence, row.starts_at) == (2, later)


def test_one_at_a_time_and_taken_over_when_the_lease_ends(provider: Any, at: Any) -> None:
    book(provider.kind)
    assert meetings._claim() is not None  # whoever that was died
    assert sync_due() == Synced(0, 0, 1)
    at(NOW + meetings.LEASE)
    assert sync_due() == Synced(1, 0, 0)


def test_a_crash_after_google_made_it_leaks_nothing(google: Google, at: Any) -> None:
    booked = book("google_meet")
    claim = meetings._claim()
    assert claim is not None
    provider = meeting_providers.find_provider("google_meet")
    assert provider is not None
    made = provider.create(claim.meeting())  # and here it died
    at(NOW + meetings.LEASE)
    assert sync_due() == Synced(1, 0, 0)
    assert [event["hangoutLink"] for event in google.live()] == [made.join_url]
    assert rows.booking(booked["uid"]).meeting_url == made.join_url
    assert google.calls == ["POST", "POST", "PATCH"]


def test_what_was_removed_over_there_is_made_again(provider: Any) -> None:
    booked = book(provider.kind)
    sync_due()
    before = rows.booking(booked["uid"]).meeting_url
    if provider.kind == "zoom":
        provider.meetings.clear()
        provider.meetings["0"] = {}  # so that the next number is another
    else:
        for event in provider.meetings.values():
            event["status"] = "cancelled"
    reschedule_booking(booked["host"], booked["uid"], TEN + timedelta(hours=1))
    assert sync_due().failed == 0
    after = rows.booking(booked["uid"])
    assert after.meeting_url.startswith("https://")
    assert after.meeting_url != before or provider.kind == "google_meet"
    assert state(booked["uid"]).generation == 1
    assert len([each for each in provider.live() if each]) == 1


# -- several bookings of one slot -----------------------------------------------------------


def join_slot(booked: dict[str, Any]) -> dict[str, Any]:
    """Another live booking of the same slot, as a type with several seats has them."""
    uid = str(uuid4())
    row = rows.booking(booked["uid"])._asdict()
    others = select(func.count()).where(Booking.event_type_id == row["event_type_id"])
    copied = row | {"uid": uid, "manage_token_hash": None, "meeting_url": None}
    copied["place"] = 1 + (db.session.scalar(others) or 0)
    del copied["id"]
    kind = state(booked["uid"]).kind

    @transactional
    def write() -> None:
        added = db.session.execute(insert(Booking.__table__).returning(Booking.id), copied)
        meetings.request(added.scalar_one(), kind)

    write()
    return booked | {"uid": uid}


def test_bookings_of_one_slot_meet_in_one_meeting(provider: Any, at: Any) -> None:
    first = book(provider.kind)
    second = join_slot(first)
    third = join_slot(first)
    # Whoever comes first to the third leaves it to the first.
    with db.engine.begin() as connection:
        later = Meeting.__table__.update().values(next_attempt_at=NOW + timedelta(seconds=1))
        third_id = state(third["uid"]).id
        connection.execute(later.where(Meeting.__table__.c.id != third_id))
    assert sync_due().done == 1
    assert provider.calls == []
    assert (state(third["uid"]).state, state(third["uid"]).attempts) == ("pending", 0)
    at(NOW + timedelta(minutes=1))
    assert sync_due() == Synced(3, 0, 0)
    urls = {rows.booking(each["uid"]).meeting_url for each in (first, second, third)}
    assert len(urls) == 1
    assert provider.calls == ["POST"]

    cancel_booking(factories.make_admin(), first["uid"])
    assert sync_due() == Synced(1, 0, 0)
    assert (provider.calls, len(provider.live())) == (["POST"], 1)
    # Who moves away gets a meeting of their own, and the others keep theirs.
    reschedule_booking(factories.make_admin(), second["uid"], TEN + timedelta(hours=2))
    assert sync_due().failed == 0
    assert rows.booking(third["uid"]).meeting_url in urls
    assert rows.booking(second["uid"]).meeting_url not in urls
    assert len(provider.live()) == 2
    cancel_booking(factories.make_admin(), third["uid"])
    assert sync_due() == Synced(1, 0, 0)
    assert len(provider.live()) == 1


def test_a_cancelled_booking_says_that_a_link_would_follow(provider: Any) -> None:
    booked = book(provider.kind)
    sync_due()
    cancel_booking(booked["host"], booked["uid"])
    sync_due()
    row = rows.booking(booked["uid"])
    assert (row.meeting_url, row.location.endswith("(link follows)")) == (None, True)


# -- refusals ------------------------------------------------------------------------------


def refused_once(provider: Any, answer: Answer) -> Any:
    """A booking whose meeting was refused once; its row."""
    booked = book(provider.kind)
    provider.refuse = [answer]
    sync_due()
    return state(booked["uid"]), booked


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, b"oh"),
        Answer(503, {"error": {"errors": [{"reason": "backendError"}]}}),
        Answer(429, {"code": 429}),
        Answer(200, b"<html>not JSON</html>"),
        Answer(200, {"id": 7, "join_url": "javascript:alert(1)", "conferenceData": {}}),
        Answer(200, []),
        Answer(200, b""),
        Answer(write=lambda file: file.write(b"HTTP/1.1 2")),
    ],
)
def test_trouble_is_tried_again(provider: Any, at: Any, answer: Answer) -> None:
    row, booked = refused_once(provider, answer)
    assert (row.state, row.attempts, row.leased_until) == ("pending", 1, None)
    assert row.last_error
    assert timedelta(seconds=5) < row.next_attempt_at - NOW < timedelta(seconds=20)
    assert rows.booking(booked["uid"]).status == "confirmed"
    at(row.next_attempt_at)
    assert sync_due() == Synced(1, 0, 0)
    assert rows.booking(booked["uid"]).meeting_url.startswith("https://")


def test_a_pause_that_is_asked_for_is_kept(provider: Any) -> None:
    row, _ = refused_once(provider, Answer(429, {}, {"Retry-After": "7200"}))
    assert row.next_attempt_at - NOW >= timedelta(hours=2)
    row, _ = refused_once(provider, Answer(429, {}, {"Retry-After": "2031-03-03T09:00:00Z"}))
    assert row.next_attempt_at - NOW >= timedelta(hours=3)


def test_google_counts_by_403_too(google: Google) -> None:
    google.kind = "google_meet"  # type: ignore[attr-defined]
    row, _ = refused_once(google, _google_error(403, "rateLimitExceeded"))
    assert (row.state, "rateLimitExceeded" in row.last_error) == ("pending", True)


@pytest.mark.parametrize("answer", [Answer(403, {}), Answer(400, {"code": 300}), Answer(404, {})])
def test_a_refusal_for_good_asks_the_host_for_a_link(
    provider: Any, answer: Answer, published: list[changes.Change]
) -> None:
    row, booked = refused_once(provider, answer)
    assert (row.state, row.external_id) == ("failed", None)
    found = rows.booking(booked["uid"])
    assert (found.location.endswith("(your host sends the link)"), found.meeting_url) == (
        True,
        None,
    )
    assert rows.mails()[-1] == ("appointment_without_link_host", booked["host"].email)
    [confirmation] = contexts("appointment_confirmed")
    assert confirmation["location"] == found.location
    assert isinstance(published[-1], changes.CalendarChanged)
    # It is the operator's to see.
    assert any("refused for good" in finding.text for finding in doctor.examine())
    # A later change tries anew.
    reschedule_booking(booked["host"], booked["uid"], TEN + timedelta(hours=1))
    assert sync_due() == Synced(1, 0, 0)
    assert rows.booking(booked["uid"]).meeting_url.startswith("https://")


def test_after_many_tries_it_is_given_up(zoom: Zoom, at: Any) -> None:
    booked = book("zoom", NOW + timedelta(days=2, hours=4))
    zoom.refuse = [Answer(502, b"") for _ in range(50)]
    moment, tries = NOW, 0
    while (row := state(booked["uid"])).state == "pending":
        moment = max(moment, row.next_attempt_at)
        at(moment)
        sync_due()
        tries += 1
    assert tries == meetings.MAX_ATTEMPTS
    assert timedelta(hours=2) < moment - NOW < timedelta(hours=12)
    assert rows.booking(booked["uid"]).status == "confirmed"


def test_a_provider_that_says_nothing_is_not_waited_for(zoom: Zoom, set_up: Any) -> None:
    import time

    set_up(MEETING_TIMEOUT_SECONDS=1)
    zoom.kind = "zoom"  # type: ignore[attr-defined]
    row, _ = refused_once(zoom, Answer(write=lambda _file: time.sleep(3)))
    assert (row.state, row.last_error) == ("pending", "Zoom: ReadTimeout")


def test_nobody_there(set_up: Any) -> None:
    set_up(
        ZOOM_ACCOUNT_ID="a",
        ZOOM_CLIENT_ID="b",
        ZOOM_CLIENT_SECRET="c",
        ZOOM_OAUTH_URL="http://127.0.0.1:9",
        ZOOM_API_URL="http://127.0.0.1:9",
    )
    booked = book("zoom")
    assert sync_due() == Synced(0, 1, 1)
    assert state(booked["uid"]).last_error == "Zoom token: ConnectionError"


# -- tokens ---------------------------------------------------------------------------------


def test_an_expired_token_is_renewed_once(provider: Any) -> None:
    book(provider.kind)
    sync_due()
    provider.ended_tokens = {f"{TOKENS}1"}
    book(provider.kind)
    assert sync_due() == Synced(1, 0, 0)
    assert provider.tokens == 2
    provider.ended_tokens = {f"{TOKENS}{number}" for number in range(50)}
    booked = book(provider.kind)
    assert sync_due() == Synced(0, 1, 1)
    assert provider.tokens == 3  # once, not for ever
    row = state(booked["uid"])
    assert (row.state, "401" in row.last_error) == ("pending", True)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, {"error": "invalid_grant", "error_description": "account of bob@example.org"}),
        Answer(401, {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}),
        Answer(200, {"token_type": "bearer"}),
        Answer(200, b"nonsense"),
        Answer(200, {"access_token": "a\r\nb", "expires_in": 3600}),
    ],
)
def test_no_token(provider: Any, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    provider.token_answer = answer
    booked = book(provider.kind)
    assert sync_due() == Synced(0, 1, 1)
    row = state(booked["uid"])
    assert row.state == "pending"
    for private in ("bob@example.org", SECRET):
        assert private not in row.last_error + caplog.text


def test_no_secret_is_logged(provider: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "google"):
        logging.getLogger(name).setLevel(logging.INFO)
    refused_once(provider, Answer(500, {"message": f"{SECRET} {TOKENS}"}))
    sync_due()
    for secret in (SECRET, TOKENS, "PRIVATE KEY", "meet.google.com/", "zoom.us/j/"):
        assert secret not in caplog.text
    assert "500" in caplog.text


# -- Google's conferences --------------------------------------------------------------------


def test_a_conference_that_takes_a_moment(google: Google, at: Any) -> None:
    google.conference = "pending"
    booked = book("google_meet")
    assert sync_due() == Synced(0, 1, 1)
    [event] = google.live()
    event["conferenceData"]["entryPoints"] = [
        {"entryPointType": "phone", "uri": "tel:+1"},
        {"entryPointType": "video", "uri": "https://meet.google.com/abc-defg-hij"},
    ]
    at(state(booked["uid"]).next_attempt_at)
    assert sync_due() == Synced(1, 0, 0)
    assert rows.booking(booked["uid"]).meeting_url == "https://meet.google.com/abc-defg-hij"
    assert len(google.live()) == 1


def test_a_conference_that_failed_is_tried_with_another_event(google: Google) -> None:
    google.conference = "failure"
    google.after = lambda: setattr(google, "conference", "success")
    booked = book("google_meet")
    assert sync_due().failed == 0
    assert rows.booking(booked["uid"]).meeting_url.startswith("https://meet.google.com/")
    assert len(google.live()) == 1


def test_references_are_letters_that_google_takes() -> None:
    claim = meetings._Claim(
        id=1,
        booking_id=1,
        kind="google_meet",
        external_id=None,
        generation=0,
        wanted=1,
        attempts=1,
        leased_until=NOW,
        status="confirmed",
        event_type_id=1,
        uid="0f7c3c1e-6a1b-4a52-9d61-1f0a5c7d8e9f",
        title="A",
        starts_at=NOW,
        ends_at=NOW + timedelta(minutes=20),
    )
    first, second = (replace(claim, generation=n).meeting().reference for n in (0, 1))
    assert first != second
    assert set(first + second) <= set("abcdefghijklmnopqrstuv0123456789")
    assert Wanted("a", "b", NOW, NOW + timedelta(minutes=20)).minutes == 20


# -- the key and the doctor --------------------------------------------------------------------

INCOMPLETE = {"type": "service_account", "client_email": "a@b", "token_uri": "https://x"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[]", "not the key of a service account"),
        ('{"type": "authorized_user"}', "not the key of a service account"),
        (json.dumps(INCOMPLETE), "not complete"),
        (json.dumps(INCOMPLETE | {"private_key": "nonsense"}), "not complete"),
    ],
)
def test_a_key_that_is_none(content: str | None, words: str, set_up: Any, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content)
    set_up(GOOGLE_SERVICE_ACCOUNT_FILE=str(file), ZOOM_CLIENT_ID="only this")
    found = {finding.subject: finding for finding in doctor.examine()}
    assert (found["google meet"].verdict, words in found["google meet"].text) == ("wrong", True)
    assert found["zoom"].verdict == "wrong"
    assert "ZOOM_CLIENT_SECRET" in found["zoom"].text
    booked = book("google_meet")
    with pytest.raises(MeetingRefused, match=words):
        meeting_providers.find_provider("google_meet")
    assert sync_due() == Synced(0, 1, 1)
    assert rows.booking(booked["uid"]).status == "confirmed"


def test_the_doctor_on_whole_credentials_and_none(google: Google, zoom: Zoom, set_up: Any) -> None:
    found = {finding.subject: finding.verdict for finding in doctor.examine()}
    assert (found["google meet"], found["zoom"]) == ("ok", "ok")
    assert google.server.asked == zoom.server.asked == []
    set_up(GOOGLE_SERVICE_ACCOUNT_FILE="", ZOOM_ACCOUNT_ID="", ZOOM_CLIENT_ID="")
    set_up(ZOOM_CLIENT_SECRET="")
    found = {finding.subject: finding.verdict for finding in doctor.examine()}
    assert (found["google meet"], found["zoom"]) == ("note", "note")


def test_a_place_is_kept_in_english_and_told_in_the_readers_language(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate(monkeypatch, "de", {"Phone": "Telefon", "Zoom (link follows)": "Zoom (Link folgt)"})
    with speaking("de"):
        kept = [place_of("phone", "")[0], place_of("phone", "Ring 7")[0], place_to_come("zoom")]
        assert kept == ["Phone", "Ring 7", "Zoom (link follows)"]
        assert [*map(place_text, kept)] == ["Telefon", "Ring 7", "Zoom (Link folgt)"]
    assert [*map(place_text, kept)] == kept
    for kind in meeting_providers.KINDS:
        ours = {place_of(kind, "")[0], place_to_come(kind), place_without_link(kind)}
        assert ours <= meeting_links._TEXTS.keys()
