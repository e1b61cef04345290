"""The tables for people, the JSON for the next run, and the comparison of the two."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loadtest.bench.generator import name_of_generator
from loadtest.bench.goals import Verdict
from loadtest.bench.processes import GROUPS
from loadtest.bench.results import Measured, Results
from loadtest.report import shown_faults, table

_MARKS = {True: "met", False: "MISSED", None: "-"}


def shown(results: Results, verdicts: list[Verdict]) -> str:
    heads = ["shot", "rate/s", "spread", "of hello", "p50", "p90", "p99", "wrong", *GROUPS]
    rows = [_row(results, name, turns) for name, turns in results.shots.items()]
    goals = [[each.goal, each.wanted, each.found, _MARKS[each.is_met]] for each in verdicts]
    wrong = sum(
        each.wrong for name, turns in results.shots.items() if name not in ("naive", "orm") for each in turns
    )
    lines = [
        table(heads, rows),
        "(medians of all turns; spread: fastest minus slowest turn over the median; times in ms; CPU ms per",
        " request of each group of processes)",
        "",
        table(["goal", "wanted", "found", ""], goals),
        "",
        f"wrong answers: {wrong}; broken promises in the database: {len(results.faults)}",
        *shown_faults(results.faults),
    ]
    return "\n".join(lines)


def _row(results: Results, name: str, turns: list[Measured]) -> list[object]:
    rates = [each.rate for each in turns]
    rate = statistics.median(rates)
    floor = results.shots.get("hello")
    of_hello = (
        statistics.median(a.rate / b.rate for a, b in zip(turns, floor, strict=True)) if floor else None
    )
    waits = [
        f"{statistics.median(getattr(each, share) for each in turns):.1f}" for share in ("p50", "p90", "p99")
    ]
    cpu = [
        f"{statistics.median(each.cpu_ms[group] for each in turns):.2f}" if turns[0].cpu_ms else "-"
        for group in GROUPS
    ]
    return [
        name,
        f"{rate:.0f}",
        f"{(max(rates) - min(rates)) / rate:.0%}",
        f"{of_hello:.0%}" if of_hello is not None else "-",
        *waits,
        sum(each.wrong for each in turns),
        *cpu,
    ]


def as_json(results: Results, verdicts: list[Verdict]) -> dict[str, Any]:
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()},
        "generator": name_of_generator(),
        "shots": {name: [asdict(each) for each in turns] for name, turns in results.shots.items()},
        "bursts": results.bursts,
        "figures": results.figures,
        "node_megabytes": results.node_megabytes,
        "faults": results.faults,
        "goals": [asdict(each) for each in verdicts],
    }


def compared(now: dict[str, Any], before: Path) -> str:
    """Each shot's share of its own run's hello, then and now: machines differ, shares less."""
    then = json.loads(before.read_text())
    rows = [
        [name, f"{_share(then, name):.0%}", f"{_share(now, name):.0%}",
         f"{_share(now, name) / _share(then, name) - 1:+.0%}"]
        for name in now["shots"]
        if name in then["shots"] and "hello" in then["shots"] and "hello" in now["shots"]
    ]  # fmt: skip
    return table(["shot", "of hello then", "now", "change"], rows)


def _share(run: dict[str, Any], name: str) -> float:
    pairs = zip(run["shots"][name], run["shots"]["hello"], strict=True)
    return float(statistics.median(one["rate"] / other["rate"] for one, other in pairs))
