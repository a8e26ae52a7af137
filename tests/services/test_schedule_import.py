"""Schedules brought into an event: what is added, moved, kept, skipped, and left alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models import AuditEntry, Calendar, Event, EventSession, OutboxMessage, Room, Speaker
from app.services import (
    changes,
    event_sessions,
    guarantees,
    policy,
    schedule_import,
    seats,
    session_changes,
)
from app.services.errors import InvalidInput, NotAllowed, Unauthenticated
from app.services.reservations import Wanted, reserve_room
from app.services.schedule_import import Options, Report
from tests import factories, rows
from tests.queries import count_queries
from tests.schedules import pentabarf, pretalx, published, talk

pytestmark = pytest.mark.usefixtures("context")

BRUSSELS = Options(time_zone="Europe/Brussels")
UB4 = "Navigating the Networking Maze of Kubernetes"
UB4_COLLIDING = [
    "Securing 1M+ devices: My learnings from working as an IoT Architect",
    "Netfilter or eBPF? Use both with bpfilter!",
]


@pytest.fixture
def admin(context: Any) -> policy.Actor:
    return factories.make_admin()


@pytest.fixture(autouse=True)
def sound_ledger(context: Any) -> Any:
    """Whatever was imported, every guarantee holds."""
    yield
    db.session.rollback()
    assert guarantees.find_breaches() == []


def session(guid: str, slug: str = "conf") -> EventSession:
    """The session as the database has it now."""
    db.session.expire_all()
    return db.session.scalars(
        select(EventSession).join(Event).where(Event.slug == slug, EventSession.guid == guid)
    ).one()


def everything() -> dict[str, Any]:
    """Every row of every table, but for the clock of sign-ins."""
    db.session.rollback()
    return {
        table.name: sorted(map(str, db.session.execute(select(table)).all()))
        for table in db.metadata.sorted_tables
    }


def counts(report: Report) -> tuple[int, int, int, int, int]:
    """Added, changed, unchanged, missing, skipped."""
    found = (len(report.added), len(report.changed), report.unchanged)
    assert sum(found) + len(report.skipped) == report.read
    return (*found, len(report.missing), len(report.skipped))


class TestPublished:
    """The files of `../shared/data`."""

    def test_fosdem_with_its_conflict_named(self, admin: policy.Actor) -> None:
        data = published("fosdem2024.xml")
        report = schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        assert (report.read, counts(report)) == (674, (672, 0, 0, 0, 2))
        assert [each["title"] for each in report.skipped] == UB4_COLLIDING
        for each in report.skipped:
            (conflict,) = each["conflicts"]
            assert conflict["title"].startswith(UB4)
            assert (conflict["room"], conflict["starts_at"]) == ("UB4.136", "2024-02-03T16:30:00Z")
        assert rows.count(EventSession) == 672
        assert rows.count(Room) == 26
        first = session("10528")
        assert (first.title, first.room.name) == ("Creative Coding with TurtleStitch", "J.1.106")
        assert first.starts_at == datetime(2024, 2, 3, 9, 30, tzinfo=UTC)
        assert first.ends_at == datetime(2024, 2, 3, 10, 30, tzinfo=UTC)
        assert (first.capacity, first.language, first.day) == (None, "en", date(2024, 2, 3))
        assert [each.name for each in first.speakers] == ["Pauline Maas"]
        assert first.event.title == "FOSDEM 2024"
        assert (first.event.starts_on, first.event.ends_on) == (date(2024, 2, 3), date(2024, 2, 4))

    def test_fosdem_again_changes_nothing(self, admin: policy.Actor) -> None:
        data = published("fosdem2024.xml")
        schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        before = everything()
        with count_queries() as statements:
            # Without the zone, too: the event's own is known by now.
            again = schedule_import.import_schedule(admin, data, "conf")
        assert counts(again) == (0, 0, 672, 0, 2)
        assert [each["title"] for each in again.skipped] == UB4_COLLIDING
        assert everything() == before
        assert len(statements) < 20
        assert all(each.startswith("SELECT") for each in statements)

    def test_fosdem_in_another_zone_moves_everything(self, admin: policy.Actor) -> None:
        # An hour later, most sessions want the place of the next.
        data = published("fosdem2024.xml")
        schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        moved = schedule_import.import_schedule(admin, data, "conf", Options(time_zone="UTC"))
        assert counts(moved) == (0, 672, 0, 0, 2)
        assert session("10528").starts_at == datetime(2024, 2, 3, 10, 30, tzinfo=UTC)

    def test_31c3_has_late_sessions_on_the_evening_before(self, admin: policy.Actor) -> None:
        report = schedule_import.import_schedule(admin, published("31c3.xml"), "conf")
        assert (report.read, counts(report)) == (138, (138, 0, 0, 0, 0))
        assert report.time_zone == "Europe/Berlin"  # the default, whose offset it is
        late = db.session.execute(
            select(EventSession.day, EventSession.starts_at)
            .where(func.extract("hour", EventSession.starts_at) == 23)
            .order_by(EventSession.starts_at)
        ).all()
        assert (date(2014, 12, 27), datetime(2014, 12, 27, 23, tzinfo=UTC)) in map(tuple, late)
        assert {each.day.day for each in db.session.scalars(select(EventSession))} == {
            27,
            28,
            29,
            30,
        }


class TestEvent:
    """The event, its zone and its rooms."""

    def test_it_is_made_as_the_file_says(self, admin: policy.Actor) -> None:
        data = pentabarf(talk("a"), venue="Town hall", city="Ghent")
        options = Options(time_zone="Europe/Brussels", admission="checked_in", capacity=5)
        report = schedule_import.import_schedule(admin, data, "conf", options)
        assert report.created
        event = session("a").event
        assert (event.title, event.venue) == ("A conference", "Town hall, Ghent")
        assert (event.time_zone, event.admission) == ("Europe/Brussels", "checked_in")
        assert (event.starts_on, event.ends_on) == (date(2031, 5, 1), date(2031, 5, 2))
        assert session("a").capacity == 5
        assert session("a").room.time_zone == "Europe/Brussels"

    def test_one_that_is_here_is_changed_only_where_the_file_differs(
        self, admin: policy.Actor
    ) -> None:
        made = factories.make_event(slug="conf", venue="Here", time_zone="Europe/Paris")
        report = schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        assert not report.created
        assert report.as_payload()["event_changes"] == {
            "title": ["An event", "A conference"],
            "starts_on": ["2031-03-04", "2031-05-01"],
            "ends_on": ["2031-03-06", "2031-05-02"],
        }
        db.session.refresh(made)
        assert (made.venue, made.public, made.version) == ("Here", True, 2)
        assert session("a").starts_at == datetime(2031, 5, 1, 8, tzinfo=UTC)  # in Paris

    @pytest.mark.parametrize(
        ("said", "options", "dates", "zone"),
        [
            ({}, Options(time_zone="Asia/Tokyo"), {}, "Asia/Tokyo"),
            ({"time_zone_name": "Asia/Tokyo"}, BRUSSELS, {}, "Europe/Brussels"),
            ({"time_zone_name": "Asia/Tokyo"}, Options(), {}, "Asia/Tokyo"),
            ({"time_zone_name": "Mars/Olympus"}, Options(), {}, "Europe/Berlin"),
            ({}, Options(), {}, "Europe/Berlin"),
            ({}, Options(), {"date": "2031-05-01T10:00:00+02:00"}, "Europe/Berlin"),
            ({}, Options(), {"date": "2031-05-01T10:00:00+09:00"}, "Etc/GMT-9"),
            ({}, Options(), {"date": "2031-05-01T10:00:00-03:00"}, "Etc/GMT+3"),
            ({}, Options(), {"date": "2031-05-01T10:00:00Z"}, "UTC"),
            ({}, Options(), {"date": "2031-05-01T10:00:00+05:30"}, "Europe/Berlin"),
        ],
    )
    def test_its_zone(
        self,
        admin: policy.Actor,
        said: dict[str, str],
        options: Options,
        dates: dict[str, str],
        zone: str,
    ) -> None:
        report = schedule_import.import_schedule(
            admin, pentabarf(talk("a", **dates), **said), "conf", options
        )
        assert (report.time_zone, session("a").event.time_zone) == (zone, zone)

    def test_offsets_are_believed_whatever_the_zone(self, admin: policy.Actor) -> None:
        data = pentabarf(talk("a", date="2031-05-01T10:00:00+09:00"))
        schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        assert session("a").starts_at == datetime(2031, 5, 1, 1, tzinfo=UTC)

    def test_a_time_that_the_clocks_skip(self, admin: policy.Actor) -> None:
        data = pentabarf(talk("a", day="2031-03-30", start="02:30"), day_change="00:00")
        report = schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        assert session("a").starts_at == datetime(2031, 3, 30, 1, 30, tzinfo=UTC)
        assert report.warnings == [
            "Talk a: 2031-03-30 02:30 does not exist in Europe/Brussels, 03:30 is meant."
        ]

    def test_a_time_that_comes_twice_is_the_first(self, admin: policy.Actor) -> None:
        data = pentabarf(talk("a", day="2031-10-26", start="02:30"), day_change="00:00")
        schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        assert session("a").starts_at == datetime(2031, 10, 26, 0, 30, tzinfo=UTC)

    def test_rooms_are_found_by_name(self, admin: policy.Actor) -> None:
        room = factories.make_room(name="Hall", capacity=7)
        rooms = [{"name": "Hall", "capacity": 100}, {"name": "Attic", "capacity": 12}]
        data = pretalx(talk("a"), talk("b", room="Attic"), rooms=rooms)
        schedule_import.import_schedule(admin, data, "conf")
        assert session("a").room_id == room.id
        assert session("a").room.capacity == 7
        assert session("b").room.capacity == 12

    @pytest.mark.parametrize("slug", ["", "Not a slug", "-"])
    def test_a_slug_that_is_none(self, admin: policy.Actor, slug: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            schedule_import.import_schedule(admin, pentabarf(talk("a")), slug)
        assert "slug" in refused.value.errors
        assert rows.count(Room) == 0

    def test_for_admins_only(self) -> None:
        for actor, error in ((None, Unauthenticated), (factories.make_contributor(), NotAllowed)):
            with pytest.raises(error):
                schedule_import.import_schedule(actor, pentabarf(talk("a")), "conf")


class TestSessions:
    """Which session of the file is which here, and what cannot be held."""

    def test_what_cannot_be_held_is_named(self, admin: policy.Actor) -> None:
        data = pentabarf(
            talk("zero", duration="00:00"),
            talk("endless", duration="9999:00"),
            talk("no-duration", duration=""),
            talk("no-time", start=""),
            talk("no-room", room=""),
            talk("no-title", title=""),
            talk("out-of-time", date="0001-01-01T00:00:00+14:00"),
            talk("fine"),
        )
        report = schedule_import.import_schedule(admin, data, "conf")
        assert [(each["guid"], each["why"]) for each in report.skipped] == [
            ("zero", "Its duration is not possible."),
            ("endless", "Its duration is not possible."),
            ("no-duration", "It has no duration."),
            ("no-time", "It has no time."),
            ("no-room", "It has no room."),
            ("no-title", "It has no title."),
            ("out-of-time", "Its time is not possible."),
        ]
        assert counts(report) == (1, 0, 0, 0, 7)

    def test_without_guid_the_id_serves_and_then_the_title(self, admin: policy.Actor) -> None:
        talks = [talk(id="41"), talk(start="12:00", title="Named")]
        schedule_import.import_schedule(admin, pentabarf(*talks), "conf")
        moved = [talk(id="41", title="Renamed"), talk(start="13:00", title="Named")]
        report = schedule_import.import_schedule(admin, pentabarf(*moved), "conf")
        assert [sorted(each["changes"]) for each in report.changed] == [
            ["title"],
            ["ends_at", "starts_at"],
        ]
        assert counts(report) == (0, 2, 0, 0, 0)

    def test_guids_that_come_later_do_not_double_what_ids_brought(
        self, admin: policy.Actor
    ) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk(id="41")), "conf")
        report = schedule_import.import_schedule(
            admin, pentabarf(talk("g", id="41", title="A talk")), "conf"
        )
        assert counts(report) == (0, 0, 1, 0, 0)

    def test_a_guid_twice_is_two_sessions(self, admin: policy.Actor) -> None:
        talks = [talk("a"), talk("a", start="12:00"), talk("a", start="12:00")]
        report = schedule_import.import_schedule(admin, pentabarf(*talks), "conf")
        assert [each["guid"] for each in report.added] == ["a", "a-2"]
        assert [each["guid"] for each in report.skipped] == ["a-3"]
        assert len(report.warnings) == 2
        again = schedule_import.import_schedule(admin, pentabarf(*talks), "conf")
        assert counts(again) == (0, 0, 2, 0, 1)

    def test_texts_that_are_too_long_are_shortened_and_reported(self, admin: policy.Actor) -> None:
        long = talk(
            "g" * 300,
            title="t" * 301,
            abstract="a" * 20_001,
            language="l" * 17,
            room="r" * 200,
            speakers=["s" * 201],
        )
        report = schedule_import.import_schedule(admin, pretalx(long), "conf")
        (warning,) = report.warnings
        assert warning.endswith("shortened: title, language, abstract, room, speakers.")
        assert report.added[0]["title"] == "t" * 299 + "…"
        assert counts(schedule_import.import_schedule(admin, pretalx(long), "conf"))[2] == 1

    def test_json_and_xml_are_the_same(self, admin: policy.Actor) -> None:
        talks = [talk("a", speakers=["Ada", "Ada"]), talk("b", start="00:30", abstract="x\n\ny")]
        schedule_import.import_schedule(admin, pentabarf(*talks), "conf")
        report = schedule_import.import_schedule(admin, pretalx(*talks), "conf")
        assert counts(report) == (0, 0, 2, 0, 0)
        assert session("b").day == date(2031, 5, 1)
        assert session("b").starts_at == datetime(2031, 5, 1, 22, 30, tzinfo=UTC)


class TestConflicts:
    """Who gives way to whom in a room."""

    def test_the_later_of_two_in_the_file_is_skipped(self, admin: policy.Actor) -> None:
        data = pentabarf(talk("b"), talk("a", start="10:30"), talk("c", start="11:00"))
        report = schedule_import.import_schedule(admin, data, "conf")
        assert [each["guid"] for each in report.added] == ["b", "c"]
        (skipped,) = report.skipped
        assert (skipped["guid"], skipped["why"]) == ("a", "Its room is taken then.")
        assert [each["title"] for each in skipped["conflicts"]] == ["Talk b"]

    def test_what_else_is_in_the_room_is_named(self, admin: policy.Actor) -> None:
        room = factories.make_room(name="Hall")
        period = factories.period("2031-05-01T08:30Z", "2031-05-01T09:30Z")
        reserve_room(admin, Wanted(room.id, period, "Rehearsal"))
        report = schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        (conflict,) = report.skipped[0]["conflicts"]
        assert (conflict["kind"], conflict["title"]) == ("reservation", "Rehearsal")

    def test_a_second_event_does_not_get_the_rooms_of_the_first(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        report = schedule_import.import_schedule(admin, pentabarf(talk("a")), "other")
        assert counts(report) == (0, 0, 0, 0, 1)
        assert report.skipped[0]["conflicts"][0]["title"] == "Talk a"

    def test_one_that_is_missing_keeps_its_room_until_it_is_removed(
        self, admin: policy.Actor
    ) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        newer = pentabarf(talk("b"))
        kept = schedule_import.import_schedule(admin, newer, "conf")
        assert counts(kept) == (0, 0, 0, 1, 1)
        assert kept.skipped[0]["conflicts"][0]["title"] == "Talk a"
        removed = schedule_import.import_schedule(
            admin, newer, "conf", Options(remove_missing=True)
        )
        assert counts(removed) == (1, 0, 0, 1, 0)
        assert [each["removed"] for each in removed.missing] == [True]

    def test_one_that_cannot_go_stays_and_what_wants_its_place_is_skipped(
        self, admin: policy.Actor
    ) -> None:
        first = pentabarf(talk("a"), talk("b", start="12:00"))
        schedule_import.import_schedule(admin, first, "conf")
        # b wants the hour of a; the new c wants the place that b therefore keeps.
        newer = pentabarf(talk("c", start="12:00"), talk("a"), talk("b", start="10:00"))
        report = schedule_import.import_schedule(admin, newer, "conf")
        assert [
            (each["guid"], [other["title"] for other in each["conflicts"]])
            for each in report.skipped
        ] == [("c", ["Talk b"]), ("b", ["Talk a"])]
        assert counts(report) == (0, 0, 1, 0, 2)
        assert session("b").starts_at.hour == 10  # noon in Berlin
        before = everything()
        schedule_import.import_schedule(admin, newer, "conf")
        assert everything() == before

    def test_one_that_is_where_it_should_be_is_not_driven_out(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        newer = pentabarf(talk("new"), talk("a", title="Renamed"))
        report = schedule_import.import_schedule(admin, newer, "conf")
        assert [each["guid"] for each in report.skipped] == ["new"]
        assert session("a").title == "Renamed"

    def test_a_speaker_who_is_a_user_is_busy(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a", speakers=["Ada"])), "conf")
        ada = factories.make_actor(policy.CONTRIBUTOR, name="Ada")
        speakers = [{"name": "Ada", "user_id": ada.user_id}]
        session_changes.move_event_session(admin, session("a").id, {"speakers": speakers})
        reserve_room(
            ada,
            Wanted(
                factories.make_room().id,
                factories.period("2031-05-01T10:00Z", "2031-05-01T11:00Z"),
                "Her own",
            ),
        )
        newer = pentabarf(talk("a", start="12:00", speakers=["Ada", "Bob"]))
        report = schedule_import.import_schedule(admin, newer, "conf")
        (skipped,) = report.skipped
        assert skipped["why"] == "A speaker is busy then."
        assert skipped["conflicts"][0]["title"] == "Her own"
        later = pentabarf(talk("a", start="15:00", speakers=["Bob", "Ada"]))
        assert counts(schedule_import.import_schedule(admin, later, "conf")) == (0, 1, 0, 0, 0)
        found = db.session.execute(
            select(Speaker.name, Speaker.user_id).order_by(Speaker.position)
        ).all()
        assert [tuple(each) for each in found] == [("Bob", None), ("Ada", ada.user_id)]


class TestMoves:
    """What a changed schedule does to sessions and their seats."""

    def test_sessions_exchange_rooms_and_times_and_keep_their_seats(
        self, admin: policy.Actor
    ) -> None:
        capacity = Options(capacity=3)
        first = pentabarf(talk("a"), talk("b", start="12:00"), talk("c", room="Attic"))
        schedule_import.import_schedule(admin, first, "conf", capacity)
        actor = factories.make_actor()
        booked = {
            guid: seats.book_seat(actor, session(guid).id).booking["uid"] for guid in ("a", "b")
        }
        only_c = seats.book_seat(factories.make_actor(), session("c").id).booking["uid"]
        # a and b exchange times; then c takes the room that a leaves.
        swapped = pentabarf(talk("a", start="12:00"), talk("b", room="Attic"), talk("c"))
        report = schedule_import.import_schedule(admin, swapped, "conf")
        assert counts(report) == (0, 3, 0, 0, 0)
        assert [each["released"] for each in report.changed] == [[], [], []]
        for guid, uid in (booked | {"c": only_c}).items():
            seat, here = rows.booking(uid), session(guid)
            assert (seat.status, seat.starts_at, seat.ends_at) == (
                "confirmed",
                here.starts_at,
                here.ends_at,
            )
            assert (here.seats_taken, here.capacity) == (1, 3)
        assert rows.busy(actor.calendar_id) == [
            factories.period("2031-05-01T08:00Z", "2031-05-01T09:00Z"),
            factories.period("2031-05-01T10:00Z", "2031-05-01T11:00Z"),
        ]
        assert [template for template, _ in rows.mails()].count("seat_rescheduled") == 3

    def test_whoever_is_busy_at_the_new_time_loses_the_seat_and_is_told(
        self, admin: policy.Actor
    ) -> None:
        schedule_import.import_schedule(
            admin,
            pentabarf(talk("a"), talk("b", room="Attic", start="12:00")),
            "conf",
            Options(capacity=3),
        )
        both, only_a = factories.make_actor(), factories.make_actor()
        lost = seats.book_seat(both, session("a").id).booking["uid"]
        seats.book_seat(both, session("b").id)
        kept = seats.book_seat(only_a, session("a").id).booking["uid"]
        newer = pentabarf(talk("a", start="12:30"), talk("b", room="Attic", start="12:00"))
        report = schedule_import.import_schedule(admin, newer, "conf")
        assert report.changed[0]["released"] == [lost]
        assert (rows.booking(lost).status, rows.booking(kept).status) == ("cancelled", "confirmed")
        assert (session("a").seats_taken, session("b").seats_taken) == (1, 1)
        assert ("seat_cancelled", both.email) in rows.mails()

    def test_of_two_seats_that_now_collide_the_later_in_the_file_goes(
        self, admin: policy.Actor
    ) -> None:
        talks = [talk("a"), talk("b", room="Attic", start="12:00")]
        schedule_import.import_schedule(admin, pentabarf(*talks), "conf", Options(capacity=3))
        actor = factories.make_actor()
        seats.book_seat(actor, session("a").id)
        lost = seats.book_seat(actor, session("b").id).booking["uid"]
        newer = pentabarf(talk("a", start="15:00"), talk("b", room="Attic", start="15:30"))
        report = schedule_import.import_schedule(admin, newer, "conf")
        assert [each["released"] for each in report.changed] == [[], [lost]]

    def test_a_speakers_own_session_comes_before_a_seat_in_another(
        self, admin: policy.Actor
    ) -> None:
        talks = [talk("a"), talk("b", room="Attic", start="12:00", speakers=["Ada"])]
        schedule_import.import_schedule(admin, pentabarf(*talks), "conf", Options(capacity=3))
        ada = factories.make_actor(name="Ada")
        session_changes.move_event_session(
            admin, session("b").id, {"speakers": [{"name": "Ada", "user_id": ada.user_id}]}
        )
        lost = seats.book_seat(ada, session("a").id).booking["uid"]
        newer = [talk("a", start="15:00"), talk("b", room="Attic", start="15:30", speakers=["Ada"])]
        report = schedule_import.import_schedule(admin, pentabarf(*newer), "conf")
        assert [each["released"] for each in report.changed] == [[lost], []]

    def test_sessions_with_and_without_seats_exchange_places(self, admin: policy.Actor) -> None:
        talks = [talk("a"), talk("b", start="12:00"), talk("c", start="14:00")]
        schedule_import.import_schedule(admin, pentabarf(*talks), "conf", Options(capacity=3))
        actor = factories.make_actor()
        uid = seats.book_seat(actor, session("b").id).booking["uid"]
        version = session("a").version
        rotated = [talk("a", start="12:00"), talk("b", start="14:00"), talk("c")]
        report = schedule_import.import_schedule(admin, pentabarf(*rotated), "conf")
        assert [(each["guid"], each["released"]) for each in report.changed] == [
            ("a", []),
            ("b", []),
            ("c", []),
        ]
        assert rows.booking(uid).starts_at == session("b").starts_at
        assert session("a").version == version + 1

    def test_another_room_alone_is_told_to_who_has_a_seat(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf", Options(capacity=3))
        uid = seats.book_seat(factories.make_actor(), session("a").id).booking["uid"]
        schedule_import.import_schedule(admin, pentabarf(talk("a", room="Attic")), "conf")
        assert session("a").room.name == "Attic"
        assert rows.booking(uid).sequence == 1
        assert [template for template, _ in rows.mails()] == ["seat_confirmed", "seat_rescheduled"]

    def test_a_new_time_and_title_reach_the_seats(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf", Options(capacity=3))
        uid = seats.book_seat(factories.make_actor(), session("a").id).booking["uid"]
        newer = pentabarf(talk("a", title="Renamed", start="15:00"))
        report = schedule_import.import_schedule(admin, newer, "conf")
        assert rows.booking(uid).title == "Renamed"
        assert report.changed[0]["changes"] == {
            "title": ["Talk a", "Renamed"],
            "starts_at": ["2031-05-01T08:00:00Z", "2031-05-01T13:00:00Z"],
            "ends_at": ["2031-05-01T09:00:00Z", "2031-05-01T14:00:00Z"],
        }

    def test_speakers_texts_and_days_change(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(
            admin, pentabarf(talk("a", speakers=["Ada", "Bob"])), "conf"
        )
        texts = {"abstract": "New", "description": "Newer", "track": "Main", "language": "de"}
        newer = pentabarf(talk("a", speakers=["Bob"], **texts))
        report = schedule_import.import_schedule(admin, newer, "conf")
        assert set(report.changed[0]["changes"]) == {*texts, "speakers"}
        here = session("a")
        assert {name: getattr(here, name) for name in texts} == texts
        assert [each.name for each in here.speakers] == ["Bob"]
        assert rows.count(Speaker) == 1

    def test_capacities_stay_unless_one_is_given(self, admin: policy.Actor) -> None:
        data = pentabarf(talk("a"), talk("b", start="12:00"))
        schedule_import.import_schedule(admin, data, "conf")
        session_changes.move_event_session(admin, session("a").id, {"capacity": 7})
        assert counts(schedule_import.import_schedule(admin, data, "conf"))[2] == 2
        assert (session("a").capacity, session("b").capacity) == (7, None)
        given = schedule_import.import_schedule(admin, data, "conf", Options(capacity=2))
        assert [each["changes"] for each in given.changed] == [
            {"capacity": [7, 2]},
            {"capacity": [None, 2]},
        ]

    def test_a_capacity_below_the_seats_taken_is_refused_for_that_session(
        self, admin: policy.Actor
    ) -> None:
        data = pentabarf(talk("a"), talk("b", start="12:00"))
        schedule_import.import_schedule(admin, data, "conf", Options(capacity=2))
        for _ in range(2):
            seats.book_seat(factories.make_actor(), session("a").id)
        report = schedule_import.import_schedule(admin, data, "conf", Options(capacity=1))
        assert [each["why"] for each in report.skipped] == [
            "2 of its seats are taken, more than 1."
        ]
        assert (session("a").capacity, session("b").capacity) == (2, 1)


class TestMissing:
    """Sessions that a newer file no longer has."""

    def test_they_are_reported_and_kept(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(
            admin, pentabarf(talk("a"), talk("b", start="12:00")), "conf"
        )
        before = everything()
        report = schedule_import.import_schedule(admin, pentabarf(talk("b", start="12:00")), "conf")
        assert [(each["guid"], each["removed"]) for each in report.missing] == [("a", False)]
        assert everything() == before

    def test_removed_they_are_cancelled_with_their_seats(self, admin: policy.Actor) -> None:
        data = pentabarf(talk("a"), talk("b", start="12:00"))
        schedule_import.import_schedule(admin, data, "conf", Options(capacity=2))
        actor = factories.make_actor()
        seat = seats.book_seat(actor, session("a").id).booking["uid"]
        removing = Options(remove_missing=True)
        newer = pentabarf(talk("b", start="12:00"))
        report = schedule_import.import_schedule(admin, newer, "conf", removing)
        assert [(each["guid"], each["removed"]) for each in report.missing] == [("a", True)]
        assert rows.booking(seat).status == "cancelled"
        assert ("seat_cancelled", actor.email) in rows.mails()
        assert counts(schedule_import.import_schedule(admin, newer, "conf", removing))[3] == 0
        # It comes back as a new session when a file has it again.
        assert counts(schedule_import.import_schedule(admin, data, "conf")) == (1, 0, 1, 0, 0)

    def test_what_staff_cancelled_stays_cancelled(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        event_sessions.cancel_event_session(admin, session("a").id)
        report = schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        assert [each["why"] for each in report.skipped] == ["It is cancelled here."]
        assert session("a").status == "cancelled"

    def test_a_file_without_sessions_removes_nothing(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(talk("a")), "conf")
        with pytest.raises(InvalidInput):
            schedule_import.import_schedule(
                admin, pentabarf(), "conf", Options(remove_missing=True)
            )
        assert session("a").status == "confirmed"


class TestNothingHalf:
    """Dry runs, second runs and crashes leave no trace."""

    FIRST = (talk("a", speakers=["Ada"]), talk("b", start="12:00"), talk("c", room="Attic"))
    NEWER = (
        talk("a", start="12:00", speakers=["Ada"]),
        talk("b", start="10:00", title="Renamed"),
        talk("d", room="Cellar"),
    )

    def test_a_dry_run_reports_the_same_and_writes_nothing(
        self, admin: policy.Actor, published: list[changes.Change]
    ) -> None:
        schedule_import.import_schedule(admin, pentabarf(*self.FIRST), "conf", Options(capacity=2))
        seats.book_seat(factories.make_actor(), session("a").id)
        before = everything()
        published.clear()
        options = Options(remove_missing=True)
        data = pentabarf(*self.NEWER)
        rehearsed = schedule_import.import_schedule(admin, data, "conf", options, dry_run=True)
        assert everything() == before
        assert published == []
        done = schedule_import.import_schedule(admin, data, "conf", options)
        assert counts(done) == (1, 2, 0, 1, 0)
        assert rehearsed.as_payload() | {"dry_run": False} == done.as_payload()

    def test_a_dry_run_makes_no_event(self, admin: policy.Actor) -> None:
        before = everything()
        report = schedule_import.import_schedule(
            admin, pentabarf(*self.FIRST), "conf", dry_run=True
        )
        assert (report.created, counts(report)) == (True, (3, 0, 0, 0, 0))
        assert everything() == before

    def test_again_writes_and_tells_nothing(
        self, admin: policy.Actor, published: list[changes.Change]
    ) -> None:
        data = pentabarf(*self.FIRST)
        schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        before = everything()
        published.clear()
        report = schedule_import.import_schedule(admin, data, "conf", BRUSSELS)
        assert counts(report) == (0, 0, 3, 0, 0)
        assert everything() == before
        assert published == []

    def test_a_crash_in_the_middle_leaves_nothing(
        self, admin: policy.Actor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        schedule_import.import_schedule(admin, pentabarf(*self.FIRST), "conf", Options(capacity=2))
        for guid in ("a", "b"):
            seats.book_seat(factories.make_actor(), session(guid).id)
        before = everything()
        really = session_changes.move_event_session
        moved: list[int] = []

        def crash(actor: policy.Actor, session_id: int, values: dict[str, Any], **how: Any) -> Any:
            if moved:
                raise KeyboardInterrupt
            moved.append(session_id)
            return really(actor, session_id, values, **how)

        monkeypatch.setattr(session_changes, "move_event_session", crash)
        with pytest.raises(KeyboardInterrupt):
            schedule_import.import_schedule(admin, pentabarf(*self.NEWER), "conf")
        assert moved
        assert everything() == before

    def test_what_watches_is_told_once_and_with_a_jump(
        self, admin: policy.Actor, published: list[changes.Change]
    ) -> None:
        schedule_import.import_schedule(admin, pentabarf(*self.FIRST), "conf")
        told = [each for each in published if isinstance(each, changes.BookingChanged)]
        assert [(each.name, len(each.calendars)) for each in told] == [("newBooking", 1)] * 2
        for each in told:
            (calendar,) = each.calendars
            assert rows.version(calendar.calendar_id) == calendar.version > 1
        assert any(isinstance(each, changes.AgendaChanged) for each in published)

    def test_it_stands_in_the_audit_log(self, admin: policy.Actor) -> None:
        schedule_import.import_schedule(admin, pentabarf(*self.FIRST), "conf")
        (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "import"))
        assert entry.changes == {"added": 3, "changed": 0, "removed": 0}
        assert rows.count(OutboxMessage) == 0
        assert rows.count(Calendar) >= 2
