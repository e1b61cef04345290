"""The board of one node: the core, its file and its clock. For one thread, the coordinator's loop."""

from __future__ import annotations

from collections.abc import Mapping

from app.algorithms.digests import BucketDigests
from app.algorithms.logical_clocks import Dot, HybridClock, VersionVector
from app.algorithms.registers import BoardDelta, BoardField, Merged, StatusBoard
from app.clock import Clock
from app.status_board.board_file import BoardFile, Kept
from app.status_board.notices import Document, conflicts_on, notices_on

KEPT_CONFLICT_MS = 30 * 24 * 3600 * 1000


class NodeBoard:
    """Also the store that gossip compares and merges."""

    is_healed_by_merging = True

    def __init__(self, file: BoardFile, node: str, clock: Clock) -> None:
        kept = file.load()
        self._file = file
        self._clock = clock
        self._origin = kept.origin
        self._hybrid = HybridClock(node, kept.last_stamp)
        self.core = StatusBoard(kept.origin, self._hybrid)
        self.core.load(kept.content)
        self._save()

    @property
    def vector(self) -> VersionVector:
        return self.core.vector

    @property
    def digests(self) -> BucketDigests:
        return self.core.digests

    @property
    def refused_stamps(self) -> int:
        """Writes from clocks that are too far ahead to be believed."""
        return self._hybrid.refused

    def delta(self, after: VersionVector) -> BoardDelta:
        return self.core.delta(after)

    def write(self, values: Mapping[BoardField, str | None], author: str) -> BoardDelta:
        """Write these fields, on the disk too; what others must be told."""
        before = self.core.vector
        for field, value in values.items():
            self.core.write(field, value, author, self._now_ms())
        self._save()
        return self.core.delta(before)

    def restore(self, dot: Dot, author: str) -> BoardDelta:
        """Write a value that lost again. Raises NothingToRestoreError."""
        before = self.core.vector
        self.core.restore(dot, author, self._now_ms())
        self._save()
        return self.core.delta(before)

    def merge(self, delta: BoardDelta) -> Merged:
        """Take in what another node wrote; it is on this disk when this returns."""
        outcome = self.core.merge(delta, self._now_ms())
        if outcome is Merged.APPLIED:
            self._save()
        return outcome

    def forget_old_conflicts(self) -> None:
        self.core.expire_conflicts(self._now_ms() - KEPT_CONFLICT_MS)

    def notices(self) -> list[Document]:
        return notices_on(self.core)

    def conflicts(self) -> list[Document]:
        return conflicts_on(self.core)

    def _save(self) -> None:
        self._file.save(Kept(self._origin, self._hybrid.last, self.core.delta(VersionVector())))

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
