"""The vocabulary of the product, as tables. Importing this maps all of them."""

from app.models.admission import Attendee, EventCode, OneTimeCode
from app.models.audit import AuditEntry, AuditPurge
from app.models.booking import Appointment, Blackout, Booking, Reservation, Seat
from app.models.busy_calendar import BusyCalendar, ExternalBusy
from app.models.calendar_feed import CalendarFeed
from app.models.event import Event, Room
from app.models.event_session import EventSession, Speaker
from app.models.event_type import EventType
from app.models.expert import DateOverride, Expert, ExpertSlug
from app.models.idempotency import IdempotencyKey
from app.models.import_job import ImportJob
from app.models.ledger import BusyPeriod, Calendar
from app.models.meeting import Meeting
from app.models.outbox import OutboxMessage
from app.models.series import Series
from app.models.setting import MailText, Setting
from app.models.user import Role, SignIn, User
from app.models.waitlist import WaitlistEntry

__all__ = [
    "Appointment",
    "Attendee",
    "AuditEntry",
    "AuditPurge",
    "Blackout",
    "Booking",
    "BusyCalendar",
    "BusyPeriod",
    "Calendar",
    "CalendarFeed",
    "DateOverride",
    "Event",
    "EventCode",
    "EventSession",
    "EventType",
    "Expert",
    "ExpertSlug",
    "ExternalBusy",
    "IdempotencyKey",
    "ImportJob",
    "MailText",
    "Meeting",
    "OneTimeCode",
    "OutboxMessage",
    "Reservation",
    "Role",
    "Room",
    "Seat",
    "Series",
    "Setting",
    "SignIn",
    "Speaker",
    "User",
    "WaitlistEntry",
]
