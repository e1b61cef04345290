"""What a node says of itself with each heartbeat, to its peers, to Redis and to SQL alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.algorithms.failure_detector import Status
from app.coordination.rpc.peers import Peer


@dataclass(frozen=True)
class Card:
    node: str
    incarnation: int
    #: Where visitors reach it, and where its coordinator answers calls.
    address: str
    rpc_url: str | None = None
    machine: str = ""
    weight: int = 1
    #: up, draining or left: what it says of itself; whether it is alive is for others to judge.
    status: str = "up"
    started_at: str = ""
    sees_redis: bool = False
    sees_database: bool = False
    #: Requests being answered, event streams among them; processors in use by all its processes.
    connections: int = 0
    streams: int = 0
    load: float = 0.0
    #: Smoothed: the share of its processor one web worker uses, and its 95th percentile.
    busy: float = 0.0
    p95_ms: float = 0.0
    #: Answered since its coordinator began, and those of them with 5xx.
    requests: int = 0
    failures: int = 0
    version: str = ""
    #: good, warn, critical or unknown; see time_sync.ClockHealth.
    clock: str = "unknown"
    #: Counts in each incarnation: cards come by several ways, and one that was long under way is no news.
    number: int = 0

    @property
    def peer(self) -> Peer:
        return Peer(self.node, self.rpc_url, self.machine)

    def is_older_than(self, other: Card) -> bool:
        return (self.incarnation, self.number) < (other.incarnation, other.number)

    def describe(self, status: Status, silent_seconds: float) -> dict[str, Any]:
        """For the monitor: what the node says of itself, and what the one who looks holds it for."""
        shown = (
            "address",
            "incarnation",
            "started_at",
            "weight",
            "connections",
            "load",
            "busy",
            "p95_ms",
            "requests",
            "failures",
            "version",
            "clock",
            "sees_redis",
            "sees_database",
        )
        return {
            "id": self.node,
            "status": self.status if status is Status.ALIVE else str(status),
            "last_heard_seconds": round(silent_seconds, 2),
            **{name: getattr(self, name) for name in shown},
        }
