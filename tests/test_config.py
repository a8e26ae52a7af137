"""Settings: defaults, what is parsed, and what is refused with which sentence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import config
from config import ConfigurationError

SECRET = "x" * 32
SAFE = {
    "APP_ENV": "production",
    "SECRET_KEY": SECRET,
    "PUBLIC_URL": "https://book.example.org",
    "DATABASE_URL": "postgresql://rendezvous@localhost/rendezvous",
}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """`load(PORT="80")`: the settings of an otherwise empty environment."""

    def load_with(**environment: str) -> dict[str, Any]:
        return config.load({"INSTANCE_PATH": str(tmp_path), **environment})

    return load_with


def test_nothing_needs_to_be_set(load: Any, tmp_path: Path) -> None:
    settings = load()
    expected = {
        "APP_ENV": "development",
        "HOST": "127.0.0.1",
        "PORT": 8080,
        "WEB_CONCURRENCY": 1,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "PRODUCT_NAME": "Rendezvous",
        "DEFAULT_TIME_ZONE": "UTC",
        "TRUSTED_PROXIES": 0,
        "SAMPLE": True,
        "METRICS_TOKEN": "",
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'rendezvous.db'}",
        "REDIS_URL": "",
        "RATELIMIT_ENABLED": True,
        "RATELIMIT_STORAGE_URI": "memory://",
        "MAIL_SERVER": "",
        "MAIL_PORT": 25,
        "MAIL_USERNAME": None,
        "MAIL_PASSWORD": None,
        "MAIL_USE_TLS": False,
        "MAIL_DEFAULT_SENDER": "bookings@127.0.0.1",
        "GOOGLE_SERVICE_ACCOUNT_FILE": "",
        "ZOOM_ACCOUNT_ID": "",
        "ZOOM_CLIENT_ID": "",
        "ZOOM_CLIENT_SECRET": "",
        "SESSION_COOKIE_SECURE": False,
        "JWT_COOKIE_SECURE": False,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "JWT_COOKIE_SAMESITE": "Lax",
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(days=14),
    }
    assert {name: settings[name] for name in expected} == expected


def test_every_setting_is_read(load: Any) -> None:
    texts = {
        "HOST": "0.0.0.0",  # noqa: S104
        "PRODUCT_NAME": "Stelldichein",
        "DEFAULT_TIME_ZONE": "Europe/Berlin",
        "ADMIN_EMAIL": "root@example.org",
        "METRICS_TOKEN": "token",
        "REDIS_URL": "redis://localhost:6379/0",
        "MAIL_SERVER": "smtp.example.org",
        "MAIL_USERNAME": "user",
        "MAIL_PASSWORD": "password",
        "MAIL_DEFAULT_SENDER": "us@example.org",
        "GOOGLE_SERVICE_ACCOUNT_FILE": "key.json",
        "ZOOM_ACCOUNT_ID": "account",
        "ZOOM_CLIENT_ID": "client",
        "ZOOM_CLIENT_SECRET": "secret",
        "GOOGLE_DELEGATED_USER": "bookings@example.org",
        "GOOGLE_CALENDAR_ID": "team@example.org",
        "GOOGLE_API_URL": "https://google.example.org",
        "ZOOM_USER_ID": "host@example.org",
        "ZOOM_API_URL": "http://127.0.0.1:1/v2",
        "ZOOM_OAUTH_URL": "https://zoom.example.org",
        "JITSI_URL": "https://jitsi.example.org",
        "SECRET_KEY": SECRET,
    }
    numbers = {"PORT": 80, "WEB_CONCURRENCY": 3, "TRUSTED_PROXIES": 2, "MAIL_PORT": 587}
    numbers["MEETING_TIMEOUT_SECONDS"] = 7
    flags = {"SAMPLE": False, "RATELIMIT_ENABLED": False, "MAIL_USE_TLS": True}
    environment = texts | {name: str(value) for name, value in numbers.items()}
    environment |= {name: str(int(value)) for name, value in flags.items()}
    settings = load(**environment)
    expected = {**texts, **numbers, **flags}
    assert {name: settings[name] for name in expected} == expected
    assert settings["RATELIMIT_STORAGE_URI"] == texts["REDIS_URL"]
    assert settings["JWT_SECRET_KEY"] == SECRET


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u@h/n", "postgresql+psycopg2://u@h/n"),
        ("postgres://u@h/n", "postgresql+psycopg2://u@h/n"),
        ("postgresql+psycopg2://u@h/n", "postgresql+psycopg2://u@h/n"),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_databases_go_by_several_names(load: Any, given: str, used: str) -> None:
    assert load(DATABASE_URL=given)["SQLALCHEMY_DATABASE_URI"] == used


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("1", True), ("true", True), ("YES", True), ("on", True), (" 0 ", False), ("no", False)],
)
def test_switches(load: Any, word: str, meaning: bool) -> None:
    assert load(SAMPLE=word)["SAMPLE"] is meaning


def test_what_is_empty_is_not_set(load: Any) -> None:
    assert load(PORT="", PUBLIC_URL=" ")["PUBLIC_URL"] == "http://127.0.0.1:8080"


def test_https_makes_cookies_secure(load: Any) -> None:
    settings = load(PUBLIC_URL="https://book.example.org/")
    assert settings["PUBLIC_URL"] == "https://book.example.org"
    assert (settings["SESSION_COOKIE_SECURE"], settings["JWT_COOKIE_SECURE"]) == (True, True)
    assert settings["MAIL_DEFAULT_SENDER"] == "bookings@book.example.org"
    assert settings["FAB_SAFE_REDIRECT_HOSTS"] == ["book.example.org"]


def test_a_secret_is_made_once_and_kept_to_oneself(load: Any, tmp_path: Path) -> None:
    first, second = load()["SECRET_KEY"], load()["SECRET_KEY"]
    assert first == second
    assert len(first) >= 32
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


REFUSED = [
    ({"PORT": "http"}, "PORT=http is not a whole number from 1 up."),
    ({"PORT": "0"}, "PORT=0 is not a whole number from 1 up."),
    ({"PORT": "-1"}, "PORT=-1 is not a whole number from 1 up."),
    ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY=0 is not a whole number from 1 up."),
    ({"TRUSTED_PROXIES": "all"}, "TRUSTED_PROXIES=all is not a whole number from 0 up."),
    ({"MAIL_PORT": "25.5"}, "MAIL_PORT=25.5 is not a whole number from 1 up."),
    ({"PORT": "65536"}, "PORT=65536 is more than 65535."),
    ({"RETENTION_DAYS": "999999999"}, "RETENTION_DAYS=999999999 is more than 36500."),
    ({"REDIS_URL": "localhost:6379"}, "REDIS_URL is not an address like redis://"),
    ({"REDIS_URL": "redis://:secret@localhost:six"}, "REDIS_URL is not an address like redis://"),
    ({"DATABASE_URL": "postgresql://u:secret@host:x/y"}, "DATABASE_URL is not an address like"),
    ({"PUBLIC_URL": "https://[::1"}, "is not an address like https://book.example.org"),
    ({"SAMPLE": "maybe"}, "SAMPLE=maybe is neither 1 nor 0."),
    ({"MAIL_USE_TLS": "2"}, "MAIL_USE_TLS=2 is neither 1 nor 0."),
    ({"DEFAULT_TIME_ZONE": "Mars"}, "DEFAULT_TIME_ZONE=Mars is not a time zone"),
    ({"DEFAULT_TIME_ZONE": "../etc"}, "is not a time zone; use one like Europe/Berlin."),
    ({"PUBLIC_URL": "book.example.org"}, "is not an address like https://book.example.org"),
    ({"PUBLIC_URL": "ftp://example.org"}, "is not an address like https://book.example.org"),
    ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL starts with mysql: use postgresql://"),
    ({"DATABASE_URL": "postgresql+psycopg://x/y"}, "use postgresql://user@host/name or sqlite"),
    ({"DATABASE_URL": "x.db"}, "use postgresql://user@host/name or sqlite:///file."),
    ({"SECRET_KEY": "short"}, "SECRET_KEY is too short: at least 32 characters."),
    ({"ZOOM_API_URL": "http://zoom.example.org"}, "is not an address that begins with https://."),
    ({"JITSI_URL": "jitsi.example.org"}, "JITSI_URL=jitsi.example.org is not an address"),
    ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY=2 needs REDIS_URL"),
]


@pytest.mark.parametrize(("environment", "sentence"), REFUSED)
def test_what_cannot_be_used_is_refused_by_name(
    load: Any, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(**environment)
    assert sentence in str(refusal.value)
    assert "secret" not in str(refusal.value)


# -- production ----------------------------------------------------------------------


def test_a_safe_production(load: Any) -> None:
    settings = load(**SAFE, WEB_CONCURRENCY="4", REDIS_URL="redis://localhost/0")
    assert (settings["APP_ENV"], settings["WEB_CONCURRENCY"]) == ("production", 4)


def test_production_on_one_process_of_sqlite(load: Any) -> None:
    assert load(**SAFE | {"DATABASE_URL": ""})["APP_ENV"] == "production"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set. Make one with: "),
        ({"SECRET_KEY": "default"}, "SECRET_KEY is too short: at least 32 characters."),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL is not set. It is the address people use"),
        (
            {"DATABASE_URL": "", "WEB_CONCURRENCY": "2", "REDIS_URL": "redis://localhost/0"},
            "SQLite serves one process. Set DATABASE_URL to PostgreSQL",
        ),
        ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY=2 needs REDIS_URL"),
    ],
)
def test_an_unsafe_production_is_refused(load: Any, change: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(**SAFE | change)
    assert sentence in str(refusal.value)


def test_another_environment_is_no_production(load: Any) -> None:
    assert load(APP_ENV="staging")["APP_ENV"] == "development"


def test_every_setting_is_in_the_example() -> None:
    """`.env.example` names what `config.py` reads, and nothing else."""
    import re

    source = (config.ROOT / "config.py").read_text()
    read = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', source)) | {"SECRET_KEY"}
    example = (config.ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert named | {"ADMIN_EMAIL"} == read | {"ADMIN_EMAIL"}


def test_sites_that_may_frame_pages_are_origins_and_nothing_else(load: Any) -> None:
    assert load()["EMBED_ORIGINS"] == []
    assert load(EMBED_ORIGINS="https://WWW.example.org, http://localhost:9000/,")[
        "EMBED_ORIGINS"
    ] == [
        "https://www.example.org",
        "http://localhost:9000",
    ]
    for wrong in (
        "www.example.org",
        "https://*.example.org",
        "*",
        "javascript:alert(1)",
        "https://example.org/page",
        "https://example.org?x=1",
        "https://user@example.org",
        "https://example.org:99999",
        "https://example.org'; script-src *",
        "https://example.org\nX-Header: 1",
    ):
        with pytest.raises(ConfigurationError, match="EMBED_ORIGINS"):
            load(EMBED_ORIGINS=wrong)
