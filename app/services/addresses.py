"""Email addresses: one address is one identity, however it is written."""

from __future__ import annotations

import email_validator
from email_validator import EmailNotValidError, validate_email

from app.services.fields import Errors

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets

# ".local", ".test" and the like name the machines of intranets and laboratories, where
# this runs too; that a domain is written correctly is all we ask. The library's way to
# say so is to empty its list.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def identity(address: str) -> str:
    """The form in which addresses are kept and compared."""
    return address.strip().lower()


def email(errors: Errors, name: str, value: object, *, maximum: int = MAX_LENGTH) -> str:
    """An address in its `identity` form; no mail and no DNS query is sent for it.

    Adds a message to `errors` when it is not one. Non-ASCII is possible in the domain
    only: not every mail server on the way takes it before the @.
    """
    if not isinstance(value, str) or not value.strip():
        errors[name] = ["This field is required."]
        return ""
    if len(value) > maximum:
        errors[name] = [f"At most {maximum} characters."]
        return ""
    try:
        found = validate_email(
            value.strip(), check_deliverability=False, allow_smtputf8=False
        ).normalized
    except EmailNotValidError:
        errors[name] = ["This is not an email address, such as name@example.org."]
        return ""
    return identity(found)
