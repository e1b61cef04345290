"""`python -m loadtest.idle`: what the processes of a running stack cost while nobody asks them anything.

Processor time of each process over a while, as the kernel counts it; the promise is about coordinators."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.cluster_view import leader_at, nodes_in
from loadtest.report import shown_faults, table
from loadtest.target import NoTarget, add_target_flags, target_of

#: Of a coordinator that follows, and of the one that leads; they look about thirty times a second.
PROMISED_SHARE, PROMISED_LEADER_SHARE = 0.04, 0.08
_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cost:
    """The share of one processor that a process used."""

    node: str
    process: str
    leads: bool
    share: float

    @property
    def fault(self) -> str | None:
        promised = PROMISED_LEADER_SHARE if self.leads else PROMISED_SHARE
        if self.process != "coordinator" or self.share < promised:
            return None
        return f"the coordinator of {self.node} uses {self.share:.1%}, not less than {promised:.0%}"


def processes_of(group: int) -> dict[int, str]:
    """The processes in a process group, each with what it is."""
    found = {}
    for place in _PROC.glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if os.getpgid(int(place.name)) == group:
                found[int(place.name)] = _kind(words)
        except OSError:
            continue  # it has just ended
    return found


def used_seconds(pid: int) -> float:
    """Processor time since it began, its own and the kernel's for it."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(stack_file: Path, seconds: float) -> list[Cost]:
    nodes = nodes_in(stack_file)
    leader = leader_at(nodes[0].url)
    groups = {node.id: processes_of(node.pid) for node in nodes}
    before = {pid: used_seconds(pid) for group in groups.values() for pid in group}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return [
        Cost(
            node,
            kind,
            leader is not None and node == leader.node,
            (used_seconds(pid) - before[pid]) / took,
        )
        for node, group in groups.items()
        for pid, kind in group.items()
    ]


def _kind(words: str) -> str:
    known = {"worker.coordinator": "coordinator", "worker.node": "node", "gunicorn": "web"}
    return next((kind for mark, kind in known.items() if mark in words), words[:30])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.idle", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    try:
        target_of(options)
        costs = measure(options.stack_file, options.seconds)
    except (NoTarget, OSError) as missing:
        print(missing, file=sys.stderr)
        return 2
    rows = [[cost.node, cost.process, "yes" if cost.leads else "", f"{cost.share:.2%}"] for cost in costs]
    print(table(["node", "process", "leads", "of one processor"], rows))
    faults = [cost.fault for cost in costs if cost.fault]
    print(*shown_faults(faults), sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
