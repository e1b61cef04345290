"""Clocks that order events by cause: Lamport, version vectors, hybrid logical.

Sources: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM 21(7), 1978;
D. S. Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", IEEE TSE 9(3), 1983;
S. Kulkarni et al., "Logical Physical Clocks", OPODIS 2014 (figure 5)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

COUNTER_BITS = 16
COUNTER_MAX = (1 << COUNTER_BITS) - 1


class FutureStampError(ValueError):
    """A stamp is further ahead of this node's clock than any healthy clock may be."""


class LamportStamp(NamedTuple):
    """Orders all events of all nodes: by time, then by node."""

    time: int
    node: str


class LamportClock:
    """Counts so that a cause always has a smaller number than its effect.

    Store `mark` before a stamp leaves the node, and restart from it: numbers then never repeat."""

    def __init__(self, node: str, time: int = 0, block: int = 1_000) -> None:
        self.node = node
        self.time = time  # Only grows.
        self._block = block

    def tick(self) -> int:
        """A local event, or a message about to be sent."""
        self.time += 1
        return self.time

    def update(self, received: int) -> int:
        """A message with this stamp has arrived."""
        self.time = max(self.time, received) + 1
        return self.time

    @property
    def stamp(self) -> LamportStamp:
        return LamportStamp(self.time, self.node)

    @property
    def mark(self) -> int:
        """Above every number given so far; moves once per block, so that storing it is rare."""
        return (self.time // self._block + 1) * self._block


class Order(StrEnum):
    EQUAL = "equal"
    BEFORE = "before"
    AFTER = "after"
    CONCURRENT = "concurrent"


class Dot(NamedTuple):
    """One event: the counter-th of its origin (Preguica et al., "Dotted Version Vectors", 2010)."""

    origin: str
    counter: int


class VersionVector(Mapping[str, int]):
    """How much of each origin (a node or a stream) is known. A value: every change gives a new vector."""

    __slots__ = ("_counters",)

    def __init__(self, counters: Mapping[str, int] | None = None) -> None:
        given = counters or {}
        if any(counter < 0 for counter in given.values()):
            raise ValueError("a version vector counts from zero")
        # Zero means "nothing known", the same as absent; dropping it makes equal vectors look equal.
        self._counters = {origin: counter for origin, counter in given.items() if counter}

    def __getitem__(self, origin: str) -> int:
        return self._counters[origin]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counters)

    def __len__(self) -> int:
        return len(self._counters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VersionVector) and self._counters == other._counters

    def __hash__(self) -> int:
        return hash(frozenset(self._counters.items()))

    def __repr__(self) -> str:
        return f"VersionVector({dict(sorted(self._counters.items()))})"

    def known(self, origin: str) -> int:
        return self._counters.get(origin, 0)

    def includes(self, dot: Dot) -> bool:
        return self._counters.get(dot.origin, 0) >= dot.counter

    def next_dot(self, origin: str) -> Dot:
        return Dot(origin, self.known(origin) + 1)

    def advance(self, origin: str, to: int) -> "VersionVector":
        """The same vector, knowing `origin` up to `to`; never less than before."""
        if to <= self.known(origin):
            return self
        return self._of({**self._counters, origin: to})

    def merge(self, other: "VersionVector") -> "VersionVector":
        """The least vector that covers both."""
        merged = dict(self._counters)
        for origin, counter in other._counters.items():
            if counter > merged.get(origin, 0):
                merged[origin] = counter
        return self._of(merged)

    def covers(self, other: "VersionVector") -> bool:
        mine = self._counters
        return all(mine.get(origin, 0) >= counter for origin, counter in other._counters.items())

    def compare(self, other: "VersionVector") -> Order:
        ahead, behind = self.covers(other), other.covers(self)
        if ahead and behind:
            return Order.EQUAL
        if ahead:
            return Order.AFTER
        return Order.BEFORE if behind else Order.CONCURRENT

    def lacking(self, other: "VersionVector") -> dict[str, int]:
        """What the other knows and this one does not: origin -> the counter known here."""
        mine = self._counters
        return {
            origin: mine.get(origin, 0)
            for origin, counter in other._counters.items()
            if counter > mine.get(origin, 0)
        }

    def only(self, origins: Iterable[str]) -> "VersionVector":
        """Pruned to these origins. It can look older than it is, never newer."""
        return VersionVector({origin: self.known(origin) for origin in origins})

    @staticmethod
    def _of(counters: dict[str, int]) -> "VersionVector":
        """Of counters that are known to be above zero: looking again costs more than all else here."""
        vector = VersionVector.__new__(VersionVector)
        vector._counters = counters
        return vector


class HybridStamp(NamedTuple):
    """A time people can read that also respects cause; ties are broken by counter, then node."""

    wall_ms: int
    counter: int
    node: str

    @property
    def packed(self) -> int:
        """48 bits of milliseconds, 16 of counter: sorts like the stamp and fits a BIGINT."""
        return self.wall_ms << COUNTER_BITS | self.counter

    @classmethod
    def unpack(cls, packed: int, node: str) -> "HybridStamp":
        return cls(packed >> COUNTER_BITS, packed & COUNTER_MAX, node)

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.wall_ms / 1000, UTC)
        return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{self.wall_ms % 1000:03}Z+{self.counter}@{self.node}"


class HybridClock:
    """Stamps close to physical time that never go back and always exceed their causes.

    Pass the last stamp stored when a node restarts: its physical clock may have gone back meanwhile."""

    def __init__(self, node: str, last: HybridStamp | None = None, max_ahead_ms: int = 1_000) -> None:
        self.last = HybridStamp(last.wall_ms, last.counter, node) if last else HybridStamp(0, 0, node)
        self.refused = 0  # Stamps from the future; only grows.
        self._max_ahead_ms = max_ahead_ms

    def now(self, physical_ms: int) -> HybridStamp:
        """A local event, or a message about to be sent."""
        return self._move(self.last, physical_ms)

    def update(self, received: HybridStamp, physical_ms: int) -> HybridStamp:
        """A message has arrived; raises FutureStampError and stays as it was if the stamp is poisoned."""
        if received.wall_ms - physical_ms > self._max_ahead_ms:
            self.refused += 1
            raise FutureStampError(f"{received} is {received.wall_ms - physical_ms} ms ahead")
        return self._move(max(self.last, received), physical_ms)

    def _move(self, past: HybridStamp, physical_ms: int) -> HybridStamp:
        wall_ms, counter = past.wall_ms, past.counter + 1
        if physical_ms > wall_ms:
            wall_ms, counter = physical_ms, 0
        elif counter > COUNTER_MAX:
            wall_ms, counter = wall_ms + 1, 0  # borrow a millisecond rather than go back
        self.last = HybridStamp(wall_ms, counter, self.last.node)
        return self.last
