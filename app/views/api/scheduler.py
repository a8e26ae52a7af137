"""`/api/scheduler`: what the scheduler's pages read, and the day copied to another."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import minutes, room_export, scheduler
from app.services.policy import require_admin, require_staff
from app.views.api.answers import json_answer
from app.views.api.payload import read_query

blueprint = Blueprint("api_scheduler", __name__, url_prefix="/api/scheduler")


@blueprint.get("/month")
def show_month() -> Response:
    actor = require_staff(current_actor())
    query = read_query()
    text = query.text("month", required=True, max_length=7)
    room_id = query.integer("room_id", minimum=1)
    query.check()
    return json_answer(scheduler.month(actor, scheduler.month_of(text), room_id))


@blueprint.get("/day")
def show_day() -> Response:
    actor = require_staff(current_actor())
    query = read_query()
    day = query.date("date")
    room_id = query.integer("room_id", minimum=1)
    query.check()
    return json_answer(scheduler.day(actor, day or minutes.today(minutes.default_zone()), room_id))


@blueprint.get("/week")
def show_week() -> Response:
    actor = require_staff(current_actor())
    query = read_query()
    room_id = query.integer("room_id", required=True, minimum=1)
    day = query.date("date")
    query.check()
    return json_answer(scheduler.week(actor, room_id, day or minutes.today(minutes.default_zone())))


@blueprint.get("/people")
def list_people() -> Response:
    actor = require_admin(current_actor())
    return json_answer({"items": scheduler.list_responsible_users(actor)})


@blueprint.get("/export.csv")
def export() -> Response:
    actor = require_staff(current_actor())
    query = read_query()
    first = query.date("from", required=True)
    last = query.date("to", required=True)
    room_id = query.integer("room_id", minimum=1)
    query.check()
    # The mark at the beginning tells spreadsheets that it is UTF-8.
    text = "\ufeff" + room_export.export_rooms(actor, first, last, room_id)
    response = Response(text, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="rooms-{first}-to-{last}.csv"'
    return response
