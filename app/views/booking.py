"""The public pages: start, experts, the booker, and a guest's own booking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from app.errors import status_of
from app.gates import current_actor, is_embedded
from app.models import EventType, Expert
from app.services import (
    appointments,
    approvals,
    bookings,
    cancellation,
    clock,
    event_types,
    events,
    experts,
    guests,
    slots,
)
from app.services.appointments import Client
from app.services.errors import Gone, InvalidInput, NotFound, NotOffered, Overlap, SlotTaken
from app.services.manage_links import manage_token
from app.services.policy import require_account
from app.services.rescheduling import count_in_slot
from app.views.api.bookings import calendar_file
from app.views.api.payload import Fields, read_query
from app.views.shown_booking import google_url, is_soon, outlook_url, state_of

HOME_EXPERTS = 5
PAGE_SIZE = 20
PLAIN_SPAN = timedelta(days=20)
PREFILLED = {"name": 128, "email": 254, "phone": 40, "notes": 2000}  # by query, and how long
FRAMED = ("embed", "theme", "tz", *PREFILLED)  # what links in a frame keep

Page = str | tuple[str, int]

blueprint = Blueprint("booking_pages", __name__)


@blueprint.app_context_processor
def frame_context() -> dict[str, Any]:
    """What links of a page in a frame of another site keep, so that it stays one."""
    if request.args.get("embed") != "1":
        return {"frame": {}}
    return {"frame": {name: request.args[name] for name in FRAMED if name in request.args}}


@blueprint.get("/")
def home() -> str:
    found = experts.list_experts(page=1, page_size=HOME_EXPERTS)
    return render_template(
        "booking/home.html", experts=found.items, event=events.find_next_public()
    )


@blueprint.get("/experts")
def list_experts() -> str:
    query = read_query()
    words = query.text("q", max_length=200) or ""
    page, _ = query.paging()
    query.check()
    found = experts.list_experts(words, page=page, page_size=PAGE_SIZE)
    return render_template(
        "booking/experts.html",
        experts=found.items,
        query=words,
        total=found.total,
        page=page,
        pages=-(-found.total // PAGE_SIZE),
    )


@blueprint.get("/expert/<int:expert_id>")
def expert_by_id(expert_id: int) -> AnyResponse:
    expert = experts.get_expert_by_id(expert_id)
    return redirect(url_for(".show_expert", slug=expert.slug))


# -- a guest's booking ---------------------------------------------------------------


@blueprint.get("/b/<token>")
def manage(token: str) -> str:
    booking = guests.get_booking(token)
    expert = experts.get_host(booking["expert"]["slug"])
    slug, type_slug = booking["expert"]["slug"], booking["event_type"]["slug"]
    is_here = expert.user.active  # else the booking stands, and there are no other times
    return render_template(
        "booking/manage.html",
        booking=booking,
        expert=experts.describe(expert),
        token=token,
        state=state_of(booking),
        moved="moved" in request.args,  # a moment ago, on this page
        is_soon=is_soon(booking),
        ics_url=url_for(".booking_file", token=token),
        google_url=google_url(booking),
        outlook_url=outlook_url(booking),
        data_url=url_for("api_bookings.download_data", token=token),
        reschedule_url=is_here and url_for(".reschedule", token=token),
        rebook_url=is_here and url_for(".booker", slug=slug, type_slug=type_slug),
    )


@blueprint.get("/b/<token>.ics")
def booking_file(token: str) -> Response:
    return calendar_file(guests.get_booking(token))


@blueprint.get("/b/<token>/reschedule")
def reschedule(token: str) -> Page:
    booking = guests.get_booking(token)
    return _booker(
        booking["expert"]["slug"],
        booking["event_type"]["slug"],
        booking,
        {"token": token, "done_url": url_for(".manage", token=token, moved="")},
    )


# -- a host's answer to a request, from the mail -------------------------------------


@blueprint.get("/b/<token>/decide")
def decide(token: str) -> str:
    return _decision(token)


@blueprint.post("/b/<token>/decide")
def answer_request(token: str) -> Page | AnyResponse:
    form = Fields(request.form.to_dict(), from_text=True)
    decision = form.choice("decision", ("accept", "decline"), required=True)
    reason = form.text("reason", max_length=cancellation.MAX_REASON) or ""
    try:
        form.check()
        approvals.decide(token, decision, reason=reason)
    except InvalidInput as error:
        return _decision(token, request.form, error.errors), 422
    except Gone as error:  # withdrawn or expired meanwhile: the page says which
        return _decision(token, request.form, {"decision": [error.detail]}), 410
    return redirect(url_for(".decide", token=token), 303)


def _decision(
    token: str,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, Iterable[str]] | None = None,
) -> str:
    booking = approvals.get_request(token)
    return render_template(
        "booking/decide.html",
        booking=booking,
        state=state_of(booking),
        token=token,
        zone=experts.get_expert(booking["expert"]["slug"]).time_zone,
        values=values or {},
        errors=errors,
    )


# -- an expert's pages, by slug: the last routes -------------------------------------


@blueprint.get("/<slug>")
def show_expert(slug: str) -> str | AnyResponse:
    try:
        expert = experts.get_expert(slug)
    except NotFound:
        return _redirect(url_for(".show_expert", slug=_moved_to(slug)))
    return render_template(
        "booking/expert.html",
        expert=experts.describe(expert),
        event_types=event_types.list_public(expert),
        is_own=_is_own(expert),
    )


@blueprint.get("/<slug>/<type_slug>")
def booker(slug: str, type_slug: str) -> Page | AnyResponse:
    uid = request.args.get("reschedule")
    if uid is None:
        try:
            return _booker(slug, type_slug)
        except NotFound:
            moved = _moved_to(slug)
            return _redirect(url_for(".booker", slug=moved, type_slug=type_slug))
    booking = bookings.get_booking(require_account(current_actor()), uid)
    return _booker(
        slug,
        type_slug,
        booking,
        {
            "uid": uid,
            "done_url": url_for("account_pages.my_bookings"),
            "in_slot": count_in_slot(current_actor(), uid),
        },
    )


def _booker(
    slug: str,
    type_slug: str,
    moving: Mapping[str, Any] | None = None,
    how: Mapping[str, Any] | None = None,
) -> Page:
    """The booker; `moving` is a booking that gets another time, `how` the way to it."""
    event_type = event_types.get_public(slug, type_slug)
    if not event_type.is_active:
        return _closed(event_type)
    if moving is not None:
        _require_movable(moving)
    return render_template(
        "booking/booker.html",
        expert=experts.describe(event_type.expert),
        event_type=event_types.describe_public(event_type),
        prefill=_prefill(),
        asks_again=event_type.requires_approval and not _is_own(event_type.expert),
        preview=_is_preview(),
        is_embedded=is_embedded() or (_is_preview() and request.args.get("embed") == "1"),
        reschedule=moving,
        reschedule_data=moving
        and {
            **(how or {}),
            "title": moving["title"],
            "version": moving["version"],
            "starts_at": moving["starts_at"],
        },
    )


def _closed(event_type: EventType) -> Page:
    """In place of a booker: what else its expert offers."""
    expert = event_type.expert
    page = render_template(
        "booking/closed.html",
        expert=experts.describe(expert),
        event_type=event_types.describe_public(event_type),
        event_types=event_types.list_public(expert),
        is_own=_is_own(expert),
    )
    return page, 410


def _prefill() -> dict[str, str]:
    """What the form starts with: what the address says, else who is signed in."""
    actor = current_actor()
    known = {"name": actor.name, "email": actor.email} if actor else {}
    return {
        name: request.args.get(name, known.get(name, ""))[:length]
        for name, length in PREFILLED.items()
    }


def _is_own(expert: Expert) -> bool:
    """Whether the expert is the one who looks."""
    actor = current_actor()
    return actor is not None and actor.user_id == expert.user_id


def _is_preview() -> bool:
    """Whether it is only looked at: in the frame beside an event type's form, or beside it."""
    return request.args.get("preview") == "1"


def _require_movable(booking: Mapping[str, Any]) -> None:
    if booking["kind"] != "appointment":
        raise NotFound
    state = state_of(booking)
    if state not in {"upcoming", "pending"}:
        raise Gone(
            gettext("This booking is cancelled.")
            if state == "cancelled"
            else gettext("This booking is over.")
        )


def _redirect(path: str) -> AnyResponse:
    """To where this page is now; a link's query says the same there."""
    query = urlencode(list(request.args.items(multi=True)))
    return redirect(f"{path}?{query}" if query else path, 301)


def _moved_to(slug: str) -> str:
    expert = experts.find_moved(slug)
    if expert is None:
        raise NotFound
    return expert.slug


# -- the same without scripts --------------------------------------------------------


@blueprint.get("/<slug>/<type_slug>/plain")
def plain_booker(slug: str, type_slug: str) -> str:
    return _plain_booker(slug, type_slug)


@blueprint.post("/<slug>/<type_slug>/plain")
def book_plainly(slug: str, type_slug: str) -> str | tuple[str, int] | AnyResponse:
    form = Fields(request.form.to_dict(), from_text=True)
    starts_at = form.instant("starts_at", required=True)
    client = Client(
        name=form.text("name", required=True, max_length=128),
        email=form.text("email", required=True, max_length=254),
        phone=form.text("phone", max_length=40) or "",
        notes=form.text("notes", max_length=5000) or "",
    )
    try:
        form.check()
        event_type = event_types.get_public(slug, type_slug)
        booked = appointments.book_appointment(current_actor(), event_type.id, starts_at, client)
    except InvalidInput as error:
        return _plain_booker(slug, type_slug, request.form, error.errors), 422
    except (SlotTaken, NotOffered, Overlap) as error:
        errors = {"starts_at": [error.detail]}
        return _plain_booker(slug, type_slug, request.form, errors), status_of(error)
    return redirect(url_for(".manage", token=manage_token(booked.booking["uid"])), 303)


def _plain_booker(
    slug: str,
    type_slug: str,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, Iterable[str]] | None = None,
) -> str:
    event_type = event_types.get_public(slug, type_slug)
    expert = experts.describe(event_type.expert)
    today = clock.now().astimezone(ZoneInfo(expert["time_zone"])).date()
    free = slots.list_slots(slug, type_slug, today, today + PLAIN_SPAN)
    return render_template(
        "booking/plain.html",
        expert=expert,
        event_type=event_types.describe_public(event_type),
        days=free.days,
        values=values or _prefill(),
        errors=errors,
    )
