"""`flask booking …`: what operators do from the command line."""

from __future__ import annotations

import sys
from typing import Any

import click
import flask_migrate
from flask import Flask, current_app
from flask.cli import AppGroup

from app.services import accounts, doctor, guarantees, mail, sample
from app.services.passwords import one_time
from app.services.policy import ADMIN

booking = AppGroup("booking", help="Prepare, check and operate the booking system.")


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
