"""Small charts, laid out here and drawn as SVG by `admin/_chart.html`.

Bars are rectangles in a box of its own units that stretches with the page; words and
numbers stand beside it as text, and all values in a table. Colours are classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask_babel import gettext, lazy_gettext

from app.services import local_text
from app.views.admin.wording import Words

STEP = 10.0  # a column's width, of which a part is air
AIR = 2.0
HEIGHT = 100.0
COLOURS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of value: its name and a value for each label.

    `is_rest` for what is left of a whole: drawn as empty room, so that the rest stands out.
    """

    name: Words
    values: Sequence[float]
    is_rest: bool = False
    colour: int = 0  # from 1, where it is not that of its place


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a chart; `look` ends the name of its class."""

    x: float
    y: float
    width: float
    height: float
    look: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready to be drawn. `summary` says in a sentence what is to be seen."""

    key: str  # of its ids in the page
    title: Words
    summary: str
    labels: Sequence[str]
    series: Sequence[Series]
    bars: list[Bar] = field(default_factory=list)
    top: float = 0
    width: float = 0

    @property
    def axis(self) -> list[str]:
        """What stands under each column: where not all labels fit, every so many have one."""
        every = -(-len(self.labels) // _AXIS_LABELS)
        return [text if place % every == 0 else "" for place, text in enumerate(self.labels)]

    @property
    def spare_every(self) -> int:
        """Of the columns, each so manieth has a label that narrow pages leave out."""
        return 2 * -(-len(self.labels) // _AXIS_LABELS)

    def look(self, column: int) -> str:
        """How the bars of a series look: the number of a colour from 1, or `rest`."""
        series = self.series[column]
        return "rest" if series.is_rest else str(series.colour or column + 1)

    def text(self, value: float) -> str:
        """A value of it in words."""
        return number(value)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not self.top


_AXIS_LABELS = 6
SUMMARIES = {  # by what is counted
    "things": lazy_gettext("%(total)s things in all; the most, %(top)s, at %(at)s."),
    "hours": lazy_gettext("%(total)s hours in all; the most, %(top)s, at %(at)s."),
    "seats": lazy_gettext("%(total)s seats in all; the most, %(top)s, at %(at)s."),
    "bookings": lazy_gettext("%(total)s bookings in all; the most, %(top)s, at %(at)s."),
}


def stacked_bars(
    key: str, title: Words, labels: Sequence[str], series: Sequence[Series], *, unit: str
) -> Chart:
    """A column for each label, with a part for each series; `unit` is one of `SUMMARIES`."""
    totals = [sum(values) for values in zip(*(each.values for each in series), strict=True)]
    top = max(totals, default=0)
    chart = Chart(
        key=key,
        title=title,
        summary=_summary(labels, totals, unit),
        labels=labels,
        series=series,
        top=top,
        width=max(len(labels), 1) * STEP,
    )
    for column in range(len(labels)):
        y = HEIGHT
        for place, each in enumerate(series):
            height = HEIGHT * each.values[column] / top if top else 0
            if height:
                y -= height
                chart.bars.append(
                    Bar(
                        x=column * STEP + AIR / 2,
                        y=round(y, 2),
                        width=STEP - AIR,
                        height=round(height, 2),
                        look=chart.look(place),
                    )
                )
    return chart


def number(value: float) -> str:
    """A value as text: whole numbers without a point."""
    return local_text.number_text(round(value, 1))


def _summary(labels: Sequence[str], totals: Sequence[float], unit: str) -> str:
    top = max(totals, default=0)
    if not top:
        return gettext("There is nothing to show.")
    most = labels[totals.index(top)]
    return str(SUMMARIES[unit]) % {"total": number(sum(totals)), "top": number(top), "at": most}
