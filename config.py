"""Settings: defaults, then `.env`, then the environment; parsed and checked once.

`load()` gives the mapping that `create_app` takes. A value that cannot be used, or
an unsafe production, raises `ConfigurationError` with a sentence that says what to do.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from click import ClickException
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
LANGUAGES = ("en", "de", "he")  # the first is the default; app/services/languages.py describes them
SQLITE_LOCK_WAIT_SECONDS = 8.0
POSTGRESQL_LOCK_WAIT_SECONDS = 3
MAX_PORT = 65_535
MAX_DAYS = 36_500  # of keeping; beyond the calendar's first year there is nothing to reckon


class ConfigurationError(ClickException):
    """A setting is missing, malformed or unsafe; the text says which and what to do.

    A command that meets it prints the text and exits, as for any wrong use of it.
    """


def load(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the settings.

    `environment` replaces both `.env` and the process's environment, for tests.
    Raises `ConfigurationError`.
    """
    if environment is None:
        from_file = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None}
        environment = {**from_file, **os.environ}
    read = _Reader(environment)

    production = read.text("APP_ENV", "development") == "production"
    instance = Path(read.text("INSTANCE_PATH", str(ROOT / "instance")))
    port = read.number("PORT", 8080, minimum=1, maximum=MAX_PORT)
    host = read.text("HOST", "127.0.0.1")
    processes = read.number("WEB_CONCURRENCY", 1, minimum=1)
    database_url = _database_url(read.text("DATABASE_URL", ""), instance)
    redis_url = _redis_url(read.text("REDIS_URL", ""))
    public_url = _public_url(read.text("PUBLIC_URL", "")) or f"http://{host}:{port}"
    secure = public_url.startswith("https://")

    if production:
        if not environment.get("SECRET_KEY"):
            raise ConfigurationError(
                "SECRET_KEY is not set. Make one with: "
                'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
        if not environment.get("PUBLIC_URL"):
            raise ConfigurationError(
                "PUBLIC_URL is not set. It is the address people use, such as"
                " https://book.example.org; links in mails are made from it."
            )
        if database_url.startswith("sqlite") and processes > 1:
            raise ConfigurationError(
                "SQLite serves one process. Set DATABASE_URL to PostgreSQL or WEB_CONCURRENCY to 1."
            )
    if processes > 1 and not redis_url:
        raise ConfigurationError(
            f"WEB_CONCURRENCY={processes} needs REDIS_URL: several processes share"
            " live messages and limits through Redis."
        )
    secret_key = environment.get("SECRET_KEY") or _kept_secret(instance)
    if len(secret_key) < 32:
        raise ConfigurationError("SECRET_KEY is too short: at least 32 characters.")

    return {
        "APP_ENV": "production" if production else "development",
        "INSTANCE_PATH": str(instance),
        "HOST": host,
        "PORT": port,
        "WEB_CONCURRENCY": processes,
        "PUBLIC_URL": public_url,
        "SECRET_KEY": secret_key,
        "PRODUCT_NAME": read.text("PRODUCT_NAME", "Rendezvous"),
        "DEFAULT_TIME_ZONE": read.zone("DEFAULT_TIME_ZONE", "UTC"),
        "TRUSTED_PROXIES": read.number("TRUSTED_PROXIES", 0),
        "ADMIN_EMAIL": read.text("ADMIN_EMAIL", "admin@rendezvous.example"),
        "SAMPLE": read.flag("SAMPLE", default=True),
        "EMBED_ORIGINS": read.origins("EMBED_ORIGINS"),
        "RETENTION_DAYS": read.number("RETENTION_DAYS", 0, maximum=MAX_DAYS),
        "METRICS_TOKEN": read.text("METRICS_TOKEN", ""),
        # Database
        "SQLALCHEMY_DATABASE_URI": database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(database_url),
        "REDIS_URL": redis_url,
        # Limits, shared by all processes through Redis
        "RATELIMIT_ENABLED": read.flag("RATELIMIT_ENABLED", default=True),
        "RATELIMIT_STORAGE_URI": redis_url or "memory://",
        "RATELIMIT_HEADERS_ENABLED": True,
        "RATELIMIT_STRATEGY": "moving-window",
        # Cookies and tokens
        "SESSION_COOKIE_NAME": "rendezvous",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": secure,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
        # A sign-in ends when it ends. A slow answer of a moment ago would put the cookie
        # back as it was then, and what was to be told or taken back would be gone.
        "SESSION_REFRESH_EACH_REQUEST": False,
        "JWT_SECRET_KEY": secret_key,
        "JWT_ALGORITHM": "HS256",
        "JWT_TOKEN_LOCATION": ["headers", "cookies"],
        "JWT_COOKIE_SECURE": secure,
        "JWT_COOKIE_SAMESITE": "Lax",
        "JWT_COOKIE_CSRF_PROTECT": True,
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(days=14),
        "JWT_ENCODE_AUDIENCE": "account",
        "JWT_DECODE_AUDIENCE": "account",
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_CHECK_DEFAULT": False,
        "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,
        # Mail
        "MAIL_SERVER": read.text("MAIL_SERVER", ""),
        "MAIL_PORT": read.number("MAIL_PORT", 25, minimum=1, maximum=MAX_PORT),
        "MAIL_USERNAME": read.text("MAIL_USERNAME", "") or None,
        "MAIL_PASSWORD": read.text("MAIL_PASSWORD", "") or None,
        "MAIL_USE_TLS": read.flag("MAIL_USE_TLS", default=False),
        "MAIL_DEFAULT_SENDER": read.text(
            "MAIL_DEFAULT_SENDER", f"bookings@{urlsplit(public_url).hostname or 'localhost'}"
        ),
        # Meetings
        "GOOGLE_SERVICE_ACCOUNT_FILE": read.text("GOOGLE_SERVICE_ACCOUNT_FILE", ""),
        "GOOGLE_DELEGATED_USER": read.text("GOOGLE_DELEGATED_USER", ""),
        "GOOGLE_CALENDAR_ID": read.text("GOOGLE_CALENDAR_ID", "primary"),
        "GOOGLE_API_URL": read.service("GOOGLE_API_URL", "https://www.googleapis.com"),
        "ZOOM_ACCOUNT_ID": read.text("ZOOM_ACCOUNT_ID", ""),
        "ZOOM_CLIENT_ID": read.text("ZOOM_CLIENT_ID", ""),
        "ZOOM_CLIENT_SECRET": read.text("ZOOM_CLIENT_SECRET", ""),
        "ZOOM_USER_ID": read.text("ZOOM_USER_ID", "me"),
        "ZOOM_API_URL": read.service("ZOOM_API_URL", "https://api.zoom.us/v2"),
        "ZOOM_OAUTH_URL": read.service("ZOOM_OAUTH_URL", "https://zoom.us"),
        "JITSI_URL": read.service("JITSI_URL", "https://meet.jit.si"),
        "MEETING_TIMEOUT_SECONDS": read.number("MEETING_TIMEOUT_SECONDS", 15, minimum=1),
        # Flask-AppBuilder
        "APP_NAME": read.text("PRODUCT_NAME", "Rendezvous"),
        "AUTH_ROLE_ADMIN": "Admin",
        "AUTH_ROLE_PUBLIC": "Public",
        "AUTH_RATE_LIMITED": True,
        "AUTH_RATE_LIMIT": "60 per minute",
        "FAB_CREATE_DB": False,
        "FAB_UPDATE_PERMS": False,
        "FAB_ADD_OPENAPI_VIEWS": False,
        "FAB_ADD_MENU_API": False,
        "FAB_PASSWORD_COMPLEXITY_ENABLED": False,
        "FAB_SAFE_REDIRECT_HOSTS": [urlsplit(public_url).hostname or "localhost"],
        # Languages: ours are in app/services/languages.py. What no catalog has is English.
        "BABEL_DEFAULT_LOCALE": "en",
        "DEFAULT_LANGUAGE": read.choice("DEFAULT_LANGUAGE", LANGUAGES),
    }


class _Reader:
    """Values of the environment, parsed or refused by name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, "").strip() or default

    def number(self, name: str, default: int, *, minimum: int = 0, maximum: int = 1_000_000) -> int:
        value = self.text(name, str(default))
        if not re.fullmatch("[0-9]{1,18}", value) or int(value) < minimum:
            raise ConfigurationError(f"{name}={value} is not a whole number from {minimum} up.")
        if int(value) > maximum:
            raise ConfigurationError(f"{name}={value} is more than {maximum}.")
        return int(value)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "1" if default else "0").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise ConfigurationError(f"{name}={value} is neither 1 nor 0.")

    def origins(self, name: str) -> list[str]:
        """Other sites, as `https://example.org`, between commas."""
        return [
            _origin(name, each.strip()) for each in self.text(name, "").split(",") if each.strip()
        ]

    def service(self, name: str, default: str) -> str:
        """The address of a service that is trusted with secrets: https, but on this machine."""
        value = self.text(name, default).rstrip("/")
        parts = _parts(value)
        local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and local)
        ):
            raise ConfigurationError(f"{name}={value} is not an address that begins with https://.")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of the choices; the first is the default."""
        value = self.text(name, choices[0])
        if value not in choices:
            raise ConfigurationError(f"{name}={value} is none of {', '.join(choices)}.")
        return value

    def zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigurationError(
                f"{name}={value} is not a time zone; use one like Europe/Berlin."
            ) from None
        return value


def _database_url(url: str, instance: Path) -> str:
    if not url:
        instance.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{instance / 'rendezvous.db'}"
    scheme, separator, rest = url.partition("://")
    if separator and scheme.startswith("postgres") and not _parts(url).scheme:
        # Not shown: it may hold a password.
        raise ConfigurationError("DATABASE_URL is not an address like postgresql://user@host/name.")
    if separator and scheme in {"postgres", "postgresql"}:
        # SQLAlchemy 2.1 would take psycopg 3, whose waits stop the event loop.
        return f"postgresql+psycopg2://{rest}"
    if separator and scheme in {"postgresql+psycopg2", "sqlite"}:
        return url
    raise ConfigurationError(
        f"DATABASE_URL starts with {scheme}: use postgresql://user@host/name or sqlite:///file."
    )


def _redis_url(url: str) -> str:
    if url and _parts(url).scheme not in {"redis", "rediss", "unix"}:
        # Not shown: it may hold a password.
        raise ConfigurationError("REDIS_URL is not an address like redis://localhost:6379/0.")
    return url


def _parts(url: str) -> SplitResult:
    """The address in parts; all of them empty where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # brackets that do not match, a port that is no number
        return urlsplit("")
    return parts


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        # SQLite's own busy wait would block the event loop: see app/database.py.
        return {
            "hide_parameters": True,
            "connect_args": {"timeout": 0, "check_same_thread": False},
        }
    return {
        "hide_parameters": True,  # names, addresses and notes are not for the log
        "pool_size": 20,
        "max_overflow": 0,
        "pool_timeout": 10,
        "connect_args": {
            "connect_timeout": 5,
            "options": f"-c timezone=UTC -c lock_timeout={POSTGRESQL_LOCK_WAIT_SECONDS}s"
            " -c statement_timeout=15s -c idle_in_transaction_session_timeout=60s",
        },
    }


def _public_url(url: str) -> str:
    parts = _parts(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ConfigurationError(
            f"PUBLIC_URL={url} is not an address like https://book.example.org"
        )
    return url.rstrip("/")


def _origin(name: str, value: str) -> str:
    """One site, as browsers write it; it goes into a header, so nothing else may."""
    try:
        parts = urlsplit(value)
        is_origin = (
            parts.scheme in {"http", "https"}
            and _HOST.fullmatch(parts.hostname or "") is not None
            and parts.path in {"", "/"}
            and not (parts.query or parts.fragment or parts.username or parts.password)
        )
        port = parts.port
    except ValueError:
        is_origin, port = False, None
        parts = urlsplit("")
    if not is_origin:
        raise ConfigurationError(
            f"{name}: {value} is not an origin like https://www.example.org; separate several"
            " with commas."
        )
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")


def _kept_secret(instance: Path) -> str:
    """The secret of this installation, made at first use and kept beside its database."""
    file = instance / "secret_key"
    if not file.exists():
        instance.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text().strip()
