"""`flask booking …`: what operators do from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import click
import flask_migrate
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from app.models.event import ADMISSIONS
from app.services import (
    accounts,
    admission,
    attendee_import,
    busy_calendar_refresh,
    doctor,
    events,
    guarantees,
    mail,
    meetings,
    privacy,
    qr_codes,
    sample,
    schedule_export,
    settings,
)
from app.services.errors import DomainError, InvalidInput, NotFound
from app.services.passwords import one_time
from app.services.policy import ADMIN, Actor
from app.services.schedule_format import MAX_BYTES
from app.services.schedule_import import Options, import_schedule
from app.services.schedule_report import Report
from config import MAX_DAYS


class Commands(AppGroup):
    """Commands whose refusals are sentences: an operator never sees a trace of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            raise _refusal(error) from error
        except UnicodeEncodeError as error:
            raise click.ClickException("An argument holds bytes that are no text.") from error
        except DBAPIError as error:
            raise click.ClickException(
                f"The database cannot be used: {str(error.orig).strip()}. See: flask booking doctor"
            ) from error


booking = Commands("booking", help="Prepare, check and operate the booking system.")


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(booking)


@booking.command("init")
def init() -> None:
    """Create roles and permissions; after every upgrade."""
    _init()
    click.echo("Roles and permissions are up to date.")


@booking.command("prepare")
def prepare() -> None:
    """Make a new or upgraded installation ready: what `make run` does before it serves."""
    flask_migrate.upgrade()
    _init()
    if password := _create_first_admin():
        click.echo(f"First admin: {current_app.config['ADMIN_EMAIL']} password: {password}")
    if current_app.config["SAMPLE"] and sample.load():
        click.echo("Loaded a sample: three experts and a small conference.")


@booking.command("sample")
def load_sample() -> None:
    """Load sample data into an empty database."""
    if sample.load():
        click.echo("Loaded a sample: three experts and a small conference.")
    else:
        click.echo("There are experts or events already: nothing was loaded.")


@booking.command("audit")
def audit() -> None:
    """Check every guarantee in the data; exits 1 with what breaks one."""
    breaches = guarantees.find_breaches()
    for breach in breaches:
        click.echo(str(breach))
    if breaches:
        click.echo(f"{len(breaches)} found.", err=True)
        sys.exit(1)
    click.echo("Every guarantee holds.")


@booking.command("doctor")
def check_set_up() -> None:
    """Check the set-up and say what is wrong; exits 1 when something must be done."""
    findings = doctor.examine()
    for finding in findings:
        click.echo(f"{finding.verdict:<7} {finding.subject}: {finding.text}")
    if any(finding.verdict == doctor.WRONG for finding in findings):
        sys.exit(1)


@booking.command("send-mail")
def send_mail() -> None:
    """Send what is due in the outbox, once."""
    if not current_app.config["MAIL_SERVER"]:
        raise click.ClickException("MAIL_SERVER is not set: mails stay in the outbox.")
    result = mail.drain()
    click.echo(f"{result.sent} sent, {result.failed} failed, {result.left} left.")


@booking.command("sync-meetings")
def sync_meetings() -> None:
    """Make, move and remove meetings at their providers that are due, once."""
    result = meetings.sync_due()
    click.echo(f"{result.done} done, {result.failed} refused, {result.left} left.")


@booking.command("refresh-calendars")
@click.option("--all", "everything", is_flag=True, help="Also those that are not due yet.")
def refresh_calendars(*, everything: bool) -> None:
    """Fetch and read experts' busy calendars that are due, once."""
    if everything:
        busy_calendar_refresh.make_all_due()
    done = busy_calendar_refresh.refresh_due()
    click.echo(f"{done.ok} refreshed, {done.failed} failed.")


@booking.command("purge")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken out.")
@click.option(
    "--days",
    type=click.IntRange(min=1, max=MAX_DAYS),
    help="Instead of what the settings say, for this once.",
)
def purge(*, dry_run: bool, days: int | None) -> None:
    """Take out what clients left with appointments that ended long ago, and mails sent then.

    How long ago say the settings, or RETENTION_DAYS; 0 keeps everything. Servers do it every hour.
    """
    if not (days or settings.current().guest_days):
        click.echo("The settings keep everything (RETENTION_DAYS is 0).")
        return
    found = privacy.count_due(days) if dry_run else privacy.purge(days)
    what = "would be" if dry_run else "were"
    click.echo(f"{found.bookings} bookings {what} emptied, {found.mails} mails {what} deleted.")


@booking.command("import-schedule")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--event", "slug", required=True, help="The event's slug; a new one is made.")
@click.option("--time-zone", help="Of times without offset, if the file names none.")
@click.option("--capacity", type=click.IntRange(min=0), help="Seats of every session in it.")
@click.option("--admission", type=click.Choice(ADMISSIONS), help="Who gets a code.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--remove-missing", is_flag=True, help="Cancel sessions that it no longer has.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_schedule_file(
    file: str, slug: str, *, dry_run: bool, as_json: bool, **options: Any
) -> None:
    """Bring a schedule.xml (frab, pentabarf) or schedule.json into an event.

    Sessions that collide in a room are named and skipped; that is no failure.
    """
    with click.open_file(file, "rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    report = import_schedule(_operator(), data, slug, Options(**options), dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(report.as_payload(), ensure_ascii=False, indent=2))
    else:
        for line in _lines(report):
            click.echo(line)


@booking.command("export-schedule")
@click.option("--event", "slug", required=True, help="The event's slug.")
@click.option("--format", "kind", type=click.Choice(schedule_export.KINDS), required=True)
def export_schedule(slug: str, kind: str) -> None:
    """Print an event's schedule: frab XML, JSON as pretalx has it, or iCalendar."""
    exported = schedule_export.export_schedule(_operator(), slug, kind)
    click.echo(exported, nl=False)


@booking.command("qr")
@click.option("--event", "slug", required=True, help="The event's slug.")
@click.option(
    "--out",
    "file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="FILE.svg, FILE.png, or FILE.pdf for a poster.",
)
def print_qr(slug: str, file: Path | None) -> None:
    """Print what an event's QR code says, and write the picture."""
    kind = file.suffix.lower().removeprefix(".") if file else ""
    if file and kind not in qr_codes.KINDS:
        raise click.BadParameter("Use a name that ends in .svg, .png or .pdf.", param_hint="--out")
    event = events.get_event(slug)
    url = admission.qr_url(event)
    if file:
        picture = qr_codes.picture(event, url, kind)
        try:
            file.write_bytes(picture)
        except OSError as error:
            raise click.FileError(str(file), error.strerror or str(error)) from error
    click.echo(url)


@booking.command("check-in")
@click.option("--event", "slug", required=True, help="The event's slug.")
@click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
def check_in(slug: str, emails: tuple[str, ...]) -> None:
    """Check attendees in, also those who are not on the list yet."""
    found = admission.check_in(_operator(), slug, emails)
    for attendee in found:
        click.echo(f"{attendee.email} is checked in.")


@booking.command("import-attendees")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option("--event", "slug", required=True, help="The event's slug.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def import_attendee_list(file: TextIO, slug: str, *, dry_run: bool) -> None:
    """Bring a CSV list of attendees into an event: columns email, name, external id.

    Lines that cannot be used are named and left out; that is no failure.
    """
    try:
        done = attendee_import.import_attendees(_operator(), slug, file.read(), dry_run=dry_run)
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file.name} is not UTF-8.") from error
    signs = {"add": "+", "change": "~", "error": "!"}
    for row in done.rows:
        if sign := signs.get(row.action):
            detail = f": {row.detail}" if row.detail else ""
            click.echo(f"{sign} line {row.line}  {row.label}{detail}")
    click.echo(
        f"{len(done.rows)} read: {done.count('add')} added, {done.count('change')} changed,"
        f" {done.count('skip')} unchanged, {done.count('error')} left out."
    )
    if dry_run:
        click.echo("Nothing was written.")


def _operator() -> Actor:
    """Whoever has the command line: an admin without account."""
    return Actor(user_id=0, calendar_id=0, name="", email="", roles=frozenset({ADMIN}))


def _refusal(error: DomainError) -> click.ClickException:
    """One sentence, and exit code 2 for what was wrong with the command itself."""
    detail = error.detail
    if isinstance(error, InvalidInput) and error.errors:
        detail = " ".join(f"{name}: {' '.join(said)}" for name, said in error.errors.items())
    refusal = click.ClickException(detail)
    if error.code == InvalidInput.code or isinstance(error, NotFound):
        refusal.exit_code = 2
    return refusal


def _lines(report: Report) -> Iterator[str]:
    """The report for people, a row for each session that is not as before."""
    zone = ZoneInfo(report.time_zone)

    def shown(value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(value) or "nobody"
        try:
            return f"{datetime.fromisoformat(value).astimezone(zone):%Y-%m-%d %H:%M}"
        except (TypeError, ValueError):
            return "nothing" if value in (None, "") else str(value)

    def row(each: dict[str, Any]) -> str:
        start, end = (
            datetime.fromisoformat(each[name]).astimezone(zone) for name in ("starts_at", "ends_at")
        )
        return f"{start:%Y-%m-%d %H:%M}-{end:%H:%M}  {each['room']}  {each['title']}"

    def difference(name: str, old: Any, new: Any) -> str:
        if name in {"abstract", "description"}:
            return name
        if name == "day":  # a date; midnight in one zone is another day elsewhere
            return f"day {old} -> {new}"
        return f"{name} {shown(old)} -> {shown(new)}"

    if report.created:
        yield f"+ event {report.event}"
    for name, (old, new) in report.event_changes.items():
        yield f"~ event {report.event}: {name} {old} -> {new}"
    for each in report.added:
        yield f"+ {row(each)}"
    for each in report.changed:
        what = [difference(name, *both) for name, both in each["changes"].items()]
        if each["released"]:
            what.append(f"{len(each['released'])} seats released")
        yield f"~ {row(each)}: {'; '.join(what)}"
    for each in report.missing:
        yield f"- {row(each)}: {'cancelled' if each['removed'] else 'not in the file, kept'}"
    for each in report.skipped:
        blocking = [
            f"{conflict.get('title', 'something')} ({shown(conflict['starts_at'])})"
            for conflict in each["conflicts"]
        ]
        behind = f" In the way: {'; '.join(blocking)}." if blocking else ""
        yield f"! {each['title']}: skipped. {each['why']}{behind}"
    for warning in report.warnings:
        yield f"? {warning}"
    yield (
        f"{report.read} read: {len(report.added)} added, {len(report.changed)} changed,"
        f" {report.unchanged} unchanged, {len(report.missing)} missing,"
        f" {len(report.skipped)} skipped."
    )
    if report.dry_run:
        yield "A dry run: nothing was written."


def _init() -> None:
    builder: Any = current_app.appbuilder  # type: ignore[attr-defined]
    accounts.create_roles()
    builder.add_permissions(update_perms=True)
    builder.sm.grant_permissions()


def _create_first_admin() -> str | None:
    """The first admin's password, told once; None when there is an admin."""
    if accounts.has_admin():
        return None
    password = one_time()
    accounts.create_account(
        "First Admin",
        current_app.config["ADMIN_EMAIL"],
        password,
        roles=(ADMIN,),
        must_change_password=True,
    )
    return password
