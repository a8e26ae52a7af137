"""Admission: QR codes, the list, who may come in, and lists from outside."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.extensions import db
from app.models import Attendee, AuditEntry, Event, EventCode
from app.services import admission, agenda, events, seats
from app.services.attendee_import import import_attendees
from app.services.errors import (
    Gone,
    InvalidInput,
    MustChangePassword,
    NotAllowed,
    NotFound,
    Unauthenticated,
)
from app.services.policy import Actor
from app.services.table_import import Import
from tests import rows
from tests.conftest import NOW
from tests.factories import (
    actor_of,
    make_actor,
    make_admin,
    make_contributor,
    make_event,
    make_session,
    make_user,
)
from tests.queries import count_queries

pytestmark = pytest.mark.usefixtures("context")

ANN = "ann@example.org"


@pytest.fixture
def event() -> Event:
    return make_event(slug="conf", admission="checked_in", public=False)


@pytest.fixture
def staff() -> Actor:
    return make_contributor()


def listed(staff: Actor, query: str = "") -> list[str]:
    page = admission.list_attendees(staff, "conf", query, page=1, page_size=100)
    return [each["email"] for each in page.items]


# -- the QR code -------------------------------------------------------------------------


def test_a_code_is_made_once_and_names_the_event(event: Event) -> None:
    code = admission.qr_code(event)
    assert admission.qr_code(event) == code
    assert admission.qr_url(event) == f"http://localhost/q/{code}"
    assert admission.find_event(code).id == event.id
    assert admission.find_event(f" {code.upper()}").id == event.id
    assert rows.count(EventCode) == 1


def test_two_who_ask_first_get_the_same_code(event: Event, context: Flask) -> None:
    event_id = event.id

    def ask(_number: int) -> str:
        with context.app_context():
            return admission.qr_code(db.session.get_one(Event, event_id))

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1


def test_rotating_ends_a_code_and_begins_another(event: Event) -> None:
    old = admission.qr_code(event)
    new = admission.rotate_code(make_admin(), "conf")
    assert new != old
    assert admission.find_event(new).id == event.id
    with pytest.raises(Gone, match="replaced"):
        admission.find_event(old)
    assert admission.rotate_code(make_admin(), "conf") not in {old, new}


def test_only_admins_rotate(event: Event, staff: Actor) -> None:
    for actor, refusal in [
        (None, Unauthenticated),
        (staff, NotAllowed),
        (make_actor(), NotAllowed),
    ]:
        with pytest.raises(refusal):
            admission.rotate_code(actor, "conf")
    with pytest.raises(NotFound):
        admission.rotate_code(make_admin(), "nothing")


def test_an_event_is_over_after_its_last_day_where_it_is(event: Event, at: Any) -> None:
    code = admission.qr_code(event)  # in Berlin, until 6 March 2031
    at(NOW.replace(day=6, hour=22, minute=59))
    assert admission.find_event(code)
    at(NOW.replace(day=6, hour=23))
    with pytest.raises(Gone, match="is over"):
        admission.find_event(code)


def test_a_session_after_midnight_keeps_the_event_open(event: Event, at: Any) -> None:
    code = admission.qr_code(event)
    make_session(event, starts_at=NOW.replace(day=6, hour=23), minutes=120)
    at(NOW.replace(day=7, hour=0, minute=59))
    assert admission.find_event(code)
    at(NOW.replace(day=7, hour=1))
    with pytest.raises(Gone):
        admission.find_event(code)


# -- the list ----------------------------------------------------------------------------


def test_people_are_found_by_words_of_name_or_address(event: Event, staff: Actor) -> None:
    for name, email in [("Ann Lee", ANN), ("bea_x Lee", "b@else.net"), ("", "zoe@example.org")]:
        admission.add_attendee(staff, "conf", name=name, email=email)
    assert listed(staff) == ["zoe@example.org", ANN, "b@else.net"]
    assert listed(staff, "LEE") == [ANN, "b@else.net"]
    assert listed(staff, "lee example") == [ANN]
    assert listed(staff, "_") == ["b@else.net"]
    assert listed(staff, "%") == []
    page = admission.list_attendees(staff, "conf", page=2, page_size=2)
    assert ([each["name"] for each in page.items], page.total) == (["bea_x Lee"], 3)


def test_checking_in_twice_is_once(event: Event, staff: Actor, at: Any) -> None:
    admission.add_attendee(staff, "conf", name="Ann Lee", email=ANN)
    first, walk_in = admission.check_in(staff, "conf", [ANN.upper(), "w@example.org", ANN])
    assert (first.email, walk_in.email) == (ANN, "w@example.org")
    assert first.checked_in_by == staff.user_id
    at(NOW + timedelta(hours=1))
    [again] = admission.check_in(make_admin(), "conf", [ANN])
    assert (again.checked_in_at, again.checked_in_by) == (NOW, staff.user_id)
    assert admission.count_attendees(staff, "conf") == (2, 2)
    entries = db.session.scalars(select(AuditEntry.object_id).filter_by(action="check_in")).all()
    assert len(entries) == 2


def test_two_desks_check_the_same_people_in(event: Event, staff: Actor, context: Flask) -> None:
    people = [f"p{number}@example.org" for number in range(10)]

    def desk(number: int) -> int:
        with context.app_context():
            mine = people if number % 2 else people[::-1]
            return len(admission.check_in(staff, "conf", mine))

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(desk, range(6))) == {10}
    db.session.rollback()  # see what other threads wrote
    assert admission.count_attendees(staff, "conf") == (10, 10)


def test_an_undone_check_in_is_none(event: Event, staff: Actor) -> None:
    [ann] = admission.check_in(staff, "conf", [ANN])
    assert admission.admits(event, ann)
    for _ in range(2):
        admission.undo_check_in(staff, "conf", ann.id)
    assert not admission.admits(event, admission.find_attendee(event, ANN))
    assert admission.count_attendees(staff, "conf") == (0, 1)
    make_event(slug="other")
    with pytest.raises(NotFound):
        admission.undo_check_in(staff, "other", ann.id)


def test_a_badge_checks_its_owner_in(event: Event, staff: Actor) -> None:
    ann = admission.add_attendee(staff, "conf", name="Ann Lee", email=ANN)
    assert admission.badge_url(ann.badge).endswith(f"/check-in/badge/{ann.badge}")
    assert admission.check_in_badge(staff, ann.badge.upper(), slug="conf") == (ann, False)
    assert admission.check_in_badge(staff, ann.badge) == (ann, True)
    make_event(slug="other")
    with pytest.raises(InvalidInput):
        admission.check_in_badge(staff, ann.badge, slug="other")
    with pytest.raises(NotFound):
        admission.check_in_badge(staff, "nothing")


def test_somebody_added_twice_is_there_once(event: Event, staff: Actor) -> None:
    ann = admission.add_attendee(staff, "conf", name="Ann Lee", email=ANN)
    assert admission.add_attendee(staff, "conf", name="Else", email=ANN.upper()) == ann
    assert ann.name == "Ann Lee"


@pytest.mark.parametrize(
    "emails", [[], ["nobody"], [ANN, ""], [f"a{n}@b.org" for n in range(1001)]]
)
def test_wrong_addresses_check_nobody_in(event: Event, staff: Actor, emails: list[str]) -> None:
    with pytest.raises(InvalidInput):
        admission.check_in(staff, "conf", emails)
    assert rows.count(Attendee) == 0


def test_the_list_is_for_staff(event: Event, staff: Actor) -> None:
    ann = admission.add_attendee(staff, "conf", name="", email=ANN)
    attendee = replace(make_admin(), audience=f"agenda:{event.id}")
    flagged = make_admin(flagged=True)
    calls: list[Callable[[Actor | None], Any]] = [
        lambda actor: admission.list_attendees(actor, "conf", page=1, page_size=9),
        lambda actor: admission.list_badges(actor, "conf"),
        lambda actor: admission.count_attendees(actor, "conf"),
        lambda actor: admission.find_by_badge(actor, ann.badge),
        lambda actor: admission.add_attendee(actor, "conf", name="", email=ANN),
        lambda actor: admission.check_in(actor, "conf", [ANN]),
        lambda actor: admission.check_in_badge(actor, ann.badge),
        lambda actor: admission.undo_check_in(actor, "conf", ann.id),
        lambda actor: import_attendees(actor, "conf", "email\n"),
        events.list_events,
    ]
    for actor, refusal in [
        (None, Unauthenticated),
        (make_actor(), NotAllowed),
        (attendee, NotAllowed),
        (flagged, MustChangePassword),
    ]:
        for call in calls:
            with pytest.raises(refusal):
                call(actor)
    assert rows.count(Attendee) == 1


# -- who may come in ---------------------------------------------------------------------


def verified(actor: Actor) -> Actor:
    return replace(actor, email_is_verified=True)


def test_an_account_comes_in_if_its_proven_address_is_checked_in(
    event: Event, staff: Actor
) -> None:
    session = make_session(event, capacity=9)
    ann = make_actor(email=ANN)
    strangers = [verified(make_actor()), ann, verified(ann)]
    for actor in strangers:
        with pytest.raises(NotFound):
            agenda.read_agenda(actor, "conf")
        with pytest.raises(NotFound):
            seats.book_seat(actor, session.id)
    admission.check_in(staff, "conf", [ANN])
    for actor in strangers[:2]:
        with pytest.raises(NotFound):
            agenda.read_agenda(actor, "conf")
        with pytest.raises(NotFound):
            seats.book_seat(actor, session.id)
    assert agenda.read_agenda(verified(ann), "conf")
    assert agenda.topic_version(verified(ann), "conf")
    assert seats.book_seat(verified(ann), session.id).created


def test_staff_agenda_tokens_and_on_behalf_come_in(event: Event, staff: Actor) -> None:
    session = make_session(event, capacity=9)
    inside = replace(make_actor(), audience=f"agenda:{event.id}")
    for actor in (staff, make_admin(), inside):
        assert agenda.read_agenda(actor, "conf")
        assert seats.book_seat(actor, session.id).created
    somebody = make_user()
    assert seats.book_seat(make_admin(), session.id, on_behalf=somebody.id).created
    elsewhere = replace(make_actor(), audience=f"agenda:{event.id + 1}")
    with pytest.raises(NotFound):
        agenda.read_agenda(elsewhere, "conf")
    with pytest.raises(NotFound):
        seats.book_seat(elsewhere, session.id)


def test_an_open_event_is_for_every_sign_in_but_another_agendas() -> None:
    event = make_event(admission="open", public=False)
    session = make_session(event, capacity=9)
    assert agenda.read_agenda(make_actor(), event.slug)
    assert seats.book_seat(make_actor(), session.id).created
    with pytest.raises(NotFound):
        agenda.read_agenda(replace(make_actor(), audience="agenda:0"), event.slug)


def test_seats_of_a_public_event_say_why_they_are_not_for_everybody(staff: Actor) -> None:
    event = make_event(admission="checked_in", public=True)
    session = make_session(event, capacity=9)
    actor = make_actor()
    assert agenda.read_agenda(actor, event.slug)
    with pytest.raises(NotAllowed, match="Check in at the door"):
        seats.book_seat(actor, session.id)
    with pytest.raises(NotFound):
        seats.book_seat(replace(actor, audience="agenda:0"), session.id)


def test_admission_costs_a_query_only_where_it_is_asked_for(event: Event, staff: Actor) -> None:
    ann = verified(make_actor(email=ANN))
    admission.check_in(staff, "conf", [ANN])
    counts = []
    for slug in (make_event(public=True).slug, make_event(public=False).slug, "conf"):
        agenda.read_agenda(ann, slug)
        with count_queries() as statements:
            agenda.read_agenda(ann, slug)
        counts.append(len(statements))
    assert counts[1:] == [counts[0], counts[0] + 1]


# -- lists from outside ------------------------------------------------------------------

LIST = 'Email;Name;External ID\r\nann@example.org;Ann Lee;1\r\nbea@example.org;"Cole; Bea";2\r\n'


def actions(done: Import) -> list[str]:
    return [row.action for row in done.rows]


def test_a_list_is_added_and_the_same_again_changes_nothing(event: Event, staff: Actor) -> None:
    rehearsed = import_attendees(staff, "conf", LIST, dry_run=True)
    assert actions(rehearsed) == ["add", "add"]
    assert rows.count(Attendee) == 0
    assert import_attendees(staff, "conf", LIST) == rehearsed
    assert [(each["name"], each["external_id"]) for each in page(staff)] == [
        ("Ann Lee", "1"),
        ("Cole; Bea", "2"),
    ]
    badges = {each["badge"] for each in page(staff)}
    assert actions(import_attendees(staff, "conf", LIST)) == ["skip", "skip"]
    assert {each["badge"] for each in page(staff)} == badges


def page(staff: Actor) -> list[dict[str, Any]]:
    return admission.list_attendees(staff, "conf", page=1, page_size=100).items


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffemail,name\nann@example.org,Ann\n",
        "name,E-Mail\nAnn,ann@example.org\n",
        "E-mail address\tName\tTicket\nann@example.org\tAnn\t\n",
        "\n\nemail;name\n;\nANN@example.org ; Ann \n\n",
        'email,name\n"ann@example.org","Ann"',
        "email,name,shoe size\nann@example.org,Ann,42\n",
    ],
)
def test_lists_come_in_many_shapes(event: Event, staff: Actor, text: str) -> None:
    assert actions(import_attendees(staff, "conf", text)) == ["add"]
    [ann] = page(staff)
    assert (ann["email"], ann["name"], ann["external_id"]) == (ANN, "Ann", None)


@pytest.mark.parametrize(
    "text", ["", "   \n", "name,id\nAnn,1\n", "ann@example.org\n", 'email\n"' + "x" * 200_000]
)
def test_what_is_no_list_is_refused(event: Event, staff: Actor, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        import_attendees(staff, "conf", text)
    assert set(refused.value.errors) == {"file"}


def test_a_changed_list_changes_people_and_keeps_check_ins(event: Event, staff: Actor) -> None:
    import_attendees(staff, "conf", LIST)
    admission.check_in(staff, "conf", [ANN])
    changed = (
        "email,name,id\nann@new.example,Ann Lee,1\nbea@example.org,,2\ncleo@example.org,Cleo,\n"
    )
    rehearsed = import_attendees(staff, "conf", changed, dry_run=True)
    done = import_attendees(staff, "conf", changed)
    assert done == rehearsed
    assert actions(done) == ["change", "skip", "add"]
    assert done.rows[0].detail == "Email: ann@example.org → ann@new.example"
    ann = next(each for each in page(staff) if each["external_id"] == "1")
    assert ann["email"] == "ann@new.example"
    assert ann["checked_in_at"]


def test_a_freed_address_can_be_taken_by_a_later_line(event: Event, staff: Actor) -> None:
    import_attendees(staff, "conf", "email,id\na@example.org,1\nb@example.org,2\n")
    moved = "email,id\nc@example.org,1\na@example.org,2\n"
    assert actions(import_attendees(staff, "conf", moved, dry_run=True)) == ["change", "change"]
    assert actions(import_attendees(staff, "conf", moved)) == ["change", "change"]
    swapped = "email,id\na@example.org,1\nc@example.org,2\n"
    done = import_attendees(staff, "conf", swapped)
    assert actions(done) == ["error", "error"]
    assert listed(staff) == ["a@example.org", "c@example.org"]


def test_lines_that_cannot_be_used_are_named_and_the_others_taken(
    event: Event, staff: Actor
) -> None:
    text = (
        "email,name,id\nann@example.org,Ann,1\nnobody,X,2\nANN@example.org,Y,3\n"
        f"zoe@example.org,Z,1\nbea@example.org,{'x' * 129},4\ncleo@example.org,=1+1,5\n"
    )
    done = import_attendees(staff, "conf", text)
    assert [(row.line, row.action) for row in done.rows] == [
        (2, "add"),
        (3, "error"),
        (4, "error"),
        (5, "error"),
        (6, "error"),
        (7, "add"),
    ]
    assert done.rows[2].detail == "The same person as in line 2."
    assert listed(staff) == ["cleo@example.org", ANN]


def test_a_list_is_read_in_few_statements(event: Event, staff: Actor) -> None:
    text = "email\n" + "".join(f"p{number}@example.org\n" for number in range(500))
    import_attendees(staff, "conf", text)
    db.session.expire_all()
    with count_queries() as statements:
        assert set(actions(import_attendees(staff, "conf", text))) == {"skip"}
    assert len(statements) < 10


def test_another_events_list_is_another(event: Event, staff: Actor) -> None:
    other = make_event(slug="other", admission="checked_in")
    admission.check_in(staff, "other", [ANN])
    assert admission.find_attendee(event, ANN) is None
    assert admission.admits(other, admission.find_attendee(other, ANN))
    db.session.execute(update(Event).values(admission="open"))
    db.session.commit()
    assert admission.admits(event, None)


def test_an_actor_made_of_a_user_is_not_verified_by_itself() -> None:
    assert not actor_of(make_user()).email_is_verified
