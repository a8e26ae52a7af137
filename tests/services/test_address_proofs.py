"""Proving an address by its link: with mailbox and account together, and with nothing less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.extensions import db
from app.models import OutboxMessage
from app.services import (
    accounts,
    address_proofs,
    bookings,
    credentials,
    guarantees,
    mail_messages,
    sign_ins,
)
from app.services.appointments import book_appointment
from app.services.errors import Gone, NotAllowed, NotFound, Unauthenticated
from app.services.policy import Actor
from tests import factories, rows
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("context")

PASSWORD = "an altogether different one"
TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)


def signed_in(user: Any) -> Actor:
    actor = sign_ins.find_actor(sign_ins.start_sign_in(user.id).id)
    assert actor is not None
    return actor


def registered(email: str = "gwen@example.org") -> Actor:
    return signed_in(accounts.create_account("Gwen Guest", email, PASSWORD))


def mailed_token() -> str:
    """The token in the last mail, which nobody but its reader has."""
    row = db.session.scalars(
        db.select(OutboxMessage)
        .where(OutboxMessage.template == "address_proof")
        .order_by(OutboxMessage.id.desc())
        .limit(1)
    ).one()
    message = mail_messages.compose(row.template, row.recipient, row.context, message_id="<1@x>")
    assert message.attachments == []
    url = next(word for word in message.body.split() if "/profile/address/" in word)
    return url.rpartition("/")[2]


def test_bookings_made_as_a_guest_join_once_the_address_is_proven() -> None:
    host, _ = factories.make_expert()
    uid = book_appointment(
        None, factories.make_event_type(host).id, TEN, factories.client_named()
    ).booking["uid"]
    gwen = registered()
    assert bookings.list_bookings(gwen, page=1, page_size=9).total == 0
    assert address_proofs.request_proof(gwen) == 24 * 3600
    token = mailed_token()
    for _ in range(2):
        address_proofs.prove(gwen, token)
    again = sign_ins.find_actor(gwen.sign_in_id or "")
    assert again is not None  # nobody is signed out, and the password stays
    assert again.email_is_verified
    assert credentials.sign_in("gwen@example.org", PASSWORD).user_id == gwen.user_id
    assert [each["uid"] for each in bookings.list_bookings(again, page=1, page_size=9).items] == [
        uid
    ]
    assert len(rows.busy(gwen.calendar_id)) == 1
    assert guarantees.find_breaches() == []
    before = len(rows.mails())
    address_proofs.request_proof(again)
    assert len(rows.mails()) == before  # nothing is left to prove


def test_the_link_alone_or_the_account_alone_proves_nothing(at: Callable[[Any], None]) -> None:
    gwen, other = registered(), registered("eve@example.org")
    address_proofs.request_proof(gwen)
    token = mailed_token()
    for actor, error in ((None, Unauthenticated), (other, NotAllowed)):
        with pytest.raises(error):
            address_proofs.prove(actor, token)
    user, issued, signature = token.split(".")
    for forged in (
        "",
        "x",
        user,
        f"{user}.{issued}",
        f"{user}.{issued}.x",
        f"{user}.{int(issued) + 9}.{signature}",
        f"{user}.{'9' * 30}.{signature}",
        f"{user}.²⁰.{signature}",
        f"{user}.-1.{signature}",
    ):
        with pytest.raises(NotFound):
            address_proofs.prove(gwen, forged)
    accounts.update_user(factories.make_admin(), gwen.user_id, email="new@example.org")
    moved = sign_ins.find_actor(gwen.sign_in_id or "")
    with pytest.raises(NotFound):  # it was mailed to another address
        address_proofs.prove(moved, token)
    accounts.update_user(factories.make_admin(), gwen.user_id, email="gwen@example.org")
    at(NOW + timedelta(hours=24))
    with pytest.raises(Gone):
        address_proofs.prove(gwen, token)
    assert (
        db.session.scalar(
            db.text("SELECT email_verified_at FROM ab_user WHERE id = :id"), {"id": gwen.user_id}
        )
        is None
    )
