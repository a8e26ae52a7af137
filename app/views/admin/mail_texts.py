"""The words of mails: chosen with fixed placeholders, and looked at before they go out."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from app.errors import status_of
from app.gates import current_actor
from app.services import mail_texts
from app.services.errors import DomainError, InvalidInput
from app.services.languages import DEFAULT, LANGUAGES, Language
from app.services.mail_texts import Text
from app.services.mail_wording import MEANINGS, PARTS
from app.views.admin import mail_names
from app.views.admin.access import Answer, permitted
from app.views.admin.forms import LineField, OfficeForm, TextField
from app.views.admin.outbox import framed


class MailTextForm(OfficeForm):
    subject = LineField(lazy_gettext("Subject"), maximum=PARTS["subject"], required=True)
    heading = LineField(lazy_gettext("Heading"), maximum=PARTS["heading"], required=True)
    intro = TextField(lazy_gettext("Text"), description=lazy_gettext("One paragraph."))
    button = LineField(
        lazy_gettext("Button"),
        maximum=PARTS["button"],
        description=lazy_gettext("Where it leads is fixed."),
    )
    note = TextField(lazy_gettext("Note"), description=lazy_gettext("In small letters at the end."))

    def write_in(self, code: str) -> None:
        """Have the fields, not their labels, written in a language."""
        for field in self:
            field.render_kw = {"lang": code, "dir": LANGUAGES[code].direction}


def _asked() -> str:
    """Which language's words are meant; the service knows whether there are any."""
    return request.args.get("language", DEFAULT)


def _in(code: str) -> dict[str, str]:
    """The language for an address; English ones are as they were when it was the only one."""
    return {} if code == DEFAULT else {"language": code}


def _tabs(endpoint: str, **values: str) -> list[tuple[Language, str]]:
    """Each language with its address of the same page."""
    return [(each, url_for(endpoint, **values, **_in(code))) for code, each in LANGUAGES.items()]


class MailTextView(BaseView):
    """`/backoffice/mail-texts/`, of the language in `?language=`."""

    route_base = "/backoffice/mail-texts"
    default_view = "list"
    plural, icon = lazy_gettext("Mail texts"), "file-text"

    @expose("/list/")
    @permitted("list")
    def list(self) -> Answer:
        return self._page(
            "admin/mail_texts.html",
            title=gettext("Mail texts"),
            texts=mail_texts.list_texts(current_actor(), language=_asked()),
            name_of=mail_names.of,
            chosen=LANGUAGES[_asked()],
            others={code: each for code, each in LANGUAGES.items() if code != _asked()},
            tabs=_tabs(".list"),
            query=_in(_asked()),
        )

    @expose("/edit/<template>", methods=["GET", "POST"])
    @permitted("edit")
    def edit(self, template: str) -> Answer:
        language = _asked()
        text = mail_texts.get_text(current_actor(), template, language=language)
        if request.method == "GET":
            return self._form_page(text, MailTextForm(data=dict(text.parts)))
        form = MailTextForm(request.form)
        parts = {part: form[part].data or "" for part in PARTS}
        try:
            if "show" in request.form:
                mail_texts.preview_text(current_actor(), template, parts, language=language)
                return self._form_page(text, form, shown=parts)
            mail_texts.update_text(current_actor(), template, parts, language=language)
        except InvalidInput as error:
            return self._form_page(text, form, error)
        flash(gettext("Saved. The next mail says it so."), "success")
        return redirect(url_for(".edit", template=template, **_in(language)), 303)

    @expose("/reset/<template>", methods=["GET", "POST"])
    @permitted("edit")
    def reset(self, template: str) -> Answer:
        """Put our own words in place again, once that is confirmed."""
        language = _asked()
        if request.method == "GET":
            text = mail_texts.get_text(current_actor(), template, language=language)
            form = MailTextForm()
            return self._page(
                "admin/confirm.html",
                title=gettext(
                    "Back to the defaults of “%(group)s”?", group=str(mail_names.of(template))
                ),
                lines=[],
                hidden={},
                changes=[
                    (form[part].label.text, text.parts.get(part, ""), text.default.get(part, ""))
                    for part in PARTS
                    if text.parts.get(part) != text.default.get(part)
                ],
                submit=gettext("Reset to default") if text.is_own else "",
                back=url_for(".edit", template=template, **_in(language)),
            )
        mail_texts.reset_text(current_actor(), template, language=language)
        flash(gettext("Our own words are back."), "success")
        return redirect(url_for(".edit", template=template, **_in(language)), 303)

    @expose("/preview/<template>")
    @permitted("edit")
    def preview(self, template: str) -> Response:
        """The mail with sample data, framed: as it is kept, or with the words in the address."""
        parts = {part: request.args[part] for part in PARTS if part in request.args}
        return framed(
            mail_texts.preview_text(current_actor(), template, parts or None, language=_asked())
        )

    def _form_page(
        self,
        text: Text,
        form: MailTextForm,
        error: DomainError | None = None,
        *,
        shown: dict[str, str] | None = None,
    ) -> Answer:
        notes = form.place(error.errors) if isinstance(error, InvalidInput) else []
        unsaved: dict[str, Any] = shown or {}
        form.write_in(text.language)
        page = self._page(
            "admin/mail_text.html",
            title=mail_names.of(text.template),
            text=text,
            form=form,
            error=error,
            notes=notes,
            placeholders=[
                (name, str(MEANINGS[name]), sample) for name, sample in text.placeholders.items()
            ],
            mail=mail_texts.preview_text(
                current_actor(), text.template, shown, language=text.language
            ),
            is_unsaved=shown is not None,
            chosen=LANGUAGES[text.language],
            tabs=_tabs(".edit", template=text.template),
            query=_in(text.language),
            frame=url_for(".preview", template=text.template, **_in(text.language), **unsaved),
            history=url_for(
                "AuditView.list",
                object=f"mail_text:{mail_texts.audit_key(text.template, text.language)}",
            ),
        )
        return (page, status_of(error)) if error else page

    def _page(self, template: str, **values: Any) -> str:
        return render_template(
            template,
            appbuilder=self.appbuilder,
            **values,
        )
