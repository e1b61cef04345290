"""The only readers of the machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for display and stamps, elapsed time for deadlines. Neither decides a hold."""

    def now(self) -> datetime: ...
    def elapsed(self) -> float: ...


class SystemClock:
    """This machine's clocks. `skew_ms` makes the wall clock wrong on purpose, to show what notices it."""

    def __init__(self, skew_ms: int = 0) -> None:
        self._skew = timedelta(milliseconds=skew_ms)

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC) + self._skew

    def elapsed(self) -> float:
        """Seconds that never jump and go on while the machine sleeps (CLOCK_BOOTTIME)."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class ManualClock:
    """A clock that moves only when told to; for tests."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds
