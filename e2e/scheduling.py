"""Rooms and staff of one's own for the scheduler's journeys, and the page that shows them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import text

from app import create_app
from app.services import accounts, event_sessions, events, rooms
from app.services.policy import ADMIN, CONTRIBUTOR, Actor
from e2e.site import PASSWORD, Site
from tests.conftest import settings_for

ZONE = ZoneInfo("Europe/Berlin")
ADMINISTRATOR = Actor(user_id=0, calendar_id=0, name="", email="", roles=frozenset({ADMIN}))


@dataclass(frozen=True)
class Staff:
    """Somebody who books rooms."""

    id: int
    name: str
    email: str
    token: str


@dataclass
class Crew:
    """Two contributors and an admin, three rooms, and a day on which nothing is booked yet."""

    site: Site
    app: Flask
    ada: Staff
    ben: Staff
    admin: Staff
    rooms: list[int]
    names: list[str]
    day: date

    def path(
        self, *, room: int = 0, hour: str = "10", view: str = "hour", day: date | None = None
    ) -> str:
        return f"/scheduler?date={day or self.day}&room={self.rooms[room]}&hour={hour}&view={view}"

    def instant(self, clock: str, day: date | None = None) -> str:
        """A local time of the day as the API takes it."""
        local = datetime.fromisoformat(f"{day or self.day}T{clock}").replace(tzinfo=ZONE)
        return local.astimezone(UTC).isoformat()

    def book(
        self, who: Staff, start: str, end: str, title: str, *, room: int = 0, **more: Any
    ) -> dict[str, Any]:
        """A booking made elsewhere; `end` is exclusive."""
        day = more.pop("day", None)
        body = {
            "room_id": self.rooms[room],
            "starts_at": self.instant(start, day),
            "ends_at": self.instant(end, day),
            "title": title,
            **more,
        }
        booking: dict[str, Any] = self.site.call(
            "POST", "/api/reservations", body, token=who.token
        )["booking"]
        return booking

    def hold_session(self, start: str, end: str, title: str, *, room: int = 0) -> None:
        """A session of an event, which occupies its room."""
        slug = f"gathering-{self.rooms[0]}"
        day = self.day.isoformat()
        zone = {"time_zone": "Europe/Berlin", "starts_on": day, "ends_on": day}
        events.create_event(ADMINISTRATOR, {"slug": slug, "title": "A gathering", **zone})
        values = {
            "title": title,
            "room_id": self.rooms[room],
            "starts_at": datetime.fromisoformat(self.instant(start)),
            "ends_at": datetime.fromisoformat(self.instant(end)),
            "capacity": None,
            "speakers": [],
        }
        event_sessions.schedule_session(ADMINISTRATOR, slug, values)

    def spans(self, title: str) -> list[tuple[datetime, datetime]]:
        """What the database holds of a title: confirmed starts and exclusive ends, UTC."""
        with self.site.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT booking.starts_at, booking.ends_at FROM booking JOIN busy_period"
                    " ON busy_period.booking_id = booking.id JOIN calendar"
                    " ON calendar.id = busy_period.calendar_id AND calendar.room_id IS NOT NULL"
                    " WHERE booking.title = :title AND booking.status = 'confirmed'"
                    " AND booking.room_id BETWEEN :first AND :last"
                    " AND busy_period.starts_at = booking.starts_at"
                    " AND busy_period.ends_at = booking.ends_at ORDER BY booking.starts_at"
                ),
                {"title": title, "first": self.rooms[0], "last": self.rooms[-1]},
            )
            return [(_aware(row.starts_at), _aware(row.ends_at)) for row in rows]

    def clocks(self, title: str) -> list[str]:
        """The same as local times: `10:10-10:20`."""
        return [
            "-".join(each.astimezone(ZONE).strftime("%H:%M") for each in span)
            for span in self.spans(title)
        ]


def _aware(value: datetime | str) -> datetime:
    value = datetime.fromisoformat(value) if isinstance(value, str) else value
    return value if value.tzinfo else value.replace(tzinfo=UTC)


@pytest.fixture(scope="session")
def backstage(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application beside the server, for what admins prepare."""
    return create_app(settings_for(site.database_url, tmp_path_factory.mktemp("backstage")))


@pytest.fixture
def crew(site: Site, backstage: Flask) -> Iterator[Crew]:
    suffix = secrets.token_hex(3)

    def staff(name: str, role: str) -> Staff:
        email = f"{name.split(maxsplit=1)[0].lower()}-{suffix}@example.org"
        user = accounts.create_account(name, email, PASSWORD, roles=(role,))
        signed_in = site.call("POST", "/api/auth/login", {"email": email, "password": PASSWORD})
        return Staff(user.id, name, email, signed_in["access_token"])

    with backstage.app_context():
        names = [f"{name} {suffix}" for name in ("Attic", "Big studio", "Cellar")]
        ids = [
            rooms.create_room(ADMINISTRATOR, {"name": name, "capacity": 12}).id for name in names
        ]
        yield Crew(
            site,
            backstage,
            staff("Ada Quill", CONTRIBUTOR),
            staff("Ben Okoro", CONTRIBUTOR),
            staff("Olga Office", ADMIN),
            ids,
            names,
            (datetime.now(ZONE) + timedelta(days=9)).date(),
        )


def clock_changes(zone: ZoneInfo) -> tuple[date, date]:
    """The next days on which clocks go forward and back."""
    forward = back = None
    day = datetime.now(zone).date() + timedelta(days=2)
    while forward is None or back is None:
        noons = [
            datetime(each.year, each.month, each.day, 12, tzinfo=zone).utcoffset()
            for each in (day - timedelta(days=1), day)
        ]
        if noons[1] > noons[0]:  # type: ignore[operator]
            forward = forward or day
        elif noons[1] < noons[0]:  # type: ignore[operator]
            back = back or day
        day += timedelta(days=1)
    return forward, back


class SchedulerPage:
    """The scheduler in one browser."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        page.goto(path)
        self.settle()

    def settle(self) -> None:
        """Once what is looked at is loaded."""
        if self.matrix.is_visible():
            expect(self.matrix).to_have_attribute("aria-busy", "false")
            expect(self.minute(0)).to_have_attribute("aria-label", re.compile("."))

    @property
    def matrix(self) -> Locator:
        return self.page.locator("[data-matrix]")

    @property
    def panel(self) -> Locator:
        return self.page.locator("[data-panel]")

    @property
    def heading(self) -> Locator:
        return self.page.locator("[data-panel-title]")

    @property
    def alert(self) -> Locator:
        return self.page.locator("[data-panel-alert]")

    @property
    def save(self) -> Locator:
        return self.page.locator("[data-save]")

    @property
    def title(self) -> Locator:
        return self.panel.get_by_label("Title")

    @property
    def toast(self) -> Locator:
        return self.page.locator(".toast").last

    def minute(self, number: int) -> Locator:
        return self.matrix.locator(f'[data-index="{number}"]')

    def hour(self, name: str) -> Locator:
        return self.page.get_by_role("listbox", name="Hour").get_by_role(
            "option", name=re.compile(f"^{name}")
        )

    def act(self, name: str) -> None:
        self.panel.get_by_role("button", name=name, exact=True).click()

    def is_named(self, number: int, name: str) -> None:
        """The accessible name of a minute, to the letter."""
        expect(self.minute(number)).to_have_attribute("aria-label", name)

    def drag(self, source: int, target: int) -> None:
        """With the mouse from one minute to another."""
        self.minute(source).hover()
        self.page.mouse.down()
        for each in (source + (1 if target > source else -1), target):
            self.minute(each).hover(force=True)
        self.page.mouse.up()

    def select(self, first: int, last: int) -> None:
        self.minute(first).click()
        self.minute(last).click()
