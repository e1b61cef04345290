"""How many requests a caller may send, for all nodes together in Redis; without it, each node's share.

The generic cell rate algorithm (ITU-T I.371): a number per caller, no windows, an honest time to wait."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from app.batches import Batches
from app.clock import Clock
from app.coordination import keys
from app.coordination.breaker import Breaker
from app.coordination.grants import Grants, Question

SCRIPT = Path(__file__).parent / "scripts" / "rate.lua"
MICROSECONDS = 1_000_000
MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class Rate:
    """So many at once, and as many again within the window."""

    most: int
    window_seconds: float

    @property
    def cost_seconds(self) -> float:
        return self.window_seconds / self.most

    def shared_by(self, nodes: int) -> Rate:
        return Rate(max(1, self.most // max(1, nodes)), self.window_seconds)


class Rates:
    """Thread-safe; one per process."""

    def __init__(self, redis: Redis, breaker: Breaker, clock: Clock, nodes: Callable[[], int]) -> None:
        self._redis = redis
        self._script = redis.register_script(SCRIPT.read_text())
        self._breaker = breaker
        self._clock = clock
        self._nodes = nodes
        self._lock = threading.Lock()
        self._questions: Batches[Question, float | None] = Batches()
        self._grants = Grants()
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    def wait(self, caller: str, rate: Rate) -> float:
        """Seconds to wait; 0 when the request may pass and was counted."""
        cost, most = int(rate.cost_seconds * MICROSECONDS), int(rate.window_seconds * MICROSECONDS)
        question = Question(keys.rate(caller), cost, most)
        if self._grants.spend(question, self._clock.elapsed()):
            return 0.0
        told = self._questions.share(question, self._ask, lost=None)
        if told is not None:
            return told / MICROSECONDS
        return self._wait_here(caller, rate.shared_by(self._nodes()))

    def _ask(self, questions: Sequence[Question]) -> list[float | None]:
        """Those who ask at the same moment share a round trip, and those of one caller a question.

        Near the limit each is asked for alone: some may still pass, the rest waits no longer than it must."""
        now, asking = self._clock.elapsed(), Counter(questions)
        wanted = {each: count + self._grants.to_ask_ahead(each, now, count) for each, count in asking.items()}
        waits = dict(zip(wanted, self._put(list(wanted.items())), strict=True))
        for each, count in wanted.items():
            if waits[each] == 0:
                self._grants.granted(each, now, count - asking[each])
        alone = {each for each, count in wanted.items() if waits[each] and count > 1}
        singly = iter(self._put([(each, 1) for each in questions if each in alone]))
        return [next(singly) if each in alone else waits[each] for each in questions]

    def _put(self, wanted: Sequence[tuple[Question, int]]) -> Sequence[float | None]:
        """Microseconds to wait for so many at once; nobody knows without Redis."""
        told = self._breaker.call(lambda: self._send(wanted)) if wanted else []
        return [None] * len(wanted) if told is None else [float(int(each)) for each in told]

    def _send(self, wanted: Sequence[tuple[Question, int]]) -> list[Any]:
        if len(wanted) == 1:
            (((key, cost, window), count),) = wanted
            return [self._script(keys=[key], args=[cost * count, window])]
        pipe = self._redis.pipeline(transaction=False)
        for (key, cost, window), count in wanted:
            self._script(keys=[key], args=[cost * count, window], client=pipe)
        return pipe.execute()

    def _wait_here(self, caller: str, rate: Rate) -> float:
        now = self._clock.elapsed()
        with self._lock:
            arrival = max(self._arrivals.pop(caller, 0.0), now)
            wait = arrival + rate.cost_seconds - now - rate.window_seconds
            self._arrivals[caller] = arrival if wait > 0 else arrival + rate.cost_seconds
            while len(self._arrivals) > MOST_REMEMBERED:
                self._arrivals.popitem(last=False)
        return max(0.0, wait)
