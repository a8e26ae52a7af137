"""HTTP servers of our own, which answer as a test says and remember what they were asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

CERTIFICATE = Path(__file__).parent / "services" / "localhost.pem"  # of 127.0.0.1


@dataclass(frozen=True)
class Asked:
    """A request; `body` is its JSON, or its text."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What is answered. With `write`, that writes to the socket's file instead."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[Any], None] | None = None


Behaviour = Callable[[Asked], Answer]


class LocalServer:
    """A server on a port of loopback. `answer` may be replaced at any time."""

    def __init__(self, answer: Behaviour, *, tls: bool = False) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self._scheme = "https" if tls else "http"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        """`"GET /path"` of all requests, oldest first."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    @contextmanager
    def running(self) -> Iterator[LocalServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


@contextmanager
def serving(answer: Behaviour, *, tls: bool = False) -> Iterator[LocalServer]:
    """A server for the length of a `with` block."""
    with LocalServer(answer, tls=tls).running() as server:
        yield server


def _handler(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # the client went away, as tests have it
                self.close_connection = True

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()

        def _respond(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            try:
                body: Any = json.loads(raw) if raw else None
            except ValueError:
                body = raw.decode("utf-8", "replace")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, query, headers, body)
            server.asked.append(asked)
            answer = server.answer(asked)
            if answer.write is not None:
                self.close_connection = True
                answer.write(self.wfile)
                return
            content = answer.body
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _respond  # noqa: N815 (the library's names)

        def log_message(self, *_: Any) -> None:
            """Tests read `asked`."""

    return Handler
