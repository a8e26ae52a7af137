"""The scheduler's pages: the minute matrix for staff, and what hangs at a room's door."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from app.gates import current_actor
from app.services import clock, minutes, rooms, scheduler, settings
from app.services.policy import Actor, require_staff
from app.views.api.payload import read_query

Answer = str | tuple[str, int] | AnyResponse

blueprint = Blueprint("scheduler_pages", __name__)


@blueprint.get("/scheduler")
def show() -> Answer:
    actor = current_actor()
    if actor is None:
        return _to_sign_in()
    if not actor.is_staff:
        return render_template("scheduler/closed.html"), 403
    shown = [rooms.describe(room) for room in rooms.list_rooms()]
    return render_template(
        "scheduler/scheduler.html",
        rooms=shown,
        people=_people(actor),
        add_room_url=url_for("RoomView.add"),
        data={
            "title": f"{gettext('Scheduler')} · {settings.current().product_name}",
            "now": clock.rfc3339(clock.now()),
            "rooms": shown,
            "user": {"id": actor.user_id, "is_admin": actor.is_admin},
        },
    )


@blueprint.get("/scheduler/rooms/<int:room_id>/sheet")
def sheet(room_id: int) -> Answer:
    actor = current_actor()
    if actor is None:
        return _to_sign_in()
    day = minutes.room_day(require_staff(actor), room_id, _day_asked())
    return render_template("scheduler/sheet.html", **day)


@blueprint.get("/scheduler/rooms/<int:room_id>/display")
def display(room_id: int) -> str:
    return render_template("scheduler/display.html", display=scheduler.display(room_id))


def _people(actor: Actor) -> list[tuple[int, str]]:
    """Who can be responsible, for an admin's choice."""
    if not actor.is_admin:
        return []
    return [(each["id"], each["name"]) for each in scheduler.list_responsible_users(actor)]


def _day_asked() -> date | None:
    query = read_query()
    day: date | None = query.date("date")
    query.check()
    return day


def _to_sign_in() -> AnyResponse:
    login: Any = current_app.appbuilder.get_url_for_login  # type: ignore[attr-defined]
    return redirect(f"{login}?next={quote(request.full_path.rstrip('?'))}")
