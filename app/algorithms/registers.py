"""Data that every node may write: last-write-wins registers with a conflict log, and a counter.

Sources: M. Shapiro et al., "Conflict-free Replicated Data Types", SSS 2011 (LWW register, G-counter);
N. Preguica et al., "Dotted Version Vectors", 2010 (which write had seen which). The last write wins per
field, but no edit vanishes: a value that lost to one its author had not seen stays in the conflict log."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from app.algorithms.digests import BucketDigests, fingerprint
from app.algorithms.logical_clocks import Dot, FutureStampError, HybridClock, HybridStamp, VersionVector


class BoardKind(StrEnum):
    """All that may ever be multi-master. Slots, bookings, holds, accounts and audit are absent on purpose."""

    DOCTOR_DELAY = "doctor_delay"
    ROOM_MOVE = "room_move"
    ANNOUNCEMENT = "announcement"
    OPENING_NOTE = "opening_note"
    DIRECTIONS = "directions"
    DOCTOR_PROFILE = "doctor_profile"
    MOVIE_PROFILE = "movie_profile"
    PREFERENCE = "preference"
    TAG = "tag"
    UI_SETTING = "ui_setting"


class BoardField(NamedTuple):
    kind: BoardKind
    row: str
    name: str


@dataclass(frozen=True, slots=True)
class Write:
    field: BoardField
    value: str | None  # None clears the field
    author: str
    stamp: HybridStamp
    dot: Dot
    context: VersionVector  # every write that its node had when it was made


@dataclass(frozen=True, slots=True)
class Conflict:
    loser: Write
    winner: Write


@dataclass(frozen=True, slots=True)
class BoardDelta:
    """What a node that knows `after` lacks of a node that knows `upto`."""

    after: VersionVector
    upto: VersionVector
    writes: tuple[Write, ...]
    conflicts: tuple[Conflict, ...]


class Merged(StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    GAP = "gap"  # something before it is missing: ask a peer for a delta
    REFUSED = "refused"  # a stamp from the future


class NothingToRestoreError(LookupError):
    """No value in the conflict log has this number."""


def rank(write: Write) -> tuple[int, int, str]:
    """The last write wins; the node breaks ties, so that every replica picks the same one."""
    return write.stamp


class StatusBoard:
    """One node's replica. Store it before a write leaves the node, and take a new `origin` if it was lost:
    a dot names one write for ever."""

    is_healed_by_merging = True

    def __init__(self, origin: str, clock: HybridClock) -> None:
        self.vector = VersionVector()
        self.conflicts: dict[Dot, Conflict] = {}
        self.digests = BucketDigests()
        self._origin = origin
        self._clock = clock
        self._siblings: dict[BoardField, dict[Dot, Write]] = {}  # no one of them had seen another
        self._horizon_ms = 0

    def read(self, field: BoardField) -> Write | None:
        siblings = self._siblings.get(field)
        return max(siblings.values(), key=rank) if siblings else None

    def fields(self) -> list[BoardField]:
        return sorted(self._siblings)

    def write(self, field: BoardField, value: str | None, author: str, physical_ms: int) -> Write:
        stamp = self._clock.now(physical_ms)
        made = Write(field, value, author, stamp, self.vector.next_dot(self._origin), self.vector)
        self._take(made)
        self.vector = self.vector.advance(*made.dot)
        return made

    def restore(self, dot: Dot, author: str, physical_ms: int) -> Write:
        """Write the lost value again, as a new write; the log keeps what happened."""
        if dot not in self.conflicts:
            raise NothingToRestoreError(dot)
        lost = self.conflicts[dot].loser
        return self.write(lost.field, lost.value, author, physical_ms)

    def apply(self, write: Write, physical_ms: int) -> Merged:
        """Take one write from another node."""
        return self.merge(
            BoardDelta(write.context, write.context.advance(*write.dot), (write,), ()), physical_ms
        )

    def delta(self, after: VersionVector) -> BoardDelta:
        """For a node that knows `after`; an empty vector gives everything, which heals any difference."""
        writes = [write for siblings in self._siblings.values() for write in siblings.values()]
        return BoardDelta(
            after,
            self.vector,
            tuple(write for write in writes if not after.includes(write.dot)),
            tuple(
                conflict
                for conflict in self.conflicts.values()
                if not (after.includes(conflict.loser.dot) and after.includes(conflict.winner.dot))
            ),
        )

    def merge(self, delta: BoardDelta, physical_ms: int) -> Merged:
        """All or nothing; in any order, any number of times, with the same result."""
        if not self.vector.covers(delta.after):
            return Merged.GAP
        try:
            if delta.writes:
                self._clock.update(max(write.stamp for write in delta.writes), physical_ms)
        except FutureStampError:
            return Merged.REFUSED
        before = self.digests.groups, self.vector
        self.load(delta)
        return Merged.APPLIED if (self.digests.groups, self.vector) != before else Merged.DUPLICATE

    def load(self, stored: BoardDelta) -> None:
        """Take back what this node itself had stored, whatever the clock says now."""
        for write in stored.writes:
            self._take(write)
        for conflict in stored.conflicts:
            self._log(conflict)
        self.vector = self.vector.merge(stored.upto)

    def expire_conflicts(self, before_ms: int) -> None:
        """Forget old conflicts, and do not learn them again from a node that has not forgotten yet."""
        self._horizon_ms = max(before_ms, self._horizon_ms)
        for dot, conflict in list(self.conflicts.items()):
            if conflict.loser.stamp.wall_ms < self._horizon_ms:
                self._toggle_conflict(self.conflicts.pop(dot))

    def _take(self, write: Write) -> None:
        siblings = self._siblings.setdefault(write.field, {})
        if write.dot in siblings or any(other.context.includes(write.dot) for other in siblings.values()):
            return
        for seen in [dot for dot in siblings if write.context.includes(dot)]:
            self._toggle_write(siblings.pop(seen))
        siblings[write.dot] = write
        self._toggle_write(write)
        winner = max(siblings.values(), key=rank)
        for other in siblings.values():
            if other is not winner:
                self._log(Conflict(other, winner))

    def _log(self, conflict: Conflict) -> None:
        known = self.conflicts.get(conflict.loser.dot)
        if conflict.loser.stamp.wall_ms < self._horizon_ms or (
            known is not None and rank(known.winner) >= rank(conflict.winner)
        ):
            return
        if known is not None:
            self._toggle_conflict(known)
        self.conflicts[conflict.loser.dot] = conflict
        self._toggle_conflict(conflict)

    def _toggle_write(self, write: Write) -> None:
        self._toggle(write.field, fingerprint(*write.dot, *write.stamp, write.value))

    def _toggle_conflict(self, conflict: Conflict) -> None:
        self._toggle(conflict.loser.field, fingerprint(*conflict.loser.dot, *conflict.winner.dot))

    def _toggle(self, field: BoardField, print_of_item: int) -> None:
        self.digests.toggle("/".join(field), print_of_item)


class GrowingCounter:
    """Counts on every node at once; the sum of what each node counted. Only grows."""

    def __init__(self, counted: Mapping[str, int] | None = None) -> None:
        self._counted = VersionVector(counted)

    @property
    def value(self) -> int:
        return sum(self._counted.values())

    @property
    def by_node(self) -> VersionVector:
        return self._counted

    def add(self, node: str, amount: int = 1) -> None:
        if amount < 0:
            raise ValueError("this counter only grows")
        self._counted = self._counted.advance(node, self._counted.known(node) + amount)

    def merge(self, other: VersionVector) -> None:
        self._counted = self._counted.merge(other)
