"""Experts: public profiles, their addresses and their hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext
from sqlalchemy import delete, exists, func, or_, select
from werkzeug.routing import Map

from app.extensions import db
from app.models import DateOverride, EventType, Expert, ExpertSlug, Role, User
from app.models.user import full_name
from app.services import (
    accounts,
    attachments,
    audit,
    availability,
    clock,
    fields,
    holidays,
    ledger,
    settings,
    weekly_hours,
)
from app.services.availability import WeeklyInterval, format_clock
from app.services.bookings import Page
from app.services.errors import DomainError, NotFound
from app.services.policy import EXPERT, Actor, require_account
from app.services.transaction import transactional
from app.services.weekly_hours import MAX_INTERVALS

# Pages that the product has or will have, and words that people would take for one.
_RESERVED = {
    "agenda",
    "api",
    "admin",
    "b",
    "backoffice",
    "calendar",
    "db",
    "events",
    "help",
    "login",
    "logout",
    "q",
    "rooms",
    "scheduler",
    "sessions",
    "socket.io",
    "static",
    "swagger",
}
MAX_OVERRIDES = 1000


# Who left, or was made to leave, has no page.
_EXPERTS = select(Expert).join(User, User.id == Expert.user_id).where(User.active.is_(True))


def describe(expert: Expert) -> dict[str, Any]:
    """The contract's `expert`."""
    return {
        "slug": expert.slug,
        "name": expert.name,
        "headline": expert.headline,
        "bio": expert.bio,
        "time_zone": expert.time_zone,
        "url": f"{current_app.config['PUBLIC_URL']}/{expert.slug}",
    }


def list_experts(query: str = "", *, page: int, page_size: int) -> Page:
    """Experts with an active, listed event type, by name; `query` narrows by name or headline."""
    listed = _EXPERTS.where(
        exists().where(EventType.expert_id == Expert.id, EventType.is_active, EventType.is_listed)
    )
    if words := query.strip():
        listed = listed.where(
            or_(
                Expert.name.icontains(words, autoescape=True),
                Expert.headline.icontains(words, autoescape=True),
            )
        )
    total = db.session.scalar(select(func.count()).select_from(listed.subquery())) or 0
    found = db.session.scalars(
        listed.order_by(Expert.name, Expert.id).limit(page_size).offset((page - 1) * page_size)
    )
    return Page([describe(expert) for expert in found], page, page_size, total)


def get_expert(slug: str) -> Expert:
    """The expert with this slug. Raises `NotFound`; see `find_moved` for old slugs."""
    expert = db.session.scalars(_EXPERTS.where(Expert.slug == slug)).one_or_none()
    if expert is None:
        raise NotFound
    return expert


def get_host(slug: str) -> Expert:
    """As `get_expert`, also one whose account is deactivated: bookings with them stay."""
    host = db.session.scalars(select(Expert).where(Expert.slug == slug)).one_or_none()
    if host is None:
        raise NotFound
    return host


def get_expert_by_id(expert_id: int) -> Expert:
    """Raises `NotFound`."""
    expert = db.session.get(Expert, expert_id)
    if expert is None:
        raise NotFound
    return expert


def find_moved(slug: str) -> Expert | None:
    """The expert who had this slug before."""
    return db.session.scalars(
        select(Expert).join(ExpertSlug).where(ExpertSlug.slug == slug)
    ).one_or_none()


def own_expert(actor: Actor | None) -> Expert:
    """The actor's own profile. Raises `NotFound` for who has none."""
    actor = require_account(actor)
    expert = db.session.scalars(select(Expert).where(Expert.user_id == actor.user_id)).one_or_none()
    if expert is None:
        raise NotFound(gettext("You have no expert page yet."))
    return expert


@transactional
def become_expert(
    actor: Actor | None,
    *,
    slug: str | None = None,
    headline: str | None = None,
    user_id: int | None = None,
) -> tuple[Expert, bool]:
    """Give the actor a public profile; returns it and whether it is new.

    `user_id` is whom an admin makes an expert instead. Locks that person's calendar, so
    that two clicks make one profile. Raises `InvalidInput` for a slug that is malformed,
    taken or the name of a page; `NotAllowed`, `NotFound`.
    """
    actor = require_account(actor)
    person = actor if user_id is None else accounts.acting_for(actor, user_id)
    ledger.lock([person.calendar_id])
    existing = db.session.scalars(
        select(Expert).where(Expert.user_id == person.user_id)
    ).one_or_none()
    if existing:
        return existing, False
    errors: fields.Errors = {}
    user = db.session.get_one(User, person.user_id)
    expert = Expert(
        user_id=user.id,
        slug=_free_slug(fields.slug_from(person.name))
        if slug is None
        else _checked_slug(errors, slug),
        name=full_name(user.first_name, user.last_name),
        headline=fields.line(errors, "headline", headline, maximum=200),
        bio="",
        time_zone=user.time_zone or current_app.config["DEFAULT_TIME_ZONE"],
        weekly_hours=settings.current().weekly_hours,
    )
    fields.refuse(errors)
    db.session.add(expert)
    role = db.session.scalars(select(Role).where(Role.name == EXPERT)).one()
    if role not in user.roles:
        user.roles.append(role)
    db.session.flush()
    audit.record_creation(actor, "expert", expert.id, audit.snapshot(expert))
    return expert, True


@transactional
def update_expert(
    actor: Actor | None, values: Mapping[str, Any], *, expert_id: int | None = None
) -> Expert:
    """Change one's own profile, or, as an admin, that of `expert_id`.

    A given-up slug keeps redirecting. Locks the expert's calendar. Raises `InvalidInput`, `NotFound`.
    """
    expert = _lock_to_change(actor, expert_id)
    errors: fields.Errors = {}
    before = audit.snapshot(expert)
    previous = expert.slug
    if "slug" in values and values["slug"] != previous:
        expert.slug = _checked_slug(errors, values["slug"], expert)
    if "name" in values:
        expert.name = fields.line(errors, "name", values["name"], maximum=128, required=True)
    if "headline" in values:
        expert.headline = fields.line(errors, "headline", values["headline"], maximum=200)
    if "bio" in values:
        expert.bio = fields.text(errors, "bio", values["bio"], maximum=5000)
    if "time_zone" in values:
        expert.time_zone = fields.zone(errors, "time_zone", values["time_zone"])
    fields.refuse(errors)
    if expert.slug != previous:
        db.session.execute(delete(ExpertSlug).where(ExpertSlug.slug == expert.slug))
        db.session.add(ExpertSlug(slug=previous, expert_id=expert.id))
    db.session.flush()
    audit.record_update(actor, "expert", expert.id, before, audit.snapshot(expert))
    return expert


@transactional
def delete_expert(actor: Actor | None, expert_id: int) -> None:
    """Remove a profile that was never booked, its event types and the role with it.

    Raises `DomainError`, `NotFound`.
    """
    expert = _expert_to_change(actor, expert_id)
    if attachments.of_expert(expert.id).forbids:
        raise DomainError(
            gettext(
                "%(name)s has bookings, which name the expert. Deactivate the event types instead.",
                name=expert.name,
            )
        )
    audit.record(actor, "delete", "expert", expert.id, before=audit.snapshot(expert))
    expert.user.roles = [role for role in expert.user.roles if role.name != EXPERT]
    db.session.delete(expert)


# -- hours ---------------------------------------------------------------------------


def describe_availability(expert: Expert) -> dict[str, Any]:
    """The contract's availability."""
    return {
        "time_zone": expert.time_zone,
        "weekly": weekly_hours.describe(expert.weekly_hours),
        "overrides": [
            {
                "date": override.date.isoformat(),
                "intervals": [
                    {"start": format_clock(start), "end": format_clock(end)}
                    for start, end in override.intervals
                ],
            }
            for override in expert.date_overrides
        ],
        "holidays": _describe_holidays(expert),
    }


def _describe_holidays(expert: Expert) -> dict[str, Any]:
    """The country whose holidays are days off, and those of the next twelve months."""
    today = clock.now().astimezone(ZoneInfo(expert.time_zone)).date()
    coming = {
        day: name
        for year in (today.year, today.year + 1)
        for day, name in _holidays_of(expert, year).items()
        if today <= day < today + timedelta(days=366)
    }
    return {
        "country": expert.holiday_country,
        "subdivision": expert.holiday_subdivision,
        "exceptions": list(expert.holiday_exceptions),
        "coming": [
            {
                "date": day.isoformat(),
                "name": name,
                "is_off": day.isoformat() not in expert.holiday_exceptions,
            }
            for day, name in sorted(coming.items())
        ],
    }


def _holidays_of(expert: Expert, year: int) -> Mapping[date, str]:
    if expert.holiday_country is None:
        return {}
    return holidays.of_year(expert.holiday_country, expert.holiday_subdivision, year)


@transactional
def replace_availability(
    actor: Actor | None, values: Mapping[str, Any], *, expert_id: int | None = None
) -> Expert:
    """Set weekly hours and date overrides as a whole. Bookings that stand are kept.

    `holidays` is `{country, subdivision?, exceptions?}`, null for none; it stays as it is
    if it is not there. Locks the expert's calendar: of two at once the later stands, whole.
    Raises `InvalidInput`, saying which interval is wrong and why.
    """
    expert = _lock_to_change(actor, expert_id)
    errors: fields.Errors = {}
    before = _told(expert)
    if "time_zone" in values:
        expert.time_zone = fields.zone(errors, "time_zone", values["time_zone"])
    weekly = weekly_hours.read(errors, "weekly", values.get("weekly", []))
    overrides = _overrides(errors, values.get("overrides", []))
    if "holidays" in values:
        _apply_holidays(errors, expert, values["holidays"])
    fields.refuse(errors)
    expert.weekly_hours = weekly
    expert.date_overrides.clear()
    db.session.flush()
    expert.date_overrides.extend(
        DateOverride(date=day, intervals=intervals) for day, intervals in sorted(overrides.items())
    )
    db.session.flush()
    audit.record(
        actor,
        "update_availability",
        "expert",
        expert.id,
        before=before,
        **_told(expert),
    )
    return expert


def _told(expert: Expert) -> dict[str, Any]:
    """What the audit log says of hours: not what follows from them, the names of holidays."""
    told = describe_availability(expert)
    del told["holidays"]["coming"]
    return told


def weekly_intervals(weekly: Sequence[Mapping[str, int]]) -> list[WeeklyInterval]:
    """The stored weekly hours, for `availability`."""
    return [WeeklyInterval(hours["weekday"], hours["start"], hours["end"]) for hours in weekly]


def _overrides(errors: fields.Errors, value: object) -> dict[date, list[list[int]]]:
    found: dict[date, list[list[int]]] = {}
    try:
        if not isinstance(value, list) or len(value) > MAX_OVERRIDES:
            raise ValueError(
                gettext("Give a list of at most %(maximum)s dates.", maximum=MAX_OVERRIDES)
            )
        for override in value:
            day = fields.find_day(override.get("date")) if isinstance(override, dict) else None
            if day is None:
                raise ValueError(gettext("Each override has a date like 2026-12-01."))
            if day in found:
                raise ValueError(gettext("%(date)s is there twice.", date=day))
            intervals = override.get("intervals", [])
            if not isinstance(intervals, list) or len(intervals) > MAX_INTERVALS:
                raise ValueError(
                    gettext(
                        "Give at most %(maximum)s intervals for %(date)s.",
                        maximum=MAX_INTERVALS,
                        date=day,
                    )
                )
            found[day] = [
                [start, end]
                for start, end in availability.validate_intervals(
                    [weekly_hours.read_interval(each) for each in intervals]
                )
            ]
    except ValueError as error:
        errors["overrides"] = [str(error)]
    return found


def _apply_holidays(errors: fields.Errors, expert: Expert, value: object) -> None:
    wanted = {} if value is None else value
    if not isinstance(wanted, dict):
        errors["holidays"] = [
            gettext("Holidays look like %(example)s, or null.", example='{"country": "DE"}')
        ]
        return
    country, subdivision = wanted.get("country"), wanted.get("subdivision") or None
    exceptions = wanted.get("exceptions") or []
    if country is None:
        subdivision, exceptions = None, []
    elif not isinstance(country, str) or not holidays.is_known(country):
        errors["holidays"] = [
            gettext("There are no holidays for this country. Use a code like DE.")
        ]
        return
    elif subdivision is not None and not (
        isinstance(subdivision, str) and holidays.is_known(country, subdivision)
    ):
        errors["holidays"] = [gettext("This country has no such part.")]
        return
    try:
        if not isinstance(exceptions, list) or len(exceptions) > MAX_OVERRIDES:
            raise ValueError
        days = sorted({date.fromisoformat(day).isoformat() for day in exceptions})
    except (TypeError, ValueError):
        errors["holidays"] = [gettext("Exceptions are a list of dates like 2026-12-26.")]
        return
    expert.holiday_country, expert.holiday_subdivision = country, subdivision
    expert.holiday_exceptions = days


# -- slugs ---------------------------------------------------------------------------


def is_reserved(slug: str) -> bool:
    """Whether a slug would shadow a page: the first part of any route of the product."""
    routes: Map = current_app.url_map
    return slug in _RESERVED or any(
        rule.rule.lstrip("/").partition("/")[0] == slug for rule in routes.iter_rules()
    )


def _checked_slug(errors: fields.Errors, value: object, own: Expert | None = None) -> str:
    slug = fields.slug(errors, "slug", value)
    if slug and is_reserved(slug):
        errors["slug"] = [gettext("This address is a page of ours. Please choose another.")]
    elif slug and _is_taken(slug, own):
        errors["slug"] = [gettext("This address is taken. Please choose another.")]
    return slug


def _free_slug(wanted: str) -> str:
    slug, number = wanted, 1
    while is_reserved(slug) or _is_taken(slug, None):
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _is_taken(slug: str, own: Expert | None) -> bool:
    holder = db.session.scalar(select(Expert.id).where(Expert.slug == slug)) or db.session.scalar(
        select(ExpertSlug.expert_id).where(ExpertSlug.slug == slug)
    )
    return holder is not None and (own is None or holder != own.id)


def _expert_to_change(actor: Actor | None, expert_id: int | None) -> Expert:
    actor = require_account(actor)
    if expert_id is None:
        return own_expert(actor)
    expert = get_expert_by_id(expert_id)
    if expert.user_id != actor.user_id and not actor.is_admin:
        raise NotFound
    return expert


def _lock_to_change(actor: Actor | None, expert_id: int | None) -> Expert:
    """The expert as it stands now, nobody else changing it until the commit.

    The lock raises the topic's version: watchers of `expert:<slug>` see the gap and refetch.
    """
    expert = _expert_to_change(actor, expert_id)
    ledger.lock(ledger.calendar_ids(user_ids=[expert.user_id]))
    db.session.refresh(expert)  # what was read before the lock may be over
    return expert
