"""The agenda's pages: what runs when and where, seats, and one's own schedule.

They work without scripts: filters are a form, days are links, a seat is a post. With
scripts the same markup comes alive (`static/js/agenda/`).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    get_template_attribute,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from app.gates import current_actor, found_agenda
from app.services import agenda, clock, colours, languages, local_text, seats, settings, waitlist
from app.services.errors import DomainError, NotFound, Overlap, SessionFull, Unauthenticated
from app.services.personal_schedule import read_personal_schedule
from app.services.policy import ACCOUNT
from app.services.transaction import end_reading
from app.views.agenda_days import (
    VIEWS,
    Filters,
    Row,
    choices,
    day_shown,
    days_of,
    instant,
    lay_out,
    plan,
    room_order,
    state_of,
)
from app.views.calendar_feed import change_calendar_feed, describe_calendar_feed

COMMANDS = {
    "book": seats.book_seat,
    "release": seats.release_seat,
    "wait": waitlist.join,
    "leave": waitlist.leave,
}
MAX_REPLACED = 50
MAX_ROWS = 8192  # of a large agenda, each for guests and attendees, and of some views
MAX_LINK = 200  # characters of a link whose rows are kept

_TAG = re.compile(r"</?[a-z][a-z0-9]*(\s[^<>]*)?/?>", re.IGNORECASE)
_LIST_ITEM = re.compile(r"<li(\s[^<>]*)?>", re.IGNORECASE)
_BLOCK = re.compile(r"</?(p|br|div|ul|ol|h[1-6]|pre|blockquote)(\s[^<>]*)?/?>", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n\s*\n")

Answer = str | tuple[str, int] | AnyResponse

blueprint = Blueprint("agenda_pages", __name__)


@blueprint.app_template_filter()
def date_name(date: str, form: str = "short") -> str:
    """`Sat 12 Dec`, of a conference day."""
    return local_text.day_text(datetime.fromisoformat(date), form)


@blueprint.app_template_filter()
def paragraphs(text: str) -> list[str]:
    """What an organiser wrote, often as HTML, as the paragraphs of plain text in it."""
    if _TAG.search(text):
        text = _TAG.sub("", _LIST_ITEM.sub("\n\n• ", _BLOCK.sub("\n\n", text)))
        text = unescape(text)
    return [part.strip() for part in _BLANK_LINES.split(text) if part.strip()]


@blueprint.app_template_filter()
def span_name(minutes: int) -> str:
    """`25 min`, `1 h 10 min`; nothing for none."""
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return gettext("%(hours)d h %(minutes)d min", hours=hours, minutes=rest)
    if hours:
        return gettext("%(n)d h", n=hours)
    return gettext("%(n)d min", n=rest) if rest else ""


@blueprint.get("/agenda/<slug>")
def show(slug: str) -> Answer:
    try:
        shown = agenda.show_agenda(current_actor(), slug, found_agenda())
    except (NotFound, Unauthenticated) as error:
        return _closed(slug, error)
    now = clock.now()
    filters = Filters.of(request.args)
    sessions = shown.sessions
    found = [session for session in sessions if filters.admit(session)]
    dates = days_of(shown)
    date = day_shown(shown, request.args.get("day"), now)
    details = _details(sessions, request.args.get("session", type=int))
    if details and request.args.get("day") is None:
        date = details["day"]
    view = request.args.get("view")
    waiting = waitlist.list_own(current_actor(), shown.event_id) if shown.is_waiting else []
    end_reading()
    return render_template(
        "agenda/agenda.html",
        event=shown.event,
        version=shown.version,
        dates=dates,
        counts={day: sum(each["day"] == day for each in found) for day in dates},
        day=lay_out(found, date, ZoneInfo(shown.event["time_zone"]), now),
        view=view if view in VIEWS else "auto",
        filters=filters,
        rooms=room_order(sessions),
        tracks=choices(sessions, "track"),
        session_languages=choices(sessions, "language"),
        has_capacities=any(session["capacity"] is not None for session in sessions),
        is_running=any(
            instant(each["starts_at"]) <= now < instant(each["ends_at"]) for each in sessions
        ),
        details=details,
        waiting=waiting,
        link=lambda **changes: _link(slug, filters, date, view, **changes),
        row_of=_rows(_link(slug, filters, date, view, session="")),
        can_book=current_actor() is not None,
        reader=_reader(),
    )


@blueprint.post("/agenda/<slug>")
def act(slug: str) -> Answer:
    """A button of a page without scripts: book, release, wait or leave."""
    form = request.form
    [name] = [name for name in COMMANDS if name in form][:1] or ["book"]
    session_id = form.get(name, default=0, type=int)
    replace = form.getlist("replace")[:MAX_REPLACED]
    if not 0 < session_id < 2**31:
        raise NotFound
    try:
        if name == "book":
            seats.book_seat(current_actor(), session_id, replace=replace)
        else:
            COMMANDS[name](current_actor(), session_id)
    except Overlap as error:
        return _question("agenda/replace.html", slug, session_id, error), 409
    except SessionFull as error:
        return _question("agenda/full.html", slug, session_id, error), 409
    except (NotFound, Unauthenticated):
        raise
    except DomainError as error:
        flash(error.detail, "danger")
    else:
        flash(_done(name, replaced=bool(replace)), "success")
    if form.get("to") == "mine":
        return redirect(url_for(".mine", slug=slug), 303)
    back = _link(slug, Filters.of(form), form.get("day"), form.get("view"))
    return redirect(f"{back}#session-{session_id}", 303)


@blueprint.get("/agenda/<slug>/mine")
def mine(slug: str) -> Answer:
    return _mine(slug)


@blueprint.post("/agenda/<slug>/mine")
def change_feed(slug: str) -> Answer:
    """The calendar link's buttons; the answer shows a new link, once."""
    try:
        read_personal_schedule(current_actor(), slug)
    except (NotFound, Unauthenticated) as error:
        return _closed(slug, error)
    return _mine(slug, change_calendar_feed(_shared_event(slug)))


def _mine(slug: str, feed_token: str | None = None) -> Answer:
    try:
        schedule = read_personal_schedule(current_actor(), slug)
    except (NotFound, Unauthenticated) as error:
        return _closed(slug, error)
    return render_template(
        "agenda/mine.html",
        event=schedule.event,
        version=schedule.version,
        days=plan(schedule.bookings, ZoneInfo(schedule.event.time_zone), clock.now()),
        waiting=schedule.waiting,
        feed=describe_calendar_feed(
            url_for(".change_feed", slug=slug), _shared_event(slug), feed_token
        ),
        reader=_reader(),
    )


def _shared_event(slug: str) -> str | None:
    """An account shares everything; an agenda's sign-in reaches the seats at its event."""
    actor = current_actor()
    return None if actor and actor.audience == ACCOUNT else slug


@blueprint.get("/agenda/<slug>/manifest.webmanifest")
def manifest(slug: str) -> Response:
    """What makes the agenda an app on the home screen."""
    kept = settings.current()
    name = kept.product_name
    language = languages.current()
    content = {
        "name": gettext("%(product)s agenda", product=name),
        "short_name": name,
        "lang": language.code,
        "dir": language.direction,
        "id": url_for(".show", slug=slug),
        "start_url": url_for(".show", slug=slug),
        "scope": "/agenda/",
        "display": "standalone",
        "background_color": colours.LIGHT["canvas"],
        "theme_color": kept.accent,
        "icons": [
            {
                "src": url_for("static", filename="img/mark.svg"),
                "type": "image/svg+xml",
                "sizes": "any",
            }
        ],
    }
    return Response(orjson.dumps(content), mimetype="application/manifest+json")


@blueprint.get("/service-worker.js")
def service_worker() -> Response:
    """From the root, so that it may serve `/agenda/`."""
    folder = f"{current_app.static_folder}/js/agenda"
    response = send_from_directory(folder, "service-worker.js", mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.after_request
def name_reader(response: Response) -> Response:
    """Tell the service worker whose page this is: it keeps none for anybody else."""
    if request.method == "GET" and response.mimetype == "text/html":
        response.headers["X-Reader"] = _reader()
    return response


# -- pieces ----------------------------------------------------------------------------


def _rows(link: str) -> Callable[[Row], Markup]:
    """Makes rows for who reads now; `link` is a session's address up to its id."""
    sign_in = None
    if current_actor() is None:
        sign_in = current_app.appbuilder.get_url_for_login  # type: ignore[attr-defined]
    language = languages.current().code
    make = _row if len(link) <= MAX_LINK else _row.__wrapped__  # a visitor chooses how long
    return lambda row: make(row, link, sign_in, language)


@lru_cache(maxsize=MAX_ROWS)
def _row(row: Row, link: str, sign_in: str | None, _language: str) -> Markup:
    """A session's row, made once for all who see the same in it.

    Whatever it shows is an argument, so it cannot be stale: when a seat is taken, that
    session's row is made anew, and no other.
    """
    made: Markup = get_template_attribute("agenda/_sessions.html", "row")(row, link, sign_in)
    return made


def _details(sessions: list[dict[str, Any]], session_id: int | None) -> dict[str, Any] | None:
    """The session that the address names, in full; nothing where it is not of this event."""
    if session_id is None or not any(each["id"] == session_id for each in sessions):
        return None
    session = agenda.get_session(current_actor(), session_id)
    now = clock.now()
    starts_at, ends_at = instant(session["starts_at"]), instant(session["ends_at"])
    return session | {
        "state": state_of(session, now),
        "is_now": starts_at <= now < ends_at,
        "is_over": ends_at <= now,
        "minutes": round((ends_at - starts_at).total_seconds() / 60),
    }


def _question(template: str, slug: str, session_id: int, error: DomainError) -> str:
    """A refusal with a way on: both sides, and the buttons."""
    shown = agenda.show_agenda(current_actor(), slug)
    return render_template(
        template,
        event=shown.event,
        wanted=agenda.get_session(current_actor(), session_id),
        booked=[session for session in shown.sessions if session["booked"]],
        back=_link(
            slug, Filters.of(request.form), request.form.get("day"), request.form.get("view")
        ),
        **error.extra,
    )


def _closed(slug: str, error: DomainError) -> tuple[str, int]:
    actor = current_actor()
    status = 404 if isinstance(error, NotFound) else 401
    if actor is None and status == 404:
        raise error
    other = actor is not None and actor.audience != ACCOUNT
    return render_template("agenda/closed.html", slug=slug, is_elsewhere=other), status


def _link(
    slug: str,
    filters: Filters,
    date: str | None,
    shown_as: str | None,
    /,
    **changes: Any,
) -> str:
    """The agenda as it is asked for now, but for `changes`; None leaves one out."""
    query: MultiDict[str, str] = MultiDict(filters.pairs())
    query.update({name: value for name, value in (("day", date), ("view", shown_as)) if value})
    for name, value in changes.items():
        query.setlist(name, [] if value is None else [str(value)])
    return url_for(".show", slug=slug, **query.to_dict(flat=False))


def _done(name: str, *, replaced: bool) -> str:
    if name == "book":
        return gettext("Replaced. You have the seat.") if replaced else gettext("Booked.")
    if name == "release":
        return gettext("Cancelled. Your seat goes to somebody else.")
    if name == "wait":
        return gettext("You are on the waitlist. We mail you when a seat is yours.")
    return gettext("You left the waitlist.")


def _reader() -> str:
    """A name for this sign-in that tells nothing about it."""
    actor = current_actor()
    if actor is None or actor.sign_in_id is None:
        return "guest"
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, f"reader:{actor.sign_in_id}".encode(), sha256).hexdigest()[:24]
