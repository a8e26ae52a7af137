"""The languages that the product speaks, and the one of who reads now.

Texts are marked where they stand, with Flask-Babel's `gettext`, `ngettext` and
`lazy_gettext`; English is what they are written in. `app/i18n.py` finds who reads;
for a mail it is `speaking(language)`. `tools/translations.py` keeps the catalogs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask_babel import force_locale, get_locale

DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its BCP 47 `code`, its own `name`, and how it is written.

    `locale` is the one whose dates and numbers are shown, and whose weeks.
    """

    code: str
    name: str
    locale: str
    direction: str = "ltr"


LANGUAGES = {
    language.code: language
    for language in (
        # Day before month: a page in English is read far beyond the United States.
        Language("en", "English", locale="en_GB"),
        Language("de", "Deutsch", locale="de"),
        # The first day of a week is a country's, and CLDR guesses none from the language.
        Language("he", "עברית", locale="he_IL", direction="rtl"),
    )
}


def current() -> Language:
    """The language of who reads now; English where nobody does."""
    return LANGUAGES.get(str(get_locale()), LANGUAGES[DEFAULT])


def known(code: str | None) -> str | None:
    """The code, if it is one of ours."""
    return code if code in LANGUAGES else None


def gettext_noop(text: str) -> str:
    """Mark a text that is kept in English, and said later by `gettext` of what was kept."""
    return text


@contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Whatever is said inside is said in this language, or in English if it is none of ours."""
    with force_locale(known(code) or DEFAULT):
        yield
