"""Everybody's mails, as a real SMTP server took them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller

from tests import servers

PATIENCE = 15.0


class Inbox:
    """What arrived, in order."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = cast("EmailMessage", message_from_bytes(envelope.content, policy=default))
        self.mails += [(address, message) for address in envelope.rcpt_tos]
        return "250 OK"

    def mail(self, address: str, number: int) -> EmailMessage:
        """The n-th mail to the address, from 1; it may take the outbox a moment."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = [message for to, message in self.mails if to == address]
            if len(found) >= number:
                return found[number - 1]
            time.sleep(0.05)
        subjects = [message["Subject"] for to, message in self.mails if to == address]
        raise AssertionError(f"no mail number {number} to {address}, only {subjects}")

    def code(self, address: str, number: int = 1) -> str:
        """The one-time code in the n-th mail to the address."""
        message = self.mail(address, number)
        [code] = re.findall(r"^\d{6}", message["Subject"])
        assert code in body_of(message)
        return str(code)

    def link(self, address: str, number: int, pattern: str) -> str:
        """The first address in the text of that mail that the pattern finds."""
        text = body_of(self.mail(address, number))
        found = re.search(pattern, text)
        assert found, text
        return found[0]


def body_of(message: EmailMessage) -> str:
    """The text version of a mail."""
    part = message.get_body(("plain",))
    assert part
    return str(part.get_content())


def invitation_of(message: EmailMessage) -> str:
    """The iCalendar part of a mail."""
    [part] = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    return str(part.get_content())


@contextmanager
def receiving() -> Iterator[tuple[Inbox, dict[str, str]]]:
    """An SMTP server and the settings that send to it."""
    inbox = Inbox()
    smtp = Controller(inbox, "127.0.0.1", servers._free_port())
    smtp.start()
    try:
        yield inbox, {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(smtp.port)}
    finally:
        smtp.stop()
