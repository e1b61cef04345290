"""Logical time of this node, stamped on bookings and audit rows (Lamport 1978; Fidge and Mattern 1988).

Values are reserved from the database in blocks before they are used, so a restart never goes back
and several processes of one node never share a value."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

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
        self._node_id = node_id
        self._address = address
        self._lock = threading.Lock()
        self._time = 0
        self._reserved = 0
        self._vector: dict[str, int] = {}

    def stamp(self) -> Stamp:
        """The next time. Raises Unavailable when a new block is due and the database is away."""
        with self._lock:
            self._time += 1
            if self._time > self._reserved:
                self._reserve()
            self._vector[self._node_id] = self._time
            return Stamp(self._time, dict(self._vector))

    def observe(self, lamport: int, vector: Mapping[str, int]) -> None:
        """Receive another node's stamp: later local stamps come after it."""
        with self._lock:
            self._time = max(self._time, lamport)
            for node, time in vector.items():
                if node != self._node_id:
                    self._vector[node] = max(self._vector.get(node, 0), time)

    def _reserve(self) -> None:
        first = self._database.run(self._reserve_block)
        self._time = max(self._time, first)
        self._reserved = first + BLOCK - 1

    def _reserve_block(self, tx: Connection) -> int:
        """The first of BLOCK values above all reserved before and above the time already reached."""
        upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Node)
        insert = upsert.values(id=self._node_id, address=self._address, lamport_reserved=self._time + BLOCK)
        highest = _greater(tx, Node.lamport_reserved, self._time)
        row = tx.execute(
            insert.on_conflict_do_update(
                index_elements=["id"], set_={"lamport_reserved": highest + BLOCK}
            ).returning(Node.lamport_reserved)
        )
        return int(row.scalar_one()) - BLOCK + 1
