"""Reports: `/backoffice/reports/`, each with a chart, a table and a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import current_app, make_response, render_template, request
from flask_appbuilder import BaseView, expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from app.errors import status_of
from app.gates import current_actor
from app.services import clock, languages, reports, spreadsheets
from app.services.errors import InvalidInput
from app.services.local_text import period_text, share_text
from app.services.reports import Report, Span
from app.views.admin.access import Answer, permitted
from app.views.admin.charts import Series, number, stacked_bars

NAMES = {
    "rooms": lazy_gettext("Use of rooms"),
    "experts": lazy_gettext("Use of experts"),
    "no-shows": lazy_gettext("No-shows"),
    "lead-time": lazy_gettext("Lead time"),
    "fill-rate": lazy_gettext("Fill rate"),
}
ABOUT = {
    "rooms": lazy_gettext(
        "Utilisation is the share of Monday to Friday, 08:00 to 18:00 in the room's time zone,"
        " in which a room was booked. Hours outside of it count as hours, not as utilisation."
    ),
    "experts": lazy_gettext(
        "Utilisation is the share of the hours that an expert offers, by weekly hours"
        " and days of their own, that were booked; buffers are not counted."
    ),
    "no-shows": lazy_gettext(
        "Seats in sessions that are over, held by people who were never checked in, at"
        " events where people are checked in."
    ),
    "lead-time": lazy_gettext("How long before its start a booking was made."),
    "fill-rate": lazy_gettext("Seats taken of the seats that sessions have."),
}
_HOURS = {
    "day": lazy_gettext("Hours booked by day"),
    "week": lazy_gettext("Hours booked by week"),
    "month": lazy_gettext("Hours booked by month"),
}
_SEATS = {
    "day": lazy_gettext("Seats by day"),
    "week": lazy_gettext("Seats by week"),
    "month": lazy_gettext("Seats by month"),
}
CHARTS = {
    "rooms": _HOURS,
    "experts": _HOURS,
    "no-shows": _SEATS,
    "lead-time": {
        "day": lazy_gettext("Bookings by their start by day"),
        "week": lazy_gettext("Bookings by their start by week"),
        "month": lazy_gettext("Bookings by their start by month"),
    },
    "fill-rate": _SEATS,
}
# As on the home page: what is the same has the same colour everywhere.
COLOURS = {"rooms": (4, 3, 1), "experts": (1,), "no-shows": (1, 2), "lead-time": (1, 2, 3)} | {
    "fill-rate": (1, 0)
}
_MONTHS = 3
STEPS = {
    "day": lazy_gettext("Days"),
    "week": lazy_gettext("Weeks"),
    "month": lazy_gettext("Months"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text; `share` where it is one, from 0 to 1."""

    text: str
    share: float | None = None
    is_number: bool = False


class ReportView(BaseView):
    """Utilisation, no-shows, lead time and fill rate, by period."""

    route_base = "/backoffice/reports"
    default_view = "list"

    @expose("/")
    @permitted("list")
    def list(self) -> Answer:
        return self._show("rooms")

    @expose("/<any(rooms, experts, 'no-shows', 'lead-time', 'fill-rate'):name>")
    @permitted("list")
    def show(self, name: str) -> Answer:
        return self._show(name)

    @expose("/<any(rooms, experts, 'no-shows', 'lead-time', 'fill-rate'):name>.csv")
    @permitted("list")
    def file(self, name: str) -> Response:
        span = self._span()
        with languages.speaking(languages.DEFAULT):  # programs read it
            report = reports.get_report(current_actor(), name, span)
        response = make_response(spreadsheets.write("csv", report.head, report.rows))
        response.headers["Content-Type"] = spreadsheets.CSV
        dates = f"{span.first.isoformat()}-{span.last.isoformat()}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{dates}.csv"'
        return response

    def _show(self, name: str) -> Answer:
        error = None
        try:
            span = self._span()
        except InvalidInput as refused:
            error, span = refused, reports.read_span(None, None, None, self._zone())
        report = reports.get_report(current_actor(), name, span)
        page = render_template(
            "admin/report.html",
            appbuilder=self.appbuilder,
            title=NAMES[name],
            name=name,
            names=NAMES,
            about=ABOUT[name],
            span=span,
            steps=STEPS,
            typed={each: request.args.get(each, "") for each in ("from", "to", "by")},
            query={"from": span.first, "to": span.last, "by": span.step},
            periods=_periods(clock.now().astimezone(span.zone).date()),
            chart=stacked_bars(
                "report",
                CHARTS[name][span.step],
                [period_text(each, span.step) for each in span.periods],
                [
                    Series(each, values, is_rest=each == report.rest, colour=colour)
                    for (each, values), colour in zip(report.series, COLOURS[name], strict=False)
                ],
                unit=report.unit,
            ),
            head=report.head,
            rows=[[*_cells(report, row)] for row in report.rows],
            errors=error.extra.get("errors") if error else None,
        )
        return (page, status_of(error)) if error else page

    def _span(self) -> Span:
        asked = request.args
        return reports.read_span(asked.get("from"), asked.get("to"), asked.get("by"), self._zone())

    def _zone(self) -> str:
        actor = current_actor()
        zone: str = (actor and actor.time_zone) or current_app.config["DEFAULT_TIME_ZONE"]
        return zone


def _periods(today: date) -> list[tuple[str, dict[str, Any]]]:
    """What is looked at most: the last months, and the year. Their names and addresses."""
    found = []
    first = today.replace(day=1)
    for _ in range(_MONTHS):
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        found.append(
            (period_text(first, "month"), {"from": first, "to": last, "by": "week"}),
        )
        first = (first - timedelta(days=1)).replace(day=1)
    year = {"from": date(today.year, 1, 1), "to": date(today.year, 12, 31), "by": "month"}
    return [*found, (str(today.year), year)]


def _cells(report: Report, row: list[Any]) -> Any:
    for name, value in zip(report.head, row, strict=True):
        if value is None:
            yield Cell(gettext("Unknown") if name in report.shares else "")
        elif name in report.shares:
            yield Cell(share_text(value), value, is_number=True)
        elif isinstance(value, (int, float)):
            yield Cell(number(value), is_number=True)
        else:
            yield Cell(str(value))
