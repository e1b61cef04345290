"""The replica of one process, for several threads: fed by one, read by many, waited for by some."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from app.algorithms.change_log import Applied, ReplicaDelta
from app.algorithms.digests import BucketDigests
from app.algorithms.logical_clocks import VersionVector
from app.algorithms.replica import Replica
from app.clock import Clock
from app.coordination.outbox import HEARTBEAT_STREAM, Record
from app.coordination.replication.deltas import cut
from app.coordination.replication.lag import DatabaseTime, TransitTimes
from app.coordination.replication.rows import BARRIER, HEARTBEAT_KEY, PUBLIC_FIELDS, Incomplete, entry_of
from app.coordination.replication.snapshot import Snapshot

#: About 40 MB. A practice with more slots to come than this reads from the database.
MOST_ROWS = 50_000
#: More than this process can be wrong about the database's time.
UNSURE_SECONDS = 1.0


class NodeReplica:
    """Also the store that gossip compares and merges."""

    is_healed_by_merging = False

    def __init__(self, clock: Clock, most_rows: int = MOST_ROWS) -> None:
        self.time = DatabaseTime(clock)
        self.transit = TransitTimes(clock)
        self.divergences = 0  # Only grows: contents that differed from what their numbers promised.
        self.rebuilds = 0
        self.is_overflowing = False
        self._clock = clock
        self._most_rows = most_rows
        self._core = Replica(PUBLIC_FIELDS, BARRIER)
        self._before = self._core.vector
        self._grown_at: dict[str, float] = {}
        self._lock = threading.RLock()
        self._grew = threading.Condition(self._lock)

    # Reading

    @property
    def vector(self) -> VersionVector:
        return self._core.vector

    @property
    def digests(self) -> BucketDigests:
        return self._core.digests

    def delta(self, after: VersionVector) -> ReplicaDelta:
        """What a node that knows `after` lacks; perhaps not all at once."""
        with self._lock:
            return cut(self._core.delta(after))

    @contextmanager
    def unchanging(self) -> Iterator[Replica]:
        """For several looks that must see the same. Be quick: whoever feeds it waits."""
        with self._lock:
            yield self._core

    @property
    def complete_until(self) -> float | None:
        """Everything committed before this (seconds, the database's clock) is here; None: nothing yet."""
        beat = self._core.get(HEARTBEAT_STREAM, HEARTBEAT_KEY)
        if beat is None or beat.fields is None or self.is_overflowing:
            return None
        at = beat.fields["at"]
        return at / 1_000_000 if isinstance(at, int) else None

    @property
    def horizon(self) -> int | None:
        """Slots that started before it (in microseconds) are not here."""
        beat = self._core.get(HEARTBEAT_STREAM, HEARTBEAT_KEY)
        bound = BARRIER.bound_in(beat) if beat else None
        return bound if isinstance(bound, int) else None

    @property
    def age_seconds(self) -> float | None:
        """How old what is read here can be at most; None: not fit for reading."""
        until = self.complete_until
        return None if until is None else max(self.time.seconds() - until, 0.0)

    @property
    def surely_now(self) -> float:
        """Not before the commit of anything that is known here."""
        return self.time.seconds() + UNSURE_SECONDS

    def recent(self) -> dict[str, int]:
        """The streams that may hold something newer than the last heartbeat -> how far they are known."""
        since = (self.complete_until or 0.0) - UNSURE_SECONDS
        with self._lock:
            self._grown_at = {stream: at for stream, at in self._grown_at.items() if at >= since}
            return dict(self.vector.only(self._grown_at.keys() - {HEARTBEAT_STREAM}))

    def stream_digests(self) -> dict[str, tuple[int, int, str]]:
        """Stream -> its number, how many rows, their digest in hexadecimal."""
        with self._lock:
            summaries = {s: (seq, self._core.summary(s)) for s, seq in self._core.vector.items()}
            return {
                stream: (seq, summary.rows, f"{summary.digest:016x}")
                for stream, (seq, summary) in summaries.items()
                if stream != HEARTBEAT_STREAM
            }

    def wait_until(self, is_fit: Callable[[], bool], seconds: float) -> bool:
        """Wait for changes until it is fit; False when it was not in time."""
        deadline = self._clock.elapsed() + seconds
        with self._grew:
            while not is_fit():
                left = deadline - self._clock.elapsed()
                if left <= 0:
                    return False
                self._grew.wait(left)
        return True

    # Feeding

    def lacking(self, heads: Mapping[str, int]) -> dict[str, int]:
        """The streams that go further than here -> the number known here."""
        return self.vector.lacking(VersionVector(heads))

    def take(self, records: Iterable[Record]) -> set[str]:
        """Apply what is next; the streams in which something is missing before it."""
        gaps: set[str] = set()
        with self._grew:
            now = self.time.seconds()
            for record in records:
                if record.stream not in gaps and not self._apply(record, now):
                    gaps.add(record.stream)
            self._changed()
        return gaps

    def install(self, snapshot: Snapshot) -> None:
        with self._grew:
            self._core.install(snapshot.upto, snapshot.rows)
            self._changed()

    def install_heartbeat(self, record: Record) -> None:
        """Only the last one matters; those before it may be missing."""
        (change,) = entry_of(record).changes
        with self._grew:
            self._core.install(VersionVector({record.stream: record.seq}), (change,))
            self._note_transit(record, self.time.seconds())
            self._changed()

    def merge(self, delta: ReplicaDelta) -> Applied:
        with self._grew:
            outcome = self._core.merge(delta)
            self._changed()
            return outcome

    def begin_anew(self) -> None:
        """Nothing is here any more; perhaps it fits in now."""
        with self._grew:
            self._core = Replica(PUBLIC_FIELDS, BARRIER)
            self._before = self._core.vector
            self.is_overflowing = False

    def purge(self) -> None:
        with self._lock:
            self._core.purge(self.time.seconds())

    def _apply(self, record: Record, now: float) -> bool:
        try:
            outcome = self._core.take(entry_of(record))
        except Incomplete:
            return False
        if outcome is Applied.APPLIED:
            self._note_transit(record, now)
        return outcome is not Applied.GAP

    def _note_transit(self, record: Record, now: float) -> None:
        if self.time.is_known:
            self.transit.add(now - record.at)

    def _changed(self) -> None:
        now = self.time.seconds()
        self._grown_at |= dict.fromkeys(self._before.lacking(self.vector), now)
        self._before = self.vector
        if self._core.size > self._most_rows:
            self._core = Replica(PUBLIC_FIELDS, BARRIER)
            self.is_overflowing = True
        self._grew.notify_all()
