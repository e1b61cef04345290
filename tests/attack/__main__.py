"""`python -m tests.attack [numbers]`: every row of the attack table against the running stack; exit 1 if one
came through."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback

from loadtest.target import NoTarget, add_target_flags, target_of
from tests.attack import abuse, access, browser, machinery
from tests.attack.field import Broken, Field, NotTried
from tests.attack.table import ROWS, Row

MODULES = (access, abuse, browser, machinery)
HELD, CAME_THROUGH, NOT_HERE, NOT_TRIED = "held", "CAME THROUGH", "does not apply", "NOT TRIED"
MOST_WORDS = 220
LAST_ROW = 40
#: Enough to meet every operation as each role; `make fuzz` sends ten thousand as each.
USUAL_FUZZ_CASES = 300


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("numbers", nargs="*", type=int, help="only these rows")
    parser.add_argument("--live-only", action="store_true", help="leave out the tests that go with the rows")
    parser.add_argument(
        "--fuzz-cases",
        type=int,
        default=USUAL_FUZZ_CASES,
        help="row 29: so many as each role; 0 leaves it out",
    )
    options = parser.parse_args()
    try:
        field = Field(target_of(options))
    except NoTarget as trouble:
        print(trouble, file=sys.stderr)
        return 2
    began = time.monotonic()
    wanted = [ROWS[number] for number in sorted(ROWS) if not options.numbers or number in options.numbers]
    field.fuzz_cases = options.fuzz_cases
    missing = set(range(1, LAST_ROW + 1)) - ROWS.keys()
    if missing:
        raise AssertionError(f"rows {sorted(missing)} of the table are tried by nobody")
    outcomes = [_tell(row, *_try(row, field, options.live_only)) for row in wanted]
    came_through = outcomes.count(CAME_THROUGH)
    print(
        f"{len(wanted)} rows at {field.target.base_url} in {time.monotonic() - began:.0f} s: "
        f"{outcomes.count(HELD)} held, {came_through} came through, {outcomes.count(NOT_HERE)} do not apply, "
        f"{outcomes.count(NOT_TRIED)} not tried"
    )
    return 1 if came_through else 0


def _try(row: Row, field: Field, live_only: bool) -> tuple[str, str]:
    if row.reason:
        return NOT_HERE, row.reason
    if row.attack is None and live_only:
        return NOT_TRIED, f"only by {', '.join(row.tests)}"
    words = []
    if row.attack is not None:
        try:
            words.append(row.attack(field))
        except NotTried as left_out:
            return NOT_TRIED, str(left_out)
        except Broken as broken:
            return CAME_THROUGH, str(broken)
        except Exception:
            return CAME_THROUGH, f"the attack itself failed: {traceback.format_exc(limit=-2)}"
    if row.tests and live_only:
        words.append("its tests were not run")
    elif row.tests:
        passed, said = _run_tests(row.tests)
        if not passed:
            return CAME_THROUGH, said
        words.append(said)
    return HELD, "; ".join(words)


def _run_tests(tests: tuple[str, ...]) -> tuple[bool, str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines() or ["nothing ran"]
    return done.returncode == 0, f"{', '.join(tests)}: {lines[-1].strip('= ')}"


def _tell(row: Row, outcome: str, words: str) -> str:
    shown = words if outcome == CAME_THROUGH else words[:MOST_WORDS]
    print(f"{row.number:>2}  {outcome:<14} {row.title}\n    {shown}", flush=True)
    return outcome


if __name__ == "__main__":
    if not all(hasattr(module, "__doc__") for module in MODULES):
        raise AssertionError("a module of rows is missing")
    sys.exit(main())
