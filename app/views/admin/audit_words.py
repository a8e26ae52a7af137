"""The audit log's codes in words: what was done, on what, and which of its fields changed.

Codes are stored, words are shown. A code from before, or of a field that nobody named
here, is told as it is stored.
"""

from __future__ import annotations

from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString

from app.views.admin import mail_names

ACTIONS = {
    "accept": lazy_gettext("Accept"),
    "activate": lazy_gettext("Activate"),
    "book": lazy_gettext("Book"),
    "cancel": lazy_gettext("Cancel"),
    "change_password": lazy_gettext("Change password"),
    "check_in": lazy_gettext("Check in"),
    "close": lazy_gettext("Close"),
    "code_refused": lazy_gettext("Code refused"),
    "create": lazy_gettext("Create"),
    "deactivate": lazy_gettext("Deactivate"),
    "delete": lazy_gettext("Delete"),
    "end_access": lazy_gettext("End access"),
    "erase": lazy_gettext("Erase"),
    "import": lazy_gettext("Import"),
    "import_attendees": lazy_gettext("Import attendees"),
    "import_sessions": lazy_gettext("Import sessions"),
    "import_users": lazy_gettext("Import users"),
    "join_waitlist": lazy_gettext("Join waitlist"),
    "leave_waitlist": lazy_gettext("Leave waitlist"),
    "meeting_link": lazy_gettext("Meeting link"),
    "offer_seat": lazy_gettext("Offer seat"),
    "prove_address": lazy_gettext("Prove address"),
    "release_no_shows": lazy_gettext("Release no shows"),
    "reopen": lazy_gettext("Reopen"),
    "reschedule": lazy_gettext("Reschedule"),
    "reset_password": lazy_gettext("Reset password"),
    "restore": lazy_gettext("Restore"),
    "retry": lazy_gettext("Retry"),
    "rotate_code": lazy_gettext("Rotate code"),
    "send_test": lazy_gettext("Send test"),
    "share_calendar": lazy_gettext("Share calendar"),
    "sign_in": lazy_gettext("Sign in"),
    "sign_in_by_code": lazy_gettext("Sign in by code"),
    "sign_in_failed": lazy_gettext("Sign in failed"),
    "stop_sharing_calendar": lazy_gettext("Stop sharing calendar"),
    "undo_check_in": lazy_gettext("Undo check in"),
    "update": lazy_gettext("Update"),
    "update_availability": lazy_gettext("Update availability"),
}
KINDS = {
    "attendee": lazy_gettext("Attendee"),
    "booking": lazy_gettext("Booking"),
    "busy_calendar": lazy_gettext("Busy calendar"),
    "event": lazy_gettext("Event"),
    "event_session": lazy_gettext("Event session"),
    "event_type": lazy_gettext("Event type"),
    "expert": lazy_gettext("Expert"),
    "mail": lazy_gettext("Mail"),
    "mail_text": lazy_gettext("Mail text"),
    "room": lazy_gettext("Room"),
    "settings": lazy_gettext("Settings"),
    "user": lazy_gettext("User"),
}
FIELDS = {
    "abstract": lazy_gettext("Abstract"),
    "accent": lazy_gettext("Accent"),
    "active": lazy_gettext("Active"),
    "added": lazy_gettext("Added"),
    "admission": lazy_gettext("Admission"),
    "admission_help": lazy_gettext("Admission help"),
    "admission_welcome": lazy_gettext("Admission welcome"),
    "approval_minutes": lazy_gettext("Approval minutes"),
    "attempts": lazy_gettext("Attempts"),
    "audit_days": lazy_gettext("Audit days"),
    "badge": lazy_gettext("Badge"),
    "bio": lazy_gettext("Bio"),
    "blackout": lazy_gettext("Blackout"),
    "buffer_after_minutes": lazy_gettext("Buffer after minutes"),
    "buffer_before_minutes": lazy_gettext("Buffer before minutes"),
    "button": lazy_gettext("Button"),
    "by_user": lazy_gettext("By user"),
    "capacity": lazy_gettext("Capacity"),
    "changed": lazy_gettext("Changed"),
    "checked_in_at": lazy_gettext("Checked in at"),
    "checked_in_by": lazy_gettext("Checked in by"),
    "copied_from": lazy_gettext("Copied from"),
    "copy_of": lazy_gettext("Copy of"),
    "daily_limit": lazy_gettext("Daily limit"),
    "day": lazy_gettext("Day"),
    "description": lazy_gettext("Description"),
    "duration_minutes": lazy_gettext("Duration minutes"),
    "email": lazy_gettext("Email"),
    "ending": lazy_gettext("Ending"),
    "ends_at": lazy_gettext("Ends at"),
    "ends_on": lazy_gettext("Ends on"),
    "event_id": lazy_gettext("Event"),
    "event_session_id": lazy_gettext("Session"),
    "event_type_id": lazy_gettext("Event type"),
    "expert_id": lazy_gettext("Expert"),
    "external_id": lazy_gettext("External id"),
    "fields": lazy_gettext("Fields"),
    "guest_days": lazy_gettext("Guest days"),
    "guid": lazy_gettext("Guid"),
    "has_link": lazy_gettext("Has link"),
    "heading": lazy_gettext("Heading"),
    "headline": lazy_gettext("Headline"),
    "holiday_country": lazy_gettext("Holiday country"),
    "holiday_exceptions": lazy_gettext("Holiday exceptions"),
    "holiday_subdivision": lazy_gettext("Holiday subdivision"),
    "holidays": lazy_gettext("Holidays"),
    "horizon_days": lazy_gettext("Horizon days"),
    "intro": lazy_gettext("Intro"),
    "is_active": lazy_gettext("Is active"),
    "is_listed": lazy_gettext("Is listed"),
    "kind": lazy_gettext("Kind"),
    "language": lazy_gettext("Language"),
    "location_detail": lazy_gettext("Location detail"),
    "location_kind": lazy_gettext("Location kind"),
    "mail_days": lazy_gettext("Mail days"),
    "minimum_notice_minutes": lazy_gettext("Minimum notice minutes"),
    "name": lazy_gettext("Name"),
    "no_shows_released_at": lazy_gettext("No shows released at"),
    "note": lazy_gettext("Note"),
    "overrides": lazy_gettext("Overrides"),
    "previous": lazy_gettext("Earlier"),
    "product_name": lazy_gettext("Product name"),
    "public": lazy_gettext("Public"),
    "reason": lazy_gettext("Reason"),
    "release_no_shows_minutes": lazy_gettext("Release no shows minutes"),
    "released": lazy_gettext("Released"),
    "reminder_minutes": lazy_gettext("Reminder minutes"),
    "removed": lazy_gettext("Removed"),
    "requires_approval": lazy_gettext("Requires approval"),
    "roles": lazy_gettext("Roles"),
    "room_id": lazy_gettext("Room"),
    "scope": lazy_gettext("Scope"),
    "seats": lazy_gettext("Seats"),
    "seats_taken": lazy_gettext("Seats taken"),
    "series_id": lazy_gettext("Series id"),
    "slot_step_minutes": lazy_gettext("Slot step minutes"),
    "slug": lazy_gettext("Slug"),
    "speakers": lazy_gettext("Speakers"),
    "starts_at": lazy_gettext("Starts at"),
    "starts_on": lazy_gettext("Starts on"),
    "state": lazy_gettext("State"),
    "status": lazy_gettext("Status"),
    "subject": lazy_gettext("Subject"),
    "time_zone": lazy_gettext("Time zone"),
    "title": lazy_gettext("Title"),
    "track": lazy_gettext("Track"),
    "user_id": lazy_gettext("User"),
    "venue": lazy_gettext("Venue"),
    "weekly": lazy_gettext("Weekly"),
    "weekly_hours": lazy_gettext("Weekly hours"),
}
CODED = {"admission", "kind", "roles", "scope", "state", "status"}
VALUES = {  # of the fields that hold codes
    "Admin": lazy_gettext("Admin"),
    "Attendee": lazy_gettext("Attendee"),
    "Contributor": lazy_gettext("Contributor"),
    "Expert": lazy_gettext("Expert"),
    "all": lazy_gettext("all"),
    "appointment": lazy_gettext("appointment"),
    "blackout": lazy_gettext("blackout"),
    "cancelled": lazy_gettext("cancelled"),
    "checked_in": lazy_gettext("checked in"),
    "confirmed": lazy_gettext("confirmed"),
    "failed": lazy_gettext("failed"),
    "following": lazy_gettext("following"),
    "one": lazy_gettext("one"),
    "open": lazy_gettext("open"),
    "pending": lazy_gettext("pending"),
    "reservation": lazy_gettext("reservation"),
    "seat": lazy_gettext("seat"),
    "sending": lazy_gettext("sending"),
    "sent": lazy_gettext("sent"),
    "subscription": lazy_gettext("subscription"),
    "upload": lazy_gettext("upload"),
}


def action(code: str) -> str:
    """What was done: `Check in`."""
    return _words(ACTIONS, code)


def kind(code: str) -> str:
    """What it was done to: `Event session`."""
    return _words(KINDS, code)


def thing(kind_code: str, object_id: str, name: str) -> str:
    """One object: `Room “Hall”`; by its number where no name is known, alone for several."""
    if kind_code == "mail_text":
        name = object_id.partition(".")[0]
    if kind_code in {"mail", "mail_text"} and name:
        name = mail_names.of(name)
    if name:
        return gettext("%(kind)s “%(name)s”", kind=kind(kind_code), name=name)
    if object_id in {"0", "all"}:
        return kind(kind_code)
    return f"{kind(kind_code)} {object_id[:8]}"


def field(code: str) -> str:
    """What of it changed: `Time zone`."""
    return _words(FIELDS, code)


def value(of: str, stored: str) -> str:
    """What a field says: `confirmed`; as it is stored where it holds no code."""
    return str(VALUES.get(stored, stored)) if of in CODED else stored


def _words(table: dict[str, LazyString], code: str) -> str:
    return str(table[code]) if code in table else code.replace("_", " ").capitalize()
