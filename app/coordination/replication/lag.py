"""How late things are here: the database's time as this process knows it, and how long changes travel."""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime

from app.clock import Clock

KEPT_TIMES, KEPT_SECONDS = 2000, 120.0
#: A reading that took longer says too little; an old one is better.
SLOWEST_READING_SECONDS = 0.25
STALE_SECONDS = 120.0


class DatabaseTime:
    """The database's clock between two looks at it, carried by a clock that cannot jump.

    For display and for ages only. Until the first look this node's own clock has to do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset: float | None = None
        self._read_at = 0.0

    def learn(self, shown: datetime, asked_at: float, answered_at: float) -> None:
        """The database showed this between the two moments of Clock.elapsed() (Cristian 1989)."""
        is_slow = answered_at - asked_at > SLOWEST_READING_SECONDS
        is_known = self._offset is not None and answered_at - self._read_at < STALE_SECONDS
        if is_slow and is_known:
            return
        self._offset = shown.timestamp() - (asked_at + answered_at) / 2
        self._read_at = answered_at

    @property
    def is_known(self) -> bool:
        return self._offset is not None

    def seconds(self) -> float:
        """Since 1970."""
        if self._offset is None:
            return self._clock.now().timestamp()
        return self._clock.elapsed() + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)


class TransitTimes:
    """From the write in the database to its application here, for the changes of the last two minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: deque[tuple[float, float]] = deque(maxlen=KEPT_TIMES)
        self.count = 0

    def add(self, seconds: float) -> None:
        self._kept.append((self._clock.elapsed(), max(seconds, 0.0)))
        self.count += 1

    def percentile_ms(self, share: float) -> float | None:
        """None while nothing arrived."""
        since = self._clock.elapsed() - KEPT_SECONDS
        ordered = sorted(seconds for at, seconds in list(self._kept) if at >= since)
        if not ordered:
            return None
        return round(ordered[min(math.ceil(len(ordered) * share), len(ordered)) - 1] * 1000, 1)
