"""A table on its way in: uploaded, its columns named, rehearsed line by line, then taken.

The file is read once and kept as rows of text with the job, for a day at most; nobody
but who uploaded it sees it. Rehearsing and importing are the kinds' own
(`attendee_import`, `session_import`, `user_import`), each in one transaction; the job
only says how far it is, and what became of each line.

How far an import is stands in the job at once, beside its transaction. SQLite has one
writer, and one process with it, which keeps the number in memory meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext, lazy_gettext
from sqlalchemy import Update, delete, select, update
from sqlalchemy.orm import defer

from app.extensions import db
from app.models import Event, ImportJob
from app.models.import_job import CHECKED, CHECKING, DONE, FAILED, IMPORTING, UPLOADED
from app.services import (
    attendee_import,
    clock,
    events,
    session_import,
    spreadsheets,
    table_import,
    user_import,
)
from app.services.errors import DomainError, InvalidInput, NotFound, Stale
from app.services.policy import Actor, require_admin
from app.services.spreadsheets import Table
from app.services.table_import import Action, Field, Import, Progress
from app.services.transaction import execute_apart, transactional
from eventloop import offload

KEPT = timedelta(days=1)
# No line takes so long: whoever worked on it is gone.
STUCK = timedelta(minutes=3)

_WITHOUT_LINES = (defer(ImportJob.lines), defer(ImportJob.outcome))

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is imported; `of_event` where it belongs to one."""

    name: str
    label: str
    fields: Sequence[Field]
    of_event: bool
    check_size: Callable[[Table], None] = lambda _table: None


KINDS = {
    "attendees": Kind(
        "attendees", lazy_gettext("Attendees"), attendee_import.FIELDS, of_event=True
    ),
    "sessions": Kind(
        "sessions",
        lazy_gettext("Sessions"),
        session_import.FIELDS,
        of_event=True,
        check_size=session_import.check_size,
    ),
    "users": Kind(
        "users",
        lazy_gettext("Users"),
        user_import.FIELDS,
        of_event=False,
        check_size=user_import.check_size,
    ),
}
_reached: dict[int, int] = {}  # lines done, by job that this process works on


def get_kind(name: str) -> Kind:
    """Raises `NotFound`."""
    if name not in KINDS:
        raise NotFound
    return KINDS[name]


def export(actor: Actor | None, kind: str, slug: str = "") -> tuple[list[str], list[list[object]]]:
    """Head and rows of what is there, in the columns that an import reads. For admins.

    Raises `NotFound`, `NotAllowed`.
    """
    actor = require_admin(actor)
    get_kind(kind)
    if kind == "attendees":
        return attendee_import.export_rows(actor, slug)
    if kind == "sessions":
        return session_import.export_rows(actor, slug)
    return user_import.export_rows(actor)


def create_job(
    actor: Actor | None, kind: str, slug: str, file_name: str, content: bytes
) -> ImportJob:
    """Read a file and guess what its columns are. For admins.

    Old jobs go, whoever's they are. Raises `InvalidInput` for a file that is no table, or
    has too many lines, `NotFound`, `NotAllowed`.
    """
    actor = require_admin(actor)
    wanted = get_kind(kind)
    event = events.get_event(slug) if wanted.of_event else None
    table = offload(spreadsheets.read, content)
    if not table.lines:
        raise InvalidInput(
            {"file": [gettext("There is nothing below the line that names the columns.")]}
        )
    wanted.check_size(table)
    return _create(actor, wanted, event and event.id, file_name[:200], table)


@transactional
def _create(
    actor: Actor, kind: Kind, event_id: int | None, file_name: str, table: Table
) -> ImportJob:
    now = clock.now()
    db.session.execute(
        delete(ImportJob)
        .where(ImportJob.touched_at < now - KEPT)
        .execution_options(synchronize_session=False)
    )
    job = ImportJob(
        kind=kind.name,
        event_id=event_id,
        actor_id=actor.user_id,
        file_name=file_name,
        head=table.head,
        lines=table.lines,
        mapping=table_import.guess(kind.fields, table.head),
        state=UPLOADED,
        done=0,
        outcome=[],
        created_at=now,
        touched_at=now,
    )
    db.session.add(job)
    db.session.flush()
    return job


def get_job(actor: Actor | None, job_id: int) -> ImportJob:
    """One's own import. Raises `NotFound`, also for somebody else's, `NotAllowed`."""
    actor = require_admin(actor)
    job = db.session.get(ImportJob, job_id, populate_existing=True)
    if job is None or job.actor_id != actor.user_id:
        raise NotFound
    return job


def list_jobs(actor: Actor | None) -> list[ImportJob]:
    """One's own imports of the last day, the latest first, without their lines."""
    actor = require_admin(actor)
    return list(
        db.session.scalars(
            select(ImportJob)
            .where(ImportJob.actor_id == actor.user_id)
            .where(ImportJob.touched_at >= clock.now() - KEPT)
            .order_by(ImportJob.id.desc())
            .options(*_WITHOUT_LINES)
            .limit(20)
        )
    )


def is_stuck(job: ImportJob) -> bool:
    """Whether whoever worked on it is gone: it may be started again."""
    return job.state in {CHECKING, IMPORTING} and job.touched_at < clock.now() - STUCK


def done(job: ImportJob) -> int:
    """How many of its lines have been looked at."""
    return max(job.done, _reached.get(job.id, 0))


def count(job: ImportJob, action: Action) -> int:
    """How many lines have this outcome."""
    return sum(row["action"] == action for row in job.outcome)


@transactional
def map_columns(actor: Actor | None, job_id: int, mapping: Mapping[str, int]) -> None:
    """Say which column holds what; what was rehearsed before is forgotten.

    Raises `InvalidInput`, `Stale` while it is being worked on, `NotFound`, `NotAllowed`.
    """
    job = get_job(actor, job_id)
    table_import.check_mapping(get_kind(job.kind).fields, mapping, len(job.head))
    _move(job.id, {UPLOADED, CHECKED, FAILED}, UPLOADED, stuck=is_stuck(job))
    db.session.execute(
        update(ImportJob)
        .where(ImportJob.id == job.id)
        .values(mapping=dict(mapping), outcome=[], error="", done=0)
        .execution_options(synchronize_session=False)
    )


def check(actor: Actor | None, job_id: int) -> None:
    """Rehearse all lines: nothing but the job changes. For admins.

    Raises `Stale` unless its columns were just named, `NotFound`, `NotAllowed`.
    """
    job = get_job(actor, job_id)
    _begin(job.id, {UPLOADED}, CHECKING)
    _work(actor, job_id, dry_run=True)


def run(actor: Actor | None, job_id: int) -> None:
    """Import what was rehearsed, in one transaction. For admins.

    Lines are judged anew: what has changed meanwhile counts. Raises `Stale` unless it was
    rehearsed, `NotFound`, `NotAllowed`.
    """
    job = get_job(actor, job_id)
    _begin(job.id, {CHECKED}, IMPORTING)
    _work(actor, job_id, dry_run=False)


@transactional
def discard(actor: Actor | None, job_id: int) -> None:
    """Forget an import that was not finished. Raises `NotFound`, `NotAllowed`."""
    job = get_job(actor, job_id)
    db.session.delete(job)


def _work(actor: Actor | None, job_id: int, *, dry_run: bool) -> None:
    """Do it, and write down how it ended, whatever happened."""
    try:
        result = _import(actor, get_job(actor, job_id), dry_run=dry_run)
    except DomainError as error:
        _fail(job_id, table_import.reason((), error))
    except Exception:  # whatever it is, nothing was written, and whoever waits must know
        log.exception("import %d", job_id)
        _fail(job_id, gettext("Something went wrong on our side. Nothing was imported."))
    else:
        _finish(job_id, result, CHECKED if dry_run else DONE)
    finally:
        _reached.pop(job_id, None)


def _import(actor: Actor | None, job: ImportJob, *, dry_run: bool) -> Import:
    table = Table(list(job.head), [(number, list(cells)) for number, cells in job.lines])
    mapping, kind, event_id = dict(job.mapping), job.kind, job.event_id
    slug = db.session.scalar(select(Event.slug).where(Event.id == event_id)) or ""
    progress = _progress_of(job.id)
    if kind == "attendees":
        return attendee_import.import_table(
            actor, slug, table, mapping, dry_run=dry_run, progress=progress
        )
    if kind == "sessions":
        return session_import.import_table(
            actor, slug, table, mapping, dry_run=dry_run, progress=progress
        )
    return user_import.import_table(actor, table, mapping, dry_run=dry_run, progress=progress)


def _progress_of(job_id: int) -> Progress:
    def tell(done: int) -> None:
        _reached[job_id] = done
        execute_apart(_setting(job_id, done=done))

    return tell


@transactional
def _begin(job_id: int, before: set[str], after: str) -> None:
    _move(job_id, before, after)
    _set(job_id, done=0)


@transactional
def _finish(job_id: int, result: Import, state: str) -> None:
    rows = [asdict(row) for row in result.rows]
    lines: dict[str, Any] = {"lines": []} if state == DONE else {}
    _set(job_id, state=state, outcome=rows, done=len(rows), **lines)


@transactional
def _fail(job_id: int, reason: str) -> None:
    _set(job_id, state=FAILED, error=reason[:500])


def _move(job_id: int, before: set[str], after: str, *, stuck: bool = False) -> None:
    """From one state to another, once: of two who begin, one is `Stale`."""
    states = before | ({CHECKING, IMPORTING} if stuck else set())
    moved = db.session.execute(
        update(ImportJob)
        .where(ImportJob.id == job_id, ImportJob.state.in_(states))
        .values(state=after, touched_at=clock.now())
        .returning(ImportJob.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if moved is None:
        raise Stale


def _set(job_id: int, **values: Any) -> None:
    db.session.execute(_setting(job_id, **values))


def _setting(job_id: int, **values: Any) -> Update:
    return (
        update(ImportJob)
        .where(ImportJob.id == job_id)
        .values(touched_at=clock.now(), **values)
        .execution_options(synchronize_session=False)
    )
