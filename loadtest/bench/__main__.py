"""python -m loadtest.bench: how fast the product is beside a Flask hello, on this machine, now."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from loadtest.bench.generator import GeneratorFailed, name_of_generator
from loadtest.bench.goals import GOALS, judge, ratio, shots_for
from loadtest.bench.picture import bars
from loadtest.bench.range import Order
from loadtest.bench.report import as_json, compared, shown
from loadtest.bench.run import measure
from loadtest.bench.stack import StackFailed
from loadtest.stage import StageFailed

VAR = Path(os.environ.get("ONESLOT_VAR", "var")) / "bench"
_QUICK_SECONDS, _SECONDS = 2.0, 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    goals = options.only or list(GOALS)
    order = Order(
        VAR.resolve(), shots_for(goals), options.nodes, options.turns,
        _QUICK_SECONDS if options.quick else options.seconds,
    )  # fmt: skip
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {name_of_generator()}")
    try:
        results = measure(order)
    except (StackFailed, StageFailed, GeneratorFailed) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    verdicts = judge(results, goals)
    document = as_json(results, verdicts)
    name = VAR / time.strftime("bench-%Y%m%dT%H%M%S")
    name.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n")
    name.with_suffix(".svg").write_text(bars({shot: ratio(results, shot) for shot in results.shots}))
    print("\n" + shown(results, verdicts))
    if options.compare:
        print("\n" + compared(document, options.compare))
    print(f"\n{name}.json and .svg")
    return 1 if results.faults else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seconds a shot: under three minutes in all")
    parser.add_argument("--only", action="append", choices=list(GOALS), help="this goal; may be repeated")
    parser.add_argument("--compare", type=Path, help="the JSON of an earlier run")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3, help="repetitions; at least 3 for a verdict")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long each shot lasts")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
