"""A leader's relay and replicas on a real database and a real Valkey, moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.algorithms.logical_clocks import VersionVector
from app.clock import SystemClock
from app.coordination import keys
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.coordination.leadership import ROLE, Term
from app.coordination.replication.bell import Bell
from app.coordination.replication.bus import Bus
from app.coordination.replication.feed import Feed
from app.coordination.replication.heartbeat import beat
from app.coordination.replication.node_replica import NodeReplica
from app.coordination.replication.relay import Relay
from app.coordination.replication.snapshot import take_snapshot
from app.coordination.stamps import Stamper
from app.database import Database
from app.directory.directory import Directory
from app.directory.doctors import DoctorDraft, create_doctor
from app.directory.slots import SlotDraft, create_slot, delete_slot
from app.tables import LeaderState
from app.tables.journal import Stream
from tests.keys import KEYRING

NO_REDIS = "redis://127.0.0.1:1/0"


@dataclass
class Node:
    """One replica and its feed."""

    replica: NodeReplica
    feed: Feed

    def catch_up(self) -> None:
        self.feed.turn(0.0)

    def slots(self, doctor_id: int) -> dict[str, str]:
        """The state of each slot, as far as this node knows."""
        return self._states(f"doctor:{doctor_id}")

    def seats(self, showtime_id: int) -> dict[str, str]:
        """The same of the seats of a showtime."""
        return self._states(f"showtime:{showtime_id}")

    def _states(self, stream: str) -> dict[str, str]:
        with self.replica.unchanging() as core:
            rows = core.rows(stream)
        return {row.key: row.fields["state"] for row in rows if row.key.startswith("slot:")}


@dataclass
class Site:
    """A database, a bus, the leader, and whoever listens."""

    database: Database
    redis_url: str
    term: Term
    nodes: list[Node] = field(default_factory=list)

    @property
    def directory(self) -> Directory:
        return Directory(self.database, Stamper(self.database, "node-1", ""), "node-1", lambda change: None)

    def bus(self, redis_url: str | None = None) -> Bus:
        clock = SystemClock()
        return Bus(connect_redis(redis_url or self.redis_url), Breaker(clock))

    def relay(self, term: Term | None = None) -> Relay:
        redis, clock = connect_redis(self.redis_url), SystemClock()
        return Relay(self.database, self.bus(), Bell(redis, clock, keys.EVENTS_CHANNEL), clock)

    def relay_everything(self) -> None:
        self.relay().catch_up(self.term)

    def beat(self) -> int:
        return beat(self.database, self.term)

    def node(self, redis_url: str | None = None, **options: Any) -> Node:
        clock = SystemClock()
        redis = connect_redis(redis_url or self.redis_url)
        replica = NodeReplica(clock, **options)
        feed = Feed(replica, self.database, self.bus(redis_url), Bell(redis, clock, keys.BUS_CHANNEL), clock)
        self.nodes.append(Node(replica, feed))
        return self.nodes[-1]

    def doctor(self, name: str = "Dr Ada Probe") -> int:
        draft = DoctorDraft(name, "Cardiology", "Europe/Berlin")
        return int(create_doctor(self.directory, draft, "test").value["id"])

    def slot(self, doctor_id: int, hours_ahead: float = 24.0) -> int:
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours_ahead)
        return int(create_slot(self.directory, SlotDraft(doctor_id, start, 30), "test").value["id"])

    def delete(self, slot_id: int) -> None:
        delete_slot(self.directory, slot_id, "test")

    def truth(self) -> tuple[VersionVector, tuple[int, ...]]:
        """How far the database is, and the digest of what a perfect replica holds."""
        perfect = NodeReplica(SystemClock())
        with self.database.read() as connection:
            streams = [s for s in connection.execute(select(Stream.name)).scalars() if s != "heartbeat"]
        perfect.install(take_snapshot(self.database, streams))
        return perfect.vector, perfect.digests.groups


@pytest.fixture
def site_on() -> Iterator[Callable[[str, str], Site]]:
    sites: list[Site] = []

    def make(database_url: str, redis_url: str) -> Site:
        database = Database(database_url, keyring=KEYRING)
        with database.transaction() as tx:
            tx.execute(insert(LeaderState).values(role=ROLE, epoch=1, node="node-1"))
        sites.append(Site(database, redis_url, Term("node-1", 1, float("inf"))))
        return sites[-1]

    yield make
    for site in sites:
        for node in site.nodes:
            node.feed._bell.close()
        site.database.dispose()


@pytest.fixture
def site(site_on: Callable[[str, str], Site], database_url: str, redis_url: str) -> Site:
    return site_on(database_url, redis_url)


def state_of(node: Node) -> tuple[VersionVector, tuple[int, ...]]:
    """The same of a node, without the heartbeat: it says how old things are, not what they are."""
    with node.replica.unchanging() as core:
        streams = [stream for stream in core.vector if stream != "heartbeat"]
        copy = NodeReplica(SystemClock())
        for stream in streams:
            copy._core.install(core.vector.only([stream]), tuple(core.rows(stream)))
    return copy.vector, copy.digests.groups
