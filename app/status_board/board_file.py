"""Where a node keeps its board: a SQLite file of its own, so that the database may be away.

A write is on this disk before it leaves the node. A node that lost its disk takes a new name for its writes,
because a name and a number mean one write for ever."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from app.algorithms.logical_clocks import HybridStamp, VersionVector
from app.algorithms.registers import BoardDelta
from app.status_board.deltas import close_delta, open_delta

TABLES = """
CREATE TABLE IF NOT EXISTS board (id INTEGER PRIMARY KEY CHECK (id = 1), origin TEXT NOT NULL,
  last_stamp INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hints (node TEXT PRIMARY KEY, vector BLOB NOT NULL);
"""
NOTHING = BoardDelta(VersionVector(), VersionVector(), (), ())


@dataclass(frozen=True)
class Kept:
    """The board as it was when it was saved last."""

    origin: str
    last_stamp: HybridStamp
    content: BoardDelta


class BoardFile:
    """For one thread at a time."""

    def __init__(self, path: Path, node: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._node = node
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(TABLES)

    def load(self) -> Kept:
        """What was saved, or an empty board under a name that nobody had before."""
        row = self._connection.execute("SELECT origin, last_stamp, content FROM board").fetchone()
        if row is None:
            return Kept(f"{self._node}~{secrets.token_hex(4)}", HybridStamp(0, 0, self._node), NOTHING)
        return Kept(row[0], HybridStamp.unpack(row[1], self._node), open_delta(row[2]))

    def save(self, kept: Kept) -> None:
        """Safe on the disk when it returns."""
        self._connection.execute(
            "INSERT INTO board VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET origin = excluded.origin,"
            " last_stamp = excluded.last_stamp, content = excluded.content",
            (kept.origin, kept.last_stamp.packed, close_delta(kept.content)),
        )

    def hints(self) -> dict[str, VersionVector]:
        """Who has not acknowledged what: the node -> up to which writes it must be told."""
        rows = self._connection.execute("SELECT node, vector FROM hints")
        return {node: VersionVector(orjson.loads(vector)) for node, vector in rows}

    def keep_hints(self, hints: Mapping[str, VersionVector]) -> None:
        rows: Iterable[tuple[str, bytes]] = [
            (node, orjson.dumps(dict(vector))) for node, vector in hints.items()
        ]
        self._connection.execute("BEGIN")
        self._connection.execute("DELETE FROM hints")
        self._connection.executemany("INSERT INTO hints VALUES (?, ?)", rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()
