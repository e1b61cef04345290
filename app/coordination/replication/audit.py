"""Compares the replica with the database, stream by stream: what all replicas have wrong shows only here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import xor
from typing import Any

from app.clock import Clock
from app.coordination import outbox
from app.coordination.outbox import HEARTBEAT_STREAM
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.report import as_hex, total
from app.coordination.replication.rows import moment
from app.coordination.replication.snapshot import STREAMS_AT_ONCE, Snapshot, take_snapshot
from app.database import Database


@dataclass(frozen=True)
class Truth:
    """One stream as the database had it."""

    seq: int
    rows: int
    digest: int
    horizon: int
    read_at: datetime


class Audit:
    """For one thread. `alarm` hears of every stream that was wrong; it has been repaired then."""

    def __init__(
        self, database: Database, replica: NodeReplica, clock: Clock, alarm: Callable[[str], object]
    ) -> None:
        self._database = database
        self._clock = clock
        self._replica = replica
        self._alarm = alarm
        self._truth: dict[str, Truth] = {}
        self._heads: dict[str, int] = {}
        self._finished_at: datetime | None = None
        self.checked = 0

    def run(self) -> None:
        """Look at the streams that have changed since the last look, then at those not seen for longest.
        Raises Unavailable."""
        horizon = self._replica.horizon
        if horizon is None:
            return
        with self._database.read() as connection:
            self._heads = outbox.heads(connection)
        self._heads.pop(HEARTBEAT_STREAM, None)
        self._truth = {stream: truth for stream, truth in self._truth.items() if stream in self._heads}
        for stream in self._next(horizon):
            self._look_at(take_snapshot(self._database, [stream], moment(horizon)), stream, horizon)
        self._finished_at = self._clock.now()

    def truth(self) -> dict[str, Any]:
        """What the database holds, as far as it was looked at; for others to compare themselves with."""
        known = dict(self._truth)
        return {
            "heads": dict(self._heads),
            "streams": {s: (t.seq, t.rows, as_hex(t.digest)) for s, t in known.items()},
            "digest": total({s: (t.seq, t.rows, as_hex(t.digest)) for s, t in known.items()}),
            "horizon": self._replica.horizon,
            "is_complete": all(s in known and known[s].seq == head for s, head in self._heads.items()),
            "read_at": self._finished_at.isoformat() if self._finished_at else None,
        }

    def document(self) -> dict[str, Any]:
        oldest = min((truth.read_at for truth in self._truth.values()), default=None)
        return {
            "streams_checked": self.checked,
            "last_at": self._finished_at.isoformat() if self._finished_at else None,
            "oldest_look_at": oldest.isoformat() if oldest else None,
        }

    def _next(self, horizon: int) -> list[str]:
        def urgency(stream: str) -> tuple[bool, float]:
            truth = self._truth.get(stream)
            if truth is None or truth.seq != self._heads[stream] or truth.horizon != horizon:
                return False, 0.0
            return True, truth.read_at.timestamp()

        return sorted(self._heads, key=urgency)[:STREAMS_AT_ONCE]

    def _look_at(self, snapshot: Snapshot, stream: str, horizon: int) -> None:
        digest = reduce(xor, (row.print for row in snapshot.rows), 0)
        seq = snapshot.upto.known(stream)
        self._truth[stream] = Truth(seq, len(snapshot.rows), digest, horizon, self._clock.now())
        self.checked += 1
        with self._replica.unchanging() as core:
            is_same_point = core.vector.known(stream) == seq and self._replica.horizon == horizon
            is_wrong = is_same_point and core.summary(stream).digest != digest
        if is_wrong:
            self._alarm(f"differs from the database in {stream}")
            self._replica.install(snapshot)
