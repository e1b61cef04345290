"""A semaphore that serves whoever came first.

threading's lets a newcomer overtake whoever it has just woken, who then waits again behind all others: in a
crowd a few wait for seconds while most wait for none."""

from __future__ import annotations

import threading
from collections import deque


class FairSemaphore:
    def __init__(self, width: int) -> None:
        self._lock = threading.Lock()
        self._free = width
        self._bells: deque[threading.Lock] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._bells)

    def acquire(self, timeout: float) -> bool:
        """Whether the turn came within so many seconds."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            bell = threading.Lock()
            bell.acquire()
            self._bells.append(bell)
        return bell.acquire(timeout=timeout) or not self._leave(bell)

    def release(self) -> None:
        """Hand the turn to whoever waits longest."""
        with self._lock:
            if self._bells:
                self._bells.popleft().release()
            else:
                self._free += 1

    def _leave(self, bell: threading.Lock) -> bool:
        """False for whoever was given the turn at the last moment."""
        with self._lock:
            if bell not in self._bells:
                return False
            self._bells.remove(bell)
            return True
