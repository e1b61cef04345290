"""Logical time of this node, stamped on bookings, audit rows and every message between nodes.

Lamport 1978; Fidge and Mattern 1988 (vectors); Kulkarni 2014 (hybrid). Lamport values of stored rows are
reserved from the database in blocks before they are used, so a restart never goes back and several
processes of one node never share a value."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, case
from sqlalchemy.dialects import postgresql, sqlite

from app.algorithms.logical_clocks import (
    FutureStampError,
    HybridClock,
    HybridStamp,
    LamportClock,
    VersionVector,
)
from app.clock import Clock, SystemClock
from app.database import Database
from app.tables.leadership import Node

BLOCK = 1000
#: A node that was never seen with a Lamport time near this is not believed to be there at once.
LONGEST_LEAP = 1_000_000_000


@dataclass(frozen=True)
class Stamp:
    """A Lamport time, the vector of what this node had seen (its own time included), and a hybrid time."""

    lamport: int
    vector: Mapping[str, int]
    hybrid: HybridStamp = field(default=HybridStamp(0, 0, ""))

    def document(self) -> dict[str, Any]:
        """As it travels: on the bus, in calls, in logs."""
        return {"lamport": self.lamport, "vector": dict(self.vector), "hybrid": self.hybrid.packed}

    @classmethod
    def of(cls, document: Mapping[str, Any], sender: str) -> Stamp:
        """Raises KeyError, TypeError or ValueError when there is none in it."""
        vector = {str(node): int(time) for node, time in document["vector"].items()}
        return cls(int(document["lamport"]), vector, HybridStamp.unpack(int(document["hybrid"]), sender))


class Stamper:
    """Gives rising stamps; observe() what arrives from other nodes. Take stamps outside transactions."""

    def __init__(self, database: Database, node_id: str, address: str, clock: Clock | None = None) -> None:
        self._database = database
        self._address = address
        self._physical = clock or SystemClock()
        self._lock = threading.Lock()
        self._clock = LamportClock(node_id)
        self._hybrid = HybridClock(node_id)
        self._seen = VersionVector()
        self._reserved = 0

    @property
    def refused_from_future(self) -> int:
        """Hybrid stamps that were too far ahead of this node's clock to be believed."""
        return self._hybrid.refused

    def stamp(self) -> Stamp:
        """The next time, for something that is stored. Raises Unavailable when a new block is due and the
        database is away."""
        with self._lock:
            if self._clock.time >= self._reserved:
                self._reserve()
            return self._next()

    def tick(self) -> Stamp:
        """The next time, for a message. Never asks the database: what stays unreserved when a node dies
        during an outage comes back with the first message of anyone who heard it."""
        with self._lock:
            return self._next()

    def peek(self) -> Stamp:
        """The last time given."""
        with self._lock:
            return Stamp(self._clock.time, dict(self._seen), self._hybrid.last)

    def observe(self, lamport: int, vector: Mapping[str, int], hybrid: HybridStamp | None = None) -> None:
        """Receive another node's stamp: later local stamps come after it. A time no healthy cluster can have
        reached is ignored, so that one poisoned message does not spoil the counters of all."""
        with self._lock:
            if lamport - self._clock.time > LONGEST_LEAP:
                return
            self._clock.time = max(self._clock.time, lamport)
            others = {node: time for node, time in vector.items() if self._is_credible(node, time)}
            self._seen = self._seen.merge(VersionVector(others))
            if hybrid is not None:
                self._observe_hybrid(hybrid)

    def receive(self, stamp: Stamp) -> None:
        """A message with this stamp has arrived."""
        self.observe(stamp.lamport, stamp.vector, stamp.hybrid)

    def receive_change(self, change: Mapping[str, Any]) -> None:
        """A change of the bus has arrived; one without a stamp tells nothing of time."""
        try:
            stamp = Stamp.of(change, str(change["node"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            return
        self.receive(stamp)

    def resume(self, lamport: int, hybrid: int) -> None:
        """Go on from where a former life of this process is known to have been, and a little further: it gave
        some more times before it ended."""
        with self._lock:
            self._clock.time = max(self._clock.time, lamport + BLOCK // 10)
            self._go_on_from(hybrid)

    def _next(self) -> Stamp:
        time = self._clock.tick()
        self._seen = self._seen.advance(self._clock.node, time)
        return Stamp(time, dict(self._seen), self._hybrid.now(self._physical_ms()))

    def _is_credible(self, node: str, time: int) -> bool:
        return node != self._clock.node and 0 <= time - self._seen.known(node) <= LONGEST_LEAP

    def _observe_hybrid(self, hybrid: HybridStamp) -> None:
        try:
            self._hybrid.update(hybrid, self._physical_ms())
        except FutureStampError:
            return  # counted by the clock; the sender's clock is ill and the monitor shows it

    def _physical_ms(self) -> int:
        return int(self._physical.now().timestamp() * 1000)

    def _reserve(self) -> None:
        last, hybrid = self._database.run(self._reserve_block)
        self._reserved = last
        self._clock.time = max(self._clock.time, last - BLOCK)
        self._go_on_from(hybrid)

    def _go_on_from(self, hybrid: int) -> None:
        """Whatever this node's clock says now, it has given this time already."""
        self._hybrid.last = max(self._hybrid.last, HybridStamp.unpack(hybrid, self._clock.node))

    def _reserve_block(self, tx: Connection) -> tuple[int, int]:
        """The last of BLOCK values above all reserved before and above the time already reached, and the
        last hybrid time known to have been given."""
        upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(Node)
        reached = self._clock.time
        floor = case((Node.lamport_reserved > reached, Node.lamport_reserved), else_=reached)
        row = tx.execute(
            upsert.values(id=self._clock.node, address=self._address, lamport_reserved=reached + BLOCK)
            .on_conflict_do_update(index_elements=["id"], set_={"lamport_reserved": floor + BLOCK})
            .returning(Node.lamport_reserved, Node.hybrid_last)
        ).one()
        return row.lamport_reserved, row.hybrid_last
