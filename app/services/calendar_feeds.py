"""Fetching a calendar from a URL that somebody gave us.

The URL is a stranger's, so what it may reach is bounded: https, with the certificate
checked for the name; addresses of the public internet, each one checked, and the
connection goes to the very address that was (so a name that answers otherwise the second
time gains nothing); few redirects, each checked anew; so many octets, so much time.
Proxies of the environment are not used, since they would resolve the name for us.

The URL is also a secret: who has it reads the calendar. It is in no error and no log.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from flask_babel import gettext

from app.services.calendar_sandbox import MAX_BYTES, TOO_LARGE
from app.services.public_addresses import is_public
from app.services.retry_after import seconds_of

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 30.0
MAX_REDIRECTS = 3
MAX_ADDRESSES = 4
MAX_URL = 2000
_REDIRECTS = {301, 302, 303, 307, 308}
_CHUNK = 64 * 1024
USER_AGENT = "Rendezvous-Calendar/1.0"


class FetchError(Exception):
    """It could not be fetched. The text says why, to a person, and never the URL.

    `retry_after` is how many seconds the server asked to be left alone.
    """

    def __init__(self, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Fetched:
    """A calendar as it is now; `data` is None when it is as it was (304)."""

    data: bytes | None
    etag: str
    last_modified: str


class _Target(NamedTuple):
    host: str
    port: int
    path: str


def checked_url(text: str) -> str:
    """A URL that could be fetched, webcal: made https:. Raises ValueError with a sentence."""
    text = text.strip()
    if text[:9].lower() == "webcal://":  # what calendars call a link to subscribe to
        text = "https://" + text[9:]
    if len(text) > MAX_URL:
        raise ValueError(
            gettext("This address is too long: at most %(maximum)s characters.", maximum=MAX_URL)
        )
    _target(_split(text))
    return text


def host_of(url: str) -> str:
    """Whose calendar it is, which may be shown: the host's name."""
    return _target(_split(url)).host


def fetch(
    url: str,
    *,
    etag: str = "",
    last_modified: str = "",
    is_allowed: Callable[[str], bool] = is_public,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """Fetch a calendar unless it is as it was at `etag` and `last_modified`.

    Takes up to `TOTAL_SECONDS` and a little, and must not be called inside a transaction.
    `is_allowed` judges each address. Raises `FetchError`.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": "text/calendar, */*;q=0.1",
        "Accept-Encoding": "identity",  # what is unpacked could be of any size
    }
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    headers |= {name: value for name, value in conditions.items() if value}
    location = url
    for _ in range(MAX_REDIRECTS + 1):
        try:
            url = urljoin(url, location)
            target = _target(_split(url))
        except ValueError as error:  # of a redirect: the first was checked when it was given
            elsewhere = gettext("The calendar's server leads elsewhere.")
            raise FetchError(f"{elsewhere} {error}") from None
        answer = _ask(target, headers, deadline, is_allowed, tls or _tls())
        if isinstance(answer, Fetched):
            return answer
        location = answer
    raise FetchError(
        gettext("The calendar's server leads from one address to the next without end.")
    )


def _split(url: str) -> SplitResult:
    try:
        if url.isprintable() and not any(character.isspace() for character in url):
            return urlsplit(url)
    except ValueError:  # brackets of an IPv6 address that do not match
        pass
    raise _no_address()


def _no_address() -> ValueError:
    return ValueError(gettext("Use an address like https://calendar.example.org/private.ics."))


def _target(parts: SplitResult) -> _Target:
    """Raises ValueError."""
    if parts.scheme.lower() == "http":
        raise ValueError(gettext("Only addresses that begin with https:// are fetched."))
    if parts.scheme.lower() != "https" or not parts.hostname:
        raise _no_address()
    if parts.username is not None or parts.password is not None:
        raise ValueError(gettext("Addresses with a name and a password in them are not supported."))
    try:
        port = parts.port or 443
    except ValueError:  # no number, or beyond 65535
        port = 0
    if port != 443 and port < 1024:
        raise ValueError(gettext("Use port 443, or one from 1024 up."))
    try:
        host = (
            parts.hostname.encode("idna").decode() if ":" not in parts.hostname else parts.hostname
        )
    except UnicodeError:
        raise ValueError(gettext("The name of the server in this address is not valid.")) from None
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    return _Target(host.lower(), port, quote(path + query, safe="%/:=&?~#+!$,;'@()*[]"))


def _ask(
    target: _Target,
    headers: dict[str, str],
    deadline: float,
    is_allowed: Callable[[str], bool],
    tls: ssl.SSLContext,
) -> Fetched | str:
    """What the server answers: the calendar, or where else to look."""
    with closing(_connect(target, is_allowed)) as plain, _cut_at(deadline, plain):
        try:
            with closing(tls.wrap_socket(plain, server_hostname=target.host)) as sock:
                answer = _speak(sock, target, headers)
        except ssl.SSLCertVerificationError:
            raise FetchError(
                gettext("The certificate of the calendar's server is not valid.")
            ) from None
        except (OSError, HTTPException) as error:
            if time.monotonic() > deadline or isinstance(error, TimeoutError):
                raise _too_slow() from None
            raise _broken_off() from None
        except FetchError:
            if time.monotonic() > deadline:
                raise _too_slow() from None
            raise
    if time.monotonic() > deadline:  # cut, it looks like an answer that has simply ended
        raise _too_slow()
    return answer


def _speak(sock: ssl.SSLSocket, target: _Target, headers: dict[str, str]) -> Fetched | str:
    sock.settimeout(READ_SECONDS)
    connection = HTTPConnection(target.host, target.port)
    connection.sock = sock
    with closing(connection):
        connection.request("GET", target.path, headers={"Host": _host_header(target), **headers})
        with connection.getresponse() as response:
            if response.status in _REDIRECTS:
                return response.headers.get("Location", "")
            return _read(response)


def _connect(target: _Target, is_allowed: Callable[[str], bool]) -> socket.socket:
    """A connection to the first of the name's addresses that answers."""
    for address in _addresses(target, is_allowed):
        try:
            # Numeric, so nobody is asked for the name again.
            return socket.create_connection((address, target.port), timeout=CONNECT_SECONDS)
        except OSError:
            continue
    raise FetchError(gettext("The calendar's server cannot be reached."))


def _addresses(target: _Target, is_allowed: Callable[[str], bool]) -> list[str]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError(gettext("There is no server of this name.")) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    # One that is not would be an answer that changes: none of them is trusted.
    if not addresses or not all(is_allowed(address) for address in addresses):
        raise FetchError(gettext("This address does not lead to a server on the public internet."))
    return addresses[:MAX_ADDRESSES]


def _host_header(target: _Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == 443 else f"{host}:{target.port}"


@contextmanager
def _cut_at(deadline: float, connected: socket.socket) -> Iterator[None]:
    """Cut the connection at the deadline: a server that drips never times out by itself."""
    # Its own handle: TLS takes the other away.
    with closing(connected.dup()) as handle:

        def cut() -> None:
            with suppress(OSError):  # closed already
                handle.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _read(response: HTTPResponse) -> Fetched:
    etag = response.headers.get("ETag", "")[:500]
    last_modified = response.headers.get("Last-Modified", "")[:100]
    if response.status == 304:
        return Fetched(None, etag, last_modified)
    if response.status != 200:
        retry_after = seconds_of(response.headers.get("Retry-After"))
        raise FetchError(_words_of(response.status), retry_after)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchError(gettext("The calendar's server sent it packed, which was not asked for."))
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > MAX_BYTES:
        raise FetchError(str(TOO_LARGE))
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(_CHUNK):
        size += len(piece)
        if size > MAX_BYTES:
            raise FetchError(str(TOO_LARGE))
        pieces.append(piece)
    if length.isdecimal() and size < int(length):  # half a calendar is none
        raise _broken_off()
    return Fetched(b"".join(pieces), etag, last_modified)


def _words_of(status: int) -> str:
    match status:
        case 401 | 403:
            return gettext(
                "The calendar's server does not let us read it (%(status)s).", status=status
            )
        case 404 | 410:
            return gettext("There is no calendar at this address (%(status)s).", status=status)
        case 429:
            return gettext(
                "The calendar's server asks us to come less often (%(status)s).", status=status
            )
        case _:
            return gettext(
                "The calendar's server answered with an error (%(status)s).", status=status
            )


def _too_slow() -> FetchError:
    return FetchError(gettext("The calendar's server is too slow."))


def _broken_off() -> FetchError:
    return FetchError(gettext("The calendar's server broke off, or did not speak HTTP."))


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # reading the authorities takes 20 ms and more
