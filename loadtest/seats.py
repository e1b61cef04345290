"""Fills halls with many clients at once and asks clients, checker and database whether a seat was sold twice.

`python -m loadtest.seats --clients 300 --mode sets|best --rounds 3 --fault redis-kill`"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.cinema import Shape
from loadtest.crowd import Crowd
from loadtest.faults import FAULTS
from loadtest.race import HISTORIES, MOST_CLIENTS, MOST_ROUNDS, leave_in_order
from loadtest.report import milliseconds, percentile, shown_faults, table
from loadtest.seat_rounds import MODES, SeatRound, seat_round
from loadtest.seat_rows import Rows
from loadtest.stage import StageFailed
from loadtest.target import NoTarget, Target, add_target_flags, target_of
from loadtest.verdict import Evidence, gather_evidence

_CLIENTS = {"sets": 300, "best": 100}
_HEADS = (
    "round", "clients", "seats", "bookings", "calls", "granted", "409", "5xx", "lost", "told", "maps (304)",
    "s", "p50", "p99",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatOrder:
    """What to run."""

    mode: str
    clients: int
    rounds: int
    shape: Shape
    fault: str = "none"
    seed: int = 1
    history: Path


@dataclass(slots=True)
class SeatResult:
    """What came of it."""

    order: SeatOrder
    rounds: list[SeatRound] = field(default_factory=list)
    evidence: Evidence | None = None
    deadlocks: int | None = None

    @property
    def strikes(self) -> int:
        return sum(done.strikes for done in self.rounds)

    @property
    def requests(self) -> int:
        return sum(len(done.entries) for done in self.rounds)

    @property
    def faults(self) -> list[str]:
        found = [f"round {r.number}: {fault}" for r in self.rounds for fault in r.faults]
        if self.order.fault != "none":
            found += [
                f"round {r.number}: {self.order.fault} never struck" for r in self.rounds if not r.strikes
            ]
        if self.evidence is None:
            return [*found, "nothing was checked afterwards"]
        return found + list(self.evidence.faults)


def run_seats(target: Target, order: SeatOrder, tell: Callable[[str], None] = print) -> SeatResult:
    """Fills a hall per round, then asks the checker and the database."""
    if target.database_url is None:
        raise NoTarget("The stack file names no database, and its rows are the proof.")
    result, rows = SeatResult(order), Rows(target)
    order.history.parent.mkdir(parents=True, exist_ok=True)
    order.history.unlink(missing_ok=True)
    before = rows.deadlocks()
    with Crowd(target, order.clients, order.history, order.seed) as crowd:
        for number in range(1, order.rounds + 1):
            done = seat_round(crowd, target, rows, order.mode, order.shape, number, order.fault)
            result.rounds.append(done)
            tell(f"round {number:>3} {done.seats} seats in {done.seconds:.1f} s {_verdict_of(done)}")
        result.evidence = gather_evidence(target, crowd.stage, (), crowd.scribe, crowd.showtimes)
    after = rows.deadlocks()
    result.deadlocks = None if before is None or after is None else after - before
    return result


def _verdict_of(done: SeatRound) -> str:
    return "ok" if not done.faults else f"FAILED: {'; '.join(done.faults[:3])}"


def summary(result: SeatResult) -> str:
    """One row per hall, then what all of it says."""
    order = result.order
    lines = [
        table(_HEADS, [_row(order, done) for done in result.rounds]),
        "(p50, p99 of all calls in ms; maps: read, and how many of them had not changed)",
    ]
    if result.deadlocks is not None:
        lines.append(f"deadlocks the database ended: {result.deadlocks}")
    if result.evidence is not None:
        lines.append(str(result.evidence))
    lines += shown_faults(result.faults)
    halls = f"{len(result.rounds)} halls of {order.shape.seats}"
    lines.append(
        f"{order.mode}, {order.clients} clients, {halls}, fault {order.fault} ({result.strikes} strikes),"
        f" seed {order.seed}: {'PASSED' if not result.faults else 'FAILED'}"
    )
    return "\n".join(lines)


def _row(order: SeatOrder, done: SeatRound) -> list[object]:
    waits = [entry.t_ret - entry.t_inv for entry in done.entries if entry.t_ret is not None]
    statuses = Counter(entry.status or 0 for entry in done.entries)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(done.tally.told.items()))
    return [
        done.number,
        order.clients,
        done.seats,
        len(done.tally.granted),
        len(done.entries),
        statuses[201] + statuses[200],
        statuses[409],
        sum(count for status, count in statuses.items() if status >= 500),
        statuses[0],
        told or "-",
        f"{done.tally.maps_read} ({done.tally.maps_unchanged})",
        f"{done.seconds:.1f}",
        milliseconds(percentile(waits, 0.5)),
        milliseconds(percentile(waits, 0.99)),
    ]


def _order_of(options: argparse.Namespace) -> SeatOrder:
    name = f"seats-{options.mode}-{options.fault}-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
    return SeatOrder(
        mode=options.mode,
        clients=min(options.clients or _CLIENTS[options.mode], MOST_CLIENTS),
        rounds=min(options.rounds, MOST_ROUNDS),
        shape=Shape(options.rows, options.across),
        fault=options.fault,
        seed=options.seed,
        history=options.history or HISTORIES / name,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.seats", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--mode", choices=MODES, default="sets")
    parser.add_argument("--clients", type=int, help="default: 300, and 100 for the best seats")
    parser.add_argument("--rounds", type=int, default=1, help="halls to fill one after the other")
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--across", type=int, default=20, help="seats in a row")
    parser.add_argument("--fault", choices=FAULTS, default="none", help="strikes when a third is sold")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--history", type=Path, help="where the clients write what they were told")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, leave_in_order)
    try:
        result = run_seats(target_of(options), _order_of(options))
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
