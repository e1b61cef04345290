"""What one node knows about clocks: its own against others', and whether the authority can be trusted.

Nothing here sets a clock, and no clock of a node decides a hold. The product only learns how far each may be
trusted (the rule is TigerBeetle's: verify that the cluster operates within acceptable error bounds)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.algorithms.time_sync import (
    CRITICAL_SECONDS,
    WARN_SECONDS,
    ClockHealth,
    Exchange,
    Interval,
    authority_is_suspect,
    cristian,
    judge,
    marzullo,
)

DATABASE, REDIS = "database", "redis"
WINDOW_SECONDS = 10.0
#: Healthy clocks of different machines differ by some milliseconds, far more than a good measurement's error.
TOLERATED_SECONDS = WARN_SECONDS / 2
FEWEST_WITNESSES = 2
LEAP_SECONDS = 2.0
DISTRUST_SECONDS = 60.0


@dataclass(frozen=True)
class Verdict:
    """How well this node's clock is, by whom, and whether the database's clock contradicts a majority."""

    health: ClockHealth
    reference: str | None
    offset: Interval | None
    is_database_suspect: bool


class Samples:
    """The exchanges with one reference in the last ten seconds."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, Exchange]] = deque(maxlen=32)

    def add(self, exchange: Exchange, now: float) -> None:
        self._kept.append((now, exchange))

    def recent(self, now: float) -> list[Exchange]:
        return [exchange for at, exchange in self._kept if now - at <= WINDOW_SECONDS]

    def interval(self, now: float) -> Interval | None:
        return cristian(self.recent(now))

    def age(self, now: float) -> float | None:
        return now - self._kept[-1][0] if self._kept else None


class LeapWatch:
    """Notices when the database's clock moves by itself: it is compared with a clock that cannot jump."""

    def __init__(self) -> None:
        self._distance: float | None = None
        self._leapt_at = float("-inf")
        self.leap = 0.0

    def look(self, database_time: float, now: float) -> bool:
        """True when it has leapt since the last look."""
        before, self._distance = self._distance, database_time - now
        if before is None or abs(self._distance - before) <= LEAP_SECONDS:
            return False
        self.leap, self._leapt_at = self._distance - before, now
        return True

    def is_distrusted(self, now: float) -> bool:
        return now - self._leapt_at < DISTRUST_SECONDS


def assess(database: Interval | None, redis: Interval | None, peers: Mapping[str, Interval]) -> Verdict:
    """The database's clock is the authority, unless a majority of nodes and Redis agree on a time that it
    cannot have. Then, or without it, the majority judges."""
    witnesses = [Interval(0.0, 0.0), *peers.values(), *([redis] if redis else [])]
    is_suspect = database is not None and is_contradicted(database, witnesses)
    if database is not None and not is_suspect:
        return Verdict(judge(database), DATABASE, database, False)
    majority = agreement(witnesses)
    return Verdict(judge(majority), "majority" if majority else None, majority, is_suspect)


def is_contradicted(authority: Interval, witnesses: Iterable[Interval]) -> bool:
    loose = [_loosen(one) for one in witnesses]
    best = marzullo(loose)
    if best is None or best.votes < FEWEST_WITNESSES:
        return False
    return authority_is_suspect(_loosen(authority), loose)


def agreement(witnesses: Iterable[Interval]) -> Interval | None:
    """Where the time is that more than half of the witnesses may show; None when there is none."""
    loose = [_loosen(one) for one in witnesses]
    best = marzullo(loose)
    if best is None or best.votes < FEWEST_WITNESSES or best.votes * 2 <= len(loose):
        return None
    return best.interval


def _loosen(one: Interval) -> Interval:
    return Interval(one.low - TOLERATED_SECONDS, one.high + TOLERATED_SECONDS)


def describe_health(verdict: Verdict) -> str:
    """A sentence for people."""
    if verdict.offset is None:
        return "the clock has not been measured"
    distance = verdict.offset.near_end
    whom = "the database's" if verdict.reference == DATABASE else "the majority's"
    limit = CRITICAL_SECONDS if verdict.health is ClockHealth.CRITICAL else WARN_SECONDS
    if verdict.health is ClockHealth.GOOD:
        return f"the clock agrees with {whom}"
    return f"the clock is at least {distance:.2f} s from {whom} (limit {limit:g} s)"
