"""`python -m loadtest.consistency`: do people who go from node to node see what they did and saw?

A slot is changed at one node and looked for at all others at the same moment, with the session token and
nothing else: each such look is a try. The people are spread over processes, or the one that runs them would
be what is measured. Afterwards, in quiet, every copy on every node must equal the database."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context

from loadtest.copies import Quiet, copies_of, wait_for_quiet
from loadtest.faults import FAULTS, fault
from loadtest.report import milliseconds, percentile, shown_faults, table
from loadtest.stage import Stage, StageFailed, tomorrow
from loadtest.target import NoTarget, Target, add_target_flags, target_of
from loadtest.wanderers import Findings, Wanderer

PROMISED_LAG_MS = 250.0
#: A share of the tries.
MOST_UNDECIDED = 0.01
LOGIN_MINUTES = 15


@dataclass(slots=True)
class Run:
    fault: str
    findings: Findings
    seconds: float
    quiet: Quiet
    most_lag_ms: float

    @property
    def lag_ms(self) -> float | None:
        """The slowest p99 of all copies: from the commit to the change being readable."""
        lags = [copy["transit_p99_ms"] for node in self.quiet.nodes for copy in copies_of(node)]
        return max((lag for lag in lags if lag is not None), default=None)

    @property
    def faults(self) -> list[str]:
        found = self.findings
        told = list(found.examples)
        if not found.tries:
            told.append("not one try came to an end")
        if found.undecided > found.tries * MOST_UNDECIDED:
            told.append(
                f"{found.undecided} had no answer (a login lasts {LOGIN_MINUTES} minutes, a run less)"
            )
        if not found.served.get("causal"):
            told.append("no causal read was served by a copy: nothing was proved about copies")
        told += self.quiet.faults
        # With Redis away copies ask the database twice a second; the promise is about the bus.
        if self.fault == "none" and (self.lag_ms is None or self.lag_ms > self.most_lag_ms):
            told.append(f"p99 of the lag is {self.lag_ms} ms, promised are {self.most_lag_ms:g} ms")
        return told


def run(target: Target, options: argparse.Namespace) -> Run:
    if len(target.node_urls) < 2:
        raise NoTarget("Two nodes at least are needed: the stack file names them.")
    stage = Stage(target)
    wanderers = _gather(target, stage, options)
    share = -(-options.tries // len(wanderers))
    began = time.monotonic()
    with fault(options.fault, target):
        findings = _wander(wanderers, options.processes, share, began + options.seconds)
    seconds = time.monotonic() - began
    stage.close()
    return Run(options.fault, findings, seconds, wait_for_quiet(target.node_urls), options.most_lag_ms)


def _gather(target: Target, stage: Stage, options: argparse.Namespace) -> list[Wanderer]:
    """Eight at each doctor, so that everybody also sees what others do."""
    found: list[Wanderer] = []
    while len(found) < options.clients:
        number = len(found)
        doctor = stage.new_doctor(f"consistency-{os.getpid()}-{number}")
        places = stage.new_slots(doctor, first_day=tomorrow(), days=1, minutes=60)
        found += [
            Wanderer(
                target.node_urls,
                doctor,
                place.id,
                place.day,
                random.Random(options.seed + number + n),
                headers=stage.client_headers,
            )
            for n, place in enumerate(places[: options.clients - number])
        ]
    return found


def _wander(wanderers: Sequence[Wanderer], processes: int, tries: int, until: float) -> Findings:
    together = Findings()
    groups = [group for n in range(processes) if (group := wanderers[n::processes])]
    with ProcessPoolExecutor(len(groups), get_context("spawn")) as pool:
        for findings in pool.map(_wander_in_threads, groups, repeat(tries), repeat(until)):
            together.add(findings)
    return together


def _wander_in_threads(wanderers: Sequence[Wanderer], tries: int, until: float) -> Findings:
    """CLOCK_MONOTONIC is one for all processes of a machine."""
    together = Findings()
    with ThreadPoolExecutor(len(wanderers)) as pool:
        for findings in pool.map(lambda each: each.wander(tries, until), wanderers):
            together.add(findings)
    return together


def report(result: Run) -> str:
    found, seconds = result.findings, sorted(result.findings.read_seconds) or [0.0]
    rows: list[list[object]] = [
        ["tries", found.tries],
        ["own write not seen", found.missed_writes],
        ["less seen than before", found.went_back],
        ["served weaker than asked", found.too_weak],
        ["bounded, but older than 5 s", found.too_old],
        ["without an answer", found.undecided],
        ["causal reads p50 ms", milliseconds(percentile(seconds, 0.5))],
        ["causal reads p99 ms", milliseconds(percentile(seconds, 0.99))],
        ["lag p99 ms, slowest copy", "-" if result.lag_ms is None else result.lag_ms],
        ["equal after s of quiet", "-" if result.quiet.seconds is None else f"{result.quiet.seconds:.1f}"],
    ]
    served = ", ".join(f"{level} {count}" for level, count in sorted(found.served.items()))
    return "\n".join(
        [
            f"fault meanwhile: {result.fault}; {found.tries / result.seconds:.0f} tries per second",
            table(["what", "count"], rows),
            f"served as: {served}",
            *shown_faults(result.faults),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        result = run(target_of(options), options)
    except (NoTarget, StageFailed) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    print(report(result))
    return 1 if result.faults else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.consistency", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--tries", type=int, default=2000, help="looks at another node for an own write")
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after so long in any case")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--processes", type=int, default=2, help="that the clients are spread over")
    parser.add_argument("--fault", choices=list(FAULTS), default="none", help="what is broken meanwhile")
    parser.add_argument("--most-lag-ms", type=float, default=PROMISED_LAG_MS)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
