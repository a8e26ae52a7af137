"""The catalogs' tool, on catalogs made here."""

from __future__ import annotations

import gettext
import json
import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import write_po

from tools import translations

SCRIPT = "app/static/js/page.js"
SEATS = ("%(num)d seat", "%(num)d seats")


@pytest.fixture
def app_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An application of four files that speaks German and nothing else."""
    sources = {
        "seats.py": (
            'gettext("“%(title)s” is full.", title=title)\n'
            'LABEL = lazy_gettext("Seats")\n'
            'ngettext("%(num)d seat", "%(num)d seats", 2)\n'
            'log("Not collected.")\n'
        ),
        "templates/page.html": (
            '<a title="{{ _("Close") }}">{% trans url="/" %}\n  Go <a href="{{ url }}">on</a>\n{% endtrans %}</a>\n'
        ),
        "templates/email/mail.j2": '{{ ngettext("%(num)d seat", "%(num)d seats", n) }}\n',
        "static/js/page.js": 'toast(gettext("Saved."), { undo: gettext("Seats") });\n',
    }
    for name, source in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source, "utf-8")
    monkeypatch.setattr(translations, "APP", tmp_path)
    monkeypatch.setattr(translations, "TRANSLATIONS", tmp_path / "translations")
    monkeypatch.setattr(translations, "SCRIPT_TEXTS", tmp_path / "static" / "texts")
    monkeypatch.setattr(translations, "LANGUAGES", ("de",))
    return tmp_path


def translate(**texts: Any) -> None:
    """Write into the German catalog, by the beginning of each text."""
    catalog = translations.read("de")
    for message in translations.texts(catalog):
        for beginning, translated in texts.items():
            if translations.key_of(message).startswith(beginning.replace("_", " ")):
                message.string = translated
    with translations.file_of("de").open("wb") as file:
        write_po(file, catalog)
    translations.file_of("de").write_bytes(translations.updated("de", translations.extract()))


# -- placeholders --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("None at all.", set()),
        ("%(name)s has %(num)d seats", {"name", "num"}),
        ("100 %", {"%"}),
        ("100 %% of %(name)s", {"name"}),
    ],
)
def test_placeholders(text: str, names: set[str]) -> None:
    assert translations.placeholders(text) == names


@pytest.mark.parametrize(
    ("source", "translated", "is_fit"),
    [
        ("“%(title)s” by %(name)s", "%(name)s: „%(title)s“", True),
        ("“%(title)s” by %(name)s", "„%(title)s“", False),
        ("“%(title)s” is full.", "„%(titel)s“ ist voll.", False),
        ("Full.", "Voll, %(name)s.", False),
        (SEATS, ("Ein Platz", "%(num)d Plätze"), True),
        (("One seat", "%(num)d seats"), ("%(num)d Platz", "%(num)d Plätze"), True),
        (("%(name)s: %(num)d seat", "%(name)s: %(num)d seats"), ("Ein Platz", "%(num)d"), False),
    ],
)
def test_each_form_has_what_its_source_has(source: Any, translated: Any, is_fit: bool) -> None:
    assert translations.fits(Message(source, string=translated)) is is_fit


# -- what browsers read ----------------------------------------------------------------------


@pytest.mark.parametrize("language", ["de", "he", "pl"])
def test_a_script_has_the_texts_of_scripts_and_the_rule_for_plurals(language: str) -> None:
    catalog = Catalog(locale=language)
    forms = [f"form {n} of %(num)d" for n in range(catalog.num_plurals)]
    catalog.add("Saved.", "„Gespeichert“.", locations=[(SCRIPT, 0), ("app/a.py", 0)])
    catalog.add(SEATS, forms, locations=[(SCRIPT, 0)])
    catalog.add("Elsewhere", "Anderswo", locations=[("app/a.py", 0)])
    catalog.add("Not yet", "", locations=[(SCRIPT, 0)])
    catalog.add(("%(num)d day", "%(num)d days"), ("", ""), locations=[(SCRIPT, 0)])
    made = re.fullmatch(
        r"globalThis\.catalog = \{\nplural: \(n\) => Number\((.+)\),\nmessages: (.+),\n\};\n",
        translations.script(catalog),
        re.DOTALL,
    )
    assert made
    assert json.loads(made[2]) == {"Saved.": "„Gespeichert“.", SEATS[0]: forms}
    rule = gettext.c2py(made[1])  # type: ignore[attr-defined]
    assert {rule(n) for n in range(200)} == set(range(catalog.num_plurals))
    assert (rule(1), rule(2), rule(5)) == (0, 1, 2 if language == "pl" else 1)


# -- a catalog's life ------------------------------------------------------------------------


def test_whatever_is_marked_is_collected_with_where_it_stands(app_folder: Path) -> None:
    found = {
        message.id: sorted(name for name, _ in message.locations)
        for message in translations.texts(translations.extract())
    }
    assert found == {
        "“%(title)s” is full.": ["app/seats.py"],
        "Seats": ["app/seats.py", "app/static/js/page.js"],
        SEATS: ["app/seats.py", "app/templates/email/mail.j2"],
        "Close": ["app/templates/page.html"],
        'Go <a href="%(url)s">on</a>': ["app/templates/page.html"],
        "Saved.": ["app/static/js/page.js"],
    }


def test_what_is_new_waits_and_what_is_gone_is_dropped(
    app_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    translations.update()
    assert capsys.readouterr().out == "de: 6 texts, 6 to translate\n"
    translate(Close="Schließen", Saved="Gespeichert.")
    (app_folder / "static/js/page.js").write_text('toast(gettext("Done."));', "utf-8")
    translations.update()
    assert capsys.readouterr().out == "de: 6 texts, 5 to translate\n"
    text = translations.file_of("de").read_text("utf-8")
    assert 'msgstr "Schließen"' in text
    assert "Gespeichert" not in text
    assert "fuzzy" not in text
    once_more = translations.updated("de", translations.extract())
    assert once_more == text.encode()  # at whatever time, by whomever


def test_problems_are_named(app_folder: Path) -> None:
    translations.update()
    translate(
        **{"“%(title)s”": "„%(titel)s“ ist voll.", "%(num)d_seat": ("Ein Platz", "%(num)d Plätze")},
        Close="Schließen",
        Go='<a href="%(url)s">Weiter</a>',
        Saved="Gespeichert.",
    )
    assert list(translations.problems("de", translations.extract())) == [
        "de: not translated: 'Seats'",
        "de: placeholders differ: '“%(title)s” is full.'",
    ]
    (app_folder / "seats.py").unlink()
    assert next(translations.problems("de", translations.extract())) == (
        "de: not what the code says; run: python -m tools.translations update"
    )


def test_what_is_compiled_speaks(app_folder: Path) -> None:
    translations.update()
    translate(**{"%(num)d_seat": ("%(num)d Platz", "%(num)d Plätze")}, Saved="Gespeichert.")
    translations.compile_all()
    with translations.file_of("de").with_suffix(".mo").open("rb") as file:
        spoken = gettext.GNUTranslations(file)
    assert spoken.gettext("Saved.") == "Gespeichert."
    assert spoken.gettext("Close") == "Close"
    assert [spoken.ngettext(*SEATS, n) for n in (1, 2)] == ["%(num)d Platz", "%(num)d Plätze"]
    script = (app_folder / "static/texts/de.js").read_text("utf-8")
    assert '"Saved.": "Gespeichert."' in script
    assert "Platz" not in script
