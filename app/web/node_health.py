"""Can a node serve? This one asked directly, the others over HTTP; never slower than promised."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import select

from app.clock import Clock
from app.config import Config
from app.coordination import membership
from app.coordination.roster import DOWN, read_roster
from app.database import Database
from app.errors import Unavailable
from app.web.deadline import within

ANSWER_SECONDS = 1.0
#: The list of nodes is asked for before they are, so that both fit into what a caller waits.
PROBE_SECONDS = 1.5
REMEMBER_SECONDS = 1.0
OK, DEGRADED, UNAVAILABLE = "ok", "degraded", "unavailable"
UP = "up"
Document = dict[str, Any]


@dataclass(frozen=True)
class Health:
    """Asks how things are; the answer about all nodes is kept for a second, however many callers want it."""

    config: Config
    database: Database
    redis: Redis
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[str, tuple[float, Document]] = field(default_factory=dict)

    def of_this_node(self) -> Document:
        """Within a second. Redis may be away (degraded): bookings go on in the database alone."""
        found = within(ANSWER_SECONDS, {"database": self._database_answers, "redis": self._redis_answers})
        database, redis = bool(found.get("database")), bool(found.get("redis"))
        return {
            "status": (OK if redis else DEGRADED) if database else UNAVAILABLE,
            "node": self.config.node_id,
            "database": UP if database else DOWN,
            "database_kind": "sqlite" if self.database.is_sqlite else "postgresql",
            "redis": UP if redis else DOWN,
        }

    def of_all_nodes(self) -> Document:
        """Every node that should be there; one that left on purpose is not missed."""
        with self._lock:
            asked_at, known = self._kept.get("all", (float("-inf"), {}))
            if self.clock.elapsed() - asked_at >= REMEMBER_SECONDS:
                known = self._ask_all()
                self._kept["all"] = (self.clock.elapsed(), known)
            return known

    def _ask_all(self) -> Document:
        roster = within(ANSWER_SECONDS, {"roster": self._roster}).get("roster", [])
        probes: dict[str, Callable[[], Document]] = {
            node["id"]: partial(probe, node["id"], node["address"])
            for node in roster
            if node["status"] != membership.LEFT
        }
        probes[self.config.node_id] = self.of_this_node
        found = within(PROBE_SECONDS, probes)
        nodes = [found.get(name) or _silent(name) for name in sorted(probes)]
        return {"status": _summary(nodes), "nodes": nodes}

    def _roster(self) -> list[Document]:
        try:
            with self.database.read() as connection:
                return read_roster(connection)
        except Unavailable:
            return []

    def _database_answers(self) -> bool:
        try:
            with self.database.read() as connection:
                return connection.execute(select(1)).scalar() == 1
        except Unavailable:
            return False

    def _redis_answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except RedisError:
            return False


def probe(name: str, address: str) -> Document:
    """What the node at this address says of itself; unavailable when another or nobody answers."""
    url = urlsplit(address)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(url.hostname or "", url.port, timeout=ANSWER_SECONDS)
        connection.request("GET", "/health")
        body = orjson.loads(connection.getresponse().read(10_000))
        connection.close()
        health: Document = body["data"]
        return health if health["node"] == name else _silent(name)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return _silent(name)


def _summary(nodes: list[Document]) -> str:
    if all(node["status"] == UNAVAILABLE for node in nodes):
        return UNAVAILABLE
    return OK if all(node["status"] == OK for node in nodes) else DEGRADED


def _silent(name: str) -> Document:
    return {"status": UNAVAILABLE, "node": name, "detail": "did not answer"}
