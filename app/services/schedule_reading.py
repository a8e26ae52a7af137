"""What a published schedule asks for, in the terms of our sessions.

It knows the file and the conference's zone, and nothing of what is here already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from flask_babel import gettext

from app.models.interval import Interval
from app.services import fields, session_fields
from app.services.schedule_format import Entry, Schedule, one_line
from app.services.schedule_plan import Wanted
from app.services.schedule_report import Report

# What the columns hold; longer texts of a file are shortened, and that is reported.
_LENGTHS = {"title": 300, "track": 200, "language": 16, "abstract": 20_000, "description": 20_000}
_ROOM_LENGTH = 128
_NAME_LENGTH = 200
_GUID_LENGTH = 100
_LONGEST = timedelta(days=31)


def find_zone(
    schedule: Schedule, asked: str | None, known: Sequence[str], warnings: list[str]
) -> str:
    """The conference's zone: asked for, named in the file, or one that its offsets fit.

    Of the `known` ones the first that fits. Raises `InvalidInput` for one that is asked for
    and is none.
    """
    if asked is not None:
        errors: fields.Errors = {}
        zone = fields.zone(errors, "time_zone", asked)
        fields.refuse(errors)
        return zone
    if schedule.time_zone:
        errors = {}
        zone = fields.zone(errors, "time_zone", schedule.time_zone)
        if not errors:
            return zone
        warnings.append(
            gettext(
                "The file's time zone, %(zone)s, is not known.", zone=one_line(schedule.time_zone)
            )
        )
    instants = [each.starts_at for each in schedule.entries if each.starts_at]
    aware = [each for each in instants if each.tzinfo]
    for zone in known:
        if all(_offset_in(each, zone) == each.utcoffset() for each in aware):
            return zone
    offsets = {each.utcoffset() for each in aware}
    hours = (offsets.pop() or timedelta()) / timedelta(hours=1) if len(offsets) == 1 else None
    if hours is None or hours != int(hours) or not -12 <= hours <= 14:
        warnings.append(gettext("The file names no time zone: %(zone)s is used.", zone=known[0]))
        return known[0]
    # IANA's signs are those of POSIX: Etc/GMT-1 is an hour ahead of UTC.
    zone = f"Etc/GMT{-int(hours):+d}" if hours else "UTC"
    warnings.append(
        gettext("The file names no time zone: by its offsets, %(zone)s is used.", zone=zone)
    )
    return zone


def _offset_in(instant: datetime, zone: str) -> timedelta | None:
    try:
        return instant.astimezone(ZoneInfo(zone)).utcoffset()
    except OverflowError:  # the year 1 or 9999
        return instant.utcoffset()


def readable(schedule: Schedule, zone: ZoneInfo, report: Report) -> list[Wanted]:
    """The sessions that can be held; the others are reported as skipped."""
    wanted = []
    for entry, guid in zip(schedule.entries, _guids(schedule.entries, report), strict=True):
        period = _period(entry, zone)
        why = period if isinstance(period, str) else _why_unusable(entry)
        if isinstance(period, str) or why:
            title = entry.title or guid
            report.skipped.append({"guid": guid, "title": title, "why": why, "conflicts": []})
            continue
        _warn(entry, zone, period, report)
        local = period.starts_at.astimezone(zone)
        texts = {name: shortened(getattr(entry, name), most) for name, most in _LENGTHS.items()}
        wanted.append(
            Wanted(
                guid=guid,
                id=entry.id,
                values=texts
                | {"starts_at": period.starts_at, "ends_at": period.ends_at}
                | {"day": entry.day or local.date()},
                room=shortened(entry.room, _ROOM_LENGTH),
                period=period,
                speakers=tuple(
                    shortened(each, _NAME_LENGTH)
                    for each in entry.speakers[: session_fields.MAX_SPEAKERS]
                ),
            )
        )
    return wanted


def _guids(entries: Sequence[Entry], report: Report) -> list[str]:
    """What each session is known by: its guid, else its id, else its title; never one twice."""
    guids: list[str] = []
    taken: set[str] = set()
    for entry in entries:
        known = entry.guid or entry.id or f"title-{uuid5(NAMESPACE_URL, entry.title)}"
        guid = known = known if len(known) <= _GUID_LENGTH - 8 else str(uuid5(NAMESPACE_URL, known))
        number = 1
        while guid in taken:
            number += 1
            guid = f"{known}-{number}"
        if guid != known:
            report.warnings.append(
                gettext(
                    "%(title)s: %(guid)s stands for several sessions.",
                    title=entry.title,
                    guid=known,
                )
            )
        taken.add(guid)
        guids.append(guid)
    return guids


def _period(entry: Entry, zone: ZoneInfo) -> Interval | str:
    """When the session is; or why that cannot be said.

    A local time that the clocks skip counts by the offset before the change, and of one
    that comes twice the first is meant (RFC 5545, 3.3.5).
    """
    if entry.starts_at is None:
        return gettext("It has no time.")
    if entry.duration is None:
        return gettext("It has no duration.")
    if not timedelta() < entry.duration <= _LONGEST:
        return gettext("Its duration is not possible.")
    starts_at = entry.starts_at
    if starts_at.tzinfo is None:
        starts_at = starts_at.replace(tzinfo=zone)
    try:
        starts_at = starts_at.astimezone(UTC)
        return Interval(starts_at, starts_at + entry.duration)
    except OverflowError:
        return gettext("Its time is not possible.")


def _why_unusable(entry: Entry) -> str:
    if not entry.title:
        return gettext("It has no title.")
    return "" if entry.room else gettext("It has no room.")


def _warn(entry: Entry, zone: ZoneInfo, period: Interval, report: Report) -> None:
    local = period.starts_at.astimezone(zone)
    if entry.starts_at and entry.starts_at.tzinfo is None:
        said = entry.starts_at
        if local.replace(tzinfo=None) != said:
            report.warnings.append(
                gettext(
                    "%(title)s: %(said)s does not exist in %(zone)s, %(meant)s is meant.",
                    title=entry.title,
                    said=f"{said:%Y-%m-%d %H:%M}",
                    zone=zone.key,
                    meant=f"{local:%H:%M}",
                )
            )
    too_long = [name for name, most in _LENGTHS.items() if len(getattr(entry, name)) > most]
    too_long += ["room"] if len(entry.room) > _ROOM_LENGTH else []
    if any(len(each) > _NAME_LENGTH for each in entry.speakers) or (
        len(entry.speakers) > session_fields.MAX_SPEAKERS
    ):
        too_long.append("speakers")
    if too_long:
        report.warnings.append(
            gettext(
                "%(title)s: too long and shortened: %(fields)s.",
                title=entry.title,
                fields=", ".join(too_long),
            )
        )


def shortened(text: str, most: int) -> str:
    """`text`, cut to `most` characters; the last one says so."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
