"""Import and export of tables: `/backoffice/imports/`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import gettext, lazy_gettext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

import eventloop
from app.errors import status_of
from app.extensions import db, socketio
from app.gates import current_actor
from app.models import ImportJob
from app.models.audit import BACK_OFFICE
from app.models.import_job import CHECKED, CHECKING, DONE, IMPORTING
from app.services import events, import_jobs, languages, origin, spreadsheets
from app.services.errors import DomainError, InvalidInput, NotFound
from app.services.policy import Actor
from app.services.table_import import ACTIONS
from app.views.admin.access import Answer, permitted
from app.views.admin.events import event_choices
from app.views.api.answers import json_answer
from app.views.api.payload import read_query

# What takes no longer than a page does is done at once; the rest while the page watches.
AT_ONCE = 200
TITLES = {
    "attendees": lazy_gettext("Import attendees"),
    "sessions": lazy_gettext("Import sessions"),
    "users": lazy_gettext("Import users"),
}
SAMPLE_LINES = 3
PAGE_SIZE = 100
WORKING = {CHECKING, IMPORTING}


class ImportView(BaseView):
    """Upload, name the columns, see what each line does, import; and the way out."""

    route_base = "/backoffice/imports"
    default_view = "list"

    @expose("/")
    @permitted("list")
    def list(self) -> Answer:
        return self._list_page()

    @expose("/", methods=["POST"])
    @permitted("add")
    def upload(self) -> Answer:
        form = request.form
        file = request.files.get("file")
        try:
            if file is None or not file.filename:
                raise InvalidInput({"file": [gettext("Choose a file.")]})
            job = import_jobs.create_job(
                current_actor(),
                form.get("kind", ""),
                form.get("event", "")[:64],
                file.filename,
                file.read(),
            )
        except NotFound:
            return self._list_page(InvalidInput({"event": [gettext("Choose an event.")]}))
        except InvalidInput as error:
            return self._list_page(error)
        return redirect(url_for(".show", job_id=job.id), 303)

    @expose("/<int:job_id>")
    @permitted("list")
    def show(self, job_id: int) -> Answer:
        return self._job_page(job_id)

    @expose("/<int:job_id>/state")
    @permitted("list")
    def state(self, job_id: int) -> Response:
        job = import_jobs.get_job(current_actor(), job_id)
        done, total = import_jobs.done(job), len(job.lines)
        return json_answer({"state": job.state, "done": done, "total": total})

    @expose("/<int:job_id>/check", methods=["POST"])
    @permitted("add")
    def check(self, job_id: int) -> Answer:
        actor = current_actor()
        job = import_jobs.get_job(actor, job_id)
        mapping = {
            field.key: int(place)
            for field in import_jobs.get_kind(job.kind).fields
            if (place := request.form.get(f"column-{field.key}", "")).isdecimal() and len(place) < 4
        }
        try:
            import_jobs.map_columns(actor, job_id, mapping)
        except InvalidInput as error:
            return self._job_page(job_id, error=error, mapping=mapping)
        return self._do(import_jobs.check, job)

    @expose("/<int:job_id>/run", methods=["POST"])
    @permitted("add")
    def run(self, job_id: int) -> Answer:
        job = import_jobs.get_job(current_actor(), job_id)
        return self._do(import_jobs.run, job)

    @expose("/<int:job_id>/discard", methods=["POST"])
    @permitted("add")
    def discard(self, job_id: int) -> Answer:
        import_jobs.discard(current_actor(), job_id)
        flash(gettext("Forgotten. Nothing was imported."), "success")
        return redirect(url_for(".list"), 303)

    @expose("/template/<any(attendees, sessions, users):kind>.<any(csv, xlsx):form>")
    @permitted("list")
    def template(self, kind: str, form: str) -> Response:
        """The columns, and nothing in them."""
        head = [field.heading for field in import_jobs.get_kind(kind).fields]
        return self._file(f"{kind}-template", form, head, [])

    @expose("/export/<any(attendees, sessions, users):kind>.<any(csv, xlsx):form>")
    @permitted("list")
    def export(self, kind: str, form: str) -> Response:
        slug = request.args.get("event", "")[:64]
        with languages.speaking(languages.DEFAULT):  # programs read it
            head, rows = import_jobs.export(current_actor(), kind, slug)
        return self._file(f"{slug}-{kind}" if slug else kind, form, head, rows)

    # -- what they share -------------------------------------------------------------

    def _do(self, work: Callable[[Actor | None, int], None], job: ImportJob) -> Answer:
        job_id, actor = job.id, current_actor()
        if len(job.lines) <= AT_ONCE:
            work(actor, job_id)
        else:
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            socketio.start_background_task(
                _work, app, work, actor, job_id, languages.current().code
            )
        return redirect(url_for(".show", job_id=job_id), 303)

    def _list_page(self, error: DomainError | None = None) -> Answer:
        actor = current_actor()
        page = render_template(
            "admin/imports.html",
            appbuilder=self.appbuilder,
            title=gettext("Import and export"),
            kinds=import_jobs.KINDS.values(),
            labels={kind.name: kind.label for kind in import_jobs.KINDS.values()},
            events=events.list_events(actor),
            event_names=dict(event_choices()),
            jobs=import_jobs.list_jobs(actor),
            chosen={"kind": request.values.get("kind"), "event": request.values.get("event")},
            errors=error.extra.get("errors") if error else None,
        )
        return (page, status_of(error)) if error else page

    def _job_page(
        self,
        job_id: int,
        *,
        error: DomainError | None = None,
        mapping: dict[str, int] | None = None,
    ) -> Answer:
        job = import_jobs.get_job(current_actor(), job_id)
        kind = import_jobs.get_kind(job.kind)
        query = read_query()
        action = query.choice("action", ACTIONS) or ""
        page, _ = query.paging()
        query.check()
        rows = [row for row in job.outcome if action in {"", row["action"]}]
        shown = render_template(
            "admin/import.html",
            appbuilder=self.appbuilder,
            title=TITLES[kind.name],
            job=job,
            kind=kind,
            mapping=job.mapping if mapping is None else mapping,
            sample=[cells for _, cells in job.lines[:SAMPLE_LINES]],
            is_working=job.state in WORKING and not import_jobs.is_stuck(job),
            done=import_jobs.done(job),
            is_stuck=import_jobs.is_stuck(job),
            is_checked=job.state == CHECKED,
            is_done=job.state == DONE,
            counts={name: import_jobs.count(job, name) for name in ACTIONS},
            action=action,
            rows=rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
            page=page,
            pages=-(-len(rows) // PAGE_SIZE),
            errors=error.extra.get("errors") if error else None,
        )
        return (shown, status_of(error)) if error else shown

    def _file(self, name: str, form: str, head: Any, rows: Any) -> Response:
        content = eventloop.offload(spreadsheets.write, form, head, rows)
        response = make_response(content)
        response.headers["Content-Type"] = spreadsheets.XLSX if form == "xlsx" else spreadsheets.CSV
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
        return response


def _work(
    app: Any, work: Callable[[Actor | None, int], None], actor: Actor, job_id: int, language: str
) -> None:
    """In the background of this process; the job says how it ended."""
    with (
        app.app_context(),
        origin.coming_from(BACK_OFFICE),
        languages.speaking(language),
    ):
        try:
            work(actor, job_id)
        except (DomainError, SQLAlchemyError) as error:  # somebody else began it, or no database
            app.logger.warning("import %d: %s", job_id, type(error).__name__)
        finally:
            db.session.remove()
