"""Who acts, and what that actor may do. Services ask here; gates only ask earlier."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext

from app.services.errors import MustChangePassword, NotAllowed, Unauthenticated

ADMIN = "Admin"
CONTRIBUTOR = "Contributor"
EXPERT = "Expert"
ATTENDEE = "Attendee"
ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody signed in; `None` stands for a guest wherever an actor is expected.

    `audience` is "account", or "agenda:<event id>" for a sign-in that reaches one
    event's agenda only. `sign_in_id` is null for the command line.
    """

    user_id: int
    calendar_id: int
    name: str
    email: str
    time_zone: str | None = None
    language: str | None = None
    roles: frozenset[str] = frozenset()
    audience: str = ACCOUNT
    must_change_password: bool = False
    email_is_verified: bool = False
    sign_in_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """Signed in to an admin's account."""
        return ADMIN in self.roles and self.audience == ACCOUNT

    @property
    def is_staff(self) -> bool:
        """Admins and contributors."""
        return self.audience == ACCOUNT and bool(self.roles & {ADMIN, CONTRIBUTOR})


def require_signed_in(actor: Actor | None) -> Actor:
    """The actor, signed in to any audience and not owing a new password.

    Raises `Unauthenticated`, `MustChangePassword`.
    """
    if actor is None:
        raise Unauthenticated
    if actor.must_change_password:
        raise MustChangePassword
    return actor


def require_account(actor: Actor | None) -> Actor:
    """The actor, signed in to an account; an agenda's sign-in is not enough."""
    actor = require_signed_in(actor)
    if actor.audience != ACCOUNT:
        raise NotAllowed(gettext("This sign-in reaches one event's agenda only."))
    return actor


def require_staff(actor: Actor | None) -> Actor:
    """An admin or contributor."""
    actor = require_account(actor)
    if not actor.is_staff:
        raise NotAllowed
    return actor


def require_admin(actor: Actor | None) -> Actor:
    """An admin."""
    actor = require_account(actor)
    if not actor.is_admin:
        raise NotAllowed
    return actor


def may_attend(actor: Actor, event_id: int) -> bool:
    """Whether this sign-in reaches the agenda of the event."""
    return actor.audience in {ACCOUNT, f"agenda:{event_id}"}
