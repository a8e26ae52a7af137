"""The agenda's pages without scripts: reading, booking by form, and who may."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.support import NullTranslations
from flask import Flask, before_render_template
from flask.testing import FlaskClient
from flask_babel import Domain
from jinja2 import Template
from sqlalchemy import update
from werkzeug.datastructures import MultiDict

from app.extensions import db
from app.models import EventSession
from app.services import agenda, languages, sign_ins
from app.services.policy import ACCOUNT
from app.views import agenda as pages
from app.views.agenda import paragraphs
from app.views.agenda_days import Filters, day_shown, lay_out, plan, room_order, state_of
from tests.conftest import NOW
from tests.factories import make_event, make_session, make_user
from tests.queries import count_queries
from tests.views.test_gates import form_token

BERLIN = ZoneInfo("Europe/Berlin")
PATH = "/agenda/conf"


@pytest.fixture
def conf(app: Flask) -> dict[str, int]:
    """A public event; its sessions by title."""
    tomorrow = datetime(2031, 3, 4, 9, tzinfo=UTC)
    with app.app_context():
        event = make_event(slug="conf", title="Conf <2031>")
        values: list[dict[str, Any]] = [
            {"title": "First & <b>bold</b>", "capacity": 2, "starts_at": tomorrow},
            {"title": "Second", "capacity": 1, "starts_at": tomorrow + timedelta(minutes=30)},
            {"title": "Open", "capacity": None, "starts_at": tomorrow + timedelta(hours=3)},
            {"title": "Sunday", "capacity": 2, "starts_at": tomorrow + timedelta(days=1)},
        ]
        return {each["title"]: make_session(event, **each).id for each in values}


def enter(app: Flask, client: FlaskClient, audience: str = ACCOUNT) -> int:
    """Sign the browser in as somebody new; returns the user's id."""
    with app.app_context():
        user_id: int = make_user().id
    come_in(app, client, user_id, audience)
    return user_id


def come_in(app: Flask, client: FlaskClient, user_id: int, audience: str = ACCOUNT) -> None:
    with app.app_context():
        sign_in_id = sign_ins.start_sign_in(user_id, audience).id
    with client.session_transaction() as session:
        session["sign_in"] = sign_in_id


def press(client: FlaskClient, **values: Any) -> Any:
    return client.post(PATH, data={"csrf_token": form_token(client, PATH), **values})


def row(page: str, session_id: int) -> str:
    found = re.search(rf'<li class="[^"]*" id="session-{session_id}".*?</li>', page, re.DOTALL)
    assert found, page
    return found[0]


# -- reading -------------------------------------------------------------------------


def test_a_guest_reads_a_public_agenda(client: FlaskClient, conf: dict[str, int]) -> None:
    answer = client.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["X-Reader"] == "guest"
    first = row(answer.text, conf["First & <b>bold</b>"])
    assert "First &amp; &lt;b&gt;bold&lt;/b&gt;" in first
    assert "2 left" in first
    assert "/login/?next=" in first
    assert "<button" not in first
    assert "Free entry" in row(answer.text, conf["Open"])
    assert "Sunday</a>" not in answer.text
    assert "Sunday</a>" in client.get(PATH, query_string={"day": "2031-03-05"}).text
    assert "style=" not in answer.text
    assert not re.search(r"<script(?![^>]*src=)", answer.text)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"q": "SECOND"}, ["Second"]),
        ({"free": "1", "q": "o"}, ["First & <b>bold</b>", "Second", "Open"]),
        ({"room": "nowhere"}, []),
        ({"day": "not-a-day"}, ["First & <b>bold</b>", "Second", "Open"]),
        ({"session": "99999999999999999999"}, ["First & <b>bold</b>", "Second", "Open"]),
        ({"view": "<script>"}, ["First & <b>bold</b>", "Second", "Open"]),
    ],
)
def test_filters_and_nonsense_in_the_address(
    client: FlaskClient, conf: dict[str, int], query: dict[str, str], shown: list[str]
) -> None:
    answer = client.get(PATH, query_string=query)
    assert answer.status_code == 200
    found = {int(each) for each in re.findall(r'data-id="(\d+)"', answer.text)}
    expected = {conf[title] for title in shown}
    assert found >= expected if query.get("free") else found == expected
    assert "<script>" not in answer.text
    if not shown:
        assert "Nothing on this day matches." in answer.text
        assert "Clear filters" in answer.text


def test_one_session_has_an_address(client: FlaskClient, conf: dict[str, int]) -> None:
    page = client.get(PATH, query_string={"session": conf["Sunday"]}).text
    assert re.search(r"<dialog [^>]*open", page)
    assert f'data-id="{conf["Sunday"]}"' in page  # its day, too


def test_statements_do_not_grow_with_the_agenda(app: Flask, conf: dict[str, int]) -> None:
    client = app.test_client()
    agenda._editions.clear()  # SQLite gave the event an id that one of another test had
    with app.app_context(), count_queries() as few:
        client.get(PATH)
    with app.app_context():
        event = make_event(slug="large")
        for hour in range(8):
            start = datetime(2031, 3, 4, 8 + hour, tzinfo=UTC)
            for _ in range(3):
                make_session(event, starts_at=start)
    with app.app_context(), count_queries() as many:
        client.get("/agenda/large")
    assert many == few


# -- what readers share ----------------------------------------------------------------


@pytest.fixture
def readers(app: Flask, conf: dict[str, int]) -> dict[str, FlaskClient]:
    """A guest, and attendees with nothing, a seat, and a place in a queue."""
    clients = {name: app.test_client() for name in ("guest", "nothing", "seat", "queue")}
    for name in ("nothing", "seat", "queue"):
        enter(app, clients[name])
    press(clients["seat"], book=conf["Second"])
    press(clients["queue"], wait=conf["Second"])
    for client in clients.values():
        client.get(PATH)  # what was done is told once
    return clients


def forget_what_is_shared() -> None:
    agenda._editions.clear()
    pages._row.cache_clear()


def body_of(client: FlaskClient, query: str = "") -> str:
    """The page, but for what is another in each answer."""
    page = client.get(f"{PATH}?{query}")
    assert page.status_code == 200
    return re.sub(r'(name="csrf_token" value|name="csrf-token" content)="[^"]*"', "", page.text)


def test_what_is_shared_looks_as_if_it_were_made_for_each(
    conf: dict[str, int], readers: dict[str, FlaskClient]
) -> None:
    queries = ("", "view=grid", "free=1", "mine=1", "q=o&view=list")
    asked = [(name, query) for query in queries for name in readers]
    alone = {}
    for name, query in asked:
        forget_what_is_shared()
        alone[name, query] = body_of(readers[name], query)
    for order in (asked, asked[::-1]):
        forget_what_is_shared()
        assert {(name, query): body_of(readers[name], query) for name, query in order} == alone
    second = {name: row(body_of(client), conf["Second"]) for name, client in readers.items()}
    assert ["/login/?next=" in second["guest"], "Full · waitlist" in second["guest"]] == [True] * 2
    assert ['name="wait"' in second["nothing"], "/login/" in second["nothing"]] == [True, False]
    assert ['name="release"' in second["seat"], "Booked" in second["seat"]] == [True] * 2
    assert ['name="leave"' in second["queue"], "On the waitlist" in second["queue"]] == [True] * 2


def test_what_another_process_changes_shows_at_once(
    app: Flask, conf: dict[str, int], readers: dict[str, FlaskClient]
) -> None:
    first = conf["First & <b>bold</b>"]
    for client in readers.values():
        assert "2 left" in row(body_of(client), first)
    kept = pages._row.cache_info().currsize
    with app.app_context(), db.engine.begin() as connection:  # nobody here is told of it
        connection.execute(
            update(EventSession)
            .where(EventSession.id == first)
            .values(seats_taken=1, version=EventSession.version + 1)
        )
    for client in readers.values():
        assert "Filling" not in row(body_of(client), first)
        assert "1 left" in row(body_of(client), first)
    made = pages._row.cache_info().currsize - kept
    assert made == 2  # that session's, for guests and for attendees


def test_rows_are_made_for_each_language(
    conf: dict[str, int], client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Domain, "get_translations", lambda _: Shouting())
    said = {}
    for language in ("en", "de", "he", "en"):
        page = client.get(PATH, headers={"Accept-Language": language}).text
        shown = row(page, conf["Second"])
        assert f"[{language}: Book]" in shown
        assert f"[{language}: 1 left]" in shown
        said[language] = re.findall(r'<span class="days__name">([^<]+)<', page)
    assert said["en"] == ["Tue 4 Mar", "Wed 5 Mar"]
    assert said["de"] == ["Di., 4. März", "Mi., 5. März"]
    assert all("במרץ" in day for day in said["he"])


class Shouting(NullTranslations):  # type: ignore[misc]
    """Says each text with the language in which it should be."""

    def ugettext(self, message: str) -> str:
        return f"[{languages.current().code}: {message}]"

    def ungettext(self, one: str, many: str, number: int) -> str:
        return self.ugettext(one if number == 1 else many)


def test_rows_with_links_of_any_length_are_not_kept(
    conf: dict[str, int], client: FlaskClient
) -> None:
    room = re.search(r'session__room">([^<]+)<', row(body_of(client), conf["Second"]))
    assert room
    for other, is_kept in (("x", True), ("x" * 300, False)):
        before = pages._row.cache_info().currsize
        assert "Second" in row(body_of(client, f"room={room[1]}&room={other}"), conf["Second"])
        assert (pages._row.cache_info().currsize > before) is is_kept


def test_a_page_is_one_query_and_holds_no_connection_while_it_is_made(
    app: Flask, readers: dict[str, FlaskClient]
) -> None:
    counts, held = {}, []

    def look(_app: Flask, template: Template, **_: Any) -> None:
        if template.name == "agenda/agenda.html":
            held.append(engine.pool.checkedout())

    with app.app_context():
        engine: Any = db.engine
    with before_render_template.connected_to(look, app):
        for name, client in readers.items():
            client.get(PATH)
            with app.app_context(), count_queries() as statements:
                client.get(PATH)
            counts[name] = len(statements)
    assert counts == {"guest": 1, "nothing": 1, "seat": 1, "queue": 2}
    assert held == [0] * 8


# -- who ---------------------------------------------------------------------------------


def test_who_owes_a_new_password_is_led_to_it(app: Flask, conf: dict[str, int]) -> None:
    client = app.test_client()
    with app.app_context():
        user_id = make_user(flagged=True).id
    come_in(app, client, user_id)
    assert client.get(PATH).location == f"/change-password?next={PATH}"


def test_who_may_not_read_learns_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        make_session(make_event(slug="secret", title="Hush", public=False, admission="checked_in"))
        other = make_event(slug="other").id
    for path in ("/agenda/secret", "/agenda/secret/mine"):
        guest = client.get(path)
        assert guest.status_code == 401
        assert "Hush" not in guest.text
        assert "Scan the event" in guest.text
    assert client.get("/agenda/nothing").status_code == 404
    enter(app, client, f"agenda:{other}")
    foreign, unknown = client.get("/agenda/secret"), client.get("/agenda/nothing")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.text.replace("secret", "nothing") == unknown.text


def test_an_agenda_s_sign_in_is_offered_what_it_can_open(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        event = make_event(slug="conf", public=False)
        make_session(event)
        event_id = event.id
    enter(app, client, f"agenda:{event_id}")
    for path in (PATH, f"{PATH}/mine", "/experts"):
        page = client.get(path)
        assert page.status_code == 200
        assert f'href="{PATH}/mine"' in page.text
        header = page.text.partition("</header>")[0]
        assert "/my-bookings" not in header
        assert "/profile" not in header


def test_readers_are_told_apart(app: Flask, client: FlaskClient, conf: dict[str, int]) -> None:
    readers = {client.get(PATH).headers["X-Reader"]}
    for _ in range(2):
        enter(app, client)
        readers.add(client.get(PATH).headers["X-Reader"])
    assert len(readers) == 3


# -- booking by form -------------------------------------------------------------------


def test_book_replace_and_release(app: Flask, client: FlaskClient, conf: dict[str, int]) -> None:
    enter(app, client)
    first, second = conf["First & <b>bold</b>"], conf["Second"]
    booked = press(client, book=first, q="bold", day="2031-03-04")
    assert booked.status_code == 303
    assert booked.location == f"{PATH}?q=bold&day=2031-03-04#session-{first}"
    page = client.get(PATH).text
    assert "Booked" in row(page, first)
    assert 'name="release"' in row(page, first)

    question = press(client, book=second)
    assert question.status_code == 409
    assert "Replace “First &amp; &lt;b&gt;bold&lt;/b&gt;”?" in question.text
    uids = re.findall(r'name="replace" value="([^"]+)"', question.text)
    assert "Booked" in row(client.get(PATH).text, first)

    assert press(client, book=second, replace=uids).status_code == 303
    page = client.get(PATH).text
    assert "Booked" in row(page, second)
    assert "2 left" in row(page, first)

    assert press(client, release=second, to="mine").location == f"{PATH}/mine"
    assert "1 left" in row(client.get(PATH).text, second)


def test_full_offers_the_waitlist(app: Flask, client: FlaskClient, conf: dict[str, int]) -> None:
    enter(app, client)
    press(client, book=conf["Second"])
    enter(app, client)
    full = press(client, book=conf["Second"])
    assert full.status_code == 409
    assert "Join the waitlist" in full.text
    assert press(client, wait=conf["Second"]).status_code == 303
    assert "On the waitlist" in row(client.get(PATH).text, conf["Second"])
    mine = client.get(f"{PATH}/mine").text
    assert "You are next" in mine
    press(client, leave=conf["Second"])
    assert "You are next" not in client.get(f"{PATH}/mine").text


def test_refusals_by_form(app: Flask, client: FlaskClient, conf: dict[str, int]) -> None:
    assert client.post(PATH, data={"book": conf["Second"]}).status_code == 401
    enter(app, client)
    assert client.post(PATH, data={"book": conf["Second"]}).status_code == 401  # no CSRF token
    assert "1 left" in row(client.get(PATH).text, conf["Second"])
    assert press(client, book=conf["Open"]).status_code == 303
    assert "free entry" in client.get(PATH).text
    for nothing in ("0", "-1", "x", str(2**40)):
        assert press(client, book=nothing).status_code == 404
    assert press(client, back="https://elsewhere.example", book=conf["Second"]).location.startswith(
        PATH
    )


def test_my_schedule_shows_only_one_s_own(
    app: Flask, client: FlaskClient, conf: dict[str, int]
) -> None:
    enter(app, client)
    press(client, book=conf["Second"])
    assert "Second" in client.get(f"{PATH}/mine").text
    enter(app, client)
    mine = client.get(f"{PATH}/mine")
    assert "Second" not in mine.text
    assert "You have not booked anything yet." in mine.text


# -- what the browser keeps ------------------------------------------------------------------


def test_manifest_and_worker(client: FlaskClient) -> None:
    manifest = client.get(f"{PATH}/manifest.webmanifest")
    assert manifest.mimetype == "application/manifest+json"
    assert manifest.get_json(force=True)["start_url"] == PATH
    with client.get("/service-worker.js") as worker:
        assert worker.mimetype == "text/javascript"
        assert worker.headers["Cache-Control"] == "no-cache"


def test_what_the_browser_keeps_is_in_its_language(client: FlaskClient) -> None:
    in_hebrew = {"Accept-Language": "he"}
    answer = client.get(f"{PATH}/manifest.webmanifest", headers=in_hebrew)
    manifest = answer.get_json(force=True)
    assert (manifest["lang"], manifest["dir"]) == ("he", "rtl")
    assert {"accept-language", "cookie"} <= set(answer.vary.as_set())


# -- pieces --------------------------------------------------------------------------------


def session(start: str, end: str, **values: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "title": "T",
        "track": "",
        "language": "en",
        "speakers": [],
        "room": {"id": 1, "name": "Hall"},
        "starts_at": start,
        "ends_at": end,
        "day": start[:10],
        "capacity": 4,
        "seats_left": 4,
        "booked": False,
        "waitlisted": False,
        **values,
    }


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "open"),
        ({"seats_left": 1}, "filling"),
        ({"seats_left": 2}, "open"),
        ({"seats_left": 0}, "full"),
        ({"seats_left": 0, "waitlisted": True}, "waitlisted"),
        ({"capacity": None, "seats_left": None}, "entry"),
        ({"seats_left": 0, "booked": True}, "booked"),
        ({"ends_at": "2031-03-03T06:00:00Z"}, "over"),
    ],
)
def test_state(values: dict[str, Any], state: str) -> None:
    made = session("2031-03-03T05:00:00Z", "2031-03-03T07:00:00Z", **values)
    assert state_of(made, NOW) == state


def test_rooms_in_the_order_that_people_count() -> None:
    names = ["K.1.105", "Hall 10", "K.1.2", "hall 2", "1A"]
    made = [session("a", "b", room={"id": 1, "name": name}) for name in names]
    assert room_order(made) == ["1A", "hall 2", "Hall 10", "K.1.2", "K.1.105"]


def test_a_session_after_midnight_stands_at_the_end_of_its_day() -> None:
    made = [
        session("2031-03-29T20:00:00Z", "2031-03-29T21:00:00Z"),
        # The hour from two to three is missing in that night.
        session("2031-03-30T00:30:00Z", "2031-03-30T01:30:00Z", day="2031-03-29"),
    ]
    day = lay_out(made, "2031-03-29", BERLIN, NOW)
    late = day.groups[-1].sessions[0]
    assert late.clock == ("01:30", "03:30")
    assert late.place == (54, 12, 1)
    assert not any(group.is_first_after_now for group in day.groups)


def test_the_line_of_now_stands_before_what_comes() -> None:
    made = [
        session("2031-03-03T05:30:00Z", "2031-03-03T06:30:00Z"),
        session("2031-03-03T06:05:00Z", "2031-03-03T06:10:00Z"),
        session("2031-03-03T07:00:00Z", "2031-03-03T08:00:00Z"),
    ]
    day = lay_out(made, "2031-03-03", BERLIN, NOW)
    assert [group.is_first_after_now for group in day.groups] == [False, True, False]
    assert day.now_row == 6


@pytest.mark.parametrize(
    ("wanted", "now", "shown"),
    [
        (None, "2031-03-01T12:00:00Z", "2031-03-03"),
        (None, "2031-03-03T22:30:00Z", "2031-03-03"),  # still on, though Berlin's day is over
        (None, "2031-03-04T08:00:00Z", "2031-03-04"),
        (None, "2031-05-01T08:00:00Z", "2031-03-03"),
        ("2031-03-04", "2031-03-01T12:00:00Z", "2031-03-04"),
        ("2031-03-09", "2031-03-01T12:00:00Z", "2031-03-03"),
    ],
)
def test_the_day_shown(wanted: str | None, now: str, shown: str) -> None:
    sessions = [
        session("2031-03-03T09:00:00Z", "2031-03-03T23:00:00Z"),
        session("2031-03-04T09:00:00Z", "2031-03-04T10:00:00Z"),
    ]
    shown_agenda = agenda.Shown(
        1, {"time_zone": "Europe/Berlin"}, version=3, sessions=sessions, is_waiting=False
    )
    assert day_shown(shown_agenda, wanted, datetime.fromisoformat(now)) == shown


def test_filters_survive_their_query() -> None:
    filters = Filters(words="a b", rooms=("R 1", "R2"), tracks=("T",), languages=("de",), mine=True)
    assert Filters.of(MultiDict(filters.pairs())) == filters
    assert not Filters().is_any


def test_gaps_between_what_is_booked() -> None:
    made = [
        {"starts_at": start, "ends_at": end, "room": {"name": room}, "location": ""}
        for start, end, room in (
            ("2031-03-03T09:00:00Z", "2031-03-03T10:00:00Z", "A"),
            ("2031-03-03T10:05:00Z", "2031-03-03T11:00:00Z", "B"),
            ("2031-03-03T11:00:00Z", "2031-03-03T12:00:00Z", "B"),
            ("2031-03-04T09:00:00Z", "2031-03-04T10:00:00Z", "A"),
        )
    ]
    entries = [entry for day in plan(made, BERLIN, NOW) for entry in day.entries]
    assert [(each.gap, each.room_changes, each.is_tight) for each in entries] == [
        (None, False, False),
        (5, True, True),
        (0, False, False),
        (None, False, False),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One.\n\nTwo\nlines.", ["One.", "Two\nlines."]),
        ("<p>One &amp; <em>all</em>.</p><p>Two</p>", ["One & all.", "Two"]),
        ("<ul><li>a</li><li>b</li></ul>", ["• a", "• b"]),
        ("1 < 2 and 3 > 2", ["1 < 2 and 3 > 2"]),
        ("<script>alert(1)</script>", ["alert(1)"]),
        ("", []),
    ],
)
def test_paragraphs_of_what_organisers_wrote(text: str, found: list[str]) -> None:
    assert paragraphs(text) == found
