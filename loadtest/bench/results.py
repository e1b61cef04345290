"""What a run found: shots by name and turn, single figures, and what was wrong."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measured:
    """One shot: what the generator saw and what it cost the machine."""

    shot: str
    rate: float
    p50: float
    p90: float
    p99: float
    requests: int
    wrong: int
    cpu_ms: dict[str, float]


@dataclass
class Results:
    """Every list has one entry per turn."""

    shots: dict[str, list[Measured]] = field(default_factory=dict)
    bursts: dict[str, list[float]] = field(default_factory=dict)
    #: What is no rate: seconds, megabytes, kilobytes, as their names say.
    figures: dict[str, list[float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    node_megabytes: float = 0.0

    def note(self, figure: str, value: float) -> None:
        self.figures.setdefault(figure, []).append(value)

    def figure(self, name: str) -> float | None:
        """The median over all turns; None for what was not measured."""
        values = self.figures.get(name)
        return statistics.median(values) if values else None
