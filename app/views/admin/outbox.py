"""The outbox in the back-office: what went out, what did not and why, and once more."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, render_template, url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.gates import current_actor
from app.models import OutboxMessage
from app.services import mail, outbox
from app.services.errors import DomainError
from app.services.languages import DEFAULT, LANGUAGES, Language
from app.services.mail_messages import Rendered
from app.services.policy import Actor
from app.views.admin import cells, mail_names
from app.views.admin.access import Answer, permitted
from app.views.admin.base import Deed, ReadingInterface, ServiceModelView
from app.views.admin.booking_cells import name_of_booking
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.listing import LinkFilter, ListFilter
from app.views.admin.wording import Texts, Wording

STATES = {
    "pending": lazy_gettext("Waiting"),
    "sending": lazy_gettext("Being sent"),
    "sent": lazy_gettext("Sent"),
    "failed": lazy_gettext("Failed"),
}
TONES = {"pending": "warn", "sending": "warn", "sent": "good", "failed": "bad"}
# A mail brings its own styles and needs nothing else: no script, no picture, no form.
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
)


def framed(mail: Rendered) -> Response:
    """A mail's HTML, for a sandboxed frame of ours."""
    response = Response(mail.html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = FRAME_POLICY
    return response


def _language_of(item: OutboxMessage) -> Language:
    return LANGUAGES.get(item.language, LANGUAGES[DEFAULT])


def _retry(_view: Any, actor: Actor | None, item: OutboxMessage, _form: Any) -> Outcome:
    outbox.retry(actor, item.id)
    return Outcome(gettext("The mail to %(address)s is tried again.", address=item.recipient))


class OutboxView(ServiceModelView):
    """`/backoffice/outbox/`."""

    datamodel = ReadingInterface(OutboxMessage)
    route_base = "/backoffice/outbox"
    plural, icon = lazy_gettext("Outbox"), "mail"
    texts = Texts(choose=lazy_gettext("Choose which mails first."))
    object_kind = "mail"
    show_template = "admin/mail.html"
    deed_permission = "retry"
    empty = lazy_gettext("Mails appear here as soon as somebody books.")
    include_route_methods = {"list", "show", "retry", "retry_many", "preview_of", "send_test"}

    list_columns = [
        "recipient",
        "mail",
        "language",
        "state",
        "error",
        "written",
        "sent",
        "attempts",
    ]
    show_columns = [
        "recipient",
        "mail",
        "language",
        "state",
        "last_error",
        "attempts",
        "next_try",
        "written",
        "sent",
        "booking",
    ]
    search_columns = ["recipient", "template", "last_error"]
    order_columns = ["recipient", "state", "created_at", "sent_at", "attempts"]
    label_columns = {
        "last_error": lazy_gettext("Last error"),
        "error": lazy_gettext("Last error"),
        "language": lazy_gettext("Language"),
    }
    base_order = ("id", "desc")
    order_of = {"written": "created_at", "sent": "sent_at"}
    number_columns = frozenset({"attempts"})
    presets = (
        (lazy_gettext("Failed"), {"state": "failed"}),
        (lazy_gettext("Waiting"), {"state": "pending"}),
    )
    list_filters = (
        ListFilter(
            "state",
            lazy_gettext("State"),
            lambda: [*STATES.items(), ("due", gettext("Waiting, and due"))],
            lambda value: mail.is_waiting() if value == "due" else OutboxMessage.state == value,
        ),
        LinkFilter(
            "booking",
            lazy_gettext("Booking"),
            name_of_booking,
            lambda value: OutboxMessage.booking_id == int(value),
        ),
    )
    bulk_actions = (
        BulkAction(
            name="retry_many",
            label=lazy_gettext("Try again"),
            wording=Wording(
                question=lambda name: gettext("Try “%(name)s” again?", name=name),
                question_many=lambda number: ngettext(
                    "Try %(num)d mail again?", "Try %(num)d mails again?", number
                ),
                submit=lambda number: ngettext("Try mail again", "Try mails again", number),
                done=lambda name: gettext("“%(name)s” tried again.", name=name),
                done_many=lambda number: ngettext(
                    "%(num)d tried again.", "%(num)d tried again.", number
                ),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s tried again.", done=done, all=all_
                ),
            ),
            perform=_retry,
            icon="refresh-cw",
            permission="retry",
            about=lazy_gettext("They go out at once, and are tried as often as new ones."),
        ),
    )

    def name_of(self, item: OutboxMessage) -> str:
        return gettext("%(mail)s to %(address)s", mail=self.cell_mail(item), address=item.recipient)

    def is_changeable(self, item: OutboxMessage) -> bool:
        return item.state in {"pending", "failed"}

    def deeds(self, item: OutboxMessage) -> list[Deed]:
        if not self.is_changeable(item):
            return []
        return [Deed(gettext("Try again"), self._url("retry", pk=item.id), "refresh-cw")]

    @expose("/retry/<int:pk>", methods=["POST"])
    @permitted("retry")
    def retry(self, pk: int) -> Answer:
        try:
            outbox.retry(current_actor(), pk)
        except DomainError as error:
            flash(error.detail, "danger")
        else:
            flash(gettext("It is tried again now."), "success")
        return self._to("show", pk=pk)

    @expose("/retry/", methods=["GET", "POST"])
    @permitted("retry")
    def retry_many(self) -> Answer:
        return self._bulk(self.bulk_actions[0])

    @expose("/preview/<int:pk>")
    @permitted("show")
    def preview_of(self, pk: int) -> Answer:
        return framed(outbox.preview(current_actor(), self._item(pk).id))

    @expose("/test", methods=["POST"])
    @permitted("retry")
    def send_test(self) -> Answer:
        message_id = outbox.send_test(current_actor())
        if current_app.config["MAIL_SERVER"]:
            flash(
                gettext("A test mail is on its way to you. What becomes of it stands here."),
                "success",
            )
        else:
            flash(
                gettext("There is no MAIL_SERVER, so the test mail stays here, as all mails do."),
                "warning",
            )
        return self._to("show", pk=message_id)

    def _page(self, template: str, **values: Any) -> str:
        values["has_server"] = bool(current_app.config["MAIL_SERVER"])
        if template == self.show_template:
            item = values["item"]
            try:
                values["mail"] = outbox.preview(current_actor(), item.id)
            except DomainError as error:
                values["mail"], values["why_not"] = None, error.detail
            values["written_in"] = _language_of(item)
            values["frame"] = self._url("preview_of", pk=item.id)
            values["is_pending"] = item.state in {"pending", "sending"}
        return render_template(
            "admin/outbox.html" if template == "admin/list.html" else template,
            view=self,
            appbuilder=self.appbuilder,
            url=self._url,
            **values,
        )

    def cell_mail(self, item: OutboxMessage) -> str:
        return mail_names.of(item.template)

    def cell_language(self, item: OutboxMessage) -> Markup:
        language = _language_of(item)
        return Markup('<bdi lang="{}">{}</bdi>').format(language.code, language.name)

    def cell_state(self, item: OutboxMessage) -> Markup:
        return cells.badge(STATES[item.state], TONES[item.state])

    def cell_error(self, item: OutboxMessage) -> str:
        return item.last_error if len(item.last_error) <= 60 else item.last_error[:59] + "…"

    def cell_written(self, item: OutboxMessage) -> Any:
        return cells.moment(item.created_at, self.zone())

    def cell_sent(self, item: OutboxMessage) -> Any:
        return cells.moment(item.sent_at, self.zone())

    def cell_next_try(self, item: OutboxMessage) -> Any:
        is_tried = item.state == "pending" and current_app.config["MAIL_SERVER"]
        return cells.moment(item.next_attempt_at, self.zone()) if is_tried else ""

    def cell_booking(self, item: OutboxMessage) -> Any:
        if item.booking_id is None:
            return ""
        return cells.link(gettext("The booking"), url_for("BookingView.show", pk=item.booking_id))
