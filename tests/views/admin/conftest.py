"""The back-office of a small world, and browsers of the people in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import AuditEntry, Booking, WaitlistEntry
from app.services import (
    admission,
    appointments,
    blackouts,
    reservations,
    seats,
    sign_ins,
    waitlist,
)
from app.services.policy import Actor
from app.services.reservations import Wanted
from tests import factories

NINE = datetime(2031, 3, 4, 9, 0, tzinfo=UTC)  # 10:00 in Berlin


class Office:
    """A browser, signed in as somebody."""

    def __init__(self, app: Flask, actor: Actor | None) -> None:
        self._app = app
        self._client = app.test_client()
        if actor:
            with app.app_context():
                sign_in = sign_ins.start_sign_in(actor.user_id)
            with self._client.session_transaction() as session:
                session["sign_in"] = sign_in.id
                session.permanent = True

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._client.get(path, **options)

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return unescape(answer.text)

    def post(self, path: str, data: Mapping[str, Any] | None = None) -> TestResponse:
        """Send a form, with the token that pages carry."""
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.get("/").text)
        token = {"csrf_token": found[1]} if found else {}
        return self._client.post(path, data={**token, **(data or {})})

    def done(self, path: str, data: Mapping[str, Any] | None = None) -> str:
        """Send a form that is accepted; returns where it leads."""
        answer = self.post(path, data)
        assert answer.status_code == 303, unescape(
            " ".join(re.findall(r'role="alert".*?</ul>', answer.text, re.DOTALL))
        )
        return answer.headers["Location"]

    def step(self, path: str, data: Mapping[str, Any] | None = None) -> str:
        """Send a form that affects others; returns the page that says whom."""
        answer = self.post(path, data)
        page = unescape(answer.text)
        assert answer.status_code == 200, page
        assert "data-impact" in page
        return page

    def refused(self, path: str, data: Mapping[str, Any] | None = None) -> str:
        """Send a form that is refused; returns the page that says so."""
        answer = self.post(path, data)
        assert 400 <= answer.status_code < 500, answer.status_code
        return unescape(answer.text)


def agreed(page: str) -> str:
    """The digest of what a page shows about who is affected."""
    found = re.search(r'data-impact="([0-9a-f]+)"', page)
    assert found
    return found[1]


class World:
    """One of each kind, and somebody of each role."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            self.root = factories.make_admin(name="Root Admin", email="root@example.org")
            self.flagged = factories.make_admin(email="new@example.org", flagged=True)
            self.cora = factories.make_contributor(name="Cora", email="cora@example.org")
            self.ben = factories.make_actor(name="Ben Client", email="ben@example.org")
            self.ann, expert = factories.make_expert(name="Ann Lee", email="ann@example.org")
            self.expert = expert.id
            self.event_type = factories.make_event_type(self.ann).id
            event = factories.make_event(slug="gathering", title="The gathering")
            self.event = event.id
            self.room = factories.make_room(name="Hall").id
            self.session = factories.make_session(
                event, title="Opening", room_id=self.room, capacity=5
            ).id
            guest = factories.client_named()
            self.appointment = _id(
                appointments.book_appointment(None, self.event_type, NINE, guest).booking
            )
            self.seat = _id(seats.book_seat(self.ben, self.session).booking)
            wanted = Wanted(
                factories.make_room(name="Studio").id,
                factories.period("2031-03-05T09:00Z", "2031-03-05T10:00Z"),
                "Rehearsal",
            )
            self.reservation = _id(reservations.reserve_room(self.cora, wanted))
            self.attendee = admission.add_attendee(
                self.root, "gathering", name="Dee Door", email="dee@example.org"
            ).id
            full = factories.make_session(event, title="Full house", capacity=0)
            self.full = full.id
            waitlist.join(self.ben, full.id)
            self.entry = db.session.scalars(select(WaitlistEntry.id)).one()
            closed = factories.period("2031-03-09T09:00Z", "2031-03-09T10:00Z")
            self.blackout = _id(blackouts.close_room(self.root, wanted.room_id, closed, "Painting"))

    def office(self, actor: Actor | None) -> Office:
        return Office(self.app, actor)

    def entries(self, kind: str, action: str) -> list[AuditEntry]:
        """The audit log's, by this admin."""
        with self.app.app_context():
            return [
                *db.session.scalars(
                    select(AuditEntry).where(
                        AuditEntry.object_kind == kind,
                        AuditEntry.action == action,
                        AuditEntry.actor_id == self.root.user_id,
                    )
                )
            ]

    def read(self, model: Any, pk: int) -> Any:
        """A row, with its columns at hand."""
        with self.app.app_context():
            return db.session.get(model, pk)


def _id(booking: Mapping[str, Any]) -> int:
    return db.session.scalars(select(Booking.id).where(Booking.uid == booking["uid"])).one()


@pytest.fixture
def world(app: Flask) -> World:
    return World(app)


@pytest.fixture
def office(world: World) -> Office:
    """The admin's browser."""
    return world.office(world.root)
