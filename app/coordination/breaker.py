"""A circuit breaker: a dead or hung Redis costs a few short waits, then nothing until it is back.

After Nygard, Release It! (2007), ch. 5.2. Every call is tried once: a timeout is an unknown
outcome, and repeating it is the caller's decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError

from app.clock import Clock

Result = TypeVar("Result")
FAILURES_TO_OPEN = 2
PROBE_SECONDS = 1.0


class Breaker:
    """Closed: calls pass. Open after two failures in a row: calls fail at once, one probe a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._next_probe = 0.0
        self.times_opened = 0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES_TO_OPEN

    def call(self, operation: Callable[[], Result]) -> Result | None:
        """The operation's result, or None when Redis did not answer (or was not asked)."""
        if self.is_open and not self._may_probe():
            return None
        try:
            result = operation()
        except RedisError:
            self._fail()
            return None
        self._failures = 0
        return result

    def _may_probe(self) -> bool:
        now = self._clock.elapsed()
        if now < self._next_probe:
            return False
        self._next_probe = now + PROBE_SECONDS
        return True

    def _fail(self) -> None:
        self._failures += 1
        if self._failures == FAILURES_TO_OPEN:
            self.times_opened += 1
            self._next_probe = self._clock.elapsed() + PROBE_SECONDS
