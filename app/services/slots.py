"""Which starts of an event type are free: its rules, and the ledger's busy time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask_babel import gettext
from sqlalchemy import Integer, bindparam, cast, null, select, union_all
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models import (
    Appointment,
    BusyPeriod,
    Calendar,
    DateOverride,
    EventType,
    Expert,
    Room,
    User,
)
from app.models.booking import LIVE
from app.models.interval import Interval, overlapping
from app.models.types import AnyRow
from app.services import availability, clock, external_busy, group_slots, holidays
from app.services.errors import Gone, InvalidInput, NotFound
from app.services.experts import weekly_intervals
from app.services.transaction import execute

MAX_DAYS = 62
HORIZON_YEARS = 3  # of 730 days at most, the last of which may lie in the third year
ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class Slots:
    """Free starts by day of `time_zone`; `version` is that of the topic `expert:<slug>`.

    `seats_left` says how many each start takes, for a type with several seats; by instants
    in UTC, since both runs of a doubled hour are one key in a local zone.
    """

    time_zone: str
    duration_minutes: int
    version: int
    days: Mapping[date, list[datetime]]
    seats: int
    requires_approval: bool
    seats_left: Mapping[datetime, int]


def list_slots(
    expert_slug: str, type_slug: str, first: date, last: date, time_zone: str | None = None
) -> Slots:
    """Free starts from `first` to `last`, both included, dates in `time_zone`.

    The zone is the expert's unless given. Six queries at most, whatever is booked.
    Raises `NotFound`, `Gone` (inactive), `InvalidInput` (reversed, over 62 days, zone).
    """
    offer = _offered(
        execute(_OFFER_AT, {"expert_slug": expert_slug, "type_slug": type_slug}).one_or_none()
    )
    zone_name = time_zone or offer.time_zone
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput({"time_zone": [gettext("Use a zone like Europe/Berlin.")]}) from None
    if last < first:
        raise InvalidInput({"to": [gettext("The last day is before the first.")]})
    if (last - first).days >= MAX_DAYS:
        raise InvalidInput({"to": [gettext("At most %(n)s days at once.", n=MAX_DAYS)]})
    try:
        window = Interval(
            datetime.combine(first, time.min, zone).astimezone(UTC),
            datetime.combine(last + timedelta(days=1), time.min, zone).astimezone(UTC),
        )
    except OverflowError:
        raise InvalidInput({"from": [gettext("Use a date of this century.")]}) from None
    groups = group_slots.find_groups(offer, window) if offer.seats > 1 else {}
    days: dict[date, list[datetime]] = {}
    seats_left: dict[datetime, int] = {}
    for start in _free_starts(offer, window, groups):
        local = start.astimezone(zone)
        days.setdefault(local.date(), []).append(local)
        if offer.seats > 1:
            seats_left[start] = groups[start].seats_left if start in groups else offer.seats
    return Slots(
        time_zone=zone_name,
        duration_minutes=offer.duration_minutes,
        version=offer.version,
        days=days,
        seats=offer.seats,
        requires_approval=offer.requires_approval,
        seats_left=seats_left,
    )


def find_offer(event_type_id: int) -> AnyRow:
    """One event type with its expert, calendars and zone. Raises `NotFound`, `Gone`."""
    return _offered(execute(_OFFER, {"id": event_type_id}).one_or_none())


def get_offer(event_type_id: int) -> AnyRow:
    """As `find_offer`, also one that is not offered any more. Raises `NotFound`."""
    offer = execute(_OFFER, {"id": event_type_id}).one_or_none()
    if offer is None:
        raise NotFound
    return offer


def _offered(offer: AnyRow | None) -> AnyRow:
    if offer is None:
        raise NotFound
    if not offer.is_active:
        raise Gone(gettext("This is not offered at present."))
    return offer


def free_starts(
    offer: AnyRow,
    window: Interval,
    *,
    ignoring: Iterable[int] = (),
    client_calendar_id: int | None = None,
) -> list[datetime]:
    """Starts in `window` that rules and ledger leave free, for this client if one is given.

    `ignoring` are ids of bookings that would be released.
    """
    ignoring = set(ignoring)
    # Also of a type that has one seat by now: a booking may leave others behind.
    groups = (
        group_slots.find_groups(offer, window, ignoring=ignoring)
        if offer.seats > 1 or ignoring
        else {}
    )
    return _free_starts(
        offer, window, groups, ignoring=ignoring, client_calendar_id=client_calendar_id
    )


def _free_starts(
    offer: AnyRow,
    window: Interval,
    groups: Mapping[datetime, group_slots.Group],
    *,
    ignoring: Set[int] = frozenset(),
    client_calendar_id: int | None = None,
) -> list[datetime]:
    rules, now = rules_of(offer), clock.now()
    booked = booked_on(offer, window, ignoring=ignoring)
    busy, room_busy, client_busy = _busy(offer, window, groups, ignoring, client_calendar_id)
    free = availability.list_slots(
        rules, busy, window, now, booked, room_busy=[*room_busy, *client_busy]
    )
    joinable = {start for start, group in groups.items() if group.seats_left}
    if not joinable:
        return free
    # Who joins others takes no more of the day, and none of the time that they hold.
    allowed = availability.list_slots(rules, (), window, now, {}, room_busy=client_busy)
    return sorted({*free, *(start for start in allowed if start in joinable)})


def nearest_starts(
    offer: AnyRow,
    starts_at: datetime,
    *,
    ignoring: Iterable[int] = (),
    client_calendar_id: int | None = None,
) -> list[str]:
    """Up to five free starts, nearest first, within two weeks around `starts_at`."""
    window = Interval(starts_at - timedelta(days=14), starts_at + timedelta(days=14))
    free = free_starts(offer, window, ignoring=ignoring, client_calendar_id=client_calendar_id)
    found = availability.nearest(free, starts_at, ALTERNATIVES)
    return [clock.rfc3339(start) for start in found]


def why_not_offered(
    offer: AnyRow, starts_at: datetime, *, ignoring: Iterable[int] = ()
) -> availability.NotOffered | None:
    """The rule that excludes this start, whatever is booked; None when it is a slot."""
    return availability.why_not_offered(
        rules_of(offer), starts_at, clock.now(), booked_besides(offer, starts_at, ignoring=ignoring)
    )


def _holidays(offer: AnyRow) -> dict[date, str]:
    """The expert's days off from last year to the end of any horizon, but for exceptions."""
    if offer.holiday_country is None:
        return {}
    this_year = clock.now().year
    return {
        day: name
        for year in range(this_year - 1, this_year + HORIZON_YEARS + 1)
        for day, name in holidays.of_year(
            offer.holiday_country, offer.holiday_subdivision, year
        ).items()
        if day.isoformat() not in offer.holiday_exceptions
    }


def booked_besides(
    offer: AnyRow, starts_at: datetime, *, ignoring: Iterable[int] = ()
) -> dict[date, int]:
    """`booked_on` around a start; nothing for who joins others: that takes no more of the day."""
    window = Interval(starts_at, starts_at + timedelta(minutes=offer.duration_minutes))
    joining = starts_at if offer.seats > 1 else None
    return booked_on(offer, window, ignoring=ignoring, joining=joining)


def rules_of(offer: AnyRow) -> availability.Rules:
    """The rules of an offer, with all overrides of its expert; holidays are days off."""
    overrides = {
        row.date: [(start, end) for start, end in row.intervals]
        for row in execute(_OVERRIDES, {"expert": offer.expert_id})
    }
    days_off = {day: name for day, name in _holidays(offer).items() if day not in overrides}
    return availability.Rules(
        time_zone=offer.time_zone,
        weekly=weekly_intervals(offer.weekly_hours),
        overrides=overrides | dict.fromkeys(days_off, ()),
        holidays=days_off,
        duration_minutes=offer.duration_minutes,
        slot_step_minutes=offer.slot_step_minutes,
        buffer_before_minutes=offer.buffer_before_minutes,
        buffer_after_minutes=offer.buffer_after_minutes,
        minimum_notice_minutes=offer.minimum_notice_minutes,
        horizon_days=offer.horizon_days,
        daily_limit=offer.daily_limit,
    )


def booked_on(
    offer: AnyRow,
    window: Interval,
    *,
    ignoring: Iterable[int] = (),
    joining: datetime | None = None,
) -> dict[date, int]:
    """Slots of this type that are taken, by the expert's local day, if it has a limit.

    None count if `joining` is one of them.
    """
    if offer.daily_limit is None:
        return {}
    zone = ZoneInfo(offer.time_zone)
    margin = timedelta(days=2)
    counts: dict[date, int] = {}
    for start in db.session.scalars(
        select(Appointment.starts_at)
        .distinct()
        .where(Appointment.event_type_id == offer.id, Appointment.status.in_(LIVE))
        .where(Appointment.id.not_in(list(ignoring)))
        .where(Appointment.starts_at.between(window.starts_at - margin, window.ends_at + margin))
    ):
        if start == joining:
            return {}
        day = start.astimezone(zone).date()
        counts[day] = counts.get(day, 0) + 1
    return counts


def _busy(
    offer: AnyRow,
    window: Interval,
    groups: Mapping[datetime, group_slots.Group],
    ignoring: Set[int],
    client_calendar_id: int | None,
) -> tuple[list[Interval], list[Interval], list[Interval]]:
    """Busy periods that may touch `window`: the expert's, the room's and the client's.

    What an ignored booking holds for others, who stay in its slot, is busy.
    """
    reach = timedelta(
        minutes=offer.duration_minutes + offer.buffer_before_minutes + offer.buffer_after_minutes
    )
    calendars = {offer.calendar_id, offer.room_calendar_id, client_calendar_id} - {None}
    by_calendar: dict[int, list[Interval]] = {calendar: [] for calendar in calendars}
    wanted = {
        "calendars": list(calendars),
        "expert_calendar": offer.calendar_id,
        "starts_at": window.starts_at - reach,
        "ends_at": window.ends_at + reach,
    }
    # All at once and unpacked: there may be a thousand.
    periods: Sequence[AnyRow] = execute(_BUSY, wanted).all()
    for calendar_id, starts_at, ends_at, booking_id in periods:
        period = Interval(starts_at, ends_at)
        if (
            booking_id is None
            or booking_id not in ignoring
            or (
                calendar_id in {offer.calendar_id, offer.room_calendar_id}
                and any(period.overlaps(group.period) for group in groups.values())
            )
        ):
            by_calendar[calendar_id].append(period)
    return (
        by_calendar.pop(offer.calendar_id),
        by_calendar.pop(offer.room_calendar_id, []),
        by_calendar.pop(client_calendar_id or 0, []),
    )


_RoomCalendar = aliased(Calendar)
_OFFERS = (
    select(
        EventType.id,
        EventType.slug,
        EventType.title,
        EventType.duration_minutes,
        EventType.slot_step_minutes,
        EventType.buffer_before_minutes,
        EventType.buffer_after_minutes,
        EventType.minimum_notice_minutes,
        EventType.horizon_days,
        EventType.daily_limit,
        EventType.location_kind,
        EventType.location_detail,
        EventType.is_active,
        EventType.room_id,
        EventType.seats,
        EventType.requires_approval,
        EventType.approval_minutes,
        EventType.reminder_minutes,
        Room.name.label("room_name"),
        Expert.id.label("expert_id"),
        Expert.slug.label("expert_slug"),
        Expert.name.label("expert_name"),
        Expert.time_zone,
        Expert.weekly_hours,
        Expert.holiday_country,
        Expert.holiday_subdivision,
        Expert.holiday_exceptions,
        User.id.label("host_user_id"),
        User.email.label("host_email"),
        Calendar.id.label("calendar_id"),
        Calendar.version,
        _RoomCalendar.id.label("room_calendar_id"),
    )
    .join(Expert, Expert.id == EventType.expert_id)
    .join(User, User.id == Expert.user_id)
    .join(Calendar, Calendar.user_id == User.id)
    .outerjoin(Room, Room.id == EventType.room_id)
    .outerjoin(_RoomCalendar, _RoomCalendar.room_id == EventType.room_id)
    .where(User.active.is_(True))
)
_OFFER = _OFFERS.where(EventType.id == bindparam("id"))
_OFFER_AT = _OFFERS.where(
    EventType.slug == bindparam("type_slug"), Expert.slug == bindparam("expert_slug")
)
_OVERRIDES = select(DateOverride.date, DateOverride.intervals).where(
    DateOverride.expert_id == bindparam("expert")
)
_BUSY = union_all(
    select(
        BusyPeriod.calendar_id, BusyPeriod.starts_at, BusyPeriod.ends_at, BusyPeriod.booking_id
    ).where(
        BusyPeriod.calendar_id.in_(bindparam("calendars", expanding=True)),
        overlapping(
            BusyPeriod.starts_at, BusyPeriod.ends_at, bindparam("starts_at"), bindparam("ends_at")
        ),
    ),
    # The expert's time elsewhere; a client's own concerns nobody here.
    external_busy.overlapping_periods(
        bindparam("expert_calendar"), bindparam("starts_at"), bindparam("ends_at")
    ).add_columns(cast(null(), Integer)),
)
