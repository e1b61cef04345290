"""The shooting range: the product's stack, the floor and the baselines beside it, a practice to book in."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.bench import baselines, truth
from loadtest.bench.beside import Beside, running_beside
from loadtest.bench.generator import Sample, Shot, fire
from loadtest.bench.processes import Processes
from loadtest.bench.results import Measured, Results
from loadtest.bench.stack import RunningStack, running_stack
from loadtest.bench.staging import Field, lay_out, make_admin

MANY, FEW, CROWD = 32, 8, 1000
#: With the seats of all turns as many slots as a node keeps a copy of; beyond, it reads from the database.
DOCTORS = 16
BASELINE_SLOTS = 40_000
#: All bookings come from this machine: as many as a thousand addresses may make.
SETTINGS = {"SHARED_ADDRESS_FACTOR": "1000"}


@dataclass(frozen=True)
class Order:
    """What to run: the shots whose names are wanted, so many times, each so long."""

    var: Path
    wanted: frozenset[str]
    nodes: int = 2
    repetitions: int = 3
    seconds: float = 5.0


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

    def shown(self, figure: str) -> str:
        return f"{self.results.figures.get(figure, [0.0])[-1]:.0f}"


@contextmanager
def shooting_range(order: Order, say: Callable[[str], None]) -> Iterator[Range]:
    """With a database of its own, empty before."""
    shutil.rmtree(order.var / "stack", ignore_errors=True)
    with ExitStack() as opened:
        began = time.monotonic()
        stack = opened.enter_context(running_stack(order.var / "stack", order.nodes, **SETTINGS))
        fresh = time.monotonic() - began
        say(f"stack of {order.nodes} nodes up after {fresh:.0f} s: {stack.url}")
        make_admin(stack)
        field = lay_out(stack, DOCTORS)
        baselines.lay_out(stack.database_url, BASELINE_SLOTS)
        hello = opened.enter_context(
            running_beside(stack, order.var / "hello", "loadtest.bench.hello:app", {})
        )
        where = {"BASELINE_DATABASE_URL": stack.database_url}
        others = opened.enter_context(
            running_beside(stack, order.var / "others", "loadtest.bench.baselines:app", where)
        )
        say(f"{field.left} free slots staged after {time.monotonic() - began:.0f} s")
        results = Results(figures={"fresh start s": [fresh]})
        yield Range(order, stack, hello, others, field, results, say)
