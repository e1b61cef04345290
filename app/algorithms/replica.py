"""A node's copy of what the database owns: changes in commit order, with proof of completeness.

Primary-copy replication with a log per stream (J. Gray et al., "The Dangers of Replication", SIGMOD 1996); a
version vector (stream -> last change applied) says how far. A change is applied once, in order and never past
a gap, so that "the vector covers it" really means "it is here"."""

from dataclasses import dataclass

from app.algorithms.change_log import (
    Applied,
    Barrier,
    Change,
    Entry,
    PrivateFieldError,
    ReplicaDelta,
    by_stream,
)
from app.algorithms.digests import BucketDigests
from app.algorithms.logical_clocks import VersionVector

TOMBSTONE_SECONDS = 7 * 24 * 3600.0


@dataclass(slots=True)
class Summary:
    """One stream in a few numbers."""

    rows: int = 0
    digest: int = 0  # XOR of the prints of its rows
    edition: int = 0  # Grows with every change here; for whoever keeps something derived from the rows.


class Replica:
    is_healed_by_merging = False  # two copies that differ at equal vectors are an alarm, not a merge

    def __init__(self, public_fields: frozenset[str], barrier: Barrier | None = None) -> None:
        self.vector = VersionVector()
        self.digests = BucketDigests()
        self._public_fields = public_fields
        self._barrier = barrier
        self._rows: dict[str, dict[str, Change]] = {}
        self._summaries: dict[str, Summary] = {}
        self._floors: dict[str, int] = {}  # deltas that start below it would miss deletions
        self._bound: float | None = None  # Only grows.

    def get(self, stream: str, key: str) -> Change | None:
        """The row, or None when it is deleted or unknown."""
        row = self._rows.get(stream, {}).get(key)
        return row if row and row.fields is not None else None

    def rows(self, stream: str) -> list[Change]:
        return [row for row in self._rows.get(stream, {}).values() if row.fields is not None]

    def summary(self, stream: str) -> Summary:
        return self._summaries.setdefault(stream, Summary())

    @property
    def size(self) -> int:
        """How many rows there are, those included that say that a row is gone."""
        return sum(len(rows) for rows in self._rows.values())

    def apply(self, change: Change) -> Applied:
        """The next change of a stream, where each touches one row."""
        return self.take(Entry(change.stream, change.seq, (change,)))

    def take(self, entry: Entry) -> Applied:
        """The next change of a stream, as the bus delivers it."""
        if entry.seq <= self.vector.known(entry.stream):
            return Applied.DUPLICATE
        if self._is_past_a_gap(entry.stream, entry.seq - 1):
            return Applied.GAP
        for change in entry.changes:
            self._put(change)
        self.vector = self.vector.advance(entry.stream, entry.seq)
        return Applied.APPLIED

    def delta(self, after: VersionVector) -> ReplicaDelta:
        """What a node that knows `after` lacks."""
        lacking = after.lacking(self.vector)
        whole = frozenset(stream for stream, known in lacking.items() if known < self._floors.get(stream, 0))
        changes = (
            row
            for stream, known in lacking.items()
            for row in self._rows.get(stream, {}).values()
            if row.seq > known or stream in whole
        )
        return ReplicaDelta(after, self.vector.only(lacking), tuple(changes), whole)

    def merge(self, delta: ReplicaDelta) -> Applied:
        """A peer's delta. Only rows newer than the vector are taken: what is purged here cannot come back."""
        lacking = self.vector.lacking(delta.upto)
        gaps = {
            stream
            for stream in lacking
            if stream not in delta.whole and self._is_past_a_gap(stream, delta.after.known(stream))
        }
        # With anything missing the barrier would claim too much.
        skipped = gaps | {self._barrier.stream} if gaps and self._barrier else gaps
        rows = by_stream(delta.changes)
        for stream in lacking.keys() - skipped:
            put = self._replace if stream in delta.whole else self._extend
            put(stream, rows[stream], delta.upto.known(stream))
        if gaps:
            return Applied.GAP
        return Applied.APPLIED if lacking else Applied.DUPLICATE

    def install(self, upto: VersionVector, rows: tuple[Change, ...]) -> frozenset[str]:
        """Replace whole streams by a snapshot of the database; returns those it was not too old for."""
        replaced = frozenset(stream for stream in upto if upto.known(stream) >= self.vector.known(stream))
        rows_of = by_stream(rows)
        for stream in replaced:
            self._replace(stream, rows_of[stream], upto.known(stream))
        return replaced

    def purge(self, database_now: float) -> int:
        """Forget rows deleted over seven days ago; how many."""
        purged = 0
        for stream, rows in self._rows.items():
            for row in list(rows.values()):
                if row.fields is None and row.at < database_now - TOMBSTONE_SECONDS:
                    del rows[row.key]
                    self._floors[stream] = max(row.seq, self._floors.get(stream, 0))
                    purged += 1
        return purged

    def _is_past_a_gap(self, stream: str, before: int) -> bool:
        return before > self.vector.known(stream)

    def _extend(self, stream: str, rows: list[Change], upto: int) -> None:
        known = self.vector.known(stream)
        for row in rows:
            if row.seq > known:
                self._put(row)
        self.vector = self.vector.advance(stream, upto)

    def _replace(self, stream: str, rows: list[Change], upto: int) -> None:
        for row in self._rows.pop(stream, {}).values():
            self._count(row, None)
        for row in rows:
            self._put(row)
        self.vector = self.vector.advance(stream, upto)
        self._floors[stream] = upto  # the rows do not tell what was deleted before

    def _put(self, change: Change) -> None:
        if change.fields is not None and not self._public_fields.issuperset(change.fields):
            raise PrivateFieldError(sorted(set(change.fields) - self._public_fields))
        rows = self._rows.setdefault(change.stream, {})
        current = rows.get(change.key)
        if current is not None:
            if current.version >= change.version:
                return
            del rows[change.key]
        if self._is_over(change):
            self._count(current, None)
            return
        rows[change.key] = change
        self._count(current, change)
        if self._barrier and change.stream == self._barrier.stream:
            self._move_bound(self._barrier.bound_in(change))

    def _move_bound(self, bound: object) -> None:
        """Forget what is over now. Needs no trace: whoever has such a row gets the same bound."""
        if not isinstance(bound, int | float) or (self._bound is not None and bound <= self._bound):
            return
        self._bound = bound
        for rows in self._rows.values():
            for row in [row for row in rows.values() if self._is_over(row)]:
                self._count(row, None)
                del rows[row.key]

    def _is_over(self, row: Change) -> bool:
        if self._barrier is None or self._bound is None or row.fields is None:
            return False
        moment = row.fields.get(self._barrier.field)
        return isinstance(moment, int | float) and moment < self._bound

    def _count(self, before: Change | None, after: Change | None) -> None:
        """A row has become another one; None: it was not there before, or is not any more."""
        row = after or before
        if row is None:
            return
        summary = self.summary(row.stream)
        summary.edition += 1
        # Tombstones do not count: a node that has purged them holds the same truth.
        was, is_now = _print(before), _print(after)
        summary.rows += (is_now is not None) - (was is not None)
        difference = (was or 0) ^ (is_now or 0)
        summary.digest ^= difference
        self.digests.toggle(row.key, difference)


def _print(row: Change | None) -> int | None:
    return row.print if row is not None and row.fields is not None else None
