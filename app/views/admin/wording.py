"""What pages of the back-office say of one thing, of several, and of what is done with them.

Each text is a whole sentence: languages decline, count and order words in ways of their
own, so none is put together from a verb and a noun.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask_babel import gettext, lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

Words = str | LazyString


def no_number(number: int) -> str:
    """The text of a thing that is never counted."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Texts:
    """Of one kind of thing: what its lists and forms say.

    `remove` is a button's text and `remove_many` a question, both for how many.
    """

    add: Words = ""
    added: Words = ""
    choose: Words = ""  # where nothing was selected
    remove: Callable[[int], str] = no_number
    remove_many: Callable[[int], str] = no_number


@dataclass(frozen=True, slots=True)
class Removal:
    """How a kind of thing goes; whatever takes a text takes a thing's name."""

    label: Words
    selected: Words
    of: Callable[[str], str]
    question: Callable[[str], str]
    done: Callable[[str], str]
    done_many: Callable[[int], str]
    done_some: Callable[[int, int], str]  # of all


@dataclass(frozen=True, slots=True)
class Wording:
    """Of one action: `question` and `done` of one row by its name, the others for how many.

    `done_some` gets how many it was done with, and how many there were.
    """

    question: Callable[[str], str]
    question_many: Callable[[int], str]
    submit: Callable[[int], str]
    done: Callable[[str], str]
    done_many: Callable[[int], str]
    done_some: Callable[[int, int], str]


def removing(removal: Removal, texts: Texts) -> Wording:
    """The wording of making a kind of thing go."""
    return Wording(
        question=removal.question,
        question_many=texts.remove_many,
        submit=texts.remove,
        done=removal.done,
        done_many=removal.done_many,
        done_some=removal.done_some,
    )


DELETION = Removal(
    label=lazy_gettext("Delete"),
    selected=lazy_gettext("Delete selected"),
    of=lambda name: gettext("Delete %(name)s", name=name),
    question=lambda name: gettext("Delete “%(name)s”?", name=name),
    done=lambda name: gettext("“%(name)s” deleted.", name=name),
    done_many=lambda number: ngettext("%(num)d deleted.", "%(num)d deleted.", number),
    done_some=lambda done, all_: gettext("%(done)s of %(all)s deleted.", done=done, all=all_),
)
CANCELLATION = Removal(
    label=lazy_gettext("Cancel"),
    selected=lazy_gettext("Cancel selected"),
    of=lambda name: gettext("Cancel %(name)s", name=name),
    question=lambda name: gettext("Cancel “%(name)s”?", name=name),
    done=lambda name: gettext("“%(name)s” cancelled.", name=name),
    done_many=lambda number: ngettext("%(num)d cancelled.", "%(num)d cancelled.", number),
    done_some=lambda done, all_: gettext("%(done)s of %(all)s cancelled.", done=done, all=all_),
)
ENDING = Removal(
    label=lazy_gettext("End"),
    selected=lazy_gettext("End selected"),
    of=lambda name: gettext("End %(name)s", name=name),
    question=lambda name: gettext("End “%(name)s”?", name=name),
    done=lambda name: gettext("“%(name)s” ended.", name=name),
    done_many=lambda number: ngettext("%(num)d ended.", "%(num)d ended.", number),
    done_some=lambda done, all_: gettext("%(done)s of %(all)s ended.", done=done, all=all_),
)
DISMISSAL = Removal(
    label=lazy_gettext("Remove"),
    selected=lazy_gettext("Remove selected"),
    of=lambda name: gettext("Remove %(name)s", name=name),
    question=lambda name: gettext("Remove “%(name)s”?", name=name),
    done=lambda name: gettext("“%(name)s” removed.", name=name),
    done_many=lambda number: ngettext("%(num)d removed.", "%(num)d removed.", number),
    done_some=lambda done, all_: gettext("%(done)s of %(all)s removed.", done=done, all=all_),
)
