"""Settings: judged, audited, the default where nothing is set, known to all in a second."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.extensions import db
from app.models import AuditEntry, OutboxMessage
from app.services import accounts, audit, colours, experts, mail, retention, settings
from app.services.errors import InvalidInput, NotAllowed
from app.services.transaction import transactional
from tests import rows
from tests.conftest import NOW, settings_for
from tests.factories import make_admin, make_contributor, make_user
from tests.queries import count_queries

TOKENS = Path(create_app.__code__.co_filename).parent / "static/css/tokens.css"


@pytest.fixture
def root(app: Flask) -> Any:
    with app.app_context():
        app.extensions.pop("rendezvous.settings", None)
        yield make_admin()
    app.extensions.pop("rendezvous.settings", None)


def wrong(actor: Any, **values: Any) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        settings.update(actor, values)
    return sorted(refused.value.errors)


def test_without_rows_the_environment_holds(root: Any) -> None:
    kept = settings.current()
    assert (kept.product_name, kept.accent, kept.version) == ("Rendezvous", "#0c6765", 0)
    assert not kept.has_own_accent
    with count_queries() as statements:
        settings.current()
    assert statements == []


def test_a_change_holds_at_once_and_is_written_down(root: Any) -> None:
    settings.update(root, {"product_name": "  Time  table ", "mail_days": 30})
    kept = settings.current()
    assert (kept.product_name, kept.mail_days, kept.version) == ("Time table", 30, 2)
    entry = db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert entry
    assert entry.before == {"product_name": "Rendezvous", "mail_days": 90}
    assert entry.changes == {"product_name": "Time table", "mail_days": 30}
    settings.update(root, {"product_name": "Time table"})  # nothing new: no entry, no version
    assert settings.current().version == 2
    assert rows.count(AuditEntry) == 1
    settings.update(root, {"product_name": None})
    assert (settings.current().product_name, settings.current().version) == ("Rendezvous", 3)


def test_what_cannot_be_is_refused_and_nothing_kept(root: Any) -> None:
    assert wrong(root, product_name="", accent="teal") == ["accent", "product_name"]
    assert wrong(root, product_name="x" * 41, admission_help="\0") == [
        "admission_help",
        "product_name",
    ]
    assert wrong(root, audit_days=29, mail_days=True) == ["audit_days", "mail_days"]
    assert wrong(root, weekly_hours=[{"weekday": 7, "start": "08:00", "end": "09:00"}]) == [
        "weekly_hours"
    ]
    assert wrong(root, accent="#ffd400", mail_days=30) == ["accent"]  # too light to be read
    assert settings.current().version == 0
    with pytest.raises(NotAllowed):
        settings.update(make_contributor(), {"product_name": "Mine"})


def test_other_processes_know_a_change_when_they_ask_for_the_version(
    app: Flask, root: Any, tmp_path: Path
) -> None:
    other = create_app(settings_for(app.config["SQLALCHEMY_DATABASE_URI"], tmp_path))
    with other.app_context():
        assert settings.current().product_name == "Rendezvous"
    settings.update(root, {"product_name": "Timetable"})
    with other.app_context():
        assert settings.current().product_name == "Rendezvous"
        with count_queries() as statements:
            settings.refresh()
            settings.refresh()
        assert len(statements) == 3  # the version, all, the version
        assert settings.current().product_name == "Timetable"
        db.engine.dispose()


def test_a_new_expert_has_the_default_hours(root: Any) -> None:
    monday = [{"weekday": 0, "start": "10:00", "end": "12:00"}]
    settings.update(root, {"weekly_hours": monday})
    expert, _ = experts.become_expert(root)
    assert experts.describe_availability(expert)["weekly"] == monday


def test_retention_forgets_what_is_old_enough(root: Any, at: Any) -> None:
    user = make_user()
    accounts.deactivate(root, user.id)
    write = transactional(lambda: mail.enqueue("test_mail", "a@example.org", {}))
    write()
    write()
    [waiting, sent] = db.session.query(OutboxMessage).order_by(OutboxMessage.id)
    transactional(lambda: setattr(sent, "state", "sent"))()
    settings.update(root, {"audit_days": 400})
    entries = rows.count(AuditEntry)
    at(NOW.replace(year=NOW.year + 1))
    assert retention.purge_due() == (0, 1)  # mails after 90 days, but none that waits
    assert [each.id for each in db.session.query(OutboxMessage)] == [waiting.id]
    at(NOW.replace(year=NOW.year + 2))
    assert retention.purge_due() == (entries, 0)
    assert retention.purge_due() == (0, 0)
    assert audit.purge(NOW) == 0


# -- colours -------------------------------------------------------------------------


def test_the_colours_here_are_those_of_the_pages() -> None:
    css = TOKENS.read_text()
    pairs = {
        name: (light, dark)
        for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", css)
    }
    for name in colours.LIGHT:
        assert (colours.LIGHT[name], colours.DARK[name]) == pairs[name]
    for name, both in colours.shades(colours.DEFAULT_ACCENT).items():
        assert both == pairs[name], name


@pytest.mark.parametrize(
    "accent", ["#0c6765", "#7a1fa2", "#b3261e", "#1a4fd6", "#5b4300", "#000000", "#00615e"]
)
def test_whatever_accent_is_taken_can_be_read_in_light_and_dark(accent: str) -> None:
    assert colours.weakest(accent) >= colours.READABLE
    tokens = colours.shades(accent)
    for index, grounds in enumerate((colours.LIGHT, colours.DARK)):
        shade = {name: both[index] for name, both in tokens.items()}
        for ground in grounds.values():
            assert colours.contrast(shade["accent"], ground) >= colours.READABLE
        for above, below in (
            ("on-accent", "accent"),
            ("on-accent", "accent-hover"),
            ("accent-ink", "accent-soft"),
            ("accent-ink", "accent-soft-hover"),
        ):
            assert colours.contrast(shade[above], shade[below]) >= colours.READABLE, above
    assert colours.stylesheet(tokens).count("light-dark(") == len(tokens)


def test_contrast_is_wcags() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert colours.contrast("#abcdef", "#abcdef") == 1
