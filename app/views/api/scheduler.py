"""`/api/scheduler`: what the scheduler's pages read, and the day copied to another."""

from __future__ import annotations

from flask import Blueprint, Response

from app.gates import current_actor
from app.services import day_copies, minutes, room_export, scheduler
from app.services.day_copies import Plan
from app.services.policy import require_admin, require_staff
from app.views.api.answers import idempotent, json_answer
from app.views.api.payload import read_json, read_query

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
    day = query.date("date") or minutes.today(minutes.default_zone())
    first_weekday = query.integer("first_weekday", minimum=0, maximum=6) or 0
    query.check()
    return json_answer(scheduler.week(actor, room_id, day, first_weekday=first_weekday))


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


@blueprint.post("/copy")
@idempotent
def copy() -> Response:
    actor = require_staff(current_actor())
    body = read_json()
    source = body.date("from", required=True)
    target = body.date("to", required=True)
    room_id = body.integer("room_id", minimum=1)
    whose = body.choice("whose", day_copies.WHOSE) or day_copies.OWN
    dry_run = bool(body.boolean("dry_run"))
    skip_conflicts = bool(body.boolean("skip_conflicts"))
    body.check()
    plan = Plan(source, target, room_id, whose)
    if dry_run:
        items = day_copies.preview_copy(actor, plan)
        free = sum(each["why"] is None for each in items)
        return json_answer({"items": items, "free": free, "conflicting": len(items) - free})
    copied = day_copies.copy_day(actor, plan, skip_conflicts=skip_conflicts)
    return json_answer({"bookings": copied.bookings, "skipped": copied.skipped}, 201)
