"""The pages of admission: the way in behind an event's QR code, and the door's for staff."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, ParamSpec

from flask import (
    Blueprint,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

import eventloop
from app import gates
from app.gates import current_actor
from app.services import (
    admission,
    attendee_import,
    clock,
    events,
    one_time_codes,
    qr_codes,
    settings,
)
from app.services.errors import Gone, InvalidInput, NotFound, RateLimited, Unauthenticated
from app.services.policy import require_staff
from app.services.table_import import Import
from app.views import one_time_codes as browser_codes
from app.views.api.payload import read_query

PAGE_SIZE = 50
MAX_TEXT = 400_000  # of a list; a form field may hold 500 kB
RESEND_SECONDS = 30  # before the page offers another code
_ASKED = "code_asked"  # in the session: for which code and address one was asked, until when

Answer = str | tuple[str, int] | Response
P = ParamSpec("P")

blueprint = Blueprint("admission", __name__)


# -- scanning the event's code ---------------------------------------------------------


def _friendly(view: Callable[P, Answer]) -> Callable[P, Answer]:
    """Say in this page's own words that a code names nothing, or nothing any more."""

    @wraps(view)
    def shown(*args: P.args, **kwargs: P.kwargs) -> Answer:
        try:
            return view(*args, **kwargs)
        except (NotFound, Gone) as error:
            status = 410 if isinstance(error, Gone) else 404
            return render_template("admission/closed.html", status=status, error=error), status

    return shown


@blueprint.get("/q/<qr>")
@_friendly
def scan(qr: str) -> Answer:
    """What a scan shows. It changes nothing: cameras and mail scanners fetch links."""
    return _scan_page(qr)


@blueprint.post("/q/<qr>/code")
@_friendly
def request_code(qr: str) -> Answer:
    email = request.form.get("email", "")[:254]
    try:
        seconds, token = browser_codes.request_code(qr, email)
    except InvalidInput as error:
        return _scan_page(qr, email=email, errors=error.errors), 422
    except RateLimited as error:
        return _scan_page(qr, email=email, message=_wait_text(error)), 429
    session[_ASKED] = {
        "qr": qr,
        "email": email.strip().lower(),
        "at": int(clock.now().timestamp()),
        "seconds": seconds,
    }
    response = redirect(url_for(".scan", qr=qr), 303)
    browser_codes.remember_browser(response, token)
    return response


@blueprint.post("/q/<qr>/verify")
@_friendly
def verify_code(qr: str) -> Answer:
    asked = _asked(qr)
    if asked is None:
        return _scan_page(
            qr, message=gettext("That took too long. Please ask for a code again.")
        ), 401
    try:
        sign_in, event = browser_codes.verify_code(
            qr, asked["email"], request.form.get("code", "")[:32]
        )
    except InvalidInput as error:
        return _scan_page(qr, errors=error.errors), 422
    except Unauthenticated as error:
        return _scan_page(qr, errors={"code": [error.detail]}), 401
    except RateLimited as error:
        return _scan_page(qr, message=_wait_text(error)), 429
    gates.start_browser_session(sign_in)
    return redirect(_agenda_path(event.slug), 303)


@blueprint.post("/q/<qr>/other")
def another_address(qr: str) -> Response:
    """Back to the first step."""
    session.pop(_ASKED, None)
    return redirect(url_for(".scan", qr=qr), 303)


def _scan_page(
    qr: str,
    *,
    email: str = "",
    errors: Mapping[str, Iterable[str]] | None = None,
    message: str = "",
) -> str:
    event = admission.find_event(qr)
    actor = current_actor()
    asked = _asked(qr)
    is_in = actor is not None and admission.is_admitted(actor, event.id, event.admission)
    return render_template(
        "admission/scan.html",
        event=event,
        qr=qr,
        asked=asked,
        resend_in=asked and max(0, asked["at"] + RESEND_SECONDS - int(clock.now().timestamp())),
        minutes=int(one_time_codes.LIFETIME.total_seconds() // 60),
        values={"email": email or (actor.email if actor else "")},
        errors=errors,
        message=message,
        texts=settings.current(),
        agenda_url=_agenda_path(event.slug) if is_in else None,
    )


def _asked(qr: str) -> dict[str, Any] | None:
    """What was asked for with this QR code by this browser, while it is good."""
    asked = session.get(_ASKED)
    if not asked or asked["qr"] != qr:
        return None
    return asked if clock.now().timestamp() < asked["at"] + asked["seconds"] else None


def _wait_text(error: RateLimited) -> str:
    minutes = -(-error.retry_after // 60)
    return ngettext(
        "That was asked too often. Please try again in %(num)d minute.",
        "That was asked too often. Please try again in %(num)d minutes.",
        minutes,
    )


def _agenda_path(slug: str) -> str:
    return f"/agenda/{slug}"


# -- the door, for staff ---------------------------------------------------------------


def _for_staff(view: Callable[P, Answer]) -> Callable[P, Answer]:
    """Send guests to sign in, and back; refuse everybody else who is not staff."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Answer:
        actor = current_actor()
        if actor is None:
            sign_in = current_app.appbuilder.get_url_for_login  # type: ignore[attr-defined]
            return redirect(f"{sign_in}?next={request.path}")
        require_staff(actor)
        return view(*args, **kwargs)

    return checked


@blueprint.get("/check-in")
@_for_staff
def list_events() -> Answer:
    return render_template("admission/events.html", events=events.list_events(current_actor()))


@blueprint.get("/check-in/<slug>")
@_for_staff
def door(slug: str) -> Answer:
    return _door_page(slug)


@blueprint.post("/check-in/<slug>")
@_for_staff
def check_in(slug: str) -> Answer:
    [attendee] = admission.check_in(current_actor(), slug, [request.form.get("email", "")[:254]])
    flash(gettext("%(name)s is checked in.", name=str(attendee)), "success")
    return _back_to_door(slug)


@blueprint.post("/check-in/<slug>/undo")
@_for_staff
def undo_check_in(slug: str) -> Answer:
    attendee_id = request.form.get("attendee_id", default=0, type=int)
    attendee = admission.undo_check_in(current_actor(), slug, attendee_id)
    flash(gettext("%(name)s is not checked in any more.", name=str(attendee)), "info")
    return _back_to_door(slug)


@blueprint.post("/check-in/<slug>/walk-in")
@_for_staff
def add_walk_in(slug: str) -> Answer:
    """Somebody who is not on the list, and stands here."""
    actor, values = current_actor(), request.form
    try:
        attendee = admission.add_attendee(
            actor, slug, name=values.get("name", ""), email=values.get("email", "")
        )
    except InvalidInput as error:
        return _door_page(slug, values=values, errors=error.errors), 422
    admission.check_in(actor, slug, [attendee.email])
    flash(gettext("%(name)s is checked in.", name=str(attendee)), "success")
    return _back_to_door(slug)


def _door_page(
    slug: str,
    *,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, Iterable[str]] | None = None,
) -> str:
    actor = current_actor()
    query = read_query()
    words = query.text("q", max_length=200) or ""
    page, _ = query.paging()
    query.check()
    event = events.get_event(slug)
    found = admission.list_attendees(actor, slug, words, page=page, page_size=PAGE_SIZE)
    checked_in, total = admission.count_attendees(actor, slug)
    return render_template(
        "admission/door.html",
        event=event,
        attendees=found.items,
        found=found.total,
        words=words,
        page=page,
        pages=-(-found.total // PAGE_SIZE),
        checked_in=checked_in,
        total=total,
        values=values or {"email": words if "@" in words else ""},
        errors=errors,
    )


def _back_to_door(slug: str) -> Response:
    """The list as it was searched."""
    words = request.form.get("q", "")[:200]
    return redirect(url_for(".door", slug=slug, q=words or None), 303)


# -- badges ----------------------------------------------------------------------------


@blueprint.get("/check-in/badge/<badge>")
@_for_staff
def show_badge(badge: str) -> Answer:
    """Where a phone's own camera leads from a badge."""
    attendee, event = admission.find_by_badge(current_actor(), badge)
    return render_template("admission/badge.html", attendee=attendee, event=event)


@blueprint.post("/check-in/badge/<badge>")
@_for_staff
def check_in_badge(badge: str) -> Answer:
    admission.check_in_badge(current_actor(), badge)
    return redirect(url_for(".show_badge", badge=badge), 303)


# -- on paper --------------------------------------------------------------------------


@blueprint.get("/check-in/<slug>/print")
@_for_staff
def printing(slug: str) -> Answer:
    event = events.get_event(slug)
    _, total = admission.count_attendees(current_actor(), slug)
    return render_template(
        "admission/print.html", event=event, url=admission.qr_url(event), total=total
    )


@blueprint.get("/check-in/<slug>/qr.<any(svg, png, pdf):kind>")
@_for_staff
def qr_picture(slug: str, kind: str) -> Answer:
    event = events.get_event(slug)
    url = admission.qr_url(event)
    return _file(qr_codes.picture(event, url, kind), kind, f"{slug}-qr.{kind}")


@blueprint.get("/check-in/<slug>/badges.pdf")
@_for_staff
def badges(slug: str) -> Answer:
    words = request.args.get("q", "")[:200]
    event = events.get_event(slug)
    found = admission.list_badges(current_actor(), slug, words)
    sheet = eventloop.offload(qr_codes.badge_sheet, event.title, found)  # 10 ms a badge
    return _file(sheet, "pdf", f"{slug}-badges.pdf")


@blueprint.post("/check-in/<slug>/rotate")
@_for_staff
def rotate_code(slug: str) -> Answer:
    admission.rotate_code(current_actor(), slug)
    flash(
        gettext("The old code has ended. Print the new one before you take posters down."),
        "success",
    )
    return redirect(url_for(".printing", slug=slug), 303)


def _file(content: bytes, kind: str, name: str) -> Response:
    response = make_response(content)
    response.mimetype = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}[kind]
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


# -- lists of attendees ----------------------------------------------------------------


@blueprint.get("/check-in/<slug>/import")
@_for_staff
def import_form(slug: str) -> Answer:
    return _import_page(slug)


@blueprint.post("/check-in/<slug>/import")
@_for_staff
def import_attendees(slug: str) -> Answer:
    """First shown, then taken: the second form carries the same text."""
    try:
        text = _uploaded()
        is_sure = "import" in request.form
        done = attendee_import.import_attendees(current_actor(), slug, text, dry_run=not is_sure)
    except InvalidInput as error:
        return _import_page(slug, errors=error.errors), 422
    if not is_sure:
        return _import_page(slug, text=text, preview=done)
    flash(
        gettext(
            "%(added)d added, %(changed)d changed.",
            added=done.count("add"),
            changed=done.count("change"),
        ),
        "success",
    )
    return redirect(url_for(".door", slug=slug), 303)


def _uploaded() -> str:
    file = request.files.get("file")
    if file is None or not file.filename:
        return request.form.get("text", "")
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(
            {"file": [gettext("This file is not UTF-8. In Excel, save it as “CSV UTF-8”.")]}
        ) from None
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            {"file": [gettext("Too large for a page. Use: flask booking import-attendees")]}
        )
    return text


def _import_page(
    slug: str,
    *,
    text: str = "",
    preview: Import | None = None,
    errors: Mapping[str, Iterable[str]] | None = None,
) -> str:
    return render_template(
        "admission/import.html",
        event=events.get_event(slug),
        text=text,
        preview=preview,
        errors=errors,
    )
