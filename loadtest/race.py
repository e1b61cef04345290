"""Releases many clients together on one slot, on overlapping intervals, or with copies of one request.

`python -m loadtest.race --clients 200 --rounds 20 --mode slot|interval|duplicates --fault redis-stop`"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from loadtest.faults import FAULTS, fault
from loadtest.race_rounds import MODES, Racers, Round, round_of
from loadtest.report import milliseconds, percentile, shown_faults, table
from loadtest.stage import StageFailed
from loadtest.target import NoTarget, Target, add_target_flags, target_of
from loadtest.verdict import Evidence, gather_evidence

HISTORIES = Path("var/loadtest")

#: Bounds of what one command may do.
MOST_CLIENTS = 1000
MOST_ROUNDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceOrder:
    """What to run."""

    mode: str
    clients: int
    rounds: int
    fault: str = "none"
    seed: int = 1
    kind: str = "alternate"
    history: Path


@dataclass(slots=True)
class RaceResult:
    """What came of it."""

    order: RaceOrder
    rounds: list[Round] = field(default_factory=list)
    strikes: int = 0
    evidence: Evidence | None = None

    @property
    def faults(self) -> list[str]:
        found = [f"round {r.number}: {fault}" for r in self.rounds for fault in r.faults]
        if self.order.fault != "none" and self.strikes == 0:
            found.append(f"{self.order.fault} never struck: the run proves nothing")
        if self.evidence is None:
            return [*found, "nothing was checked afterwards"]
        return found + list(self.evidence.faults)

    @property
    def requests(self) -> int:
        return sum(len(r.entries) for r in self.rounds)


def run_race(target: Target, order: RaceOrder, tell: Callable[[str], None] = print) -> RaceResult:
    """Runs every round under the fault, then asks the checker and the database."""
    result = RaceResult(order)
    order.history.parent.mkdir(parents=True, exist_ok=True)
    order.history.unlink(missing_ok=True)
    with Racers(target, order.clients, order.history, Random(f"{order.seed}/{order.mode}")) as racers:
        racers.prepare(order.mode, order.rounds)
        with fault(order.fault, target) as strikes:
            for number in range(1, order.rounds + 1):
                result.rounds.append(round_of(racers, order.mode, order.kind, number))
                tell(_line_of(result.rounds[-1]))
            result.strikes = strikes()
        result.evidence = gather_evidence(target, racers.stage, racers.doctors, racers.scribe)
    return result


def _line_of(done: Round) -> str:
    verdict = "ok" if not done.faults else f"FAILED: {'; '.join(done.faults[:3])}"
    return f"round {done.number:>3} {done.kind:<10} {done.subject:<22} {verdict}"


def summary(result: RaceResult) -> str:
    """One row per round, then what all of it says."""
    heads = [
        "round",
        "kind",
        "asked for",
        "clients",
        "201",
        "409",
        "5xx",
        "lost",
        "told",
        "by",
        "spread",
        "p50",
        "p99",
    ]
    rows = [_row(done) for done in result.rounds]
    lines = [table(heads, rows), "(spread: first to last client sent; p50, p99 of the answers; all in ms)"]
    told = [done.message for done in result.rounds if done.message]
    if told:
        lines.append(f"losers read: {told[0]!r}")
    if result.evidence is not None:
        lines.append(str(result.evidence))
    lines += shown_faults(result.faults)
    order = result.order
    lines.append(
        f"{order.mode}, {order.clients} clients, {len(result.rounds)} rounds, fault {order.fault}"
        f" ({result.strikes} strikes), seed {order.seed}: {'PASSED' if not result.faults else 'FAILED'}"
    )
    return "\n".join(lines)


def _row(done: Round) -> list[object]:
    waits = [entry.t_ret - entry.t_inv for entry in done.entries if entry.t_ret is not None]
    starts = [entry.t_inv for entry in done.first_calls]
    statuses = [entry.status or 0 for entry in done.entries]
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(done.told.items()))
    return [
        done.number,
        done.kind,
        done.subject,
        done.contenders,
        statuses.count(201),
        statuses.count(409),
        sum(status >= 500 for status in statuses),
        statuses.count(0),
        told or "-",
        ",".join(sorted(done.winning_nodes)) or "-",
        milliseconds(max(starts) - min(starts)),
        milliseconds(percentile(waits, 0.5)),
        milliseconds(percentile(waits, 0.99)),
    ]


def _order_of(options: argparse.Namespace) -> RaceOrder:
    name = f"race-{options.mode}-{options.fault}-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
    return RaceOrder(
        mode=options.mode,
        clients=min(options.clients or (20 if options.mode == "duplicates" else 200), MOST_CLIENTS),
        rounds=min(options.rounds, MOST_ROUNDS),
        fault=options.fault,
        seed=options.seed,
        kind=options.kind,
        history=options.history or HISTORIES / name,
    )


def leave_in_order(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does, so that a stopped Redis goes on."""
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.race", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--mode", choices=MODES, default="slot")
    parser.add_argument("--clients", type=int, help="default: 200, and 20 copies for duplicates")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--kind", choices=("hold", "instant", "alternate"), default="alternate")
    parser.add_argument("--fault", choices=FAULTS, default="none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--history", type=Path, help="where the clients write what they were told")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, leave_in_order)
    try:
        result = run_race(target_of(options), _order_of(options))
    except (NoTarget, StageFailed, TimeoutError) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    print(summary(result))
    return 0 if not result.faults else 1


if __name__ == "__main__":
    sys.exit(main())
