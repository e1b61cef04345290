"""What a busy caller was granted ahead, so that not each of their requests asks Redis.

It is counted when it is granted, so all nodes together let no more through than the limit says, give or take
the second within which it may be used. What nobody uses is lost: at most one 256th of the limit per process
and second, and nothing for who comes now and then."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple

GOOD_FOR_SECONDS = 1.0
SHARE = 256
MOST_AHEAD = 32
MOST_REMEMBERED = 1000


class Question(NamedTuple):
    """Whether one more request of a caller may pass, in microseconds: what it costs, and the window."""

    key: str
    cost: int
    window: int


class Grants:
    """Thread-safe; one per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: OrderedDict[Question, tuple[float, int]] = OrderedDict()

    def spend(self, question: Question, now: float) -> bool:
        """Whether one more was granted already."""
        with self._lock:
            until, left = self._left.get(question, (0.0, 0))
            if left < 1 or now >= until:
                return False
            self._left[question] = until, left - 1
            return True

    def to_ask_ahead(self, question: Question, now: float, asking: int) -> int:
        """How many more to ask for: none for somebody who comes now and then."""
        until, _ = self._left.get(question, (0.0, 0))
        is_busy = asking > 1 or now < until
        return min(question.window // question.cost // SHARE, MOST_AHEAD) if is_busy else 0

    def granted(self, question: Question, now: float, ahead: int) -> None:
        """So many more than were asked for were counted just now."""
        with self._lock:
            until, left = self._left.pop(question, (0.0, 0))
            kept = left if now < until else 0
            self._left[question] = now + GOOD_FOR_SECONDS, kept + ahead
            while len(self._left) > MOST_REMEMBERED:
                self._left.popitem(last=False)
