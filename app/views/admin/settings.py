"""The settings that admins change, on one page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from app.errors import status_of
from app.gates import current_actor
from app.services import colours, settings, weekly_hours
from app.services.errors import DomainError, InvalidInput, NotFound, Stale
from app.services.local_text import number_text, weekday_text
from app.services.settings import Settings
from app.views.admin import cells
from app.views.admin.access import Answer, permitted
from app.views.admin.form_pages import OVERTAKEN
from app.views.admin.forms import LineField, NumberField, OfficeForm, TextField

WEEKDAYS = [LazyString(weekday_text, day) for day in range(7)]
_SPAN = re.compile(r"(\d{1,2}:\d{2})\s*(?:-|\N{EN DASH}|to)\s*(\d{1,2}:\d{2})")


class SettingsForm(OfficeForm):
    product_name = LineField(
        lazy_gettext("Product name"),
        maximum=40,
        required=True,
        description=lazy_gettext("In the header, in titles and mails."),
    )
    accent = LineField(
        lazy_gettext("Accent colour"),
        maximum=7,
        required=True,
        description=lazy_gettext(
            "Like #0c6765. Dark enough to be read on white; dark pages get a lighter one."
        ),
        render_kw={"spellcheck": "false", "autocomplete": "off"},
    )
    hours_0 = LineField(
        WEEKDAYS[0],
        maximum=100,
        description=lazy_gettext(
            "What new experts begin with. Like 08:00-12:00, 13:00-17:00; empty for a day off."
        ),
    )
    hours_1 = LineField(WEEKDAYS[1], maximum=100)
    hours_2 = LineField(WEEKDAYS[2], maximum=100)
    hours_3 = LineField(WEEKDAYS[3], maximum=100)
    hours_4 = LineField(WEEKDAYS[4], maximum=100)
    hours_5 = LineField(WEEKDAYS[5], maximum=100)
    hours_6 = LineField(WEEKDAYS[6], maximum=100)
    admission_welcome = TextField(
        lazy_gettext("Welcome"),
        description=lazy_gettext("Above the address, where a scanned code leads. Plain text."),
    )
    admission_help = TextField(
        lazy_gettext("Help"),
        description=lazy_gettext("Below it: whom to ask when no code arrives."),
    )
    audit_days = NumberField(
        lazy_gettext("Audit log, days"),
        required=True,
        description=lazy_gettext("Older entries are deleted. At least 30."),
    )
    mail_days = NumberField(
        lazy_gettext("Mails, days"),
        required=True,
        description=lazy_gettext(
            "Mails that were sent, or given up, are deleted after that. At least 7."
        ),
    )
    guest_days = NumberField(
        lazy_gettext("Guests' data, days"),
        description=lazy_gettext(
            "What clients left is taken out that long after their appointment. 0 keeps it."
        ),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that stand together: the form's fields, and the service's names of them."""

    key: str
    name: LazyString
    fields: tuple[str, ...]
    settings: tuple[str, ...]


def _group(key: str, name: LazyString, *names: str) -> Group:
    return Group(key, name, names, names)


GROUPS = (
    _group("look", lazy_gettext("Look"), "product_name", "accent"),
    Group(
        "hours",
        lazy_gettext("Default weekly hours"),
        tuple(f"hours_{day}" for day in range(7)),
        ("weekly_hours",),
    ),
    _group("admission", lazy_gettext("Admission to events"), "admission_welcome", "admission_help"),
    _group("kept", lazy_gettext("Kept for"), "audit_days", "mail_days", "guest_days"),
)


class SettingsView(BaseView):
    """`/backoffice/settings/`."""

    route_base = "/backoffice/settings"
    default_view = "edit"
    plural, icon = lazy_gettext("Settings"), "settings"

    @expose("/", methods=["GET", "POST"])
    @permitted("edit")
    def edit(self) -> Answer:
        kept = settings.current()
        if request.method == "GET":
            return self._form_page(SettingsForm(data=_values(kept)), kept)
        form = SettingsForm(request.form)
        values, mistakes = _read(form)
        if not form.validate() or mistakes:
            sound = {name: value for name, value in values.items() if name not in form.errors}
            mistakes |= _by_field(settings.find_mistakes(sound))
            return self._form_page(form, kept, InvalidInput(mistakes))
        try:
            settings.update(current_actor(), values, version=_seen())
        except InvalidInput as error:
            return self._form_page(form, kept, InvalidInput(_by_field(error.errors)))
        except Stale:
            settings.refresh()
            return self._form_page(form, settings.current(), Stale(str(OVERTAKEN)))
        flash(gettext("Saved. It holds everywhere within a second."), "success")
        return redirect(url_for(".edit"), 303)

    @expose("/reset", methods=["GET", "POST"])
    @permitted("edit")
    def reset(self) -> Answer:
        """Put the defaults of a group, or of all, in place again, once that is confirmed."""
        groups = [each for each in GROUPS if request.values.get("group") in {"", None, each.key}]
        if not groups:
            raise NotFound
        names = [name for group in groups for name in group.settings]
        if request.method == "GET":
            return self._reset_page(groups, names)
        try:
            settings.update(current_actor(), dict.fromkeys(names), version=_seen())
        except Stale as error:
            settings.refresh()
            return self._reset_page(groups, names, error)
        flash(gettext("The defaults hold again."), "success")
        return redirect(url_for(".edit"), 303)

    def _reset_page(
        self, groups: Sequence[Group], names: Sequence[str], error: DomainError | None = None
    ) -> Answer:
        kept, defaults = settings.current(), settings.defaults()
        changes = [
            (_label(name), _shown(name, kept), _shown(name, defaults))
            for name in names
            if getattr(kept, name) != getattr(defaults, name)
        ]
        page = render_template(
            "admin/confirm.html",
            appbuilder=self.appbuilder,
            title=gettext("Back to the defaults of all settings?")
            if len(groups) > 1
            else gettext("Back to the defaults of “%(group)s”?", group=groups[0].name),
            notice=error.detail if error else "",
            lines=[
                gettext(
                    "This holds for everybody within a second. What is set now stays readable"
                    " in the history."
                )
                if changes
                else gettext("They hold already: there is nothing to put back.")
            ],
            changes=changes,
            hidden={"seen": kept.version},
            submit=gettext("Put the defaults in place") if changes else "",
            back=url_for(".edit"),
        )
        return (page, status_of(error)) if error else page

    def _form_page(
        self, form: SettingsForm, kept: Settings, error: DomainError | None = None
    ) -> Answer:
        notes = form.place(error.errors) if isinstance(error, InvalidInput) else []
        page = render_template(
            "admin/settings.html",
            appbuilder=self.appbuilder,
            title=gettext("Settings"),
            groups=GROUPS,
            changed={each.key for each in GROUPS if _is_changed(each, kept)},
            seen=kept.version,
            form=form,
            error=error,
            notes=notes,
            history=url_for("AuditView.list", object="settings:all"),
            contrast=number_text(round(colours.weakest(kept.accent), 1)),
        )
        return (page, status_of(error)) if error else page


def _values(kept: Settings) -> dict[str, Any]:
    """What the form shows."""
    values = {name: getattr(kept, name) for name in settings.NAMES if name != "weekly_hours"}
    for day in range(7):
        spans = [
            f"{each['start']}-{each['end']}"
            for each in weekly_hours.describe(kept.weekly_hours)
            if each["weekday"] == day
        ]
        values[f"hours_{day}"] = ", ".join(spans)
    return values


def _seen() -> int | None:
    """The version of the settings that the page showed."""
    seen = request.form.get("seen", "")
    return int(seen) if seen.isdecimal() and len(seen) < 10 else None


def _is_changed(group: Group, kept: Settings) -> bool:
    defaults = settings.defaults()
    return any(getattr(kept, name) != getattr(defaults, name) for name in group.settings)


def _label(name: str) -> str:
    field = getattr(SettingsForm(), name, None)
    group = next(each for each in GROUPS if name in each.settings)
    return str(field.label.text if field else group.name)


def _shown(name: str, held: Settings) -> str:
    """A setting in words."""
    if name == "weekly_hours":
        values = _values(held)
        hours = [(weekday_text(day), values[f"hours_{day}"]) for day in range(7)]
        return cells.lines([f"{day} {spans}" for day, spans in hours if spans])
    value = getattr(held, name)
    return number_text(value) if isinstance(value, int) else value or gettext("None")


def _read(form: SettingsForm) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What the service takes, and the mistakes in hours that cannot be read."""
    values = {name: value for name, value in form.data.items() if not name.startswith("hours_")}
    hours: list[dict[str, Any]] = []
    errors: dict[str, list[str]] = {}
    for day in range(7):
        name = f"hours_{day}"
        own = []
        for part in filter(None, map(str.strip, (form[name].data or "").split(","))):
            match = _SPAN.fullmatch(part)
            if match is None:
                errors[name] = [gettext("Write “%(part)s” like 08:00-17:00.", part=part)]
                break
            own.append({"weekday": day, "start": match[1].zfill(5), "end": match[2].zfill(5)})
        wrong: dict[str, list[str]] = {}
        weekly_hours.read(wrong, name, own)
        errors |= {field: texts for field, texts in wrong.items() if field not in errors}
        hours += own
    return (values if errors else values | {"weekly_hours": hours}), errors


def _by_field(errors: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The service's refusals, by the form's fields."""
    return {
        "hours_0" if name == "weekly_hours" else name: [*texts] for name, texts in errors.items()
    }
