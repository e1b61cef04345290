"""What each group of processes costs: CPU seconds while something runs, and memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

GROUPS = ("node", "coordinator", "postgres", "redis", "nginx", "others")


def group_of(name: str, process: psutil.Process) -> str:
    """The group of a process below the stack's program of that name."""
    if name.startswith("node-"):
        return "coordinator" if "worker.coordinator" in process.cmdline() else "node"
    return name if name in GROUPS else "others"


@dataclass(frozen=True)
class Cost:
    """CPU seconds of each group."""

    cpu_seconds: Mapping[str, float] = field(default_factory=dict)

    def ms_per(self, requests: int) -> dict[str, float]:
        return {group: 1000 * spent / max(requests, 1) for group, spent in self.cpu_seconds.items()}


class Processes:
    """The programs of one stack, by name, with everything they started."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids

    @contextmanager
    def measured(self) -> Iterator[dict[str, float]]:
        """Fills the dict with the CPU seconds of each group when the block ends."""
        before, spent = self._cpu(), dict.fromkeys(GROUPS, 0.0)
        yield spent
        for pid, (group, seconds) in self._cpu().items():
            spent[group] += seconds - before.get(pid, (group, 0.0))[1]

    def node_megabytes(self) -> float:
        """The largest web node's own memory: gunicorn's master and workers."""
        sizes = [
            sum(
                process.memory_full_info().pss
                for process in _tree(pid)
                if group_of(name, process) == "node" and "gunicorn" in " ".join(process.cmdline())
            )
            for name, pid in self._pids.items()
            if name.startswith("node-")
        ]
        return max(sizes, default=0) / 2**20

    def megabytes_of(self, name: str) -> float:
        """The memory of one of the stack's programs with all its children."""
        return float(sum(process.memory_full_info().pss for process in _tree(self._pids[name]))) / 2**20

    def _cpu(self) -> dict[int, tuple[str, float]]:
        found = {}
        for name, pid in self._pids.items():
            for process in _tree(pid):
                try:
                    times = process.cpu_times()
                    found[process.pid] = group_of(name, process), times.user + times.system
                except psutil.NoSuchProcess:
                    continue
        return found


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
