"""Calendars elsewhere: refreshed by leases, kept while they fail, in the way of new bookings."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import BusyCalendar, ExternalBusy
from app.models.interval import Interval
from app.services import (
    busy_calendar_refresh,
    busy_calendars,
    calendar_feeds,
    changes,
    external_busy,
    slots,
)
from app.services.appointments import book_appointment
from app.services.busy_calendar_refresh import refresh_due
from app.services.busy_calendars import SentFile
from app.services.calendar_feeds import Fetched, FetchError
from app.services.cancellation import cancel_booking
from app.services.errors import InvalidInput, NotFound, SlotTaken, Unauthenticated
from app.services.policy import Actor
from app.services.rescheduling import reschedule_booking
from app.services.reservations import Wanted, reserve_room
from app.services.sealed_text import SealBroken, open_sealed, seal
from tests import factories, rows
from tests.conftest import NOW
from tests.services.test_icalendar_import import calendar, event

pytestmark = pytest.mark.usefixtures("context")

URL = "https://calendar.example.org/private-9f8e7d/basic.ics"
NINE = datetime(2031, 3, 4, 9, tzinfo=UTC)  # ten o'clock in Berlin
LUNCH = event("DTSTART:20310304T090000Z", "DTEND:20310304T100000Z")


class Feed:
    """What is behind the URL; `fetch` stands in for the network."""

    def __init__(self) -> None:
        self.data: bytes | None = calendar(LUNCH)
        self.error: FetchError | None = None
        self.etag = '"1"'
        self.asked: list[dict[str, str]] = []
        self.meanwhile: Any = None

    def fetch(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        self.asked.append({"url": url, "etag": etag, "last_modified": last_modified})
        if self.meanwhile:
            self.meanwhile()
        if self.error:
            raise self.error
        if etag and etag == self.etag:
            return Fetched(None, etag, last_modified)
        return Fetched(self.data, self.etag, "")


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    made = Feed()
    monkeypatch.setattr(calendar_feeds, "fetch", made.fetch)
    return made


@pytest.fixture
def ann() -> Actor:
    return factories.make_expert()[0]


def subscribe(actor: Actor, url: str = URL) -> int:
    return int(busy_calendars.add_subscription(actor, name="Work", url=url)["id"])


def upload(actor: Actor, *components: str) -> int:
    data = calendar(*components)
    return int(busy_calendars.add_upload(actor, SentFile("file", data), name="Holidays")["id"])


def only(actor: Actor) -> dict[str, Any]:
    [found] = busy_calendars.list_own(actor)
    return found


def starts_on(actor: Actor, event_type_id: int, day: datetime = NINE) -> set[str]:
    offer = slots.find_offer(event_type_id)
    midnight = day.replace(hour=0)
    found = slots.free_starts(offer, Interval(midnight, midnight + timedelta(days=1)))
    return {f"{start:%H:%M}" for start in found}


def book(event_type_id: int, starts_at: datetime) -> dict[str, Any]:
    return book_appointment(None, event_type_id, starts_at, factories.client_named()).booking


# -- added, and read ------------------------------------------------------------------


def test_a_subscription_is_fetched_off_the_command(ann: Actor, feed: Feed) -> None:
    subscribe(ann)
    assert feed.asked == []
    shown = only(ann)
    assert (shown["state"], shown["source"], shown["checked_at"]) == (
        "checking",
        "calendar.example.org",
        None,
    )
    assert refresh_due() == busy_calendar_refresh.Refreshed(1, 0)
    assert [asked["url"] for asked in feed.asked] == [URL]
    shown = only(ann)
    assert (shown["state"], shown["busy_periods"], shown["error"]) == ("ok", 1, None)
    assert shown["checked_at"] == shown["succeeded_at"] == "2031-03-03T06:00:00Z"
    assert external_busy.list_busy(ann.calendar_id, Interval(NOW, NOW + timedelta(days=9))) == [
        Interval(NINE, NINE + timedelta(hours=1))
    ]
    assert refresh_due() == busy_calendar_refresh.Refreshed(0, 0)  # nothing is due


def test_a_file_is_read_at_once(ann: Actor) -> None:
    upload(ann, LUNCH, event("DTSTART:never", uid="bad"))
    shown = only(ann)
    assert (shown["kind"], shown["state"], shown["busy_periods"], shown["skipped"]) == (
        "upload",
        "ok",
        1,
        1,
    )
    with pytest.raises(InvalidInput) as refused:
        busy_calendars.add_upload(ann, SentFile("file", b"<html>"), name="x")
    assert "not a calendar file" in refused.value.errors["file"][0]
    with pytest.raises(InvalidInput):
        busy_calendars.add_upload(ann, SentFile("file", calendar()), name=" ")
    assert rows.count(BusyCalendar) == 1


def test_titles_are_never_stored_and_the_address_is_sealed(ann: Actor, feed: Feed) -> None:
    subscribe(ann)
    refresh_due()
    upload(ann, LUNCH)
    stored = repr(db.session.execute(select(BusyCalendar.__table__)).all())
    assert "Secret" not in stored
    assert "private-9f8e7d" not in stored
    assert "private-9f8e7d" not in repr(busy_calendars.list_own(ann))


def test_what_is_sealed_opens_under_the_same_key_only(context: Flask) -> None:
    sealed = seal(URL)
    assert (open_sealed(sealed), seal(URL) != sealed) == (URL, True)
    kept = context.config["SECRET_KEY"]
    try:
        context.config["SECRET_KEY"] = "another secret, as long as it has to be"
        with pytest.raises(SealBroken):
            open_sealed(sealed)
    finally:
        context.config["SECRET_KEY"] = kept
    with pytest.raises(SealBroken):
        open_sealed("nonsense")


def test_after_another_secret_key_the_address_is_asked_for_again(
    ann: Actor, feed: Feed, context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(ann)
    monkeypatch.setitem(context.config, "SECRET_KEY", "another secret, as long as it has to be")
    refresh_due()
    assert "enter it again" in only(ann)["error"]


# -- refreshed ------------------------------------------------------------------------


def test_what_has_not_changed_is_neither_read_nor_announced(
    ann: Actor, feed: Feed, at: Any, published: list[changes.Change]
) -> None:
    subscribe(ann)
    refresh_due()
    version, told = rows.version(ann.calendar_id), len(published)
    for _ in range(2):
        at(NOW + timedelta(hours=1))
        busy_calendars.request_refresh(ann, only(ann)["id"])
        refresh_due()
        feed.etag = '"2"'  # the second time the same bytes come along under another name
    assert [asked["etag"] for asked in feed.asked] == ["", '"1"', '"1"']
    assert (rows.version(ann.calendar_id), len(published)) == (version, told)
    assert only(ann)["state"] == "ok"


def test_a_change_raises_the_version_and_is_told(
    ann: Actor, feed: Feed, published: list[changes.Change]
) -> None:
    calendar_id = subscribe(ann)
    refresh_due()
    version = rows.version(ann.calendar_id)
    feed.data, feed.etag = calendar(event("DTSTART:20310305T090000Z", "DURATION:PT1H")), '"2"'
    busy_calendars.request_refresh(ann, calendar_id)
    published.clear()
    refresh_due()
    assert rows.version(ann.calendar_id) == version + 1
    [told] = published
    assert isinstance(told, changes.CalendarChanged)
    assert [(each.version, each.user_id) for each in told.calendars] == [(version + 1, ann.user_id)]
    assert rows.count(ExternalBusy) == 1


def test_days_to_come_are_worked_out_from_what_is_kept(ann: Actor, feed: Feed, at: Any) -> None:
    subscribe(ann)
    upload(ann, event("DTSTART:20310304T070000Z", "DURATION:PT30M", "RRULE:FREQ=WEEKLY"))
    feed.data = calendar(event("DTSTART:20310304T090000Z", "DURATION:PT1H", "RRULE:FREQ=MONTHLY"))
    refresh_due()
    later = NOW + timedelta(days=400)
    at(later)
    refresh_due()
    assert [asked["etag"] for asked in feed.asked] == ["", '"1"']  # as it was, said the server
    latest = db.session.scalars(
        select(ExternalBusy.starts_at).order_by(ExternalBusy.starts_at.desc())
    ).first()
    assert latest is not None
    assert latest > later + timedelta(days=700)
    # What is over is no longer kept.
    first = db.session.scalars(
        select(ExternalBusy.starts_at).order_by(ExternalBusy.starts_at)
    ).first()
    assert first is not None
    assert first >= later - timedelta(days=2)


def test_times_without_a_zone_follow_the_expert(ann: Actor, feed: Feed, at: Any) -> None:
    from app.services import experts

    feed.data = calendar(event("DTSTART:20310304T090000", "DURATION:PT1H"))
    subscribe(ann)
    refresh_due()
    experts.update_expert(ann, {"time_zone": "America/New_York"})
    busy_calendars.request_refresh(ann, only(ann)["id"])
    refresh_due()
    week = Interval(NOW, NOW + timedelta(days=7))
    fourteen = NINE.replace(hour=14)
    assert external_busy.list_busy(ann.calendar_id, week) == [
        Interval(fourteen, fourteen + timedelta(hours=1))
    ]


def test_while_it_fails_what_it_said_still_counts(
    ann: Actor, feed: Feed, at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    subscribe(ann)
    refresh_due()
    feed.error = FetchError("There is no calendar at this address (404).")
    moment, waits = NOW + timedelta(hours=1), []
    for failures in range(1, 10):
        at(moment)
        assert refresh_due() == busy_calendar_refresh.Refreshed(0, 1)
        shown = only(ann)
        assert (shown["state"], shown["busy_periods"]) == ("failing", 1)
        assert shown["error"] == str(feed.error)
        assert shown["succeeded_at"] == "2031-03-03T06:00:00Z"
        again = datetime.fromisoformat(shown["next_refresh_at"])
        waits.append(again - moment)
        moment = again
        assert db.session.scalars(select(BusyCalendar.failures)).one() == failures
    assert timedelta(minutes=10) < waits[0] < timedelta(minutes=20)
    assert all(wait <= timedelta(days=1.2) for wait in waits)
    assert waits[3] > waits[0]
    assert external_busy.is_busy(ann.calendar_id, Interval(NINE, NINE + timedelta(minutes=1)))
    feed.error = FetchError("Less often.", retry_after=2 * 86400)
    at(moment)
    refresh_due()
    assert datetime.fromisoformat(only(ann)["next_refresh_at"]) >= moment + timedelta(days=2)
    feed.error = None
    busy_calendars.request_refresh(ann, only(ann)["id"])
    refresh_due()
    assert only(ann)["state"] == "ok"
    assert "private-9f8e7d" not in caplog.text


def test_what_is_no_calendar_is_a_failure_and_asked_for_again(ann: Actor, feed: Feed) -> None:
    subscribe(ann)
    feed.data = b"<html>Please sign in</html>"
    refresh_due()
    assert "not a calendar file" in only(ann)["error"]
    busy_calendars.request_refresh(ann, only(ann)["id"])
    feed.data = calendar(LUNCH)
    refresh_due()
    assert [asked["etag"] for asked in feed.asked] == ["", ""]
    assert only(ann)["state"] == "ok"


def test_one_at_a_time_and_taken_over_when_its_lease_ends(ann: Actor, feed: Feed, at: Any) -> None:
    subscribe(ann)
    nested: list[Any] = []
    feed.meanwhile = lambda: nested.append(refresh_due())
    refresh_due()
    assert nested == [busy_calendar_refresh.Refreshed(0, 0)]  # it was somebody's already
    feed.meanwhile = None
    # Somebody claimed it and died.
    busy_calendars.request_refresh(ann, only(ann)["id"])
    assert busy_calendar_refresh._claim() is not None
    assert refresh_due() == busy_calendar_refresh.Refreshed(0, 0)
    at(NOW + busy_calendar_refresh.LEASE)
    assert refresh_due() == busy_calendar_refresh.Refreshed(1, 0)


@pytest.mark.parametrize("act", ["remove", "point elsewhere"])
def test_what_was_fetched_for_another_address_is_dropped(ann: Actor, feed: Feed, act: str) -> None:
    calendar_id = subscribe(ann)

    def meanwhile() -> None:
        feed.meanwhile = None
        feed.data = calendar()
        if act == "remove":
            busy_calendars.remove(ann, calendar_id)
        else:
            busy_calendars.change(ann, calendar_id, {"url": "https://other.example.org/x"})

    data = feed.data
    feed.meanwhile = meanwhile
    version = rows.version(ann.calendar_id)
    original = feed.fetch

    def fetch_old(url: str, **conditions: Any) -> Fetched:
        found = original(url, **conditions)
        return Fetched(data, "", "") if url == URL else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calendar_feeds, "fetch", fetch_old)
        refresh_due()
    assert rows.count(ExternalBusy) == 0
    assert rows.version(ann.calendar_id) == version + 1  # for the act alone
    if act == "point elsewhere":
        assert [asked["url"] for asked in feed.asked] == [URL, "https://other.example.org/x"]
        assert only(ann)["source"] == "other.example.org"


def test_everything_is_made_due(ann: Actor, feed: Feed) -> None:
    subscribe(ann)
    upload(ann, LUNCH)
    refresh_due()
    assert busy_calendar_refresh.make_all_due() == 2
    assert refresh_due() == busy_calendar_refresh.Refreshed(2, 0)


# -- in the way -------------------------------------------------------------------------


def test_busy_time_elsewhere_is_not_offered_with_buffers(ann: Actor) -> None:
    event_type = factories.make_event_type(ann, duration_minutes=60, buffer_before_minutes=30)
    before = starts_on(ann, event_type.id)
    # Overlapping themselves, and what is booked, which the ledger would not take.
    upload(ann, LUNCH, event("DTSTART:20310304T093000Z", "DURATION:PT1H", uid="two"))
    # Starts at 7:00, 8:00, … in UTC; 8:00 ends as lunch begins, 11:00 has its buffer from 10:30.
    assert before - starts_on(ann, event_type.id) == {"09:00", "10:00"}
    busy_calendars.remove(ann, only(ann)["id"])
    assert starts_on(ann, event_type.id) == before


def test_it_is_refused_under_the_lock_though_the_page_was_older(ann: Actor, feed: Feed) -> None:
    event_type = factories.make_event_type(ann)
    subscribe(ann)
    assert "09:00" in starts_on(ann, event_type.id)
    refresh_due()
    with pytest.raises(SlotTaken) as taken:
        book(event_type.id, NINE)
    assert taken.value.extra["alternatives"][0] == "2031-03-04T08:30:00Z"
    # Where it only touches, it is free.
    assert book(event_type.id, NINE + timedelta(hours=1))["status"] == "confirmed"


def test_a_move_into_it_is_refused(ann: Actor) -> None:
    event_type = factories.make_event_type(ann)
    booked = book(event_type.id, NINE + timedelta(hours=3))
    upload(ann, LUNCH)
    with pytest.raises(SlotTaken):
        reschedule_booking(ann, booked["uid"], NINE)
    reschedule_booking(ann, booked["uid"], NINE + timedelta(hours=2))


def test_a_booking_that_stands_stays_and_the_ledger_is_sound(ann: Actor) -> None:
    from app.services import guarantees

    event_type = factories.make_event_type(ann)
    booked = book(event_type.id, NINE)
    upload(ann, LUNCH)
    assert rows.booking(booked["uid"]).status == "confirmed"
    cancel_booking(ann, booked["uid"])
    with pytest.raises(SlotTaken):
        book(event_type.id, NINE)
    assert guarantees.find_breaches() == []


def test_it_is_in_the_way_of_nothing_else(ann: Actor) -> None:
    """A client's own time elsewhere, and rooms, are not judged by it."""
    upload(ann, LUNCH)
    other, _ = factories.make_expert()
    event_type = factories.make_event_type(other)
    assert book_appointment(ann, event_type.id, NINE, factories.client_named()).created
    staff = factories.make_contributor()
    later = Interval(NINE + timedelta(hours=4), NINE + timedelta(hours=5))
    assert reserve_room(staff, Wanted(factories.make_room().id, later, "A meeting"))


def test_an_invitation_of_ours_that_comes_back_does_not_count(ann: Actor, feed: Feed) -> None:
    event_type = factories.make_event_type(ann)
    booked = book(event_type.id, NINE)
    stranger, _ = factories.make_expert()
    foreign = book(factories.make_event_type(stranger).id, NINE + timedelta(hours=4))
    at_nine = ("DTSTART:20310304T090000Z", "DURATION:PT30M")
    at_one = ("DTSTART:20310304T130000Z", "DURATION:PT30M")
    feed.data = calendar(event(*at_nine, uid=booked["uid"]), event(*at_one, uid=foreign["uid"]))
    subscribe(ann)
    refresh_due()
    # Somebody else's booking is time that our ledger does not know of.
    assert only(ann)["busy_periods"] == 1
    cancel_booking(ann, booked["uid"])
    assert {"09:00"} <= starts_on(ann, event_type.id)
    assert "13:00" not in starts_on(ann, event_type.id)


# -- whose -------------------------------------------------------------------------------


def test_calendars_are_their_owners_alone(ann: Actor, feed: Feed) -> None:
    calendar_id = subscribe(ann)
    eve, _ = factories.make_expert()
    nobody = factories.make_actor()
    for stranger in (eve, nobody):
        for act in (
            lambda who: busy_calendars.get_own(who, calendar_id),
            lambda who: busy_calendars.change(who, calendar_id, {"name": "Mine"}),
            lambda who: busy_calendars.request_refresh(who, calendar_id),
            lambda who: busy_calendars.remove(who, calendar_id),
        ):
            with pytest.raises(NotFound):
                act(stranger)
    with pytest.raises(NotFound):
        busy_calendars.list_own(nobody)
    with pytest.raises(NotFound):
        busy_calendars.add_subscription(nobody, name="x", url=URL)
    with pytest.raises(Unauthenticated):
        busy_calendars.list_own(None)
    assert busy_calendars.list_own(eve) == []


def test_how_many_there_may_be(ann: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy_calendars, "MAX_CALENDARS", 2)
    subscribe(ann), upload(ann)
    for add in (subscribe, upload):
        with pytest.raises(InvalidInput, match="Remove one first"):
            add(ann)
