"""The status board of this node: written here, acknowledged by a majority, handed on to who was away.

An edit is on this node's disk first, then told to all; with a majority it is safe, without one it is kept
for the others as a hint (sloppy quorum and hinted hand-off: DeCandia et al., "Dynamo", SOSP 2007, 4.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.algorithms.logical_clocks import VersionVector
from app.algorithms.quorum import majority
from app.algorithms.registers import BoardDelta, BoardKind, Merged, NothingToRestoreError
from app.coordination.letters import Puzzling
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from app.status_board.board_file import BoardFile
from app.status_board.deltas import close_delta, open_delta
from app.status_board.node_board import NodeBoard
from app.status_board.notices import MOST_NOTICES, dot_in, kind_of, notice_fields
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership

TELL_SECONDS = 0.5
FORGET_SECONDS = 3600.0


@dataclass(frozen=True)
class Edit:
    """Values of a notice; without a kind it must exist already."""

    notice: str
    values: dict[str, str | None]
    author: str
    kind: BoardKind | None = None


@dataclass(frozen=True)
class Restoration:
    conflict: str
    author: str


class Board(Duty):
    name, every_seconds = "board", 2.0

    def __init__(
        self, frame: Frame, members: Membership, file: BoardFile, objection: Callable[[], str | None]
    ) -> None:
        self._frame = frame
        self._members = members
        self._file = file
        self._objection = objection
        self.board = NodeBoard(file, frame.node, frame.clock)
        self._hints = file.hints()
        self._teller = frame.background("board-hints")
        self._counts = {"edits": 0, "safe": 0, "handed_on": 0, "refused_stamps": 0}
        self._forgotten_at = float("-inf")
        expose = frame.methods.expose
        expose("board.edit", Edit, self._edit, is_in_loop=False)
        expose("board.restore", Restoration, self._restore, is_in_loop=False)
        expose("board.take", str, self._take)
        expose("board.read", None, self._read)

    def merge(self, delta: BoardDelta) -> Merged:
        """From wherever it came; in the loop."""
        outcome = self.board.merge(delta)
        if outcome is Merged.REFUSED:
            self._counts["refused_stamps"] += 1
            self._frame.chronicle.noticed("board.refused", "a notice with a stamp of the future was refused")
        return outcome

    # The duty

    def tick(self, now: float) -> None:
        if now - self._forgotten_at >= FORGET_SECONDS:
            self._forgotten_at = now
            self.board.forget_old_conflicts()
        waiting = sorted(self._hints.keys() & self._members.live().keys())
        if waiting and not self._teller.waiting:
            delta = self.board.delta(VersionVector())
            self._teller.submit(
                lambda: self._tell(waiting, delta), lambda told: self._forget_hints(told, delta)
            )

    def document(self, now: float) -> Document:
        return {
            **self._counts,
            "notices": len(self.board.notices()),
            "conflicts": len(self.board.core.conflicts),
            "pending": sorted(self._hints),
            "vector": dict(self.board.vector),
            "digest": f"{_total(self.board.digests.groups):016x}",
        }

    # For this node's own web workers

    def _edit(self, edit: Edit, caller: Caller) -> Document:
        """In the thread of the call: it waits for the others."""
        self._require_own_worker(caller)
        return self._spread(lambda: self._write(edit), edit.notice, caller)

    def _restore(self, wanted: Restoration, caller: Caller) -> Document:
        self._require_own_worker(caller)
        return self._spread(lambda: self._write_again(wanted), None, caller)

    def _read(self, _payload: None, _caller: Caller) -> Document:
        return {
            "notices": self.board.notices(),
            "conflicts": self.board.conflicts(),
            "pending": sorted(self._hints),
        }

    def _write(self, edit: Edit) -> BoardDelta:
        self._require_honest_clock()
        kind = edit.kind or kind_of(self.board.core, edit.notice)
        if kind is None:
            raise CallRefused("NOT_FOUND", "There is no such notice.")
        if edit.kind and len(self.board.notices()) >= MOST_NOTICES:
            raise CallRefused("REFUSED", f"There are {MOST_NOTICES} notices; change one of them.")
        return self.board.write(notice_fields(kind, edit.notice, edit.values), edit.author)

    def _write_again(self, wanted: Restoration) -> BoardDelta:
        self._require_honest_clock()
        dot = dot_in(wanted.conflict)
        try:
            if dot is not None:
                return self.board.restore(dot, wanted.author)
        except NothingToRestoreError:
            pass
        raise CallRefused("NOT_FOUND", "There is no such conflict.")

    def _spread(self, write: Callable[[], BoardDelta], notice: str | None, caller: Caller) -> Document:
        """Write, tell everybody, and say honestly how many have it."""
        loop, clock = self._frame.loop, self._frame.clock
        seconds = max(caller.deadline - clock.elapsed(), 0.05)
        made, voters, live = loop.ask(
            lambda: (write(), self._members.everyone(), sorted(self._members.live())), seconds
        )
        told = self._tell(live, made)
        missing = voters - told - {self._frame.node}
        return loop.ask(lambda: self._conclude(made, len(voters), missing, notice), seconds)

    def _conclude(
        self, made: BoardDelta, voters: int, missing: Iterable[str], notice: str | None
    ) -> Document:
        pending = sorted(missing)
        for node in pending:
            self._hints[node] = self._hints.get(node, VersionVector()).merge(made.upto)
        self._file.keep_hints(self._hints)
        acknowledged = voters - len(pending)
        is_safe = acknowledged >= majority(voters)
        self._counts["edits"] += 1
        self._counts["safe"] += is_safe
        row = notice or made.writes[0].field.row
        shown = next((each for each in self.board.notices() if each["id"] == row), None)
        return {
            "notice": shown,
            "acknowledged": acknowledged,
            "nodes": voters,
            "is_safe": is_safe,
            "pending": pending,
        }

    # Between nodes

    def _tell(self, nodes: Iterable[str], delta: BoardDelta) -> set[str]:
        """Who has it now. Blocks for the answers; somebody who lacks what came before gets everything."""
        answers = self._frame.client.call_all(nodes, "board.take", close_delta(delta), TELL_SECONDS)
        told = {node for node, answer in answers.items() if answer in (Merged.APPLIED, Merged.DUPLICATE)}
        behind = {node for node, answer in answers.items() if answer == Merged.GAP}
        if behind:
            everything = self._frame.loop.ask(lambda: self.board.delta(VersionVector()), TELL_SECONDS)
            answers = self._frame.client.call_all(behind, "board.take", close_delta(everything), TELL_SECONDS)
            told |= {node for node, answer in answers.items() if answer != Merged.REFUSED}
        return told

    def _take(self, letter: str, _caller: Caller) -> str:
        try:
            delta = open_delta(letter)
        except Puzzling as trouble:
            raise CallRefused("INVALID", str(trouble)) from None
        return self.merge(delta).value

    def _forget_hints(self, told: set[str], delta: BoardDelta) -> None:
        for node in told:
            if delta.upto.covers(self._hints.get(node, VersionVector())):
                self._hints.pop(node, None)
                self._counts["handed_on"] += 1
        self._file.keep_hints(self._hints)

    def _require_own_worker(self, caller: Caller) -> None:
        if caller.node != self._frame.node:
            raise CallRefused("REFUSED", "only this node's own workers edit its board")

    def _require_honest_clock(self) -> None:
        reason = self._objection()
        if reason:
            raise CallRefused("UNAVAILABLE", f"This node may not stamp notices now: {reason}.")


def _total(groups: tuple[int, ...]) -> int:
    digest = 0
    for group in groups:
        digest ^= group
    return digest
