"""One-time codes: how an attendee without password proves an address, for one event.

Six digits (NIST SP 800-63B-4, 3.1.3.1; ASVS 6.5) from the system's random source, good
for ten minutes, once, in the browser that asked, and for five tries. Code and browser
token are kept as HMACs under the installation's secret: a million codes are tried at
once, so that a plain hash of one would hide nothing.

Nobody learns here whether an address is on a list or has an account. For every address
the same statements run and the same rows are written; a mail to one that is not
admitted has expired when it is written, and the sender throws it away.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from flask import current_app
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy import and_, case, delete, not_, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from app.extensions import db
from app.models import Event, OneTimeCode, SignIn
from app.services import (
    accounts,
    admission,
    audit,
    clock,
    credentials,
    fields,
    languages,
    mail,
    sign_ins,
)
from app.services.errors import EmailTaken, Unauthenticated
from app.services.transaction import transactional

LIFETIME = timedelta(minutes=10)
SIGN_IN_LIFETIME = timedelta(days=3)
MAX_TRIES = 5
DIGITS = 6

_KEPT_AFTER_END = timedelta(days=1)
_PURGE_ONE_IN = 100
_MAX_BROWSER_TOKEN = 100

NO_LONGER_VALID = lazy_gettext("This code is no longer valid. Please ask for a new one.")
TOO_MANY_TRIES = lazy_gettext(
    "That was wrong five times. Please wait ten minutes, then ask for a new code."
)

_table = OneTimeCode.__table__


@dataclass(frozen=True, slots=True)
class _Try:
    """One guess that was counted: whether it is right, and whose code it was."""

    id: int
    code_hash: str
    tries: int
    is_right: bool


def new_browser_token() -> str:
    """What binds codes to a browser: 256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def request_code(qr: str, email: str, browser_token: str) -> int:
    """Mail a code to an address that the event admits; returns its lifetime in seconds.

    Asking again renews code and time. It renews the tries only once the code before was
    used or is over; a code that was tried too often keeps its end, so that waiting is
    not begun anew. Raises `NotFound`, `Gone` for the QR code, `InvalidInput` for what is
    no address; else every address gets the same answer.
    """
    event = admission.find_event(qr)
    errors: fields.Errors = {}
    email = admission.address(errors, "email", email)
    fields.refuse(errors)
    _mail_code(event, email, browser_token)
    return int(LIFETIME.total_seconds())


def verify_code(
    qr: str, email: str, code: str, browser_token: str | None, language: str | None = None
) -> SignIn:
    """Sign the address in to the event's agenda, for three days.

    An account that is made for it reads `language`.

    The try is counted in a transaction of its own that stands whatever comes of it, so
    this must not be called inside one. The second transaction locks the code, then what
    `accounts.prove_address` locks. Raises `NotFound`, `Gone` for the QR code,
    `InvalidInput` for what is no address or no code, and `Unauthenticated` for a code that
    is wrong (with `tries_left`), used, over, tried too often or of another browser.
    """
    event = admission.find_event(qr)
    errors: fields.Errors = {}
    email = admission.address(errors, "email", email)
    code = _digits(errors, code)
    fields.refuse(errors)
    counted = _count_try(event, email, code, browser_token or "")
    if counted is None:
        raise Unauthenticated(str(NO_LONGER_VALID))
    if counted.tries > MAX_TRIES:  # no guess any more: nobody looks whether it is right
        raise Unauthenticated(str(TOO_MANY_TRIES))
    if not counted.is_right:
        raise _wrong(MAX_TRIES - counted.tries)
    try:
        return _sign_in(event, email, counted, language)
    except EmailTaken:  # the account was made a moment ago, from another browser of theirs
        return _sign_in(event, email, counted, language)


@transactional
def _mail_code(event: Event, email: str, browser_token: str) -> None:
    now = clock.now()
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    attendee = admission.find_attendee(event, email)
    _keep(event, email, browser_token, code)
    mail.enqueue(
        "one_time_code",
        email,
        {
            "event": {"title": event.title},
            "minutes": int(LIFETIME.total_seconds() // 60),
            mail.SECRET: code,
        },
        expires_at=now + LIFETIME if admission.admits(event, attendee) else now,
        language=languages.current().code,
    )
    if secrets.randbelow(_PURGE_ONE_IN) == 0:
        purge()


def _keep(event: Event, email: str, browser_token: str, code: str) -> None:
    """Write the browser's code for the address, over the one that it had."""
    now = clock.now()
    insert = (postgresql if db.engine.dialect.name == "postgresql" else sqlite).insert
    expires_at = now + LIFETIME
    fresh = {
        "code_hash": _code_hash(event.id, email, code),
        "created_at": now,
        "used_at": None,
    }
    is_over = or_(_table.c.used_at.is_not(None), _table.c.expires_at <= now)
    is_spent = and_(not_(is_over), _table.c.tries >= MAX_TRIES)
    db.session.execute(
        insert(_table)
        .values(
            event_id=event.id,
            email=email,
            browser_hash=_browser_hash(browser_token),
            tries=0,
            expires_at=expires_at,
            **fresh,
        )
        .on_conflict_do_update(
            index_elements=["event_id", "email", "browser_hash"],
            set_={
                **fresh,
                "tries": case((is_over, 0), else_=_table.c.tries),
                "expires_at": case((is_spent, _table.c.expires_at), else_=expires_at),
            },
        )
    )


@transactional
def _count_try(event: Event, email: str, code: str, browser_token: str) -> _Try | None:
    """Count one guess at a live code of this browser; None where there is no such code.

    One statement counts and reads, so guesses at the same moment count each.
    """
    row = db.session.execute(
        update(_table)
        .where(
            _table.c.event_id == event.id,
            _table.c.email == email,
            _table.c.browser_hash == _browser_hash(browser_token[:_MAX_BROWSER_TOKEN]),
            _table.c.used_at.is_(None),
            _table.c.expires_at > clock.now(),
        )
        .values(tries=_table.c.tries + 1)
        .returning(_table.c.id, _table.c.code_hash, _table.c.tries)
    ).one_or_none()
    right = _code_hash(event.id, email, code)
    is_right = row is not None and hmac.compare_digest(row.code_hash, right)
    if row is None or not is_right or row.tries > MAX_TRIES:
        audit.record(None, "code_refused", "event", event.id)
    return None if row is None else _Try(row.id, row.code_hash, row.tries, is_right)


@transactional
def _sign_in(event: Event, email: str, counted: _Try, language: str | None) -> SignIn:
    used = db.session.execute(
        update(_table)
        .where(
            _table.c.id == counted.id,
            _table.c.code_hash == counted.code_hash,  # not renewed meanwhile
            _table.c.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(_table.c.id)
    ).one_or_none()
    attendee = admission.find_attendee(event, email)
    # Asked again: a check-in may have been undone, and an address that was not admitted
    # has a code too, which nobody was told.
    if used is None or not admission.admits(event, attendee):
        raise Unauthenticated(str(NO_LONGER_VALID))
    user = accounts.prove_address(email, name=attendee.name if attendee else "", language=language)
    sign_in = sign_ins.start_sign_in(user.id, admission.agenda_audience(event.id), SIGN_IN_LIFETIME)
    credentials.count_sign_in(user.id)
    audit.record(None, "sign_in_by_code", "user", user.id, by_user=user.id, event_id=event.id)
    return sign_in


@transactional
def purge() -> None:
    """Forget codes that ended a day ago. Nobody else changes such rows."""
    db.session.execute(delete(_table).where(_table.c.expires_at < clock.now() - _KEPT_AFTER_END))


def _digits(errors: fields.Errors, code: object) -> str:
    """The code as mailed, however it was spaced when it was pasted."""
    digits = re.sub(r"[\s-]", "", code) if isinstance(code, str) else ""
    if not re.fullmatch(r"[0-9]{6}", digits):
        errors["code"] = [gettext("The code has %(n)s digits.", n=DIGITS)]
    return digits


def _wrong(tries_left: int) -> Unauthenticated:
    if not tries_left:
        return Unauthenticated(str(TOO_MANY_TRIES), tries_left=0)
    text = ngettext(
        "This code is wrong. %(num)d try is left.",
        "This code is wrong. %(num)d tries are left.",
        tries_left,
    )
    return Unauthenticated(text, tries_left=tries_left)


def _code_hash(event_id: int, email: str, code: str) -> str:
    return _keyed_hash(f"one-time-code:{event_id}:{email}:{code}")


def _browser_hash(browser_token: str) -> str:
    return _keyed_hash(f"browser:{browser_token}")


def _keyed_hash(text: str) -> str:
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, text.encode("utf-8", "replace"), sha256).hexdigest()
