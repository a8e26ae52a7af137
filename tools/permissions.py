"""Writes docs/permissions.md: what each role may do, from the code's own table.

python -m tools.permissions
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from flask import Flask

from app import gates, permissions
from app.permissions import Access

FILE = Path(__file__).resolve().parents[1] / "docs" / "permissions.md"
_COLUMNS = [each.name for each in fields(Access) if each.name != "meaning"]
_HEAD = """# Who may do what

Written by `python -m tools.permissions` from `app/permissions.py`; `tests/views/test_permissions.py` asks every route as everybody, owners and strangers, and holds the answers against this table.

- **agenda** is a sign-in by a mailed code: it reaches the agenda of one event.
- **attendee**, **expert**, **contributor**, **admin** are accounts with that role. Roles add up.
- **own**: what somebody is a part of, as attendee, client, host or responsible user. Everything else does not exist for them (404), or is refused (403) where staff may know of it.
- **flagged**: open also to somebody who owes a new password. Everything else leads to the change.

The back-office asks `ROLES` in `app/security.py`, everything else asks `app/services/policy.py`.
"""


def text(app: Flask) -> str:
    """The document."""
    lines = [_HEAD]
    for title, belongs in {
        "Pages": lambda rule: not rule.startswith(("/api/", "/db/", "/backoffice/")),
        "API": lambda rule: rule.startswith(("/api/", "/db/")),
        "Back-office": lambda rule: rule.startswith("/backoffice/"),
    }.items():
        lines += [f"## {title}", "", "| route | " + " | ".join(_COLUMNS) + " | flagged | who |"]
        lines.append("|---" * (len(_COLUMNS) + 3) + "|")
        lines += sorted(_rows(app, belongs))
        lines.append("")
    return "\n".join(lines)


def _rows(app: Flask, belongs: object) -> list[str]:
    rows = []
    for rule in app.url_map.iter_rules():
        if not belongs(rule.rule):  # type: ignore[operator]
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            access = permissions.find_access(method, rule.rule)
            if access is None:
                raise SystemExit(f"{method} {rule.rule} has no line in app/permissions.py")
            scopes = " | ".join(getattr(access, column) for column in _COLUMNS)
            flagged = "yes" if gates.is_exempt(method, rule.rule) else permissions.Scope.NOTHING
            rows.append(f"| `{rule.rule}` {method} | {scopes} | {flagged} | {access.meaning} |")
    return rows


def main() -> None:
    from app import create_app

    FILE.write_text(text(create_app()))


if __name__ == "__main__":
    main()
