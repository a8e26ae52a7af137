"""What sockets hear of changes: exactly the contract's fields, one version per change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app.models.interval import Interval
from app.services import (
    bookings,
    cancellation,
    changes,
    event_sessions,
    events,
    experts,
    ledger,
    meetings,
    rescheduling,
    reservations,
    seats,
    session_changes,
    waitlist,
    zoom,
)
from app.services.meeting_providers import Made
from app.services.reservations import Wanted
from app.services.transaction import transactional
from tests import factories, rows
from tests.calls import caller, token_of
from tests.live.sockets import Listener
from tests.services.test_icalendar_import import calendar, event

Listen = Callable[..., Listener]

GUEST = {
    "name": "Canary Name",
    "email": "canary@example.org",
    "phone": "+49 30 canary",
    "notes": "canary notes",
}
NINE, TEN = "2031-03-04T09:00:00Z", "2031-03-04T10:00:00Z"
HALF_PAST_NINE, HALF_PAST_TEN = "2031-03-04T09:30:00Z", "2031-03-04T10:30:00Z"


class Scene:
    """An expert, ann, with an event type in a room, and a client, ben, with an account."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            self.ann, _ = factories.make_expert(name="Ann", email="ann@example.org")
            experts.update_expert(self.ann, {"slug": "ann"})
            self.ben = factories.make_actor(name="Ben", email="ben@example.org")
            self.room_id = factories.make_room(name="Studio").id
            self.event_type_id = factories.make_event_type(self.ann, room_id=self.room_id).id

    def book(self, who: Any = None, starts_at: str = NINE, **more: Any) -> Any:
        body = {"event_type_id": self.event_type_id, "starts_at": starts_at, **GUEST, **more}
        answer = caller(self.app, who)("POST", "/api/bookings", body)
        assert answer.status_code == 201, answer.text
        return answer.json["booking"]

    def version(self, calendar_id: int) -> int:
        with self.app.app_context():
            return rows.version(calendar_id)


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app)


def period(kind: str = "appointment", start: str = NINE, end: str = HALF_PAST_NINE) -> Any:
    return {"kind": kind, "starts_at": start, "ends_at": end}


def test_a_booking_is_told_to_all_whose_calendar_shows_it(scene: Scene, listen: Listen) -> None:
    guest = listen("expert:ann", f"room:{scene.room_id}")
    ann = listen("me", token=token_of(scene.app, scene.ann))
    ben = listen("me", token=token_of(scene.app, scene.ben))
    bystander = listen("expert:ann")
    before = bystander.join("expert:ann")["version"]
    booking = scene.book(scene.ben)
    assert sorted(guest.heard(), key=lambda each: each[1]["topic"]) == [
        ("newBooking", {"topic": "expert:ann", "version": before + 1, **period()}),
        ("newBooking", {"topic": f"room:{scene.room_id}", "version": 1, **period()}),
    ]
    assert ann.heard() == [
        ("newBooking", {"topic": "me", "version": before + 1, "booking": booking})
    ]
    assert ben.heard() == [("newBooking", {"topic": "me", "version": 1, "booking": booking})]
    assert len(bystander.heard()) == 1


def test_a_guests_booking_reaches_the_host_without_the_guests_link(
    scene: Scene, listen: Listen
) -> None:
    ann = listen("me", token=token_of(scene.app, scene.ann))
    booking = scene.book()
    [(name, message)] = ann.heard()
    assert (name, message["booking"]["uid"]) == ("newBooking", booking["uid"])
    assert "/b/" in booking["ics_url"]
    assert message["booking"] == booking | {
        "ics_url": f"http://localhost/api/bookings/{booking['uid']}.ics"
    }


def test_public_topics_never_name_anybody(scene: Scene, listen: Listen) -> None:
    guest = listen("expert:ann", f"room:{scene.room_id}")
    booking = scene.book()
    ann = caller(scene.app, scene.ann)
    for change in ({"starts_at": TEN}, {"status": "cancelled", "reason": "canary reason"}):
        assert ann("PATCH", f"/api/bookings/{booking['uid']}", change).status_code == 200
    heard = guest.heard()
    assert len(heard) == 6
    assert "canary" not in repr(heard).lower()
    fields = {"topic", "version", "kind", "starts_at", "ends_at"}
    for name, message in heard:
        assert set(message) == fields | ({"previous"} if name == "bookingRescheduled" else set())


def test_each_change_raises_the_version_by_one(scene: Scene, listen: Listen) -> None:
    guest = listen("expert:ann")
    start = guest.join("expert:ann")["version"]
    booking = scene.book()
    ann = caller(scene.app, scene.ann)
    path = f"/api/bookings/{booking['uid']}"
    assert ann("PATCH", path, {"starts_at": TEN}).status_code == 200
    assert ann("PATCH", path, {"status": "cancelled"}).status_code == 200
    previous = {"starts_at": NINE, "ends_at": HALF_PAST_NINE}
    moved = period(start=TEN, end=HALF_PAST_TEN)
    topic = {"topic": "expert:ann"}
    assert guest.heard() == [
        ("newBooking", {**topic, "version": start + 1, **period()}),
        ("bookingRescheduled", {**topic, "version": start + 2, **moved, "previous": previous}),
        ("bookingCancelled", {**topic, "version": start + 3, **moved}),
    ]
    assert guest.join("expert:ann")["version"] == start + 3
    # Twice is once, and a repeated answer is no change.
    assert ann("PATCH", path, {"status": "cancelled"}).status_code == 200
    assert guest.heard() == []


def test_a_repeated_request_is_told_once(scene: Scene, listen: Listen) -> None:
    guest = listen("expert:ann")
    body = {"event_type_id": scene.event_type_id, "starts_at": NINE, **GUEST}
    for _ in range(2):
        answer = caller(scene.app)("POST", "/api/bookings", body, key="once")
        assert answer.status_code == 201
    assert [name for name, _ in guest.heard()] == ["newBooking"]


def test_a_replace_is_two_changes_with_two_versions(scene: Scene, listen: Listen) -> None:
    old = scene.book(scene.ben)
    ben = listen("me", token=token_of(scene.app, scene.ben))
    guest = listen("expert:ann", f"room:{scene.room_id}")
    before = guest.join("expert:ann")["version"]
    new = scene.book(scene.ben, TEN, replace=[old["uid"]])
    assert [
        (name, message["version"], message["booking"]["uid"]) for name, message in ben.heard()
    ] == [("bookingCancelled", 2, old["uid"]), ("newBooking", 3, new["uid"])]
    told = [
        (message["topic"], name, message["version"], message["starts_at"])
        for name, message in guest.heard()
    ]
    room = f"room:{scene.room_id}"
    assert sorted(told) == [
        ("expert:ann", "bookingCancelled", before + 1, NINE),
        ("expert:ann", "newBooking", before + 2, TEN),
        (room, "bookingCancelled", 2, NINE),
        (room, "newBooking", 3, TEN),
    ]
    assert scene.version(scene.ben.calendar_id) == 3
    assert guest.join("expert:ann")["version"] == before + 2


def test_refused_commands_tell_nobody(scene: Scene, listen: Listen) -> None:
    scene.book()
    sockets = [
        listen("expert:ann", f"room:{scene.room_id}"),
        listen("me", token=token_of(scene.app, scene.ann)),
        listen("me", token=token_of(scene.app, scene.ben)),
    ]
    body = {"event_type_id": scene.event_type_id, "starts_at": NINE, **GUEST}
    for who in (None, scene.ben):
        assert caller(scene.app, who)("POST", "/api/bookings", body).status_code == 409
    assert [socket.heard() for socket in sockets] == [[], [], []]


def test_nothing_is_told_of_what_was_rolled_back(
    scene: Scene, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error after everything was written, just before the commit."""
    sockets = [
        listen("expert:ann", f"room:{scene.room_id}"),
        listen("me", token=token_of(scene.app, scene.ann)),
    ]
    before = scene.version(scene.ann.calendar_id)

    @transactional
    def fail() -> None:
        bookings.find_rows()
        scene_book()
        raise RuntimeError("too late")

    def scene_book() -> None:
        from app.services.appointments import Client, book_appointment

        book_appointment(
            None,
            scene.event_type_id,
            datetime.fromisoformat(NINE),
            Client(name="Gwen", email="gwen@example.org"),
        )

    with scene.app.app_context(), pytest.raises(RuntimeError, match="too late"):
        fail()
    assert [socket.heard() for socket in sockets] == [[], []]
    assert scene.version(scene.ann.calendar_id) == before


# -- seats and sessions --------------------------------------------------------------


class Hall:
    """An event with a session of two seats."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            event = factories.make_event(public=False)
            session = factories.make_session(event, capacity=2, title="Workshop")
            self.event_id, self.slug = event.id, event.slug
            self.session_id, self.room_id = session.id, session.room_id


@pytest.fixture
def hall(app: Flask) -> Hall:
    return Hall(app)


def seat(app: Flask, who: Any, session_id: int, method: str = "POST", body: Any = None) -> Any:
    answer = caller(app, who)(method, f"/api/sessions/{session_id}/seat", body)
    assert answer.status_code in {200, 201, 204}, answer.text
    return answer.json and answer.json["booking"]


def test_seats_are_told_to_the_event_and_to_their_owner(
    scene: Scene, hall: Hall, listen: Listen
) -> None:
    watcher = listen(f"event:{hall.slug}", token=token_of(scene.app, scene.ann))
    ben = listen("me", token=token_of(scene.app, scene.ben))
    before = watcher.join(f"event:{hall.slug}")["version"]
    booking = seat(scene.app, scene.ben, hall.session_id)
    topic = f"event:{hall.slug}"
    assert watcher.heard() == [
        (
            "seats",
            {
                "topic": topic,
                "version": before + 1,
                "sessions": [{"id": hall.session_id, "seats_left": 1, "version": 2}],
            },
        )
    ]
    assert ben.heard() == [("newBooking", {"topic": "me", "version": 1, "booking": booking})]
    assert booking["attendee"]["email"] == "ben@example.org"
    seat(scene.app, scene.ben, hall.session_id)  # again: the same
    assert (watcher.heard(), ben.heard()) == ([], [])
    seat(scene.app, scene.ben, hall.session_id, "DELETE")
    assert watcher.heard() == [
        (
            "seats",
            {
                "topic": topic,
                "version": before + 2,
                "sessions": [{"id": hall.session_id, "seats_left": 2, "version": 3}],
            },
        )
    ]
    [(name, message)] = ben.heard()
    assert (name, message["version"], message["booking"]["status"]) == (
        "bookingCancelled",
        2,
        "cancelled",
    )


def test_an_agendas_sign_in_hears_of_that_event_alone(
    scene: Scene, hall: Hall, listen: Listen
) -> None:
    at_event = listen("me", token=token_of(scene.app, scene.ben, f"agenda:{hall.event_id}"))
    scene.book(scene.ben)
    with scene.app.app_context():
        elsewhere = factories.make_session().id
    seat(scene.app, scene.ben, elsewhere)
    assert at_event.heard() == []
    with scene.app.app_context():
        later = factories.make_session(
            starts_at=datetime(2031, 3, 5, 10, tzinfo=UTC), capacity=5
        ).id
        event = event_sessions.get_event_session(later).event
        later_event_id, later_slug = event.id, event.slug
    there = listen("me", token=token_of(scene.app, scene.ben, f"agenda:{later_event_id}"))
    booking = seat(scene.app, scene.ben, later)
    assert booking["event"]["slug"] == later_slug
    assert [message["booking"]["uid"] for _, message in there.heard()] == [booking["uid"]]
    assert at_event.heard() == []
    there.ask("leave", {"topic": "me"})
    seat(scene.app, scene.ben, later, "DELETE")
    assert there.heard() == []


def test_a_session_is_told_to_its_room_its_speaker_and_the_agenda(
    scene: Scene, hall: Hall, listen: Listen
) -> None:
    watcher = listen(f"event:{hall.slug}", token=token_of(scene.app, scene.ben))
    guest = listen("expert:ann", f"room:{hall.room_id}")
    with scene.app.app_context():
        admin = factories.make_admin()
        session_changes.move_event_session(
            admin, hall.session_id, {"speakers": [{"name": "Ann", "user_id": scene.ann.user_id}]}
        )
    times = period("event_session", TEN, "2031-03-04T11:00:00Z")
    same = {"previous": {"starts_at": TEN, "ends_at": "2031-03-04T11:00:00Z"}}
    heard = sorted(guest.heard(), key=lambda each: each[1]["topic"])
    assert [(name, message["topic"]) for name, message in heard] == [
        ("bookingRescheduled", "expert:ann"),
        ("bookingRescheduled", f"room:{hall.room_id}"),
    ]
    assert all(times.items() <= message.items() for _, message in heard)
    assert all(same.items() <= message.items() for _, message in heard)
    [(name, message)] = watcher.heard()
    assert (name, set(message), message["topic"]) == (
        "agendaChanged",
        {"topic", "version"},
        f"event:{hall.slug}",
    )
    assert message["version"] == watcher.join(f"event:{hall.slug}")["version"]


def test_what_waits_is_told_once_with_the_latest_values(
    scene: Scene, hall: Hall, listen: Listen
) -> None:
    watcher = listen(f"event:{hall.slug}", token=token_of(scene.app, scene.ann))
    with scene.app.app_context():
        admin = factories.make_admin()
        from app.services import seats

        seats.book_seat(scene.ben, hall.session_id)
        seats.book_seat(admin, hall.session_id)
        events.update_event(admin, hall.slug, {"title": "Renamed"})
        assert watcher.heard() == []  # a command tells at its end
    version = watcher.join(f"event:{hall.slug}")["version"]
    topic = {"topic": f"event:{hall.slug}", "version": version}
    # The agenda first: both stand for one version, and whoever knows it asks for no more.
    assert watcher.heard() == [
        ("agendaChanged", topic),
        ("seats", topic | {"sessions": [{"id": hall.session_id, "seats_left": 0, "version": 3}]}),
    ]


# -- reservations --------------------------------------------------------------------


def test_reservations_are_told_to_the_room_and_the_responsible_user(
    scene: Scene, listen: Listen
) -> None:
    with scene.app.app_context():
        staff = factories.make_contributor(name="Cora", email="cora@example.org")
    guest = listen(f"room:{scene.room_id}")
    cora = listen("me", token=token_of(scene.app, staff))
    span = Interval(datetime.fromisoformat(NINE), datetime.fromisoformat(TEN))
    with scene.app.app_context():
        booked = reservations.reserve_room(staff, Wanted(scene.room_id, span, "Canary title"))
        rescheduling.reschedule_booking(staff, booked["uid"], datetime.fromisoformat(TEN))
        cancellation.cancel_booking(staff, booked["uid"])
    heard = guest.heard()
    assert [(name, message["version"], message["starts_at"]) for name, message in heard] == [
        ("newBooking", 1, NINE),
        ("bookingRescheduled", 2, TEN),
        ("bookingCancelled", 3, TEN),
    ]
    assert "Canary" not in repr(heard)
    assert [message["version"] for _, message in cora.heard()] == [1, 2, 3]


# -- one application at a time -------------------------------------------------------


def test_another_application_in_the_process_does_not_tell_again(
    scene: Scene, listen: Listen
) -> None:
    """Each application subscribes; only the one that committed speaks."""
    from app.live import Broadcaster

    changes.subscribe(Broadcaster(Flask("another"), None, in_background=False))
    try:
        guest = listen("expert:ann")
        scene.book()
        assert len(guest.heard()) == 1
    finally:
        changes._subscribers.pop()


def test_several_messages_of_a_transaction_have_versions_of_their_own(scene: Scene) -> None:
    @transactional
    def tell_thrice() -> list[int]:
        [locked] = ledger.lock([scene.ben.calendar_id]).values()
        return [ledger.announced([locked])[0].version for _ in range(3)]

    with scene.app.app_context():
        assert tell_thrice() == [1, 2, 3]
        assert rows.version(scene.ben.calendar_id) == 3
        assert tell_thrice() == [4, 5, 6]


def test_an_offered_seat_is_told_to_who_waited_for_it(app: Flask, listen: Listen) -> None:
    with app.app_context():
        session = factories.make_session()
        other = factories.make_session(starts_at=session.starts_at)
        holder, waiting = factories.make_actor(), factories.make_actor()
        seats.book_seat(holder, session.id)
        seats.book_seat(waiting, other.id)
        waitlist.join(waiting, session.id)
        session_id = session.id
    heard_by = listen("me", token=token_of(app, waiting))
    with app.app_context():
        seats.release_seat(holder, session_id)
    [(name, message)] = heard_by.heard()
    assert name == "seatOffered"
    assert message.items() >= {"topic": "me", "event_session_id": session_id}.items()


def test_busy_time_elsewhere_is_told_without_saying_what(scene: Scene, listen: Listen) -> None:
    guest = listen("expert:ann")
    ann = listen("me", token=token_of(scene.app, scene.ann))
    before = guest.join("expert:ann")["version"]
    body = {"name": "canary", "content": calendar(event("DTSTART:20310304T090000Z")).decode()}
    answer = caller(scene.app, scene.ann)("POST", "/api/experts/me/busy-calendars", body)
    assert answer.status_code == 201
    assert guest.heard() == [("calendarChanged", {"topic": "expert:ann", "version": before + 1})]
    assert ann.heard() == [("calendarChanged", {"topic": "me", "version": before + 1})]
    path = f"/api/experts/me/busy-calendars/{answer.json['busy_calendar']['id']}"
    assert caller(scene.app, scene.ann)("DELETE", path).status_code == 204
    assert guest.heard() == [("calendarChanged", {"topic": "expert:ann", "version": before + 2})]


def test_a_meetings_link_reaches_those_in_it_alone(
    scene: Scene, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"):
        monkeypatch.setitem(scene.app.config, name, "set")
    monkeypatch.setattr(zoom.Zoom, "create", lambda *_: Made("7", "https://zoom.us/j/7?pwd=canary"))
    ann = caller(scene.app, scene.ann)
    kind = {"location": {"kind": "zoom", "detail": ""}}
    ann("PATCH", f"/api/event-types/{scene.event_type_id}", kind)
    booking = scene.book(scene.ben)
    assert (booking["location"], booking["meeting_url"]) == ("Zoom (link follows)", None)
    guest = listen("expert:ann", f"room:{scene.room_id}")
    ben = listen("me", token=token_of(scene.app, scene.ben))
    with scene.app.app_context():
        assert meetings.sync_due().done == 1
    heard = guest.heard()
    assert {name for name, _ in heard} == {"calendarChanged"}
    assert {message["topic"] for _, message in heard} == {"expert:ann", f"room:{scene.room_id}"}
    assert all(set(message) == {"topic", "version"} for _, message in heard)
    [(name, message)] = ben.heard()
    assert (name, message["booking"]["uid"]) == ("calendarChanged", booking["uid"])
    assert message["booking"]["meeting_url"] == "https://zoom.us/j/7?pwd=canary"
