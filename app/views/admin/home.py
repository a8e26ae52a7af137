"""The back-office's home: today in numbers, and the way to everything."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, render_template, url_for
from flask_appbuilder import IndexView, expose

from app.gates import current_actor
from app.services import overview
from app.services.overview import APPOINTMENT, EVENT_SESSION, RESERVATION, SEAT, Overview
from app.services.policy import Actor
from app.views.admin.base import Answer, permitted
from app.views.admin.charts import Chart, Series, stacked_bars

NAMES = {
    APPOINTMENT: "appointments",
    SEAT: "seats",
    RESERVATION: "reservations",
    EVENT_SESSION: "sessions",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, what it counts, and where it is listed."""

    number: int
    label: str
    href: str
    tone: str = ""


class HomeView(IndexView):
    """`/backoffice/`."""

    route_base = "/backoffice"

    @expose("/")
    @permitted("index")
    def index(self) -> Answer:
        actor = current_actor()
        assert actor
        zone = actor.time_zone or current_app.config["DEFAULT_TIME_ZONE"]
        now = overview.get_overview(actor, zone)
        return render_template(
            "admin/home.html",
            appbuilder=self.appbuilder,
            title="Back-office",
            zone=zone,
            today=now.starts_at,
            figures=_figures(actor, now),
            day=_day_chart(actor, now),
            filling=now.filling,
            check_ins=now.check_ins,
            waiting=_waiting(now) if actor.is_admin else [],
        )


def _figures(actor: Actor, now: Overview) -> list[Figure]:
    def bookings(kind: str) -> Figure:
        href = url_for("BookingView.list", kind=kind, when="upcoming", status="confirmed")
        return Figure(now.count(kind), NAMES[kind], href)

    sessions = Figure(
        now.count(EVENT_SESSION),
        NAMES[EVENT_SESSION],
        url_for("EventSessionView.list", when="upcoming", status="confirmed"),
    )
    return [*map(bookings, _faces(actor)), sessions]


def _faces(actor: Actor) -> tuple[str, ...]:
    """Clients and attendees are for admins to see, even as a number."""
    return (APPOINTMENT, SEAT, RESERVATION) if actor.is_admin else (RESERVATION,)


def _day_chart(actor: Actor, now: Overview) -> Chart:
    kinds = (*_faces(actor), EVENT_SESSION)
    return stacked_bars(
        "day",
        "What begins today, by the hour",
        [f"{hour:%H:%M}" for hour in now.hours],
        [Series(NAMES[kind].capitalize(), now.by_hour[kind]) for kind in kinds],
        unit="things",
    )


def _waiting(now: Overview) -> list[Figure]:
    def figure(number: int, label: str, href: str, tone: str) -> Figure:
        return Figure(number, label, href, tone if number else "")

    return [
        figure(
            now.offers,
            "held seats await an answer",
            url_for("WaitlistView.list", state="held"),
            "warn",
        ),
        figure(
            now.too_many_seats,
            "sessions with more seats than their room",
            url_for("EventSessionView.list", fill="too_many"),
            "warn",
        ),
        figure(now.mails_failed, "mails failed", url_for("OutboxView.list", state="failed"), "bad"),
        Figure(now.mails_waiting, "mails waiting", url_for("OutboxView.list", state="pending")),
        Figure(now.waiting, "people on waitlists", url_for("WaitlistView.list")),
        Figure(now.users, "active users", url_for("UserView.list", state="active")),
    ]
