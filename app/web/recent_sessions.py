"""Logins that this worker saw a moment ago, for the few routes that must work while the database is away.

It may have been ended meanwhile without anybody being able to know; so it counts for two minutes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from app.accounts.principals import Principal
from app.clock import Clock

REMEMBERED_SECONDS = 120.0
MOST_REMEMBERED = 1000


class RecentSessions:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def remember(self, key: str, principal: Principal) -> None:
        """The database has just vouched for the login that this key names."""
        with self._lock:
            self._seen.pop(key, None)
            self._seen[key] = self._clock.elapsed(), principal
            while len(self._seen) > MOST_REMEMBERED:
                self._seen.popitem(last=False)

    def forget(self, key: str) -> None:
        with self._lock:
            self._seen.pop(key, None)

    def find(self, key: str) -> Principal | None:
        """The login, if the database vouched for it within the last two minutes."""
        with self._lock:
            seen_at, principal = self._seen.get(key, (float("-inf"), None))
            return principal if self._clock.elapsed() - seen_at <= REMEMBERED_SECONDS else None
