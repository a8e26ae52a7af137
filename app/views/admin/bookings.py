"""Bookings of all three kinds in the back-office."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from flask import request, url_for
from flask_appbuilder import expose
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.models import (
    Booking,
    EventSession,
    EventType,
    Expert,
    User,
)
from app.models.booking import LIVE
from app.models.interval import Interval
from app.services import cancellation, clock, reservations, restoring
from app.services.errors import InvalidInput
from app.services.policy import Actor
from app.services.reservations import Wanted
from app.views.admin import days
from app.views.admin.access import Answer, permitted
from app.views.admin.base import ReadingInterface, ServiceModelView
from app.views.admin.booking_cells import KINDS, BookingCells, zone_of
from app.views.admin.booking_forms import ADD_FORMS, EDIT_FORMS, CancelForm
from app.views.admin.bulk import BulkAction, Outcome
from app.views.admin.event_sessions import RoomChoiceForm, title_of_session
from app.views.admin.event_types import expert_choices, room_choices
from app.views.admin.events import event_choices
from app.views.admin.forms import (
    OfficeForm,
    name_of_user,
)
from app.views.admin.listing import LinkFilter, ListFilter
from app.views.admin.wording import CANCELLATION, Texts, Wording, Words

ADDING = {
    "appointment": lazy_gettext("Add appointment"),
    "seat": lazy_gettext("Add seat"),
    "reservation": lazy_gettext("Add reservation"),
}


def _restore(actor: Actor | None, pk: int, _before: None) -> None:
    """Undo a cancellation."""
    uid = db.session.scalar(select(Booking.uid).where(Booking.id == pk))
    restoring.restore_booking(actor, uid or "")


def _move_room(_view: Any, actor: Actor | None, item: Booking, form: Any) -> Outcome:
    before = item.room_id
    _into_room(actor, item, form.room_id.data)
    return Outcome(before=before)


def _move_back(actor: Actor | None, pk: int, before: int) -> None:
    _into_room(actor, db.session.get_one(Booking, pk), before)


def _into_room(actor: Actor | None, item: Booking, room_id: int) -> None:
    if item.kind != "reservation":
        raise InvalidInput({}, gettext("Only reservations are moved to another room."))
    wanted = Wanted(
        room_id=room_id,
        period=Interval(item.starts_at, item.ends_at),
        title=item.title,
        reservation_type=item.reservation_type,
        responsible_user_id=item.user_id,
    )
    reservations.move_reservation(actor, item.uid, wanted, version=item.version)


class BookingView(BookingCells, ServiceModelView):
    """`/backoffice/bookings/`."""

    datamodel = ReadingInterface(Booking)
    route_base = "/backoffice/bookings"
    plural, icon = lazy_gettext("Bookings"), "calendar-check"
    texts = Texts(
        add=lazy_gettext("Add booking"),
        added=lazy_gettext("Booking added."),
        choose=lazy_gettext("Choose which bookings first."),
        remove=lambda number: ngettext("Cancel booking", "Cancel bookings", number),
        remove_many=lambda number: ngettext(
            "Cancel %(num)d booking?", "Cancel %(num)d bookings?", number
        ),
    )
    object_kind = "booking"
    empty = lazy_gettext(
        "Bookings come from experts' pages, agendas and the scheduler, or are added here."
    )
    removal = replace(CANCELLATION, label=lazy_gettext("Cancel booking"))

    list_columns = ["title", "kind", "time", "who", "where", "status"]
    show_columns = [
        "title",
        "kind",
        "status",
        "time",
        "where",
        "who",
        "contact",
        "notes",
        "meeting_url",
        "expert",
        "event_type",
        "session",
        "reservation_type",
        "created_at",
        "cancelled",
        "uid",
    ]
    search_columns = ["title", "attendee_name", "attendee_email", "uid"]
    order_columns = ["title", "kind", "starts_at", "created_at"]
    add_columns = [
        "event_type_id",
        "event_session_id",
        "title",
        "room_id",
        "starts_at",
        "ends_at",
        "name",
        "email",
        "phone",
        "notes",
        "user",
        "reservation_type",
    ]
    edit_columns = [
        "event_session_id",
        "title",
        "room_id",
        "starts_at",
        "with_group",
        "ends_at",
        "user",
        "reservation_type",
    ]
    label_columns = {
        "created_at": lazy_gettext("Booked at"),
        "meeting_url": lazy_gettext("Meeting link"),
        "uid": "UID",
        "reservation_type": lazy_gettext("Type"),
    }
    base_order = ("starts_at", "desc")
    is_by_time = True
    order_of = {"time": "starts_at"}
    loads = (
        joinedload(Booking.user),
        joinedload(Booking.room),
        joinedload(Booking.expert),
        joinedload(Booking.event_type),
        joinedload(Booking.event_session).options(
            joinedload(EventSession.event), joinedload(EventSession.room)
        ),
    )
    list_filters = (
        ListFilter("kind", lazy_gettext("Kind"), KINDS.items, lambda value: Booking.kind == value),
        ListFilter(
            "when",
            lazy_gettext("When"),
            lambda: [("upcoming", gettext("Not over yet")), ("past", gettext("Over"))],
            lambda value: (
                Booking.ends_at > clock.now()
                if value == "upcoming"
                else Booking.ends_at <= clock.now()
            ),
        ),
        ListFilter(
            "status",
            lazy_gettext("Status"),
            lambda: [
                ("confirmed", gettext("Confirmed")),
                ("pending", gettext("Requested")),
                ("cancelled", gettext("Cancelled")),
            ],
            lambda value: Booking.status == value,
        ),
        *days.spanning(Booking.starts_at, Booking.ends_at),
        ListFilter(
            "event",
            lazy_gettext("Event"),
            event_choices,
            lambda value: Booking.event_session.has(EventSession.event_id == int(value)),
        ),
        ListFilter(
            "expert",
            lazy_gettext("Expert"),
            lambda: [(str(key), name) for key, name in expert_choices()],
            lambda value: Booking.expert_id == int(value),
        ),
        ListFilter(
            "room",
            lazy_gettext("Room"),
            lambda: [(str(key), name) for key, name in room_choices()],
            lambda value: or_(
                Booking.room_id == int(value),
                Booking.event_session.has(EventSession.room_id == int(value)),
            ),
        ),
        LinkFilter(
            "session",
            lazy_gettext("Session"),
            title_of_session,
            lambda value: Booking.event_session_id == int(value),
        ),
        LinkFilter(
            "user",
            lazy_gettext("Person"),
            name_of_user,
            lambda value: Booking.user_id == int(value),
        ),
        LinkFilter(
            "event_type",
            lazy_gettext("Event type"),
            lambda key: db.session.scalar(select(EventType.title).where(EventType.id == key)),
            lambda value: Booking.event_type_id == int(value),
        ),
    )
    presets = (
        (lazy_gettext("To come"), {"when": "upcoming", "status": "confirmed"}),
        (
            lazy_gettext("Appointments"),
            {"kind": "appointment", "when": "upcoming", "status": "confirmed"},
        ),
        (lazy_gettext("Seats"), {"kind": "seat", "when": "upcoming", "status": "confirmed"}),
        (
            lazy_gettext("Reservations"),
            {"kind": "reservation", "when": "upcoming", "status": "confirmed"},
        ),
        (lazy_gettext("Cancelled"), {"status": "cancelled"}),
    )
    undo_removal = _restore
    bulk_actions = (
        BulkAction(
            name="move_room",
            label=lazy_gettext("Move to a room"),
            wording=Wording(
                question=lambda name: gettext("Move “%(name)s” to another room?", name=name),
                question_many=lambda number: ngettext(
                    "Move %(num)d booking to another room?",
                    "Move %(num)d bookings to another room?",
                    number,
                ),
                submit=lambda number: ngettext("Move booking", "Move bookings", number),
                done=lambda name: gettext("“%(name)s” moved.", name=name),
                done_many=lambda number: ngettext("%(num)d moved.", "%(num)d moved.", number),
                done_some=lambda done, all_: gettext(
                    "%(done)s of %(all)s moved.", done=done, all=all_
                ),
            ),
            perform=_move_room,
            icon="door-open",
            about=lazy_gettext(
                "Reservations only: a seat is where its session is, an appointment where its"
                " event type says. One that does not fit stays where it is."
            ),
            form=RoomChoiceForm,
            undo=_move_back,
        ),
    )
    delete_form = CancelForm

    def visible_to(self, actor: Actor | None) -> list[ColumnElement[bool]]:
        """All for admins; for other staff what `bookings` shows them: no client's data."""
        if actor and actor.is_admin:
            return [Booking.kind.in_(KINDS)]
        if actor and actor.is_staff:
            return [
                Booking.kind.in_(KINDS),
                or_(Booking.kind == "reservation", Booking.user_id == actor.user_id),
            ]
        return [false()]

    def key_of(self, item: Booking) -> str:
        return item.uid

    def matching(self, words: str) -> ColumnElement[bool]:
        by_user = Booking.user.has(
            or_(
                User.email.icontains(words, autoescape=True),
                (User.first_name + " " + User.last_name).icontains(words, autoescape=True),
            )
        )
        by_expert = Booking.expert.has(Expert.name.icontains(words, autoescape=True))
        return or_(super().matching(words), by_user, by_expert)

    def links(self, item: Booking) -> list[tuple[str, str]]:
        if item.kind != "reservation":
            return []
        day = item.starts_at.astimezone(ZoneInfo(zone_of(item))).date().isoformat()
        there = url_for("scheduler_pages.show", room=item.room_id, date=day)
        return [(gettext("Scheduler"), there)]

    @expose("/move-room/", methods=["GET", "POST"])
    @permitted("edit")
    def move_room(self) -> Answer:
        return self._bulk(self.bulk_actions[0])

    # -- adding ----------------------------------------------------------------------

    def _add(self) -> Answer:
        if self._kind() is None:
            return self._page("admin/booking_kinds.html", title=gettext("Add booking"), kinds=KINDS)
        return super()._add()

    def _kind(self) -> str | None:
        kind = request.args.get("kind", "")
        return kind if kind in KINDS else None

    def _add_form(self) -> type[OfficeForm]:
        return ADD_FORMS[self._kind() or ""]

    def initial(self) -> dict[str, Any]:
        given = {"event_type_id": "event_type", "event_session_id": "session", "room_id": "room"}
        return {
            field: int(value)
            for field, name in given.items()
            if (value := request.args.get(name, "")).isdecimal() and len(value) < 10
        }

    def offer(self, form: Any, item: Any = None) -> None:
        form.offer(item)

    def adding(self) -> Words:
        return ADDING[self._kind() or ""]

    def offer_to_many(self, form: Any) -> None:
        if "room_id" in form:
            form.room_id.offer(room_choices())

    def create(self, actor: Actor | None, form: Any) -> int:
        made = form.book(actor)
        return db.session.scalars(select(Booking.id).where(Booking.uid == made["uid"])).one()

    # -- changing --------------------------------------------------------------------

    def is_changeable(self, item: Booking) -> bool:
        return item.status in LIVE and item.ends_at > clock.now()

    def _edit_form(self, item: Booking) -> type[OfficeForm]:
        return EDIT_FORMS[item.kind]

    def values_of(self, item: Booking) -> dict[str, Any]:
        return EDIT_FORMS[item.kind].values_of(item)

    def update(self, actor: Actor | None, item: Booking, form: Any) -> str | None:
        return form.move(actor, item)

    def remove(self, actor: Actor | None, item: Booking, form: Any) -> None:
        cancellation.cancel_booking(actor, item.uid, reason=(form.reason.data or "").strip())
