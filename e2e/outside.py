"""A site of somebody else: pages on origins of their own, with our frame in them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Outside:
    """Pages by path; the same ones on both origins, only the first of which is allowed."""

    allowed: str
    refused: str
    pages: dict[str, str] = field(default_factory=dict)

    def publish(self, path: str, body: str) -> str:
        """Put a page there; returns its path."""
        self.pages[path] = f"<!doctype html><html lang=en><title>Elsewhere</title>{body}"
        return path


@contextmanager
def outside() -> Iterator[Outside]:
    """Two servers on `localhost`, which is another site than `127.0.0.1`."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            content = (page or "").encode()
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    first, second = (f"http://localhost:{server.server_port}" for server in servers)
    try:
        yield Outside(first, second, pages)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
