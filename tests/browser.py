"""Pytest plugin: Playwright drives the machine's Chromium, since it may not download its own."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests import servers

# What would talk to the browser's maker in the middle of a test.
QUIET = (
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Containers have a small /dev/shm.
    "--disable-dev-shm-usage",
)


def chromium_arguments() -> list[str]:
    """What Chromium is started with; its sandbox refuses to work for root."""
    return [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else [*QUIET]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": str(servers.chromium_program()),
        "args": [*browser_type_launch_args.get("args", []), *chromium_arguments()],
    }
