"""The words of a mail that an admin may choose, and the placeholders in them.

A placeholder is `{name}`, and which names there are is fixed for each template: nothing
is looked up in an object, and no expression is evaluated. Braces around anything else are
refused when the text is saved, and stay as they are when one is sent.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext, lazy_gettext

from app.services.colours import DEFAULT_ACCENT
from app.services.languages import DEFAULT

PARTS = {
    "subject": 150,
    "heading": 150,
    "intro": 1000,
    "button": 60,
    "note": 1000,
}
REQUIRED = ("subject", "heading")
MEANINGS = {
    "product": lazy_gettext("the name of this system"),
    "title": lazy_gettext("what is booked"),
    "when": lazy_gettext("day and time, in the reader's zone"),
    "expert": lazy_gettext("the expert's name"),
    "client": lazy_gettext("the client's name"),
    "event": lazy_gettext("the event's title"),
    "until": lazy_gettext("until when it holds"),
    "minutes": lazy_gettext("for how many minutes the code is good"),
    "code": lazy_gettext("the code itself"),
    "hours": lazy_gettext("for how many hours the link is good"),
}
_PLACEHOLDER = re.compile(r"\{([a-z_]{1,20})\}")
_BRACED = re.compile(r"\{([^{}]*)\}?|\}")


@dataclass(frozen=True, slots=True)
class Wording:
    """What a mail is written with: the product's name and colour, and an admin's words.

    These are in `language`, and ours are too.
    """

    product: str
    accent: str = DEFAULT_ACCENT
    own: Mapping[str, str] = field(default_factory=dict)
    language: str = DEFAULT


def values_for(template: str, values: Mapping[str, Any]) -> dict[str, str]:
    """What the placeholders of a mail stand for; those that are not there are none of it.

    A client's name is for the host alone: our sender carries no stranger's words.
    """
    booking: Mapping[str, Any] = values.get("booking") or {}
    is_for_host = template.endswith("_host")
    named: dict[str, Any] = {
        "product": values["product"],
        "title": (booking or values.get("event_session") or {}).get("title"),
        "when": values.get("when"),
        "expert": None if is_for_host else (booking.get("expert") or {}).get("name"),
        "client": (booking.get("attendee") or {}).get("name") if is_for_host else None,
        "event": (booking.get("event") or values.get("event") or {}).get("title"),
        "until": values.get("until"),
        "minutes": values.get("minutes"),
        "code": values.get("secret") if template == "one_time_code" else None,
        "hours": values.get("hours"),
    }
    return {name: str(value) for name, value in named.items() if value is not None}


def marked(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with each placeholder in place of what it stands for."""
    found = dict(values)
    for name, path in {
        "product": ("product",),
        "when": ("when",),
        "until": ("until",),
        "minutes": ("minutes",),
        "code": ("secret",),
        "hours": ("hours",),
        "title": ("booking", "title"),
        "expert": ("booking", "expert", "name"),
        "client": ("booking", "attendee", "name"),
        "event": ("booking", "event", "title"),
    }.items():
        _replace(found, path, f"{{{name}}}")
    _replace(found, ("event", "title"), "{event}")
    _replace(found, ("event_session", "title"), "{title}")
    return found


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled. Raises `KeyError` for one that has no value."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


def problems(text: str, known: Collection[str]) -> list[str]:
    """What is wrong with the placeholders of a text; empty when nothing is."""
    wrong = [
        match[0]
        for match in _BRACED.finditer(text)
        if not _PLACEHOLDER.fullmatch(match[0]) or match[1] not in known
    ]
    if not wrong:
        return []
    return [
        gettext(
            "Not known here: %(wrong)s. There are %(names)s.",
            wrong=", ".join(dict.fromkeys(wrong)),
            names=", ".join(f"{{{name}}}" for name in known),
        )
    ]


def own_parts(template: str, values: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    """An admin's words for each part, filled; None where ours stand.

    Ours stand too where a placeholder has no value in this one mail.
    """
    named = values_for(template, values)
    parts: dict[str, Any] = dict.fromkeys(PARTS)
    for part, text in own.items():
        try:
            parts[part] = fill(text, named)
        except KeyError:
            continue
    return parts


def _replace(found: dict[str, Any], path: Iterable[str], text: str) -> None:
    name, *rest = path
    if found.get(name) is None:
        return
    if not rest:
        found[name] = text
        return
    found[name] = dict(found[name])
    _replace(found[name], rest, text)
