"""What a web worker tells its node's coordinator each second about its work."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServedRequest:
    """One answer, by its route: the path itself may hold a secret."""

    at: str
    method: str
    route: str
    status: int
    milliseconds: float


@dataclass(frozen=True)
class LoadReport:
    """`cpu` is the share of one processor used since the last report; `requests` counts since the start.
    `in_flight` includes the event streams that are open."""

    worker: str
    in_flight: int
    requests: int
    failures: int
    p95_ms: float | None
    cpu: float
    streams: int = 0
    #: Of the requests since the last report, as algorithms.latencies counts them.
    latencies: dict[int, int] = field(default_factory=dict)
    recent: tuple[ServedRequest, ...] = ()
