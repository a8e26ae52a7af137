"""Group slots: several clients in one slot of an expert, one of whom holds its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.extensions import db
from app.models import Booking, BusyPeriod
from app.models.interval import Interval
from app.services import changes, event_types, explanations, guarantees, seats, slots
from app.services.appointments import Client, book_appointment
from app.services.bookings import get_booking, list_bookings
from app.services.cancellation import cancel_booking
from app.services.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    NotOffered,
    Overlap,
    SlotTaken,
    Stale,
)
from app.services.rescheduling import reschedule_booking
from app.services.restoring import restore_booking
from tests import factories, rows

pytestmark = pytest.mark.usefixtures("context")

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
HALF = timedelta(minutes=30)


@pytest.fixture
def host(context: Any) -> Any:
    return factories.make_expert(name="Mara")[0]


@pytest.fixture(autouse=True)
def sound(context: Any) -> Any:
    """Whatever a test does, the audit finds nothing after it."""
    yield
    db.session.rollback()
    assert guarantees.find_breaches() == []


def offer(host: Any, seats: int = 3, **values: Any) -> int:
    return factories.make_event_type(host, seats=seats, **values).id


def book(type_id: int, starts_at: datetime = TEN, actor: Any = None, **more: Any) -> dict[str, Any]:
    client = Client(name="Gwen Guest", email="gwen@example.org")
    return book_appointment(actor, type_id, starts_at, client, **more).booking


def left(type_id: int) -> dict[str, int]:
    """Seats left by UTC hour of the day in question."""
    expert = slots.get_offer(type_id)
    found = slots.list_slots(expert.expert_slug, expert.slug, TEN.date(), TEN.date(), "UTC")
    return {f"{start:%H:%M}": number for start, number in found.seats_left.items()}


def holder(host: Any) -> list[int]:
    """Whom the periods of the host's calendar are owed to."""
    return list(
        db.session.scalars(
            db.select(BusyPeriod.booking_id).where(BusyPeriod.calendar_id == host.calendar_id)
        )
    )


def ids(*booked: dict[str, Any]) -> list[int]:
    return [rows.booking(each["uid"]).id for each in booked]


def test_one_period_of_the_expert_and_as_many_bookings_as_seats(host: Any) -> None:
    room = factories.make_room()
    type_id = offer(host, room_id=room.id, buffer_after_minutes=15)
    clients = [factories.make_actor(), None, factories.make_actor()]
    assert left(type_id)["10:00"] == 3
    booked = []
    for number, client in enumerate(clients, start=1):
        booked.append(book(type_id, actor=client))
        assert left(type_id).get("10:00", 0) == 3 - number
    with pytest.raises(SlotTaken) as refused:
        book(type_id)
    assert refused.value.extra["alternatives"][0] == "2031-03-04T09:00:00Z"  # clear of the buffer
    assert rows.busy(host.calendar_id) == [Interval(TEN, TEN + HALF + HALF / 2)]
    assert rows.busy(rows.room_calendar(room.id)) == [Interval(TEN, TEN + HALF)]
    for client in (clients[0], clients[2]):
        assert rows.busy(client.calendar_id) == [Interval(TEN, TEN + HALF)]
    assert [rows.booking(each["uid"]).place for each in booked] == [1, 2, 3]


def test_the_slots_of_types_with_one_seat_tell_nothing_of_seats(host: Any) -> None:
    type_id = offer(host, seats=1)
    assert left(type_id) == {}


def test_a_slot_that_was_joined_excludes_what_overlaps_it(host: Any) -> None:
    type_id = offer(host, slot_step_minutes=15)
    other = offer(host, seats=5)
    book(type_id)
    found = left(type_id)
    assert (found["10:00"], "09:45" in found, "10:15" in found, found["10:30"]) == (
        2,
        False,
        False,
        3,
    )
    assert "10:00" not in left(other)
    for type_, start in ((type_id, TEN + HALF / 2), (other, TEN)):
        with pytest.raises(SlotTaken):
            book(type_, start)


def test_when_the_holder_leaves_the_time_passes_to_another(host: Any, published: list[Any]) -> None:
    type_id = offer(host, seats=2, room_id=factories.make_room().id)
    client = factories.make_actor()
    first, second = book(type_id, actor=client), book(type_id)
    assert holder(host) == ids(first)
    cancel_booking(client, first["uid"])
    assert (holder(host), rows.busy(client.calendar_id)) == (ids(second), [])
    third = book(type_id)
    assert rows.booking(third["uid"]).place == 1  # the lowest that is free
    cancel_booking(host, third["uid"])
    assert holder(host) == ids(second)
    cancel_booking(host, second["uid"])
    assert holder(host) == []
    # Each join and leave is told to who watches the expert, whoever holds the time.
    told = [each for each in published if isinstance(each, changes.BookingChanged)]
    versions = [
        calendar.version
        for each in told
        for calendar in each.calendars
        if calendar.expert_slug == "mara"
    ]
    assert len(versions) == 6
    assert versions == sorted(set(versions))


def test_a_holder_moves_and_leaves_the_slot_to_the_others(host: Any) -> None:
    type_id = offer(host, slot_step_minutes=15)
    first, second = book(type_id), book(type_id)
    with pytest.raises(SlotTaken) as refused:  # the others' time is no freer for who leaves it
        reschedule_booking(host, first["uid"], TEN + HALF / 2)
    assert refused.value.extra["alternatives"][0] == "2031-03-04T10:00:00Z"
    assert holder(host) == ids(first)
    reschedule_booking(host, first["uid"], TEN + HALF)
    assert sorted(holder(host)) == sorted(ids(first, second))
    reschedule_booking(host, first["uid"], TEN)  # and back, as one of two
    assert holder(host) == ids(second)
    assert rows.booking(first["uid"]).place == 1


def test_all_in_a_slot_meet_in_one_place(host: Any) -> None:
    type_id = offer(host, location={"kind": "jitsi", "detail": ""})
    client = factories.make_actor()

    def link(booking: dict[str, Any]) -> str:
        return rows.booking(booking["uid"]).meeting_url

    first, second = book(type_id, actor=client), book(type_id)
    later = book(type_id, TEN + HALF)
    shared, other = link(first), link(later)
    assert (link(second), shared != other) == (shared, True)
    reschedule_booking(client, first["uid"], TEN + HALF)  # to others
    assert (link(first), link(second)) == (other, shared)
    reschedule_booking(client, first["uid"], TEN + 2 * HALF)  # alone: those left keep theirs
    assert link(first) not in {shared, other}
    alone = link(first)
    reschedule_booking(client, first["uid"], TEN + 3 * HALF)
    assert link(first) == alone
    cancel_booking(client, first["uid"])
    newcomer = book(type_id, TEN + 3 * HALF)
    assert link(newcomer) != alone
    assert restore_booking(client, first["uid"])["meeting_url"] == link(newcomer)


def test_a_host_moves_a_slot_as_a_whole(host: Any, published: list[Any]) -> None:
    type_id = offer(host, location={"kind": "jitsi", "detail": ""}, slot_step_minutes=15)
    client = factories.make_actor()
    first, second, third = book(type_id, actor=client), book(type_id), book(type_id)
    links = {rows.booking(each["uid"]).meeting_url for each in (first, second, third)}
    with pytest.raises(NotAllowed):
        reschedule_booking(client, first["uid"], TEN + HALF, with_group=True)
    sent, told = len(rows.mails()), len(published)
    # Into a time that the slot itself holds, which none of them could have alone.
    moved = reschedule_booking(host, second["uid"], TEN + HALF / 2, with_group=True)
    assert (moved["uid"], moved["starts_at"]) == (second["uid"], "2031-03-04T10:15:00Z")
    found = [rows.booking(each["uid"]) for each in (first, second, third)]
    assert {each.starts_at for each in found} == {TEN + HALF / 2}
    assert sorted(each.place for each in found) == [1, 2, 3]
    assert {each.meeting_url for each in found} == links
    period = Interval(TEN + HALF / 2, TEN + HALF / 2 + HALF)
    assert rows.busy(host.calendar_id) == rows.busy(client.calendar_id) == [period]
    # One mail to each client and the host's copies; each watcher hears of its own alone.
    assert Counter(template for template, _ in rows.mails()[sent:]) == {
        "appointment_rescheduled": 3,
        "appointment_rescheduled_host": 3,
    }
    heard = [each for each in published[told:] if isinstance(each, changes.BookingChanged)]
    assert [each.booking and each.booking["uid"] for each in heard] == [
        second["uid"],
        first["uid"],
        third["uid"],
    ]
    concerned = [{one.calendar_id for one in each.calendars} for each in heard]
    assert [client.calendar_id in each for each in concerned] == [False, True, False]


def test_a_slot_moves_with_everybody_or_not_at_all(host: Any, meanwhile: Any) -> None:
    type_id = offer(host)
    client = factories.make_actor()
    first, second = book(type_id, actor=client), book(type_id)
    other = book(offer(factories.make_expert()[0]), TEN + HALF, actor=client)  # busy then
    with pytest.raises(SlotTaken) as refused:
        reschedule_booking(host, second["uid"], TEN + HALF, with_group=True)
    assert "everybody" in refused.value.detail
    later = [book(type_id, TEN + 2 * HALF), book(type_id, TEN + 2 * HALF)]
    with pytest.raises(SlotTaken):  # one seat is left there
        reschedule_booking(host, second["uid"], TEN + 2 * HALF, with_group=True)
    meanwhile(lambda: book(type_id))
    with pytest.raises(Stale):  # who came in was not asked about
        reschedule_booking(host, second["uid"], TEN + 3 * HALF, with_group=True)
    assert {rows.booking(each["uid"]).starts_at for each in (first, second)} == {TEN}
    cancel_booking(client, other["uid"])
    cancel_booking(host, later[0]["uid"])
    cancel_booking(host, first["uid"])
    reschedule_booking(host, second["uid"], TEN + 2 * HALF, with_group=True)  # joins one there
    assert rows.busy(host.calendar_id) == [
        Interval(TEN + 2 * HALF, TEN + 3 * HALF),
    ]


def test_a_host_is_told_of_everybody_in_the_way_at_once(host: Any) -> None:
    type_id = offer(host)
    members = [book(type_id, actor=factories.make_actor()), book(type_id), book(type_id)]
    session = factories.make_session(starts_at=TEN)
    with pytest.raises(Overlap) as refused:
        seats.book_seat(host, session.id)
    uids = [each["uid"] for each in refused.value.extra["conflicts"]]
    assert sorted(uids) == sorted(each["uid"] for each in members)
    assert sorted(seats.book_seat(host, session.id, replace=uids).replaced) == sorted(uids)
    assert {rows.booking(uid).status for uid in uids} == {"cancelled"}
    # To a client who is in it, the others are nobody's business.
    second = book(type_id, TEN + 2 * HALF, actor=(client := factories.make_actor()))
    book(type_id, TEN + 2 * HALF)
    with pytest.raises(Overlap) as refused:
        seats.book_seat(client, factories.make_session(starts_at=TEN + 2 * HALF).id)
    assert [each["uid"] for each in refused.value.extra["conflicts"]] == [second["uid"]]


def test_a_move_into_a_full_slot_is_refused(host: Any) -> None:
    type_id = offer(host, seats=1)
    event_types.update_event_type(host, type_id, {"seats": 2})
    book(type_id), book(type_id)
    other = book(type_id, TEN + HALF)
    with pytest.raises(SlotTaken):
        reschedule_booking(host, other["uid"], TEN)


def test_a_client_is_in_a_slot_once(host: Any) -> None:
    type_id, client = offer(host), factories.make_actor()
    mine = book(type_id, actor=client)
    with pytest.raises(Overlap) as refused:
        book(type_id, actor=client)
    assert refused.value.extra["conflicts"][0]["uid"] == mine["uid"]


def test_a_replace_out_of_a_slot_leaves_the_others_in_it(host: Any) -> None:
    type_id, client = offer(host), factories.make_actor()
    single = offer(host, seats=1, duration_minutes=60, slot_step_minutes=30)
    first, second = book(type_id, actor=client), book(type_id)
    with pytest.raises(SlotTaken):  # the other guest's time is not the client's to give up
        book(single, TEN - HALF, actor=client, replace=[first["uid"]])
    assert holder(host) == ids(first)
    booked = book(single, TEN + HALF, actor=client, replace=[first["uid"]])
    assert sorted(holder(host)) == sorted(ids(second, booked))


def test_nobody_in_a_slot_sees_another(host: Any) -> None:
    type_id = offer(host)
    one, other = factories.make_actor(), factories.make_actor()
    client = Client(name="Ann Canary", email="canary@example.org", notes="canary notes")
    first = book_appointment(one, type_id, TEN, client).booking
    mine = book(type_id, actor=other)
    assert "anary" not in str([mine, list_bookings(other, page=1, page_size=9)])
    with pytest.raises(NotFound):
        get_booking(other, first["uid"])
    with pytest.raises(Overlap) as refused:
        book(type_id, actor=other)
    assert first["uid"] not in str(refused.value.extra)
    with pytest.raises(SlotTaken) as refused_as_guest:
        book(type_id), book(type_id)
    assert "anary" not in str(refused_as_guest.value.extra)


def test_a_daily_limit_counts_slots_not_people(host: Any) -> None:
    type_id = offer(host, daily_limit=1)
    book(type_id), book(type_id)
    assert left(type_id) == {"10:00": 1}
    with pytest.raises(NotOffered) as refused:
        book(type_id, TEN + HALF)
    assert refused.value.extra["rule"] == "daily_limit"
    book(type_id)


def test_who_joins_others_takes_no_more_of_a_day_that_is_overfull(host: Any) -> None:
    type_id = offer(host, daily_limit=2)
    book(type_id), book(type_id, TEN + HALF)
    event_types.update_event_type(host, type_id, {"daily_limit": 1})
    assert left(type_id) == {"10:00": 2, "10:30": 2}
    for starts_at in (TEN, TEN + HALF):
        assert explanations.explain(host, type_id, starts_at)["offered"]
        book(type_id, starts_at)
    with pytest.raises(NotOffered):
        book(type_id, TEN + 2 * HALF)


def test_fewer_seats_than_are_taken_are_refused(host: Any, at: Callable[[datetime], None]) -> None:
    type_id = offer(host)
    book(type_id), book(type_id)
    book(type_id, TEN + HALF)
    with pytest.raises(InvalidInput) as refused:
        event_types.update_event_type(host, type_id, {"seats": 1})
    assert refused.value.errors == {
        "seats": ["2 people are booked in one slot to come: at least 2."]
    }
    event_types.update_event_type(host, type_id, {"seats": 2})
    assert (left(type_id).get("10:00"), left(type_id)["10:30"]) == (None, 1)
    at(TEN + HALF)
    event_types.update_event_type(host, type_id, {"seats": 1})  # those two are over


@pytest.mark.parametrize("change", ["duration", "room"])
def test_a_slot_takes_nobody_more_once_its_type_is_another(host: Any, change: str) -> None:
    type_id = offer(host, duration_minutes=30, slot_step_minutes=30)
    stands = book(type_id)
    values = (
        {"duration_minutes": 15} if change == "duration" else {"room_id": factories.make_room().id}
    )
    event_types.update_event_type(host, type_id, values)
    assert "10:00" not in left(type_id)
    with pytest.raises(SlotTaken):
        book(type_id)
    assert get_booking(host, stands["uid"])["ends_at"] == "2031-03-04T10:30:00Z"


def test_the_database_keeps_places_apart_whoever_forgets_to_ask(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services import group_slots

    type_id = offer(host)
    book(type_id)
    monkeypatch.setattr(group_slots, "find_place", lambda *args, **kwargs: 1)
    with pytest.raises(SlotTaken):
        book(type_id)
    assert rows.count(Booking) == 1


def test_the_host_may_sit_in_too(host: Any) -> None:
    type_id = offer(host)
    book(type_id)
    book(type_id, actor=host)
    assert rows.busy(host.calendar_id) == [Interval(TEN, TEN + HALF)]
