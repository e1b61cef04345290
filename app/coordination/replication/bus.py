"""The changes in Redis: one stream per stream of the outbox, under the same numbers, and a doorbell.

A number is accepted once and never after a higher one, so restarted relays, and two at once, do no harm.
Redis may lose everything: who misses something finds it in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from redis import Redis

from app.coordination import keys, outbox
from app.coordination.breaker import Breaker
from app.coordination.locks import SCRIPTS
from app.coordination.outbox import Record
from app.database import Database

KEPT_CHANGES = 10_000
IDLE_SECONDS = 86_400


class Away(Exception):
    """This source of changes does not answer now."""


class Source(Protocol):
    """Where a replica hears of changes: the bus, or the database itself."""

    @property
    def name(self) -> str: ...
    def heads(self) -> Mapping[str, int]: ...
    def records_after(self, known: Mapping[str, int], limit: int) -> Sequence[Record]:
        """Those of these streams after the numbers known, in order; about `limit` at once."""
        ...


@dataclass(frozen=True)
class Batch:
    """What goes into one stream; `head` is its last number, also when older ones could not be had."""

    stream: str
    head: int
    records: Sequence[Record]


class Bus:
    """Raises Away when Redis does not answer."""

    name = "bus"

    def __init__(self, redis: Redis, breaker: Breaker) -> None:
        self._redis = redis
        self._breaker = breaker
        self._append = redis.register_script((SCRIPTS / "relay.lua").read_text())

    def heads(self) -> Mapping[str, int]:
        found = self._ask(lambda: self._redis.hgetall(keys.BUS_HEADS))
        return {name.decode(): int(head) for name, head in found.items()}

    def records_after(self, known: Mapping[str, int], limit: int) -> Sequence[Record]:
        places: dict[Any, Any] = {keys.bus_stream(stream): f"{seq}-0" for stream, seq in known.items()}
        found = self._ask(lambda: self._redis.xread(places, count=limit)) if places else []
        prefix = len(keys.bus_stream(""))
        return [
            _record_in(key.decode()[prefix:], number, content)
            for key, changes in found
            for number, content in changes
        ]

    def publish(self, batches: Sequence[Batch]) -> None:
        """Append them in this order, then ring."""
        if not batches:
            return

        def append() -> bool:
            with self._redis.pipeline(transaction=False) as pipe:
                for batch in batches:
                    self._append(
                        keys=[keys.bus_stream(batch.stream), keys.BUS_HEADS],
                        args=[batch.stream, batch.head, KEPT_CHANGES, IDLE_SECONDS, *_numbered(batch)],
                        client=pipe,
                    )
                pipe.publish(keys.BUS_CHANNEL, orjson.dumps({each.stream: each.head for each in batches}))
                pipe.execute()
            return True

        self._ask(append)

    def _ask(self, operation: Any) -> Any:
        answer = self._breaker.call(operation)
        if answer is None:
            raise Away("Redis does not answer")
        return answer


class OutboxSource:
    """The database itself, asked directly while the bus is away. Raises Unavailable."""

    name = "outbox"

    def __init__(self, database: Database) -> None:
        self._database = database

    def heads(self) -> Mapping[str, int]:
        with self._database.read() as connection:
            return outbox.heads(connection)

    def records_after(self, known: Mapping[str, int], limit: int) -> Sequence[Record]:
        with self._database.read() as connection:
            return outbox.records_after(connection, known, limit)


def _numbered(batch: Batch) -> list[Any]:
    numbered: list[Any] = []
    for record in batch.records:
        content = {"kind": record.kind, "payload": record.payload, "at": record.at}
        numbered += [record.seq, orjson.dumps(content)]
    return numbered


def _record_in(stream: str, number: bytes, content: Mapping[bytes, bytes]) -> Record:
    found = orjson.loads(content[b"change"])
    return Record(stream, int(number.partition(b"-")[0]), found["kind"], found["payload"], found["at"])
