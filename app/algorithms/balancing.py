"""Who serves the next request: round robin, least connections, smooth weighted round robin; and the weights.

Smooth weighted round robin is nginx's (commit 52327e0627f4, 2012): it spreads a heavy node's turns evenly
instead of giving them in a row. Weights follow measured load; slow start follows nginx's slow_start."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

MIN_WEIGHT, MAX_WEIGHT = 1, 10
EASY_P95_MS = 50.0  # up to here a node counts as unburdened
EASY_IN_FLIGHT = 8


class NoNodeLeftError(LookupError):
    """No node can take this request."""


class RoundRobin:
    """Everybody in turn: over any stretch with the same nodes, turns differ by at most one."""

    def __init__(self) -> None:
        self._last = ""

    def pick(self, nodes: Collection[str]) -> str:
        if not nodes:
            raise NoNodeLeftError
        # By name, not by position: a node that leaves or joins must not shift everybody's turn.
        after = [node for node in nodes if node > self._last]
        self._last = min(after or nodes)
        return self._last


class LeastConnections:
    """Never a node busier than another; equals take turns, so that an idle cluster shares evenly."""

    def __init__(self) -> None:
        self._turns = RoundRobin()

    def pick(self, connections: Mapping[str, int]) -> str:
        if not connections:
            raise NoNodeLeftError
        fewest = min(connections.values())
        return self._turns.pick([node for node, count in connections.items() if count == fewest])


class SmoothWeighted:
    """Shares exact over every full cycle (the sum of the weights); weight 0 gets nothing.

    New weights continue from the turns already given; another set of nodes starts anew, as nginx does."""

    def __init__(self) -> None:
        self._credit: dict[str, int] = {}

    def pick(self, weights: Mapping[str, int]) -> str:
        usable = {node: weight for node, weight in weights.items() if weight > 0}
        if not usable:
            raise NoNodeLeftError
        if usable.keys() != self._credit.keys():
            self._credit = dict.fromkeys(usable, 0)
        self._credit = {node: self._credit[node] + weight for node, weight in usable.items()}
        chosen = max(sorted(usable), key=self._credit.__getitem__)
        self._credit[chosen] -= sum(usable.values())
        return chosen


class Ewma:
    """An exponentially weighted average that forgets by time, not by sample count."""

    def __init__(self, half_life_seconds: float = 5.0) -> None:
        self._half_life = half_life_seconds
        self._at = 0.0
        self.value: float | None = None

    def add(self, sample: float, now: float) -> float:
        if self.value is None:
            self.value = sample
        else:
            keep = 0.5 ** (max(now - self._at, 0.0) / self._half_life)
            self.value = sample + (self.value - sample) * keep
        self._at = now
        return self.value


@dataclass(frozen=True, slots=True)
class Load:
    """What one node reports about itself, and what others know of it."""

    p95_ms: float
    in_flight: int
    cpu: float  # 0.0 idle to 1.0 full
    up_since: float
    is_draining: bool = False
    is_alive: bool = True


def weight(load: Load, now: float, slow_start_seconds: float = 30.0) -> int:
    """From 1 (hardly) to 10 (fully), 0 for a node that must get nothing new.

    Each measure alone can take a node down, so the worst of them counts; a new node earns its share slowly,
    because its caches and pools are cold."""
    if load.is_draining or not load.is_alive:
        return 0
    ease = min(
        EASY_P95_MS / max(load.p95_ms, EASY_P95_MS),
        EASY_IN_FLIGHT / max(load.in_flight, EASY_IN_FLIGHT),
        1.0 - min(max(load.cpu, 0.0), 1.0),
    )
    warmth = min(max(now - load.up_since, 0.0) / slow_start_seconds, 1.0)
    return max(MIN_WEIGHT, round(MAX_WEIGHT * ease * warmth))


def weights(loads: Mapping[str, Load], now: float) -> dict[str, int]:
    """Weights of all nodes, never all zero: draining nodes, then even dead ones, are better than none."""
    decided = {node: weight(load, now) for node, load in loads.items()}
    if any(decided.values()):
        return decided
    living = {node for node, load in loads.items() if load.is_alive} or loads.keys()
    return {node: int(node in living) for node in loads}
