"""Manage links: how a guest without account reaches one booking.

The token is an HMAC-SHA256 of the booking's uid under the installation's secret:
256 bits that only this server can make, so a reminder can carry the same link
without the token being stored. The database keeps its SHA-256 to look it up by.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from flask import current_app


def manage_token(uid: str) -> str:
    """The token of the booking with this uid."""
    key = current_app.config["SECRET_KEY"].encode()
    digest = hmac.new(key, b"manage:" + uid.encode(), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def manage_url(uid: str) -> str:
    """The page where the booking can be cancelled and moved."""
    return f"{current_app.config['PUBLIC_URL']}/b/{manage_token(uid)}"
