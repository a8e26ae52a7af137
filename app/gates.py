"""Who is asking, and whether the request may go on at all.

One function resolves the actor, from exactly one credential, in this order: a bearer
JWT, the JWT cookie, the browser session. Whichever it is, it names a `SignIn` row, and
that row decides. Credentials that browsers send by themselves need a CSRF token to
write with.

Gates only ask earlier what services ask again (`services/policy.py`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from hmac import compare_digest
from typing import Any

import jwt
from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_babel import lazy_gettext, refresh
from flask_jwt_extended import create_access_token, unset_jwt_cookies
from flask_socketio import ConnectionRefusedError as SocketRefused
from flask_wtf.csrf import CSRFProtect, validate_csrf
from wtforms import ValidationError

from app import limits
from app.models import SignIn
from app.models.audit import API, BACK_OFFICE, PAGE
from app.models.types import AnyRow
from app.services import agenda, clock, origin, sign_ins
from app.services.errors import DomainError, MustChangePassword, NotFound, Unauthenticated
from app.services.policy import Actor

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
API_PREFIXES = ("/api/", "/db/")
MAX_ID = 2**31 - 1

# What somebody who owes a new password may still do: see what anybody may see, and get
# out of it. Everything that is not listed is refused. `<>` stands for any variable.
EXEMPT = frozenset(
    {
        # The way out
        "GET /change-password",
        "POST /change-password",
        "POST /api/auth/change-password",
        "POST /api/auth/logout",
        "GET /logout/",
        "POST /logout/",
        "POST /sign-out",
        "POST /language",
        # The way in, for somebody else at the same browser
        "GET /login/",
        "POST /login/",
        "GET /register",
        "POST /register",
        "POST /api/auth/login",
        "POST /api/auth/register",
        "POST /api/v1/security/login",
        # Pages for everybody
        "GET /",
        "GET /theme.css",
        "GET /experts",
        "GET /expert/<>",
        "GET /<>",
        "GET /<>/<>",
        "GET /b/<>",
        "GET /b/<>.ics",
        "GET /b/<>/reschedule",
        "GET /b/<>/decide",
        "GET /<>/<>/plain",
        "POST /<>/<>/plain",
        "GET /q/<>",
        "POST /q/<>/code",
        "POST /q/<>/verify",
        "POST /q/<>/other",
        "POST /api/agenda/code",
        "POST /api/agenda/verify",
        "GET /calendar/<>.ics",
        "GET /scheduler/rooms/<>/display",
        # Data for everybody
        "GET /api/experts",
        "GET /api/experts/<>",
        "GET /api/experts/<>/event-types/<>/slots",
        "GET /api/rooms",
        "GET /api/rooms/<>/minutes",
        "GET /api/rooms/<>/display",
        "GET /api/openapi.json",
        "GET /db/event",
        "GET /db/event/<>",
        "GET /db/schedule/today",
        "GET /db/schedule/7days",
        # Public if the event is, which its service decides
        "GET /api/events/<>/agenda",
        "GET /api/sessions/<>",
    }
)
# No credential is looked at here: files, and what machines ask.
_ANONYMOUS_ENDPOINTS = {"static", "appbuilder.static"}
_ANONYMOUS_BLUEPRINTS = {"health", "calendar_feed"}

# Asked so often that who asks is looked up together with the agenda that is asked for.
_READS_AGENDA = {"api_agenda.read", "agenda_pages.show"}

# Here the body says who it is, and whatever credential comes along is not looked at: a
# script that registers and then signs in keeps its cookies. No foreign page can send
# these, since they take JSON only, which browsers ask about first.
_SIGN_IN_DOORS = {
    "/api/auth/login",
    "/api/auth/register",
    "/api/agenda/code",
    "/api/agenda/verify",
    "/api/v1/security/login",
}

_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'self'"
)
# Pages that other sites may show in a frame, with ?embed=1. Not those with forms: a form
# needs a cookie against forgery, and browsers keep none for a page in another site's.
_EMBEDDABLE = {"booking_pages.show_expert", "booking_pages.booker"}
_PRIVATE_PREFIXES = (
    "/api/auth/",
    "/api/v1/",
    "/api/manage/",
    "/api/requests/",
    "/api/guests/",
    "/api/agenda/",
    "/b/",
    "/q/",
    "/login",
    "/change-password",
    "/profile/address/",
)

# Claims by signing key and SHA-256 of the token: the token itself is not kept.
_verified: dict[tuple[str, bytes], dict[str, Any]] = {}
_MAX_VERIFIED = 10_000

_BAD_TOKEN = lazy_gettext("This token is not valid or no longer is. Please sign in.")
_NO_CSRF = lazy_gettext(
    "A write with a cookie needs the X-CSRF-TOKEN header"
    " (from the csrf_access_token cookie) or the form's csrf_token."
)


class _Sessions(SecureCookieSessionInterface):
    """Flask's signed cookies, but their signer is made once rather than for each request."""

    _serializer: Any = None

    def get_signing_serializer(self, app: Flask) -> Any:
        self._serializer = self._serializer or super().get_signing_serializer(app)
        return self._serializer


def init_app(app: Flask) -> None:
    """Put the gates in front of every request, and safe headers on every response."""
    CSRFProtect(app)
    app.session_interface = _Sessions()
    app.before_request(_note_origin)
    app.before_request(_check_request)
    app.after_request(_finish)
    app.teardown_request(lambda _error: _forget_origin())
    app.context_processor(lambda: {"actor": g.get("actor"), "is_embedded": is_embedded()})


# -- who -----------------------------------------------------------------------------


def current_actor() -> Actor | None:
    """Who sends this request; None for a guest, and for a cookie whose sign-in ended.

    Raises `Unauthenticated` for a bearer token that is not valid, and for a write by
    cookie without its CSRF token.
    """
    if "actor" not in g:
        g.actor = None  # a refusal leaves a guest, for the page that tells about it
        g.actor = _resolve()
        refresh()  # a text on the way, of a cookie passed over, was in a stranger's language
    actor: Actor | None = g.actor
    return actor


def found_agenda() -> AnyRow | None:
    """What was read of the agenda with the sign-in, for `agenda.read_agenda`; None for a guest."""
    found: AnyRow | None = g.get("found_agenda")
    return found


def actor_from_token(token: object) -> Actor:
    """Who acts with this JWT. Raises `Unauthenticated`."""
    return _actor_and_claims(token, sign_ins.find_actor)[0]


def actor_of_socket(auth: object) -> Actor | None:
    """Who opens a socket: by `auth: {token}`, else as `current_actor`.

    Raises Flask-SocketIO's `ConnectionRefusedError` for bad credentials.
    """
    token = auth.get("token") if isinstance(auth, dict) else None
    try:
        return current_actor() if token is None else actor_from_token(token)
    except DomainError as error:
        raise SocketRefused(error.code) from error


def _resolve() -> Actor | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        g.credential = "bearer"
        return _actor_and_claims(token.strip(), _find_actor)[0]
    if cookie := request.cookies.get(current_app.config["JWT_ACCESS_COOKIE_NAME"]):
        try:
            actor, claims = _actor_and_claims(cookie, _find_actor)
        except Unauthenticated:
            g.forget_token_cookie = True
        else:
            g.credential = "cookie"
            _require_csrf(claims.get("csrf"))
            return actor
    if sign_in_id := session.get("sign_in"):
        found = _find_actor(sign_in_id)
        if found is None:
            session.pop("sign_in")
        else:
            g.credential = "session"
            _require_csrf()
            return found
    return None


def _find_actor(sign_in_id: str) -> Actor | None:
    if request.endpoint not in _READS_AGENDA:
        return sign_ins.find_actor(sign_in_id)
    slug = (request.view_args or {})["slug"]
    actor, g.found_agenda = agenda.find_reader(sign_in_id, slug)
    return actor


def _actor_and_claims(
    token: object, find: Callable[[str], Actor | None]
) -> tuple[Actor, dict[str, Any]]:
    if not isinstance(token, str):
        raise Unauthenticated(str(_BAD_TOKEN))
    claims = _verified_claims(token)
    sign_in_id = claims["jti"]
    actor = find(sign_in_id) if isinstance(sign_in_id, str) else None
    if (
        actor is None
        or claims["aud"] != actor.audience
        or claims["sub"] != str(actor.user_id)
        or claims.get("type") != "access"
    ):
        raise Unauthenticated(str(_BAD_TOKEN))
    return actor, claims


def _verified_claims(token: str) -> dict[str, Any]:
    """What the token says, once its signature was found right and it has not expired.

    A signature that was right stays right, so it is verified once by each process. Whether
    the sign-in still stands is asked at every request; nothing here answers that.
    """
    key = (current_app.config["JWT_SECRET_KEY"], sha256(token.encode(errors="replace")).digest())
    claims = _verified.get(key)
    if claims is None:
        try:
            # One algorithm, whatever the header says. `aud` is held against the row.
            claims = jwt.decode(
                token,
                key[0],
                algorithms=["HS256"],
                options={"require": ["exp", "sub", "jti", "aud"], "verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError):
            raise Unauthenticated(str(_BAD_TOKEN)) from None
        if len(_verified) >= _MAX_VERIFIED:
            _verified.clear()
        _verified[key] = claims
    if claims["exp"] <= time.time():
        del _verified[key]
        raise Unauthenticated(str(_BAD_TOKEN))
    return claims


def _require_csrf(of_cookie: object = None) -> None:
    """Refuse a write that another site could have made the browser send."""
    if request.method in SAFE_METHODS:
        return
    given = (
        request.headers.get("X-CSRF-TOKEN")
        or request.headers.get("X-CSRFToken")
        or request.form.get("csrf_token", "")
    )
    if isinstance(of_cookie, str) and compare_digest(given.encode(), of_cookie.encode()):
        return
    try:
        validate_csrf(given)
    except ValidationError:
        raise Unauthenticated(str(_NO_CSRF)) from None


# -- signing in and out --------------------------------------------------------------


def issue_token(sign_in: SignIn) -> str:
    """The JWT that rests on this sign-in: its id, user, audience and end."""
    return create_access_token(
        identity=str(sign_in.user_id),
        additional_claims={
            "jti": sign_in.id,
            "aud": sign_in.audience,
            "exp": sign_in.expires_at,
        },
    )


def set_token_cookie(response: Response, sign_in: SignIn, token: str) -> None:
    """Give the browser the token too; a session it had before ends."""
    _end_browser_session()
    config = current_app.config
    # Not by flask_jwt_extended's function, which would refuse an agenda's audience.
    csrf = jwt.decode(token, options={"verify_signature": False})["csrf"]  # made just now
    for name, value, is_hidden in [
        (config["JWT_ACCESS_COOKIE_NAME"], token, True),
        (config["JWT_ACCESS_CSRF_COOKIE_NAME"], csrf, False),
    ]:
        response.set_cookie(
            name,
            value,
            max_age=sign_in.expires_at - clock.now(),
            secure=config["JWT_COOKIE_SECURE"],
            httponly=is_hidden,
            samesite=config["JWT_COOKIE_SAMESITE"],
        )
    g.forget_token_cookie = False


def start_browser_session(sign_in: SignIn) -> None:
    """Sign this browser in. Whatever its session held before is gone."""
    _end_browser_session()
    session.permanent = True
    session["sign_in"] = sign_in.id
    g.forget_token_cookie = True  # it would come first at the next request
    g.actor = sign_ins.find_actor(sign_in.id)


def sign_out_browser() -> None:
    """End the sign-in of this request and of this browser's session, and their cookies."""
    actor = current_actor()
    if actor and actor.sign_in_id:
        sign_ins.end_sign_in(actor.sign_in_id)
    _end_browser_session()
    g.forget_token_cookie = True
    g.actor = None


def _end_browser_session() -> None:
    if sign_in_id := session.get("sign_in"):
        sign_ins.end_sign_in(sign_in_id)
    if session:
        session.clear()


# -- every request -------------------------------------------------------------------


def _note_origin() -> None:
    """Say from where the services are asked; the address as TRUSTED_PROXIES lets it be."""
    door = PAGE
    if _is_api():
        door = API
    elif request.path.startswith("/backoffice/"):
        door = BACK_OFFICE
    g.origin = origin.coming_from(door, request.remote_addr)
    g.origin.__enter__()


def _forget_origin() -> None:
    if entered := g.pop("origin", None):
        entered.__exit__(None, None, None)


def _check_request() -> Response | None:
    rule = request.url_rule
    if request.endpoint in _ANONYMOUS_ENDPOINTS or request.blueprint in _ANONYMOUS_BLUEPRINTS:
        g.actor = None
        return None
    if rule is None:  # the page that says so greets whoever is signed in
        with suppress(Unauthenticated):
            current_actor()
        return None
    _refuse_impossible_names()
    if (rule.rule in _SIGN_IN_DOORS and request.is_json) or is_embedded():
        g.actor = None  # in another site's frame nobody is signed in, whatever cookie comes
    actor = current_actor()
    _count(rule.rule, actor)
    if actor is None and g.get("credential") is None and not _is_api() and rule.rule != "/language":
        # Forms of guests: nobody signs another in, or up. A guest's language is no harm, and
        # a token for it would be a cookie for everybody who sees a page.
        _require_csrf()
    if actor is None or not actor.must_change_password or is_exempt(request.method, rule.rule):
        return None
    if _is_api():
        raise MustChangePassword
    wanted = request.full_path.removesuffix("?") if request.method == "GET" else None
    return redirect(url_for("account_pages.change_password", next=wanted), 303)  # type: ignore[return-value]


def _count(rule: str, actor: Actor | None) -> None:
    # Doors with a page and a call each. Signing in counts where the address is read.
    if request.method != "POST":
        return
    if rule in {"/register", "/api/auth/register"}:
        limits.count_registration()
    elif rule in {"/change-password", "/api/auth/change-password"} and actor:
        limits.count_sign_in(actor.email)


def is_exempt(method: str, rule: str) -> bool:
    """Whether the route is open to somebody who owes a new password."""
    method = "GET" if method == "HEAD" else method
    return method == "OPTIONS" or f"{method} {re.sub('<[^>]*>', '<>', rule)}" in EXEMPT


def is_embedded() -> bool:
    """Whether this page is asked for as part of another site's, which must be an allowed one."""
    return (
        request.endpoint in _EMBEDDABLE
        and request.args.get("embed") == "1"
        and bool(current_app.config["EMBED_ORIGINS"])
    )


def _content_security_policy() -> str:
    if not is_embedded():
        return _CONTENT_SECURITY_POLICY
    return " ".join([_CONTENT_SECURITY_POLICY, *current_app.config["EMBED_ORIGINS"]])


def _is_api() -> bool:
    return request.path.startswith(API_PREFIXES)


def _refuse_impossible_names() -> None:
    # No row has such a key, and PostgreSQL would not even look.
    for value in (request.view_args or {}).values():
        if (isinstance(value, str) and "\x00" in value) or (
            isinstance(value, int) and value > MAX_ID
        ):
            raise NotFound


def _finish(response: Response) -> Response:
    if g.get("forget_token_cookie"):
        unset_jwt_cookies(response)
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _content_security_policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    if current_app.config["PUBLIC_URL"].startswith("https://"):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if g.get("actor") is not None or request.path.startswith(_PRIVATE_PREFIXES):
        headers.setdefault("Cache-Control", "no-store")
    return response
