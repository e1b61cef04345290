"""Handing hints on behind the request's back, all that have gathered meanwhile at once.

Only for what may be lost: it dies with the process, and what does not fit is dropped."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog

MOST_WAITING = 10_000
MOST_TOGETHER = 200
Hint = TypeVar("Hint")
log = structlog.get_logger()


class Later(Generic[Hint]):
    """Thread-safe. A thread lives while there is something to hand on, so that a fork needs no care.

    It rests before it hands on, for what gathers meanwhile goes along, unless as much as can go is there."""

    def __init__(
        self,
        hand_on: Callable[[Sequence[Hint]], object],
        most_waiting: int = MOST_WAITING,
        rest_seconds: float = 0.0,
    ) -> None:
        self._hand_on = hand_on
        self._rest_seconds = rest_seconds
        self._waiting: deque[Hint] = deque(maxlen=most_waiting)
        self._lock = threading.Lock()
        self._is_running = False

    def put(self, hint: Hint) -> None:
        """Returns at once. In order, unless the oldest had to make room."""
        with self._lock:
            self._waiting.append(hint)
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, daemon=True, name="later").start()

    def _run(self) -> None:
        while together := self._rested():
            try:
                self._hand_on(together)
            except Exception:
                log.exception("Hints were lost.", count=len(together))

    def _rested(self) -> list[Hint]:
        if self._rest_seconds and len(self._waiting) < MOST_TOGETHER:
            time.sleep(self._rest_seconds)
        return self._next()

    def _next(self) -> list[Hint]:
        with self._lock:
            together = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
            self._is_running = bool(together)
            return together
