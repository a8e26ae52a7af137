"""The limit of every answer: the product's own server handing out bytes it has ready.

The same application in the same server, with one view more. No credential, no database.
"""

from __future__ import annotations

import eventloop

eventloop.patch()  # before anything else is imported

from flask import Response  # noqa: E402

from app import create_app  # noqa: E402


def main() -> None:
    """Serve, until told to stop."""
    app = create_app()
    ready: dict[int, bytes] = {}

    @app.get("/api/bytes/<int:size>")
    def ready_bytes(size: int) -> Response:
        body = ready.get(size) or ready.setdefault(size, b"x" * size)
        return Response(body, mimetype="application/json")

    eventloop.serve(app, app.config["HOST"], app.config["PORT"])


if __name__ == "__main__":
    main()
