"""Links that mails carry: a guest's to one booking, and a host's to answer a request.

The token is an HMAC-SHA256 of the booking's uid under the installation's secret:
256 bits that only this server can make, so a reminder can carry the same link
without the token being stored. The database keeps its SHA-256 to look it up by. A
host's token names the booking in clear and proves itself: it needs no look-up.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from flask import current_app


def manage_token(uid: str) -> str:
    """The token of the booking with this uid."""
    return _signature("manage", uid)


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def manage_url(uid: str) -> str:
    """The page where the booking can be cancelled and moved."""
    return f"{current_app.config['PUBLIC_URL']}/b/{manage_token(uid)}"


def decision_token(uid: str) -> str:
    """What the host of a request shows to accept or decline it."""
    return f"{uid}.{_signature('decide', uid)}"


def uid_to_decide(token: str) -> str | None:
    """The uid in a host's token; None for one that was not made here."""
    uid, _, signature = token.partition(".")
    is_ours = hmac.compare_digest(signature.encode(), _signature("decide", uid).encode())
    return uid if is_ours else None


def decision_url(uid: str) -> str:
    """The page where a request is accepted or declined."""
    return f"{current_app.config['PUBLIC_URL']}/b/{decision_token(uid)}/decide"


def _signature(purpose: str, uid: str) -> str:
    key = current_app.config["SECRET_KEY"].encode()
    digest = hmac.new(key, f"{purpose}:{uid}".encode(), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
