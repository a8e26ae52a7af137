"""Rate limits, counted together by all processes through `RATELIMIT_STORAGE_URI`.

There is one limiter; Flask-AppBuilder gets the same. Views count by hand, since what
is counted (an account, an address) is in the body rather than in the route.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import time
from typing import Any

from flask import Flask, current_app, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from app.services import credentials
from app.services.errors import RateLimited

SIGN_INS_PER_ACCOUNT = parse("10 per minute")
SIGN_INS_PER_ADDRESS = parse("60 per minute")
REGISTRATIONS_PER_ADDRESS = parse("20 per hour")
CALENDARS_PER_ACCOUNT = parse("30 per hour")  # added, or pointed elsewhere
CALENDAR_REFRESHES = parse("12 per hour")  # of one calendar, asked for by its owner
CODES_PER_EMAIL = parse("5 per hour")
CODES_PER_ADDRESS = parse("600 per hour")
PROOFS_PER_ACCOUNT = parse("5 per hour")
CODE_TRIES_PER_ADDRESS = parse("1800 per hour")
CODE_FAILURES = parse("100 per day")  # in a row: SP 800-63B-4, 3.2.2

_EXTENSION = "rendezvous.limits"

log = logging.getLogger(__name__)


def create_limiter(app: Flask) -> Limiter:
    """The application's one limiter."""
    if app.config["RATELIMIT_STORAGE_URI"].startswith("redis"):
        app.config.setdefault(
            "RATELIMIT_STORAGE_OPTIONS",
            {"wrap_exceptions": True, "socket_connect_timeout": 1, "socket_timeout": 1},
        )
    limiter = Limiter(key_func=client_address)
    limiter.init_app(app)
    app.extensions[_EXTENSION] = (limiter, MovingWindowRateLimiter(MemoryStorage()))
    return limiter


def client_address() -> str:
    """Who is counted: the socket's address, or what trusted proxies say (create_app).

    Of an IPv6 address its /64, which is what one customer gets.
    """
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket
        return "local"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return address.exploded[:19]
    return str(address)


def count_sign_in(identifier: str) -> None:
    """Count an attempt to sign in, right or wrong. Raises `RateLimited`."""
    count(SIGN_INS_PER_ADDRESS, "sign-in", client_address())
    count(SIGN_INS_PER_ACCOUNT, "sign-in", credentials.account_key(identifier))


def count_registration() -> None:
    """Count an attempt to register. Raises `RateLimited`."""
    count(REGISTRATIONS_PER_ADDRESS, "registration", client_address())


def count_code(event_id: int, email: str) -> None:
    """Count a code that is asked for. Raises `RateLimited`."""
    count(CODES_PER_ADDRESS, "code", client_address())
    count(CODES_PER_EMAIL, "code", str(event_id), _identity(email))


def count_proof(email: str) -> None:
    """Count a link that is asked for to prove an address. Raises `RateLimited`."""
    count(PROOFS_PER_ACCOUNT, "proof", _identity(email))


def count_code_try(email: str) -> None:
    """Count somebody who types a code, right or wrong.

    Raises `RateLimited`, also for an email address whose codes were guessed at too
    often without one being right.
    """
    count(CODE_TRIES_PER_ADDRESS, "code-try", client_address())
    key = ("code-failure", _identity(email))
    if not _with_storage(lambda strategy: strategy.test(CODE_FAILURES, *key)):
        raise RateLimited(_with_storage(lambda strategy: _wait(strategy, CODE_FAILURES, key)))


def count_code_failure(email: str) -> None:
    """Count a wrong guess at a code that was good. The one too many is refused next time."""
    key = ("code-failure", _identity(email))
    _with_storage(lambda strategy: strategy.hit(CODE_FAILURES, *key))


def forget_code_failures(email: str) -> None:
    """A code was right: failures in a row begin anew."""
    key = ("code-failure", _identity(email))
    _with_storage(lambda strategy: strategy.clear(CODE_FAILURES, *key))


def count_calendar(user_id: int) -> None:
    """Count a calendar that somebody has us fetch or read. Raises `RateLimited`."""
    count(CALENDARS_PER_ACCOUNT, "calendar", str(user_id))


def count_calendar_refresh(busy_calendar_id: int) -> None:
    """Count a refresh that is asked for. Raises `RateLimited`."""
    count(CALENDAR_REFRESHES, "calendar-refresh", str(busy_calendar_id))


def count(limit: RateLimitItem, *key: str) -> None:
    """Count one of `key` against `limit`. Raises `RateLimited` beyond it.

    While the shared storage is away each process counts for itself: neither is
    everybody locked out, nor the door open.
    """
    if not _with_storage(lambda strategy: strategy.hit(limit, *key)):
        raise RateLimited(_with_storage(lambda strategy: _wait(strategy, limit, key)))


def _with_storage(ask: Callable[[RateLimiter], Any]) -> Any:
    """Ask the shared storage, or while it is away this process's own; True if none counts."""
    limiter, fallback = current_app.extensions[_EXTENSION]
    if not limiter.enabled:
        return True
    try:
        return ask(limiter.limiter)
    except StorageError as error:
        log.warning("rate limits are counted per process: %s", error.storage_error)
        return ask(fallback)


def _wait(strategy: RateLimiter, limit: RateLimitItem, key: tuple[str, ...]) -> int:
    """Seconds until one more is counted, by the machine's clock, which storages go by."""
    return max(1, ceil(strategy.get_window_stats(limit, *key).reset_time - time()))


def _identity(email: str) -> str:
    return email.strip().lower()
