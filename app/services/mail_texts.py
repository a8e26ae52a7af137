"""Mail texts: an admin's own words in place of ours, with fixed placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from app.extensions import db
from app.models import MailText
from app.services import audit, fields, mail_messages, settings
from app.services.errors import NotFound
from app.services.mail_messages import Rendered
from app.services.mail_samples import sample
from app.services.mail_wording import PARTS, REQUIRED, Wording, problems
from app.services.policy import Actor, require_admin
from app.services.transaction import transactional


@dataclass(frozen=True, slots=True)
class Text:
    """One mail's words: `parts` as they hold, `default` as we wrote them.

    `placeholders` are their names and what each stands for in the sample.
    """

    template: str
    parts: Mapping[str, str]
    default: Mapping[str, str]
    placeholders: Mapping[str, str]

    @property
    def is_own(self) -> bool:
        """Whether an admin has changed anything."""
        return self.parts != self.default


def find_wording(template: str) -> Wording:
    """What a mail is written with now. Leaves no transaction open: SMTP is spoken next."""
    kept = settings.current()
    with db.engine.connect() as connection:
        own = connection.scalar(select(MailText.parts).where(MailText.template == template))
    return Wording(kept.product_name, kept.accent, own or {})


def list_texts(actor: Actor | None) -> list[Text]:
    """All mails, by name. For admins."""
    require_admin(actor)
    own = {row.template: row.parts for row in db.session.scalars(select(MailText))}
    return [_text(name, own.get(name, {})) for name in mail_messages.list_templates()]


def get_text(actor: Actor | None, template: str) -> Text:
    """One of them. For admins. Raises `NotFound`."""
    require_admin(actor)
    if template not in mail_messages.list_templates():
        raise NotFound
    own = db.session.scalar(select(MailText.parts).where(MailText.template == template))
    return _text(template, own or {})


@transactional
def update_text(actor: Actor | None, template: str, parts: Mapping[str, str]) -> None:
    """Set the words of a mail. What equals ours is not kept. For admins.

    Raises `InvalidInput` naming unknown placeholders, `NotFound`.
    """
    text = get_text(actor, template)
    own = _checked(text, parts)
    before = dict(text.parts)
    row = db.session.get(MailText, (template, "en"), with_for_update=True)
    if not own and row is not None:
        db.session.delete(row)
    elif row is not None:
        row.parts = own
    elif own:
        db.session.add(MailText(template=template, parts=own))
    db.session.flush()
    audit.record_update(actor, "mail_text", template, before, dict(text.default) | own)


def reset_text(actor: Actor | None, template: str) -> None:
    """Put our own words in place again. For admins. Raises `NotFound`."""
    update_text(actor, template, get_text(actor, template).default)


def preview_text(
    actor: Actor | None, template: str, parts: Mapping[str, str] | None = None
) -> Rendered:
    """How a mail looks with sample data: as it is kept, or with these words.

    For admins. Raises `InvalidInput`, `NotFound`.
    """
    text = get_text(actor, template)
    kept = settings.current()
    own = {part: each for part, each in text.parts.items() if each != text.default[part]}
    if parts is not None:
        own = _checked(text, parts)
    return mail_messages.preview(
        template, sample(template), Wording(kept.product_name, kept.accent, own)
    )


def _text(template: str, own: Mapping[str, str]) -> Text:
    about = sample(template)
    default = mail_messages.default_parts(template, about)
    return Text(template, default | dict(own), default, mail_messages.placeholders(template, about))


def _checked(text: Text, parts: Mapping[str, str]) -> dict[str, str]:
    """The parts that differ from ours. Raises `InvalidInput`."""
    errors: fields.Errors = {}
    own = {}
    for part, maximum in PARTS.items():
        if part not in parts:
            continue
        is_needed = part in REQUIRED or (part == "button" and bool(text.default["button"]))
        value = fields.line(errors, part, parts[part], maximum=maximum, required=is_needed)
        if part not in errors and (wrong := problems(value, text.placeholders)):
            errors[part] = wrong
        if value != text.default[part]:
            own[part] = value
    fields.refuse(errors)
    return own
