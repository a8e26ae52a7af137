"""Single people on an event's list, as the back-office changes them.

Adding, finding and checking in are `admission`'s, lists from files `attendee_import`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from app.extensions import db
from app.models import Attendee
from app.services import admission, audit, fields
from app.services.errors import InvalidInput, NotFound
from app.services.policy import Actor, require_staff
from app.services.transaction import transactional


def get_attendee(actor: Actor | None, attendee_id: int) -> Attendee:
    """For staff. Raises `NotFound`, `NotAllowed`."""
    require_staff(actor)
    attendee = db.session.get(Attendee, attendee_id)
    if attendee is None:
        raise NotFound
    return attendee


@transactional
def update_attendee(actor: Actor | None, attendee_id: int, values: Mapping[str, Any]) -> Attendee:
    """Change name, address or external id; badge and check-in stay. For staff.

    Locks the event against others who add attendees. Raises `InvalidInput` (also for an
    address or id that somebody else on the list has), `NotFound`, `NotAllowed`.
    """
    attendee = get_attendee(actor, attendee_id)
    admission.lock_list(attendee.event)
    before = audit.snapshot(attendee)
    errors: fields.Errors = {}
    if "name" in values:
        attendee.name = fields.line(errors, "name", values["name"], maximum=admission.MAX_NAME)
    if "email" in values:
        attendee.email = admission.address(errors, "email", values["email"])
    if "external_id" in values:
        attendee.external_id = (
            fields.line(
                errors, "external_id", values["external_id"], maximum=admission.MAX_EXTERNAL_ID
            )
            or None
        )
    with db.session.no_autoflush:
        for name in ("email", "external_id"):
            if name not in errors and admission.is_taken(attendee, name):
                errors[name] = [str(admission.TAKEN)]
        fields.refuse(errors)
    db.session.flush()
    audit.record_update(actor, "attendee", attendee.id, before, audit.snapshot(attendee))
    return attendee


@transactional
def remove_attendee(actor: Actor | None, attendee_id: int) -> None:
    """Take somebody off an event's list; seats that they booked stay. For staff.

    Raises `InvalidInput` for somebody who is checked in, `NotFound`, `NotAllowed`.
    """
    attendee = get_attendee(actor, attendee_id)
    db.session.refresh(attendee, with_for_update={"of": Attendee})
    if attendee.checked_in_at is not None:
        raise InvalidInput(
            {}, gettext("%(name)s is checked in. Take that back first.", name=str(attendee))
        )
    audit.record(actor, "delete", "attendee", attendee.id, before=audit.snapshot(attendee))
    db.session.delete(attendee)
