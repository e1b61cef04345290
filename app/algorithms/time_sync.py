"""How wrong is a clock, and who says so: Cristian, Berkeley, interval intersection.

Sources: F. Cristian, "Probabilistic Clock Synchronization", Distributed Computing 3, 1989; R. Gusella and
S. Zatti, "The Accuracy of the Clock Synchronization Achieved by TEMPO in Berkeley UNIX 4.3BSD", IEEE TSE
15(7), 1989; K. Marzullo, "Maintaining the Time in a Distributed System", 1984 (RFC 5905, section 11.2.1).
All times are seconds. Nothing here sets a clock: the product only learns how far it may trust one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median

WARN_SECONDS = 0.25
CRITICAL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """Four readings of one question and its answer: ours, theirs, theirs, ours."""

    asked: float
    server_received: float
    server_answered: float
    received: float

    @property
    def round_trip(self) -> float:
        return (self.received - self.asked) - (self.server_answered - self.server_received)

    @property
    def offset(self) -> float:
        return ((self.server_received - self.asked) + (self.server_answered - self.received)) / 2


@dataclass(frozen=True, slots=True)
class Interval:
    """A clock's distance from ours lies in here: add it to our clock to get theirs."""

    low: float
    high: float

    @classmethod
    def around(cls, centre: float, error: float) -> "Interval":
        return cls(centre - error, centre + error)

    @property
    def centre(self) -> float:
        return (self.low + self.high) / 2

    @property
    def error(self) -> float:
        return (self.high - self.low) / 2

    @property
    def near_end(self) -> float:
        """The smallest distance the measurement allows: an alarm on it is never a false one."""
        return max(self.low, -self.high, 0.0)

    def meets(self, other: "Interval") -> bool:
        return self.low <= other.high and other.low <= self.high


def cristian(
    exchanges: Iterable[Exchange], max_round_trip: float = 0.1, min_one_way: float = 0.0
) -> Interval | None:
    """Where the server's clock lies relative to ours, by the exchange with the shortest round trip.

    None when every exchange was slower than `max_round_trip`: then nothing useful is known."""
    usable = [sample for sample in exchanges if 0 <= sample.round_trip <= max_round_trip]
    if not usable:
        return None
    best = min(usable, key=lambda sample: sample.round_trip)
    return Interval.around(best.offset, max(best.round_trip / 2 - min_one_way, 0.0))


class ClockHealth(StrEnum):
    UNKNOWN = "unknown"
    GOOD = "good"
    WARN = "warn"
    CRITICAL = "critical"  # may not lead, may not stamp notices


def judge(measured: Interval | None) -> ClockHealth:
    if measured is None:
        return ClockHealth.UNKNOWN
    if measured.near_end > CRITICAL_SECONDS:
        return ClockHealth.CRITICAL
    return ClockHealth.WARN if measured.near_end > WARN_SECONDS else ClockHealth.GOOD


@dataclass(frozen=True, slots=True)
class Round:
    """One Berkeley round. `corrections` bring every polled clock, outliers too, to the common time.

    Without a majority near the median nobody is corrected."""

    average: float
    corrections: dict[str, float]
    outliers: frozenset[str]


def berkeley(offsets: Mapping[str, float], tolerance: float = 0.5) -> Round:
    """Average the clocks that agree with the median; raises ValueError when nobody was polled.

    `offsets` are relative to the poller, who counts as 0.0. With an honest majority the median is honest, so
    a clock that lies by more than `tolerance` has no say and one that lies by less moves the average by at
    most tolerance / number of clocks kept."""
    if not offsets:
        raise ValueError("a Berkeley round needs at least the poller's own clock")
    middle = median(offsets.values())
    kept = {node: offset for node, offset in offsets.items() if abs(offset - middle) <= tolerance}
    outliers = frozenset(offsets.keys() - kept.keys())
    if len(kept) * 2 <= len(offsets):
        return Round(middle, {}, outliers)
    average = fmean(kept.values())
    return Round(average, {node: average - offset for node, offset in offsets.items()}, outliers)


class ClusterTime:
    """The display time: the local clock plus corrections, slewed so slowly that no reading goes back."""

    def __init__(self, slew_per_second: float = 0.005) -> None:
        self.applied = 0.0
        self._wanted = 0.0
        self._rate = slew_per_second
        self._last_local: float | None = None
        self._last_reading = float("-inf")

    def correct(self, correction: float, local: float) -> None:
        """Take the correction of a round; it replaces what was still pending."""
        self.read(local)
        self._wanted = self.applied + correction

    def read(self, local: float) -> float:
        """The cluster's time at this reading of the local clock."""
        elapsed = 0.0 if self._last_local is None else max(local - self._last_local, 0.0)
        step = self._rate * elapsed
        self.applied += min(max(self._wanted - self.applied, -step), step)
        self._last_local = local
        self._last_reading = max(local + self.applied, self._last_reading)
        return self._last_reading


@dataclass(frozen=True, slots=True)
class Agreement:
    interval: Interval
    votes: int


def marzullo(intervals: Iterable[Interval]) -> Agreement | None:
    """The smallest interval consistent with the largest number of sources; None without sources."""
    # At equal places an interval opens before another closes: touching intervals agree.
    edges = sorted(edge for one in intervals for edge in ((one.low, -1), (one.high, 1)))
    best: Agreement | None = None
    votes = 0
    for place, (edge, kind) in enumerate(edges):
        votes -= kind
        if kind < 0 and (best is None or votes > best.votes):
            best = Agreement(Interval(edge, edges[place + 1][0]), votes)
    return best


def authority_is_suspect(
    authority: Interval, witnesses: Iterable[Interval], tolerance: float = WARN_SECONDS
) -> bool:
    """True when a majority of the nodes agree on a time, and on none that the authority's clock may have.

    All distances are from one clock, the caller's. A good clock may be off by `tolerance` besides the error
    of its measurement. Cristian cannot see a wrong authority: against it every good node looks ill."""
    given = [Interval(one.low - tolerance, one.high + tolerance) for one in witnesses]
    possible = [
        Interval(max(one.low, authority.low), min(one.high, authority.high))
        for one in given
        if one.meets(authority)
    ]
    return _is_majority(marzullo(given), given) and not _is_majority(marzullo(possible), given)


def _is_majority(agreement: Agreement | None, voters: list[Interval]) -> bool:
    return agreement is not None and agreement.votes * 2 > len(voters)
