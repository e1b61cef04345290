"""Keeps the board and its copy in the database together: hands over what is new here, takes in the rest."""

from __future__ import annotations

from sqlalchemy import Connection

from app.algorithms.logical_clocks import VersionVector
from app.algorithms.registers import BoardDelta
from app.status_board import archive
from worker.coordinator.board import Board
from worker.coordinator.frame import Document, Duty, Frame

ANSWER_SECONDS = 1.0


class BoardArchive(Duty):
    name, every_seconds = "board-archive", 5.0

    def __init__(self, frame: Frame, board: Board) -> None:
        self._frame = frame
        self._board = board
        self._background = frame.background("board-archive")
        self._archived = VersionVector()
        self._done_at: str | None = None

    def tick(self, now: float) -> None:
        if not self._background.waiting:
            self._background.submit(self._compare, self._take_in)

    def document(self, now: float) -> Document:
        return {"archived": dict(self._archived), "last_at": self._done_at}

    def _compare(self) -> BoardDelta | None:
        """Outside the loop. What the database knows and this node does not."""
        database = self._frame.database
        with database.read() as connection:
            there = archive.archived_vector(connection)
        here = self._board.board.vector
        if not there.covers(here):
            database.run(self._hand_over)
        self._archived = there.merge(here)
        if here.covers(there):
            return None
        with database.snapshot() as connection:
            return archive.read_archive(connection)

    def _hand_over(self, tx: Connection) -> None:
        there = archive.lock_vector(tx)
        board = self._board.board
        archive.hand_over(tx, self._frame.loop.ask(lambda: board.delta(there), ANSWER_SECONDS))

    def _take_in(self, found: BoardDelta | None) -> None:
        self._done_at = self._frame.clock.now().isoformat()
        if found is not None:
            self._board.merge(found)
