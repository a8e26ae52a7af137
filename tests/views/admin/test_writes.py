"""Every write of the back-office is a service's; a refusal loses nothing that was typed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models import (
    AuditEntry,
    Blackout,
    Booking,
    Event,
    EventSession,
    EventType,
    Expert,
    OutboxMessage,
    Room,
    SignIn,
    User,
)
from app.services import accounts, admission, credentials, rooms, sign_ins
from tests import factories
from tests.views.admin.conftest import Office, World, agreed

ROOM = {"name": "Annex", "capacity": "12", "time_zone": ""}


def id_in(location: str) -> int:
    return int(location.rsplit("/", 1)[1])


def field(page: str, name: str) -> str:
    """What a form shows in a field."""
    area = re.search(rf'<textarea[^>]*name="{name}"[^>]*>\r?\n?(.*?)</textarea>', page, re.DOTALL)
    if area:
        return area[1]
    found = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', page)
    if found:
        value = re.search(r'\bvalue="([^"]*)"', found[0])
        return value[1] if value else ""
    select = re.search(rf'<select[^>]*name="{name}"[^>]*>(.*?)</select>', page, re.DOTALL)
    assert select, name
    chosen = re.search(r'<option selected value="([^"]*)"', select[1])
    assert chosen, name
    return chosen[1]


def filled(office: Office, path: str) -> dict[str, str]:
    """The edit form as it stands."""
    page = office.page(path)
    form = page[page.index('class="card stack office-form"') :]
    names = re.findall(r'(?:input|select|textarea)[^>]*\bname="([a-z_]+)"', form)
    return {name: field(form, name) for name in names if name != "csrf_token"}


# -- rooms ---------------------------------------------------------------------------


def test_room_is_added_edited_and_deleted(world: World, office: Office) -> None:
    shown = office.done("/backoffice/rooms/add", ROOM)
    pk = id_in(shown)
    assert "Annex" in office.page(shown)
    assert [entry.object_id for entry in world.entries("room", "create")] == [str(pk)]

    edit = f"/backoffice/rooms/edit/{pk}"
    office.done(edit, filled(office, edit) | {"name": "Annexe", "time_zone": "Europe/Lisbon"})
    room = world.read(Room, pk)
    assert (room.name, room.capacity, room.time_zone) == ("Annexe", 12, "Europe/Lisbon")
    assert len(world.entries("room", "update")) == 1

    page = office.page(f"/backoffice/rooms/delete/{pk}")
    assert "Delete “Annexe”?" in page
    assert "Nothing else hangs on it." in page
    office.done(f"/backoffice/rooms/delete/{pk}")
    assert world.read(Room, pk) is None
    assert len(world.entries("room", "delete")) == 1


def test_refused_room_keeps_what_was_typed(world: World, office: Office) -> None:
    page = office.refused("/backoffice/rooms/add", {**ROOM, "name": "Hall", "capacity": "-3"})
    assert "There is a room with this name." in page
    assert (field(page, "name"), field(page, "capacity")) == ("Hall", "-3")
    page = office.refused("/backoffice/rooms/add", {**ROOM, "capacity": "many"})
    assert "This must be a whole number." in page
    assert field(page, "capacity") == "many"
    page = office.refused("/backoffice/rooms/add", {**ROOM, "time_zone": "Moon/Base"})
    assert field(page, "name") == "Annex"
    assert world.entries("room", "create") == []


def test_used_room_is_kept_and_says_why(world: World, office: Office) -> None:
    path = f"/backoffice/rooms/delete/{world.room}"
    assert "1 session" in office.page(path)
    assert "Hall has bookings, sessions or event types" in office.refused(path)
    assert world.read(Room, world.room)


def test_a_room_is_closed_and_opened_again(world: World, office: Office) -> None:
    form = {
        "room_id": world.room,
        "starts_at": "2031-03-10T08:00",
        "ends_at": "2031-03-12T18:00",
        "reason": "Painting",
    }
    shown = office.done("/backoffice/blackouts/add", form)
    pk = id_in(shown)
    page = office.page(shown)
    assert "Painting" in page
    assert "Mon 10 Mar, 08:00" in page
    assert world.read(Blackout, pk).starts_at.hour == 7  # UTC
    closed = {entry.object_id for entry in world.entries("room", "close")}
    assert str(world.room) in closed
    again = office.refused("/backoffice/blackouts/add", form)
    assert "already booked" in again
    assert field(again, "reason") == "Painting"
    reversed_ = office.refused("/backoffice/blackouts/add", {**form, "ends_at": "2031-03-09T08:00"})
    assert "This must be later than the start." in reversed_
    assert "Painting" not in office.page("/backoffice/bookings/list/")  # it is nobody's
    assert office.get(f"/backoffice/bookings/show/{pk}").status_code == 404
    office.done(f"/backoffice/blackouts/delete/{pk}")
    assert world.read(Blackout, pk).status == "cancelled"


def test_several_are_deleted_each_on_its_own(world: World, office: Office) -> None:
    with world.app.app_context():
        spare = factories.make_room(name="Spare").id
    page = office.page(f"/backoffice/rooms/delete/?pk={spare}&pk={world.room}")
    assert "Delete 2 rooms?" in page
    page = office.refused("/backoffice/rooms/delete/", {"pk": [spare, world.room]})
    assert "1 of 2 deleted." in page
    assert "“Hall”: Hall has bookings" in page
    assert world.read(Room, spare) is None
    assert world.read(Room, world.room)


def test_somebody_elses_change_is_not_overwritten_unseen(world: World, office: Office) -> None:
    edit = f"/backoffice/rooms/edit/{world.room}"
    mine = filled(office, edit)
    with world.app.app_context():
        rooms.update_room(world.root, world.room, {"capacity": 77})
    page = office.refused(edit, mine | {"name": "Great hall"})
    assert "Somebody changed this in the meantime." in page
    assert field(page, "name") == "Great hall"
    assert world.read(Room, world.room).name == "Hall"
    office.done(edit, mine | {"name": "Great hall", "seen": field(page, "seen")})
    assert world.read(Room, world.room).name == "Great hall"


def test_a_form_without_its_token_is_nobodys(world: World, office: Office) -> None:
    for token in ("", "forged"):
        answer = office._client.post("/backoffice/rooms/add", data={**ROOM, "csrf_token": token})
        assert answer.status_code == 401
    assert world.entries("room", "create") == []


def test_get_changes_nothing(world: World, office: Office) -> None:
    with world.app.app_context():
        before = db.session.query(AuditEntry).count()
    for path in (
        f"/backoffice/rooms/delete/{world.room}",
        f"/backoffice/sessions/delete/{world.session}",
        f"/backoffice/bookings/delete/{world.seat}",
        f"/backoffice/bookings/delete/?pk={world.seat}",
        f"/backoffice/users/delete/{world.ben.user_id}",
    ):
        office.page(path)
    for path in ("reset-password", "deactivate"):
        office.page(f"/backoffice/users/{path}/{world.ben.user_id}")
    assert office.get(f"/backoffice/users/activate/{world.ben.user_id}").status_code == 405
    with world.app.app_context():
        assert db.session.query(AuditEntry).count() == before


# -- events, sessions ----------------------------------------------------------------


def test_event_is_added_edited_and_deleted(world: World, office: Office) -> None:
    event = {
        "title": "Spring meeting",
        "slug": "spring",
        "time_zone": "Europe/Berlin",
        "starts_on": "2031-04-01",
        "ends_on": "2031-04-02",
        "venue": "Old mill",
        "admission": "checked_in",
        "public": "y",
    }
    page = office.refused("/backoffice/events/add", {**event, "ends_on": "2031-03-01"})
    assert "The event ends before it starts." in page
    assert [field(page, name) for name in ("title", "ends_on")] == ["Spring meeting", "2031-03-01"]
    page = office.refused("/backoffice/events/add", {**event, "slug": "gathering"})
    assert "There is an event with this address." in page

    pk = id_in(office.done("/backoffice/events/add", event))
    made = world.read(Event, pk)
    assert (made.slug, made.admission, made.public) == ("spring", "checked_in", True)
    edit = f"/backoffice/events/edit/{pk}"
    changed = filled(office, edit) | {"venue": "New mill"}
    del changed["public"]
    office.done(edit, changed)
    made = world.read(Event, pk)
    assert (made.venue, made.public) == ("New mill", False)
    office.done(f"/backoffice/events/delete/{pk}")
    assert [len(world.entries("event", action)) for action in ("create", "update", "delete")] == [
        1,
        1,
        1,
    ]
    page = office.refused(f"/backoffice/events/delete/{world.event}")
    assert "The gathering has sessions and is kept." in page


@pytest.mark.parametrize(
    ("path", "reasons", "instead"),
    [
        ("events/delete/{event}", ["2 sessions", "1 booking to come"], "Take its agenda off"),
        ("rooms/delete/{room}", ["1 session"], "Close it for a time instead."),
        ("users/delete/{ben.user_id}", ["1 booking to come"], "Deactivate the account instead."),
        ("experts/delete/{expert}", ["1 booking to come"], "Deactivate the event types instead."),
    ],
)
def test_what_is_kept_is_said_before_and_offers_no_button(
    world: World, office: Office, path: str, reasons: list[str], instead: str
) -> None:
    path = "/backoffice/" + path.format(**vars(world))
    page = office.page(path)
    assert "It is kept, because of this:" in page
    for text in (*reasons, instead):
        assert text in page, text
    assert "What goes with it" not in page
    assert "button--danger" not in page
    page = office.refused(path)  # who asks all the same is refused
    assert "button--danger" not in page
    assert "Please check the marked fields." not in page


def test_what_goes_with_a_thing_is_said_apart(world: World, office: Office) -> None:
    with world.app.app_context():
        una, expert = factories.make_expert(name="Una Free")
        factories.make_event_type(una)
        pk = expert.id
        event = factories.make_event(slug="spare", title="Spare")
        admission.add_attendee(world.root, "spare", name="", email="list@example.org")
        event_id = event.id
    for path, line in (
        (f"/backoffice/experts/delete/{pk}", "1 event type"),
        (f"/backoffice/events/delete/{event_id}", "1 attendee on its list"),
    ):
        page = office.page(path)
        assert "What goes with it:" in page
        assert line in page
        assert "It is kept" not in page
        office.done(path)
    page = office.page(f"/backoffice/event-types/delete/{world.event_type}")
    assert "It was booked before, so it is kept and no longer offered: 1 booking to come." in page


def test_the_last_admin_is_kept_with_the_reason_on_top(world: World, office: Office) -> None:
    with world.app.app_context():
        accounts.deactivate(world.root, world.flagged.user_id)
    page = office.refused(f"/backoffice/users/delete/{world.root.user_id}")
    assert "This is the last active admin." in page
    assert "Please check the marked fields." not in page


def session(world: World, **values: Any) -> dict[str, Any]:
    return {
        "event_id": world.event,
        "title": "Panel",
        "room_id": world.room,
        "starts_at": "2031-03-05T14:00",
        "ends_at": "2031-03-05T15:30",
        "capacity": "40",
        "speakers": "Ann Lee <ann@example.org>\nSomebody Else",
        "track": "",
        "language": "",
        "abstract": "",
        "description": "",
        **values,
    }


def test_session_is_entered_and_shown_in_the_events_zone(world: World, office: Office) -> None:
    shown = office.done("/backoffice/sessions/add", session(world))
    pk = id_in(shown)
    assert "14:00\u201315:30 CET" in office.page(shown)
    made = world.read(EventSession, pk)
    assert made.starts_at.isoformat() == "2031-03-05T13:00:00+00:00"
    with world.app.app_context():
        speakers = db.session.get(EventSession, pk).speakers
        assert [(each.name, each.user_id) for each in speakers] == [
            ("Ann Lee", world.ann.user_id),
            ("Somebody Else", None),
        ]
    edit = f"/backoffice/sessions/edit/{pk}"
    form = filled(office, edit)
    assert (form["starts_at"], form["ends_at"]) == ("2031-03-05T14:00", "2031-03-05T15:30")
    office.done(edit, form)
    assert world.entries("event_session", "update") == []  # nothing was changed
    longer = form | {"title": "The panel", "ends_at": "2031-03-05T16:00"}
    page = office.step(edit, longer)  # it is in Ann's calendar
    assert "In whose calendar it is: Ann Lee" in page
    office.done(edit, longer | {"agreed": agreed(page)})
    made = world.read(EventSession, pk)
    assert (made.title, made.ends_at.hour) == ("The panel", 15)


def test_session_that_collides_says_with_what(world: World, office: Office) -> None:
    page = office.refused(
        "/backoffice/sessions/add",
        session(world, starts_at="2031-03-04T11:30", ends_at="2031-03-04T12:30"),
    )
    assert "Opening: Tue 4 Mar, 11:00\u201312:00 CET" in page
    assert field(page, "starts_at") == "2031-03-04T11:30"
    page = office.refused("/backoffice/sessions/add", session(world, speakers="X <no@example.org>"))
    assert "There is no account with the address no@example.org." in page
    assert "X <no@example.org>" in page


@pytest.mark.parametrize(
    ("starts_at", "message"),
    [
        ("", "This field is required."),
        ("tomorrow", "Use a date and a time"),
        ("2031-03-30T02:30", "02:30 does not exist"),
        ("9999-12-31T23:59", "too far away"),
    ],
)
def test_times_that_are_none_are_refused(
    world: World, office: Office, starts_at: str, message: str
) -> None:
    page = office.refused("/backoffice/sessions/add", session(world, starts_at=starts_at))
    assert message in page
    assert field(page, "title") == "Panel"


def test_second_run_of_a_doubled_hour_survives_an_edit(world: World, office: Office) -> None:
    with world.app.app_context():
        event = db.session.get(Event, world.event)
        second = factories.period("2031-10-26T02:30+01:00", "2031-10-26T03:30+01:00")
        pk = factories.make_session(event, starts_at=second.starts_at).id
    edit = f"/backoffice/sessions/edit/{pk}"
    form = filled(office, edit)
    assert form["starts_at"] == "2031-10-26T02:30"
    office.done(edit, form | {"title": "Late"})
    made = world.read(EventSession, pk)
    assert (made.title, made.starts_at) == ("Late", second.starts_at)


# -- experts, event types ------------------------------------------------------------


def test_expert_is_made_edited_and_deleted(world: World, office: Office) -> None:
    page = office.refused("/backoffice/experts/add", {"user": "nobody@example.org", "slug": ""})
    assert "There is no account with the address nobody@example.org." in page
    assert field(page, "user") == "nobody@example.org"
    new = {"user": "ben@example.org", "headline": "Gardens", "slug": ""}
    pk = id_in(office.done("/backoffice/experts/add", new))
    expert = world.read(Expert, pk)
    assert (expert.user_id, expert.slug) == (world.ben.user_id, "ben-client")
    assert "is an expert already" in office.refused("/backoffice/experts/add", new)

    edit = f"/backoffice/experts/edit/{pk}"
    page = office.refused(edit, filled(office, edit) | {"slug": "login", "bio": "Long story"})
    assert "a page of ours" in page
    assert field(page, "bio") == "Long story"
    office.done(edit, filled(office, edit) | {"slug": "ben", "time_zone": "Europe/Lisbon"})
    assert world.read(Expert, pk).slug == "ben"

    office.done(f"/backoffice/experts/delete/{pk}")
    assert world.read(Expert, pk) is None
    with world.app.app_context():
        roles = {role.name for role in db.session.get(User, world.ben.user_id).roles}
    assert roles == {"Attendee"}
    assert [len(world.entries("expert", action)) for action in ("create", "update", "delete")] == [
        1,
        1,
        1,
    ]
    assert "has bookings" in office.refused(f"/backoffice/experts/delete/{world.expert}")


def test_event_type_is_added_edited_and_deleted(world: World, office: Office) -> None:
    page = office.page("/backoffice/event-types/add")
    form = {
        "expert_id": world.expert,
        "title": "Deep dive",
        "duration_minutes": "90",
        "slug": "",
        "description": "",
        "location_kind": "link",
        "location_detail": "nowhere",
        "room_id": "",
        "buffer_before_minutes": "0",
        "buffer_after_minutes": "10",
        "minimum_notice_minutes": "0",
        "horizon_days": "60",
        "slot_step_minutes": "",
        "daily_limit": "",
        "seats": "3",
        "requires_approval": "y",
        "approval_minutes": "90",
        "reminder_minutes": "60, 2880",
        "is_active": "y",
    }
    assert field(page, "duration_minutes") == "30"
    page = office.refused("/backoffice/event-types/add", form)
    assert "A link starts with https://" in page
    assert field(page, "location_detail") == "nowhere"
    assert "This field is required." in office.refused(
        "/backoffice/event-types/add", {**form, "expert_id": ""}
    )
    pk = id_in(office.done("/backoffice/event-types/add", {**form, "location_kind": "phone"}))
    made = world.read(EventType, pk)
    assert (made.slug, made.duration_minutes, made.daily_limit) == ("deep-dive", 90, None)
    assert (made.seats, made.requires_approval, made.approval_minutes) == (3, True, 90)
    assert (made.reminder_minutes, made.is_listed) == ([2880, 60], False)
    assert "At most" in office.refused(
        "/backoffice/event-types/add",
        {**form, "location_kind": "phone", "reminder_minutes": "5,6,7,8,9,10"},
    )
    assert "must be a whole number" in office.refused(
        "/backoffice/event-types/add",
        {**form, "location_kind": "phone", "reminder_minutes": "an hour"},
    )
    edit = f"/backoffice/event-types/edit/{pk}"
    office.done(edit, filled(office, edit) | {"daily_limit": "3", "room_id": str(world.room)})
    made = world.read(EventType, pk)
    assert (made.daily_limit, made.room_id) == (3, world.room)
    office.done(f"/backoffice/event-types/delete/{pk}")
    assert world.read(EventType, pk) is None

    office.done(f"/backoffice/event-types/delete/{world.event_type}")
    assert world.read(EventType, world.event_type).is_active is False
    assert "it is kept and no longer offered" in office.page("/backoffice/event-types/list/")


# -- users ---------------------------------------------------------------------------


def test_user_is_added_with_a_password_shown_once(world: World, office: Office) -> None:
    form = {"name": "Vera Lang", "email": "Vera@Example.org", "time_zone": "", "roles": "Expert"}
    page = office.refused("/backoffice/users/add", {**form, "email": "ben@example.org"})
    assert "There is an account with this address." in page
    assert field(page, "name") == "Vera Lang"
    edit = f"/backoffice/users/edit/{world.cora.user_id}"
    both = filled(office, edit) | {"name": "", "email": "ben@example.org"}
    for refused in (page, office.refused(edit, both)):
        assert "There is an account with this address." in refused
        assert "Please check the marked fields." in refused
        assert "Please sign in" not in refused  # words for who registers
    assert 'href="#field-name"' in refused

    answer = office.post("/backoffice/users/add", form | {"language": "he"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    password = re.search(r"<code>([^<]+)</code>", answer.text)
    assert password
    with world.app.app_context():
        user = credentials.check_credentials("vera@example.org", password[1])
        assert user.must_change_password
        assert user.language == "he"
        assert [role.name for role in user.roles] == ["Expert"]
        kept = db.session.scalars(select(AuditEntry.changes))
        assert not any(password[1] in str(changes) for changes in kept)
    with office._client.session_transaction() as kept_session:
        assert password[1] not in str(dict(kept_session))


def test_user_is_edited(world: World, office: Office) -> None:
    edit = f"/backoffice/users/edit/{world.ben.user_id}"
    form = {
        "name": "Benjamin Client",
        "email": "benjamin@example.org",
        "time_zone": "Europe/Lisbon",
        "language": "de",
        "roles": ["Attendee", "Contributor"],
    }
    office.done(edit, form)
    with world.app.app_context():
        user = db.session.get(User, world.ben.user_id)
        assert (user.first_name, user.email) == ("Benjamin", "benjamin@example.org")
        assert user.language == "de"
    assert world.entries("user", "update")[-1].changes["language"] == "de"
    assert field(office.page(edit), "language") == "de"
    assert "Deutsch" in office.page(f"/backoffice/users/show/{world.ben.user_id}")
    with world.app.app_context():
        user = db.session.get(User, world.ben.user_id)
        assert {role.name for role in user.roles} == {"Attendee", "Contributor"}
    page = office.refused(edit, {**form, "email": "root@example.org"})
    assert field(page, "email") == "root@example.org"
    page = office.refused(
        f"/backoffice/users/edit/{world.root.user_id}",
        {"name": "Root", "email": "root@example.org", "time_zone": "", "roles": ["Made-up"]},
    )
    assert field(page, "name") == "Root"


def test_the_last_admin_stays_one(world: World, office: Office) -> None:
    with world.app.app_context():
        accounts.deactivate(world.root, world.flagged.user_id)
    edit = f"/backoffice/users/edit/{world.root.user_id}"
    form = {"name": "Root", "email": "root@example.org", "time_zone": "", "roles": ["Attendee"]}
    assert "This is the last active admin." in office.refused(edit, form)
    office.done(f"/backoffice/users/deactivate/{world.root.user_id}")
    assert "This is the last active admin." in office.page(
        f"/backoffice/users/show/{world.root.user_id}"
    )


def test_user_is_deactivated_activated_and_given_a_password(world: World, office: Office) -> None:
    ben = world.ben.user_id
    browser = world.office(world.ben)
    assert browser.get("/profile").status_code == 200
    page = office.page(f"/backoffice/users/deactivate/{ben}")
    for text in ("Deactivate Ben Client?", "1 device is signed in now", "1 booking to come stays."):
        assert text in page
    own = office.page(f"/backoffice/users/show/{world.root.user_id}")
    assert "Sign out everywhere" in own
    assert "Deactivate" not in own
    office.done(f"/backoffice/users/deactivate/{ben}")
    assert browser.get("/profile").status_code in {302, 303}
    assert world.read(User, ben).active is False
    office.done(f"/backoffice/users/activate/{ben}")
    assert world.read(User, ben).active is True

    reset = f"/backoffice/users/reset-password/{ben}"
    with world.app.app_context():
        sign_ins.start_sign_in(ben)
    page = office.page(reset)
    assert "Reset the password of Ben Client?" in page
    assert "1 device is signed in now, and is signed out." in page
    ticket = {"ticket": field(page, "ticket")}
    office.done(reset)  # not asked before: nothing
    assert world.entries("user", "reset_password") == []
    answer = office.post(reset, ticket)
    office.done(reset, ticket)  # sent again by a reload: no other password
    password = re.search(r"<code>([^<]+)</code>", answer.text)
    assert password
    with world.app.app_context():
        assert credentials.check_credentials("ben@example.org", password[1]).must_change_password
        open_sign_ins = select(SignIn).where(SignIn.user_id == ben, SignIn.ended_at.is_(None))
        assert db.session.scalars(open_sign_ins).all() == []
    actions = ("deactivate", "activate", "reset_password")
    assert [len(world.entries("user", action)) for action in actions] == [1, 1, 1]


def test_user_with_anything_attached_is_kept(world: World, office: Office) -> None:
    path = f"/backoffice/users/delete/{world.ben.user_id}"
    assert "1 booking to come" in office.page(path)
    assert "Deactivate the account instead." in office.refused(path)
    with world.app.app_context():
        lone = factories.make_user(name="Lone").id
    office.done(f"/backoffice/users/delete/{lone}")
    assert world.read(User, lone) is None


# -- bookings ------------------------------------------------------------------------


def test_appointment_is_booked_for_a_client_moved_and_cancelled(
    world: World, office: Office
) -> None:
    add = "/backoffice/bookings/add?kind=appointment"
    form = {
        "event_type_id": world.event_type,
        "starts_at": "2031-03-04T10:00",
        "name": "Iris Falk",
        "email": "iris@example.org",
        "phone": "",
        "notes": "By phone",
    }
    page = office.refused(add, form)  # Gwen has this one
    assert "Free near it: Tue 4 Mar, 09:30 CET" in page
    assert [field(page, name) for name in ("name", "notes")] == ["Iris Falk", "By phone"]
    assert "hours" in office.refused(add, {**form, "starts_at": "2031-03-04T22:00"})
    page = office.refused(add, {**form, "starts_at": "2031-03-04T11:00", "email": "iris"})
    assert "Use an address like name@example.org." in page

    pk = id_in(office.done(add, {**form, "starts_at": "2031-03-04T11:00"}))
    made = world.read(Booking, pk)
    assert (made.attendee_email, made.user_id) == ("iris@example.org", None)
    assert made.starts_at.isoformat() == "2031-03-04T10:00:00+00:00"
    assert [entry.object_id for entry in world.entries("booking", "book")] == [made.uid]

    edit = f"/backoffice/bookings/edit/{pk}"
    page = office.refused(edit, filled(office, edit) | {"starts_at": "2031-03-04T10:00"})
    assert field(page, "starts_at") == "2031-03-04T10:00"
    office.done(edit, filled(office, edit) | {"starts_at": "2031-03-04T12:00"})
    assert world.read(Booking, pk).starts_at.hour == 11

    assert "Move everybody in this slot" not in office.page(edit)
    with world.app.app_context():
        db.session.get_one(EventType, world.event_type).seats = 2
        db.session.commit()
    mate = id_in(office.done(add, {**form, "starts_at": "2031-03-04T12:00", "email": "b@x.org"}))
    office.done(edit, filled(office, edit) | {"starts_at": "2031-03-04T13:00", "with_group": "y"})
    assert {world.read(Booking, each).starts_at.hour for each in (pk, mate)} == {12}
    alone = {key: value for key, value in filled(office, edit).items() if key != "with_group"}
    office.done(edit, alone | {"starts_at": "2031-03-04T12:00"})
    assert [world.read(Booking, each).starts_at.hour for each in (pk, mate)] == [11, 12]

    path = f"/backoffice/bookings/delete/{pk}"
    assert "Appointment of Iris Falk, Tue 4 Mar, 12:00\u201312:30 CET" in office.page(path)
    page = office.refused(path, {"reason": "x" * 1001})
    assert "At most 1000 characters." in page
    assert "x" * 1001 in page
    office.done(path, {"reason": "The host is ill."})
    made = world.read(Booking, pk)
    assert (made.status, made.cancel_reason) == ("cancelled", "The host is ill.")
    with world.app.app_context():
        mails = db.session.scalars(
            select(OutboxMessage.template).where(OutboxMessage.recipient == "iris@example.org")
        ).all()
    assert sorted(mails) == [
        "appointment_cancelled",
        "appointment_confirmed",
        "appointment_rescheduled",
        "appointment_rescheduled",
        "appointment_rescheduled",
    ]


def test_seat_is_booked_on_behalf_of_somebody(world: World, office: Office) -> None:
    with world.app.app_context():
        event = db.session.get(Event, world.event)
        later = factories.make_session(
            event,
            starts_at=factories.period("2031-03-05T10:00Z", "2031-03-05T11:00Z").starts_at,
        ).id
        factories.make_user(name="Lone", email="lone@example.org")
    add = "/backoffice/bookings/add?kind=seat"
    page = office.refused(add, {"event_session_id": world.session, "user": "who@example.org"})
    assert "There is no account with the address who@example.org." in page
    assert field(page, "event_session_id") == str(world.session)
    pk = id_in(office.done(add, {"event_session_id": world.session, "user": "lone@example.org"}))
    assert world.read(EventSession, world.session).seats_taken == 2
    [entry] = world.entries("booking", "book")
    assert entry.object_id == world.read(Booking, pk).uid
    with world.app.app_context():
        [mail] = db.session.scalars(
            select(OutboxMessage).where(OutboxMessage.recipient == "lone@example.org")
        )
        assert mail.template == "seat_confirmed"

    office.done(f"/backoffice/bookings/edit/{pk}", {"event_session_id": later})
    assert world.read(Booking, pk).status == "cancelled"
    assert world.read(EventSession, world.session).seats_taken == 1
    assert world.read(EventSession, later).seats_taken == 1
    page = office.refused(add, {"event_session_id": later, "user": "ben@example.org"})
    assert "All seats of this session are taken." in page


def test_reservation_is_added_changed_and_cancelled(world: World, office: Office) -> None:
    add = "/backoffice/bookings/add?kind=reservation"
    form = {
        "title": "Sound check",
        "room_id": world.room,
        "starts_at": "2031-03-04T11:30",
        "ends_at": "2031-03-04T12:30",
        "user": "cora@example.org",
        "reservation_type": "Live",
    }
    page = office.refused(add, form)  # the opening is there
    assert "Opening: Tue 4 Mar, 11:00\u201312:00 CET" in page
    assert field(page, "title") == "Sound check"
    page = office.refused(add, {**form, "ends_at": "2031-03-04T11:00"})
    assert "This must be after the start." in page
    pk = id_in(office.done(add, {**form, "starts_at": "2031-03-04T12:00"}))
    made = world.read(Booking, pk)
    assert (made.user_id, made.reservation_type) == (world.cora.user_id, "Live")

    edit = f"/backoffice/bookings/edit/{pk}"
    form = filled(office, edit)
    assert form["user"] == "cora@example.org"
    office.done(edit, form | {"title": "Longer check", "ends_at": "2031-03-04T13:00", "user": ""})
    made = world.read(Booking, pk)
    assert (made.title, made.user_id, made.ends_at.hour) == (
        "Longer check",
        world.cora.user_id,
        12,
    )
    office.refused(edit, form | {"title": "From an old page"})
    office.done(f"/backoffice/bookings/delete/{pk}", {"reason": ""})
    assert [
        len(world.entries("booking", action)) for action in ("book", "reschedule", "cancel")
    ] == [1, 1, 1]
    assert "cannot be changed any more" in office.page(office.done(edit, form))


# -- what forms do not name ----------------------------------------------------------


def columns_of(model: Any, value: str) -> dict[str, str]:
    return {column.key: value for column in model.__mapper__.columns}


@pytest.mark.parametrize("value", ["1", "evil"])
def test_extra_columns_change_nothing(app: Flask, world: World, value: str) -> None:
    office = world.office(world.root)
    edits: list[tuple[Any, int, str]] = [
        (Room, world.room, "rooms"),
        (Event, world.event, "events"),
        (EventSession, world.session, "sessions"),
        (EventType, world.event_type, "event-types"),
        (Expert, world.expert, "experts"),
        (User, world.ben.user_id, "users"),
        (Booking, world.appointment, "bookings"),
        (Booking, world.seat, "bookings"),
        (Booking, world.reservation, "bookings"),
    ]
    for model, pk, path in edits:
        edit = f"/backoffice/{path}/edit/{pk}"
        form = filled(office, edit)
        if path == "users":
            form["roles"] = "Attendee"
        if path == "events":
            form["public"] = "y"
        if path == "event-types":
            form |= {"is_active": "y", "is_listed": "y", "requires_approval": ""}
        office.done(edit, form)  # FAB's two names are split our way, once
        before = _row(app, model, pk)
        renewed = {name: filled(office, edit)[name] for name in ("seen", "version") if name in form}
        office.done(edit, columns_of(model, value) | form | renewed)
        after = _row(app, model, pk)
        moved = {"version", "sequence"}
        assert {k: v for k, v in after.items() if k not in moved} == {
            k: v for k, v in before.items() if k not in moved
        }, path


def _row(app: Flask, model: Any, pk: int) -> dict[str, Any]:
    with app.app_context():
        row = db.session.get(model, pk)
        return {column.key: getattr(row, column.key) for column in model.__mapper__.columns}
