"""What a node says of itself with each heartbeat, to its peers, to Redis and to SQL alike."""

from __future__ import annotations

from dataclasses import dataclass

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

    @property
    def peer(self) -> Peer:
        return Peer(self.node, self.rpc_url, self.machine)
