"""Clients who read through the balancer as fast as they are answered, and note which node it was."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from loadtest.history import Outcome
from loadtest.target import Target
from loadtest.wire import Wire

#: A read that costs the node a question to the database.
PATH = "/api/doctors?limit=5"
#: Longer than the balancer needs to give a hung node up.
_TIMEOUT_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One answered, or not answered, read."""

    began: float
    ended: float
    node: str | None


class Visitors(AbstractContextManager["Visitors"]):
    """So many clients, reading until the end of the block."""

    def __init__(self, target: Target, count: int) -> None:
        self._over = threading.Event()
        self._visits: list[Visit] = []
        self._threads = [
            threading.Thread(target=self._read, args=(target.base_url,), daemon=True) for _ in range(count)
        ]

    def __enter__(self) -> Visitors:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=_TIMEOUT_SECONDS + 5)

    def between(self, began: float, ended: float) -> list[Visit]:
        """The reads that were sent in this time."""
        return [visit for visit in list(self._visits) if began <= visit.began < ended]

    def watch(self, seconds: float) -> list[Visit]:
        """The reads sent in the next seconds that were answered by then or failed."""
        began = time.monotonic()
        time.sleep(seconds)
        return self.between(began, time.monotonic())

    def _read(self, url: str) -> None:
        wire = Wire(url, _TIMEOUT_SECONDS)
        while not self._over.is_set():
            began = time.monotonic()
            answer = wire.send("GET", PATH, None, {})
            node = answer.node if answer.outcome is Outcome.OK else None
            self._visits.append(Visit(began, time.monotonic(), node))
        wire.close()


def served(visits: list[Visit]) -> Counter[str]:
    return Counter(visit.node for visit in visits if visit.node is not None)


def failures(visits: list[Visit], when: Callable[[Visit], bool] = lambda _: True) -> int:
    return sum(visit.node is None for visit in visits if when(visit))
