"""Logical time of this node, stamped on bookings and audit rows (Lamport 1978; Fidge and Mattern 1988).

Values are reserved from the database in blocks before they are used, so a restart never goes back
and several processes of one node never share a value."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case
from sqlalchemy.dialects import postgresql, sqlite

from app.algorithms.logical_clocks import LamportClock, VersionVector
from app.database import Database
from app.tables.leadership import Node

BLOCK = 1000


@dataclass(frozen=True)
class Stamp:
    """A Lamport time and the vector of what this node had seen, its own time included."""

    lamport: int
    vector: Mapping[str, int]


class Stamper:
    """Gives rising stamps; observe() what arrives from other nodes. Take stamps outside transactions."""

    def __init__(self, database: Database, node_id: str, address: str) -> None:
        self._database = database
        self._address = address
        self._lock = threading.Lock()
        self._clock = LamportClock(node_id)
        self._seen = VersionVector()
        self._reserved = 0

    def stamp(self) -> Stamp:
        """The next time. Raises Unavailable when a new block is due and the database is away."""
        with self._lock:
            if self._clock.time >= self._reserved:
                self._reserve()
            time = self._clock.tick()
            self._seen = self._seen.advance(self._clock.node, time)
            return Stamp(time, dict(self._seen))

    def observe(self, lamport: int, vector: Mapping[str, int]) -> None:
        """Receive another node's stamp: later local stamps come after it."""
        with self._lock:
            self._clock.time = max(self._clock.time, lamport)
            others = {node: time for node, time in vector.items() if node != self._clock.node}
            self._seen = self._seen.merge(VersionVector(others))

    def _reserve(self) -> None:
        last = self._database.run(self._reserve_block)
        self._reserved = last
        self._clock.time = max(self._clock.time, last - BLOCK)

    def _reserve_block(self, tx: Connection) -> int:
        """The last of BLOCK values above all reserved before and above the time already reached."""
        upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Node)
        reached = self._clock.time
        floor = case((Node.lamport_reserved > reached, Node.lamport_reserved), else_=reached)
        row = tx.execute(
            upsert.values(id=self._clock.node, address=self._address, lamport_reserved=reached + BLOCK)
            .on_conflict_do_update(index_elements=["id"], set_={"lamport_reserved": floor + BLOCK})
            .returning(Node.lamport_reserved)
        )
        return int(row.scalar_one())
