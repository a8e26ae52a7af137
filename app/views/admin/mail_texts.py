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
from app.services.mail_texts import Text
from app.services.mail_wording import MEANINGS, PARTS
from app.views.admin import mail_names
from app.views.admin.base import Answer, permitted
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


class MailTextView(BaseView):
    """`/backoffice/mail-texts/`."""

    route_base = "/backoffice/mail-texts"
    default_view = "list"
    plural, icon = lazy_gettext("Mail texts"), "file-text"

    @expose("/list/")
    @permitted("list")
    def list(self) -> Answer:
        return self._page(
            "admin/mail_texts.html",
            title=gettext("Mail texts"),
            texts=mail_texts.list_texts(current_actor()),
            name_of=mail_names.of,
        )

    @expose("/edit/<template>", methods=["GET", "POST"])
    @permitted("edit")
    def edit(self, template: str) -> Answer:
        text = mail_texts.get_text(current_actor(), template)
        if request.method == "GET":
            return self._form_page(text, MailTextForm(data=dict(text.parts)))
        form = MailTextForm(request.form)
        parts = {part: form[part].data or "" for part in PARTS}
        try:
            if "show" in request.form:
                mail_texts.preview_text(current_actor(), template, parts)
                return self._form_page(text, form, shown=parts)
            mail_texts.update_text(current_actor(), template, parts)
        except InvalidInput as error:
            return self._form_page(text, form, error)
        flash(gettext("Saved. The next mail says it so."), "success")
        return redirect(url_for(".edit", template=template), 303)

    @expose("/reset/<template>", methods=["POST"])
    @permitted("edit")
    def reset(self, template: str) -> Answer:
        mail_texts.reset_text(current_actor(), template)
        flash(gettext("Our own words are back."), "success")
        return redirect(url_for(".edit", template=template), 303)

    @expose("/preview/<template>")
    @permitted("edit")
    def preview(self, template: str) -> Response:
        """The mail with sample data, framed: as it is kept, or with the words in the address."""
        parts = {part: request.args[part] for part in PARTS if part in request.args}
        return framed(mail_texts.preview_text(current_actor(), template, parts or None))

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
            mail=mail_texts.preview_text(current_actor(), text.template, shown),
            is_unsaved=shown is not None,
            frame=url_for(".preview", template=text.template, **unsaved),
            history=url_for("AuditView.list", object=f"mail_text:{text.template}"),
        )
        return (page, status_of(error)) if error else page

    def _page(self, template: str, **values: Any) -> str:
        return render_template(template, appbuilder=self.appbuilder, **values)
