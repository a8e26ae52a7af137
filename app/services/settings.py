"""Settings that admins change without an operator.

The environment stays the default; an admin's value is a row. What holds now is kept in
the process: `update` renews it in its own at once, and the others ask for the version
twice a second (`app/timers.py`), so that a change is a second late at most. Reading
costs no query.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db
from app.models import Setting
from app.services import audit, colours, fields, weekly_hours
from app.services.errors import Stale
from app.services.policy import Actor, require_admin
from app.services.transaction import after_commit, transactional

MAX_TEXT = 1000
_KEY = "rendezvous.settings"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds now. `version` rises with every change; retention is in days."""

    version: int
    product_name: str
    accent: str
    weekly_hours: list[dict[str, int]]
    admission_welcome: str
    admission_help: str
    audit_days: int
    mail_days: int
    guest_days: int

    @property
    def has_own_accent(self) -> bool:
        """Whether pages need colours other than those of tokens.css."""
        return self.accent != colours.DEFAULT_ACCENT


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a setting is judged and what holds without one."""

    read: Callable[[fields.Errors, str, Any], Any]
    default: Callable[[], Any]


def _accent(errors: fields.Errors, name: str, value: object) -> str:
    colour = fields.line(errors, name, value, maximum=7).lower()
    if not colours.is_colour(colour):
        errors[name] = [gettext("Use a colour like #0c6765.")]
    elif (ratio := colours.weakest(colour)) < colours.READABLE:
        errors[name] = [
            gettext(
                "Too light: its contrast on our pages is %(ratio)s : 1, and text needs 4.5 : 1."
                " Choose a darker one.",
                ratio=f"{ratio:.1f}",
            )
        ]
    return colour


def _text(errors: fields.Errors, name: str, value: object) -> str:
    return fields.text(errors, name, value, maximum=MAX_TEXT)


def _days(minimum: int) -> Callable[[fields.Errors, str, Any], int]:
    return lambda errors, name, value: fields.number(
        errors, name, value, minimum=minimum, maximum=3650
    )


_KINDS: dict[str, _Kind] = {
    "product_name": _Kind(
        lambda errors, name, value: fields.line(errors, name, value, maximum=40, required=True),
        lambda: current_app.config["PRODUCT_NAME"],
    ),
    "accent": _Kind(_accent, lambda: colours.DEFAULT_ACCENT),
    "weekly_hours": _Kind(weekly_hours.read, lambda: weekly_hours.DEFAULT),
    "admission_welcome": _Kind(_text, lambda: ""),
    "admission_help": _Kind(_text, lambda: ""),
    "audit_days": _Kind(_days(30), lambda: 730),
    "mail_days": _Kind(_days(7), lambda: 90),
    "guest_days": _Kind(_days(0), lambda: current_app.config["RETENTION_DAYS"]),
}
NAMES = tuple(_KINDS)
_VERSION = select(func.coalesce(func.sum(Setting.version), 0))


def current() -> Settings:
    """What holds now. Where the database is not to be had, the defaults."""
    kept: Settings | None = current_app.extensions.get(_KEY)
    return kept or _load()


def refresh() -> None:
    """Notice what other processes changed; asks for the version alone."""
    kept: Settings | None = current_app.extensions.get(_KEY)
    if kept is None or kept.version != _version():
        _load()


def defaults() -> Settings:
    """What would hold if no admin had changed anything."""
    return _made_of({}, 0)


def find_mistakes(values: Mapping[str, Any]) -> fields.Errors:
    """What `update` would refuse, by setting."""
    _, errors = _read(values)
    return errors


@transactional
def update(actor: Actor | None, values: Mapping[str, Any], *, version: int | None = None) -> None:
    """Set what is given; None puts the default in place. For admins.

    `version` is of the settings that the change rests on. Locks the rows that change.
    Raises `InvalidInput`, `NotAllowed`, `Stale` where others hold by now.
    """
    actor = require_admin(actor)
    wanted, errors = _read(values)
    fields.refuse(errors)
    rows = {
        row.name: row
        for row in db.session.scalars(
            select(Setting).where(Setting.name.in_(wanted)).order_by(Setting.name).with_for_update()
        )
    }
    if version is not None and version != db.session.scalar(_VERSION):
        raise Stale
    before, after = {}, {}
    for name, value in wanted.items():
        default = _KINDS[name].default()
        kept = None if value == default else value
        row = rows.get(name)
        held = row.value if row else None
        if kept == held:
            continue
        before[name] = default if held is None else held
        after[name] = default if kept is None else kept
        if row is None:
            db.session.add(Setting(name=name, value=kept, version=1))
        else:
            row.value, row.version = kept, row.version + 1
    if not after:
        return
    db.session.flush()
    audit.record(actor, "update", "settings", "all", before=before, **after)
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]
    after_commit(lambda: app.extensions.pop(_KEY, None))


def _read(values: Mapping[str, Any]) -> tuple[dict[str, Any], fields.Errors]:
    errors: fields.Errors = {}
    wanted = {
        name: None if values[name] is None else kind.read(errors, name, values[name])
        for name, kind in _KINDS.items()
        if name in values
    }
    return wanted, errors


def _load() -> Settings:
    """Read the rows, past the session: its transaction may be old, or broken."""
    try:
        with db.engine.connect() as connection:
            rows = connection.execute(select(Setting.name, Setting.value, Setting.version)).all()
    except SQLAlchemyError as error:
        log.warning("settings cannot be read: %s", type(error).__name__)
        return _made_of({}, 0)
    loaded = _made_of({row.name: row.value for row in rows}, sum(row.version for row in rows))
    current_app.extensions[_KEY] = loaded
    return loaded


def _made_of(values: Mapping[str, Any], version: int) -> Settings:
    held = {name: values.get(name) for name in _KINDS}
    return Settings(
        version=version,
        **{
            name: _KINDS[name].default() if value is None else value for name, value in held.items()
        },
    )


def _version() -> int:
    with db.engine.connect() as connection:
        return connection.scalar(_VERSION) or 0
