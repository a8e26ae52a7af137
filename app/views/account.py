"""The pages of an account: register, profile, bookings, and an expert's dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask_appbuilder.utils.base import get_safe_redirect
from flask_babel import gettext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from app import gates, i18n, limits
from app.gates import current_actor
from app.services import (
    accounts,
    bookings,
    busy_calendars,
    clock,
    credentials,
    event_types,
    events,
    experts,
    holidays,
    languages,
    profiles,
    qr_codes,
    rooms,
    settings,
)
from app.services.errors import EmailTaken, InvalidInput, NotAllowed, NotFound
from app.services.policy import ACCOUNT, EXPERT, Actor, require_account
from app.views.api.payload import read_query
from app.views.calendar_feed import change_calendar_feed, describe_calendar_feed
from app.views.local_time import zone_choices
from app.views.shown_booking import is_over, is_soon

PAGE_SIZE = 30
UPCOMING = 12  # on the dashboard
REMINDERS = (15, 60, 180, 1440, 2880, 10080)  # minutes before the start, to choose from
SHOWN = ("upcoming", "past", "cancelled")
KINDS = ("appointment", "seat", "reservation")

blueprint = Blueprint("account_pages", __name__)


@blueprint.app_context_processor
def page_context() -> dict[str, Any]:
    """What base.html needs on every page."""
    actor: Actor | None = g.get("actor")  # never resolved here: this also renders refusals
    kept = settings.current()
    return {
        "product_name": kept.product_name,
        "theme_version": kept.version if kept.has_own_accent else 0,
        "now": clock.now(),
        "tomorrow": tomorrow,
        "sign_in_url": current_app.appbuilder.get_url_for_login,  # type: ignore[attr-defined]
        "navigation": _navigation(actor),
        "account_navigation": _account_navigation(actor),
    }


# -- coming in -----------------------------------------------------------------------


@blueprint.get("/register")
def register() -> str | Response:
    if current_actor():
        return redirect(url_for(".profile"))
    return _register_form({})


@blueprint.post("/register")
def create_account() -> str | tuple[str, int] | Response:
    limits.count_registration()
    values = request.form
    try:
        user = accounts.create_account(
            values.get("name", ""),
            values.get("email", ""),
            values.get("password", ""),
            time_zone=values.get("time_zone") or None,
            language=i18n.asked(),
        )
    except InvalidInput as error:
        return _register_form(values, error.errors), 422
    except EmailTaken as error:
        return _register_form(values, {"email": [error.detail]}, taken=True), 409
    gates.start_browser_session(credentials.sign_in_registered(user.id))
    return redirect(url_for(".profile"))


def _register_form(
    values: Mapping[str, str],
    errors: Mapping[str, Iterable[str]] | None = None,
    *,
    taken: bool = False,
) -> str:
    return render_template("account/register.html", values=values, errors=errors, taken=taken)


@blueprint.get("/change-password")
def change_password() -> str | Response:
    return _password_form()


@blueprint.post("/change-password")
def replace_password() -> str | tuple[str, int] | Response:
    if (actor := current_actor()) is None:
        return _to_sign_in()
    limits.count_sign_in(actor.email)
    try:
        credentials.change_password(
            actor,
            request.form.get("current_password", ""),
            request.form.get("new_password", ""),
        )
    except InvalidInput as error:
        return _password_form(error.errors), 422
    flash(gettext("Your password is changed. Your other sessions have ended."), "success")
    # Who had to change it goes on to where they were going.
    onward = "/" if actor.must_change_password else url_for(".profile")
    return redirect(get_safe_redirect(request.args.get("next", onward)), 303)


def _password_form(errors: Mapping[str, Iterable[str]] | None = None) -> str | Response:
    actor = current_actor()
    if actor is None:
        return _to_sign_in()
    if actor.audience != ACCOUNT:
        raise NotAllowed(gettext("This sign-in by code has no password."))
    return render_template(
        "account/change_password.html", errors=errors, is_forced=actor.must_change_password
    )


@blueprint.post("/sign-out")
def sign_out() -> Response:
    gates.sign_out_browser()
    return redirect(url_for("booking_pages.home"))


# -- profile -------------------------------------------------------------------------


@blueprint.get("/profile")
def profile() -> str | Response:
    return _profile_form()


@blueprint.post("/profile")
def update_profile() -> str | tuple[str, int] | Response:
    try:
        profiles.update_profile(
            current_actor(),
            name=request.form.get("name", ""),
            time_zone=request.form.get("time_zone", ""),
            language=request.form.get("language") or None,
        )
    except InvalidInput as error:
        return _profile_form(values=request.form, errors=error.errors), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".profile"))


@blueprint.post("/become-expert")
def become_expert() -> str | tuple[str, int] | Response:
    try:
        experts.become_expert(current_actor(), headline=request.form.get("headline"))
    except InvalidInput as error:
        return _profile_form(expert_values=request.form, expert_errors=error.errors), 422
    flash(
        gettext("You can be booked now. Add what you offer: a title and a length are enough."),
        "success",
    )
    return redirect(url_for(".dashboard"))


def _profile_form(
    *,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, Iterable[str]] | None = None,
    expert_values: Mapping[str, str] | None = None,
    expert_errors: Mapping[str, Iterable[str]] | None = None,
) -> str | Response:
    if (actor := current_actor()) is None:
        return _to_sign_in()
    return render_template(
        "account/profile.html",
        values=values
        or {
            "name": actor.name,
            "time_zone": _zone_of(actor),
            "language": actor.language or languages.current().code,
        },
        errors=errors,
        expert=_own_expert(actor),
        expert_values=expert_values or {},
        expert_errors=expert_errors,
        zones=zone_choices(),
        languages=[(each.code, each.name) for each in languages.LANGUAGES.values()],
    )


# -- bookings ------------------------------------------------------------------------


@blueprint.get("/my-bookings")
def my_bookings() -> str | Response:
    return _my_bookings()


@blueprint.post("/my-bookings")
def change_feed() -> str | Response:
    """The calendar link's buttons; the answer shows a new link, once."""
    return _my_bookings(change_calendar_feed(None))


def _my_bookings(feed_token: str | None = None) -> str | Response:
    if (actor := current_actor()) is None:
        return _to_sign_in()
    query = read_query()
    show = query.choice("show", SHOWN) or "upcoming"
    kind = query.choice("kind", KINDS)
    words = query.text("q", max_length=200) or ""
    page, _ = query.paging()
    query.check()
    version = profiles.calendar_version(actor)  # before the list: never newer than it
    found = bookings.list_bookings(
        actor,
        when=None if show == "cancelled" else show,
        status="cancelled" if show == "cancelled" else None,
        kind=kind,
        query=words,
        page=page,
        page_size=PAGE_SIZE,
    )
    expert = _own_expert(actor)
    return render_template(
        "account/my_bookings.html",
        bookings=found.items,
        show=show,
        kind=kind,
        words=words,
        total=found.total,
        page=page,
        pages=-(-found.total // PAGE_SIZE),
        zone=_zone_of(actor),
        own_slug=expert and expert["slug"],
        version=version,
        feed=_calendar_feed(actor, feed_token),
        **_nearness(found.items),
    )


def _calendar_feed(actor: Actor, token: str | None) -> dict[str, Any] | None:
    if actor.audience != ACCOUNT:
        return None
    return describe_calendar_feed(url_for(".change_feed"), None, token)


# -- an expert's dashboard -----------------------------------------------------------


@blueprint.get("/expert-dashboard")
def dashboard() -> str | Response:
    if (actor := current_actor()) is None:
        return _to_sign_in()
    try:
        expert = experts.own_expert(actor)
    except NotFound:
        flash(
            gettext("Become an expert first; then this is where you decide what can be booked."),
            "info",
        )
        return redirect(url_for(".profile"))
    version = profiles.calendar_version(actor)
    coming = bookings.list_bookings(actor, when="upcoming", page=1, page_size=UPCOMING)
    waiting = bookings.list_bookings(
        actor, when="upcoming", status="pending", page=1, page_size=UPCOMING
    )
    return render_template(
        "account/dashboard.html",
        expert=experts.describe(expert),
        event_types=event_types.list_own(actor, page=1, page_size=100).items,
        availability=experts.describe_availability(expert),
        busy_calendars=busy_calendars.list_own(actor),
        bookings=coming.items,
        requests=[each for each in waiting.items if each["expert"]["slug"] == expert.slug],
        more_bookings=max(0, coming.total - UPCOMING),
        countries=holidays.list_countries(),
        embed_origins=current_app.config["EMBED_ORIGINS"],
        zone=expert.time_zone,
        zones=zone_choices(),
        version=version,
        **_nearness(coming.items),
    )


@blueprint.get("/expert-dashboard/<int:event_type_id>")
def event_type(event_type_id: int) -> str | Response:
    if (actor := current_actor()) is None:
        return _to_sign_in()
    own = event_types.get_own(actor, event_type_id)
    shown = event_types.describe(own)
    return render_template(
        "account/event_type.html",
        event_type=shown,
        expert=experts.describe(own.expert),
        reminder_choices=sorted({*REMINDERS, *shown["reminder_minutes"]}),
        rooms=[(room.id, room.name) for room in rooms.list_rooms()],
    )


@blueprint.get("/expert-dashboard/qr.svg")
def qr_code() -> Response:
    """The code of one's page, or of the event type that `type` names."""
    query = read_query()
    event_type_id = query.integer("type", minimum=1)
    query.check()
    actor = require_account(current_actor())
    if event_type_id is None:
        url = experts.describe(experts.own_expert(actor))["url"]
    else:
        url = event_types.describe(event_types.get_own(actor, event_type_id))["url"]
    return Response(qr_codes.svg(url), mimetype="image/svg+xml")


# -- shared --------------------------------------------------------------------------


def _to_sign_in() -> Response:
    login = current_app.appbuilder.get_url_for_login  # type: ignore[attr-defined]
    return redirect(f"{login}?next={request.path}")


def _own_expert(actor: Actor) -> dict[str, Any] | None:
    try:
        return experts.describe(experts.own_expert(require_account(actor)))
    except NotFound:
        return None


def _nearness(shown: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Which bookings are joined now, and which are over."""
    return {
        "soon": {each["uid"] for each in shown if is_soon(each)},
        "over": {each["uid"] for each in shown if is_over(each)},
    }


def tomorrow(zone: str) -> str:
    """The day after this one in a zone, as a key."""
    return (clock.now().astimezone(ZoneInfo(zone)).date() + timedelta(days=1)).isoformat()


def _zone_of(actor: Actor) -> str:
    return actor.time_zone or current_app.config["DEFAULT_TIME_ZONE"]


def _navigation(actor: Actor | None) -> list[dict[str, str]]:
    if actor and actor.must_change_password:
        return []
    if actor and actor.audience != ACCOUNT:
        return _agenda_navigation(actor)
    items = [("booking_pages.list_experts", gettext("Experts"), "users")]
    if actor:
        items.append(("account_pages.my_bookings", gettext("My bookings"), "calendar-check"))
        if EXPERT in actor.roles:
            items.append(("account_pages.dashboard", gettext("Booking page"), "layout-dashboard"))
        if actor.is_staff:
            items.append(("scheduler_pages.show", gettext("Scheduler"), "layout-grid"))
            items.append(("HomeView.index", gettext("Back-office"), "settings"))
    return _links(items)


def _agenda_navigation(actor: Actor) -> list[dict[str, str]]:
    """Where an agenda's sign-in leads: this event, and nothing of an account."""
    try:
        slug = events.find_slug(int(actor.audience.removeprefix("agenda:")))
    except SQLAlchemyError:  # the page may be the one that says so
        return []
    items = [
        ("show", gettext("Agenda"), "calendar-days"),
        ("mine", gettext("My schedule"), "calendar-check"),
    ]
    return [
        {"href": url_for(f"agenda_pages.{endpoint}", slug=slug), "text": text, "icon": icon}
        for endpoint, text, icon in items
        if slug
    ]


def _account_navigation(actor: Actor | None) -> list[dict[str, str]]:
    if actor is None or actor.must_change_password or actor.audience != ACCOUNT:
        return []
    items = [("account_pages.profile", gettext("Profile"), "user-round")]
    if actor.is_staff:
        items.append(("admission.list_events", gettext("Check-in"), "scan-line"))
    return _links(items)


def _links(items: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [
        {"href": url_for(endpoint), "text": text, "icon": icon} for endpoint, text, icon in items
    ]
