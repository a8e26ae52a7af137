"""One's own profile: what people may change of their account by themselves."""

from __future__ import annotations

from flask_babel import gettext
from sqlalchemy import select

from app.extensions import db
from app.models import Calendar, User
from app.models.user import full_name, split_name
from app.services import audit, fields
from app.services.policy import Actor, require_account
from app.services.transaction import transactional

MAX_NAME_PART = 64  # FAB's first_name and last_name


@transactional
def update_profile(
    actor: Actor | None, *, name: str, time_zone: str, language: str | None = None
) -> str:
    """Set one's own name and zone, and the language if one is given; returns the name as stored.

    Locks the user's row. Raises `InvalidInput`, `Unauthenticated`.
    """
    actor = require_account(actor)
    errors: fields.Errors = {}
    name = fields.line(errors, "name", name, maximum=2 * MAX_NAME_PART + 1, required=True)
    first_name, last_name = split_name(name)
    if max(len(first_name), len(last_name)) > MAX_NAME_PART:
        errors["name"] = [
            gettext("At most %(n)s characters for the first and the last name.", n=MAX_NAME_PART)
        ]
    zone = fields.zone(errors, "time_zone", time_zone)
    if language:
        fields.language(errors, "language", language)
    fields.refuse(errors)
    user = db.session.get_one(User, actor.user_id, with_for_update=True, populate_existing=True)
    before = {
        "name": full_name(user.first_name, user.last_name),
        "time_zone": user.time_zone,
        "language": user.language,
    }
    user.first_name, user.last_name = first_name, last_name
    user.time_zone = zone
    user.language = language or user.language
    after = {"name": name, "time_zone": zone, "language": user.language}
    audit.record_update(actor, "user", user.id, before, after)
    return full_name(first_name, last_name)


@transactional
def update_language(actor: Actor, code: str) -> None:
    """Set the language of one's pages and mails, by its code.

    Whatever the sign-in reaches, and also while a new password is owed. Locks the user's
    row. Raises `InvalidInput`.
    """
    errors: fields.Errors = {}
    fields.language(errors, "language", code)
    fields.refuse(errors)
    user = db.session.get_one(User, actor.user_id, with_for_update=True, populate_existing=True)
    if user.language != code:
        before = {"language": user.language}
        user.language = code
        audit.record(actor, "update", "user", user.id, before=before, language=code)


def calendar_version(actor: Actor | None) -> int:
    """The version of the actor's topic `me`, for a page that shows what it is about."""
    actor = require_account(actor)
    return db.session.scalars(
        select(Calendar.version).where(Calendar.id == actor.calendar_id)
    ).one()
