"""Rate limits, counted together by all processes through `RATELIMIT_STORAGE_URI`.

There is one limiter; Flask-AppBuilder gets the same. Views count by hand, since what
is counted (an account, an address) is in the body rather than in the route.
"""

from __future__ import annotations

import logging
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import time

from flask import Flask, current_app, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from app.services import accounts
from app.services.errors import RateLimited

SIGN_INS_PER_ACCOUNT = parse("10 per minute")
SIGN_INS_PER_ADDRESS = parse("60 per minute")
REGISTRATIONS_PER_ADDRESS = parse("20 per hour")

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
    count(SIGN_INS_PER_ACCOUNT, "sign-in", accounts.account_key(identifier))


def count_registration() -> None:
    """Count an attempt to register. Raises `RateLimited`."""
    count(REGISTRATIONS_PER_ADDRESS, "registration", client_address())


def count(limit: RateLimitItem, *key: str) -> None:
    """Count one of `key` against `limit`. Raises `RateLimited` beyond it.

    While the shared storage is away each process counts for itself: neither is
    everybody locked out, nor the door open.
    """
    limiter, fallback = current_app.extensions[_EXTENSION]
    if not limiter.enabled:
        return
    try:
        _count(limiter.limiter, limit, key)
    except StorageError as error:
        log.warning("rate limits are counted per process: %s", error.storage_error)
        _count(fallback, limit, key)


def _count(strategy: RateLimiter, limit: RateLimitItem, key: tuple[str, ...]) -> None:
    if not strategy.hit(limit, *key):
        free_at = strategy.get_window_stats(limit, *key).reset_time
        # Counted by the machine's clock, not by that of the services.
        raise RateLimited(max(1, ceil(free_at - time())))
