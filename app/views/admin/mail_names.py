"""What mails are called: names for the templates of `app/templates/email`."""

from __future__ import annotations

from flask_babel import lazy_gettext

NAMES = {
    "address_proof": lazy_gettext("Address proof"),
    "appointment_accepted": lazy_gettext("Appointment accepted"),
    "appointment_accepted_host": lazy_gettext("Appointment accepted, to the host"),
    "appointment_cancelled": lazy_gettext("Appointment cancelled"),
    "appointment_cancelled_host": lazy_gettext("Appointment cancelled, to the host"),
    "appointment_confirmed": lazy_gettext("Appointment confirmed"),
    "appointment_confirmed_host": lazy_gettext("Appointment confirmed, to the host"),
    "appointment_declined": lazy_gettext("Appointment declined"),
    "appointment_declined_host": lazy_gettext("Appointment declined, to the host"),
    "appointment_expired": lazy_gettext("Appointment expired"),
    "appointment_expired_host": lazy_gettext("Appointment expired, to the host"),
    "appointment_link": lazy_gettext("Appointment link"),
    "appointment_link_host": lazy_gettext("Appointment link, to the host"),
    "appointment_reminder": lazy_gettext("Appointment reminder"),
    "appointment_reminder_host": lazy_gettext("Appointment reminder, to the host"),
    "appointment_requested": lazy_gettext("Appointment requested"),
    "appointment_requested_host": lazy_gettext("Appointment requested, to the host"),
    "appointment_rescheduled": lazy_gettext("Appointment rescheduled"),
    "appointment_rescheduled_host": lazy_gettext("Appointment rescheduled, to the host"),
    "appointment_restored": lazy_gettext("Appointment restored"),
    "appointment_restored_host": lazy_gettext("Appointment restored, to the host"),
    "appointment_withdrawn": lazy_gettext("Appointment withdrawn"),
    "appointment_withdrawn_host": lazy_gettext("Appointment withdrawn, to the host"),
    "appointment_without_link_host": lazy_gettext("Appointment without link, to the host"),
    "one_time_code": lazy_gettext("One time code"),
    "seat_cancelled": lazy_gettext("Seat cancelled"),
    "seat_confirmed": lazy_gettext("Seat confirmed"),
    "seat_offered": lazy_gettext("Seat offered"),
    "seat_promoted": lazy_gettext("Seat promoted"),
    "seat_rescheduled": lazy_gettext("Seat rescheduled"),
    "talk_cancelled": lazy_gettext("Talk cancelled"),
    "talk_rescheduled": lazy_gettext("Talk rescheduled"),
    "test_mail": lazy_gettext("Test mail"),
    "waiting_cancelled": lazy_gettext("Session cancelled, to who waited"),
}


def of(template: str) -> str:
    """`Seat confirmed`, of `seat_confirmed`."""
    return str(NAMES.get(template) or template.replace("_", " ").capitalize())
