"""`User`: FAB's user, extended; and `SignIn`, one device's signed-in state.

The columns are added to FAB's own class. A subclass would give every row two
identities in one session (docs/decisions/0003-one-user-class.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import Boolean, ForeignKey, Index, String, event, false
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from app.extensions import Model
from app.models.ledger import Calendar
from app.models.types import UTCDateTime

__all__ = ["Role", "SignIn", "User", "full_name", "give_calendars", "split_name"]

User.must_change_password = mapped_column(
    Boolean, nullable=False, default=False, server_default=false()
)
# When the address was proven to be the user's, by a mailed link or code.
User.email_verified_at = mapped_column(UTCDateTime, nullable=True)
User.time_zone = mapped_column(String(64), nullable=True)
User.language = mapped_column(String(8), nullable=True)  # null: as the browser asks
User.__table__.c.password.info["secret"] = True


class SignIn(Model):
    """One signed-in device: a token's or a browser session's licence to act.

    `id` is the JWT's `jti`, or the random id kept in the signed session cookie.
    Ending the row ends the access, whatever the token's own expiry says.
    """

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_user_id", "user_id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    audience: Mapped[str] = mapped_column(String(64))  # "account" or "agenda:<event id>"
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


def full_name(first_name: str, last_name: str) -> str:
    """The name as people write it, from FAB's two columns."""
    return f"{first_name} {last_name}".strip()


def split_name(name: str) -> tuple[str, str]:
    """`name` for FAB's two columns (64 characters each); `full_name` undoes it."""
    first, _, last = " ".join(name.split()).rpartition(" ")
    return (first, last) if first else (last, "")


@event.listens_for(User, "after_insert")
def _give_user_a_calendar(_mapper: Mapper[Any], connection: Connection, user: User) -> None:
    # However a user is made (service, FAB's command line), the calendar is there.
    give_calendars(connection, [user.id])


def give_calendars(connection: Connection, user_ids: Iterable[int]) -> None:
    """The calendars of new users, in one statement; one who is added as object has one."""
    connection.execute(
        Calendar.__table__.insert(), [{"user_id": each, "version": 0} for each in user_ids]
    )
