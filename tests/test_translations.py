"""Whatever people read is marked for translation, in whole sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.unmarked import (
    OBJECT,
    Found,
    in_python,
    in_script,
    in_template,
    labels_in_python,
)
from tools import translations

APP = translations.APP
# What speaks to those who run the product, or to programs, in English; and what has no catalog.
PASSED_OVER = re.compile(
    r"cli\.py|services/(doctor|sample)\.py|views/api/openapi_document/.*|migrations/.*"
    r"|static/js/agenda/service-worker\.js"
)
FORMATS = {"CSV", "PNG", "SVG", "XLSX"}
MENU = APP / "views" / "admin" / "__init__.py"  # it has the names of permissions in the database
# In views: of headers and what stands in them, products, roles, a kind of reservation.
NAMES = {
    *("Authorization", "Bearer ", "Fields", "Lax"),
    *("Google Meet", "Jitsi Meet", "Zoom"),
    *("Admin", "Attendee", "Contributor", "Expert", "Live"),
}
ALLOWED = {
    ("static/js/agenda/sessions.js", " roll"): "a class",
    (
        "services/cancel_reasons.py",
        "gettext() of what is no text",
    ): "reasons that are kept, and marked",
    ("services/busy_calendar_refresh.py", "gettext() of what is no text"): "kept, and marked",
}


def test_templates_hold_no_other_text() -> None:
    assert _report(_below(APP / "templates", "*.html", "*.j2"), in_template) == ""


def test_modules_hold_no_other_sentence() -> None:
    assert _report(_below(APP, "*.py"), in_python) == ""


def test_views_hold_no_other_label() -> None:
    views = [path for path in _below(APP / "views", "*.py") if path != MENU]
    found = _report(views, labels_in_python).splitlines()
    names = {line: line.partition(": ")[2] for line in found}
    assert [line for line in found if names[line] not in NAMES] == []
    assert set(names.values()) >= NAMES


def test_scripts_hold_no_other_text() -> None:
    assert _report(_below(APP / "static" / "js", "*.js"), in_script) == ""


def test_every_exception_is_needed() -> None:
    finders = {".py": in_python, ".js": in_script}
    for (name, text), reason in ALLOWED.items():
        path = APP / name
        found = finders.get(path.suffix, in_template)(path.read_text("utf-8"))
        assert text in {each.text for each in found}, (name, reason)


def test_texts_are_no_pieces_to_be_put_together() -> None:
    pieces = [
        text
        for message in translations.texts(translations.extract())
        for text in translations.forms(message.id)
        if text != text.strip()
    ]
    assert pieces == []


# -- and the finders find ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<h1>Start page</h1>", ["Start page"]),
        ('<h1>{{ _("Start page") }}</h1> · {{ product_name }}', []),
        ("<p>{{ count }} left</p>", ["\ufffc left"]),
        ('<img alt="A map" src="Map.png">', ["A map"]),
        ('<input type="submit" value="Send"><button value="Send">.ics</button>', ["Send"]),
        (
            "<a title=\"{{ _('Close') }}\" class=\"{{ 'a' if b == 'Live' else 'c' }}\">{{ x }}</a>",
            [],
        ),
        ('{{ field("name", "Your name") }}', ["Your name"]),
        ('{{ field("name", _("Your name"), attrs={"placeholder": "Ada"}) }}', ["Ada"]),
        ('{{ {"Live": _("Live")}[kind] }}{{ n ~ " to come" }}', [" to come"]),
        ("{{ _(text) }}", ["_() of what is no text"]),
        ("{% trans n=n %}<b>{{ n }}</b> are in{% endtrans %}", []),
        ("{% block main_class %}wide{% endblock %}{# A note. #}", []),
        ('<script>let Some = "text here"</script>', []),
        ("Dear {{ name }},\n", ["Dear \ufffc,"]),
    ],
)
def test_in_a_template(source: str, found: list[str]) -> None:
    assert [each.text for each in in_template(source)] == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""A docstring, with a point."""\nraise Gone("This is over.")', ["This is over."]),
        ('raise Gone(gettext("This is over."))', []),
        ('raise ValueError("This is no zone.")\nlog.info("Mail is sent.")', []),
        ('flash(f"{name} is checked in.")', ["\ufffc is checked in."]),
        ('ngettext("One is left.", "%(num)d are left.", seats("Of those here."))', []),
        ('gettext(f"{name} is in.")', ["gettext() of what is no text"]),
        ('KEPT = "It is over."\nOTHER = "It is on."\nsay(gettext("It is over."))', ["It is on."]),
        ('lazy_gettext("Full. Sorry.")\nx = "Content-Type"\ny = "SELECT id FROM x"', []),
    ],
)
def test_in_a_module(source: str, found: list[str]) -> None:
    assert [each.text for each in in_python(source)] == found


def test_labels_in_a_module() -> None:
    source = 'items = [("home", "My bookings"), ("x", gettext("Experts"))]\ncsv = "starts_at,X-Id"'
    assert [each.text for each in labels_in_python(source)] == ["My bookings"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('toast("Link copied.");', ["Link copied."]),
        ('toast(gettext("Link copied."), { undo: "Undo" });', ["Undo"]),
        ("el(`${n} seats left`)", ["\ufffc seats left"]),
        ('el(`a-${is ? "Not saved" : `b-${"Saved"}`}`)', ["Not saved", "Saved"]),
        ("gettext(`${name} is in`)", ["gettext() of what is no text", "\ufffc is in"]),
        ('ngettext("%(num)d seat", "%(num)d seats", n, { of: "x" })', []),
        ('if (key === "Enter" || "Home" === key) headers = { "Accept": type };', []),
        ('query(`button[value="${id}"]`, `.card ${kind}`, "h2 small", "Content-Type: text")', []),
        ('throw new Error("It is not there"); // A comment, It\'s long', []),
        ('text.replace(/["\']/g, "") / 2; call("Keep it")', ["Keep it"]),
    ],
)
def test_in_a_script(source: str, found: list[str]) -> None:
    assert [each.text for each in in_script(source)] == found


def _below(folder: Path, *patterns: str) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(folder.rglob(pattern))


def _report(paths: Iterable[Path], finder: Callable[[str], Iterator[Found]]) -> str:
    named = {path.relative_to(APP).as_posix(): path for path in paths}
    return "\n".join(
        f"{name}:{line}: {text}"
        for name, path in named.items()
        if not PASSED_OVER.fullmatch(name)
        for line, text in finder(path.read_text("utf-8"))
        if text.strip(f"{OBJECT} ") not in FORMATS and (name, text) not in ALLOWED
    )
