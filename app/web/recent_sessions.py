"""Logins that this worker saw a moment ago, for the few routes that must work while the database is away.

It may have been ended meanwhile without anybody being able to know; so it counts for two minutes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from uuid import UUID

from app.accounts.principals import Principal
from app.clock import Clock

REMEMBERED_SECONDS = 120.0
MOST_REMEMBERED = 1000


class RecentSessions:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[UUID, tuple[float, Principal]] = OrderedDict()

    def remember(self, principal: Principal) -> None:
        """The database has just vouched for this login."""
        with self._lock:
            self._seen.pop(principal.session_id, None)
            self._seen[principal.session_id] = self._clock.elapsed(), principal
            while len(self._seen) > MOST_REMEMBERED:
                self._seen.popitem(last=False)

    def forget(self, session_id: UUID) -> None:
        with self._lock:
            self._seen.pop(session_id, None)

    def find(self, session_id: UUID) -> Principal | None:
        """The login, if the database vouched for it within the last two minutes."""
        with self._lock:
            seen_at, principal = self._seen.get(session_id, (float("-inf"), None))
            return principal if self._clock.elapsed() - seen_at <= REMEMBERED_SECONDS else None
