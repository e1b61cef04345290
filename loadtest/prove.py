"""Everything that shows the promise is kept, in one command and one short report.

`python -m loadtest.prove` races on the running stack, takes Redis away in the middle, and last shows
on a server without a guard that the same checks can fail."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from loadtest.cinema import Shape
from loadtest.control.scratch import control_server
from loadtest.faults import FAULTS
from loadtest.race import RaceOrder, RaceResult, leave_in_order, run_race, summary
from loadtest.race_rounds import MODES
from loadtest.report import shown_faults, table
from loadtest.seat_rounds import MODES as SEAT_MODES
from loadtest.seats import SeatOrder, SeatResult, run_seats
from loadtest.seats import summary as seat_summary
from loadtest.stage import Stage, StageFailed
from loadtest.target import NoTarget, Target, add_target_flags, target_of

_DUPLICATES = 20
_CONTROL_CLIENTS = 50
_CONTROL_ROUNDS = 2
_HALL_ROWS, _HALL_ACROSS = 10, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One race of the proof."""

    system: str
    mode: str
    fault: str
    strikes: int
    clients: int
    rounds: int
    requests: int
    seconds: float
    #: What the row must show: that nothing is wrong, or on the control that the wrong is seen.
    expected: str
    faults: tuple[str, ...]

    @property
    def is_proved(self) -> bool:
        return bool(self.faults) == (self.expected == "alarm")


def prove(target: Target, options: argparse.Namespace) -> list[Row]:
    """Every mode under every fault, then the negative control."""
    rows = []
    for fault in options.faults:
        for mode in MODES:
            clients = _DUPLICATES if mode == "duplicates" else options.clients
            order = RaceOrder(
                mode=mode,
                clients=clients,
                rounds=options.rounds,
                fault=fault,
                seed=options.seed,
                history=options.directory / f"{mode}-{fault}.jsonl",
            )
            rows.append(_row("stack", "quiet", target, order))
        rows += _seat_rows(target, fault, options)
    return rows + [_control_row(mode, options) for mode in MODES]


def _seat_rows(target: Target, fault: str, options: argparse.Namespace) -> list[Row]:
    """A hall filled with sets of seats, and one with the best seats for everybody; none without a cinema."""
    with closing(Stage(target)) as stage:
        if not stage.has_cinema():
            return []
    orders = [
        SeatOrder(
            mode=mode,
            clients=options.clients,
            rounds=1,
            shape=Shape(_HALL_ROWS, _HALL_ACROSS),
            fault=fault,
            seed=options.seed,
            history=options.directory / f"seats-{mode}-{fault}.jsonl",
        )
        for mode in SEAT_MODES
    ]
    return [_seat_row(target, order) for order in orders]


def _seat_row(target: Target, order: SeatOrder) -> Row:
    print(f"stack: seats, {order.mode}, {order.clients} clients, fault {order.fault} ...", flush=True)
    began = time.monotonic()
    result = run_seats(target, order, tell=lambda _: None)
    if result.faults:
        print(seat_summary(result))
    return _as_row("stack", "quiet", result, time.monotonic() - began, f"seats: {order.mode}")


def _control_row(mode: str, options: argparse.Namespace) -> Row:
    order = RaceOrder(
        mode=mode,
        clients=_DUPLICATES if mode == "duplicates" else _CONTROL_CLIENTS,
        rounds=_CONTROL_ROUNDS,
        seed=options.seed,
        history=options.directory / f"{mode}-control.jsonl",
    )
    with control_server(is_guarded=False) as control:
        return _row("control, no guard", "alarm", control, order)


def _row(system: str, expected: str, target: Target, order: RaceOrder) -> Row:
    print(
        f"{system}: {order.mode}, {order.clients} clients, {order.rounds} rounds, fault {order.fault} ...",
        flush=True,
    )
    began = time.monotonic()
    result = run_race(target, order, tell=lambda _: None)
    if result.faults and expected == "quiet":
        print(summary(result))
    return _as_row(system, expected, result, time.monotonic() - began, order.mode)


def _as_row(system: str, expected: str, result: RaceResult | SeatResult, seconds: float, mode: str) -> Row:
    return Row(
        system=system,
        mode=mode,
        fault=result.order.fault,
        strikes=result.strikes,
        clients=result.order.clients,
        rounds=len(result.rounds),
        requests=result.requests,
        seconds=round(seconds, 1),
        expected=expected,
        faults=tuple(result.faults),
    )


def report(rows: Sequence[Row], commit: str, seed: int) -> str:
    """A page somebody can read in a minute."""
    heads = [
        "system",
        "race",
        "fault",
        "strikes",
        "clients",
        "rounds",
        "requests",
        "s",
        "violations",
        "must be",
        "verdict",
    ]
    cells = [_cells(row) for row in rows]
    requests = sum(row.requests for row in rows if row.expected == "quiet")
    proved = sum(row.is_proved for row in rows)
    return "\n".join(
        [
            f"commit {commit}, seed {seed}, {os.cpu_count()} cores, Python {platform.python_version()}",
            table(heads, cells),
            *(line for row in rows if not row.is_proved for line in shown_faults(row.faults)),
            f"{requests} requests on the stack; {proved} of {len(rows)} rows proved",
        ]
    )


def _cells(row: Row) -> list[object]:
    must_be = "none" if row.expected == "quiet" else "some"
    verdict = "proved" if row.is_proved else "FAILED"
    work = [row.strikes, row.clients, row.rounds, row.requests, row.seconds]
    return [row.system, row.mode, row.fault, *work, len(row.faults), must_be, verdict]


def commit_here() -> str:
    """The commit that is checked out, marked when files differ from it."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return told.stdout.strip() or "unknown"


def _write_json(rows: Sequence[Row], commit: str, options: argparse.Namespace) -> Path:
    path: Path = options.directory / f"proof-{time.strftime('%Y%m%dT%H%M%S')}.json"
    document = {
        "commit": commit,
        "seed": options.seed,
        "proved": all(row.is_proved for row in rows),
        "rows": [asdict(row) | {"is_proved": row.is_proved} for row in rows],
    }
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.prove", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=["none", "redis-kill", "redis-stop"])
    parser.add_argument("--directory", type=Path, default=Path("var/prove"))
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, leave_in_order)
    options.directory.mkdir(parents=True, exist_ok=True)
    try:
        rows = prove(target_of(options), options)
    except (NoTarget, StageFailed, TimeoutError) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    commit = commit_here()
    print(report(rows, commit, options.seed))
    print(f"written to {_write_json(rows, commit, options)}")
    return 0 if all(row.is_proved for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
