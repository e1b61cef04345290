"""Measures this node's clock against database, Redis and peers each second, and keeps the display time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select

from app.algorithms.time_sync import ClockHealth, ClusterTime, Exchange, Interval
from app.coordination.clock_book import (
    DATABASE,
    REDIS,
    LeapWatch,
    Samples,
    Verdict,
    assess,
    describe_health,
)
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from app.database import db_now
from worker.coordinator.election import Election
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership

#: The display time follows the majority within this; more is a mistake or an attack.
LARGEST_CORRECTION_SECONDS = 60.0
LONGEST_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class BerkeleyRound:
    """What the leader found when it asked every clock, in seconds relative to its own."""

    number: int
    at: str
    leader: str
    epoch: int
    offsets: dict[str, float]
    average: float
    outliers: list[str]
    corrections: dict[str, float]


class Reading(NamedTuple):
    """One exchange, and when it ended by the clock that cannot jump."""

    exchange: Exchange
    at: float


class Clocks(Duty):
    name, every_seconds = "clocks", 1.0

    def __init__(self, frame: Frame, members: Membership, election: Election) -> None:
        self._frame = frame
        self._members = members
        self._election = election
        self._samples = {DATABASE: Samples(), REDIS: Samples()}
        self._askers = {name: frame.background(f"clock-{name}") for name in self._samples}
        self._leaps = LeapWatch()
        self._verdict = Verdict(ClockHealth.UNKNOWN, None, None, False)
        self._cluster_time = ClusterTime()
        self.last_round: BerkeleyRound | None = None
        election.objections.append(self._objection)
        members.card_details.append(lambda: {"clock": str(self._verdict.health)})
        frame.methods.expose("clocks.read", None, lambda _payload, _caller: None, is_in_loop=False)
        frame.methods.expose("clocks.adjust", BerkeleyRound, self._take_round)

    def distrust(self) -> str | None:
        """Why nothing should be decided by the database's clock at the moment."""
        if self._verdict.is_database_suspect:
            return "the database's clock contradicts the majority of the nodes"
        if self._leaps.is_distrusted(self._frame.clock.elapsed()):
            return f"the database's clock jumped by {self._leaps.leap:+.1f} s"
        return None

    def illness(self) -> str | None:
        """Why this node's clock must not be used for anything that others believe."""
        return describe_health(self._verdict) if self._verdict.health is ClockHealth.CRITICAL else None

    def apply(self, found: BerkeleyRound) -> None:
        """Turn the display time slowly towards the average; the machine's clock stays as it is."""
        self.last_round = found
        correction = found.corrections.get(self._frame.node)
        if correction is not None:
            self._cluster_time.correct(correction, self._wall())

    # The duty

    def tick(self, now: float) -> None:
        self._ask(DATABASE, self._read_database)
        self._ask(REDIS, self._read_redis)
        before, self._verdict = self._verdict, self._assess(now)
        self._tell_changes(before, self._verdict)

    def document(self, now: float) -> Document:
        verdict, local = self._verdict, self._wall()
        measured = {name: samples.interval(now) for name, samples in self._samples.items()}
        references = [self._describe(name, interval, now) for name, interval in measured.items()]
        references += [_shown(node, interval) for node, interval in sorted(self._peers().items())]
        reading = self._cluster_time.read(local)
        return {
            "health": str(verdict.health),
            "text": describe_health(verdict),
            "reference": verdict.reference,
            "leader": self._election.leader,
            "offsets": references,
            "database_suspect": verdict.is_database_suspect,
            "distrust": self.distrust(),
            "cluster_time": {
                "unix_ms": round(reading * 1000),
                "correction_ms": round((reading - local) * 1000, 2),
            },
            "berkeley": self.last_round,
            "refused_stamps": self._frame.stamper.refused_from_future,
        }

    # Measuring

    def _ask(self, reference: str, read: Callable[[], Reading | None]) -> None:
        if not self._askers[reference].waiting:
            self._askers[reference].submit(read, lambda reading: self._take(reference, reading), _ignore)

    def _take(self, reference: str, reading: Reading | None) -> None:
        if reading is None:
            return
        self._samples[reference].add(reading.exchange, reading.at)
        if reference != DATABASE:
            return
        self._members.database_answered(reading.at)
        # A process that was held up in between knows neither time well enough to compare them.
        is_prompt = reading.exchange.round_trip < LONGEST_LOOK_SECONDS
        if is_prompt and self._leaps.look(reading.exchange.server_answered, reading.at):
            self._frame.chronicle.noticed("clock.leap", self.distrust() or "")

    def _read_database(self) -> Reading:
        with self._frame.database.read() as connection:
            connection.execute(select(1))  # the first statement of a connection pays for its checks
            return self._read(lambda: connection.execute(select(db_now())).scalar_one().timestamp())

    def _read_redis(self) -> Reading | None:
        def show() -> float:
            answer: Any = self._frame.redis.time()
            return float(answer[0] + answer[1] / 1_000_000)

        return self._frame.breaker.call(lambda: self._read(show))

    def _read(self, show: Callable[[], float]) -> Reading:
        asked = self._wall()
        shown = show()
        return Reading(Exchange(asked, shown, shown, self._wall()), self._frame.clock.elapsed())

    def _peers(self) -> dict[str, Interval]:
        """From the answers to every call, so that the leader's clock is measured like any other's."""
        measured = self._frame.client.clocks.intervals(self._frame.clock.elapsed())
        live = self._members.live()
        return {node: interval for node, interval in measured.items() if node in live}

    def _assess(self, now: float) -> Verdict:
        return assess(
            self._samples[DATABASE].interval(now), self._samples[REDIS].interval(now), self._peers()
        )

    def _tell_changes(self, before: Verdict, after: Verdict) -> None:
        was_well = before.health in (ClockHealth.UNKNOWN, ClockHealth.GOOD)
        if after.health != before.health and not (was_well and after.health is ClockHealth.GOOD):
            name = f"clock.{after.health}"
            self._frame.chronicle.noticed(name, f"{self._frame.node}: {describe_health(after)}")
        if after.is_database_suspect != before.is_database_suspect:
            state = "suspect" if after.is_database_suspect else "trusted"
            text = f"{self._frame.node}: the database's clock is {state}"
            self._frame.chronicle.noticed(f"clock.database-{state}", text)

    def _objection(self, _now: float) -> str | None:
        return self.illness()

    # The display time

    def _take_round(self, found: BerkeleyRound, caller: Caller) -> None:
        correction = found.corrections.get(self._frame.node, 0.0)
        if caller.node != self._election.leader or abs(correction) > LARGEST_CORRECTION_SECONDS:
            self._frame.chronicle.noticed(
                "clock.adjustment-refused", f"{caller.node} asked for a correction of {correction:.1f} s"
            )
            raise CallRefused("REFUSED", "only the leader corrects the time, and not by so much")
        self.apply(found)

    def _wall(self) -> float:
        return self._frame.clock.now().timestamp()

    def _describe(self, name: str, interval: Interval | None, now: float) -> Document:
        recent, age = self._samples[name].recent(now), self._samples[name].age(now)
        best = min((exchange.round_trip for exchange in recent if exchange.round_trip >= 0), default=None)
        return {
            **_shown(name, interval),
            "samples": len(recent),
            "round_trip_ms": None if best is None else round(best * 1000, 3),
            "age_seconds": None if age is None else round(age, 1),
        }


def _shown(name: str, interval: Interval | None) -> Document:
    return {
        "reference": name,
        "offset_ms": None if interval is None else round(interval.centre * 1000, 3),
        "error_ms": None if interval is None else round(interval.error * 1000, 3),
    }


def _ignore(_error: Exception) -> None:
    """No sample this time; the window grows old by itself."""
