"""From where a command is run: by which door, and from what address.

Views, sockets and timers say so at their edge (`app/gates.py`, `app/live.py`,
`app/timers.py`); the audit log writes it down. A context variable, since everything
between would only hand it on; each request's green thread has its own. Where nobody
said anything, it is the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from app.models.audit import CLI


@dataclass(frozen=True, slots=True)
class Origin:
    """A door (one of `models.audit.DOORS`) and an address, null where there is none."""

    door: str
    address: str | None = None


_origin: ContextVar[Origin] = ContextVar("origin")
_COMMAND_LINE = Origin(CLI)


def current() -> Origin:
    """From where what runs now is run."""
    return _origin.get(_COMMAND_LINE)


@contextmanager
def coming_from(door: str, address: str | None = None) -> Iterator[None]:
    """Whatever runs in the block comes from there."""
    token = _origin.set(Origin(door, address))
    try:
        yield
    finally:
        _origin.reset(token)
