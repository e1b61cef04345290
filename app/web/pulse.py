"""A stream that tells the same thing anew each second, to a limited number of readers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from app.clock import Clock
from app.errors import Unavailable
from app.web.json import to_json

BEAT_SECONDS = 1.0
#: How soon a node that stops lets its readers go to another.
LONGEST_REST_SECONDS = 0.25
MOST_READERS = 100


class Pulse:
    """`read` gives what is told; `is_over` says that the node stops."""

    def __init__(
        self, kind: str, clock: Clock, read: Callable[[], dict[str, Any]], is_over: Callable[[], bool]
    ) -> None:
        self._kind = kind
        self._clock = clock
        self._read = read
        self._is_over = is_over
        self._lock = threading.Lock()
        self._readers = 0

    def open(self) -> Beats:
        """The body of one answer. Raises Unavailable when there are too many readers."""
        with self._lock:
            if self._readers >= MOST_READERS or self._is_over():
                raise Unavailable("This node cannot serve another event stream now.", retry_after_seconds=5)
            self._readers += 1
        return Beats(self._beats(), self._leave)

    def _leave(self) -> None:
        with self._lock:
            self._readers -= 1

    def _beats(self) -> Iterator[str]:
        # At different moments, so that the readers of a node that ended do not all come at once.
        yield f": hi\n\nretry: {random.randint(1000, 3000)}\n\n"  # noqa: S311 - jitter, no secret
        while not self._is_over():
            began = self._clock.elapsed()
            yield f"event: {self._kind}\ndata: {to_json({'type': self._kind, **self._read()})}\n\n"
            while not self._is_over() and self._clock.elapsed() - began < BEAT_SECONDS:
                time.sleep(LONGEST_REST_SECONDS)


class Beats:
    """Closing it, even before it began, makes room for another reader."""

    def __init__(self, beats: Iterator[str], leave: Callable[[], None]) -> None:
        self._beats = beats
        self._leave: Callable[[], None] | None = leave

    def __iter__(self) -> Iterator[str]:
        return self._beats

    def close(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()
