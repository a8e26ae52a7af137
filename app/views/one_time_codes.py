"""Codes as browsers ask for them and type them in: limits, and the cookie that binds them.

The API and the page behind an event's QR code share this.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Response, current_app, request

from app import i18n, limits
from app.models import Event, SignIn
from app.services import admission, one_time_codes
from app.services.errors import Unauthenticated

COOKIE = "code_browser"
# Longer than a code, so that asking again does not begin with new tries.
_COOKIE_LIFETIME = timedelta(hours=1)
_MAX_TOKEN = 64


def request_code(qr: str, email: str) -> tuple[int, str]:
    """Ask for a code; returns its lifetime in seconds, and the token to remember."""
    event = admission.find_event(qr)
    limits.count_code(event.id, email)
    token = _browser_token() or one_time_codes.new_browser_token()
    return one_time_codes.request_code(qr, email, token), token


def remember_browser(response: Response, token: str) -> None:
    """Bind the code to this browser."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=_COOKIE_LIFETIME,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def verify_code(qr: str, email: str, code: str) -> tuple[SignIn, Event]:
    """Sign in with a code that this browser asked for. Raises as the service, `RateLimited`."""
    event = admission.find_event(qr)
    limits.count_code_try(email)
    try:
        sign_in = one_time_codes.verify_code(qr, email, code, _browser_token(), i18n.asked())
    except Unauthenticated as error:
        if "tries_left" in error.extra:
            limits.count_code_failure(email)
        raise
    limits.forget_code_failures(email)
    return sign_in, event


def _browser_token() -> str | None:
    token = request.cookies.get(COOKIE)
    return token if token and len(token) <= _MAX_TOKEN else None
