"""A page that may be sent once: sending it again, by a reload, does nothing more.

The ticket is in the page and in the browser's session. A session holds the last few.
"""

from __future__ import annotations

import secrets

from flask import session

_TICKETS = "tickets"  # in the browser's session
_KEPT = 5


def give(purpose: str) -> str:
    """A ticket for a page that asks whether to do `purpose`."""
    ticket = secrets.token_urlsafe(9)
    session[_TICKETS] = [*session.get(_TICKETS, ()), [purpose, ticket]][-_KEPT:]
    return ticket


def redeem(purpose: str, ticket: str) -> bool:
    """Whether the ticket is good; it is used up."""
    held = session.get(_TICKETS, [])
    if [purpose, ticket] not in held:
        return False
    session[_TICKETS] = [each for each in held if each != [purpose, ticket]]
    return True
