"""A node's copy of what the database owns: changes in commit order, with proof of completeness.

Primary-copy replication with a log per stream (J. Gray et al., "The Dangers of Replication", SIGMOD 1996); a
version vector (stream -> last change applied) says how far. A change is applied once, in order and never past
a gap, so that "the vector covers it" really means "it is here"."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.algorithms.digests import BucketDigests, fingerprint
from app.algorithms.logical_clocks import VersionVector

TOMBSTONE_SECONDS = 7 * 24 * 3600.0

Scalar = str | int | float | bool | None


class PrivateFieldError(ValueError):
    """A change carries a field that must not travel between nodes."""


@dataclass(frozen=True, slots=True)
class Change:
    """The state of one row after the seq-th change of its stream; `fields` is None when the row is gone."""

    stream: str
    seq: int
    key: str
    version: int
    fields: Mapping[str, Scalar] | None
    at: float  # commit time, by the database's clock


@dataclass(frozen=True, slots=True)
class ReplicaDelta:
    """For a node that knows `after`: rows changed since, up to `upto`; every row of the `whole` streams."""

    after: VersionVector
    upto: VersionVector
    changes: tuple[Change, ...]
    whole: frozenset[str] = frozenset()


def _by_stream(changes: Iterable[Change]) -> dict[str, list[Change]]:
    sorted_out: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        sorted_out[change.stream].append(change)
    return sorted_out


class Applied(StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    GAP = "gap"  # a change before it is missing: fetch a snapshot, or a delta from a peer


class Replica:
    is_healed_by_merging = False  # two copies that differ at equal vectors are an alarm, not a merge

    def __init__(self, public_fields: frozenset[str]) -> None:
        self.vector = VersionVector()
        self.digests = BucketDigests()
        self._public_fields = public_fields
        self._rows: dict[str, dict[str, Change]] = {}
        self._floors: dict[str, int] = {}  # deltas that start below it would miss deletions

    def get(self, stream: str, key: str) -> Change | None:
        """The row, or None when it is deleted or unknown."""
        row = self._rows.get(stream, {}).get(key)
        return row if row and row.fields is not None else None

    def rows(self, stream: str) -> list[Change]:
        return [row for row in self._rows.get(stream, {}).values() if row.fields is not None]

    def apply(self, change: Change) -> Applied:
        """The next change of a stream, as the bus delivers it."""
        if change.seq <= self.vector.known(change.stream):
            return Applied.DUPLICATE
        if self._is_past_a_gap(change.stream, change.seq - 1):
            return Applied.GAP
        self._put(change)
        self.vector = self.vector.advance(change.stream, change.seq)
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
        rows = _by_stream(delta.changes)
        for stream in lacking.keys() - gaps:
            put = self._replace if stream in delta.whole else self._extend
            put(stream, rows[stream], delta.upto.known(stream))
        if gaps:
            return Applied.GAP
        return Applied.APPLIED if lacking else Applied.DUPLICATE

    def install(self, upto: VersionVector, rows: tuple[Change, ...]) -> frozenset[str]:
        """Replace whole streams by a snapshot of the database; returns those it was not too old for."""
        replaced = frozenset(stream for stream in upto if upto.known(stream) >= self.vector.known(stream))
        rows_of = _by_stream(rows)
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
            self._toggle(row)
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
            self._toggle(current)
        rows[change.key] = change
        self._toggle(change)

    def _toggle(self, row: Change) -> None:
        # Tombstones do not count: a node that has purged them holds the same truth.
        if row.fields is not None:
            print_of_row = fingerprint(row.stream, row.key, row.version, *sorted(row.fields.items()))
            self.digests.toggle(row.key, print_of_row)
