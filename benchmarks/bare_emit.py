"""The limit of fan-out: python-socketio alone, emitting the same bytes to the same clients.

Speaks as the product does (`join`, one room), and emits what is posted at once. No
credential, no database, no coalescing.
"""

from __future__ import annotations

import eventloop

eventloop.patch()  # before anything else is imported

import json  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from typing import Any  # noqa: E402

import socketio  # noqa: E402

import config  # noqa: E402


def main() -> None:
    """Serve, until told to stop."""
    server = socketio.Server(async_mode="eventlet", cors_allowed_origins="*")

    @server.on("join")
    def join(sid: str, message: dict[str, str]) -> dict[str, Any]:
        server.enter_room(sid, message["topic"])
        return {"ok": True, "version": 0}

    def emit(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if body:
            message = json.loads(body)
            server.emit("seats", message, to=message["topic"])
        start("201 Created", [("Content-Length", "0")])
        return [b""]

    settings = config.load()
    eventloop.serve(socketio.WSGIApp(server, emit), settings["HOST"], settings["PORT"])


if __name__ == "__main__":
    main()
