"""A small world for the API: an expert with an offer, a client, staff and an event."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.services import experts
from app.services.policy import ACCOUNT
from tests import factories
from tests.calls import Caller, caller

NINE, TEN, ELEVEN = (f"2031-03-04T{hour:02}:00:00Z" for hour in (9, 10, 11))
GUEST = {"name": "Gwen Guest", "email": "gwen@example.org"}


class World:
    """Actors by name, what they have, and callers for them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            self.ann, _ = factories.make_expert(name="Ann Lee", email="ann@example.org")
            experts.update_expert(self.ann, {"slug": "ann", "headline": "Strategy"})
            self.eve, _ = factories.make_expert(name="Eve Other", email="eve@example.org")
            self.ben = factories.make_actor(name="Ben Client", email="ben@example.org")
            self.flagged = factories.make_actor(name="Flo", email="flo@example.org", flagged=True)
            self.staff = factories.make_contributor(name="Cora", email="cora@example.org")
            self.admin = factories.make_admin(name="Root", email="root@example.org")
            self.event_type_id = factories.make_event_type(self.ann).id
            self.guest = caller(app)

    def by(self, name: str, audience: str = ACCOUNT) -> Caller:
        """A caller for the actor of this name, or a guest's."""
        return self.guest if name == "guest" else caller(self.app, getattr(self, name), audience)

    def booking(self, starts_at: str = NINE, **more: Any) -> dict[str, Any]:
        """The body of a booking of Ann's time."""
        return {"event_type_id": self.event_type_id, "starts_at": starts_at, **GUEST, **more}

    def book(self, who: str = "guest", starts_at: str = NINE, **more: Any) -> dict[str, Any]:
        """Book Ann's time; the whole answer."""
        answer = self.by(who)("POST", "/api/bookings", self.booking(starts_at, **more))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json
        return found

    def make_session(self, event: Any = None, **values: Any) -> tuple[int, int, str]:
        """`(session id, event id, event slug)` of a new session."""
        with self.app.app_context():
            event = event or factories.make_event(public=values.pop("public", False))
            session = factories.make_session(event, **values)
            return session.id, event.id, event.slug


@pytest.fixture
def world(app: Flask) -> World:
    return World(app)
