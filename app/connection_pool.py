"""A pool of database connections that are given out in the order in which they were asked for.

SQLAlchemy's own gives a returned connection to whoever asks next, and only wakes the one
who waits. On an event loop those who ask next are many, and always there first: under load
somebody wakes, finds nothing, and waits again at the end until the time is up, while others
are served in a fraction of it (github.com/sqlalchemy/sqlalchemy/issues/7679).
"""

# ruff: noqa: FBT001, FBT002 (the parameters are SQLAlchemy's)
from __future__ import annotations

from collections import deque
from threading import Event
from typing import Any

from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty, Queue


class _Turn:
    """Somebody who waits, and what is handed to them."""

    def __init__(self) -> None:
        self.has_come = Event()
        self.item: Any = None


class _FairQueue(Queue[Any]):
    """While anybody waits, an item that is put goes to the first of them and to nobody else."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._waiting: deque[_Turn] = deque()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        with self.mutex:
            if not self._waiting:
                super().put(item, block, timeout)
                return
            turn = self._waiting.popleft()
            turn.item = item
            turn.has_come.set()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        with self.mutex:
            if not block or not self._empty():
                return super().get(block=False)
            turn = _Turn()
            self._waiting.append(turn)
        try:
            turn.has_come.wait(timeout)
        except BaseException:  # whoever waits was ended: what was handed over meanwhile goes on
            if not self._give_up(turn):
                self.put(turn.item, block=False)
            raise
        if self._give_up(turn):
            raise Empty
        return turn.item

    def _give_up(self, turn: _Turn) -> bool:
        """Leave the queue; False when the turn came after all."""
        with self.mutex:
            if turn.has_come.is_set():
                return False
            self._waiting.remove(turn)
            return True


class FairPool(QueuePool):
    """SQLAlchemy's pool, but first come, first served."""

    _queue_class = _FairQueue
