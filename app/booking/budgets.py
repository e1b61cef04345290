"""How many more bookings of an address this process may make before they are counted again.

Counting somebody's bookings for each of their bookings costs more the more there are. So a count is good for
a second, and for an eighth of what was left: up to eight nodes together cannot give away more than that."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

GOOD_FOR_SECONDS = 1.0
SHARE = 8
MOST_REMEMBERED = 1000


class Budgets:
    """Thread-safe; one per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def spend(self, origin: str) -> bool:
        """Whether one more needs no counting."""
        with self._lock:
            until, left = self._left.get(origin, (0.0, 0))
            if left < 1 or time.monotonic() > until:
                return False
            self._left[origin] = until, left - 1
            return True

    def counted(self, origin: str, remaining: int) -> None:
        """So many were left just now."""
        with self._lock:
            self._left.pop(origin, None)
            self._left[origin] = time.monotonic() + GOOD_FOR_SECONDS, max(remaining, 0) // SHARE
            while len(self._left) > MOST_REMEMBERED:
                self._left.popitem(last=False)
