"""What tests/ and e2e/ share."""

pytest_plugins = ("tests.database_servers", "tests.browser")
