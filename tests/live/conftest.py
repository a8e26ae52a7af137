"""Sockets of the application under test, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIOTestClient

from app.extensions import socketio
from tests.live.sockets import Listener


@pytest.fixture
def listen(app: Flask) -> Iterator[Callable[..., Listener]]:
    """`listen("expert:ann", as_user=user)`: a connected socket in these topics."""
    opened: list[SocketIOTestClient] = []

    def open_socket(*topics: str, token: str | None = None, **options: Any) -> Listener:
        auth = {"token": token} if token is not None else None
        client = SocketIOTestClient(app, socketio, auth=auth, **options)
        opened.append(client)
        listener = Listener(client)
        for topic in topics:
            assert listener.join(topic)["ok"], topic
        return listener

    yield open_socket
    for client in opened:
        if client.is_connected():
            client.disconnect()
