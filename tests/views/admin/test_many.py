"""What is done with many rows: confirmed by name, told row by row, and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import Attendee, Booking, Event, EventSession, EventType, WaitlistEntry
from app.services import admission, clock, guarantees, reservations, seats, waitlist
from app.services.reservations import Wanted
from tests import factories, rows
from tests.queries import count_queries
from tests.views.admin.conftest import Office, World, agreed

BOOKINGS = "/backoffice/bookings"


def undo(office: Office, where: str) -> str:
    """Press the button of the list, and read what it says then."""
    page = office.page(f"{where}/list/")
    assert "Undo" in page
    return office.page(office.done(f"{where}/undo/"))


def told_too_late(office: Office) -> None:
    """Back on the list, where it is told that there is nothing to take back."""
    back = office.done(f"{BOOKINGS}/undo/", {"back": "kind=seat"})
    assert back == f"{BOOKINGS}/list/?kind=seat"
    assert "There is nothing to take back any more." in office.page(back)


def test_bookings_are_cancelled_together_and_taken_back(world: World, office: Office) -> None:
    chosen = [world.appointment, world.seat, world.reservation]
    query = "&".join(f"pk={pk}" for pk in chosen)
    page = office.page(f"{BOOKINGS}/delete/?{query}")
    assert "Cancel 3 bookings?" in page
    for text in ("Consultation", "Opening", "Rehearsal", "Seat of Ben Client"):
        assert text in page
    office.done(f"{BOOKINGS}/delete/", {"pk": chosen, "reason": "Storm"})
    for pk in chosen:
        booking = world.read(Booking, pk)
        assert (booking.status, booking.cancel_reason) == ("cancelled", "Storm")
    assert world.read(EventSession, world.session).seats_taken == 0
    assert "Taken back: 3 cancelled." in undo(office, BOOKINGS)
    for pk in chosen:
        assert world.read(Booking, pk).status == "confirmed"
    assert world.read(EventSession, world.session).seats_taken == 1
    assert len(world.entries("booking", "restore")) == 3
    with world.app.app_context():
        assert guarantees.find_breaches() == []
    told_too_late(office)  # once


def test_what_cannot_be_taken_back_is_told(world: World, office: Office) -> None:
    office.done(f"{BOOKINGS}/delete/", {"pk": [world.seat, world.reservation]})
    with world.app.app_context():
        session = db.session.get(EventSession, world.session)
        seats_left = session.capacity
        for _ in range(seats_left):
            seats.book_seat(factories.make_actor(), world.session)
    page = office.refused(f"{BOOKINGS}/undo/")
    assert "1 of 2 taken back." in page
    assert "“Opening”: All seats of this session are taken." in page
    assert world.read(Booking, world.reservation).status == "confirmed"
    assert world.read(Booking, world.seat).status == "cancelled"


def test_undo_is_the_browsers_own_and_for_a_while(world: World, office: Office, at: Any) -> None:
    office.done(f"{BOOKINGS}/delete/", {"pk": [world.reservation]})
    other = world.office(world.root)
    assert "Undo" not in other.page(f"{BOOKINGS}/list/")
    told_too_late(other)
    assert "Undo" not in office.page("/backoffice/sessions/list/")
    at(clock.now() + timedelta(minutes=3))
    assert "Undo" not in office.page(f"{BOOKINGS}/list/")
    told_too_late(office)


def test_sessions_move_rooms_each_on_its_own(world: World, office: Office) -> None:
    with world.app.app_context():
        event = db.session.get(Event, world.event)
        annex = factories.make_room(name="Annex").id
        blocked = factories.make_session(event, title="Blocked")
        period = factories.period("2031-03-04T10:30Z", "2031-03-04T10:45Z")
        reservations.reserve_room(world.root, Wanted(annex, period, "Cleaning"))
        free = factories.make_session(
            event, title="Free", starts_at=blocked.starts_at + timedelta(hours=4)
        )
        seats.book_seat(factories.make_actor(email="fay@example.org"), free.id)
        before, blocked_id, free_id = free.room_id, blocked.id, free.id
        mails = len(rows.mails())
    path = "/backoffice/sessions/move-room/"
    page = office.page(f"{path}?pk={blocked_id}&pk={free_id}")
    assert "Move 2 sessions to another room?" in page
    assert "1 booking to come" in page
    assert "This field is required." in office.refused(path, {"pk": [blocked_id, free_id]})
    moved = {"pk": [blocked_id, free_id], "room_id": annex}
    page = office.step(path, moved)
    assert page.count("→ Annex") == 2
    assert page.count("data-conflict") == 1
    page = office.refused(path, moved | {"agreed": agreed(page)})
    assert "1 of 2 moved." in page
    assert "“Blocked”: " in page
    assert "In the way: Cleaning." in page
    assert world.read(EventSession, free_id).room_id == annex
    with world.app.app_context():
        assert rows.mails()[mails:] == [("seat_rescheduled", "fay@example.org")]
    assert "Taken back" in undo(office, "/backoffice/sessions")
    assert world.read(EventSession, free_id).room_id == before
    page = office.refused(path, {"pk": [free_id], "room_id": before})
    assert "It is in this room already." in page


@pytest.fixture
def twins(world: World) -> list[int]:
    """Two sessions of one name, the first with somebody in it and a speaker, and a queue."""
    with world.app.app_context():
        event = db.session.get(Event, world.event)
        first = factories.make_session(event, title="Hands on", capacity=1)
        later = first.starts_at + timedelta(hours=3)
        second = factories.make_session(event, title="Hands on", starts_at=later)
        seats.book_seat(factories.make_actor(name="Fay", email="fay@example.org"), first.id)
        waitlist.join(factories.make_actor(), first.id)
        return [first.id, second.id]


def test_who_loses_a_seat_is_shown_before_sessions_are_cancelled(
    world: World, office: Office, twins: list[int]
) -> None:
    path = "/backoffice/sessions/delete/"
    page = office.page(f"{path}?pk={twins[0]}&pk={twins[1]}")
    first, second = page.split("data-row=")[1:]
    for text in (
        "11:00\u201312:00 CET",
        "The gathering",
        "Fay",
        "loses the seat",
        "on the waitlist",
    ):
        assert text in first, text
        assert second.count(text) == (text == "The gathering"), text
    assert "14:00\u201315:00 CET" in second
    assert page.count("A cancelled session does not come back") == 1
    with world.app.app_context():
        seats.book_seat(factories.make_actor(name="Kim"), twins[1])
    late = office.refused(path, {"pk": twins, "agreed": agreed(page)})
    assert "has changed since the page was shown" in late
    assert "Kim" in late
    assert world.read(EventSession, twins[0]).status == "confirmed"
    office.done(path, {"pk": twins, "agreed": agreed(late)})
    assert {world.read(EventSession, pk).status for pk in twins} == {"cancelled"}
    # Nothing is left to do with them, and their names tell which is which.
    page = office.page(f"/backoffice/sessions/move-room/?pk={twins[0]}&pk={twins[1]}")
    moved = {"pk": twins, "room_id": world.room}
    page = office.refused("/backoffice/sessions/move-room/", moved)
    assert "“Hands on (Tue 4 Mar, 11:00" in page
    assert page.count("This session is cancelled.") == 2


def test_whom_another_room_affects_is_shown_once_it_is_chosen(
    world: World, office: Office, twins: list[int]
) -> None:
    path = "/backoffice/sessions/move-room/"
    moved = {"pk": twins, "room_id": world.room}
    with world.app.app_context():
        period = factories.period("2031-03-04T13:15Z", "2031-03-04T13:30Z")
        reservations.reserve_room(world.root, Wanted(world.room, period, "Cleaning"))
    assert "data-impact" not in office.page(f"{path}?pk={twins[0]}&pk={twins[1]}")
    page = office.step(path, moved)
    first, second = page.split("data-row=")[1:]
    assert "→ Hall" in first
    assert "It stays where it is." in first
    assert "keeps the seat" not in first
    assert "Opening, Tue 4 Mar, 11:00" in first  # in the way, in the event's zone
    assert "Cleaning, Tue 4 Mar, 14:15\u201314:30 CET" in second
    assert "Move sessions" not in page  # neither can
    with world.app.app_context():
        annex = factories.make_room(name="Annex").id
    moved = {"pk": twins, "room_id": annex}
    page = office.step(path, moved)
    assert 'type="hidden" name="room_id"' in page
    for text in ("→ Annex", "keeps the seat", "gets a mail"):
        assert text in page, text
    back = office.post(path, moved | {"again": "1"})
    assert "data-impact" not in back.text
    assert f'<option selected value="{annex}">' in back.text  # nothing chosen is lost
    with world.app.app_context():
        seats.book_seat(factories.make_actor(name="Kim"), twins[1])
    late = office.refused(path, moved | {"agreed": agreed(page)})
    assert "has changed since the page was shown" in late
    office.done(path, moved | {"agreed": agreed(late)})
    assert {world.read(EventSession, pk).room_id for pk in twins} == {annex}
    # What nobody feels is done at once.
    with world.app.app_context():
        event, late = db.session.get(Event, world.event), clock.now() + timedelta(days=900)
        lone = factories.make_session(event, title="Lone", starts_at=late).id
    office.done(path, {"pk": [lone], "room_id": world.room})
    assert world.read(EventSession, lone).room_id == world.room


def test_reservations_move_rooms_and_seats_do_not(world: World, office: Office) -> None:
    with world.app.app_context():
        annex = factories.make_room(name="Annex").id
    before = world.read(Booking, world.reservation).room_id
    path = f"{BOOKINGS}/move-room/"
    page = office.refused(path, {"pk": [world.reservation, world.seat], "room_id": annex})
    assert "“Opening”: Only reservations are moved to another room." in page
    assert world.read(Booking, world.reservation).room_id == annex
    undo(office, BOOKINGS)
    assert world.read(Booking, world.reservation).room_id == before


def test_agendas_and_offers_are_published_and_taken_back(world: World, office: Office) -> None:
    path = "/backoffice/events/publish/"
    office.done(path, {"pk": [world.event], "public": "no"})
    assert world.read(Event, world.event).public is False
    undo(office, "/backoffice/events")
    assert world.read(Event, world.event).public is True
    office.done("/backoffice/event-types/deactivate/", {"pk": [world.event_type]})
    assert world.read(EventType, world.event_type).is_active is False
    undo(office, "/backoffice/event-types")
    assert world.read(EventType, world.event_type).is_active is True


def test_staff_check_many_in_and_take_it_back(world: World) -> None:
    cora = world.office(world.cora)
    with world.app.app_context():
        admission.check_in(world.root, "gathering", ["eve@example.org"])
        eve = db.session.scalars(
            select(Attendee.id).where(Attendee.email == "eve@example.org")
        ).one()
    path = "/backoffice/attendees/check-in/"
    assert "Check 2 attendees in?" in cora.page(f"{path}?pk={world.attendee}&pk={eve}")
    cora.done(path, {"pk": [world.attendee, eve]})
    assert world.read(Attendee, world.attendee).checked_in_at is not None
    undo(cora, "/backoffice/attendees")
    assert world.read(Attendee, world.attendee).checked_in_at is None
    assert world.read(Attendee, eve).checked_in_at is not None  # was in before


def test_an_attendee_is_added_changed_and_removed(world: World, office: Office) -> None:
    new = {"event_id": world.event, "name": "Gil", "email": "gil@example.org", "external_id": "7"}
    shown = office.done("/backoffice/attendees/add", new)
    pk = int(shown.rsplit("/", 1)[1])
    assert world.read(Attendee, pk).external_id == "7"
    for taken, why in (
        (new | {"email": "hal@example.org"}, "Somebody else on the list has this."),
        (new | {"external_id": "8"}, "This person is on the list already."),
    ):
        with world.app.app_context():
            before = rows.count(Attendee)
        assert why in office.refused("/backoffice/attendees/add", taken)
        with world.app.app_context():
            assert rows.count(Attendee) == before  # nobody stays behind
        assert world.read(Attendee, pk).external_id == "7"
    edit = f"/backoffice/attendees/edit/{pk}"
    page = office.refused(edit, {"name": "Gil", "email": "dee@example.org", "external_id": "7"})
    assert "Somebody else on the list has this." in page
    office.done(edit, {"name": "Gilda", "email": "gil@example.org", "external_id": ""})
    attendee = world.read(Attendee, pk)
    assert (attendee.name, attendee.external_id) == ("Gilda", None)
    office.done("/backoffice/attendees/check-in/", {"pk": [pk]})
    assert "is checked in. Take that back first." in office.refused(
        f"/backoffice/attendees/delete/{pk}"
    )
    undo(office, "/backoffice/attendees")
    office.done(f"/backoffice/attendees/delete/{pk}")
    assert world.read(Attendee, pk) is None


def test_somebody_is_taken_out_of_the_queue(world: World, office: Office) -> None:
    assert "Full house" in office.page("/backoffice/waitlist/list/?state=waiting")
    office.done(f"/backoffice/waitlist/delete/{world.entry}")
    with world.app.app_context():
        assert rows.count(WaitlistEntry) == 0
    assert "waits here" in office.page("/backoffice/waitlist/list/")


def test_the_list_is_as_it_was_afterwards(world: World, office: Office) -> None:
    asked = "kind=reservation&order=title&direction=asc"
    assert 'name="back" value="kind=reservation&order' in office.page(f"{BOOKINGS}/list/?{asked}")
    page = office.page(
        f"{BOOKINGS}/delete/?pk={world.reservation}&back={asked.replace('&', '%26')}"
    )
    assert f'href="{BOOKINGS}/list/?{asked}"' in page
    done = office.done(f"{BOOKINGS}/delete/", {"pk": [world.reservation], "back": asked})
    assert done == f"{BOOKINGS}/list/?{asked}"
    evil = office.done(f"{BOOKINGS}/delete/", {"pk": [world.seat], "back": "//evil.example/?x"})
    assert evil.startswith(f"{BOOKINGS}/list/")


def test_more_than_a_page_holds_is_not_done_at_once(office: Office) -> None:
    query = "&".join(f"pk={number}" for number in range(1, 102))
    assert office.get(f"{BOOKINGS}/move-room/?{query}").status_code == 422


# -- lists in line, and views kept in the address ---------------------------------------


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("sessions/show/{session}", ["Seats", "Ben Client", "ben@example.org", "Booked at"]),
        ("events/show/{event}", ["Sessions", "Opening", "Attendees", "Dee Door"]),
        ("rooms/show/{room}", ["Bookings to come", "Sessions to come", "Opening"]),
        ("experts/show/{expert}", ["Event types", "Consultation", "Appointments to come"]),
        ("event-types/show/{event_type}", ["Appointments to come", "Gwen Guest"]),
    ],
)
def test_what_belongs_to_a_thing_is_shown_with_it(
    world: World, office: Office, path: str, shown: list[str]
) -> None:
    page = office.page("/backoffice/" + path.format(**vars(world)))
    for text in shown:
        assert text in page, text


def test_related_lists_cost_the_same_with_more_in_them(
    app: Flask, world: World, office: Office
) -> None:
    path = f"/backoffice/sessions/show/{world.session}"
    office.page(path)
    costs = []
    for _ in range(2):
        with app.app_context(), count_queries() as statements:
            office.page(path)
        costs.append(len(statements))
        with app.app_context():
            for _ in range(2):
                seats.book_seat(factories.make_actor(), world.session)
    assert costs[0] == costs[1]


def test_contributors_see_no_clients_in_line(world: World) -> None:
    cora = world.office(world.cora)
    page = cora.page(f"/backoffice/rooms/show/{world.room}")
    assert "Gwen" not in page
    assert "Reservations to come" in page
    assert "Bookings to come" not in page  # seats in the room's sessions are not shown
    page = cora.page(f"/backoffice/sessions/show/{world.session}")
    assert "1 of 5" in page
    assert "None yet." not in page  # which would contradict it
    assert "Ben Client" not in page
    assert "Waitlist" not in page


def test_presets_are_links_that_can_be_shared(world: World, office: Office) -> None:
    page = office.page(f"{BOOKINGS}/list/?kind=seat&when=upcoming&status=confirmed")
    assert page.count('class="chip" href') >= 5
    assert 'aria-current="page">Seats</a>' in page
    assert "Kind: Seat" in page
    person = office.page(f"{BOOKINGS}/list/?user={world.ben.user_id}")
    assert "Person: Ben Client" in person
    assert office.get(f"{BOOKINGS}/list/?user=999999").status_code == 422
