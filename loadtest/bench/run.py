"""One benchmark: floor and product in turns, several times, each run checked against the database."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.bench import baselines, truth
from loadtest.bench.beside import Beside, running_beside
from loadtest.bench.burst import burst
from loadtest.bench.generator import Sample, Shot, fire
from loadtest.bench.processes import Processes
from loadtest.bench.stack import RunningStack, running_stack
from loadtest.bench.staging import Field, lay_out, make_admin

MANY, FEW, CROWD = 32, 8, 1000
DOCTORS = 16
_BASELINE_SLOTS = 40_000


@dataclass(frozen=True)
class Order:
    """What to run: the shots whose names are wanted, so many times, each so long."""

    var: Path
    wanted: frozenset[str]
    nodes: int = 2
    repetitions: int = 3
    seconds: float = 5.0


@dataclass(frozen=True)
class Measured:
    """One shot: what the generator saw and what it cost the machine."""

    shot: str
    rate: float
    p50: float
    p90: float
    p99: float
    requests: int
    wrong: int
    cpu_ms: dict[str, float]


@dataclass
class Results:
    """All shots by name, in turn; and what was wrong."""

    shots: dict[str, list[Measured]] = field(default_factory=dict)
    bursts: dict[str, list[float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    node_megabytes: float = 0.0


@dataclass
class Range:
    """Everything that runs while shots are fired."""

    order: Order
    stack: RunningStack
    hello: Beside
    others: Beside
    field: Field
    results: Results
    say: Callable[[str], None]
    _runs: int = 0

    def fire(
        self, name: str, shot: Shot, processes: Processes, expected: int, connections: int = MANY
    ) -> Sample:
        with processes.measured() as spent:
            sample = fire(shot, connections, self.order.seconds)
        wrong = sample.others_than(expected)
        cost = {group: 1000 * used / max(sample.requests, 1) for group, used in spent.items()}
        measured = Measured(
            name, sample.rate, sample.p50, sample.p90, sample.p99, sample.requests, wrong, cost
        )
        self.results.shots.setdefault(name, []).append(measured)
        if wrong:
            self.results.faults.append(
                f"{name}: {wrong} answers other than {expected}: {dict(sample.statuses)}"
            )
        self.say(f"  {name:<14} {sample.rate:>8.0f}/s  p50 {sample.p50:>7.1f} ms  p99 {sample.p99:>7.1f} ms")
        return sample

    def run_name(self) -> str:
        self._runs += 1
        return f"bench-{os.getpid()}-{self._runs}"

    def book(self, name: str, connections: int, share: float) -> None:
        """Instant bookings of distinct slots, checked afterwards."""
        run = self.run_name()
        slots = self.field.file_of(self.order.var, int(self.field.left * share))
        shot = Shot(url=self.stack.url, path="/api/bookings", what="book", given=str(slots), run=run)
        sample = self.fire(name, shot, self.stack.processes, 201, connections)
        faults = truth.faults_of_run(self.stack.database_url, run, sample.count(201), connections)
        self.results.faults += [f"{name}: {fault}" for fault in faults]


@contextmanager
def shooting_range(order: Order, say: Callable[[str], None]) -> Iterator[Range]:
    """The product's stack, the floor and the baselines beside it, and a practice with free slots."""
    # All bookings come from this machine: as many as a thousand addresses may make.
    settings = {"SHARED_ADDRESS_FACTOR": "1000"}
    with ExitStack() as opened:
        began = time.monotonic()
        stack = opened.enter_context(running_stack(order.var / "stack", order.nodes, **settings))
        say(f"stack of {order.nodes} nodes up after {time.monotonic() - began:.0f} s: {stack.url}")
        make_admin(stack)
        field = lay_out(stack, DOCTORS)
        baselines.lay_out(stack.database_url, _BASELINE_SLOTS)
        hello = opened.enter_context(
            running_beside(stack, order.var / "hello", "loadtest.bench.hello:app", {})
        )
        where = {"BASELINE_DATABASE_URL": stack.database_url}
        others = opened.enter_context(
            running_beside(stack, order.var / "others", "loadtest.bench.baselines:app", where)
        )
        say(f"{field.left} free slots staged after {time.monotonic() - began:.0f} s")
        yield Range(order, stack, hello, others, field, Results(), say)


def hello(at: Range, name: str = "hello", connections: int = MANY) -> None:
    at.fire(name, Shot(url=at.hello.url, path="/hello"), at.hello.processes, 200, connections)


def availability(at: Range) -> None:
    """A doctor's day from the node's own copy, as visitors get it."""
    path = f"/api/availability?doctor_id={at.field.shown_doctor}&date={at.field.shown_day.isoformat()}"
    headers = {"X-Consistency": "eventual"}
    at.fire("availability", Shot(url=at.stack.url, path=path, headers=headers), at.stack.processes, 200)


def losers(at: Range) -> None:
    """Everybody wants one slot that is taken; each has a key of its own."""
    (slot,) = at.field.take(1)
    wanted = Shot(url=at.stack.url, path="/api/bookings", what="same", given=str(slot), run=at.run_name())
    burst(wanted, 1)
    again = Shot(url=at.stack.url, path="/api/bookings", what="same", given=str(slot), run=at.run_name())
    at.fire("hot slot", again, at.stack.processes, 409)


def crowd(at: Range) -> None:
    """A thousand clients at one free slot, and a thousand at the floor."""
    (slot,) = at.field.take(1)
    floor = burst(Shot(url=at.hello.url, path="/hello"), CROWD)
    rush = burst(
        Shot(url=at.stack.url, path="/api/bookings", what="same", given=str(slot), run=at.run_name()), CROWD
    )
    at.results.bursts.setdefault("hello", []).append(floor.seconds)
    at.results.bursts.setdefault("one slot", []).append(rush.seconds)
    if rush.statuses != {201: 1, 409: CROWD - 1}:
        at.results.faults.append(f"crowd: one 201 and {CROWD - 1} x 409 were due, not {dict(rush.statuses)}")
    at.say(f"  {CROWD} clients: hello {floor.seconds:.2f} s, one slot {rush.seconds:.2f} s")


def baseline(at: Range, name: str) -> None:
    baselines.open_again(at.stack.database_url)
    slots = at.order.var / "baseline.txt"
    slots.write_text("".join(f"{number}\n" for number in range(1, _BASELINE_SLOTS + 1)))
    shot = Shot(url=at.others.url, path=f"/{name}", what="book", given=str(slots), run=at.run_name())
    with at.others.processes.measured():
        sample = fire(shot, MANY, at.order.seconds)
    booked = Measured(name, sample.count(201) / sample.seconds, sample.p50, sample.p90, sample.p99,
                      sample.requests, sample.others_than(201), {})  # fmt: skip
    at.results.shots.setdefault(name, []).append(booked)
    at.say(f"  {name:<14} {booked.rate:>8.0f}/s  p99 {sample.p99:>7.1f} ms  {booked.wrong} not booked")


#: What is fired in each turn, in this order. The booking shots share the free slots of the turn.
SHOTS: dict[str, Callable[[Range, float], Any]] = {
    "hello": lambda at, _share: hello(at),
    "book": lambda at, share: at.book("book", MANY, share),
    "hot slot": lambda at, _share: losers(at),
    "availability": lambda at, _share: availability(at),
    "hello 8": lambda at, _share: hello(at, "hello 8", FEW),
    "book 8": lambda at, share: at.book("book 8", FEW, share / 3),
    "naive": lambda at, _share: baseline(at, "naive"),
    "orm": lambda at, _share: baseline(at, "orm"),
    "crowd": lambda at, _share: crowd(at),
}


def measure(order: Order, say: Callable[[str], None] = print) -> Results:
    """Fire every wanted shot in turn, as often as ordered."""
    with shooting_range(order, say) as at:
        hello(at, "warm-up")
        at.book("warm-up book", MANY, 0.1)
        at.results.shots.clear()
        for turn in range(order.repetitions):
            say(f"turn {turn + 1} of {order.repetitions}")
            share = 1 / (order.repetitions - turn) * 0.6
            for name, shoot in SHOTS.items():
                if name in order.wanted:
                    shoot(at, share)
        at.results.node_megabytes = at.stack.processes.node_megabytes()
        at.results.faults += truth.faults_of(at.stack.database_url)
        return at.results
