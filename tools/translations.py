"""The catalogs of `app/translations/`: `python -m tools.translations update|compile|check`.

`update` collects the texts that are marked in the code and merges them into each
catalog; what is gone is dropped, and what is new waits for its translation. `compile`
makes what the product reads: a `.mo` beside each catalog, and `app/static/texts/` for
scripts. `check` says what is missing, stale or ill-fitting, and changes nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tools.set_up import ROOT

APP = ROOT / "app"
TRANSLATIONS = APP / "translations"
SCRIPT_TEXTS = APP / "static" / "texts"
LANGUAGES = ("de", "he")

METHODS = [
    ("static/js/**.js", "javascript"),
    ("templates/**.html", "jinja2"),
    ("templates/**.j2", "jinja2"),
    ("**.py", "python"),
]
OPTIONS = {
    "static/js/**": {"parse_template_string": "true"},
    "templates/**": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"},
}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "gettext_noop": None,
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|(?<!%)%(?![%(])")
# Lines of a header that say nothing, or something else at each run.
_WHO_AND_WHEN = re.compile(
    rb'^"(Project-Id-Version|Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date'
    rb"|Last-Translator|Language-Team|Generated-By): .*\n",
    re.MULTILINE,
)
_SCRIPTS = "app/static/js/"


def file_of(language: str) -> Path:
    """The catalog of a language."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def extract() -> Catalog:
    """The texts marked in the code, with the files in which each stands."""
    catalog = Catalog(project="Rendezvous", charset="utf-8")
    found = extract_from_dir(str(APP), METHODS, OPTIONS, keywords=KEYWORDS)
    for name, _line, text, _comments, context in found:
        catalog.add(text, locations=[(f"app/{name}", 0)], context=context)
    return catalog


def read(language: str) -> Catalog:
    """What is translated so far."""
    with file_of(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def updated(language: str, template: Catalog) -> bytes:
    """The catalog's file as it should be, for the texts of `template`."""
    known = read(language) if file_of(language).exists() else Catalog(locale=language)
    known.update(template, no_fuzzy_matching=True)
    known.obsolete.clear()
    known.fuzzy = False  # msgfmt and Babel leave a fuzzy header out, and with it the plurals' rule
    known.header_comment = f"# The {known.locale.english_name} texts of Rendezvous."
    text = BytesIO()
    write_po(text, known, width=100, sort_output=True, include_lineno=False)
    return _WHO_AND_WHEN.sub(b"", text.getvalue())


def update() -> None:
    """Merge the code's texts into every catalog."""
    template = extract()
    for language in LANGUAGES:
        file_of(language).parent.mkdir(parents=True, exist_ok=True)
        file_of(language).write_bytes(updated(language, template))
        missing = sum(not is_translated(message) for message in texts(read(language)))
        print(f"{language}: {len(template)} texts, {missing} to translate")


def compile_all() -> None:
    """Make what servers and browsers read."""
    SCRIPT_TEXTS.mkdir(exist_ok=True)
    for language in LANGUAGES:
        catalog = read(language)
        with file_of(language).with_suffix(".mo").open("wb") as file:
            write_mo(file, catalog)
        (SCRIPT_TEXTS / f"{language}.js").write_text(script(catalog), "utf-8")


def script(catalog: Catalog) -> str:
    """A catalog for `static/js/texts.js`: the texts of scripts alone.

    The rule for plurals is C's in the file (GNU gettext, 11.2.6), which is JavaScript too.
    """
    messages = {
        key_of(message): message.string
        for message in texts(catalog)
        if is_translated(message)
        and any(name.startswith(_SCRIPTS) for name, _ in message.locations)
    }
    body = json.dumps(messages, ensure_ascii=False, indent=0)
    return (
        "globalThis.catalog = {\n"
        f"plural: (n) => Number({catalog.plural_expr}),\nmessages: {body},\n}};\n"
    )


def problems(language: str, template: Catalog) -> Iterator[str]:
    """What is wrong with a catalog, one line each."""
    if file_of(language).read_bytes() != updated(language, template):
        yield f"{language}: not what the code says; run: python -m tools.translations update"
    for message in texts(read(language)):
        if not is_translated(message):
            yield f"{language}: not translated: {key_of(message)!r}"
        elif not fits(message):
            yield f"{language}: placeholders differ: {key_of(message)!r}"


def fits(message: Message) -> bool:
    """Whether each form has the placeholders of the source; one for a fixed number may leave it out."""
    wanted = placeholders(forms(message.id)[-1])
    return all(placeholders(form) in (wanted, wanted - {"num"}) for form in forms(message.string))


def placeholders(text: str) -> set[str]:
    """The names in `%(name)s`; a lone percent sign counts as one."""
    return {match[1] or "%" for match in _PLACEHOLDER.finditer(text)}


def texts(catalog: Catalog) -> Iterator[Message]:
    """The messages, without the header."""
    return (message for message in catalog if message.id)


def is_translated(message: Message) -> bool:
    """Whether all forms are there, and of this very text: what is fuzzy was of another."""
    return all(forms(message.string)) and not message.fuzzy


def forms(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """One text as one form; a plural's as they are."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def key_of(message: Message) -> str:
    """The text by which code asks."""
    return forms(message.id)[0]


def main() -> None:
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command == "update":
        update()
    elif command == "compile":
        compile_all()
    elif command == "check":
        template = extract()
        found = [line for language in LANGUAGES for line in problems(language, template)]
        sys.exit("\n".join(found) or 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
