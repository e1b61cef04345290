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
        """Ring once for committed changes; never raises when Redis is away.

        Several are one message, a list: each message costs the leader's relay and every listener as much as
        what is in it."""
        message = orjson.dumps(changes[0] if len(changes) == 1 else list(changes))
        self._breaker.call(lambda: self._redis.publish(keys.EVENTS_CHANNEL, message))
