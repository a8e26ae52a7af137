"""Proving an account's address by a link that is mailed to it.

The link works only for who is signed in to the account that asked for it. So it takes
both the mailbox and the account: whoever registered a stranger's address learns nothing
from the mail, and the stranger who opens it proves nothing for them. (A code that signs
in by mail alone proves an address too, but takes the password with it:
`accounts.prove_address`.)
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from flask import current_app
from flask_babel import gettext

from app.services import accounts, clock, languages, mail
from app.services.errors import Gone, NotAllowed, NotFound
from app.services.policy import Actor, require_account
from app.services.transaction import transactional

LIFETIME = timedelta(hours=24)


@transactional
def request_proof(actor: Actor | None) -> int:
    """Mail the actor a link; returns its lifetime in seconds.

    Nothing is mailed to an address that is proven. The link is under the context's
    secret, so it is forgotten once the mail is sent.
    """
    actor = require_account(actor)
    if not actor.email_is_verified:
        url = f"{current_app.config['PUBLIC_URL']}/profile/address/{_token(actor)}"
        mail.enqueue(
            "address_proof",
            actor.email,
            {"name": actor.name, "hours": LIFETIME // timedelta(hours=1), mail.SECRET: url},
            expires_at=clock.now() + LIFETIME,
            language=languages.current().code,
        )
    return int(LIFETIME.total_seconds())


def check_proof(actor: Actor | None, token: str) -> None:
    """Whether the link can be used, without using it. Raises as `prove`."""
    actor = require_account(actor)
    user_id, _, rest = token.partition(".")
    issued, _, _ = rest.partition(".")
    if not (user_id.isascii() and user_id.isdecimal() and issued.isascii() and issued.isdecimal()):
        raise NotFound
    if user_id != str(actor.user_id):
        raise NotAllowed(gettext("Please sign in to the account that asked for this link."))
    if len(issued) > 10 or not hmac.compare_digest(
        token.encode(), _signed(actor, int(issued)).encode()
    ):
        raise NotFound
    if datetime.fromtimestamp(int(issued), UTC) + LIFETIME <= clock.now():
        raise Gone(gettext("This link is too old. Please ask for a new one."))


def prove(actor: Actor | None, token: str) -> None:
    """Take the actor's address as proven, and what was booked with it as a guest along.

    Twice is once. Raises `Unauthenticated`, `NotAllowed` for another account, `NotFound`
    for a link that was not made here or for another address, `Gone` after its lifetime.
    Locks as `accounts.confirm_address`.
    """
    check_proof(actor, token)
    accounts.confirm_address(require_account(actor))


def _token(actor: Actor) -> str:
    return _signed(actor, int(clock.now().timestamp()))


def _signed(actor: Actor, issued: int) -> str:
    """`<user id>.<seconds since 1970>.<HMAC-SHA256 of both and the address>`."""
    key = current_app.config["SECRET_KEY"].encode()
    claim = f"{actor.user_id}.{issued}"
    digest = hmac.new(key, f"address:{claim}:{actor.email}".encode(), sha256).digest()
    return f"{claim}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"
