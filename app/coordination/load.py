"""What a web worker tells its node's coordinator each second about its work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadReport:
    """`cpu` is the share of one processor used since the last report; `requests` counts since the start."""

    worker: str
    in_flight: int
    requests: int
    failures: int
    p95_ms: float | None
    cpu: float
