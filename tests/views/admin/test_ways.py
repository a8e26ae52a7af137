"""The ways through the back-office: forms from the first question, back to the list one came
from, a deed told once, and where to go from what is empty or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.extensions import db
from app.models import Event, EventSession
from app.services import admission, seats, session_changes
from tests import factories
from tests.conftest import NOW
from tests.views.admin.conftest import Office, World, agreed
from tests.views.admin.test_lists import names

BOOKINGS = "/backoffice/bookings"
SESSIONS = "/backoffice/sessions"


def asked(page: str) -> list[str]:
    """The fields of a form, in order."""
    return re.findall(r'\bid="field-([a-z_]+)"', page)


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("sessions/add", ["event_id", "title", "room_id", "starts_at", "ends_at", "capacity"]),
        ("attendees/add", ["event_id", "name", "email"]),
        ("event-types/add", ["expert_id", "title"]),
        ("bookings/add?kind=reservation", ["title", "room_id", "starts_at", "ends_at", "user"]),
        ("bookings/add?kind=appointment", ["event_type_id", "starts_at", "name", "email"]),
        ("bookings/add?kind=seat", ["event_session_id", "user"]),
    ],
)
def test_a_form_asks_first_what_the_rest_belongs_to(
    office: Office, path: str, first: list[str]
) -> None:
    assert asked(office.page(f"/backoffice/{path}"))[: len(first)] == first


def test_errors_are_listed_in_the_order_of_the_fields(office: Office) -> None:
    page = office.refused(f"{SESSIONS}/add", {"title": ""})
    assert re.findall(r'href="#field-([a-z_]+)"', page)[:2] == ["event_id", "room_id"]


def test_from_a_rows_bin_one_comes_back_to_the_list_as_it_was(world: World, office: Office) -> None:
    narrowed = "kind=seat&order=title&direction=desc"
    page = office.page(f"{BOOKINGS}/list/?{narrowed}")
    found = re.search(rf'href="({BOOKINGS}/delete/{world.seat}\?[^"]+)"', page)
    assert found
    bin_href = found[1]
    assert f'href="{BOOKINGS}/list/?{narrowed}">Keep' in office.page(bin_href)
    assert office.done(bin_href) == f"{BOOKINGS}/list/?{narrowed}"
    # From the thing's own page it is kept there, and leaves to the list.
    page = office.page(f"{BOOKINGS}/delete/{world.reservation}")
    assert f'href="{BOOKINGS}/show/{world.reservation}">Keep' in page
    assert office.done(f"{BOOKINGS}/delete/{world.reservation}") == f"{BOOKINGS}/list/"


def test_the_way_back_leads_nowhere_else(world: World, office: Office) -> None:
    page = office.page(f"{BOOKINGS}/delete/{world.seat}?back=https://evil.example/?kind=seat")
    assert re.search(r'href="(/backoffice/bookings/list/\?[^"]*)">Keep', page)
    assert 'href="https://evil' not in page


def test_what_is_done_is_told_once(world: World, office: Office) -> None:
    """By the bar that takes it back; where nothing does, by a message."""
    page = office.page(office.done(f"{BOOKINGS}/delete/{world.seat}"))
    assert page.count("“Opening” cancelled.") == 1
    assert re.search(r'<span class="undo-bar__text" role="status">.*?“Opening” cancelled\.', page)
    delete = f"{SESSIONS}/delete/{world.session}"
    shown = agreed(office.page(delete))
    page = office.page(office.done(delete, {"agreed": shown}))
    assert page.count("“Opening” cancelled.") == 1
    assert "undo-bar" not in page


def test_equal_names_are_counted(app: Flask, world: World, office: Office) -> None:
    with app.app_context():
        event = factories.make_event(slug="twice")
        pks = [factories.make_session(event, title="Twin").id for _ in range(2)]
    chosen = "&".join(f"pk={pk}" for pk in pks)
    shown = agreed(office.page(f"{SESSIONS}/delete/?{chosen}"))
    page = office.page(office.done(f"{SESSIONS}/delete/", {"pk": pks, "agreed": shown}))
    assert page.count("2 cancelled.") == 1
    assert "“Twin” cancelled." not in page


def test_what_is_empty_says_where_to_begin(app: Flask) -> None:
    with app.app_context():
        root = factories.make_admin(email="root@example.org")
        cora = factories.make_contributor(email="cora@example.org")
    office, contributor = Office(app, root), Office(app, cora)
    for path in ("sessions", "attendees"):
        assert "Add an event first" in office.page(f"/backoffice/{path}/list/")
    with app.app_context():
        factories.make_event()
    for path, text in (("sessions", "Import a schedule"), ("attendees", "Import a list")):
        page = office.page(f"/backoffice/{path}/list/")
        assert f'href="/backoffice/imports/?kind={path}">{text}</a>' in page
        assert page.count(f'href="/backoffice/{path}/add"') == 1
        assert "Add an event first" not in page
        assert "/imports/" not in contributor.page(f"/backoffice/{path}/list/")
    assert 'value="sessions" checked' in office.page("/backoffice/imports/?kind=sessions")
    assert f'href="{SESSIONS}/list/?fill=full"' in office.page("/backoffice/waitlist/list/")


def test_a_refused_list_stays_in_the_office(office: Office) -> None:
    answer = office.get(f"{BOOKINGS}/list/?kind=bogus&order=colour&shade=red")
    assert answer.status_code == 422
    assert 'class="office-nav' in answer.text
    for text in (
        "<strong>Kind</strong> “<bdi>bogus</bdi>”: This is none of its choices.",
        "<strong>Sort by</strong> “<bdi>colour</bdi>”: This is none of its choices.",
        "<strong>shade</strong> “<bdi>red</bdi>”: There is nothing of this name",
        f'href="{BOOKINGS}/list/">Show all',
    ):
        assert text in answer.text, text
    assert "Find an expert" not in answer.text
    program = office.get(f"{BOOKINGS}/list/?kind=bogus", headers={"Accept": "application/json"})
    assert program.status_code == 422
    assert program.get_json()["errors"] == {"kind": ["This is none of its choices."]}


def test_beyond_the_last_page_is_the_way_to_it(office: Office) -> None:
    page = office.page(f"{BOOKINGS}/list/?kind=seat&page=7")
    assert "There is no such page." in page
    assert f'href="{BOOKINGS}/list/?kind=seat&page=1">Last page' in page


def test_lists_are_ordered_without_their_heads_too(office: Office) -> None:
    page = office.page(f"{BOOKINGS}/list/?order=starts_at&direction=desc")
    assert '<option value="starts_at" selected>Time</option>' in page
    assert '<option value="desc" selected>' in page
    plain = office.page(f"{BOOKINGS}/list/?q=&kind=&order=&direction=asc")  # as its form sends it
    assert names(plain) == names(office.page(f"{BOOKINGS}/list/"))
    assert "aria-sort" not in plain


def test_what_is_to_come_stands_before_what_is_over(
    app: Flask, world: World, office: Office, at: Callable[[datetime], None]
) -> None:
    with app.app_context():
        event = factories.make_event(slug="long")
        for day in (2, 3, 5, 6):
            starts_at = NOW + timedelta(days=day)
            factories.make_session(event, title=f"Day {day}", starts_at=starts_at)
    at(NOW + timedelta(days=4))
    listed = names(office.page(f"{SESSIONS}/list/?q=day"))
    assert listed == ["Day 5", "Day 6", "Day 3", "Day 2"]
    assert (
        names(office.page(f"{SESSIONS}/list/?q=day&order=starts_at&direction=desc"))[0] == "Day 6"
    )
    at(NOW)
    assert names(office.page(f"{BOOKINGS}/list/")) == ["Consultation", "Opening", "Rehearsal"]
    at(NOW + timedelta(days=2))
    assert names(office.page(f"{BOOKINGS}/list/")) == ["Rehearsal", "Opening", "Consultation"]


def test_buttons_say_what_they_cancel(world: World, office: Office) -> None:
    for path, pk, text in (
        ("sessions", world.session, "Cancel session"),
        ("bookings", world.seat, "Cancel booking"),
    ):
        page = office.page(f"/backoffice/{path}/show/{pk}")
        assert re.search(rf'href="/backoffice/{path}/delete/{pk}">.*?</svg>{text}</a>', page)


def test_the_safe_choice_comes_first(world: World, office: Office) -> None:
    page = office.page(f"{SESSIONS}/delete/{world.session}")
    assert page.index(">Keep<") < page.index("button--danger")
    edit = f"{SESSIONS}/edit/{world.session}"
    typed = dict(re.findall(r'name="(seen|room_id)" value="([^"]*)"', office.page(edit)))
    session = world.read(EventSession, world.session)
    page = office.step(
        edit,
        typed
        | {
            "title": session.title,
            "room_id": world.room,
            "starts_at": "2031-03-20T10:00",
            "ends_at": "2031-03-20T11:00",
            "capacity": "5",
        },
    )
    assert page.index("Leave it as it is") < page.index("Change something")
    assert page.index("Change something") < page.index('name="agreed"')


def test_a_one_time_password_is_copied(office: Office) -> None:
    answer = office.post(
        "/backoffice/users/add",
        {"name": "New One", "email": "one@example.org", "roles": ["Attendee"]},
    )
    found = re.search(r"<code>([^<]+)</code>", answer.text)
    assert found
    assert f'data-copy="{found[1]}" data-copied="Password copied."' in answer.text


def test_a_roles_page_is_by_area(office: Office) -> None:
    listed = office.page("/backoffice/roles/list/")
    found = re.search(r'href="(/backoffice/roles/show/\d+)">Contributor<', listed)
    assert found
    page = office.page(found[1])
    areas = dict(re.findall(r"<summary>([^<]+) <span[^>]*>(\d+)</span></summary>", page))
    assert {"Back-office", "Scheduler and rooms", "Check-in", "Bookings"} <= {*areas}
    assert page.count("<li>GET /check-in</li>") == 1
    assert sum(map(int, areas.values())) == len(re.findall(r"<li>[A-Z]+ /", page))


def test_events_of_one_name_are_told_apart(world: World, office: Office) -> None:
    with world.app.app_context():
        for year in (2031, 2032):
            first, last = f"{year}-05-01", f"{year}-05-02"
            factories.make_event(title="Annual", starts_on=first, ends_on=last)
    for path in ("attendees/list/", "bookings/list/", "sessions/add", "imports/"):
        page = office.page(f"/backoffice/{path}")
        for name in ("Annual (1\u20132 May 2031)", "Annual (1\u20132 May 2032)", "The gathering"):
            assert name in page, path


def test_an_attendees_page_has_the_seats_of_the_event(world: World, office: Office) -> None:
    with world.app.app_context():
        noon = datetime(2031, 3, 4, 12, tzinfo=UTC)
        other = factories.make_session(title="Elsewhere", starts_at=noon)
        seats.book_seat(world.ben, other.id)
        event = db.session.get(Event, world.event)
        pk = admission.add_attendee(
            world.root, event.slug, name="Ben Client", email="ben@example.org"
        ).id
    page = office.page(f"/backoffice/attendees/show/{pk}")
    assert ">Opening</a>" in page
    assert ">Elsewhere</a>" not in page
    assert names(office.page(f"{BOOKINGS}/list/?event={world.event}")) == ["Opening"]
    # Whose the seats are is for admins: others are not told that there are none.
    theirs = world.office(world.cora).page(f"/backoffice/attendees/show/{pk}")
    assert "ben@example.org" in theirs
    assert "None yet." not in theirs


def test_what_is_over_is_not_offered(world: World, office: Office, at: Callable[..., None]) -> None:
    show, cancel = f"{SESSIONS}/show/{world.session}", f"{SESSIONS}/delete/{world.session}"
    assert "Book a seat" in office.page(show)
    assert "Cancel session" in office.page(cancel)
    at(world.read(EventSession, world.session).ends_at)
    assert "Book a seat" not in office.page(show)
    page = office.page(cancel)
    assert "It is kept, because of this:" in page
    assert "This session is over." in page
    office.refused(cancel)
    assert world.read(EventSession, world.session).status == "confirmed"


def test_a_reservation_leads_to_where_it_is_changed(world: World) -> None:
    page = world.office(world.cora).page(f"{BOOKINGS}/show/{world.reservation}")
    assert re.search(r'href="/scheduler\?room=\d+&date=2031-03-05"', page)


def test_what_an_organiser_wrote_is_shown_without_its_markup(world: World, office: Office) -> None:
    with world.app.app_context():
        wrote = {"abstract": "<p>First &amp; last</p><p>And <b>more</b></p>"}
        session_changes.move_event_session(world.root, world.session, wrote)
    page = office.page(f"{SESSIONS}/show/{world.session}")
    assert "First & last\n\nAnd more" in page


def test_a_slow_answer_takes_nothing_back(world: World, office: Office) -> None:
    """What only reads leaves the browser's session alone: a later deed may be told in it."""
    office.page(f"{BOOKINGS}/list/")
    for path in (f"{BOOKINGS}/list/", "/static/css/tokens.css", "/theme.css", "/profile"):
        with office.get(path) as answer:
            assert answer.status_code == 200
            assert "Set-Cookie" not in answer.headers, path
