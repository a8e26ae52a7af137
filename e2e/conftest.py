"""Every journey runs on SQLite and on PostgreSQL, each with a server of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.inbox import Inbox, receiving
from e2e.outside import Outside, outside
from e2e.site import PASSWORD, Site, running
from tests import servers

expect.set_options(timeout=8_000)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    once = [item for item in items if _needs_one_database_only(item)]
    if once:
        config.hook.pytest_deselected(items=once)
        items[:] = [item for item in items if item not in once]
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.e2e)


def _needs_one_database_only(item: pytest.Item) -> bool:
    is_about_looks = (
        item.path.name == "test_accessibility.py"
        or re.search("_looks?_right", item.name) is not None
    )
    return is_about_looks and "postgresql" in item.name


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Outside]:
    """Another site, whose first origin may frame booking pages."""
    with outside() as served:
        yield served


@contextmanager
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, **settings: str
) -> Iterator[Site]:
    """A server with the sample in it, on the database that the fixture's parameter names."""
    instance = tmp_path_factory.mktemp(f"site-{request.param}")
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{instance / 'e2e.db'}"
        else:
            server_url = request.getfixturevalue("postgresql_url")
            url = stack.enter_context(servers.fresh_database(server_url))
        yield stack.enter_context(running(url, instance, **settings))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, elsewhere: Outside
) -> Iterator[Site]:
    """The server of most journeys, which add experts of their own."""
    with served(request, tmp_path_factory, EMBED_ORIGINS=elsewhere.allowed) as started:
        yield started


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def mailing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Inbox]]:
    """A server of a file's own, since it sends mail; and where that arrives."""
    with receiving() as (inbox, mail), served(request, tmp_path_factory, **mail) as started:
        yield started, inbox


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    return site.url


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any], base_url: str) -> dict[str, Any]:
    # The visitor is an hour behind the hosts, so that zones cannot be mixed up unseen.
    return {
        **browser_context_args,
        "base_url": base_url,
        "locale": "en-GB",
        "timezone_id": "Europe/Lisbon",
    }


# The browser's own words of a refusal, and of a test that pulled the plug.
_EXPECTED = ("Failed to load resource", "net::ERR_INTERNET_DISCONNECTED")


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page on which nothing may go wrong unnoticed."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text)
            if message.type == "error" and not any(each in message.text for each in _EXPECTED)
            else None
        ),
    )
    yield page
    assert not faults, faults


@pytest.fixture
def another_page(new_context: Callable[..., BrowserContext]) -> Callable[[], Page]:
    """Pages of other people's browsers."""
    return lambda: new_context().new_page()


@pytest.fixture
def sign_in() -> Callable[[Page, str], None]:
    """Sign a page in as somebody the site registered."""

    def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
        page.goto("/login/")
        page.get_by_label("Email or user name").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Account menu").wait_for()

    return sign_in
