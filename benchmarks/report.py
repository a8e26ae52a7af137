"""The table, and the page of the documentation that holds it."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import fan_out
from tests import servers

if TYPE_CHECKING:
    from benchmarks.figures import Measured, Row

ROOT = Path(__file__).resolve().parents[1]
_HEAD = """\
| figure | processes | clients | p50 ms | p95 ms | per second | limit per second | ratio | CPU ms | errors | rows |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"""


def as_markdown(measured: Measured) -> str:
    """The table, then what else was found."""
    table = [_HEAD, *map(_line, measured.rows)] if measured.rows else []
    told = ["", fan_out.as_markdown(measured.fan_outs)] if measured.fan_outs else []
    return "\n".join([*table, *told, "", *measured.notes])


def as_page(measured: Measured) -> str:
    """`docs/benchmarks.md`: what stands there above the table's marker stays."""
    page = ROOT / "docs/benchmarks.md"
    kept = page.read_text().partition(_MARKER)[0] if page.exists() else "# Benchmarks\n\n"
    return f"{kept}{_MARKER}\n\n{_machine()}\n\n{as_markdown(measured)}\n"


_MARKER = "<!-- What follows is written by: make bench ARGS=--write -->"


def _line(row: Row) -> str:
    limit = f"{row.limit:,.0f}" if row.limit else ""
    ratio = f"{row.result.per_second / row.limit:.2f}" if row.limit else ""
    cells = [
        row.figure,
        str(row.processes),
        str(row.clients),
        f"{row.result.percentile(50):.1f}",
        f"{row.result.percentile(95):.1f}",
        f"{row.result.per_second:,.0f}",
        limit,
        ratio,
        f"{row.cpu_milliseconds:.2f}",
        str(row.errors),
        row.rows,
    ]
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    names = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in names if line.startswith("model name")), "?")
    postgres = subprocess.run(
        [servers.postgresql_programs() / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores of {model},"
        f" {platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()},"
        f" {postgres} with fsync and synchronous_commit on. Load, server and database share"
        f" the machine, whose load average was {os.getloadavg()[1]:.1f} at the end."
    )
