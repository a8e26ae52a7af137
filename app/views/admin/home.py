"""The back-office's home: today in numbers, and the way to everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template, url_for
from flask_appbuilder import IndexView, expose

from app.gates import current_actor
from app.services import overview
from app.services.overview import Overview
from app.services.policy import Actor
from app.views.admin.base import Answer, permitted


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
            waiting=_waiting(now) if actor.is_admin else [],
        )


def _figures(actor: Actor, now: Overview) -> list[Figure]:
    def bookings(kind: str, **values: Any) -> str:
        return url_for("BookingView.list", kind=kind, when="upcoming", status="confirmed", **values)

    sessions = Figure(
        now.event_sessions,
        "sessions",
        url_for("EventSessionView.list", when="upcoming", status="confirmed"),
    )
    reservations = Figure(now.reservations, "reservations", bookings("reservation"))
    if not actor.is_admin:
        return [reservations, sessions]
    return [
        Figure(now.appointments, "appointments", bookings("appointment")),
        Figure(now.seats, "seats", bookings("seat")),
        reservations,
        sessions,
    ]


def _waiting(now: Overview) -> list[Figure]:
    return [
        Figure(
            now.mails_failed,
            "mails failed",
            url_for("OutboxView.list", state="failed"),
            "bad" if now.mails_failed else "",
        ),
        Figure(now.mails_waiting, "mails waiting", url_for("OutboxView.list", state="pending")),
        Figure(now.users, "active users", url_for("UserView.list", state="active")),
    ]
