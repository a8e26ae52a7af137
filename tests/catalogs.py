"""Translations for a test, whatever the real catalogs say."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import flask_babel
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.support import Translations

from app.services import languages


def translate(monkeypatch: pytest.MonkeyPatch, code: str, texts: Mapping[Any, Any]) -> None:
    """Let a language say these texts so; a plural is a pair. Its own catalog is put away."""
    catalog = Catalog(locale=code)
    for text, translation in texts.items():
        catalog.add(text, translation)
    file = BytesIO()
    write_mo(file, catalog)
    file.seek(0)
    ours, theirs = Translations(file), flask_babel.Domain.get_translations

    def find(domain: Any) -> Any:
        return ours if languages.current().code == code else theirs(domain)

    monkeypatch.setattr(flask_babel.Domain, "get_translations", find)
