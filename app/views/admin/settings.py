"""The settings that admins change, on one page."""

from __future__ import annotations

import re
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from app.errors import status_of
from app.gates import current_actor
from app.services import colours, settings, weekly_hours
from app.services.errors import DomainError, InvalidInput
from app.services.local_text import number_text, weekday_text
from app.services.settings import Settings
from app.views.admin.access import Answer, permitted
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


GROUPS = (
    (lazy_gettext("Look"), ("product_name", "accent")),
    (lazy_gettext("Default weekly hours"), tuple(f"hours_{day}" for day in range(7))),
    (lazy_gettext("Admission to events"), ("admission_welcome", "admission_help")),
    (lazy_gettext("Kept for"), ("audit_days", "mail_days", "guest_days")),
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
        if not form.validate():
            return self._form_page(form, kept, InvalidInput({}))
        try:
            settings.update(current_actor(), _read(form))
        except InvalidInput as error:
            return self._form_page(form, kept, error)
        flash(gettext("Saved. It holds everywhere within a second."), "success")
        return redirect(url_for(".edit"), 303)

    @expose("/reset", methods=["POST"])
    @permitted("edit")
    def reset(self) -> Answer:
        """Put the defaults in place again."""
        settings.update(current_actor(), dict.fromkeys(settings.NAMES))
        flash(gettext("The defaults hold again."), "success")
        return redirect(url_for(".edit"), 303)

    def _form_page(
        self, form: SettingsForm, kept: Settings, error: DomainError | None = None
    ) -> Answer:
        notes = form.place(_by_field(error)) if isinstance(error, InvalidInput) else []
        page = render_template(
            "admin/settings.html",
            appbuilder=self.appbuilder,
            title=gettext("Settings"),
            groups=GROUPS,
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


def _read(form: SettingsForm) -> dict[str, Any]:
    """What the service takes. Raises `InvalidInput` for hours that cannot be read."""
    values = {name: value for name, value in form.data.items() if not name.startswith("hours_")}
    hours: list[dict[str, Any]] = []
    errors = {}
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
    if errors:
        raise InvalidInput(errors)
    return values | {"weekly_hours": hours}


def _by_field(error: InvalidInput) -> dict[str, list[str]]:
    """The service's refusals, by the form's fields."""
    return {
        "hours_0" if name == "weekly_hours" else name: texts for name, texts in error.errors.items()
    }
