"""One at a time for each doctor or slot, inside this process, before anybody queues in the database.

Those who wait here hold no connection, and whoever comes to the front looks before they ask for the row."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import Unavailable

STRIPES = 256
LONGEST_WAIT_SECONDS = 5.0
#: So often whoever waits may look whether it is in vain.
LOOK_EVERY_SECONDS = 0.25


class LocalQueue:
    """Two ids may share a stripe; they only wait for each other a little."""

    def __init__(self, seconds: float = LONGEST_WAIT_SECONDS) -> None:
        self._seconds = seconds
        self._lines = tuple(_Line() for _ in range(STRIPES))

    @contextmanager
    def turn(self, wanted_id: int, look: Callable[[], object] = lambda: None) -> Iterator[None]:
        """In the order of coming. Whoever has to wait calls `look` at once and now and again; it may raise.

        Raises Unavailable for whoever would have to wait too long. Nobody takes two turns at once."""
        line = self._lines[wanted_id % STRIPES]
        bell = line.join()
        try:
            self._await(bell, look)
            yield
        finally:
            line.leave(bell)

    def _await(self, bell: threading.Lock, look: Callable[[], object]) -> None:
        until, pause = time.monotonic() + self._seconds, 0.0
        while not bell.acquire(timeout=pause):
            look()
            pause = min(until - time.monotonic(), LOOK_EVERY_SECONDS)
            if pause <= 0:
                raise Unavailable("Too many people want the same. Please try again.")


class _Line:
    """The bells of those who wait, each released when its owner has come to the front."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: deque[threading.Lock] = deque()

    def __len__(self) -> int:
        return len(self._bells)

    def join(self) -> threading.Lock:
        bell = threading.Lock()
        with self._lock:
            if self._bells:
                bell.acquire()
            self._bells.append(bell)
        return bell

    def leave(self, bell: threading.Lock) -> None:
        with self._lock:
            was_first = self._bells[0] is bell
            self._bells.remove(bell)
            if was_first and self._bells:
                self._bells[0].release()
