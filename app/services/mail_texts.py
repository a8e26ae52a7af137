"""Mail texts: an admin's own words in place of ours, with fixed placeholders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext
from sqlalchemy import ColumnElement, select

from app.extensions import db
from app.models import MailText
from app.services import audit, fields, languages, mail_messages, settings
from app.services.errors import NotFound
from app.services.languages import DEFAULT
from app.services.mail_messages import Rendered
from app.services.mail_samples import sample
from app.services.mail_wording import PARTS, REQUIRED, Wording, problems
from app.services.policy import Actor, require_admin
from app.services.transaction import transactional


@dataclass(frozen=True, slots=True)
class Text:
    """One mail's words in one language: `parts` as they hold, `default` as we wrote them.

    `placeholders` are their names and what each stands for in the sample. `own_languages`
    are all those in which an admin has changed anything.
    """

    template: str
    language: str
    parts: Mapping[str, str]
    default: Mapping[str, str]
    placeholders: Mapping[str, str]
    own_languages: frozenset[str]

    @property
    def is_own(self) -> bool:
        """Whether an admin has changed anything."""
        return self.parts != self.default


def find_wording(template: str, language: str = DEFAULT) -> Wording:
    """What a mail is written with now. Leaves no transaction open: SMTP is spoken next."""
    kept = settings.current()
    with db.engine.connect() as connection:
        own = connection.scalar(
            select(MailText.parts).where(
                MailText.template == template, MailText.language == language
            )
        )
    return Wording(kept.product_name, kept.accent, own or {}, language)


def list_texts(actor: Actor | None, *, language: str = DEFAULT) -> list[Text]:
    """All mails, by name. For admins. Raises `NotFound` for no language of ours."""
    require_admin(actor)
    _require_known(language)
    own = _own_words()
    return [_text(name, language, own[name]) for name in mail_messages.list_templates()]


def get_text(actor: Actor | None, template: str, *, language: str = DEFAULT) -> Text:
    """One of them. For admins. Raises `NotFound`."""
    require_admin(actor)
    _require_known(language)
    if template not in mail_messages.list_templates():
        raise NotFound
    own = _own_words(MailText.template == template)
    return _text(template, language, own[template])


@transactional
def update_text(
    actor: Actor | None, template: str, parts: Mapping[str, str], *, language: str = DEFAULT
) -> None:
    """Set the words of a mail in one language. What equals ours is not kept. For admins.

    Raises `InvalidInput` naming unknown placeholders, `NotFound`.
    """
    text = get_text(actor, template, language=language)
    own = _checked(text, parts)
    before = dict(text.parts)
    row = db.session.get(MailText, (template, language), with_for_update=True)
    if not own and row is not None:
        db.session.delete(row)
    elif row is not None:
        row.parts = own
    elif own:
        db.session.add(MailText(template=template, language=language, parts=own))
    db.session.flush()
    audit.record_update(
        actor, "mail_text", audit_key(template, language), before, dict(text.default) | own
    )


def reset_text(actor: Actor | None, template: str, *, language: str = DEFAULT) -> None:
    """Put our own words in place again. For admins. Raises `NotFound`."""
    ours = get_text(actor, template, language=language).default
    update_text(actor, template, ours, language=language)


def preview_text(
    actor: Actor | None,
    template: str,
    parts: Mapping[str, str] | None = None,
    *,
    language: str = DEFAULT,
) -> Rendered:
    """How a mail looks with sample data: as it is kept, or with these words.

    For admins. Raises `InvalidInput`, `NotFound`.
    """
    text = get_text(actor, template, language=language)
    kept = settings.current()
    own = {part: each for part, each in text.parts.items() if each != text.default[part]}
    if parts is not None:
        own = _checked(text, parts)
    return mail_messages.preview(
        template, sample(template), Wording(kept.product_name, kept.accent, own, language)
    )


def audit_key(template: str, language: str) -> str:
    """Under which a mail's words stand in the audit log; English ones under its name alone."""
    return template if language == DEFAULT else f"{template}.{language}"


def _require_known(language: str) -> None:
    if not languages.known(language):
        raise NotFound(gettext("There are no mails in this language."))


def _own_words(*where: ColumnElement[bool]) -> defaultdict[str, dict[str, dict[str, str]]]:
    """What admins changed, by template and then by language."""
    own: defaultdict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in db.session.scalars(select(MailText).where(*where)):
        own[row.template][row.language] = row.parts
    return own


def _text(template: str, language: str, own: Mapping[str, Mapping[str, str]]) -> Text:
    about = sample(template)
    default = mail_messages.default_parts(template, about, language)
    return Text(
        template,
        language,
        default | dict(own.get(language, {})),
        default,
        mail_messages.placeholders(template, about, language),
        frozenset(own),
    )


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
