"""python -m tests.simulation --seeds 10000: every core through that many worlds, on all processors.

A failure prints its seed; --seed N --only NAME --trace replays it and prints every step."""

import argparse
import multiprocessing
import sys
import time
import traceback
from collections import Counter, defaultdict

from tests.simulation.scenarios import RULES, what_never_happened

CHUNK = 25
SHOWN_FAILURES = 5
PROGRESS_SECONDS = 5.0


def run_chunk(work):
    """(scenario, seeds) -> the scenario, what happened in all of them, and what broke."""
    name, seeds = work
    counts, failures = Counter(), []
    for seed in seeds:
        try:
            counts += RULES[name].scenario(seed).run()
        except Exception as error:
            failures.append((name, seed, f"{type(error).__name__}: {error}"))
    return name, len(seeds), counts, failures


def run_all(names, first, seeds, workers):
    chunks = [
        (name, range(start, min(start + CHUNK, first + seeds)))
        for start in range(first, first + seeds, CHUNK)
        for name in names
    ]
    totals, failures = defaultdict(Counter), []
    done, started = 0, time.monotonic()
    last_line = started
    with multiprocessing.Pool(workers) as pool:
        for name, size, counts, broken in pool.imap_unordered(run_chunk, chunks):
            totals[name] += counts
            failures += broken
            done += size
            if time.monotonic() - last_line > PROGRESS_SECONDS:
                last_line = time.monotonic()
                worlds = f"{done} of {seeds * len(names)} worlds, {len(failures)} broken"
                print(f"{last_line - started:5.0f} s  {worlds}", flush=True)
    return totals, failures, time.monotonic() - started


def report(totals, failures, seeds, seconds):
    """Prints what happened; true when nothing broke and nothing was vacuous."""
    vacuous = False
    for name, counts in sorted(totals.items()):
        print(f"\n{name}: {counts['seeds']} of {seeds} seeds passed")
        print(
            "  " + ", ".join(f"{what} {count}" for what, count in sorted(counts.items()) if what != "seeds")
        )
        missing = what_never_happened(name, counts)
        if missing:
            vacuous = True
            print(f"  VACUOUS: too few of {missing}")
    for name, seed, message in sorted(failures)[:SHOWN_FAILURES]:
        print(f"\nBROKEN {name} seed {seed}: {message}")
        print(f"  replay: python -m tests.simulation --only {name} --seed {seed} --trace")
    verdict = f"{len(failures)} broken" if failures else "vacuous" if vacuous else "all invariants held"
    print(f"\n{seeds} seeds x {len(totals)} scenarios in {seconds:.0f} s: {verdict}")
    return not failures and not vacuous


def replay(names, seed, with_trace):
    """One seed of each named scenario, step by step."""
    is_good = True
    for name in names:
        scenario = RULES[name].scenario(seed, trace=with_trace)
        try:
            scenario.run()
            verdict = "passed"
        except Exception:
            is_good = False
            verdict = traceback.format_exc()
        print(*(scenario.world.lines or []), sep="\n")
        print(f"{name} seed {seed}: {verdict}")
    return is_good


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds per scenario")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--only", action="append", choices=sorted(RULES), help="just this scenario; repeatable"
    )
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--seed", type=int, help="replay this one seed")
    parser.add_argument("--trace", action="store_true", help="with --seed: print every step")
    options = parser.parse_args(arguments)
    names = options.only or list(RULES)
    if options.seed is not None:
        return 0 if replay(names, options.seed, options.trace) else 1
    totals, failures, seconds = run_all(names, options.first, options.seeds, options.workers)
    return 0 if report(totals, failures, options.seeds, seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
