"""Fields of the back-office's forms: they read what was typed, and keep it.

Only shapes are judged here (a number, a time); every rule is the service's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext
from sqlalchemy import select
from wtforms import (
    DateTimeLocalField,
    Form,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.meta import DefaultMeta
from wtforms.widgets import DateInput, EmailInput

from app.extensions import db
from app.models import User
from app.models.user import full_name
from app.services import accounts, languages
from app.services.errors import InvalidInput, NotFound
from app.services.fields import YEARS
from app.services.policy import Actor
from app.views.admin.wording import Words

SUGGESTED_USERS = 300
_SPEAKER = re.compile(r"(?P<name>[^<>]*?)\s*(?:<(?P<email>[^<>]*)>)?")


class OfficeForm(Form):
    """A form of the back-office. Its token is checked by the gate (`app/gates.py`)."""

    class Meta(DefaultMeta):
        """WTForms' own messages in the reader's language, from its own catalogs."""

        @property
        def locales(self) -> list[str]:
            return [languages.current().code]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A lazy text goes into a page as it is; a plain one is escaped there.
        for field in self:
            field.label.text = str(field.label.text)
            field.description = str(field.description)

    def place(self, errors: Mapping[str, Iterable[str]]) -> list[str]:
        """Put messages under their fields; returns those that have none here."""
        left = []
        for name, messages in errors.items():
            if name in self._fields:
                field = self._fields[name]
                field.errors = [*field.errors, *messages]
            else:
                left.extend(messages)
        return left


class LineField(StringField):
    """One line of text."""

    def __init__(
        self, label: Words, *, maximum: int = 0, required: bool = False, **kwargs: Any
    ) -> None:
        attributes = {"maxlength": maximum} if maximum else {}
        super().__init__(label, render_kw=attributes | kwargs.pop("render_kw", {}), **kwargs)
        self.flags.required = required


class TextField(TextAreaField):
    """Several lines."""


class EmailField(LineField):
    """An address."""

    widget = EmailInput()


class DayField(LineField):
    """A local date, as typed: the service reads it."""

    widget = DateInput()


class NumberField(IntegerField):
    """A whole number, or None for nothing typed."""

    def __init__(self, label: Words, *, required: bool = False, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.flags.required = required

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if text and not re.fullmatch(r"-?\d{1,18}", text):
            raise ValueError(gettext("This must be a whole number."))
        if text:
            self.data = int(text)


class LocalTimeField(DateTimeLocalField):
    """A local time; whose zone it is in is known once the rest of the form is read.

    An unchanged time keeps its instant: in a doubled hour the text alone would not.
    """

    def __init__(self, label: Words, **kwargs: Any) -> None:
        super().__init__(label, format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], **kwargs)
        self.flags.required = True

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        if not valuelist or not valuelist[0].strip():
            self.data = None
            return
        try:
            super().process_formdata([valuelist[0].strip()])
        except ValueError:
            raise ValueError(gettext("Use a date and a time like 2026-12-01 10:30.")) from None

    def instant(self, zone: str, unchanged: datetime | None = None) -> datetime | None:
        """The instant in `zone`; `unchanged` if its local time is what was typed.

        In a doubled hour it is the first run. Raises `InvalidInput` for a time that the
        clocks skip, and for a year that nothing is planned in.
        """
        local = self.data
        if local is None:
            return None
        if local.year not in YEARS:
            raise InvalidInput({self.name: [gettext("This is too far away.")]})
        if unchanged is not None and local_of(unchanged, zone) == local:
            return unchanged
        found = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if local_of(found, zone) != local:
            raise InvalidInput(
                {
                    self.name: [
                        gettext(
                            "The clocks go forward then: %(time)s does not exist.",
                            time=f"{local:%H:%M}",
                        )
                    ]
                }
            )
        return found


def local_of(instant: datetime, zone: str) -> datetime:
    """The local time that a `LocalTimeField` shows: to the minute, without zone."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)


class ChoiceField(SelectField):
    """One of a few words: values and texts."""

    def __init__(
        self, label: Words, *, choices: Iterable[tuple[str, Words]], **kwargs: Any
    ) -> None:
        super().__init__(label, choices=_choices(choices), **kwargs)


class IdField(SelectField):
    """One of the rows offered, by id; None where `empty` says what that means."""

    def __init__(
        self, label: Words, *, empty: Words = "", required: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(label, coerce=_id, choices=[], **kwargs)
        self.empty = empty
        self.flags.required = required

    def offer(self, choices: Iterable[tuple[int, str]]) -> None:
        """What can be chosen."""
        first = "" if self.empty else gettext("Choose …")
        self.choices = _choices([("", self.empty or first), *choices])

    def pre_validate(self, form: Any) -> None:
        if self.data is None:
            if not self.empty:
                raise ValidationError(gettext("This field is required."))
            return
        super().pre_validate(form)


class ZoneField(SelectField):
    """A time zone of a place; with `empty`, also none."""

    def __init__(self, label: Words, *, empty: Words = "", **kwargs: Any) -> None:
        super().__init__(label, choices=[], **kwargs)
        self.empty = empty

    def process_data(self, value: str | None) -> None:
        super().process_data(value or "")

    def offer(self, zones: Iterable[tuple[str, str]]) -> None:
        """What can be chosen; a zone that is set already always can."""
        choices = list(zones)
        if self.object_data and self.object_data not in dict(choices):
            choices.append((self.object_data, self.object_data))
        default = {"default": current_app.config["DEFAULT_TIME_ZONE"]}
        first = [("", str(self.empty) % default)] if self.empty else []
        self.choices = _choices(first + choices)


class RolesField(SelectMultipleField):
    """Any of the roles, as checkboxes."""

    def __init__(
        self, label: Words, *, choices: Iterable[tuple[str, Words]], **kwargs: Any
    ) -> None:
        super().__init__(label, choices=_choices(choices), **kwargs)


class UserField(EmailField):
    """A user, by address, with suggestions."""

    suggests_users = True

    def user_id(self, actor: Actor | None) -> int | None:
        """Whose address it is; None for nothing typed. Raises `InvalidInput`."""
        if not (self.data or "").strip():
            if self.flags.required:
                raise InvalidInput({self.name: [gettext("This field is required.")]})
            return None
        try:
            return int(accounts.get_user_by_email(actor, self.data).id)
        except NotFound as error:
            raise InvalidInput({self.name: [error.detail]}) from None


class SpeakersField(TextAreaField):
    """Speakers, one per line: `Name`, or `Name <address>` of one who has an account."""

    def speakers(self, actor: Actor | None) -> list[dict[str, Any]]:
        """What `session_fields` takes. Raises `InvalidInput` naming the line."""
        found = []
        for line in filter(None, map(str.strip, (self.data or "").splitlines())):
            match = _SPEAKER.fullmatch(line)
            if match is None:
                told = gettext("Write “%(line)s” as Name <address>.", line=line)
                raise InvalidInput({self.name: [told]})
            speaker: dict[str, Any] = {"name": match["name"]}
            if match["email"]:
                try:
                    user = accounts.get_user_by_email(actor, match["email"])
                except NotFound as error:
                    raise InvalidInput({self.name: [error.detail]}) from None
                speaker["user_id"] = user.id
                speaker["name"] = match["name"] or full_name(user.first_name, user.last_name)
            found.append(speaker)
        return found


def suggested_users() -> list[tuple[str, str]]:
    """Addresses and names to choose from while typing, those seen last first."""
    rows = db.session.execute(
        select(User.email, User.first_name, User.last_name)
        .where(User.active.is_(True))
        .order_by(User.last_login.desc().nulls_last(), User.id.desc())
        .limit(SUGGESTED_USERS)
    )
    return [(row.email, full_name(row.first_name, row.last_name)) for row in rows]


def name_of_user(user_id: int) -> str | None:
    """The name of an account, if there is one."""
    row = db.session.execute(
        select(User.first_name, User.last_name).where(User.id == user_id)
    ).one_or_none()
    return row and full_name(row.first_name, row.last_name)


def _choices(pairs: Iterable[tuple[Any, Words]]) -> list[SelectChoice]:
    return [SelectChoice(value=str(value), label=str(text)) for value, text in pairs]


def _id(value: Any) -> int | None:
    return int(value) if str(value or "").isdecimal() and len(str(value)) < 10 else None
