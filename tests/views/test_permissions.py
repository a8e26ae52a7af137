"""Every route as everybody: who gets in is what `app/permissions.py` says, and no more.

A write that would be saved counts as let in and is not saved, so that all ask the same
world. A refusal is a 401, 403 or 404, or the way to the sign-in page.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import gates, permissions
from app.extensions import db
from app.models import Attendee, AuditEntry, Booking, OutboxMessage, Role, User, WaitlistEntry
from app.permissions import Access, Scope
from app.security import SecurityManager
from app.services import (
    address_proofs,
    admission,
    appointments,
    blackouts,
    busy_calendars,
    calendar_feed,
    import_jobs,
    mail,
    manage_links,
    reservations,
    seats,
    transaction,
    waitlist,
)
from app.services.policy import ATTENDEE, CONTRIBUTOR, EXPERT, Actor
from app.services.reservations import Wanted
from app.services.transaction import transactional
from tests import factories
from tests.calls import token_of
from tests.views.admin.conftest import NINE
from tools import permissions as document

EMPTY_CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nEND:VCALENDAR\r\n"
HIDDEN = {"HEAD", "OPTIONS"}
# Where no credential is looked at.
ANONYMOUS = {"static", "appbuilder.static", "health.alive", "health.ready", "health.metrics"}


@dataclass(frozen=True)
class Persona:
    """Somebody who asks. `column` is the table's; `name` is who owns things."""

    name: str
    column: str
    token: str | None = None
    is_flagged: bool = False


@dataclass
class Subject:
    """What a route is asked about, and who has a part in it."""

    values: dict[str, Any] = field(default_factory=dict)
    owners: frozenset[str] = frozenset()
    is_reservation: bool = False


class Reached(BaseException):  # past whoever catches an Exception
    """The transaction would have been saved."""


class Matrix:
    """One of everything, owned by somebody, and everybody twice: the owner and another."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            actors = self._people()
            self._things(actors)
        event = f"agenda:{self.event_id}"
        self.personas = [
            Persona("guest", "guest"),
            Persona("attendee", "agenda", token_of(app, actors["attendee"], event)),
            Persona("other agenda", "agenda", token_of(app, actors["client"], "agenda:999")),
            *(
                Persona(name, column, token_of(app, actors[name]))
                for name, column in [
                    ("attendee", "attendee"),
                    ("client", "attendee"),
                    ("outsider", "attendee"),
                    ("expert", "expert"),
                    ("other expert", "expert"),
                    ("contributor", "contributor"),
                    ("other contributor", "contributor"),
                    ("admin", "admin"),
                    ("other admin", "admin"),
                ]
            ),
            Persona("flagged", "admin", token_of(app, actors["flagged"]), is_flagged=True),
        ]
        self.client = app.test_client(use_cookies=False)

    def _people(self) -> dict[str, Actor]:
        actors = {
            name: factories.make_actor(role)
            for name, role in [
                ("attendee", ATTENDEE),
                ("client", ATTENDEE),
                ("outsider", ATTENDEE),
                ("contributor", CONTRIBUTOR),
                ("other contributor", CONTRIBUTOR),
            ]
        }
        actors["admin"] = factories.make_admin()
        actors["other admin"] = factories.make_admin()
        actors["flagged"] = factories.make_admin(flagged=True)
        actors["expert"], self.expert = factories.make_expert(name="Ann Lee")
        actors["other expert"], _ = factories.make_expert(name="Bob Ray")
        self.role_of = {EXPERT: actors["expert"]}
        return actors

    def _things(self, actors: dict[str, Actor]) -> None:
        root = actors["admin"]
        event = factories.make_event(public=False, admission="checked_in", slug="gathering")
        self.event_id = event.id
        attendee = actors["attendee"]
        [listed] = admission.check_in(root, event.slug, [attendee.email])
        transactional(
            lambda: db.session.execute(
                update(User)
                .where(User.id == attendee.user_id)
                .values(email_verified_at=factories.clock.now())
            )
        )()
        attendee = factories.actor_of(db.session.get(User, attendee.user_id), f"agenda:{event.id}")
        session = factories.make_session(event, capacity=5)
        full = factories.make_session(event, capacity=0, starts_at=NINE)
        waitlist.join(attendee, full.id)
        self.offer = factories.make_event_type(actors["expert"])
        appointment = appointments.book_appointment(
            actors["client"],
            self.offer.id,
            NINE,
            appointments.Client(name="Cl Ient", email=actors["client"].email),
        ).booking
        seat = seats.book_seat(attendee, session.id).booking
        wanted = Wanted(
            factories.make_room(name="Studio").id,
            factories.period("2031-03-05T09:00Z", "2031-03-05T10:00Z"),
            "Rehearsal",
        )
        reservation = reservations.reserve_room(actors["contributor"], wanted)
        self.bookings = [
            Subject({"uid": appointment["uid"]}, frozenset({"client", "expert"})),
            Subject({"uid": seat["uid"]}, frozenset({"attendee"})),
            Subject({"uid": reservation["uid"]}, frozenset({"contributor"}), is_reservation=True),
        ]
        ids = {
            each.values["uid"]: db.session.scalars(
                db.select(Booking.id).where(Booking.uid == each.values["uid"])
            ).one()
            for each in self.bookings
        }
        job = import_jobs.create_job(root, "users", "", "users.csv", b"email,name\na@b.org,Ann\n")
        in_event = frozenset({"attendee"})
        # What stands in an address, by its name there.
        self.variables: dict[str, Subject] = {
            "event_session_id": Subject({"event_session_id": session.id}, in_event),
            "event_type_id": Subject({"event_type_id": self.offer.id}, frozenset({"expert"})),
            "expert_id": Subject({"expert_id": self.expert.id}),
            "attendee_id": Subject({"attendee_id": listed.id}),
            "badge": Subject({"badge": db.session.get_one(Attendee, listed.id).badge}),
            "token": Subject({"token": manage_links.manage_url(appointment["uid"]).split("/")[-1]}),
            "qr": Subject({"qr": admission.qr_code(event)}),
            "type_slug": Subject({"type_slug": self.offer.slug}),
            "kind": Subject({"kind": "svg"}),
            "filename": Subject({"filename": "css/base.css"}),
            "locale": Subject({"locale": "en"}),
            "template": Subject({"template": "seat_confirmed"}),
            "name": Subject({"name": "rooms"}),
            "form": Subject({"form": "csv"}),
            "job_id": Subject({"job_id": job.id}, frozenset({"admin"})),
        }
        # What a route needs to be judged by who asks.
        self.queries = {
            "GET /api/event-types/<int:event_type_id>/explain": {"at": "2031-03-05T10:00:00Z"}
        }
        self.bodies: dict[str, Mapping[str, Any]] = {
            "PATCH /api/bookings/<uid>": {"status": "cancelled"},
            "POST /agenda/<slug>": {"book": session.id},
            "POST /check-in/<slug>/undo": {"attendee_id": listed.id},
            "POST /api/auth/change-password": {"current_password": "x", "new_password": "y"},
            "POST /api/experts/me/busy-calendars": {
                "name": "Mine",
                "content": EMPTY_CALENDAR.decode(),
            },
            "POST /api/guests/export": {"email": "gwen@example.org"},
            "POST /api/guests/erase": {"email": "gwen@example.org"},
            "POST /db/event/<int:event_id>/reschedule": {
                "newDate": "2031-03-05",
                "newHour": 15,
                "newStartMinute": 0,
                "newEndMinute": 30,
            },
        }
        room = Subject({"room_id": wanted.room_id})
        closed = blackouts.close_room(
            root,
            wanted.room_id,
            factories.period("2031-03-09T09:00Z", "2031-03-09T10:00Z"),
            "Paint",
        )
        asked = factories.make_event_type(actors["expert"], requires_approval=True)
        request = appointments.book_appointment(
            None, asked.id, NINE.replace(day=6), factories.client_named()
        ).booking
        elsewhere = busy_calendars.add_upload(
            actors["expert"], busy_calendars.SentFile("content", EMPTY_CALENDAR), name="Elsewhere"
        )
        self.variables |= {
            "room_id": room,
            "event_id": Subject({"event_id": ids[reservation["uid"]]}, frozenset({"contributor"})),
            "busy_calendar_id": Subject(
                {"busy_calendar_id": elsewhere["id"]}, frozenset({"expert"})
            ),
            "country": Subject({"country": "DE"}),
        }
        address_proofs.request_proof(actors["client"])
        [mailed] = db.session.scalars(
            db.select(OutboxMessage).filter_by(template="address_proof")
        ).all()
        proof = Subject(
            {"token": mailed.context[mail.SECRET].split("/")[-1]}, frozenset({"client"})
        )
        # Where a name in an address means something else than elsewhere.
        self.under: dict[str, Subject] = {
            "/api/reservations/<uid>": self.bookings[2],
            "/api/blackouts/<uid>": Subject({"uid": closed["uid"]}),
            "/b/<token>/decide": Subject({"token": manage_links.decision_token(request["uid"])}),
            "/api/requests/<token>": Subject(
                {"token": manage_links.decision_token(request["uid"])}
            ),
            "/profile/address/<token>": proof,
            "/api/auth/verify-address/<token>": proof,
            "/calendar/<token>": Subject(
                {"token": calendar_feed.share(actors["client"]).split("/")[-1].removesuffix(".ics")}
            ),
        }
        self.event = Subject({"slug": event.slug}, in_event)
        # What a page of the back-office shows, by its view.
        self.pages: dict[str, list[Subject]] = {
            "BookingView": [
                Subject({"pk": ids[each.values["uid"]]}, each.owners, each.is_reservation)
                for each in self.bookings
            ],
            "EventSessionView": [Subject({"pk": session.id})],
            "EventView": [Subject({"pk": event.id})],
            "AttendeeView": [Subject({"pk": listed.id})],
            "WaitlistView": [
                Subject({"pk": db.session.scalars(db.select(WaitlistEntry.id)).first()})
            ],
            "BlackoutView": [
                Subject(
                    {
                        "pk": db.session.scalars(
                            db.select(Booking.id).filter_by(kind="blackout")
                        ).one()
                    }
                )
            ],
            "RoomView": [Subject({"pk": session.room_id})],
            "ExpertView": [Subject({"pk": self.expert.id})],
            "EventTypeView": [Subject({"pk": self.offer.id})],
            "UserView": [Subject({"pk": actors["outsider"].user_id})],
            "RoleView": [Subject({"pk": db.session.scalars(db.select(Role.id)).first()})],
            "OutboxView": [
                Subject({"pk": db.session.scalars(db.select(OutboxMessage.id)).first()})
            ],
            "AuditView": [Subject({"pk": db.session.scalars(db.select(AuditEntry.id)).first()})],
        }

    def subjects(self, rule: Rule) -> list[Subject]:
        """What a route can be asked about."""
        if "pk" in rule.arguments:
            return self.pages[rule.endpoint.split(".")[0]]
        for prefix, subject in self.under.items():
            if rule.rule.startswith(prefix):
                return [subject]
        if "uid" in rule.arguments:
            return self.bookings
        found = Subject()
        for name in rule.arguments:
            if name == "slug":
                of_expert = rule.rule.startswith(("/<slug>", "/api/experts/"))
                part = Subject({"slug": self.expert.slug}) if of_expert else self.event
            else:
                part = self.variables[name]
            if rule.rule.startswith("/static/appbuilder/"):
                part = Subject({"filename": "css/ab.css"})
            if rule.rule.startswith("/backoffice/imports/") and name == "kind":
                part = Subject({"kind": "users"})
            found.values |= part.values
            found.owners |= part.owners
        return [found]

    def ask(self, method: str, rule: Rule, subject: Subject, persona: Persona) -> str:
        """`in`, or why not."""
        headers = {"Authorization": f"Bearer {persona.token}"} if persona.token else {}
        values = dict(subject.values)
        with self.app.test_request_context():
            values |= self.queries.get(f"{method} {rule.rule}", {})
            path = self.app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
        sent: dict[str, Any] = {}
        if method not in {"GET", "DELETE"}:
            body = self.bodies.get(f"{method} {rule.rule}", {})
            sent = {"json": body} if path.startswith(gates.API_PREFIXES) else {"data": body}
        try:
            answer = self.client.open(path, method=method, headers=headers, **sent)
        except Reached:
            return "in"
        with answer:
            is_proof = f"{method} {rule.rule}" in PROOFS and answer.status_code == 401
            return "in" if is_proof else verdict(answer)


# Open to everybody with the right code; here it is a wrong one.
PROOFS = {"POST /q/<qr>/verify", "POST /login/"}


def verdict(answer: TestResponse) -> str:
    """`in`, or why not."""
    assert answer.status_code < 500, (answer.request.path, answer.text)
    place = answer.headers.get("Location", "")
    if answer.status_code in {401, 403, 404} or place.startswith(("/login", "/change-password")):
        return f"{answer.status_code} {place}".strip()
    return "in"


def is_let_in(access: Access, persona: Persona, subject: Subject) -> bool:
    """What the table says."""
    scope: Scope = getattr(access, persona.column)
    if scope is Scope.ALL:
        return True
    if scope is Scope.NOTHING:
        return False
    if not subject.owners:  # one's own, whoever asks
        return True
    return persona.name in subject.owners or (
        scope is Scope.RESERVATIONS and subject.is_reservation
    )


def routes(app: Flask) -> Iterator[tuple[str, Rule]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - HIDDEN):
            yield method, rule


@pytest.fixture
def matrix(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Matrix:
    made = Matrix(app)

    def reached(_session: Any) -> None:
        raise Reached

    monkeypatch.setattr(transaction, "_commit", reached)
    monkeypatch.setattr(gates, "_require_csrf", lambda *_: None)  # has tests of its own
    monkeypatch.setattr(logging.getLogger("app.errors"), "disabled", True)
    return made


def test_every_route_is_classified(app: Flask) -> None:
    unknown = [
        f"{method} {rule.rule}"
        for method, rule in routes(app)
        if permissions.find_access(method, rule.rule) is None
    ]
    assert unknown == [], "one line each in app/permissions.py"


def test_no_line_is_left_over(app: Flask) -> None:
    there = {f"{method} {rule.rule}" for method, rule in routes(app)}
    assert permissions.ROUTES.keys() - there == set()
    for prefix in permissions.OFFICE:
        assert any(prefix in route for route in there), prefix


def askers(matrix: Matrix, access: Access, subject: Subject) -> Iterable[Persona]:
    """Everybody; where nothing is owned and nobody's own counts, one of each kind."""
    if subject.owners or Scope.OWN in {getattr(access, each.column) for each in matrix.personas}:
        return matrix.personas
    return {(each.column, each.is_flagged): each for each in matrix.personas}.values()


def answers_against(matrix: Matrix, start: str = "") -> Iterator[tuple[bool, str]]:
    """Whether each answer is what the table says, and what it was."""
    for method, rule in routes(matrix.app):
        access = permissions.find_access(method, rule.rule)
        assert access
        if not rule.rule.startswith(start):
            continue
        for subject in matrix.subjects(rule):
            for persona in askers(matrix, access, subject):
                expected = is_let_in(access, persona, subject)
                if persona.is_flagged:
                    is_open = rule.endpoint in ANONYMOUS or gates.is_exempt(method, rule.rule)
                    if is_open or not expected:
                        continue
                    expected = False
                found = matrix.ask(method, rule, subject, persona)
                told = f"{method} {rule.rule}: {persona.name} ({persona.column}) {found}"
                yield (found == "in") is expected, told


def test_everybody_gets_where_the_table_says_and_nowhere_else(matrix: Matrix) -> None:
    answers = list(answers_against(matrix))
    wrong = [told for is_right, told in answers if not is_right]
    assert wrong == [], "\n".join(wrong)
    assert len(answers) > 1_400


def test_the_matrix_notices_a_leak_and_a_door_too_many(
    matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SecurityManager, "has_access", lambda *_: True)
    leaks = [
        told for is_right, told in answers_against(matrix, "/backoffice/users/") if not is_right
    ]
    assert any("outsider" in told and told.endswith(" in") for told in leaks)
    monkeypatch.setitem(permissions.ROUTES, "GET /api/auth/me", permissions.EVERYONE)
    refused = [told for is_right, told in answers_against(matrix, "/api/auth/me") if not is_right]
    assert any("guest" in told and told.endswith(" 401") for told in refused)


def test_the_document_is_current(app: Flask) -> None:
    assert document.FILE.read_text() == document.text(app), "run: python -m tools.permissions"
