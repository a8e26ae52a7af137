"""What is done with many rows at once: asked for by name, told row by row, taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flask import session
from flask_babel import gettext

from app.services import clock
from app.services.attachments import Attached
from app.services.errors import DomainError
from app.services.policy import Actor
from app.views.admin.forms import OfficeForm
from app.views.admin.wording import Wording, Words

UNDO_SECONDS = 120
_UNDO = "undo"  # in the browser's session


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: a sentence, and what undoing it needs (JSON values)."""

    message: str = ""
    before: Any = None


@dataclass(frozen=True, slots=True)
class BulkAction:
    """Something that can be done with selected rows, each in a transaction of its own.

    One that is refused keeps no other from being done, and is told with its reason.
    `name` is the last part of the address; `about` says what happens and what cannot be
    taken back. After a removal the rows are gone, unless something forbids it.
    `undo` gets the actor, the row's id and what `perform` returned as `before`.

    `impact` gets the view, a row and the form, and says whom this affects: the values of
    `admin/_impact.html`. With `impact_by_form` that takes what the form says, so that it
    is shown in a second step, and only where anybody is affected.
    """

    name: str
    label: Words
    wording: Wording
    perform: Callable[[Any, Actor | None, Any, Any], Outcome]
    icon: str = "check"
    about: Words = ""
    permission: str = "edit"
    is_destructive: bool = False
    is_removal: bool = False
    form: type[OfficeForm] = OfficeForm
    undo: Callable[[Actor | None, int, Any], object] | None = None
    impact: Callable[[Any, Any, Any], Mapping[str, Any] | None] | None = None
    impact_by_form: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row that something is to be done with, as the page that asks names it.

    `detail` tells it from others of its name; `instead` is a text and an address for a
    row that cannot go.
    """

    pk: int
    name: str
    detail: str
    attached: Attached
    impact: Mapping[str, Any] | None = None
    instead: tuple[str, str] | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it is known beforehand that nothing will be done with it."""
        return bool(self.attached.forbids or (self.impact and self.impact["conflicts"]))


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of one action, and what doing it would mean."""

    rows: Sequence[Chosen] = ()
    is_second_step: bool = False

    @property
    def digest(self) -> str:
        """Stands for whom the page says that this affects; empty where it says nothing."""
        shown = [f"{each.pk}:{each.impact['digest']}" for each in self.rows if each.impact]
        if len(self.rows) == 1 and shown:
            return str(self.rows[0].impact["digest"])
        return sha256(" ".join(shown).encode()).hexdigest()[:16] if shown else ""

    @property
    def must_be_agreed(self) -> bool:
        """Whether it is done only by who has seen whom it affects."""
        shown = [each.impact for each in self.rows if each.impact]
        return any(each["is_felt"] for each in shown) if self.is_second_step else bool(shown)

    @property
    def rules(self) -> list[str]:
        """By which rules, each once."""
        said = (rule for each in self.rows if each.impact for rule in each.impact["rules"])
        return [*dict.fromkeys(said)]

    @property
    def is_possible(self) -> bool:
        """Whether anything can be done with any of them."""
        return not all(each.is_kept for each in self.rows)

    @property
    def names(self) -> dict[int, str]:
        """The rows' names; those of one name are told apart."""
        held = Counter(each.name for each in self.rows)
        return {
            each.pk: gettext("%(name)s (%(detail)s)", name=each.name, detail=each.detail)
            if held[each.name] > 1 and each.detail
            else each.name
            for each in self.rows
        }


@dataclass(frozen=True, slots=True)
class Undoable:
    """What was done last in this browser, and may still be taken back."""

    action: str
    text: str
    rows: Sequence[tuple[int, Any]]


def remember(view: str, action: BulkAction, text: str, rows: Sequence[tuple[int, Any]]) -> bool:
    """Let the rows be taken back, from the lists of `view`, for a while; whether they can be."""
    if action.undo is None or not rows:
        return False
    session[_UNDO] = {
        "view": view,
        "action": action.name,
        "text": text,
        "rows": [list(row) for row in rows],
        "until": int(clock.now().timestamp()) + UNDO_SECONDS,
    }
    return True


def find_undoable(view: str) -> Undoable | None:
    """What may be taken back in the lists of `view`."""
    kept = session.get(_UNDO)
    if not kept or kept["view"] != view or clock.now().timestamp() >= kept["until"]:
        return None
    return Undoable(kept["action"], kept["text"], [(pk, before) for pk, before in kept["rows"]])


def forget() -> None:
    """Nothing can be taken back any more."""
    session.pop(_UNDO, None)


def reasons(refused: Sequence[tuple[str, DomainError]], names: Mapping[int, str]) -> list[str]:
    """A sentence for each row that was refused; the name is left out where there is one row."""
    return [
        " ".join([refusal(name, error) if len(names) > 1 else error.detail, *_more(error)])
        for name, error in refused
    ]


def refusal(name: str, error: DomainError) -> str:
    """Why it was not done with one of several."""
    return gettext("“%(name)s”: %(reason)s", name=name, reason=error.detail)


def _more(error: DomainError) -> list[str]:
    errors: Mapping[str, Sequence[str]] = error.extra.get("errors") or {}
    titles = [each.get("title", gettext("Private")) for each in error.extra.get("conflicts", ())]
    return [
        *(text for texts in errors.values() for text in texts),
        *([gettext("In the way: %(titles)s.", titles=", ".join(titles))] if titles else []),
    ]
