"""The doorbell: tells other screens that something changed. A hint: may be lost, holds no patient data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from redis import Redis

from app.coordination import keys
from app.coordination.breaker import Breaker


class Doorbell:
    def __init__(self, redis: Redis, breaker: Breaker) -> None:
        self._redis = redis
        self._breaker = breaker

    def publish(self, changes: Sequence[dict[str, Any]]) -> None:
        """Ring for committed changes, in one round trip; never raises when Redis is away."""
        self._breaker.call(lambda: self._send(changes))

    def _send(self, changes: Sequence[dict[str, Any]]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for change in changes:
            pipe.publish(keys.EVENTS_CHANNEL, orjson.dumps(change))
        return pipe.execute()
