"""The calendar link as calendar programs and browsers see it."""

from __future__ import annotations

import re

import icalendar
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.services import seats
from tests import openapi
from tests.calls import caller, problem
from tests.factories import actor_of, make_actor, make_event, make_session, make_user
from tests.views.test_agenda_pages import come_in, enter
from tests.views.test_gates import form_token

pytestmark = pytest.mark.filterwarnings("ignore:Yielding raw tuples:DeprecationWarning")


def path_of(url: str) -> str:
    assert url.startswith("http://localhost/")
    return url.removeprefix("http://localhost")


def test_a_link_is_made_read_replaced_and_ended(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        actor = make_actor(name="Ann")
        seats.book_seat(actor, make_session(title="Keynote").id)
    ann = caller(app, actor)
    made = ann("POST", "/api/calendar-feed")
    assert made.status_code == 201
    assert made.json["webcal_url"] == made.json["url"].replace("http:", "webcal:")
    path = path_of(made.json["url"])
    assert re.fullmatch(r"/calendar/[\w-]{43}\.ics", path)

    read = client.get(path)
    openapi.check("GET", path, read)
    assert (read.status_code, read.mimetype) == (200, "text/calendar")
    assert read.headers["Cache-Control"] == "private, no-cache"
    assert "Set-Cookie" not in read.headers
    [event] = icalendar.Calendar.from_ical(read.data).walk("VEVENT")
    assert event["SUMMARY"] == "Keynote"
    # Whatever else the program sends along is not looked at.
    for headers in ({"Authorization": "Bearer nonsense"}, {"If-None-Match": '"another"'}):
        assert client.get(path, headers=headers).status_code == 200
    unchanged = client.get(path, headers={"If-None-Match": read.headers["ETag"]})
    openapi.check("GET", path, unchanged)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["ETag"] == read.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": "*"}).status_code == 304
    head = client.head(path)
    assert (head.status_code, head.data) == (200, b"")

    new = path_of(ann("POST", "/api/calendar-feed").json["url"])
    assert [client.get(each).status_code for each in (path, new)] == [404, 200]
    assert ann("DELETE", "/api/calendar-feed").status_code == 204
    assert ann("DELETE", "/api/calendar-feed").status_code == 204
    gone = client.get(new, headers={"Accept": "application/json"})
    assert problem(gone) == (404, "not_found")
    assert new.removeprefix("/calendar/").removesuffix(".ics") not in gone.text
    assert client.get("/calendar/x%00.ics").status_code == 404


def test_guests_and_agendas_are_told_what_they_may_not_share(app: Flask) -> None:
    with app.app_context():
        event = make_event(slug="conf")
        attendee = actor_of(make_user(), f"agenda:{event.id}")
    for call in ("POST", "DELETE"):
        assert problem(caller(app)(call, "/api/calendar-feed")) == (401, "unauthenticated")
        inside = caller(app, attendee, attendee.audience)
        assert problem(inside(call, "/api/calendar-feed")) == (403, "not_allowed")
        assert problem(inside(call, "/api/events/none/calendar-feed")) == (404, "not_found")
    url = inside("POST", "/api/events/conf/calendar-feed").json["url"]
    assert caller(app)("GET", path_of(url)).status_code == 200
    assert inside("DELETE", "/api/events/conf/calendar-feed").status_code == 204
    assert caller(app)("GET", path_of(url)).status_code == 404


@pytest.mark.parametrize("path", ["/my-bookings", "/agenda/conf/mine"])
def test_pages_show_a_new_link_once(app: Flask, client: FlaskClient, path: str) -> None:
    with app.app_context():
        make_event(slug="conf")
    enter(app, client)

    def press(deed: str) -> str:
        csrf = form_token(client, path)
        answer = client.post(path, data={"csrf_token": csrf, "feed": deed})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.get_data(as_text=True)

    assert "Stop sharing" not in client.get(path).text
    shown = press("share")
    found = re.search(r'data-copy="([^"]+)"', shown)
    assert found
    assert f'href="{found[1].replace("http", "webcal", 1)}"' in shown
    assert client.get(path_of(found[1])).status_code == 200
    later = client.get(path).text
    assert "/calendar/" not in later
    assert "in use since Monday 3 March" in later
    assert "Stop sharing" not in press("stop")
    assert client.get(path_of(found[1])).status_code == 404
    assert client.post(path, data={"feed": "share"}).status_code == 401  # without CSRF token


def test_an_attendees_page_shares_the_event_only(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        audience = f"agenda:{make_event(slug='conf').id}"
        user = make_user()
        seats.book_seat(actor_of(user), make_session(title="Elsewhere").id)
        user_id = user.id
    come_in(app, client, user_id, audience)
    csrf = form_token(client, "/agenda/conf/mine")
    page = client.post("/agenda/conf/mine", data={"csrf_token": csrf, "feed": "share"})
    found = re.search(r'data-copy="([^"]+)"', page.text)
    assert found
    feed = client.get(path_of(found[1]))
    assert feed.status_code == 200
    assert b"Elsewhere" not in feed.data
