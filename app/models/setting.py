"""`Setting` and `MailText`: what admins change without an operator."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import JSONDocument


class Setting(Model):
    """An admin's value in place of the default.

    `value` is null where the default holds again. Rows stay, so the sum of their
    versions rises with every change: servers notice by it.
    """

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[Any] = mapped_column(JSONDocument, nullable=True)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")


class MailText(Model):
    """An admin's words in one mail and language: by part ("subject", "intro" …), in place of ours."""

    __tablename__ = "mail_text"

    template: Mapped[str] = mapped_column(String(64), primary_key=True)
    language: Mapped[str] = mapped_column(
        String(8), primary_key=True, default="en", server_default="en"
    )
    parts: Mapped[dict[str, str]] = mapped_column(JSONDocument)
