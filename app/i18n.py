"""In which language a request is answered: the wiring of `app/services/languages.py`.

It is the one that the reader chose: an account's own, else this browser's cookie, else
what `Accept-Language` prefers (RFC 9110, 12.5.4), else `DEFAULT_LANGUAGE`.
"""

from __future__ import annotations

from babel import Locale, UnknownLocaleError, negotiate_locale
from flask import Flask, Response, current_app, g, has_request_context, request
from flask_babel import get_babel
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response as AnyResponse

from app.services import languages, local_text, meeting_links
from app.services.languages import LANGUAGES

COOKIE = "language"
_A_YEAR = 365 * 24 * 3600


def init_app(app: Flask) -> None:
    """Take the choice out of Flask-AppBuilder's hands, which would set a cookie for everybody."""
    get_babel(app).locale_selector = choose
    app.after_request(_vary)
    app.context_processor(
        lambda: {
            "page_language": languages.current(),
            "page_languages": LANGUAGES,
            "first_weekday": first_weekday,
        }
    )
    app.jinja_env.finalize = _plain
    for filter_ in (
        local_text.day_text,
        local_text.date_text,
        local_text.span_text,
        local_text.number_text,
        local_text.share_text,
        local_text.list_text,
        meeting_links.place_text,
    ):
        app.add_template_filter(filter_)


def choose() -> str:
    """The code of the reader's language."""
    if not has_request_context():
        return languages.DEFAULT
    return asked() or current_app.config["DEFAULT_LANGUAGE"]


def asked() -> str | None:
    """The code of the language that somebody wants; None for who wants none of ours."""
    actor = g.get("actor")
    return (
        languages.known(actor.language if actor else None)
        or languages.known(request.cookies.get(COOKIE))
        or negotiate_locale(list(request.accept_languages.values()), list(LANGUAGES), sep="-")
    )


def first_weekday() -> int:
    """The weekday with which the reader's weeks begin, 0 for Monday (CLDR).

    It is that of the country which the browser names with the page's language, as in
    `en-US`, else the language's own.
    """
    language = languages.current()
    for tag in request.accept_languages.values():
        try:
            locale = Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
        if locale.language == language.code and locale.territory:
            return locale.first_week_day
    return Locale.parse(language.locale).first_week_day


def remember(response: AnyResponse, code: str) -> None:
    """Keep a choice in this browser, for a year."""
    response.set_cookie(
        COOKIE,
        code,
        max_age=_A_YEAR,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def _plain(value: object) -> object:
    # A lazy text calls itself HTML, and would go into a page without being escaped.
    return str(value) if isinstance(value, LazyString) else value


def _vary(response: Response) -> Response:
    if request.endpoint != "static" and not response.cache_control.public:
        response.vary.update(("Accept-Language", "Cookie"))
    return response
