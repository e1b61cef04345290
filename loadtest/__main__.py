"""`python -m loadtest`: load the running stack as many visitors would, and judge what they were told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from loadtest.control.scratch import control_server
from loadtest.load import MOST_SECONDS, MOST_USERS, LoadOrder, LoadResult, LocustFailed, run_load
from loadtest.load_report import load_report
from loadtest.plan import PROFILES
from loadtest.stage import StageFailed
from loadtest.target import NoTarget, add_target_flags, target_of


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    order = LoadOrder(
        users=min(options.users, MOST_USERS),
        seconds=min(options.seconds, MOST_SECONDS),
        profile=options.profile,
        seed=options.seed,
        directory=options.directory,
        all_doors=options.all_doors,
    )
    try:
        if options.negative_control:
            return _negative_control(order)
        result = run_load(target_of(options), order)
    except (NoTarget, StageFailed, LocustFailed) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    print(load_report(result))
    return 0 if not result.faults else 1


def _negative_control(order: LoadOrder) -> int:
    """The same run against a server without a guard, on a scratch database: now the check must fail."""
    print("Negative control: a scratch database without unique index and transaction.")
    with control_server(is_guarded=False) as target:
        result = run_load(target, order)
    print(load_report(result))
    missed = _checks_that_saw_nothing(result)
    if missed:
        print(f"The negative control FAILED: {', '.join(missed)} saw nothing wrong.")
        return 1
    print("The negative control worked: without the guard every check reports double bookings.")
    return 0


def _checks_that_saw_nothing(result: LoadResult) -> list[str]:
    saw = {
        "the count of winners": any(len(contest.winners) > 1 for contest in result.contests),
        "the checker": any(v.promise == "linearizable" for v in result.evidence.verdict.violations),
        "the database query": any(not finding.holds for finding in result.evidence.findings),
    }
    return [check for check, is_alarmed in saw.items() if not is_alarmed]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--users", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="mixed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=Path("var/loadtest"), help="where histories go")
    parser.add_argument(
        "--all-doors", action="store_true", help="talk to every node too, not the balancer alone"
    )
    parser.add_argument(
        "--negative-control", action="store_true", help="show that the check fails when the guard is removed"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
