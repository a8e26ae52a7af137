"""`/api/bookings`, `/api/manage`: everybody's bookings, and a guest's by its link."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext

from app.gates import current_actor
from app.services import (
    appointments,
    approvals,
    bookings,
    cancellation,
    guests,
    mail_messages,
    privacy,
    restoring,
)
from app.services.appointments import Client
from app.services.icalendar_export import booking_calendar
from app.services.manage_links import manage_url
from app.services.policy import require_signed_in
from app.services.rescheduling import reschedule_booking
from app.views.api.answers import idempotent, json_answer, page_answer
from app.views.api.payload import read_json, read_query

blueprint = Blueprint("api_bookings", __name__, url_prefix="/api")


@blueprint.post("/bookings")
@idempotent
def book() -> Response:
    body = read_json()
    event_type_id = body.integer("event_type_id", required=True, minimum=1)
    starts_at = body.instant("starts_at", required=True)
    client = Client(
        name=body.text("name", required=True, max_length=128),
        email=body.text("email", required=True, max_length=254),
        phone=body.text("phone", max_length=40) or "",
        notes=body.text("notes", max_length=5000) or "",
        time_zone=body.zone("time_zone"),
    )
    replace = body.texts("replace") or ()
    body.check()
    actor = current_actor()
    booked = appointments.book_appointment(actor, event_type_id, starts_at, client, replace=replace)
    return json_answer(
        {
            "booking": booked.booking if actor else guests.as_guest(booked.booking),
            "manage_url": manage_url(booked.booking["uid"]),
            "replaced": booked.replaced,
        },
        201,
    )


@blueprint.get("/bookings")
def list_own() -> Response:
    query = read_query()
    when = query.choice("when", ("upcoming", "past"))
    status = query.choice("status", ("pending", "confirmed", "cancelled"))
    kind = query.choice("kind", bookings.KINDS)
    words = query.text("q", max_length=200) or ""
    page, page_size = query.paging()
    query.check()
    return page_answer(
        bookings.list_bookings(
            current_actor(),
            when=when,
            status=status,
            kind=kind,
            query=words,
            page=page,
            page_size=page_size,
        )
    )


@blueprint.get("/bookings/<uid>")
def show(uid: str) -> Response:
    return json_answer({"booking": bookings.get_booking(current_actor(), uid)})


@blueprint.get("/bookings/<uid>.ics")
def download(uid: str) -> Response:
    return calendar_file(bookings.get_booking(current_actor(), uid))


@blueprint.patch("/bookings/<uid>")
@idempotent
def change(uid: str) -> Response:
    require_signed_in(current_actor())
    body = read_json()
    status = body.choice("status", ("confirmed", "cancelled"))
    starts_at = body.instant("starts_at")
    reason = body.text("reason", max_length=cancellation.MAX_REASON) or ""
    version = body.integer("version", minimum=0)
    with_group = body.boolean("with_group")
    body.check()
    if (status is None) == (starts_at is None):
        body.reject("status", gettext("Send either a status or a new starts_at."))
    body.check()
    if status == "cancelled":
        changed = cancellation.cancel_booking(current_actor(), uid, reason=reason, version=version)
    elif status:
        changed = restoring.confirm_booking(current_actor(), uid, version=version)
    else:
        changed = reschedule_booking(
            current_actor(),
            uid,
            starts_at,
            version=version,
            reason=reason,
            with_group=bool(with_group),
        )
    return json_answer({"booking": changed})


@blueprint.post("/manage/<token>")
@idempotent
def manage(token: str) -> Response:
    body = read_json()
    action = body.choice("action", ("cancel", "reschedule", "restore"), required=True)
    starts_at = body.instant("starts_at", required=action == "reschedule")
    reason = body.text("reason", max_length=cancellation.MAX_REASON) or ""
    body.check()
    if action == "cancel":
        changed = guests.cancel(token, reason=reason)
    elif action == "restore":
        changed = guests.restore(token)
    else:
        changed = guests.reschedule(token, starts_at, reason=reason)
    return json_answer({"booking": changed})


@blueprint.get("/manage/<token>/data")
def download_data(token: str) -> Response:
    answer = json_answer(privacy.export_by_link(token))
    answer.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return answer


@blueprint.delete("/manage/<token>")
def erase_data(token: str) -> Response:
    privacy.erase_by_link(token)
    return Response(status=204)


@blueprint.post("/requests/<token>")
@idempotent
def answer_request(token: str) -> Response:
    body = read_json()
    action = body.choice("action", (approvals.ACCEPT, approvals.DECLINE), required=True)
    reason = body.text("reason", max_length=cancellation.MAX_REASON) or ""
    body.check()
    return json_answer({"booking": approvals.decide(token, action, reason=reason)})


def calendar_file(booking: dict[str, object]) -> Response:
    """The booking as an `.ics` to keep."""
    response = Response(
        booking_calendar(booking, organizer=mail_messages.publisher(booking)),
        mimetype="text/calendar",
    )
    response.headers["Content-Disposition"] = 'attachment; filename="booking.ics"'
    return response
