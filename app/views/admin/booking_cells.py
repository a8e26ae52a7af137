"""How a booking looks in the back-office: where and when it is, with whom, in words."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for
from flask_babel import gettext, lazy_gettext
from markupsafe import Markup

from app.extensions import db
from app.models import Booking
from app.models.booking import RESERVATION_TYPES
from app.models.user import full_name
from app.services.cancel_reasons import reason_text
from app.services.meeting_links import place_text
from app.views.admin import cells

KINDS = {
    "appointment": lazy_gettext("Appointment"),
    "seat": lazy_gettext("Seat"),
    "reservation": lazy_gettext("Reservation"),
}
DETAILS = {
    "appointment": lazy_gettext("Appointment of %(who)s, %(time)s"),
    "seat": lazy_gettext("Seat of %(who)s, %(time)s"),
    "reservation": lazy_gettext("Reservation of %(who)s, %(time)s"),
}
RESERVATION_NAMES = {
    "": lazy_gettext("None"),
    "Live": lazy_gettext("Live"),
    "PreRecorded": lazy_gettext("Pre-recorded"),
}
assert {*RESERVATION_NAMES} - {""} == {*RESERVATION_TYPES}


class BookingCells:
    """The cells of a table of bookings, and what stands on the page of one.

    For a `ServiceModelView`, whose reader they ask for.
    """

    appbuilder: Any
    zone: Any

    def detail_of(self, item: Booking) -> str:
        text = str(DETAILS[item.kind])
        return text % {"who": _who(item), "time": plain_time(item)}

    def cell_kind(self, item: Booking) -> str:
        return str(KINDS[item.kind])

    def cell_time(self, item: Booking) -> Markup:
        return cells.span(item.starts_at, item.ends_at, zone_of(item))

    def cell_who(self, item: Booking) -> Any:
        if item.kind == "appointment":
            return gettext(
                "%(client)s with %(expert)s", client=item.attendee_name, expert=item.expert.name
            )
        if not self.appbuilder.sm.has_access("can_show", "UserView"):
            return _who(item)
        return cells.link(_who(item), url_for("UserView.show", pk=item.user_id))

    def cell_contact(self, item: Booking) -> str:
        if item.kind == "appointment":
            return ", ".join(filter(None, [item.attendee_email, item.attendee_phone]))
        return item.user.email

    def cell_where(self, item: Booking) -> str:
        room = item.event_session.room if item.event_session else item.room
        return room.name if room else place_text(item.location)

    def cell_meeting_url(self, item: Booking) -> Any:
        return cells.link(item.meeting_url, item.meeting_url) if item.meeting_url else ""

    def cell_expert(self, item: Booking) -> Any:
        if item.expert is None:
            return ""
        return cells.link(item.expert.name, url_for("ExpertView.show", pk=item.expert_id))

    def cell_event_type(self, item: Booking) -> Any:
        if item.event_type is None:
            return ""
        return cells.link(
            item.event_type.title, url_for("EventTypeView.show", pk=item.event_type_id)
        )

    def cell_session(self, item: Booking) -> Any:
        if item.event_session is None:
            return ""
        title = f"{item.event_session.title} ({item.event_session.event.title})"
        return cells.link(title, url_for("EventSessionView.show", pk=item.event_session_id))

    def cell_reservation_type(self, item: Booking) -> str:
        return str(RESERVATION_NAMES[item.reservation_type]) if item.reservation_type else ""

    def cell_status(self, item: Booking) -> Markup:
        return cells.status(item.status)

    def cell_created_at(self, item: Booking) -> Any:
        return cells.moment(item.created_at, self.zone())

    def cell_cancelled(self, item: Booking) -> Any:
        if item.cancelled_at is None:
            return ""
        when = cells.plain_moment(item.cancelled_at, self.zone())
        return f"{when}: {reason_text(item.cancel_reason)}" if item.cancel_reason else when


def zone_of(item: Booking) -> str:
    """Where it takes place: the event's, the expert's or the room's zone."""
    if item.event_session:
        return item.event_session.event.time_zone
    if item.expert:
        return item.expert.time_zone
    return (item.room and item.room.time_zone) or current_app.config["DEFAULT_TIME_ZONE"]


def _who(item: Booking) -> str:
    if item.kind == "appointment":
        return item.attendee_name or ""
    return full_name(item.user.first_name, item.user.last_name)


def name_of_booking(booking_id: int) -> str | None:
    """What it is and when, of a booking that is there."""
    item = db.session.get(Booking, booking_id)
    return item and f"{item.title}, {plain_time(item)}"


def plain_time(item: Booking) -> str:
    return cells.plain_span(item.starts_at, item.ends_at, zone_of(item))
