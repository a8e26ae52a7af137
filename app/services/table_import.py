"""What all imports of tables share: fields found among columns, and what became of lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from flask_babel import gettext

from app.services.errors import DomainError, InvalidInput
from app.services.languages import DEFAULT, speaking
from app.services.spreadsheets import Table

Action = Literal["add", "change", "skip", "error"]
ACTIONS: tuple[Action, ...] = ("add", "change", "skip", "error")
Progress = Callable[[int], None]
Line = tuple[int, dict[str, str]]  # its number, and values by field
T = TypeVar("T")
# So many lines are looked at before others on the event loop have their turn: a line
# takes up to a millisecond.
PAUSE_AFTER = 20
_TELL_AFTER = 200


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a column may hold. `aliases` are names in small letters.

    `label` and `about` may be lazy: they are for people, in the reader's language.
    """

    key: str
    label: str
    aliases: frozenset[str] = frozenset()
    is_required: bool = False
    about: str = ""

    @property
    def heading(self) -> str:
        """The column's name in files, which are read by machines: English for everybody."""
        with speaking(DEFAULT):
            return str(self.label)


@dataclass(slots=True)
class ImportedRow:
    """What becomes of one line: `detail` says what changes, or what is wrong."""

    line: int
    action: Action
    label: str
    detail: str = ""


@dataclass(slots=True)
class Import:
    """What an import did, or would do."""

    rows: list[ImportedRow] = field(default_factory=list)

    def count(self, action: Action) -> int:
        """How many lines have this outcome."""
        return sum(row.action == action for row in self.rows)


def guess(fields: Sequence[Field], head: Sequence[str]) -> dict[str, int]:
    """The column of each field, by the names that columns commonly have."""
    names = [" ".join(cell.lower().split()) for cell in head]
    found: dict[str, int] = {}
    for each in fields:
        labels = {each.heading.lower(), each.label.lower()}
        known = each.aliases | {each.key, each.key.replace("_", " ")} | labels
        for place, name in enumerate(names):
            if name in known and place not in found.values():
                found[each.key] = place
                break
    return found


def check_mapping(fields: Sequence[Field], mapping: Mapping[str, int], columns: int) -> None:
    """Raises `InvalidInput` for a required field without column, and one column for two."""
    errors: dict[str, list[str]] = {}
    taken: dict[int, str] = {}
    for each in fields:
        place = mapping.get(each.key)
        if place is None:
            if each.is_required:
                errors[each.key] = [gettext("Say which column holds: %(field)s.", field=each.label)]
            continue
        if not 0 <= place < columns:
            errors[each.key] = [gettext("There is no such column.")]
        elif place in taken:
            errors[each.key] = [gettext("This column holds %(field)s already.", field=taken[place])]
        taken.setdefault(place, each.label)
    if errors:
        raise InvalidInput(errors)


def read_lines(
    fields: Sequence[Field],
    table: Table,
    mapping: Mapping[str, int],
    *,
    progress: Progress | None = None,
) -> Iterator[Line]:
    """`(number, values by field)` of each line; what has no column is empty.

    As `paced`.
    """
    for number, cells in paced(table.lines, progress):
        yield (
            number,
            {
                each.key: cells[mapping[each.key]].strip()
                if mapping.get(each.key, len(cells)) < len(cells)
                else ""
                for each in fields
            },
        )


def paced(
    lines: Iterable[T], progress: Progress | None = None, *, slow: bool = False
) -> Iterator[T]:
    """The lines, while others on the event loop have their turn in between.

    `slow` where a line takes a hundredth of a second rather than a thousandth.
    """
    pause_after, tell_after = (1, 20) if slow else (PAUSE_AFTER, _TELL_AFTER)
    for count, line in enumerate(lines):
        if count % pause_after == pause_after - 1:
            time.sleep(0)
        if progress and count % tell_after == tell_after - 1:
            progress(count)
        yield line


def told(fields: Sequence[Field], changes: Mapping[str, tuple[object, object]]) -> str:
    """`Name: old → new` of each change, by the fields' labels."""
    return ", ".join(
        gettext(
            "%(field)s: %(old)s → %(new)s",
            field=_label(fields, key) or key,
            old=_shown(old),
            new=_shown(new),
        )
        for key, (old, new) in changes.items()
    )


def reason(fields: Sequence[Field], error: DomainError) -> str:
    """Why a line cannot be used, by the fields' labels; no field, no label."""
    errors: Mapping[str, Sequence[str]] = error.extra.get("errors") or {}
    if errors:
        return mistakes(fields, errors)
    in_the_way = [
        each.get("title") or gettext("Private") for each in error.extra.get("conflicts", ())
    ]
    sentences = [str(error.detail)]
    if in_the_way:
        sentences.append(gettext("In the way: %(titles)s.", titles=", ".join(in_the_way)))
    return " ".join(sentences)


def mistakes(fields: Sequence[Field], errors: Mapping[str, Sequence[str]]) -> str:
    """What is wrong with each field of a line."""
    return " ".join(
        gettext("%(field)s: %(text)s", field=label, text=" ".join(texts))
        if (label := _label(fields, key))
        else " ".join(texts)
        for key, texts in errors.items()
    )


def _label(fields: Sequence[Field], key: str) -> str:
    """What people call a field; services call one that names a row `room_id`."""
    return next(
        (str(each.label) for each in fields if key in {each.key, f"{each.key}_id"}),
        "",
    )


def _shown(value: object) -> str:
    text = str(value) if value not in (None, "") else gettext("none")
    return text if len(text) <= 60 else f"{text[:59]}…"
