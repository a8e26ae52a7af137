"""The one module that knows eventlet.

A server process calls `patch()` before anything else is imported; from then on
sockets, locks and sleeps of the standard library yield to the event loop. Command
line and tests never patch: there every function here does its work in place.

Why eventlet, and why behind one module: docs/decisions/0002-eventlet.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_patched = False


def patch() -> None:
    """Make the standard library cooperative. Must run before other imports."""
    global _patched
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its notice of retirement, at every start
        import eventlet
    eventlet.monkey_patch()
    _patched = True


def is_patched() -> bool:
    """Whether this process runs on the event loop."""
    return _patched


def offload(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run CPU-bound `work` (a password hash) in a native thread, so the loop goes on.

    It sees the caller's context, so that what it refuses is in the language of who asks.
    """
    if not _patched:
        return work(*args, **kwargs)
    from eventlet import tpool

    result: R = tpool.execute(copy_context().run, work, *args, **kwargs)
    return result


def serve(app: Any, host: str, port: int, *, drain_seconds: float = 10.0) -> None:
    """Serve `app` until SIGTERM or SIGINT, then stop gracefully.

    The socket is shared (SO_REUSEPORT), so several processes can serve one port.
    On a signal the listener closes, requests under way get `drain_seconds`, and the
    process exits; websockets are cut then, their clients reconnect elsewhere.
    """
    import os
    import signal
    import socket

    import eventlet
    import eventlet.wsgi

    listener = eventlet.listen((host, port), reuse_port=True, backlog=1024)
    # Accepted connections inherit it. Without, the last piece of a longer answer waits for
    # the client's delayed acknowledgement of the one before: 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pool = eventlet.GreenPool(10_000)

    server = eventlet.spawn(
        eventlet.wsgi.server,
        listener,
        app,
        custom_pool=pool,
        log_output=False,
        socket_timeout=60,
        keepalive=True,
        debug=False,
    )

    def stop() -> None:
        # Whoever waits on the listener goes first: its number may next be that of a
        # database connection, on which two would then wait.
        server.kill()
        listener.close()
        with eventlet.Timeout(drain_seconds, False):
            pool.waitall()
        os._exit(0)

    def on_signal(_signal: int, _frame: object) -> None:
        eventlet.spawn(stop)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    server.wait()
    eventlet.sleep(drain_seconds + 1)  # stop() ends the process
