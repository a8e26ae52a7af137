"""Which sessions of a schedule fit, and which are left out. Pure: it reads no database.

Sessions take their places in the file's order, and the later of two that collide is left
out. One that is here already and finds its new place taken stays where it is; what wants
the place that it keeps is left out in turn. That may leave another without its new place,
so the plan is made again until nothing changes; each round makes one more stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.models import EventSession
from app.models.interval import Interval

Place = str | int  # a room by name, since it may not exist yet; a user's calendar by id
Claims = Mapping[Place, Interval]


@dataclass(slots=True, eq=False)
class Wanted:
    """A session of the file, and the one here that it is.

    `values` are the fields that `session_fields` takes, but for room and speakers.
    `claims` are the places that it wants, `held` those that it has. `refusal` says why
    the one here cannot be changed at all.
    """

    guid: str
    id: str
    values: dict[str, Any]
    room: str
    period: Interval
    speakers: tuple[str, ...]
    session: EventSession | None = None
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    claims: Claims = field(default_factory=dict)
    held: Claims = field(default_factory=dict)
    refusal: str = ""

    @property
    def moves(self) -> bool:
        """Whether it is here, and has other places afterwards."""
        return self.session is not None and self.claims != self.held


Holder = Wanted | None  # None: something that is not in the file


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`placed` fit all together; `left_out` stay out or as they are, with who is in the way."""

    placed: list[Wanted]
    left_out: list[tuple[Wanted, list[tuple[Place, Holder]]]]


def arrange(wanted: Sequence[Wanted], fixed: Mapping[Place, Sequence[Interval]]) -> Arrangement:
    """Place the sessions around what is `fixed`."""
    staying: dict[Wanted, list[tuple[Place, Holder]]] = {
        each: [] for each in wanted if each.refusal
    }
    while True:
        table = _Table(fixed)
        for each in staying:
            table.take(each.held, each)
        left_out = dict(staying)
        blocked = None
        for each in wanted:
            if each in staying:
                continue
            in_the_way = table.in_the_way(each)
            if not in_the_way:
                table.take(each.claims, each)
            elif each.session is None:
                left_out[each] = in_the_way
            else:
                blocked = each
                staying[each] = in_the_way
                break
        if blocked is None:
            break
    for each, was_in_the_way in staying.items():
        if each.refusal or each.moves:
            left_out[each] = table.in_the_way(each) or was_in_the_way
        else:  # it stays, and that is what the file wants
            del left_out[each]
    return Arrangement(
        placed=[each for each in wanted if each not in left_out],
        left_out=[(each, left_out[each]) for each in wanted if each in left_out],
    )


class _Table:
    """Who is where."""

    def __init__(self, fixed: Mapping[Place, Sequence[Interval]]) -> None:
        self._held: dict[Place, list[tuple[Interval, Holder]]] = {
            place: [(period, None) for period in periods] for place, periods in fixed.items()
        }

    def take(self, claims: Claims, holder: Wanted) -> None:
        for place, period in claims.items():
            self._held.setdefault(place, []).append((period, holder))

    def in_the_way(self, wanted: Wanted) -> list[tuple[Place, Holder]]:
        return [
            (place, holder)
            for place, period in wanted.claims.items()
            for held, holder in self._held.get(place, ())
            if holder is not wanted and held.overlaps(period)
        ]
