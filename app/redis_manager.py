"""Live messages between processes, through Redis, and nobody ever waits for it.

python-socketio's own manager publishes in the request that caused the message, gives up
after two tries, and does not notice that it missed some (docs/decisions/0004).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from threading import Lock
from typing import Any

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from socketio import PubSubManager

MAX_WAITING = 10_000  # messages; older ones go first, since newer versions stand for them
PATIENCE_SECONDS = 1.0
RETRY_SECONDS = 0.5
HEARTBEAT_SECONDS = 5.0

log = logging.getLogger(__name__)


class RedisManager(PubSubManager):
    """Delivers to this process's sockets at once and to the others' by way of a queue.

    A server's background task empties the queue, in order, and keeps trying while Redis
    is away. A command (`write_only`) empties it with `flush` before it ends. When the
    subscription was interrupted, this process's sockets are closed: their clients
    reconnect, compare versions and fetch what they missed.
    """

    name = "redis"

    def __init__(self, url: str, *, write_only: bool) -> None:
        super().__init__(channel="rendezvous", write_only=write_only)
        self._redis = Redis.from_url(
            url,
            # A storm of connections must find one each: docs/decisions/0004.
            max_connections=10_000,
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            socket_keepalive=True,
            health_check_interval=30,
            retry=Retry(NoBackoff(), 0),  # it would subscribe again without a word
        )
        self._waiting: deque[str] = deque(maxlen=MAX_WAITING)
        self._lock = Lock()
        self._is_publishing = False

    def flush(self) -> None:
        """Publish what waits, now. What Redis does not take is lost: it is only hints."""
        while self._waiting:
            if not self._try_to_publish(self._waiting.popleft()):
                self._waiting.clear()

    def is_turn(self, name: str, seconds: float) -> bool:
        """Whether this process may do `name` now, which all may do once in `seconds`."""
        try:
            return bool(
                self._redis.set(f"rendezvous:turn:{name}", 1, nx=True, px=int(seconds * 1000))
            )
        except RedisError:
            return True

    def _publish(self, data: dict[str, Any]) -> None:
        self._waiting.append(self.json.dumps(data))
        if self.write_only:
            return
        with self._lock:
            if self._is_publishing:
                return
            self._is_publishing = True
        self.server.start_background_task(self._publish_all)

    def _publish_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_publishing = False
                    return
                message = self._waiting.popleft()
            while not self._try_to_publish(message):
                self.server.sleep(RETRY_SECONDS)

    def _try_to_publish(self, message: str) -> bool:
        try:
            self._redis.publish(self.channel, message)
        except RedisError as error:
            log.warning("cannot publish to Redis: %s", error)
            return False
        return True

    def _listen(self) -> Iterator[bytes]:
        is_first = True
        while True:
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    pubsub.subscribe(self.channel)
                    if not is_first:
                        self._close_sockets()
                    is_first = False
                    yield from self._messages(pubsub)
            except RedisError as error:
                log.warning("cannot listen to Redis: %s", error)
                self.server.sleep(RETRY_SECONDS)

    @staticmethod
    def _messages(pubsub: Any) -> Iterator[bytes]:
        """Messages as they come. Raises `RedisConnectionError` when a ping is not answered."""
        is_pinged = False
        while True:
            message = pubsub.get_message(timeout=HEARTBEAT_SECONDS)
            if message is None and is_pinged:
                raise RedisConnectionError("no answer to a ping")
            is_pinged = message is None
            if is_pinged:
                pubsub.ping()
            elif message["type"] == "message":
                yield message["data"]

    def _close_sockets(self) -> None:
        for socket in list(self.server.eio.sockets.values()):
            # Without a word: told that the server is done with them, clients stay away.
            socket.close(wait=False, abort=True)
