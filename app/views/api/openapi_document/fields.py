"""What fields of several subjects hold."""

from __future__ import annotations

from app.views.api.openapi_document.builders import Schema, obj, text, whole

FLAG: Schema = {"type": "boolean"}
ID = whole(1)
VERSION = COUNT = whole(0)
DATE = text(format="date", examples=["2026-12-01"])
CLOCK = text(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", examples=["08:00"])
ZONE = text(64, description="IANA id", examples=["Europe/Berlin"])
SLUG = text(64, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
UID = text(examples=["6f2c2f4e-54a0-4f35-a6ad-d3c4e9b2a111"])
EMAIL = text(254, format="email")
UTC = text(format="date-time", pattern="Z$", description="RFC 3339, UTC")
INSTANT = text(format="date-time", description="RFC 3339 with an offset, never naive")
PERIOD = {"starts_at": UTC, "ends_at": UTC}
NAMED = obj(id=ID, name=text())
CONFLICT = obj({"uid", "kind", "title"}, uid=UID, kind=text(), title=text(), **PERIOD)
