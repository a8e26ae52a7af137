"""What a change of a session does to others, in words: the API's `impact`, as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
from flask_babel import gettext, lazy_gettext, ngettext

from app.models import Event, EventSession
from app.services.local_text import date_text
from app.services.session_impact import Impact
from app.views.admin import cells

_STAY = lazy_gettext("Who has something else at the new time loses this seat and keeps the other.")
_LAST = lazy_gettext(
    "Where there are too few seats, held offers go back first, then the seats booked last go."
)
_ONE_MAIL = lazy_gettext("Everybody who is affected gets one mail.")
_FOR_GOOD = lazy_gettext("A cancelled session does not come back: its seats are given up.")


def shown(
    impact: Impact,
    item: EventSession,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The values of `admin/_impact.html`; `digest` stands for what is shown."""
    there = item.event.time_zone
    is_move = before is not None and after is not None
    return {
        "digest": _digest(impact, after),
        "is_felt": impact.is_felt,
        "changes": _changes(before, after, there) if before and after else [],
        "conflicts": [_other(each, there) for each in impact.conflicts],
        "warnings": warnings(impact, item.event),
        "counts": _counts(impact, is_move=is_move),
        "leaving": [{**each, "reason": _reason(each, there)} for each in impact.leaving],
        "speakers": impact.speakers,
        "rules": _rules(impact, is_move=is_move),
    }


def warnings(impact: Impact, event: Event) -> list[str]:
    """What is allowed, and yet may be a mistake."""
    texts = []
    if impact.over_room is not None:
        texts.append(
            ngettext(
                "The room holds %(num)d person, fewer than there are seats.",
                "The room holds %(num)d people, fewer than there are seats.",
                impact.over_room,
            )
        )
    if impact.outside_event:
        first, last = date_text(event.starts_on), date_text(event.ends_on)
        if first == last:
            texts.append(gettext("This is not on the day of the event, %(day)s.", day=first))
        else:
            texts.append(
                gettext(
                    "This is not on a day of the event, %(first)s to %(last)s.",
                    first=first,
                    last=last,
                )
            )
    return texts


def submit_text(impact: Impact) -> str:
    """What the button says."""
    released = len(impact.released)
    if not released:
        return gettext("Save")
    return ngettext("Save, and release %(num)d seat", "Save, and release %(num)d seats", released)


def told(impact: Impact) -> str | None:
    """What to say when it is done, beside that it is saved."""
    parts = []
    if released := len(impact.released):
        parts.append(ngettext("%(num)d seat released", "%(num)d seats released", released))
    if mailed := _mailed(impact):
        parts.append(
            ngettext("%(num)d attendee told by mail", "%(num)d attendees told by mail", mailed)
        )
    if given := impact.promoted + impact.offered:
        parts.append(
            ngettext("%(num)d seat goes to the waitlist", "%(num)d seats go to the waitlist", given)
        )
    return gettext("Saved: %(what)s.", what=", ".join(parts)) if parts else None


def _digest(impact: Impact, after: Mapping[str, Any] | None) -> str:
    # Without the versions: they rise with every look of somebody at the waitlist.
    kept = {name: value for name, value in (after or {}).items() if name != "version"}
    payload = orjson.dumps([impact.as_payload(), kept], option=orjson.OPT_SORT_KEYS)
    return sha256(payload).hexdigest()[:16]


def _changes(
    before: Mapping[str, Any], after: Mapping[str, Any], zone: str
) -> list[tuple[str, str, str]]:
    def time(session: Mapping[str, Any]) -> str:
        return cells.plain_span(session["starts_at"], session["ends_at"], zone)

    def seats(session: Mapping[str, Any]) -> str:
        return gettext("Free entry") if session["capacity"] is None else str(session["capacity"])

    def speakers(session: Mapping[str, Any]) -> str:
        return ", ".join(each["name"] for each in session["speakers"]) or gettext("None")

    rows = [
        (gettext("Title"), before["title"], after["title"]),
        (gettext("Time"), time(before), time(after)),
        (gettext("Room"), before["room"]["name"], after["room"]["name"]),
        (gettext("Seats"), seats(before), seats(after)),
        (gettext("Speakers"), speakers(before), speakers(after)),
    ]
    return [row for row in rows if row[1] != row[2]]


def _mailed(impact: Impact) -> int:
    """How many get a mail: those whom it affects, and those who come to a seat by it."""
    return impact.mailed + impact.promoted + impact.offered


def _counts(impact: Impact, *, is_move: bool) -> list[tuple[int, str, str]]:
    released, mailed = len(impact.released), _mailed(impact)
    counts = [
        (
            impact.keeping,
            ngettext("keeps the seat", "keep their seat", impact.keeping),
            "good",
        ),
        (released, ngettext("loses the seat", "lose their seat", released), "bad"),
        (
            impact.offers_withdrawn,
            ngettext(
                "held offer goes back to the queue",
                "held offers go back to the queue",
                impact.offers_withdrawn,
            ),
            "warn",
        ),
        (
            impact.promoted,
            ngettext(
                "gets a seat from the waitlist", "get a seat from the waitlist", impact.promoted
            ),
            "good",
        ),
        (
            impact.offered,
            ngettext(
                "on the waitlist is offered a seat, being busy then",
                "on the waitlist are offered a seat, being busy then",
                impact.offered,
            ),
            "",
        ),
        (impact.waiting, ngettext("on the waitlist", "on the waitlist", impact.waiting), ""),
        (mailed, ngettext("gets a mail", "get a mail", mailed), ""),
    ]
    nobody = gettext("attendees are affected") if is_move else gettext("attendees have a seat")
    return [each for each in counts if each[0]] or [(0, nobody, "")]


def _rules(impact: Impact, *, is_move: bool) -> list[str]:
    reasons = {each["why"] for each in impact.leaving}
    rules = [
        (_STAY, "busy" in reasons),
        (_LAST, "capacity" in reasons or impact.offers_withdrawn),
        (_ONE_MAIL, _mailed(impact) or impact.speakers),
        (_FOR_GOOD, not is_move),
    ]
    return [str(text) for text, holds in rules if holds]


def _reason(leaving: Mapping[str, Any], zone: str) -> str:
    if leaving["why"] == "busy":
        return gettext("Has %(other)s", other=_other(leaving["other"], zone))
    return gettext("Booked among the last") if leaving["why"] == "capacity" else ""


def _other(conflict: Mapping[str, Any], zone: str) -> str:
    time = cells.plain_span(conflict["starts_at"], conflict["ends_at"], zone)
    title = conflict.get("title", gettext("Private"))
    return f"{title}, {time}"
