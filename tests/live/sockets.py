"""What a socket says and hears."""

from __future__ import annotations

from typing import Any

from flask_socketio import SocketIOTestClient

Message = tuple[str, dict[str, Any]]


class Listener:
    """A socket of the application under test."""

    def __init__(self, client: SocketIOTestClient) -> None:
        self.client = client

    @property
    def is_connected(self) -> bool:
        return bool(self.client.is_connected())

    def ask(self, event: str, *message: Any) -> dict[str, Any]:
        """The ack to a message."""
        answer: dict[str, Any] = self.client.emit(event, *message, callback=True)
        return answer

    def join(self, topic: str) -> dict[str, Any]:
        return self.ask("join", {"topic": topic})

    def heard(self) -> list[Message]:
        """`(event, payload)` of what came since the last time."""
        return [(each["name"], each["args"][0]) for each in self.client.get_received()]
