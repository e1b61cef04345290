"""Heartbeats in Redis: found by nodes that cannot be called yet, and by Redis's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from redis import Redis

from app.coordination import keys
from app.coordination.breaker import Breaker
from app.coordination.cards import Card
from app.coordination.locks import SCRIPTS

TTL_MS = 5000
CARD = TypeAdapter(Card)


@dataclass(frozen=True)
class Beat:
    """A heartbeat as found: so many seconds old when Redis answered."""

    card: Card
    number: int
    age_seconds: float


class Heartbeats:
    def __init__(self, redis: Redis, breaker: Breaker) -> None:
        self._redis = redis
        self._breaker = breaker
        self._beat = redis.register_script((SCRIPTS / "beat.lua").read_text())

    def exchange(self, card: Card, number: int) -> list[Beat] | None:
        """Leave ours and find everybody's; None when Redis does not answer."""
        content = orjson.dumps({"card": CARD.dump_python(card), "number": number})
        found = self._breaker.call(
            lambda: self._beat(
                keys=[keys.NODES, keys.node_heartbeat(card.node)],
                args=[card.node, content, TTL_MS, keys.node_heartbeat("")],
            )
        )
        return None if found is None else [beat for each in found if (beat := _beat_in(each))]

    def leave(self, node: str) -> None:
        """Take ours away."""

        def forget() -> bool:
            self._redis.zrem(keys.NODES, node)
            self._redis.delete(keys.node_heartbeat(node))
            return True

        self._breaker.call(forget)


def _beat_in(found: Any) -> Beat | None:
    content, age_ms = found
    try:
        read = orjson.loads(content)
        return Beat(CARD.validate_python(read["card"]), int(read["number"]), int(age_ms) / 1000)
    except (ValueError, KeyError, TypeError, ValidationError):
        return None
