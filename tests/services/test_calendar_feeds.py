"""Fetching calendars from real servers: what is reached, refused, and waited for."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from app.services import calendar_feeds
from app.services.calendar_feeds import FetchError, checked_url, host_of
from app.services.calendar_sandbox import MAX_BYTES
from tests.local_servers import CERTIFICATE, Answer, Asked, LocalServer, serving

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving(lambda _: Answer(body=CALENDAR), tls=True) as started:
        yield started


@pytest.fixture
def fetch() -> Any:
    """`fetch(url)`, trusting the test's certificate and loopback, and nothing else."""
    tls = ssl.create_default_context(cafile=str(CERTIFICATE))
    return partial(calendar_feeds.fetch, tls=tls, is_allowed=lambda address: address == "127.0.0.1")


def refused(fetch: Any, url: str) -> str:
    with pytest.raises(FetchError) as error:
        fetch(url)
    assert url not in str(error.value)
    assert "secret" not in str(error.value)
    return str(error.value)


def test_a_calendar_and_what_it_was_asked_with(server: LocalServer, fetch: Any) -> None:
    headers = {"ETag": '"v1"', "Last-Modified": "Mon, 03 Mar 2031 06:00:00 GMT"}
    server.answer = lambda _: Answer(body=CALENDAR, headers=headers)
    found = fetch(f"{server.url}/a b/secret.ics?token=x&y=z".replace(" ", "%20"))
    assert (found.data, found.etag) == (CALENDAR, '"v1"')
    [asked] = server.asked
    assert (asked.path, asked.query) == ("/a%20b/secret.ics", {"token": "x", "y": "z"})
    assert asked.headers["host"] == server.url.removeprefix("https://")
    assert asked.headers["accept-encoding"] == "identity"
    assert "if-none-match" not in asked.headers

    server.answer = lambda _: Answer(304, headers=headers)
    again = fetch(f"{server.url}/secret.ics", etag=found.etag, last_modified=found.last_modified)
    assert again.data is None
    assert server.asked[-1].headers["if-none-match"] == '"v1"'
    assert server.asked[-1].headers["if-modified-since"] == headers["Last-Modified"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "does not let us"),
        (403, "does not let us"),
        (404, "no calendar at this address"),
        (410, "no calendar at this address"),
        (500, "error"),
        (204, "error"),
    ],
)
def test_refusals_in_plain_words(server: LocalServer, fetch: Any, status: int, words: str) -> None:
    server.answer = lambda _: Answer(status)
    assert words in refused(fetch, f"{server.url}/secret.ics")


def test_a_server_that_asks_for_a_pause(server: LocalServer, fetch: Any) -> None:
    server.answer = lambda _: Answer(429, headers={"Retry-After": "3600"})
    with pytest.raises(FetchError, match="less often") as error:
        fetch(server.url)
    assert error.value.retry_after == 3600


def test_redirects_are_followed_a_few_times(server: LocalServer, fetch: Any) -> None:
    def answer(asked: Asked) -> Answer:
        number = int(asked.path.strip("/") or 0)
        if number == 0:
            return Answer(body=CALENDAR)
        return Answer(302, headers={"Location": f"/{number - 1}"})

    server.answer = answer
    assert fetch(f"{server.url}/3").data == CALENDAR
    assert "without end" in refused(fetch, f"{server.url}/4")
    server.answer = lambda _: Answer(302)
    assert refused(fetch, server.url)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://127.0.0.1/", "begin with https"),
        ("https://127.0.0.2:8443/", "public internet"),
        ("https://169.254.169.254/latest/meta-data/", "public internet"),
        ("https://[::1]/", "public internet"),
        ("https://[::ffff:127.0.0.1]/", "public internet"),
        ("https://localhost.:22/", "port"),
        ("https://user:word@127.0.0.1/", "password"),
        ("file:///etc/passwd", "address like"),
        ("https://[broken/", ""),
    ],
)
def test_no_redirect_leads_astray(
    server: LocalServer, fetch: Any, location: str, words: str
) -> None:
    server.answer = lambda _: Answer(301, headers={"Location": location})
    assert words in refused(fetch, server.url)
    assert len(server.asked) == 1


def test_only_checked_addresses_and_the_very_ones(
    server: LocalServer, fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is asked for once, and all that it says must be allowed."""
    port = int(server.url.rpartition(":")[2])
    asked: list[str] = []

    def answering(*addresses: str) -> Any:
        def resolve(host: str, *_: Any, **__: Any) -> Any:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        return resolve

    url = f"https://localhost:{port}/secret.ics"
    monkeypatch.setattr(calendar_feeds.socket, "getaddrinfo", answering("127.0.0.1"))
    # The connection goes to the number, the certificate is held against the name.
    assert fetch(url).data == CALENDAR
    assert server.asked[-1].headers["host"] == f"localhost:{port}"
    assert asked.count("localhost") == 1
    monkeypatch.setattr(calendar_feeds.socket, "getaddrinfo", answering("127.0.0.1", "10.0.0.1"))
    assert "public internet" in refused(fetch, url)
    monkeypatch.setattr(calendar_feeds.socket, "getaddrinfo", answering())
    assert "public internet" in refused(fetch, url)
    assert len(server.asked) == 1


def test_without_being_told_otherwise_loopback_is_refused(server: LocalServer) -> None:
    with pytest.raises(FetchError, match="public internet"):
        calendar_feeds.fetch(server.url)
    assert server.asked == []


def test_certificates_are_checked(server: LocalServer, fetch: Any) -> None:
    with pytest.raises(FetchError, match="certificate"):
        calendar_feeds.fetch(server.url, is_allowed=lambda _: True)
    port = server.url.rpartition(":")[2]
    other_name = partial(fetch, is_allowed=lambda _: True)
    # 127.0.0.2 is this machine too, but the certificate is not for it.
    with pytest.raises(FetchError, match=r"certificate|reached"):
        other_name(f"https://127.0.0.2:{port}/")
    assert server.asked == []


def test_nobody_there(fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert "cannot be reached" in refused(fetch, f"https://127.0.0.1:{probe.getsockname()[1]}/")

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(calendar_feeds.socket, "getaddrinfo", unknown)
    assert "no server of this name" in refused(fetch, "https://no-such-name.invalid/")


def test_a_server_that_speaks_no_tls(fetch: Any) -> None:
    with serving(lambda _: Answer(body=CALENDAR)) as plain:
        assert refused(fetch, plain.url.replace("http:", "https:"))


@pytest.mark.parametrize("is_told", [True, False])
def test_too_large(server: LocalServer, fetch: Any, is_told: bool) -> None:
    def write(file: Any) -> None:
        file.write(b"HTTP/1.1 200 OK\r\n")
        if is_told:
            file.write(b"Content-Length: %d\r\n" % (MAX_BYTES + 1))
        file.write(b"\r\n")
        for _ in range(MAX_BYTES // 65536 + 2):
            file.write(b"x" * 65536)

    server.answer = lambda _: Answer(write=write)
    assert "too large" in refused(fetch, server.url)


def test_packed_content_is_not_unpacked(server: LocalServer, fetch: Any) -> None:
    server.answer = lambda _: Answer(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert "packed" in refused(fetch, server.url)


def test_half_an_answer_is_none(server: LocalServer, fetch: Any) -> None:
    def write(file: Any) -> None:
        file.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + CALENDAR)

    server.answer = lambda _: Answer(write=write)
    assert "broke off" in refused(fetch, server.url)
    server.answer = lambda _: Answer(write=lambda file: file.write(b"220 mail.example.org\r\n"))
    assert "broke off" in refused(fetch, server.url)


def drip(first: bytes, drop: bytes) -> Any:
    def write(file: Any) -> None:
        file.write(first)
        for _ in range(200):
            file.write(drop)
            file.flush()
            time.sleep(0.05)

    return write


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),  # each drop comes in time, the last one never
        (b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
        (b"", b"H"),
    ],
)
def test_a_server_that_drips_is_left(
    server: LocalServer, fetch: Any, monkeypatch: pytest.MonkeyPatch, first: bytes, drop: bytes
) -> None:
    monkeypatch.setattr(calendar_feeds, "TOTAL_SECONDS", 0.5)
    server.answer = lambda _: Answer(write=drip(first, drop))
    assert "too slow" in refused(fetch, server.url)


def test_a_server_that_says_nothing_is_left(
    server: LocalServer, fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_feeds, "READ_SECONDS", 0.2)
    server.answer = lambda _: Answer(write=lambda _file: time.sleep(1))
    assert "too slow" in refused(fetch, server.url)


def test_a_handshake_that_never_ends_is_left(fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_feeds, "TOTAL_SECONDS", 0.4)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert "too slow" in refused(fetch, f"https://127.0.0.1:{silent.getsockname()[1]}/")


# -- addresses as people give them --------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "taken", "host"),
    [
        (" https://Cal.Example.org/x.ics ", "https://Cal.Example.org/x.ics", "cal.example.org"),
        ("webcal://cal.example.org/x", "https://cal.example.org/x", "cal.example.org"),
        ("WEBCAL://cal.example.org:8443/x", "https://cal.example.org:8443/x", "cal.example.org"),
        ("https://bücher.example/k", "https://bücher.example/k", "xn--bcher-kva.example"),
    ],
)
def test_addresses_that_are_taken(given: str, taken: str, host: str) -> None:
    assert checked_url(given) == taken
    assert host_of(taken) == host


@pytest.mark.parametrize(
    "given",
    [
        "",
        "calendar",
        "http://example.org/x.ics",
        "ftp://example.org/x.ics",
        "https://",
        "https://name:word@example.org/x.ics",
        "https://example.org:25/x.ics",
        "https://example.org:99999/x.ics",
        "https://[::1/x.ics",
        "https://exa mple.org/",
        "https://example.org/\r\nHost: other",
        "https://" + "a" * 64 + ".example/",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_addresses_that_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"[A-Z].*\.|."):
        checked_url(given)
