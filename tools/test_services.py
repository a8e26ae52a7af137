"""See to it that PostgreSQL, Redis, Chromium and libical are there before the tests start.

What is missing is installed with apt where that needs nobody's password. Otherwise this
stops with the commands to type: tests are never skipped for want of a server.
"""

from __future__ import annotations

import os
import sys

from tests import libical, servers
from tools import apt

# Debian's package, the program it brings, the setting that makes it unnecessary.
NEEDED = (
    ("postgresql", servers.postgresql_programs, "TEST_DATABASE_URL"),
    ("redis-server", servers.redis_program, "TEST_REDIS_URL"),
    ("chromium", servers.chromium_program, None),
    ("libical3", libical.library_name, None),
)


def missing() -> list[str]:
    """The Debian packages that are not here and are needed."""
    packages = []
    for package, find, setting in NEEDED:
        if setting and os.environ.get(setting):
            continue
        try:
            find()
        except servers.MissingProgramError:
            packages.append(package)
    return packages


def main() -> None:
    packages = missing()
    if packages and apt.install(packages):
        packages = missing()
    if packages:
        sys.exit(
            f"The tests need {', '.join(packages)}, which could not be installed from here. On Debian:\n"
            f"{apt.commands(packages)}\n"
            "Elsewhere install the like; or name servers that run already with TEST_DATABASE_URL"
            " and TEST_REDIS_URL, and a browser with TEST_CHROMIUM."
        )


if __name__ == "__main__":
    main()
