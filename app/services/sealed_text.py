"""Secrets that must be read again, kept sealed: a copy of the database does not tell them.

Fernet (AES-128 in CBC mode with an HMAC) under a key made of SECRET_KEY. With another
SECRET_KEY nothing can be opened, and whoever gave the secret is asked for it again.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app


class SealBroken(Exception):
    """It was sealed under another SECRET_KEY, or is no sealed text."""


def seal(text: str) -> str:
    """The text, sealed; another one each time."""
    return _fernet().encrypt(text.encode()).decode()


def open_sealed(sealed: str) -> str:
    """The text again. Raises `SealBroken`."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealBroken from None


def _fernet() -> Fernet:
    key = sha256(b"sealed text\0" + current_app.config["SECRET_KEY"].encode()).digest()
    return Fernet(urlsafe_b64encode(key))
