"""A small event of one's own for the agenda's journeys, and the page that shows it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from playwright.sync_api import Locator, Page, expect

from app.services import admission, event_sessions, events, rooms
from app.services.policy import ADMIN, Actor
from e2e.site import Site

ZONE = ZoneInfo("Europe/Berlin")
ADMINISTRATOR = Actor(user_id=0, calendar_id=0, name="", email="", roles=frozenset({ADMIN}))

# Day, start, minutes, room, title, seats, speaker, track
SESSIONS: list[tuple[int, str, int, int, str, int | None, str, str]] = [
    (0, "10:00", 60, 0, "Opening workshop", 4, "Ada Quill", "Craft"),
    (0, "10:30", 60, 1, "Hands on clocks", 2, "Ben Okoro", "Craft"),
    (
        0,
        "10:30",
        45,
        2,
        "The long way to a short title, and what a row does with all its words",
        30,
        "Cléo Marchand, Dov Azulai",
        "Words",
    ),
    (0, "12:00", 45, 1, "Lunch talk", None, "Ada Quill", "Words"),
    (0, "14:00", 60, 0, "The last seat", 1, "Eve Lindt", "Craft"),
    (0, "14:00", 50, 1, "Full house", 3, "Fay Moor", "Words"),
    (1, "10:30", 60, 1, "Hands on clocks", 2, "Ben Okoro", "Craft"),
    (1, "11:35", 30, 0, "Closing", 40, "Ada Quill", "Words"),
]
# Talks of five minutes one after the other, and of ten, beside a long one.
LIGHTNING: list[tuple[int, str, int, int, str, int | None, str, str]] = [
    (0, "10:00", 45, 0, "A long talk", 9, "Ada Quill", "Craft"),
    *((0, f"10:{5 * n:02}", 5, 1, f"Flash {n}", 9, "Ben Okoro", "Craft") for n in range(6)),
    *((0, f"10:{10 * n:02}", 10, 2, f"Spark {n}", 9, "Eve Lindt", "Words") for n in range(3)),
    (0, "10:30", 5, 2, "Five minutes, and more words than fit into a line of it", 9, "Jo", "Words"),
    (0, "10:35", 15, 2, "A quarter of an hour", 9, "Fay Moor", "Words"),
    (0, "10:50", 20, 2, "A title beyond all lines, " * 9, 9, "Fay Moor", "Words"),
]


@dataclass
class Gathering:
    """An event on a site; `ids` are its sessions by title, of those alike the first."""

    site: Site
    slug: str
    days: list[str]
    ids: dict[str, int]
    later: int  # the second run of "Hands on clocks"
    qr: str  # what the code at the door leads to

    @property
    def path(self) -> str:
        return f"/agenda/{self.slug}"

    def seat(self, title: str, person: dict[str, Any], **body: Any) -> dict[str, Any]:
        """A seat booked elsewhere."""
        path = f"/api/sessions/{self.ids[title]}/seat"
        booking: dict[str, Any] = self.site.call("POST", path, body, token=person["token"])[
            "booking"
        ]
        return booking

    def give_up(self, title: str, person: dict[str, Any]) -> None:
        self.site.call("DELETE", f"/api/sessions/{self.ids[title]}/seat", token=person["token"])

    def fill(self, title: str, but: int = 0) -> list[dict[str, Any]]:
        """Other people take what seats are left; returns them."""
        agenda = self.site.call("GET", f"/api/events/{self.slug}/agenda")["sessions"]
        left = next(each["seats_left"] for each in agenda if each["id"] == self.ids[title])
        people = [self.site.register() for _ in range(left - but)]
        for person in people:
            self.seat(title, person)
        return people

    def session_of(self, title: str, person: dict[str, Any]) -> dict[str, Any]:
        path = f"/api/sessions/{self.ids[title]}"
        session: dict[str, Any] = self.site.call("GET", path, token=person["token"])["session"]
        return session


def _where_it_is_day() -> ZoneInfo:
    """A zone in which an event that runs now is not interrupted by midnight."""
    zones = map(ZoneInfo, ("Europe/Berlin", "Asia/Tokyo", "America/Los_Angeles"))
    return next(zone for zone in zones if 6 <= datetime.now(zone).hour < 16)


def gather(
    app: Flask,
    site: Site,
    *,
    public: bool = True,
    starts_in: timedelta | None = None,
    sessions: Sequence[tuple[int, str, int, int, str, int | None, str, str]] = SESSIONS,
) -> Gathering:
    """An event of two days from tomorrow, or one that began `-starts_in` ago."""
    suffix = secrets.token_hex(3)
    slug = f"clocks-{suffix}"
    zone, first, shift = ZONE, (datetime.now(ZONE) + timedelta(days=1)).date(), timedelta()
    if starts_in is not None:
        zone = _where_it_is_day()
        opening = datetime.now(zone).replace(second=0, microsecond=0) + starts_in
        first = opening.date()
        shift = opening - datetime.combine(first, time.fromisoformat("10:00"), zone)
    with app.app_context():
        event = {
            "slug": slug,
            "title": "Clocks & Calendars",
            "time_zone": zone.key,
            "starts_on": first.isoformat(),
            "ends_on": (first + timedelta(days=1)).isoformat(),
            "venue": "Alte Sternwarte",
            "public": public,
        }
        events.create_event(ADMINISTRATOR, event)
        room_ids = [
            rooms.create_room(ADMINISTRATOR, {"name": f"{name} {suffix}"}).id
            for name in ("Hall 2", "Hall 10", "Attic")
        ]
        qr = admission.qr_code(events.get_event(slug))
        ids: dict[str, int] = {}
        later = 0
        for day, clock, minutes, room, title, capacity, speakers, track in sessions:
            local = time.fromisoformat(clock)
            starts_at = datetime.combine(first + timedelta(days=day), local, zone) + shift
            described, _ = event_sessions.schedule_session(
                ADMINISTRATOR,
                slug,
                {
                    "title": title,
                    "room_id": room_ids[room],
                    "starts_at": starts_at,
                    "ends_at": starts_at + timedelta(minutes=minutes),
                    "capacity": capacity,
                    "track": track,
                    "language": "en",
                    "abstract": f"About {title.lower()}.",
                    "speakers": [{"name": name} for name in speakers.split(", ")],
                },
            )
            later = described["id"] if title in ids else later
            ids.setdefault(title, described["id"])
    days = [(first + timedelta(days=n)).isoformat() for n in range(2)]
    return Gathering(site, slug, days, ids, later, f"/q/{qr}")


class AgendaPage:
    """The agenda in one browser."""

    def __init__(self, page: Page, gathering: Gathering, query: str = "") -> None:
        self.page, self.gathering = page, gathering
        page.goto(gathering.path + query)

    def row(self, title: str) -> Locator:
        return self.page.locator(f"#session-{self.gathering.ids[title]}")

    def button(self, title: str) -> Locator:
        return self.row(title).locator(".act")

    def seats(self, title: str) -> Locator:
        return self.row(title).locator("[data-places]")

    def settled(self) -> AgendaPage:
        """Once the page is alive: the whole agenda is known."""
        expect(self.page.locator("[data-show]")).to_have_text(re.compile(r"Show \d+ sessions?"))
        return self

    @property
    def toast(self) -> Locator:
        return self.page.locator(".toast").last


Gather = Callable[..., Gathering]
