"""Series: reservations that repeat, changed and given back together, and taken again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import Booking, Series
from app.models.interval import Interval
from app.services import accounts, changes, guarantees, reservations, restoring
from app.services.cancellation import cancel_booking
from app.services.errors import (
    Gone,
    InvalidInput,
    NotAllowed,
    NotFound,
    Overlap,
    Stale,
)
from app.services.reservations import Wanted, reserve_room
from app.services.series import cancel_series, preview_series, reserve_series
from app.services.series_changes import change_series, preview_change
from tests import factories, rows
from tests.queries import count_queries
from tests.refusals import refusal

pytestmark = pytest.mark.usefixtures("context")

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = "FREQ=WEEKLY;COUNT=4"  # 24 and 31 March, 7 and 14 April: the clocks change on the 30th
MONDAY = factories.period("2031-03-24T10:00+01:00", "2031-03-24T11:00+01:00")


@pytest.fixture(autouse=True)
def _sound(context: Any) -> Any:
    yield
    db.session.rollback()
    assert guarantees.find_breaches() == []


def wanted(room: Any, period: Interval = MONDAY, **values: Any) -> Wanted:
    return Wanted(**{"room_id": room.id, "period": period, "title": "Choir", **values})


def weekly(actor: Any, room: Any, rule: str = WEEKLY, **values: Any) -> list[str]:
    """Uids of a new series."""
    return [each["uid"] for each in reserve_series(actor, wanted(room, **values), rule).bookings]


def local(instant: Any) -> str:
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return f"{instant.astimezone(BERLIN):%m-%d %H:%M}"


def starts(uids: list[str]) -> list[str]:
    return [local(rows.booking(uid).starts_at) for uid in uids]


def at_ten(day: str) -> Interval:
    """A period at ten o'clock on a day like "04-07"."""
    return factories.period(f"2031-{day}T10:00+02:00", f"2031-{day}T11:00+02:00")


def rules() -> list[str]:
    return list(db.session.scalars(select(Series.rule).order_by(Series.id)))


# -- making ------------------------------------------------------------------------------


def test_each_occurrence_is_a_reservation_with_its_busy_periods(published: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    done = reserve_series(staff, wanted(room, reservation_type="Live"), WEEKLY)
    uids = [each["uid"] for each in done.bookings]
    assert starts(uids) == ["03-24 10:00", "03-31 10:00", "04-07 10:00", "04-14 10:00"]
    assert done.skipped == []
    series = done.bookings[0]["series"]
    assert (series["rule"], series["time_zone"]) == (WEEKLY, "Europe/Berlin")
    assert {each["series"]["uid"] for each in done.bookings} == {series["uid"]}
    assert {each["reservation_type"] for each in done.bookings} == {"Live"}
    assert len(rows.busy(rows.room_calendar(room.id))) == 4
    assert len(rows.busy(staff.calendar_id)) == 4
    # One message per calendar stands for all four; its version says so.
    told = [change for change in published if isinstance(change, changes.BookingChanged)]
    assert [(change.name, change.calendars[0].version) for change in told] == [
        ("newBooking", 4)
    ] * 2
    assert rows.version(rows.room_calendar(room.id)) == 4


def test_all_or_nothing_or_the_rest() -> None:
    room, staff, other = (
        factories.make_room(),
        factories.make_contributor(),
        factories.make_contributor(),
    )
    reserve_room(other, wanted(room, at_ten("04-07")))
    error = refusal(Overlap, lambda: reserve_series(staff, wanted(room), WEEKLY))
    assert len(error.extra["conflicts"]) == 1
    assert [local(each["starts_at"]) for each in error.extra["occurrences"]] == ["04-07 10:00"]
    assert rows.count(Booking) == 1
    assert rows.count(Series) == 0
    preview = preview_series(staff, wanted(room), WEEKLY).as_payload()
    assert (preview["free"], preview["conflicting"], rows.count(Booking)) == (3, 1, 1)
    assert [len(each["conflicts"]) for each in preview["occurrences"]] == [0, 0, 1, 0]
    done = reserve_series(staff, wanted(room), WEEKLY, skip_conflicts=True)
    assert [local(each["starts_at"]) for each in done.bookings] == [
        "03-24 10:00",
        "03-31 10:00",
        "04-14 10:00",
    ]
    assert [local(each["starts_at"]) for each in done.skipped] == ["04-07 10:00"]


def test_nothing_free_is_refused_even_if_conflicts_may_be_skipped() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    weekly(staff, room)
    refusal(Overlap, lambda: reserve_series(staff, wanted(room), WEEKLY, skip_conflicts=True))


@pytest.mark.parametrize(
    ("rule", "field"),
    [("FREQ=HOURLY;COUNT=2", "recurrence"), ("FREQ=DAILY;UNTIL=20310101", "recurrence")],
)
def test_a_bad_rule_is_a_wrong_field(rule: str, field: str) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    error = refusal(InvalidInput, lambda: reserve_series(staff, wanted(room), rule))
    assert list(error.extra["errors"]) == [field]
    past = factories.period("2031-03-01T10:00Z", "2031-03-01T11:00Z")
    refusal(InvalidInput, lambda: reserve_series(staff, wanted(room, past), WEEKLY))
    refusal(NotAllowed, lambda: preview_series(factories.make_actor(), wanted(room), WEEKLY))


def test_a_year_of_days_takes_few_queries() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    with count_queries() as statements:
        done = reserve_series(staff, wanted(room), "FREQ=DAILY;COUNT=366")
    assert len(done.bookings) == 366
    # Whatever the number: batches of inserts are the drivers' own.
    assert len({statement[:60] for statement in statements}) < 16
    error = refusal(Overlap, lambda: reserve_series(staff, wanted(room), "FREQ=DAILY;COUNT=300"))
    assert len(error.extra["occurrences"]) == 300


# -- changing ----------------------------------------------------------------------------


def test_one_occurrence_is_moved_alone() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room)
    moved = {"starts_at": at_ten("04-08").starts_at, "ends_at": at_ten("04-08").ends_at}
    reservations.change_reservation(staff, uids[2], moved)
    assert starts(uids) == ["03-24 10:00", "03-31 10:00", "04-08 10:00", "04-14 10:00"]
    assert rows.booking(uids[2]).series_id == rows.booking(uids[0]).series_id


def test_all_are_moved_in_local_time_and_resized(published: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room)
    published.clear()
    later = {
        "starts_at": MONDAY.starts_at + timedelta(days=1, hours=2),
        "ends_at": MONDAY.ends_at + timedelta(days=1, hours=2, minutes=30),
    }
    done = change_series(staff, uids[0], later, "all", version=1)
    assert starts(uids) == ["03-25 12:00", "04-01 12:00", "04-08 12:00", "04-15 12:00"]
    assert [each["version"] for each in done.bookings] == [2] * 4
    assert {rows.booking(uid).ends_at - rows.booking(uid).starts_at for uid in uids} == {
        timedelta(minutes=90)
    }
    assert {(change.name, change.previous) for change in published} == {
        ("bookingRescheduled", MONDAY)
    }
    assert rows.version(rows.room_calendar(room.id)) == 8
    refusal(Stale, lambda: change_series(staff, uids[0], {"title": "x"}, "all", version=1))


def test_what_follows_becomes_a_series_of_its_own() -> None:
    room, hall, staff = factories.make_room(), factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room)
    done = change_series(staff, uids[2], {"title": "Band", "room_id": hall.id}, "following")
    assert [each["uid"] for each in done.bookings] == uids[2:]
    assert [rows.booking(uid).title for uid in uids] == ["Choir", "Choir", "Band", "Band"]
    assert len(rows.busy(rows.room_calendar(hall.id))) == 2
    assert rules() == ["FREQ=WEEKLY;UNTIL=20310331", "FREQ=WEEKLY;UNTIL=20310414"]
    # "All" of the first part is the first part.
    change_series(staff, uids[0], {"title": "Solo"}, "all")
    assert [rows.booking(uid).title for uid in uids] == ["Solo", "Solo", "Band", "Band"]


def test_from_the_first_on_is_all_of_it() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room, "FREQ=WEEKLY;BYDAY=MO;UNTIL=20310414")
    values = {
        "starts_at": MONDAY.starts_at + timedelta(days=1),
        "ends_at": MONDAY.ends_at + timedelta(days=1),
    }
    change_series(staff, uids[0], values, "following")
    assert rules() == ["FREQ=WEEKLY;BYDAY=TU;UNTIL=20310415"]


def test_occurrences_may_take_each_others_place() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room, "FREQ=DAILY;COUNT=5")
    values = {
        "starts_at": MONDAY.starts_at + timedelta(days=1),
        "ends_at": MONDAY.ends_at + timedelta(days=1),
    }
    change_series(staff, uids[0], values, "all")
    assert starts(uids) == [f"03-{day} 10:00" for day in range(25, 30)]


def test_one_that_must_stay_keeps_those_before_it_in_place() -> None:
    room, staff, other = (
        factories.make_room(),
        factories.make_contributor(),
        factories.make_contributor(),
    )
    uids = weekly(staff, room, "FREQ=DAILY;COUNT=4")  # the 24th to the 27th
    day = timedelta(days=1)
    blocked = Interval(MONDAY.starts_at + 4 * day, MONDAY.ends_at + 4 * day)
    reserve_room(other, wanted(room, blocked))
    values = {"starts_at": MONDAY.starts_at + day, "ends_at": MONDAY.ends_at + day}
    error = refusal(Overlap, lambda: change_series(staff, uids[0], values, "all"))
    # The last is in somebody's way, so it stays, so the one before it stays, and so on.
    assert len(error.extra["occurrences"]) == 4
    preview = preview_change(staff, uids[0], values, "all").as_payload()
    assert (preview["free"], preview["occurrences"][3]["uid"]) == (0, uids[3])
    three = {"starts_at": MONDAY.starts_at + 3 * day, "ends_at": MONDAY.ends_at + 3 * day}
    done = change_series(staff, uids[0], three, "all", skip_conflicts=True)
    # The second would be on the 28th, which is taken; the others move.
    assert [local(each["starts_at"]) for each in done.skipped] == ["03-28 10:00"]
    assert starts(uids) == ["03-27 10:00", "03-25 10:00", "03-29 10:00", "03-30 10:00"]


def test_a_time_that_a_day_does_not_have() -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    friday = factories.period("2031-03-28T10:00+01:00", "2031-03-28T10:30+01:00")
    uids = weekly(staff, room, "FREQ=DAILY;COUNT=4", period=friday)
    night = {"starts_at": friday.starts_at - timedelta(hours=7, minutes=30)}
    night["ends_at"] = night["starts_at"] + timedelta(minutes=30)
    error = refusal(InvalidInput, lambda: change_series(staff, uids[0], night, "all"))
    assert "does not exist" in error.detail
    shown = preview_change(staff, uids[0], night, "all").as_payload()["occurrences"]
    assert [each["missing"] for each in shown] == [False, False, True, False]
    done = change_series(staff, uids[0], night, "all", skip_conflicts=True)
    assert (len(done.bookings), len(done.skipped)) == (3, 1)
    assert starts(uids) == ["03-28 02:30", "03-29 02:30", "03-30 10:00", "03-31 02:30"]


def test_what_has_begun_stays(at: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room)
    at(at_ten("04-01").starts_at)
    change_series(staff, uids[2], {"title": "Band"}, "all")
    assert [rows.booking(uid).title for uid in uids] == ["Choir", "Choir", "Band", "Band"]
    refusal(Gone, lambda: change_series(staff, uids[0], {"title": "x"}, "all"))
    earlier = {
        "starts_at": at_ten("03-31").starts_at,
        "ends_at": at_ten("03-31").ends_at,
    }
    refusal(InvalidInput, lambda: change_series(staff, uids[2], earlier, "all"))
    back = {"starts_at": at_ten("04-02").starts_at, "ends_at": at_ten("04-02").ends_at}
    change_series(staff, uids[3], back, "following")
    assert starts(uids)[3] == "04-02 10:00"


def test_contributors_change_only_their_own_and_admins_all() -> None:
    room, staff, admin = factories.make_room(), factories.make_contributor(), factories.make_admin()
    other = factories.make_contributor()
    uids = weekly(staff, room)
    reservations.change_reservation(admin, uids[1], {"responsible_user_id": other.user_id})
    refusal(NotAllowed, lambda: change_series(other, uids[0], {"title": "x"}, "all"))
    refusal(NotAllowed, lambda: cancel_series(other, uids[0], "all"))
    handed = {"responsible_user_id": other.user_id}
    refusal(NotAllowed, lambda: change_series(staff, uids[0], handed, "all"))
    change_series(staff, uids[0], {"title": "Band"}, "all")
    assert [rows.booking(uid).title for uid in uids] == ["Band", "Choir", "Band", "Band"]
    change_series(admin, uids[0], {"title": "Duo"}, "all")
    assert {rows.booking(uid).title for uid in uids} == {"Duo"}
    # Each keeps its own responsible user, unless one is named.
    assert [rows.booking(uid).user_id == other.user_id for uid in uids] == [
        False,
        True,
        False,
        False,
    ]
    change_series(admin, uids[0], handed, "all")
    assert {rows.booking(uid).user_id for uid in uids} == {other.user_id}


def test_a_change_that_waited_judges_what_is_there_now(meanwhile: Any) -> None:
    room, staff, admin = factories.make_room(), factories.make_contributor(), factories.make_admin()
    uids = weekly(staff, room)
    # Inside the command: it has looked, and now somebody else was faster.
    seen = reservations.get_row(staff, uids[0])
    meanwhile(lambda: cancel_booking(admin, uids[3]))
    done = change_series(staff, uids[0], {"title": "Band"}, "all", version=seen.version)
    assert len(done.bookings) == 3


def test_races_end_in_one_state(meanwhile: Any) -> None:
    room, staff, admin = factories.make_room(), factories.make_contributor(), factories.make_admin()
    uids = weekly(staff, room)
    meanwhile(lambda: change_series(admin, uids[0], {"title": "Duo"}, "all"))
    refusal(Stale, lambda: change_series(staff, uids[0], {"title": "Solo"}, "all", version=1))
    meanwhile(lambda: cancel_series(admin, uids[0], "all"))
    assert cancel_series(staff, uids[0], "all") == [uids[0]]  # twice is once
    meanwhile(lambda: restoring.restore_reservation(admin, uids[0], scope="all"))
    restored = restoring.restore_reservation(staff, uids[0], scope="all")
    assert {each["status"] for each in restored} == {"confirmed"}


# -- giving back and taking again ----------------------------------------------------------


@pytest.mark.parametrize(("scope", "left"), [("one", [0, 2, 3]), ("following", [0]), ("all", [])])
def test_given_back_by_scope_and_taken_again(scope: str, left: list[int], published: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room)
    published.clear()
    cancel_series(staff, uids[1], scope, version=1)
    assert {change.name for change in published} == {"bookingCancelled"}
    confirmed = [n for n, uid in enumerate(uids) if rows.booking(uid).status == "confirmed"]
    assert confirmed == left
    assert len(rows.busy(rows.room_calendar(room.id))) == len(left)
    cancel_series(staff, uids[1], scope)  # twice is once
    published.clear()
    restored = restoring.restore_reservation(staff, uids[1], scope=scope)
    assert [each["uid"] for each in restored] == [
        uid for n, uid in enumerate(uids) if n not in left
    ]
    assert {each["sequence"] for each in restored} == {2}
    assert len(rows.busy(staff.calendar_id)) == 4
    assert {change.name for change in published} == {"newBooking"}
    assert rows.booking(uids[1]).cancelled_at is None


def test_only_what_was_given_back_together_is_taken_again(at: Any) -> None:
    room, staff = factories.make_room(), factories.make_contributor()
    uids = weekly(staff, room)
    cancel_series(staff, uids[3], "one")
    at(MONDAY.starts_at - timedelta(hours=1))
    cancel_series(staff, uids[0], "all")
    restored = restoring.restore_reservation(staff, uids[0], scope="all")
    assert [each["uid"] for each in restored] == uids[:3]


def test_taking_again_is_refused_honestly(at: Any) -> None:
    room, staff, other = (
        factories.make_room(),
        factories.make_contributor(),
        factories.make_contributor(),
    )
    admin = factories.make_admin()
    uid = reserve_room(staff, wanted(room))["uid"]
    assert restoring.restore_reservation(staff, uid)[0]["version"] == 1  # it stands
    refusal(NotAllowed, lambda: restoring.restore_reservation(other, uid))
    cancel_booking(staff, uid)
    taken = reserve_room(other, wanted(room, title="Faster"))["uid"]
    error = refusal(Overlap, lambda: restoring.restore_reservation(staff, uid))
    assert len(error.extra["conflicts"]) == 1
    cancel_booking(other, taken)
    assert restoring.restore_reservation(admin, uid)[0]["responsible_user"]["id"] == staff.user_id
    cancel_booking(staff, uid)
    accounts.deactivate(admin, staff.user_id)
    refusal(InvalidInput, lambda: restoring.restore_reservation(admin, uid))
    at(MONDAY.ends_at)
    refusal(Gone, lambda: restoring.restore_reservation(admin, uid))
    refusal(NotFound, lambda: restoring.restore_reservation(admin, "nothing"))
