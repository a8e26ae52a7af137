"""SIGTERM: what is under way is finished, nothing new is begun."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from tests.concurrency import clients
from tests.concurrency.world import World, book, outcomes, served

pytestmark = pytest.mark.concurrency
UNDER_WAY = 24
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_requests_under_way_are_finished(world: World) -> None:
    event_type = world.make_event_types(talk={})["talk"]
    requests = [
        book(event_type, world.start(number), expect="100-continue") for number in range(UNDER_WAY)
    ]
    with served(world.settings) as products:
        begun = []
        for number, request in enumerate(requests):
            connection = clients.connected(products[number % len(products)].port)
            head, body = request.encoded()
            connection.sendall(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            # The view itself asks for the body: the request is under way, and waits.
            assert connection.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
            begun.append((connection, body))
        for product in products:
            os.kill(product.pid(), signal.SIGTERM)
        for product in products:
            product.wait_until_serving(0)
            with pytest.raises(ConnectionRefusedError):
                clients.connected(product.port)
        for connection, body in begun:
            connection.sendall(body)
        answers = [clients.read_answer(connection) for connection, _ in begun]
        for product in products:
            product.wait_until_ended()
    for connection, _ in begun:
        connection.close()
    assert outcomes(answers) == {"201": UNDER_WAY}
    assert (
        world.number(
            "SELECT count(*) FROM booking WHERE event_type_id = :id AND status = 'confirmed'",
            id=event_type,
        )
        == UNDER_WAY
    )
