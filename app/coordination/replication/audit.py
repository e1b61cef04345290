"""Compares the replica with the database, stream by stream: what all replicas have wrong shows only here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from itertools import accumulate
from math import ceil
from operator import xor
from typing import Any

from app.algorithms.change_log import by_stream
from app.algorithms.logical_clocks import VersionVector
from app.clock import Clock
from app.coordination import outbox
from app.coordination.outbox import HEARTBEAT_STREAM
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.report import as_hex, total
from app.coordination.replication.rows import moment
from app.coordination.replication.snapshot import STREAMS_AT_ONCE, Snapshot, take_differing, take_snapshot
from app.database import Database

#: Of five seconds each: what went wrong silently is found within fifteen.
ROUNDS = 3
#: A larger copy takes more rounds: reading all of it each time cost half of all coordinators' CPU.
MOST_ROWS_AT_ONCE = 5000
#: For so long a stream that changes all the time need not be looked at: it would be read in vain, because it
#: is further here than in what was read.
SETTLING_SECONDS = 30.0


@dataclass(frozen=True)
class Truth:
    """One stream as the database had it."""

    seq: int
    rows: int
    digest: int
    horizon: int
    read_at: datetime
    mark: str | None = None


def parts_of(snapshot: Snapshot) -> dict[str, Snapshot]:
    """The same by stream."""
    rows = by_stream(snapshot.rows)
    return {
        stream: Snapshot(VersionVector({stream: seq}), tuple(rows[stream]))
        for stream, seq in snapshot.upto.items()
    }


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
        #: In how many rounds on end a stream has changed.
        self._restless: dict[str, int] = {}
        self._finished_at: datetime | None = None
        self.checked = 0

    def run(self) -> None:
        """Look at the streams that have changed since the last look, then at those not seen for longest.
        Raises Unavailable."""
        horizon = self._replica.horizon
        if horizon is None:
            return
        self._note_heads()
        self._truth = {stream: truth for stream, truth in self._truth.items() if stream in self._heads}
        if streams := self._next(horizon):
            self._read(streams, horizon)
        self._finished_at = self._clock.now()

    def _note_heads(self) -> None:
        with self._database.read() as connection:
            heads = outbox.heads(connection)
        heads.pop(HEARTBEAT_STREAM, None)
        changed = [stream for stream, head in heads.items() if self._heads.get(stream, head) != head]
        self._restless = {stream: self._restless.get(stream, 0) + 1 for stream in changed}
        self._heads = heads

    def _read(self, streams: Sequence[str], horizon: int) -> None:
        known = {s: (t.seq, t.mark) for s, t in self._truth.items() if t.mark and t.horizon == horizon}
        found = take_differing(self._database, streams, moment(horizon), known)
        for stream in found.unchanged:
            self._truth[stream] = replace(self._truth[stream], read_at=self._clock.now())
            self._compare(stream)
        for stream, part in parts_of(found.snapshot).items():
            digest = reduce(xor, (row.print for row in part.rows), 0)
            seq, mark = part.upto.known(stream), found.marks.get(stream)
            self._truth[stream] = Truth(seq, len(part.rows), digest, horizon, self._clock.now(), mark)
            self._compare(stream)

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
        """What has changed, and so many of the others that all are seen again in ROUNDS; first what was not
        looked at for longest, so that a round that is full leaves nothing out for ever."""
        by_age = sorted(filter(self._has_settled, self._heads), key=self._looked_at)
        same = [stream for stream in by_age if self._is_known(stream, horizon)]
        again = same[: ceil(len(self._heads) / ROUNDS)]
        wanted = [stream for stream in by_age if stream in again or stream not in same]
        return self._affordable(wanted[:STREAMS_AT_ONCE])

    def _has_settled(self, stream: str) -> bool:
        was_seen = self._clock.now().timestamp() - self._looked_at(stream) < SETTLING_SECONDS
        return not (was_seen and self._restless.get(stream, 0) > 1)

    def _looked_at(self, stream: str) -> float:
        truth = self._truth.get(stream)
        return truth.read_at.timestamp() if truth else 0.0

    def _affordable(self, streams: list[str]) -> list[str]:
        """The first of them, at least one."""
        with self._replica.unchanging() as core:
            rows = accumulate(core.summary(stream).rows for stream in streams)
            return [s for s, sum_ in zip(streams, rows, strict=True) if sum_ <= MOST_ROWS_AT_ONCE] or streams[
                :1
            ]

    def _is_known(self, stream: str, horizon: int) -> bool:
        truth = self._truth.get(stream)
        return truth is not None and (truth.seq, truth.horizon) == (self._heads[stream], horizon)

    def _compare(self, stream: str) -> None:
        truth = self._truth[stream]
        self.checked += 1
        with self._replica.unchanging() as core:
            is_same_point = core.vector.known(stream) == truth.seq and self._replica.horizon == truth.horizon
            is_wrong = is_same_point and core.summary(stream).digest != truth.digest
        if is_wrong:
            self._alarm(f"differs from the database in {stream}")
            self._replica.install(take_snapshot(self._database, [stream], moment(truth.horizon)))
