"""The changes in Redis: one stream per stream of the outbox, under the same numbers, and a doorbell.

A number is accepted once and never after a higher one, so restarted relays, and two at once, do no harm.
Redis may lose everything: who misses something finds it in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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
#: So many changes come with the doorbell, and nobody has to ask Redis for them; more are fetched.
MOST_TOLD = 100


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


@dataclass(frozen=True)
class News:
    """What a doorbell says: how far streams go now, and their latest changes unless those are many."""

    heads: Mapping[str, int]
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
        """Append them in this order, then ring, in one call."""
        if not batches:
            return
        written = [[(record.seq, _written(record)) for record in batch.records] for batch in batches]
        placed = (
            (batch.stream, batch.head, len(changes), *chain.from_iterable(changes))
            for batch, changes in zip(batches, written, strict=True)
        )
        streams = [keys.BUS_HEADS, *(keys.bus_stream(batch.stream) for batch in batches)]
        said: list[Any] = [KEPT_CHANGES, IDLE_SECONDS, keys.BUS_CHANNEL, _news_of(batches, written)]
        said += chain.from_iterable(placed)
        self._ask(lambda: self._append(keys=streams, args=said))

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


def news_in(sound: bytes) -> News:
    """What a doorbell tells. Raises ValueError for what is none."""
    try:
        told = orjson.loads(sound)
        heads = {str(stream): int(head) for stream, head in told["heads"].items()}
        records = [_record(str(stream), int(seq), change) for stream, seq, change in told["changes"]]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("this is no doorbell") from None
    return News(heads, records)


def _news_of(batches: Sequence[Batch], written: Sequence[Sequence[tuple[int, bytes]]]) -> bytes:
    changes = [
        (batch.stream, seq, orjson.Fragment(content))
        for batch, contents in zip(batches, written, strict=True)
        for seq, content in contents
    ]
    heads = {batch.stream: batch.head for batch in batches}
    return orjson.dumps({"heads": heads, "changes": changes if len(changes) <= MOST_TOLD else []})


def _written(record: Record) -> bytes:
    return orjson.dumps({"kind": record.kind, "payload": record.payload, "at": record.at})


def _record_in(stream: str, number: bytes, content: Mapping[bytes, bytes]) -> Record:
    return _record(stream, int(number.partition(b"-")[0]), orjson.loads(content[b"change"]))


def _record(stream: str, seq: int, change: Mapping[str, Any]) -> Record:
    return Record(stream, seq, change["kind"], change["payload"], change["at"])
