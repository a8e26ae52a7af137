"""The back-office's home: today in numbers, and the way to everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app, render_template, url_for
from flask_appbuilder import IndexView, expose
from flask_babel import gettext, lazy_gettext, ngettext

from app.gates import current_actor
from app.services import overview
from app.services.local_text import number_text
from app.services.overview import APPOINTMENT, EVENT_SESSION, RESERVATION, SEAT, Overview
from app.services.policy import Actor
from app.views.admin.access import Answer, permitted
from app.views.admin.charts import Chart, Series, stacked_bars
from app.views.admin.days import reader_zone

NAMES = {
    APPOINTMENT: lazy_gettext("Appointments"),
    SEAT: lazy_gettext("Seats"),
    RESERVATION: lazy_gettext("Reservations"),
    EVENT_SESSION: lazy_gettext("Sessions"),
}
COUNTED: dict[str, Callable[[int], str]] = {  # behind the number
    APPOINTMENT: lambda number: ngettext("appointments", "appointments", number),
    SEAT: lambda number: ngettext("seats", "seats", number),
    RESERVATION: lambda number: ngettext("reservations", "reservations", number),
    EVENT_SESSION: lambda number: ngettext("sessions", "sessions", number),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, what it counts, and where it is listed."""

    number: str
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
        zone = reader_zone()
        now = overview.get_overview(actor, zone)
        return render_template(
            "admin/home.html",
            appbuilder=self.appbuilder,
            title=gettext("Back-office"),
            zone=zone,
            today=now.starts_at,
            figures=_figures(actor, now),
            day=_day_chart(actor, now),
            filling=now.filling,
            check_ins=now.check_ins,
            conflicts=_conflicts(actor, now),
            waiting=_waiting(now) if actor.is_admin else [],
        )


def _figures(actor: Actor, now: Overview) -> list[Figure]:
    day = now.starts_at.date().isoformat()
    listed = {"since": day, "until": day, "status": "confirmed"}

    def bookings(kind: str) -> Figure:
        href = url_for("BookingView.list", kind=kind, **listed)
        return _figure(now.count(kind), COUNTED[kind], href)

    there = url_for("EventSessionView.list", **listed)
    sessions = _figure(now.count(EVENT_SESSION), COUNTED[EVENT_SESSION], there)
    return [*map(bookings, _faces(actor)), sessions]


def _figure(number: int, label: Callable[[int], str], href: str, tone: str = "") -> Figure:
    return Figure(number_text(number), label(number), href, tone if number else "")


def _faces(actor: Actor) -> tuple[str, ...]:
    """Clients and attendees are for admins to see, even as a number."""
    return (APPOINTMENT, SEAT, RESERVATION) if actor.is_admin else (RESERVATION,)


def _day_chart(actor: Actor, now: Overview) -> Chart:
    kinds = (*_faces(actor), EVENT_SESSION)
    return stacked_bars(
        "day",
        gettext("What begins today, by the hour"),
        [f"{hour:%H:%M}" for hour in now.hours],
        [Series(NAMES[kind], now.by_hour[kind]) for kind in kinds],
        unit="things",
    )


def _conflicts(actor: Actor, now: Overview) -> list[Figure]:
    """What somebody has to decide: all that there is, or what concerns who is no admin."""
    too_many = _figure(
        now.too_many_seats,
        lambda number: ngettext(
            "sessions with more seats than their room",
            "sessions with more seats than their room",
            number,
        ),
        url_for("EventSessionView.list", fill="too_many"),
        "warn",
    )
    if actor.is_admin:
        offers = _figure(
            now.offers,
            lambda number: ngettext(
                "held seats await an answer", "held seats await an answer", number
            ),
            url_for("WaitlistView.list", state="held", when="upcoming"),
            "warn",
        )
        return [offers, too_many]
    if now.own_offer_at is None:
        return [too_many]
    own = _figure(
        now.own_offers,
        lambda number: ngettext(
            "held seats await your answer", "held seats await your answer", number
        ),
        url_for("agenda_pages.mine", slug=now.own_offer_at),
        "warn",
    )
    return [own, too_many]


def _waiting(now: Overview) -> list[Figure]:
    return [
        _figure(
            now.mails_failed,
            lambda number: ngettext("mails failed", "mails failed", number),
            url_for("OutboxView.list", state="failed"),
            "bad",
        ),
        _figure(
            now.mails_waiting,
            lambda number: ngettext("mails waiting", "mails waiting", number),
            url_for("OutboxView.list", state="due"),
            "" if current_app.config["MAIL_SERVER"] else "warn",  # they wait for ever
        ),
        _figure(
            now.waiting,
            lambda number: ngettext("people on waitlists", "people on waitlists", number),
            url_for("WaitlistView.list", when="upcoming"),
        ),
        _figure(
            now.users,
            lambda number: ngettext("active users", "active users", number),
            url_for("UserView.list", state="active"),
        ),
    ]
