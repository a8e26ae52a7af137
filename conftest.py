"""What tests/ and e2e/ share."""

from __future__ import annotations

import pytest

pytest_plugins = ("tests.database_servers", "tests.browser")

DATABASES = ("sqlite", "postgresql")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what runs on one database together, for `--dist loadgroup`.

    So each of two processes builds one application, one site and one world, and whatever
    touches no database fills in where there is time.
    """
    for item in items:
        names = (
            item.callspec.params.values()
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else ()
        )
        for database in DATABASES:
            if database in names:
                item.add_marker(pytest.mark.xdist_group(database))
