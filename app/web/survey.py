"""What every node says of itself, asked through this one's coordinator; last words of the silent are kept.

Asked once a second at most, however many people watch. Works with Redis and with the database away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.clock import Clock
from app.coordination.rpc.client import Client
from app.coordination.rpc.errors import CallFailed

ANSWER_SECONDS = 0.9
REMEMBER_SECONDS = 0.8
#: Longer than a round of questions with a silent node in it takes.
STALE_SECONDS = 3.0
FORGOTTEN_SECONDS = 600.0
Document = dict[str, Any]


@dataclass(frozen=True)
class Sight:
    """A node's state as it said so many seconds ago."""

    node: str
    age_seconds: float
    state: Document

    @property
    def is_stale(self) -> bool:
        return self.age_seconds > STALE_SECONDS

    def part(self, name: str) -> Document:
        """What one duty of its coordinator says; empty when it has none of that name."""
        found: Document = self.state.get(name) or {}
        return found


class Survey:
    """Thread-safe; one per process."""

    def __init__(self, node: str, client: Client, clock: Clock) -> None:
        self._node = node
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._kept: dict[str, tuple[float, Document]] = {}

    def sights(self) -> dict[str, Sight]:
        """By node; a node that was never heard is not among them."""
        with self._lock:
            if self._clock.elapsed() - self._asked_at >= REMEMBER_SECONDS:
                self._ask()
                self._asked_at = self._clock.elapsed()
            now = self._clock.elapsed()
            return {node: Sight(node, now - at, state) for node, (at, state) in sorted(self._kept.items())}

    def own(self) -> Sight | None:
        """This node's own; None while its coordinator has never answered."""
        return self.sights().get(self._node)

    def _ask(self) -> None:
        now = self._clock.elapsed()
        kept = {node: each for node, each in self._kept.items() if now - each[0] < FORGOTTEN_SECONDS}
        try:
            found = self._client.call(self._node, "survey.read", None, ANSWER_SECONDS, is_repeatable=True)
        except CallFailed:
            found = {}
        self._kept = {**kept, **{node: (now, state) for node, state in found.items()}}


def freshest(sights: Mapping[str, Sight], of: Callable[[Sight], float | None]) -> Sight | None:
    """The sight whose value is smallest, such as an age; None when none has one."""
    valued = [(value, sight) for sight in sights.values() if (value := of(sight)) is not None]
    return min(valued, key=lambda each: each[0])[1] if valued else None
