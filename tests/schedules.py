"""Schedule files to import: the published ones beside the project, and small ones made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "data"


def published(name: str) -> bytes:
    """A file of `../shared/data`; skips the test where that folder is not."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"no published schedules: {PUBLISHED} is not there")
    return (PUBLISHED / name).read_bytes()


def talk(
    guid: str = "", start: str = "10:00", duration: str = "01:00", **values: Any
) -> dict[str, Any]:
    """A session of a file; `day` is the conference day that it is listed under."""
    title = f"Talk {guid}" if guid else "A talk"
    return {"guid": guid, "start": start, "duration": duration, "day": "2031-05-01"} | (
        {"room": "Hall", "title": title, "speakers": []} | values
    )


def pentabarf(*talks: dict[str, Any], **conference: str) -> bytes:
    """The flavour of FOSDEM: local times, and guids only where a talk has one."""
    says = {"title": "A conference", "start": "2031-05-01", "end": "2031-05-02", **conference}
    lines = ["<schedule>", "<conference>", *_elements(says), "</conference>"]
    for day in dict.fromkeys(each["day"] for each in talks):
        lines.append(f"<day date={quoteattr(day)}>")
        for each in talks:
            if each["day"] == day:
                lines += ["<room>", *_event(each), "</room>"]
        lines.append("</day>")
    return "\n".join([*lines, "</schedule>"]).encode()


def pretalx(*talks: dict[str, Any], **conference: Any) -> bytes:
    """JSON as pretalx writes it."""
    says = {"title": "A conference", "start": "2031-05-01", "end": "2031-05-02", **conference}
    days: dict[str, dict[str, list[Any]]] = {}
    for each in talks:
        event = {name: value for name, value in each.items() if name not in {"day", "speakers"}}
        event["persons"] = [{"public_name": name} for name in each["speakers"]]
        days.setdefault(each["day"], {}).setdefault(each["room"], []).append(event)
    says["days"] = [{"date": day, "rooms": rooms} for day, rooms in days.items()]
    return json.dumps({"schedule": {"version": "1", "conference": says}}).encode()


def _event(talk: dict[str, Any]) -> list[str]:
    marks = "".join(f" {name}={quoteattr(talk[name])}" for name in ("guid", "id") if talk.get(name))
    people = "".join(f"<person>{escape(name)}</person>" for name in talk["speakers"])
    texts = {k: v for k, v in talk.items() if k not in {"guid", "id", "day", "speakers"}}
    return [f"<event{marks}>", *_elements(texts), f"<persons>{people}</persons>", "</event>"]


def _elements(texts: dict[str, str]) -> list[str]:
    return [f"<{name}>{escape(text)}</{name}>" for name, text in texts.items()]
